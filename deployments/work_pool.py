"""The work pool that workers take runs from.

Made when it is missing. One that is there stays as it is, whatever its type: its template, its
limit and whether it is paused are a person's choices.
"""

from __future__ import annotations

from copy import deepcopy

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.workers.process import ProcessWorker

from deployments.step import Difference, Found, Step
from numberflow.models.wording import count_of

_TYPE = ProcessWorker.type


def work_pool(name: str) -> Step:
    """The step for the pool of that name."""

    async def look() -> Found:
        start = (f"start a worker: prefect worker start --pool {name} --type {_TYPE}",)
        async with get_client() as client:
            try:
                pool = await client.read_work_pool(name)
            except ObjectNotFound:
                missing = Difference("missing", f"{name} ({_TYPE})")
                return Found(text="there is none", differences=(missing,), advice=start)
            workers = await client.read_workers_for_work_pool(name)
        online = sum(worker.status is WorkerStatus.ONLINE for worker in workers)
        paused = ", paused by a person" if pool.is_paused else ""
        text = f"{name} ({pool.type}{paused}), {count_of(online, 'worker')} online"
        return Found(text=text, advice=() if online or pool.type != _TYPE else start)

    async def apply() -> None:
        template = deepcopy(ProcessWorker.get_default_base_job_template())
        async with get_client() as client:
            try:
                await client.create_work_pool(
                    WorkPoolCreate(name=name, type=_TYPE, base_job_template=template)
                )
            except ObjectAlreadyExists:
                return  # somebody else has just made it

    return Step("work pool", look, apply)
