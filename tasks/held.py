"""Configuring and giving up held numbers as Prefect tasks."""

from __future__ import annotations

from numberflow.models.held_numbers import ConfigureOrder, ReleaseOrder
from numberflow.models.reports import HostedReport
from numberflow.purchase import configure, release
from numberflow.purchase.desk import Desk
from tasks.step import step


@step("look at the numbers to configure")
async def look_at_configuration(
    desk: Desk, order: ConfigureOrder, reference: str, flow_run_id: str | None
) -> HostedReport:
    """What would be sent for each number, and what it would lose on the way.

    Costs: nothing. Repeat: safe.
    """
    return await configure.configure_report(desk, order, reference, (), flow_run_id=flow_run_id)


@step("configure numbers")
async def configure_numbers(desk: Desk, order: ConfigureOrder, reference: str, flow_run_id: str | None) -> HostedReport:
    """Make every number as wanted, each request through the journal.

    Costs: nothing is charged; a live link that is taken off stops its service until the new one is on. Repeat: safe; what is open is looked up first.
    """
    rows = await configure.configure(desk, order, reference, flow_run_id=flow_run_id)
    return await configure.configure_report(desk, order, reference, rows, flow_run_id=flow_run_id)


@step("look at the numbers to release")
async def look_at_release(desk: Desk, order: ReleaseOrder, reference: str, flow_run_id: str | None) -> HostedReport:
    """What would be lost with each number, its emergency address included, and what the reference has given up already.

    Costs: nothing. Repeat: safe.
    """
    rows = await release.begun(desk, order, reference)
    return await release.release_report(desk, order, reference, rows, flow_run_id=flow_run_id)


@step("release numbers")
async def release_numbers(desk: Desk, order: ReleaseOrder, reference: str, flow_run_id: str | None) -> HostedReport:
    """Give every number up, each through the journal.

    Costs: nothing is refunded, and a rented number cannot be had back. Repeat: safe; what is open is looked up first.
    """
    rows = await release.release(desk, order, reference, flow_run_id=flow_run_id)
    return await release.release_report(desk, order, reference, rows, flow_run_id=flow_run_id)
