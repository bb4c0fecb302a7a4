"""Walking the pages of a list."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from numberflow.client import Client
from numberflow.client.paging import walk
from numberflow.errors import OutcomeUnknown
from numberflow.models.wire import Page
from numberflow.settings import Settings

pytestmark = pytest.mark.anyio


async def walked(*tokens: str | None) -> list[str | None]:
    """The tokens that were asked for on a walk over pages with these tokens for the next one."""
    asked: list[str | None] = []

    async def fetch(page_token: str | None) -> Page:
        asked.append(page_token)
        return Page(next_page_token=tokens[len(asked) - 1])

    try:
        pages = [page async for page in walk("things", fetch)]
        assert [page.next_page_token or None for page in pages] == [
            token or None for token in tokens
        ]
    except OutcomeUnknown as error:
        asked.append(f"{error.cause}: {error.message}")
    return asked


@pytest.mark.parametrize(
    ("tokens", "asked"),
    [
        ((None,), [None]),
        (("",), [None]),
        (("a", "b", ""), [None, "a", "b"]),
        (("a", "a"), [None, "a", "repeated_token: things: the same page token came twice"]),
        (
            ("a", "b", "a"),
            [None, "a", "b", "repeated_token: things: the same page token came twice"],
        ),
    ],
)
async def test_walk(tokens: tuple[str | None, ...], asked: list[str | None]) -> None:
    """A walk follows the tokens to the page without one, and does not walk in circles."""
    assert asked == await walked(*tokens)


# `**query` would take anything; the builders behind it do not.
WRONG = {
    "search": lambda c: c.available_numbers.search(region_code="US", number_type="LOCAL", kind="x"),
    "list_page": lambda c: c.active_numbers.list_page(kind="x"),
    "iterate": lambda c: c.active_numbers.iterate(kind="x"),
    "no token": lambda c: c.active_numbers.iterate(page_token="x"),
    "bytes": lambda c: c.active_numbers.list_page_bytes(kind="x"),
    "imported": lambda c: c.imported_numbers.list_page(service_plan_id="p", campaign_id="c", x=1),
    "too few": lambda c: c.imported_numbers.iterate(service_plan_id="p"),
    "qualified": lambda c: c.qualified_numbers.list_page(state="VERIFIED", kind="x"),
    "orders": lambda c: c.hosting_orders.iterate(state="COMPLETED", order_type="IMPORT"),
    "order's numbers": lambda c: c.hosting_orders.list_numbers_page("o", state="DONE"),
    "order's numbers, no token": lambda c: c.hosting_orders.iterate_numbers("o", page_token="x"),
}


@pytest.mark.parametrize("call", WRONG)
async def test_wrong_keywords(call: str) -> None:
    """A keyword that a list does not take, and one that it misses, is a TypeError."""
    client = Client(Settings(project_id="p", key_id="k", key_secret=SecretStr("s")))
    with pytest.raises(TypeError, match="argument"):
        await WRONG[call](client)
