"""Living with numbers, over a journal on SQLite and on Postgres: the same findings and events.

What is found and when it is told are the stories' claims (tests/stories/test_reconcile.py,
test_callbacks.py, test_adopting.py), which play on SQLite alone.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.draining import Drains
from support.purchases import buy, order
from support.run_contexts import Shop

from numberflow.models.adoption import Adoption
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.purchase.reconciling.adopting import adopt
from numberflow.purchase.reconciling.run import reconcile_project

pytestmark = pytest.mark.anyio

HOOK = "https://hooks.example.test/"


async def test_callbacks_reconcile_and_adopt(shop: Shop, journal_url: str) -> None:
    """A link is on, a number goes, another comes: the inbox, the comparison, custody and the audit
    say so on either database.
    """
    shop.journal_url = journal_url
    links: dict[str, Any] = {"sms": {"service_plan_id": "plan-1"}, "callback_url": HOOK}
    report = await buy(shop.context, order(quantity=2, **links), "PO-1")
    assert RunOutcome.DONE is report.outcome
    shop.simulator.clock.advance(3600)
    shop.simulator.world.settle()
    drains = Drains(shop)
    sent = [each["body"] for each in shop.simulator.callbacks.deliveries()]
    drains.arrive(*sent, *sent)
    ended = await drains()
    assert (2, 0, 0) == (len(ended.resources), ended.waiting, ended.unreadable)
    assert ["numberflow.number.linked"] * 2 == drains.names

    async def told() -> set[tuple[str, str]]:
        async with shop.context() as context:
            done = await reconcile_project(context)
            context.journal.note_findings(context.project_id, done.found)
        return {
            (each.kind, each.subject) for each in done.report.findings if each.severity == "person"
        }

    gone, _ = report.phone_numbers
    shop.simulator.world.holdings.remove(gone)
    (come,) = shop.simulator.world.add_held(1)
    assert {("released_elsewhere", gone), ("bought_elsewhere", come)} == await told()
    assert set() == await told()
    async with shop.context() as context:
        for what in ({"phone_numbers": [come]}, {"phone_numbers": [gone], "gone": True}):
            await adopt(context, check_parameters(Adoption, what), by="Ada")
    shop.simulator.world.holdings.remove(come)
    assert {("adopted_gone", come)} == await told()
    async with shop.context() as context:
        assert () == context.journal.verify_audit().problems
