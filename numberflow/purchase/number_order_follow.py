"""Follow one number order: how much of its reservation is left, what a reviewer wants, and what became of it.

Not here: the sweep over all orders (follow), opening and handing in (number_order). A look reads at the vendor and costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from numberflow.errors import NotFound
from numberflow.journal import FollowedOrder, Intention, LeaseKeeper, State
from numberflow.models.number_orders import NumberOrder, NumberOrderState
from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.reports import Alarm, FollowLine, OrderNumberLine
from numberflow.models.vendor import ActiveNumber
from numberflow.planning.provisioning import LinkState, sms_link, voice_link
from numberflow.purchase.desk import Desk, each_of, in_thread
from numberflow.purchase.follow import Followed, not_raised
from numberflow.steps import ACTIVE_NUMBER, NUMBER_ORDER, is_absence_of, read_or_none
from numberflow.steps.number_orders import SUBMIT

# Shares of the reservation after which a person is told: half is a reminder, at four fifths somebody has to act today, at 95 % now.
ALARM_SHARES = (Decimal("0.5"), Decimal("0.8"), Decimal("0.95"))
READS_AT_ONCE = 8
# Links take seconds to a day (docs/vendor/numbers-behaviour.md §6); after that whoever looks is not waiting any more.
PROVISIONING_PATIENCE = timedelta(days=1)


async def follow_number_order(desk: Desk, order: FollowedOrder, now: datetime) -> Followed:
    """Look at one order. What ended without purchase gives its money back to the caps of the day.

    Raises:
        the errors of reads; LeaseLost while a run of order-numbers works on the purchase and the order has ended.
    """
    shown = await _read(desk, order, now)
    match shown.state:
        case NumberOrderState.CREATED:
            return _waiting(order, shown, now, "has not been handed in")
        case NumberOrderState.BLOCKED:
            return await _blocked(desk, order, shown, now)
        case NumberOrderState.IN_REVIEW:
            return Followed(_line(order, shown, "in review, which takes hours to days"), _facts(shown))
        case NumberOrderState.COMPLETED:
            return await _completed(desk, order, shown, now)
        case NumberOrderState.REJECTED | NumberOrderState.EXPIRED:
            return await _failed(desk, order, shown)
        case _:
            # A state that is not known today is not final: it is looked at again (imported notes §17, rule 9, holds here too).
            return Followed(
                _line(order, shown, f"the vendor says {shown.state}, which is not known here"), _facts(shown)
            )


@dataclass(frozen=True)
class _Shown:
    """What a read showed."""

    state: str
    expire_at: datetime | None
    created_at: datetime | None
    phone_numbers: tuple[str, ...]


async def _read(desk: Desk, order: FollowedOrder, now: datetime) -> _Shown:
    expire_at = _moment(order.facts.get("expire_at"))
    try:
        read = await desk.client.number_orders.get(order.order_id)
    except NotFound as error:
        # The skill calls the id of an expired order invalid, the reference has a readable EXPIRED (docs/vendor/numbers-behaviour.md §10).
        if not is_absence_of(error, NUMBER_ORDER) or expire_at is None or now < expire_at:
            raise
        return _Shown(NumberOrderState.EXPIRED, expire_at, None, tuple(order.facts.get("phone_numbers", ())))
    return _Shown(
        _not_older(order, read),
        read.expire_at or expire_at,
        read.created_at or _moment(order.facts.get("created_at")),
        tuple(number.phone_number for number in read.order_numbers),
    )


def _not_older(order: FollowedOrder, read: NumberOrder) -> str:
    """The state that was read, unless it is one of before the submission that we know of: reads may be late, and an alarm on a late read is a false one."""
    if read.state == NumberOrderState.CREATED and order.state not in (
        "",
        NumberOrderState.CREATED,
        NumberOrderState.UNSPECIFIED,
    ):
        return order.state
    return str(read.state)


def _waiting(order: FollowedOrder, shown: _Shown, now: datetime, what: str, advice: str = "") -> Followed:
    """An order whose reservation runs out unless somebody does something."""
    advice = advice or (f"hand it in: run order-numbers again with reference {order.reference} and complete papers")
    alarms: list[Alarm] = []
    passed: list[str] = []
    left = ""
    if shown.expire_at is not None and shown.created_at is not None and shown.expire_at > shown.created_at:
        left = f", {_duration(shown.expire_at - now)} left until {shown.expire_at:%Y-%m-%d %H:%M} UTC"
        share = Decimal((now - shown.created_at).total_seconds()) / Decimal(
            (shown.expire_at - shown.created_at).total_seconds()
        )
        passed = [_alarm_name(each) for each in ALARM_SHARES if share >= each]
        # A sweep that comes late tells the last one only; the ones before it count as told.
        if passed and not_raised(order, passed[-1]):
            alarms = [Alarm(name=passed[-1], text=f"order {order.order_id} ({order.reference}) {what}{left}; {advice}")]
    line = _line(order, shown, f"{what}{left}", advice=advice, alarms=alarms, needs_person=bool(passed))
    return Followed(line, _facts(shown))


async def _blocked(desk: Desk, order: FollowedOrder, shown: _Shown, now: datetime) -> Followed:
    reasons = await _reasons(desk, order)
    what = f"BLOCKED by a reviewer: {reasons}"
    advice = f"correct what the reviewer names and run order-numbers again with reference {order.reference}; changed papers are sent again, the order stays"
    # Each time that it is blocked anew is told: the number of submissions tells them apart.
    name = f"blocked {await _submissions(desk, order)}"
    followed = _waiting(order, shown, now, what, advice)
    if not not_raised(order, name):
        return Followed(followed.line.model_copy(update={"needs_person": True}), followed.facts)
    alarm = Alarm(name=name, text=f"order {order.order_id} ({order.reference}) is {what}; {advice}")
    line = followed.line.model_copy(update={"alarms": (*followed.line.alarms, alarm), "needs_person": True})
    return Followed(line, followed.facts)


async def _completed(desk: Desk, order: FollowedOrder, shown: _Shown, now: datetime) -> Followed:
    """COMPLETED is the vendor's word for the order; done is what every number shows by itself: held, linked, with its price."""
    completed_at = _moment(order.facts.get("completed_at")) or now
    facts = {**_facts(shown), "completed_at": completed_at.isoformat()}
    sms, voice = order.facts.get("sms"), order.facts.get("voice")

    async def look(phone_number: str) -> OrderNumberLine:
        number = await read_or_none(desk.client.active_numbers.get(phone_number), ACTIVE_NUMBER)
        return _number_line(
            phone_number, number, SmsLink(**sms) if sms else None, VoiceLink(**voice) if voice else None
        )

    numbers = await each_of(shown.phone_numbers, look, at_once=READS_AT_ONCE)
    late = now - completed_at >= PROVISIONING_PATIENCE
    pending = [each for each in numbers if each.state in ("not seen yet", "linking")]
    bad = [each for each in numbers if each.state == "link failed"] + (pending if late else [])
    held = [each for each in numbers if each.state != "not seen yet"]
    summary = f"{len(held)} of {len(numbers)} numbers are held{_cost(held)}"
    if pending and not late:
        return Followed(_line(order, shown, f"{summary}; {len(pending)} not ready yet", numbers=numbers), facts)
    await _note_outcome(desk, order, numbers)
    advice = "see the advice beside each number; those that are held cost money until they are released" if bad else ""
    name, text = ("completed", f"order {order.order_id} ({order.reference}) is completed: {summary}")
    if bad:
        name, text = (
            "completed, not all well",
            f"{text}; {len(bad)} need a person: {'; '.join(sorted({each.advice for each in bad if each.advice}))}",
        )
    alarms = [Alarm(name=name, text=text)] if not_raised(order, name) else []
    line = _line(
        order, shown, summary, advice=advice, numbers=numbers, alarms=alarms, needs_person=bool(bad), is_open=False
    )
    return Followed(line, facts, closed=True)


