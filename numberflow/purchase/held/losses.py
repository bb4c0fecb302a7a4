"""What is lost with numbers that are given up, and until when they work, in words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from numberflow.models.wording import count_of
from numberflow.planning.configuring import HeldNumber, Holding
from numberflow.purchase.text import amount

# Numbers that are listed in the approval form; plan_only lists all.
LISTED_IN_FORM = 100


def loss_of(held: HeldNumber) -> dict[str, Any]:
    """What giving the number up means for it, as JSON for the journal. Not its address."""
    ends = held.next_charge_at if held.holding is Holding.RENTED else None
    monthly = None if held.price is None else held.price.amount / held.months
    return {
        "links": held.told_links,
        "callback_url": held.callback_url,
        "monthly": None if monthly is None else str(monthly),
        "currency": held.price and held.price.currency_code,
        "ends_at": ends and ends.isoformat(),
    }


def told_parts(loss: Mapping[str, Any], *, has_address: bool = False) -> str:
    """Links, callback and address that go; empty when there is none."""
    callback = loss.get("callback_url")
    parts = (
        "its emergency address (removed first)" if has_address else "",
        loss.get("links") or "",
        f"callbacks to {callback}" if callback else "",
    )
    return ", ".join(part for part in parts if part)


def told_loss(held: HeldNumber, *, has_address: bool = False) -> str:
    """One number's loss before it is given up."""
    loss = loss_of(held)
    parts = told_parts(loss, has_address=has_address)
    links = f"it loses {parts}" if parts else "nothing is linked to it"
    if held.holding is Holding.IMPORTED:
        return f"imported: {links}; its messaging here ends at once; it can be imported again"
    until = (
        f"until {held.next_charge_at:%Y-%m-%d}, its next charge date"
        if held.next_charge_at
        else "until its rental month ends"
    )
    price = f"; {_monthly(loss)} a month end" if loss["monthly"] else ""
    return (
        f"rented: {links}; it works {until}, then it is gone for good, and nothing is "
        f"refunded{price}"
    )


def told_losses(losses: Sequence[Mapping[str, Any]], addresses: int) -> str:
    """All numbers' losses in a sentence; empty without numbers."""
    if not losses:
        return ""
    months: dict[str, Decimal] = defaultdict(Decimal)
    for loss in losses:
        if loss.get("monthly"):
            months[loss["currency"]] += Decimal(loss["monthly"])
    parts = [
        f"links of {sum(bool(loss.get('links')) for loss in losses)}",
        f"callbacks of {sum(bool(loss.get('callback_url')) for loss in losses)}",
        f"emergency addresses of {addresses}",
        *(f"{amount(value, currency)} a month" for currency, value in sorted(months.items())),
    ]
    ends = sorted(loss["ends_at"] for loss in losses if loss.get("ends_at"))
    until = f"; usable until {ends[0][:10]} to {ends[-1][:10]}" if ends else ""
    return f"what ends with {count_of(len(losses), 'number')}: {', '.join(parts)}{until}"


def losses_text(
    going: Sequence[HeldNumber], addressed: frozenset[str], *, count: int, why: str
) -> str:
    """The question of the approval form, as markdown."""
    rows = [
        f"| {each.phone_number} | {told_loss(each, has_address=each.phone_number in addressed)} |"
        for each in going[:LISTED_IN_FORM]
    ]
    rest = len(going) - len(rows)
    return "\n".join(
        [
            f"# Release {count_of(count, 'number')}?",
            "",
            f"{why[:1].upper()}{why[1:]}.",
            "",
            f"**{told_losses([loss_of(each) for each in going], len(addressed))}**",
            "",
            "| number | what is lost |",
            "|---|---|",
            *rows,
            *([f"| and {rest} more | see a run with plan_only |"] if rest > 0 else []),
            "",
            "Nothing brings a rented number back. To approve, type how many numbers the run names.",
        ]
    )


def _monthly(loss: Mapping[str, Any]) -> str:
    return amount(Decimal(loss["monthly"]), loss["currency"])
