"""What must not be given up is not, whatever way it is asked for: refused, and nothing is sent.

The vendor's own log of requests judges.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.dying import Fate
from support.hosting import CAMPAIGN, PLAN, HostingShop, numbers

from numberflow.errors import BadInput, NumberflowError, SpendRefused, Stopped
from numberflow.journal import IntentionState
from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.number_source import source_of
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.models.vendor import SmsSettings, UpdateRequest
from numberflow.purchase.costly_steps import CostlySteps
from numberflow.purchase.held import release as releasing
from numberflow.purchase.number_lists import read_list

pytestmark = pytest.mark.anyio

FILE = "protected-numbers.yaml"
OTHERS = "+12125559999"


@dataclass
class Estate:
    """A project with 20 rented numbers and the default limits, or those of a case."""

    shop: HostingShop
    papers: Path
    held: list[str] = field(default_factory=list)
    begun: int = 0
    """Requests before the attempt."""

    def set(self, **settings: Any) -> None:
        """Change settings of the runs that follow."""
        self.shop.settings = self.shop.settings.model_copy(update=settings)

    def protect(self, text: str) -> None:
        """Write the file of protected numbers."""
        (self.papers / FILE).write_text(text)

    def sent(self) -> list[str]:
        """What left that gives something up, whether it took effect or not."""
        return [
            entry["path"]
            for entry in list(self.shop.simulator.requests())[self.begun :]
            if entry["operation"]
            in ("release", "delete_imported", "update", "deprovision_emergency_address")
        ]

    def begin(self) -> None:
        """What was sent before is not the attempt's."""
        self.begun = len(list(self.shop.simulator.requests()))

    async def written_down(self, phone_numbers: list[str]) -> None:
        """A run that dies when its releases are planned, before any is sent."""
        order = check_parameters(
            ReleaseParameters, {"phone_numbers": phone_numbers, "confirm_release": True}
        )
        assert await self.shop.release_all(order, fate=Fate("write", n=3, after=True)) is None
        assert {IntentionState.PLANNED} == {row.state for row in self.shop.rows()}

    async def release(self, phone_numbers: Any, reference: str = "REL-1", **parameters: Any) -> Any:
        """One run: its report."""
        order = check_parameters(
            ReleaseParameters,
            {"phone_numbers": phone_numbers, "confirm_release": True} | parameters,
        )
        return (await self.shop.release_all(order, reference))[0]


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Twenty rented numbers, the product's limits, and an empty papers store."""
    shop = HostingShop(tmp_path)
    papers = tmp_path / "papers"
    papers.mkdir()
    held = sorted(shop.simulator.world.add_held(20))
    made = Estate(shop, papers, held)
    made.set(release_percent_max=30)
    return made


async def _listed(estate: Estate) -> Any:
    estate.protect(f"numbers:\n  - {estate.held[0]}\n")
    return await estate.release(estate.held[:2])


async def _named(estate: Estate) -> Any:
    async with estate.shop.context() as context:
        await context.client.active_numbers.update(
            estate.held[1], UpdateRequest(display_name="Main Hotline")
        )
    estate.shop.unwritten.clear()
    estate.begin()
    estate.protect('names: ["*hotline*"]\n')
    return await estate.release(estate.held[:2])


async def _grouped(estate: Estate) -> Any:
    estate.protect(f"groups:\n  boardroom:\n    numbers: ['{estate.held[1]}']\n")
    return await estate.release(estate.held[:2])


async def _malformed(estate: Estate) -> Any:
    estate.protect("numbers: [+12125550101\n")
    return await estate.release(estate.held[:1])


async def _twice(estate: Estate) -> Any:
    estate.protect(f"numbers: ['{estate.held[0]}']\nnumbers: []\n")
    return await estate.release(estate.held[:1])


async def _unreadable(estate: Estate) -> Any:
    (estate.papers / FILE).mkdir()
    return await estate.release(estate.held[:1])


async def _missing(estate: Estate) -> Any:
    estate.set(protected_numbers_required=True)
    return await estate.release(estate.held[:1])


async def _share(estate: Estate) -> Any:
    return await estate.release(estate.held[:7])


