"""`numberflow up`: everything on one machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import httpx
import typer

from deployments.step import settle_all
from flows.table import FLOWS
from numberflow.cli import exit_codes
from numberflow.cli.prefect_server import (
    SERVER_ENVIRONMENT,
    is_healthy,
    read_up_file,
    start_server,
    up_file,
    wait_ready,
)
from numberflow.cli.processes import free_port, start, stop
from numberflow.cli.schedules import server_auth
from numberflow.cli.server_log import ServerLog
from numberflow.cli.stores import store_steps
from numberflow.cli.watch import Watch
from numberflow.errors import BadInput
from numberflow.json_text import to_json
from numberflow.private_files import make_private_folder, private_opener, write_private
from numberflow.receiver.secrets import SecretFile
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve

SIMULATOR_PORT, CONTROL_PORT, RECEIVER_PORT = 8377, 8378, 8379


def up(port: int) -> int:
    """Start everything, stop it on Ctrl-C. Returns the exit code."""
    settings = Settings.load(may_lack_account=True)
    make_private_folder(settings.home)
    stopping = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    # SIGHUP: the terminal was closed.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    with ExitStack() as stack:
        try:
            stack.enter_context(_only_one(settings))
            return _run(settings, port, stopping, stack)
        except RuntimeError as error:
            typer.echo(f"numberflow: {error}", err=True)
            return exit_codes.CRASH


def _run(settings: Settings, port: int, stopping: threading.Event, stack: ExitStack) -> int:
    """Start everything in order, watch it, and stop it in the opposite order.

    Raises:
        RuntimeError: something did not start, or ended by itself; the message names its log.
    """
    # First on the stack, so that it is printed last.
    stack.callback(typer.echo, "Stopped.")
    for result in asyncio.run(settle_all(store_steps(settings))):
        for line in result.news:
            typer.echo(line)
    environment = _account(settings, stack)
    chosen = free_port(port)
    if chosen != port:
        typer.echo(f"Port {port} is taken; the Prefect server listens on {chosen}.")
    api_url = f"http://127.0.0.1:{chosen}/api"
    server_log, runs_log = settings.home / "prefect-server.log", settings.home / "flow-runs.log"
    typer.echo("Starting the Prefect server (15 to 50 s the first time) …")
    watch = Watch(api_url, ServerLog.from_here(server_log), datetime.now(UTC), typer.echo)
    server = start_server(settings.home / "prefect", chosen, server_log)
    stack.callback(stop, server)
    wait_ready(api_url, server, server_log, stopping=stopping.is_set)
    started = [Started("Prefect server", server, server_log)]
    if not stopping.is_set():
        since = datetime.now(UTC)
        everything = _environment(api_url, settings, environment)
        runner = start(["deployments.serve"], everything, runs_log)
        stack.callback(stop, runner)
        started.append(Started("deployments", runner, runs_log))
        _write_up_file(settings, watch, server.pid, runner.pid)
        stack.callback(up_file(settings).unlink, missing_ok=True)
        if (receiver := _receiver(settings, everything)) is not None:
            stack.callback(stop, receiver.process)
            started.append(receiver)
        while not stopping.wait(0.5) and not _is_served(api_url, since):
            _require_alive(started)
            watch.look()
    if not stopping.is_set():
        typer.echo(
            f"Prefect UI: http://127.0.0.1:{chosen}  (Deployments → search-and-rent → Run → "
            "Custom run)"
        )
        typer.echo(f"Logs: {server_log}, {runs_log}. Ctrl-C stops everything.")
        watch.served()
    while not stopping.wait(0.5):
        _require_alive(started)
        watch.look()
    typer.echo("Stopping …")
    return exit_codes.DONE


@dataclass(frozen=True)
class Started:
    """A process that has to live as long as this command, and the log that explains its end."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def _require_alive(started: Sequence[Started]) -> None:
    for one in started:
        if one.process.poll() is not None:
            raise RuntimeError(
                f"the {one.name} ended with code {one.process.returncode}; see {one.log}"
            )


