"""A project in which people and machines have done this and that: what reconcile says, and when."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
import pytest
from support.dying import Fate
from support.orders import Cabinet, order_once
from support.orders import sweep as sweep_orders
from support.orders import wanted as wanted_order
from support.purchases import order
from support.run_contexts import Shop as OrderShop
from support.shop import Shop

from numberflow.client import Client
from numberflow.client.number_orders import NumberOrders
from numberflow.errors import OutcomeUnknown
from numberflow.export.snapshot import export_project
from numberflow.journal import Intention, IntentionState, OrderKind
from numberflow.models.adoption import Adoption
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.emergency_address import EmergencyAddressParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import PurchaseReport, ReconcileReport, RunOutcome
from numberflow.purchase.emergency import addresses as emergency
from numberflow.purchase.follow import follow_orders
from numberflow.purchase.held.link_follow import follow_link
from numberflow.purchase.inventory import imported_question
from numberflow.purchase.reconciling import vendor_side
from numberflow.purchase.reconciling.adopting import adopt
from numberflow.purchase.reconciling.run import reconcile_project

pytestmark = pytest.mark.anyio

ADDRESS = EmergencyAddressRequest(
    display_name="Ada's Shop",
    street_number="4711",
    street_info="Lenox St",
    city="Marietta",
    state="GA",
    postal_code="30062",
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty project."""
    return Shop(tmp_path, active=0)


async def look(shop: Shop, *, keep: bool = True, **what: Any) -> ReconcileReport:
    """One reconciliation; what it told is kept, as after a run that was published."""
    async with shop.context() as context:
        done = await reconcile_project(context, **what)
        if keep:
            context.journal.note_findings(context.project_id, done.found)
        return done.report


def told(report: ReconcileReport) -> set[tuple[str, str]]:
    """Kind and number of what a report shows, information aside."""
    return {(each.kind, each.subject) for each in report.findings if each.severity == "person"}


async def bought(shop: Shop, reference: str = "PO-1", **parameters: Any) -> PurchaseReport:
    """A purchase that went well."""
    report = await shop.buy(order(**parameters), reference)
    assert report is not None
    assert RunOutcome.DONE is report.outcome
    return report


def in_the_dashboard(shop: Shop, count: int = 1) -> list[str]:
    """Numbers that somebody bought there."""
    return shop.simulator.world.add_held(count)


def gone_by_hand(shop: Shop, number: str) -> None:
    """Somebody released it in the dashboard, a month ago."""
    shop.simulator.world.holdings.remove(number)


def worker_is_gone(shop: Shop) -> None:
    """Its leases have run out."""
    with contextlib.closing(sqlite3.connect(shop.journal_file)) as connection:
        connection.execute("UPDATE leases SET expires_at = '2020-01-01 00:00:00.000000'")
        connection.commit()


async def sweep(shop: Shop) -> None:
    """What follow-orders does every 15 minutes: the links are on, and nobody waits for them."""
    async with shop.context() as context:
        await follow_orders(context, {OrderKind.LINK: follow_link})
        assert () == context.journal.followed(context.project_id)


async def test_a_project_that_is_as_it_was_bought(shop: Shop) -> None:
    """Nothing is told of it, and an empty table is published."""
    await bought(shop, quantity=3, sms={"service_plan_id": "plan-a"}, callback_url="https://a.test")
    report = await look(shop)
    assert (RunOutcome.DONE, 0, 3) == (report.outcome, report.found, report.compared)
    assert 0 == len(pd.read_parquet(report.url))


async def test_a_mess(shop: Shop) -> None:
    """Each case is found with its evidence, none is invented; the second look is quiet, and what
    changes or comes back is told again.
    """
    sms = {"service_plan_id": "plan-a"}
    kept, moved, dearer, gone = (await bought(shop, quantity=4, sms=sms)).phone_numbers
    shop.simulator.clock.advance(3600)
    await sweep(shop)
    (theirs,) = in_the_dashboard(shop)
    gone_by_hand(shop, gone)
    holdings = {number.phone_number: number for number in shop.simulator.world.holdings}
    holdings[moved].sms = holdings[moved].sms._replace(service_plan_id="plan-b")
    holdings[dearer].monthly *= 2
    mess = {
        ("bought_elsewhere", theirs),
        ("moved_service_plan", moved),
        ("price_rise", dearer),
        ("released_elsewhere", gone),
    }
    report = await look(shop)
    assert (RunOutcome.NEEDS_PERSON, mess) == (report.outcome, told(report))
    assert all(each.command for each in report.findings if each.severity == "person")
    assert kept not in report.model_dump_json()
    quiet = await look(shop)
    assert (RunOutcome.DONE, ()) == (quiet.outcome, quiet.findings)
    everything = await look(shop, show_all=True)
    assert (RunOutcome.DONE, report.found, mess) == (
        everything.outcome,
        quiet.found,
        told(everything),
    )

    holdings[dearer].monthly *= 2
    assert {("price_rise", dearer)} == told(await look(shop))
    holdings[moved].sms = holdings[moved].sms._replace(service_plan_id="plan-a")
    assert set() == told(await look(shop))
    holdings[moved].sms = holdings[moved].sms._replace(service_plan_id="plan-b")
    assert {("moved_service_plan", moved)} == told(await look(shop))