async def _day(estate: Estate) -> Any:
    estate.set(release_limit_per_day=3)
    assert (await estate.release(estate.held[:2], "REL-0")).outcome is RunOutcome.DONE
    estate.begin()
    return await estate.release(estate.held[2:4])


async def _wrong_count(estate: Estate) -> Any:
    return await estate.release(estate.held[:7], confirm_count=6)


async def _file_list(estate: Estate) -> Any:
    (estate.papers / "list.csv").write_text("\n".join(estate.held[:3]) + "\n")
    estate.protect(f"numbers: ['{estate.held[2]}']\n")
    source = source_of("list.csv")
    assert source is not None
    found = read_list(source, estate.shop.settings)
    return await estate.release(found.numbers)


async def _resumed(estate: Estate) -> Any:
    await estate.written_down(estate.held[:2])
    estate.protect(f"numbers: ['{estate.held[1]}']\n")
    return await estate.release(estate.held[:2])


async def _anothers(estate: Estate) -> Any:
    return await estate.release([estate.held[0], OTHERS])


async def _imported(estate: Estate) -> Any:
    few = numbers(1)
    await estate.shop.imported_at_once(few, PLAN, CAMPAIGN)
    estate.begin()
    estate.protect(f"groups:\n  ported: {{numbers: ['{few[0]}']}}\n")
    return await estate.release([estate.held[0], *few])


