"""Find flow runs whose process is gone, over Prefect's API, and retry or end them.

No flow run by itself: a dead worker, or a pool that is full of dead runs, would hold it up, too.
Not here: what to do about a run (numberflow.planning.stuck_runs), and where this runs
(`numberflow watch`, deployments.serve).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, cast
from uuid import UUID

import anyio
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events import emit_event
from prefect.settings import get_current_settings
from prefect.states import AwaitingRetry, Cancelled, Crashed, Failed

from numberflow.errors import LeaseLost, NumberflowError
from numberflow.journal import Journal, LeaseKeeper
from numberflow.models.reports import AccountReport
from numberflow.planning.stuck_runs import (
    BEAT_S,
    CRASHED_WITHIN,
    GIVEN_UP,
    LEASES_END_AFTER,
    OURS,
    RETRIES_MAX,
    WATCHING,
    Action,
    Decision,
    SeenRun,
    beat_seconds,
    leaked_slots,
    retry_at,
    what_to_do,
)
from numberflow.purchase.account import nothing_begun
from numberflow.purchase.run_context import in_thread
from numberflow.settings import Settings
from tasks.account import publish_account
from tasks.credentials import settings_for
from tasks.person import call_person

# A dead run is noticed two beats and a half after its last one, and one turn later at most.
EVERY_S = 15.0
# What only matters within minutes.
RARELY_S = 60.0
# A tag of runs, from their deployment (flows/table.py).
CHANGES = "costs money"
# Label: how often we have scheduled a run again.
RETRIES = "numberflow.retries"
WATCHING_EVERY_S = 300.0
# Several may watch; the one with this lease acts.
_WATCHER = "watcher of runs"
_HEARTBEAT_VARIABLE = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
# Prefect's default, where the setting is off.
_HEARTBEAT_S = 180.0
_PAGE = 200
# No process is silent before that; heartbeats are not faster than 30 s.
_YOUNG = timedelta(seconds=60)

_UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


async def watch_runs(
    settings: Settings, say: Callable[[str], None], *, crashed_after: datetime | None = None
) -> None:
    """Look at every run of ours each `EVERY_S` seconds, until cancelled. Says what it does.

    Costs: nothing by itself; a run that is retried costs what it still has to buy. Repeat: safe;
    of several watchers with the same journal one acts.

    Args:
        settings: the journal, and how long a run may take to start.
        say: gets a line for each run that was retried or ended, and for each trouble.
        crashed_after: runs that crashed earlier are left alone.
    """
    told = ""
    while True:
        try:
            journal = await in_thread(Journal.open, settings.journal_url)
            try:
                async with AsyncExitStack() as stack:
                    keeper = await stack.enter_async_context(LeaseKeeper(journal, settings.lease_s))
                    lease = await stack.enter_async_context(keeper.holding(_WATCHER))
                    watch = Watch(journal, keeper, settings, crashed_after)
                    while True:
                        lease.check()
                        for line in await watch.turn():
                            if line != told:
                                say(line)
                            told = line
                        await anyio.sleep(EVERY_S)
            finally:
                await in_thread(journal.close)
        except Exception as error:  # noqa: BLE001 - `up` goes on, and so does the watch
            # Another watcher has the lease, or there is no journal.
            why = error.message if isinstance(error, NumberflowError) else type(error).__name__
            if why != told:
                say(f"Runs are not watched from here now. {why}")
            told = why
        await anyio.sleep(EVERY_S)


class Watch:
    """One watcher, from turn to turn.

    Args:
        journal: where runs write down what they do.
        keeper: takes a purchase's lease to see whether anybody works on it.
        settings: how long a run may take to start.
        crashed_after: runs that crashed earlier are left alone.
    """

    def __init__(
        self,
        journal: Journal,
        keeper: LeaseKeeper,
        settings: Settings,
        crashed_after: datetime | None = None,
    ) -> None:
        self._journal = journal
        self._keeper = keeper
        self._settings = settings
        self._crashed_after = crashed_after
        self._answering_since: datetime | None = None
        self._slots_at_s = self._watching_at_s = float("-inf")

    async def turn(self) -> list[str]:
        """Look once. Returns a line for each run that it retried or ended; raises nothing."""
        lines: list[str] = []
        try:
            async with get_client() as client:
                now = await _server_time(client)
                self._answering_since = self._answering_since or now
                lines += await self.sweep(client, now, now - self._answering_since)
                if monotonic() - self._slots_at_s >= RARELY_S:
                    lines += await free_slots(client, now)
                    self._slots_at_s = monotonic()
            if monotonic() - self._watching_at_s >= WATCHING_EVERY_S:
                emit_event(event=WATCHING, resource={"prefect.resource.id": WATCHING})
                self._watching_at_s = monotonic()
        except Exception as error:  # noqa: BLE001 - the next turn tries again
            self._answering_since = None
            lines.append(f"The Prefect server was not read: {type(error).__name__}")
        return lines

    async def sweep(
        self, client: PrefectClient, now: datetime, answering_for: timedelta
    ) -> list[str]:
        """Decide about every run and act. An error of one run does not stop the others.

        Args:
            client: of the server.
            now: aware UTC, by the server's clock.
            answering_for: as in `what_to_do`.
        """
        lines = []
        for run in await _runs(client, now):
            try:
                decision = what_to_do(
                    await _seen(client, run, now),
                    now,
                    starts_within_s=self._settings.start_within_s,
                    answering_for=answering_for,
                    crashed_after=self._crashed_after,
                )
                if decision.action is Action.LEAVE or await self._is_worked_on(run):
                    continue
                # It may have gone on while the others were looked at.
                if (await client.read_flow_run(run.id)).state_id != run.state_id:
                    continue
                if line := await _act(client, run, decision, now):
                    lines.append(line)
            except Exception as error:  # noqa: BLE001 - see above
                lines.append(f"{run.name}: could not be looked after: {type(error).__name__}")
        return lines

    async def _is_worked_on(self, run: FlowRun) -> bool:
        """Whether a process renews the lease on the run's purchase, heartbeats or not."""
        if CHANGES not in run.tags:
            return False
        try:
            settings = await settings_for(run.parameters.get("project") or None)
        except NumberflowError:
            # Without an account nobody works on it here, and nothing more is known.
            return False
        reference = str(run.parameters.get("reference") or "").strip() or str(run.id)
        purchase = await in_thread(self._journal.find_purchase, settings.project_id, reference)
        if purchase is None:
            return False
        try:
            async with self._keeper.holding(purchase.resource):
                return False
        except LeaseLost:
            return True


