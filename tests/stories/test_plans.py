"""What plan_only of configure-numbers shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hosting import HostingShop, numbers

from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.purchase.held.configure import configure_report

pytestmark = pytest.mark.anyio


async def test_old_and_new_of_every_number(tmp_path: Path) -> None:
    """Every number with every field that would change, as it is and as it would be.

    Nothing is sent.
    """
    shop = HostingShop(tmp_path)
    linked, bare = numbers(1)[0], "+12125559999"
    await shop.imported_at_once([linked], plan="plan-a", campaign="CAMPA")
    sent = len(shop.simulator.requests())
    order = check_parameters(
        ConfigureParameters,
        {
            "phone_numbers": [linked, bare],
            "display_name": "shop",
            "sms": {"service_plan_id": "plan-b", "campaign_id": "CAMPB"},
            "plan_only": True,
        },
    )
    async with shop.context() as context:
        report = await configure_report(context, order, "CONF-1", ())
    told = {line.phone_number: (line.state, line.advice) for line in report.numbers}
    state, advice = told[linked]
    assert (state, advice.split("; ")) == (
        "to be unlinked and changed",
        [
            "display_name: none → shop",
            "sms.service_plan_id: plan-a → plan-b",
            "sms.campaign_id: CAMPA → CAMPB",
            "would lose service plan plan-a, campaign CAMPA on the way",
        ],
    )
    assert told[bare][0] == "not held"
    assert report.outcome is RunOutcome.REFUSED
    assert {
        entry["method"]
        for entry in shop.simulator.requests()[sent:]
        if entry["operation"] != "token"
    } == {"GET"}
