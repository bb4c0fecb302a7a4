"""What the journal knows of imported numbers, so that an inventory can ask for them.

The vendor has no list of all.

Not here: asking the vendor (numberflow.export.imported).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from numberflow.export.imported import ImportedQuestion, Link
from numberflow.journal import Intention, IntentionState, Journal, Operation
from numberflow.settings import Settings

# Steps that link numbers, and that end with imported ones.
_IMPORTING = (Operation.IMPORT, Operation.IMPORT_ORDER, Operation.TEXT_ENABLE)


def ask_journal(settings: Settings) -> ImportedQuestion:
    """Open the journal and ask it, as below."""
    with Journal.open(settings.journal_url) as journal:
        return imported_question(journal, settings.project_id)


def imported_question(journal: Journal, project_id: str) -> ImportedQuestion:
    """Every link that a step of ours asked for; every number that one imported and none deleted.

    Raises:
        JournalUnavailable: without it nobody knows where to look.
    """
    steps = {
        operation: journal.intentions(project_id=project_id, operation=operation)
        for operation in (*_IMPORTING, Operation.UPDATE_IMPORTED, Operation.DELETE_IMPORTED)
    }
    links: set[Link] = set()
    last: dict[str, tuple[datetime, bool]] = {}
    for operation in _IMPORTING:
        for step in steps[operation]:
            if step.state is IntentionState.REFUSED:
                continue
            links.add(
                (str(step.request["service_plan_id"]), str(step.request["campaign_id"] or ""))
            )
            if step.state is IntentionState.DONE:
                _note(last, _numbers(step), step, there=True)
    for step in steps[Operation.DELETE_IMPORTED]:
        if step.state is IntentionState.DONE:
            _note(last, _numbers(step), step, there=False)
    plans = {plan for plan, _ in links}
    for step in steps[Operation.UPDATE_IMPORTED]:
        wanted = step.request.get("sms") or {}
        plan, campaign = wanted.get("service_plan_id") or "", wanted.get("campaign_id") or ""
        # A change that names the campaign alone keeps the plan, which the request does not say.
        links |= {(plan, campaign)} if plan else {(known, campaign) for known in plans if campaign}
    return ImportedQuestion(
        frozenset(links), frozenset(number for number, (_, there) in last.items() if there)
    )


def _numbers(step: Intention) -> Iterable[str]:
    return step.request.get("numbers") or ((step.subject,) if step.subject else ())


def _note(
    last: dict[str, tuple[datetime, bool]], numbers: Iterable[str], step: Intention, *, there: bool
) -> None:
    """The latest step about a number says whether it is there."""
    for number in numbers:
        known = last.get(number)
        if known is None or known[0] <= step.updated_at:
            last[number] = (step.updated_at, there)
