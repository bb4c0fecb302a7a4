"""The journal's rows as frozen values, and the names of leases. No SQL, no I/O, no decisions.

Money is a Decimal beside its currency; times are aware UTC; JSON values are what `json` reads back
(amounts inside them are strings).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from numberflow.errors import BadInput
from numberflow.journal.transitions import OPEN_STATES, IntentionState
from numberflow.models.parameters import REFERENCE_LENGTH_MAX


class Operation(StrEnum):
    """The costly steps: requests that spend money or cannot be undone."""

    RENT = "rent"
    RENT_ANY = "rent_any"
    RELEASE = "release"
    CREATE_ORDER = "create_order"
    SUBMIT_ORDER = "submit_order"
    IMPORT = "import"
    IMPORT_ORDER = "import_order"
    ADD_NUMBERS = "add_numbers"
    VOICE_CHALLENGE = "voice_challenge"
    VERIFY_CODE = "verify_code"
    TEXT_ENABLE = "text_enable"
    UPDATE_IMPORTED = "update_imported"
    DELETE_IMPORTED = "delete_imported"
    PROVISION_EMERGENCY = "provision_emergency"
    DEPROVISION_EMERGENCY = "deprovision_emergency"
    UPDATE = "update"


# What cannot be planned without a price. Submitting an order is not listed: its price was fixed
# when it was created.
PRICED_OPERATIONS = frozenset({Operation.RENT, Operation.RENT_ANY, Operation.CREATE_ORDER})

# The steps that give a number up.
RELEASING = frozenset({Operation.RELEASE, Operation.DELETE_IMPORTED})


# The steps that open an order. Only the vendor's reply has its id.
_OPENING = (Operation.CREATE_ORDER, Operation.IMPORT_ORDER, Operation.TEXT_ENABLE)
# The steps after which something is followed: orders, and under our own names batches that are
# qualified and links of single numbers.
ORDER_OPERATIONS = (
    *_OPENING,
    Operation.ADD_NUMBERS,
    Operation.IMPORT,
    Operation.UPDATE_IMPORTED,
    Operation.UPDATE,
    Operation.RENT,
    Operation.RENT_ANY,
    Operation.RELEASE,
    Operation.DELETE_IMPORTED,
)


class Finding(StrEnum):
    """What one look at the vendor showed."""

    APPLIED = "applied"
    ABSENT = "absent"
    INCONCLUSIVE = "inconclusive"
    UNSEEN = "unseen"
    """We could not look (vendor down, reply unreadable). This is no evidence of anything."""


class Outcome(StrEnum):
    """How one attempt ended. None in the row: it is under way, or its sender died."""

    APPLIED = "applied"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """What a caller wants to buy, and its reference. `parameters` contain nothing private."""

    project_id: str
    reference: str
    operation: str
    fingerprint: str
    parameters: Mapping[str, Any]
    flow_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase: everything that belongs to one reference."""

    id: str
    project_id: str
    reference: str
    operation: str
    fingerprint: str
    parameters: Mapping[str, Any]
    quote: Any
    approval: Any
    before: Any
    flow_run_id: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def resource(self) -> str:
        """Name of the lease that a process holds while it works on this purchase."""
        return purchase_resource(self.project_id, self.reference)


@dataclass(frozen=True, slots=True)
class NewIntention:
    """One costly step to plan.

    `subject` is the number (E.164) or order it acts on, None when the vendor chooses (rent_any,
    create_order). `setup_amount` is charged once, `monthly_amount` per month. `due_amount` is what
    leaves the account at once; None = setup + one month (docs/vendor/numbers-behaviour.md §13: the
    first charge falls due at the rent). Pass it when the number is paid for several months at a
    time.
    """

    operation: Operation | str
    subject: str | None
    fingerprint: str
    request: Mapping[str, Any] = field(default_factory=dict)
    setup_amount: Decimal | None = None
    monthly_amount: Decimal | None = None
    currency: str | None = None
    due_amount: Decimal | None = None

    @property
    def due(self) -> Decimal | None:
        """What leaves the account at once, or None when a price is missing."""
        if self.due_amount is not None:
            return self.due_amount
        if self.setup_amount is None or self.monthly_amount is None:
            return None
        return self.setup_amount + self.monthly_amount


