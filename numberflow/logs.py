"""How log lines look: plain or one JSON object each, without secrets and control characters.

Nothing else sets up logging, the command line's `receiver` aside, which says where lines go. The
rule that secrets and personal data are not logged in the first place stands; this is the net below
it, for texts of libraries and of strangers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from numberflow.json_text import to_json
from numberflow.models.wording import without_controls
from numberflow.settings import Settings

# Shorter ones would be found in words that are none.
_SECRET_LENGTH_MIN = 8
# What looks like one, whoever's it is: an Authorization header, and a password within a URL.
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@"), r"\1:***@"),
)
# What Prefect puts on the records of runs.
_OF_RUNS = ("flow_name", "flow_run_id", "flow_run_name", "task_name", "task_run_id")

Make = Callable[..., logging.LogRecord]


def set_up_logs(settings: Settings) -> None:
    """Redact every record of this process from now on, and print JSON when it was asked for.

    Repeat: safe. Handlers that send records elsewhere (Prefect's to its server) keep their form and
    get redacted text.
    """
    make = logging.getLogRecordFactory()
    secrets = _secrets_of(settings)
    if not isinstance(make, _Redacting):
        logging.setLogRecordFactory(make := _Redacting(make))
    make.secrets |= secrets
    if settings.log_format == "json":
        for logger in (logging.root, *logging.root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                _print_json(logger, make)


def _secrets_of(settings: Settings) -> frozenset[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    found = {each.get_secret_value() for each in values if isinstance(each, SecretStr)}
    return frozenset(each for each in found if len(each) >= _SECRET_LENGTH_MIN)


class _Redacting:
    """Makes records without secrets and control characters."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self.secrets: frozenset[str] = frozenset()

    def __call__(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        """A record. Its arguments are kept as long as its text needs no change."""
        record = self._make(*arguments, **named)
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # A wrong format is told by the handler that prints it.
            return record
        if (clean := self.clean(said)) != said:
            record.msg, record.args = clean, ()
        return record

    def clean(self, text: str) -> str:
        """The text as it may be logged."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        for pattern, instead in _SECRETS:
            text = pattern.sub(instead, text)
        return without_controls(text)


class _JsonLines(logging.Formatter):
    """One JSON object for each record, on one line."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        super().__init__()
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        """The record; of a run with its name and id, of an error with the traceback."""
        facts: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        facts |= {name: str(each) for name in _OF_RUNS if (each := getattr(record, name, None))}
        if record.exc_info and record.exc_info[0] is not None:
            facts["error"] = record.exc_info[0].__name__
            facts["traceback"] = self._clean(self.formatException(record.exc_info))
        return to_json(facts)


def _print_json(logger: logging.Logger, redacting: _Redacting) -> None:
    """Let what goes to a stream be JSON; files and servers are not streams of ours."""
    handler: Any
    for handler in tuple(logger.handlers):
        if _is_stream(handler) and not isinstance(handler.formatter, _JsonLines):
            plain: logging.StreamHandler[Any] = logging.StreamHandler(handler.stream)
            plain.setLevel(handler.level)
            plain.setFormatter(_JsonLines(redacting.clean))
            for each in handler.filters:
                plain.addFilter(each)
            logger.removeHandler(handler)
            logger.addHandler(plain)


def _is_stream(handler: Any) -> bool:
    return isinstance(handler, logging.StreamHandler) and not isinstance(
        handler, logging.FileHandler
    )
