"""`numberflow doctor`: what works, and what to fix.

Changes nothing but a probe row in the journal and a probe file in each store.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

import httpx
import typer

import numberflow
from numberflow.cli.console import as_table, print_json, working
from numberflow.cli.prefect_server import read_up_file, running_api_url
from numberflow.cli.schedules import ask
from numberflow.cli.server_log import ServerLog
from numberflow.cli.server_settings import look_at_settings, server_version
from numberflow.cli.stores import probe_inventory, probe_journal, probe_papers
from numberflow.errors import NumberflowError, Stopped
from numberflow.journal import STOP_FILE, Brake, Journal
from numberflow.models.wording import count_of
from numberflow.planning.schedules import next_run, problem, read_schedules
from numberflow.planning.stuck_runs import read_watch
from numberflow.purchase.held.protected import load_protection
from numberflow.purchase.marker import Marker
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
# Our packages with names so general that a folder of another project may have them, too.
_GENERAL_NAMES = ("flows", "tasks", "deployments")


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

    def as_rows(self) -> list[dict[str, str]]:
        """The finding for people: a row, and another one for the remedy."""
        row = {"": "ok" if self.ok else "FIX", " ": self.name, "  ": self.text}
        return [row, {"  ": f"→ {self.remedy}"}] if self.remedy else [row]


def doctor(*, as_json: bool) -> int:
    """Run every check. Returns 0 when all are ok, 1 otherwise."""
    with working("Checking …"):
        findings = list(_findings())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        rows = [row for finding in findings for row in finding.as_rows()]
        typer.echo(as_table(rows, header=False, styles={"ok": "green", "FIX": "bold red"}))
    return 0 if all(finding.ok for finding in findings) else 1


def _findings() -> Iterator[Finding]:
    try:
        settings = Settings.load(may_lack_account=True)
    except NumberflowError as error:
        # Without them nothing else can be checked.
        yield _broken("settings", error)
        return
    yield _checked("credentials", lambda: _credentials(settings))
    if settings.has_credentials:
        yield _checked("connectivity", lambda: _connectivity(settings))
    journal = _checked("journal", lambda: probe_journal(settings))
    yield journal
    if journal.ok:
        # The stops are in the journal. A journal that cannot be read refuses every purchase anyway.
        yield _checked("stops", lambda: _stops(settings))
    inventory = _checked("inventory", lambda: probe_inventory(settings))
    yield inventory
    # Without its own address the marker is in the inventory store: that was told already.
    if journal.ok and settings.has_credentials and (inventory.ok or settings.marker_url):
        yield _checked("marker", lambda: _marker(settings))
    papers = _checked("papers", lambda: probe_papers(settings))
    yield papers
    if papers.ok:
        yield _checked("protected", lambda: _protected(settings))
    url = running_api_url(settings)
    if url is None:
        none = "no server is running; `numberflow run` starts a temporary one (about 20 s)"
        yield Finding("prefect", ok=True, text=none)
    else:
        prefect = _checked("prefect", lambda: server_version(url))
        yield prefect
        if prefect.ok:
            yield _checked("server settings", lambda: _server_settings(url))
            yield from _clock(settings, url)
    if foreign := list(_foreign_packages()):
        yield _broken("packages", *foreign)
    yield _checked("versions", _versions)


def _checked(name: str, check: Callable[[], str]) -> Finding:
    """Run one check. Whatever it raises becomes a finding: the doctor must not crash."""
    try:
        return Finding(name, ok=True, text=check())
    except NumberflowError as error:
        return _broken(name, error)
    except Exception as error:  # noqa: BLE001 - reported as a finding
        return _broken(name, NumberflowError(f"{type(error).__name__}: {error}"))


def _broken(name: str, *errors: NumberflowError) -> Finding:
    return Finding(
        name,
        ok=False,
        text="; ".join(error.message for error in errors),
        remedy="; ".join(error.remedy or "see the message" for error in errors),
    )


def _credentials(settings: Settings) -> str:
    settings.require_credentials()
    return f"project {settings.project_id}, key {settings.key_id[:6]}…"


def _connectivity(settings: Settings) -> str:
    async def ask() -> int:
        async with open_client(settings) as client:
            page = await client.active_numbers.list_page(page_size=1)
            return page.total_size if page.total_size is not None else len(page.active_numbers)

    count = asyncio.run(ask())
    return f"200 from activeNumbers at {settings.numbers_url} ({count_of(count, 'number')} held)"


def _stops(settings: Settings) -> str:
    Brake(settings.home / STOP_FILE).check_file()
    with Journal.open(settings.journal_url) as journal:
        for held in journal.stops():
            raise Stopped(f"costly steps are held by {held.described()}", remedy=held.lifted_by)
    return "no costly step is held"


def _marker(settings: Settings) -> str:
    with Journal.open(settings.journal_url) as journal:
        marker = Marker(journal, settings, settings.project_id)
        behind = asyncio.run(marker.behind())
        if behind is not None:
            raise Stopped(str(behind), remedy=marker.remedy)
    local = (
        "; that is a folder of this machine alone: with several workers, set NUMBERFLOW_MARKER_URL "
        "or NUMBERFLOW_INVENTORY_URL to one place for all"
        if settings.database_url.startswith("postgres")
        and not (settings.marker_url or settings.inventory_url)
        else ""
    )
    return f"the journal knows every costly request that is noted at {marker.root}{local}"


def _protected(settings: Settings) -> str:
    found = load_protection(settings)
    if found.model_fields_set <= {"file"}:
        return f"no number: {found.file} is not in the papers store, or names none"
    return (
        f"{found.file} can be read: {count_of(len(found.numbers), 'number')}, "
        f"{count_of(len(found.names), 'name pattern')}, {count_of(len(found.groups), 'group')}"
    )


def _server_settings(url: str) -> str:
    found = look_at_settings(url)
    if found.left_to_person:
        raise NumberflowError(found.text, remedy="; ".join(found.left_to_person))
    return found.text


def _clock(settings: Settings, url: str) -> Iterator[Finding]:
    """The schedules of the running server, and its log where `up` keeps it."""
    # Log and age are known only for the server that `up` has started.
    left = read_up_file(settings)
    is_ours = left.get("api_url") == url
    since = left.get("server_since") if is_ours else None
    yield _checked("runs", lambda: _runs(url))
    yield _checked("schedules", lambda: _schedules(url, since and datetime.fromisoformat(since)))
    if is_ours and "server_log" in left:
        log = ServerLog(Path(left["server_log"]), int(left.get("server_log_start", 0)))
        yield _checked("server log", lambda: _server_log(log))


def _runs(url: str) -> str:
    try:
        is_watched, late = ask(url, read_watch(datetime.now(UTC)))
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise _not_told(url, error) from None
    waiting = (
        f"{count_of(late, 'run')} late: not lost, waiting for a worker or a free slot"
        if late
        else "none is late"
    )
    if not is_watched:
        raise NumberflowError(
            f"nobody retries a run whose process is gone; {waiting}",
            remedy="start `numberflow watch` beside the Prefect server",
        )
    return f"watched; {waiting}"


def _not_told(url: str, error: Exception) -> NumberflowError:
    return NumberflowError(
        f"{url} does not list them: {type(error).__name__}",
        remedy="set PREFECT_API_AUTH_STRING if the server asks for a password, or see its log",
    )


def _schedules(url: str, since: datetime | None) -> str:
    now = datetime.now(UTC)
    try:
        seen = ask(url, read_schedules(now))
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise _not_told(url, error) from None
    if not seen:
        raise NumberflowError(
            "no deployment of this server has a schedule: no nightly inventory, no follow-orders",
            remedy="make them: `numberflow setup`",
        )
    wrong = [(each.name, *clauses) for each in seen if (clauses := problem(each, now, since))]
    if wrong:
        raise NumberflowError(
            "; ".join(f"{name}: {reason}" for name, reason, _ in wrong),
            remedy="; ".join(f"{name}: {remedy}" for name, _, remedy in wrong),
        )
    return "next runs: " + ", ".join(next_run(each) for each in seen)


def _server_log(log: ServerLog) -> str:
    try:
        found = log.errors()
    except OSError as error:
        raise NumberflowError(
            f"{log.path}: {type(error).__name__}", remedy="restart `numberflow up`"
        ) from None
    if found:
        raise NumberflowError(
            "; ".join(str(error) for error in found),
            remedy=f"see {log.path}; install the pinned versions (requirements.txt), "
            "then restart `numberflow up`",
        )
    return f"no error of the server's services in {log.path}"


def _foreign_packages() -> Iterator[NumberflowError]:
    """Our packages that a process started in this folder finds elsewhere."""
    ours = Path(numberflow.__file__).resolve().parents[1]
    for name in _GENERAL_NAMES:
        # `up` starts flow runs by `python -m`, which looks here first; the script itself does not.
        spec = PathFinder.find_spec(name, [str(Path.cwd()), *sys.path])
        if spec is None:
            continue
        package = Path(next(iter(spec.submodule_search_locations or ()), spec.origin or ""))
        if package.resolve().parent != ours:
            yield NumberflowError(
                f"{package} hides our package {name}: runs started in this folder import it",
                remedy="start numberflow in another folder, or rename it",
            )


def _versions() -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONS)
