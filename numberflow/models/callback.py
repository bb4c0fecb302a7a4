"""A callback of the vendor: its envelope, as far as we act on it.

A callback is a hint: it names a resource whose state is worth reading. So nothing is taken from it
but what it is about. Its time has no zone, its status may be old, and both are left alone
(docs/vendor/numbers-behaviour.md §16, docs/vendor/imported-hosting-behaviour.md §12). Signatures
are in numberflow.receiver.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from numberflow.json_text import from_json

Api = Literal["numbers", "imported"]
"""Which of the vendor's two APIs a callback comes from; each has a secret of its own."""

SIGNATURE_HEADER = "x-sinch-signature"
BODY_BYTES_MAX = 64 * 1024
"""No callback of the contract has more than 1 kB."""

ACTIVE_NUMBER = "ACTIVE_NUMBER"
NUMBER_ORDER = "NUMBER_ORDER"
IMPORTED_NUMBER = "IMPORTED_NUMBER"
HOSTING_ORDER_NUMBER = "HOSTING_ORDER_NUMBER"

# All others are the imported-numbers API's, or new.
_NUMBERS_API = frozenset({ACTIVE_NUMBER, NUMBER_ORDER})
# Ids are ULIDs and phone numbers. What is longer is no id, and would not fit an index of Postgres.
_ID_LENGTH_MAX = 256


@dataclass(frozen=True, slots=True)
class Callback:
    """What a callback is about. Types are open sets: an unknown one is kept as it is.

    `unreadable` says why nothing can be done with it; None when something can.
    """

    event_id: str
    resource_type: str = ""
    resource_id: str = ""
    event_type: str = ""
    unreadable: str | None = None

    @property
    def api(self) -> Api:
        """The API that sends callbacks of this resource type."""
        return "numbers" if self.resource_type in _NUMBERS_API else "imported"


def read_callback(body: bytes, project_id: str) -> Callback:
    """Read the envelope of a body that was sent to the address of `project_id`. Never raises.

    Without a usable `eventId` the id is a digest of the body: the same bytes are the same event.
    """
    digest = f"sha256:{sha256(body).hexdigest()}"
    try:
        content: Any = from_json(body)
    except ValueError:
        return Callback(digest, unreadable="not JSON")
    if not isinstance(content, dict):
        return Callback(digest, unreadable="not a JSON object")
    event_id = _id(content.get("eventId")) or digest
    event_type = _id(content.get("eventType"))
    resource_type, resource_id = _id(content.get("resourceType")), _id(content.get("resourceId"))
    named = content.get("projectId")
    unreadable = None
    if not resource_type or not resource_id:
        missing = "resourceId" if resource_type else "resourceType"
        unreadable = f"no usable {missing}"
    elif named not in (None, "", project_id):
        unreadable = "projectId is not the project of the address"
    return Callback(event_id, resource_type, resource_id, event_type, unreadable)


def _id(value: Any) -> str:
    """`value` if a database can hold it as an id, else empty."""
    usable = isinstance(value, str) and len(value) <= _ID_LENGTH_MAX and value.isprintable()
    return value if usable else ""
