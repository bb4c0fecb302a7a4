"""What becomes of number orders, told on the simulator's virtual clock.

Days of review and reservation pass in a second.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.orders import (
    BUSINESS_REGISTRATION,
    DATA,
    REFERENCE,
    Cabinet,
    followed,
    order_once,
    submissions,
    sweep,
    wanted,
)
from support.run_contexts import Shop

from numberflow.client.number_orders import NumberOrders
from numberflow.errors import NotFound
from numberflow.journal import OrderKind
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import FollowLine, RunOutcome
from numberflow.planning import kyc_form
from numberflow.purchase.follow import follow_orders
from numberflow.purchase.number_orders.follow import follow_number_order
from numberflow.purchase.number_orders.place import place_order
from numberflow.purchase.number_orders.standing import stand_order
from numberflow.purchase.number_orders.text import order_plan
from numberflow.purchase.spend_limits import SpendLimits

pytestmark = pytest.mark.anyio

QUARTER_HOUR = 900.0
DAY = 86_400.0
PLAN = {"service_plan_id": "plan-0001"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A vendor with nothing held, and an empty journal."""
    return Shop(tmp_path)


@pytest.fixture
def cabinet(tmp_path: Path) -> Cabinet:
    """Papers for AU MOBILE."""
    return Cabinet(tmp_path / "papers")


async def test_completed(shop: Shop, cabinet: Cabinet) -> None:
    """An AU MOBILE number is ordered with its papers, reviewed, completed, and followed until it is
    held, linked and costed.
    """
    report = await order_once(shop.context, wanted(cabinet, sms=PLAN))
    assert (RunOutcome.DONE, "IN_REVIEW") == (report.outcome, report.state), report.reason
    assert [] == shop.charged()
    (line,) = await sweep(shop.context)
    assert (True, False) == (line.is_open, line.needs_person)

    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    if line.is_open:  # the SMS link takes some seconds more
        shop.simulator.clock.advance(QUARTER_HOUR)
        (line,) = await sweep(shop.context)
    (number,) = line.numbers
    assert ("COMPLETED", False, "held") == (line.state, line.is_open, number.state)
    assert ["completed"] == [alarm.name for alarm in line.alarms]
    assert [number.phone_number] == shop.charged()
    month = next(c["amount"] for c in shop.simulator.charges() if c["kind"] == "monthly")
    assert (str(month), "USD") == (str(number.monthly), number.currency)
    assert [] == await sweep(shop.context)


async def test_plan_of_an_order(shop: Shop, cabinet: Cabinet) -> None:
    """A plan names the order that its reference has, opens no other, and refuses what the day's cap
    would refuse.
    """
    plan = {"plan_only": True, "reference": REFERENCE, "asked": 1, "currency": "USD"}
    async with shop.context() as context:
        fresh = order_plan(await stand_order(context, wanted(cabinet), REFERENCE), **plan)
        assert shop.lines() == ()
    placed = await order_once(shop.context, wanted(cabinet))
    poor = wanted(cabinet, max_today=str(fresh.quoted_today))
    async with shop.context() as context:
        begun = order_plan(await stand_order(context, wanted(cabinet), REFERENCE), **plan)
        capped = order_plan(await stand_order(context, poor, "PO-OTHER"), **plan)
    other = await order_once(shop.context, poor, "PO-OTHER")
    assert (RunOutcome.DONE, "", fresh.quoted_today) == (
        fresh.outcome,
        fresh.order_id,
        begun.quoted_today,
    )
    assert (RunOutcome.DONE, placed.order_id, "IN_REVIEW") == (
        begun.outcome,
        begun.order_id,
        begun.state,
    )
    assert "opens no other" in begun.notes[0]
    assert (RunOutcome.REFUSED, RunOutcome.REFUSED) == (capped.outcome, other.outcome)
    assert other.reason in capped.reason


async def test_rejected_and_ordered_again(shop: Shop, cabinet: Cabinet) -> None:
    """A rejected order tells the reasons without what the papers say, and the parameters that it
    leaves behind place a new one that is completed.
    """
    await shop.script(
        "review",
        outcome="REJECTED",
        logs=[f"{DATA[1]['endBusinessName']} is not registered"],
        times=1,
    )
    report = await order_once(shop.context, wanted(cabinet))
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    assert ("REJECTED", False, True) == (line.state, line.is_open, line.needs_person)
    assert "… is not registered" in line.summary
    assert line.again is not None
    assert f"{REFERENCE}-again-2" == line.again["reference"]
    assert [] == shop.charged()

    order = check_parameters(OrderNumbersParameters, line.again)
    again = await order_once(shop.context, order, str(order.reference))
    assert (RunOutcome.DONE, True) == (again.outcome, again.order_id != report.order_id), (
        again.reason
    )
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    assert ("COMPLETED", 1) == (line.state, len(shop.charged()))


