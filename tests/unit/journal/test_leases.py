"""Leases: one holder, a fence that only grows, and a holder that learns in time that it is none any
more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.journals import Journal, TurnedClock, keeping, no_wait, take

from numberflow.errors import JournalUnavailable, LeaseLost
from numberflow.journal import LeaseKeeper
from numberflow.journal.lease_rows import Busy, Taken
from numberflow.journal.leases import LocalTime, local_time
from numberflow.journal.owner import Owner, owner_is_dead

ROOT = Path(__file__).parents[3]


def _alive(_owner: str) -> None:
    """Nobody can tell."""


def test_a_free_resource_has_one_holder(journal: Journal) -> None:
    """The second is told who has it; the same owner is no exception."""
    assert Taken(1) == journal.take_lease("r", "a", 60, _alive)
    for owner in ("b", "a"):
        answer = journal.take_lease("r", owner, 60, _alive)
        assert isinstance(answer, Busy)
        assert "a" == answer.owner


def test_the_fence_only_grows(journal: Journal) -> None:
    """Through giving back, expiry and proof of death."""
    clock_fences = []
    for _ in range(3):
        lease = take(journal, "r")
        clock_fences.append(lease.fence)
        journal.give_back_leases((lease,))
    taken = journal.take_lease("r", "dead", 60, _alive)
    over = journal.take_lease("r", "b", 60, lambda owner: owner == "dead")
    assert [1, 2, 3] == clock_fences
    assert (Taken(4), Taken(5)) == (taken, over)


def test_an_expired_lease_is_free_and_its_holder_is_out(journal_url: str) -> None:
    """By the database's clock; renewing what somebody took is refused, renewing what nobody took is
    not.
    """
    clock = TurnedClock()
    with Journal.open(journal_url, clock=clock) as journal:
        old = take(journal, "r", "a")
        clock.turn(seconds=59)
        assert isinstance(journal.take_lease("r", "b", 60, _alive), Busy)
        clock.turn(seconds=2)
        assert frozenset({"r"}) == journal.renew_leases((old,), 60)
        clock.turn(seconds=61)
        assert Taken(2) == journal.take_lease("r", "b", 60, _alive)
        assert frozenset() == journal.renew_leases((old,), 60)
        journal.give_back_leases((old,))
        assert isinstance(journal.take_lease("r", "c", 60, _alive), Busy)


def test_postgres_judges_by_its_own_clock(postgres_url: str) -> None:
    """A machine whose clock is an hour off neither loses its lease nor takes another's."""
    with Journal.open(postgres_url) as journal, journal._database.write() as connection:
        assert abs((journal._database.now(connection) - datetime.now(UTC)).total_seconds()) < 5
        first = journal._database.now(connection)
        assert first < journal._database.now(connection)


class Clocks:
    """Both local clocks, to be turned."""

    def __init__(self) -> None:
        self.boot_s, self.wall_s = 0.0, 1e9

    def __call__(self) -> LocalTime:
        return LocalTime(self.boot_s, self.wall_s)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("boot_s", "wall_s", "lost"),
    [
        (44, 44, False),
        (46, 46, True),
        (46, 0, True),
        (0, 46, True),
        (46, -3600, True),
        (1, -3600, False),
    ],
)
async def test_the_local_deadline_takes_the_gloomier_clock(
    journal: Journal, boot_s: float, wall_s: float, *, lost: bool
) -> None:
    """Three quarters of the lease by either clock; a wall clock that jumps back gives nothing."""
    clocks = Clocks()
    async with keeping(journal, 60.0, clock=clocks) as keeper:
        lease = await keeper.acquire("r")
        clocks.boot_s += boot_s
        clocks.wall_s += wall_s
        if lost:
            with pytest.raises(LeaseLost, match="not renewed in time"):
                lease.check()
            keeper.renew()
            lease.check()
        else:
            lease.check()


@pytest.mark.anyio
async def test_a_renewal_that_finds_a_new_fence_loses_the_lease(journal: Journal) -> None:
    """For good: later renewals do not bring it back."""
    async with keeping(journal) as keeper:
        lease = await keeper.acquire("r")
        journal.take_lease("r", "thief", 60, lambda owner: True)
        keeper.renew()
        with pytest.raises(LeaseLost, match="taken over"):
            lease.check()
        keeper.renew()
        with pytest.raises(LeaseLost):
            lease.check()