async def test_all_findings_are_published(shop: Shop) -> None:
    """Parquet and JSON hold what was told before as well, and say what is new."""
    (first,) = in_the_dashboard(shop)
    await look(shop)
    (second,) = in_the_dashboard(shop)
    report = await look(shop)
    table = pd.read_parquet(report.url)
    rows = table[table["kind"] == "bought_elsewhere"]
    assert {first: False, second: True} == dict(
        zip(rows["phone_number"], rows["is_new"], strict=True)
    )
    assert f"numberflow adopt {second}" in set(rows["command"])
    written = json.loads(await anyio.Path(report.json_url).read_text())
    assert report.found == len(written["findings"]) == len(table)


async def test_nobody_was_told_of_a_report_that_did_not_arrive(shop: Shop) -> None:
    """A run that dies before its report is out leaves everything new."""
    in_the_dashboard(shop)
    lost = await look(shop, keep=False)
    assert told(lost) == told(await look(shop)) != set()


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_reply_is_settled_by_looking(shop: Shop, after: bool) -> None:
    """A worker died at its rent: whether it took effect is seen, written down, and not told.

    No costly request leaves, and what did not take effect is left to a run of the reference.
    """
    fate = Fate(at="request", n=1, after=after, costly=True)
    assert await shop.buy(order(quantity=1), fate=fate) is None
    charges = len(shop.simulator.charges())
    assert after == bool(charges)
    worker_is_gone(shop)
    report = await look(shop)
    assert set() == told(report)
    wanted = IntentionState.DONE if after else IntentionState.PLANNED
    assert [wanted.value] == [line.state for line in report.settled]
    assert charges == len(shop.simulator.charges())
    assert not shop.unwritten


async def test_a_worker_that_lives_is_left_alone(shop: Shop) -> None:
    """Its step is neither looked at nor told, and its number is not taken for an orphan."""
    fate = Fate(at="request", n=1, after=True, costly=True)
    assert await shop.buy(order(quantity=1), fate=fate) is None
    report = await look(shop)
    assert ((), set(), 1) == (report.settled, told(report), report.compared)


async def test_what_looking_does_not_settle_is_told(shop: Shop) -> None:
    """Somebody else bought the number meanwhile: it is neither ours nor for sale."""
    fate = Fate(at="request", n=1, after=False, costly=True)
    assert await shop.buy(order(quantity=1), fate=fate) is None
    worker_is_gone(shop)
    async with shop.context() as context:
        (row,) = context.journal.intentions()
    assert shop.simulator.world.rival_takes(str(row.subject))
    report = await look(shop)
    assert {("lost_reply", row.id)} == told(report)
    (finding,) = (each for each in report.findings if each.kind == "lost_reply")
    assert finding.command.startswith(f"numberflow journal settle {row.id}")

    async def row_now() -> Intention:
        async with shop.context() as context:
            return context.journal.history(row.id).intention

    waiting = await row_now()
    assert IntentionState.NEEDS_PERSON is waiting.state
    worker_is_gone(shop)
    quiet = await look(shop)
    assert ((), waiting) == (quiet.settled, await row_now())
    # The same in the words of another error is no news.
    with contextlib.closing(sqlite3.connect(shop.journal_file)) as connection:
        connection.execute("UPDATE intentions SET reason = 'HTTP 503'")
        connection.commit()
    assert set() == told(await look(shop))
    # It was ours after all: reads were late.
    (lent,) = in_the_dashboard(shop)
    holding = shop.simulator.world.holdings.get(lent)
    assert holding is not None
    shop.simulator.world.holdings.remove(lent)
    holding.phone_number = str(row.subject)
    shop.simulator.world.holdings.add(holding)
    worker_is_gone(shop)
    assert ["done"] == [line.state for line in (await look(shop)).settled]


async def test_adopted_numbers_are_not_told(shop: Shop) -> None:
    """Neither while they are there, nor after we released them; but when they vanish."""
    first, second = in_the_dashboard(shop, 2)
    wanted = check_parameters(Adoption, {"phone_numbers": [first, second]})
    async with shop.context() as context:
        await adopt(context, wanted, by="ann")
    assert set() == told(await look(shop))
    assert await shop.change("release", [first], {}, "REL-1")
    gone_by_hand(shop, second)
    assert {("adopted_gone", second)} == told(await look(shop))
    gone = check_parameters(Adoption, {"phone_numbers": [second], "gone": True})
    async with shop.context() as context:
        await adopt(context, gone, by="ann")
    assert set() == told(await look(shop, show_all=True))


