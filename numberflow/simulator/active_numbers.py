"""Active numbers: list, read, update, release (docs/vendor/numbers-behaviour.md §6 to §9)."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import Any

from numberflow.simulator import problems, reading
from numberflow.simulator.operations import Answer, Call, operation, read_one
from numberflow.simulator.pages import BadToken, make_token, read_token
from numberflow.simulator.wire import active_number
from numberflow.simulator.world import World

_ORDERS = ("phoneNumber", "displayName")
_VIEWS_KEPT = 16
"""Filtered and re-ordered views that are kept until the content changes.

A client pages through one or a few at a time.
"""

Key = tuple[str, ...]


class _Views:
    """Sorted keys of filtered lists, so that a deep page costs no more than the first.

    Rebuilt when the content changes.
    """

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[int, Any], tuple[int, list[Key]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, world: World, query: "_Query") -> list[Key]:
        slot = (id(world.holdings), query.filters)
        version = world.holdings.version
        with self._lock:
            kept = self._views.get(slot)
            if kept is None or kept[0] != version:
                kept = (version, query.keys(world))
                self._views[slot] = kept
            self._views.move_to_end(slot)
            while len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
            return kept[1]


_views = _Views()


class _Query:
    """The filters and order of one list request."""

    def __init__(self, world: World, call: Call) -> None:
        switches = world.switches
        self.region = reading.region(call.value("regionCode"), switches, required=False)
        self.number_type = reading.choice(call.value("type"), reading.NUMBER_TYPES, "type")
        if self.number_type is None and switches.legacy_mobile_default:
            self.number_type = "MOBILE"
        self.pattern = reading.Pattern(
            call.value("numberPattern.pattern"), call.value("numberPattern.searchPattern"), switches
        )
        self.needed = reading.choices(
            call.values("capability"),
            reading.CAPABILITIES,
            "capability",
            comma_joined=switches.comma_joined_lists,
        )
        self.order = call.value("orderBy") or "phoneNumber"
        if self.order not in _ORDERS:
            raise problems.bad_field("order_by", f"Invalid order_by {self.order}")
        most = reading.page_size_max(call, switches)
        self.page_size = reading.size(
            call.value("pageSize"),
            "pageSize",
            "page_size",
            switches.page_size_default,
            most,
            switches,
        )
        self.token = call.value("pageToken")
        self.filters = (
            self.region,
            self.number_type,
            self.pattern.text,
            self.pattern.how,
            tuple(sorted(self.needed)),
            self.order,
        )
        # Bound to the requested page size, not the clamped one: keep everything unchanged while
        # paging (*assumed*, §9).
        self.fingerprint = repr((self.filters, call.value("pageSize")))

    @property
    def plain(self) -> bool:
        """Whether a slice of an index answers it."""
        return self.order == "phoneNumber" and self.pattern.prefix is not None and not self.needed

    def fits(self, world: World, phone_number: str) -> bool:
        number = world.holdings.get(phone_number)
        return (
            number is not None
            and self.region in (None, number.region_code)
            and self.number_type in (None, number.number_type)
            and self.pattern.fits(phone_number)
            and self.needed <= set(number.capability)
        )

    def keys(self, world: World) -> list[Key]:
        numbers = world.holdings.sorted_numbers(self.region, self.number_type)
        fitting = [
            number
            for number in map(world.holdings.get, numbers)
            if number is not None
            and self.pattern.fits(number.phone_number)
            and self.needed <= set(number.capability)
        ]
        if self.order == "displayName":
            # Ascending, unnamed numbers first, since the empty text sorts first (*assumed*, table
            # entry 32).
            return sorted((number.display_name, number.phone_number) for number in fitting)
        return [(number.phone_number,) for number in fitting]


def list_active(world: World, call: Call) -> Answer:
    """One page. `nextPageToken` is empty on the last one; `totalSize` counts all hits."""
    query = _Query(world, call)
    now = world.settle()
    secret = f"pages-{world.seed}".encode()
    position: Any = None
    if query.token is not None:
        try:
            position = read_token(secret, query.fingerprint, query.token)
        except BadToken:
            raise problems.bad_field("page_token", f"Invalid page_token {query.token}") from None
    shadows = world.shadows.for_list(now)
    hidden = {number for number, shadow in shadows.items() if shadow.commit.before is None}
    plain = query.plain
    keys: Any = (
        world.holdings.beginning_with(query.pattern.prefix or "", query.region, query.number_type)
        if plain
        else _views.get(world, query)
    )
    by_offset = world.switches.page_tokens_by_offset
    start = 0
    if position is not None:
        start = (
            int(position)
            if by_offset
            else bisect_right(keys, position if plain else tuple(position))
        )
    page: list[str] = []
    index = start
    last: Any = None
    more = False
    while index < len(keys):
        phone_number = keys[index] if plain else keys[index][-1]
        if phone_number not in hidden:
            if len(page) == query.page_size:
                more = True
                break
            last = keys[index]
            shadow = shadows.get(phone_number)
            if shadow is not None and shadow.commit.before is not None:
                page.append(shadow.commit.before)
            else:
                number = world.holdings.get(phone_number)
                assert number is not None
                page.append(active_number(number, world.project_id, now))
        index += 1
    token = ""
    if more:
        harsh = world.switches.page_tokens == "harsh"
        token = make_token(secret, query.fingerprint, index if by_offset else last, harsh=harsh)
    total = len(keys) - sum(1 for number in hidden if query.fits(world, number))
    return Answer(
        f'{{"activeNumbers":[{",".join(page)}],"nextPageToken":"{token}","totalSize":{total}}}'.encode()
    )


def get_active(world: World, call: Call) -> Answer:
    """One held number."""
    phone_number = reading.phone_number(call)
    missing = problems.active_number_not_found(phone_number)

    def show() -> bytes:
        return active_number(world.held(phone_number), world.project_id, world.settle()).encode()

    return read_one(world, "number", phone_number, missing, show)


def update(world: World, call: Call) -> Answer:
    """Partial update without a mask: what is absent stays as it is."""
    phone_number = reading.phone_number(call)
    wanted = reading.wanted(call.json(), update=True)
    number, commit = world.update(phone_number, wanted)
    return Answer(
        active_number(number, world.project_id, world.clock.now()).encode(), (commit,), changed=True
    )


def release(world: World, call: Call) -> Answer:
    """Ends the rental at the next charge date."""
    number, commit = world.release(reading.phone_number(call))
    commits = () if commit is None else (commit,)
    body = active_number(number, world.project_id, world.clock.now()).encode()
    return Answer(body, commits, changed=commit is not None)


OPERATIONS = (
    operation("list_active", "GET", "activeNumbers", list_active),
    operation("get_active", "GET", "activeNumbers/{phoneNumber}", get_active),
    operation("update", "PATCH", "activeNumbers/{phoneNumber}", update),
    operation("release", "POST", "activeNumbers/{phoneNumber}:release", release),
)
