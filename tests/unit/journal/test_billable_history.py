"""What the journal says after a costly step: why, how each request ended, and what was seen.

States, requests and looks are counted in test_billable.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.journals import (
    NUMBER,
    TurnedClock,
    keeping,
    no_wait,
    planned,
    release_line,
    rent_line,
    run_step,
    take,
)
from support.lines import line

from numberflow.errors import (
    InsufficientFunds,
    JournalUnavailable,
    LeaseLost,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PermissionRefused,
    Rejected,
    SpendRefused,
    Stopped,
    Throttled,
)
from numberflow.journal import (
    Applied,
    Attempt,
    Brake,
    Event,
    Evidence,
    Finding,
    Intention,
    IntentionState,
    Journal,
    NewIntention,
    SettlePolicy,
    billable,
    run_costly_step,
)
from numberflow.journal.entries import AttemptEnd, Outcome
from numberflow.journal.settling import Patience

pytestmark = pytest.mark.anyio


@pytest.fixture
def journal_url(tmp_path: Path) -> str:
    """SQLite alone: what is written is decided before any database is asked."""
    return f"sqlite:///{tmp_path / 'journal.db'}"


# A step whose number the vendor picks: what a look or an answer names is then kept as its subject.
ANY = NewIntention(
    "rent_any", None, "any", {}, rent_line().setup_amount, rent_line().monthly_amount, "USD"
)
FACTS = {"phone_number": NUMBER, "price": "1"}
OK = Applied(FACTS, "rented")
ABSENT = Evidence("absent", "not there", {"status": 404})
APPLIED = Evidence("applied", "there", {"status": 200}, FACTS)
UNCLEAR = Evidence("inconclusive", "neither nor", {"status": 200})
LOST = OutcomeUnknown("reply lost", cause="read_timeout")
DOWN = OutcomeUnknown("vendor down")
BUG = ValueError("KYC of Ada Lovelace")
LONG = Rejected("x" * 1000, status=400)


class Script:
    """A `do` and a `look` that answer in turn, the last answer for ever."""

    def __init__(self, replies: list[Any], looks: list[Any]) -> None:
        self.replies, self.looks = list(replies), list(looks)

    async def do(self, attempt: Attempt) -> Applied:
        attempt.before_send()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        status = getattr(reply, "status", None) or (200 if isinstance(reply, Applied) else None)
        attempt.replied(status, f"r-{attempt.n}")
        return _given(reply)

    async def look(self, _: Intention) -> Evidence:
        return _given(self.looks.pop(0) if len(self.looks) > 1 else self.looks[0])


def _given(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer


NOT_THERE = (Finding.ABSENT, "not there", {"status": 404})
THERE = (Finding.APPLIED, "there", {"status": 200})
UNSEEN = (Finding.UNSEEN, "could not look: OutcomeUnknown: vendor down", {})


@pytest.mark.parametrize(
    ("replies", "looks", "reasons", "outcomes", "seen"),
    [
        ([OK], [ABSENT], ["rented"], ["applied"], []),
        ([LOST], [APPLIED], ["there"], ["unknown"], [THERE]),
        ([LOST, OK], [ABSENT], ["rented"], ["unknown", "applied"], [NOT_THERE]),
        ([LOST], [DOWN], ["OutcomeUnknown: vendor down"], ["unknown"], [UNSEEN]),
        (
            [LOST],
            [UNCLEAR],
            ["neither applied nor absent"],
            ["unknown"],
            [(Finding.INCONCLUSIVE, "neither nor", {"status": 200})],
        ),
        (
            [BUG],
            [BUG],
            ["could not look: ValueError"],
            ["unknown"],
            [(Finding.UNSEEN, "could not look: ValueError", {})],
        ),
        (
            [Rejected("bad", status=400)],
            [ABSENT],
            ["refused by the vendor: Rejected: bad"],
            ["refused"],
            [],
        ),
        ([LONG], [ABSENT], ["Rejected: " + "x" * 490], ["refused"], []),
        (
            [NotFound("gone", status=404)],
            [ABSENT],
            ["refused by the vendor: NotFound: gone"],
            ["refused"],
            [NOT_THERE],
        ),
        ([NotFound("gone", status=404)], [APPLIED], ["there"], ["refused"], [THERE]),
        (
            [LOST, Rejected("taken", status=400)],
            [ABSENT],
            ["the vendor refused (Rejected: taken)", "do not fit"],
            ["unknown", "refused"],
            [NOT_THERE],
        ),
        (
            [LOST, InsufficientFunds("broke", status=402)],
            [ABSENT],
            ["refused by the vendor: InsufficientFunds: broke; absent"],
            ["unknown", "refused"],
            [NOT_THERE],
        ),
        (
            [LOST, PermissionRefused("no", status=403)],
            [ABSENT],
            ["refused by the vendor: PermissionRefused: no; absent"],
            ["unknown", "refused"],
            [NOT_THERE],
        ),
        (
            [LOST, Rejected("taken", status=400)],
            [ABSENT] * 5 + [APPLIED],
            ["there"],
            ["unknown", "refused"],
            [NOT_THERE, THERE],
        ),
    ],
)
async def test_history(
    journal: Journal,
    replies: list[Any],
    looks: list[Any],
    reasons: list[str],
    outcomes: list[str],
    seen: list[tuple[Finding, str, dict[str, Any]]],
) -> None:
    """The row says why it stands where it stands, the attempts how they ended, the rest is seen."""
    script = Script(replies, looks)
    (intention,) = planned(journal)
    end = await run_step(journal, intention, script.do, script.look)
    history = journal.history(intention.id)
    assert [] == [each for each in reasons if each not in str(end.reason)]
    assert len(str(end.reason)) <= 600
    assert [(n, each) for n, each in enumerate(outcomes, 1)] == [
        (attempt.n, attempt.outcome) for attempt in history.attempts
    ]
    assert {f"r-{n}" for n in range(1, len(outcomes) + 1)} == {
        attempt.vendor_request_id for attempt in history.attempts
    }
    assert seen == [(entry.finding, entry.note, entry.seen) for entry in history.evidence]


async def test_what_surely_was_not_sent_is_proof_of_absence(journal: Journal) -> None:
    """Each attempt leaves the evidence that it did nothing; the last one stands in the reason."""

    async def do(attempt: Attempt) -> Applied:
        if attempt.n == 2:
            attempt.replied(429, "r-2")
            raise Throttled("429", status=429)
        raise NotSent("no route")

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    (intention,) = planned(journal)
    end = await run_step(journal, intention, do, Script([OK], [ABSENT]).look, sleep=sleep)
    assert [1.0, 1.0, 2.0] == slept
    assert end.reason == (
        "not done after 3 attempts in this run; run it again (last: not sent: NotSent: no route)"
    )
    history = journal.history(intention.id)
    assert [
        ("not_sent", None, None),
        ("throttled", 429, "r-2"),
        *[("not_sent", None, None)] * 2,
    ] == [(each.outcome, each.http_status, each.vendor_request_id) for each in history.attempts]
    assert [
        ("not sent: NotSent: no route", {"attempt": 1, "status": None}),
        ("429: the vendor takes no more requests for now", {"attempt": 2, "status": 429}),
        ("not sent: NotSent: no route", {"attempt": 3, "status": None}),
        ("not sent: NotSent: no route", {"attempt": 4, "status": None}),
    ] == [(each.note, each.seen) for each in history.evidence]


@pytest.mark.parametrize(
    ("policy", "retry_after_s", "told", "waited"),
    [
        ({"total_s": 10.0}, 4.0, "3 refusals, 8 s waited, the next try in 4 s", [4.0, 4.0]),
        ({"total_s": 8.0}, 4.0, "3 refusals, 8 s waited, the next try in 4 s", [4.0, 4.0]),
        ({"total_s": 900.0, "over": True}, 4.0, "1 refusals, 0 s waited, the next try in 4 s", []),
        (
            {"total_s": 100.0},
            None,
            "7 refusals, 63 s waited, the next try in 60 s",
            [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        ),
    ],
)
async def test_patience(
    journal: Journal,
    policy: dict[str, Any],
    retry_after_s: float | None,
    told: str,
    waited: list[float],
) -> None:
    """It is shared by the steps of a run: once it is over, the next 429 ends a step at once."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    patience = Patience(**policy)
    script = Script([Throttled("429", retry_after_s=retry_after_s)], [ABSENT])
    (intention,) = planned(journal)
    end = await run_step(
        journal,
        intention,
        script.do,
        script.look,
        sleep=sleep,
        policy=SettlePolicy(patience=patience, throttle_wait_max_s=60.0),
    )
    assert (IntentionState.PLANNED, True) == (end.state, patience.over)
    assert (True, waited) == (told in str(end.reason), slept)


