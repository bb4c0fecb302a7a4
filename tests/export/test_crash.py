"""kill -9 during the export: readers in a loop see the old snapshot or the new one, whole, and the
next run publishes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.dying_export import ROOT, Mortuary
from support.exports import check_readable
from support.inventories import inventory, publish_rows

from numberflow.export import publish as publishing
from numberflow.export.follow_up import missing
from numberflow.export.load import load_changes, load_costs
from numberflow.export.snapshot import today
from numberflow.export.store import LocalStore
from numberflow.simulator import SimulatorSettings

pytestmark = pytest.mark.crash

OLD, NEW = 300, 305
# `make test-all` dies at every operation; `make test` leaves out what no reader can tell apart.
EVERY = [
    pytest.param(False, id="telling"),
    pytest.param(True, id="every", marks=pytest.mark.exhaustive),
]
PROJECT = SimulatorSettings().project_id
PROJECT_GLOB = "inventory/v1/snapshot_date=*/project_id=*"


def deadly(operations: list[str], *, every: bool) -> list[int]:
    """Where to die, counted from 1: at every operation, or at all but writes between two writes.

    Those go to one file that nobody reads yet: to die in the fifth is to die in the sixth.
    """
    between = ["write"] * 3
    return [
        n
        for n in range(1, len(operations) + 1)
        if every or operations[max(n - 2, 0) : n + 1] != between
    ]


@pytest.fixture(scope="module")
def exports() -> Iterator[Mortuary]:
    with Mortuary() as started:
        yield started


@pytest.fixture(scope="module")
def whole_exports() -> Iterator[Mortuary]:
    with Mortuary(whole=True) as started:
        yield started


def test_children_run_this_code(exports: Mortuary) -> None:
    """What dies is the package beside these tests, whatever else is installed."""
    assert ROOT / "numberflow" == exports.package


def _rows_for_pandas(root: Path) -> int:
    """What plain pandas counts in the folder.

    It opens a file by name for its footer and again for its rows. When a second export of the same
    date replaces the file between the two, pandas notices and raises; whoever reads by folder reads
    again then (docs/inventory.md). What it must never do is count wrongly.
    """
    for _ in range(5):
        try:
            return len(pd.read_parquet(root / "inventory" / "v1", columns=["phone_number"]))
        except OSError as error:
            last = error
    raise last


@contextmanager
def _reading(root: Path) -> Iterator[list[object]]:
    """A reader who checks, in a loop. What it saw, and any error, is in the list."""
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(check_readable(root))
                if seen[-1] is not None:
                    seen.append(_rows_for_pandas(root))
            except Exception as error:
                seen.append(error)
            time.sleep(0.03)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("every", EVERY)
def test_every_file_operation(tmp_path: Path, exports: Mortuary, *, every: bool) -> None:
    """Killed before or after any file operation of a second export.

    A checking reader never sees anything but the old rows or the new ones.
    """
    assert exports.run(tmp_path, OLD) is not None
    operations = exports.run(tmp_path, OLD)
    assert operations is not None
    assert {"mkdir", "open", "write", "fsync", "close", "replace"} <= set(operations)
    with _reading(tmp_path) as seen:
        for n in deadly(operations, every=every):
            for when in ("before", "after"):
                assert exports.run(tmp_path, NEW if n % 2 else OLD, n, when) is None, (n, when)
                assert check_readable(tmp_path) in {OLD, NEW}, (n, when)
        assert exports.run(tmp_path, NEW) is not None
    assert {OLD, NEW} == set(seen)
    assert NEW == check_readable(tmp_path)


@pytest.mark.parametrize("every", EVERY)
def test_every_file_operation_of_the_first_export(
    tmp_path: Path, exports: Mortuary, *, every: bool
) -> None:
    """Killed at any file operation of the very first export: readers see nothing or all of it.

    The next run publishes.
    """
    operations = exports.run(tmp_path / "whole", OLD)
    assert operations is not None
    for n in deadly(operations, every=every):
        root = tmp_path / str(n)
        assert exports.run(root, OLD, n, "after") is None
        assert check_readable(root) in {None, OLD}, n
        assert exports.run(root, NEW) is not None
        assert NEW == check_readable(root)


def _check_tables(root: Path) -> None:
    """Every published table of every date is one that its manifest knows, and whole."""
    for table in (publishing.INVENTORY, publishing.CHANGES, publishing.COSTS, publishing.FORECAST):
        for path in root.glob(f"{table.folder}/snapshot_date=*/project_id=*/{table.file}"):
            content = path.read_bytes()
            manifest = json.loads((path.parent / "_manifest.json").read_bytes())
            assert publishing.names(manifest, hashlib.sha256(content).hexdigest()), path
            rows = {entry["sha256"]: entry["rows"] for entry in (manifest, *manifest["previous"])}
            assert (
                rows[hashlib.sha256(content).hexdigest()]
                == pq.read_metadata(io.BytesIO(content)).num_rows
            )


@pytest.mark.parametrize("every", EVERY)
def test_every_file_operation_of_all_that_follows(
    tmp_path: Path, whole_exports: Mortuary, *, every: bool
) -> None:
    """Killed at any file operation from the snapshot to retention, every table is whole.

    What a death left out is made by the next run that lives.
    """
    store = LocalStore(tmp_path)
    yesterday = today() - timedelta(days=1)
    # A day before, as a run leaves it that died right after its snapshot; and one that retention
    # takes away.
    publish_rows(store, yesterday, inventory([{}] * 3), PROJECT)
    for back in (95, 94):
        publish_rows(store, today() - timedelta(days=back), inventory([{}]), PROJECT)
    assert whole_exports.run(tmp_path, OLD) is not None
    operations = whole_exports.run(tmp_path, NEW)
    assert operations is not None
    assert operations.count("replace") >= 8, "changes, costs, forecast and page are published, too"
    for place, n in enumerate(deadly(operations, every=every)):
        when = "before" if place % 2 else "after"
        assert whole_exports.run(tmp_path, OLD if n % 4 < 2 else NEW, n, when) is None, (n, when)
        _check_tables(tmp_path)
        if place % 10 == 0:
            assert whole_exports.run(tmp_path, OLD) is not None
            assert [] == [
                each for each in missing(store, PROJECT) if each.snapshot_date != yesterday
            ]
            assert OLD == len(load_costs(root=str(tmp_path)))
    assert whole_exports.run(tmp_path, NEW) is not None
    assert {"added": NEW, "removed": 3} == load_changes(root=str(tmp_path))[
        "change"
    ].value_counts().to_dict()


def test_ten_random_moments(tmp_path: Path, exports: Mortuary) -> None:
    """Killed at ten random moments, with readers in a loop.

    The old rows or the new ones, and the next run publishes.
    """
    dice = random.Random(20261123)
    began = time.monotonic()
    assert exports.run(tmp_path, OLD) is not None
    took_s = time.monotonic() - began
    with _reading(tmp_path) as seen:
        for _ in range(10):
            pid = exports.start(tmp_path, NEW)
            time.sleep(dice.uniform(0.0, took_s))
            os.kill(pid, signal.SIGKILL)
            exports.end(pid)
        assert exports.run(tmp_path, NEW) is not None
    assert {OLD, NEW} >= set(seen)
    assert NEW == check_readable(tmp_path)


def test_two_runs_at_once(tmp_path: Path, exports: Mortuary) -> None:
    """Runs of the same date that race end with one whole snapshot that its manifest describes."""
    racing = [exports.start(tmp_path, active) for active in (OLD, NEW, OLD, NEW)]
    assert all(exports.end(pid) is not None for pid in racing)
    assert check_readable(tmp_path) in {OLD, NEW}
    assert 1 == len(list(tmp_path.glob(f"{PROJECT_GLOB}/numbers.parquet")))
    assert [] == list((tmp_path / "_scratch").iterdir())


def test_leftovers_are_swept_a_day_later(tmp_path: Path, exports: Mortuary) -> None:
    """What a killed run leaves in the scratch folder is gone after the first run a day later, and
    nothing younger is.
    """
    scratch = tmp_path / "_scratch"
    for name, age_s in (("old", 25 * 3600), ("young", 60)):
        (scratch / name).mkdir(parents=True)
        (scratch / name / "numbers.parquet").write_bytes(b"half")
        then = time.time() - age_s
        for path in (scratch / name / "numbers.parquet", scratch / name):
            os.utime(path, (then, then))
    assert exports.run(tmp_path, OLD) is not None
    assert ["young"] == sorted(path.name for path in scratch.iterdir())