async def test_a_fresh_snapshot_is_used(shop: Shop) -> None:
    """It spares the reading; what it would tell of a number is read once more before it is told."""
    numbers = (await bought(shop, quantity=3)).phone_numbers
    gone_by_hand(shop, numbers[0])
    lent = in_the_dashboard(shop)
    async with shop.context() as context:
        question = imported_question(context.journal, context.project_id)
        await export_project(context.client, context.settings.inventory_root, imported=question)
    for number in lent:
        shop.simulator.world.holdings.get(number).expire_at = (  # type: ignore[union-attr]
            shop.simulator.clock.now() + timedelta(days=20)
        )
    before = len(shop.simulator.requests())
    report = await look(shop)
    assert ("the snapshot of" in report.source, 3) == (True, report.compared)
    assert {("released_elsewhere", numbers[0])} == told(report)
    listed = [
        entry["operation"] for entry in shop.simulator.requests()[before:]
        if entry["operation"] == "list_active"
    ]  # fmt: skip
    assert [] == listed


async def test_a_link_that_is_on_its_way_is_not_told(shop: Shop) -> None:
    """The vendor takes a link at once and puts it on later."""
    (number,) = (await bought(shop, quantity=1, sms={"service_plan_id": "plan-a"})).phone_numbers
    (held,) = shop.simulator.world.holdings
    assert (number, "") == (held.phone_number, held.sms.service_plan_id)
    assert set() == told(await look(shop))


async def test_an_order_that_cannot_be_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night on which it cannot be read says nothing, neither of an order that nobody follows nor
    of one that has ended: what was told before is not told again.
    """
    placed = await order_once(shop.context, wanted_order(Cabinet(shop.settings.home / "papers")))

    async def unreadable(_orders: NumberOrders, _order_id: str) -> Any:
        raise OutcomeUnknown("vendor down", cause="read_timeout")

    async def found(*, is_readable: bool = True) -> list[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(shop.journal_file)) as connection:
            connection.execute("UPDATE orders SET seen_at = '2020-01-01 00:00:00.000000'")
            connection.commit()
        with monkeypatch.context() as patch:
            if not is_readable:
                patch.setattr(NumberOrders, "get", unreadable)
            report = await look(shop)
        return [(each.kind, each.subject) for each in report.findings]

    # Taken up, and seen at this moment.
    await look(shop)
    assert [("order_unfollowed", placed.order_id)] == await found()
    assert [] == await found(is_readable=False)
    assert [] == await found()
    shop.simulator.clock.advance(5 * 86_400)
    assert [("order_ended", placed.order_id)] == await found()
    assert [] == await found(is_readable=False)
    assert [] == await found()


async def test_an_emergency_address_that_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given through the journal is looked for. A night on which it cannot be read says
    nothing: what was told before is not told again.
    """
    shop = Shop(tmp_path, active=0)
    shop.simulator.switches.set("emergency_feature", True)
    shop.simulator.world.add_held(30)
    number = shop.simulator.emergency_coverage()[0]["phone_number"]
    wanted = check_parameters(
        EmergencyAddressParameters,
        {"action": "provision", "phone_numbers": [number], "address": "address.json"},
    )
    async with shop.context() as context:
        verdicts = await emergency.validate(context, wanted, ADDRESS)
        (row,) = await emergency.change(context, wanted, "EM-1", verdicts)
    assert IntentionState.DONE is row.state

    def addresses(report: ReconcileReport) -> set[tuple[str, str]]:
        return {each for each in told(report) if each[0].startswith("address")}

    assert set() == addresses(await look(shop))
    async with shop.context() as context:
        await context.client.emergency_addresses.deprovision(number)
    assert {("address_missing", number)} == addresses(await look(shop))

    async def unreadable(_client: Client, _number: str) -> bool:
        raise OutcomeUnknown("vendor down", cause="read_timeout")

    with monkeypatch.context() as patch:
        patch.setattr(vendor_side, "has_address", unreadable)
        report = await look(shop, show_all=True)
    assert ("1 emergency addresses were not read",) == report.notes
    assert set() == addresses(report) | addresses(await look(shop))


async def test_emergency_addresses_are_read_in_turn(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more than fit into one run, each is read within a few days."""

    async def there(_client: Client, _number: str) -> bool:
        return True

    monkeypatch.setattr(vendor_side, "ADDRESSES_MAX", 2)
    monkeypatch.setattr(vendor_side, "has_address", there)
    numbers = [f"+1202555010{n}" for n in range(5)]
    async with shop.context() as context:
        days = [
            await vendor_side.read_addresses(context, numbers, date(2026, 11, day))
            for day in (28, 29, 30)
        ]
    assert numbers == sorted(number for shown, _ in days for number in shown)
    assert all("not read" in remarks[0] for _, remarks in days)


async def test_an_order_that_ended_before_the_sweep(tmp_path: Path) -> None:
    """It is told for information; its number is nobody's purchase in the dashboard, before the
    sweep and after it.
    """
    shop = OrderShop(tmp_path)
    placed = await order_once(shop.context, wanted_order(Cabinet(tmp_path / "papers")))
    assert RunOutcome.DONE is placed.outcome, placed.reason
    shop.simulator.clock.advance(2 * 86_400)

    async def compared() -> ReconcileReport:
        async with shop.context() as context:
            return (await reconcile_project(context)).report

    report = await compared()
    assert (1, [("order_ended", placed.order_id)]) == (
        report.compared,
        [(each.kind, each.subject) for each in report.findings],
    )
    await sweep_orders(shop.context)
    assert [] == list((await compared()).findings)
