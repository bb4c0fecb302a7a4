"""Numbers that live elsewhere, from the first request to the last report, on the virtual clock.

What an operator is promised, day by day.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.dying import Fate
from support.hosting import HostingShop, importing, numbers, qualifying_order, text_enabling
from support.letters import toll_free_numbers

from numberflow.errors import BadInput, SpendRefused
from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.hosting import ImportNumbersRequest
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.planning.hosting import Readiness
from numberflow.purchase.held import release as releasing
from numberflow.purchase.held.configure import configure_report
from numberflow.purchase.hosting.qualify import Next, checklist
from numberflow.purchase.run_context import RunContext

pytestmark = pytest.mark.anyio

HOUR, DAY = 3600.0, 86400.0


def state_of(report: Any) -> dict[str, int]:
    """How many numbers are in which state."""
    states = [line.state for line in report.numbers]
    return {state: states.count(state) for state in sorted(set(states))}


async def test_twelve_numbers_imported_in_three_orders(tmp_path: Path) -> None:
    """Twelve numbers are imported by three orders of at most five under one reference, each number
    once, and the sweep tells when all are done.
    """
    shop = HostingShop(tmp_path)
    wanted = importing(numbers(12), display_name="Support")
    report, _ = await shop.import_numbers(wanted)
    assert (RunOutcome.DONE, 3) == (report.outcome, len(report.orders))
    orders = shop.simulator.hosting_orders()
    assert [5, 5, 2] == [len(order["numbers"]) for order in orders]
    assert all(order["display_name"].startswith("Support nf-") for order in orders)
    assert 3 == len({order["display_name"] for order in orders})

    lines = await shop.sweep()
    assert ["SUBMITTED"] * 3 == [line.state for line in lines]
    await shop.wait(HOUR)
    lines = await shop.sweep()
    assert [("COMPLETED", False, False)] * 3 == [
        (line.state, line.is_open, line.needs_person) for line in lines
    ]
    assert [] == await shop.sweep()

    again, _ = await shop.import_numbers(wanted)
    assert {"done": 12} == state_of(again)
    assert (12, 3) == (len(shop.simulator.imported_numbers()), len(shop.simulator.hosting_orders()))
    assert [] == shop.doubled() + shop.unwritten


async def test_forty_numbers_by_invoices_with_a_letter_signed_late(tmp_path: Path) -> None:
    """Forty numbers are proven by invoices, then wait two days for a signature, with one reminder.

    38 are done, 2 have failed, with reason and cure.
    """
    shop = HostingShop(tmp_path)
    forty = numbers(40)
    await prove_by_invoices(shop, forty)
    await shop.script("held_elsewhere", phone_number=forty[7])
    await shop.script(
        "step_failure", phone_number=forty[9], step="osr", code="NUMBER_PROVISIONING_FAILED"
    )
    report, _ = await shop.text_enable(text_enabling(forty))
    assert (RunOutcome.DONE, 1) == (report.outcome, len(report.orders))

    alarms: list[tuple[int, str]] = []
    # The vendor's clock is read to the second.
    await shop.wait(60)
    for hour in range(0, 48, 6):
        alarms += [(hour, alarm.name) for line in await shop.sweep() for alarm in line.alarms]
        await shop.wait(6 * HOUR)
    assert [(24, "signature reminder")] == alarms
    (line,) = await shop.sweep()
    assert ("WAITING_FOR_LOA_SIGNATURE", True, False) == (
        line.state,
        line.is_open,
        line.needs_person,
    )

    await shop.script("loa", hosting_order_id=report.orders[0])
    await shop.wait(6 * HOUR)
    (line,) = await shop.sweep()
    assert ("COMPLETED", False, True) == (line.state, line.is_open, line.needs_person)
    assert "40 numbers: " in line.summary
    assert "38 done" in line.summary
    assert "2 failed" in line.summary
    failed = {
        number.phone_number: number.advice for number in line.numbers if number.state == "failed"
    }
    assert {forty[7], forty[9]} == set(failed)
    assert "migrate_to_sinch_tmo" in failed[forty[7]]
    assert "nothing to release" in failed[forty[7]]
    assert failed[forty[7]].startswith("60135: T-Mobile has the number under another aggregator")
    assert "messaging route failed" in failed[forty[9]]
    (alarm,) = line.alarms
    assert ("failed numbers", True) == (alarm.name, "2 of 40 numbers failed" in alarm.text)

    again, _ = await shop.text_enable(text_enabling(forty))
    assert {"done": 38, "failed": 2} == state_of(again)
    assert RunOutcome.REFUSED == again.outcome
    assert 1 == len(shop.simulator.hosting_orders())
    assert [] == shop.doubled() + shop.unwritten


async def prove_by_invoices(shop: HostingShop, forty: list[str]) -> None:
    """The first part of the story.

    Added in one request, listed for the mail, reviewed in two business days, and told by the sweep.
    """
    report, _ = await shop.qualify(qualifying_order(forty), "QUAL-1")
    assert (RunOutcome.DONE, {"being checked": 40}) == (report.outcome, state_of(report))
    todo = checklist(report)
    assert "orders@sinch.com" in todo
    assert all(f"`{number}`" in todo for number in forty)
    await shop.wait(60)
    (line,) = await shop.sweep()
    assert ("40 ownership not proven", True, ()) == (line.state, line.is_open, line.alarms)
    await shop.script("invoices", phone_numbers=forty)
    await shop.wait(4 * DAY)
    (line,) = await shop.sweep()
    assert ("40 ready", False, ["ready"]) == (
        line.state,
        line.is_open,
        [alarm.name for alarm in line.alarms],
    )
    again, _ = await shop.qualify(qualifying_order(forty), "QUAL-1")
    assert {"ready": 40} == state_of(again)
    assert 1 == sum(entry["operation"] == "add_qualified" for entry in shop.simulator.requests())


async def test_a_call_with_one_wrong_code(tmp_path: Path) -> None:
    """A wrong code costs one of three tries and no second ring by itself.

    A person asks for another call, and the right code proves the number.
    """
    shop = HostingShop(tmp_path)
    (number,) = numbers(1)
    wanted = qualifying_order([number], method="voice")
    report, _ = await shop.call(wanted)
    assert {"waiting for the code": 1} == state_of(report)
    spoken = (await shop.script("voice_code", phone_number=number))["code"]
    wrong = "0000" if spoken != "0000" else "1111"
    turn = await shop.answer(wanted, wrong)
    assert (Next.DECISION, 1, 1) == (turn.next, turn.calls, turn.tries)
    # Started again, the run does not call by itself.
    await shop.call(wanted)
    assert 1 == shop.entered("voice_challenge")[number]
    turn = await shop.answer(wanted, "call")
    assert (Next.CODE, 2) == (turn.next, turn.calls)
    turn = await shop.answer(wanted, (await shop.script("voice_code", phone_number=number))["code"])
    assert (Next.NOTHING, Readiness.READY, 2) == (turn.next, turn.state, turn.tries)
    assert 2 == shop.entered("voice_challenge")[number]
    journal = shop.journal_file.read_bytes()
    assert b'"1111"' not in journal
    assert f'"{spoken}"'.encode() not in journal
    assert [] == shop.unwritten


async def test_three_wrong_codes(tmp_path: Path) -> None:
    """After the third failure nothing is asked any more.

    The number is blocked, and the report says who can release it.
    """
    shop = HostingShop(tmp_path)
    wanted = qualifying_order(numbers(1), method="voice")
    await shop.call(wanted)
    for _ in range(2):
        turn = await shop.answer(wanted, "wrong")
        assert Next.DECISION == turn.next
        await shop.answer(wanted, "call")
    turn = await shop.answer(wanted, "wrong")
    assert (Next.NOTHING, Readiness.BLOCKED, 3) == (turn.next, turn.state, turn.tries)
    report, _ = await shop.qualify(wanted)
    assert RunOutcome.REFUSED == report.outcome
    assert "staff" in report.numbers[0].advice


async def test_invoices_that_nobody_mails(tmp_path: Path) -> None:
    """Without invoices nothing moves.

    A reminder after five days, overdue after fourteen, and a number that cannot be hosted is told
    at once.
    """
    shop = HostingShop(tmp_path)
    few = numbers(3)
    await shop.script("not_eligible", phone_number=few[2])
    await shop.qualify(qualifying_order(few))
    alarms: list[tuple[int, str]] = []
    for day in range(17):
        await shop.wait(60)
        (line,) = await shop.sweep()
        alarms += [(day, alarm.name) for alarm in line.alarms]
        await shop.wait(DAY - 60)
    assert [(0, "not eligible"), (5, "proof reminder"), (14, "proof overdue")] == alarms
    assert (True, True) == (line.is_open, line.needs_person)


async def test_a_letter_that_nobody_signs(tmp_path: Path) -> None:
    """Reminder after a day, escalation after three, overdue after fourteen, each once.

    Overdue is not failed, and a late signature still counts.
    """
    shop = HostingShop(tmp_path)
    few = numbers(2)
    await shop.qualify_at_once(few)
    report, _ = await shop.text_enable(text_enabling(few))
    alarms: list[tuple[int, str]] = []
    # The vendor's clock is read to the second.
    await shop.wait(60)
    for day in range(20):
        (line,) = await shop.sweep()
        alarms += [(day, alarm.name) for alarm in line.alarms]
        await shop.wait(DAY)
    assert [
        (1, "signature reminder"),
        (3, "signature escalation"),
        (14, "signature overdue"),
    ] == alarms
    assert ("WAITING_FOR_LOA_SIGNATURE (overdue)", True, True) == (
        line.state,
        line.is_open,
        line.needs_person,
    )
    assert "it is not known" in line.advice
    await shop.script("loa", hosting_order_id=report.orders[0])
    await shop.wait(6 * HOUR)
    (line,) = await shop.sweep()
    assert ("COMPLETED", False, False) == (line.state, line.is_open, line.needs_person)


async def test_a_declined_letter(tmp_path: Path) -> None:
    """An order that is rejected as a whole ends for all its numbers, and raises one alarm."""
    shop = HostingShop(tmp_path)
    few = numbers(2)
    await shop.qualify_at_once(few)
    report, _ = await shop.text_enable(text_enabling(few))
    await shop.wait(2 * HOUR)
    await shop.script("loa", hosting_order_id=report.orders[0], outcome="DECLINED")
    (line,) = await shop.sweep()
    assert ("REJECTED", False, True, ["rejected"]) == (
        line.state,
        line.is_open,
        line.needs_person,
        [one.name for one in line.alarms],
    )
    assert {"failed"} == {number.state for number in line.numbers}


async def test_toll_free_numbers(tmp_path: Path) -> None:
    """Toll-free numbers go by their own request without a campaign.

    The registry takes two business days, and the report says that sending needs more.
    """
    shop = HostingShop(tmp_path)
    free = toll_free_numbers(3)
    await shop.qualify_at_once(free)
    report, _ = await shop.text_enable(text_enabling(free))
    assert RunOutcome.DONE == report.outcome
    assert any("only when it is verified" in note for note in report.notes)
    assert 1 == sum(
        entry["operation"] == "text_enable_toll_free" for entry in shop.simulator.requests()
    )
    await shop.wait(HOUR)
    await shop.script("loa", hosting_order_id=report.orders[0])
    await shop.wait(6 * HOUR)
    (line,) = await shop.sweep()
    assert "IN_PROGRESS" == line.state
    await shop.wait(5 * DAY)
    (line,) = await shop.sweep()
    assert ("COMPLETED", False) == (line.state, line.needs_person)
    assert "on the campaign" not in line.summary


async def test_a_number_that_another_aggregator_holds(tmp_path: Path) -> None:
    """An import that fails with 60135 says what to do, and doing it ends well.

    Release the number, import it with migrate_to_sinch_tmo.
    """
    shop = HostingShop(tmp_path)
    few = numbers(3)
    await shop.script("held_elsewhere", phone_number=few[1])
    await shop.import_numbers(importing(few))
    await shop.wait(HOUR)
    (line,) = await shop.sweep()
    (number,) = [number for number in line.numbers if number.state == "failed"]
    assert (few[1], True) == (number.phone_number, number.advice.startswith("60135"))

    given_up, _ = await shop.release_all(
        check_parameters(ReleaseParameters, {"phone_numbers": [few[1]], "confirm_release": True})
    )
    assert {"deleted": 1} == state_of(given_up)
    await shop.import_numbers(importing([few[1]], migrate_to_sinch_tmo=True), "MOVE-1")
    await shop.wait(HOUR)
    lines = await shop.sweep()
    # The number that was given up is there again, because it was imported again.
    assert [("release", "had again", False)] == [
        (each.kind, each.state, each.is_open) for each in lines if each.reference != "MOVE-1"
    ]
    (line,) = [each for each in lines if each.reference == "MOVE-1"]
    assert ("COMPLETED", False, ["done"]) == (
        line.state,
        line.needs_person,
        [number.state for number in line.numbers],
    )


async def test_another_campaign(tmp_path: Path) -> None:
    """Imported and rented numbers get another plan and campaign.

    What they lose is told first and has to be confirmed; then unlink, wait, link.
    """
    shop = HostingShop(tmp_path)
    few = numbers(2)
    await shop.imported_at_once(few)
    shop.simulator.world.add_held(1)
    (rented,) = [number.phone_number for number in shop.simulator.world.holdings]
    wanted: dict[str, Any] = {
        "phone_numbers": [*few, rented],
        "sms": {"service_plan_id": "plan-other", "campaign_id": "campaign-other"},
        "display_name": "Shop",
    }
    with pytest.raises(SpendRefused, match="service plan plan-hosting, campaign campaign-hosting"):
        await shop.configure(check_parameters(ConfigureParameters, wanted))
    assert 0 == sum(entry["method"] == "PATCH" for entry in shop.simulator.requests())
    report, rows = await shop.configure(
        check_parameters(ConfigureParameters, wanted | {"confirm_unlink": True})
    )
    assert {"being linked", "as wished"} >= set(state_of(report)), report.model_dump_json(indent=1)
    assert RunOutcome.DONE == report.outcome
    assert ["unlink", "change", "unlink", "change"] == [
        row.fingerprint.split()[0] for row in rows if row.operation == "update_imported"
    ]
    await shop.wait(2 * HOUR)
    again, _ = await shop.configure(check_parameters(ConfigureParameters, wanted))
    assert {"as wished": 3} == state_of(again)
    shown = {number["phoneNumber"]: number for number in shop.simulator.imported_numbers()}
    assert all(
        shown[number]["smsConfiguration"]["campaignId"] == "campaign-other" for number in few
    )
    assert {"Shop"} == {shown[number]["displayName"] for number in few}
    assert [] == shop.unwritten


async def test_a_slow_unlink(tmp_path: Path) -> None:
    """An unlink that takes longer than the run waits is told, and the next run with the same
    reference goes on from there.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    shop.simulator.switches.set("imported_unlink_s", 3600)
    wanted = check_parameters(
        ConfigureParameters,
        {"phone_numbers": few, "sms": {"service_plan_id": "plan-other"}, "confirm_unlink": True},
    )
    report, _ = await shop.configure(wanted)
    assert ({"being unlinked": 1}, RunOutcome.REFUSED) == (state_of(report), report.outcome)
    await shop.wait(HOUR)
    report, rows = await shop.configure(wanted)
    assert ({"being linked": 1}, 2) == (state_of(report), len(rows))


