"""What an export needs of a client: an open numberflow.Client, or anything with the same methods.

Only protocols are here: export and client do not import each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from numberflow.models.imported import ImportedNumber, ImportedNumbersPage


class RawPage(Protocol):
    """A page as bytes, with what its end says."""

    @property
    def body(self) -> bytes:
        """JSON text, UTF-8."""

    @property
    def next_page_token(self) -> str | None:
        """None = the last page."""

    @property
    def total_size(self) -> int | None:
        """Hits of the whole query, None when the vendor does not say."""

    @property
    def items(self) -> tuple[int, int] | None:
        """Where the list's items stand in `body`, when it has the form of live replies."""


class ActiveNumbers(Protocol):
    """`client.active_numbers`."""

    async def list_page_bytes(
        self,
        *,
        region_code: str | None = None,
        number_type: str | None = None,
        pattern: str | None = None,
        search_pattern: str | None = None,
        page_size: int = ...,
        page_token: str | None = None,
        order_by: str | None = None,
    ) -> RawPage:
        """One page."""
        ...


class ImportedNumbers(Protocol):
    """`client.imported_numbers`."""

    async def list_page(
        self, *, service_plan_id: str, campaign_id: str, page_token: str | None = None
    ) -> ImportedNumbersPage:
        """One page of the numbers that have this link."""
        ...

    async def get(self, phone_number: str) -> ImportedNumber:
        """One number."""
        ...


class Offer(Protocol):
    """A region on offer."""

    @property
    def region_code(self) -> str:
        """ISO 3166-1 alpha-2."""

    @property
    def types(self) -> Sequence[str]:
        """Number types to be had there."""


class Regions(Protocol):
    """`client.regions`."""

    async def list(self) -> Sequence[Offer]:
        """Every region on offer."""
        ...


class Vendor(Protocol):
    """A client of one project."""

    @property
    def project_id(self) -> str:
        """The project that the access key belongs to."""

    @property
    def numbers_host(self) -> str:
        """Who lists held numbers, for messages."""

    @property
    def active_numbers(self) -> ActiveNumbers:
        """The numbers that it holds."""

    @property
    def imported_numbers(self) -> ImportedNumbers:
        """The numbers that live elsewhere."""

    @property
    def regions(self) -> Regions:
        """Where it can get numbers."""
