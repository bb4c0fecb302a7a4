"""What a look proves about an import, an order, a batch, a call, a code, a change and a removal
(docs/vendor/imported-hosting-behaviour.md §15).
"""

from __future__ import annotations

from typing import Any

import pytest
from support.lines import line

from numberflow.journal import Finding, Operation
from numberflow.models.hosting import HostingOrder
from numberflow.models.imported import ImportedNumber
from numberflow.planning.hosting import Readiness
from numberflow.steps import hosting, import_number, imported, qualify

NUMBER = "+12125550101"
WANTED = {"service_plan_id": "p", "campaign_id": "c"}
ORDER = line(
    operation=Operation.IMPORT_ORDER,
    subject="nf-1",
    request={"numbers": [NUMBER], "method": "voice"},
)


def number(**sms: Any) -> ImportedNumber:
    return ImportedNumber.model_validate(
        {"phoneNumber": NUMBER, "displayName": "shop", "smsConfiguration": sms}
    )


def job(status: str, plan: str = "p", campaign: str = "c") -> dict[str, Any]:
    return {
        "scheduledProvisioning": {"servicePlanId": plan, "campaignId": campaign, "status": status}
    }


@pytest.mark.parametrize(
    ("shown", "finding"),
    [
        (None, Finding.ABSENT),
        (number(servicePlanId="p", campaignId="c"), Finding.APPLIED),
        (number(**job("WAITING")), Finding.APPLIED),
        (number(servicePlanId="p", **job("FAILED")), Finding.APPLIED),
        (number(servicePlanId="other", campaignId="c"), Finding.INCONCLUSIVE),
        (number(servicePlanId="p"), Finding.INCONCLUSIVE),
    ],
)
def test_import(shown: ImportedNumber | None, finding: Finding) -> None:
    """An import took effect when the number is there as wanted or on its way.

    A number that is linked otherwise is somebody else's doing.
    """
    assert finding is import_number.judge(shown, line(request=WANTED)).finding


def test_orders() -> None:
    """One order with our token is ours, and the sweep can take it up from the result.

    Two are a person's case.
    """
    one = HostingOrder.model_validate(
        {"hostingOrderId": "o1", "state": "SUBMITTED", "displayName": "Shop nf-1"}
    )
    listed = ORDER.request["numbers"]
    evidence = hosting.judge_orders([one], listed, ORDER)
    assert (Finding.APPLIED, "o1") == (
        evidence.finding,
        (evidence.result or {})["order"]["order_id"],
    )
    assert Finding.INCONCLUSIVE is hosting.judge_orders([one, one], listed, ORDER).finding
    assert [Finding.INCONCLUSIVE] * 2 == [
        hosting.judge_orders([one], each, ORDER).finding for each in ([], ["+12125550199"])
    ]


@pytest.mark.parametrize(
    ("name", "carries"),
    [
        ("nf-1", True),
        ("Shop nf-1", True),
        ("nf-12", False),
        ("Shop nf-1x", False),
        ("nf-1 Shop", False),
        ("", False),
        (None, False),
    ],
)
def test_token(name: str | None, *, carries: bool) -> None:
    """A token is the last word: one that begins like it is another order's, and what stands before
    it is the caller's.
    """
    assert carries is hosting.carries(name, "nf-1")


def test_no_order() -> None:
    """Without an order the numbers decide.

    Untouched means that it never was there, anything else is a person's case.
    """
    assert Finding.ABSENT is hosting.judge_import_absence([]).finding
    assert Finding.INCONCLUSIVE is hosting.judge_import_absence([NUMBER]).finding
    assert Finding.ABSENT is hosting.judge_text_enable_absence({NUMBER: Readiness.READY}).finding
    assert (
        Finding.INCONCLUSIVE
        is hosting.judge_text_enable_absence({NUMBER: Readiness.HOSTING}).finding
    )


def test_added() -> None:
    """A batch is in when all of it is known; until then only what is missing is added."""
    assert Finding.APPLIED is qualify.judge_added([], ORDER).finding
    assert Finding.ABSENT is qualify.judge_added([NUMBER], ORDER).finding


@pytest.mark.parametrize("state", Readiness)
def test_called(state: Readiness) -> None:
    """No state proves that a telephone did not ring."""
    expected = (
        Finding.APPLIED if state in (Readiness.CALLED, Readiness.READY) else Finding.INCONCLUSIVE
    )
    assert expected is qualify.judge_called(state, NUMBER).finding


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        (Readiness.READY, Finding.APPLIED),
        (Readiness.FAILED, Finding.APPLIED),
        (Readiness.BLOCKED, Finding.APPLIED),
        (Readiness.CALLED, Finding.ABSENT),
        (Readiness.UNKNOWN, Finding.INCONCLUSIVE),
    ],
)
def test_verified(state: Readiness, finding: Finding) -> None:
    """A code was taken, right or wrong, when it is no longer awaited."""
    assert finding is qualify.judge_verified(state, NUMBER).finding


@pytest.mark.parametrize(
    ("shown", "wanted", "finding"),
    [
        (None, {"display_name": "shop"}, Finding.INCONCLUSIVE),
        (number(), {"display_name": "shop"}, Finding.APPLIED),
        (number(), {"display_name": "other"}, Finding.ABSENT),
        (
            number(servicePlanId="p", campaignId="c"),
            {"sms": {"service_plan_id": "", "campaign_id": ""}},
            Finding.ABSENT,
        ),
        (
            number(servicePlanId="p", campaignId="c", **job("WAITING", "", "")),
            {"sms": {"service_plan_id": "", "campaign_id": ""}},
            Finding.APPLIED,
        ),
        (
            number(servicePlanId="", campaignId=""),
            {"sms": {"service_plan_id": ""}},
            Finding.APPLIED,
        ),
        (
            number(servicePlanId="p", campaignId="c"),
            {"sms": {"service_plan_id": "p", "campaign_id": None}},
            Finding.APPLIED,
        ),
        (
            number(servicePlanId="p", **job("FAILED")),
            {"sms": {"campaign_id": "c"}},
            Finding.APPLIED,
        ),
        (number(servicePlanId=["?"]), {"sms": {"service_plan_id": "p"}}, Finding.INCONCLUSIVE),
    ],
)
def test_update(shown: ImportedNumber | None, wanted: dict[str, Any], finding: Finding) -> None:
    """A change took effect when the number shows it or a job towards it, failed ones included.

    What cannot be read proves nothing.
    """
    assert finding is imported.judge_update(shown, line(request=wanted)).finding


def test_delete() -> None:
    """A removal took effect when the number is gone."""
    assert Finding.APPLIED is imported.judge_delete(None, NUMBER).finding
    assert Finding.ABSENT is imported.judge_delete(number(), NUMBER).finding
