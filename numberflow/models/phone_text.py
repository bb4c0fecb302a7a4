"""Read phone numbers as people write them: a pasted column, commas, spaces, brackets.

Also the digits that a search looks for. Here: from text to E.164, or the reading that was probably
meant. Not here: which numbers a flow accepts (its parameters), and lists that have to be fetched
first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import phonenumbers

# Between numbers. Spaces are inside of them, too, so they separate numbers only where each part
# could be one.
_BETWEEN = re.compile(r"[\r\n\t,;|]+")
# What people and address books put between the digits of one number. The last ones are dashes and
# spaces of other keyboards.
_INSIDE = re.compile(r"[\s().\-/\u00a0\u2007\u2009\u202f\u2010-\u2015\u2212]")
# Invisible marks: address books wrap numbers into them, and nobody sees them in a form.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# A list in JSON, quoted cells of a spreadsheet, links of a web page.
_WRAPPING = re.compile(r"""["'`\[\]{}<>]|\btel:""", re.IGNORECASE)
# No spelling of one number ends like this: ".0" of a spreadsheet that took it for an amount, and a
# separate digit (a typo, another column, "/7" for the extension next door). None of
# libphonenumber's spellings does.
_STRAY_END = re.compile(r"(?:\.0+|[\s./]\d|/\s*\d{1,2})$")
# Shorter ones are parts of a number that was written with spaces.
_DIGITS_OF_A_NUMBER_MIN = 7
# How many are named when a list is refused; the rest is counted.
_NAMED_MAX = 3


def read_numbers(value: Any) -> Any:
    """Read numbers from a list, or from pasted text; each becomes E.164.

    Other values are returned unchanged, to be refused as no list. A first line without any digit is
    the heading of the column.

    Raises:
        ValueError: names what is not a number, and the reading that was probably meant.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        pieces: list[Any] = list(_pieces(value))
    elif isinstance(value, list | tuple):
        pieces = list(value)
    else:
        return value
    numbers, problems = [], []
    for piece in pieces:
        try:
            numbers.append(read_number(piece))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        more = (
            f"; and {len(problems) - _NAMED_MAX} more like these"
            if len(problems) > _NAMED_MAX
            else ""
        )
        raise ValueError("; ".join(problems[:_NAMED_MAX]) + more)
    return tuple(numbers)


def read_number(value: Any) -> str:
    """One number in E.164, from any spelling that begins with + and the country code.

    Raises:
        ValueError: says what is wrong and how to write it.
    """
    if not isinstance(value, str):
        # Pydantic handles ValueError only
        raise ValueError("must be text: + and the country code, such as +12025550123")  # noqa: TRY004
    text = _WRAPPING.sub("", _UNSEEN.sub("", value)).strip()
    # "+(1)" and "(+1)" are the same beginning.
    digits = _INSIDE.sub("", text)
    if not digits.startswith("+") or not re.fullmatch(r"\+[1-9][0-9]{4,20}", digits):
        raise ValueError(f"{_short(value)} is not E.164; {_meant(text)}")
    if stray := _STRAY_END.search(text):
        raise ValueError(
            f"{_short(value)} ends with {stray.group()!r}, which may be no part of it; leave it "
            "out, or write all digits together"
        )
    try:
        # Unchanged: "(0)" after the country code is not dialled, and only the library knows where a
        # 0 belongs.
        parsed = phonenumbers.parse(text if text.startswith("+") else digits)
    except phonenumbers.NumberParseException:
        raise ValueError(f"{digits} has no country code in use") from None
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError(f"{digits} has too few or too many digits for its country")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def read_pattern(value: Any) -> Any:
    """Digits to search for, without what people put between them: "+1 (415)" is +1415.

    What is not text is returned unchanged.
    """
    if not isinstance(value, str):
        return value
    # Empty brackets do not mean "no pattern": they are returned, to be refused.
    return _INSIDE.sub("", _UNSEEN.sub("", value)) or value


def _pieces(text: str) -> Iterator[str]:
    """The spellings in a text, one number each."""
    plain = _WRAPPING.sub("", _UNSEEN.sub("", text))
    chunks = [chunk.strip() for chunk in _BETWEEN.split(plain) if chunk.strip()]
    if len(chunks) > 1 and not any(sign.isdigit() for sign in chunks[0]):
        # The heading of a column.
        chunks = chunks[1:]
    for chunk in chunks:
        # Every + begins a number: a form's field joins the lines of a pasted column.
        for piece in re.split(r"(?=\(?\+)(?<!\()", chunk):
            words = piece.split()
            if not words:
                continue
            if all(len(_digits(word)) >= _DIGITS_OF_A_NUMBER_MIN for word in words):
                yield from words
            else:
                yield piece.strip()


def _meant(text: str) -> str:
    """How to write it, with the reading that was probably meant if there is one."""
    digits = _digits(text)
    if re.search(r"[^0-9+]", _INSIDE.sub("", text)):
        return "write + and digits only, such as +12025550123"
    for reading in _readings(digits):
        try:
            parsed = phonenumbers.parse(reading)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(parsed) and (
            parsed.country_code != 1 or phonenumbers.is_valid_number(parsed)
        ):
            written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            return (
                f"write {written} if that is what is meant: numbers begin with + and the country "
                "code"
            )
    return "write + and the country code first, such as +12025550123"


def _readings(digits: str) -> Iterator[str]:
    """What digits without a plus may stand for, the likeliest first."""
    # Prefixes that people dial before a country code: in North America, and in most other places.
    for prefix in ("011", "00"):
        if digits.startswith(prefix):
            yield f"+{digits.removeprefix(prefix)}"
    if len(digits) == 10 and not digits.startswith(("0", "1")):
        yield f"+1{digits}"
    if not digits.startswith("0"):
        yield f"+{digits}"


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "…")
