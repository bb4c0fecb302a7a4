"""Read the Prefect server's log for errors of its own services, such as the scheduler.

A server whose scheduler fails once a minute continues to serve, and nothing in its API says so:
only its log does (docs/adr/0010-the-servers-log.md). Not here: who is told (doctor, watch).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A record of Prefect's console handler, such as
# 14:13:34.550 | ERROR   | prefect.server.services.scheduler - …
_RECORD = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \| ([A-Z]+) *\| (\S+) - (.*)$")
_BAD = frozenset({"ERROR", "CRITICAL"})
# The client hears of a request that fails. Everything else comes from a background service.
_OF_REQUESTS = re.compile(
    r"(prefect\.server(\.(api|orchestration)(\..+)?)?|(uvicorn|fastapi)(\..+)?)$"
)
# SQLite was busy for too long: every service tries again in its next turn.
_PASSES = "database is locked"
# "sqlalchemy.exc.OperationalError: …", or a name alone.
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(: |$)")
# This differs between two records of one error.
_PARTICULAR = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\b\d+(?:\.\d+)?\b")
_LONGEST = 300


@dataclass
class ServerError:
    """One kind of error and how often it was logged.

    Fields:
        logger: who wrote it, such as prefect.server.services.scheduler.
        text: the message of the first one.
        cause: the last line of its traceback, such as `ValueError: …`; empty without one.
        count: how many records differ only in ids and figures.
    """

    logger: str
    text: str
    cause: str = ""
    count: int = 1

    @property
    def is_of_a_service(self) -> bool:
        """Whether a background service failed: not a request, and not just for a moment."""
        return _OF_REQUESTS.match(self.logger) is None and _PASSES not in self.text + self.cause

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        return (
            f"{self.logger}: {_cut(self.text)}{f' {_cut(self.cause)}' if self.cause else ''}{times}"
        )

    @property
    def kind(self) -> tuple[str, str, str]:
        """What two records of the same error have in common."""
        return self.logger, _PARTICULAR.sub("…", self.text), _PARTICULAR.sub("…", self.cause)


def errors(lines: Sequence[str]) -> list[ServerError]:
    """Errors in a log, each kind once, in order of first appearance."""
    kinds: dict[tuple[str, str, str], ServerError] = {}
    for error in _records(lines):
        known = kinds.setdefault(error.kind, error)
        if known is not error:
            known.count += 1
    return list(kinds.values())


def _records(lines: Sequence[str]) -> Iterator[ServerError]:
    current: ServerError | None = None
    for line in lines:
        record = _RECORD.match(line)
        if record is None:
            # The last exception of a traceback; SQLAlchemy's has lines of its own below it.
            if current is not None and _EXCEPTION.match(line):
                current.cause = line.rstrip()
            continue
        if current is not None:
            yield current
        level, logger, text = record.groups()
        current = ServerError(logger, text.rstrip()) if level in _BAD else None
    if current is not None:
        yield current


@dataclass
class ServerLog:
    """The log of one server, from the byte at which that server began to write."""

    path: Path
    start: int = 0
    _told: set[tuple[str, str, str]] = field(default_factory=set)
    _size: int = -1
    _size_read: int = -1

    @classmethod
    def from_here(cls, path: Path) -> ServerLog:
        """The log from its present end on; the file need not exist yet."""
        return cls(path, path.stat().st_size if path.exists() else 0)

    def errors(self) -> list[ServerError]:
        """Every error of a service so far.

        Reads the whole file: a healthy server writes little.

        Raises:
            OSError: the log cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self.start)
            lines = file.read().decode(errors="replace").splitlines()
        return [error for error in errors(lines) if error.is_of_a_service]

    def news(self) -> list[ServerError]:
        """Kinds of errors that no earlier call has returned.

        A record and its traceback are written in several steps, so the file is read only when it
        has not grown since the previous call.

        Raises:
            OSError: the log cannot be read.
        """
        size = self.path.stat().st_size
        is_growing, self._size = size != self._size, size
        if is_growing or size == self._size_read:
            return []
        self._size_read = size
        found = [error for error in self.errors() if error.kind not in self._told]
        self._told.update(error.kind for error in found)
        return found


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
