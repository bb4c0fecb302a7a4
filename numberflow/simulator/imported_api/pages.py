"""One page of a list of the imported-numbers API: order, token, total (§11).

The noun decides which items a list has.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.wire import as_json
from numberflow.simulator.operations import Answer, Call
from numberflow.simulator.pages import BadToken, make_token, read_token
from numberflow.simulator.reading import page_size_max
from numberflow.simulator.world import World

_ORDERS = ("createdTime", "updatedTime")


@dataclass(frozen=True, slots=True)
class Item:
    """One item that a list could show."""

    key: str
    created_at: datetime
    updated_at: datetime
    shown: Mapping[str, Any]


def page(
    world: World,
    call: Call,
    name: str,
    noun: str,
    items: list[Item],
    fits: Callable[[Mapping[str, Any]], bool],
) -> Answer:
    """The requested page of matching items.

    Raises Problem 400: bad size, token or order.
    """
    order = call.value("orderBy") or "createdTime"
    if order not in _ORDERS:
        raise refusals.invalid("orderBy", f"Invalid order_by {order}")
    size = _size(world, call)
    query = sorted((key, value) for key, value in call.query if key != "pageToken")
    fingerprint = repr((name, sorted(call.path.items()), query))
    secret = f"imported-pages-{world.seed}".encode()

    def position(item: Item) -> tuple[str, str]:
        moment = item.created_at if order == "createdTime" else item.updated_at
        return moment.isoformat(), item.key

    fitting = sorted(
        (item for item in _as_read(world, noun, items) if fits(item.shown)), key=position
    )
    rows = fitting
    token = call.value("pageToken")
    if token is not None:
        try:
            after = tuple(read_token(secret, fingerprint, token))
        except BadToken:
            raise refusals.invalid("pageToken", f"Invalid page_token {token}") from None
        rows = [item for item in fitting if position(item) > after]
    shown, rest = rows[:size], rows[size:]
    harsh = world.switches.page_tokens == "harsh"
    following = make_token(secret, fingerprint, position(shown[-1]), harsh=harsh) if rest else ""
    body = {
        name: [item.shown for item in shown],
        "nextPageToken": following,
        "totalSize": len(fitting),
    }
    return Answer(as_json(body))


def _as_read(world: World, noun: str, items: list[Item]) -> list[Item]:
    """The items as lagging reads show them.

    Changed ones in their old state, new ones not at all, removed ones still there.
    """
    now = world.settle()
    shadows = world.pictures[noun].for_list(now)
    read = [item for item in items if item.key not in shadows]
    if not shadows:
        return read
    fresh = {item.key: item for item in items}
    for key, shadow in shadows.items():
        if shadow.commit.before is not None:
            item = fresh.get(key)
            moments = (item.created_at, item.updated_at) if item is not None else (now, now)
            read.append(Item(key, *moments, json.loads(shadow.commit.before)))
    return read


def _size(world: World, call: Call) -> int:
    most = page_size_max(call, world.switches)
    value = call.value("pageSize")
    below_one = re.fullmatch(r"-[0-9]{1,9}|0+", value or "") is not None
    if value is None or (below_one and world.switches.odd_size == "default"):
        default: int = world.switches.page_size_default
        return min(default, most)
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < 1:
        raise refusals.invalid("pageSize", f"Invalid page_size {value}")
    return min(int(value), most)
