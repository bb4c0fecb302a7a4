"""One costly step against small callables.

How often the request leaves, and what the journal says afterwards.
"""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from support.journals import (
    NUMBER,
    PROJECT,
    Vendor,
    keeping,
    new_purchase,
    no_wait,
    planned,
    rent_line,
    run_step,
    take,
)

from numberflow.errors import (
    InsufficientFunds,
    JournalUnavailable,
    LeaseLost,
    NotFound,
    NotSent,
    NumberClaimed,
    OutcomeUnknown,
    Rejected,
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

pytestmark = pytest.mark.anyio

ABSENT = Evidence("absent", "not there", {"status": 404})
APPLIED = Evidence("applied", "there", {"status": 200}, {"phone_number": NUMBER})
UNCLEAR = Evidence("inconclusive", "neither nor", {"status": 200})


class Script:
    """A `do` and a `look` that answer as told, in turn (the last answer for ever), and count."""

    def __init__(self, replies: list[Any], looks: list[Any] | None = None) -> None:
        self.replies, self.findings = replies, looks or [ABSENT]
        self.sent = 0
        self.looked = 0

    async def do(self, attempt: Attempt) -> Applied:
        self.sent += 1
        return _answer(self.replies, self.sent)

    async def look(self, intention: Intention) -> Evidence:
        self.looked += 1
        return _answer(self.findings, self.looked)


def _answer(answers: list[Any], n: int) -> Any:
    answer = answers[min(n, len(answers)) - 1]
    if isinstance(answer, BaseException):
        raise answer
    return answer


OK = Applied({"phone_number": NUMBER}, "rented")
LOST = OutcomeUnknown("reply lost", cause="read_timeout")
BUG = ValueError("KYC of Ada Lovelace")


@pytest.mark.parametrize(
    ("replies", "looks", "state", "sent", "looked"),
    [
        ([OK], [ABSENT], "done", 1, 0),
        ([LOST], [APPLIED], "done", 1, 1),
        ([LOST], [ABSENT, ABSENT, APPLIED], "done", 1, 3),
        ([LOST, OK], [ABSENT], "done", 2, 5),
        ([LOST], [ABSENT], "planned", 3, 15),
        ([LOST], [UNCLEAR], "needs_person", 1, 5),
        ([LOST], [ABSENT, UNCLEAR, ABSENT, ABSENT, ABSENT], "needs_person", 1, 5),
        ([LOST], [OutcomeUnknown("vendor down")], "unknown", 1, 5),
        ([LOST], [ABSENT, BUG], "unknown", 1, 5),
        ([LOST], [None], "unknown", 1, 5),
        ([BUG], [APPLIED], "done", 1, 1),
        ([BUG], [ABSENT], "planned", 3, 15),
        ([None], [APPLIED], "done", 1, 1),
        ([Applied({"x": object()}, "cannot be kept")], [APPLIED], "done", 1, 1),
        ([ExceptionGroup("both", [NotSent("a"), BUG])], [APPLIED], "done", 1, 1),
        ([NotSent("no route"), OK], [APPLIED], "done", 2, 0),
        ([NotSent("no route")], [APPLIED], "planned", 3, 0),
        ([Throttled("429", retry_after_s=5.0), OK], [APPLIED], "done", 2, 0),
        # 900 s of patience: 1 + 2 + 4 + 8 + 16 s, then every 30 s; nobody waits for a Retry-After
        # that is longer.
        ([Throttled("429")], [APPLIED], "planned", 34, 0),
        ([Throttled("429", retry_after_s=901.0)], [APPLIED], "planned", 1, 0),
        (
            [Throttled("429"), NotSent("a")] * 2 + [Throttled("429")] * 20 + [OK],
            [APPLIED],
            "done",
            25,
            0,
        ),
        ([Rejected("bad", status=400)], [APPLIED], "refused", 1, 0),
        ([InsufficientFunds("broke", status=402)], [APPLIED], "refused", 1, 0),
        ([NotFound("gone", status=404)], [ABSENT], "refused", 1, 1),
        ([NotFound("gone", status=404)], [UNCLEAR], "refused", 1, 1),
        ([NotFound("gone", status=404)], [OutcomeUnknown("vendor down")], "refused", 1, 1),
        ([NotFound("gone", status=404)], [APPLIED], "done", 1, 1),
        ([LOST, Rejected("taken", status=400)], [ABSENT] * 5 + [APPLIED], "done", 2, 6),
        ([LOST, Rejected("taken", status=400)], [ABSENT], "needs_person", 2, 10),
        ([LOST, NotFound("taken", status=404)], [ABSENT], "needs_person", 2, 10),
        ([LOST, InsufficientFunds("broke", status=402)], [ABSENT], "refused", 2, 10),
        ([LOST, Rejected("taken", status=400)], [ABSENT] * 5 + [UNCLEAR], "needs_person", 2, 10),
        ([LOST, Rejected("taken", status=400)], [ABSENT] * 5 + [LOST], "unknown", 2, 10),
    ],
)
async def test_each_answer_leads_to(
    journal: Journal, replies: list[Any], looks: list[Any], state: str, sent: int, looked: int
) -> None:
    """The state afterwards, how many requests left, and how many looks were made."""
    script = Script(replies, looks)
    (intention,) = planned(journal)
    end = await run_step(journal, intention, script.do, script.look)
    assert (state, sent, looked) == (end.state, script.sent, script.looked)
    assert end == journal.history(intention.id).intention
    assert end.state != "done" or end.result == {"phone_number": NUMBER}
    assert "Lovelace" not in repr(journal.history(intention.id))
    attempts = journal.history(intention.id).attempts
    assert sent == len(attempts)
    assert [attempt for attempt in attempts if attempt.ended_at is None] == []


async def test_waits_are_what_the_answers_ask_for(journal: Journal) -> None:
    """Retry-After exactly unless it is absurd, else a back-off that doubles.

    Looks are spread over the settling time.
    """
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    throttles: list[Any] = [
        Throttled("429", retry_after_s=wait) for wait in (7.0, 120.0, 9e9, float("nan"), 0.0)
    ]
    script = Script([*throttles, Throttled("429"), NotSent("no route"), LOST, OK])
    (intention,) = planned(journal)
    policy = SettlePolicy(settle_s=80.0)
    await run_step(journal, intention, script.do, script.look, sleep=sleep, policy=policy)
    assert [7.0, 120.0, 30.0, 30.0, 1.0, 30.0, 1.0, 10.0, 10.0, 20.0, 40.0] == waited


async def test_attempts_are_counted_for_each_run(journal: Journal) -> None:
    """A step that stays planned says why, and is sent again when it is run again."""
    script = Script([NotSent("no route to host")] * 3 + [OK])
    (intention,) = planned(journal)
    stuck = await run_step(journal, intention, script.do, script.look)
    assert (stuck.state, script.sent) == (IntentionState.PLANNED, 3)
    assert "no route to host" in str(stuck.reason)
    done = await run_step(journal, stuck, script.do, script.look)
    assert (done.state, script.sent) == (IntentionState.DONE, 4)


@pytest.mark.parametrize("verdict", ["done", "refused"])
async def test_what_is_final_is_returned_at_once(journal: Journal, verdict: str) -> None:
    """Neither callable is called, and a stale copy of the row does not matter."""
    (intention,) = planned(journal)
    first = Script([OK if verdict == "done" else Rejected("no", status=400)])
    final = await run_step(journal, intention, first.do, first.look)
    assert verdict == final.state
    second = Script([OK])
    assert final == await run_step(journal, final, second.do, second.look)
    assert final == await run_step(journal, intention, second.do, second.look)
    assert (second.sent, second.looked) == (0, 0)


async def _open_row(journal: Journal, *events: Event) -> Intention:
    """An intention whose worker died while sending, or later."""
    (intention,) = planned(journal)
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    row = journal.begin(intention.id, leases=leases).intention
    if events:
        row = journal.record(
            intention.id, leases=leases, events=events, attempt=AttemptEnd(Outcome.UNKNOWN)
        )
    journal.give_back_leases(leases)
    return row


@pytest.mark.parametrize("events", [(), (Event.LOSE,)])
async def test_an_open_row_is_looked_up_before_anything_is_sent(
    journal: Journal, events: tuple[Event, ...]
) -> None:
    """From sending and from unknown: found → done without a request.

    Absent over the settling time → one request.
    """
    row = await _open_row(journal, *events)
    found = Script([OK], [ABSENT, APPLIED])
    assert IntentionState.DONE == (await run_step(journal, row, found.do, found.look)).state
    assert (found.sent, found.looked) == (0, 2)


@pytest.mark.parametrize("events", [(), (Event.LOSE,)])
async def test_an_open_row_is_sent_again_after_proof_of_absence(
    journal: Journal, events: tuple[Event, ...]
) -> None:
    """The dead worker's attempt counts as unknown from then on."""
    row = await _open_row(journal, *events)
    absent = Script([OK], [ABSENT])
    assert IntentionState.DONE == (await run_step(journal, row, absent.do, absent.look)).state
    assert (absent.sent, absent.looked) == (1, 5)
    outcomes = [attempt.outcome for attempt in journal.history(row.id).attempts]
    assert [Outcome.UNKNOWN, Outcome.APPLIED] == outcomes


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (ABSENT, "needs_person"),
        (UNCLEAR, "needs_person"),
        (LOST, "needs_person"),
        (APPLIED, "done"),
    ],
)
async def test_what_needs_a_person_is_looked_at_once_and_never_sent(
    journal: Journal, finding: Any, state: str
) -> None:
    """Only its own appearance at the vendor closes it without a person."""
    row = await _open_row(journal, Event.LOSE, Event.ESCALATE)
    script = Script([OK], [finding])
    end = await run_step(journal, row, script.do, script.look)
    assert (state, 0, 1) == (end.state, script.sent, script.looked)


