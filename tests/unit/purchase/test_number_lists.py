"""Lists of numbers that a parameter names.

What is found in them, and what is said where nothing is.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.inventories import PROJECT_ID, inventory, publish_rows

from numberflow.errors import BadInput
from numberflow.export.store import LocalStore
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.number_source import InventoryFilter, NumberFile, source_of
from numberflow.models.parameters import check_parameters
from numberflow.purchase.number_lists import read_list
from numberflow.settings import Settings

PLAN = {"sms_service_plan_id": "plan-a"}
PARQUET = pa.table({"name": ["a", "b"], "Phone Number": ["+12025550101", "+12025550102"]})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A store of papers with some lists, and an inventory of two days."""
    files = {
        "one.csv": b"+12025550101\n+1 (202) 555-0102\n",
        "named.csv": "\ufeffname,Phone-Number\nä,+12025550101\nb,+12025550102\n\n".encode(),
        "semicolons.csv": b"number;name\n+12025550101;a\n+12025550102;b\n",
        "two.csv": b"a,b\nx,+12025550101\n",
        "empty.csv": b"phone_number\n",
        "broken.parquet": b"no parquet",
        "latin.csv": "nämn\n".encode("latin-1"),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    pq.write_table(PARQUET, tmp_path / "list.parquet")
    store = LocalStore(tmp_path / "inventory")
    publish_rows(store, date(2026, 11, 22), inventory([PLAN, {}]))
    publish_rows(
        store, date(2026, 11, 23), inventory([PLAN, {}, PLAN, PLAN | {"region_code": "CA"}])
    )
    monkeypatch.setenv("NUMBERFLOW_PAPERS_URL", str(tmp_path))
    monkeypatch.setenv("NUMBERFLOW_INVENTORY_URL", str(tmp_path / "inventory"))
    monkeypatch.setenv("SINCH_PROJECT_ID", PROJECT_ID)
    return Settings.load()


def read(text: str, settings: Settings) -> Any:
    """What a text in the field stands for."""
    source = source_of(text)
    assert source is not None
    return read_list(source, settings)


@pytest.mark.parametrize("name", ["one.csv", "named.csv", "semicolons.csv", "list.parquet"])
def test_files(name: str, settings: Settings) -> None:
    """The column of the numbers is found by its heading, or is the only one.

    Its spellings are read as any others.
    """
    found = read(name, settings)
    assert ("+12025550101", "+12025550102") == check_parameters(
        ReleaseParameters, {"phone_numbers": found.numbers}
    ).phone_numbers
    assert f"2 numbers in {name}" == found.note


@pytest.mark.parametrize(
    ("text", "numbers", "day"),
    [
        (
            "inventory: region=US sms_service_plan_id=plan-a",
            ("+12025550000", "+12025550002"),
            "2026-11-23",
        ),
        ("Inventory:sms_service_plan_id= type=LOCAL", ("+12025550001",), "2026-11-23"),
        ("inventory: sms_service_plan_id=plan-a date=2026-11-22", ("+12025550000",), "2026-11-22"),
    ],
)
def test_filters(text: str, numbers: tuple[str, ...], day: str, settings: Settings) -> None:
    """A filter finds the numbers of the newest snapshot, or of a day, and says which day it was."""
    found = read(text, settings)
    assert numbers == found.numbers
    assert f"in the inventory of {day};" in found.note


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("inventory: region=GB", "no number has region_code=GB in the newest inventory"),
        ("inventory: region=US date=2020-01-01", "inventory: "),
        ("missing.csv", "there is no missing.csv in the papers store"),
        ("../secret.csv", "../secret.csv"),
        ("/etc/passwd.csv", "/etc/passwd.csv"),
        ("two.csv", "no column of the file is called phone_number"),
        ("empty.csv", "0 numbers in empty.csv"),
        ("broken.parquet", "cannot be read as parquet"),
        ("latin.csv", "cannot be read as csv"),
    ],
)
def test_what_cannot_be_read(text: str, told: str, settings: Settings) -> None:
    """Whatever is not there or cannot be read is refused with the field and what to do, and no
    traceback.
    """
    with pytest.raises(BadInput) as caught:
        read(text, settings)
    assert "phone_numbers" == caught.value.field
    assert told in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("inventory:", "the filter is empty"),
        ("inventory: date=2026-11-23", "the filter is empty"),
        ("inventory: US", "'US' is not a condition"),
        ("inventory: price=1", "'price=1' is not a condition"),
        ("inventory: region=US region_code=CA", "is in the filter twice"),
        ("inventory: display_name='a", "a quote is left open"),
    ],
)
def test_filters_that_are_none(text: str, told: str) -> None:
    """A filter that cannot be meant is refused with one that can."""
    with pytest.raises(ValueError, match=told):
        source_of(text)


def test_what_is_no_source() -> None:
    """Numbers are no file, and a file is known by its ending."""
    assert (None, None, None, None) == tuple(map(source_of, ("+12025550101", "", None, ["a.csv"])))
    assert NumberFile("a b.CSV") == source_of(" a b.CSV ")
    assert InventoryFilter({"display_name": "my desk"}) == source_of(
        'inventory: display_name="my desk"'
    )
