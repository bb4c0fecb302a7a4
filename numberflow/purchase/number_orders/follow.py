"""Follow one number order: how much time is left, what a reviewer wants, and what became of it.

A look reads at the vendor and costs nothing. Not here: the sweep over all orders (purchase.follow),
opening and handing in (place).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from numberflow.errors import NotFound
from numberflow.journal import Intention, IntentionState, LeaseKeeper, PendingWork
from numberflow.models.number_orders import NumberOrder, NumberOrderState
from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.parameters import REFERENCE_LENGTH_MAX
from numberflow.models.reports import Alarm, FollowLine, OrderNumberLine
from numberflow.models.vendor import ActiveNumber
from numberflow.models.wording import count_of
from numberflow.planning.provisioning import LinkState, sms_link, voice_link
from numberflow.purchase.follow import Followed, not_raised
from numberflow.purchase.run_context import RunContext, each_of, in_thread
from numberflow.steps import ACTIVE_NUMBER, NUMBER_ORDER, is_absence_of, read_or_none
from numberflow.steps.number_orders import SUBMIT, is_blocked_anew

# Shares of the reservation after which a person is told: half is a reminder, at four fifths
# somebody has to act today, at 95 % now.
ALARM_SHARES = (Decimal("0.5"), Decimal("0.8"), Decimal("0.95"))
READS_AT_ONCE = 8
# Links take seconds to a day (docs/vendor/numbers-behaviour.md §6); after that whoever looks is not
# waiting any more.
PROVISIONING_PATIENCE = timedelta(days=1)


async def follow_number_order(context: RunContext, order: PendingWork, now: datetime) -> Followed:
    """Look at one order. What ended without purchase gives its money back to the caps of the day.

    Raises:
        the errors of reads; LeaseLost while a run of order-numbers works on the purchase and the
        order has ended.
    """
    shown = await _read(context, order, now)
    match shown.state:
        case NumberOrderState.CREATED:
            return _waiting(order, shown, now, "has not been handed in")
        case NumberOrderState.BLOCKED:
            return await _blocked(context, order, shown, now)
        case NumberOrderState.IN_REVIEW:
            return Followed(
                _line(order, shown, "in review, which takes hours to days"), _facts(shown)
            )
        case NumberOrderState.COMPLETED:
            return await _completed(context, order, shown, now)
        case NumberOrderState.REJECTED | NumberOrderState.EXPIRED:
            return await _failed(context, order, shown)
        case _:
            return _other(order, shown)


@dataclass(frozen=True)
class _Shown:
    """What a read showed."""

    state: str
    expire_at: datetime | None
    created_at: datetime | None
    phone_numbers: tuple[str, ...]


# What follow-orders says of an order that the vendor no longer knows although it was more than a
# reservation.
_GONE = "NOT_FOUND"


async def _read(context: RunContext, order: PendingWork, now: datetime) -> _Shown:
    expire_at = _moment(order.facts.get("expire_at"))
    try:
        read = await context.client.number_orders.get(order.order_id)
    except NotFound as error:
        # The skill calls the id of an expired order invalid, the reference has a readable EXPIRED
        # (docs/vendor/numbers-behaviour.md §10).
        if not is_absence_of(error, NUMBER_ORDER) or expire_at is None or now < expire_at:
            raise
        # An order that was handed in does not lapse (§10, assumed): that the vendor does not show
        # it proves nothing about its numbers.
        lapsed = order.state in _RESERVED and not await _submissions(context, order)
        state = NumberOrderState.EXPIRED if lapsed else _GONE
        return _Shown(state, expire_at, None, tuple(order.facts.get("phone_numbers", ())))
    return _Shown(
        await _not_older(context, order, read),
        read.expire_at or expire_at,
        read.created_at or _moment(order.facts.get("created_at")),
        tuple(number.phone_number for number in read.order_numbers),
    )


_RESERVED = ("", NumberOrderState.CREATED, NumberOrderState.UNSPECIFIED)


async def _not_older(context: RunContext, order: PendingWork, read: NumberOrder) -> str:
    """The state that was read, unless it is one of before a submission that we know of.

    Reads may be late, and an alarm on a late read is a false one.
    """
    submissions = await _submissions(context, order)
    if not submissions:
        return str(read.state)
    late = read.state == NumberOrderState.CREATED or (
        read.state == NumberOrderState.BLOCKED and not is_blocked_anew(read, submissions[-1])
    )
    if not late:
        return str(read.state)
    return (
        order.state
        if order.state not in (*_RESERVED, NumberOrderState.BLOCKED)
        else NumberOrderState.IN_REVIEW
    )


def _waiting(
    order: PendingWork, shown: _Shown, now: datetime, what: str, advice: str = ""
) -> Followed:
    """An order whose reservation runs out unless somebody does something."""
    advice = advice or (
        f"hand it in: run order-numbers again with reference {order.reference} and complete papers"
    )
    alarms: list[Alarm] = []
    passed: list[str] = []
    left = ""
    if (
        shown.expire_at is not None
        and shown.created_at is not None
        and shown.expire_at > shown.created_at
    ):
        left = (
            f", {_duration(shown.expire_at - now)} left until {shown.expire_at:%Y-%m-%d %H:%M} UTC"
        )
        share = Decimal((now - shown.created_at).total_seconds()) / Decimal(
            (shown.expire_at - shown.created_at).total_seconds()
        )
        passed = [_alarm_name(each) for each in ALARM_SHARES if share >= each]
        # A sweep that comes late tells the last one only; the ones before it count as told.
        if passed and not_raised(order, passed[-1]):
            alarms = [
                Alarm(
                    name=passed[-1],
                    text=f"order {order.order_id} ({order.reference}) {what}{left}; {advice}",
                )
            ]
    line = _line(
        order, shown, f"{what}{left}", advice=advice, alarms=alarms, needs_person=bool(passed)
    )
    return Followed(line, _facts(shown))


async def _blocked(
    context: RunContext, order: PendingWork, shown: _Shown, now: datetime
) -> Followed:
    registration = await context.client.number_orders.get_registration(order.order_id)
    written_at = registration.logs[-1].created_at if registration.logs else None
    # Each time that it is blocked anew is told, and with what was written then: older messages are
    # about older data.
    name = (
        f"blocked at {written_at:%Y-%m-%d %H:%M:%S}"
        if written_at
        else f"blocked {len(registration.logs)}"
    )
    before: Mapping[str, Any] = order.facts.get("block") or {}
    after = before.get("after", 0) if before.get("name") == name else before.get("logs", 0)
    facts = {"block": {"name": name, "after": after, "logs": len(registration.logs)}}
    what = f"BLOCKED by a reviewer: {_words(registration.reasons_after(after))}"
    advice = (
        "correct what the reviewer names and run order-numbers again with reference "
        f"{order.reference}; changed papers are sent again, the order stays"
    )
    followed = _waiting(order, shown, now, what, advice)
    alarms = followed.line.alarms
    if not_raised(order, name):
        alarms = (
            *alarms,
            Alarm(
                name=name, text=f"order {order.order_id} ({order.reference}) is {what}; {advice}"
            ),
        )
    line = followed.line.model_copy(update={"alarms": alarms, "needs_person": True})
    return Followed(line, {**followed.facts, **facts})


def _other(order: PendingWork, shown: _Shown) -> Followed:
    """A state that is not known today, or an order that was handed in and is not shown.

    An unknown state is not final (imported notes §17, rule 9, holds here too).
    """
    if shown.state != _GONE:
        return Followed(
            _line(order, shown, f"the vendor says {shown.state}, which is not known here"),
            _facts(shown),
        )
    summary = "the vendor does not know the order any more, although it was handed in"
    advice = (
        f"ask Sinch what became of it; its numbers: {', '.join(shown.phone_numbers) or 'not known'}"
    )
    alarms = (
        [
            Alarm(
                name="gone", text=f"order {order.order_id} ({order.reference}): {summary}; {advice}"
            )
        ]
        if not_raised(order, "gone")
        else []
    )
    # The state that was seen last stays: this one is ours, and the next read may show the order
    # again.
    line = _line(
        order,
        replace(shown, state=order.state),
        summary,
        advice=advice,
        alarms=alarms,
        needs_person=True,
    )
    return Followed(line, _facts(shown))


async def _completed(
    context: RunContext, order: PendingWork, shown: _Shown, now: datetime
) -> Followed:
    """COMPLETED is the vendor's word for the order.

    Done is what every number shows by itself: held, linked, with its price.
    """
    completed_at = _moment(order.facts.get("completed_at")) or now
    facts = {**_facts(shown), "completed_at": completed_at.isoformat()}
    sms, voice = order.facts.get("sms"), order.facts.get("voice")

    async def look(phone_number: str) -> OrderNumberLine:
        number = await read_or_none(context.client.active_numbers.get(phone_number), ACTIVE_NUMBER)
        return _number_line(
            phone_number,
            number,
            SmsLink(**sms) if sms else None,
            VoiceLink(**voice) if voice else None,
        )

    numbers = await each_of(shown.phone_numbers, look, at_once=READS_AT_ONCE)
    late = now - completed_at >= PROVISIONING_PATIENCE
    pending = [each for each in numbers if each.state in ("not seen yet", "linking")]
    bad = [each for each in numbers if each.state in ("link failed", _UNPRICED)] + (
        pending if late else []
    )
    held = [each for each in numbers if each.state != "not seen yet"]
    summary = f"{len(held)} of {count_of(len(numbers), 'number')} held{_cost(held)}"
    if pending and not late:
        return Followed(
            _line(order, shown, f"{summary}; {len(pending)} not ready yet", numbers=numbers), facts
        )
    dearer = await _note_outcome(context, order, numbers)
    advice = (
        "see the advice beside each number; those that are held cost money until they are released"
        if bad
        else ""
    )
    if dearer:
        summary, advice = (
            f"{summary}; {dearer}",
            advice or "decide whether to keep them; release-numbers gives them up",
        )
    name, text = (
        "completed",
        f"order {order.order_id} ({order.reference}) is completed: {summary}",
    )
    if bad or dearer:
        name, text = (
            "completed, not all well",
            (
                f"{text}; {len(bad)} need a person: "
                f"{'; '.join(sorted({each.advice for each in bad if each.advice}))}"
            ),
        )
    alarms = [Alarm(name=name, text=text)] if not_raised(order, name) else []
    line = _line(
        order,
        shown,
        summary,
        advice=advice,
        numbers=numbers,
        alarms=alarms,
        needs_person=bool(bad or dearer),
        is_open=False,
    )
    return Followed(line, facts, closed=True)


async def _failed(context: RunContext, order: PendingWork, shown: _Shown) -> Followed:
    """REJECTED or EXPIRED: final, none of its numbers is ours, and a new order takes its place."""
    rejected = shown.state == NumberOrderState.REJECTED
    why = "EXPIRED before it was completed"
    if rejected:
        registration = await context.client.number_orders.get_registration(order.order_id)
        logs_before = (order.facts.get("block") or {}).get("logs", 0)
        why = f"REJECTED: {_words(registration.reasons_after(logs_before))}"
    summary = f"{why}; its numbers are free again and none is held"
    again = reordered(order)
    remedy = (
        "correct the papers, then place a new order"
        if rejected
        else "place a new order and hand it in within its time"
    )
    advice = (
        f"{remedy} {'with the parameters that are ready' if again else 'under a new reference'}"
    )
    await _give_back(context, order)
    alarm = Alarm(
        name=shown.state.lower(),
        text=f"order {order.order_id} ({order.reference}) is {summary}; {advice}",
    )
    line = _line(
        order,
        shown,
        summary,
        advice=advice,
        alarms=[alarm],
        needs_person=True,
        is_open=False,
        again=again,
    )
    return Followed(line, _facts(shown), closed=True)


def reordered(order: PendingWork) -> dict[str, Any] | None:
    """The parameters of the order under a new reference.

    The old one stands for the old order, for ever.
    """
    parameters = order.facts.get("parameters")
    if not isinstance(parameters, Mapping):
        return None
    base, _, count = order.reference.rpartition("-again-")
    base, number = (
        (base, int(count) + 1)
        if base and re.fullmatch(r"[0-9]{1,4}", count)
        else (order.reference, 2)
    )
    ending = f"-again-{number}"
    return {**parameters, "reference": base[: REFERENCE_LENGTH_MAX - len(ending)].rstrip() + ending}


async def _give_back(context: RunContext, order: PendingWork) -> None:
    """An order that was never handed in cost nothing.

    Its amount no longer counts against the caps of its day.

    One that was handed in goes on counting there: when the vendor charges is not published, and
    doubt counts as spent.
    """
    create = await _creation(context, order)
    if (
        create is None
        or not (create.due_amount or create.monthly_amount)
        or await _submissions(context, order, open_too=True)
    ):
        return
    note = f"order {order.order_id} ended before it was handed in"
    await _correct_price(context, create, Decimal(0), Decimal(0), note)


async def _note_outcome(
    context: RunContext, order: PendingWork, numbers: Sequence[OrderNumberLine]
) -> str:
    """What the held numbers really cost a month, where it is not what was decided.

    The journal counts the truth. Returns what is dearer, in words.
    """
    create = await _creation(context, order)
    held = [each for each in numbers if each.monthly is not None]
    if create is None or create.due_amount is None or create.monthly_amount is None or not held:
        return ""
    if foreign := sorted({each.currency for each in held} - {create.currency}):
        return f"they are priced in {', '.join(foreign)}, and {create.currency} was decided"
    monthly = sum((each.monthly or Decimal(0) for each in held), Decimal(0))
    if monthly == create.monthly_amount or len(held) < len(numbers):
        return ""
    note = f"they cost {monthly} {create.currency} a month, {create.monthly_amount} was decided"
    about = f"order {order.order_id}: {note}"
    await _correct_price(context, create, create.due_amount, monthly, about)
    return note if monthly > create.monthly_amount else ""


async def _correct_price(
    context: RunContext, create: Intention, due: Decimal, monthly: Decimal, note: str
) -> None:
    async with LeaseKeeper(context.journal, context.settings.lease_s) as keeper:
        await in_thread(
            context.journal.correct_price,
            create.id,
            await keeper.acquire(create.purchase_resource),
            due_amount=due,
            monthly_amount=monthly,
            note=note,
        )


async def _creation(context: RunContext, order: PendingWork) -> Intention | None:
    lines = await in_thread(context.journal.intentions, purchase_id=order.purchase_id)
    return next(
        (
            line
            for line in lines
            if ((line.result or {}).get("order") or {}).get("order_id") == order.order_id
        ),
        None,
    )


async def _submissions(
    context: RunContext, order: PendingWork, *, open_too: bool = False
) -> tuple[Intention, ...]:
    """The steps that handed the order in; with `open_too` those that may have, as well."""
    lines = await in_thread(
        context.journal.intentions,
        purchase_id=order.purchase_id,
        operation=SUBMIT,
        subject=order.order_id,
    )
    counted = (
        (
            IntentionState.DONE,
            IntentionState.SENDING,
            IntentionState.UNKNOWN,
            IntentionState.NEEDS_PERSON,
        )
        if open_too
        else (IntentionState.DONE,)
    )
    return tuple(line for line in lines if line.state in counted)


def _words(reasons: Sequence[str]) -> str:
    return "; ".join(reasons) or "no reason is given; ask Sinch"


# A number without a price is held, and nobody can say what it costs.
_UNPRICED = "held, price unknown"


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
    advice = [link.advice for link in links if link.advice]
    if monthly is None:
        state = _UNPRICED if state == "held" else state
        advice.append("the vendor shows no price; ask Sinch what it costs")
    return OrderNumberLine(
        phone_number=phone_number,
        state=state,
        monthly=monthly,
        currency=number.money.currency_code if number.money else "",
        advice="; ".join(advice),
    )


def _cost(held: Sequence[OrderNumberLine]) -> str:
    sums: dict[str, Decimal] = {}
    for each in held:
        if each.monthly is not None:
            sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.monthly
    return "".join(f", {amount} {currency} a month" for currency, amount in sorted(sums.items()))


def _line(
    order: PendingWork,
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
    deadline = (
        shown.expire_at
        if shown.state in (NumberOrderState.CREATED, NumberOrderState.BLOCKED)
        else None
    )
    return FollowLine(
        kind=order.kind,
        order_id=order.order_id,
        reference=order.reference,
        state=shown.state,
        is_open=is_open,
        needs_person=needs_person,
        summary=summary,
        advice=advice,
        deadline_at=deadline,
        alarms=tuple(alarms),
        again=again,
        numbers=tuple(numbers)
        or tuple(
            OrderNumberLine(phone_number=each, state=shown.state) for each in shown.phone_numbers
        ),
    )


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
