"""What a purchase works with, and how it is opened.

Here: the client, the journal and the times of one run, and the purchase's row. Not here: any step
that costs money.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

import anyio
import anyio.to_thread

from numberflow.client import Client
from numberflow.errors import JournalUnavailable
from numberflow.journal import (
    STOP_FILE,
    Brake,
    Busy,
    CounterKey,
    Intention,
    IntentionState,
    Journal,
    Lease,
    LeaseKeeper,
    NewPurchase,
    Paces,
    Patience,
    Purchase,
)
from numberflow.journal.brake import RunState
from numberflow.purchase.marker import Marker
from numberflow.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")

# A second run of the same purchase waits for the first as long as that one is alive; after this it
# says who holds it. 15 min: longer than a purchase of QUANTITY_MAX numbers takes when every tenth
# reply is lost and settled for two minutes.
WAIT_FOR_OWNER_S = 900.0
# How old the figures of a long run may be: a scrape's usual interval.
COUNT_EVERY_S = 15.0
# Reads at once; the client's own rate limit is the real one.
READS_AT_ONCE = 8


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run one journal call beside the event loop.

    A slow disk must not stop the heartbeats of leases.
    """
    return await anyio.to_thread.run_sync(partial(call, *args, **kwargs))


async def each_of(
    items: Sequence[A], call: Callable[[A], Awaitable[T]], *, at_once: int
) -> list[T]:
    """Await `call` for every item, at most `at_once` together; results in the order of the items.

    An error does not cancel the others (a costly call that is cancelled half-way has to be settled
    afterwards): all end first, then the first error is raised.
    """
    results: dict[int, T] = {}
    errors: list[Exception] = []
    slots = anyio.Semaphore(at_once)

    async def one(index: int, item: A) -> None:
        async with slots:
            try:
                results[index] = await call(item)
            except Exception as error:  # noqa: BLE001 - raised below, when the others have ended
                errors.append(error)

    async with anyio.create_task_group() as tasks:
        for index, item in enumerate(items):
            tasks.start_soon(one, index, item)
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]


@asynccontextmanager
async def open_client(
    settings: Settings, *, on_wait: Callable[[str], None] | None = None
) -> AsyncIterator[Client]:
    """A client at the pace that all processes with the same journal and access key share.

    `on_wait`: told in words that a request has been waiting for the vendor's limit.

    Raises:
        MissingCredentials: no account is configured.
    """
    with Paces(settings.journal_url) as shared:
        async with (
            Client(settings, shared_pace=shared, on_wait=on_wait) as client,
            _counted(client, shared),
        ):
            yield client


@asynccontextmanager
async def _counted(client: Client, shared: Paces) -> AsyncIterator[None]:
    """Add the client's requests to the journal's counters, now and then and at the end.

    Best effort: a busy database is told later, and what a killed process sent last is not counted.
    """
    told: dict[tuple[str, int], int] = {}

    async def tell() -> None:
        sent = dict(client.sent)
        more = {key: count - told.get(key, 0) for key, count in sent.items()}
        counts = {
            CounterKey("vendor_requests", (("host", host), ("status", str(status or "none")))): each
            for (host, status), each in more.items()
            if each
        }
        if not counts:
            return
        with contextlib.suppress(JournalUnavailable):
            await in_thread(shared.count, counts)
            told.update(sent)

    async def keep_telling() -> None:
        while True:
            await anyio.sleep(COUNT_EVERY_S)
            await tell()

    telling = asyncio.create_task(keep_telling())
    try:
        yield
    finally:
        telling.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(telling, return_exceptions=True)
            await tell()


