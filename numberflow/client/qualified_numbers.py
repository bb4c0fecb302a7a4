"""Qualified numbers: may a number be text-enabled, and is it ours? Vendor noun.

QualifiedNumbers (docs/vendor/imported-hosting-behaviour.md §3).

Nothing calls back while a number is being qualified: poll.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

from pydantic import SecretStr, TypeAdapter

from numberflow.client import hosting_orders, inputs
from numberflow.client.paging import PAGE_SIZE, walk
from numberflow.client.protocol import (
    JSON,
    Request,
    json_body,
    known,
    listed,
    pairs,
    project_path,
    read_nothing,
    segment,
)
from numberflow.client.transport import Transport, Watch
from numberflow.errors import BadInput
from numberflow.models.hosting import HostingOrder, TextEnableRequest, TextEnableTollFreeRequest
from numberflow.models.imported import QualifiedNumber, QualifiedNumbersPage

# The dashboard's form takes 500 at a time (assumed to be the API's limit too,
# docs/vendor/imported-hosting-behaviour.md §7).
ADD_NUMBERS_MAX = 500

# Four digits in the sample; nothing else is said (docs/vendor/imported-hosting-behaviour.md §18).
_CODE = re.compile(r"[0-9A-Za-z]{1,32}")

_NUMBERS = TypeAdapter(tuple[QualifiedNumber, ...])


def build_add_numbers(
    project_id: str, phone_numbers: Iterable[str]
) -> Request[tuple[QualifiedNumber, ...]]:
    """Ask for numbers to be qualified.

    Leaves once: reversible, but what a second time does is not documented. The key is phoneNumbers
    here alone.
    """
    numbers = inputs.phone_numbers(phone_numbers, "phone_numbers", most=ADD_NUMBERS_MAX)
    return Request(
        method="POST",
        base="imported",
        path=project_path(project_id, "qualifiedNumbers:addNumbers"),
        headers=JSON,
        body=json_body({"phoneNumbers": list(numbers)}),
        read=read_qualified_numbers,
        costly=True,
    )


def build_list_page(
    project_id: str,
    *,
    state: str,
    region_code: str | None = None,
    page_size: int = PAGE_SIZE,
    page_token: str | None = None,
    order_by: str | None = None,
) -> Request[QualifiedNumbersPage]:
    """One page of the numbers in one state.

    The state is required, one per call (docs/vendor/imported-hosting-behaviour.md §3).
    """
    return Request(
        method="GET",
        base="imported",
        path=project_path(project_id, "qualifiedNumbers"),
        query=pairs(
            ("states", inputs.constant(state, "state")),
            ("regionCode", None if region_code is None else inputs.hosting_region(region_code)),
            ("pageSize", inputs.count(page_size, "page_size")),
            ("pageToken", page_token or None),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
        ),
        read=read_page,
    )


def build_get(project_id: str, phone_number: str) -> Request[QualifiedNumber]:
    """Read one qualified number."""
    return Request(
        method="GET",
        base="imported",
        path=_number_path(project_id, phone_number),
        read=QualifiedNumber.model_validate,
        phone_number=phone_number,
    )


def build_send_voice_challenge(project_id: str, phone_number: str) -> Request[QualifiedNumber]:
    """Call the number and speak a code. Costly: a real phone rings. No body is documented."""
    return Request(
        method="POST",
        base="imported",
        path=f"{_number_path(project_id, phone_number)}:sendVoiceChallenge",
        read=QualifiedNumber.model_validate,
        costly=True,
        phone_number=phone_number,
    )


def build_verify_voice_challenge(
    project_id: str, phone_number: str, code: SecretStr
) -> Request[QualifiedNumber]:
    """Hand in the spoken code. Leaves once.

    Three wrong ones block the number (assumed), and a second time may count.
    """
    spoken = code.get_secret_value()
    if not _CODE.fullmatch(spoken):
        raise BadInput(
            "code: not what a voice would spell",
            field="code",
            remedy="digits or letters, without spaces",
        )
    return Request(
        method="POST",
        base="imported",
        path=f"{_number_path(project_id, phone_number)}:verifyVoiceChallenge",
        headers=JSON,
        body=json_body({"code": spoken}),
        read=QualifiedNumber.model_validate,
        costly=True,
        phone_number=phone_number,
        conceal=(spoken,),
    )


def build_delete(project_id: str, phone_number: str) -> Request[None]:
    """Forget one qualified number. Costly. Success has no body."""
    return Request(
        method="DELETE",
        base="imported",
        path=_number_path(project_id, phone_number),
        read=lambda _: None,
        read_body=read_nothing,
        costly=True,
    )


def build_text_enable(project_id: str, request: TextEnableRequest) -> Request[str]:
    """Text-enable local numbers, answered with the order's id alone.

    Costly, and legally binding.
    """
    path = project_path(project_id, "qualifiedNumbers:textEnableNumbers")
    return hosting_orders.text_enable(path, request, read_hosting_order_id)


def build_text_enable_toll_free(
    project_id: str, request: TextEnableTollFreeRequest
) -> Request[HostingOrder]:
    """Text-enable toll-free numbers, answered with the whole order. Costly, and legally binding."""
    path = project_path(project_id, "qualifiedNumbers:textEnableTollFreeNumbers")
    return hosting_orders.text_enable(path, request, HostingOrder.model_validate)


def read_qualified_numbers(value: Any) -> tuple[QualifiedNumber, ...]:
    """Read the reply of addNumbers. ValueError when it is not one."""
    return _NUMBERS.validate_python(listed(value, "qualifiedNumbers"))


def read_page(value: Any) -> QualifiedNumbersPage:
    """Read one page. ValueError when it is not one."""
    return QualifiedNumbersPage.model_validate(
        known(value, "qualifiedNumbers", "nextPageToken", "totalSize")
    )


def read_hosting_order_id(value: Any) -> str:
    """Read the id of the order that was opened. ValueError when there is none."""
    return HostingOrder.model_validate(value).hosting_order_id


def _number_path(project_id: str, phone_number: str) -> str:
    return project_path(
        project_id, f"qualifiedNumbers/{segment(inputs.phone_number(phone_number))}"
    )


class QualifiedNumbers:
    """`client.qualified_numbers`."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project_id = project_id

    async def add(
        self, phone_numbers: Iterable[str], *, watch: Watch | None = None
    ) -> tuple[QualifiedNumber, ...]:
        """Ask for up to 500 numbers to be qualified.

        A number that is known already comes back with its present state (assumed).

        Ownership is then proven by voice challenge, one by one, or by invoices that list the
        numbers, mailed to orders@sinch.com (§3, §6).

        Repeat: after OutcomeUnknown read the numbers with `get`, and add only those that are
        missing. Leaves once.

        Raises:
            BadInput: no number, too many, or one twice.
        """
        return await self._transport.send(
            build_add_numbers(self._project_id, phone_numbers), watch=watch
        )

    async def list_page(
        self,
        *,
        state: str,
        region_code: str | None = None,
        page_size: int = PAGE_SIZE,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> QualifiedNumbersPage:
        """One page of the numbers in one state.

        There is no list of all: an inventory takes one walk per state (§3).

        Args:
            state: one `QualificationState`.
            region_code: US or CA.
            page_size: most numbers in the page; the server may use less.
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            order_by: createdTime or updatedTime; ascending (assumed).
        """
        return await self._transport.send(
            build_list_page(
                self._project_id,
                state=state,
                region_code=region_code,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )
        )

    async def iterate(
        self,
        *,
        state: str,
        region_code: str | None = None,
        page_size: int = PAGE_SIZE,
        order_by: str | None = None,
    ) -> AsyncIterator[QualifiedNumber]:
        """Every number in that state. Arguments as in `list_page`, errors as in `paging.walk`."""

        async def fetch(page_token: str | None) -> QualifiedNumbersPage:
            return await self.list_page(
                state=state,
                region_code=region_code,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )

        async for page in walk("qualifiedNumbers", fetch):
            for number in page.qualified_numbers:
                yield number

    async def get(self, phone_number: str) -> QualifiedNumber:
        """The number and its checks as they are now.

        Raises:
            NotFound: never added, or forgotten. Evidence only if `code` is NOT_FOUND.
        """
        return await self._transport.send(build_get(self._project_id, phone_number))

    async def send_voice_challenge(
        self, phone_number: str, *, watch: Watch | None = None
    ) -> QualifiedNumber:
        """Call the number and speak a one-time code to whoever answers. Prices are not published.

        Repeat: never by a machine, whatever happened: a person asks for another call. Leaves once.
        """
        return await self._transport.send(
            build_send_voice_challenge(self._project_id, phone_number), watch=watch
        )

    async def verify_voice_challenge(
        self, phone_number: str, code: SecretStr | str, *, watch: Watch | None = None
    ) -> QualifiedNumber:
        """Hand in the spoken code. Look at the state.

        A wrong code is no error, but VERIFICATION_FAILED or, the third time, _BLOCKED (assumed).

        Repeat: after OutcomeUnknown look with `get` first. Leaves once.

        Raises:
            BadInput: not a code; the message does not show it.
        """
        sealed = code if isinstance(code, SecretStr) else SecretStr(code)
        built = build_verify_voice_challenge(self._project_id, phone_number, sealed)
        return await self._transport.send(built, watch=watch)

    async def delete(self, phone_number: str, *, watch: Watch | None = None) -> None:
        """Forget the number. An imported number that came from it stays (assumed).

        Repeat: after OutcomeUnknown look with `get` first: not found = forgotten. Leaves once.
        """
        await self._transport.send(build_delete(self._project_id, phone_number), watch=watch)

    async def text_enable(self, request: TextEnableRequest, *, watch: Watch | None = None) -> str:
        """As `hosting_orders.text_enable`, but answered with the order's id alone.

        Prefer that one, which tells the state too.
        """
        return await self._transport.send(build_text_enable(self._project_id, request), watch=watch)

    async def text_enable_toll_free(
        self, request: TextEnableTollFreeRequest, *, watch: Watch | None = None
    ) -> HostingOrder:
        """As `hosting_orders.text_enable_toll_free`."""
        return await self._transport.send(
            build_text_enable_toll_free(self._project_id, request), watch=watch
        )
