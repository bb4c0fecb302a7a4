"""Qualified numbers: whether a number can be text-enabled, and proof that it is ours.

Vendor noun: qualifiedNumbers (docs/vendor/imported-hosting-behaviour.md §3). There are no callbacks
while a number is being qualified: poll.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, Required, Unpack

from pydantic import SecretStr

from numberflow.client import hosting_orders, inputs
from numberflow.client.noun import Noun
from numberflow.client.paging import PAGE_SIZE, ListQuery
from numberflow.client.protocol import (
    Request,
    json_body,
    list_reader,
    pairs,
    project_path,
    read_nothing,
    reader,
)
from numberflow.client.transport import Watch
from numberflow.models.hosting import HostingOrder, TextEnableRequest, TextEnableTollFreeRequest
from numberflow.models.imported import QualifiedNumber, QualifiedNumbersPage

# The dashboard's form accepts 500 at a time (assumed to be the API's limit, too,
# docs/vendor/imported-hosting-behaviour.md §7).
ADD_NUMBERS_MAX = 500

# Four digits in the sample; nothing else is known (docs/vendor/imported-hosting-behaviour.md §18).
_CODE = re.compile(r"[0-9A-Za-z]{1,32}")


class QualifiedNumbersQuery(ListQuery, total=False):
    """What the lists take; `QualifiedNumbers.list_page` says what each means."""

    state: Required[str]
    region_code: str | None


def build_add_numbers(
    project_id: str, phone_numbers: Iterable[str]
) -> Request[tuple[QualifiedNumber, ...]]:
    """Ask for numbers to be qualified. Only here the key is phoneNumbers.

    Sent once: it is reversible, but the effect of a second time is not documented.
    """
    numbers = inputs.phone_numbers(phone_numbers, "phone_numbers", most=ADD_NUMBERS_MAX)
    return Request(
        "POST",
        "imported",
        f"{project_path(project_id, 'qualifiedNumbers')}:addNumbers",
        list_reader(QualifiedNumber, "qualifiedNumbers"),
        body=json_body({"phoneNumbers": list(numbers)}),
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
        "GET",
        "imported",
        project_path(project_id, "qualifiedNumbers"),
        reader(QualifiedNumbersPage),
        query=pairs(
            ("states", inputs.constant(state, "state")),
            ("regionCode", inputs.hosting_region(region_code)),
            ("pageSize", inputs.count(page_size, "page_size")),
            ("pageToken", page_token or None),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
        ),
    )


def build_get(project_id: str, phone_number: str) -> Request[QualifiedNumber]:
    """Read one qualified number."""
    return _about("GET", project_id, phone_number)


def build_send_voice_challenge(project_id: str, phone_number: str) -> Request[QualifiedNumber]:
    """Call the number and speak a code. Costly: a real phone rings. No body is documented."""
    return _about("POST", project_id, phone_number, ":sendVoiceChallenge", costly=True)


def build_verify_voice_challenge(
    project_id: str, phone_number: str, code: SecretStr
) -> Request[QualifiedNumber]:
    """Submit the spoken code.

    Sent once: three wrong ones block the number (assumed), and a second time may count.
    """
    spoken = code.get_secret_value()
    if not _CODE.fullmatch(spoken):
        remedy = "digits or letters, without spaces"
        raise inputs.wrong("code", "not what a voice would spell", remedy)
    return _about(
        "POST",
        project_id,
        phone_number,
        ":verifyVoiceChallenge",
        body=json_body({"code": spoken}),
        costly=True,
        conceal=(spoken,),
    )


def build_delete(project_id: str, phone_number: str) -> Request[None]:
    """Remove one qualified number. Costly. Success has no body."""
    path = build_get(project_id, phone_number).path
    return Request("DELETE", "imported", path, read_body=read_nothing, costly=True)


def build_text_enable(project_id: str, request: TextEnableRequest) -> Request[str]:
    """Text-enable local numbers. The reply is only the order's id.

    Costly, and legally binding.
    """
    path = f"{project_path(project_id, 'qualifiedNumbers')}:textEnableNumbers"
    return hosting_orders.text_enable(path, request, read_hosting_order_id)


def build_text_enable_toll_free(
    project_id: str, request: TextEnableTollFreeRequest
) -> Request[HostingOrder]:
    """Text-enable toll-free numbers. The reply is the whole order.

    Costly, and legally binding.
    """
    path = f"{project_path(project_id, 'qualifiedNumbers')}:textEnableTollFreeNumbers"
    return hosting_orders.text_enable(path, request, HostingOrder.model_validate)


def read_hosting_order_id(value: Any) -> str:
    """Read the id of the order that was opened. ValueError when there is none."""
    return HostingOrder.model_validate(value).hosting_order_id


def _about(
    method: str, project_id: str, phone_number: str, verb: str = "", **more: Any
) -> Request[QualifiedNumber]:
    """A request about one qualified number, which answers with it."""
    path = project_path(project_id, "qualifiedNumbers", inputs.phone_number(phone_number)) + verb
    read = QualifiedNumber.model_validate
    return Request(method, "imported", path, read, phone_number=phone_number, **more)


class QualifiedNumbers(Noun):
    """`client.qualified_numbers`."""

    async def add(
        self, phone_numbers: Iterable[str], *, watch: Watch | None = None
    ) -> tuple[QualifiedNumber, ...]:
        """Ask for up to 500 numbers to be qualified.

        A number that is already known is returned in its present state (assumed).

        Ownership is then proven by voice challenge, one by one, or by invoices that list the
        numbers, mailed to orders@sinch.com (§3, §6).

        Repeat: after OutcomeUnknown read the numbers with `get`, and add only those that are
        missing. Sent once.

        Raises:
            BadInput: no number, too many, or a duplicate.
        """
        return await self._send(build_add_numbers(self._project, phone_numbers), watch)

    async def list_page(
        self, *, page_token: str | None = None, **query: Unpack[QualifiedNumbersQuery]
    ) -> QualifiedNumbersPage:
        """One page of the numbers in one state.

        There is no list of all: an inventory takes one walk per state (§3).

        Args:
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            **query: the state, and any of the others

                - state: one `QualificationState`;
                - region_code: US or CA;
                - page_size: most numbers in the page; the server may use less;
                - order_by: createdTime or updatedTime; ascending (assumed).
        """
        return await self._send(build_list_page(self._project, page_token=page_token, **query))

    def iterate(self, **query: Unpack[QualifiedNumbersQuery]) -> AsyncIterator[QualifiedNumber]:
        """Every number in that state.

        Arguments as in `list_page`, without the token; errors as there and in `paging.walk`.
        """
        first = build_list_page(self._project, page_token=None, **query)
        return self._walk(first, lambda page: page.qualified_numbers)

    async def get(self, phone_number: str) -> QualifiedNumber:
        """The number and its checks as they are now.

        Raises:
            NotFound: never added, or removed. Evidence only if `code` is NOT_FOUND.
        """
        return await self._send(build_get(self._project, phone_number))

    async def send_voice_challenge(
        self, phone_number: str, *, watch: Watch | None = None
    ) -> QualifiedNumber:
        """Call the number and speak a one-time code to whoever answers. Prices are not published.

        Repeat: never by a machine, whatever happened: a person requests another call. Sent once.
        """
        return await self._send(build_send_voice_challenge(self._project, phone_number), watch)

    async def verify_voice_challenge(
        self, phone_number: str, code: SecretStr | str, *, watch: Watch | None = None
    ) -> QualifiedNumber:
        """Submit the spoken code. The state shows the result.

        A wrong code is not an error, but VERIFICATION_FAILED or, the third time, _BLOCKED
        (assumed).

        Repeat: after OutcomeUnknown look with `get` first. Sent once.

        Raises:
            BadInput: not a code; the message does not show it.
        """
        sealed = code if isinstance(code, SecretStr) else SecretStr(code)
        built = build_verify_voice_challenge(self._project, phone_number, sealed)
        return await self._send(built, watch)

    async def delete(self, phone_number: str, *, watch: Watch | None = None) -> None:
        """Remove the number. An imported number that came from it stays (assumed).

        Repeat: after OutcomeUnknown look with `get` first: not found = removed. Sent once.
        """
        await self._send(build_delete(self._project, phone_number), watch)

    async def text_enable(self, request: TextEnableRequest, *, watch: Watch | None = None) -> str:
        """As `hosting_orders.text_enable`, but the reply is only the order's id.

        Prefer that one, which returns the state, too.
        """
        return await self._send(build_text_enable(self._project, request), watch)

    async def text_enable_toll_free(
        self, request: TextEnableTollFreeRequest, *, watch: Watch | None = None
    ) -> HostingOrder:
        """As `hosting_orders.text_enable_toll_free`."""
        return await self._send(build_text_enable_toll_free(self._project, request), watch)
