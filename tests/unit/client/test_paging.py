"""Walking the pages of a list."""

from __future__ import annotations

import pytest

from numberflow.client.paging import walk
from numberflow.errors import OutcomeUnknown
from numberflow.models.wire import Page

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
