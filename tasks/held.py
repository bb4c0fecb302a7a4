"""Configuring and giving up held numbers as Prefect tasks."""

from __future__ import annotations

from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.reports import NumbersReport
from numberflow.purchase.held import configure, release
from numberflow.purchase.run_context import RunContext
from tasks.step import step


@step("look at the numbers to configure")
async def look_at_configuration(
    context: RunContext, order: ConfigureParameters, reference: str
) -> NumbersReport:
    """What would be sent for each number, and what it would lose on the way.

    Costs: nothing. Repeat: safe.
    """
    return await configure.configure_report(context, order, reference, ())


@step("configure numbers")
async def configure_numbers(
    context: RunContext, order: ConfigureParameters, reference: str
) -> NumbersReport:
    """Make every number as wanted, each request through the journal.

    Costs: nothing is charged; a live link that is taken off stops its service until the new one is
    on. Repeat: safe; what is open is looked up first.
    """
    rows = await configure.configure(context, order, reference)
    return await configure.configure_report(context, order, reference, rows)


@step("look at the numbers to release")
async def look_at_release(
    context: RunContext, order: ReleaseParameters, reference: str
) -> NumbersReport:
    """What each number would lose, its emergency address too, and what is given up already.

    Costs: nothing. Repeat: safe.
    """
    rows = await release.begun(context, order, reference)
    return await release.release_report(context, order, reference, rows)


@step("see whether a person has to approve")
async def ask_about_release(
    context: RunContext, order: ReleaseParameters, reference: str
) -> release.Question | None:
    """What a person has to approve before the release; None when it needs nobody.

    Costs: nothing. Repeat: safe.
    """
    return await release.question(context, order, reference)


@step("save approval of the release")
async def approve_release(context: RunContext, purchase_id: str, by: str, count: int) -> None:
    """Keep who typed the count.

    Costs: nothing. Repeat: safe.
    """
    await release.approve(context, purchase_id, by, count)


@step("release numbers")
async def release_numbers(
    context: RunContext, order: ReleaseParameters, reference: str
) -> NumbersReport:
    """Give every number up, each through the journal.

    Costs: nothing is refunded, and a rented number cannot be had back. Repeat: safe; what is open
    is looked up first.
    """
    rows = await release.release(context, order, reference)
    return await release.release_report(context, order, reference, rows)