ATTEMPTS: dict[str, tuple[Callable[[Estate], Awaitable[Any]], str]] = {
    "list entry": (_listed, "it is listed in protected-numbers.yaml"),
    "name pattern": (_named, "its name matches '*hotline*'"),
    "group": (_grouped, "it is listed in group 'boardroom' of protected-numbers.yaml"),
    "malformed file": (_malformed, "is no YAML in line 2"),
    "a list written twice": (_twice, "numbers is written twice"),
    "unreadable file": (_unreadable, "cannot be read"),
    "missing file that has to be there": (_missing, "is not in the papers store"),
    "over 30 %": (_share, "7 of the project's 20 numbers are more than 30 %"),
    "over the day's limit": (_day, "4 releases on this day (UTC) are more than 3, so"),
    "wrong count": (_wrong_count, "confirm_count: is 6, and the run names 7 numbers"),
    "list in a file": (_file_list, "1 number of this run may not be released"),
    "resumed after the file gained it": (_resumed, "1 number of this run may not be released"),
    "another project's": (_anothers, f"{OTHERS}: the project holds no such number"),
    "imported": (_imported, "in group 'ported'"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_refused(estate: Estate, attempt: str) -> None:
    """The run is refused as a whole, says the rule, and nothing leaves."""
    run, told = ATTEMPTS[attempt]
    with pytest.raises((SpendRefused, BadInput)) as caught:
        await run(estate)
    assert told in caught.value.message
    assert ("30 %" in attempt) == ("30 %" in caught.value.message)
    assert [] == estate.sent()
    assert "" != caught.value.remedy


async def test_two_runs_at_once(estate: Estate) -> None:
    """Each of two runs fits under the limit, both do not: one of them is refused, or asks."""
    estate.set(release_limit_per_day=5)
    both = await asyncio.gather(
        estate.release(estate.held[:3], "REL-A"),
        estate.release(estate.held[3:6], "REL-B"),
        return_exceptions=True,
    )
    refused = [each for each in both if isinstance(each, SpendRefused)]
    assert 1 == len(refused), both
    assert refused[0].rule in ("release_limit", "approval")
    assert 3 == len(estate.sent())


async def test_the_transaction_counts(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that saw room and plans after another one has taken it is refused."""
    estate.set(release_limit_per_day=3)
    opened = releasing.open_purchase

    async def after_a_rival(context: Any, new: Any) -> Any:
        monkeypatch.setattr(releasing, "open_purchase", opened)
        await estate.release(estate.held[2:4], "REL-A")
        return await opened(context, new)

    monkeypatch.setattr(releasing, "open_purchase", after_a_rival)
    with pytest.raises(SpendRefused, match="another run was faster") as caught:
        await estate.release(estate.held[:2], "REL-B")
    assert ("release_limit", 2) == (caught.value.rule, len(estate.sent()))


async def test_planned_on_another_day(estate: Estate) -> None:
    """A release that was written down and not sent counts on the day on which it leaves."""
    await estate.written_down(estate.held[:2])
    with sqlite3.connect(estate.shop.journal_file) as journal:
        journal.execute("UPDATE intentions SET spend_day = '2020-01-01'")
    estate.set(release_limit_per_day=1)
    with pytest.raises(SpendRefused, match="2 releases on this day"):
        await estate.release(estate.held[:2])
    assert [] == estate.sent()
    estate.set(release_limit_per_day=2)
    assert RunOutcome.DONE is (await estate.release(estate.held[:2])).outcome
    async with estate.shop.context() as context:
        assert 2 == len(context.journal.released_today(context.project_id))


@pytest.mark.parametrize("when", ["a lost reply of an earlier day", "midnight in between"])
async def test_leaves_on_another_day(
    estate: Estate, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was counted on an earlier day does not pass the limit of the day on which it leaves."""
    estate.set(release_limit_per_day=2)
    await estate.written_down(estate.held[:2])

    def yesterday(what: str) -> None:
        with sqlite3.connect(estate.shop.journal_file) as journal:
            journal.execute(
                f"UPDATE intentions SET spend_day = '2020-01-01'{what} WHERE reference = 'REL-1'"
            )

    if when.startswith("a lost"):
        yesterday(", state = 'unknown'")
        assert RunOutcome.DONE is (await estate.release(estate.held[2:4], "REL-2")).outcome
    else:
        planning = CostlySteps.plan

        async def then_midnight(*given: Any, **named: Any) -> Any:
            monkeypatch.setattr(CostlySteps, "plan", planning)
            planned = await planning(*given, **named)
            yesterday("")
            assert RunOutcome.DONE is (await estate.release(estate.held[2:4], "REL-2")).outcome
            return planned

        monkeypatch.setattr(CostlySteps, "plan", then_midnight)
    with pytest.raises(SpendRefused, match="would make 3 today") as caught:
        await estate.release(estate.held[:2])
    assert ("release_limit", 2) == (caught.value.rule, len(estate.sent()))
    with pytest.raises(SpendRefused, match=r"4 releases on this day .* a person has to approve"):
        await estate.release(estate.held[:2])
    assert 2 == len(estate.sent())
    assert RunOutcome.DONE is (await estate.release(estate.held[:2], confirm_count=2)).outcome
    assert 4 == len(estate.sent())


async def test_protected_while_its_outcome_is_open(estate: Estate) -> None:
    """A release whose reply was lost is looked up; it is not sent again at a protected number."""
    number = estate.held[0]
    await estate.written_down([number])
    with sqlite3.connect(estate.shop.journal_file) as journal:
        journal.execute("UPDATE intentions SET state = 'unknown'")
    estate.protect(f"numbers: ['{number}']\n")
    with pytest.raises(Stopped, match="is protected: it is listed"):
        await estate.release([number])
    (row,) = estate.shop.rows()
    assert (IntentionState.PLANNED, []) == (row.state, estate.sent())


async def test_what_is_lost_is_said_first_and_the_count_opens(estate: Estate) -> None:
    """Plan and question list links, callbacks, price and end; the typed count lets it go.

    The approval is in the journal, the end is read back, and a second release sends nothing.
    """
    seven = estate.held[:7]
    async with estate.shop.context() as context:
        await context.client.active_numbers.update(
            seven[0],
            UpdateRequest(
                sms=SmsSettings(service_plan_id="plan-7"),
                callback_url="https://example.test/hook",
            ),
        )
        await estate.shop.wait(60)
        order = check_parameters(
            ReleaseParameters, {"phone_numbers": seven, "confirm_release": True}
        )
        question = await releasing.question(context, order, "REL-1")
        assert question is not None
        assert 7 == question.count
        for told in (
            "# Release 7 numbers?",
            "plan-7",
            "callbacks to https://example.test/hook",
            "USD a month",
            "its next charge date",
            "more than 30 %",
        ):
            assert told in question.text
        planned = await releasing.release_report(
            context, order.model_copy(update={"plan_only": True}), "REL-1", ()
        )
        assert planned.notes[0].startswith("what ends with 7 numbers: links of 1, callbacks of 1")
        assert any("a run asks a person, who types the count" in note for note in planned.notes)
    estate.begin()
    estate.shop.started_by = "ada"
    report = await estate.release(seven, confirm_count=7)
    assert (RunOutcome.DONE, 7) == (report.outcome, len(estate.sent()))
    assert "it loses service plan plan-7, callbacks to" in report.numbers[0].advice
    assert "as the vendor shows it" in report.numbers[0].advice
    async with estate.shop.context() as context:
        (purchase,) = context.journal.purchases_named("REL-1")
        assert ("ada (by the parameter confirm_count)", 7) == (
            purchase.approval["by"],
            purchase.approval["count"],
        )
    second = await estate.release(seven[:2], "REL-2")
    assert (RunOutcome.DONE, {"leaving"}) == (
        second.outcome,
        {line.state for line in second.numbers},
    )
    assert "is leaving already, usable until" in second.numbers[0].advice
    assert 7 == len(estate.sent())


async def test_an_approval_counts_for_its_reference(estate: Estate) -> None:
    """Once a person has typed the count, the same reference needs no further answer."""
    order = check_parameters(
        ReleaseParameters, {"phone_numbers": estate.held[:7], "confirm_release": True}
    )
    async with estate.shop.context() as context:
        question = await releasing.question(context, order, "REL-1")
        assert question is not None
        await releasing.approve(context, question.purchase_id, "Ada", 7)
        assert await releasing.question(context, order, "REL-1") is None
    assert RunOutcome.DONE is (await estate.release(estate.held[:7])).outcome
    with pytest.raises(NumberflowError, match="already stands for another"):
        await estate.release(estate.held[7:14])
    assert 7 == len(estate.sent())


async def test_another_name_ends_no_protection(estate: Estate) -> None:
    """A rename that takes a number out of a name pattern is refused, and one in doubt, too."""

    def wanting(name: str) -> Any:
        return check_parameters(
            ConfigureParameters, {"phone_numbers": estate.held[:2], "display_name": name}
        )

    assert RunOutcome.DONE is (await estate.shop.configure(wanting("Hotline")))[0].outcome
    estate.begin()
    estate.protect('groups: {core: {names: ["*hotline*"]}}\n')
    with pytest.raises(SpendRefused, match=r"its name matches '.hotline.' in group 'core'"):
        await estate.shop.configure(wanting("Spare"), "CONF-2")
    listed = f"numbers: ['{estate.held[0]}', '{estate.held[1]}']\nnames: ['hot*']\n"
    estate.protect("names: [")
    with pytest.raises(SpendRefused, match="is no YAML"):
        await estate.shop.configure(wanting("Spare"), "CONF-2")
    assert [] == estate.sent()
    # Another name that is protected, or a number that its name does not protect alone.
    estate.protect('names: ["*hotline*"]\n')
    other, _ = await estate.shop.configure(wanting("Hotline 2"), "CONF-3")
    estate.protect(listed)
    spare, _ = await estate.shop.configure(wanting("Spare"), "CONF-4")
    assert (RunOutcome.DONE, RunOutcome.DONE) == (other.outcome, spare.outcome)


async def test_a_plan_names_what_is_protected(estate: Estate) -> None:
    """plan_only shows each protected number with its rule."""
    estate.protect(f"names: ['?no such*']\ngroups: {{core: {{numbers: ['{estate.held[0]}']}}}}\n")
    order = check_parameters(
        ReleaseParameters, {"phone_numbers": estate.held[:2], "plan_only": True}
    )
    async with estate.shop.context() as context:
        report = await releasing.release_report(context, order, "REL-1", ())
    assert (RunOutcome.REFUSED, ["protected", "to be released"]) == (
        report.outcome,
        [line.state for line in report.numbers],
    )
    assert "group 'core'" in report.numbers[0].advice
