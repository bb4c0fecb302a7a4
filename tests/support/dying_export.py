"""Exports that die: before or after their n-th file operation, or when killed from outside.

`Mortuary` starts one process that has imported everything and forks a child for each export,
because an import takes longer than an export.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from numberflow.simulator import Simulator

# What the standard library calls for every step that a crash could fall between. Reads are left
# out: they change nothing. What is written goes through files that `io.open` opens (`Path.open`;
# pyarrow's writer gets one of them, see writer._Hashed): opening, each write and each close count
# too.
_OPERATIONS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "open")

_TESTS = Path(__file__).parents[1]
ROOT = _TESTS.parent


class Mortuary:
    """Starts exports and tells how they ended."""

    def __init__(self, *, whole: bool = False) -> None:
        """`whole`: with all that follows the snapshot (changes, costs, forecast, page, retention),
        else the snapshot alone.
        """
        self._whole = whole

    def __enter__(self) -> Self:
        # The checkout before anything that is installed: the tests are about this code.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.dying_export", *(["whole"] if self._whole else [])],
            cwd=_TESTS,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(_TESTS)))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.package = Path(self._process.stdout.readline().strip())
        """Where the package is that is being tested."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def start(self, root: Path, active: int, n: int = 0, when: str = "never") -> int:
        """Export `active` numbers to `root`, killed `when` ("before", "after") the n-th file
        operation. Returns the process id.
        """
        return int(self._ask(f"start {active} {n} {when} {root}"))

    def end(self, pid: int) -> list[str] | None:
        """Wait for an export: the file operations it took, None when it was killed."""
        answer = self._ask(f"end {pid}")
        return None if answer == "killed" else answer.split()

    def run(self, root: Path, active: int, n: int = 0, when: str = "never") -> list[str] | None:
        """`start`, then `end`."""
        return self.end(self.start(root, active, n, when))

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


# ---------------------------------------------------------------- in the process that forks


@dataclass
class _Count:
    n: int
    when: str
    operations: list[str] = field(default_factory=list)

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            self.operations.append(name)
            deadly = len(self.operations) == self.n
            if deadly and self.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **kwargs)
            finally:
                if deadly and self.when == "after":
                    os.kill(os.getpid(), signal.SIGKILL)

        return operation


class _Counted:
    """A file that is written: each write and close is an operation."""

    def __init__(self, file: Any, count: _Count) -> None:
        self._file = file
        self.write = count.wrap("write", file.write)
        self.close = count.wrap("close", file.close)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _count_everything(count: _Count) -> None:
    # Counted and not done: a dead process loses nothing that was written, only a dead machine does,
    # and the disk is what all of this waits for.
    os.fsync = lambda _: None
    for name in _OPERATIONS:
        setattr(os, name, count.wrap(name, getattr(os, name)))
    really_open = io.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if not set(mode) & set("wxa+"):
            return really_open(file, mode, *args, **kwargs)
        return _Counted(count.wrap("open", really_open)(file, mode, *args, **kwargs), count)

    io.open = opened  # type: ignore[assignment]


@cache
def _vendor(active: int) -> Simulator:
    """A project with so many numbers. Made before the fork, as it takes longer than its export."""
    from support.exports import simulated

    return simulated(active, page_size=1000)


def _child(root: str, active: int, count: _Count, *, whole: bool) -> None:
    from support.exports import client_of

    from numberflow.export.follow_up import export_inventory
    from numberflow.export.snapshot import export_project

    async def export() -> None:
        async with client_of(_vendor(active)) as client:
            _count_everything(count)
            await (export_inventory if whole else export_project)(client, root)

    asyncio.run(export())


def _start(root: str, active: int, count: _Count, *, whole: bool) -> tuple[int, int]:
    reading, writing = os.pipe()
    _vendor(active)
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        _child(root, active, count, whole=whole)
        os.write(writing, " ".join(count.operations).encode())
    finally:
        os._exit(0)


def _serve(*, whole: bool) -> None:
    # Everything is imported before the first fork.
    import support.certificates
    import support.exports  # noqa: F401

    import numberflow
    from numberflow.export import follow_up

    # Drawn in memory, without a file: half a second that a hundred deaths need not wait for.
    follow_up.report_page = lambda *_, **__: b"<html>"
    gc.freeze()
    sys.stdout.write(f"{Path(numberflow.__file__).parent}\n")
    sys.stdout.flush()
    pipes: dict[int, int] = {}
    for line in sys.stdin:
        word, *rest = line.strip().split(" ", 4)
        if word == "start":
            pid, pipe = _start(rest[3], int(rest[0]), _Count(int(rest[1]), rest[2]), whole=whole)
            pipes[pid] = pipe
            answer = str(pid)
        else:
            pid = int(rest[0])
            _, status = os.waitpid(pid, 0)
            said = os.read(pipes[pid], 1 << 16).decode()
            os.close(pipes.pop(pid))
            answer = "killed" if os.WIFSIGNALED(status) else said
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(whole="whole" in sys.argv)
