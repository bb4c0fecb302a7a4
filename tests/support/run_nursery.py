"""A program that forks `numberflow` commands from an interpreter with everything imported.

A run costs a second instead of five.

It reads one JSON object a line, `{"id", "arguments", "environment", "folder", "fate"}`, and forks a
child for each. The child is the console script from there on (`numberflow.cli.main`), with its own
environment, working directory, output files, event loop, threads, connections and process id. The
program writes `{"id", "pid"}` when a child has started and `{"pid", "code"}` when one has ended
(minus the signal for a killed one).

A fate says where a child dies or stops by itself, for moments that nobody can hit from outside:
`{"after": "module:Class.method", "nth": 2, "signal": "SIGKILL"}` is right after the second return
of that call, `"before"` right before it. `busy_timeout_s` shortens the journal's wait for a lock.
The child puts all of that around the product's public calls; the product does not know of it.
"""

from __future__ import annotations

import functools
import gc
import importlib
import itertools
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

# Imported for the children: numberflow.cli imports late so that it starts quickly, and Prefect,
# SQLAlchemy and anyio do so too.
import alembic.runtime.migration  # noqa: F401
import anyio._backends._asyncio  # noqa: F401
import fastapi  # noqa: F401
import prefect.flow_engine
import prefect.logging.handlers
import prefect.task_engine
import prefect.utilities.visualization  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401
from support import certificates  # noqa: F401

import numberflow.cli.run  # noqa: F401
from flows.table import FLOWS
from numberflow.cli import main
from numberflow.journal import Journal


def nurse() -> dict[str, Any] | None:
    """Fork a child for each line until the input ends.

    Returns what to do in a child, None in the parent at its end.
    """
    ended, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    for flow in FLOWS.values():
        flow.load()
    assert threading.active_count() == 1, "a fork copies the calling thread alone"
    gc.freeze()
    _tell({"ready": os.getpid()})
    waiting = b""
    while True:
        readable, _, _ = select.select([0, ended], [], [])
        if ended in readable:
            os.read(ended, 4096)
            _reap()
        if 0 not in readable:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return None
        *lines, waiting = (waiting + chunk).split(b"\n")
        for line in lines:
            task: dict[str, Any] = json.loads(line)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                # A shell's background job ignores Ctrl-C, and so do its children unless they say
                # otherwise.
                signal.signal(signal.SIGINT, signal.default_int_handler)
                os.close(ended)
                os.close(wake)
                return task
            _tell({"id": task["id"], "pid": pid})


def become(task: dict[str, Any]) -> None:
    """Turn this child into the process of a command."""
    os.chdir(task["folder"])
    for name in [name for name in os.environ if name.startswith(("SINCH_", "NUMBERFLOW_"))]:
        del os.environ[name]
    os.environ.update(task["environment"])
    for number, name in ((0, os.devnull), (1, task["out"]), (2, task["err"])):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["numberflow", *task["arguments"]]
    fate = task["fate"]
    if "busy_timeout_s" in fate:
        # A class attribute that is a partial is not bound again: callers write Journal.open(url) as
        # ever.
        Journal.open = functools.partial(Journal.open, busy_timeout_s=fate["busy_timeout_s"])  # type: ignore[method-assign]
    for when in ("before", "after"):
        if when in fate:
            _doom(
                fate[when], when, fate.get("nth", 1), signal.Signals[fate.get("signal", "SIGKILL")]
            )


def _doom(name: str, when: str, nth: int, number: signal.Signals) -> None:
    """Let the process signal itself at the nth call of `name`."""
    module, _, path = name.partition(":")
    *parents, attribute = path.split(".")
    holder = functools.reduce(getattr, parents, importlib.import_module(module))
    original: Callable[..., Any] = getattr(holder, attribute)
    calls = itertools.count(1)

    @functools.wraps(original)
    def doomed(*args: Any, **kwargs: Any) -> Any:
        due = next(calls) == nth
        if due and when == "before":
            signal.raise_signal(number)
        try:
            return original(*args, **kwargs)
        finally:
            if due and when == "after":
                signal.raise_signal(number)

    setattr(holder, attribute, doomed)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    if (mine := nurse()) is not None:
        become(mine)
        main()
