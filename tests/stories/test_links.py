"""Links that the vendor takes at once and puts on, or takes off, later.

What an operator hears of each that fails, from the run and from the sweep.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.dying import Fate
from support.hosting import HostingShop, numbers
from support.pasted import printed
from support.purchases import order as bought

from numberflow.errors import OutcomeUnknown, Stopped
from numberflow.journal import ALL_PROJECTS, IntentionState
from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.purchase.account import account
from numberflow.purchase.held import configure as configuring
from numberflow.purchase.numbers_report import stopped_numbers_report
from numberflow.purchase.stopped import stopped_line
from numberflow.purchase.unlinked import UNLINKED
from numberflow.simulator.provisioning import SmsLink, VoiceLink

pytestmark = pytest.mark.anyio

OLD, NEW = SmsLink("plan-a", "CAMPA"), SmsLink("plan-b", "CAMPB")
OLD_VOICE, NEW_VOICE = VoiceLink("RTC", "app-a"), VoiceLink("EST", "trunk-b")
SMS = {"service_plan_id": "plan-b", "campaign_id": "CAMPB"}
VOICE = {"type": "EST", "trunk_id": "trunk-b"}
HOUR = 3600.0


def rented(
    shop: HostingShop, count: int, *, sms: SmsLink = OLD, voice: VoiceLink = OLD_VOICE
) -> list[str]:
    """So many US local numbers that have been linked for long."""
    shop.simulator.world.add_held(count)
    for number in shop.simulator.world.holdings:
        number.sms, number.voice, number.sms_job, number.voice_job, number.expire_at = (
            sms,
            voice,
            None,
            None,
            None,
        )
    return [number.phone_number for number in shop.simulator.world.holdings]


def wanting(numbers: list[str], **parameters: Any) -> Any:
    """Checked parameters of a relink that was confirmed."""
    return check_parameters(
        ConfigureParameters,
        {"phone_numbers": numbers, "confirm_unlink": True, "provisioning_wait_s": 60} | parameters,
    )


def links(shop: HostingShop, number: str) -> tuple[SmsLink, VoiceLink]:
    """What is in effect at the vendor."""
    world = shop.simulator.world
    held = world.holdings.get(number)
    assert held is not None
    return world.linking.in_effect(held, world.settle())


def sent(shop: HostingShop, method: str) -> int:
    """How many requests of a method arrived about active numbers."""
    return sum(
        each["method"] == method and "activeNumbers" in each["path"]
        for each in shop.simulator.requests()
    )


def parameters_of(command: str) -> dict[str, Any]:
    """What a printed command hands to the flow."""
    words = shlex.split(command)
    assert ["numberflow", "run", "configure-numbers", "--params"] == words[:4]
    return dict(json.loads(words[4]))


async def alarms(shop: HostingShop) -> dict[str, list[str]]:
    """Texts of the alarms of one sweep, by name."""
    found: dict[str, list[str]] = {}
    for line in await shop.sweep():
        for alarm in line.alarms:
            found.setdefault(alarm.name, []).append(alarm.text)
    return found


async def test_an_unlink_that_fails(tmp_path: Path) -> None:
    """It is seen at once and told with code, cure and what the number still has.

    The sweep says the same, and the printed command goes on.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    codes = ["CAMPAIGN_MNO_REVIEW"]
    await shop.script("provisioning", phone_number=number, outcome="FAILED", error_codes=codes)
    order = wanting([number], sms=SMS, provisioning_wait_s=6)
    report, _ = await shop.configure(order)
    (line,) = report.numbers
    assert (RunOutcome.REFUSED, "unlink failed", codes[0]) == (
        report.outcome,
        line.state,
        line.code,
    )
    assert "wait a day" in line.advice
    assert "it still has service plan plan-a, campaign CAMPA" in line.advice
    # The run starts again with nothing to send: the job has ended, so it is looked at and not
    # waited for.
    before = sent(shop, "GET")
    again, rows = await shop.configure(order)
    assert (report.numbers, 1) == (again.numbers, sent(shop, "PATCH"))
    assert sent(shop, "GET") - before <= 4
    kept = {"ids": {"service_plan_id": "plan-a", "campaign_id": "CAMPA"}, "marks": {}}
    assert kept == rows[0].request["before"]

    (text,) = (await alarms(shop))["unlink failed"]
    assert [True, True, False] == [
        part in text for part in (codes[0], "it still has service plan plan-a", "no campaign")
    ]
    shop.simulator.world.linking.scripts.clear()
    (command,) = report.commands
    done, _ = await shop.configure(
        check_parameters(ConfigureParameters, parameters_of(command)), "CONF-1-again"
    )
    assert (RunOutcome.DONE, NEW) == (done.outcome, links(shop, number)[0])
    assert {("linked", False)} == {(line.state, line.is_open) for line in await shop.sweep()}


