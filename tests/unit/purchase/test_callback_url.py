"""Rents and orders that name no callback URL get the receiver's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.shop import Shop

from numberflow.errors import BadInput
from numberflow.models.orders import SearchAndRentParameters
from numberflow.settings import Settings

RECEIVER = "https://hooks.example.test/sinch"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("order", "asked", "sent"),
    [
        ({}, "", f"{RECEIVER}/callbacks/"),
        ({"strategy": "any"}, "", f"{RECEIVER}/callbacks/"),
        ({}, "https://mine.example.test/", "https://mine.example.test/"),
    ],
)
async def test_filled_in(tmp_path: Path, order: dict[str, Any], asked: str, sent: str) -> None:
    """An order's own comes first; the reference stands for the same purchase either way."""
    shop = Shop(tmp_path)
    wanted = SearchAndRentParameters.model_validate({
        "region_code": "US", "number_type": "LOCAL", "quantity": 1, "callback_url": asked,
        "max_today": "10", "max_monthly": "10", "currency": "USD", "reference": "PO-1", **order,
    })  # fmt: skip
    before = {each.phone_number for each in shop.simulator.world.holdings}
    shop.settings = shop.settings.model_copy(update={"callback_url": RECEIVER})
    await shop.buy(wanted)
    shop.settings = shop.settings.model_copy(update={"callback_url": ""})
    report = await shop.buy(wanted)
    assert report is not None
    assert "done" == report.outcome
    (number,) = {each.phone_number for each in shop.simulator.world.holdings} - before
    held = shop.simulator.world.holdings.get(number)
    project = shop.settings.project_id if sent.startswith(RECEIVER) else ""
    assert held is not None
    assert f"{sent}{project}" == held.callback_url.partition("?")[0]


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("https://hooks.example.test/", True),
        ("http://127.0.0.1:8379", True),
        ("http://hooks.example.com", False),
        ("https://user:password@hooks.example.test", False),
        ("https://hooks.example.test/?token=secret", False),
        ("hooks.example.test", False),
        ("https://10.0.0.7", False),
        ("https://receiver.internal", False),
    ],
)
def test_the_variable(monkeypatch: pytest.MonkeyPatch, value: str, fits: bool) -> None:
    """Https only, except on this machine; nothing secret in it; the refusal does not repeat it."""
    monkeypatch.setenv("NUMBERFLOW_CALLBACK_URL", value)
    if fits:
        url = Settings.load(may_lack_account=True).callback_url_of("p/1")
        assert f"{value.rstrip('/')}/callbacks/p%2F1" == url
        return
    with pytest.raises(BadInput, match="NUMBERFLOW_CALLBACK_URL") as error:
        Settings.load(may_lack_account=True)
    assert "password" not in str(error.value).replace("user, password", "")


INSIDE = [
    "http://hooks.example.com/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.0.0.0x1/",
    "https://10.0.0.7/",
    "https://192.168.1.1:8443/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.7]/",
    "https://[fd00::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://receiver/",
    "https://db.internal/",
]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside(address: str) -> None:
    """An address in clear or within a private network is refused with its field and the fix.

    The setting allows it, and so does a vendor on this machine, which is a simulator.
    """
    with pytest.raises(BadInput, match="NUMBERFLOW_CALLBACK_ANYWHERE") as error:
        Settings(_env_file=None).require_callback(address)
    assert "callback_url" == error.value.field
    Settings(_env_file=None, callback_anywhere=True).require_callback(address)
    Settings(_env_file=None, numbers_url="http://127.0.0.1:8377").require_callback(address)


@pytest.mark.parametrize("address", [None, "https://hooks.example.com/x?y=1", "https://8.8.8.8/"])
def test_addresses_outside(address: str | None) -> None:
    """What the internet reaches is taken."""
    Settings(_env_file=None).require_callback(address)