async def test_giving_numbers_up(tmp_path: Path) -> None:
    """Rented and imported numbers are given up once it was confirmed.

    A run that names a number that is not held does nothing at all.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    shop.simulator.world.add_held(1)
    (rented,) = [number.phone_number for number in shop.simulator.world.holdings]
    with pytest.raises(BadInput, match=r"\+12125559999: the project holds no such number"):
        await shop.release_all(
            check_parameters(
                ReleaseParameters,
                {"phone_numbers": [*few, rented, "+12125559999"], "confirm_release": True},
            )
        )
    with pytest.raises(SpendRefused, match="would be given up"):
        await shop.release_all(
            check_parameters(ReleaseParameters, {"phone_numbers": [*few, rented]})
        )
    assert 1 == len(shop.simulator.imported_numbers())
    wanted = check_parameters(
        ReleaseParameters, {"phone_numbers": [*few, rented], "confirm_release": True}
    )
    report, _ = await shop.release_all(wanted)
    assert ({"deleted": 1, "released": 1}, RunOutcome.DONE) == (state_of(report), report.outcome)
    sent = len(shop.simulator.requests())
    again, _ = await shop.release_all(wanted)
    assert state_of(report) == state_of(again)
    assert not [
        entry
        for entry in shop.simulator.requests()[sent:]
        if entry["method"] != "GET" and entry["operation"] != "token"
    ]


async def test_given_up_by_another_run_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clicks at once: a run that reads the numbers after the other gave them up tells what the
    other did.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    order = check_parameters(ReleaseParameters, {"phone_numbers": few, "confirm_release": True})
    read = releasing.held_numbers

    async def read_late(context: RunContext, phone_numbers: Sequence[str]) -> Any:
        monkeypatch.setattr(releasing, "held_numbers", read)
        assert {"deleted": 1} == state_of((await shop.release_all(order))[0])
        return await read(context, phone_numbers)

    monkeypatch.setattr(releasing, "held_numbers", read_late)
    report, _ = await shop.release_all(order)
    assert ({"deleted": 1}, RunOutcome.DONE) == (state_of(report), report.outcome)


async def test_imported_by_somebody_else(tmp_path: Path) -> None:
    """A number that is imported as wanted is adopted.

    One with other links is explained and left alone; the others are ordered.
    """
    shop = HostingShop(tmp_path)
    few = numbers(4)
    other = {"service_plan_id": "plan-other"}
    await shop.import_numbers(importing([few[0]]), "HAND-1")
    await shop.import_numbers(importing([few[1]], sms=other), "HAND-2")
    report, rows = await shop.import_numbers(importing(few))
    states = {line.phone_number: line.state for line in report.numbers}
    assert ["linking", "imported otherwise", "in progress", "in progress"] == [
        states[number] for number in few
    ]
    assert RunOutcome.REFUSED == report.outcome
    assert "plan plan-other" in next(
        line.advice for line in report.numbers if line.phone_number == few[1]
    )
    (row,) = rows
    assert few[2:] == list(row.request["numbers"])
    assert [] == shop.doubled()


async def test_a_race_for_the_same_numbers(tmp_path: Path) -> None:
    """A number that is imported between our look and our order makes it a 409.

    What is there is adopted, and the rest goes into an order of its own.
    """
    shop = HostingShop(tmp_path)
    few = numbers(4)
    # One read that lags hides the import of a moment ago, as a rival's import in between would be
    # hidden.
    shop.simulator.faults.add(
        {"operation": "import_number", "fault": "stale_reads", "lag_reads": 2}
    )
    await shop.import_numbers(importing(few[:1]), "HAND-1")
    report, rows = await shop.import_numbers(importing(few))
    assert ["refused", "done"] == [str(row.state) for row in rows]
    assert dict.fromkeys(few[1:], 1) == shop.in_orders()
    assert RunOutcome.DONE == report.outcome
    assert [] == shop.doubled()


@pytest.mark.parametrize("conflicts", [True, False])
async def test_two_references_for_the_same_numbers(tmp_path: Path, *, conflicts: bool) -> None:
    """Numbers that an order of another reference works on are left alone and that reference is
    named, whether or not the vendor would take them.

    Numbers beside them are ordered; once the others are imported they are adopted.
    """
    shop = HostingShop(tmp_path)
    shop.simulator.switches.set("open_order_conflicts", conflicts)
    few = numbers(8)
    first, _ = await shop.import_numbers(importing(few[:7]), "ONE")
    second, rows = await shop.import_numbers(importing(few), "TWO")
    assert [RunOutcome.DONE, RunOutcome.REFUSED] == [first.outcome, second.outcome]
    assert [[few[7]]] == [row.request["numbers"] for row in rows]
    assert {"in progress": 1, "ordered by another reference": 7} == state_of(second)
    assert all("'ONE'" in line.advice for line in second.numbers[:7])
    assert dict.fromkeys(few, 1) == shop.in_orders()
    await shop.wait(HOUR)
    second, _ = await shop.import_numbers(importing(few), "TWO")
    assert ({"imported": 7, "done": 1}, RunOutcome.DONE) == (state_of(second), second.outcome)
    assert dict.fromkeys(few, 1) == shop.in_orders()


async def test_text_enabling_what_is_being_imported(tmp_path: Path) -> None:
    """A letter goes out for no number that an import order of another reference works on."""
    shop = HostingShop(tmp_path)
    few = numbers(2)
    await shop.qualify_at_once(few)
    await shop.import_numbers(importing(few), "ONE")
    with pytest.raises(
        SpendRefused, match="2 of 2 numbers stand in an order of another reference"
    ) as caught:
        await shop.text_enable(text_enabling(few))
    assert "'ONE'" in str(caught.value.remedy)
    assert dict.fromkeys(few, 1) == shop.in_orders()


OTHER = {"service_plan_id": "plan-other", "campaign_id": "campaign-other"}


def relinking(few: list[str], **parameters: Any) -> Any:
    """Checked parameters that take the numbers to another plan and campaign."""
    return check_parameters(
        ConfigureParameters,
        {"phone_numbers": few, "sms": OTHER, "confirm_unlink": True} | parameters,
    )


async def watched(shop: HostingShop, sweeps: int = 3) -> list[tuple[str, str]]:
    """State and alarms of so many sweeps, a quarter of an hour apart."""
    seen = []
    for _ in range(sweeps):
        lines = await shop.sweep()
        seen += [(line.state, alarm.name) for line in lines for alarm in line.alarms]
        await shop.wait(900)
    return seen


async def test_a_relink_that_fails_later(tmp_path: Path) -> None:
    """A link that fails long after the run is told by the sweep, once, with the vendor's code.

    So does the next report, in words.
    """
    shop = HostingShop(tmp_path)
    few = numbers(2)
    await shop.imported_at_once(few)
    await shop.sweep()
    await shop.script(
        "step_failure", phone_number=few[0], step="platform", code="NUMBER_PROVISIONING_FAILED"
    )
    await shop.script(
        "step_failure", phone_number=few[1], step="campaign", code="INSUFFICIENT_BALANCE"
    )
    report, _ = await shop.configure(relinking(few))
    assert {"being linked", "unlinked now: no messaging"} >= set(state_of(report))
    await shop.wait(2 * HOUR)
    lines = await shop.sweep()
    texts = sorted(alarm.text for line in lines for alarm in line.alarms)
    assert [True, True] == [line.needs_person for line in lines]
    assert [True, True] == [few[0] in texts[0], "unlinked now: no messaging" in texts[0]]
    assert [True, True] == [
        few[1] in texts[1],
        "INSUFFICIENT_BALANCE: the account does not have enough credit" in texts[1],
    ]
    assert [] == await watched(shop)
    # Neither has its service back, so both stay on the list.
    assert [True, True] == [line.needs_person for line in await shop.sweep()]
    again, _ = await shop.configure(relinking(few))
    assert {"link failed": 1, "unlinked now: no messaging": 1} == state_of(again)
    assert any("INSUFFICIENT_BALANCE" in line.advice for line in again.numbers)


async def test_a_relink_that_stops_half_way(tmp_path: Path) -> None:
    """A run that dies between unlink and relink leaves a number that somebody hears of.

    The same reference puts the link on, and the matter is closed.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    await shop.sweep()
    assert (
        await shop.configure(relinking(few), fate=Fate("request", after=True, costly=True)) is None
    )
    # The unlink is found to have happened; its run dies before the new link leaves.
    assert (
        await shop.configure(relinking(few), fate=Fate("request", after=False, costly=True)) is None
    )
    await shop.wait(900)
    assert [("unlinked now: no messaging", "unlinked")] == await watched(shop)
    await shop.configure(relinking(few))
    await shop.wait(2 * HOUR)
    assert [("linked", False)] == [(line.state, line.is_open) for line in await shop.sweep()]


