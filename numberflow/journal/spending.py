"""What a project's day has cost or may have cost, and whether there is room for more.

It fails closed: in doubt it refuses. Sums are made in Python, since amounts are text and a day has
few rows (each is a phone number). SQL and arithmetic only: `store.py` decides when to check.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from numberflow.errors import SpendRefused
from numberflow.journal.database import Database
from numberflow.journal.entries import (
    PRICED_OPERATIONS,
    RELEASING,
    NewIntention,
    Operation,
    Spend,
    SpendLine,
)
from numberflow.journal.tables import intentions, spend_days
from numberflow.journal.transitions import SPENDING_STATES, IntentionState

# As many references as a person still reads in a message.
_NAMED_REFERENCES = 5


@dataclass(frozen=True, slots=True)
class Price:
    """What one costly step takes: at once, and per month."""

    due: Decimal
    monthly: Decimal
    currency: str


def price_of(line: NewIntention) -> Price | None:
    """The price of a line; None for a step that costs nothing, such as a release.

    Raises:
        SpendRefused: the step costs money and its price is missing or not a price.
    """
    amounts = (line.setup_amount, line.monthly_amount, line.due_amount)
    if line.operation not in PRICED_OPERATIONS and all(amount is None for amount in amounts):
        return None
    what = f"{line.operation} {line.subject or ''}".strip()
    if line.setup_amount is None or line.monthly_amount is None or not line.currency:
        raise SpendRefused(
            f"The price of {what} is missing, so nothing is bought.",
            rule="missing_price",
            remedy="search again; if the vendor still shows no price, ask Sinch for it",
        )
    if any(amount is not None and (not amount.is_finite() or amount < 0) for amount in amounts):
        raise SpendRefused(
            f"The price of {what} is not an amount of money, so nothing is bought.",
            rule="missing_price",
            remedy="search again",
        )
    due = line.due
    assert due is not None
    return Price(due, line.monthly_amount, line.currency)


def lock_day(database: Database, connection: sa.Connection, project_id: str, day: date) -> None:
    """Make this transaction the only one that adds to the project's day, until it ends."""
    database.insert_missing(connection, spend_days, project_id=project_id, day=day)
    connection.execute(
        sa.select(spend_days.c.day)
        .where(spend_days.c.project_id == project_id, spend_days.c.day == day)
        .with_for_update()
    ).one()


def spend(connection: sa.Connection, project_id: str, day: date) -> Spend:
    """What the day's intentions take, without refused ones."""
    columns = intentions.c
    rows = connection.execute(
        sa.select(
            columns.reference, columns.currency, columns.due_amount, columns.monthly_amount
        ).where(
            columns.project_id == project_id,
            columns.spend_day == day,
            columns.state.in_([str(state) for state in SPENDING_STATES]),
            columns.due_amount.is_not(None),
        )
    )
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(
        lambda: [Decimal(0), Decimal(0), Decimal(0)]
    )
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        line = sums[row.reference, row.currency]
        line[0] += row.due_amount
        line[1] += row.monthly_amount
        line[2] += 1
        totals[row.currency] += row.due_amount
    lines = tuple(
        SpendLine(reference, currency, due, monthly, int(count))
        for (reference, currency), (due, monthly, count) in sorted(
            sums.items(), key=lambda item: (-item[1][0], item[0])
        )
    )
    return Spend(project_id, day, dict(totals), lines)


def releases(
    connection: sa.Connection, project_id: str, day: date
) -> list[tuple[str, IntentionState]]:
    """Number and state of each release that counts on the day.

    Done, under way, unknown and planned ones.
    """
    rows = connection.execute(
        sa.select(intentions.c.subject, intentions.c.state).where(
            intentions.c.project_id == project_id,
            intentions.c.spend_day == day,
            intentions.c.operation.in_([str(each) for each in RELEASING]),
            intentions.c.state.in_([str(state) for state in SPENDING_STATES]),
        )
    )
    return [(str(row.subject), IntentionState(row.state)) for row in rows]


