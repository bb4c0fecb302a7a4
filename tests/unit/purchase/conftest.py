"""Fixtures of the purchase tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from support.journals import journal, journal_url  # noqa: F401
from support.postgres import kept_journal, own_postgres, postgres_server, postgres_url  # noqa: F401
from support.run_contexts import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A simulator that holds nothing yet, and an empty journal."""
    return Shop(tmp_path)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Reads are repeated without pauses."""
    with stamina.set_testing(True, attempts=3):
        yield