async def test_a_link_that_is_refused_after_the_unlink(tmp_path: Path) -> None:
    """The report says that the number is unlinked now, and the sweep raises the alarm."""
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    await shop.sweep()
    shop.simulator.world.imported.unknown_plans.add("plan-other")
    report, _ = await shop.configure(relinking(few))
    assert {"refused": 1} == state_of(report)
    assert report.numbers[0].advice.startswith("unlinked now: no messaging")
    assert [("unlinked now: no messaging", "unlinked")] == await watched(shop)


async def test_a_single_import_is_followed(tmp_path: Path) -> None:
    """A number that was imported alone is followed to its links as well.

    A failure comes as an alarm with code and cure, a success closes it.
    """
    shop = HostingShop(tmp_path)
    good, bad = numbers(2)
    await shop.script("held_elsewhere", phone_number=bad)
    await shop.import_numbers(importing([good]), "ONE")
    await shop.import_numbers(importing([bad]), "TWO")
    await shop.wait(2 * HOUR)
    lines = {line.reference: line for line in await shop.sweep()}
    assert ("linked", False) == (lines["ONE"].state, lines["ONE"].is_open)
    (alarm,) = lines["TWO"].alarms
    assert ("link failed", True) == (alarm.name, "60135: T-Mobile has the number" in alarm.text)


