"""Hosting orders: bulk import and text-enabling.

Vendor noun: hostingOrders (docs/vendor/imported-hosting-behaviour.md §4, §5, §13).

No order can be cancelled, corrected or sent again, and none carries an idempotency key: put a token
of your own into `display_name` to find it again. Letters of authorisation are personal: they leave
in bodies only, and no error repeats them, even where the vendor does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Required, TypeVar, Unpack

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.paging import PAGE_SIZE, ListQuery
from numberflow.client.protocol import Request, json_body, pairs, project_path, reader
from numberflow.client.transport import Watch
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


class HostingOrdersQuery(ListQuery, total=False):
    """Arguments of the lists of orders; `HostingOrders.list_page` says what each means."""

    state: Required[str]
    order_type: Required[str]
    service_plan_id: Required[str]
    campaign_id: Required[str]
    region_code: str | None


class HostingOrderNumbersQuery(ListQuery, total=False):
    """Arguments of the lists of an order's numbers. A state selects numbers whose step is in it."""

    osr_update_state: str | None
    platform_provisioning_state: str | None
    campaign_provisioning_state: str | None


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

    State, type, plan and campaign are all required; the empty id is sent, too.
    """
    return Request(
        "GET",
        "imported",
        project_path(project_id, "hostingOrders"),
        reader(HostingOrdersPage),
        query=pairs(
            ("states", inputs.constant(state, "state")),
            ("type", inputs.constant(order_type, "order_type")),
            ("servicePlanId", service_plan_id),
            ("campaignId", campaign_id),
            ("regionCode", inputs.hosting_region(region_code)),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
            ("pageToken", page_token or None),
            ("pageSize", inputs.count(page_size, "page_size")),
        ),
    )


def build_get(project_id: str, hosting_order_id: str) -> Request[HostingOrder]:
    """Read one order."""
    path, about = _order_path(project_id, hosting_order_id), ("hostingOrderId", hosting_order_id)
    return Request("GET", "imported", path, HostingOrder.model_validate, order=about)


def build_report(project_id: str, hosting_order_id: str) -> Request[HostingOrderReport]:
    """Read the counters of one order."""
    path = _order_path(project_id, hosting_order_id, "report")
    return Request("GET", "imported", path, reader(HostingOrderReport))


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
    """One page of an order's numbers, optionally only those with a step in a given state."""
    platform, campaign = platform_provisioning_state, campaign_provisioning_state
    return Request(
        "GET",
        "imported",
        _order_path(project_id, hosting_order_id, "numbers"),
        reader(HostingOrderNumbersPage),
        query=pairs(
            ("osrUpdateState", inputs.constant(osr_update_state, "osr_update_state")),
            (
                "platformProvisioningState",
                inputs.constant(platform, "platform_provisioning_state"),
            ),
            (
                "campaignProvisioningState",
                inputs.constant(campaign, "campaign_provisioning_state"),
            ),
            ("orderBy", inputs.order_by(order_by, "createdTime", "updatedTime")),
            ("pageToken", page_token or None),
            ("pageSize", inputs.count(page_size, "page_size")),
        ),
    )


def build_get_number(
    project_id: str, hosting_order_id: str, phone_number: str
) -> Request[HostingOrderNumber]:
    """Read the progress of one number of an order."""
    inputs.phone_number(phone_number)
    path = _order_path(project_id, hosting_order_id, "numbers", phone_number)
    read = HostingOrderNumber.model_validate
    return Request("GET", "imported", path, read, phone_number=phone_number)


def build_import_numbers(
    project_id: str, request: ImportNumbersRequest, *, numbers_max: int = IMPORT_NUMBERS_MAX
) -> Request[HostingOrder]:
    """Import several numbers by an order. Costly."""
    inputs.hosting_region(request.region_code)
    inputs.phone_numbers(request.numbers, "numbers", most=numbers_max)
    path = f"{project_path(project_id, 'hostingOrders')}:importNumbers"
    body = json_body(request.to_wire())
    return Request("POST", "imported", path, HostingOrder.model_validate, body=body, costly=True)


def build_text_enable(project_id: str, request: TextEnableRequest) -> Request[HostingOrder]:
    """Text-enable local numbers. Costly, and legally binding."""
    path = f"{project_path(project_id, 'hostingOrders')}:textEnableNumbers"
    return text_enable(path, request, HostingOrder.model_validate)


def build_text_enable_toll_free(
    project_id: str, request: TextEnableTollFreeRequest
) -> Request[HostingOrder]:
    """Text-enable toll-free numbers. Costly, and legally binding."""
    path = f"{project_path(project_id, 'hostingOrders')}:textEnableTollFreeNumbers"
    return text_enable(path, request, HostingOrder.model_validate)