class RunContext:
    """Collaborators and times of one run.

    A plain class: Prefect takes dataclasses apart when a task gets one.

    Args:
        client: an entered client.
        journal: an open journal.
        settings: times and addresses.
        wait: how to let seconds pass; tests put their own.
        wait_for_owner_s: how long to wait for another run of the same purchase.
        on_wait: told whom we wait for.
        run_state: reads the state that holds this run (`numberflow.journal.brake`); nobody can hold
            it when left out.
        around_step: entered for each costly step (`numberflow.journal.brake`).
        project: name of the credentials block that the client has its account from, for the
            commands that are printed; None: the environment's.
        flow_run_id: Prefect's id of this run, for the journal.
        started_by: who started this run, as far as that is known; empty when it is not.
        begun_before: an earlier attempt of this run may have begun its purchase, so that a journal
            that does not know it is not the one that the attempt wrote to.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        settings: Settings,
        *,
        wait: Callable[[float], Awaitable[None]] = anyio.sleep,
        wait_for_owner_s: float = WAIT_FOR_OWNER_S,
        on_wait: Callable[[str], None] | None = None,
        run_state: RunState | None = None,
        around_step: Callable[[], AbstractContextManager[object]] = nullcontext,
        project: str | None = None,
        flow_run_id: str | None = None,
        started_by: str = "",
        begun_before: bool = False,
    ) -> None:
        self.client = client
        self.journal = journal
        self.settings = settings
        self.wait = wait
        self.wait_for_owner_s = wait_for_owner_s
        self.on_wait = on_wait
        self.project = project
        self.started_by = started_by
        self.flow_run_id = flow_run_id
        self.begun_before = begun_before
        self.has_begun = False
        """Whether this run found or began what its reference stands for."""
        self.marker = Marker(journal, settings, client.project_id, project)
        self.notes: list[str] = []
        """What the report of the run says besides its outcome."""
        self.links_checked: set[tuple[str, str]] = set()
        """Link targets that this run has looked at (`purchase.link_targets`)."""
        self.patience = Patience(settings.patience_s)
        stop_file = settings.home / STOP_FILE
        self.brake = (
            Brake(stop_file) if run_state is None else Brake(stop_file, run_state, around_step)
        )

    @property
    def project_id(self) -> str:
        """The vendor project that pays."""
        return self.client.project_id

    @property
    def callback_url(self) -> str | None:
        """Where our receiver takes this project's callbacks; None when there is none."""
        return self.settings.callback_url_of(self.project_id)

    @asynccontextmanager
    async def hold(self, purchase: Purchase) -> AsyncIterator[tuple[LeaseKeeper, Lease]]:
        """Be the only run that works on this purchase.

        Raises:
            LeaseLost: another run holds it and did not end in time.
        """
        async with LeaseKeeper(self.journal, self.settings.lease_s) as keeper:
            lease = await keeper.acquire(
                purchase.resource, wait_s=self.wait_for_owner_s, on_wait=self._waiting
            )
            yield keeper, lease

    def _waiting(self, busy: Busy) -> None:
        if self.on_wait is not None:
            self.on_wait(f"another run works on this purchase: {busy.described()}; waiting for it")


class Changes(Protocol):
    """Checked parameters of a flow that changes something: what its reference stands for."""

    def what_is_done(self) -> dict[str, Any]:
        """What the same reference has to say again, as JSON."""

    def fingerprint(self) -> str:
        """A digest of it."""


def new_purchase(
    context: RunContext,
    parameters: Changes,
    reference: str,
    operation: str,
) -> NewPurchase:
    """The purchase that this reference would begin. Writes nothing."""
    return NewPurchase(
        project_id=context.project_id,
        reference=reference,
        operation=operation,
        fingerprint=parameters.fingerprint(),
        parameters=parameters.what_is_done(),
        flow_run_id=context.flow_run_id,
    )


async def open_purchase(context: RunContext, new: NewPurchase) -> Purchase:
    """Find the purchase of this reference, or begin it. Sends nothing.

    Every flow that changes something opens its purchase here, before its first costly step.

    Raises:
        ReferenceConflict: the reference stands for a purchase with other parameters.
        JournalUnavailable: no journal, no purchase; or the wrong one, see `require_same_journal`.
        Stopped, StoreUnavailable: the journal was restored, or nobody can say (`Marker`).
    """
    await require_same_journal(context, new)
    await context.marker.require_current()
    await context.marker.require_begun_here(new.reference)
    purchase = await in_thread(context.journal.open_purchase, new)
    context.has_begun = True
    return purchase


async def require_same_journal(context: RunContext, new: NewPurchase) -> None:
    """Refuse a run that has begun something, now or in an attempt before, unknown to this journal.

    Raises:
        JournalUnavailable: what the earlier attempt did stands in another journal, or is lost.
            Whoever went on would do it a second time.
    """
    if not (context.begun_before or context.has_begun):
        return
    if await in_thread(context.journal.find_purchase, new.project_id, new.reference) is None:
        raise JournalUnavailable(
            f"This run was begun before, but the journal at {context.journal.location} does not "
            f"know its reference {new.reference!r}.",
            remedy="give every worker the same journal (NUMBERFLOW_DATABASE_URL); if the first "
            "attempt surely sent nothing, start a new run",
        )


async def find_purchase(
    context: RunContext, new: NewPurchase
) -> tuple[Purchase | None, tuple[Intention, ...]]:
    """The purchase of a reference and its lines; None while nothing was begun under it.

    Begins none.

    Raises:
        ReferenceConflict: the reference stands for something else.
    """
    if await in_thread(context.journal.find_purchase, new.project_id, new.reference) is None:
        return None, ()
    purchase = await open_purchase(context, new)
    return purchase, await in_thread(context.journal.intentions, purchase_id=purchase.id)


async def begun_rows(context: RunContext, new: NewPurchase) -> tuple[Intention, ...]:
    """The steps of this reference that were not refused.

    A reference that is new stays unused until what it names was checked.

    Raises:
        ReferenceConflict: the reference stands for something else.
    """
    _, rows = await find_purchase(context, new)
    return tuple(row for row in rows if row.state is not IntentionState.REFUSED)
