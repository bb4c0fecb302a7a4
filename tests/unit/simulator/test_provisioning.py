"""Link jobs at a moment, and what reads show while they lag. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from numberflow.simulator.lag import Commit, LagSpec, Shadows
from numberflow.simulator.provisioning import (
    Job,
    SmsLink,
    Timing,
    VoiceLink,
    progress,
    sms_events,
    voice_events,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
LINKED = SmsLink("p", "c")


def job(*, failed=False, reached=LINKED, codes=()):
    return Job(1, SmsLink(), SmsLink("p", "c"), reached, AT, Timing(1, 2), failed, codes)


@pytest.mark.parametrize(
    ("after_s", "failed", "status", "updated_s"),
    [
        (0, False, "WAITING", 0),
        (0.999, True, "WAITING", 0),
        (1, False, "IN_PROGRESS", 1),
        (2.999, True, "IN_PROGRESS", 1),
        (3, True, "FAILED", 3),
        (86_400, True, "FAILED", 3),
    ],
)
def test_states_follow_from_the_clock(after_s, failed, status, updated_s):
    """WAITING, IN_PROGRESS and FAILED follow from start, durations and outcome."""
    assert (status, AT + timedelta(seconds=updated_s)) == progress(
        job(failed=failed), AT + timedelta(seconds=after_s)
    )


def test_success_has_no_state():
    """A job that has succeeded shows nothing."""
    assert progress(job(), AT + timedelta(seconds=3)) is None


def test_failure_codes_of_events():
    """A failed campaign carries the job's code, a failed plan none, a failed voice link none."""
    failed = sms_events(job(failed=True, reached=SmsLink(), codes=("CAMPAIGN_NOT_AVAILABLE",)))
    assert [tuple(event) for event in failed] == [
        ("PROVISIONING_TO_SMS_PLATFORM", "FAILED", None),
        ("PROVISIONING_TO_CAMPAIGN", "FAILED", "CAMPAIGN_NOT_AVAILABLE"),
    ]
    voice = Job(2, VoiceLink(), VoiceLink("EST", "t"), VoiceLink(), AT, Timing(1, 2), failed=True)
    assert [tuple(event) for event in voice_events(voice)] == [
        ("PROVISIONING_TO_VOICE_PLATFORM", "FAILED", None)
    ]


def test_unlinking_is_deprovisioning():
    """A job towards empty ids tells of deprovisioning."""
    unlink = Job(3, SmsLink("p", "c"), SmsLink(), SmsLink(), AT, Timing(1, 2))
    assert [event.event_type for event in sms_events(unlink)] == [
        "DEPROVISIONING_FROM_SMS_PLATFORM",
        "DEPROVISIONING_FROM_CAMPAIGN",
    ]


def test_a_shadow_lasts_for_its_seconds():
    """A lag in seconds ends when the simulated clock says so."""
    shadows = Shadows()
    shadows.cast(Commit("+1", None, None), LagSpec(seconds=5), AT)
    assert shadows.of("+1", AT + timedelta(seconds=4.9)) is not None
    assert shadows.of("+1", AT + timedelta(seconds=5)) is None


def test_a_shadow_lasts_for_its_reads():
    """A lag in reads ends after so many reads of that number, lists included.

    Other numbers are not affected.
    """
    shadows = Shadows()
    shadows.cast(Commit("+1", None, None), LagSpec(reads=2), AT)
    assert shadows.of("+2", AT) is None
    assert shadows.of("+1", AT) is not None
    assert {"+1"} == set(shadows.for_list(AT))
    assert (shadows.of("+1", AT), shadows.for_list(AT)) == (None, {})


def test_a_list_shadow_spares_single_reads_and_searches():
    """stale_list lags in lists alone."""
    shadows = Shadows()
    shadows.cast(Commit("+1", None, None), LagSpec(seconds=5, lists_only=True), AT)
    assert (None, {}, {"+1"}) == (
        shadows.of("+1", AT),
        shadows.for_list(AT, search=True),
        set(shadows.for_list(AT)),
    )


def test_the_oldest_picture_stays():
    """A second commit under a lag keeps showing the state before the first."""
    shadows = Shadows()
    shadows.cast(Commit("+1", None, None), LagSpec(seconds=5), AT)
    shadows.cast(Commit("+1", "{}", None), LagSpec(seconds=5), AT + timedelta(seconds=3))
    shadow = shadows.of("+1", AT + timedelta(seconds=7))
    assert (shadow is not None, shadow.commit.before) == (True, None)


def test_a_lag_that_is_over_leaves_no_picture():
    """A commit after the end of an earlier lag shows the state before that commit, not the older
    one.
    """
    shadows = Shadows()
    shadows.cast(Commit("+1", None, None), LagSpec(seconds=5), AT)
    shadows.cast(Commit("+1", "{}", None), LagSpec(seconds=5), AT + timedelta(seconds=6))
    assert shadows.of("+1", AT + timedelta(seconds=7)).commit.before == "{}"