def text_enable(
    path: str, request: TextEnableRequest | TextEnableTollFreeRequest, read: Callable[[Any], T]
) -> Request[T]:
    """One of the four requests that text-enable.

    They differ in path and reply only (docs/vendor/imported-hosting-behaviour.md §1, "Twin
    operations").
    """
    inputs.hosting_region(request.region_code)
    inputs.phone_numbers(request.numbers, "numbers", most=TEXT_ENABLE_MAX)
    letter = request.letter()
    del letter["kind"]
    body, hidden = json_body(request.to_wire()), personal.texts(letter)
    return Request("POST", "imported", path, read, body=body, costly=True, personal=hidden)


def _order_path(project_id: str, hosting_order_id: str, *names: str) -> str:
    inputs.resource_id(hosting_order_id, "hosting_order_id")
    return project_path(project_id, "hostingOrders", hosting_order_id, *names)


class HostingOrders(Noun):
    """`client.hosting_orders`."""

    async def import_numbers(
        self,
        request: ImportNumbersRequest,
        *,
        numbers_max: int = IMPORT_NUMBERS_MAX,
        watch: Watch | None = None,
    ) -> HostingOrder:
        """Import several numbers by one order of type IMPORT. Prices are not published.

        Repeat: never without looking first: after OutcomeUnknown find the order by your token in
        `display_name` with `iterate`. Sent once.

        Args:
            request: the numbers and their links.
            numbers_max: how many the account may import at once, if the account manager has raised
                it.
            watch: asked before the request leaves.

        Raises:
            BadInput: too many numbers, a duplicate, or not US or CA.
            Rejected: 400; 409 when one is imported already (assumed). Nothing is created then
                (assumed).
        """
        built = build_import_numbers(self._project, request, numbers_max=numbers_max)
        return await self._send(built, watch)

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
        return await self._send(build_text_enable(self._project, request), watch)

    async def text_enable_toll_free(
        self, request: TextEnableTollFreeRequest, *, watch: Watch | None = None
    ) -> HostingOrder:
        """Text-enable up to 500 qualified toll-free numbers.

        As `text_enable`; they may send only when verified elsewhere (§13).
        """
        return await self._send(build_text_enable_toll_free(self._project, request), watch)

    async def get(self, hosting_order_id: str) -> HostingOrder:
        """The order as it is now.

        COMPLETED says that work has ended, not that it went well: read the numbers.

        Raises:
            NotFound: no such order. Evidence only if `code` is NOT_FOUND.
        """
        return await self._send(build_get(self._project, hosting_order_id))

    async def report(self, hosting_order_id: str) -> HostingOrderReport:
        """The order's counters. Errors as in `get`."""
        return await self._send(build_report(self._project, hosting_order_id))

    async def get_number(self, hosting_order_id: str, phone_number: str) -> HostingOrderNumber:
        """The progress of one number of the order. Errors as in `get`."""
        return await self._send(build_get_number(self._project, hosting_order_id, phone_number))

    async def list_page(
        self, *, page_token: str | None = None, **query: Unpack[HostingOrdersQuery]
    ) -> HostingOrdersPage:
        """One page of the orders of one state, type, plan and campaign.

        There is no list of all (§7).

        Args:
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            **query: the first four, and any of the others

                - state: one `HostingOrderState`; whether several are taken is not documented;
                - order_type: IMPORT or TYPE_TEXT_ENABLE;
                - service_plan_id: the plan;
                - campaign_id: the campaign; "" = the orders without one, toll-free ones among them
                  (assumed);
                - region_code: US or CA;
                - page_size: most orders in the page; the server may use less;
                - order_by: createdTime or updatedTime; ascending (assumed).
        """
        return await self._send(build_list_page(self._project, page_token=page_token, **query))

    def iterate(self, **query: Unpack[HostingOrdersQuery]) -> AsyncIterator[HostingOrder]:
        """Every order of that state, type, plan and campaign.

        Arguments as in `list_page`, without the token; errors as there and in `paging.walk`.
        """
        first = build_list_page(self._project, page_token=None, **query)
        return self._walk(first, lambda page: page.hosting_orders)

    async def list_numbers_page(
        self,
        hosting_order_id: str,
        *,
        page_token: str | None = None,
        **query: Unpack[HostingOrderNumbersQuery],
    ) -> HostingOrderNumbersPage:
        """One page of the order's numbers. Errors as in `get`.

        Args:
            hosting_order_id: the order.
            page_token: `next_page_token` of the page before, with all other arguments unchanged.
            **query: any of

                - osr_update_state, platform_provisioning_state, campaign_provisioning_state: only
                  the numbers whose step is in this state;
                - page_size: most numbers in the page; the server may use less;
                - order_by: createdTime or updatedTime; ascending (assumed).
        """
        return await self._send(
            build_list_numbers_page(self._project, hosting_order_id, page_token=page_token, **query)
        )

    def iterate_numbers(
        self, hosting_order_id: str, **query: Unpack[HostingOrderNumbersQuery]
    ) -> AsyncIterator[HostingOrderNumber]:
        """Every number of the order.

        Arguments as in `list_numbers_page`, without the token; errors as there and in
        `paging.walk`.
        """
        first = build_list_numbers_page(self._project, hosting_order_id, page_token=None, **query)
        return self._walk(first, lambda page: page.numbers)
