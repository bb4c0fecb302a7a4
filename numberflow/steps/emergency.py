"""Attach an emergency address to a number, or remove it.

`activeNumbers/{n}/emergencyAddress:provision` and `:deprovision`. The address is personal: it is
handed to the step under seal, and neither the journal nor an error ever sees it. Source:
docs/vendor/numbers-behaviour.md §11.
"""

from __future__ import annotations

from collections.abc import Collection

from numberflow.client import Client
from numberflow.errors import NotFound, NotSent
from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.emergency import Absence, EmergencyAddress, EmergencyAddressRequest
from numberflow.models.personal import unseal
from numberflow.steps import ACTIVE_NUMBER, VendorStep, is_absence_of, named

PROVISION, DEPROVISION = "provision_emergency", "deprovision_emergency"


class Provision:
    """The two halves of attaching an address, bound to a client and the address.

    Costs: fees are not published; count on one for each request that takes effect.

    Args:
        client: an entered client.
        request: whose line it is, and where; None to look only, when nothing is to be sent.
        also_right: further forms in which the vendor may store that address, such as its
            correction.
    """

    def __init__(
        self,
        client: Client,
        request: EmergencyAddressRequest | None,
        also_right: Collection[EmergencyAddress] = (),
    ) -> None:
        self._client = client
        self._request = request
        self._right = tuple(also_right)
        if request is not None:
            self._right = (address_of(request), *self._right)

    async def do(self, attempt: Attempt) -> Applied:
        """Send the address once. Raises what the client raises."""
        if self._request is None:
            raise NotSent("the address is not to be sent as it is, so nothing was sent")
        await self._client.emergency_addresses.provision(
            named(attempt.intention), self._request, watch=attempt
        )
        return Applied(
            result={"phone_number": attempt.intention.subject}, note="the vendor stored the address"
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number's address. Costs nothing; repeat at will."""
        evidence = judge_provision(
            await _shown(self._client, intention), self._right, named(intention)
        )
        if self._request is None and evidence.finding is Finding.ABSENT and evidence.seen["shown"]:
            # Sent was what the paper said then, and the journal keeps no address.
            note = "the number shows another address, which may be what was sent"
            return Evidence(Finding.INCONCLUSIVE, note, evidence.seen)
        return evidence


class Deprovision(VendorStep):
    """The two halves of removing an address, bound to a client.

    Costs: nothing, but an emergency call from the number reaches nobody's door any more.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the removal once. Raises what the client raises."""
        await self._client.emergency_addresses.deprovision(named(attempt.intention), watch=attempt)
        return Applied(
            result={"phone_number": attempt.intention.subject},
            note="the vendor removed the address",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number's address. Costs nothing; repeat at will."""
        return judge_deprovision(await _shown(self._client, intention), named(intention))


def address_of(request: EmergencyAddressRequest) -> EmergencyAddress:
    """The address of a request, still under seal, without whose line it is."""
    return EmergencyAddress(**request.model_dump())


def judge_provision(
    shown: EmergencyAddress | Absence | None, right: Collection[EmergencyAddress], phone_number: str
) -> Evidence:
    """An address took effect when the number shows it, or a form of it that we know.

    None or another one means that it did not.
    """
    result = {"phone_number": phone_number}
    if shown is None or shown is Absence.FEATURE:
        return Evidence(
            Finding.INCONCLUSIVE, f"no address can be read: {_why(shown)}", {"shown": False}
        )
    if shown is Absence.ADDRESS:
        return Evidence(Finding.ABSENT, "the number shows no address", {"shown": False})
    assert isinstance(shown, EmergencyAddress)
    if any(_same(shown, each) for each in right):
        return Evidence(Finding.APPLIED, "the number shows the address", {"shown": True}, result)
    return Evidence(Finding.ABSENT, "the number shows another address", {"shown": True})


def judge_deprovision(shown: EmergencyAddress | Absence | None, phone_number: str) -> Evidence:
    """A removal took effect when the number shows no address."""
    if shown is Absence.ADDRESS:
        return Evidence(
            Finding.APPLIED,
            "the number shows no address",
            {"shown": False},
            {"phone_number": phone_number},
        )
    if shown is None or shown is Absence.FEATURE:
        return Evidence(
            Finding.INCONCLUSIVE, f"no address can be read: {_why(shown)}", {"shown": False}
        )
    return Evidence(Finding.ABSENT, "the number shows an address", {"shown": True})


async def _shown(client: Client, intention: Intention) -> EmergencyAddress | Absence | None:
    """What the number shows; None when it is not held."""
    try:
        return await client.emergency_addresses.get(named(intention))
    except NotFound as error:
        if is_absence_of(error, ACTIVE_NUMBER):
            return None
        raise


def _why(shown: EmergencyAddress | Absence | None) -> str:
    return "the number is not held" if shown is None else "the number lacks the E911 feature"


def _same(one: EmergencyAddress, other: EmergencyAddress) -> bool:
    """Whether two addresses say the same: case, spaces and empty parts aside."""

    def plain(address: EmergencyAddress) -> dict[str, str]:
        return {
            name: " ".join(str(text).casefold().split())
            for name, text in unseal(address).items()
            if text
        }

    return plain(one) == plain(other)
