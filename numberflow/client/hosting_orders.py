"""Hosting orders: bulk import and text-enabling.

Vendor noun: hostingOrders (docs/vendor/imported-hosting-behaviour.md §4, §5, §13).

No order can be cancelled, corrected or sent again, and none carries an idempotency key: put a token
of your own into `display_name` to find it again. Letters of authorisation are personal: they leave
in bodies only, and no error repeats them, even where the vendor does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from numberflow.client import inputs
from numberflow.client.paging import PAGE_SIZE, walk
from numberflow.client.protocol import JSON, Request, json_body, known, pairs, project_path, segment
from numberflow.client.transport import Transport, Watch
from numberflow.models import personal
from numberflow.models.hosting import (
    HostingOrder,
    HostingOrderNumber,
    HostingOrderNumbersPage,
    HostingOrderReport,
    HostingOrdersPage,
    ImportNumbersRequest,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)

T = TypeVar("T")

# The default of every account; the account manager can raise it
# (docs/vendor/imported-hosting-behaviour.md §7).
IMPORT_NUMBERS_MAX = 5

# docs/vendor/imported-hosting-behaviour.md §7.
TEXT_ENABLE_MAX = 500


def build_list_page(
    project_id: str,
    *,
    state: str,
    order_type: str,
    service_plan_id: str,
    campaign_id: str,
    region_code: str | None = None,
    page_size: int = PAGE_SIZE,
    page_token: str | None = None,
    order_by: str | None = None,
) -> Request[HostingOrdersPage]:
    """One page of orders in one state.

    State, type, plan and campaign are all required; the empty id is sent too.
    """
    return Request(
        method="GET",
        base="imported",
        path=project_path(project_id, "hostingOrders"),
        query=pairs(
            ("states", inputs.constant(state, "state")),
            ("type", inputs.constant(order_type, "order_type")),
            ("servicePlanId", service_plan_id),
            ("campaignId", campaign_id),
            ("regionCode", None if region_code is None else inputs.hosting_region(region_code)),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
            ("pageToken", page_token or None),
            ("pageSize", inputs.count(page_size, "page_size")),
        ),
        read=read_page,
    )


def build_get(project_id: str, hosting_order_id: str) -> Request[HostingOrder]:
    """Read one order."""
    return Request(
        method="GET",
        base="imported",
        path=_order_path(project_id, hosting_order_id),
        read=HostingOrder.model_validate,
        order=("hostingOrderId", hosting_order_id),
    )


def build_report(project_id: str, hosting_order_id: str) -> Request[HostingOrderReport]:
    """Read the counters of one order."""
    return Request(
        method="GET",
        base="imported",
        path=f"{_order_path(project_id, hosting_order_id)}/report",
        read=read_report,
    )


def build_list_numbers_page(
    project_id: str,
    hosting_order_id: str,
    *,
    osr_update_state: str | None = None,
    platform_provisioning_state: str | None = None,
    campaign_provisioning_state: str | None = None,
    page_size: int = PAGE_SIZE,
    page_token: str | None = None,
    order_by: str | None = None,
) -> Request[HostingOrderNumbersPage]:
    """One page of an order's numbers, optionally those of which a step is in a state."""

    def state(value: str | None, field: str) -> str | None:
        return None if value is None else inputs.constant(value, field)

    return Request(
        method="GET",
        base="imported",
        path=f"{_order_path(project_id, hosting_order_id)}/numbers",
        query=pairs(
            ("osrUpdateState", state(osr_update_state, "osr_update_state")),
            (
                "platformProvisioningState",
                state(platform_provisioning_state, "platform_provisioning_state"),
            ),
            (
                "campaignProvisioningState",
                state(campaign_provisioning_state, "campaign_provisioning_state"),
            ),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
            ("pageToken", page_token or None),
            ("pageSize", inputs.count(page_size, "page_size")),
        ),
        read=read_numbers_page,
    )


def build_get_number(
    project_id: str, hosting_order_id: str, phone_number: str
) -> Request[HostingOrderNumber]:
    """Read how far one number of an order is."""
    number = segment(inputs.phone_number(phone_number))
    return Request(
        method="GET",
        base="imported",
        path=f"{_order_path(project_id, hosting_order_id)}/numbers/{number}",
        read=HostingOrderNumber.model_validate,
        phone_number=phone_number,
    )


