"""What becomes of number orders, told on the simulator's virtual clock: days of review and reservation pass in a second."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.desks import Shop
from support.orders import DATA, REFERENCE, Cabinet, followed, order_once, submissions, sweep, wanted

from numberflow.models.order_numbers import parse_order_numbers
from numberflow.models.reports import RunOutcome

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
    """An AU MOBILE number is ordered with its papers, reviewed, completed, and followed until it is held, linked and costed."""
    report = await order_once(shop.desk, wanted(cabinet, sms=PLAN))
    assert (RunOutcome.DONE, "IN_REVIEW") == (report.outcome, report.state), report.reason
    assert [] == shop.charged()
    (line,) = await sweep(shop.desk)
    assert (True, False) == (line.is_open, line.needs_person)

    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    if line.is_open:  # the SMS link takes some seconds more
        shop.simulator.clock.advance(QUARTER_HOUR)
        (line,) = await sweep(shop.desk)
    (number,) = line.numbers
    assert ("COMPLETED", False, "held") == (line.state, line.is_open, number.state)
    assert ["completed"] == [alarm.name for alarm in line.alarms]
    assert [number.phone_number] == shop.charged()
    month = next(c["amount"] for c in shop.simulator.charges() if c["kind"] == "monthly")
    assert (str(month), "USD") == (str(number.monthly), number.currency)
    assert [] == await sweep(shop.desk)


async def test_rejected_and_ordered_again(shop: Shop, cabinet: Cabinet) -> None:
    """A rejected order tells the reasons without what the papers say, and the parameters that it leaves behind place a new one that is completed."""
    await shop.script("review", outcome="REJECTED", logs=[f"{DATA[1]['endBusinessName']} is not registered"], times=1)
    report = await order_once(shop.desk, wanted(cabinet))
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    assert ("REJECTED", False, True) == (line.state, line.is_open, line.needs_person)
    assert "… is not registered" in line.summary
    assert line.again is not None
    assert f"{REFERENCE}-again-2" == line.again["reference"]
    assert [] == shop.charged()

    order = parse_order_numbers(line.again)
    again = await order_once(shop.desk, order, str(order.reference))
    assert (RunOutcome.DONE, True) == (again.outcome, again.order_id != report.order_id), again.reason
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    assert ("COMPLETED", 1) == (line.state, len(shop.charged()))


async def test_rejected_gives_its_amount_back(shop: Shop, cabinet: Cabinet) -> None:
    """What a rejected order would have cost no longer counts against the cap of its day."""
    await shop.script("review", outcome="REJECTED", times=1, delay_s=60)
    first = await order_once(shop.desk, wanted(cabinet, max_today="20"))
    assert RunOutcome.DONE == first.outcome
    refused = await order_once(shop.desk, wanted(cabinet, max_today="20"), "PO-2")
    assert (RunOutcome.REFUSED, True) == (refused.outcome, "today" in refused.reason), refused.reason
    shop.simulator.clock.advance(120)
    await sweep(shop.desk)
    second = await order_once(shop.desk, wanted(cabinet, max_today="20"), "PO-2")
    assert RunOutcome.DONE == second.outcome, second.reason


async def test_blocked_and_mended(shop: Shop, cabinet: Cabinet) -> None:
    """A blocked order is told once with the reviewer's reasons; corrected papers under the same reference continue the same order."""
    cabinet.spoil()
    await shop.script("review", outcome="BLOCKED", logs=["the city does not exist"], times=1)
    report = await order_once(shop.desk, wanted(cabinet))
    shop.simulator.clock.advance(DAY)
    (line,) = await sweep(shop.desk)
    assert ("BLOCKED", True, True) == (line.state, line.is_open, line.needs_person)
    assert "the city does not exist" in line.summary
    assert ["blocked 1"] == [alarm.name for alarm in line.alarms if alarm.name.startswith("blocked")]
    (line,) = await sweep(shop.desk)
    assert () == line.alarms

    cabinet.write(DATA)
    mended = await order_once(shop.desk, wanted(cabinet))
    assert (RunOutcome.DONE, report.order_id, "IN_REVIEW") == (mended.outcome, mended.order_id, mended.state)
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    assert ("COMPLETED", 1, 1) == (line.state, len(shop.simulator.orders()), len(shop.charged()))
    assert {report.order_id: 2} == submissions(shop.simulator)