async def test_a_link_that_fails_after_its_unlink(tmp_path: Path) -> None:
    """The number is named as unlinked by the run and by every sweep, with the command that puts the
    old link back; after that nothing is open.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    await shop.script(
        "provisioning",
        phone_number=number,
        step="link",
        outcome="FAILED",
        error_codes=["EXCEEDED_10DLC_LIMIT"],
    )
    report, _ = await shop.configure(wanting([number], sms=SMS))
    (line,) = report.numbers
    assert ("unlinked now: no messaging", "EXCEEDED_10DLC_LIMIT") == (line.state, line.code)
    assert "before this run it had service plan plan-a, campaign CAMPA" in line.advice
    (text,) = (await alarms(shop))["link failed"]
    assert "unlinked now: no messaging" in text
    assert report.commands[-1] in text
    for _ in range(3):
        await shop.wait(HOUR)
        assert [("link failed", True, True)] == [
            (each.state, each.needs_person, each.is_open) for each in await shop.sweep()
        ]
    shop.simulator.world.linking.step_scripts.clear()
    done, _ = await shop.configure(
        check_parameters(ConfigureParameters, parameters_of(report.commands[-1])), "BACK"
    )
    assert (RunOutcome.DONE, (OLD, OLD_VOICE)) == (done.outcome, links(shop, number))
    await shop.sweep()
    await shop.wait(HOUR)
    await shop.sweep()
    assert [] == await shop.sweep()


async def test_the_way_back_leaves_alone_what_the_reference_did_not_touch(tmp_path: Path) -> None:
    """Voice that another reference has changed since stays, though the run that lost the messaging
    saw the old one; commands say whose account.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    await shop.script("provisioning", phone_number=number, step="link", outcome="FAILED")
    failed, _ = await shop.configure(wanting([number], sms=SMS, project="east"))
    shop.simulator.world.linking.step_scripts.clear()
    await shop.configure(wanting([number], voice=VOICE), "CONF-2")
    # What CONF-1 did not touch is no reason either to say that something is lost.
    (swept,) = [line for line in await shop.sweep(project="east") if line.reference == "CONF-1"]
    once_more, way_back = failed.commands
    assert way_back in swept.advice
    (told,) = [part for part in swept.advice.split("; ") if part.startswith("once more")]
    commands = [once_more, way_back, printed(told, "numberflow run")]
    assert ["east"] * 3 == [parameters_of(command)["project"] for command in commands]
    done, _ = await shop.configure(
        check_parameters(ConfigureParameters, parameters_of(way_back)), "BACK"
    )
    assert (RunOutcome.DONE, (OLD, NEW_VOICE)) == (done.outcome, links(shop, number))


async def test_twenty_voice_links_that_fail(tmp_path: Path) -> None:
    """Twenty numbers whose voice job fails are twenty lines of the report and twenty alarms.

    Each still has what it had, or is told to have nothing.
    """
    shop = HostingShop(tmp_path)
    twenty = rented(shop, 20, sms=SmsLink(), voice=VoiceLink())
    await shop.script("provisioning", app_id="trunk-b", outcome="FAILED")
    report, _ = await shop.configure(wanting(twenty, voice=VOICE))
    assert (RunOutcome.REFUSED, {"link failed"}) == (
        report.outcome,
        {line.state for line in report.numbers},
    )
    assert 20 == len((await alarms(shop))["voice link failed"])


async def test_voice_that_cannot_be_changed_directly(tmp_path: Path) -> None:
    """Where the vendor refuses another voice link over a live one, the old one is taken off first.

    A voice unlink that fails is told as one.
    """
    shop = HostingShop(tmp_path)
    good, bad = rented(shop, 2)
    shop.simulator.switches.set("refuse_direct_voice_change", True)
    await shop.script("provisioning", phone_number=bad, step="unlink_voice", outcome="FAILED")
    report, _ = await shop.configure(wanting([good, bad], voice=VOICE))
    assert ["as wished", "unlink failed"] == [line.state for line in report.numbers]
    assert [NEW_VOICE, OLD_VOICE] == [links(shop, number)[1] for number in (good, bad)]
    assert ["voice unlink failed"] == list(await alarms(shop))