@pytest.mark.parametrize(
    ("replies", "looks"),
    [
        ([OK], [ABSENT]),
        ([Applied({}, "rented", NUMBER)], [ABSENT]),
        ([LOST], [APPLIED]),
        ([LOST], [Evidence("applied", "there", {}, None, NUMBER)]),
        ([NotFound("gone", status=404)], [APPLIED]),
    ],
)
async def test_the_number_that_the_vendor_picked(
    journal: Journal, replies: list[Any], looks: list[Any]
) -> None:
    """It becomes the subject, from the answer or from a look, and what was said is kept."""
    script = Script(replies, looks)
    (intention,) = planned(journal, ANY)
    end = await run_step(journal, intention, script.do, script.look)
    said = replies[0] if isinstance(replies[0], Applied) else looks[0]
    assert (IntentionState.DONE, NUMBER, said.result, said.note) == (
        end.state,
        end.subject,
        end.result,
        end.reason,
    )


async def test_why_a_second_request_for_any_number_is_not_sent(journal: Journal) -> None:
    """The doubt is what people read."""
    script = Script([LOST], [ABSENT])
    (intention,) = planned(journal, ANY)
    end = await run_step(journal, intention, script.do, script.look)
    assert "would buy a second one" in str(end.reason)


async def _left_by_a_dead_worker(journal: Journal, line: NewIntention, *events: Event) -> Intention:
    (intention,) = planned(journal, line)
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    row = journal.begin(intention.id, leases=leases).intention
    if events:
        ended = AttemptEnd(Outcome.UNKNOWN)
        row = journal.record(
            intention.id, leases=leases, events=events, attempt=ended, reason="as it was"
        )
    journal.give_back_leases(leases)
    return row


