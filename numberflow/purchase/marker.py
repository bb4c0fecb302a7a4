"""The journal's marker: how far the journal was when a costly request left, kept outside of it.

A journal that is restored from a back-up does not know what was bought since, and would buy it
again. So each costly request is first noted in a second place: the inventory store, or
`NUMBERFLOW_MARKER_URL`. A journal that lacks what stands there is older than the requests, or is
another one: nothing costly leaves until reconcile has compared it with the vendor, and references
that were worked on since are not continued.

Files of a project, under `journal/v1/project_id=<id>`:

- `heads/<row>-<hash>.json`: the end of the audit when a request left. The name says it, so that
  reading is one listing; writers never replace each other's.
- `purchases/<purchase id>.json`: the same for each purchase. They stay for ever.

Not here: the audit's chain (journal.audit), and the comparison with the vendor (reconciling).
"""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread

from numberflow.errors import JournalUnavailable, NotSent, Stopped, StoreUnavailable
from numberflow.export.store import Store, open_store
from numberflow.journal import AuditEnd, Journal, Purchase, purchase_id_of
from numberflow.settings import Settings

T = TypeVar("T")

# Far longer than a store takes that works (a bucket: 0.1 s), and short beside a lease: a store that
# hangs refuses the step instead of holding it.
STORE_WAIT_S = 10.0
# Lost references that are named, each by a read; the others are counted.
LOST_NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Behind:
    """The journal lacks a row of its audit that the marker knows.

    Fields:
        marked: the row.
        ends: where the journal's audit ends.
        location: where the journal is, for people.
        marker: where the marker is.
    """

    marked: AuditEnd
    ends: AuditEnd
    location: str
    marker: str

    def __str__(self) -> str:
        if self.marked.n > self.ends.n:
            missing = self.marked.n - self.ends.n
            said = (
                f"the journal at {self.location} ends at row {self.ends.n} of its audit, and its "
                f"marker at {self.marker} knows row {self.marked.n}: {missing} more"
            )
        else:
            said = (
                f"row {self.marked.n} of the audit of the journal at {self.location} is not the "
                f"one that its marker at {self.marker} knows"
            )
        return f"{said}. It was restored from a back-up, or it is another journal"


