"""How a purchase ended: from the journal's intentions and the last read of each number to a report.

Pure. Not here: reading either of them, and how a report is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from numberflow.errors import NumberflowError
from numberflow.journal import Intention, IntentionState
from numberflow.models.reports import NumberLine, PurchaseReport, RunOutcome
from numberflow.models.wording import count_of
from numberflow.planning.provisioning import LinkState
from numberflow.planning.quote import Quote
from numberflow.purchase.renting.provisioning import NumberStatus
from numberflow.purchase.report import AT_STAKE_STATES, LOOK_AGAIN, open_item, remedy_of
from numberflow.purchase.spend_limits import due_of, monthly_of


def purchase_report(
    lines: Sequence[Intention],
    statuses: Mapping[str, NumberStatus],
    *,
    reference: str,
    asked: int,
    currency: str,
    stopped_by: str = "",
    remedy: str = "",
    notes: Sequence[str] = (),
    before: Sequence[Intention] = (),
    **extra: Any,
) -> PurchaseReport:
    """Put a purchase into words: done, refused, or needs a person.

    Args:
        lines: every intention of the purchase, whatever its state.
        statuses: last read of each rented number, by number; may lack some.
        reference: the caller's name of the purchase.
        asked: how many numbers were wanted.
        currency: currency of all amounts.
        stopped_by: why the run stopped before its end, if it did.
        remedy: what to do about that.
        notes: further sentences for the reader.
        before: the intentions as this run found them; what it did not send, an earlier one did.
        extra: further fields of the report, passed through.
    """
    numbers = tuple(_line(line, statuses) for line in lines if _is_told(line))
    open_items = tuple(open_item(line) for line in lines if line.state in AT_STAKE_STATES)
    done = [line for line in lines if line.state is IntentionState.DONE]
    now = [line for line in done if not _is_earlier(line, before)]
    outcome, reason, advice = _outcome(lines, numbers, asked, stopped_by)
    return PurchaseReport(
        outcome=outcome,
        reason=reason,
        remedy=remedy or advice,
        reference=reference,
        asked=asked,
        rented=len(done),
        rented_now=len(now),
        earlier_runs=_runs(line for line in done if line not in now),
        currency=currency,
        charged_today=due_of(done),
        charged_now=due_of(now),
        monthly=monthly_of(done),
        numbers=numbers,
        open_items=open_items,
        notes=(*notes, *_price_notes(done)),
        **extra,
    )


def plan_report(
    lines: Sequence[Intention],
    quote: Quote,
    *,
    refused: NumberflowError | None,
    asked: int,
    **facts: Any,
) -> PurchaseReport:
    """What a purchase holds and what a run would still rent.

    Done, or refused where the run would be refused.

    Args:
        lines: every intention of the purchase.
        quote: what a run would still rent.
        refused: why it would not.
        asked: how many numbers are wanted.
        facts: reference, currency and further fields of the report.
    """
    done = [line for line in lines if line.state is IntentionState.DONE]
    return PurchaseReport(
        outcome=RunOutcome.REFUSED if refused else RunOutcome.DONE,
        reason=f"a run would be refused: {refused.message}" if refused else "",
        remedy=remedy_of(refused) if refused else "",
        plan_only=True,
        asked=asked,
        rented=len(done),
        earlier_runs=_runs(done),
        charged_today=due_of(done),
        monthly=monthly_of(done),
        to_go=len(quote.lines),
        quoted_today=quote.today,
        quoted_monthly=quote.monthly,
        numbers=tuple(_line(line, {}) for line in lines if _is_told(line)),
        open_items=tuple(open_item(line) for line in lines if line.state in AT_STAKE_STATES),
        **facts,
    )


def _is_earlier(line: Intention, before: Sequence[Intention]) -> bool:
    """Whether a step left before this run took the purchase up.

    Each sending writes down its own owner and fence.
    """
    found = next((each for each in before if each.id == line.id), None)
    return (
        found is not None
        and found.fence is not None
        and (found.owner, found.fence) == (line.owner, line.fence)
    )


def _runs(lines: Iterable[Intention]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.flow_run_id for line in lines if line.flow_run_id))


def stopped_report(
    error: NumberflowError, lines: Sequence[Intention], **facts: Any
) -> PurchaseReport:
    """The report of a run that an error ended.

    What is open in `lines` makes it a matter for a person.

    Args:
        error: what ended the run.
        lines: the purchase's intentions as the run last saw them; those under way stand as unknown.
        facts: reference, asked, currency and further fields of the report.
    """
    return purchase_report(lines, {}, stopped_by=error.message, remedy=remedy_of(error), **facts)


def _outcome(
    lines: Sequence[Intention], numbers: Sequence[NumberLine], asked: int, stopped_by: str
) -> tuple[RunOutcome, str, str]:
    """Outcome, reason and remedy."""
    rented = sum(line.state is IntentionState.DONE for line in lines)
    waiting = [line for line in lines if line.state in AT_STAKE_STATES]
    planned = [line for line in lines if line.state is IntentionState.PLANNED]
    if waiting:
        return (
            RunOutcome.NEEDS_PERSON,
            f"{rented} of {count_of(asked, 'number')} rented; for {len(waiting)} it is not known "
            "whether the vendor charged" + (f"; {stopped_by}" if stopped_by else ""),
            LOOK_AGAIN,
        )
    # What a form asks for may be 0 or less; whoever rented nothing was refused all the same.
    if rented < asked or not rented:
        causes = dict.fromkeys(
            line.reason
            for line in (*planned, *lines)
            if line.reason and line.state is not IntentionState.DONE
        )
        why = stopped_by or "; ".join(causes) or "no further number is to be had"
        reason = f"{rented} of {count_of(asked, 'number')} rented: {why}" if lines else why
        if planned:
            remedy = (
                "run again with the same reference: the numbers that are written down are tried "
                "again"
            )
        else:
            remedy = "run again with the same reference to try for the rest"
        return RunOutcome.REFUSED, reason, remedy
    unseen = [line for line in numbers if line.state == IntentionState.DONE and not line.confirmed]
    failed = [
        line for line in numbers if line.state == IntentionState.DONE and _link_is_broken(line)
    ]
    if unseen:
        return (
            RunOutcome.NEEDS_PERSON,
            f"all {count_of(asked, 'number')} rented; {len(unseen)} could not be read back yet"
            + (f"; {stopped_by}" if stopped_by else ""),
            (
                "run again with the same reference to read them once more; if they stay away, ask "
                "the vendor"
            ),
        )
    if failed:
        return (
            RunOutcome.NEEDS_PERSON,
            f"all {count_of(asked, 'number')} rented; the links of {len(failed)} failed",
            "see the advice beside each number; the numbers cost money until they are released",
        )
    return RunOutcome.DONE, "", ""


def _link_is_broken(line: NumberLine) -> bool:
    return bool({LinkState.FAILED, LinkState.DROPPED} & {line.sms, line.voice})


def _is_told(line: Intention) -> bool:
    """Lines that a rival took, or that were never sent, cost nothing and are left out."""
    return line.state is not IntentionState.REFUSED


def _line(line: Intention, statuses: Mapping[str, NumberStatus]) -> NumberLine:
    phone_number = str((line.result or {}).get("phone_number") or line.subject or "")
    status = statuses.get(phone_number)
    charged = line.state is IntentionState.DONE
    advice = (
        []
        if status is None
        else [link.advice for link in (status.sms, status.voice) if link.advice]
    )
    if status is not None and LinkState.PENDING in (status.sms.state, status.voice.state):
        advice.append("the link is still being made; the number is rented, look again later")
    return NumberLine(
        intention_id=line.id,
        phone_number=phone_number,
        state=line.state.value,
        charged_today=line.due_amount or Decimal(0) if charged else Decimal(0),
        monthly=line.monthly_amount or Decimal(0) if charged else Decimal(0),
        confirmed=bool(status and status.confirmed),
        sms=status.sms.state.value if status else LinkState.NOT_ASKED.value,
        voice=status.voice.state.value if status else LinkState.NOT_ASKED.value,
        advice="; ".join(advice),
    )


def _price_notes(done: Sequence[Intention]) -> list[str]:
    """Numbers whose recurring price is not the quoted one.

    A price can change between quote and rent.
    """
    notes = []
    for line in done:
        result = line.result or {}
        if result.get("monthly_price") is None:
            continue
        monthly, currency = (
            Decimal(result["monthly_price"]) / int(result.get("interval_months") or 1),
            result.get("currency"),
        )
        # What the journal counts is corrected when the price rose; what was decided on stays beside
        # it.
        quoted = (
            Decimal(result["quoted_monthly"]) if "quoted_monthly" in result else line.monthly_amount
        )
        if monthly != quoted or currency != line.currency:
            notes.append(
                f"{result.get('phone_number')}: quoted {quoted} {line.currency} a month, "
                f"the vendor now says {monthly} {currency}; a setup fee may have risen too, the "
                "invoice tells"
            )
    return notes