async def test_one_product_fails_and_the_other_does_not(tmp_path: Path) -> None:
    """What does not depend on the link that stayed on is changed all the same.

    A failed SMS unlink leaves nobody without voice.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    await shop.script("provisioning", phone_number=number, step="unlink_sms", outcome="FAILED")
    report, _ = await shop.configure(wanting([number], sms=SMS, voice=VOICE, display_name="Shop"))
    assert ["unlink failed"] == [line.state for line in report.numbers]
    assert (OLD, NEW_VOICE) == links(shop, number)
    held = shop.simulator.world.holdings.get(number)
    assert held is not None
    assert "Shop" == held.display_name


async def test_another_campaign_of_the_same_plan(tmp_path: Path) -> None:
    """The campaign is changed while the plan stays on.

    A run that dies in between leaves a number that the sweep names until it has a campaign.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    order = wanting([number], sms={"service_plan_id": "plan-a", "campaign_id": "CAMPB"})
    assert await shop.configure(order, fate=Fate("request", after=True, costly=True)) is None
    # The unlink is found to have happened; its run dies before the new campaign leaves.
    assert await shop.configure(order, fate=Fate("request", after=False, costly=True)) is None
    assert SmsLink("plan-a", "") == links(shop, number)[0]
    await shop.sweep()
    await shop.wait(HOUR)
    (text,) = (await alarms(shop))["unlinked"]
    assert "no campaign now: US carriers block its messages" in text
    report, _ = await shop.configure(order)
    assert (RunOutcome.DONE, SmsLink("plan-a", "CAMPB")) == (report.outcome, links(shop, number)[0])
    assert [("linked", False)] == [(line.state, line.is_open) for line in await shop.sweep()]


async def test_an_unlink_whose_run_was_killed(tmp_path: Path) -> None:
    """Nobody saw the reply, and the number is in every sweep as unlinked all the same, until the
    reference has gone on.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    order = wanting([number], sms=SMS)
    assert await shop.configure(order, fate=Fate("request", after=True, costly=True)) is None
    assert [IntentionState.SENDING, IntentionState.PLANNED] == [row.state for row in shop.rows()]
    await shop.wait(60)
    await shop.sweep()
    for _ in range(2):
        await shop.wait(HOUR)
        assert [("unlinked now: no messaging", True)] == [
            (line.state, line.needs_person) for line in await shop.sweep()
        ]
    report, _ = await shop.configure(order)
    assert (RunOutcome.DONE, NEW) == (report.outcome, links(shop, number)[0])
    assert [("linked", False)] == [(line.state, line.is_open) for line in await shop.sweep()]
    assert [] == await shop.sweep()


async def test_an_unlink_that_leaves_after_the_sweep_gave_the_number_up(tmp_path: Path) -> None:
    """A step that was killed before it left is no longer followed.

    When the reference continues, its number is followed again.
    """
    shop = HostingShop(tmp_path)
    (number,) = rented(shop, 1)
    order = wanting([number], sms=SMS)
    assert await shop.configure(order, fate=Fate("request", after=False, costly=True)) is None
    await shop.sweep()
    await shop.wait(HOUR)
    assert [("linked otherwise", False)] == [
        (line.state, line.is_open) for line in await shop.sweep()
    ]
    await shop.script("provisioning", phone_number=number, step="link", outcome="FAILED")
    await shop.configure(order)
    assert [("link failed", True)] == [(line.state, line.is_open) for line in await shop.sweep()]


async def test_one_number_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other gets its new link all the same.

    The report of the run that ends by it names one as unlinked, with the command that leads back.
    """
    shop = HostingShop(tmp_path)
    good, bad = rented(shop, 2)

    async def wait(seconds: float) -> None:
        shop.simulator.clock.advance(seconds)
        path = f".*{bad[1:]}.*"
        shop.simulator.faults.add(
            {"operation": "get_active", "path": path, "fault": "error_before", "times": None}
        )

    monkeypatch.setattr(shop, "wait", wait)
    async with shop.context() as context:
        rows = await configuring.configure(context, wanting([good, bad], sms=SMS), "CONF-1")
    assert [NEW, SmsLink()] == [links(shop, number)[0] for number in (good, bad)]
    report = stopped_numbers_report(OutcomeUnknown("HTTP 503"), rows)
    assert [(good, "done"), (bad, UNLINKED)] == [
        (line.phone_number, line.state) for line in report.numbers
    ]
    assert [[bad]] == [parameters_of(command)["phone_numbers"] for command in report.commands]