async def told_by(shop: HostingShop) -> list[tuple[str, bool, list[str]]]:
    """State, whether it is looked at on, and alarms of each line of a sweep."""
    return [
        (line.state, line.is_open, [alarm.name for alarm in line.alarms])
        for line in await shop.sweep()
    ]


async def test_reads_that_come_late(tmp_path: Path) -> None:
    """A batch that reads do not show yet stays open, and so does one with a blocked number.

    When the rest is ready, that is told.
    """
    shop = HostingShop(tmp_path)
    few = numbers(3)
    shop.simulator.faults.add({"operation": "add_qualified", "fault": "stale_reads", "lag_s": 600})
    await shop.qualify(qualifying_order(few))
    assert [("3 not added", True, ["not added"])] == await told_by(shop)
    await shop.wait(1200)
    assert [("3 ownership not proven", True, [])] == await told_by(shop)
    with shop.simulator.world.lock:
        shop.simulator.world.imported.qualified.all[few[0]].forgiven = -3
    await shop.script("invoices", phone_numbers=few[1:], delay_s=0)
    await shop.wait(60)
    assert [("1 blocked, 2 ready", True, ["blocked", "ready"])] == [
        (", ".join(sorted(state.split(", "))), is_open, alarms)
        for state, is_open, alarms in await told_by(shop)
    ]
    assert [[]] == [alarms for _, _, alarms in await told_by(shop)]


