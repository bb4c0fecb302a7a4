"""Read pages of the active list from bytes into Arrow, without a Python object for each number.

Belongs here: the vendor's shape of a number, reading it fast, and noticing what the fast way would
lose. Does not: our columns (schema, flatten), where one page ends and the next begins
(numberflow.client.raw_pages).

The fast way is arro3's JSON reader with the shape declared below. It drops unknown members silently
and is lax about syntax, so every page is weighed. Live replies are compact JSON that always has all
members (docs/vendor/numbers-behaviour.md §14), so the numbers read account for each byte of the
page. A page that weighs more or less has something else in it. It is read again the slow way, by
Python's own reader, which keeps what it does not know in `extra`. Weighing misses one case: unknown
members that weigh, to the byte, the same as known ones that are missing. Weighing costs less than a
tenth of parsing. Counting keys would cost a fifth, and scanning for their names twice the parsing
(measured 2026-11, page of 1000).

Several pages are parsed at once, each weighed separately: a call into Arrow costs the same for
1000 rows as for 4000.
"""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import arro3.io
import numpy as np
import pyarrow as pa

from numberflow.json_text import CONTAINERS_MAX, NotJson, from_json

_TEXT = pa.string()

# Times and amounts stay text here: arro3 would cut digits off silently (nanoseconds, decimals
# beyond the scale). flatten casts them, strictly.
NUMBER = pa.struct(
    {
        "phoneNumber": _TEXT,
        "projectId": _TEXT,
        "displayName": _TEXT,
        "regionCode": _TEXT,
        "type": _TEXT,
        "capability": pa.list_(_TEXT),
        "money": pa.struct({"currencyCode": _TEXT, "amount": _TEXT}),
        "paymentIntervalMonths": pa.int32(),
        "nextChargeDate": _TEXT,
        "expireAt": _TEXT,
        "smsConfiguration": pa.struct(
            {
                "servicePlanId": _TEXT,
                "campaignId": _TEXT,
                "scheduledProvisioning": pa.struct(
                    {
                        "servicePlanId": _TEXT,
                        "campaignId": _TEXT,
                        "status": _TEXT,
                        "lastUpdatedTime": _TEXT,
                        "errorCodes": pa.list_(_TEXT),
                    }
                ),
            }
        ),
        "voiceConfiguration": pa.struct(
            {
                "type": _TEXT,
                "appId": _TEXT,
                "trunkId": _TEXT,
                "serviceId": _TEXT,
                "lastUpdatedTime": _TEXT,
                "scheduledVoiceProvisioning": pa.struct(
                    {
                        "type": _TEXT,
                        "appId": _TEXT,
                        "trunkId": _TEXT,
                        "serviceId": _TEXT,
                        "status": _TEXT,
                        "lastUpdatedTime": _TEXT,
                    }
                ),
            }
        ),
        "callbackUrl": _TEXT,
        # Not the vendor's: here the slow way keeps, as JSON, what this shape has no place for.
        # If the vendor sends a member of this name, the weight of the page is wrong, and the slow
        # way sorts it out.
        "extra": _TEXT,
    }
)

_PAGE = pa.schema({"activeNumbers": pa.list_(NUMBER)})


class UnreadablePage(ValueError):
    """Not JSON, not a page, or an entry without a phone number.

    The page is requested again: an inventory that misses a number is worse than none.
    """


@dataclass(frozen=True, slots=True)
class ReadPages:
    """What a batch of pages holds.

    Fields:
        numbers: of all pages, one after the other, of type NUMBER.
        bounds: where in `numbers` each page begins, and the end; an unreadable page has no rows.
        fast: for each page, whether the fast way was enough.
        unreadable: for each page, why it cannot be read, or None. Request it again.
    """

    numbers: pa.StructArray
    bounds: list[int]
    fast: list[bool]
    unreadable: list[UnreadablePage | None]


_FILES_IN_MEMORY = hasattr(os, "memfd_create") and Path("/proc/self/fd").exists()

Places = np.ndarray[Any, np.dtype[np.int32]]
"""Where each item begins, and the end."""

Body = tuple[bytes, tuple[int, int] | None]
"""A page, and where the list's items are in it (RawPage.body, RawPage.items).

The place is None unless the page has the form of live replies.
"""


def read_pages(pages: Sequence[Body]) -> ReadPages:
    """The numbers of several pages, parsed at once.

    A page that has to be read the slow way, or cannot be read, does not touch the others.
    """
    # Arrow makes some hundred bytes of an object, even of an empty one, which takes two here.
    if all(items is not None and body.count(b"{") <= CONTAINERS_MAX for body, items in pages):
        read = _read_fast([body for body, _ in pages])
        if read is not None:
            return _weighed(pages, *read)
    if len(pages) > 1:
        return _joined([read_pages([page]) for page in pages])
    return _slow_page(pages[0][0])


