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

# 5 min: 10 MiB (the assumed limit of a file, docs/vendor/numbers-behaviour.md "Not known", 19) over
# half a megabit per second take three. No single write or read may take longer than the usual
# time-out.
UPLOAD_TOTAL_S = 300.0

# In the newest form or the older one.
_READ_REGISTRATION = reader(Registration, "requestDetails", "data", "attachments", "logs")


def build_lookup_requirements(
    project_id: str, *, region_code: str, number_type: str
) -> Request[NumberRequirements]:
    """What an order of this region and type takes.

    A POST that only reads, so it is repeated like one.
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

    Repeated like a read: a PUT that arrives twice leaves what it leaves once.

    The newest documentation nests what the form asks for under `data`
    (docs/vendor/numbers-behaviour.md §10); this sends `request_details` as it is.
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
        # Without its ending too; the ending itself ("only pdf is allowed") is nobody's.
        personal=(
            *personal.texts([upload.file_name, upload.file_name.rpartition(".")[0]]),
            *hidden,
        ),
        total_s=UPLOAD_TOTAL_S,
    )


def build_submit(
    project_id: str, order_id: str, hidden: Iterable[str] | None = None
) -> Request[NumberOrder]:
    """Hand the order in for review. Costly.

    A slash, not a colon, and no body (docs/vendor/numbers-behaviour.md §10).

    A refusal may quote the registration, which this request does not hold: `hidden` are its texts;
    without them no sentence of the vendor's is repeated.
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

    Otherwise it is a wrong URL's or a gateway's. Seen live for US LOCAL and US TOLL_FREE; elsewhere
    it could also mean that no such numbers are sold (docs/vendor/numbers-behaviour.md §1, item 4).
    """
    # By resource, loosely: older pages show internal names such as
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
    # Out here, so that the failure, which may hold the data, does not become the context of ours.
    remedy = "text, numbers, true, false, null, lists and objects only"
    raise inputs.wrong("request_details", "cannot be written as JSON", remedy)


class NumberOrders(Noun):
    """`client.number_orders`."""

    async def lookup_requirements(
        self, *, region_code: str, number_type: str
    ) -> NumberRequirements | None:
        """The form and the files that an order of this region and type takes.

        None = the vendor has no requirements for them.

        None is what the US says; for other regions it could also mean that no such numbers are
        sold: ask a person (assumed).

        Raises:
            NotFound: a 404 that does not speak of requirements: a gateway or a wrong URL.
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

        Repeat: never without looking first. Leaves once whatever happens. Orders cannot be listed:
        after OutcomeUnknown a given number that `available_numbers.get` no longer finds is probably
        reserved by the lost order; a lost quantity order is known to nobody until it expires.

        Raises:
            Rejected: 400, nothing reserved: a number that is taken, or stock that does not do.
                NotFound (404) means the same here.
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
            request_details: what `requestDetails` shall be, usually {"data": [one entry per section
                of the form]}; personal.
            watch: asked before every time that the request leaves.

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

        The vendor goes on working on it: submit when `get_registration` shows the upload as
        COMPLETED.

        Repeat: safe. A file that can seek is sent again within the read budget (300 s in all at
        least); anything else leaves once.

        Args:
            order_id: the order.
            attachment_id: of the requirement (`RequiredAttachment.attachment_id`).
            file: a file object opened for reading bytes, sent from where it stands; or an async
                iterator of bytes.
            file_name: what the vendor is told; personal.
            media_type: one of the requirement's `allowed_mime_types`, if it names any.
            document_type: one of the requirement's `allowed_document_types`, if it names any.
            size: bytes of a file that cannot seek or of an iterator; unknown, the body is sent
                without a length, which not every gateway takes.
            hidden: texts that no error may repeat, beside the file's name: those of the
                registration (`models.personal.texts`).
            watch: asked before every time that the request leaves.

        Raises:
            BadInput: not a readable file of bytes, or an empty one.
            Rejected: 400 wrong kind of file; 413 too large.
            NotFound: no such order or requirement.
            OutcomeUnknown: with `cause="source_failed"` when the file could not be read to its end;
                the vendor has only a part then and takes none.
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
        """Hand the order in for review. The numbers are charged when it is completed (assumed).

        Repeat: after OutcomeUnknown look with `get` first: still CREATED or BLOCKED = not
        submitted. Leaves once.

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