async def _failed(desk: Desk, order: FollowedOrder, shown: _Shown) -> Followed:
    """REJECTED or EXPIRED: final, none of its numbers is ours, and a new order takes its place."""
    rejected = shown.state == NumberOrderState.REJECTED
    why = f"REJECTED: {await _reasons(desk, order)}" if rejected else "EXPIRED before it was completed"
    summary = f"{why}; its numbers are free again and none is held"
    again = reordered(order)
    mend = (
        "correct the papers, then place a new order" if rejected else "place a new order and hand it in within its time"
    )
    advice = f"{mend}{' with the parameters that are ready' if again else ''}"
    await _give_back(desk, order, summary)
    alarm = Alarm(name=shown.state.lower(), text=f"order {order.order_id} ({order.reference}) is {summary}; {advice}")
    line = _line(
        order, shown, summary, advice=advice, alarms=[alarm], needs_person=rejected, is_open=False, again=again
    )
    return Followed(line, _facts(shown), closed=True)


def reordered(order: FollowedOrder) -> dict[str, Any] | None:
    """The parameters of the order under a new reference: the old one stands for the old order, for ever."""
    parameters = order.facts.get("parameters")
    if not isinstance(parameters, Mapping):
        return None
    base, _, count = order.reference.rpartition("-again-")
    base, number = (base, int(count) + 1) if base and re.fullmatch(r"[0-9]{1,4}", count) else (order.reference, 2)
    return {**parameters, "reference": f"{base}-again-{number}"}


