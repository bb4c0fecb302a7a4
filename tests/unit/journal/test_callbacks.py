"""The inbox: each event once, whoever brings it, and nothing unreadable is lost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from numberflow.journal import Journal, NewCallback
from numberflow.models.callback import read_callback

PROJECT = "p-1"


def arrived(body: bytes | dict[str, Any], project_id: str = PROJECT) -> NewCallback:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return NewCallback(project_id, read_callback(raw, project_id), raw)


def event(event_id: str, **others: Any) -> dict[str, Any]:
    return {
        "eventId": event_id,
        "resourceType": "ACTIVE_NUMBER",
        "resourceId": "+13075550142",
        **others,
    }


def test_each_event_once(journal: Journal, journal_url: str) -> None:
    """Twice in a batch, in a later one, and from two writers at once: one row for each project."""
    batch = [arrived(event(f"e{n % 50}")) for n in range(100)]
    with Journal.open(journal_url) as other, ThreadPoolExecutor(8) as threads:
        new = list(threads.map(lambda n: (journal, other)[n % 2].keep_callbacks(batch), range(16)))
    assert 50 == sum(new)
    assert 1 == journal.keep_callbacks([batch[0], arrived(event("e0"), "p-2")])
    assert (51, 0) == journal.inbox()[:2]


def test_what_cannot_be_read_is_kept_and_counted(journal: Journal) -> None:
    """Under a digest: the same bytes once. It never waits; nor does another project's event."""
    bodies = [
        b"",
        b"\xff\xfe",
        b"[" * 60_000,
        b"null",
        b'{"eventId": "\\u0000", "resourceType": 1}',
    ]
    bad = [arrived(body) for body in bodies]
    bad.append(arrived(event("of another", projectId="p-2")))
    bad.append(arrived(event("without", resourceId="\ud800")))
    assert len(bad) == journal.keep_callbacks(bad)
    assert 0 == journal.keep_callbacks(bad)
    assert (0, len(bad), None) == journal.inbox(PROJECT)


def test_from_waiting_to_done_to_removed(journal: Journal) -> None:
    """What failed comes after what was not tried; what is done goes in the end, the rest stays."""
    journal.keep_callbacks([arrived(event("a")), arrived(event("b"))])
    journal.callbacks_failed(PROJECT, ["a"], "the vendor does not answer")
    assert ["b", "a"] == [row.event_id for row in journal.waiting_callbacks(PROJECT, limit=9)]
    (due,) = journal.waiting_callbacks(PROJECT, limit=9, due_only=True)
    assert ("b", (PROJECT,)) == (due.event_id, journal.projects_with_callbacks())
    journal.callbacks_done(PROJECT, {"b": "linked"})
    assert () == journal.projects_with_callbacks()
    assert ["a"] == [row.event_id for row in journal.waiting_callbacks(PROJECT, limit=9)]
    assert 0 == journal.remove_callbacks(PROJECT, older_than=timedelta(days=1))
    assert 1 == journal.remove_callbacks(PROJECT, older_than=timedelta(days=-1))
    assert 1 == journal.inbox(PROJECT).waiting
