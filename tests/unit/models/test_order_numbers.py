"""Parameters of order-numbers: what is refused before any request, with the field and the fix."""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.errors import BadInput
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.models.parameters import check_parameters

GOOD: dict[str, Any] = {
    "region_code": "AU",
    "number_type": "MOBILE",
    "max_today": "50",
    "max_monthly": "50",
}
ID = "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311"


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({"quantity": 0}, "quantity", "must be 1 or more"),
        ({"quantity": 10_000}, "quantity", "must be 100 or less"),
        (
            {"quantity": 2, "phone_number": "+61412934979"},
            "quantity",
            "is 2, but phone_number names one number",
        ),
        ({"phone_number": "0412934979"}, "phone_number", "is not E.164"),
        ({"phone_number": "+12025550123"}, "phone_number", "does not belong to region AU"),
        ({"phone_number": "+61412934979", "pattern": "+614"}, "phone_number", "take no pattern"),
        ({"kyc": '{"data": []}'}, "kyc", "looks like the data itself"),
        (
            {"attachments": ["a.pdf"]},
            "attachments",
            "entry 1 must be a group with requirement_id and file",
        ),
        (
            {"attachments": [{"requirement_id": 1, "file": "a.pdf"}]},
            "attachments",
            "entry 1 must be a group",
        ),
        ({"attachments": "a.pdf"}, "attachments", "must be a list of groups"),
        ({"attachments": [{"requirement_id": ID}]}, f"attachments.{ID}.file", "is missing"),
        (
            {"attachments": [{"requirement_id": ID, "file": f"{n}.pdf"} for n in "ab"]},
            "attachments",
            "two files are named for",
        ),
        (
            {"attachments": [{"requirement_id": "", "file": "a.pdf"}]},
            "attachments",
            "is not an attachment id",
        ),
        ({"attachments": {"../x": "a.pdf"}}, "attachments", "is not an attachment id"),
        (
            {"attachments": {ID: "not a path"}},
            f"attachments.{ID}.file",
            "is neither the name of a paper",
        ),
        (
            {"attachments": {ID: "a.pdf", "other": "a.pdf"}},
            "attachments",
            "stands for two attachments",
        ),
        (
            {"attachments": {ID: {"file": "a.pdf", "kind": "PASSPORT"}}},
            f"attachments.{ID}.kind",
            "no such field",
        ),
        ({"attachments": {str(n): f"{n}.pdf" for n in range(51)}}, "attachments", "names 51 files"),
        ({"reference": "x" * 10_000}, "reference", "has 10000 characters"),
        ({"max_today": "0,5"}, "max_today", "decimal string"),
        ({"region_code": "XX"}, "region_code", "is not an ISO 3166-1 alpha-2 region"),
        (
            {"sms": {"service_plan_id": "p", "campaign_id": "c"}},
            "sms.campaign_id",
            "US numbers only",
        ),
    ],
)
def test_bad_input(parameters: dict[str, Any], field: str, message: str) -> None:
    """Each broken rule names its field and says what to write.

    Values that may be private are not repeated.
    """
    with pytest.raises(BadInput) as caught:
        check_parameters(OrderNumbersParameters, GOOD | parameters)
    assert (field, True) == (caught.value.field, message in caught.value.message), (
        caught.value.message
    )


def test_papers_are_not_what_is_ordered() -> None:
    """Corrected papers and other caps continue the same order.

    Another quantity is another order.
    """
    plain = check_parameters(OrderNumbersParameters, GOOD)
    papers = check_parameters(
        OrderNumbersParameters,
        GOOD | {"kyc": "b.json", "attachments": {ID: "b.pdf"}, "max_today": "60"},
    )
    assert plain.fingerprint() == papers.fingerprint()
    assert (
        plain.fingerprint()
        != check_parameters(OrderNumbersParameters, GOOD | {"quantity": 2}).fingerprint()
    )


def test_as_parameters_comes_back() -> None:
    """What is kept of an order is what a form would say for it, papers by reference."""
    wanted = GOOD | {
        "quantity": 3,
        "kyc": "a.json",
        "attachments": [
            {"requirement_id": ID, "file": "a.pdf"},
            {"requirement_id": "b", "file": "b.pdf", "document_type": "PASSPORT"},
        ],
    }
    order = check_parameters(OrderNumbersParameters, wanted)
    by_id = {ID: "a.pdf", "b": {"file": "b.pdf", "document_type": "PASSPORT"}}
    assert order == check_parameters(OrderNumbersParameters, wanted | {"attachments": by_id})
    assert order == check_parameters(OrderNumbersParameters, order.as_parameters())
    assert wanted["attachments"] == order.as_parameters()["attachments"]
