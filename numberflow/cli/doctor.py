"""`numberflow doctor`: what works, and what to mend.

Changes nothing but a probe row in the journal and a probe file in each store.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import fsspec
import httpx
import typer

from numberflow.cli.prefect_server import HEALTH_TIMEOUT_S, read_up_file, running_api_url
from numberflow.cli.schedules import ask, server_auth
from numberflow.cli.server_log import ServerLog
from numberflow.errors import MissingCredentials, NumberflowError, Stopped
from numberflow.journal import STOP_FILE, Brake, Journal
from numberflow.models.wording import count_of
from numberflow.paper_store import PaperStore
from numberflow.planning.schedules import next_run, problem, read_schedules
from numberflow.purchase.run_context import open_client
from numberflow.settings import Settings

# Versions that decide whether the parts work together (pyproject.toml says why).
VERSIONS = (
    "numberflow",
    "prefect",
    "fastapi",
    "httpx",
    "sqlalchemy",
    "pydantic",
    "phonenumbers",
    "pyarrow",
)


@dataclass(frozen=True)
class Finding:
    """One checked thing."""

    name: str
    ok: bool
    text: str
    remedy: str = ""

    def as_json(self) -> dict[str, str | bool]:
        """The finding under the keys that programs read."""
        return {"name": self.name, "ok": self.ok, "text": self.text, "mend": self.remedy}


def doctor(*, as_json: bool) -> int:
    """Run every check. Returns 0 when all are ok, 1 otherwise."""
    try:
        settings = Settings.load(may_lack_account=True)
    except NumberflowError as error:
        findings = [Finding("settings", ok=False, text=error.message, remedy=error.remedy)]
    else:
        journal = _checked("journal", lambda: _journal(settings))
        prefect = _prefect(settings)
        findings = [
            _credentials(settings),
            *(
                [_checked("connectivity", lambda: _connectivity(settings))]
                if settings.has_credentials
                else []
            ),
            journal,
            # Who holds what stands in the journal; one that cannot be read is told above, and
            # refuses every purchase.
            *([_checked("stops", lambda: _stops(settings))] if journal.ok else []),
            _checked("inventory", lambda: _inventory(settings)),
            _checked("papers", lambda: _papers(settings)),
            prefect,
            *(_clock(settings) if prefect.ok else ()),
            _versions(),
        ]
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'MEND'}  {finding.name:<13} {finding.text}")
            if finding.remedy:
                typer.echo(f"      {'':<13} → {finding.remedy}")
    return 0 if all(finding.ok for finding in findings) else 1


def _checked(name: str, check: Callable[[], str]) -> Finding:
    """Run one check; whatever it raises becomes a finding, because a doctor that falls ill helps nobody."""
    try:
        return Finding(name, ok=True, text=check())
    except NumberflowError as error:
        return Finding(name, ok=False, text=error.message, remedy=error.remedy or "see the message")
    except Exception as error:  # noqa: BLE001 - reported as a finding
        return Finding(
            name, ok=False, text=f"{type(error).__name__}: {error}", remedy="see the message"
        )


def _credentials(settings: Settings) -> Finding:
    try:
        settings.require_credentials()
    except MissingCredentials as error:
        return Finding("credentials", ok=False, text=error.message, remedy=error.remedy)
    return Finding(
        "credentials", ok=True, text=f"project {settings.project_id}, key {settings.key_id[:6]}…"
    )


def _connectivity(settings: Settings) -> str:
    async def ask() -> int:
        async with open_client(settings) as client:
            page = await client.active_numbers.list_page(page_size=1)
            return page.total_size if page.total_size is not None else len(page.active_numbers)

    count = asyncio.run(ask())
    return f"200 from activeNumbers at {settings.numbers_url} ({count_of(count, 'number')} held)"


def _journal(settings: Settings) -> str:
    with Journal.open(settings.journal_url) as journal:
        journal.check()
        return f"writes and reads at {journal.location}"


def _stops(settings: Settings) -> str:
    Brake(settings.home / STOP_FILE).check_file()
    with Journal.open(settings.journal_url) as journal:
        for held in journal.stops():
            raise Stopped(f"costly steps are held by {held.described()}", remedy=held.lifted_by)
    return "no costly step is held"


def _inventory(settings: Settings) -> str:
    root = settings.inventory_root
    filesystem, path = fsspec.core.url_to_fs(root)
    probe = f"{path.rstrip('/')}/_probe-{uuid.uuid4().hex}"
    filesystem.makedirs(path, exist_ok=True)
    with filesystem.open(probe, "wb") as file:
        file.write(b"numberflow")
    filesystem.rm(probe)
    return f"writes and deletes at {root}"


def _papers(settings: Settings) -> str:
    store = PaperStore.of(settings)
    store.probe()
    anywhere = (
        "; paths and URLs outside it are read, too (NUMBERFLOW_PAPERS_ANYWHERE)"
        if store.anywhere
        else ""
    )
    return f"writes, reads and deletes at {store.root}{anywhere}"


def _prefect(settings: Settings) -> Finding:
    url = running_api_url(settings)
    if url is None:
        return Finding(
            "prefect",
            ok=True,
            text="no server is running; `numberflow run` starts a temporary one (about 20 s)",
        )
    try:
        version = (
            httpx.get(f"{url}/admin/version", timeout=HEALTH_TIMEOUT_S, auth=server_auth())
            .raise_for_status()
            .json()
        )
    except httpx.HTTPError as error:
        return Finding(
            "prefect",
            ok=False,
            text=f"no answer from {url}: {type(error).__name__}",
            remedy="start it (`numberflow up`), or correct PREFECT_API_URL",
        )
    ours = metadata.version("prefect")
    if version != ours:
        return Finding(
            "prefect",
            ok=False,
            text=f"server {version} at {url}, client {ours}",
            remedy="run the same version on both sides",
        )
    return Finding("prefect", ok=True, text=f"server {version} at {url}")


def _clock(settings: Settings) -> list[Finding]:
    """The schedules of the server that runs, and its log where `up` keeps it.

    Nothing when no server answers.
    """
    url = running_api_url(settings)
    if url is None:
        return []
    # The log and the age are known of the server that `up` has started, and of no other.
    left = read_up_file(settings)
    is_ours = left.get("api_url") == url
    since = (
        datetime.fromisoformat(left["server_since"]) if is_ours and "server_since" in left else None
    )
    found = [_schedules(url, since)]
    if is_ours and "server_log" in left:
        found.append(
            _server_log(ServerLog(Path(left["server_log"]), int(left.get("server_log_start", 0))))
        )
    return found


def _schedules(url: str, since: datetime | None) -> Finding:
    now = datetime.now(UTC)
    try:
        seen = ask(url, read_schedules(now))
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return Finding(
            "schedules",
            ok=False,
            text=f"{url} does not tell them: {type(error).__name__}",
            remedy="set PREFECT_API_AUTH_STRING if the server asks for a password, or see its log",
        )
    if not seen:
        return Finding(
            "schedules",
            ok=False,
            text="no deployment of this server has a schedule: no nightly inventory, no "
            "follow-orders",
            remedy="deploy them: numberflow up, or prefect deploy --all (docs/operations.md)",
        )
    wrong = [(each.name, *clauses) for each in seen if (clauses := problem(each, now, since))]
    if wrong:
        return Finding(
            "schedules",
            ok=False,
            text="; ".join(f"{name}: {reason}" for name, reason, _ in wrong),
            remedy="; ".join(f"{name}: {remedy}" for name, _, remedy in wrong),
        )
    return Finding(
        "schedules", ok=True, text="next runs: " + ", ".join(next_run(each) for each in seen)
    )


def _server_log(log: ServerLog) -> Finding:
    try:
        found = log.errors()
    except OSError as error:
        return Finding(
            "server log",
            ok=False,
            text=f"{log.path}: {type(error).__name__}",
            remedy="restart `numberflow up`",
        )
    if found:
        return Finding(
            "server log",
            ok=False,
            text="; ".join(str(error) for error in found),
            remedy=f"see {log.path}; install the pinned versions (requirements.txt), then restart "
            "`numberflow up`",
        )
    return Finding("server log", ok=True, text=f"no error of the server's services in {log.path}")


def _versions() -> Finding:
    versions = {name: metadata.version(name) for name in VERSIONS}
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding("versions", ok=True, text=text)
