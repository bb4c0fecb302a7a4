"""The shell commands that the documents show, block by block.

A block is run in tests/workflow/test_handbook.py, unless a comment right before it says why not:

    <!-- not run: needs a real account -->
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(page for page in ROOT.glob("docs/**/*.md") if "vendor" not in page.parts),
    ]
)
_BLOCK = re.compile(
    r"^(?:[ ]*<!--\s*not run:(?P<why>[^>]*)-->\n)?"
    r"(?P<indent>[ ]*)```(?:console|sh|bash|shell)\n(?P<text>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Console:
    """One block; `why_not` is empty for one that is run."""

    page: str
    line: int
    text: str
    why_not: str

    def commands(self) -> Iterator[str]:
        """What is typed, with what belongs to it on the lines below; not what is answered."""
        lines = iter(self.text.splitlines())
        for line in lines:
            _, prompt, typed = line.partition("$ ")
            if not prompt:
                continue
            while not _is_whole(typed):
                typed += "\n" + next(lines)
            yield typed


def _is_whole(typed: str) -> bool:
    try:
        shlex.split(typed, comments=True)
    except ValueError:
        return False
    return not typed.endswith("\\")


def consoles() -> list[Console]:
    """Every block of every document, in their order."""
    return [
        Console(
            str(page.relative_to(ROOT)),
            whole.count("\n", 0, match.start("text")),
            textwrap.dedent(match["text"]),
            " ".join((match["why"] or "").split()),
        )
        for page in DOCUMENTS
        for whole in [page.read_text()]
        for match in _BLOCK.finditer(whole)
    ]
