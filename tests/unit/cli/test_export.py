"""`numberflow export` and `numberflow numbers list` against a simulator on a port."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.command import ACCOUNT, Command
from support.exports import counts

import numberflow
from numberflow.cli.export import ProgressLine
from numberflow.export.snapshot import Progress, today
from numberflow.export.store import LocalStore
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

HELD = 130


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A vendor with some numbers."""
    with serve(Simulator(SimulatorSettings(seed=1, active=HELD))) as served:
        yield served


@pytest.fixture
def account(command: Command, running: Running) -> Command:
    """The command with an account and a store."""
    command.set(running.environment | {"NUMBERFLOW_INVENTORY_URL": str(command.folder / "data")})
    return command


# ---------------------------------------------------------------- export


def test_export(account: Command) -> None:
    """A snapshot is published, and the report says how many numbers, where, and what they cost."""
    ended = account("export")
    assert 0 == ended.code, ended.err
    assert f"Inventory of {today()}: done" in ended.out
    assert f"{HELD} numbers" in ended.out
    assert HELD == len(numberflow.load_inventory(root=str(account.folder / "data")))


def test_export_as_json(account: Command) -> None:
    """For programs: the report as JSON, and nothing else on standard output."""
    report = json.loads(account("export", "--json").out)
    assert ("done", f"{today()}", HELD) == (
        report["outcome"],
        report["snapshot_date"],
        report["projects"][0]["rows"],
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--date", "yesterday"], "--date: 'yesterday' is not a date"),
        # Two days, since a run of the tests may pass midnight.
        (["--date", f"{today() + timedelta(days=2)}"], "snapshot_date: "),
        (["--follow-up", "x"], "--follow-up: 'x' is not a date"),
        (["--follow-up", "2026-01-01"], "--follow-up: there is no snapshot of 2026-01-01"),
        (
            ["--follow-up", "2026-01-01", "--date", "2026-01-01"],
            "--follow-up names its date itself",
        ),
        (["--connections", "0"], "connections"),
    ],
)
def test_export_bad_input(account: Command, arguments: list[str], says: str) -> None:
    """What cannot be used is bad input, by name."""
    ended = account("export", *arguments)
    assert (2, "") == (ended.code, ended.out)
    assert says in ended.err


def test_export_to_what_is_no_folder(account: Command) -> None:
    """A store that cannot be used is refused with the setting's name and the fix, without a
    traceback.
    """
    (account.folder / "data").write_text("x")
    ended = account("export")
    assert (3, "") == (ended.code, ended.out)
    assert "NUMBERFLOW_INVENTORY_URL" in ended.err
    assert "this is a file" in ended.err


def test_export_without_an_answer(command: Command) -> None:
    """A vendor who does not answer is no refusal.

    Nothing is published and the code says try again.
    """
    command.set(ACCOUNT)
    ended = command("export")
    assert (1, "") == (ended.code, ended.out)


def test_export_with_a_wrong_secret(account: Command) -> None:
    """A key that the vendor does not accept is said with the names of the variables to look at."""
    account.set({"SINCH_KEY_SECRET": "wrong"})
    ended = account("export")
    assert (1, "") == (ended.code, ended.out)
    assert "  → check SINCH_KEY_ID and SINCH_KEY_SECRET" in ended.err.splitlines()


