"""Number orders and sweeps in words and tables, and the report of placing an order. Pure.

Not here: reports of rents and emergency addresses (report, words), and where a text is shown
(tasks, cli).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from numberflow.errors import NumberflowError
from numberflow.journal import Intention
from numberflow.models.number_orders import NumberOrder, NumberOrderState
from numberflow.models.reports import FollowReport, OrderNumberLine, OrderReport, RunOutcome
from numberflow.models.wording import count_of
from numberflow.purchase.number_orders.place import FILLING, Placed
from numberflow.purchase.number_orders.standing import OrderStanding
from numberflow.purchase.report import AT_STAKE_STATES, LOOK_AGAIN, open_item, remedy_of
from numberflow.purchase.text import amount, framed, why_words

_ENDED_WITHOUT = frozenset({NumberOrderState.REJECTED, NumberOrderState.EXPIRED})


def order_report(placed: Placed, lines: Sequence[Intention], **facts: Any) -> OrderReport:
    """Put the placing of an order into words.

    Done (handed in, or further), refused, or needs a person.

    Args:
        placed: how far this run came.
        lines: every step of the purchase, as last seen.
        facts: reference, asked, currency and further fields of the report.
    """
    waiting = [line for line in lines if line.state in AT_STAKE_STATES]
    order, error = placed.order, placed.stopped_by
    outcome, reason, remedy = RunOutcome.DONE, "", ""
    if waiting:
        outcome = RunOutcome.NEEDS_PERSON
        reason = "; ".join(line.reason or f"{line.operation} is {line.state}" for line in waiting)
        remedy = LOOK_AGAIN
        if error is not None:
            # Why nobody could look (401, 403, 404, …) comes first: while that stands, looking again
            # brings nothing new.
            reason = f"{error.message}; {reason}"
            remedy = f"{placed.remedy or remedy_of(error)}; {remedy}"
    elif error is not None:
        outcome, reason, remedy = (
            RunOutcome.REFUSED,
            error.message,
            placed.remedy or remedy_of(error),
        )
    elif (
        order is not None
        and order.state == NumberOrderState.BLOCKED
        and placed.submit is not None
        and not placed.notes
    ):
        outcome = RunOutcome.REFUSED
        reason = f"order {order.order_id} was handed in, and a reviewer has BLOCKED it"
        remedy = (
            "follow-orders tells the reasons; correct the papers and run again with the same "
            "reference"
        )
    elif order is None or order.state in FILLING:
        stuck = (
            next((line.reason for line in reversed(lines) if line.reason), "")
            if not placed.notes
            else placed.notes[0]
        )
        outcome = RunOutcome.REFUSED
        reason = f"the order is not handed in: {stuck or 'the vendor did not take it'}"
        remedy = "run again with the same reference"
    elif order.state in _ENDED_WITHOUT:
        outcome = RunOutcome.REFUSED
        reason = f"order {order.order_id} is {order.state}; none of its numbers is held"
        remedy = (
            "follow-orders has told why; place a new order under a new reference "
            "(docs/number-orders.md)"
        )
    opened = _opened(lines)
    expire_at = order.expire_at if order is not None and order.state in FILLING else None
    if order is None and opened.get("expire_at"):
        expire_at = datetime.fromisoformat(opened["expire_at"])
    return OrderReport(
        outcome=outcome,
        reason=reason,
        remedy=remedy,
        order_id=order.order_id if order else opened.get("order_id", ""),
        state=str(order.state) if order else "",
        expire_at=expire_at,
        numbers=_numbers(order) or _reserved(opened),
        findings=placed.findings,
        open_items=tuple(open_item(line, lines) for line in waiting),
        **{"notes": tuple(placed.notes), **facts},
    )


def order_plan(standing: OrderStanding, *, notes: Sequence[str] = (), **facts: Any) -> OrderReport:
    """What an order would cost, or where the reference's order stands.

    Done, or refused where a run would be refused.

    Args:
        standing: what a run would find.
        notes: sentences for the reader.
        facts: reference, asked, currency and further fields of the report.
    """
    opened = _opened(standing.lines)
    waiting = [line for line in standing.lines if line.state in AT_STAKE_STATES]
    begun = []
    if opened:
        begun.append(
            "this reference has its order already: a run goes on with that one and opens no other"
        )
    elif standing.quote is None:
        begun.append(
            "this reference was begun: a run looks first what became of its order, and opens no "
            "other"
        )
    return OrderReport(
        outcome=RunOutcome.REFUSED if standing.refused else RunOutcome.DONE,
        reason=f"a run would be refused: {standing.refused.message}" if standing.refused else "",
        remedy=remedy_of(standing.refused) if standing.refused else "",
        quoted_today=standing.due,
        quoted_monthly=standing.monthly,
        order_id=opened.get("order_id", ""),
        state=str(standing.placed.state) if standing.placed else "",
        numbers=_numbers(standing.placed) or _reserved(opened),
        open_items=tuple(open_item(line) for line in waiting),
        notes=(*notes, *begun),
        **facts,
    )


def _opened(lines: Sequence[Intention]) -> Mapping[str, Any]:
    """What the journal knows of the order that a step of the purchase has opened.

    A run that could not read it names it all the same.
    """
    for line in reversed(lines):
        order = (line.result or {}).get("order")
        if order is not None:
            return {"order_id": order["order_id"], **order["facts"]}
    return {}


def _reserved(opened: Mapping[str, Any]) -> tuple[OrderNumberLine, ...]:
    return tuple(
        OrderNumberLine(phone_number=number, state="in the order")
        for number in opened.get("phone_numbers", ())
    )


def _numbers(order: NumberOrder | None) -> tuple[OrderNumberLine, ...]:
    if order is None:
        return ()
    found = []
    for number in order.order_numbers:
        price = number.number_price.monthly_price if number.number_price else None
        months = number.number_price.payment_interval_months if number.number_price else 1
        found.append(
            OrderNumberLine(
                phone_number=number.phone_number,
                state=str(order.state),
                monthly=price.amount / months if price else None,
                currency=price.currency_code if price else "",
            )
        )
    return tuple(found)


def number_rows(numbers: Sequence[OrderNumberLine]) -> list[dict[str, str]]:
    """One row per number, for tables on the screen and in the UI."""
    return [
        {
            "phone number": line.phone_number,
            "state": line.state,
            "per month": amount(line.monthly, line.currency) if line.monthly is not None else "",
            "advice": line.advice,
        }
        for line in numbers
    ]


def order_text(report: OrderReport) -> str:
    """The report as markdown: outcome, order, money, what to do next."""
    lines = []
    if report.order_id:
        lines += ["", f"Order **{report.order_id}** is **{report.state or 'open'}**."]
    if report.quoted_today is not None and report.quoted_monthly is not None:
        cost = (
            f"{amount(report.quoted_today, report.currency)} when it is completed, "
            f"{amount(report.quoted_monthly, report.currency)} a month"
        )
        lines += ["", _cost_words(report, cost)]
    if report.approved_by:
        lines.append(f"Approved by {report.approved_by}.")
    if report.expire_at is not None:
        lines += [
            "",
            (
                f"Its numbers are reserved until **{report.expire_at:%Y-%m-%d %H:%M} UTC**; by "
                "then it has to be handed in."
            ),
        ]
    if report.outcome is RunOutcome.DONE and not report.plan_only:
        lines += [
            "",
            (
                "Reviews take hours to days. follow-orders looks every 15 minutes and tells what "
                "becomes of it."
            ),
        ]
    findings = [f"- {finding}" for finding in report.findings]
    title = f"{report.reference}:"
    return framed(report, title, lines, currency=report.currency, remedies=findings)


def _cost_words(report: OrderReport, cost: str) -> str:
    if report.state in _ENDED_WITHOUT:
        return "It ended without numbers, so there is nothing to pay from now on."
    if report.state == NumberOrderState.COMPLETED:
        return f"Its numbers cost {cost.replace('when it is completed', 'when it was completed')}."
    is_plan = report.plan_only and not report.order_id
    return f"{'Plan only: it would cost' if is_plan else 'It costs'} {cost}."


def follow_rows(report: FollowReport) -> list[dict[str, str]]:
    """One row per order, for tables on the screen and in the UI."""
    return [
        {
            "reference": line.reference,
            "kind": line.kind.replace("_", " "),
            "order": line.order_id,
            "state": line.state,
            "what": line.summary,
            "until": f"{line.deadline_at:%Y-%m-%d %H:%M} UTC" if line.deadline_at else "",
            "what to do": line.advice,
        }
        for line in report.orders
    ]


def follow_text(report: FollowReport) -> str:
    """The sweep as markdown: what needs somebody, then every order, then parameters of new ones."""
    still = sum(line.is_open for line in report.orders)
    lines = [f"# {count_of(len(report.orders), 'order')} followed, {still} still open"]
    waiting = [line for line in report.orders if line.needs_person]
    if waiting:
        told = ", ".join(
            f"{line.reference} ({line.state}, {count_of(len(line.numbers), 'number')})"
            for line in waiting
        )
        lines += ["", f"**At stake:** {told}."]
    lines += why_words(report)
    for line in report.orders:
        lines += [
            "",
            f"## {line.reference}: {line.state}",
            "",
            f"{line.kind.replace('_', ' ')} {line.order_id}: {line.summary}",
        ]
        lines += [f"- **{alarm.name}**: {alarm.text}" for alarm in line.alarms]
        if line.advice:
            lines += ["", f"What to do: {line.advice}"]
        lines += [
            f"- {each.phone_number}: {each.state}. {each.advice}"
            for each in line.numbers
            if each.advice
        ]
        if line.again is not None:
            lines += [
                "",
                "Parameters of the new order:",
                "",
                "```json",
                json.dumps(line.again, indent=2),
                "```",
            ]
    return "\n".join(lines)


def stopped_order_report(
    error: NumberflowError, lines: Sequence[Intention], **facts: Any
) -> OrderReport:
    """The report of a run that an error ended.

    What is open in `lines` makes it a matter for a person.
    """
    return order_report(Placed(stopped_by=error, remedy=remedy_of(error)), lines, **facts)
