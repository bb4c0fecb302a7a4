"""What a look says of a link, from what the vendor shows."""

from __future__ import annotations

import pytest

from numberflow.models.link_targets import Campaign, NamedTarget, SmsApp, TargetKind, Verdict
from numberflow.planning.link_targets import (
    campaign_finding,
    crowd_note,
    is_unlisted,
    plan_finding,
    sentence,
    service_finding,
)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("ACTIVE", Verdict.GOOD),
        ("BLOCKED", Verdict.MISSING),
        ("IN_PROGRESS_X", Verdict.MISSING),
        (None, Verdict.UNCHECKED),
        ("UNRECOGNIZED", Verdict.UNCHECKED),
    ],
)
def test_plans(status: str | None, verdict: Verdict) -> None:
    """By either id; its status is an open set, of which one word is good."""
    app = SmsApp(id="app", sms_service_id="service", status=status)
    assert [verdict, verdict] == [plan_finding(each, [app]).verdict for each in ("app", "service")]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("APPROVED", Verdict.GOOD),
        ("ACTIVE", Verdict.GOOD),
        ("SINCH_APPROVED", Verdict.MISSING),
        ("SUBMITTED", Verdict.MISSING),
        ("EXPIRED", Verdict.MISSING),
    ],
)
def test_campaigns(status: str, verdict: Verdict) -> None:
    """Reviewed by the registry, not by the vendor alone."""
    found = campaign_finding("C1", Campaign(campaign_id="C1", status=status))
    assert (verdict, True) == (found.verdict, status in found.told)


def test_what_is_not_there() -> None:
    """Campaigns, trunks and fax services are missing; plans and voice apps may be older."""
    kinds = (TargetKind.VOICE_APP, TargetKind.TRUNK, TargetKind.FAX_SERVICE)
    found = [service_finding(kind, "x", None) for kind in kinds]
    found += [campaign_finding("x", None), plan_finding("x", [])]
    unchecked, missing = Verdict.UNCHECKED, Verdict.MISSING
    assert [unchecked, missing, missing, missing, unchecked] == [each.verdict for each in found]
    assert [True, False, False, False, True] == [is_unlisted(each) for each in found]


def test_a_sentence_names_what_would_do() -> None:
    """Five ids, and how many more; never the id itself."""
    others = [NamedTarget(id=f"t{n}") for n in range(8)]
    told = sentence(service_finding(TargetKind.TRUNK, "x", None, others))
    assert told.startswith("voice.trunk_id: x is missing or cannot be used: the project has no")
    assert told.endswith("there are t0, t1, t2, t3, t4 and 3 more")


def test_a_full_campaign() -> None:
    """Fifty fit."""
    assert "" == crowd_note("C1", 40, 10, "2026-12-01")
    assert "C1 has 41 numbers by the inventory of 2026-12-01, and 10 more" in crowd_note(
        "C1", 41, 10, "2026-12-01"
    )
