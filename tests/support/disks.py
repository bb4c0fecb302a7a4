"""A file system of a few hundred kilobytes, to be filled up or made read-only.

Needs the right to mount; without it the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_SIZE_KB = 1024


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, path: Path, become_root: tuple[str, ...]) -> None:
        self.path = path
        self._become_root = become_root

    def mount(self, *options: str) -> None:
        """Run mount with these options for our folder."""
        self._run("mount", *options, str(self.path))

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.path / "ballast").open("ab", buffering=0) as file:
            for size in (4096, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Give those bytes back."""
        (self.path / "ballast").unlink()

    def unmount(self) -> None:
        """Lazily, since a killed process may still be on its way out."""
        self._run("umount", "-l", str(self.path))

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [*self._become_root, *command], capture_output=True, check=False, text=True
        )
        if done.returncode != 0:
            raise OSError(done.stderr)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """One megabyte, mounted in the test's folder."""
    become_root = () if os.geteuid() == 0 else ("sudo", "-n")
    path = tmp_path / "small-disk"
    path.mkdir()
    disk = SmallDisk(path, become_root)
    if become_root and shutil.which("sudo") is None:
        pytest.skip("mounting a small file system needs root, or sudo without a password")
    try:
        disk.mount("-t", "tmpfs", "-o", f"size={_SIZE_KB}k,mode=777", "numberflow-test")
    except OSError as error:
        pytest.skip(f"mounting a small file system needs root, or sudo without a password: {error}")
    yield disk
    disk.unmount()