class CountedRenewals:
    """A journal that says when renewals were asked for: whenever `asked` can be acquired."""

    def __init__(self, journal: Journal | None) -> None:
        """`journal`: where leases really are; with None there is none once a lease is taken."""
        self.asked = threading.Semaphore(0)
        self._journal = journal

    def take_lease(self, *arguments: Any) -> Taken | Busy:
        return Taken(1) if self._journal is None else self._journal.take_lease(*arguments)

    def renew_leases(self, *arguments: Any) -> frozenset[str]:
        self.asked.release()
        return self._reached().renew_leases(*arguments)

    def give_back_leases(self, *arguments: Any) -> None:
        self._reached().give_back_leases(*arguments)

    def renewed(self) -> None:
        """Wait until a renewal that began after this call is over.

        The first may have begun before. When the third begins, the second is over.
        """
        while self.asked.acquire(blocking=False):
            pass
        for _ in range(3):
            assert self.asked.acquire(timeout=30)

    def _reached(self) -> Journal:
        if self._journal is None:
            raise JournalUnavailable("down", remedy="start it")
        return self._journal


@pytest.mark.anyio
async def test_the_heartbeat_outlives_a_busy_event_loop(journal_url: str) -> None:
    """A loop that is blocked for longer than the lease keeps it.

    A finished keeper gives it back.
    """
    local, shared = Clocks(), TurnedClock()
    with Journal.open(journal_url, clock=shared) as journal:
        counted = CountedRenewals(journal)
        async with LeaseKeeper(counted, 0.04, clock=local) as keeper:
            lease = await keeper.acquire("r")
            # Nothing is awaited: the loop is busy for one and a half leases.
            for _ in range(3):
                local.boot_s += 0.02
                shared.turn(seconds=0.02)
                counted.renewed()
            lease.check()
            assert isinstance(journal.take_lease("r", "b", 60, _alive), Busy)
        assert isinstance(journal.take_lease("r", "b", 60, _alive), Taken)
        with pytest.raises(LeaseLost, match="given back"):
            lease.check()


@pytest.mark.anyio
async def test_without_renewals_the_holder_stops_by_itself() -> None:
    """The journal is down: before the lease can run out, `check` raises.

    Leaving the keeper hides no error behind that.
    """
    down, local = CountedRenewals(None), Clocks()
    async with LeaseKeeper(down, 0.04, clock=local) as keeper:
        lease = await keeper.acquire("r")
        local.boot_s += 0.029
        down.renewed()
        lease.check()
        local.boot_s += 0.002
        with pytest.raises(LeaseLost):
            lease.check()


@pytest.mark.anyio
async def test_waiting_names_the_holder_once_and_ends(journal: Journal) -> None:
    """`on_wait` hears who it is; after `wait_s` the error says who and until when."""
    take(journal, "r", str(Owner("laptop", "elsewhere", 4711, "1", "n")))
    heard: list[Busy] = []
    async with LeaseKeeper(journal, 60, sleep=no_wait) as keeper:
        with pytest.raises(LeaseLost, match=r"process 4711 on laptop until 20\d\d-.* UTC"):
            await keeper.acquire("r", wait_s=5, on_wait=heard.append)
    assert 1 == len(heard)


def test_an_owner_survives_being_text() -> None:
    """What is written to the journal reads back as the same owner."""
    here = Owner.here()
    assert here == Owner.parse(str(here))


def test_a_running_process_is_not_dead() -> None:
    """Neither this one, nor a stopped child, nor one on another machine, nor text that nobody
    wrote.
    """
    here = Owner.here()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        child.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        stopped = Owner(here.hostname, here.host_id, child.pid, stat[19], "n")
        elsewhere = Owner(here.hostname, "another boot/1", 2**22 + 7, "1", "n")
        answers = [owner_is_dead(str(owner)) for owner in (here, stopped, elsewhere)]
        child.kill()
        child.send_signal(signal.SIGCONT)
    assert [None, None, None, None] == [*answers, owner_is_dead("nonsense")]


