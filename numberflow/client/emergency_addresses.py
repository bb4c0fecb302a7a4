"""Emergency addresses of held numbers.

Vendor noun: emergencyAddress (docs/vendor/numbers-behaviour.md §11). Only US and CA numbers have
them (assumed).

Addresses are personal: they leave in bodies only, and no error repeats them, even where the vendor
does.
"""

from __future__ import annotations

from typing import Any

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.protocol import Request, json_body, project_path, read_nothing, reader
from numberflow.client.transport import Watch
from numberflow.errors import NotFound
from numberflow.models import personal
from numberflow.models.emergency import (
    Absence,
    AddressValidation,
    EmergencyAddress,
    EmergencyAddressRequest,
)


def build_get(project_id: str, phone_number: str) -> Request[EmergencyAddress | Absence]:
    """Read the address of one held number."""
    return Request("GET", "numbers", _address_path(project_id, phone_number), read_address_if_any)


def build_validate(
    project_id: str, phone_number: str, request: EmergencyAddressRequest
) -> Request[AddressValidation]:
    """Read what the vendor thinks of an address.

    A POST that only reads, so it is repeated like a read.
    """
    path = f"{_address_path(project_id, phone_number)}:validate"
    read = reader(AddressValidation, "validationResult")
    wire = request.to_wire()
    body, hidden = json_body(wire), personal.texts(wire)
    return Request("POST", "numbers", path, read, body=body, personal=hidden)


def build_provision(
    project_id: str, phone_number: str, request: EmergencyAddressRequest
) -> Request[EmergencyAddress]:
    """Attach an address. Costly.

    The verb in the path is `provision` alone (docs/vendor/numbers-behaviour.md §11).
    """
    path = f"{_address_path(project_id, phone_number)}:provision"
    wire = request.to_wire()
    body, hidden = json_body(wire), personal.texts(wire)
    return Request("POST", "numbers", path, read_address, body=body, costly=True, personal=hidden)


def build_deprovision(project_id: str, phone_number: str) -> Request[None]:
    """Remove the address. Costly: somebody who dials 911 there is no longer found.

    The documents give no body for request or reply.
    """
    path = f"{_address_path(project_id, phone_number)}:deprovision"
    return Request("POST", "numbers", path, read_body=read_nothing, costly=True)


def read_address(value: Any) -> EmergencyAddress:
    """Read the address that was provisioned.

    Raises:
        ValueError: it is not an address, or an empty one: an empty object does not prove "stored".
    """
    address = read_address_if_any(value)
    if not isinstance(address, EmergencyAddress):
        # Readers raise ValueError for what is unreadable.
        raise ValueError("an address without content")  # noqa: TRY004
    return address


def read_address_if_any(value: Any) -> EmergencyAddress | Absence:
    """Read an address, or that there is none. ValueError when it is neither.

    How a number without one answers is not known (docs/vendor/numbers-behaviour.md "Not known",
    25); an address of empty texts is one of the ways.
    """
    address = reader(EmergencyAddress)(value)
    return Absence.ADDRESS if address == EmergencyAddress() else address


def absence(error: NotFound) -> Absence | None:
    """What a 404 about an emergency address says about a held number.

    None = something else is missing: the number itself, or the URL.

    The resource decides, and only between feature and address the message, as
    docs/vendor/numbers-behaviour.md §15 advises. A number that is not held has the `resource_type`
    ActiveNumber (assumed to be the same here as elsewhere).
    """
    # Compared loosely: older pages show names such as sinch.unifiednumber.….EmergencyAddress (§15).
    if not error.resource_type.casefold().endswith("emergencyaddress"):
        return None
    return Absence.FEATURE if "feature" in error.vendor_message.casefold() else Absence.ADDRESS


def _address_path(project_id: str, phone_number: str) -> str:
    number = inputs.phone_number(phone_number)
    return project_path(project_id, "activeNumbers", number, "emergencyAddress")


class EmergencyAddresses(Noun):
    """`client.emergency_addresses`."""

    async def get(self, phone_number: str) -> EmergencyAddress | Absence:
        """The number's emergency address, or why it has none.

        Raises:
            NotFound: the number is not held (`resource_type` is ActiveNumber), or a gateway's own
                404 (it is empty).
        """
        try:
            return await self._send(build_get(self._project, phone_number))
        except NotFound as error:
            found = absence(error)
            if found is None:
                raise
            return found

    async def validate(
        self, phone_number: str, request: EmergencyAddressRequest
    ) -> AddressValidation:
        """What the vendor thinks of the address.

        Exact, near (with a correction) or none (with candidates). Stores nothing.

        Raises:
            NotFound: `absence` tells a number without the feature from one that is not held.
            Rejected: 400, a part of the address is missing.
        """
        return await self._send(build_validate(self._project, phone_number, request))

    async def provision(
        self, phone_number: str, request: EmergencyAddressRequest, *, watch: Watch | None = None
    ) -> EmergencyAddress:
        """Attach or replace the number's address, and return it as stored.

        A near match may be stored corrected (assumed). Fees are not published.

        Repeat: after OutcomeUnknown look with `get` first. Sent once.

        Raises:
            NotFound: as in `validate`.
            Rejected: 400, for example an address that matches nothing (assumed).
        """
        return await self._send(build_provision(self._project, phone_number, request), watch)

    async def deprovision(self, phone_number: str, *, watch: Watch | None = None) -> None:
        """Remove the number's address.

        Repeat: after OutcomeUnknown look with `get` first (`Absence.ADDRESS` = removed). Sent once.

        Raises:
            NotFound: as in `validate`; perhaps there was no address to remove.
        """
        await self._send(build_deprovision(self._project, phone_number), watch)
