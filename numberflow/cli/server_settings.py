"""Which Prefect server answers, and whether it was started with the settings that matter.

They are read from the server's environment when it starts, so that only a person can change them.
Nothing here imports Prefect.
"""

from __future__ import annotations

import asyncio
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

import httpx

from deployments.step import Found, Step
from numberflow.cli.prefect_server import HEALTH_TIMEOUT_S
from numberflow.cli.schedules import server_auth
from numberflow.errors import NumberflowError

_LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
_ON_DISK = "prefect.server.concurrency.lease_storage.filesystem"
_IN_MEMORY = "prefect.server.concurrency.lease_storage.memory"
_VACUUM = "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def server_version(url: str) -> str:
    """The version of the server at an API address, which has to be ours.

    Raises:
        NumberflowError: no answer, a refusal, or another version; with the fix.
    """
    version = _get(url, "/admin/version")
    ours = metadata.version("prefect")
    if version != ours:
        raise NumberflowError(
            f"server {version} at {url}, client {ours}",
            remedy="run the same version on both sides",
        )
    return f"server {version} at {url}"


def server_settings(url: str) -> Step:
    """The step: look only."""

    async def look() -> Found:
        return await asyncio.to_thread(look_at_settings, url)

    return Step("server settings", look)


def look_at_settings(url: str) -> Found:
    """What the server at an API address was started with.

    Raises:
        NumberflowError: no answer, or one of another shape.
    """
    try:
        server = _get(url, "/admin/settings")["server"]
        leases = str(server["concurrency"]["lease_storage"])
        vacuum = server["services"]["db_vacuum"]
        keeps = vacuum["enabled"]
        kept = str(vacuum["retention_period"])
        has_login = server["api"].get("auth_string") is not None
    except (KeyError, TypeError):
        raise NumberflowError(
            f"{url} does not tell its settings in a shape that is known",
            remedy="run the pinned version of Prefect on both sides (requirements.txt)",
        ) from None
    wrong, advice = [], []
    if leases == _IN_MEMORY:
        wrong.append(
            f"start the server with {_LEASES}={_ON_DISK}: with leases in memory, each restart "
            "leaks slots of the limits for ever"
        )
    is_on = keeps is True or (isinstance(keeps, list) and "flow_runs" in keeps)
    if not is_on:
        wrong.append(f"start the server with {_VACUUM}=true: now it keeps every run for ever")
    if not has_login and urlsplit(url).hostname not in _LOOPBACK:
        advice.append(
            "start the server with PREFECT_SERVER_API_AUTH_STRING=user:password, or put a login "
            "before it: who reaches the API can spend money and read every block"
        )
    text = (
        f"leases {leases.rpartition('.')[2]}, "
        + (f"runs are kept {_days(kept)}" if is_on else "runs are kept for ever")
        + (", with a password" if has_login else ", without a password")
    )
    return Found(text=text, left_to_person=tuple(wrong), advice=tuple(advice))


def _get(url: str, path: str) -> Any:
    try:
        response = httpx.get(f"{url}{path}", timeout=HEALTH_TIMEOUT_S, auth=server_auth())
        if response.status_code in (401, 403):
            raise NumberflowError(
                f"{url} asks for a password",
                remedy="set PREFECT_API_AUTH_STRING=user:password as on the server",
            )
        return response.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise NumberflowError(
            f"no answer from {url}: {type(error).__name__}",
            remedy="start it (`numberflow up`), or correct PREFECT_API_URL",
        ) from None


def _days(period: str) -> str:
    """`P90D` as `90 days`; other periods as they are."""
    days = period.removeprefix("P").removesuffix("D")
    return f"{days} days" if days.isdigit() else period
