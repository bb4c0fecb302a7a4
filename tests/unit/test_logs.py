"""Log lines: JSON when asked for, and never with a secret or a control character."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from numberflow.errors import BadInput
from numberflow.logs import set_up_logs
from numberflow.settings import Settings

SECRET = "planted-key-secret-5e1d"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a logger of a library prints; records are made as before afterwards."""
    make = logging.getLogRecordFactory()
    logger, stream = logging.getLogger("somebody.else"), io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield stream
    logging.setLogRecordFactory(make)
    logger.handlers.clear()


def settings(**values: Any) -> Settings:
    """Of a process with a secret."""
    return Settings(_env_file=None, home=Path("/nowhere"), key_secret=SECRET, **values)


LOGGER = logging.getLogger("somebody.else")


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        (f"key {SECRET}!", "key ***!"),
        ("Authorization: Bearer eyJhbGciOi.J9-x_y", "Authorization: Bearer ***"),
        ("basic dXNlcjpwYXNzd29yZA==", "basic ***"),
        ("postgresql://nf:hunter22@db/nf", "postgresql://nf:***@db/nf"),
        ("name \x1b[2Jgone\x07 \x9b31m", "name  [2Jgone   31m"),
        ("two\nlines\tand 100 %", "two\nlines\tand 100 %"),
        ("basic numbers: https://a.test/x", "basic numbers: https://a.test/x"),
    ],
)
def test_plain_lines(lines: io.StringIO, said: str, printed: str) -> None:
    """Whatever the logger, the text is redacted; what is harmless stays as it is."""
    set_up_logs(settings())
    LOGGER.info("%s", said)
    assert printed + "\n" == lines.getvalue()


def test_json_lines(lines: io.StringIO) -> None:
    """One object on one line, with the run and the traceback; setting up twice changes nothing."""
    for _ in range(2):
        set_up_logs(settings(log_format="json"))
    LOGGER.warning("a\nb %s", SECRET, extra={"flow_run_id": "7c61", "flow_name": "reconcile"})
    error = ValueError(f"\x1b{SECRET}")
    LOGGER.error("failed", exc_info=error)
    first, second = (json.loads(line) for line in lines.getvalue().splitlines())
    at = first.pop("at")
    assert at.endswith("+00:00")
    assert first == {
        "level": "warning", "logger": "somebody.else", "message": "a\nb ***",
        "flow_name": "reconcile", "flow_run_id": "7c61",
    }  # fmt: skip
    assert ("failed", "ValueError") == (second["message"], second["error"])
    assert "ValueError" in second["traceback"]
    assert (SECRET in lines.getvalue(), "\x1b" in lines.getvalue()) == (False, False)


def test_a_wrong_format_is_the_handlers_trouble(lines: io.StringIO) -> None:
    """As without us: no exception at the place that logs."""
    set_up_logs(settings())
    logging.raiseExceptions, before = False, logging.raiseExceptions
    try:
        LOGGER.info("%d", "x")
    finally:
        logging.raiseExceptions = before
    assert "" == lines.getvalue()


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable."""
    monkeypatch.setenv("NUMBERFLOW_LOG_FORMAT", "xml")
    with pytest.raises(BadInput, match="NUMBERFLOW_LOG_FORMAT"):
        Settings.load()
