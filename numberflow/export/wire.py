"""A page of the active list, from the vendor's bytes into Arrow, without a Python object per number.

Belongs here: the vendor's shape of a number, reading it fast, and noticing what the fast way would lose. Does not: our columns (schema, flatten), where
one page ends and the next begins (numberflow.client.raw_pages).

The fast way is arro3's JSON reader with the shape declared below. It drops unknown members without a word and is lax about syntax, so every page is
weighed: with the members of live replies (docs/vendor/numbers-behaviour.md §14: all of them always there, compact JSON) the numbers read account for
each byte of the page. A page that weighs more or less has something else in it and is read again the slow way, by Python's own reader, which keeps what
it does not know in `extra`. Weighing costs a tenth of parsing; a scan for keys would have cost twice the parsing (measured 2026-11, page of 1000).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import arro3.io
import pyarrow as pa
import pyarrow.compute as pc

_TEXT = pa.string()

# Times and amounts stay text here: arro3 would cut digits off without a word (nanoseconds, decimals beyond the scale). flatten casts them, strictly.
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
        # Not the vendor's: where the slow way keeps, as JSON, what this shape has no place for. Should the vendor bring a member of this name, the page
        # is not of the weight it should be, and the slow way sorts it out.
        "extra": _TEXT,
    }
)

_PAGE = pa.schema({"activeNumbers": pa.list_(NUMBER)})


class UnreadablePage(ValueError):
    """Not JSON, not a page, or an entry without a phone number. To be asked for again; an inventory that misses a number is worse than none."""


def read_numbers(body: bytes, items: tuple[int, int] | None) -> tuple[pa.StructArray, bool]:
    """The numbers of a page, of type NUMBER, and whether the fast way was enough.

    Args:
        body: the page.
        items: where the list's items stand in `body`, if the page has the form of live replies (RawPage.items).

    Raises:
        UnreadablePage: see there.
    """
    if items is not None:
        numbers = _read_fast(body)
        if numbers is not None and _weight(numbers) + max(0, len(numbers) - 1) == items[1] - items[0] - _escaped(body):
            if numbers.field("phoneNumber").null_count:
                raise UnreadablePage("an entry has no phoneNumber")
            return numbers, True
    return _read_slowly(body), False


def _read_fast(body: bytes) -> pa.StructArray | None:
    try:
        pages = pa.RecordBatchReader.from_stream(arro3.io.read_json(io.BytesIO(body), _PAGE, batch_size=1)).read_all()
    except Exception:  # noqa: BLE001 - arro3 raises a class of its own that is no public name
        return None
    if pages.num_rows != 1:
        return None
    lists = pages.column("activeNumbers").chunk(0)
    return None if lists.null_count else lists.flatten()


# ---------------------------------------------------------------- weighing


def _weight(values: pa.Array) -> int:
    """Bytes of `values` as compact JSON with every declared member there, commas between the values left out. Escapes count as what they stand for."""
    nulls = int(values.null_count)
    if nulls:
        values = values.drop_null()
    weight = nulls * len("null")
    kind = values.type
    if pa.types.is_struct(kind):
        members = [(field.name, values.field(place)) for place, field in enumerate(kind) if field.name != "extra"]
        # {"a":…,"b":…}: braces and commas add up to one more than there are members, each name brings two quotes and a colon.
        frame = len(members) + 1 + sum(len(name.encode()) + 3 for name, _ in members)
        return weight + len(values) * frame + sum(_weight(member) for _, member in members)
    if pa.types.is_list(kind):
        items = values.flatten()
        empty = int(pc.sum(pc.equal(pc.list_value_length(values), 0)).as_py() or 0)
        # ["a","b"]: two brackets and a comma less than there are items, for each list that has any.
        return weight + len(values) + len(items) + empty + _weight(items)
    if pa.types.is_string(kind):
        return weight + 2 * len(values) + _length(values)
    return weight + _length(values.cast(_TEXT))


def _length(texts: pa.StringArray) -> int:
    return int(pc.sum(pc.binary_length(texts)).as_py() or 0)


def _escaped(body: bytes) -> int:
    r"""How many bytes the escapes in `body` take beyond what they stand for. \u escapes are left out: such a page is read the slow way."""
    if b"\\" not in body:
        return 0
    # A run of backslashes begins with an escape, so pairs from its left are escaped backslashes and each escape has one backslash of its own.
    return body.count(b"\\") - body.count(b"\\\\")


# ---------------------------------------------------------------- the slow way


def _read_slowly(body: bytes) -> pa.StructArray:
    try:
        # Amounts that come as JSON numbers stay the digits that they are.
        page = json.loads(body, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise UnreadablePage(f"no JSON ({type(error).__name__})") from None
    items = page.get("activeNumbers") if isinstance(page, dict) else None
    if items is None and isinstance(page, dict):
        items = []
    if not isinstance(items, list):
        raise UnreadablePage("no list of numbers")
    rows = [_row(item) for item in items]
    try:
        return pa.array(rows, type=NUMBER)
    except (pa.ArrowException, UnicodeError) as error:
        raise UnreadablePage(f"text that is no text ({type(error).__name__})") from None


def _row(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("phoneNumber"), str) or not item["phoneNumber"]:
        raise UnreadablePage("an entry has no phoneNumber")
    unknown: dict[str, Any] = {}
    row: dict[str, Any] = _fit_number(item, unknown)
    row["extra"] = json.dumps(unknown, sort_keys=True) if unknown else None
    return row


Fit = Callable[[Any, dict[str, Any]], Any]
"""Value and what was unknown so far → the value as declared. What does not fit goes to the unknown under its path, and None takes its place."""


def _fitter(kind: pa.DataType, path: str) -> Fit:
    """The fit for one declared type. Built once: asking Arrow what a type is costs more than reading a value."""
    if pa.types.is_struct(kind):
        return _struct_fitter(kind, path)
    if pa.types.is_list(kind):
        return _list_fitter(path)
    return _number_fitter(path) if pa.types.is_integer(kind) else _text_fitter(path)


def _struct_fitter(kind: pa.StructType, path: str) -> Fit:
    prefix = f"{path}." if path else ""
    # An `extra` of the vendor's is as unknown as any other member.
    members = {field.name: _fitter(field.type, prefix + field.name) for field in kind if field.name != "extra"}

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
        # Half a surrogate pair is legal JSON and no Unicode: a question mark takes its place, and `extra` keeps the escape.
        text = value.encode("utf-8", "replace").decode()
        if text != value:
            unknown[path] = value
        return text

    return fit


def _misfit(value: Any, path: str, unknown: dict[str, Any]) -> None:
    if value is not None and value != "":  # an empty text means nothing, whatever was expected
        unknown[path] = value


_fit_number = _fitter(NUMBER, "")
