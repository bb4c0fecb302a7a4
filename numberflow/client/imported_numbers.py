"""Imported numbers: numbers that live elsewhere and send messages through Sinch.

Vendor noun: importedNumbers (docs/vendor/imported-hosting-behaviour.md §4, §9). Several at once are
imported by an order (hosting_orders.py); numbers that are not routed to Sinch yet are text-enabled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Required, Unpack

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.paging import PAGE_SIZE, ListQuery
from numberflow.client.protocol import (
    Request,
    json_body,
    pairs,
    project_path,
    read_nothing,
    reader,
)
from numberflow.client.transport import Watch
from numberflow.models.imported import (
    ImportedNumber,
    ImportedNumbersPage,
    ImportedUpdateRequest,
    ImportNumberRequest,
)


class ImportedNumbersQuery(ListQuery, total=False):
    """What the lists take; `ImportedNumbers.list_page` says what each means."""

    service_plan_id: Required[str]
    campaign_id: Required[str]
    region_code: str | None
    pattern: str | None
    search_pattern: str | None


def build_list_page(
    project_id: str,
    *,
    service_plan_id: str,
    campaign_id: str,
    region_code: str | None = None,
    pattern: str | None = None,
    search_pattern: str | None = None,
    page_size: int = PAGE_SIZE,
    page_token: str | None = None,
    order_by: str | None = None,
) -> Request[ImportedNumbersPage]:
    """One page of imported numbers.

    Both ids are always sent, even when empty: the reference marks them as required.
    """
    pattern, search_pattern = inputs.number_pattern(pattern, search_pattern)
    if search_pattern == "CONTAINS":
        # This API's word (docs/vendor/imported-hosting.openapi.yaml, numberPattern.searchPattern).
        search_pattern = "CONTAIN"
    return Request(
        "GET",
        "imported",
        project_path(project_id, "importedNumbers"),
        reader(ImportedNumbersPage),
        query=pairs(
            ("servicePlanId", service_plan_id),
            ("campaignId", campaign_id),
            ("regionCode", inputs.hosting_region(region_code)),
            ("numberPattern.pattern", pattern),
            ("numberPattern.searchPattern", search_pattern),
            ("pageSize", inputs.count(page_size, "page_size")),
            ("pageToken", page_token or None),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
        ),
    )


def build_get(project_id: str, phone_number: str) -> Request[ImportedNumber]:
    """Read one imported number."""
    path, read = _number_path(project_id, phone_number), ImportedNumber.model_validate
    return Request("GET", "imported", path, read, phone_number=phone_number)


def build_import(project_id: str, request: ImportNumberRequest) -> Request[ImportedNumber]:
    """Import one number. Costly."""
    inputs.phone_number(request.phone_number)
    inputs.hosting_region(request.region_code)
    return Request(
        "POST",
        "imported",
        project_path(project_id, "importedNumbers"),
        ImportedNumber.model_validate,
        body=json_body(request.to_wire()),
        costly=True,
        phone_number=request.phone_number,
    )


def build_update(
    project_id: str, phone_number: str, request: ImportedUpdateRequest
) -> Request[ImportedNumber]:
    """Change what `request` names and nothing else. Costly: it can unlink a live service.

    The members of the body are the mask (assumed, §9).
    """
    return Request(
        "PATCH",
        "imported",
        _number_path(project_id, phone_number),
        ImportedNumber.model_validate,
        body=json_body(inputs.changes(request)),
        costly=True,
        phone_number=phone_number,
    )


def build_delete(project_id: str, phone_number: str) -> Request[None]:
    """Remove one imported number. Costly. Success has no body."""
    path = _number_path(project_id, phone_number)
    return Request("DELETE", "imported", path, read_body=read_nothing, costly=True)


def _number_path(project_id: str, phone_number: str) -> str:
    return project_path(project_id, "importedNumbers", inputs.phone_number(phone_number))


class ImportedNumbers(Noun):
    """`client.imported_numbers`."""

    async def list_page(
        self, *, page_token: str | None = None, **query: Unpack[ImportedNumbersQuery]
    ) -> ImportedNumbersPage:
        """One page of the numbers that are linked to this service plan and this campaign.

        There is no list of all (§7).

        Args:
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            **query: the first two, and any of the others

                - service_plan_id: the plan;
                - campaign_id: the campaign; "" = the numbers without one (assumed);
                - region_code: US or CA;
                - pattern, search_pattern: as in `available_numbers.search`;
                - page_size: most numbers in the page; the server may use less;
                - order_by: createdTime or updatedTime; ascending (assumed).

        Raises:
            BadInput: a value that the vendor would refuse.
        """
        return await self._send(build_list_page(self._project, page_token=page_token, **query))

    def iterate(self, **query: Unpack[ImportedNumbersQuery]) -> AsyncIterator[ImportedNumber]:
        """Every number of that plan and campaign, page after page.

        Arguments as in `list_page`, without the token; errors as there and in `paging.walk`.
        """
        first = build_list_page(self._project, page_token=None, **query)
        return self._walk(first, lambda page: page.imported_numbers)

    async def get(self, phone_number: str) -> ImportedNumber:
        """The imported number with its provisioning.

        Raises:
            NotFound: not imported. Evidence only if `code` is NOT_FOUND: this API names no
                resource, and a gateway's own 404 has no code.
        """
        return await self._send(build_get(self._project, phone_number))

    async def import_number(
        self, request: ImportNumberRequest, *, watch: Watch | None = None
    ) -> ImportedNumber:
        """Import one number. Links continue in the background and show in `get`.

        Prices are not published.

        Repeat: after OutcomeUnknown look with `get` first: not found = safe to repeat. Sent once.

        Raises:
            Rejected: 409 when it is imported already: read it, and continue if plan and campaign
            are the wanted ones; 400 for a plan or number that cannot be used.
        """
        return await self._send(build_import(self._project, request), watch)

    async def update(
        self, phone_number: str, request: ImportedUpdateRequest, *, watch: Watch | None = None
    ) -> ImportedNumber:
        """Change name, links or callback address.

        To link elsewhere: unlink, wait until it is done, then link, in two requests (§9).

        Repeat: after OutcomeUnknown look with `get` first. Sent once.

        Raises:
            BadInput: the request changes nothing.
        """
        return await self._send(build_update(self._project, phone_number, request), watch)

    async def delete(self, phone_number: str, *, watch: Watch | None = None) -> None:
        """Remove the number from the project. It may be imported again afterwards (assumed).

        Repeat: after OutcomeUnknown look with `get` first: not found = removed. Sent once.
        """
        await self._send(build_delete(self._project, phone_number), watch)