@pytest.mark.parametrize("events", [(Event.LOSE,), (Event.LOSE, Event.ESCALATE)])
async def test_a_look_that_settles_nothing_is_no_change(
    journal: Journal, events: tuple[Event, ...]
) -> None:
    """The vendor cannot be read, tonight for another reason: the look is kept, nobody is told."""
    row = await _open_row(journal, *events)
    journal.note_told([row.purchase_id])
    for trouble in ("vendor down", "no answer"):
        script = Script([OK], [OutcomeUnknown(trouble)])
        end = await run_step(journal, row, script.do, script.look)
        assert (row.state, row.updated_at) == (end.state, end.updated_at)
        assert trouble in journal.history(row.id).evidence[-1].note
        assert () == journal.idle_purchases(PROJECT, idle_s=0.0)
    script = Script([OK], [APPLIED])
    assert IntentionState.DONE == (await run_step(journal, row, script.do, script.look)).state
    assert [row.purchase_id] == [each.id for each in journal.idle_purchases(PROJECT, idle_s=0.0)]


async def test_a_lost_request_for_any_number_is_not_repeated(journal: Journal) -> None:
    """Nothing found over the settling time: one request left, and a person decides.

    A second one could buy a second number.
    """
    line = NewIntention(
        "rent_any", None, "any", {}, rent_line().setup_amount, rent_line().monthly_amount, "USD"
    )
    script = Script([LOST, OK], [ABSENT])
    (intention,) = planned(journal, line)
    end = await run_step(journal, intention, script.do, script.look)
    assert (IntentionState.NEEDS_PERSON, 1, 5) == (end.state, script.sent, script.looked)