def build_import_numbers(
    project_id: str, request: ImportNumbersRequest, *, numbers_max: int = IMPORT_NUMBERS_MAX
) -> Request[HostingOrder]:
    """Import several numbers by an order. Costly."""
    inputs.hosting_region(request.region_code)
    inputs.phone_numbers(request.numbers, "numbers", most=numbers_max)
    return Request(
        method="POST",
        base="imported",
        path=project_path(project_id, "hostingOrders:importNumbers"),
        headers=JSON,
        body=json_body(request.to_wire()),
        read=HostingOrder.model_validate,
        costly=True,
    )


def build_text_enable(project_id: str, request: TextEnableRequest) -> Request[HostingOrder]:
    """Text-enable local numbers. Costly, and legally binding."""
    path = project_path(project_id, "hostingOrders:textEnableNumbers")
    return text_enable(path, request, HostingOrder.model_validate)


def build_text_enable_toll_free(
    project_id: str, request: TextEnableTollFreeRequest
) -> Request[HostingOrder]:
    """Text-enable toll-free numbers. Costly, and legally binding."""
    path = project_path(project_id, "hostingOrders:textEnableTollFreeNumbers")
    return text_enable(path, request, HostingOrder.model_validate)


def text_enable(
    path: str, request: TextEnableRequest | TextEnableTollFreeRequest, read: Callable[[Any], T]
) -> Request[T]:
    """The four requests that text-enable differ in path and reply only (docs/vendor/imported-hosting-behaviour.md §1, "Twin operations")."""
    inputs.hosting_region(request.region_code)
    inputs.phone_numbers(request.numbers, "numbers", most=TEXT_ENABLE_MAX)
    letter = request.letter()
    del letter["kind"]
    return Request(
        method="POST",
        base="imported",
        path=path,
        headers=JSON,
        body=json_body(request.to_wire()),
        read=read,
        costly=True,
        personal=personal.texts(letter),
    )


def read_page(value: Any) -> HostingOrdersPage:
    """Read one page of orders. ValueError when it is not one."""
    return HostingOrdersPage.model_validate(
        known(value, "hostingOrders", "nextPageToken", "totalSize")
    )


def read_numbers_page(value: Any) -> HostingOrderNumbersPage:
    """Read one page of an order's numbers. ValueError when it is not one."""
    return HostingOrderNumbersPage.model_validate(
        known(value, "numbers", "nextPageToken", "totalSize")
    )


def read_report(value: Any) -> HostingOrderReport:
    """Read the counters. ValueError when there are none."""
    return HostingOrderReport.model_validate(
        known(
            value, "total", "osrUpdated", "smsProvisioned", "addedToCampaign", "ongoingManualAction"
        )
    )


def _order_path(project_id: str, hosting_order_id: str) -> str:
    return project_path(
        project_id,
        f"hostingOrders/{segment(inputs.resource_id(hosting_order_id, 'hosting_order_id'))}",
    )