def require_room_for_releases(
    connection: sa.Connection, project_id: str, day: date, numbers: set[str], most: int
) -> None:
    """Make sure that the day takes the releases of these numbers. Its row must be locked.

    Raises:
        SpendRefused: it would not.
    """
    released = {number for number, _ in releases(connection, project_id, day)}
    if len(released | numbers) <= most:
        return
    more = "1 more release" if len(numbers) == 1 else f"{len(numbers)} more releases"
    raise SpendRefused(
        f"{more} would make {len(released | numbers)} today ({day}, UTC), and {most} are allowed "
        "without approval; another run was faster, or these were planned on another day",
        rule="release_limit",
        remedy="run again with the same reference: it asks for approval",
    )


def one_currency(prices: Iterable[Price], currency: str | None) -> str | None:
    """The currency of all prices.

    Raises:
        SpendRefused: a price has another currency than `currency`, or there are several.
    """
    found = sorted({price.currency for price in prices})
    expected = currency or (found[0] if found else None)
    if foreign := [name for name in found if name != expected]:
        raise SpendRefused(
            f"A price is in {', '.join(foreign)} where {expected} was expected, so nothing is "
            "bought.",
            rule="currency",
            remedy="set currency to the currency of the account",
        )
    return expected


def require_room_today(
    spent: Spend, prices: Sequence[Price], currency: str, cap: Decimal | None
) -> None:
    """Make sure that the day has room for these prices, too. The day's row must be locked.

    Raises:
        SpendRefused: the cap would be exceeded, or the day already holds another currency (a sum of
            two currencies means nothing).
    """
    foreign = sorted(name for name in spent.totals if name != currency)
    if foreign:
        references = ", ".join(line.reference for line in spent.lines if line.currency != currency)
        raise SpendRefused(
            f"Today's purchases are also in {', '.join(foreign)} ({references}), so {currency} "
            "cannot be added up with them.",
            rule="currency",
            remedy="find out why the account shows two currencies; buy tomorrow (UTC) if it is "
            "right",
        )
    if cap is None:
        return
    used = spent.totals.get(currency, Decimal(0))
    needed = sum(price.due for price in prices)
    if used + needed <= cap:
        return
    named = ", ".join(f"{line.reference}: {line.due}" for line in spent.lines[:_NAMED_REFERENCES])
    rest = len(spent.lines) - _NAMED_REFERENCES
    by = f" by {named}{f' and {rest} more' if rest > 0 else ''}" if named else ""
    remedy = "raise max_today, buy fewer numbers, or wait until 00:00 UTC"
    raise SpendRefused(
        f"The cap of {cap} {currency} for today ({spent.day}, UTC) is too small: {used} are used "
        f"up{by}, and this needs {needed}.",
        rule="cap_today",
        remedy=remedy,
        cap=cap,
        used=used,
        needed=needed,
    )


def require_room_monthly(
    connection: sa.Connection,
    purchase_id: str,
    prices: Sequence[Price],
    currency: str,
    cap: Decimal | None,
) -> None:
    """Make sure that the purchase's monthly fees stay within the cap, without refused intentions.

    Raises:
        SpendRefused: they would not.
    """
    if cap is None:
        return
    live = connection.execute(
        sa.select(intentions.c.monthly_amount).where(
            intentions.c.purchase_id == purchase_id,
            intentions.c.state.in_([str(state) for state in SPENDING_STATES]),
            intentions.c.operation != str(Operation.RELEASE),
            intentions.c.monthly_amount.is_not(None),
        )
    ).scalars()
    used = sum(live)
    needed = sum(price.monthly for price in prices)
    if used + needed <= cap:
        return
    remedy = "raise max_monthly or buy fewer numbers"
    raise SpendRefused(
        f"The cap of {cap} {currency} a month for this purchase is too small: {used} are taken, "
        f"and this needs {needed}.",
        rule="cap_monthly",
        remedy=remedy,
        cap=cap,
        used=used,
        needed=needed,
    )
