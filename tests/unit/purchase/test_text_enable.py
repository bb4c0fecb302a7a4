"""Text-enabling at the in-process simulator: what has to be so before a letter goes out.

The vendor's orders judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Secret
from support.hosting import REFERENCE, HostingShop, numbers, signer, text_enabling

from numberflow.errors import BadInput, ReferenceConflict, SpendRefused
from numberflow.journal import Journal
from numberflow.models.reports import RunOutcome
from numberflow.purchase.hosting import text_enable
from numberflow.purchase.hosting.letter import read_letter

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ready(tmp_path: Path) -> HostingShop:
    """A shop with two numbers that are ready."""
    shop = HostingShop(tmp_path)
    await shop.qualify_at_once(numbers(2))
    return shop


def letters_sent(shop: HostingShop) -> int:
    """How many requests for an order arrived."""
    return sum(entry["operation"].startswith("text_enable") for entry in shop.simulator.requests())


async def test_nobody_confirmed_the_signer(ready: HostingShop) -> None:
    """Without a person's word on the address nothing is sent; a word on another address is none."""
    order = text_enabling(numbers(2))
    ada, eve = (read_letter(order.loa_kind, Secret(signer(mark))) for mark in ("ada", "eve"))
    async with ready.context() as context:
        with pytest.raises(SpendRefused, match="nobody has confirmed"):
            await text_enable.text_enable(context, order, REFERENCE, ada)
        purchase, _ = await text_enable.open_text_enabling(context, order, REFERENCE)
        purchase = await text_enable.confirm_signer(context, purchase, ada, by="Grace")
        assert [True, False] == [
            text_enable.is_confirmed(context, purchase, letter) for letter in (ada, eve)
        ]
        with pytest.raises(SpendRefused, match="nobody has confirmed"):
            await text_enable.text_enable(context, order, REFERENCE, eve)
        assert 0 == letters_sent(ready)
        (row,) = await text_enable.text_enable(context, order, REFERENCE, ada)
    assert (1, "done") == (letters_sent(ready), row.state)


async def test_a_number_that_is_not_ready(ready: HostingShop) -> None:
    """One number that is not ready stops the order before anything is sent, and the reference stays
    unused: it can be had without that number.
    """
    order = text_enabling(numbers(3))
    with pytest.raises(SpendRefused, match="1 of 3 numbers are not ready: 1 not added") as caught:
        await ready.text_enable(order)
    assert numbers(3)[2] in caught.value.remedy
    with Journal.open(ready.journal_url) as journal:
        assert journal.find_purchase(ready.settings.project_id, REFERENCE) is None
    report, _ = await ready.text_enable(text_enabling(numbers(2)))
    assert (RunOutcome.DONE, 1) == (report.outcome, letters_sent(ready))


@pytest.mark.parametrize(
    "other", [{"sms": {"service_plan_id": "other"}}, {"loa": "/run/other.json"}, {"nnid": "104029"}]
)
async def test_same_reference_other_parameters(ready: HostingShop, other: dict[str, Any]) -> None:
    """A reference stands for one order.

    With another plan, paper or route it is refused, and nothing more is sent.
    """
    await ready.text_enable(text_enabling(numbers(2)))
    with pytest.raises(ReferenceConflict):
        await ready.text_enable(text_enabling(numbers(2), **other))
    assert 1 == letters_sent(ready)


async def test_blanket_letter(ready: HostingShop) -> None:
    """A blanket letter needs no signer.

    Without the agreement the vendor refuses it, and the reason stands beside each number.
    """
    order = text_enabling(numbers(2), loa_kind="blanket", loa="")
    report, (row,) = await ready.text_enable(order)
    assert (RunOutcome.REFUSED, "refused") == (report.outcome, row.state)
    assert all("blanket" in line.advice for line in report.numbers)
    ready.simulator.switches.set("blanket_loa", True)
    report, rows = await ready.text_enable(order)
    assert (RunOutcome.DONE, ["refused", "done"]) == (
        report.outcome,
        [str(row.state) for row in rows],
    )
    await ready.wait(6 * 3600)
    (line,) = await ready.sweep()
    assert ("COMPLETED", False) == (line.state, line.needs_person)


async def test_scheduled_change_of_route(ready: HostingShop) -> None:
    """The route is not changed before the scheduled time, and the time reaches the vendor as it was
    meant.
    """
    later = ready.simulator.clock.now().replace(microsecond=0)
    order = text_enabling(
        numbers(2), scheduled_osr_update_time=later.replace(year=later.year + 1).isoformat()
    )
    report, _ = await ready.text_enable(order)
    await ready.wait(3600)
    await ready.script("loa", hosting_order_id=report.orders[0])
    await ready.wait(30 * 86400)
    (line,) = await ready.sweep()
    assert ("IN_PROGRESS", {"osrUpdate is WAITING"}) == (
        line.state,
        {number.advice for number in line.numbers},
    )


async def test_a_letter_that_cannot_be_read(ready: HostingShop) -> None:
    """A part that is missing is named before anything is opened."""
    with pytest.raises(BadInput, match="authorisedPerson"):
        read_letter(text_enabling(numbers(2)).loa_kind, Secret({}))
    assert 0 == letters_sent(ready)


async def test_a_number_that_is_not_ready_any_more(ready: HostingShop) -> None:
    """After a refusal the numbers are looked at again before the next order.

    One that is not ready any more stops it before anything is sent.
    """
    order = text_enabling(numbers(2), loa_kind="blanket", loa="")
    await ready.text_enable(order)
    assert 1 == letters_sent(ready)
    ready.simulator.switches.set("blanket_loa", True)
    with ready.simulator.world.lock:
        del ready.simulator.world.imported.qualified.all[numbers(2)[1]]
    with pytest.raises(SpendRefused, match="1 of 2 numbers are not ready"):
        await ready.text_enable(order)
    assert 1 == letters_sent(ready)
