"""What the client knows about the vendor's HTTP: what a request is, and what a reply means. No I/O.

Belongs here: requests as values, and turning (status, headers, body) into data or into the right
error. Does not: sockets and time (transport.py), whether to try again (retry.py), the requests of
one vendor noun (the module of that noun).

Sources: docs/vendor/numbers-behaviour.md §2 (transport), §15 (errors),
docs/vendor/imported-hosting-behaviour.md §8 (the flat error envelope).
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError

from numberflow.client.multipart import Upload
from numberflow.errors import (
    InsufficientFunds,
    NotFound,
    NumberflowError,
    OutcomeUnknown,
    PermissionRefused,
    Rejected,
    Throttled,
)
from numberflow.json_text import NotJson, from_json
from numberflow.models import personal

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

Base = Literal[
    "auth", "numbers", "imported", "provisioning", "campaigns", "voice", "trunking", "fax"
]
"""Which of the vendor's hosts: the last five belong to link targets (settings.link_target_urls)."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request to the vendor and the way to read its reply.

    Its repr shows no headers and no body: secrets travel in both.

    Fields:
        path: begins with "/", already percent-encoded, relative to the base URL (which may carry a
            prefix).
        read: turns the parsed JSON of a 2xx into the result; any exception from it means that the
            reply is unreadable.
        query: pairs, not encoded, in the order of the wire; keys may repeat.
        headers: in addition to the body's own; a body is JSON unless they say otherwise.
        upload: a body with a file in it, in place of `body`.
        costly: sent at most once (twice only after a 401 that says the token had expired). True
            for everything that is not a read, except where sending it again replaces the same by
            the same.
        phone_number: the number that a 2xx must be about.
        order: the order that a 2xx must be about: the member of the reply that names it, and its
            id.
        read_body: turns the bytes of a 2xx into the result in place of `read`: for replies that are
            too large to become Python objects, or need no body.
        large: the reply is about 1 MB; only for reads without a body.
        conceal: secrets that no error may repeat, in case the vendor echoes them.
        personal: texts of personal data that no error may repeat
            (numberflow.models.personal.texts). None: they are not at hand, so no error repeats any
            sentence of the vendor.
        total_s: bound of the whole call, repeats included, for what takes longer than other calls.
    """

    method: str
    base: Base
    path: str
    read: Callable[[Any], T] | None = field(default=None, repr=False)
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    upload: Upload | None = None
    costly: bool = False
    phone_number: str | None = None
    order: tuple[str, str] | None = None
    read_body: Callable[[bytes], T] | None = field(default=None, repr=False)
    large: bool = False
    conceal: tuple[str, ...] = field(default=(), repr=False)
    personal: tuple[str, ...] | None = field(default=(), repr=False)
    total_s: float | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """Those given, and those that go with the body."""
        if self.upload is not None:
            return self.headers + self.upload.headers
        if self.body is None or any(name == "Content-Type" for name, _ in self.headers):
            return self.headers
        return (*self.headers, ("Content-Type", "application/json"))

    @property
    def target(self) -> str:
        """Path and query as they go on the wire.

        Everything is encoded, also the + / = of page tokens (docs/vendor/README.md, correction 1).
        """
        if not self.query:
            return self.path
        pairs = (f"{segment(name)}={segment(value)}" for name, value in self.query)
        return f"{self.path}?{'&'.join(pairs)}"


def segment(text: str) -> str:
    """`text` percent-encoded for one path segment or one query value: "+1307" becomes "%2B1307"."""
    return quote(text, safe="")


def project_path(project_id: str, *names: str) -> str:
    """Path of a resource of one project, with every name percent-encoded."""
    return "/v1/projects/" + "/".join(segment(name) for name in (project_id, *names))


def pairs(*named: tuple[str, object | Iterable[object]]) -> tuple[tuple[str, str], ...]:
    """Query pairs: None is left out, and a tuple or list becomes one pair for each value.

    The vendor wants repeated keys.
    """
    found: list[tuple[str, str]] = []
    for name, value in named:
        if value is None:
            continue
        values = value if isinstance(value, tuple | list) else (value,)
        found += [(name, str(each)) for each in values]
    return tuple(found)


def json_body(value: Mapping[str, Any]) -> bytes:
    """`value` as the bytes of a JSON body.

    TypeError or ValueError when it is not JSON; NaN is not.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decipher(
    request: Request[T],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    received_at: datetime | None = None,
    host: str = "",
) -> T:
    """What the reply to `request` means.

    Args:
        request: what was sent.
        status: HTTP status.
        headers: in any case; a repeated header's values joined by commas.
        body: after content decoding.
        received_at: aware; only used to read a Retry-After that is a date when the reply has no
            Date header.
        host: who replied, for messages.

    Raises:
        Throttled: 429.
        NotFound, PermissionRefused, InsufficientFunds, Rejected: the other 4xx. From the token
            endpoint every refusal is PermissionRefused, because a missing token endpoint must never
            look like a missing number.
        OutcomeUnknown: 5xx, 408 (a gateway may have passed the request on before it gave up,
            assumed), 1xx, 3xx (we never follow), and a 2xx that cannot be read
            (`cause="unreadable"`) or is about another number (`cause="wrong_number"`).
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    known_id = request_id(lowered)
    if 200 <= status <= 299:
        return _read(request, status, lowered, body, host)
    envelope = _envelope(body)
    description = _describe(request, status, envelope)
    asked_s = retry_after_s(lowered, received_at)
    if status == 429:
        raise Throttled(description, retry_after_s=asked_s, request_id=known_id)
    if 400 <= status <= 499 and status != 408:
        raise _refusal(request, status, known_id, envelope, description)
    cause = (
        "server_error"
        if status >= 500
        else "request_timeout"
        if status == 408
        else "unexpected_status"
    )
    facts: dict[str, Any] = {}
    if host:
        description += f", from {host}"
    if 300 <= status <= 399:
        description += _redirect_words(lowered.get("location", ""), fate_of(request))
        # Whoever redirects does so again. The wrong address is set here, or by somebody between.
        facts = {"worth_repeating": False, "remedy": ADDRESS_REMEDY}
    raise OutcomeUnknown(
        description,
        status=status,
        request_id=known_id,
        cause=cause,
        retry_after_s=asked_s,
        **facts,
    )


ADDRESS_REMEDY = "check the SINCH_*_URL variables and whatever stands between here and the vendor"


def fate_of(request: Request[Any]) -> str:
    """What a request without a usable reply may have done, as the end of a sentence."""
    if request.costly:
        return "it may have taken effect"
    if request.method == "GET" or request.base == "auth":
        return "it only asked, and nothing was changed"
    return "sending it again does no harm"


def _redirect_words(location: str, fate: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        parts = urlsplit("")
    # Only the host: a path may hold anything.
    where = f" to {_printable(parts.hostname, 100)}" if parts.hostname else ""
    return f": a redirect{where}, which was not followed; {fate}"


def token_expired(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a new token may help.

    Any other 401 is final (docs/vendor/numbers-behaviour.md §2).
    """
    if status != 401:
        return False
    return any(
        "expired" in value.lower()
        for name, value in headers.items()
        if name.lower() == "www-authenticate"
    )


