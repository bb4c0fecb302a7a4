"""How a run ends in Prefect: the state that carries its report (docs/adr/0003)."""

from __future__ import annotations

from typing import TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Completed

from numberflow.models.reports import RunOutcome, RunReport

R = TypeVar("R", bound=RunReport)

_STATE_NAMES = {RunOutcome.REFUSED: "Refused", RunOutcome.NEEDS_PERSON: "NeedsPerson"}


def ended(report: R) -> State[R] | R:
    """The report itself when all went as asked; else a completed state whose name says how it ended."""
    name = _STATE_NAMES.get(report.outcome)
    if name is None:
        return report
    return Completed(name=name, message=f"{report.reason} → {report.mend}", data=report)
