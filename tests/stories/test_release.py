"""Numbers with an emergency address are given up.

The address goes first, through the journal, and every report says so.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.dying import Fate
from support.hosting import HostingShop

from numberflow.errors import Stopped
from numberflow.journal import ALL_PROJECTS, Applied, Attempt, IntentionState
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.emergency_address import Action, EmergencyAddressParameters
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import NumbersReport, RunOutcome
from numberflow.purchase.account import account
from numberflow.purchase.emergency import addresses as emergency
from numberflow.purchase.emergency.addresses import coverage
from numberflow.purchase.held import release as releasing
from numberflow.purchase.numbers_report import stopped_numbers_report
from numberflow.purchase.stopped import stopped_line
from numberflow.purchase.without_address import KEPT
from numberflow.steps.emergency import Deprovision

pytestmark = pytest.mark.anyio

ADDRESS = EmergencyAddressRequest(
    display_name="Marked-Name-11fe",
    street_number="4711",
    street_info="Marked-Street-11fe St",
    city="Marietta",
    state="GA",
    postal_code="30062",
)


@pytest.fixture
async def office(tmp_path: Path) -> tuple[HostingShop, list[str]]:
    """Two held numbers that may have an emergency address; the first one has."""
    shop = HostingShop(tmp_path)
    shop.simulator.switches.set("emergency_feature", True)
    shop.simulator.world.add_held(30)
    numbers = sorted(each["phone_number"] for each in shop.simulator.emergency_coverage())[:2]
    async with shop.context() as context:
        await context.client.emergency_addresses.provision(numbers[0], ADDRESS)
    shop.unwritten.clear()
    return shop, numbers


def giving_up(numbers: list[str], **parameters: Any) -> Any:
    """Checked parameters of release-numbers."""
    return check_parameters(
        ReleaseParameters, {"phone_numbers": numbers, "confirm_release": True} | parameters
    )


async def plan(shop: HostingShop, numbers: list[str]) -> NumbersReport:
    """A run with plan_only."""
    order = giving_up(numbers, plan_only=True)
    async with shop.context() as context:
        rows = await releasing.begun(context, order, "REL-1")
        return await releasing.release_report(context, order, "REL-1", rows)


def sent(shop: HostingShop) -> list[str]:
    """The removals and releases that took effect, in order."""
    return [
        entry["operation"]
        for entry in shop.simulator.requests()
        if entry["committed"] and entry["operation"] in ("deprovision_emergency_address", "release")
    ]


async def test_the_address_goes_first(office: tuple[HostingShop, list[str]]) -> None:
    """The plan names the address, the release removes it first and says so, and the coverage report
    agrees.
    """
    shop, (with_address, without) = office
    planned = await plan(shop, [with_address, without])
    told = {line.phone_number: line.advice for line in planned.numbers}
    assert (RunOutcome.DONE, []) == (planned.outcome, sent(shop))
    assert (
        "its emergency address (removed first)" in told[with_address],
        "emergency" in told[without],
    ) == (
        True,
        False,
    )
    report, rows = await shop.release_all(giving_up([with_address, without]))
    assert (RunOutcome.DONE, {"released"}) == (
        report.outcome,
        {line.state for line in report.numbers},
    )
    assert "its emergency address was removed first; usable until" in report.numbers[0].advice
    assert ["emergency" in line.advice for line in report.numbers] == [True, False]
    assert ["deprovision_emergency", "release", "release"] == sorted(row.operation for row in rows)
    order_of = {
        (entry["operation"], with_address[1:] in entry["path"]): n
        for n, entry in enumerate(shop.simulator.requests())
    }
    assert order_of["deprovision_emergency_address", True] < order_of["release", True]
    assert [] == shop.unwritten
    async with shop.context() as context:
        assert ["no address", "no address"] == [
            line.state for line in await coverage(context, [with_address, without])
        ]
    again, _ = await shop.release_all(giving_up([with_address, without]))
    assert (RunOutcome.DONE, 3) == (again.outcome, len(sent(shop)))
    assert ["released", "released"] == [
        line.state for line in (await plan(shop, [with_address, without])).numbers
    ]


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_the_address(office: tuple[HostingShop, list[str]], after: bool) -> None:
    """A run that dies at the removal releases nothing.

    The next one looks first, and sends each request once in all.
    """
    shop, (number, _) = office
    assert (
        await shop.release_all(giving_up([number]), fate=Fate("request", after=after, costly=True))
        is None
    )
    assert "release" not in sent(shop)
    report, _ = await shop.release_all(giving_up([number]))
    assert (RunOutcome.DONE, ["deprovision_emergency_address", "release"]) == (
        report.outcome,
        sent(shop),
    )


async def test_an_address_that_stays(office: tuple[HostingShop, list[str]]) -> None:
    """A number whose address cannot be removed is not released, and a person hears why.

    Once it can, the same reference goes on.
    """
    shop, (number, other) = office
    shop.simulator.faults.add(
        {
            "operation": "deprovision_emergency_address",
            "fault": "rate_limited",
            "retry_after": 7,
            "times": None,
        }
    )
    report, rows = await shop.release_all(giving_up([number, other]))
    assert (["not released", "released"], ["release"]) == (
        [line.state for line in report.numbers],
        sent(shop),
    )
    assert RunOutcome.DONE is not report.outcome
    assert "its emergency address is to be removed first" in report.numbers[0].advice
    assert IntentionState.PLANNED in {row.state for row in rows}
    shop.simulator.faults.clear()
    report, _ = await shop.release_all(giving_up([number, other]))
    assert (RunOutcome.DONE, {"released"}) == (
        report.outcome,
        {line.state for line in report.numbers},
    )


async def test_a_number_that_is_kept_without_its_address(
    office: tuple[HostingShop, list[str]],
) -> None:
    """It is named and a person is called, with the command that gives an address again.

    One that was given is removed again before the release.
    """
    shop, (number, _) = office
    shop.simulator.faults.add(
        {"operation": "release", "fault": "rate_limited", "retry_after": 7, "times": None}
    )
    report, _ = await shop.release_all(giving_up([number]))
    (line,), (command,) = report.numbers, report.commands
    assert (KEPT, RunOutcome.NEEDS_PERSON) == (line.state, report.outcome)
    assert (
        "run again with the same reference to release it, or give it its address again"
        in line.advice
    )
    order = check_parameters(EmergencyAddressParameters, json.loads(shlex.split(command)[-1]))
    assert (Action.PROVISION, (number,)) == (order.action, order.phone_numbers)
    async with shop.context() as context:
        await emergency.change(
            context,
            order,
            "E-1",
            await emergency.validate(context, order, ADDRESS),
        )
        assert ["has an address"] == [each.state for each in await coverage(context, [number])]
    shop.simulator.faults.clear()
    report, _ = await shop.release_all(giving_up([number]))
    assert (RunOutcome.DONE, ()) == (report.outcome, report.commands)
    assert ["deprovision_emergency_address", "deprovision_emergency_address", "release"] == sorted(
        sent(shop)
    )
    async with shop.context() as context:
        assert ["no address"] == [each.state for each in await coverage(context, [number])]


async def test_stopped_between_address_and_release(
    office: tuple[HostingShop, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for the number, by whomever it is told: the run, the hook, the sweep."""
    shop, (number, _) = office
    deprovision = Deprovision.do
    async with shop.context() as context:

        async def remove_and_stop(step: Deprovision, attempt: Attempt) -> Applied:
            applied = await deprovision(step, attempt)
            context.journal.stop(ALL_PROJECTS, by="ann")
            return applied

        monkeypatch.setattr(Deprovision, "do", remove_and_stop)
        with pytest.raises(Stopped) as caught:
            await releasing.release(context, giving_up([number]), "REL-1")
        (purchase,) = context.journal.purchases_named("REL-1")
        rows = context.journal.intentions(purchase_id=purchase.id)
    report = stopped_numbers_report(caught.value, rows, project="east")
    assert [(number, KEPT)] == [(line.phone_number, line.state) for line in report.numbers]
    assert RunOutcome.NEEDS_PERSON is report.outcome
    assert '"project": "east"' in report.commands[0]
    told = account(purchase, rows, why="cancelled")
    assert RunOutcome.NEEDS_PERSON is told.outcome
    for words in (told.reason, stopped_line(purchase, rows).summary):
        assert f"in service without an emergency address, which was removed: {number}" in words


async def test_somebody_else_removed_it(office: tuple[HostingShop, list[str]]) -> None:
    """An address that is gone when its removal arrives is no reason to keep the number."""
    shop, (number, _) = office
    assert (
        await shop.release_all(giving_up([number]), fate=Fate("request", after=False, costly=True))
        is None
    )
    async with shop.context() as context:
        await context.client.emergency_addresses.deprovision(number)
    report, _ = await shop.release_all(giving_up([number]))
    assert (RunOutcome.DONE, "released") == (report.outcome, report.numbers[0].state)