@dataclass(frozen=True, slots=True)
class Intention:
    """One costly step in the journal. It counts against the cap of `spend_day` (UTC)."""

    id: str
    purchase_id: str
    project_id: str
    reference: str
    position: int
    operation: Operation
    subject: str | None
    fingerprint: str
    request: Mapping[str, Any]
    state: IntentionState
    setup_amount: Decimal | None
    monthly_amount: Decimal | None
    due_amount: Decimal | None
    currency: str | None
    cap_today: Decimal | None
    cap_currency: str | None
    spend_day: date
    flow_run_id: str | None
    owner: str | None
    fence: int | None
    result: Any
    reason: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it is neither done nor refused."""
        return self.state in OPEN_STATES

    @property
    def opens_order(self) -> bool:
        """Whether it opens an order. Only the vendor's reply has the order's id."""
        return self.operation in _OPENING

    @property
    def resource(self) -> str:
        """Name of the step's lease: its phone number's, or its own while it has no number."""
        if self.subject is not None and self.subject.startswith("+"):
            return number_resource(self.project_id, self.subject)
        return f"intention/{self.id}"

    @property
    def purchase_resource(self) -> str:
        """Name of the lease of the purchase that this step belongs to."""
        return purchase_resource(self.project_id, self.reference)

    def __str__(self) -> str:
        subject = f" {self.subject}" if self.subject else ""
        return f"intention {self.id} ({self.operation}{subject}, reference {self.reference!r})"


class OrderKind(StrEnum):
    """What is followed until the vendor ends it."""

    NUMBER = "number_order"
    HOSTING = "hosting_order"
    QUALIFICATION = "qualification"
    LINK = "link"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Something that the vendor works on for hours or days, as we last saw it.

    `order_id` is the vendor's id. `state` is the vendor's word for where it stands. `facts` are
    what later sweeps need to know (raised alarms, numbers, times): JSON without anything private.
    """

    id: str
    purchase_id: str
    project_id: str
    reference: str
    kind: OrderKind
    order_id: str
    state: str
    facts: Mapping[str, Any]
    created_at: datetime
    seen_at: datetime
    closed_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether there is still something to wait for."""
        return self.closed_at is None

    @property
    def resource(self) -> str:
        """Name of its lease: two sweeps at once must not both raise an alarm."""
        return f"order/{self.project_id}/{self.kind}/{self.order_id}"

    def __str__(self) -> str:
        return f"{self.kind} {self.order_id} (reference {self.reference!r})"


@dataclass(frozen=True, slots=True)
class AttemptEntry:
    """One request that was allowed to leave."""

    n: int
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    http_status: int | None
    vendor_request_id: str | None
    owner: str


@dataclass(frozen=True, slots=True)
class EvidenceEntry:
    """What `times` identical looks in a row showed, from `at` to `last_at`."""

    at: datetime
    last_at: datetime
    times: int
    finding: Finding
    note: str
    seen: Any


@dataclass(frozen=True, slots=True)
class Observation:
    """One look to write down. `seen` holds what decided it (status, dates), nothing private."""

    finding: Finding
    note: str
    seen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended. `n` None: the latest one, whoever made it."""

    outcome: Outcome
    n: int | None = None
    http_status: int | None = None
    vendor_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that may leave. `earlier_unknown`: an earlier one may have taken effect."""

    intention: Intention
    n: int
    earlier_unknown: bool


@dataclass(frozen=True, slots=True)
class History:
    """Everything the journal knows about one intention, oldest first."""

    intention: Intention
    attempts: tuple[AttemptEntry, ...]
    evidence: tuple[EvidenceEntry, ...]


@dataclass(frozen=True, slots=True)
class SpendLine:
    """What one reference takes of a day, in one currency."""

    reference: str
    currency: str
    due: Decimal
    monthly: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Spend:
    """What a UTC day cost or may have cost: all but refused. `totals`: currency → amount."""

    project_id: str
    day: date
    totals: Mapping[str, Decimal]
    lines: tuple[SpendLine, ...]


def opened_order(kind: OrderKind, order_id: str, state: str, **facts: Any) -> dict[str, Any]:
    """What a step that opened an order puts into its result.

    That is enough to follow the order, whatever happens to the run that opened it. `facts` are JSON
    values without anything private, as in `PendingWork`.
    """
    return {"order": {"kind": str(kind), "order_id": order_id, "state": state, "facts": facts}}


def checked_reference(reference: str) -> str:
    """The reference unchanged, when it can name a purchase.

    Raises:
        BadInput: empty, longer than `REFERENCE_LENGTH_MAX`, surrounded by blanks, or with
            characters that do not print.
    """
    problem = ""
    if not reference:
        problem = "is empty"
    elif len(reference) > REFERENCE_LENGTH_MAX:
        problem = f"has {len(reference)} characters"
    elif reference != reference.strip():
        problem = "begins or ends with a blank"
    elif not reference.isprintable():
        problem = "contains unprintable characters"
    if problem:
        raise BadInput(
            f"reference: {problem}.",
            field="reference",
            remedy=f"write 1 to {REFERENCE_LENGTH_MAX} printable characters without blanks around "
            "them, for example PO-1042",
        )
    return reference


def folded(reference: str) -> str:
    """The reference for comparison: "po-1042" and "PO-1042" must never become two purchases."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", reference).casefold())


def purchase_resource(project_id: str, reference: str) -> str:
    """Name of a purchase's lease."""
    return f"purchase/{project_id}/{folded(reference)}"


def number_resource(project_id: str, phone_number: str) -> str:
    """Name of a phone number's lease (E.164)."""
    return f"number/{project_id}/{phone_number}"


def number_in(result: Any) -> str | None:
    """The phone number that a result names: the subject of a step that had none."""
    if not isinstance(result, Mapping):
        return None
    number = result.get("phone_number") or result.get("phoneNumber")
    return number if isinstance(number, str) else None