async def test_rent_any_claims_the_number_that_the_vendor_chose(journal: Journal) -> None:
    """From the result, and nobody can rent that number a second time."""
    line = NewIntention(
        "rent_any", None, "any", {}, rent_line().setup_amount, rent_line().monthly_amount, "USD"
    )
    (intention,) = planned(journal, line)
    script = Script([Applied({"phoneNumber": NUMBER}, "rented")])
    end = await run_step(journal, intention, script.do, script.look)
    assert (end.state, end.subject) == (IntentionState.DONE, NUMBER)
    with pytest.raises(NumberClaimed):
        planned(journal, rent_line(), reference="PO-2")


async def test_a_lease_that_is_lost_before_sending_sends_nothing(journal: Journal) -> None:
    """before_send raises, the row goes back to planned with that evidence, and the caller hears of
    it.
    """
    (intention,) = planned(journal)
    left: list[int] = []

    async def do(attempt: Attempt) -> Applied:
        attempt._leases[0]._lose("the heartbeat found it taken")
        attempt.before_send()
        left.append(attempt.n)
        return OK

    with pytest.raises(LeaseLost, match="heartbeat"):
        await run_step(journal, intention, do, Script([]).look)
    history = journal.history(intention.id)
    assert [] == left
    assert IntentionState.PLANNED == history.intention.state
    assert [Outcome.NOT_SENT] == [attempt.outcome for attempt in history.attempts]
    assert [Finding.ABSENT] == [entry.finding for entry in history.evidence]


async def test_not_sent_after_it_was_let_go_is_not_believed(journal: Journal) -> None:
    """Bytes may have left: look. After a read refusal (401) it is believed."""
    for status, looked in ((None, 1), (401, 0)):
        (intention,) = planned(journal, rent_line(f"+1{looked}"), reference=f"PO-{looked}")
        script = Script([], [APPLIED])

        async def do(attempt: Attempt, status: int | None = status) -> Applied:
            if attempt.n > 1:
                return OK
            attempt.before_send()
            attempt.replied(status, None)
            raise NotSent("contradiction")

        assert IntentionState.DONE == (await run_step(journal, intention, do, script.look)).state
        assert looked == script.looked


