"""Several runs, purchases and buyers at once: leases, claims and caps, judged by the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from support.counts import count
from support.dying import Fate
from support.purchases import buy, order
from support.shop import Shop

from numberflow.client import Client
from numberflow.journal import IntentionState, Journal
from numberflow.models.reports import RunOutcome
from numberflow.purchase.run_context import RunContext
from numberflow.simulator import InProcessTransport

pytestmark = pytest.mark.anyio


class Interrupted(httpx.AsyncBaseTransport):
    """Lets something happen just before the n-th request whose path ends in `path` goes on."""

    def __init__(
        self, shop: Shop, path: str, n: int, happens: Callable[[], Awaitable[object]]
    ) -> None:
        self._inner = InProcessTransport(shop.simulator)
        self._path = path
        self._left = n
        self._happens = happens

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self._path):
            self._left -= 1
            if self._left == 0:
                await self._happens()
        return await self._inner.handle_async_request(request)


@asynccontextmanager
async def _context(shop: Shop, transport: httpx.AsyncBaseTransport) -> AsyncIterator[RunContext]:
    with Journal.open(shop.journal_url) as journal:
        async with Client(shop.settings, transport=transport, paced=False) as client:
            yield RunContext(client, journal, shop.settings, wait=shop.wait)


async def test_a_worker_that_was_taken_over_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it fetches a fresh token its leases are taken over.

    Its rent_any, journaled and on its way out, does not leave any more.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path)
    wanted = order(strategy="any")
    # Long leases, because they bound a costly call, and on a busy machine all this takes seconds; a
    # quick heartbeat, to find out soon.
    monkeypatch.setattr("numberflow.journal.leases.RENEWALS_PER_LEASE", 300)
    shop.simulator.faults.add({"operation": "rent_any", "fault": "token_expired"})
    seen: list[object] = []

    async def taken_over() -> None:
        seen.extend(row.state for row in shop.rows())
        report = await shop.buy(wanted)
        seen.append(report and report.outcome)
        # Several heartbeats of the first worker, which then knows.
        await anyio.sleep(1.0)

    # The first token was for the reads; the second follows the 401 of rent_any.
    transport = Interrupted(shop, "/oauth2/token", 2, taken_over)
    await buy(lambda: _context(shop, transport), wanted, "PO-1")
    assert ([IntentionState.SENDING, RunOutcome.NEEDS_PERSON], 0) == (
        seen,
        shop.simulator.rentals(),
    )


async def test_a_number_that_another_purchase_wrote_down_is_not_bought_for_both(
    tmp_path: Path,
) -> None:
    """Two references want one number at the same moment.

    Whoever wrote it down first gets it, the other is refused and sends nothing.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path)
    number = next(iter(shop.simulator.world.shelf.of_kind(("US", "LOCAL")))).phone_number
    wanted = order(phone_numbers=[number])

    async def first_writes_it_down() -> None:
        # It dies before it sends, so that the number is still for sale when the other one goes on.
        assert await shop.buy(wanted, "PO-1", Fate("request", costly=True)) is None

    transport = Interrupted(shop, f"availableNumbers/{number}", 1, first_writes_it_down)
    second = await buy(lambda: _context(shop, transport), wanted, "PO-2")
    assert (RunOutcome.REFUSED, (), 0) == (
        second.outcome,
        second.phone_numbers,
        shop.simulator.rentals(),
    )
    first = await shop.buy(wanted, "PO-1")
    assert first is not None
    assert (RunOutcome.DONE, (number,), 1) == (
        first.outcome,
        first.phone_numbers,
        shop.simulator.rentals(),
    )


async def test_unknown_outcomes_count_against_the_cap(tmp_path: Path) -> None:
    """What may have been charged is spent.

    With one lost rent open, a second purchase that fits only without it is refused.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path)
    quote = await shop.buy(order(), "PO-0")
    assert quote is not None
    each = quote.charged_today
    shop.simulator.faults.add({"operation": "rent", "fault": "reset_after"})
    for read in ("get_active", "check"):
        shop.simulator.faults.add({"operation": read, "fault": "error_before", "times": None})
    # Not one look gets through, so PO-1 stays open.
    open_report = await shop.buy(order(), "PO-1")
    assert open_report is not None
    assert RunOutcome.NEEDS_PERSON is open_report.outcome
    shop.simulator.faults.clear()
    report = await shop.buy(order(max_today=str(each * 2)), "PO-2")
    assert report is not None
    assert (RunOutcome.REFUSED, 2) == (report.outcome, shop.simulator.rentals())
    fitting = await shop.buy(order(max_today=str(each * 3)), "PO-2")
    assert fitting is not None
    assert (RunOutcome.DONE, 3) == (fitting.outcome, shop.simulator.rentals())
