"""The journal as one table of lines, a line for each step and number, to be compared.

Reads only. Not here: what the lines mean together (planning.reconciling).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from numberflow.journal import (
    OPEN_STATES,
    CustodyEntry,
    Intention,
    IntentionState,
    Journal,
    Operation,
    OrderKind,
    PendingWork,
    Said,
    number_in,
)
from numberflow.planning.reconciling.lines import (
    Custody,
    Does,
    JournalSide,
    Line,
    Order,
    Reference,
    Stand,
)
from numberflow.purchase.account import wanted
from numberflow.steps.link import wanted_link

_DOES: Mapping[Operation, Does] = {
    Operation.RENT: Does.GETS,
    Operation.RENT_ANY: Does.GETS,
    Operation.CREATE_ORDER: Does.GETS,
    Operation.IMPORT: Does.GETS,
    Operation.IMPORT_ORDER: Does.GETS,
    Operation.TEXT_ENABLE: Does.GETS,
    Operation.RELEASE: Does.GIVES_UP,
    Operation.DELETE_IMPORTED: Does.GIVES_UP,
    Operation.UPDATE: Does.CHANGES,
    Operation.UPDATE_IMPORTED: Does.CHANGES,
    Operation.PROVISION_EMERGENCY: Does.PUTS_ADDRESS,
    Operation.DEPROVISION_EMERGENCY: Does.TAKES_ADDRESS,
}
_HOSTED = frozenset(
    {
        Operation.IMPORT,
        Operation.IMPORT_ORDER,
        Operation.TEXT_ENABLE,
        Operation.UPDATE_IMPORTED,
        Operation.DELETE_IMPORTED,
    }
)
_HOSTING_ORDERS = frozenset({Operation.IMPORT_ORDER, Operation.TEXT_ENABLE})
_PRICED = frozenset({Operation.RENT, Operation.RENT_ANY})
_STAND: Mapping[IntentionState, Stand] = {
    IntentionState.PLANNED: Stand.PLANNED,
    IntentionState.DONE: Stand.DONE,
    IntentionState.REFUSED: Stand.REFUSED,
}
_NOTHING: Mapping[str, str] = {}


def journal_side(
    journal: Journal,
    project_id: str,
    *,
    busy: Collection[str] = (),
    now: datetime | None = None,
    orders: Collection[Order] = (),
) -> JournalSide:
    """Everything that the journal says of the project. Blocks: call it in a thread.

    Args:
        journal: an open journal.
        project_id: whose.
        busy: ids of purchases on which somebody works at this moment.
        now: the journal's clock; this machine's when left out.
        orders: what is open, as the vendor shows it now.

    Raises:
        JournalUnavailable: it cannot be read.
    """
    pending = journal.followed(project_id)
    # Closed ones, too; of links there is one for each number, and closed ones say nothing.
    placed = {
        order.order_id: order
        for order in journal.followed(project_id, kind=OrderKind.NUMBER, open_only=False)
    }
    sent = journal.last_sent(project_id)
    changed: dict[str, datetime] = {}
    lines: list[Line] = []
    for step in journal.each_intention(project_id):
        if step.state is not IntentionState.REFUSED:
            before = changed.get(step.purchase_id)
            if before is None or before < step.updated_at:
                changed[step.purchase_id] = step.updated_at
        lines += _lines_of(
            step, placed, sent_at=sent.get(step.id), is_busy=step.purchase_id in busy
        )
    closed = journal.closed_purchases(project_id)
    references = [
        Reference(
            purchase.reference,
            wanted(purchase),
            is_known=purchase.id in closed and closed[purchase.id] >= changed[purchase.id],
        )
        for purchase in journal.purchases(project_id)
        if purchase.id in changed
    ]
    return JournalSide(
        lines=lines,
        now=now or datetime.now(UTC),
        custody={number: _custody(each) for number, each in journal.custody(project_id).items()},
        claims=journal.claims(project_id),
        elsewhere=journal.claims_elsewhere(project_id),
        references=references,
        orders=list(orders),
        linking=_numbers(pending, OrderKind.LINK),
        leaving=_numbers(pending, OrderKind.RELEASE),
    )


def _numbers(pending: Collection[PendingWork], kind: OrderKind) -> frozenset[str]:
    return frozenset(str(each.facts["number"]) for each in pending if each.kind is kind)


def _lines_of(
    step: Intention,
    placed: Mapping[str, PendingWork],
    *,
    sent_at: datetime | None,
    is_busy: bool,
) -> Iterator[Line]:
    """One line for each number that the step is about; one without when there is none yet."""
    stand = _STAND.get(step.state)
    if stand is None:
        stand = Stand.UNDER_WAY if is_busy else Stand.UNKNOWN
    number, at = number_in(step.result) or step.subject or "", step.updated_at
    numbers = [number if number.startswith("+") else ""]
    if step.operation in _HOSTING_ORDERS:
        numbers = list(step.request.get("numbers") or [""])
    elif step.operation is Operation.CREATE_ORDER and step.state is IntentionState.DONE:
        order = placed.get(str((step.result or {}).get("order", {}).get("order_id", "")))
        if order is not None:
            numbers = [*order.facts.get("phone_numbers", ())] or numbers
            stand, at = _standing(order), order.closed_at or order.seen_at
            # Its numbers come when it ends, long after its request.
            sent_at = at
    for each in numbers:
        yield Line(
            id=step.id,
            reference=sys.intern(step.reference),
            operation=str(step.operation),
            does=_DOES.get(step.operation, Does.OTHER),
            stand=stand,
            phone_number=each,
            at=at,
            monthly=step.monthly_amount if step.operation in _PRICED else None,
            currency=step.currency if step.operation in _PRICED else None,
            wants=_wants(step),
            is_hosted=step.operation in _HOSTED,
            # Single numbers of an order may fail, and its follower says which.
            is_shown=step.operation not in _HOSTING_ORDERS,
            reason=step.reason or "" if step.state in OPEN_STATES else "",
            sent_at=sent_at,
        )


def _standing(order: PendingWork) -> Stand:
    """What became of a number order. Its numbers are on their way until its follower ends."""
    if order.is_open:
        return Stand.UNDER_WAY
    return Stand.DONE if order.state == "COMPLETED" else Stand.REFUSED


def _wants(step: Intention) -> Mapping[str, str]:
    """What a step asked for, by the names of planning.links and the two texts."""
    if step.operation in _HOSTING_ORDERS or step.operation not in _DOES:
        return _NOTHING
    asked: dict[str, str] = dict(wanted_link(step.request))
    if step.operation is not Operation.RELEASE:
        for name in ("callback_url", "display_name"):
            value = step.request.get(name)
            # An import without a name or a URL asks for none; a change to "" clears it.
            if value is not None and (value or _DOES[step.operation] is Does.CHANGES):
                asked[name] = str(value)
    return asked or _NOTHING


def _custody(entry: CustodyEntry) -> Custody:
    seen: Mapping[str, Any] = entry.seen
    monthly = seen.get("monthly")
    return Custody(
        phone_number=entry.phone_number,
        is_held=entry.said is Said.ADOPTED,
        at=entry.at,
        by=entry.by,
        reference=entry.reference or "",
        monthly=None if monthly is None else Decimal(monthly),
        currency=seen.get("currency"),
        is_hosted=bool(seen.get("is_hosted")),
    )
