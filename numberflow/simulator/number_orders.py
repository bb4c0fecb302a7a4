"""Number orders on the wire: look-up, create, read, registration, attachments, submit.

docs/vendor/numbers-behaviour.md §10.
"""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from numberflow.simulator import problems, reading
from numberflow.simulator.lag import Commit
from numberflow.simulator.multipart import BadForm, Part, parse
from numberflow.simulator.operations import Answer, Call, operation, read_one
from numberflow.simulator.order import EXPIRED, Order
from numberflow.simulator.requirements import REQUIREMENTS
from numberflow.simulator.stock import Kind, StockNumber
from numberflow.simulator.wire import api_time, money
from numberflow.simulator.world import World

_QUANTITY_MAX = 100


def lookup_requirements(world: World, call: Call) -> Answer:
    """The form and files of a kind. 404 where nothing is required, as recorded for the US."""
    requirements = REQUIREMENTS.get(_kind(world, call.json()))
    if requirements is None:
        raise problems.requirements_not_found()
    return _json(requirements.as_dict())


def create_order(world: World, call: Call) -> Answer:
    """Reserves one named number or a quantity by criteria. Not idempotent."""
    body = call.json()
    kind = _kind(world, body)
    wanted = reading.wanted(body, update=False)
    if (
        wanted.callback_url
        and not world.switches.order_callback_any_text
        and not _is_http(wanted.callback_url)
    ):
        raise problems.bad_field("callback_url", f"Invalid callback_url {wanted.callback_url}")
    given, quantity = body.get("numberOrderOption"), body.get("quantityOrderOption")
    if (given is None) == (quantity is None):
        raise problems.bad_field(
            "order_option", "give exactly one of number_order_option and quantity_order_option"
        )
    numbers = (
        _given(world, kind, given) if given is not None else _by_criteria(world, kind, quantity)
    )
    order = world.orders.create(kind, numbers, wanted, call.number)
    commits = [Commit(order.order_id, None, noun=noun) for noun in ("order", "registration")]
    commits += [Commit(number.phone_number, None, number) for number in numbers]
    return Answer(_order(world, order), tuple(commits), changed=True)


def get_order(world: World, call: Call) -> Answer:
    """One order with its numbers. There is no list."""
    return _read(world, call, "order")


def get_registration(world: World, call: Call) -> Answer:
    """Registration data, status of the files, and the reviewers' messages."""
    return _read(world, call, "registration")


def update_registration(world: World, call: Call) -> Answer:
    """Replaces the registration data."""
    order = world.orders.get(call.path["number_order_id"])
    body = call.json()
    details = body.get("requestDetails")
    if details is None and "data" in body and world.switches.order_top_level_data:
        details = {"data": body["data"]}
    if not isinstance(details, dict):
        raise problems.bad_field("request_details", "request_details is required")
    commits = _before(world, order)
    world.orders.register(order, details)
    return Answer(_registration(world, order), commits, changed=True)


def upload_attachment(world: World, call: Call) -> Answer:
    """Accepts one file: part `file`, and `documentType` where the requirements name some."""
    order = world.orders.get(call.path["number_order_id"])
    required = world.orders.file(order, call.path["attachment_id"])
    try:
        parts = parse(call.headers.get("content-type", ""), call.body)
    except BadForm as error:
        raise problems.bad_field("file", str(error)) from None
    file = _part(parts, "file")
    if file is None or file.file_name is None:
        raise problems.bad_field("file", "file is required")
    most = world.switches.attachment_max_bytes
    if len(file.content) > most:
        raise problems.content_too_large(f"the file is larger than {most} bytes")
    if required.media_types and file.media_type not in required.media_types:
        raise problems.bad_field(
            "file", f"takes {', '.join(required.media_types)}, not {file.media_type}"
        )
    named = _part(parts, "documentType")
    document_type = named.content.decode("utf-8", "replace") if named is not None else ""
    if required.document_types and document_type not in required.document_types:
        raise problems.bad_field(
            "document_type", f"takes one of {', '.join(required.document_types)}"
        )
    commits = _before(world, order)
    world.orders.upload(
        order, required, file.file_name, file.media_type, document_type, empty=not file.content
    )
    return Answer(b"{}", commits, changed=True)


def submit_order(world: World, call: Call) -> Answer:
    """Submits the order for review."""
    order = world.orders.get(call.path["number_order_id"])
    commits = _before(world, order)
    changed = world.orders.submit(order, call.number)
    return Answer(_order(world, order), commits if changed else (), changed=changed)


# -- reading


def _kind(world: World, body: dict[str, Any]) -> Kind:
    region = reading.region(
        reading.text(body, "regionCode", "region_code"), world.switches, required=True
    )
    number_type = reading.text(body, "numberType", "numberType")
    if number_type is None:
        raise problems.bad_field("number_type", "number_type is required")
    reading.choice(number_type, reading.NUMBER_TYPES, "numberType")
    assert region is not None
    return region, number_type


def _given(world: World, kind: Kind, option: Any) -> list[StockNumber]:
    field = "number_order_option.phone_numbers"
    listed = option.get("phoneNumbers") if isinstance(option, dict) else None
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], str):
        raise problems.bad_field(field, "takes exactly one phone number")
    if not reading.is_phone_number(listed[0]):
        raise problems.bad_field(field, f"Invalid phone_number {listed[0]}")
    return [world.orders.given(listed[0], kind)]