@pytest.mark.parametrize(
    ("look", "state", "reason", "seen"),
    [
        (ABSENT, "needs_person", "as it was", NOT_THERE),
        (DOWN, "needs_person", "as it was", UNSEEN),
        (APPLIED, "done", "there", THERE),
    ],
)
async def test_one_look_at_what_waits_for_a_person(
    journal: Journal, look: Any, state: str, reason: str, seen: tuple[Any, ...]
) -> None:
    """It is written down; why the row waits stays, until it has shown itself as applied."""
    row = await _left_by_a_dead_worker(journal, ANY, Event.LOSE, Event.ESCALATE)
    script = Script([OK], [look])
    end = await run_step(journal, row, script.do, script.look)
    applied = state == "done"
    assert (state, reason, FACTS if applied else None, NUMBER if applied else None) == (
        end.state,
        end.reason,
        end.result,
        end.subject,
    )
    assert [seen] == [
        (each.finding, each.note, each.seen) for each in journal.history(row.id).evidence
    ]


async def test_a_dead_worker_is_told_of_before_the_look(journal: Journal) -> None:
    """The row is unknown, and its attempt ended, before the vendor is asked."""
    row = await _left_by_a_dead_worker(journal, rent_line())

    async def look(intention: Intention) -> Evidence:
        history = journal.history(intention.id)
        assert history.intention.state is IntentionState.UNKNOWN
        assert "its process ended" in str(history.intention.reason)
        assert [Outcome.UNKNOWN] == [attempt.outcome for attempt in history.attempts]
        return APPLIED

    end = await run_step(journal, row, Script([OK], []).do, look)
    assert IntentionState.DONE is end.state


async def test_a_lost_reply_is_told_of_before_the_look(journal: Journal) -> None:
    """With the error's own words; of a stranger's only the type."""
    for error, told in (
        (LOST, "OutcomeUnknown: reply lost"),
        (NotSent("yet it left"), "NotSent: yet it left"),
        (BUG, "ValueError"),
    ):
        (intention,) = planned(journal, rent_line(told), reference=told)

        async def look(row: Intention, told: str = told) -> Evidence:
            assert f"outcome unknown: {told}" == journal.history(row.id).intention.reason
            return replace(APPLIED, result={})

        end = await run_step(journal, intention, Script([error], []).do, look)
        assert IntentionState.DONE is end.state