async def _give_back(desk: Desk, order: FollowedOrder, note: str) -> None:
    """Nothing was charged for this order: its amount no longer counts against the caps of its day."""
    create = await _creation(desk, order)
    if create is None or not (create.due_amount or create.monthly_amount):
        return
    async with LeaseKeeper(desk.journal, desk.settings.lease_s) as keeper:
        lease = await keeper.acquire(create.purchase_resource)
        await in_thread(
            desk.journal.correct_price,
            create.id,
            lease,
            due_amount=Decimal(0),
            monthly_amount=Decimal(0),
            note=f"order {order.order_id} {note}"[:500],
        )


async def _note_outcome(desk: Desk, order: FollowedOrder, numbers: Sequence[OrderNumberLine]) -> None:
    """What the held numbers really cost a month, where it is not what was decided; the journal's caps and reports count the truth."""
    create = await _creation(desk, order)
    held = [each for each in numbers if each.monthly is not None]
    if create is None or len(held) < len(numbers) or {each.currency for each in held} != {create.currency}:
        return
    monthly = sum((each.monthly or Decimal(0) for each in held), Decimal(0))
    if monthly == create.monthly_amount or create.due_amount is None:
        return
    async with LeaseKeeper(desk.journal, desk.settings.lease_s) as keeper:
        lease = await keeper.acquire(create.purchase_resource)
        await in_thread(
            desk.journal.correct_price, create.id, lease, due_amount=create.due_amount, monthly_amount=monthly,
            note=f"order {order.order_id}: its numbers cost {monthly} {create.currency} a month, {create.monthly_amount} was expected",
        )  # fmt: skip


async def _creation(desk: Desk, order: FollowedOrder) -> Intention | None:
    lines = await in_thread(desk.journal.intentions, purchase_id=order.purchase_id)
    return next(
        (line for line in lines if ((line.result or {}).get("order") or {}).get("order_id") == order.order_id), None
    )


async def _submissions(desk: Desk, order: FollowedOrder) -> int:
    lines = await in_thread(
        desk.journal.intentions, purchase_id=order.purchase_id, operation=SUBMIT, subject=order.order_id
    )
    return sum(line.state is State.DONE for line in lines)


async def _reasons(desk: Desk, order: FollowedOrder) -> str:
    registration = await desk.client.number_orders.get_registration(order.order_id)
    return "; ".join(registration.reasons) or "no reason is given; ask Sinch"


def _number_line(
    phone_number: str, number: ActiveNumber | None, sms: SmsLink | None, voice: VoiceLink | None
) -> OrderNumberLine:
    if number is None:
        return OrderNumberLine(
            phone_number=phone_number,
            state="not seen yet",
            advice="the order is completed, the number is not held; if it stays so, ask Sinch",
        )
    links = (sms_link(number, sms), voice_link(number, voice))
    states = {link.state for link in links}
    state = (
        "link failed"
        if states & {LinkState.FAILED, LinkState.DROPPED}
        else "linking"
        if LinkState.PENDING in states
        else "held"
    )
    monthly = number.money.amount / number.payment_interval_months if number.money else None
    return OrderNumberLine(
        phone_number=phone_number, state=state, monthly=monthly, currency=number.money.currency_code if number.money else "",
        advice="; ".join(link.advice for link in links if link.advice),
    )  # fmt: skip


def _cost(held: Sequence[OrderNumberLine]) -> str:
    sums: dict[str, Decimal] = {}
    for each in held:
        if each.monthly is not None:
            sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.monthly
    return "".join(f", {amount} {currency} a month" for currency, amount in sorted(sums.items()))


def _line(
    order: FollowedOrder,
    shown: _Shown,
    summary: str,
    *,
    advice: str = "",
    alarms: Sequence[Alarm] = (),
    numbers: Sequence[OrderNumberLine] = (),
    needs_person: bool = False,
    is_open: bool = True,
    again: dict[str, Any] | None = None,
) -> FollowLine:
    deadline = shown.expire_at if shown.state in (NumberOrderState.CREATED, NumberOrderState.BLOCKED) else None
    return FollowLine(
        kind=order.kind, order_id=order.order_id, reference=order.reference, state=shown.state, is_open=is_open, needs_person=needs_person,
        summary=summary, advice=advice, deadline_at=deadline, alarms=tuple(alarms), again=again,
        numbers=tuple(numbers) or tuple(OrderNumberLine(phone_number=each, state=shown.state) for each in shown.phone_numbers),
    )  # fmt: skip


def _facts(shown: _Shown) -> dict[str, Any]:
    facts: dict[str, Any] = {"phone_numbers": list(shown.phone_numbers)}
    if shown.expire_at is not None:
        facts["expire_at"] = shown.expire_at.isoformat()
    return facts


def _alarm_name(share: Decimal) -> str:
    return f"{share * 100:.0f} % of the reservation is over"


def _duration(left: timedelta) -> str:
    minutes = max(0, int(left.total_seconds() // 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