def test_a_process_that_ended_is_dead() -> None:
    """Also as a zombie, and also when its pid belongs to a younger process."""
    here = Owner.here()
    child = subprocess.Popen([sys.executable, "-c", ""])
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    gone = str(Owner(here.hostname, here.host_id, child.pid, stat[19], "n"))
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    zombie = owner_is_dead(gone)
    child.wait()
    reused = Owner(here.hostname, here.host_id, os.getppid(), "1", "n")
    reused_by_us = Owner(here.hostname, here.host_id, here.pid, "1", "n")
    assert [True, True, True, True] == [
        zombie,
        *(owner_is_dead(str(o)) for o in (gone, reused, reused_by_us)),
    ]


def test_local_time_runs() -> None:
    """Both clocks move forward."""
    first = local_time()
    time.sleep(0.01)
    second = local_time()
    assert first.boot_s < second.boot_s
    assert first.wall_s < second.wall_s


_WORKER = """
    import sys, anyio
    from support.journals import Vendor, new_purchase, rent_line
    from numberflow.errors import LeaseLost
    from numberflow.journal import Applied, Brake, Evidence, Journal, LeaseKeeper
    from numberflow.journal import SettlePolicy, run_costly_step

    url, ledger, lease_s = sys.argv[1:]

    async def do(attempt):
        print("about to send", flush=True)
        sys.stdin.readline()
        attempt.before_send()
        with open(ledger, "a") as charges:
            charges.write("charged\\n")
        return Applied({}, "rented")

    async def look(intention):
        found = open(ledger).read() if __import__("os").path.exists(ledger) else ""
        return Evidence("applied" if found else "absent", "ledger")

    async def main():
        with Journal.open(url) as journal:
            async with LeaseKeeper(journal, float(lease_s)) as keeper:
                purchase = journal.open_purchase(new_purchase())
                lease = await keeper.acquire(purchase.resource, wait_s=20)
                known = journal.intentions(purchase_id=purchase.id) or journal.plan(
                    purchase.id, [rent_line()],
                    lease=lease, cap_today=None, cap_monthly=None, currency="USD",
                )
                end = await run_costly_step(
                    journal, known[0], do=do, look=look, keeper=keeper, purchase_lease=lease,
                    policy=SettlePolicy(settle_s=0.2, lease_wait_s=20), brake=Brake(),
                )
                print(end.state, flush=True)

    try:
        anyio.run(main)
    except LeaseLost as error:
        print("lease lost", flush=True)
"""


def _worker(url: str, ledger: Path, lease_s: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WORKER), url, str(ledger), str(lease_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def _go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


@pytest.mark.crash
def test_a_stopped_process_that_wakes_up_does_not_send(journal_url: str, tmp_path: Path) -> None:
    """SIGSTOP just before the first byte; another process takes over and rents.

    SIGCONT: one charge, and the sleeper says why.
    """
    ledger = tmp_path / "ledger"
    sleeper = _worker(journal_url, ledger, 3.0)
    successor = None
    try:
        assert "about to send" == _line(sleeper)
        sleeper.send_signal(signal.SIGSTOP)
        # A lease that a busy machine does not let run out.
        successor = _worker(journal_url, ledger, 60.0)
        assert "about to send" == _line(successor)
        _go(successor)
        assert "done" == _line(successor)
        _go(sleeper)
        sleeper.send_signal(signal.SIGCONT)
        assert "lease lost" == _line(sleeper)
        assert ["charged"] == ledger.read_text().splitlines()
    finally:
        for worker in (sleeper, successor):
            if worker is not None:
                worker.kill()
                worker.communicate()


@pytest.mark.crash
def test_a_killed_process_is_taken_over_at_once(journal_url: str, tmp_path: Path) -> None:
    """SIGKILL while sending, on this machine.

    The next run does not wait for the lease of an hour, and looks before it sends.
    """
    ledger = tmp_path / "ledger"
    first, second = _worker(journal_url, ledger, 3600.0), None
    try:
        assert "about to send" == _line(first)
        first.kill()
        first.wait()
        # The first request had arrived after all.
        ledger.write_text("charged\n")
        second = _worker(journal_url, ledger, 3600.0)
        assert "done" == _line(second)
        assert ["charged"] == ledger.read_text().splitlines()
    finally:
        for worker in (first, second):
            if worker is not None:
                worker.kill()
                worker.communicate()
