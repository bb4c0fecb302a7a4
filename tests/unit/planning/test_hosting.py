"""How far a number in an order is, whether one is ready, and what a failure code asks for.

Pure, from what the vendor shows.
"""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.models.hosting import HostingOrder, HostingOrderNumber
from numberflow.models.imported import ImportedNumber, QualificationState, QualifiedNumber
from numberflow.planning.hosting import (
    ADVICE,
    Progress,
    Readiness,
    imported_code,
    judge_number,
    readiness,
)
from numberflow.planning.hosting_failures import Step, advice_for

NUMBER = "+12125550101"


def order(state: str, *, kind: str = "TYPE_TEXT_ENABLE", campaign: str = "c") -> HostingOrder:
    return HostingOrder.model_validate(
        {"hostingOrderId": "o", "state": state, "type": kind, "campaignId": campaign}
    )


def number(
    osr: str = "", platform: str = "", campaign: str = "", **more: Any
) -> HostingOrderNumber:
    steps = {"osrUpdate": osr, "platformProvisioning": platform, "campaignProvisioning": campaign}
    shown = {name: {"state": state} for name, state in steps.items() if state}
    return HostingOrderNumber.model_validate({"phoneNumber": NUMBER, **shown, **more})


@pytest.mark.parametrize(
    ("shown", "of", "progress", "step"),
    [
        (
            number("WAITING", "WAITING", "WAITING"),
            order("WAITING_FOR_LOA_SIGNATURE"),
            Progress.IN_PROGRESS,
            Step.OSR,
        ),
        (
            number("DONE", "IN_PROGRESS", "WAITING"),
            order("IN_PROGRESS"),
            Progress.IN_PROGRESS,
            Step.PLATFORM,
        ),
        (number("DONE", "DONE", "DONE"), order("COMPLETED"), Progress.DONE, None),
        (number("DONE", "DONE"), order("COMPLETED", campaign=""), Progress.DONE, None),
        (number("", "DONE", "DONE"), order("COMPLETED", kind="IMPORT"), Progress.DONE, None),
        # COMPLETED is not success: a step after a failed one is left out.
        (number("FAILED"), order("COMPLETED"), Progress.FAILED, Step.OSR),
        (number("DONE", "DONE", "FAILED"), order("COMPLETED"), Progress.FAILED, Step.CAMPAIGN),
        (number("DONE", "DONE"), order("COMPLETED"), Progress.UNCLEAR, Step.CAMPAIGN),
        (number("DONE", "DONE", "WAITING"), order("COMPLETED"), Progress.UNCLEAR, Step.CAMPAIGN),
        (number("WAITING", "WAITING", "WAITING"), order("REJECTED"), Progress.FAILED, None),
        (number(), order("REJECTED"), Progress.FAILED, None),
        # A state that nobody has heard of is not final.
        (
            number("PONDERING", "WAITING", "WAITING"),
            order("IN_PROGRESS"),
            Progress.IN_PROGRESS,
            Step.OSR,
        ),
        (number("DONE", "DONE", "DONE"), order("ARCHIVED"), Progress.DONE, None),
    ],
)
def test_one_number(
    shown: HostingOrderNumber, of: HostingOrder, progress: Progress, step: Step | None
) -> None:
    """The first step that is not done says where a number is; a failed one ends it.

    The order's own word counts only for REJECTED and the end.
    """
    judged = judge_number(shown, of)
    assert (progress, step) == (judged.progress, judged.step)


def test_carrier_code() -> None:
    """T-Mobile's code for a number that is held elsewhere leads to the cure that only an import
    order has.
    """
    shown = number(
        "",
        "DONE",
        "FAILED",
        smsAtt={"state": "DONE", "errorCode": ""},
        smsTmo={"state": "FAILED", "errorCode": 60135},
    )
    judged = judge_number(shown, order("COMPLETED", kind="IMPORT"))
    assert "60135" == judged.code
    assert "migrate_to_sinch_tmo" in str(judged.advice)


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ({}, ""),
        (
            {"campaignProvisioning": {"state": "FAILED", "errorCode": "CAMPAIGN_EXPIRED"}},
            "CAMPAIGN_EXPIRED",
        ),
        ({"campaignProvisioning": {"state": "DONE", "errorCode": "CAMPAIGN_EXPIRED"}}, ""),
        (
            {
                "smsConfiguration": {
                    "scheduledProvisioning": {
                        "status": "FAILED",
                        "errorCodes": ["INSUFFICIENT_BALANCE"],
                    }
                }
            },
            "INSUFFICIENT_BALANCE",
        ),
        (
            {
                "mnoConfiguration": {"smsTmo": {"errorCode": "60135"}},
                "campaignProvisioning": {"state": "FAILED", "errorCode": "X"},
            },
            "60135",
        ),
    ],
)
def test_code_of_an_imported_number(shown: dict[str, Any], code: str) -> None:
    """The carrier's code goes before the vendor's.

    One that belongs to a link that did not fail is none.
    """
    assert code == imported_code(ImportedNumber.model_validate({"phoneNumber": NUMBER, **shown}))


@pytest.mark.parametrize(
    ("state", "ownership", "ready"),
    [
        (QualificationState.VERIFIED, "DONE", Readiness.READY),
        (QualificationState.ELIGIBLE, "DONE", Readiness.READY),
        (QualificationState.ELIGIBLE, "WAITING", Readiness.UNPROVEN),
        (QualificationState.ELIGIBLE_CHECK_PENDING, "WAITING", Readiness.CHECKING),
        (QualificationState.VERIFICATION_PENDING, "IN_PROGRESS", Readiness.CALLED),
        (QualificationState.VERIFICATION_FAILED, "FAILED", Readiness.FAILED),
        (QualificationState.VERIFICATION_BLOCKED, "FAILED", Readiness.BLOCKED),
        (QualificationState.NOT_ELIGIBLE, "", Readiness.NOT_ELIGIBLE),
        (QualificationState.HOSTING_IN_PROGRESS, "DONE", Readiness.HOSTING),
        (QualificationState.HOSTING_DONE, "DONE", Readiness.HOSTED),
        (QualificationState.HOSTING_FAILED, "DONE", Readiness.READY),
        ("GLOBAL_PROCESS_STATE_PONDERING", "", Readiness.CHECKING),
    ],
)
def test_readiness(state: str, ownership: str, ready: Readiness) -> None:
    """Ready is VERIFIED, or ELIGIBLE with its ownership DONE.

    A state that nobody has heard of is looked at again.
    """
    shown = {
        "phoneNumber": NUMBER,
        "globalProcessState": state,
        "ownershipVerification": {"status": ownership},
    }
    assert ready is readiness(QualifiedNumber.model_validate(shown))


def test_not_added() -> None:
    """What the vendor does not know is not ready, and every state has its advice."""
    assert Readiness.UNKNOWN is readiness(None)
    assert set(Readiness) == set(ADVICE)


def test_unknown_code() -> None:
    """A code that the table lacks is told as it is, with the advice of its step."""
    advice = advice_for("SOLAR_FLARE", Step.PLATFORM)
    assert "SOLAR_FLARE" in advice.meaning
    assert "service plan" in advice.what_to_do
