"""`numberflow doctor`: what works, and what to mend. Changes nothing but a probe row in the journal and a probe file in each store."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata

import fsspec
import httpx
import typer

from numberflow.cli.prefect_server import running_api_url
from numberflow.errors import MissingCredentials, NumberflowError, Stopped
from numberflow.journal import STOP_FILE, Brake, Journal
from numberflow.paper_store import PaperStore
from numberflow.purchase.desk import open_client
from numberflow.settings import Settings

# Versions that decide whether the parts work together (pyproject.toml says why).
VERSIONS = ("numberflow", "prefect", "fastapi", "httpx", "sqlalchemy", "pydantic", "phonenumbers", "pyarrow")


@dataclass(frozen=True)
class Finding:
    """One checked thing."""

    name: str
    ok: bool
    text: str
    mend: str = ""


def doctor(*, as_json: bool) -> int:
    """Run every check. Returns 0 when all are ok, 1 otherwise."""
    try:
        settings = Settings.load()
    except NumberflowError as error:
        findings = [Finding("settings", ok=False, text=error.message, mend=error.mend)]
    else:
        journal = _checked("journal", lambda: _journal(settings))
        findings = [
            _credentials(settings),
            *([_checked("connectivity", lambda: _connectivity(settings))] if settings.has_credentials else []),
            journal,
            # Who holds what stands in the journal; one that cannot be read is told above, and refuses every purchase.
            *([_checked("stops", lambda: _stops(settings))] if journal.ok else []),
            _checked("inventory", lambda: _inventory(settings)),
            _checked("papers", lambda: _papers(settings)),
            _prefect(settings),
            _versions(),
        ]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'MEND'}  {finding.name:<13} {finding.text}")
            if finding.mend:
                typer.echo(f"      {'':<13} → {finding.mend}")
    return 0 if all(finding.ok for finding in findings) else 1


def _checked(name: str, check: Callable[[], str]) -> Finding:
    """Run one check; whatever it raises becomes a finding, because a doctor that falls ill helps nobody."""
    try:
        return Finding(name, ok=True, text=check())
    except NumberflowError as error:
        return Finding(name, ok=False, text=error.message, mend=error.mend or "see the message")
    except Exception as error:  # noqa: BLE001 - reported as a finding
        return Finding(name, ok=False, text=f"{type(error).__name__}: {error}", mend="see the message")


def _credentials(settings: Settings) -> Finding:
    try:
        settings.require_credentials()
    except MissingCredentials as error:
        return Finding("credentials", ok=False, text=error.message, mend=error.mend)
    return Finding("credentials", ok=True, text=f"project {settings.project_id}, key {settings.key_id[:6]}…")


def _connectivity(settings: Settings) -> str:
    async def ask() -> int:
        async with open_client(settings) as client:
            page = await client.active_numbers.list_page(page_size=1)
            return page.total_size if page.total_size is not None else len(page.active_numbers)

    count = asyncio.run(ask())
    return f"200 from activeNumbers at {settings.numbers_url} ({count} numbers held)"


def _journal(settings: Settings) -> str:
    with Journal.open(settings.journal_url) as journal:
        journal.check()
        return f"writes and reads at {journal.location}"


def _stops(settings: Settings) -> str:
    Brake(settings.home / STOP_FILE).check_file()
    with Journal.open(settings.journal_url) as journal:
        for held in journal.stops():
            raise Stopped(f"costly steps are held by {held.described()}", mend=held.lifted_by)
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
    anywhere = "; paths and URLs outside it are read, too (NUMBERFLOW_PAPERS_ANYWHERE)" if store.anywhere else ""
    return f"writes, reads and deletes at {store.root}{anywhere}"


def _prefect(settings: Settings) -> Finding:
    url = running_api_url(settings)
    if url is None:
        return Finding(
            "prefect", ok=True, text="no server is running; `numberflow run` starts a temporary one (about 20 s)"
        )
    try:
        version = httpx.get(f"{url}/admin/version", timeout=5.0).raise_for_status().json()
    except httpx.HTTPError as error:
        return Finding(
            "prefect",
            ok=False,
            text=f"no answer from {url}: {type(error).__name__}",
            mend="start it (`numberflow up`), or correct PREFECT_API_URL",
        )
    ours = metadata.version("prefect")
    if version != ours:
        return Finding(
            "prefect",
            ok=False,
            text=f"server {version} at {url}, client {ours}",
            mend="run the same version on both sides",
        )
    return Finding("prefect", ok=True, text=f"server {version} at {url}")


def _versions() -> Finding:
    versions = {name: metadata.version(name) for name in VERSIONS}
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding("versions", ok=True, text=text)
