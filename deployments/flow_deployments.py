"""Every flow of the table as a deployment: for a work pool, or served by one process.

What is ours is put right: entry point, form, description, our tags, work pool, heartbeat and the
table's limits. What a person chooses in the UI stays: parameters, further tags and job variables, a
limit that the table does not have, whether a deployment is paused, and its schedule.

A schedule is made with its deployment, and its slug says what we made. While it is what the slug
says, a new version of the table moves it along. Once a person has moved it, switched it off or
removed it, it is theirs: the look tells of it, and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import (
    ConcurrencyLimitStrategy,
    ConcurrencyOptions,
    DeploymentSchedule,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound

from deployments.step import Difference, Found, Step
from flows.table import FLOWS, FlowEntry, Schedule, slug_of
from numberflow.models.wording import count_of

HEARTBEAT_S = 30
"""Between two signs of life of a run. `numberflow watch` waits for two and a half."""
_HEARTBEAT = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
_LIMIT = ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
_WORDS = {
    "entrypoint": "entry point",
    "parameter_openapi_schema": "form",
    "work_pool_name": "work pool",
    "pull_steps": "pull steps",
    "job_variables": "heartbeat",
    "enforce_parameter_schema": "check of parameters",
}


def flow_deployments(pool: str | None) -> list[Step]:
    """The steps for a work pool of that name, or for deployments that a process serves."""
    steps = [_deployments(pool), _schedules()]
    # A server that is killed with `up` may leak a slot (FlowEntry.at_once).
    return steps if pool is None else [steps[0], _limits(), steps[1]]


def _deployments(pool: str | None) -> Step:
    async def look() -> Found:
        async with get_client() as client:
            there = await _there(client)
        differences = []
        for entry in FLOWS.values():
            found = there.get(entry.name)
            if found is None:
                differences.append(Difference("missing", entry.name))
            elif changed := _changed(entry, pool, found):
                words = ", ".join(_WORDS.get(field, field) for field in changed)
                differences.append(Difference("changed", f"{entry.name} ({words})"))
        paused = [name for name, found in there.items() if found.paused]
        text = f"{len(there)} of {count_of(len(FLOWS), 'flow')}"
        if paused:
            text += f"; paused: {', '.join(paused)}"
        return Found(text=text, differences=tuple(differences))

    async def apply() -> None:
        async with get_client() as client:
            there = await _there(client)
            for entry in FLOWS.values():
                found = there.get(entry.name)
                if found is None:
                    await _create(client, entry, pool)
                elif changed := _changed(entry, pool, found):
                    await client.update_deployment(found.id, DeploymentUpdate(**changed))

    return Step("deployments", look, apply)


def _limits() -> Step:
    limited = {entry.name: entry.at_once for entry in FLOWS.values() if entry.at_once}

    def differing(there: Mapping[str, DeploymentResponse]) -> list[str]:
        return [name for name in limited if name in there and not _is_limited(there[name])]

    async def look() -> Found:
        async with get_client() as client:
            there = await _there(client)
        text = ", ".join(f"{name} {limit} at once" for name, limit in limited.items())
        changed = (Difference("changed", name) for name in differing(there))
        missing = (Difference("missing", name) for name in limited if name not in there)
        return Found(text=text, differences=(*missing, *changed))

    async def apply() -> None:
        async with get_client() as client:
            there = await _there(client)
            for name in differing(there):
                update = DeploymentUpdate(
                    concurrency_limit=limited[name], concurrency_options=_LIMIT
                )
                await client.update_deployment(there[name].id, update)

    return Step("limits", look, apply)


def _schedules() -> Step:
    scheduled = {entry.name: entry.schedule for entry in FLOWS.values() if entry.schedule}

    async def look() -> Found:
        async with get_client() as client:
            there = await _there(client)
        words, differences = [], []
        for name, wanted in scheduled.items():
            if name not in there:
                differences.append(Difference("missing", name))
                continue
            schedules = there[name].schedules
            if _outdated(wanted, schedules):
                differences.append(Difference("changed", f"{name} ({wanted.cron} UTC)"))
            words.append(f"{name} {_told(wanted, schedules)}")
        return Found(text=", ".join(words) or "none", differences=tuple(differences))

    async def apply() -> None:
        async with get_client() as client:
            there = await _there(client)
            for name, wanted in scheduled.items():
                if name in there and (old := _outdated(wanted, there[name].schedules)):
                    # Active and parameters are a person's; what is left out would be emptied.
                    await client.update_deployment_schedule(
                        there[name].id,
                        old.id,
                        active=old.active,
                        schedule=_cron(wanted),
                        parameters=old.parameters,
                        slug=wanted.slug,
                    )

    return Step("schedules", look, apply)


async def _there(client: PrefectClient) -> dict[str, DeploymentResponse]:
    """The deployments of ours that the server has, by name."""
    there = {}
    for name in FLOWS:
        try:
            there[name] = await client.read_deployment_by_name(f"{name}/{name}")
        except ObjectNotFound:
            continue
    return there


def _wanted(entry: FlowEntry, pool: str | None) -> dict[str, Any]:
    flow = entry.load()
    return {
        "entrypoint": entry.entry_point,
        "description": flow.description,
        "parameter_openapi_schema": flow.parameters.model_dump(mode="json", exclude_unset=True),
        "enforce_parameter_schema": True,
        "work_pool_name": pool,
    }


def _changed(entry: FlowEntry, pool: str | None, found: DeploymentResponse) -> dict[str, Any]:
    """The fields to update."""
    changed = {
        field: value
        for field, value in _wanted(entry, pool).items()
        if getattr(found, field) != value
    }
    if missing := [tag for tag in entry.tags if tag not in found.tags]:
        changed["tags"] = [*found.tags, *missing]
    if found.pull_steps:
        changed["pull_steps"] = []
    environment = found.job_variables.get("env") or {}
    if pool is not None and environment.get(_HEARTBEAT) != str(HEARTBEAT_S):
        beating = environment | {_HEARTBEAT: str(HEARTBEAT_S)}
        changed["job_variables"] = found.job_variables | {"env": beating}
    return changed


async def _create(client: PrefectClient, entry: FlowEntry, pool: str | None) -> None:
    """Make the deployment, or leave the one that somebody else makes at the same moment."""
    is_limited = pool is not None and entry.at_once is not None
    wanted = _wanted(entry, pool)
    await client.create_deployment(
        flow_id=await client.create_flow_from_name(entry.name),
        name=entry.name,
        tags=entry.tags,
        # Until the process that serves it takes runs (serve.py).
        paused=pool is None,
        pull_steps=[],
        job_variables={"env": {_HEARTBEAT: str(HEARTBEAT_S)}} if pool else None,
        concurrency_limit=entry.at_once if is_limited else None,
        concurrency_options=_LIMIT if is_limited else None,
        schedules=[
            DeploymentScheduleCreate(
                schedule=_cron(entry.schedule), active=True, slug=entry.schedule.slug
            )
        ]
        if entry.schedule
        else None,
        **wanted,
    )


def _is_limited(found: DeploymentResponse) -> bool:
    limit, options = found.global_concurrency_limit, found.concurrency_options
    return (
        limit is not None
        and options is not None
        and (limit.limit, options.collision_strategy)
        == (FLOWS[found.name].at_once, _LIMIT.collision_strategy)
    )


def _cron(schedule: Schedule) -> CronSchedule:
    return CronSchedule(cron=schedule.cron, timezone="UTC")


def _outdated(wanted: Schedule, there: list[DeploymentSchedule]) -> DeploymentSchedule | None:
    """The schedule that an older version made and nobody has moved, or that has no slug yet."""
    for one in there:
        cron = one.schedule
        if not isinstance(cron, CronSchedule) or (cron.timezone or "UTC") != "UTC":
            continue
        is_unmoved = one.slug == slug_of(cron.cron)
        if is_unmoved and cron.cron != wanted.cron:
            return one
        # As `prefect deploy` without a slug, and older versions, made it.
        if one.slug is None and cron.cron == wanted.cron:
            return one
    return None


def _told(wanted: Schedule, there: list[DeploymentSchedule]) -> str:
    if not there:
        return "never (a person has removed it)"
    kept = [f"{_words(one)}{'' if one.active else ' (off)'}" for one in there]
    ours = any(_words(one) == wanted.cron for one in there)
    return " and ".join(kept) + ("" if ours else f" (a person's; ours is {wanted.cron})")


def _words(schedule: DeploymentSchedule) -> str:
    """The cron, with its zone where it is not UTC; of another kind of schedule its kind."""
    cron = schedule.schedule
    if not isinstance(cron, CronSchedule):
        return f"by {type(cron).__name__}"
    zone = cron.timezone or "UTC"
    return cron.cron if zone == "UTC" else f"{cron.cron} {zone}"