async def test_alarms_for_each_number(tmp_path: Path) -> None:
    """A second number that fails is told as well.

    A batch that ends with some ready says so, and the same reference has it followed again.
    """
    shop = HostingShop(tmp_path)
    few = numbers(4)
    await shop.script("not_eligible", phone_number=few[3])
    await shop.qualify(qualifying_order(few))
    await shop.wait(60)
    assert [["not eligible"]] == [alarms for _, _, alarms in await told_by(shop)]
    for number in few[:2]:
        await shop.script("invoices", phone_numbers=[number], outcome="REFUSED", delay_s=0)
        await shop.wait(60)
        (line,) = await shop.sweep()
        assert [("proof failed", True)] == [
            (alarm.name, number in alarm.text) for alarm in line.alarms
        ]
    await shop.script("invoices", phone_numbers=few[:3], delay_s=0)
    await shop.wait(60)
    (line,) = await shop.sweep()
    assert [False, ["ready"]] == [line.is_open, [alarm.name for alarm in line.alarms]]
    assert "3 of 4 numbers are ready" in line.alarms[0].text
    assert [] == await shop.sweep()
    await shop.qualify(qualifying_order(few))
    assert [[]] == [alarms for _, _, alarms in await told_by(shop)]


@pytest.mark.parametrize("again", [numbers(1), numbers(2)])
async def test_a_release_that_is_repeated_too_late(tmp_path: Path, again: list[str]) -> None:
    """A number that was released, and imported again since, stays.

    The first release is not repeated at it, and a person hears why.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    giving_up = check_parameters(ReleaseParameters, {"phone_numbers": few, "confirm_release": True})
    assert await shop.release_all(giving_up, fate=Fate("request", after=True, costly=True)) is None
    assert [] == shop.simulator.imported_numbers()
    await shop.import_numbers(importing(again), "MOVE-1")
    await shop.wait(2 * HOUR)
    for _ in range(2):
        report, _ = await shop.release_all(giving_up)
        assert RunOutcome.NEEDS_PERSON == report.outcome
        assert len(again) == len(shop.simulator.imported_numbers())
    assert "'MOVE-1' got the number again" in report.numbers[0].advice


async def test_a_release_that_never_left(tmp_path: Path) -> None:
    """A release that was planned and never sent is not sent at a number that we got again since."""
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    giving_up = check_parameters(ReleaseParameters, {"phone_numbers": few, "confirm_release": True})
    shop.simulator.faults.add(
        {"operation": "delete_imported", "fault": "rate_limited", "retry_after": 7, "times": None}
    )
    await shop.release_all(giving_up)
    shop.simulator.faults.clear()
    await shop.release_all(giving_up, "REL-2")
    await shop.import_numbers(importing(few), "MOVE-1")
    await shop.wait(2 * HOUR)
    report, _ = await shop.release_all(giving_up)
    assert ("refused", True) == (report.numbers[0].state, "never sent" in report.numbers[0].advice)
    assert 1 == len(shop.simulator.imported_numbers())


async def test_tries_are_the_number_s(tmp_path: Path) -> None:
    """Wrong codes count for the number under whatever reference.

    After a block that staff released they begin anew.
    """
    shop = HostingShop(tmp_path)
    (number,) = numbers(1)
    wanted = qualifying_order([number], method="voice")
    await shop.call(wanted, "A")
    await shop.answer(wanted, "wrong", "A")
    await shop.answer(wanted, "call", "A")
    await shop.answer(wanted, "wrong", "A")
    await shop.call(wanted, "B")
    turn = await shop.answer(wanted, "", "B")
    assert (1, 2) == (turn.calls, turn.tries)
    turn = await shop.answer(wanted, "wrong", "B")
    assert (Readiness.BLOCKED, 3, Next.NOTHING) == (turn.state, turn.tries, turn.next)
    await shop.script("unblock", phone_number=number)
    turn = await shop.answer(wanted, "", "B")
    assert (0, Next.DECISION) == (turn.tries, turn.next)


async def test_a_check_that_takes_long(tmp_path: Path) -> None:
    """A number that is still checked when the run for its call ends was not called.

    The report says so, and to run again.
    """
    shop = HostingShop(tmp_path)
    shop.simulator.switches.set("qualification_check_s", 600)
    report, _ = await shop.call(qualifying_order(numbers(1), method="voice"))
    assert (RunOutcome.REFUSED, {"being checked": 1}) == (report.outcome, state_of(report))
    assert "run again" in report.numbers[0].advice


@pytest.mark.parametrize("count", [1, 3])
async def test_imported_once_and_gone(tmp_path: Path, count: int) -> None:
    """A number that was imported and given up since is not told as imported any more."""
    shop = HostingShop(tmp_path)
    few = numbers(count)
    await shop.import_numbers(importing(few))
    await shop.wait(2 * HOUR)
    await shop.release_all(
        check_parameters(ReleaseParameters, {"phone_numbers": few[:1], "confirm_release": True})
    )
    report, _ = await shop.import_numbers(importing(few))
    assert ("not imported any more", RunOutcome.REFUSED) == (
        report.numbers[0].state,
        report.outcome,
    )
    assert 1 == state_of(report)["not imported any more"]


async def test_adopted_as_it_is(tmp_path: Path) -> None:
    """A number that is adopted keeps its name and callback address, and the report says that they
    are not as asked.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.import_numbers(
        importing(few, callback_url="https://a.example/one", display_name="A"), "A"
    )
    await shop.wait(2 * HOUR)
    report, _ = await shop.import_numbers(
        importing(few, callback_url="https://b.example/two", display_name="B"), "B"
    )
    assert "left as they were: callback_url, display_name" in report.numbers[0].advice
    report, _ = await shop.import_numbers(importing(few, callback_url="https://a.example/one"), "C")
    assert "left as" not in report.numbers[0].advice