async def test_a_stop_between_unlink_and_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for each number, by whomever it is told: the run, the hook, the sweep.

    The printed command leads back.
    """
    shop = HostingShop(tmp_path)
    two = rented(shop, 2)
    async with shop.context() as context:

        async def wait(seconds: float) -> None:
            shop.simulator.clock.advance(seconds)
            context.journal.stop(ALL_PROJECTS, by="ann")

        monkeypatch.setattr(context, "wait", wait)
        with pytest.raises(Stopped) as caught:
            await configuring.configure(context, wanting(two, sms=SMS), "CONF-1")
        (purchase,) = context.journal.purchases_named("CONF-1")
        rows = context.journal.intentions(purchase_id=purchase.id)
        context.journal.go(ALL_PROJECTS)
    report = stopped_numbers_report(caught.value, rows, project="east")
    assert RunOutcome.NEEDS_PERSON is report.outcome
    assert [(number, UNLINKED) for number in two] == [
        (line.phone_number, line.state) for line in report.numbers
    ]
    assert "it had service plan plan-a, campaign CAMPA" in report.numbers[0].advice
    told = account(purchase, rows, why="cancelled")
    assert RunOutcome.NEEDS_PERSON is told.outcome
    for words in (told.reason, stopped_line(purchase, rows).summary):
        assert (
            f"unlinked, or being unlinked, and without their new link: {', '.join(sorted(two))}"
            in words
        )
    (command,) = report.commands
    assert "east" == parameters_of(command)["project"]
    done, _ = await shop.configure(
        check_parameters(ConfigureParameters, parameters_of(command)), "BACK"
    )
    assert (RunOutcome.DONE, {OLD}) == (done.outcome, {links(shop, number)[0] for number in two})


async def test_many_numbers_wait_together(tmp_path: Path) -> None:
    """Thirty-nine relinks wait for as long as one does, and pages of the list take the place of
    reads by name while they wait.
    """
    shop = HostingShop(tmp_path)
    many = rented(shop, 40)
    began = shop.simulator.clock.now()
    await shop.configure(wanting(many[:1], sms=SMS), "ONE")
    one_s = (shop.simulator.clock.now() - began).total_seconds()
    began = shop.simulator.clock.now()
    report, _ = await shop.configure(wanting(many[1:], sms=SMS), "MANY")
    assert {"as wished"} == {line.state for line in report.numbers}
    assert (shop.simulator.clock.now() - began).total_seconds() < 1.3 * one_s
    # Read by name: once when its unlink has ended, once when its link has.
    assert shop.simulator.log.summary()["get_active"] <= 2 * 39 + 20


async def test_links_of_rented_numbers_are_followed(tmp_path: Path) -> None:
    """A purchase that ends before its links leaves them to the sweep.

    What is on is closed, what failed is an alarm with the command that links it.
    """
    shop = HostingShop(tmp_path)
    await shop.script(
        "provisioning",
        service_plan_id="plan-b",
        outcome="FAILED",
        error_codes=["SMS_PROVISIONING_FAILED"],
    )
    for reference, plan in (("GOOD", "plan-a"), ("BAD", "plan-b")):
        report = await shop.buy(
            bought(quantity=2, sms={"service_plan_id": plan}, provisioning_wait_s=0), reference
        )
        assert report is not None
        assert 2 == report.rented
    assert {"being linked"} == {line.state for line in await shop.sweep()}
    await shop.wait(60)
    lines = await shop.sweep()
    assert [("linked", False)] * 2 == [
        (each.state, each.is_open) for each in lines if each.reference == "GOOD"
    ]
    failed = [each for each in lines if each.reference == "BAD"]
    assert [("link failed", 1)] * 2 == [(each.state, len(each.alarms)) for each in failed]
    shop.simulator.world.linking.scripts.clear()
    (number,) = failed[0].numbers
    command = printed(number.advice, "numberflow run configure-numbers")
    done, _ = await shop.configure(
        check_parameters(ConfigureParameters, parameters_of(command)), "LINK"
    )
    assert (RunOutcome.DONE, "plan-b") == (
        done.outcome,
        links(shop, number.phone_number)[0].service_plan_id,
    )


async def test_a_number_that_was_given_up_and_is_still_there(tmp_path: Path) -> None:
    """A removal that the vendor took and does not show is looked at by the sweep.

    An alarm while the number is there, closed when it is gone.
    """
    shop = HostingShop(tmp_path)
    few = numbers(1)
    await shop.imported_at_once(few)
    await shop.sweep()
    shop.simulator.faults.add(
        {"operation": "delete_imported", "fault": "stale_reads", "lag_s": HOUR}
    )
    report, _ = await shop.release_all(
        check_parameters(ReleaseParameters, {"phone_numbers": few, "confirm_release": True})
    )
    assert RunOutcome.DONE == report.outcome
    assert [("still held", True)] == [(line.state, line.is_open) for line in await shop.sweep()]
    await shop.wait(900)
    (text,) = (await alarms(shop))["not released"]
    assert few[0] in text
    await shop.wait(HOUR)
    assert [("not held any more", False)] == [
        (line.state, line.is_open) for line in await shop.sweep()
    ]
    assert [] == await shop.sweep()