async def _act(
    client: PrefectClient, run: FlowRun, decision: Decision, now: datetime
) -> str | None:
    """Do what was decided; the line that says so. None when the server did not accept it."""
    flow = (await client.read_flow(run.flow_id)).name
    do = {Action.RETRY: _retry, Action.GIVE_UP: _give_up, Action.CANCEL: _cancel}
    message = await do.get(decision.action, _expire)(client, run, flow, decision.why, now)
    return message and f"{run.name}: {message}"


async def _retry(
    client: PrefectClient, run: FlowRun, _flow: str, why: str, now: datetime
) -> str | None:
    # The count first: one too many is better than retries without end.
    retries = _retries(run)
    await client.update_flow_run_labels(run.id, {RETRIES: retries + 1})
    message = f"{_sentence(why)}. Retry {retries + 1} of {RETRIES_MAX}."
    if not await _crashed(client, run, message):
        return None
    state: State[Any] = AwaitingRetry(scheduled_time=retry_at(retries, now), message=message)
    return message if await _accepted(client, run, state) else None


async def _give_up(
    client: PrefectClient, run: FlowRun, flow: str, why: str, _now: datetime
) -> str | None:
    if not await _crashed(client, run, f"{_sentence(why)}."):
        return None
    told = await _told(run, flow, f"{flow}: {why} (after {_retries(run)} retries)")
    message = f"{GIVEN_UP}: {told}"
    # Forced: a run that is Crashed already takes no other message.
    await client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    return message


async def _cancel(
    client: PrefectClient, run: FlowRun, flow: str, why: str, _now: datetime
) -> str | None:
    message = f"{_sentence(why)}."
    if not await _accepted(client, run, Cancelled(message=message)):
        return None
    if CHANGES in run.tags:
        # The hook of the flow would have done so, in the worker that is gone.
        await publish_account(run, f"{flow} was cancelled")
    return message


async def _expire(
    client: PrefectClient, run: FlowRun, _flow: str, _why: str, _now: datetime
) -> str | None:
    message = "The flow was paused and never resumed."
    # Forced, and in the words of the server, which does this by itself.
    await client.set_flow_run_state(run.id, Failed(message=message), force=True)
    return message


async def _crashed(client: PrefectClient, run: FlowRun, message: str) -> bool:
    """Set a run to Crashed unless it is. False when it has ended meanwhile."""
    if run.state_type is StateType.CRASHED:
        return True
    return await _accepted(client, run, Crashed(message=message))


async def _accepted(client: PrefectClient, run: FlowRun, state: State[Any]) -> bool:
    result = await client.set_flow_run_state(run.id, state)
    return result.status is SetStateStatus.ACCEPT


async def _told(run: FlowRun, flow: str, why: str) -> str:
    """Call a person for a run that nobody retries any more; what is open and how it is settled."""
    if CHANGES not in run.tags:
        report = nothing_begun(flow, why=why, project_id="", flow_run_id=str(run.id))
        call_person(report, "run", unattended=True)
        return _words(report)
    try:
        return _words(await publish_account(run, why, unattended=True))
    except NumberflowError as error:
        # No account or no journal here: the sweep of follow-orders tells what it left.
        report = nothing_begun(str(run.id), why=why, project_id="", flow_run_id=str(run.id))
        report = report.model_copy(
            update={"reason": f"{why}; what it left open is not known here ({error.message})"}
        )
        call_person(report, "run", unattended=True)
        return _words(report)