# No source says which header the vendor uses (assumed). The first one found is kept, for support
# tickets and the journal.
_REQUEST_ID_HEADERS = (
    "x-request-id",
    "x-sinch-request-id",
    "x-correlation-id",
    "request-id",
    "x-amzn-requestid",
    "x-trace-id",
    "traceparent",
)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The vendor's id of this exchange, from lower-cased headers; None when there is none.

    At most 128 printable characters.
    """
    for name in _REQUEST_ID_HEADERS:
        value = "".join(letter for letter in headers.get(name, "") if letter.isprintable()).strip()
        if value:
            return value[:128]
    return None


# ---------------------------------------------------------------- 2xx


def parse_json(body: bytes) -> Any:
    """`body` as JSON without binary floats.

    Numbers with a point become Decimal, absurd ones stay text.

    Raises:
        NotJson: not JSON (NaN and Infinity are not), nested too deeply, or too much of it.
    """
    return from_json(body, parse_float=_decimal)


def known(value: Any, *members: str) -> dict[str, Any]:
    """`value` if it is an object with one of `members`, or an empty one.

    An empty one is accepted because the vendor's documents leave out what is empty.

    Raises:
        ValueError: something else answered, for example a gateway with a status page in JSON.
    """
    if not isinstance(value, dict) or (value and not any(member in value for member in members)):
        raise ValueError(f"none of {', '.join(members)}")
    return value


def listed(value: Any, name: str) -> Any:
    """The entries of a list's reply under `name`; () when absent or null.

    ValueError as in `known`.
    """
    found = known(value, name).get(name)
    return () if found is None else found


def reader(model: type[M], *members: str) -> Callable[[Any], M]:
    """A reader of replies that are a `model`, known by one of `members` or by any of its own."""
    names = members or tuple(each.alias or name for name, each in model.model_fields.items())
    return lambda value: model.model_validate(known(value, *names))


def list_reader(model: type[M], name: str) -> Callable[[Any], tuple[M, ...]]:
    """A reader of replies that list `model`s under `name`."""
    entries: TypeAdapter[tuple[M, ...]] = TypeAdapter(tuple[model, ...])  # type: ignore[valid-type]
    return lambda value: entries.validate_python(listed(value, name))


def _decimal(text: str) -> Decimal | str:
    # A short text such as 1e999999999 expands to a number with a thousand million digits: leave it
    # as text.
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if abs(number.adjusted()) <= 30 else text


def _read(
    request: Request[T], status: int, headers: Mapping[str, str], body: bytes, host: str
) -> T:
    known_id = request_id(headers)

    def unknown(cause: str, why: str) -> OutcomeUnknown:
        by = f" from {host}" if host else ""
        description = f"{request}: HTTP {status}{by}, but {why}; {fate_of(request)}"
        return OutcomeUnknown(description, status=status, request_id=known_id, cause=cause)

    value: Any = None
    try:
        if request.read_body is not None:
            return request.read_body(body)
        assert request.read is not None
        value = parse_json(body)
        result = request.read(value)
    except ValidationError as error:
        # Only the place and the kind: the value itself may be a secret.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the reply"
        trouble = f"{where} cannot be read ({first['type']})"
    except NotJson as error:
        kind = _printable(headers.get("content-type", ""), 40) or "no type"
        trouble = f"{error}: {len(body):,} bytes of {kind}" if body.strip() else "an empty body"
    # After a 2xx any failure to read means the same: the outcome is unknown
    except Exception as error:  # noqa: BLE001
        why = "not JSON that we know" if body.strip() else "an empty body"
        trouble = f"{why} ({type(error).__name__})"
    else:
        shown = value if isinstance(value, dict) else {}
        about, number = _text(shown.get("phoneNumber")), request.phone_number
        if number is not None and about != number:
            raise unknown(
                "wrong_number", f"the reply is about {_short(about, 40)} instead of {number}"
            )
        if request.order is not None and _text(shown.get(request.order[0])) != request.order[1]:
            raise unknown("wrong_order", "the reply is about another order")
        return result
    # Raised here, so that the unreadable value does not become the context of the error.
    raise unknown("unreadable", trouble)


def read_nothing(body: bytes) -> None:
    """Read the reply to a request whose success has no documented body.

    No body, or any JSON (docs/vendor/numbers-behaviour.md §11).

    Raises:
        ValueError: something else answered, for example a gateway with its own page.
    """
    if body.strip():
        parse_json(body)


# ---------------------------------------------------------------- refusals


@dataclass(frozen=True, slots=True)
class _Envelope:
    code: str = ""
    message: str = ""
    resource_type: str = ""
    resource_name: str = ""
    field_violations: tuple[tuple[str, str], ...] = ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _members(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _envelope(body: bytes) -> _Envelope:
    """Read every error shape of the contract, as far as it is there (§15, README correction 15).

    Nested, with or without `status`; flat, its code as text or number; flat with `error`; RFC 6749.
    Anything else, such as a gateway's page, is the message. Never raises.
    """
    try:
        value = parse_json(body)
    except ValueError:
        return _Envelope(message=_page_words(body))
    if not isinstance(value, dict):
        return _Envelope(message=value if isinstance(value, str) else "")
    error = value.get("error")
    if isinstance(error, str):
        return _flat(error, value)
    inner = error if isinstance(error, dict) else value
    details = _members(inner.get("details"))
    resource = next(
        (detail for detail in details if detail.get("resourceType") or detail.get("resourceName")),
        {},
    )
    violations = tuple(
        (_text(each.get("field")), _text(each.get("description")))
        for detail in details
        for each in _members(detail.get("fieldViolations"))
    )
    return _Envelope(
        code=_text(inner.get("status")) or _text(inner.get("code")),
        message=_text(inner.get("message")) or _text(resource.get("description")),
        resource_type=_text(resource.get("resourceType")),
        resource_name=_text(resource.get("resourceName")),
        field_violations=violations,
    )


def _flat(error: str, value: Mapping[str, Any]) -> _Envelope:
    """`error` is text: RFC 6749 (with `error_description`), or flat (`code` and `message`)."""
    code = _text(value.get("status")) or _text(value.get("code"))
    message = _text(value.get("error_description")) or _text(value.get("message"))
    if not code:
        return _Envelope(code=error, message=message)
    return _Envelope(code=code, message=": ".join(part for part in (error, message) if part))


# How much of a page is searched for words: a gateway has them at the beginning.
_PAGE_BYTES_MAX = 4_000
_TITLE = re.compile(r"<(title|h1)[^>]*>([^<]+)<", re.IGNORECASE)
_MARKUP = re.compile(r"<(script|style)\b.*?(</\1>|$)|<[^>]*(>|$)", re.IGNORECASE | re.DOTALL)


def _page_words(body: bytes) -> str:
    """The words of a body that is not JSON: the title of a page, or its text."""
    text = body[:_PAGE_BYTES_MAX].decode("utf-8", "replace")
    title = _TITLE.search(text)
    return " ".join(html.unescape(title[2] if title else _MARKUP.sub(" ", text)).split())


# The body of a refusal for lack of credit is not published. "Insufficient balance" is assumed, and
# similar APIs say INSUFFICIENT_* (§5).
_NO_CREDIT = re.compile(
    r"insufficient[\s_]+(balance|funds?|credits?)|not enough (balance|funds?|credits?)",
    re.IGNORECASE,
)

# Enough for the longest vendor sentence seen, short enough for one log line.
_VENDOR_TEXT_MAX = 200


def _refusal(
    request: Request[Any], status: int, known_id: str | None, envelope: _Envelope, description: str
) -> NumberflowError:
    facts: dict[str, Any] = {
        "status": status,
        "code": _clean(request, envelope.code),
        "vendor_message": _quotable(request, envelope.message),
        "resource_type": _clean(request, envelope.resource_type),
        "resource_name": _clean(request, envelope.resource_name),
        "field_violations": tuple(
            (_clean(request, name), _quotable(request, text))
            for name, text in envelope.field_violations
        ),
        "request_id": known_id,
    }
    if request.base == "auth":
        remedy = (
            "check SINCH_KEY_ID and SINCH_KEY_SECRET"
            if status in (400, 401, 403)
            else "check SINCH_AUTH_URL"
        )
        return PermissionRefused(
            f"{description}: no token for this access key", remedy=remedy, **facts
        )
    if status in (401, 403):
        remedy = (
            "check that SINCH_KEY_ID, SINCH_KEY_SECRET and SINCH_PROJECT_ID belong together and "
            "that the account may do this"
        )
        return PermissionRefused(description, remedy=remedy, **facts)
    texts = (envelope.code, envelope.message, *(text for _, text in envelope.field_violations))
    no_credit = envelope.code == "402" or any(_NO_CREDIT.search(text) for text in texts)
    if status == 402 or (status == 400 and no_credit):
        return InsufficientFunds(description, **facts)
    if status == 404:
        return NotFound(description, **facts)
    return Rejected(description, **facts)


def _describe(request: Request[Any], status: int, envelope: _Envelope) -> str:
    description = f"{request}: HTTP {status}"
    # Some shapes only repeat the status as their code.
    code = "" if envelope.code == str(status) else envelope.code
    about = " ".join(
        part for part in (code, envelope.resource_type, envelope.resource_name) if part
    )
    if about:
        description += f" {_clean(request, about)}"
    violations = "; ".join(f"{name}: {text}" for name, text in envelope.field_violations)
    said = ", ".join(part for part in (envelope.message, violations) if part)
    if said:
        return f"{description} ({_quotable(request, said)})"
    return description if about else f"{description}, without a reason"


def _quotable(request: Request[Any], text: str) -> str:
    """A sentence of the vendor, as far as it may be repeated."""
    return (
        "what the vendor says may be personal"
        if text and request.personal is None
        else _clean(request, text)
    )


def _clean(request: Request[Any], text: str) -> str:
    for secret in request.conceal:
        text = text.replace(secret, "…") if secret else text
    text = personal.blot(text, request.personal or ())
    return _printable(text, _VENDOR_TEXT_MAX)


def _printable(text: str, length_max: int) -> str:
    return _short(
        "".join(letter if letter.isprintable() else " " for letter in text[: length_max + 1]),
        length_max,
    )


def _short(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"


def retry_after_s(headers: Mapping[str, str], received_at: datetime | None) -> float | None:
    """Retry-After in seconds, as stated; None when absent or unreadable.

    Absurd values are returned, too: the caller bounds them.
    """
    said = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", said):
        seconds = float(said)
        return seconds if math.isfinite(seconds) else None
    until = http_date(said)
    # The vendor's own clock, if the reply has it: ours may differ by more than the wait.
    now = http_date(headers.get("date", "")) or received_at
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """A date as HTTP writes it, aware; None for anything else."""
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
