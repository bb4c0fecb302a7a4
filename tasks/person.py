"""Call a person: the one event by which every flow says that a machine must not decide."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.events import emit_event

from numberflow.models.reports import OpenItem, RunOutcome, RunReport

NEEDS_PERSON = "numberflow.needs-person"
"""Name of the event; deployments/automations.yaml ties a notification to it."""


def call_person(report: RunReport, kind: str, *, unattended: bool = False) -> None:
    """Raise the event `numberflow.needs-person` when the report asks for a person.

    Costs: nothing. Repeat: safe; a run that is repeated calls again.

    Args:
        report: how the run ended. Its payload holds references, ids and commands, nothing private.
        kind: what it is about, the middle of the resource's id: purchase, emergency, hosting, order
            or inventory.
        unattended: nobody waits for this run, so that it calls also when it was refused.
    """
    called_for = {RunOutcome.NEEDS_PERSON} | ({RunOutcome.REFUSED} if unattended else set())
    if report.outcome not in called_for:
        return
    reference = str(getattr(report, "reference", "") or report.flow_run_id)
    open_items: Sequence[OpenItem] = getattr(report, "open_items", ())
    emit_event(
        event=NEEDS_PERSON,
        resource={"prefect.resource.id": f"numberflow.{kind}.{report.project_id}.{reference}"},
        payload={
            "reference": reference,
            "reason": report.reason,
            "mend": report.remedy,
            "commands": [item.command for item in open_items],
            "flow_run_id": report.flow_run_id,
        },
    )