async def test_status_and_request_id_are_kept(journal: Journal) -> None:
    """What the client read of the reply stands in the attempt."""
    (intention,) = planned(journal)

    async def do(attempt: Attempt) -> Applied:
        attempt.before_send()
        attempt.replied(200, "req-7")
        return OK

    await run_step(journal, intention, do, Script([]).look)
    (attempt,) = journal.history(intention.id).attempts
    assert (attempt.http_status, attempt.vendor_request_id, attempt.outcome) == (
        200,
        "req-7",
        Outcome.APPLIED,
    )


class TerminationSignal(BaseException):
    """Stands for Prefect's, which the journal does not know."""


@pytest.mark.parametrize("interruption", [TerminationSignal(), KeyboardInterrupt(), SystemExit(3)])
async def test_an_interruption_is_written_down_and_passed_on(
    journal: Journal, interruption: BaseException
) -> None:
    """The row says unknown before the exception leaves, and the next run looks."""
    (intention,) = planned(journal)
    seen: list[IntentionState] = []

    async def do(attempt: Attempt) -> Applied:
        raise interruption

    async with keeping(journal) as keeper:
        lease = await keeper.acquire(intention.purchase_resource)
        # Caught inside the loop: KeyboardInterrupt and SystemExit would end the test run itself.
        try:
            await run_costly_step(
                journal,
                intention,
                do=do,
                look=Script([]).look,
                keeper=keeper,
                purchase_lease=lease,
                policy=SettlePolicy(),
                brake=Brake(),
                sleep=no_wait,
            )
        except BaseException as error:
            assert interruption is error
            seen.append(journal.history(intention.id).intention.state)
    assert [IntentionState.UNKNOWN] == seen


async def test_a_cancelled_step_is_unknown_and_gives_its_leases_back(journal: Journal) -> None:
    """Cancelling the task in the middle of the request leaves a row that the next run looks up at
    once.
    """
    (intention,) = planned(journal)
    started = anyio.Event()

    async def do(attempt: Attempt) -> Applied:
        started.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with anyio.create_task_group() as group:
        group.start_soon(run_step, journal, intention, do, Script([]).look)
        await started.wait()
        group.cancel_scope.cancel()
    assert IntentionState.UNKNOWN == journal.history(intention.id).intention.state
    script = Script([OK], [APPLIED])
    assert IntentionState.DONE == (await run_step(journal, intention, script.do, script.look)).state
    assert 0 == script.sent


async def test_a_busy_number_is_not_touched(journal: Journal) -> None:
    """While another purchase's step holds the number, this one gives up and names the holder."""
    (intention,) = planned(journal)
    take(journal, intention.resource, "somebody else")
    script = Script([OK])
    with pytest.raises(LeaseLost, match="somebody else"):
        await run_step(journal, intention, script.do, script.look)
    assert (script.sent, journal.history(intention.id).intention.state) == (
        0,
        IntentionState.PLANNED,
    )


async def test_a_worker_that_was_overtaken_sends_nothing_and_writes_nothing(
    journal: Journal,
) -> None:
    """A stops after «sending» is durable; B takes over, proves absence and rents; A wakes up.

    A's request stays at home by its local deadline alone, and its late write fails on the fence.
    One charge.
    """
    (intention,) = planned(journal)
    vendor = Vendor()
    asleep_s = 0.0

    def clock() -> Any:
        from numberflow.journal.leases import LocalTime, local_time

        now = local_time()
        return LocalTime(now.boot_s + asleep_s, now.wall_s + asleep_s)

    async def stopped_then_rent(attempt: Attempt) -> Applied:
        nonlocal asleep_s
        # What SIGSTOP for a minute is to A: both its clocks ran on, its heartbeat did not. B finds
        # its leases run out.
        asleep_s = 61.0
        b = await run_step(journal, intention, vendor.rent, vendor.look, is_dead=lambda owner: True)
        assert (b.state, vendor.requests) == (IntentionState.DONE, 1)
        return await vendor.rent(attempt)

    with pytest.raises(LeaseLost, match="no longer ours"):
        await run_step(journal, intention, stopped_then_rent, vendor.look, clock=clock)
    assert (vendor.charges, vendor.requests) == ([NUMBER], 1)
    assert IntentionState.DONE == journal.history(intention.id).intention.state


