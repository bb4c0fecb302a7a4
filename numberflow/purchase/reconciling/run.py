"""One reconciliation of a project: settle, read, compare, publish, and say what is new.

Changes nothing at the vendor. Not here: how people are told (tasks, cli).
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from numberflow.export.findings import publish_findings
from numberflow.export.store import open_store
from numberflow.journal import Intention, IntentionState, Operation
from numberflow.models.reports import (
    ReconcileFinding,
    ReconcileReport,
    RunOutcome,
    SettledLine,
)
from numberflow.models.wording import count_of
from numberflow.planning.reconciling.compare import expected_addresses, reconcile
from numberflow.planning.reconciling.kinds import Finding, Kind, Severity
from numberflow.planning.reconciling.lines import JournalSide
from numberflow.purchase.follow import take_up
from numberflow.purchase.marker import Behind
from numberflow.purchase.reconciling.commands import Commands
from numberflow.purchase.reconciling.journal_side import journal_side
from numberflow.purchase.reconciling.settle import settle_open
from numberflow.purchase.reconciling.vendor_side import (
    FRESH,
    Reading,
    read_addresses,
    read_again,
    read_orders,
    read_vendor,
)
from numberflow.purchase.report import AT_STAKE_STATES
from numberflow.purchase.run_context import RunContext, in_thread


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The report, and every finding, key → digest: what people know once they have it.

    With what they were told before of numbers that were not compared this time.
    """

    report: ReconcileReport
    found: Mapping[str, str]


async def reconcile_project(
    context: RunContext, *, show_all: bool = False, accept_restore: bool = False
) -> Reconciled:
    """Settle what evidence settles, compare both sides, publish what was found.

    Costs: nothing; nothing changes at the vendor. Repeat: safe. A finding counts as new until
    `Journal.note_findings` keeps that it was told.

    A journal that was restored from a back-up is compared with the vendor as it is now, not with a
    snapshot. When nothing is left to decide, costly steps continue.

    Args:
        context: collaborators.
        show_all: the report holds all findings, not only new ones.
        accept_restore: costly steps continue whatever was found.

    Raises:
        SnapshotRefused: the project could not be read whole.
        StoreUnavailable, JournalUnavailable: one of them cannot be used.
        The errors of a read.
    """
    behind = await context.marker.behind()
    settled = await settle_open(context)
    await _follow_orders(context)
    # A snapshot may be older than what a restored journal has forgotten.
    reading = await read_vendor(context, FRESH if behind is None else timedelta(0))
    orders = await read_orders(context)
    journal = await in_thread(
        journal_side, context.journal, context.project_id, busy=settled.busy, orders=orders
    )
    today = datetime.now(UTC).date()
    addressed = expected_addresses(journal)
    shown, remarks = await read_addresses(context, addressed, today)
    findings = await asyncio.to_thread(_compare, context, journal, reading, shown)
    if reading.is_snapshot:
        suspects = [
            each.subject
            for each in findings
            if each.kind.severity is Severity.PERSON and each.subject.startswith("+")
        ]
        reading = await read_again(context, reading, list(dict.fromkeys(suspects)))
        findings = await asyncio.to_thread(_compare, context, journal, reading, shown)
    rows = await in_thread(
        context.journal.intentions, project_id=context.project_id, states=AT_STAKE_STATES
    )
    commands = Commands(context.project, context.project_id, {row.id: row for row in rows}, today)
    told = await in_thread(context.journal.told_findings, context.project_id)
    unread = _not_compared(journal, reading, addressed - shown.keys())
    still = {key: digest for key, digest in told.items() if key in unread}
    found = {each.key: _digest(each) for each in findings if _stands(each, commands, still)} | still
    lines = [
        _line(each, commands, is_new=told.get(each.key) != found[each.key])
        for each in findings
        if each.key in found
    ]
    report = _report(context, lines, reading, settled.steps, show_all=show_all)
    report = report.model_copy(
        update={"notes": (*reading.remarks, *remarks), "flow_run_id": context.flow_run_id}
    )
    if behind is not None:
        left = sum(line.severity == Severity.PERSON.value for line in lines) + len(settled.busy)
        report = await _after_restore(context, report, behind, 0 if accept_restore else left)
    elif await in_thread(context.journal.lift_restored, context.project_id):
        # Held beside another marker, or by a run that looked before the journal was accepted. Each
        # run looks at its own marker again.
        report = report.model_copy(update={"restored": _KNOWN})
    return Reconciled(await asyncio.to_thread(_published, context, report, lines), found)


_KNOWN = "The journal knows all that its marker knows: costly steps continue."


