"""Journals to test with: both databases, purchases in one line, a clock to turn, and a vendor that
counts what it charges.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import anyio
import pytest

from numberflow.errors import OutcomeUnknown, Rejected
from numberflow.journal import (
    Applied,
    Attempt,
    Brake,
    Evidence,
    Intention,
    IntentionState,
    Journal,
    Lease,
    LeaseKeeper,
    NewIntention,
    NewPurchase,
    Purchase,
    SettlePolicy,
    run_costly_step,
)
from numberflow.settings import Settings

PROJECT = "project-1"
NUMBER = "+12025550101"


@cache
def _empty_journal() -> Path:
    """An empty journal to copy: all migrations take a hundred times as long as the copy."""
    path = Path(mkdtemp(prefix="numberflow-empty-")) / "journal.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    Journal.open(f"sqlite:///{path}").close()
    return path


def new_journal(path: Path) -> str:
    """URL of a fresh journal in a file of its own."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copy(_empty_journal(), path)
    return f"sqlite:///{path}"


BOTH = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=BOTH)
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty journal with its tables, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        return new_journal(tmp_path / "journal.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=BOTH)
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL where no journal has been yet, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    """An open, empty journal."""
    with Journal.open(journal_url) as opened:
        yield opened


class TurnedClock:
    """A wall clock that only moves when told to."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **duration: float) -> None:
        """Move on by a timedelta's arguments."""
        self.at += timedelta(**duration)


async def no_wait(_seconds: float) -> None:
    """A sleep that is over at once."""


def new_purchase(reference: str = "PO-1", project: str = PROJECT, **parameters: Any) -> NewPurchase:
    """A purchase whose fingerprint follows from its parameters."""
    return NewPurchase(
        project, reference, "search-and-rent", repr(sorted(parameters.items())), parameters, "run-1"
    )


def rent_line(
    number: str = NUMBER, setup: str = "1.00", monthly: str = "2.00", currency: str = "USD"
) -> NewIntention:
    """A rent of one number."""
    return NewIntention(
        "rent", number, f"rent {number}", {}, Decimal(setup), Decimal(monthly), currency
    )


def release_line(number: str = NUMBER) -> NewIntention:
    """A release of one number; costs nothing."""
    return NewIntention("release", number, f"release {number}")


def take(journal: Journal, resource: str, owner: str = "test", lease_s: float = 60.0) -> Lease:
    """A lease without a keeper, for tests of single methods."""
    from numberflow.journal.lease_rows import Taken
    from numberflow.journal.leases import local_time

    answer = journal.take_lease(resource, owner, lease_s)
    assert isinstance(answer, Taken), answer
    return Lease(resource, owner, answer.fence, lease_s=lease_s, since=local_time())


def plan(
    journal: Journal,
    lease: Lease,
    purchase: Purchase,
    *lines: NewIntention,
    cap_today: Decimal | None = None,
    cap_monthly: Decimal | None = None,
    currency: str | None = "USD",
) -> tuple[Intention, ...]:
    """`Journal.plan` with caps open."""
    return journal.plan(
        purchase.id,
        lines,
        lease=lease,
        cap_today=cap_today,
        cap_monthly=cap_monthly,
        currency=currency,
    )


def planned(
    journal: Journal, *lines: NewIntention, reference: str = "PO-1"
) -> tuple[Intention, ...]:
    """A purchase with these lines planned, and its lease given back."""
    purchase = journal.open_purchase(new_purchase(reference))
    lease = take(journal, purchase.resource)
    try:
        return plan(journal, lease, purchase, *(lines or (rent_line(),)))
    finally:
        journal.give_back_leases((lease,))


class Vendor:
    """Numbers for sale, what they cost us so far, and how the next replies go wrong.

    Its own tiny world: no client, no HTTP.

    `faults`: one word for each request that arrives. "ok", "lost" (rented, reply lost), "dropped"
    (not rented, reply lost), "refused".
    """

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.charges: list[str] = []
        self.requests = 0
        self.looks = 0
        self.sent_while: list[tuple[str, str]] = []

    async def rent(self, attempt: Attempt) -> Applied:
        """The `do` of a rent."""
        attempt.before_send()
        number = str(attempt.intention.subject)
        self.requests += 1
        fault = self.faults.pop(0) if self.faults else "ok"
        if fault == "refused" or (number in self.charges and fault in {"ok", "lost"}):
            attempt.replied(400, "r-1")
            raise Rejected("not available", status=400)
        if fault in {"ok", "lost"}:
            self.charges.append(number)
        if fault != "ok":
            raise OutcomeUnknown("reply lost", cause="read_timeout")
        attempt.replied(200, "r-1")
        return Applied({"phone_number": number}, "rented")

    async def look(self, intention: Intention) -> Evidence:
        """The `look` of a rent."""
        self.looks += 1
        if intention.subject in self.charges:
            return Evidence(
                "applied", "active", {"status": 200}, {"phone_number": intention.subject}
            )
        return Evidence("absent", "not active, still for sale", {"status": 404})


@asynccontextmanager
async def keeping(journal: Journal, lease_s: float = 60.0, **options: Any) -> Any:
    """A keeper that does not wait."""
    async with LeaseKeeper(journal, lease_s, sleep=no_wait, **options) as keeper:
        yield keeper


async def run_step(
    journal: Journal,
    intention: Intention,
    do: Callable[[Attempt], Awaitable[Applied]],
    look: Callable[[Intention], Awaitable[Evidence]],
    *,
    sleep: Callable[[float], Awaitable[object]] = no_wait,
    policy: SettlePolicy | None = None,
    brake: Brake | None = None,
    **keeper_options: Any,
) -> Intention:
    """`run_costly_step` as a new worker would.

    A keeper and the purchase's lease of its own, and no waiting.
    """
    async with keeping(journal, **keeper_options) as keeper:
        lease = await keeper.acquire(intention.purchase_resource)
        return await run_costly_step(
            journal,
            intention,
            do=do,
            look=look,
            keeper=keeper,
            purchase_lease=lease,
            policy=policy or SettlePolicy(settle_s=8.0, lease_wait_s=0.0),
            brake=brake or Brake(),
            sleep=sleep,
        )


def died_in_the_middle(reference: str) -> None:
    """A purchase in the environment's journal whose process died in the middle.

    One number was being rented, and one was still to come.
    """
    settings = Settings.load()
    with Journal.open(settings.journal_url) as journal:
        purchase = journal.open_purchase(new_purchase(reference, settings.project_id))
        lease = take(journal, purchase.resource)
        row, _ = plan(
            journal, lease, purchase, rent_line("+12025550101"), rent_line("+12025550102")
        )
        number = take(journal, row.resource)
        journal.begin(row.id, leases=(lease, number))
        journal.give_back_leases((lease, number))


def open_step(
    journal_url: str,
    state: IntentionState,
    line: NewIntention | None = None,
    *,
    alive: bool = False,
    reference: str = "PO-1",
) -> Intention:
    """A step that was left in this state, or (`alive`) is being taken."""

    async def unclear(_: Intention) -> Evidence:
        if state is IntentionState.UNKNOWN:
            raise RuntimeError("nobody can look")
        return Evidence("inconclusive", "neither held nor for sale", {})

    with Journal.open(journal_url) as journal:
        purchase = journal.open_purchase(new_purchase(reference))
        lease = take(journal, purchase.resource)
        (row,) = plan(journal, lease, purchase, line or rent_line())
        if state is IntentionState.SENDING:
            number = take(journal, row.resource)
            journal.begin(row.id, leases=(lease, number))
            if not alive:
                journal.give_back_leases((lease, number))
        else:
            journal.give_back_leases((lease,))
            anyio.run(lambda: run_step(journal, row, Vendor("lost").rent, unclear))
        row = journal.history(row.id).intention
    assert state is row.state
    return row