def _words(report: AccountReport) -> str:
    commands = "".join(f" `{item.command}`" for item in report.open_items)
    return f"{report.reason}. Next: {report.remedy}.{commands}"


async def _runs(client: PrefectClient, now: datetime) -> list[FlowRun]:
    """Runs of ours that are under way or wait for an answer, and those that crashed lately."""
    ours = FlowRunFilterTags(all_=[OURS])
    lately = FlowRunFilterEndTime(after_=cast("Any", now - CRASHED_WITHIN))
    under_way = FlowRunFilter(tags=ours, state=_types(*_UNDER_WAY, StateType.PAUSED))
    crashed = FlowRunFilter(tags=ours, state=_types(StateType.CRASHED), end_time=lately)
    return [*await _every(client, under_way), *await _every(client, crashed)]


async def _every(client: PrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    found: list[FlowRun] = []
    while True:
        page = await client.read_flow_runs(
            flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=_PAGE, offset=len(found)
        )
        found += page
        if len(page) < _PAGE:
            return found


def _types(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


async def _seen(client: PrefectClient, run: FlowRun, now: datetime) -> SeenRun:
    """What is known of a run; its heartbeats only where they decide."""
    state = run.state
    assert state is not None, "every run has a state"
    # Not Prefect's default, six times ours: a run whose process did not start has no other.
    since, beat_s = state.timestamp, BEAT_S
    beats: tuple[datetime, ...] = ()
    if state.type in {StateType.RUNNING, StateType.CANCELLING} and now - since > _YOUNG:
        beats = await _beats(client, run.id, since, now)
        beat_s = beat_seconds(await _declared_beat_s(client, run), beats)
    return SeenRun(
        state=state.type.value,
        since=since,
        message=state.message or "",
        beat_at=beats[0] if beats else None,
        beat_s=beat_s,
        answer_until=state.state_details.pause_timeout,
        retries=_retries(run),
        is_deployed=run.deployment_id is not None,
    )


def _retries(run: FlowRun) -> int:
    told = run.labels.get(RETRIES, 0)
    return told if isinstance(told, int) else RETRIES_MAX


async def _declared_beat_s(client: PrefectClient, run: FlowRun) -> float:
    """Seconds between heartbeats as the run's deployment says, or else as this process is set."""
    variables = dict(run.job_variables or {})
    if run.deployment_id is not None:
        deployment = await client.read_deployment(run.deployment_id)
        variables = (deployment.job_variables or {}) | variables
    told = (variables.get("env") or {}).get(_HEARTBEAT_VARIABLE)
    return float(told or get_current_settings().flows.heartbeat_frequency or _HEARTBEAT_S)


async def _beats(
    client: PrefectClient, run_id: UUID, since: datetime, now: datetime
) -> tuple[datetime, ...]:
    """When the server got the last two heartbeats of a run, newest first."""
    body = {
        "filter": {
            # The worker's clock may be ahead.
            "occurred": {"since": since.isoformat(), "until": (now + CRASHED_WITHIN).isoformat()},
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run_id}"]},
            "order": "DESC",
        },
        "limit": 2,
    }
    answer = await client.request("POST", cast("Any", "/events/filter"), json=body)
    found = answer.raise_for_status().json()["events"]
    return tuple(datetime.fromisoformat(each["received"]) for each in found)


async def _server_time(client: PrefectClient) -> datetime:
    """The time by the clock that the server dates states and events with."""
    answer = await client.request("GET", cast("Any", "/health"))
    return parsedate_to_datetime(answer.raise_for_status().headers["date"]).astimezone(UTC)


async def free_slots(client: PrefectClient, now: datetime) -> list[str]:
    """Give back slots of our deployments' limits that no run holds any more.

    Costs: nothing. Repeat: safe.
    """
    lines = []
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
    for deployment in await client.read_deployments(deployment_filter=ours, limit=_PAGE):
        limit = deployment.global_concurrency_limit
        if limit is None or not limit.active_slots:
            continue
        of_it = FlowRunFilterDeploymentId(any_=[deployment.id])
        lately = FlowRunFilterEndTime(after_=cast("Any", now - LEASES_END_AFTER))
        holders = await _every(
            client, FlowRunFilter(deployment_id=of_it, state=_types(*_UNDER_WAY))
        )
        ended = await _every(client, FlowRunFilter(deployment_id=of_it, end_time=lately))
        changes = [run.state.timestamp for run in (*holders, *ended) if run.state is not None]
        leaked = leaked_slots(limit.active_slots, len(holders), max(changes, default=None), now)
        if leaked:
            # Less by so many, not set to a figure: a run may take one at this moment.
            body = {"slots": leaked, "names": [limit.name]}
            path = cast("Any", "/v2/concurrency_limits/decrement")
            (await client.request("POST", path, json=body)).raise_for_status()
            lines.append(f"{deployment.name}: {leaked} slot of its limit had no run; freed")
    return lines


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
