"""Active numbers: what the project holds, its links, and its release.

Vendor noun: activeNumbers (docs/vendor/numbers-behaviour.md §7 to §9).
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterable
from typing import Any, Unpack

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.paging import ListQuery
from numberflow.client.protocol import Request, json_body, pairs, project_path, reader
from numberflow.client.raw_pages import RawPage, read_raw_page
from numberflow.client.transport import Watch
from numberflow.models.vendor import ActiveNumber, ActiveNumbersPage, UpdateRequest

# No default and no maximum is documented; the vendor's own helper script uses 100
# (docs/vendor/numbers-behaviour.md §9).
PAGE_SIZE = 100


class ActiveNumbersQuery(ListQuery, total=False):
    """What the lists take; `ActiveNumbers.list_page` says what each means."""

    region_code: str | None
    number_type: str | None
    pattern: str | None
    search_pattern: str | None
    capabilities: Iterable[str]


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
    """One page of held numbers.

    The names on the wire are `capability`, in the singular, and `pageSize` here
    (docs/vendor/numbers-behaviour.md §1, item 8).
    """
    pattern, search_pattern = inputs.number_pattern(pattern, search_pattern)
    return Request(
        "GET",
        "numbers",
        project_path(project_id, "activeNumbers"),
        reader(ActiveNumbersPage),
        query=pairs(
            ("regionCode", inputs.region_code(region_code)),
            ("type", inputs.constant(number_type, "number_type")),
            ("numberPattern.pattern", pattern),
            ("numberPattern.searchPattern", search_pattern),
            ("capability", inputs.constants(capabilities, "capabilities")),
            ("pageSize", inputs.count(page_size, "page_size")),
            ("pageToken", page_token or None),
            ("orderBy", inputs.order_by(order_by, "phoneNumber", "displayName")),
        ),
    )


def build_list_page_bytes(
    project_id: str, *, page_token: str | None = None, **query: Unpack[ActiveNumbersQuery]
) -> Request[RawPage]:
    """The same request as `build_list_page`, for callers that read the page's bytes themselves."""
    request: Request[Any] = build_list_page(project_id, page_token=page_token, **query)
    return dataclasses.replace(request, read_body=read_raw_page, large=True)


def build_get(project_id: str, phone_number: str) -> Request[ActiveNumber]:
    """Read one held number."""
    return _about("GET", project_id, phone_number)


def build_update(
    project_id: str, phone_number: str, request: UpdateRequest
) -> Request[ActiveNumber]:
    """Change what `request` names and nothing else. Costly: it can unlink a live service."""
    body = json_body(inputs.changes(request))
    return _about("PATCH", project_id, phone_number, body=body, costly=True)


def build_release(project_id: str, phone_number: str) -> Request[ActiveNumber]:
    """End the rental at the next charge date. The vendor documents no body.

    Costly: there is no way back, and no refund.
    """
    return _about("POST", project_id, phone_number, ":release", costly=True)


def _about(
    method: str, project_id: str, phone_number: str, verb: str = "", **more: Any
) -> Request[ActiveNumber]:
    """A request about one held number, which answers with it."""
    path = project_path(project_id, "activeNumbers", inputs.phone_number(phone_number)) + verb
    read = ActiveNumber.model_validate
    return Request(method, "numbers", path, read, phone_number=phone_number, **more)


class ActiveNumbers(Noun):
    """`client.active_numbers`."""

    async def list_page(
        self, *, page_token: str | None = None, **query: Unpack[ActiveNumbersQuery]
    ) -> ActiveNumbersPage:
        """One page of held numbers, including released ones that have not expired yet.

        Args:
            page_token: `next_page_token` of the previous page, with all other arguments unchanged.
            **query: any of

                - region_code: as in `available_numbers.search`, but optional, as all filters here;
                - number_type: it is disputed whether a list without it shows every type
                  (docs/vendor/numbers-behaviour.md §4): to be sure, list type by type;
                - pattern, search_pattern: as in `available_numbers.search`;
                - capabilities: the number must have all of these;
                - page_size: most numbers in the page, 100 by default;
                - order_by: phoneNumber or displayName, ascending.

        Raises:
            BadInput: a value that the vendor would refuse.
        """
        return await self._send(build_list_page(self._project, page_token=page_token, **query))

    async def list_page_bytes(
        self, *, page_token: str | None = None, **query: Unpack[ActiveNumbersQuery]
    ) -> RawPage:
        """One page of held numbers as bytes, and what its end says.

        Arguments and errors as in `list_page`. For inventories: a Python object for each number
        costs ten times what moving and parsing the page costs.
        """
        request = build_list_page_bytes(self._project, page_token=page_token, **query)
        return await self._send(request)

    def iterate(self, **query: Unpack[ActiveNumbersQuery]) -> AsyncIterator[ActiveNumber]:
        """Every held number, page after page.

        Arguments as in `list_page`, without the token; errors as there and in `paging.walk`.
        """
        first = build_list_page(self._project, page_token=None, **query)
        return self._walk(first, lambda page: page.active_numbers)

    async def get(self, phone_number: str) -> ActiveNumber:
        """The held number as it is now.

        Raises:
            NotFound: not held. Evidence only if `resource_type` is ActiveNumber: a gateway's own
                404 has none.
        """
        return await self._send(build_get(self._project, phone_number))

    async def update(
        self, phone_number: str, request: UpdateRequest, *, watch: Watch | None = None
    ) -> ActiveNumber:
        """Change name, links or callback address.

        The link jobs show under the scheduled objects. The vendor wants SMS and campaign unlinked
        before they are linked elsewhere.

        Repeat: after OutcomeUnknown look with `get` first. Sent once.

        Raises:
            BadInput: the request changes nothing.
        """
        return await self._send(build_update(self._project, phone_number, request), watch)

    async def release(self, phone_number: str, *, watch: Watch | None = None) -> ActiveNumber:
        """End the rental: the number stays usable until `expire_at`. No refund, no way back.

        Repeat: after OutcomeUnknown look with `get` first (`expire_at` set, or NotFound =
        released). Sent once.
        """
        return await self._send(build_release(self._project, phone_number), watch)
