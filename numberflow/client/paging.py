"""Walk the pages of a list.

Knows nothing of the vendor but tokens: which list, and what its entries are, is up to the noun.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypedDict, TypeVar

from numberflow.errors import OutcomeUnknown
from numberflow.models.wire import Page

P = TypeVar("P", bound=Page)

# No default and no maximum is documented; 100 is the ceiling assumed in
# docs/vendor/imported-hosting-behaviour.md §11, and the server may use less.
PAGE_SIZE = 100
# A million entries. `total_size` is no stop rule (models/wire.py), and every page may have a new
# token.
PAGES_MAX = 10_000


class ListQuery(TypedDict, total=False):
    """Arguments that every list has besides its filters."""

    page_size: int
    order_by: str | None


async def walk(noun: str, fetch: Callable[[str | None], Awaitable[P]]) -> AsyncIterator[P]:
    """Every page of a list; `fetch` gets the page with a token, None = the first one.

    Raises:
        OutcomeUnknown: with `cause="repeated_token"` when the vendor returns a page token twice,
            and `cause="endless"` after PAGES_MAX pages: the walk would never end.
    """
    seen: set[str] = set()
    pages = 0
    page_token: str | None = None
    while True:
        page = await fetch(page_token)
        yield page
        page_token = page.next_page_token
        if page_token is None:
            return
        if page_token in seen:
            raise OutcomeUnknown(
                f"{noun}: the same page token came twice", status=200, cause="repeated_token"
            )
        seen.add(page_token)
        pages += 1
        if pages >= PAGES_MAX:
            raise OutcomeUnknown(
                f"{noun}: no end after {pages:,} pages; it only asked, and nothing was changed",
                status=200,
                cause="endless",
                worth_repeating=False,
            )
