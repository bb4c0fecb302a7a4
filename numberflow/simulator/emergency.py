"""Emergency addresses: which number may have one, which has one, what provisioning does. No HTTP.

docs/vendor/numbers-behaviour.md §11 and table entry 25. addresses.py decides whether an address
exists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from numberflow.simulator import problems
from numberflow.simulator.addresses import NEAR_MATCH, NO_MATCH, Address, Validation, validate
from numberflow.simulator.holdings import HeldNumber
from numberflow.simulator.linking import refusal
from numberflow.simulator.switches import Switches

REGIONS = ("US", "CA")
"""Emergency addresses exist only there (*assumed*)."""


@dataclass(frozen=True, slots=True)
class _Record:
    """An address and since when it is in effect; until then the previous one is."""

    address: Address | None
    from_at: datetime
    before: Address | None

    def shown(self, now: datetime) -> Address | None:
        return self.address if now >= self.from_at else self.before


class EmergencyAddresses:
    """The addresses of one world's active numbers. The caller holds the world's lock.

    `held` finds an active number and raises Problem 404 for any other.
    """

    def __init__(self, switches: Switches, held: Callable[[str], HeldNumber]) -> None:
        self._switches = switches
        self._held = held
        self._features: dict[str, bool] = {}
        self._records: dict[str, _Record] = {}

    def allow(self, phone_number: str, *, value: bool) -> None:
        """Gives a number the feature, or takes it away."""
        self._features[phone_number] = value

    def has_feature(self, number: HeldNumber) -> bool:
        """Whether the number may have an address: by its own flag, else by the switch.

        US and CA numbers with voice only.
        """
        fits = number.region_code in REGIONS and "VOICE" in number.capability
        return fits and self._features.get(number.phone_number, self._switches.emergency_feature)

    def able(self, phone_number: str) -> HeldNumber:
        """The active number if it has the feature. Otherwise raises Problem 404."""
        number = self._held(phone_number)
        if not self.has_feature(number):
            raise problems.missing_e911_feature()
        return number

    def address(self, phone_number: str, now: datetime) -> Address | None:
        """The address in effect."""
        record = self._records.get(phone_number)
        return None if record is None else record.shown(now)

    def validate(self, number: HeldNumber, address: Address) -> Validation:
        """What the register says; changes nothing."""
        return validate(address, number.region_code)

    def provision(self, number: HeldNumber, address: Address, now: datetime) -> Address:
        """Attaches an address, replacing any, and returns it as stored.

        Raises Problem 400 if the register does not know it.
        """
        verdict = self.validate(number, address)
        if verdict.result == NO_MATCH and self._switches.emergency_no_match == "refused":
            raise refusal(self._switches, "address", verdict.message)
        if verdict.result == NEAR_MATCH:
            if self._switches.emergency_near_match == "refused":
                raise refusal(self._switches, "address", verdict.message)
            if self._switches.emergency_near_match == "corrected":
                address = verdict.corrected
        self._record(number, address, now)
        return address

    def deprovision(self, number: HeldNumber, now: datetime) -> None:
        """Removes the address. Raises Problem 404 if there is none."""
        if self.address(number.phone_number, now) is None:
            raise problems.emergency_address_not_found()
        self._record(number, None, now)

    def _record(self, number: HeldNumber, address: Address | None, now: datetime) -> None:
        from_at = now + timedelta(seconds=self._switches.emergency_delay_s)
        self._records[number.phone_number] = _Record(
            address, from_at, self.address(number.phone_number, now)
        )

    def forget(self, phone_number: str) -> None:
        """Drops the address and the flag of a number that is gone."""
        self._records.pop(phone_number, None)
        self._features.pop(phone_number, None)

    def coverage(self, number: HeldNumber, now: datetime) -> dict[str, Any] | None:
        """Whether a number has feature and address; None for numbers that cannot have one.

        It does not show the address.
        """
        if number.region_code not in REGIONS or "VOICE" not in number.capability:
            return None
        return {
            "phone_number": number.phone_number,
            "region_code": number.region_code,
            "feature": self.has_feature(number),
            "address": self.address(number.phone_number, now) is not None,
        }