class Marker:
    """The marker of one project's journal. Its store is opened at the first use.

    Args:
        journal: an open journal.
        settings: where the marker is.
        project_id: the vendor project that pays.
        project: name of the credentials block, for the commands that are printed; None: the
            environment's.
    """

    def __init__(
        self, journal: Journal, settings: Settings, project_id: str, project: str | None = None
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._project_id = project_id
        self._project = project
        self._is_current = False
        # What the next head may replace without looking.
        self._heads: set[str] = set()
        self._guard = threading.Lock()

    @property
    def root(self) -> str:
        """Folder or URL of the marker, for people."""
        return f"{self._settings.marker_root.rstrip('/')}/{self._folder}"

    async def require_current(self) -> None:
        """Make sure that this journal knows every costly request of the project. Once for a run.

        A journal that does not is held for all processes (`Journal.hold_restored`).

        Raises:
            Stopped: it does not. Says what is missing and how to continue.
            StoreUnavailable: the marker cannot be read, so nobody can say.
        """
        if self._is_current:
            return
        behind = await self.behind()
        if behind is not None:
            await anyio.to_thread.run_sync(
                self._journal.hold_restored, self._project_id, str(behind)
            )
            raise Stopped(
                f"{behind}. It does not know what was bought since, so no costly step leaves",
                remedy=self.remedy,
            )
        self._is_current = True

    @property
    def remedy(self) -> str:
        """How costly steps continue."""
        command = "numberflow reconcile" + self._option
        return (
            f"`{command}` compares it with the vendor; costly steps continue when nothing is left "
            "to decide (docs/backup.md)"
        )

    @property
    def _option(self) -> str:
        return f" --project {shlex.quote(self._project)}" if self._project else ""

    async def require_begun_here(self, reference: str) -> None:
        """Refuse a reference that was worked on after the back-up from which this journal comes.

        Raises:
            JournalUnavailable: the journal lacks what was done under it.
            StoreUnavailable: the marker cannot be read.
        """
        marked = await self._bounded(lambda: self._marked(reference))
        if marked is None:
            return
        reopen = (
            f"numberflow journal reopen --by <your-name> --note <what-you-saw>{self._option} -- "
            f"{shlex.quote(reference)}"
        )
        raise JournalUnavailable(
            f"Reference {reference!r} sent a costly request when the journal was at row {marked.n} "
            f"of its audit, and the journal at {self._journal.location} does not know that row: "
            "it was restored from an older back-up.",
            remedy="look at what the vendor gave it, and use a new reference for what is still "
            f"wanted; or, when that was nothing: `{reopen}`",
        )

    async def note(self, purchase: Purchase) -> None:
        """Note that a costly request of this purchase is about to leave.

        Call it when the intention is *sending* and before the request: then every back-up that
        does not have the intention is older than the marker.

        Raises:
            Stopped: the journal is behind its marker, or the marker cannot be written.
            NotSent: the journal cannot be read.
        """
        try:
            await self.require_current()
            await self._bounded(lambda: self._note(purchase))
        except StoreUnavailable as error:
            raise Stopped(error.message, remedy=error.remedy) from None
        except JournalUnavailable as error:
            raise NotSent(error.message, remedy=error.remedy) from None

    async def behind(self) -> Behind | None:
        """What the journal lacks; None when it knows everything. Changes nothing.

        Raises:
            StoreUnavailable: the marker cannot be read.
            JournalUnavailable: the journal cannot be read.
        """
        return await self._bounded(self._behind)

    async def lost_references(self) -> tuple[int, list[str]]:
        """How many references sent costly requests and are unknown to the journal; 20 of them."""

        def find() -> list[str]:
            known = {each.id for each in self._journal.purchases(self._project_id)}
            return [
                path
                for path in self._store.find(f"{self._folder}/purchases/*.json")
                if PurePosixPath(path).stem not in known
            ]

        def name(path: str) -> str:
            content = self._store.read(path)
            return str(json.loads(content)["reference"]) if content else ""

        lost = await self._bounded(find)
        # Each read has its own bound: many in a slow bucket must not keep reconcile from its end.
        named = [await self._bounded(partial(name, path)) for path in lost[:LOST_NAMED_MAX]]
        return len(lost), sorted(filter(None, named))

    async def accept(self) -> None:
        """Take the journal as it is: costly steps continue. For after a reconcile.

        What the marker says of single references stays.
        """

        def replace() -> None:
            self._write_head(self._journal.audit_end())
            for path, end in self._heads_there():
                if not self._journal.has_audit_row(end):
                    self._store.remove(path)

        await self._bounded(replace)
        await anyio.to_thread.run_sync(self._journal.lift_restored, self._project_id)

    async def reopen(self, reference: str) -> None:
        """Let a reference be used again with the journal as it is, on a person's word."""

        def write() -> None:
            content = {"reference": reference} | self._said(self._journal.audit_end())
            self._store.write(self._path_of(reference), json.dumps(content).encode())

        await self._bounded(write)

    # ---- blocking

    @cached_property
    def _store(self) -> Store:
        return open_store(self._settings.marker_root)

    @property
    def _folder(self) -> str:
        return f"journal/v1/project_id={quote(self._project_id, safe='')}"

    def _path_of(self, reference: str) -> str:
        return f"{self._folder}/purchases/{purchase_id_of(self._project_id, reference)}.json"

    def _heads_there(self) -> list[tuple[str, AuditEnd]]:
        """Path and row of each head, oldest first."""
        found = self._store.find(f"{self._folder}/heads/*.json")
        ends = [PurePosixPath(path).stem.partition("-") for path in found]
        return [
            (path, AuditEnd(int(n), hash_)) for path, (n, _, hash_) in zip(found, ends, strict=True)
        ]

    def _behind(self) -> Behind | None:
        heads = self._heads_there()
        for _, marked in reversed(heads):
            if not self._journal.has_audit_row(marked):
                ends = self._journal.audit_end()
                return Behind(marked, ends, self._journal.location, self.root)
        # All are in the chain, so a later one says as much: the next that is written replaces them.
        with self._guard:
            self._heads.update(path for path, _ in heads)
        return None

    def _marked(self, reference: str) -> AuditEnd | None:
        """The row of a reference that the journal does not know; None when it knows it."""
        content = self._store.read(self._path_of(reference))
        if content is None:
            return None
        said = json.loads(content)
        marked = AuditEnd(said["row"], said["hash"])
        return None if self._journal.has_audit_row(marked) else marked

    def _note(self, purchase: Purchase) -> None:
        end = self._journal.audit_end()
        content = {"reference": purchase.reference, "operation": purchase.operation}
        # The purchase first: whoever sees the head may rely on it.
        self._store.write(
            f"{self._folder}/purchases/{purchase.id}.json",
            json.dumps(content | self._said(end)).encode(),
        )
        self._write_head(end)

    def _write_head(self, end: AuditEnd) -> None:
        path = f"{self._folder}/heads/{end.n:012d}-{end.hash}.json"
        self._store.write(path, json.dumps(self._said(end)).encode())
        # Steps of one run write at the same time, so the largest stays, whoever is last.
        with self._guard:
            *older, newest = sorted({*self._heads, path})
            self._heads = {newest}
        for each in older:
            self._store.remove(each)

    def _said(self, end: AuditEnd) -> dict[str, str | int]:
        return {"row": end.n, "hash": end.hash, "at": datetime.now(UTC).isoformat()}

    async def _bounded(self, call: Callable[[], T]) -> T:
        """Run `call` beside the event loop, for as long as a store may take."""
        try:
            with anyio.fail_after(STORE_WAIT_S):
                return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
        except StoreUnavailable as error:
            said = error.message
        except TimeoutError:
            said = f"no answer within {STORE_WAIT_S:g} s"
        except (ValueError, KeyError, TypeError) as error:
            said = f"a file there is not one of ours ({type(error).__name__})"
        raise StoreUnavailable(
            f"the marker of the journal at {self.root} cannot be used: {said}",
            remedy="every costly request is noted there first: let this worker write to "
            "NUMBERFLOW_MARKER_URL (the inventory store when not set), then run again with the "
            "same reference",
        )
