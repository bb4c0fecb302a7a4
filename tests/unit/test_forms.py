"""What a form shows, and what becomes of a form that was sent unchecked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect.logging import disable_run_logger
from prefect.utilities.schema_tools import validate
from pydantic_core import PydanticUndefined

import flows.runner
from flows.forms import REQUIRED, given
from flows.naming import run_name
from flows.table import FLOWS as TABLE
from numberflow.models.order_numbers import AttachmentGroup
from numberflow.models.orders import SmsLink
from numberflow.models.reports import RunOutcome, RunReport
from tasks.credentials import settings_for

FLOWS = {name: entry.load() for name, entry in TABLE.items()}
CAPS = {"max_today": "90.00", "max_monthly": "90.00"}
NUMBER = "+1 (212) 555-0101"
SMS = {"service_plan_id": "plan-a", "campaign_id": ""}
# What a form demands.
DEMANDED: dict[str, dict[str, Any]] = {
    "search-and-rent": CAPS,
    "order-numbers": CAPS,
    "import-numbers": {"phone_numbers": NUMBER, "sms": SMS},
    "qualify-numbers": {"phone_numbers": NUMBER},
    "text-enable-numbers": {"phone_numbers": NUMBER, "sms": SMS, "loa": "letter.json"},
    "configure-numbers": {
        "phone_numbers": NUMBER,
        "display_name": "desk",
        "callback_url": "https://hooks.example.test/",
    },
    "release-numbers": {"phone_numbers": NUMBER},
}
# A form that was filled in as far as it has to be.
FILLED = {name: DEMANDED.get(name, {}) for name in FLOWS}
# As JSON can have them.
STRANGE = (
    None,
    "",
    " ",
    "?",
    "\x00",
    "{}",
    5,
    -1,
    1.5,
    10**30,
    True,
    [],
    [None],
    [5],
    {},
    {"x": 1},
    "x" * 5000,
)
FIELDS = [(name, field) for name, flow in FLOWS.items() for field in flow.parameters.properties]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account, and nobody to publish to.

    A run whose parameters pass ends for want of credentials.
    """
    for name in ("SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)

    async def no_block(name: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr("tasks.credentials.SinchCredentials.aload", no_block)

    async def export(project: str, *_: object) -> None:
        await settings_for(project or None)

    monkeypatch.setattr("flows.export_inventory.export_one_project", export)

    async def publish(report: RunReport) -> None:
        """Shows it nowhere."""

    monkeypatch.setattr(flows.runner, "publish", publish)


def sent(name: str, parameters: dict[str, Any]) -> RunReport:
    """What a run says to parameters that nobody has checked."""
    with disable_run_logger():
        ended: Any = asyncio.run(FLOWS[name].fn(**parameters))
    report: RunReport = ended if isinstance(ended, RunReport) else ended.data
    return report


def named(monkeypatch: pytest.MonkeyPatch, name: str, parameters: dict[str, Any]) -> str:
    """What the run is called."""
    monkeypatch.setattr("flows.naming.flow_run.get_parameters", lambda: parameters)
    make: Any = FLOWS[name].flow_run_name
    return str(make())


@pytest.mark.parametrize("name", FLOWS)
def test_a_filled_in_form_is_taken(name: str) -> None:
    """The form is content with what it demands, and the run gets as far as the account."""
    assert [] == validate(FILLED[name], FLOWS[name].parameters.model_dump_for_openapi())
    assert "SINCH_PROJECT_ID" in sent(name, FILLED[name]).reason


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_strange_values_are_refused_by_name(
    name: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stands in a field, or none where one is demanded, the run has a name and says the
    field and what to do.
    """
    demanded = field in (FLOWS[name].parameters.required or ())
    for value in (*STRANGE, *((PydanticUndefined, REQUIRED) if demanded else ())):
        parameters = FILLED[name] | {field: value}
        report = sent(name, parameters)
        assert RunOutcome.REFUSED is report.outcome, value
        assert report.remedy, value
        assert any(
            word in report.reason for word in (f"{field}:", f"{field}.", "SINCH_PROJECT_ID")
        ), (value, report)
        if demanded and value in (None, "", PydanticUndefined, REQUIRED):
            assert field in report.reason, value
        assert named(monkeypatch, name, parameters).isprintable(), value


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("search-and-rent", "max_today", "ninety"),
        ("search-and-rent", "max_today", ""),
        ("search-and-rent", "region_code", "USA"),
        ("search-and-rent", "quantity", 0),
        ("search-and-rent", "quantity", 501),
        ("search-and-rent", "approve_above", "-1"),
        ("search-and-rent", "sms", {"service_plan_id": "x" * 256}),
        ("search-and-rent", "sms", {"plan": "a"}),
        ("search-and-rent", "voice", {"type": "SIP"}),
        ("search-and-rent", "search_pattern", "MIDDLE"),
        ("order-numbers", "quantity", 101),
        ("order-numbers", "currency", "dollars"),
        ("import-numbers", "sms", {"service_plan_id": ""}),
        ("import-numbers", "sms", {}),
        ("import-numbers", "numbers_per_order", 0),
        ("text-enable-numbers", "nnid", "12345"),
        ("text-enable-numbers", "scheduled_osr_update_time", "2026-12-01 03:00"),
        ("configure-numbers", "provisioning_wait_s", 3601),
        ("configure-numbers", "callback_url", "hooks.example.test"),
        ("release-numbers", "phone_numbers", " \n"),
        ("follow-orders", "notify", "operations"),
        ("export-inventory", "connections", 33),
        ("export-inventory", "snapshot_date", "yesterday"),
    ],
)
def test_the_form_finds_it_by_itself(name: str, field: str, value: Any) -> None:
    """The form marks a value that cannot be right before a run begins, in nested groups too."""
    wrong = validate(FILLED[name] | {field: value}, FLOWS[name].parameters.model_dump_for_openapi())
    assert {field} == {str(error.absolute_path[0]) for error in wrong}


@pytest.mark.parametrize("name", FLOWS)
def test_no_field_asks_for_its_type(name: str) -> None:
    """No field is a pair of tabs, neither on its own nor in a group.

    What was null in older JSON may still be null.
    """
    schema = FLOWS[name].parameters.model_dump_for_openapi()
    assert "anyOf" not in str(schema)
    groups = {
        field: None
        for field in ("sms", "voice")
        if "default" in schema["properties"].get(field, {})
    }
    older = (
        FILLED[name] | groups | ({"reference": None} if "reference" in schema["properties"] else {})
    )
    assert [] == validate(older, schema, allow_none_with_default=True)


@pytest.mark.parametrize(
    ("name", "parameters", "called"),
    [
        (
            "search-and-rent",
            {"quantity": 3, "region_code": "US", "number_type": "LOCAL"},
            "rent 3 US LOCAL",
        ),
        (
            "search-and-rent",
            {
                "phone_numbers": f"{NUMBER}, +12125550102",
                "quantity": 1,
                "region_code": "US",
                "number_type": "LOCAL",
                "reference": "PO-1",
            },
            "rent 2 US LOCAL, PO-1",
        ),
        (
            "order-numbers",
            {"quantity": 2, "region_code": "AU", "number_type": "MOBILE", "plan_only": True},
            "plan: order 2 AU MOBILE",
        ),
        (
            "configure-numbers",
            {"phone_numbers": NUMBER, "reference": "C-1"},
            "configure 1 number, C-1",
        ),
        ("release-numbers", {"phone_numbers": [NUMBER, "+12125550102"]}, "release 2 numbers"),
        ("release-numbers", {"phone_numbers": "2125550101"}, "release numbers"),
        ("import-numbers", {"phone_numbers": NUMBER, "region_code": "CA"}, "import 1 CA number"),
        (
            "qualify-numbers",
            {"phone_numbers": NUMBER, "method": "voice"},
            "qualify 1 number by voice",
        ),
        (
            "emergency-address",
            {"action": "report", "phone_numbers": ""},
            "report emergency addresses of all numbers",
        ),
        ("follow-orders", {"reference": "PO-1"}, "follow open orders, PO-1"),
        (
            "export-inventory",
            {"projects": ["east", "west"], "snapshot_date": "2026-11-23"},
            "inventory of east, west, 2026-11-23",
        ),
    ],
)
def test_runs_have_names(
    name: str, parameters: dict[str, Any], called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is called by what it does, to how many, and its reference; never by a number."""
    assert called == named(monkeypatch, name, parameters)


def test_groups_go_on_as_their_values() -> None:
    """A group that a program gave is checked again; a value that was not given is left out."""
    assert {"sms": {"service_plan_id": "plan", "campaign_id": None}, "b": 1} == given(
        {
            "sms": SmsLink(service_plan_id="plan"),
            "max_today": REQUIRED,
            "a": PydanticUndefined,
            "b": 1,
        }
    )
    assert callable(run_name(lambda parameters: "x"))


def test_attachments_need_no_json() -> None:
    """The form of order-numbers asks for files by a list of groups of plain fields.

    What is sent without a form may be spelled as before.
    """
    schema = FLOWS["order-numbers"].parameters.model_dump_for_openapi()
    field = schema["properties"]["attachments"]
    assert ("array", []) == (field["type"], field["default"])
    group = schema["definitions"]["AttachmentGroup"]["properties"]
    assert {"requirement_id": "string", "file": "string", "document_type": "string"} == {
        name: each.get("type") for name, each in group.items()
    }
    one = {"requirement_id": "a", "file": "a.pdf", "document_type": ""}
    assert [] == validate(CAPS | {"attachments": [one]}, schema)
    assert [] != validate(CAPS | {"attachments": [one | {"file": ""}]}, schema)
    for spelled in (
        [one],
        [AttachmentGroup(**one)],
        {"a": "a.pdf"},
        {"a": {"file": "a.pdf"}},
        None,
    ):
        assert "SINCH_PROJECT_ID" in sent("order-numbers", CAPS | {"attachments": spelled}).reason