async def test_what_was_handed_in_goes_on_counting(shop: Shop, cabinet: Cabinet) -> None:
    """When the vendor charges is not published.

    A rejected order keeps its part of the day's cap, one that expired before it was handed in gives
    it back.
    """
    shop.simulator.switches.set("reservation_s", 1800)
    await shop.script("upload", outcome="FAILED", times=1)
    unfinished = await order_once(shop.context, wanted(cabinet, max_today="20"))
    assert (RunOutcome.REFUSED, "CREATED") == (unfinished.outcome, unfinished.state)
    refused = await order_once(shop.context, wanted(cabinet, max_today="20"), "PO-2")
    assert (RunOutcome.REFUSED, True) == (refused.outcome, "today" in refused.reason), (
        refused.reason
    )
    shop.simulator.clock.advance(1900)
    (line,) = await sweep(shop.context)
    assert ("EXPIRED", True) == (line.state, line.needs_person)
    await shop.script("review", outcome="REJECTED", times=1, delay_s=60)
    second = await order_once(shop.context, wanted(cabinet, max_today="20"), "PO-2")
    assert RunOutcome.DONE == second.outcome, second.reason
    shop.simulator.clock.advance(120)
    (line,) = await sweep(shop.context)
    assert "REJECTED" == line.state
    third = await order_once(shop.context, wanted(cabinet, max_today="20"), "PO-3")
    assert (RunOutcome.REFUSED, True) == (third.outcome, "today" in third.reason), third.reason


async def test_blocked_and_mended(shop: Shop, cabinet: Cabinet) -> None:
    """A blocked order is told once with the reviewer's reasons.

    Corrected papers under the same reference continue the same order.
    """
    cabinet.spoil()
    await shop.script("review", outcome="BLOCKED", logs=["the city does not exist"], times=1)
    report = await order_once(shop.context, wanted(cabinet))
    shop.simulator.clock.advance(DAY)
    (line,) = await sweep(shop.context)
    assert ("BLOCKED", True, True) == (line.state, line.is_open, line.needs_person)
    assert "the city does not exist" in line.summary
    assert ["blocked at"] == [
        alarm.name[:10] for alarm in line.alarms if alarm.name.startswith("blocked")
    ]
    (line,) = await sweep(shop.context)
    assert () == line.alarms

    cabinet.write(DATA)
    mended = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.DONE, report.order_id, "IN_REVIEW") == (
        mended.outcome,
        mended.order_id,
        mended.state,
    )
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    assert ("COMPLETED", 1, 1) == (line.state, len(shop.simulator.orders()), len(shop.charged()))
    assert {report.order_id: 2} == submissions(shop.simulator)


async def test_expired_with_three_alarms(shop: Shop, cabinet: Cabinet) -> None:
    """An order whose file the vendor cannot read waits for a person.

    Told at 50, 80 and 95 % of its reservation, then closed, nothing charged.
    """
    await shop.script("upload", outcome="FAILED", times=1)
    report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED") == (report.outcome, report.state)
    assert "attachments" not in report.order_id
    assert "run again with the same reference" in report.remedy
    alarms: list[tuple[str, float]] = []
    began = shop.simulator.clock.now()
    while True:
        lines = await sweep(shop.context)
        if not lines:
            break
        hours = (shop.simulator.clock.now() - began).total_seconds() / 3600
        alarms += [(alarm.name, hours) for alarm in lines[0].alarms]
        shop.simulator.clock.advance(QUARTER_HOUR)
    assert [
        "50 % of the reservation is over",
        "80 % of the reservation is over",
        "95 % of the reservation is over",
        "expired",
    ] == [name for name, _ in alarms]
    # 48 hours; each is told by the first sweep after its time.
    assert [True] * 4 == [
        0 <= hours - due < 0.5 for (_, hours), due in zip(alarms, (24, 38.4, 45.6, 48), strict=True)
    ]
    assert [] == shop.charged()
    (order,) = await followed(shop.context)
    assert ("EXPIRED", False) == (order.state, order.is_open)


