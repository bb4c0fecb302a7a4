"""The vendor's limit: a 429 is waited out in the same run, by reads and by every kind of costly
step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.counts import count
from support.hosting import HostingShop, importing, numbers, qualifying_order, text_enabling
from support.orders import Cabinet, order_once, wanted
from support.purchases import order
from support.shop import Shop

from numberflow.client import Client
from numberflow.journal import Outcome
from numberflow.journal.store import Journal
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.settings import Rates
from numberflow.simulator import InProcessTransport

pytestmark = pytest.mark.anyio

# More than a read or a costly step has tries.
TIMES = 12


async def _rent(shop: HostingShop) -> RunOutcome:
    report = await shop.buy(order(quantity=2))
    assert report is not None
    return report.outcome


async def _order(shop: HostingShop) -> RunOutcome:
    cabinet = Cabinet(shop.journal_file.parent / "papers")
    return (await order_once(shop.context, wanted(cabinet))).outcome


async def _import(shop: HostingShop) -> RunOutcome:
    return (await shop.import_numbers(importing(numbers(3))))[0].outcome  # type: ignore[no-any-return]


async def _text_enable(shop: HostingShop) -> RunOutcome:
    await shop.qualify_at_once(numbers(3))
    return (await shop.text_enable(text_enabling(numbers(3))))[0].outcome  # type: ignore[no-any-return]


async def _qualify(shop: HostingShop) -> RunOutcome:
    return (await shop.qualify(qualifying_order(numbers(3))))[0].outcome  # type: ignore[no-any-return]


async def _delete(shop: HostingShop) -> RunOutcome:
    await shop.imported_at_once(numbers(3))
    asked = check_parameters(
        ReleaseParameters, {"phone_numbers": numbers(3), "confirm_release": True}
    )
    return (await shop.release_all(asked))[0].outcome  # type: ignore[no-any-return]


STEPS: dict[str, Callable[[HostingShop], Awaitable[RunOutcome]]] = {
    "rent": _rent,
    "create_order": _order,
    "submit_order": _order,
    "import_numbers": _import,
    "text_enable": _text_enable,
    "add_qualified": _qualify,
    "delete_imported": _delete,
}


@pytest.mark.parametrize("operation", STEPS)
async def test_a_costly_step_waits_it_out(operation: str, tmp_path: Path) -> None:
    """Refused twelve times, done in the same run, and every refusal stands in the journal."""
    count("fault-matrix cases")
    shop = HostingShop(tmp_path)
    shop.settings = shop.settings.model_copy(update={"patience_s": 900.0})
    shop.simulator.faults.add({"operation": operation, "fault": "rate_limited", "times": TIMES})
    assert await STEPS[operation](shop) is RunOutcome.DONE
    sent = [
        request["status"]
        for request in shop.simulator.requests()
        if request["operation"] == operation
    ]
    assert (sent.count(429), sent[-1]) == (TIMES, 200)
    with Journal.open(shop.journal_url) as journal:
        outcomes = [
            attempt.outcome
            for row in journal.intentions()
            for attempt in journal.history(row.id).attempts
        ]
    assert TIMES == outcomes.count(Outcome.THROTTLED)
    assert [] == shop.unwritten


async def test_a_limit_that_stays_ends_the_run_by_its_patience(tmp_path: Path) -> None:
    """A 429 for ever: when patience is used up nothing was bought, once for all numbers, and the
    report says that it was the limit.
    """
    shop = Shop(tmp_path)
    shop.settings = shop.settings.model_copy(update={"patience_s": 60.0})
    shop.simulator.faults.add({"operation": "rent", "fault": "rate_limited", "times": None})
    report = await shop.buy(order(quantity=8))
    # Six tries of one number in a minute; four at a time do so together, and the others try once.
    assert (
        6 + 7
        <= sum(request["operation"] == "rent" for request in shop.simulator.requests())
        <= 4 * 6 + 4
    )
    assert report is not None
    assert (report.outcome, shop.simulator.rentals()) == (RunOutcome.REFUSED, 0)
    assert "the vendor's limit (HTTP 429) outlasted this run's patience" in report.model_dump_json()


async def test_many_readers_under_one_limit(tmp_path: Path) -> None:
    """A burst of reads over a limit that the pace does not know: all of them come back."""
    shop = Shop(
        tmp_path,
        switches={"rate_limit": True, "rate_limit_per_s": 60.0, "rate_limit_burst": 5},
        speed=1,
    )
    settings = shop.settings.model_copy(update={"numbers_rate": Rates(200.0, 20.0, 200.0)})
    async with Client(settings, transport=InProcessTransport(shop.simulator)) as client:
        pages = await asyncio.gather(
            *(client.active_numbers.list_page(page_size=1) for _ in range(80))
        )
    statuses = [
        request["status"]
        for request in shop.simulator.requests()
        if request["operation"] == "list_active"
    ]
    assert (len(pages), statuses.count(200)) == (80, 80)
    assert 0 < statuses.count(429) < 40