def test_follow_up_that_failed(
    account: Command, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published, but without what belongs to it.

    A message of its own with the command that makes it, which needs no vendor.
    """
    real = LocalStore.write

    def write(self: Any, path: str, content: bytes) -> None:
        if path.startswith("costs"):
            raise OSError(28, "No space left on device")
        real(self, path, content)

    with monkeypatch.context() as broken:
        broken.setattr(LocalStore, "write", write)
        ended = account("export")
    assert 3 == ended.code
    assert ended.err.startswith("numberflow: PUBLISHED, BUT NOT COMPLETE: ")
    assert f"numberflow export --follow-up {today()}" in ended.err
    asked = len(list(running.simulator.requests()))
    mended = account("export", "--follow-up", f"{today()}")
    assert 0 == mended.code
    assert asked == len(list(running.simulator.requests()))
    assert HELD == len(numberflow.load_costs(root=str(account.folder / "data")))


class _Terminal(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def _progress(elapsed_s: float) -> Progress:
    return Progress(rows=500, pages=5, requests=7, shards_done=1, shards=0, elapsed_s=elapsed_s)


def test_progress_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets a line every ten seconds, and what is waited for, without colour."""
    shown = _Terminal(terminal=False)
    monkeypatch.setattr(sys, "stderr", shown)
    with ProgressLine() as line:
        for elapsed_s in (0.5, 10.0, 10.5, 20.0):
            line(_progress(elapsed_s))
        line.note("waiting for the vendor's limit")
    said = "500 rows, 5 pages, 7 requests, {} rows/s, 1 of ? shards\n"
    waits = "waiting for the vendor's limit\n"
    assert said.format(50) + said.format(25) + waits == shown.getvalue()


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns shows all of it in one line, which is gone at the end."""
    shown = _Terminal(terminal=True)
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with ProgressLine() as line:
        line(Progress(250_000, 2_500, 2_600, shards_done=120, shards=121, elapsed_s=200.0))
    (text,) = {
        " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|━|╸|╺", "", each).split())
        for each in re.split(r"[\r\n]", shown.getvalue())
        if "250000" in each
    }
    assert "250000 rows, 2500 pages, 2600 requests, 1250 rows/s 120 of 121 shards" == text
    assert shown.getvalue().endswith("\x1b[2K")


# ---------------------------------------------------------------- numbers list


def _listed(form: str, content: bytes) -> list[dict[str, Any]]:
    match form:
        case "json":
            return list(json.loads(content))
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode())))
        case _:
            return list(pq.read_table(io.BytesIO(content)).to_pylist())


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_every_number_in_each_format(account: Command, running: Running, form: str) -> None:
    """Each format has every number once, with its price as exact as the vendor writes it."""
    out = account.folder / f"numbers.{form}"
    ended = account("numbers", "list", "--format", form, "--out", str(out))
    assert (0, "") == (ended.code, ended.out), ended.err
    rows = _listed(form, out.read_bytes())
    held = {each.phone_number: each for each in running.simulator.world.holdings}
    assert sorted(held) == sorted(row["phone_number"] for row in rows)
    for row in rows:
        number = held[row["phone_number"]]
        assert f"{number.monthly:.6f}" == f"{row['price_amount']}"
        capability = "|".join(number.capability) if form == "csv" else list(number.capability)
        assert capability == row["capability"]


def test_names_are_no_formulas(account: Command, running: Running) -> None:
    """In CSV a name that a spreadsheet would run is text; a number stays a number, and other
    formats keep the name.
    """
    held = next(iter(running.simulator.world.holdings))
    before, held.display_name = held.display_name, '=HYPERLINK("https://evil.example","open")'
    try:
        told = {
            form: {
                row["phone_number"]: row["display_name"]
                for row in _listed(form, account("numbers", "list", "--format", form).out.encode())
            }
            for form in ("csv", "json")
        }
    finally:
        name, held.display_name = held.display_name, before
    assert (f"'{name}", name) == (
        told["csv"][held.phone_number],
        told["json"][held.phone_number],
    )


def test_list_on_standard_output(account: Command) -> None:
    """Without a file the numbers are on standard output, and nothing else is."""
    assert HELD == len(json.loads(account("numbers", "list").out))


def test_filters(account: Command, running: Running) -> None:
    """Region and type let exactly those numbers through; small letters are raised."""
    found = json.loads(account("numbers", "list", "--region", "us", "--type", "local").out)
    assert counts(running.simulator)["US", "LOCAL"] == len(found)
    assert {("US", "LOCAL")} == {(row["region_code"], row["number_type"]) for row in found}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--type", "FOO"], "--type: 'FOO' is not a type of number"),
        (["--region", "ZZ"], "--region: 'ZZ' is not a region"),
        (["--region", "USA"], "--region: 'USA' is not a region"),
        (
            ["--out", "/nonexistent/x.csv"],
            "--out: /nonexistent/x.csv cannot be written: there is no folder",
        ),
        (["--out", "."], "it is a folder"),
        (["--format", "xlsx"], "xlsx"),
    ],
)
def test_list_bad_input(
    account: Command, running: Running, arguments: list[str], says: str
) -> None:
    """What cannot be used is bad input with the fix, before anything is asked for."""
    asked = len(list(running.simulator.requests()))
    ended = account("numbers", "list", *arguments)
    assert (2, "") == (ended.code, ended.out)
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert asked == len(list(running.simulator.requests()))


def test_parquet_is_no_text(account: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet is not poured into a terminal."""
    from numberflow.cli import numbers

    monkeypatch.setattr(numbers.sys, "stdout", _Terminal(terminal=True))
    ended = account("numbers", "list", "--format", "parquet")
    assert 2 == ended.code
    assert "--out FILE" in ended.err


@pytest.mark.parametrize("name", ["export", "numbers", "requirements"])
def test_help(command: Command, name: str) -> None:
    """The commands explain themselves."""
    assert "Usage: " in command(name, "--help").out


def test_help_of_export_has_the_exit_codes(command: Command) -> None:
    """Each exit code is explained, and both meanings of 3."""
    told = " ".join(command("export", "--help").out.replace("│", " ").split())
    for each in (
        "0 all of it is published",
        "2 bad input",
        "1 the vendor",
        "3 not all of it is published",
        "PUBLISHED, BUT NOT COMPLETE",
        "--follow-up",
    ):
        assert each in told, told
