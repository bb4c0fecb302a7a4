"""The file of protected numbers: what it protects, and that doubt protects everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from numberflow.errors import SpendRefused
from numberflow.purchase.held.protected import Protection, load_protection
from numberflow.settings import Settings

NUMBER = "+12025550101"
WHOLE = """
numbers: [+12025550101, "+1 (202) 555-0102"]
names: ["*Hotline*", "Support ?", "Z\u00fcrich *"]
groups:
  boardroom: {numbers: [+12025550103], names: ["board *"]}
"""


def load(folder: Path, content: bytes) -> Protection:
    """What a file of that content says."""
    (folder / "protected-numbers.yaml").write_bytes(content)
    return load_protection(Settings(_env_file=None, home=folder, papers_url=str(folder)))


@pytest.mark.parametrize(
    ("number", "name", "rule"),
    [
        (NUMBER, "", "it is listed in protected-numbers.yaml"),
        ("+12025550102", "", "it is listed in protected-numbers.yaml"),
        (
            "+12025550109",
            "main HOTLINE 2",
            "its name matches '*hotline*' in protected-numbers.yaml",
        ),
        ("+12025550109", "support 1", "its name matches 'support ?' in protected-numbers.yaml"),
        ("+12025550103", "", "it is listed in group 'boardroom' of protected-numbers.yaml"),
        ("+12025550109", "Board 9", "its name matches 'board *' in group 'boardroom' of"),
        ("+12025550109", None, "its name cannot be read, and names are protected"),
        ("+12025550109", "support\u00a01", "its name matches 'support ?' in"),
        ("+12025550109", " Support  1 ", "its name matches 'support ?' in"),
        ("+12025550109", "Hot\u200bline", "its name matches '*hotline*' in"),
        ("+12025550109", "\uff28otline", "its name matches '*hotline*' in"),
        ("+12025550109", "Zu\u0308rich\u2003Desk", "its name matches 'z\u00fcrich *' in"),
        ("+12025550109", "support 10", ""),
        ("+12025550109", "", ""),
    ],
)
def test_what_is_protected(tmp_path: Path, number: str, name: str | None, rule: str) -> None:
    """Numbers however they are written, names without regard to capitals, and groups of both."""
    found = load(tmp_path, WHOLE.encode()).rule_for(number, name)
    assert found.startswith(rule) if rule else not found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has none of the lists"),
        (b"- +12025550101\n", "has none of the lists"),
        (b"number: [+12025550101]\n", "cannot be understood: number: "),
        (b"numbers: +12025550101\n", "cannot be understood: numbers: "),
        (b"numbers: [2025550101]\n", "cannot be understood: numbers.0: "),
        (b"names: ['']\n", "cannot be understood: names.0: is empty"),
        (b"groups: {a: {tags: [x]}}\n", "cannot be understood: groups.a.tags: "),
        (b"groups: {a: {names: [x]}, a: {names: []}}\n", "a is written twice"),
        (b"numbers: []\n---\nnumbers: []\n", "is no YAML"),
        (b"names: [\xff]\n", "is no YAML"),
        (b"file: other.yaml\n", "has none of the lists"),
        (b"names: [x]\n" + b"#" * 5_000_000, "has more than 4 MiB"),
    ],
)
def test_doubt_protects_everything(tmp_path: Path, content: bytes, told: str) -> None:
    """A file that does not say what it means stops every release, in words."""
    with pytest.raises(SpendRefused, match="no number is released") as caught:
        load(tmp_path, content)
    assert told in caught.value.message


def test_no_file(tmp_path: Path) -> None:
    """Without a file nothing is protected, unless it has to be there."""
    settings = Settings(_env_file=None, home=tmp_path, papers_url=str(tmp_path))
    assert not load_protection(settings).rule_for(NUMBER, "anything")
    with pytest.raises(SpendRefused, match="is not in the papers store"):
        load_protection(settings.model_copy(update={"protected_numbers_required": True}))
