"""Active numbers: what the project holds, its links, and giving it back.

Vendor noun: activeNumbers (docs/vendor/numbers-behaviour.md §7 to §9).
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterable
from typing import Any

from numberflow.client import inputs
from numberflow.client.protocol import JSON, Request, json_body, known, pairs, project_path, segment
from numberflow.client.raw_pages import RawPage, read_raw_page
from numberflow.client.transport import Transport, Watch
from numberflow.errors import BadInput, OutcomeUnknown
from numberflow.models.vendor import ActiveNumber, ActiveNumbersPage, UpdateRequest

# No default and no maximum is documented; the vendor's own helper script uses 100
# (docs/vendor/numbers-behaviour.md §9).
PAGE_SIZE = 100

_SORT_FIELDS = ("phoneNumber", "displayName")


def build_list_page(
    project_id: str,
    *,
    region_code: str | None = None,
    number_type: str | None = None,
    pattern: str | None = None,
    search_pattern: str | None = None,
    capabilities: Iterable[str] = (),
    page_size: int = PAGE_SIZE,
    page_token: str | None = None,
    order_by: str | None = None,
) -> Request[ActiveNumbersPage]:
    """One page of held numbers. The names on the wire are the singular `capability` and `pageSize` here (docs/vendor/numbers-behaviour.md §1, item 8)."""
    pattern, search_pattern = inputs.number_pattern(pattern, search_pattern)
    if order_by is not None and order_by not in _SORT_FIELDS:
        raise BadInput(
            f"order_by: {order_by!r}", field="order_by", remedy=" or ".join(_SORT_FIELDS)
        )
    return Request(
        method="GET",
        base="numbers",
        path=project_path(project_id, "activeNumbers"),
        query=pairs(
            ("regionCode", None if region_code is None else inputs.region_code(region_code)),
            ("type", None if number_type is None else inputs.constant(number_type, "number_type")),
            ("numberPattern.pattern", pattern),
            ("numberPattern.searchPattern", search_pattern),
            ("capability", inputs.constants(capabilities, "capabilities")),
            ("pageSize", inputs.count(page_size, "page_size")),
            ("pageToken", page_token or None),
            ("orderBy", order_by),
        ),
        read=read_page,
    )


def build_list_page_bytes(project_id: str, **query: Any) -> Request[RawPage]:
    """The same request as `build_list_page` (arguments as there), for whoever reads the page's bytes himself."""
    request: Request[Any] = build_list_page(project_id, **query)
    return dataclasses.replace(request, read_body=read_raw_page, large=True)


def build_get(project_id: str, phone_number: str) -> Request[ActiveNumber]:
    """Read one held number."""
    return Request(
        method="GET",
        base="numbers",
        path=_number_path(project_id, phone_number),
        read=ActiveNumber.model_validate,
        phone_number=phone_number,
    )


def build_update(
    project_id: str, phone_number: str, request: UpdateRequest
) -> Request[ActiveNumber]:
    """Change what `request` names and nothing else. Costly: it can unlink a live service."""
    body = request.to_wire()
    if not body:
        raise BadInput(
            "the update changes nothing", field="request", remedy="set at least one member"
        )
    return Request(
        method="PATCH",
        base="numbers",
        path=_number_path(project_id, phone_number),
        headers=JSON,
        body=json_body(body),
        read=ActiveNumber.model_validate,
        costly=True,
        phone_number=phone_number,
    )


def build_release(project_id: str, phone_number: str) -> Request[ActiveNumber]:
    """End the rental at the next charge date. Costly: there is no way back, and no refund.

    The vendor documents no body.
    """
    return Request(
        method="POST",
        base="numbers",
        path=f"{_number_path(project_id, phone_number)}:release",
        read=ActiveNumber.model_validate,
        costly=True,
        phone_number=phone_number,
    )


def read_page(value: Any) -> ActiveNumbersPage:
    """Read one page. ValueError when it is not one."""
    return ActiveNumbersPage.model_validate(
        known(value, "activeNumbers", "nextPageToken", "totalSize")
    )


def _number_path(project_id: str, phone_number: str) -> str:
    return project_path(project_id, f"activeNumbers/{segment(inputs.phone_number(phone_number))}")


