"""The client as a whole: one account, one connection pool, one attribute per vendor noun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Self

import httpx

from numberflow.client.active_numbers import ActiveNumbers
from numberflow.client.available_numbers import AvailableNumbers
from numberflow.client.callback_configuration import Callbacks
from numberflow.client.emergency_addresses import EmergencyAddresses
from numberflow.client.hosting_orders import HostingOrders
from numberflow.client.imported_numbers import ImportedNumbers
from numberflow.client.link_targets import LinkTargets
from numberflow.client.number_orders import NumberOrders
from numberflow.client.pace import Shared
from numberflow.client.qualified_numbers import QualifiedNumbers
from numberflow.client.regions import Regions
from numberflow.client.reply_body import BODY_BYTES_MAX
from numberflow.client.retry import Budget
from numberflow.client.transport import Transport
from numberflow.settings import Settings


class Client:
    """The Sinch Numbers API, and the Imported Numbers and Hosting Orders API, for one project.

    Open it with `async with`.

    Costly calls (the table in docs/client.md names them) are sent once and never repeated here. To
    survive crashes and lost replies, give them to the journal (docs/client.md).

    Args:
        settings: account, base URLs and time limits; by default from the environment.
        transport: another httpx transport, for example an in-process application in tests.
        paced: whether requests wait for their turn at the host's pace (docs/client.md); False for
            callers with a limit of their own.
        shared_pace: where all processes with this access key share their pace (the journal's
            `Paces`); None: this client has its own.
        on_wait: called with a sentence when a request has waited for the vendor's limit for more
            than 5 s.
        read_budget: how patiently reads are repeated; by default a 429 is waited out for
            `settings.patience_s`.
        reply_bytes_max: a larger reply is not read to its end.

    Raises:
        MissingCredentials: no account is configured.
        BadInput: a variable of the environment cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        paced: bool = True,
        shared_pace: Shared | None = None,
        on_wait: Callable[[str], None] | None = None,
        read_budget: Budget | None = None,
        reply_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        settings = settings if settings is not None else Settings.load()
        settings.require_credentials()
        self._transport = Transport(
            settings,
            transport=transport,
            paced=paced,
            shared_pace=shared_pace,
            on_wait=on_wait,
            read_budget=read_budget,
            reply_bytes_max=reply_bytes_max,
        )
        self.project_id = settings.project_id
        self.regions = Regions(self._transport, self.project_id)
        self.available_numbers = AvailableNumbers(self._transport, self.project_id)
        self.active_numbers = ActiveNumbers(self._transport, self.project_id)
        self.emergency_addresses = EmergencyAddresses(self._transport, self.project_id)
        self.number_orders = NumberOrders(self._transport, self.project_id)
        self.callback_configuration = Callbacks(self._transport, self.project_id)
        self.link_targets = LinkTargets(self._transport, self.project_id)
        self.imported_numbers = ImportedNumbers(self._transport, self.project_id)
        self.qualified_numbers = QualifiedNumbers(self._transport, self.project_id)
        self.hosting_orders = HostingOrders(self._transport, self.project_id)
        self.imported_callback_configuration = Callbacks(
            self._transport, self.project_id, host="imported"
        )

    @property
    def numbers_host(self) -> str:
        """The host that lists held numbers, for messages."""
        return self._transport.host("numbers")

    @property
    def sent(self) -> Mapping[tuple[str, int], int]:
        """Requests that left so far, by host and HTTP status; 0 where no reply came."""
        return self._transport.sent

    def vendor_now(self) -> datetime:
        """The vendor's clock, by its last reply; this machine's before the first.

        Aware UTC, to the second. Use it for deadlines that the vendor sets (an order's
        `expire_at`): our own clock may be off, and a simulator's runs ahead.
        """
        return self._transport.vendor_now()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._transport.__aexit__(*raised)