async def test_a_refusal_after_a_lost_reply_is_told_of_before_the_look(journal: Journal) -> None:
    """Looks of the second settling find the refusal in the row."""
    reasons: list[str] = []
    (intention,) = planned(journal)

    async def look(row: Intention) -> Evidence:
        reasons.append(str(journal.history(row.id).intention.reason))
        return ABSENT

    script = Script([LOST, Rejected("taken", status=400)], [])
    await run_step(journal, intention, script.do, look)
    told = ["outcome unknown: OutcomeUnknown: reply lost", "refused by the vendor: Rejected: taken"]
    assert [told[0]] * 5 + [told[1]] * 5 == reasons


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((Event.LOSE, Event.PROVE_ABSENT), "nothing was sent: it was only looked at (as it was)"),
        ((Event.LOSE,), "nothing was sent: it was only looked at (absent over the whole settling"),
    ],
)
async def test_a_run_that_may_only_look(
    journal: Journal, events: tuple[Event, ...], told: str
) -> None:
    """Without a permitted request nothing leaves, and the row says what is known."""
    row = await _left_by_a_dead_worker(journal, rent_line(), *events)
    script = Script([OK], [ABSENT])
    end = await run_step(journal, row, script.do, script.look, policy=SettlePolicy(attempts_max=0))
    assert (IntentionState.PLANNED, True, 1) == (
        end.state,
        str(end.reason).startswith(told),
        len(journal.history(row.id).attempts),
    )


async def test_a_new_row_that_may_only_be_looked_at(journal: Journal) -> None:
    """It was planned, and stays so."""
    (intention,) = planned(journal)
    script = Script([OK], [ABSENT])
    end = await run_step(
        journal, intention, script.do, script.look, policy=SettlePolicy(attempts_max=0)
    )
    assert end.reason == "nothing was sent: it was only looked at (planned)"


async def test_looks_are_spread_over_the_settling_time(journal: Journal) -> None:
    """However short it is."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    (intention,) = planned(journal)
    script = Script([LOST], [UNCLEAR])
    policy = SettlePolicy(settle_s=4.0)
    await run_step(journal, intention, script.do, script.look, sleep=sleep, policy=policy)
    assert [0.5, 0.5, 1.0, 2.0] == slept


async def test_looks_of_one_settling_are_written_as_they_are_made(journal: Journal) -> None:
    """Each before the next one; who dies in between has left what was seen."""
    times: list[int] = []
    (intention,) = planned(journal)

    async def look(row: Intention) -> Evidence:
        times.append(sum(each.times for each in journal.history(row.id).evidence))
        return UNCLEAR

    await run_step(journal, intention, Script([LOST], []).do, look)
    assert [0, 1, 2, 3, 4] == times
    assert [5] == [each.times for each in journal.history(intention.id).evidence]


@pytest.mark.parametrize("is_down", [False, True])
async def test_an_interruption_says_what_interrupted(
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_down: bool,
) -> None:
    """In the row; or, when that cannot be written, with the interruption and in the log."""
    (intention,) = planned(journal)
    interruption = KeyboardInterrupt()

    def down(*_args: object, **_facts: object) -> None:
        raise JournalUnavailable("disk full", remedy="free space")

    async def do(attempt: Attempt) -> Applied:
        attempt.replied(500, "r-1")
        if is_down:
            monkeypatch.setattr(journal, "record", down)
        raise interruption

    try:
        await run_step(journal, intention, do, Script([], []).look)
    except KeyboardInterrupt as error:
        assert interruption is error
    history = journal.history(intention.id)
    (attempt,) = history.attempts
    said = f"{intention} stays open: disk full"
    if is_down:
        assert IntentionState.SENDING is history.intention.state
        assert ([True], True) == (
            [note.startswith(said) for note in interruption.__notes__],
            said in caplog.text,
        )
    else:
        assert "interrupted: KeyboardInterrupt" == history.intention.reason
        assert (Outcome.UNKNOWN, 1, 500, "r-1") == (
            attempt.outcome,
            attempt.n,
            attempt.http_status,
            attempt.vendor_request_id,
        )


@pytest.mark.parametrize("ended", [True, False])
async def test_a_journal_that_fails_names_what_stays_open(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    """The intention and the fix; how the request ended when one did, and not when one looked."""
    row = await _left_by_a_dead_worker(journal, rent_line(), *(() if ended else (Event.LOSE,)))

    def down(*_args: object, **_facts: object) -> None:
        raise JournalUnavailable("disk full", remedy="free space")

    monkeypatch.setattr(journal, "record", down)
    with pytest.raises(JournalUnavailable) as caught:
        await run_step(journal, row, Script([OK], []).do, Script([], [ABSENT]).look)
    failed = caught.value
    assert (row.id, "free space") == (failed.intention_id, failed.remedy)
    heard = " (the last request ended as: unknown)" if ended else ""
    assert failed.message.startswith(f"{row} stays open{heard}, because")
    assert "disk full" in failed.message


async def test_a_lost_lease_is_named(journal: Journal) -> None:
    """Whoever writes after it has lost the number hears which lease it was."""
    (intention,) = planned(journal)

    async def do(_: Attempt) -> Applied:
        end = await run_step(
            journal,
            intention,
            Script([OK], []).do,
            Script([], [APPLIED]).look,
            is_dead=lambda _: True,
        )
        assert IntentionState.DONE is end.state
        return OK

    with pytest.raises(LeaseLost) as caught:
        await run_step(journal, intention, do, Script([], [ABSENT]).look)
    lost = caught.value
    assert lost.resource in (intention.resource, intention.purchase_resource)
    assert lost.message.startswith(f"{intention} is no longer ours")
    assert str(lost.__cause__.message) in lost.message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "may"), [(None, True), (399, True), (400, False), (499, False), (500, True)]
)
def test_only_a_refusal_says_that_nothing_happened(status: int | None, may: bool) -> None:
    """A request that was allowed to leave may have taken effect until a 4xx is read."""
    attempt = Attempt(line(), 3, (), Brake())
    assert (None, None, False, None) == (
        attempt.status,
        attempt.request_id,
        attempt.may_have_left,
        attempt.held_by,
    )
    attempt.before_send()
    assert attempt.may_have_left
    attempt.replied(status, "r-1")
    assert (3, status, "r-1", may) == (
        attempt.n,
        attempt.status,
        attempt.request_id,
        attempt.may_have_left,
    )


def test_what_is_held_is_not_let_go() -> None:
    """`before_send` raises what holds it, and knows that nothing left."""
    attempt = Attempt(line(), 1, (), Brake())
    attempt.held_by = Stopped("stopped by ann")
    with pytest.raises(Stopped, match="ann"):
        attempt.before_send()
    assert not attempt.may_have_left


async def test_nobody_asks_once_the_answer_is_there(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stops are asked for while a request waits, each way by itself, and not longer."""
    monkeypatch.setattr(billable, "ASK_EVERY_S", 0.01)
    asked = {"journal": 0, "run": 0}
    projects = set()

    def require_no_stop(project: str) -> None:
        asked["journal"] += 1
        projects.add(project)

    async def run_state() -> str:
        asked["run"] += 1
        return ""

    async def do(_: Attempt) -> Applied:
        with anyio.fail_after(20):
            while min(asked.values()) < 3:
                await asyncio.sleep(0.01)
        return OK

    monkeypatch.setattr(journal, "require_no_stop", require_no_stop)
    (intention,) = planned(journal)
    await run_step(journal, intention, do, Script([], []).look, brake=Brake(None, run_state))
    before = dict(asked)
    await asyncio.sleep(0.1)
    assert (before, {intention.project_id}) == (asked, projects)