def _is_served(api_url: str, since: datetime) -> bool:
    """Whether all deployments accept runs: the last one does, for they are made in order.

    The deployments of an earlier `up` with this home exist, too, but are paused.
    """
    *_, last = FLOWS
    try:
        found = httpx.get(
            f"{api_url}/deployments/name/{last}/{last}",
            timeout=5.0,
            auth=server_auth(),
        ).json()
        return not found["paused"] and datetime.fromisoformat(found["updated"]) >= since
    except (httpx.HTTPError, ValueError, KeyError):
        return False


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Refuse a second `up`: two Prefect servers on one database would start each flow run twice.

    Raises:
        RuntimeError: another `numberflow up` uses this home, or one that was killed left its
            processes behind.
    """
    with open(settings.home / "up.lock", "w", opener=private_opener) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"`numberflow up` is already running for {settings.home}{_address(settings)}; "
                "stop it with Ctrl-C there, or set NUMBERFLOW_HOME to another folder"
            ) from None
        left = read_up_file(settings)
        if left and is_healthy(str(left.get("api_url"))):
            pids = " ".join(str(left[name]) for name in ("runs_pid", "server_pid") if name in left)
            raise RuntimeError(
                "an earlier `numberflow up` was killed and its server still answers at "
                f"{left['api_url']}; stop it with: kill {pids}"
            )
        yield


def _address(settings: Settings) -> str:
    url = str(read_up_file(settings).get("api_url", ""))
    return f" at {url.removesuffix('/api')}" if url else " and is starting"


def _account(settings: Settings, stack: ExitStack) -> Mapping[str, str]:
    """The environment of flow runs: the configured account, or a simulator started for it."""
    if settings.has_credentials:
        typer.echo(
            f"Using the Sinch project {settings.project_id} at {settings.numbers_url}: numbers "
            "cost money."
        )
        return {}
    running = stack.enter_context(
        serve(
            Simulator(SimulatorSettings()),
            port=free_port(SIMULATOR_PORT),
            control_port=free_port(CONTROL_PORT),
        )
    )
    typer.echo(
        f"No credentials: using the simulator on {running.url}, control surface on "
        f"{running.control_url}."
    )
    return dict(running.environment)


def _environment(api_url: str, settings: Settings, account: Mapping[str, str]) -> Mapping[str, str]:
    """Of the processes beside the Prefect server."""
    return os.environ | SERVER_ENVIRONMENT | {
        "PREFECT_API_URL": api_url,
        "PREFECT_HOME": str(settings.home / "prefect"),
        "NUMBERFLOW_HOME": str(settings.home),
        **account,
    }  # fmt: skip


def _receiver(settings: Settings, environment: Mapping[str, str]) -> Started | None:
    """The receiver of callbacks, where something says that there are any."""
    if not _expects_callbacks(settings):
        return None
    if free_port(RECEIVER_PORT) != RECEIVER_PORT:
        # On another port the reverse proxy would not find it.
        typer.echo(
            f"Port {RECEIVER_PORT} is taken: what listens there takes the callbacks; no other "
            "receiver is started."
        )
        return None
    log = settings.home / "receiver.log"
    process = start(["numberflow", "receiver", "--port", str(RECEIVER_PORT)], environment, log)
    typer.echo(f"Taking callbacks on http://127.0.0.1:{RECEIVER_PORT}/callbacks/<project>: {log}")
    return Started("receiver", process, log)


def _expects_callbacks(settings: Settings) -> bool:
    """Whether their address or a secret of theirs is set, or a secret was rotated in here."""
    secrets = (settings.callback_secret, settings.imported_callback_secret)
    if settings.callback_url or any(each.get_secret_value() for each in secrets):
        return True
    try:
        return bool(SecretFile(settings.home).read())
    except BadInput:
        # The receiver says what is wrong with it.
        return True


def _write_up_file(settings: Settings, watch: Watch, server_pid: int, runs_pid: int) -> None:
    """Write where server and log are for `run` and `doctor`, and what runs for the next `up`."""
    path = up_file(settings)
    part = path.with_suffix(".part")
    facts = {
        "api_url": watch.api_url,
        "pid": os.getpid(),
        "server_pid": server_pid,
        "runs_pid": runs_pid,
        "server_since": watch.since,
        "server_log": str(watch.log.path),
        "server_log_start": watch.log.start,
    }
    write_private(part, to_json(facts))
    part.replace(path)
