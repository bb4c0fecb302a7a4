"""How runs ended, in the journal's counters: the receiver shows them to Prometheus."""

from __future__ import annotations

import re
import time

from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

from numberflow.errors import JournalUnavailable, NumberflowError, SpendRefused
from numberflow.journal import CounterKey, Counts, Journal
from numberflow.models.reports import InventoryReport, RunOutcome, RunReport
from numberflow.purchase.run_context import in_thread
from numberflow.settings import Settings

# A journal that is busy for longer has more important things to write.
BUSY_S = 1.0


async def count_run(report: RunReport, error: NumberflowError | None) -> None:
    """Count one run, why it was refused, and what an export brought.

    Costs: nothing. Repeat: counts the run again. Best effort: a run ends as it ended, whether or
    not it was counted.

    Args:
        report: of the run.
        error: what ended it; None when its work came to its own end.
    """
    if isinstance(error, JournalUnavailable):
        # It must not hold the run's end up once more.
        return
    running = FlowRunContext.get()
    if running is None or running.flow is None:
        return
    more = _ends(report, running.flow.name, error)
    now = _exports(report)

    def keep() -> None:
        settings = Settings.load(may_lack_account=True)
        with Journal.open(settings.journal_url, busy_timeout_s=BUSY_S) as journal:
            journal.count(more, now=now)

    try:
        await in_thread(keep)
    except Exception as problem:  # noqa: BLE001 - see above
        get_run_logger().debug("This run was not counted: %s", type(problem).__name__)


def _ends(report: RunReport, flow: str, error: NumberflowError | None) -> Counts:
    ends = {
        CounterKey("runs", (("flow", flow), ("outcome", report.outcome.value))): 1.0,
    }
    if report.outcome is RunOutcome.REFUSED:
        ends[CounterKey("refusals", (("flow", flow), ("reason", reason_of(error))))] = 1.0
    return ends


def reason_of(error: NumberflowError | None) -> str:
    """One word of a small set for why a run was refused: a label has no free text.

    That of the spending rule, or of the error: bad_input, cap_today, journal_unavailable, stopped.
    """
    if error is None:
        return "by_its_report"
    if isinstance(error, SpendRefused) and error.rule:
        return error.rule
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def _exports(report: RunReport) -> Counts:
    if not isinstance(report, InventoryReport):
        return {}
    now: dict[CounterKey, float] = {}
    for each in report.projects:
        if each.rows is None:
            continue
        labels = (("project_id", each.project_id),)
        now[CounterKey("export_rows", labels)] = each.rows
        now[CounterKey("export_seconds", labels)] = each.elapsed_s
        now[CounterKey("export_finished", labels)] = time.time()
    return now
