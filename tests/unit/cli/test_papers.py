"""`numberflow papers`, and what `numberflow run` says of papers before it starts anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import ACCOUNT, Command


def test_put_list_remove(command: Command, tmp_path: Path) -> None:
    """Put says how runs name the paper, list shows it, remove takes it away."""
    (tmp_path / "kyc.json").write_text("{}")
    ended = command("papers", "put", "kyc.json", "--as", "au/kyc.json")
    assert (0, True) == (ended.code, "as au/kyc.json" in ended.out)
    assert [{"reference": "au/kyc.json", "size": 2}] == json.loads(
        command("papers", "list", "--json").out
    )
    assert ["2", "au/kyc.json"] == command("papers", "list").out.split()
    again = command("papers", "put", "kyc.json", "--as", "au/kyc.json")
    assert (2, True) == (again.code, "--replace" in again.err)
    assert 0 == command("papers", "remove", "au/kyc.json").code
    assert "is empty" in command("papers", "list").out


def test_store_that_is_none(command: Command, tmp_path: Path) -> None:
    """A store that cannot be written ends with a sentence that names its variable, not with a
    traceback.
    """
    (tmp_path / "kyc.json").write_text("{}")
    command.set({"NUMBERFLOW_PAPERS_URL": "/dev/null/papers"})
    ended = command("papers", "put", "kyc.json")
    assert (3, True) == (ended.code, "NUMBERFLOW_PAPERS_URL" in ended.err)


@pytest.mark.parametrize(
    ("flow", "field", "parameters"),
    [
        (
            "order-numbers",
            "kyc",
            {
                "region_code": "AU",
                "number_type": "MOBILE",
                "max_today": "9",
                "max_monthly": "9",
                "kyc": "/etc/passwd",
            },
        ),
        (
            "order-numbers",
            "attachments.a",
            {
                "region_code": "AU",
                "number_type": "MOBILE",
                "max_today": "9",
                "max_monthly": "9",
                "attachments": {"a": "/etc/passwd"},
            },
        ),
        (
            "emergency-address",
            "address",
            {"action": "validate", "phone_numbers": ["+12025550123"], "address": "/etc/passwd"},
        ),
        (
            "text-enable-numbers",
            "loa",
            {
                "phone_numbers": ["+12025550123"],
                "sms": {"service_plan_id": "p"},
                "loa": "/etc/passwd",
            },
        ),
    ],
)
def test_refused_before_anything_starts(
    command: Command, flow: str, field: str, parameters: dict[str, object]
) -> None:
    """Each parameter that names a paper is held to the store before a server is started or a
    request sent, by field and fix.
    """
    command.set(ACCOUNT)
    ended = command("run", flow, "--params", json.dumps(parameters))
    assert (2, True) == (ended.code, f"{field}: /etc/passwd is an absolute path" in ended.err), (
        ended.err
    )
    assert "numberflow papers put <file>" in ended.err