async def test_expired_with_three_alarms(shop: Shop, cabinet: Cabinet) -> None:
    """An order whose file the vendor cannot read waits for a person: told at 50, 80 and 95 % of its reservation, then closed, nothing charged."""
    await shop.script("upload", outcome="FAILED", times=1)
    report = await order_once(shop.desk, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED") == (report.outcome, report.state)
    assert "attachments" not in report.order_id
    assert "run again with the same reference" in report.mend
    alarms: list[tuple[str, float]] = []
    began = shop.simulator.clock.now()
    while True:
        lines = await sweep(shop.desk)
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
    assert [True] * 4 == [0 <= hours - due < 0.5 for (_, hours), due in zip(alarms, (24, 38.4, 45.6, 48), strict=True)]
    assert [] == shop.charged()
    (order,) = await followed(shop.desk)
    assert ("EXPIRED", False) == (order.state, order.is_open)


async def test_quantity_of_25(shop: Shop, cabinet: Cabinet) -> None:
    """25 numbers by one order: one registration, 25 numbers held at the end, each with its price."""
    report = await order_once(shop.desk, wanted(cabinet, quantity=25, max_today="5000", max_monthly="5000"))
    assert (RunOutcome.DONE, 25) == (report.outcome, len(report.numbers)), report.reason
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    assert ("COMPLETED", 25, 25) == (
        line.state,
        sum(each.state == "held" for each in line.numbers),
        len(shop.charged()),
    )
    assert 1 == len(shop.simulator.orders())


async def test_us_needs_no_papers(shop: Shop) -> None:
    """Where the vendor knows no requirements nothing is asked for, and the order is handed in at once."""
    report = await order_once(shop.desk, wanted())
    assert (RunOutcome.DONE, "IN_REVIEW", 0) == (
        report.outcome,
        report.state,
        shop.requests("update_registration") + shop.requests("upload_attachment"),
    )


async def test_registration_refused_and_corrected(shop: Shop, cabinet: Cabinet) -> None:
    """What the vendor finds wrong is told field by field without the values, the order stays, and corrected data continue it."""
    shop.simulator.faults.add({"operation": "lookup_requirements", "fault": "html_200", "times": 1})
    data = [*DATA[:2], {**DATA[2], "phoneNumber": "+61-not-a-number"}]
    cabinet.write(data)
    refused_here = await order_once(shop.desk, wanted(cabinet))
    assert (RunOutcome.REFUSED, 0) == (refused_here.outcome, shop.requests("create_order"))
    assert "kyc: data[2].phoneNumber must be E.164 with a plus" in refused_here.reason
    assert "+61-not-a-number" not in refused_here.model_dump_json()


async def test_number_taken_by_a_rival(shop: Shop, cabinet: Cabinet) -> None:
    """A number that a rival took between search and order is replaced under the same reference: one order, for another number."""
    shop.simulator.faults.add({"operation": "create_order", "fault": "rival", "times": 2})
    report = await order_once(shop.desk, wanted(cabinet))
    assert (RunOutcome.DONE, 3, 1) == (report.outcome, shop.requests("create_order"), len(shop.simulator.orders()))


async def test_named_number_taken(shop: Shop, cabinet: Cabinet) -> None:
    """A number that was named is not replaced: it is refused, and nothing is ordered."""
    async with shop.desk() as desk:
        (number, *_) = await desk.client.available_numbers.search(region_code="AU", number_type="MOBILE", size=1)
    shop.simulator.faults.add({"operation": "create_order", "fault": "rival", "times": 1})
    report = await order_once(shop.desk, wanted(cabinet, phone_number=number.phone_number))
    assert (RunOutcome.REFUSED, []) == (report.outcome, shop.simulator.orders())
    assert f"phone_number: {number.phone_number} is no longer for sale" in report.reason


async def test_completed_for_fewer(shop: Shop, cabinet: Cabinet) -> None:
    """An order that the vendor completes for a part only is told number by number, by what is held."""
    await shop.script("review", outcome="COMPLETED", only=3)
    await order_once(shop.desk, wanted(cabinet, quantity=5, max_today="5000", max_monthly="5000"))
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    assert ("COMPLETED", True) == (line.state, line.is_open)
    shop.simulator.clock.advance(2 * DAY)
    (line,) = await sweep(shop.desk)
    assert (3, 2, True) == (
        sum(each.state == "held" for each in line.numbers),
        sum(each.state == "not seen yet" for each in line.numbers),
        line.needs_person,
    )


async def test_dearer_than_quoted(shop: Shop, cabinet: Cabinet) -> None:
    """An order that reserves at a higher price than was decided on is not handed in; the same reference accepts the price within the caps."""
    shop.simulator.faults.add({"operation": "create_order", "fault": "price_change", "factor": 2, "times": 1})
    report = await order_once(shop.desk, wanted(cabinet))
    assert (RunOutcome.REFUSED, "CREATED", 0) == (report.outcome, report.state, shop.requests("submit_order"))
    assert "it was not handed in" in report.reason
    capped = await order_once(shop.desk, wanted(cabinet, max_monthly="7"))
    assert (RunOutcome.REFUSED, 0) == (capped.outcome, shop.requests("submit_order"))
    accepted = await order_once(shop.desk, wanted(cabinet))
    assert (RunOutcome.DONE, report.order_id) == (accepted.outcome, accepted.order_id), accepted.reason