class HostingOrders:
    """`client.hosting_orders`."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project_id = project_id

    async def import_numbers(
        self,
        request: ImportNumbersRequest,
        *,
        numbers_max: int = IMPORT_NUMBERS_MAX,
        watch: Watch | None = None,
    ) -> HostingOrder:
        """Import several numbers by one order of type IMPORT. Prices are not published.

        Repeat: never without looking first: after OutcomeUnknown find the order by your token in
        `display_name` with `iterate`. Leaves once.

        Args:
            request: the numbers and their links.
            numbers_max: how many the account may import at once, should the account manager have
                raised it.
            watch: asked before the request leaves.

        Raises:
            BadInput: too many numbers, one twice, or not US or CA.
            Rejected: 400; 409 when one is imported already (assumed). Nothing is created then
                (assumed).
        """
        built = build_import_numbers(self._project_id, request, numbers_max=numbers_max)
        return await self._transport.send(built, watch=watch)

    async def text_enable(
        self, request: TextEnableRequest, *, watch: Watch | None = None
    ) -> HostingOrder:
        """Text-enable up to 500 qualified local numbers.

        A letter goes out to the signer, whose address cannot be corrected afterwards.

        Repeat: as `import_numbers`; `qualified_numbers.get` in state HOSTING_IN_PROGRESS also says
        that an order exists.

        Raises:
            NotFound: a number was never qualified (assumed).
            Rejected: 400, for example a number in the wrong state; 409, a number that is imported
                already.
        """
        return await self._transport.send(build_text_enable(self._project_id, request), watch=watch)

    async def text_enable_toll_free(
        self, request: TextEnableTollFreeRequest, *, watch: Watch | None = None
    ) -> HostingOrder:
        """Text-enable up to 500 qualified toll-free numbers.

        As `text_enable`; they may send only when verified elsewhere (§13).
        """
        return await self._transport.send(
            build_text_enable_toll_free(self._project_id, request), watch=watch
        )

    async def get(self, hosting_order_id: str) -> HostingOrder:
        """The order as it is now. COMPLETED says that work has ended, not that it went well.

        Read the numbers.

        Raises:
            NotFound: no such order. Evidence only if `code` is NOT_FOUND.
        """
        return await self._transport.send(build_get(self._project_id, hosting_order_id))

    async def report(self, hosting_order_id: str) -> HostingOrderReport:
        """The order's counters. Errors as in `get`."""
        return await self._transport.send(build_report(self._project_id, hosting_order_id))

    async def get_number(self, hosting_order_id: str, phone_number: str) -> HostingOrderNumber:
        """How far one number of the order is. Errors as in `get`."""
        return await self._transport.send(
            build_get_number(self._project_id, hosting_order_id, phone_number)
        )

    async def list_page(
        self,
        *,
        state: str,
        order_type: str,
        service_plan_id: str,
        campaign_id: str,
        region_code: str | None = None,
        page_size: int = PAGE_SIZE,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> HostingOrdersPage:
        """One page of the orders of one state, type, plan and campaign.

        There is no list of all (§7).

        Args:
            state: one `HostingOrderState`; whether several are taken is not documented.
            order_type: IMPORT or TYPE_TEXT_ENABLE.
            service_plan_id: the plan.
            campaign_id: the campaign; "" = the orders without one, toll-free ones among them
                (assumed).
            region_code: US or CA.
            page_size: most orders in the page; the server may use less.
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            order_by: createdTime or updatedTime; ascending (assumed).
        """
        return await self._transport.send(
            build_list_page(
                self._project_id,
                state=state,
                order_type=order_type,
                service_plan_id=service_plan_id,
                campaign_id=campaign_id,
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
        order_type: str,
        service_plan_id: str,
        campaign_id: str,
        region_code: str | None = None,
        page_size: int = PAGE_SIZE,
        order_by: str | None = None,
    ) -> AsyncIterator[HostingOrder]:
        """Every order of that state, type, plan and campaign.

        Arguments as in `list_page`, errors as in `paging.walk`.
        """

        async def fetch(page_token: str | None) -> HostingOrdersPage:
            return await self.list_page(
                state=state,
                order_type=order_type,
                service_plan_id=service_plan_id,
                campaign_id=campaign_id,
                region_code=region_code,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )

        async for page in walk("hostingOrders", fetch):
            for order in page.hosting_orders:
                yield order

    async def list_numbers_page(
        self,
        hosting_order_id: str,
        *,
        osr_update_state: str | None = None,
        platform_provisioning_state: str | None = None,
        campaign_provisioning_state: str | None = None,
        page_size: int = PAGE_SIZE,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> HostingOrderNumbersPage:
        """One page of the order's numbers; with a state, only those whose step is in it.

        Errors as in `get`.
        """
        return await self._transport.send(
            build_list_numbers_page(
                self._project_id,
                hosting_order_id,
                osr_update_state=osr_update_state,
                platform_provisioning_state=platform_provisioning_state,
                campaign_provisioning_state=campaign_provisioning_state,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )
        )

    async def iterate_numbers(
        self,
        hosting_order_id: str,
        *,
        osr_update_state: str | None = None,
        platform_provisioning_state: str | None = None,
        campaign_provisioning_state: str | None = None,
        page_size: int = PAGE_SIZE,
        order_by: str | None = None,
    ) -> AsyncIterator[HostingOrderNumber]:
        """Every number of the order. Arguments as in `list_numbers_page`, errors as in `paging.walk`."""

        async def fetch(page_token: str | None) -> HostingOrderNumbersPage:
            return await self.list_numbers_page(
                hosting_order_id,
                osr_update_state=osr_update_state,
                platform_provisioning_state=platform_provisioning_state,
                campaign_provisioning_state=campaign_provisioning_state,
                page_size=page_size,
                page_token=page_token,
                order_by=order_by,
            )

        async for page in walk("hostingOrders numbers", fetch):
            for number in page.numbers:
                yield number