async def test_quantity_of_25(shop: Shop, cabinet: Cabinet) -> None:
    """One order of 25 numbers: one registration, and in the end 25 held numbers with prices."""
    report = await order_once(
        shop.context, wanted(cabinet, quantity=25, max_today="5000", max_monthly="5000")
    )
    assert (RunOutcome.DONE, 25) == (report.outcome, len(report.numbers)), report.reason
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    assert ("COMPLETED", 25, 25) == (
        line.state,
        sum(each.state == "held" for each in line.numbers),
        len(shop.charged()),
    )
    assert 1 == len(shop.simulator.orders())


async def test_us_needs_no_papers(shop: Shop) -> None:
    """Where the vendor knows no requirements nothing is asked for, and the order is handed in at
    once.
    """
    report = await order_once(shop.context, wanted())
    assert (RunOutcome.DONE, "IN_REVIEW", 0) == (
        report.outcome,
        report.state,
        shop.requests("update_registration") + shop.requests("upload_attachment"),
    )


async def test_registration_refused_here(shop: Shop, cabinet: Cabinet) -> None:
    """What the form shows to be wrong is told field by field without the values, before anything is
    ordered.
    """
    cabinet.write([*DATA[:2], {**DATA[2], "phoneNumber": "+61-not-a-number"}])
    report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.REFUSED, 0) == (report.outcome, shop.requests("create_order"))
    assert "kyc: data[2].phoneNumber must be E.164 with a plus" in report.reason
    assert "+61-not-a-number" not in report.model_dump_json()


