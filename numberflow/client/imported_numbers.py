"""Imported numbers: numbers that live elsewhere and message through Sinch.

Vendor noun: importedNumbers (docs/vendor/imported-hosting-behaviour.md §4, §9).

Several at once are imported by an order (hosting_orders.py); numbers that are not routed to Sinch
yet are text-enabled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from numberflow.client import inputs
from numberflow.client.paging import PAGE_SIZE, walk
from numberflow.client.protocol import (
    JSON,
    Request,
    json_body,
    known,
    pairs,
    project_path,
    read_nothing,
    segment,
)
from numberflow.client.transport import Transport, Watch
from numberflow.errors import BadInput
from numberflow.models.imported import (
    ImportedNumber,
    ImportedNumbersPage,
    ImportedUpdateRequest,
    ImportNumberRequest,
)


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

    Both ids are always sent, the empty one too: the reference marks them as required.
    """
    pattern, search_pattern = inputs.number_pattern(pattern, search_pattern)
    if search_pattern == "CONTAINS":
        # this API's word (docs/vendor/imported-hosting.openapi.yaml, numberPattern.searchPattern)
        search_pattern = "CONTAIN"
    return Request(
        method="GET",
        base="imported",
        path=project_path(project_id, "importedNumbers"),
        query=pairs(
            ("servicePlanId", service_plan_id),
            ("campaignId", campaign_id),
            ("regionCode", None if region_code is None else inputs.hosting_region(region_code)),
            ("numberPattern.pattern", pattern),
            ("numberPattern.searchPattern", search_pattern),
            ("pageSize", inputs.count(page_size, "page_size")),
            ("pageToken", page_token or None),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
        ),
        read=read_page,
    )


def build_get(project_id: str, phone_number: str) -> Request[ImportedNumber]:
    """Read one imported number."""
    return Request(
        method="GET",
        base="imported",
        path=_number_path(project_id, phone_number),
        read=ImportedNumber.model_validate,
        phone_number=phone_number,
    )


def build_import(project_id: str, request: ImportNumberRequest) -> Request[ImportedNumber]:
    """Import one number. Costly."""
    inputs.phone_number(request.phone_number)
    inputs.hosting_region(request.region_code)
    return Request(
        method="POST",
        base="imported",
        path=project_path(project_id, "importedNumbers"),
        headers=JSON,
        body=json_body(request.to_wire()),
        read=ImportedNumber.model_validate,
        costly=True,
        phone_number=request.phone_number,
    )


def build_update(
    project_id: str, phone_number: str, request: ImportedUpdateRequest
) -> Request[ImportedNumber]:
    """Change what `request` names and nothing else. Costly: it can unlink a live service.

    The members of the body are the mask (assumed, §9).
    """
    body = request.to_wire()
    if not body:
        raise BadInput(
            "the update changes nothing", field="request", remedy="set at least one member"
        )
    return Request(
        method="PATCH",
        base="imported",
        path=_number_path(project_id, phone_number),
        headers=JSON,
        body=json_body(body),
        read=ImportedNumber.model_validate,
        costly=True,
        phone_number=phone_number,
    )


def build_delete(project_id: str, phone_number: str) -> Request[None]:
    """Remove one imported number. Costly. Success has no body."""
    return Request(
        method="DELETE",
        base="imported",
        path=_number_path(project_id, phone_number),
        read=lambda _: None,
        read_body=read_nothing,
        costly=True,
    )


def read_page(value: Any) -> ImportedNumbersPage:
    """Read one page. ValueError when it is not one."""
    return ImportedNumbersPage.model_validate(
        known(value, "importedNumbers", "nextPageToken", "totalSize")
    )


def _number_path(project_id: str, phone_number: str) -> str:
    return project_path(project_id, f"importedNumbers/{segment(inputs.phone_number(phone_number))}")


class ImportedNumbers:
    """`client.imported_numbers`."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project_id = project_id

    async def list_page(
        self,
        *,
        service_plan_id: str,
        campaign_id: str,
        region_code: str | None = None,
        pattern: str | None = None,
        search_pattern: str | None = None,
        page_size: int = PAGE_SIZE,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> ImportedNumbersPage:
        """One page of the numbers that are linked to this service plan and this campaign.

        There is no list of all (§7).

        Args:
            service_plan_id: the plan.
            campaign_id: the campaign; "" = the numbers without one (assumed).
            region_code: US or CA.
            pattern: compared with the whole E.164 text.
            search_pattern: START, CONTAINS or END, as in `available_numbers.search`.
            page_size: most numbers in the page; the server may use less.
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            order_by: createdTime or updatedTime; ascending (assumed).

        Raises:
            BadInput: a value that the vendor would refuse.
        """
        return await self._transport.send(
            build_list_page(
                self._project_id,
                service_plan_id=service_plan_id,
                campaign_id=campaign_id,
                region_code=region_code,
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
        service_plan_id: str,
        campaign_id: str,
        region_code: str | None = None,
        pattern: str | None = None,
        search_pattern: str | None = None,
        page_size: int = PAGE_SIZE,
        order_by: str | None = None,
    ) -> AsyncIterator[ImportedNumber]:
        """Every number of that plan and campaign, page after page.

        Arguments as in `list_page`, errors as in `paging.walk`.
        """

        async def fetch(page_token: str | None) -> ImportedNumbersPage:
            return await self.list_page(
                service_plan_id=service_plan_id,
                campaign_id=campaign_id,
                region_code=region_code,
                pattern=pattern,
                search_pattern=search_pattern,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )

        async for page in walk("importedNumbers", fetch):
            for number in page.imported_numbers:
                yield number

    async def get(self, phone_number: str) -> ImportedNumber:
        """The imported number with its provisioning.

        Raises:
            NotFound: not imported. Evidence only if `code` is NOT_FOUND: this API names no
                resource, and a gateway's own 404 has no code.
        """
        return await self._transport.send(build_get(self._project_id, phone_number))

    async def import_number(
        self, request: ImportNumberRequest, *, watch: Watch | None = None
    ) -> ImportedNumber:
        """Import one number. Links go on in the background and show in `get`.

        Prices are not published.

        Repeat: after OutcomeUnknown look with `get` first: not found = safe to repeat. Leaves once.

        Raises:
            Rejected: 409 when it is imported already: read it, and go on if plan and campaign are
                the wanted ones; 400 for a plan or number that will not do.
        """
        return await self._transport.send(build_import(self._project_id, request), watch=watch)

    async def update(
        self, phone_number: str, request: ImportedUpdateRequest, *, watch: Watch | None = None
    ) -> ImportedNumber:
        """Change name, links or callback address.

        To link elsewhere: unlink, wait until it is done, then link, in two requests (§9).

        Repeat: after OutcomeUnknown look with `get` first. Leaves once.

        Raises:
            BadInput: the request changes nothing.
        """
        return await self._transport.send(
            build_update(self._project_id, phone_number, request), watch=watch
        )

    async def delete(self, phone_number: str, *, watch: Watch | None = None) -> None:
        """Remove the number from the project. It may be imported again afterwards (assumed).

        Repeat: after OutcomeUnknown look with `get` first: not found = removed. Leaves once.
        """
        await self._transport.send(build_delete(self._project_id, phone_number), watch=watch)
