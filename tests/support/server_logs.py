"""The log of a Prefect server that tests started: a broken service of it shows there alone."""

from __future__ import annotations

from pathlib import Path

from numberflow.cli.server_log import ServerLog


def require_quiet(log: Path) -> None:
    """Fail if a service of the server has logged an error.

    Raises:
        AssertionError: names each kind of error with its cause.
    """
    found = ServerLog(log).errors()
    assert not found, f"services of the Prefect server failed ({log}):\n" + "\n".join(
        map(str, found)
    )