def _weighed(pages: Sequence[Body], numbers: pa.StructArray, bounds: list[int]) -> ReadPages:
    """What was read fast, except for pages with more or less in them.

    Each page is weighed separately: one must not make up for what another lacks.
    """
    each = [numbers.slice(start, stop - start) for start, stop in pairwise(bounds)]
    fine = [_accounts_for(rows, page) for rows, page in zip(each, pages, strict=True)]
    if all(fine):
        return ReadPages(numbers, bounds, fine, [None] * len(pages))
    return _joined(
        [
            ReadPages(rows, [0, len(rows)], [True], [None]) if fast else _slow_page(page[0])
            for fast, rows, page in zip(fine, each, pages, strict=True)
        ]
    )


def _slow_page(body: bytes) -> ReadPages:
    try:
        numbers = _read_slowly(body)
    except UnreadablePage as error:
        return ReadPages(pa.array([], NUMBER), [0, 0], [False], [error])
    return ReadPages(numbers, [0, len(numbers)], [False], [None])


def read_numbers(body: bytes, items: tuple[int, int] | None) -> tuple[pa.StructArray, bool]:
    """The numbers of one page, of type NUMBER, and whether the fast way was enough.

    Raises:
        UnreadablePage: see there.
    """
    read = read_pages([(body, items)])
    if (error := read.unreadable[0]) is not None:
        raise error
    return read.numbers, read.fast[0]


def _joined(single: list[ReadPages]) -> ReadPages:
    return ReadPages(
        pa.concat_arrays([each.numbers for each in single]),
        [0, *accumulate(len(each.numbers) for each in single)],
        [each.fast[0] for each in single],
        [each.unreadable[0] for each in single],
    )


def _accounts_for(numbers: pa.StructArray, page: Body) -> bool:
    """Whether `numbers` and the commas between them are all of the page's list.

    Each of them must have a phone number.
    """
    body, items = page
    assert items is not None
    if numbers.field("phoneNumber").null_count:
        return False
    return _weight(numbers, 0) + max(0, len(numbers) - 1) == items[1] - items[0] - _escaped(body)


def _read_fast(bodies: Sequence[bytes]) -> tuple[pa.StructArray, list[int]] | None:
    """The numbers of all pages, and where those of each page begin and end.

    None when there is not one list in each page.
    """
    try:
        reader = arro3.io.read_json(_readable(bodies), _PAGE, batch_size=len(bodies))
        pages = pa.RecordBatchReader.from_stream(reader).read_all()
    except Exception:  # noqa: BLE001 - arro3 raises a class of its own that is no public name
        return None
    if pages.num_rows != len(bodies) or pages.column(0).num_chunks != 1:
        return None
    lists = pages.column("activeNumbers").chunk(0)
    if lists.null_count:
        return None
    bounds = _offsets(lists)
    return lists.values.slice(bounds[0], bounds[-1] - bounds[0]), (bounds - bounds[0]).tolist()


def _readable(bodies: Sequence[bytes]) -> str | io.BytesIO:
    """The bodies, one a line, in a form that arro3 reads, until this thread calls again.

    A path where the system has files in memory. From a Python file arro3 reads 8 KB at a time, and
    each time waits for the interpreter, which the event loop holds. A file of the system needs no
    interpreter (measured 2026-11: half the time, with another thread busy).
    """
    if not _FILES_IN_MEMORY:
        return io.BytesIO(b"\n".join(bodies))
    kept = getattr(_THREAD, "file", None)
    if kept is None:
        kept = _THREAD.file = _MemoryFile()
    return kept.hold(bodies)


class _MemoryFile:
    """A file in memory that is overwritten again and again.

    Getting its memory from the system anew costs more than writing it.
    """

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("numberflow-pages", os.MFD_CLOEXEC)

    def hold(self, bodies: Sequence[bytes]) -> str:
        """Path of the file with `bodies` in it, a line each."""
        place = 0
        for data in (part for body in bodies for part in (body, b"\n")):
            rest = memoryview(data)
            while rest:
                written = os.pwrite(self._descriptor, rest, place)
                place += written
                rest = rest[written:]
        os.ftruncate(self._descriptor, place)
        return f"/proc/self/fd/{self._descriptor}"

    def __del__(self) -> None:
        os.close(self._descriptor)


_THREAD = threading.local()


# ---------------------------------------------------------------- weighing


def _weight(values: pa.Array, hidden: int) -> int:
    """Bytes of `values` as compact JSON with every declared member present.

    Commas between the values are left out, and escapes count as what they stand for.

    Args:
        values: a null takes no room in its children, as arro3 writes it. Otherwise the weight is
            wrong, and the slow way decides.
        hidden: how many of them are null because the object around them is.
    """
    nulls: int = values.null_count
    there = len(values) - nulls
    weight = (nulls - hidden) * len("null")
    kind = values.type
    if pa.types.is_struct(kind):
        members = [
            (field.name, values.field(place))
            for place, field in enumerate(kind)
            if field.name != "extra"
        ]
        # {"a":…,"b":…}: braces and commas add up to one more than the members; each name adds two
        # quotes and a colon.
        frame = len(members) + 1 + sum(len(name.encode()) + 3 for name, _ in members)
        return weight + there * frame + sum(_weight(member, nulls) for _, member in members)
    if pa.types.is_list(kind):
        offsets = _offsets(values)
        first, last = int(offsets[0]), int(offsets[-1])
        empty = np.count_nonzero(offsets[1:] == offsets[:-1]) - nulls
        # ["a","b"]: two brackets and one comma fewer than items, for each list that has any.
        return (
            weight
            + there
            + last
            - first
            + int(empty)
            + _weight(values.values.slice(first, last - first), 0)
        )
    if pa.types.is_string(kind):
        weight += 2 * there
    else:
        values = values.cast(_TEXT)
    offsets = _offsets(values)
    return weight + int(offsets[-1] - offsets[0])


