"""Number orders: requirements, order, registration, files, submit.

Vendor noun: numberOrders (docs/vendor/numbers-behaviour.md §10).

Registration data and file names are personal: they leave in bodies only, and no error repeats them,
even where the vendor does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Secret, SecretStr

from numberflow.client import inputs, multipart
from numberflow.client.multipart import FileSource, Upload
from numberflow.client.noun import Noun
from numberflow.client.protocol import Request, json_body, project_path, read_nothing, reader
from numberflow.client.transport import Watch
from numberflow.errors import NotFound
from numberflow.models import personal
from numberflow.models.number_orders import (
    NumberOrder,
    NumberOrderRequest,
    NumberRequirements,
    Registration,
)

# 5 min: 10 MiB (the assumed limit of a file, docs/vendor/numbers-behaviour.md "Not known", 19) at
# half a megabit per second take three. No single write or read may take longer than the usual
# timeout.
UPLOAD_TOTAL_S = 300.0

# In the newest form or the older one.
_READ_REGISTRATION = reader(Registration, "requestDetails", "data", "attachments", "logs")


def build_lookup_requirements(
    project_id: str, *, region_code: str, number_type: str
) -> Request[NumberRequirements]:
    """What an order of this region and type requires.

    A POST that only reads, so it is repeated like a read.
    """
    path = f"{project_path(project_id, 'numberOrders')}:lookupNumberRequirements"
    wire = {
        "regionCode": inputs.region_code(region_code),
        "numberType": inputs.constant(number_type, "number_type"),
    }
    return Request("POST", "numbers", path, reader(NumberRequirements), body=json_body(wire))


def build_create(project_id: str, request: NumberOrderRequest) -> Request[NumberOrder]:
    """Reserve numbers under a new order. Costly, and a lost reply names no order."""
    inputs.region_code(request.region_code)
    inputs.constant(request.number_type, "number_type")
    if request.phone_number is not None:
        inputs.phone_number(request.phone_number)
    inputs.number_pattern(request.pattern, request.search_pattern)
    inputs.constants(request.capabilities, "capabilities")
    path = f"{project_path(project_id, 'numberOrders')}:createNumberOrder"
    body = json_body(request.to_wire())
    return Request("POST", "numbers", path, NumberOrder.model_validate, body=body, costly=True)


def build_get(project_id: str, order_id: str) -> Request[NumberOrder]:
    """Read one order."""
    path, about = _order_path(project_id, order_id), ("idNumberOrder", order_id)
    return Request("GET", "numbers", path, NumberOrder.model_validate, order=about)


def build_get_registration(project_id: str, order_id: str) -> Request[Registration]:
    """Read data, files' states and reviewers' messages of one order."""
    path = _order_path(project_id, order_id, "registration")
    return Request("GET", "numbers", path, _READ_REGISTRATION)


def build_update_registration(
    project_id: str, order_id: str, request_details: Mapping[str, Any] | Secret[Any]
) -> Request[Registration]:
    """Replace the registration data.

    Repeated like a read: a PUT that arrives twice has the same effect as once.

    The newest documentation nests the form's values under `data` (docs/vendor/numbers-behaviour.md
    §10); this sends `request_details` as it is.
    """
    details = personal.unseal(request_details)
    return Request(
        "PUT",
        "numbers",
        _order_path(project_id, order_id, "registration"),
        _READ_REGISTRATION,
        body=_personal_json({"requestDetails": details}),
        personal=personal.texts(details),
    )


def build_upload_attachment(
    project_id: str, order_id: str, attachment_id: str, upload: Upload, hidden: Iterable[str] = ()
) -> Request[None]:
    """Upload one required file. Repeated like a read if the file can be read again.

    A second upload replaces the first (assumed, "Not known", 19).
    """
    inputs.resource_id(attachment_id, "attachment_id")
    return Request(
        "POST",
        "numbers",
        _order_path(project_id, order_id, "attachments", attachment_id),
        upload=upload,
        read_body=read_nothing,
        # Without its extension, too; the extension itself ("only pdf is allowed") is not personal.
        personal=(
            *personal.texts([upload.file_name, upload.file_name.rpartition(".")[0]]),
            *hidden,
        ),
        total_s=UPLOAD_TOTAL_S,
    )


def build_submit(
    project_id: str, order_id: str, hidden: Iterable[str] | None = None
) -> Request[NumberOrder]:
    """Submit the order for review. Costly.

    A slash, not a colon, and no body (docs/vendor/numbers-behaviour.md §10).

    A refusal may quote the registration, which this request does not hold. `hidden` are its texts;
    without them no sentence of the vendor is repeated.
    """
    return Request(
        "POST",
        "numbers",
        _order_path(project_id, order_id, "submit"),
        NumberOrder.model_validate,
        costly=True,
        order=("idNumberOrder", order_id),
        personal=None if hidden is None else tuple(hidden),
    )


def no_requirements(error: NotFound) -> bool:
    """Whether a 404 of the look-up says that region and type have no requirements.

    Otherwise it comes from a wrong URL or a gateway. Seen live for US LOCAL and US TOLL_FREE;
    elsewhere it could also mean that no such numbers are sold (docs/vendor/numbers-behaviour.md §1,
    item 4).
    """
    # By resource, compared loosely: older pages show internal names such as
    # sinch.unifiednumber.….NumberProduct (§15).
    kind, name = error.resource_type.casefold(), error.resource_name.casefold()
    return kind.endswith("numberproduct") or name == "numberrequirements"


def _order_path(project_id: str, order_id: str, *names: str) -> str:
    inputs.resource_id(order_id, "order_id")
    return project_path(project_id, "numberOrders", order_id, *names)


def _personal_json(value: Mapping[str, Any]) -> bytes:
    try:
        return json_body(value)
    except (TypeError, ValueError, RecursionError):
        pass
    # Raised here, so that the failure, which may hold the data, does not become its context.
    remedy = "text, numbers, true, false, null, lists and objects only"
    raise inputs.wrong("request_details", "cannot be written as JSON", remedy)


class NumberOrders(Noun):
    """`client.number_orders`."""

    async def lookup_requirements(
        self, *, region_code: str, number_type: str
    ) -> NumberRequirements | None:
        """The form and the files that an order of this region and type requires.

        None = the vendor has no requirements for them. The US answers so. For other regions it
        could also
        mean that no such numbers are sold: ask a person (assumed).

        Raises:
            NotFound: a 404 that is not about requirements: a gateway or a wrong URL.
        """
        request = build_lookup_requirements(
            self._project, region_code=region_code, number_type=number_type
        )
        try:
            return await self._send(request)
        except NotFound as error:
            if not no_requirements(error):
                raise
            return None

    async def create(
        self, request: NumberOrderRequest, *, watch: Watch | None = None
    ) -> NumberOrder:
        """Reserve numbers under a new order.

        The clock starts at once: `expire_at` is 30 minutes to 48 hours away.

        Repeat: never without looking first. Sent once, whatever happens. Orders cannot be listed.
        After OutcomeUnknown, a named number that `available_numbers.get` no longer finds is
        probably reserved by the lost order. Nobody knows of a lost quantity order until it expires.

        Raises:
            Rejected: 400, nothing reserved: a number that is taken, or insufficient stock. NotFound
            (404) means the same here.
            OutcomeUnknown: perhaps created.
        """
        return await self._send(build_create(self._project, request), watch)

    async def get(self, order_id: str) -> NumberOrder:
        """The order as it is now.

        Raises:
            NotFound: no such order; perhaps long expired. Evidence only if `resource_type` is
                NumberOrder (assumed).
        """
        return await self._send(build_get(self._project, order_id))

    async def get_registration(self, order_id: str) -> Registration:
        """Data (sealed), files' states and reviewers' messages. Errors as in `get`."""
        return await self._send(build_get_registration(self._project, order_id))

    async def update_registration(
        self,
        order_id: str,
        request_details: Mapping[str, Any] | Secret[Any],
        *,
        watch: Watch | None = None,
    ) -> Registration:
        """Replace the whole registration data; the vendor checks it at once.

        Repeat: safe, and done within the read budget.

        Args:
            order_id: the order.
            request_details: the new `requestDetails`, usually {"data": [one entry per section of
                the form]}; personal.
            watch: asked each time before the request leaves.

        Raises:
            Rejected: 400; `field_violations` say what is wrong, without the values. The order
                stays; correct and send again.
            BadInput: not JSON; the message shows nothing of it.
        """
        request = build_update_registration(self._project, order_id, request_details)
        return await self._send(request, watch)

    async def upload_attachment(
        self,
        order_id: str,
        attachment_id: str,
        file: FileSource,
        *,
        file_name: str | SecretStr,
        media_type: str = "application/octet-stream",
        document_type: str | None = None,
        size: int | None = None,
        hidden: Iterable[str] = (),
        watch: Watch | None = None,
    ) -> None:
        """Upload one required file, read piece by piece while it is sent. The file is not closed.

        The vendor then processes it: submit when `get_registration` shows the upload as COMPLETED.

        Repeat: safe. A file that can seek is sent again within the read budget (300 s in all at
        least); anything else is sent once.

        Args:
            order_id: the order.
            attachment_id: of the requirement (`RequiredAttachment.attachment_id`).
            file: a file object opened for reading bytes, sent from its position; or an async
                iterator of bytes.
            file_name: the name that the vendor gets; personal.
            media_type: one of the requirement's `allowed_mime_types`, if it names any.
            document_type: one of the requirement's `allowed_document_types`, if it names any.
            size: bytes of a file that cannot seek or of an iterator. If unknown, the body is sent
                without a length, which not every gateway accepts.
            hidden: texts that no error may repeat, in addition to the file's name: those of the
                registration (`models.personal.texts`).
            watch: asked each time before the request leaves.

        Raises:
            BadInput: not a readable file of bytes, or an empty one.
            Rejected: 400 wrong kind of file; 413 too large.
            NotFound: no such order or requirement.
            OutcomeUnknown: with `cause="source_failed"` when the file could not be read to its end;
                the vendor then has only a part and discards it.
        """
        name = file_name.get_secret_value() if isinstance(file_name, SecretStr) else file_name
        upload = await multipart.prepare(
            file, file_name=name, media_type=media_type, document_type=document_type, size=size
        )
        request = build_upload_attachment(self._project, order_id, attachment_id, upload, hidden)
        await self._send(request, watch)

    async def submit(
        self, order_id: str, *, hidden: Iterable[str] | None = None, watch: Watch | None = None
    ) -> NumberOrder:
        """Submit the order for review. The numbers are charged when it is completed (assumed).

        Repeat: after OutcomeUnknown look with `get` first: still CREATED or BLOCKED = not
        submitted. Sent once.

        Args:
            order_id: the order.
            hidden: texts of the registration that no error may repeat; None = not at hand, then
                errors leave out what the vendor says.
            watch: asked before the request leaves.

        Raises:
            Rejected: 400 (assumed), data or files are missing, or the order can no longer be
                submitted.
        """
        return await self._send(build_submit(self._project, order_id, hidden), watch)
