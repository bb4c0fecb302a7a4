"""Which Prefect server a command uses, and starting one. Nothing here imports Prefect."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import typer

from numberflow.cli.console import working
from numberflow.cli.processes import free_port, start, stop
from numberflow.private_files import make_private_folder
from numberflow.settings import Settings

# Measured: 15 to 50 s from start to ready on two busy cores; the default of 20 s is too short.
SERVER_READY_TIMEOUT_S = 120.0
# Patient with a server on busy cores. Where none listens, the answer comes at once.
HEALTH_TIMEOUT_S = 15.0
# Quiet, offline, without a tour or advertisements. Retention is 90 days, because Prefect keeps runs
# for ever by default.
SERVER_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    "PREFECT_LOGGING_LEVEL": "INFO",
    # The shortest that Prefect takes. A run whose process is gone is noticed after two and a half.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}


def up_file(settings: Settings) -> Path:
    """Where `numberflow up` writes the address of its server."""
    return settings.home / "up.json"


def read_up_file(settings: Settings) -> dict[str, Any]:
    """What the running or killed `numberflow up` has written; empty when there is none."""
    try:
        content = json.loads(up_file(settings).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def running_api_url(settings: Settings) -> str | None:
    """The API's address: PREFECT_API_URL, that of `numberflow up`, or of the Prefect profile."""
    # PREFECT_API_URL is Prefect's variable, not ours, so settings.py does not know it.
    url = os.environ.get("PREFECT_API_URL")
    if url:
        return url
    url = str(read_up_file(settings).get("api_url") or "")
    if url and is_healthy(url):
        return url
    return _profile_api_url()


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect server answers there. Returns at once where none listens."""
    try:
        return httpx.get(f"{api_url}/health", timeout=HEALTH_TIMEOUT_S).status_code == 200
    except httpx.HTTPError:
        return False


def _answers(api_url: str) -> bool:
    """Whether anything answers HTTP there, even if it asks for a password."""
    try:
        httpx.get(f"{api_url}/health", timeout=5.0)
    except httpx.HTTPError:
        return False
    return True


@contextmanager
def prefect_server(settings: Settings) -> Iterator[None]:
    """Point this process at a running server, or start a temporary one and say so.

    Enter it before Prefect is imported.

    Raises:
        RuntimeError: the configured server does not answer, or the temporary one did not start;
            the message says what to do.
    """
    os.environ.update(
        {name: value for name, value in SERVER_ENVIRONMENT.items() if name not in os.environ}
    )
    url = running_api_url(settings)
    if url:
        if not _answers(url):
            raise RuntimeError(
                f"no Prefect server answers at {url} → start it (`numberflow up`), or unset "
                "PREFECT_API_URL for a temporary one"
            )
        os.environ["PREFECT_API_URL"] = url
        yield
        return
    typer.echo(
        "No Prefect server is running: starting a temporary one (about 20 s). `numberflow up` "
        "keeps one running.",
        err=True,
    )
    port = free_port(0)
    api_url = f"http://127.0.0.1:{port}/api"
    log = settings.home / "prefect-server.log"
    server = start_server(settings.home / "prefect", port, log)
    try:
        with working("Waiting for the Prefect server …"):
            wait_ready(api_url, server, log)
        os.environ["PREFECT_API_URL"] = api_url
        os.environ.setdefault("PREFECT_HOME", str(settings.home / "prefect"))
        yield
    finally:
        stop(server)


def start_server(home: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Start a Prefect server on loopback with its database under `home`; wait with `wait_ready`."""
    make_private_folder(home)
    environment = os.environ | SERVER_ENVIRONMENT | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        # --port does not reach the UI, this variable does.
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true",
    }  # fmt: skip
    where = ("--host", "127.0.0.1", "--port", str(port))
    return start(["prefect", "server", "start", *where], environment, log)


def wait_ready(
    api_url: str,
    process: subprocess.Popen[bytes],
    log: Path,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Wait until the server answers, or until `stopping` says that nobody waits for it any longer.

    Raises:
        RuntimeError: it ended or did not answer in time; the message names its log.
    """
    end = monotonic() + SERVER_READY_TIMEOUT_S
    while monotonic() < end and not stopping():
        if process.poll() is not None:
            raise RuntimeError(
                f"the Prefect server ended with code {process.returncode}; its log is {log}"
            )
        if is_healthy(api_url):
            return
        sleep(0.3)
    if stopping():
        return
    raise RuntimeError(
        f"the Prefect server did not answer within {SERVER_READY_TIMEOUT_S:.0f} s; its log is {log}"
    )


def _profile_api_url() -> str | None:
    path = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser() / "profiles.toml"
    try:
        profiles = tomllib.loads(path.read_text())
        url = profiles["profiles"][profiles["active"]]["PREFECT_API_URL"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(url)
