"""Numbers that a run of configure-numbers left between two links.

The old one was taken off, the new one is not put on. Pure, from the journal alone.

Not here: unlinking and linking (held.configure), and what the vendor shows of such a number
(held.link_follow).
"""

from __future__ import annotations

from collections.abc import Sequence

from numberflow.journal import Intention, IntentionState
from numberflow.models.reports import NumbersLine
from numberflow.models.wording import count_of
from numberflow.planning.links import told_ids
from numberflow.purchase.link_commands import back
from numberflow.purchase.report import AT_STAKE_STATES
from numberflow.steps import named
from numberflow.steps.imported import UPDATE_IMPORTED
from numberflow.steps.link import BEFORE, THEN
from numberflow.steps.update import OPERATION as UPDATE

UNLINKED = "unlinked, or being unlinked"
"""State of such a number in a report."""
STAYED_ON = "the old link was not taken off, so nothing was put on"
"""Why a new link was taken back when its unlink failed."""
WAYS = "run the same reference again to put the new link on, or go back to what it had"
RELINKS = (UPDATE, UPDATE_IMPORTED)
_PRODUCTS = frozenset({"sms", "voice"})


def links_before(mine: Sequence[Intention]) -> dict[str, str]:
    """The links that this reference touches, as they were when its first step was written down.

    The journal keeps them.
    """
    kept = [row.request[BEFORE]["ids"] for row in mine if row.request.get(BEFORE)]
    return dict(kept[0]) if kept else {}


def between_links(rows: Sequence[Intention]) -> dict[str, list[Intention]]:
    """The steps of each number of this reference that may be without a link, by number.

    Its old link was taken off, or may have been, and its new one did not leave as far as is known.
    """
    by_number: dict[str, list[Intention]] = {}
    for row in rows:
        if row.operation in RELINKS:
            by_number.setdefault(named(row), []).append(row)
    return {number: mine for number, mine in by_number.items() if _is_between(mine)}


def _is_between(mine: Sequence[Intention]) -> bool:
    off: frozenset[str] = frozenset()
    for row in mine:
        then = row.request.get(THEN)
        if then:
            if row.state is IntentionState.DONE or row.state in AT_STAKE_STATES:
                off = _PRODUCTS & row.request.keys() & then.keys()
        elif row.state is IntentionState.DONE:
            off -= row.request.keys()
        elif row.reason == STAYED_ON:
            off = frozenset()
    return bool(off)


def unlinked_line(number: str, mine: Sequence[Intention]) -> NumbersLine:
    """One such number in words."""
    latest = mine[-1]
    had = told_ids(links_before(mine))
    parts = (latest.reason or "", f"it had {had}" if had else "", WAYS)
    return NumbersLine(
        phone_number=number,
        state=UNLINKED,
        advice="; ".join(part for part in parts if part),
        intention_id=latest.id,
    )


def unlinked_words(rows: Sequence[Intention]) -> str:
    """Such numbers in a clause; empty when there are none."""
    found = between_links(rows)
    return (
        f"unlinked, or being unlinked, and without their new link: {', '.join(sorted(found))}"
        if found
        else ""
    )


def unlinked_reason(count: int) -> str:
    """How a report that has such lines opens."""
    return (
        f"{count_of(count, 'number')} between two links: the old one was taken off, the new one "
        "is not on"
    )


def back_commands(found: dict[str, list[Intention]], project: str | None) -> list[str]:
    """Puts back what these numbers had: one command for all numbers that had the same."""
    by_links: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for number, mine in found.items():
        by_links.setdefault(tuple(sorted(links_before(mine).items())), []).append(number)
    references = {mine[0].reference for mine in found.values()}
    return [
        command
        for had, numbers in by_links.items()
        for reference in references
        if (command := back(dict(had), reference, numbers, project))
    ]