def _offsets(values: pa.Array) -> Places:
    """Where each text begins in the bytes of all, or each list in the items of all; and the end."""
    whole = np.frombuffer(values.buffers()[1], np.int32)
    return whole[values.offset : values.offset + len(values) + 1]


def _escaped(body: bytes) -> int:
    r"""How many bytes the escapes in `body` take beyond what they stand for.

    \u escapes are left out: such a page is read the slow way.
    """
    if b"\\" not in body:
        return 0
    # A run of backslashes begins with an escape, so pairs from its left are escaped backslashes and
    # each escape has one backslash of its own.
    return body.count(b"\\") - body.count(b"\\\\")


# ---------------------------------------------------------------- the slow way


def _read_slowly(body: bytes) -> pa.StructArray:
    try:
        # Amounts that come as JSON numbers stay the digits that they are.
        page = from_json(body, parse_float=str)
    except ValueError as error:  # NotJson, or an integer of thousands of digits
        raise UnreadablePage(
            str(error) if isinstance(error, NotJson) else f"no JSON ({type(error).__name__})"
        ) from None
    items = page.get("activeNumbers") if isinstance(page, dict) else None
    if items is None and isinstance(page, dict):
        items = []
    if not isinstance(items, list):
        raise UnreadablePage("no list of numbers")
    rows = [_row(item) for item in items]
    try:
        return pa.array(rows, type=NUMBER)
    except (pa.ArrowException, UnicodeError) as error:
        raise UnreadablePage(f"text that is not text ({type(error).__name__})") from None


def _row(item: Any) -> dict[str, Any]:
    if (
        not isinstance(item, dict)
        or not isinstance(item.get("phoneNumber"), str)
        or not item["phoneNumber"]
    ):
        raise UnreadablePage("an entry has no phoneNumber")
    unknown: dict[str, Any] = {}
    row: dict[str, Any] = _fit_number(item, unknown)
    row["extra"] = json.dumps(unknown, sort_keys=True) if unknown else None
    return row


Fit = Callable[[Any, dict[str, Any]], Any]
"""From a value and what is unknown so far to the value as declared.

What does not fit goes to the unknown under its path, and None takes its place.
"""


def _fitter(kind: pa.DataType, path: str) -> Fit:
    """The fit for one declared type.

    Built once: asking Arrow what a type is costs more than reading a value.
    """
    if pa.types.is_struct(kind):
        return _struct_fitter(kind, path)
    if pa.types.is_list(kind):
        return _list_fitter(path)
    return _number_fitter(path) if pa.types.is_integer(kind) else _text_fitter(path)


def _struct_fitter(kind: pa.StructType, path: str) -> Fit:
    prefix = f"{path}." if path else ""
    # An `extra` of the vendor's is as unknown as any other member.
    members = {
        field.name: _fitter(field.type, prefix + field.name)
        for field in kind
        if field.name != "extra"
    }

    def fit(value: Any, unknown: dict[str, Any]) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            _misfit(value, path, unknown)
            return None
        row = {}
        for name, inner in value.items():
            member = members.get(name)
            if member is None:
                unknown[prefix + name] = inner
            elif inner is not None:
                row[name] = member(inner, unknown)
        return row

    return fit


def _list_fitter(path: str) -> Fit:
    text = _text_fitter(path)

    def fit(value: Any, unknown: dict[str, Any]) -> list[Any] | None:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            _misfit(value, path, unknown)
            return None
        return [text(each, unknown) for each in value]

    return fit


def _number_fitter(path: str) -> Fit:
    def fit(value: Any, unknown: dict[str, Any]) -> int | None:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 5:
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000:
            return value
        _misfit(value, path, unknown)
        return None

    return fit


def _text_fitter(path: str) -> Fit:
    def fit(value: Any, unknown: dict[str, Any]) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            _misfit(value, path, unknown)
            return None
        if value.isascii():
            return value
        # Half a surrogate pair is legal JSON but not Unicode. A question mark takes its place, and
        # `extra` keeps the escape.
        text = value.encode("utf-8", "replace").decode()
        if text != value:
            unknown[path] = value
        return text

    return fit


def _misfit(value: Any, path: str, unknown: dict[str, Any]) -> None:
    if value is not None and value != "":  # an empty text means nothing, whatever was expected
        unknown[path] = value


_fit_number = _fitter(NUMBER, "")