async def test_a_number_that_somebody_else_has(tmp_path: Path) -> None:
    """A number that is always refused as there already and never shown blocks nobody.

    The others are ordered one by one, and it is named.
    """
    shop = HostingShop(tmp_path)
    few = numbers(7)
    async with shop.context() as context:
        body = ImportNumbersRequest(
            region_code="US", numbers=(few[2],), service_plan_id="plan-x", display_name="by hand"
        )
        await context.client.hosting_orders.import_numbers(body, numbers_max=5)
    shop.unwritten.clear()
    report, rows = await shop.import_numbers(importing(few))
    assert ({"in progress": 6, "refused": 1}, RunOutcome.REFUSED) == (
        state_of(report),
        report.outcome,
    )
    (line,) = [line for line in report.numbers if line.state == "refused"]
    assert (few[2], True) == (line.phone_number, "409" in line.advice)
    assert [5, 2, 1, 1, 1, 1, 1] == [len(row.request["numbers"]) for row in rows]
    assert dict.fromkeys(few, 1) == shop.in_orders()


@pytest.mark.parametrize("state", ["SUBMITTED", "IN_PROGRESS"])
async def test_an_order_that_stands_still(tmp_path: Path, state: str) -> None:
    """An order that does not move is told after three days and after fourteen, each once."""
    shop = HostingShop(tmp_path)
    shop.simulator.switches.set(
        "hosting_submitted_s" if state == "SUBMITTED" else "imported_campaign_s", int(90 * DAY)
    )
    await shop.import_numbers(importing(numbers(2)))
    alarms: list[tuple[int, str]] = []
    await shop.wait(600)
    for day in range(17):
        (line,) = await shop.sweep()
        alarms += [(day, alarm.name) for alarm in line.alarms]
        await shop.wait(DAY)
    assert [(3, f"slow order ({state})"), (14, f"order overdue ({state})")] == alarms
    assert (f"{state} (overdue)", True, True) == (line.state, line.is_open, line.needs_person)


