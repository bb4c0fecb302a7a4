"""Imported numbers, and the callback secret of their API, over a real socket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import wire as w
from support.accounts import settings
from support.samples import load

from numberflow.client import Client, imported_numbers
from numberflow.client.protocol import decipher
from numberflow.errors import BadInput, NotFound, OutcomeUnknown, PermissionRefused, Rejected
from numberflow.models import SmsSettings
from numberflow.models.imported import (
    ImportedSmsSettings,
    ImportedUpdateRequest,
    ImportNumberRequest,
)

pytestmark = pytest.mark.anyio

NUMBER = "+12025550134"
PLAN = "07d6c2621f364b68856fe4938b7bb78f"
BASE = "/imported/v1/projects/project-1/importedNumbers"
REQUEST = ImportNumberRequest(
    phone_number=NUMBER, region_code="US", sms=SmsSettings(service_plan_id=PLAN)
)
UPDATE = ImportedUpdateRequest(sms=ImportedSmsSettings(campaign_id=""))


def reply(name: str) -> w.Behaviour:
    """The recorded reply."""
    sample = load(name, "imported")
    return w.answer(sample.status, sample.body)


async def test_life_of_an_imported_number() -> None:
    """Import, read, unlink, delete.

    Each leaves for the other host as documented and comes back as a model.
    """
    async with (
        w.serve(*map(reply, ("import_200", "number_200", "import_200", "deleted_200"))) as server,
        Client(settings(server.url)) as client,
    ):
        imported = await client.imported_numbers.import_number(REQUEST)
        shown = await client.imported_numbers.get(NUMBER)
        updated = await client.imported_numbers.update(NUMBER, UPDATE)
        await client.imported_numbers.delete(NUMBER)
    assert (None, "DONE", imported) == (
        imported.sms_provisioning,
        shown.sms_provisioning and shown.sms_provisioning.state,
        updated,
    )
    number = f"{BASE}/%2B12025550134"
    assert [("POST", BASE), ("GET", number), ("PATCH", number), ("DELETE", number)] == [
        (call.method, call.target) for call in server.calls
    ]
    assert [REQUEST.to_wire(), UPDATE.to_wire()] == [
        json.loads(server.calls[0].body),
        json.loads(server.calls[2].body),
    ]
    assert server.calls[3].body == b""


async def test_list() -> None:
    """Both ids are sent, the empty one too; the pattern's place has this API's word.

    Pages are followed to the end.
    """
    async with (
        w.serve(
            reply("page_200"), w.answer(200, {"importedNumbers": [], "nextPageToken": ""})
        ) as server,
        Client(settings(server.url)) as client,
    ):
        found = [
            number.phone_number
            async for number in client.imported_numbers.iterate(
                service_plan_id=PLAN,
                campaign_id="",
                region_code="CA",
                pattern="555",
                page_size=7,
                order_by="createdTime",
            )
        ]
    first = (
        f"{BASE}?servicePlanId={PLAN}&campaignId=&regionCode=CA&numberPattern.pattern=555"
        "&numberPattern.searchPattern=CONTAIN&pageSize=7"
    )
    assert [NUMBER] == found
    assert [
        f"{first}&orderBy=createdTime",
        f"{first}&orderBy=createdTime&pageToken=a%2Bb%2Fc%3D%3D",
    ] == [call.target for call in server.calls]


@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("number_404", NotFound, ("NOT_FOUND", "The imported number could not be found.", ())),
        ("import_409", Rejected, ("ALREADY_EXISTS", "The imported number already exists.", ())),
        (
            "import_400",
            Rejected,
            (
                "INVALID_ARGUMENT",
                "Invalid service_plan_id nosuchplan",
                (("smsConfiguration.servicePlanId", "Invalid servicePlanId"),),
            ),
        ),
        ("any_403_nested", PermissionRefused, ("PERMISSION_DENIED", "Forbidden", ())),
    ],
)
async def test_both_envelopes(name: str, kind: type[Rejected], facts: tuple[Any, ...]) -> None:
    """Flat and nested refusals give the same facts."""
    async with w.serve(reply(name)) as server, Client(settings(server.url)) as client:
        with pytest.raises(kind) as caught:
            await client.imported_numbers.import_number(REQUEST)
    error = caught.value
    assert (facts, kind) == (
        (error.code, error.vendor_message, error.field_violations),
        type(error),
    )


async def test_a_gateways_404_has_no_code() -> None:
    """This API names no resource in its 404, but it has a code, which a gateway's has not."""
    gateway = load("gateway_404_html")
    async with (
        w.serve(reply("number_404"), w.answer(404, gateway.body)) as server,
        Client(settings(server.url)) as client,
    ):
        codes = []
        for _ in range(2):
            with pytest.raises(NotFound) as caught:
                await client.imported_numbers.get(NUMBER)
            codes.append(caught.value.code)
    assert codes == ["NOT_FOUND", ""]


async def test_secret_of_the_other_host() -> None:
    """The imported API's callback secret is read and set at its own host, and comes back sealed,
    short as it may be.
    """
    sample = reply("callback_configuration_200")
    async with w.serve(sample, sample, sample) as server, Client(settings(server.url)) as client:
        secret = (await client.imported_callback_configuration.get()).hmac_secret
        await client.imported_callback_configuration.update("a" * 32)
        await client.callback_configuration.get()
    assert secret is not None
    assert secret.get_secret_value() == "example-secret"
    assert [
        ("GET", "/imported/v1/projects/project-1/callbackConfiguration"),
        ("PATCH", "/imported/v1/projects/project-1/callbackConfiguration"),
        ("GET", "/numbers/v1/projects/project-1/callbackConfiguration"),
    ] == [(call.method, call.target) for call in server.calls]


def listing(**more: Any) -> Any:
    """The request for a page."""
    return imported_numbers.build_list_page("p", service_plan_id="p", campaign_id="c", **more)


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: listing(region_code="MX"), "region_code"),
        (lambda: listing(order_by="phoneNumber"), "order_by"),
        (lambda: listing(page_size=0), "page_size"),
        (lambda: listing(pattern="1", search_pattern="START"), "pattern"),
        (lambda: imported_numbers.build_get("p", "12025550134"), "phone_number"),
        (lambda: imported_numbers.build_update("p", NUMBER, ImportedUpdateRequest()), "request"),
        (
            lambda: imported_numbers.build_import(
                "p", REQUEST.model_copy(update={"region_code": "DE"})
            ),
            "region_code",
        ),
        (
            lambda: imported_numbers.build_import(
                "p", REQUEST.model_copy(update={"phone_number": "x"})
            ),
            "phone_number",
        ),
    ],
)
def test_bad_input(build: Any, field: str) -> None:
    """A value that cannot work names its field before anything is built."""
    with pytest.raises(BadInput) as caught:
        build()
    assert (field, True) == (caught.value.field, bool(caught.value.remedy))


@pytest.mark.parametrize(
    ("body", "good"), [(b"", True), (b"{}", True), (b"<html>gone</html>", False)]
)
def test_reply_to_a_delete(body: bytes, good: bool) -> None:
    """An empty reply and an empty object mean deleted; a gateway's page does not."""
    request = imported_numbers.build_delete("p", NUMBER)
    if good:
        decipher(request, 200, {}, body)
    else:
        with pytest.raises(OutcomeUnknown):
            decipher(request, 200, {}, body)
