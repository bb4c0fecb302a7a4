"""Runs that die: at the n-th request or the n-th write to the journal, before or after it takes
effect. Nothing of theirs happens afterwards.

The end of a process is played by an exception that nobody catches, a journal that takes no more
writes and a transport that sends no more requests. Not here: real processes and real kills
(tests/crash, benchmarks/chaos.py --processes).
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from numberflow.journal import Journal

COSTLY = re.compile(r"(:(rent|rentAny|release|provision|deprovision|createNumberOrder)|/submit)$")


class Killed(BaseException):
    """The process ends here: nothing of ours runs after it, as with kill -9."""


def is_death(error: BaseException) -> bool:
    """Whether a run ended because it was killed; task groups wrap what went through them."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_death(one) for one in error.exceptions)
    return isinstance(error, Killed)


@dataclass
class Fate:
    """When one run dies. `at` "never" is a long life; `n` counts from 1.

    `costly`: of the requests only costly ones count.
    """

    at: Literal["never", "request", "write"] = "never"
    n: int = 1
    after: bool = False
    costly: bool = False
    dead: bool = False
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.n

    def require_alive(self) -> None:
        """Raises Killed in a dead process."""
        if self.dead:
            raise Killed

    def is_due(self, at: str) -> bool:
        """Counts a request or write; True for the one at which the process dies."""
        self.require_alive()
        if at != self.at:
            return False
        self._left -= 1
        return self._left == 0

    def die(self) -> None:
        """The process ends now."""
        self.dead = True
        raise Killed

    def bind(self, journal: Journal) -> Journal:
        """Let the run's journal share its fate."""
        database: Any = journal._database
        database.write = self._mortal(database.write, counts=True)
        database.read = self._mortal(database.read, counts=False)
        return journal

    def _mortal(self, transaction: Callable[[], Any], *, counts: bool) -> Callable[[], Any]:
        @contextmanager
        def mortal() -> Iterator[Any]:
            self.require_alive()
            due = counts and self.is_due("write")
            if due and not self.after:
                self.die()
            with transaction() as connection:
                yield connection
            if due:
                self.die()
            self.require_alive()

        return mortal


# Costly requests of the imported-numbers API: operation in the journal, and what of path or body
# names its subject.
HOSTING = (
    ("POST", re.compile(r"/importedNumbers$"), "import", "phoneNumber"),
    ("POST", re.compile(r"/hostingOrders:importNumbers$"), "import_order", "displayName"),
    (
        "POST",
        re.compile(r"/(hostingOrders|qualifiedNumbers):textEnable(TollFree)?Numbers$"),
        "text_enable",
        "displayName",
    ),
    ("POST", re.compile(r"/qualifiedNumbers:addNumbers$"), "add_numbers", None),
    (
        "POST",
        re.compile(r"/qualifiedNumbers/([^/]+):sendVoiceChallenge$"),
        "voice_challenge",
        "path",
    ),
    ("POST", re.compile(r"/qualifiedNumbers/([^/]+):verifyVoiceChallenge$"), "verify_code", "path"),
    ("PATCH", re.compile(r"/importedNumbers/([^/]+)$"), "update_imported", "path"),
    ("DELETE", re.compile(r"/importedNumbers/([^/]+)$"), "delete_imported", "path"),
)
ANY_SUBJECT = "*"


def hosting_operation_of(request: httpx.Request) -> tuple[str, str] | None:
    """The same for the imported-numbers API.

    The subject is ANY_SUBJECT where the request does not name it.
    """
    for method, pattern, operation, where in HOSTING:
        match = pattern.search(request.url.path)
        if request.method != method or match is None:
            continue
        if where == "path":
            return operation, match[1]
        if where is None:
            return operation, ANY_SUBJECT
        # Behind the caller's own words, the token of an order is the last one of its name.
        return operation, str(json.loads(request.content)[where]).split()[-1]
    return None


def operation_of(request: httpx.Request) -> tuple[str, str | None] | None:
    """Operation and subject of a costly request, None for a read."""
    path = request.url.path
    if (hosting := hosting_operation_of(request)) is not None:
        return hosting
    if request.method == "PATCH" and "/activeNumbers/" in path:
        return "update", path.rpartition("/")[2]
    if request.method != "POST" or not COSTLY.search(path):
        return None
    if path.endswith("/submit"):
        return "submit_order", path.split("/")[-2]
    last, _, verb = path.rpartition("/")[2].partition(":")
    if verb == "createNumberOrder":
        option = json.loads(request.content).get("numberOrderOption") or {}
        return "create_order", next(iter(option.get("phoneNumbers", ())), None)
    if verb in ("provision", "deprovision"):
        return f"{verb}_emergency", path.split("/")[-2]
    return {"rent": "rent", "rentAny": "rent_any", "release": "release"}[verb], (
        None if verb == "rentAny" else last
    )


class MortalTransport(httpx.AsyncBaseTransport):
    """Passes requests on until its run dies, and checks that the journal has each costly one.

    `unwritten` lists costly requests that left without being `sending` in the journal. The file is
    read over a connection of its own, so only what was committed counts.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, fate: Fate, journal_file: Path) -> None:
        self._inner = inner
        self._fate = fate
        self._journal_file = journal_file
        self.unwritten: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._fate.require_alive()
        step = operation_of(request)
        if step is not None and not self._stands_in_journal(*step):
            self.unwritten.append(f"{request.method} {request.url.path}")
        due = (step is not None or not self._fate.costly) and self._fate.is_due("request")
        if due and not self._fate.after:
            self._fate.die()
        try:
            return await self._inner.handle_async_request(request)
        finally:
            if due:
                self._fate.die()
            self._fate.require_alive()

    def _stands_in_journal(self, operation: str, subject: str | None) -> bool:
        connection = sqlite3.connect(self._journal_file)
        try:
            (count,) = connection.execute(
                "SELECT count(*) FROM intentions WHERE state = 'sending' AND operation = ? AND "
                "(subject IS ? OR ? = ?)",
                (operation, subject, subject, ANY_SUBJECT),
            ).fetchone()
        finally:
            connection.close()
        return bool(count)
