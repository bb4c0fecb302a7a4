"""The journal and the stores of inventory and papers: written to, read back, and made if missing.

`numberflow setup`, `up` and `doctor` share these. A look leaves nothing behind and makes nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from deployments.step import Difference, Found, Step
from numberflow.errors import StoreUnavailable
from numberflow.export.store import SCRATCH, open_store
from numberflow.journal import Journal
from numberflow.paper_store import PaperStore
from numberflow.settings import Settings

_ONE_MACHINE = (
    "only for workers on this machine; for several, set NUMBERFLOW_DATABASE_URL to one Postgres, "
    "and NUMBERFLOW_INVENTORY_URL and NUMBERFLOW_PAPERS_URL to what all of them reach"
)


def store_steps(settings: Settings) -> Sequence[Step]:
    """The three steps, in the order in which runs need them."""
    return (
        _journal(settings),
        _folder("inventory store", settings.inventory_root, lambda: probe_inventory(settings)),
        _folder("papers store", settings.papers_root, lambda: probe_papers(settings)),
    )


def probe_journal(settings: Settings) -> str:
    """Write a row and delete it again; where that was. Makes or migrates the journal first.

    Raises:
        BadInput, JournalUnavailable: it cannot be used.
    """
    with Journal.open(settings.journal_url) as journal:
        journal.check()
        return f"writes and reads at {journal.location}"


def probe_inventory(settings: Settings) -> str:
    """Write a file, read it back and delete it; where that was.

    Raises:
        BadInput, StoreUnavailable: the store cannot be used.
    """
    root, content = settings.inventory_root, b"numberflow"
    store = open_store(root)
    # Two folders deep, for a local store removes with a file the folders that become empty.
    name = f"{SCRATCH}/probe/{uuid.uuid4().hex}/probe"
    store.write(name, content)
    back = store.read(name)
    store.remove(name)
    if back != content:
        raise StoreUnavailable(
            f"the inventory store at {root} reads back differently from what was written",
            remedy="check the disk or the bucket, or correct NUMBERFLOW_INVENTORY_URL",
        )
    return f"writes, reads and deletes at {root}"


def probe_papers(settings: Settings) -> str:
    """Write a paper, read it back and delete it; where that was.

    Raises:
        BadInput, StoreUnavailable: the store cannot be used.
    """
    store = PaperStore.of(settings)
    store.probe()
    anywhere = (
        "; paths and URLs outside it are read, too (NUMBERFLOW_PAPERS_ANYWHERE)"
        if store.anywhere
        else ""
    )
    return f"writes, reads and deletes at {store.root}{anywhere}"


def _journal(settings: Settings) -> Step:
    is_file = settings.journal_url.startswith("sqlite")

    async def look() -> Found:
        standing = await asyncio.to_thread(Journal.standing, settings.journal_url)
        if standing == "missing":
            missing = Difference("missing", "the journal, with its tables")
            return Found(text="there is none yet", differences=(missing,))
        if standing == "other":
            changed = Difference("changed", "its tables")
            return Found(text="its tables are of another version", differences=(changed,))
        text = await asyncio.to_thread(probe_journal, settings)
        return Found(text=text, advice=(_ONE_MACHINE,) if is_file else ())

    async def apply() -> None:
        await asyncio.to_thread(probe_journal, settings)

    return Step("journal", look, apply)


def _folder(name: str, root: str, probe: Callable[[], str]) -> Step:
    """A store. Buckets are made by those who pay them; a missing folder is made here."""
    is_local = "://" not in root or root.startswith("file://")
    folder = Path(root.removeprefix("file://")).expanduser()

    async def look() -> Found:
        if is_local and not folder.exists():
            return Found(text="no such folder", differences=(Difference("missing", str(folder)),))
        return Found(text=await asyncio.to_thread(probe))

    async def apply() -> None:
        await asyncio.to_thread(probe)

    return Step(name, look, apply)
