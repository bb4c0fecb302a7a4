"""What people were told is kept as long as it is found, and as it was told."""

from __future__ import annotations

from support.journals import PROJECT, Journal


def test_told_as_long_as_it_is_found(journal: Journal) -> None:
    """One that changes has its new digest; one that is not found is forgotten; projects differ."""
    journal.note_findings(PROJECT, {"orphan/+1": "a", "renamed/+2": "b"})
    journal.note_findings("another-project", {"orphan/+1": "z"})
    assert {"orphan/+1": "a", "renamed/+2": "b"} == journal.told_findings(PROJECT)
    journal.note_findings(PROJECT, {"orphan/+1": "c"})
    assert {"orphan/+1": "c"} == journal.told_findings(PROJECT)
    journal.note_findings(PROJECT, {})
    assert ({}, {"orphan/+1": "z"}) == (
        journal.told_findings(PROJECT),
        journal.told_findings("another-project"),
    )