async def test_registration_refused_by_the_vendor_and_corrected(
    shop: Shop, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form that cannot be read here leaves the check to the vendor.

    Its findings are told, the order stays, and corrected data continue the same order.
    """
    monkeypatch.setattr(kyc_form, "sections", lambda _: ())
    cabinet.write([*DATA[:2], {**DATA[2], "phoneNumber": "+61-not-a-number"}])
    refused = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED", True) == (
        refused.outcome,
        refused.state,
        bool(refused.order_id),
    )
    assert ("request_details.data[2].phoneNumber: must be E.164 with a plus",) == refused.findings
    assert refused.expire_at is not None
    assert "+61-not-a-number" not in refused.model_dump_json()
    cabinet.write(DATA)
    corrected = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.DONE, refused.order_id, 1) == (
        corrected.outcome,
        corrected.order_id,
        len(shop.simulator.orders()),
    )


async def test_blocked_before_anybody_looked(shop: Shop, cabinet: Cabinet) -> None:
    """The reply of the submission was lost and the order is blocked when we look.

    The block is ours to fix, and the corrected order is submitted again.
    """
    cabinet.spoil()
    await shop.script(
        "review", outcome="BLOCKED", logs=["the city does not exist"], times=1, delay_s=0
    )
    shop.fault("submit_order", "timeout_after", times=1)
    await order_once(shop.context, wanted(cabinet))
    shop.simulator.clock.advance(DAY)
    cabinet.write(DATA)
    mended = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.DONE, "IN_REVIEW") == (mended.outcome, mended.state), mended.reason
    assert {mended.order_id: 2} == submissions(shop.simulator)


async def test_old_messages_are_about_old_data(shop: Shop, cabinet: Cabinet) -> None:
    """What a reviewer wrote about data that was corrected since is not shown again.

    Nothing could blot it out any more. The journal keeps no message.
    """
    data = copy.deepcopy(DATA)
    data[1]["endBusinessName"] = "OldSecretName Pty"
    cabinet.write(data)
    await shop.script(
        "review", outcome="BLOCKED", logs=["OldSecretName Pty is not registered"], times=1
    )
    await order_once(shop.context, wanted(cabinet))
    shop.simulator.clock.advance(DAY)
    (blocked,) = await sweep(shop.context)
    assert "… is not registered" in blocked.summary
    cabinet.write(DATA)
    await shop.script(
        "review",
        outcome="REJECTED",
        logs=[f"call {DATA[2]['phoneNumber'][:3]} 491 570 156"],
        times=1,
    )
    await order_once(shop.context, wanted(cabinet))
    shop.simulator.clock.advance(DAY)
    (rejected,) = await sweep(shop.context)
    kept = (shop.settings.home / "journal.db").read_bytes()
    assert ("REJECTED: call …", False) == (
        rejected.summary.partition(";")[0],
        b"OldSecretName" in kept,
    )
    assert "OldSecretName" not in rejected.model_dump_json()


async def test_fewer_numbers_than_asked(tmp_path: Path) -> None:
    """An order that reserves fewer numbers than asked is not handed in.

    Its price is not the one that was decided.
    """
    shop = Shop(tmp_path, stock_us_local=5)
    shop.simulator.switches.set("order_short_stock", "partial")
    report = await order_once(shop.context, wanted(quantity=20))
    assert (RunOutcome.REFUSED, 0) == (report.outcome, shop.requests("submit_order")), report.reason
    assert "of 20 numbers; it was not handed in" in report.reason


async def test_an_order_in_review_that_is_not_shown(
    shop: Shop, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 404 for an order that was handed in closes nothing.

    A person is told, and what is charged later is named.
    """
    shop.simulator.switches.set("review_s", 10 * 86_400)
    await order_once(shop.context, wanted(cabinet))
    await sweep(shop.context)
    shop.simulator.clock.advance(3 * DAY)

    async def missing(*_: object, **__: object) -> None:
        raise NotFound("404", status=404, resource_type="NumberOrder")

    with monkeypatch.context() as patched:
        patched.setattr("numberflow.client.number_orders.NumberOrders.get", missing)
        (line,) = await sweep(shop.context)
    assert (True, True, ["gone"]) == (
        line.is_open,
        line.needs_person,
        [alarm.name for alarm in line.alarms],
    )
    shop.simulator.clock.advance(10 * DAY)
    (line,) = await sweep(shop.context)
    assert ("COMPLETED", shop.charged()) == (
        line.state,
        [number.phone_number for number in line.numbers],
    )


async def test_a_run_without_papers_hands_nothing_in(shop: Shop, cabinet: Cabinet) -> None:
    """An order that is out of our hands when a run begins and back when it looks again is left to
    the next run, which reads the papers.
    """
    await shop.script("upload", outcome="FAILED", times=1)
    await order_once(shop.context, wanted(cabinet))
    async with shop.context() as context:
        purchase = context.journal.find_purchase(context.project_id, REFERENCE)
        assert purchase is not None
        limits = SpendLimits(Decimal(500), Decimal(500), "USD")
        placed = await place_order(context, purchase, wanted(cabinet), None, limits, seen={})
    assert ("BadInput", 0) == (type(placed.stopped_by).__name__, shop.requests("submit_order"))


async def test_a_report_names_the_order_that_it_could_not_read(
    shop: Shop, cabinet: Cabinet
) -> None:
    """A vendor that is down after the order was opened.

    The report has the order, its numbers and until when it has to be handed in.
    """
    shop.fault("get_order", "error_before", times=None)
    report = await order_once(shop.context, wanted(cabinet))
    (order,) = shop.simulator.orders()
    assert (order["order_id"], order["phone_numbers"]) == (
        report.order_id,
        [number.phone_number for number in report.numbers],
    )
    assert report.expire_at is not None


async def test_a_file_that_vanishes(
    shop: Shop, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was checked and is gone when it is to be sent is told by its name.

    The order stays, and the next run goes on with it.
    """
    with monkeypatch.context() as patched:
        patched.setattr("numberflow.purchase.number_orders.place.open_file", broken_file)
        report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED") == (report.outcome, report.state)
    assert "cannot be read any more (FileNotFoundError)" in report.reason
    assert RunOutcome.DONE == (await order_once(shop.context, wanted(cabinet))).outcome


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7 business registration, and more"], ids=["emptied", "grown"]
)
async def test_a_file_that_changes(
    shop: Shop, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """A file that was emptied or has grown since it was checked is named by its attachment's id,
    and not sent; put right, the next run goes on.
    """
    good = cabinet.extract.read_bytes()
    register = NumberOrders.update_registration

    async def meanwhile(*arguments: Any, **named: Any) -> Any:
        cabinet.extract.write_bytes(content)
        return await register(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(NumberOrders, "update_registration", meanwhile)
        report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED", 0) == (
        report.outcome,
        report.state,
        shop.requests("upload_attachment"),
    )
    assert f"attachments.{BUSINESS_REGISTRATION}: extract.pdf has another length" in report.reason
    cabinet.extract.write_bytes(good)
    assert RunOutcome.DONE == (await order_once(shop.context, wanted(cabinet))).outcome


def broken_file(*_: object, **__: object) -> None:
    """An `open_file` whose file is gone."""
    raise FileNotFoundError


async def test_a_vendor_that_takes_no_second_file(shop: Shop, cabinet: Cabinet) -> None:
    """The reply to an upload was lost, and the vendor refuses the file as being there.

    It is there, and the order is handed in.
    """
    shop.simulator.switches.set("attachment_again", "refused")
    shop.fault("upload_attachment", "reset_after", times=1)
    report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.DONE, "IN_REVIEW") == (report.outcome, report.state), report.reason
    assert [True] == ["the vendor has a file already" in note for note in report.notes]


async def test_files_that_nobody_asked_for(shop: Shop, cabinet: Cabinet) -> None:
    """Where the vendor asks for no files none are sent, and no order is opened for finding that
    out.
    """
    report = await order_once(shop.context, wanted(attachments={"some-id": cabinet.extract.name}))
    assert (RunOutcome.REFUSED, 0) == (report.outcome, shop.requests("create_order"))
    assert "attachments: the vendor asks for no files" in report.reason


async def test_the_sweep_tells_of_lost_orders(shop: Shop, cabinet: Cabinet) -> None:
    """An order whose opening nobody has heard of is in every sweep, with the command that settles
    it.
    """
    shop.fault("create_order", "timeout_after", times=1)
    await order_once(shop.context, wanted(cabinet, quantity=2))
    (line,) = await sweep(shop.context)
    assert ("create_order", True, True) == (
        line.kind,
        line.needs_person,
        "--order <order-id>" in line.advice,
    )


async def test_an_alarm_that_cannot_be_raised(shop: Shop, cabinet: Cabinet) -> None:
    """A notification that fails keeps neither the other orders from being looked at nor its own
    alarm from coming again.
    """
    await shop.script("review", outcome="BLOCKED", logs=["what is this?"])
    for reference in ("A-1", "B-1"):
        await order_once(shop.context, wanted(cabinet), reference)
    shop.simulator.clock.advance(DAY)

    async def tell(line: FollowLine) -> None:
        if line.reference == "A-1":
            raise OSError("the block is broken")

    async with shop.context() as context:
        lines = await follow_orders(context, {OrderKind.NUMBER: follow_number_order}, tell=tell)
    assert {"A-1": "could not be followed: OSError", "B-1": "BLOCKED"} == {
        line.reference: line.summary if line.reference == "A-1" else line.state for line in lines
    }
    again = await sweep(shop.context)
    assert {"A-1": True, "B-1": False} == {line.reference: bool(line.alarms) for line in again}


async def test_number_taken_by_a_rival(shop: Shop, cabinet: Cabinet) -> None:
    """A number that a rival took between search and order is replaced under the same reference.

    One order, for another number.
    """
    shop.simulator.faults.add({"operation": "create_order", "fault": "rival", "times": 2})
    report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.DONE, 3, 1) == (
        report.outcome,
        shop.requests("create_order"),
        len(shop.simulator.orders()),
    )


async def test_named_number_taken(shop: Shop, cabinet: Cabinet) -> None:
    """A number that was named is not replaced: it is refused, and nothing is ordered."""
    async with shop.context() as context:
        (number, *_) = await context.client.available_numbers.search(
            region_code="AU", number_type="MOBILE", size=1
        )
    shop.simulator.faults.add({"operation": "create_order", "fault": "rival", "times": 1})
    report = await order_once(shop.context, wanted(cabinet, phone_number=number.phone_number))
    assert (RunOutcome.REFUSED, []) == (report.outcome, shop.simulator.orders())
    assert f"phone_number: {number.phone_number} is no longer for sale" in report.reason


async def test_completed_for_fewer(shop: Shop, cabinet: Cabinet) -> None:
    """An order that the vendor completes in part is reported number by number, by what is held."""
    await shop.script("review", outcome="COMPLETED", only=3)
    await order_once(
        shop.context, wanted(cabinet, quantity=5, max_today="5000", max_monthly="5000")
    )
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    assert ("COMPLETED", True) == (line.state, line.is_open)
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.context)
    assert (3, 2, True) == (
        sum(each.state == "held" for each in line.numbers),
        sum(each.state == "not seen yet" for each in line.numbers),
        line.needs_person,
    )


async def test_dearer_than_quoted(shop: Shop, cabinet: Cabinet) -> None:
    """An order that reserves at a higher price than was decided on is not handed in.

    The same reference accepts the price within the caps.
    """
    shop.simulator.faults.add(
        {"operation": "create_order", "fault": "price_change", "factor": 2, "times": 1}
    )
    report = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED", 0) == (
        report.outcome,
        report.state,
        shop.requests("submit_order"),
    )
    assert "it was not handed in" in report.reason
    capped = await order_once(shop.context, wanted(cabinet, max_monthly="7"))
    assert (RunOutcome.REFUSED, 0) == (capped.outcome, shop.requests("submit_order"))
    accepted = await order_once(shop.context, wanted(cabinet))
    assert (RunOutcome.DONE, report.order_id) == (accepted.outcome, accepted.order_id), (
        accepted.reason
    )