async def _after_restore(
    context: RunContext, report: ReconcileReport, behind: Behind, left: int
) -> ReconcileReport:
    """The report of a restored journal; costly steps continue when nothing is `left` to decide."""
    lost, named = await context.marker.lost_references()
    told = f"{behind}. "
    if lost:
        told += (
            f"{count_of(lost, 'reference')} sent costly requests and cannot be used again: "
            f"{', '.join(named)}{f' and {lost - len(named)} more' if lost > len(named) else ''}. "
        )
    if left:
        told += (
            f"Costly steps are held: {count_of(left, 'thing')} to decide. Settle each and "
            "reconcile again; or `numberflow reconcile --accept-restore` continues with what is "
            "left"
        )
        await in_thread(context.journal.hold_restored, context.project_id, str(behind))
        return report.model_copy(
            update={
                "outcome": RunOutcome.NEEDS_PERSON,
                "reason": report.reason or f"{count_of(left, 'thing')} to decide after a restore",
                "remedy": report.remedy or "`numberflow reconcile --all` shows them",
                "restored": told,
            }
        )
    await context.marker.accept()
    told += (
        "Costly steps continue. Today's spend before the restore is not in the caps, as far as it "
        "was not in the back-up"
    )
    return report.model_copy(update={"restored": told})


async def _follow_orders(context: RunContext) -> None:
    """Follow orders that a step opened and that no sweep has taken up yet: they explain numbers."""
    opened = [
        row
        for operation in (Operation.CREATE_ORDER, Operation.IMPORT_ORDER, Operation.TEXT_ENABLE)
        for row in await in_thread(
            context.journal.intentions,
            project_id=context.project_id,
            operation=operation,
            states=[IntentionState.DONE],
        )
    ]
    await take_up(context, opened)


def _compare(
    context: RunContext, journal: JournalSide, reading: Reading, addresses: Mapping[str, bool]
) -> tuple[Finding, ...]:
    return reconcile(journal, reading.side(context.client.vendor_now(), addresses))


def _not_compared(
    journal: JournalSide, reading: Reading, no_address: Collection[str]
) -> frozenset[str]:
    """Keys of findings about which this run cannot say anything, whether they are there or not."""
    changed = {line.phone_number for line in journal.lines if line.at > reading.read_at}
    keys = {f"{kind}/{number}" for kind in Kind for number in changed}
    keys |= {
        f"{kind}/{number}"
        for kind in (Kind.ADDRESS_MISSING, Kind.ADDRESS_UNASKED)
        for number in no_address
    }
    keys |= {
        f"{kind}/{order.order_id}"
        for kind in (Kind.ORDER_ENDED, Kind.ORDER_UNFOLLOWED)
        for order in journal.orders
        if not order.shown
    }
    return frozenset(keys)


def _stands(finding: Finding, commands: Commands, still: Collection[str]) -> bool:
    """Whether it is news: a run may have settled a step, and an ended order stays ended.

    `still`: keys of what people know, and this run could not read.
    """
    if finding.kind is Kind.LOST_REPLY:
        return finding.subject in commands.steps
    ended = f"{Kind.ORDER_ENDED}/{finding.subject}"
    return finding.kind is not Kind.ORDER_UNFOLLOWED or ended not in still


def _digest(finding: Finding) -> str:
    # Why nobody knows is told in the words of the last error, which change by themselves.
    vendor = "" if finding.kind is Kind.LOST_REPLY else finding.vendor
    said = f"{finding.journal}\0{vendor}\0{finding.reference}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _line(finding: Finding, commands: Commands, *, is_new: bool) -> ReconcileFinding:
    return ReconcileFinding(
        key=finding.key,
        kind=finding.kind.value,
        severity=finding.kind.severity.value,
        subject=finding.subject,
        phone_number=finding.subject if finding.subject.startswith("+") else "",
        reference=finding.reference,
        journal=finding.journal,
        vendor=finding.vendor,
        command=commands.of(finding),
        is_new=is_new,
    )


def _report(
    context: RunContext,
    lines: Sequence[ReconcileFinding],
    reading: Reading,
    settled: Sequence[Intention],
    *,
    show_all: bool,
) -> ReconcileReport:
    told = tuple(line for line in lines if show_all or line.is_new)
    waiting = [line for line in lines if line.is_new and line.severity == Severity.PERSON.value]
    kinds = Counter(line.kind for line in waiting)
    reason = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    return ReconcileReport(
        outcome=RunOutcome.NEEDS_PERSON if waiting else RunOutcome.DONE,
        reason=f"{count_of(len(waiting), 'new finding')} to decide: {reason}" if waiting else "",
        remedy="each finding has the command that settles it" if waiting else "",
        project_id=context.project_id,
        source=reading.source,
        compared=len(reading),
        found=len(lines),
        findings=told,
        settled=tuple(
            SettledLine(
                intention_id=row.id,
                operation=str(row.operation),
                subject=str((row.result or {}).get("phone_number") or row.subject or ""),
                reference=row.reference,
                state=row.state.value,
                reason=row.reason or "",
            )
            for row in settled
        ),
    )


def _published(
    context: RunContext, report: ReconcileReport, lines: Sequence[ReconcileFinding]
) -> ReconcileReport:
    """Put every finding into the inventory store, new or not."""
    whole = report.model_copy(update={"findings": tuple(lines)})
    urls = publish_findings(
        open_store(context.settings.inventory_root),
        context.project_id,
        datetime.now(UTC).date(),
        report.flow_run_id or uuid.uuid4().hex,
        [line.model_dump() for line in lines],
        (whole.model_dump_json(indent=1) + "\n").encode(),
    )
    return report.model_copy(update={"url": urls[0], "json_url": urls[1]})
