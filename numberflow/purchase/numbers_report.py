"""The report of a run over named numbers: import, qualify, text-enable, configure, release.

Pure. Not here: how far one number is, which each room puts into a line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numberflow.errors import NumberflowError
from numberflow.journal import Intention, IntentionState, Operation
from numberflow.models.reports import NumbersLine, NumbersReport, RunOutcome
from numberflow.planning.hosting import Progress, Readiness
from numberflow.purchase.report import AT_STAKE_STATES, LOOK_AGAIN, open_item, remedy_of
from numberflow.purchase.unlinked import (
    RELINKS,
    back_commands,
    between_links,
    unlinked_line,
    unlinked_reason,
)
from numberflow.purchase.without_address import (
    ADDRESS_NOTE,
    KEPT,
    WAYS,
    kept_reason,
    kept_without_address,
    provision_command,
)
from numberflow.steps import named

GONE = "not imported any more"
"""State of a number that was imported and is not there any more."""


# States of a line that no further run of the same reference changes.
_ENDED = frozenset({str(Progress.FAILED), str(Readiness.NOT_ELIGIBLE), GONE, "not held"})


def _next_step(short: Sequence[NumbersLine]) -> str:
    """What to do about numbers that are not as asked.

    The same reference helps only where something is still to be done under it.
    """
    ended = [line for line in short if line.state in _ENDED]
    if not ended:
        return "see the advice beside each number, then run again with the same reference"
    anew = "what is still wanted of them runs under a new reference"
    if len(ended) == len(short):
        return (
            "see the advice beside each number; running the same reference again changes "
            f"nothing, {anew}"
        )
    return (
        "see the advice beside each number, then run again with the same reference for "
        f"{len(short) - len(ended)} of them; "
        f"for the other {len(ended)} that changes nothing, {anew}"
    )


def row_line(phone_number: str, row: Intention) -> NumbersLine:
    """A number whose step is not done, in the journal's words."""
    return NumbersLine(
        phone_number=phone_number,
        state=row.state.value,
        advice=row.reason or "",
        intention_id=row.id,
    )


def kept_line(number: str, row: Intention) -> NumbersLine:
    """A number that was not given up although its emergency address was removed for that, in words.

    `row` is its release.
    """
    why = f"{row.reason}; " if row.reason else ""
    return NumbersLine(phone_number=number, state=KEPT, advice=f"{why}{WAYS}", intention_id=row.id)


def stopped_numbers_report(
    error: NumberflowError, rows: Sequence[Intention], *, project: str | None = None, **facts: Any
) -> NumbersReport:
    """The report of a run that an error ended half-way.

    What it did until then, as the journal has it.

    Args:
        error: what ended it.
        rows: every step of the reference.
        project: name of the credentials block, for commands; None for the environment's account.
        facts: further fields of the report.
    """
    kept = kept_without_address(rows)
    # One line for a number: the removal of its emergency address is a part of its release.
    releases = {
        named(row)
        for row in rows
        if row.operation is Operation.RELEASE and row.state is not IntentionState.REFUSED
    }
    unlinked = between_links(rows)
    told = [row for row in rows if row.state is not IntentionState.REFUSED]
    waiting = [row for row in told if row.state in AT_STAKE_STATES]
    # Of an unlink and the link after it, the latter says how far a number is.
    latest = {named(row): row.id for row in told if row.operation in RELINKS}
    lines = [
        NumbersLine(
            phone_number=number,
            state=row.state.value,
            advice="" if row.state is IntentionState.DONE else row.reason or "",
            intention_id=row.id,
        )
        for row in told
        if (
            row.operation not in RELINKS
            or (latest[named(row)] == row.id and row.subject not in unlinked)
        )
        and (row.subject not in kept or row.operation is not Operation.RELEASE)
        and not (
            row.operation is Operation.DEPROVISION_EMERGENCY
            and row.state is IntentionState.DONE
            and row.subject in {*releases, *kept}
        )
        for number in row.request.get("numbers") or (row.subject or "",)
    ]
    lines += [kept_line(number, row) for number, row in kept.items()]
    lines += [unlinked_line(number, mine) for number, mine in unlinked.items()]
    done = (
        f"; {sum(row.state is IntentionState.DONE for row in told)} of {len(told)} steps done"
        if told
        else ""
    )
    if kept:
        done += f"; {kept_reason(len(kept))}"
        facts |= {"commands": (provision_command(list(kept), project),), "notes": (ADDRESS_NOTE,)}
    if unlinked:
        done += f"; {unlinked_reason(len(unlinked))}"
        facts |= {"commands": tuple(back_commands(unlinked, project))}
    return NumbersReport(
        outcome=RunOutcome.NEEDS_PERSON if waiting or kept or unlinked else RunOutcome.REFUSED,
        reason=f"{error.message}{done}",
        remedy=remedy_of(error),
        numbers=tuple(lines),
        open_items=tuple(open_item(row) for row in waiting),
        **facts,
    )


def numbers_report(
    lines: Sequence[NumbersLine],
    rows: Sequence[Intention] = (),
    *,
    wished: frozenset[str],
    notes: Sequence[str] = (),
    **facts: Any,
) -> NumbersReport:
    """Put a run into words: done, refused, or needs a person.

    Args:
        lines: every number that was asked for.
        rows: every step of the reference.
        wished: states of a line that are as asked.
        notes: further sentences.
        facts: further fields of the report.
    """
    waiting = [row for row in rows if row.state in AT_STAKE_STATES]
    short = [line for line in lines if line.state not in wished]
    kept = sum(line.state == KEPT for line in lines)
    outcome = (
        RunOutcome.NEEDS_PERSON
        if waiting or kept
        else RunOutcome.REFUSED
        if short
        else RunOutcome.DONE
    )
    reason = remedy = ""
    if waiting:
        reason = f"of {len(waiting)} requests it is not known whether the vendor took them"
        remedy = LOOK_AGAIN
    elif short:
        states = dict.fromkeys(line.state for line in short)
        reason = f"{len(short)} of {len(lines)} numbers are not as asked: {'; '.join(states)}"
        remedy = _next_step(short)
    if kept:
        reason = "; ".join((kept_reason(kept), reason))
    orders = dict.fromkeys(line.order_id for line in lines if line.order_id)
    return NumbersReport(
        outcome=outcome, reason=reason, remedy=remedy, numbers=tuple(lines), orders=tuple(orders),
        open_items=tuple(open_item(row) for row in waiting), notes=tuple(notes), **facts,
    )  # fmt: skip
