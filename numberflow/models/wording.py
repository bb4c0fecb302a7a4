"""Small words of reports: counts with their nouns, parts of a line."""

from __future__ import annotations


def count_of(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 number", "2 numbers", "0 numbers".

    The plural is the noun with an s unless it is given.
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def typed(command: str) -> str:
    """A command within a sentence of markdown: marked as code, so that each character stays."""
    return f"`` {command} ``" if "`" in command else f"`{command}`"


def line_of(*parts: str) -> str:
    """The parts that are not empty, with one space between them and none at the end."""
    return " ".join(part for part in parts if part)