async def test_a_late_success_does_not_overwrite_the_new_owner(journal: Journal) -> None:
    """A's reply arrives after B took over.

    A's write fails on the fence, B's view of the vendor decides.
    """
    (intention,) = planned(journal)
    vendor = Vendor()

    async def slow(attempt: Attempt) -> Applied:
        reply = await vendor.rent(attempt)
        b = await run_step(journal, intention, vendor.rent, vendor.look, is_dead=lambda owner: True)
        assert IntentionState.DONE == b.state
        return reply

    with pytest.raises(LeaseLost):
        await run_step(journal, intention, slow, vendor.look)
    assert (vendor.charges, vendor.requests) == ([NUMBER], 1)


@pytest.mark.parametrize("workers", [8])
async def test_many_workers_one_charge(journal: Journal, workers: int) -> None:
    """Eight workers with one reference: one of them rents, all of them learn that it is done."""
    vendor = Vendor("lost")
    ends: list[IntentionState] = []

    async def worker() -> None:
        purchase = journal.open_purchase(new_purchase())
        async with keeping(journal) as keeper:
            keeper._sleep = anyio.sleep
            lease = await keeper.acquire(purchase.resource, wait_s=60)
            known = journal.intentions(purchase_id=purchase.id)
            if not known:
                known = journal.plan(
                    purchase.id,
                    [rent_line()],
                    lease=lease,
                    cap_today=None,
                    cap_monthly=None,
                    currency="USD",
                )
            end = await run_costly_step(
                journal,
                known[0],
                do=vendor.rent,
                look=vendor.look,
                keeper=keeper,
                purchase_lease=lease,
                policy=SettlePolicy(settle_s=0.0),
                brake=Brake(),
            )
            ends.append(end.state)
            await keeper.release(lease)

    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(worker)
    assert [IntentionState.DONE] * workers == ends
    assert [NUMBER] == vendor.charges
    assert 1 == len(journal.intentions(project_id=PROJECT))


async def test_a_journal_that_fails_after_the_call_says_what_stays_open(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the intention and how the request ended; the next run looks first."""
    (intention,) = planned(journal)
    vendor = Vendor()

    def down(*_args: object, **_facts: object) -> None:
        raise JournalUnavailable("disk full", remedy="free space")

    monkeypatch.setattr(journal, "record", down)
    with pytest.raises(JournalUnavailable) as caught:
        await run_step(journal, intention, vendor.rent, vendor.look)
    monkeypatch.undo()
    assert intention.id in str(caught.value)
    assert "stays open" in str(caught.value)
    assert "applied" in str(caught.value)
    assert IntentionState.SENDING == journal.history(intention.id).intention.state
    assert (
        IntentionState.DONE == (await run_step(journal, intention, vendor.rent, vendor.look)).state
    )
    assert 1 == vendor.requests


async def test_a_journal_that_fails_while_a_request_waits_leaves_it_planned(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be asked for a stop, so nothing leaves.

    That is known, and no person's case even if no look would tell.
    """
    monkeypatch.setattr(billable, "ASK_EVERY_S", 0.01)
    (intention,) = planned(journal)
    vendor = Vendor()

    def down(*_args: object) -> None:
        raise JournalUnavailable("locked", remedy="wait")

    async def rent_after_a_while(attempt: Attempt) -> Applied:
        while attempt.held_by is None:
            await anyio.sleep(0.01)
        return await vendor.rent(attempt)

    async def look(_: Intention) -> Evidence:
        return Evidence(Finding.INCONCLUSIVE, "who knows")

    monkeypatch.setattr(journal, "require_no_stop", down)
    with pytest.raises(JournalUnavailable, match="locked"):
        await run_step(journal, intention, rent_after_a_while, look)
    row = journal.history(intention.id)
    assert (0, IntentionState.PLANNED, "not_sent", "not sent: JournalUnavailable: locked") == (
        vendor.requests,
        row.intention.state,
        row.attempts[0].outcome,
        row.intention.reason,
    )


async def test_no_journal_no_request(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """When «sending» cannot be written, nothing leaves."""
    (intention,) = planned(journal)
    vendor = Vendor()

    def down(*_args: object, **_facts: object) -> None:
        raise JournalUnavailable("down", remedy="start it")

    monkeypatch.setattr(journal, "begin", down)
    with pytest.raises(JournalUnavailable):
        await run_step(journal, intention, vendor.rent, vendor.look)
    assert 0 == vendor.requests
