"""How a run ends in Prefect: the state that carries its report (docs/adr/0003)."""

from __future__ import annotations

from typing import TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from numberflow.models.reports import InventoryReport, RunOutcome, RunReport
from numberflow.purchase.shown import summary_line

R = TypeVar("R", bound=RunReport)

STATE_NAMES = {RunOutcome.REFUSED: "Refused", RunOutcome.NEEDS_PERSON: "NeedsPerson"}


def final_state(report: R) -> State[R] | R:
    """The report itself when all went as asked; else a failed state whose name says how it ended.

    Dashboards, notifications and colours go by the type of a state, so what did not go as asked is
    of type FAILED. Prefect does not retry it: every flow has `retries=0`. Whoever calls a flow from
    Python asks for the state, `await flow(…, return_state=True)`, and gets the report from
    `await state.aresult(raise_on_failure=False)`, however the run ended.
    """
    if isinstance(report, InventoryReport) and report.handed_to:
        # Not plainly Completed: nobody has looked yet whether anything was published.
        return Completed(name="HandedOut", message=summary_line(report), data=report)
    name = STATE_NAMES.get(report.outcome)
    if name is None:
        return report
    return Failed(name=name, message=f"{report.reason} → {report.remedy}", data=report)