class ActiveNumbers:
    """`client.active_numbers`."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project_id = project_id

    async def list_page(
        self,
        *,
        region_code: str | None = None,
        number_type: str | None = None,
        pattern: str | None = None,
        search_pattern: str | None = None,
        capabilities: Iterable[str] = (),
        page_size: int = PAGE_SIZE,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> ActiveNumbersPage:
        """One page of held numbers, released ones that have not expired yet among them.

        Args:
            region_code: as in `available_numbers.search`, but optional, as all filters here.
            number_type: whether a list without it shows every type is disputed
                (docs/vendor/numbers-behaviour.md §4): ask type by type to be sure.
            pattern: as in `available_numbers.search`.
            search_pattern: as in `available_numbers.search`.
            capabilities: all of these must be there.
            page_size: most numbers in the page.
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            order_by: phoneNumber or displayName, ascending.

        Raises:
            BadInput: a value that the vendor would refuse.
        """
        return await self._transport.send(
            build_list_page(
                self._project_id,
                region_code=region_code,
                number_type=number_type,
                pattern=pattern,
                search_pattern=search_pattern,
                capabilities=capabilities,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )
        )

    async def list_page_bytes(
        self,
        *,
        region_code: str | None = None,
        number_type: str | None = None,
        pattern: str | None = None,
        search_pattern: str | None = None,
        page_size: int = PAGE_SIZE,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> RawPage:
        """One page of held numbers as bytes, with what its end says.

        Arguments and errors as in `list_page`.

        For inventories: a Python object per number costs ten times what moving and parsing the page
        costs.
        """
        return await self._transport.send(
            build_list_page_bytes(
                self._project_id,
                region_code=region_code,
                number_type=number_type,
                pattern=pattern,
                search_pattern=search_pattern,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )
        )

    async def iterate(
        self,
        *,
        region_code: str | None = None,
        number_type: str | None = None,
        pattern: str | None = None,
        search_pattern: str | None = None,
        capabilities: Iterable[str] = (),
        page_size: int = PAGE_SIZE,
        order_by: str | None = None,
    ) -> AsyncIterator[ActiveNumber]:
        """Every held number, page after page. Arguments as in `list_page`.

        Raises:
            OutcomeUnknown: with `cause="repeated_token"` when the vendor hands out a page token
                twice: the walk would never end.
        """
        wanted = tuple(capabilities)  # an iterator would be used up by the first page
        seen: set[str] = set()
        page_token: str | None = None
        while True:
            page = await self.list_page(
                region_code=region_code,
                number_type=number_type,
                pattern=pattern,
                search_pattern=search_pattern,
                capabilities=wanted,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )
            for number in page.active_numbers:
                yield number
            page_token = page.next_page_token
            if page_token is None:
                return
            if page_token in seen:
                raise OutcomeUnknown(
                    "activeNumbers: the same page token came twice",
                    status=200,
                    cause="repeated_token",
                )
            seen.add(page_token)

    async def get(self, phone_number: str) -> ActiveNumber:
        """The held number as it is now.

        Raises:
            NotFound: not held. Evidence only if `resource_type` is ActiveNumber: a gateway's own
                404 has none.
        """
        return await self._transport.send(build_get(self._project_id, phone_number))

    async def update(
        self, phone_number: str, request: UpdateRequest, *, watch: Watch | None = None
    ) -> ActiveNumber:
        """Change name, links or callback address.

        The link jobs show up under the scheduled objects.

        Repeat: after OutcomeUnknown look with `get` first. Leaves once. The vendor wants SMS and
        campaign unlinked before they are linked elsewhere.

        Raises:
            BadInput: the request changes nothing.
        """
        return await self._transport.send(
            build_update(self._project_id, phone_number, request), watch=watch
        )

    async def release(self, phone_number: str, *, watch: Watch | None = None) -> ActiveNumber:
        """End the rental: the number stays usable until `expire_at`. No refund, no way back.

        Repeat: after OutcomeUnknown look with `get` first (`expire_at` set, or NotFound =
        released). Leaves once.
        """
        return await self._transport.send(
            build_release(self._project_id, phone_number), watch=watch
        )