def _by_criteria(world: World, kind: Kind, option: Any) -> list[StockNumber]:
    prefix = "quantity_order_option"
    if not isinstance(option, dict):
        raise problems.bad_value("quantityOrderOption", str(option))
    quantity = option.get("requestedQuantity")
    if (
        isinstance(quantity, bool)
        or not isinstance(quantity, int)
        or not 1 <= quantity <= _QUANTITY_MAX
    ):
        raise problems.bad_field(f"{prefix}.requested_quantity", f"takes 1 to {_QUANTITY_MAX}")
    sequential = option.get("sequential", False)
    if not isinstance(sequential, bool):
        raise problems.bad_value("sequential", str(sequential))
    fits = reading.criteria(option, world.switches)
    return world.orders.by_criteria(kind, quantity, fits, sequential=sequential)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _part(parts: list[Part], name: str) -> Part | None:
    return next((part for part in parts if part.name == name), None)


# -- showing


def _json(body: dict[str, Any]) -> Answer:
    return Answer(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _read(world: World, call: Call, noun: str) -> Answer:
    order_id = call.path["number_order_id"]
    show = _order if noun == "order" else _registration
    missing = problems.number_order_not_found(order_id)
    return read_one(world, noun, order_id, missing, lambda: show(world, world.orders.get(order_id)))


def _before(world: World, order: Order) -> tuple[Commit, ...]:
    return (
        Commit(order.order_id, _order(world, order).decode(), noun="order"),
        Commit(order.order_id, _registration(world, order).decode(), noun="registration"),
    )


def _whole_seconds(moment: datetime) -> str:
    """Without fraction, like createTime and updateTime in the samples; expireTime has one."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _order(world: World, order: Order) -> bytes:
    now = world.settle()
    hidden = (
        world.switches.order_expire_time_after_submit == "null"
        and order.submitted_at is not None
        and order.state(now) != EXPIRED
    )
    shown: dict[str, Any] = {
        "projectId": world.project_id,
        "idNumberOrder": order.order_id,
        "regionCode": order.kind[0],
        "state": order.state(now),
        "numberType": order.kind[1],
        "orderNumbers": [_number(number) for number in order.numbers],
    }
    wanted = order.wanted
    if wanted.service_plan_id:
        shown["smsConfiguration"] = {"servicePlanId": wanted.service_plan_id}
        if wanted.campaign_id:
            shown["smsConfiguration"]["campaignId"] = wanted.campaign_id
    if wanted.voice is not None:
        shown["voiceConfiguration"] = {
            "type": wanted.voice.type,
            reading.ID_OF_VOICE_TYPE[wanted.voice.type]: wanted.voice.id,
        }
    shown["expireTime"] = None if hidden else api_time(order.expires_at)
    shown["createTime"] = _whole_seconds(order.created_at)
    shown["updateTime"] = _whole_seconds(order.updated_at(now))
    return json.dumps(shown, separators=(",", ":")).encode()


def _number(number: StockNumber) -> dict[str, Any]:
    return {
        "phoneNumber": number.phone_number,
        "numberPrice": {
            "setupPrice": json.loads(money(number.currency, number.setup)),
            "monthlyPrice": json.loads(money(number.currency, number.monthly)),
            "paymentIntervalMonths": 1,
        },
        "capabilities": list(number.capability),
    }


def _registration(world: World, order: Order) -> bytes:
    now = world.settle()
    files = [
        {
            "attachmentId": upload.shown_id,
            "fileName": upload.file_name,
            "mimeType": upload.media_type,
            "documentType": upload.document_type,
            "uploadStatus": upload.status(now),
            "createTime": _whole_seconds(upload.created_at),
            "updateTime": _whole_seconds(min(max(upload.updated_at, upload.done_at), now)),
        }
        for upload in order.uploads.values()
    ]
    requirements = world.orders.requirements(order)
    if world.switches.registration_lists_missing_files and requirements is not None:
        files += [
            {
                "attachmentId": file.id,
                "fileName": "",
                "mimeType": "",
                "documentType": "",
                "uploadStatus": "WAITING",
            }
            for file in requirements.files
            if file.id not in order.uploads
        ]
    shown = {
        "requestDetails": order.details,
        "attachments": files,
        "logs": [
            {"message": message, "createTime": _whole_seconds(at)}
            for at, message in order.logs(now)
        ],
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


OPERATIONS = (
    operation(
        "lookup_requirements", "POST", "numberOrders:lookupNumberRequirements", lookup_requirements
    ),
    operation("create_order", "POST", "numberOrders:createNumberOrder", create_order),
    operation("get_order", "GET", "numberOrders/{numberOrderId}", get_order),
    operation(
        "get_registration", "GET", "numberOrders/{numberOrderId}/registration", get_registration
    ),
    operation(
        "update_registration",
        "PUT",
        "numberOrders/{numberOrderId}/registration",
        update_registration,
    ),
    operation(
        "upload_attachment",
        "POST",
        "numberOrders/{numberOrderId}/attachments/{attachmentId}",
        upload_attachment,
    ),
    operation("submit_order", "POST", "numberOrders/{numberOrderId}/submit", submit_order),
)
