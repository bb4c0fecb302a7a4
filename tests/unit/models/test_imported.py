"""Imported and qualified numbers as we read them, and the bodies that we send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.samples import load

from numberflow.models import SmsSettings
from numberflow.models.imported import (
    CarrierState,
    HostingStatus,
    ImportedNumber,
    ImportedNumbersPage,
    ImportedSmsConfiguration,
    ImportedSmsSettings,
    ImportedUpdateRequest,
    ImportNumberRequest,
    MnoConfiguration,
    ProvisioningDetail,
    QualificationState,
    QualifiedNumber,
    QualifiedNumbersPage,
    StepState,
)

PLAN = "07d6c2621f364b68856fe4938b7bb78f"
NUMBER = "+12025550134"


def body(name: str) -> Any:
    """The recorded reply."""
    return json.loads(load(name, "imported").body)


def second(number: int) -> datetime:
    """That second of the samples' minute."""
    return datetime(2026, 1, 5, 10, 0, number, tzinfo=UTC)


def test_imported_number() -> None:
    """The published number is read completely."""
    step = {"type": "PROVISIONING", "errorCode": "", "errorMessage": ""}
    assert ImportedNumber(
        phone_number=NUMBER,
        project_id="d1923022-5199-4bb3-a513-c47b3a656bc5",
        region_code="US",
        display_name="Front desk",
        sms_configuration=ImportedSmsConfiguration(
            service_plan_id=PLAN, campaign_id="C3O8OGA", migrate_to_sinch_tmo=False
        ),
        callback_url="https://callbacks.example.test/sinch/imported",
        sms_provisioning=ProvisioningDetail(
            **step, service_type="SMS", service_id=PLAN, state=StepState.DONE, updated_at=second(2)
        ),
        campaign_provisioning=ProvisioningDetail(
            **step,
            service_type="CAMPAIGN",
            service_id="C3O8OGA",
            state=StepState.IN_PROGRESS,
            updated_at=second(3),
        ),
        mno_configuration=MnoConfiguration(
            sms_att=CarrierState(state="DONE", operation="PROVISIONING", updated_at=second(4)),
            sms_tmo=CarrierState(
                state="IN_PROGRESS", operation="PROVISIONING", updated_at=second(4)
            ),
        ),
    ) == ImportedNumber.model_validate(body("number_200"))


def test_numbers_for_words() -> None:
    """Where older references have numbers in the place of words, the numbers are kept as text.

    Unlinked ids are nothing.
    """
    read = ImportedNumber.model_validate(body("import_200")).sms_configuration
    assert read is not None
    assert read.scheduled_provisioning is not None
    assert (None, PLAN, "1", ("7", "INVALID_NNID"), ()) == (
        read.service_plan_id,
        read.scheduled_provisioning.service_plan_id,
        read.scheduled_provisioning.status,
        read.scheduled_provisioning.error_codes,
        read.unreadable,
    )


def test_qualified_number() -> None:
    """The published qualified number is read, state and checks included."""
    read = QualifiedNumber.model_validate(body("qualified_200"))
    assert read.osr_eligibility is not None
    assert read.hosted_number is not None
    assert (
        NUMBER,
        QualificationState.ELIGIBLE_CHECK_PENDING,
        "WAITING",
        HostingStatus.UNSPECIFIED,
        second(0),
    ) == (
        read.phone_number,
        read.state,
        read.osr_eligibility.status,
        read.hosted_number.status,
        read.created_at,
    )


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (0, HostingStatus.UNSPECIFIED),
        (1, HostingStatus.HOSTED),
        (2, HostingStatus.FAILED),
        ("HOSTING_STATUS_FAILED", HostingStatus.FAILED),
        (9, "9"),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
        (None, None),
    ],
)
def test_hosting_status(wire: Any, status: str | None) -> None:
    """The hosting status is the same whether the wire has its number or its name.

    What nobody knows is kept.
    """
    read = QualifiedNumber.model_validate(
        {"phoneNumber": NUMBER, "hostedNumber": {"status": wire}}
    ).hosted_number
    assert read is not None
    assert (status, ()) == (read.status, read.unreadable)


def test_pages() -> None:
    """A page has its numbers and its token; null, empty and absent mean none."""
    page = ImportedNumbersPage.model_validate(body("page_200"))
    assert ([NUMBER], "a+b/c==", 1) == (
        [number.phone_number for number in page.imported_numbers],
        page.next_page_token,
        page.total_size,
    )
    assert QualifiedNumbersPage() == QualifiedNumbersPage.model_validate(
        {"qualifiedNumbers": None, "nextPageToken": "", "totalSize": None}
    )
    with pytest.raises(ValidationError):
        ImportedNumbersPage.model_validate({"importedNumbers": [{"displayName": "no number"}]})


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text())
)


@pytest.mark.parametrize(
    ("model", "sample"), [(ImportedNumber, "number_200"), (QualifiedNumber, "qualified_200")]
)
@given(data=st.data())
def test_wrong_members(model: Any, sample: str, data: st.DataObject) -> None:
    """Whatever stands in the other members, the number itself is read, and every member that was
    lost is named.
    """
    good = body(sample)
    names = st.sampled_from(sorted(set(good) - {"phoneNumber"}))
    wrong = data.draw(st.dictionaries(names, ANYTHING))
    read = model.model_validate({**good, **wrong, "somethingNew": 1})
    assert (good["phoneNumber"], set()) == (read.phone_number, set(read.unreadable) - set(wrong))


def test_import_on_the_wire() -> None:
    """An import sends its links nested and leaves out what was not given."""
    request = ImportNumberRequest(
        phone_number=NUMBER, region_code="US", sms=SmsSettings(service_plan_id=PLAN)
    )
    assert {
        "phoneNumber": NUMBER,
        "regionCode": "US",
        "smsConfiguration": {"servicePlanId": PLAN},
    } == request.to_wire()


@pytest.mark.parametrize(
    "sms", [{"service_plan_id": ""}, {"service_plan_id": PLAN, "campaign_id": ""}]
)
def test_import_has_nothing_to_unlink(sms: dict[str, str]) -> None:
    """An import takes no empty ids."""
    with pytest.raises(ValidationError):
        ImportNumberRequest(phone_number=NUMBER, region_code="US", sms=SmsSettings(**sms))


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (ImportedUpdateRequest(display_name="x"), {"displayName": "x"}),
        (
            ImportedUpdateRequest(sms=ImportedSmsSettings(campaign_id="")),
            {"smsConfiguration": {"campaignId": ""}},
        ),
        (
            ImportedUpdateRequest(
                sms=ImportedSmsSettings(service_plan_id="", campaign_id=""), callback_url=""
            ),
            {"smsConfiguration": {"servicePlanId": "", "campaignId": ""}, "callbackUrl": ""},
        ),
    ],
)
def test_update_on_the_wire(request_: ImportedUpdateRequest, wire: dict[str, Any]) -> None:
    """An update sends what it names and nothing else, so that only the campaign can be unlinked.

    "" is sent.
    """
    assert wire == request_.to_wire()


def test_empty_settings() -> None:
    """Settings that name neither plan nor campaign are refused.

    An empty object might mean anything.
    """
    with pytest.raises(ValidationError):
        ImportedSmsSettings()
