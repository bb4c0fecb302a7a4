"""Files and folders that only their owner may read: they say what a company buys.

What lies there already keeps its rights: somebody may have opened it to a group on purpose.
"""

from __future__ import annotations

import os
from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Create a folder and its parents, each for the owner only."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)


def private_opener(path: str, flags: int) -> int:
    """An `opener` of `open`: what it creates is for the owner only, from the first byte."""
    return os.open(path, flags, 0o600)


def write_private(path: Path, text: str) -> None:
    """Write a file; a new one is for the owner only, and so are folders that it needs."""
    make_private_folder(path.parent)
    with open(path, "w", encoding="utf-8", opener=private_opener) as file:
        file.write(text)


def is_private(path: Path) -> bool:
    """Whether a folder is its owner's only; for one that is still missing, its nearest parent."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return not there.stat().st_mode & 0o077