async def test_the_number_is_waited_for_as_long_as_the_policy_says(journal: Journal) -> None:
    """Its lease is asked for with the policy's patience, by the name of the number."""
    (intention,) = planned(journal)
    waits: list[tuple[str, float]] = []
    async with keeping(journal) as keeper:
        lease = await keeper.acquire(intention.purchase_resource)
        holding = keeper.holding

        def noted(resource: str, *, wait_s: float) -> Any:
            waits.append((resource, wait_s))
            return holding(resource, wait_s=wait_s)

        keeper.holding = noted
        end = await run_costly_step(
            journal,
            intention,
            do=Script([OK], []).do,
            look=Script([], []).look,
            keeper=keeper,
            purchase_lease=lease,
            policy=SettlePolicy(lease_wait_s=7.0),
            brake=Brake(),
            sleep=no_wait,
        )
    assert ([(intention.resource, 7.0)], IntentionState.DONE) == (waits, end.state)


async def test_the_limit_of_releases_holds_when_a_step_leaves(journal_url: str) -> None:
    """A release that was planned yesterday is refused today when today has no room for it."""
    clock = TurnedClock(datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
    with Journal.open(journal_url, clock=clock) as journal:
        (late,) = planned(journal, release_line("+1"))
        clock.turn(minutes=5)
        planned(journal, release_line("+2"), reference="R-2")
        script = Script([OK], [ABSENT])
        with pytest.raises(SpendRefused, match="2 today"):
            await run_step(
                journal, late, script.do, script.look, policy=SettlePolicy(releases_max=1)
            )
        policy = SettlePolicy(releases_max=2)
        end = await run_step(journal, late, script.do, script.look, policy=policy)
        assert (IntentionState.DONE, 1) == (end.state, len(journal.history(late.id).attempts))
