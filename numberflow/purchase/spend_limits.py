"""What a purchase may cost, checked before a person is asked and before anything is written down.

Not here: the caps as the journal counts them, under its lock (journal.spending).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from numberflow.errors import SpendRefused
from numberflow.journal import Intention
from numberflow.purchase.run_context import RunContext, in_thread


@dataclass(frozen=True)
class SpendLimits:
    """What a purchase may cost. Amounts are in `currency`."""

    max_today: Decimal
    """Most that the whole project may be charged today, this purchase included."""
    max_monthly: Decimal
    """Most that this purchase may cost in a month."""
    currency: str
    approved_today: Decimal | None = None
    """Most that may be spent today without asking a person (again)."""
    approved_monthly: Decimal | None = None

    def check(self, today: Decimal, monthly: Decimal) -> None:
        """Refuse a purchase that breaks a cap by itself, before anybody is asked to approve it.

        Raises:
            SpendRefused: names the cap, what the purchase costs and what to change.
        """
        for rule, name, cost, cap in (
            ("cap_today", "max_today", today, self.max_today),
            ("cap_monthly", "max_monthly", monthly, self.max_monthly),
        ):
            if cost > cap:
                raise SpendRefused(
                    f"the purchase costs {cost} {self.currency} ({name.removeprefix('max_')}), "
                    f"{name} is {cap}",
                    rule=rule,
                    remedy=f"raise {name} to {cost} or ask for fewer numbers",
                )
        for when, cost, approved in (
            ("today", today, self.approved_today),
            ("a month", monthly, self.approved_monthly),
        ):
            if approved is not None and cost > approved:
                raise SpendRefused(
                    f"the purchase now costs {cost} {self.currency} {when}, up to {approved} need "
                    "no further approval",
                    rule="approval",
                    remedy="run again with the same reference and have the new price approved",
                )


async def require_room_today(
    context: RunContext, due: Decimal, currency: str, max_today: Decimal
) -> None:
    """Make sure that today holds `due` more, as the journal will when it is written down.

    Raises:
        SpendRefused: max_today would be passed, together with what other purchases spent today.
    """
    await in_thread(
        context.journal.require_room_today,
        context.project_id,
        due=due,
        currency=currency,
        cap_today=max_today,
    )


def due_of(lines: Iterable[Intention]) -> Decimal:
    """What these steps cost on the day on which they are done."""
    return sum((line.due_amount or Decimal(0) for line in lines), Decimal(0))


def monthly_of(lines: Iterable[Intention]) -> Decimal:
    """What these steps cost in a month."""
    return sum((line.monthly_amount or Decimal(0) for line in lines), Decimal(0))