async def test_voice_for_an_imported_number(tmp_path: Path) -> None:
    """A plan is refused where the run would be: the voice of an imported number stays elsewhere."""
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    order = check_parameters(
        ConfigureParameters,
        {"phone_numbers": few, "voice": {"type": "RTC", "app_id": "app"}, "plan_only": True},
    )
    async with shop.context() as context:
        with pytest.raises(
            BadInput, match="is imported, and the voice of an imported number stays elsewhere"
        ):
            await configure_report(context, order, "PLAN-1", ())


@pytest.mark.parametrize(
    ("sms", "state", "row_state"),
    [(None, "linking", "done"), (OTHER, "imported otherwise", "refused")],
)
async def test_a_race_for_one_number(tmp_path: Path, sms: Any, state: str, row_state: str) -> None:
    """A single import that meets a 409 is as good as done when the number is there as wanted, and
    stays a refusal when it is linked otherwise.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    # One read that lags hides the import of a moment ago, as a rival's import in between would be
    # hidden.
    shop.simulator.faults.add(
        {"operation": "import_number", "fault": "stale_reads", "lag_reads": 2}
    )
    await shop.import_numbers(importing(few, **({} if sms is None else {"sms": sms})), "HAND-1")
    report, rows = await shop.import_numbers(importing(few))
    assert 409 in [
        entry["status"]
        for entry in shop.simulator.requests()
        if entry["operation"] == "import_number"
    ]
    assert ([row_state], {state: 1}) == ([str(row.state) for row in rows], state_of(report))
    assert 1 == len(shop.simulator.imported_numbers())


@pytest.mark.parametrize("count", [1, 2])
async def test_a_failed_campaign_and_its_code(tmp_path: Path, count: int) -> None:
    """The vendor's own code, which only the imported number shows, stands beside the number in the
    report, with what to do.
    """
    shop = HostingShop(tmp_path)
    few = numbers(count)
    await shop.script("step_failure", phone_number=few[0], step="campaign", code="CAMPAIGN_EXPIRED")
    await shop.import_numbers(importing(few))
    await shop.wait(2 * HOUR)
    for reference in ("HOST-1", "ANOTHER"):
        report, _ = await shop.import_numbers(importing(few), reference)
        assert ("failed", "CAMPAIGN_EXPIRED") == (report.numbers[0].state, report.numbers[0].code)
        assert (
            "the campaign has expired; link the number to another campaign"
            in report.numbers[0].advice
        )
        assert RunOutcome.REFUSED == report.outcome


async def test_two_references_at_the_same_moment(tmp_path: Path) -> None:
    """Two runs that find the same numbers free at the same moment order them once, even at a vendor
    that would take both orders.
    """
    shop = HostingShop(tmp_path)
    shop.simulator.switches.set("open_order_conflicts", False)
    few = numbers(3)
    async with anyio.create_task_group() as group:
        for reference in ("ONE", "TWO"):
            group.start_soon(shop.import_numbers, importing(few), reference)
    assert dict.fromkeys(few, 1) == shop.in_orders()
    assert [] == shop.doubled()
