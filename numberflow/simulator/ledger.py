"""Money: what was charged, when, and why; and the credit left.

The safety tests judge by this ledger. It has charges since the simulator started, not the history
that seeded numbers would have. world.py decides whether something may be charged.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from numberflow.simulator.stock import StockNumber
from numberflow.simulator.wire import api_time


@dataclass(frozen=True, slots=True)
class Charge:
    """One amount charged. `request` is the number of the request in the log; None for a renewal."""

    charge_id: int
    at: datetime
    phone_number: str
    kind: str
    currency: str
    amount: Decimal
    cause: str
    request: int | None
    project_id: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON: amounts are decimal text."""
        return {
            "charge_id": self.charge_id,
            "at": api_time(self.at),
            "phone_number": self.phone_number,
            "kind": self.kind,
            "currency": self.currency,
            "amount": str(self.amount),
            "cause": self.cause,
            "request": self.request,
            "project_id": self.project_id,
        }


class Ledger:
    """All charges of one project and its credit."""

    def __init__(self, project_id: str, balance: Decimal | None) -> None:
        self._project_id = project_id
        self._charges: list[Charge] = []
        self._rentals = 0
        self.balance = balance

    def affords(self, amount: Decimal) -> bool:
        """Whether the credit covers an amount; without a balance everything is affordable."""
        return self.balance is None or self.balance >= amount

    def rent(self, at: datetime, number: StockNumber, cause: str, request: int | None) -> None:
        """Charges setup and first period at once (§13) and counts one rental."""
        self._rentals += 1
        for kind, amount in (("setup", number.setup), ("monthly", number.monthly)):
            self.charge(at, number.phone_number, kind, number.currency, amount, cause, request)

    def renew(self, at: datetime, phone_number: str, currency: str, month: Decimal) -> None:
        """Charges one more period."""
        self.charge(at, phone_number, "monthly", currency, month, "renewal", None)

    def rentals(self) -> int:
        """How many numbers were taken since the start: rent, rentAny, completed number orders."""
        return self._rentals

    def charges(self) -> list[Charge]:
        """All charges, oldest first."""
        return list(self._charges)

    def totals(self) -> dict[str, Decimal]:
        """Sum per currency."""
        totals: dict[str, Decimal] = {}
        for charge in self._charges:
            totals[charge.currency] = totals.get(charge.currency, Decimal(0)) + charge.amount
        return totals

    def charge(
        self,
        at: datetime,
        phone_number: str,
        kind: str,
        currency: str,
        amount: Decimal,
        cause: str,
        request: int | None,
    ) -> None:
        """Records one amount, perhaps zero, and subtracts it from the credit."""
        charge_id = len(self._charges) + 1
        self._charges.append(
            Charge(
                charge_id,
                at,
                phone_number,
                kind,
                currency,
                amount,
                cause,
                request,
                self._project_id,
            )
        )
        if self.balance is not None:
            self.balance -= amount
