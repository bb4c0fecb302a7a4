"""Provision and deprovision of emergency addresses meet every fault.

What the vendor has at the end judges.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.counts import count
from support.dying import Fate, is_death
from support.mishaps import LAG_LONG_S, MISHAPS, Mishap, reduced
from support.shop import Shop

from numberflow.journal import Intention, IntentionState
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.emergency_address import (
    Action,
    EmergencyAddressParameters,
)
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import EmergencyLine, EmergencyReport, RunOutcome
from numberflow.purchase.emergency import addresses as emergency
from numberflow.purchase.run_context import in_thread

pytestmark = pytest.mark.anyio

ADDRESS = EmergencyAddressRequest(
    display_name="Marked-Name-7d21",
    street_number="4711",
    street_info="Marked-Street-7d21 St",
    city="Marietta",
    state="GA",
    postal_code="30062",
)
CASES = [
    pytest.param(action, mishap, mode, id=f"{action}-{mishap}-{mode}", marks=reduced(mishap, mode))
    for action in (Action.PROVISION, Action.DEPROVISION)
    for mishap in MISHAPS
    for mode in ("once", "always", "resumed-before", "resumed-after")
    if "update" in mishap.operations
    and not mishap.name.startswith("stale_list")
    and not (mode == "always" and mishap.dies)
    and not (mode in ("always", "resumed-after") and mishap.variant)
]


class Office:
    """One vendor with numbers that may have addresses, and runs that follow one another."""

    def __init__(self, folder: Path, action: Action) -> None:
        self.shop = Shop(folder, active=60)
        self.simulator = self.shop.simulator
        self.simulator.switches.set("emergency_feature", True)
        able = [each["phone_number"] for each in self.simulator.emergency_coverage()]
        self.numbers = sorted(able)[:2]
        self.order: EmergencyAddressParameters = check_parameters(
            EmergencyAddressParameters,
            {
                "action": action,
                "phone_numbers": self.numbers,
                "address": "address.json" if action is Action.PROVISION else "",
            },
        )

    async def run(
        self, dies: str | None = None, address: EmergencyAddressRequest = ADDRESS
    ) -> tuple[EmergencyReport, tuple[Intention, ...]] | None:
        """One run; None when it died."""
        fate = Fate("request", after=dies == "after", costly=True) if dies else Fate()
        try:
            async with self.shop.context(fate) as context:
                verdicts = (
                    await emergency.validate(context, self.order, address)
                    if self.order.action is Action.PROVISION
                    else {}
                )
                rows = await emergency.change(context, self.order, "EM-1", verdicts)
                lines = await emergency.coverage(context, self.numbers)
                return emergency.emergency_report(self.order, "EM-1", lines, rows), rows
        except BaseException as error:
            if not is_death(error):
                raise
            return None

    def with_address(self) -> set[str]:
        return {
            each["phone_number"] for each in self.simulator.emergency_coverage() if each["address"]
        }

    async def furnish(self) -> None:
        """Give the numbers an address, so that there is one to remove."""
        async with self.shop.context() as context:
            for number in self.numbers:
                await context.client.emergency_addresses.provision(number, ADDRESS)
        self.shop.unwritten.clear()


@pytest.mark.parametrize(("action", "mishap", "mode"), CASES)
async def test_ends_as_the_vendor_has_it(
    action: Action, mishap: Mishap, mode: str, tmp_path: Path
) -> None:
    """Whatever happens, the journal says done only of what the vendor has, nothing leaves
    unwritten, and the next run ends the matter.
    """
    count("fault-matrix cases")
    office = Office(tmp_path, action)
    if action is Action.DEPROVISION:
        await office.furnish()
    if mode.startswith("resumed"):
        assert await office.run(mode.removeprefix("resumed-")) is None
    if mishap.rule is not None:
        rule = {
            "operation": f"{action}_emergency_address",
            "times": None if mode == "always" else 1,
            **mishap.rule,
        }
        office.simulator.faults.add(rule)
    ended = await office.run(mishap.dies)
    assert (ended is None) == bool(mishap.dies)
    ended = ended or await office.run()
    assert ended is not None
    assert [] == misjudged(office, *ended)

    office.simulator.faults.clear()
    await office.shop.wait(2 * LAG_LONG_S)
    ended = await office.run()
    assert ended is not None
    report, rows = ended
    assert [] == misjudged(office, report, rows)
    # What was refused is tried again by the next run: an address can be put right, and there is no
    # cap that it would pass twice.
    assert [IntentionState.DONE] * 2 == [row.state for row in rows], [row.reason for row in rows]
    assert RunOutcome.DONE == report.outcome
    # Reads that catch up within the settling time are enough to send nothing twice.
    assert mishap.lags_long or [] == sent_again(office)


def misjudged(office: Office, report: EmergencyReport, rows: tuple[Intention, ...]) -> list[str]:
    """What the journal says against what the vendor has.

    And that no part of the address is in report or journal.
    """
    done = {str(row.subject) for row in rows if row.state is IntentionState.DONE}
    has = office.with_address()
    wrong = done - has if office.order.action is Action.PROVISION else done & has
    leaked = [
        each
        for each in ("Marked-Name-7d21", "Marked-Street-7d21", "4711")
        if each in report.model_dump_json()
    ]
    journal = office.shop.journal_file.read_bytes()
    leaked += [
        each for each in ("Marked-Name-7d21", "Marked-Street-7d21") if each.encode() in journal
    ]
    return [
        *(f"{number} is done, and the vendor has it otherwise" for number in sorted(wrong)),
        *leaked,
        *office.shop.unwritten,
    ]


def sent_again(office: Office) -> list[str]:
    """Requests for a number that left although an earlier one had taken effect."""
    found, done = [], set[Any]()
    for entry in office.simulator.requests():
        step = (entry["operation"], entry["path"])
        if step in done:
            found.append(str(step))
        if (
            entry["committed"]
            and str(entry["operation"]) == f"{office.order.action}_emergency_address"
        ):
            done.add(step)
    return found


async def test_verdicts(tmp_path: Path) -> None:
    """Near, none and missing feature are told by the names of the parts that differ.

    A correction is sent only when it was accepted.
    """
    office = Office(tmp_path, Action.PROVISION)
    near = ADDRESS.model_copy(update={"street_info": type(ADDRESS.street_info)("Marked Road")})
    async with office.shop.context() as context:
        refused = await emergency.validate(context, office.order, near)
        accepting = office.order.model_copy(update={"accept_correction": True})
        accepted = await emergency.validate(context, accepting, near)
        nowhere = ADDRESS.model_copy(
            update={"street_info": type(ADDRESS.street_info)("Nowhere St")}
        )
        unknown = await emergency.validate(context, accepting, nowhere)
        office.simulator.switches.set("emergency_feature", False)
        unable = await emergency.validate(context, accepting, ADDRESS)
        report = await emergency.coverage(context, ())
    assert {"near match"} == {each.line.state for each in refused.values()}
    assert all(
        each.request is None
        and "streetInfo" in each.line.advice
        and "Marked" not in each.line.advice
        for each in refused.values()
    )
    assert all(each.request is not None for each in accepted.values())
    assert {("no match", True)} == {
        (each.line.state, each.request is None) for each in unknown.values()
    }
    assert {"missing feature"} == {each.line.state for each in unable.values()}
    assert {"missing feature"} == {line.state for line in report}
    assert len(report) == len(await in_thread(office.simulator.emergency_coverage))


async def test_other_address_under_the_same_reference(tmp_path: Path) -> None:
    """An address that was provisioned stays done.

    The same reference sends nothing again, whatever the paper says by now.
    """
    office = Office(tmp_path, Action.PROVISION)
    assert await office.run() is not None
    sent = len(office.simulator.requests())
    again = await office.run()
    assert again is not None
    assert RunOutcome.DONE == again[0].outcome
    assert not [
        each
        for each in office.simulator.requests()[sent:]
        if each["operation"] == "provision_emergency_address"
    ]


@pytest.mark.parametrize(
    ("dies", "accepted", "state", "outcome"),
    [
        # The vendor has its correction, which this run would not accept any more.
        ("after", True, IntentionState.DONE, RunOutcome.REFUSED),
        # It has an address of which nobody knows whether it is what was sent.
        ("after", False, IntentionState.NEEDS_PERSON, RunOutcome.NEEDS_PERSON),
        ("before", False, IntentionState.PLANNED, RunOutcome.REFUSED),
    ],
)
async def test_an_open_step_is_looked_up_whatever_the_vendor_thinks_by_now(
    dies: str, accepted: bool, state: IntentionState, outcome: RunOutcome, tmp_path: Path
) -> None:
    """An address that must not be sent any more is looked for, named, and not sent again."""
    office = Office(tmp_path, Action.PROVISION)
    order = office.order
    near = ADDRESS.model_copy(update={"street_info": type(ADDRESS.street_info)("Marked Road")})
    office.order = order.model_copy(update={"accept_correction": accepted})
    assert await office.run(dies, near if accepted else ADDRESS) is None
    office.order = order
    sent = len(office.simulator.requests())
    ended = await office.run(address=near)
    assert ended is not None
    report, rows = ended
    assert (outcome, state) == (report.outcome, rows[0].state), rows[0].reason
    assert (outcome is RunOutcome.NEEDS_PERSON) == bool(report.open_items)
    assert {row.id for row in rows} == {line.intention_id for line in report.numbers}
    planned = EmergencyLine(phone_number=str(rows[1].subject), state="near match", advice="fix it")
    told = emergency.emergency_report(order, "EM-1", [planned], rows)
    assert f"{rows[1].reason}; fix it" == told.numbers[0].advice
    assert [] == misjudged(office, report, rows)
    later = office.simulator.requests()[sent:]
    assert not [each for each in later if each["operation"] == "provision_emergency_address"]
    # A right address ends what is not left to a person.
    ended = await office.run()
    assert ended is not None
    assert state is IntentionState.NEEDS_PERSON or RunOutcome.DONE == ended[0].outcome
