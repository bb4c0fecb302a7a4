"""Small words of reports: counts with their nouns, parts of a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

# So many are read in a sentence; the rest is counted.
NAMED_MAX = 5


def count_of(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 number", "2 numbers", "0 numbers".

    The plural is the noun with an s unless it is given.
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def typed(command: str) -> str:
    """A command within a sentence of markdown: marked as code, so that each character stays."""
    return f"`` {command} ``" if "`" in command else f"`{command}`"


# In code every character stays: a block between fences, and a span within a line. No text of others
# has a line break, so that lines and fences are ours.
_CODE = re.compile(r"^```.*?^```$|(`+)(?!`)[^\n]*?(?<!`)\1(?!`)", re.DOTALL | re.MULTILINE)
# Ours link runs, by their id.
_RUN = re.compile(r"\[[0-9a-f-]{36}$")


def harmless(markdown: str) -> str:
    """Markdown in which texts of others (names, references, the vendor's words) do nothing.

    HTML is shown as text, and neither links nor images are made of what they wrote; addresses stay
    readable. Control characters become blanks. For whatever is shown by a browser.
    """
    markdown = without_controls(markdown)
    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_without_markup(markdown[end : code.start()]), code.group()]
        end = code.end()
    return "".join([*parts, _without_markup(markdown[end:])])


def _without_markup(text: str) -> str:
    first, *rest = text.replace("<", "&lt;").split("](")
    for each in rest:
        first += ("](" if _RUN.search(first) else "]\\(") + each
    return first


def without_controls(text: str) -> str:
    """The text without control characters for a terminal; lines and tabs stay."""
    return "".join(each if each.isprintable() or each in "\n\t" else " " for each in text)


def line_of(*parts: str) -> str:
    """The parts that are not empty, with one space between them and none at the end."""
    return " ".join(part for part in parts if part)


def first_of(names: Sequence[str], most: int = NAMED_MAX) -> str:
    """As in "a, b, c and 2 more": the first of many names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
