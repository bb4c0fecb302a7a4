"""Every error that numberflow raises, sorted by what the caller may do next.

No logic, no imports of ours.

::

    NumberflowError
    ├── BadInput              the caller's value is wrong: names the field and the mend; nothing was sent
    │   └── MissingCredentials    no account is configured: names the variables and the simulator
    ├── NotSent               surely nothing happened; try again
    │   ├── LeaseLost             somebody else took the work over; stop, do not send
    │   └── Stopped               somebody holds every costly step, or this run; stop, do not send
    ├── Throttled             nothing happened; wait `retry_after_s`
    ├── Rejected              the vendor said no; fix the request
    │   ├── NotFound              the thing is not there (evidence for whoever looks)
    │   ├── PermissionRefused     credentials, project or account type do not allow it
    │   └── InsufficientFunds     stop and ask for funds
    ├── OutcomeUnknown        it may have happened; look before acting
    ├── JournalUnavailable    no journal, no purchase
    ├── ReferenceConflict     the reference already names another purchase
    ├── NumberClaimed         another intention already holds the phone number
    ├── SpendRefused          a cap, a missing price or a foreign currency stops the purchase
    ├── SnapshotRefused       the inventory could not be proven complete; nothing was published, the last snapshot stands
    ├── StoreUnavailable      the inventory or papers store cannot be read or written: names its setting; what is in it stands
    ├── FileDamaged           a published file is there and cannot be read
    ├── CallbackRejected      unsigned or unreadable; answer and forget
    └── IllegalTransition     our bug; stop, keep the evidence

Facts are attributes, so that nobody parses a message. They survive `pickle`, because errors cross
process borders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class NumberflowError(Exception):
    """Base of all errors of this library. Keyword arguments become attributes (the facts).

    `message` says what is wrong, `mend` what to do about it (empty where only the caller can know);
    `str` gives both.
    """

    remedy: str = ""

    def __init__(self, message: str, /, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self._facts = facts
        for name, value in facts.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.message} → {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self._facts)


def _rebuild(cls: type[NumberflowError], message: str, facts: Mapping[str, Any]) -> NumberflowError:
    return cls(message, **facts)


class BadInput(NumberflowError):
    """A value from the caller cannot be used. Nothing was sent.

    Facts: `field` (name as the caller wrote it) and `mend` (what to write instead).
    """

    field: str = ""


class MissingCredentials(BadInput):
    """No account is configured. Facts as in `BadInput`."""


class NotSent(NumberflowError):
    """The request surely did not leave.

    Connection refused, name not resolved, no free connection in time.
    """


class LeaseLost(NotSent):
    """Another process took the intention or the number over while this one was away.

    Facts: `resource`.
    """

    resource: str = ""


class Stopped(NotSent):
    """A person holds costly steps.

    All of them (`numberflow stop`, the stop file) or those of this run (its state in Prefect).

    What was done stays done, what was written down stays planned. Facts: `run_state` (name of the
    run's own state; empty when it is not this run that is held) and `mend`.
    """

    run_state: str = ""


class Throttled(NumberflowError):
    """HTTP 429. Nothing happened.

    Facts: `retry_after_s` (None when the vendor did not say), `request_id`.
    """

    retry_after_s: float | None = None
    request_id: str | None = None


class Rejected(NumberflowError):
    """The vendor refused the request (4xx other than 429).

    Facts: `status` (HTTP), `code` (for example INVALID_ARGUMENT), `vendor_message` (often empty),
    `resource_type`, `resource_name`, `field_violations` (pairs of field and description),
    `request_id`. Source: docs/vendor/numbers-behaviour.md §15.
    """

    status: int = 0
    code: str = ""
    vendor_message: str = ""
    resource_type: str = ""
    resource_name: str = ""
    field_violations: Sequence[tuple[str, str]] = ()
    request_id: str | None = None


class NotFound(Rejected):
    """HTTP 404: not in stock, not held, unknown project. Facts as in `Rejected`."""


class PermissionRefused(Rejected):
    """HTTP 401 that no new token mends, or 403. Facts as in `Rejected`."""


class InsufficientFunds(Rejected):
    """The account has not enough credit (HTTP 402, or the 400 that says so). Never retried.

    Facts as in `Rejected`.
    """


class OutcomeUnknown(NumberflowError):
    """The request may have taken effect: reply lost, cut short, unreadable, or 5xx.

    Facts: `status` (None when no reply was read), `request_id`, `cause` (short machine word:
    read_timeout, reset, server_error, unreadable …), `retry_after_s` (what a 503 asked for; None
    when nothing was said). A read may be retried on this; a costly call never is.
    """

    status: int | None = None
    request_id: str | None = None
    cause: str = ""
    retry_after_s: float | None = None


class JournalUnavailable(NumberflowError):
    """The journal cannot be written or read: down, locked, read-only, disk full. Facts: `mend`."""


class ReferenceConflict(NumberflowError):
    """The reference already stands for a purchase with other parameters.

    Facts: `reference`, `differences` (field → (before, now)).
    """

    reference: str = ""
    differences: Mapping[str, tuple[Any, Any]] = {}


class NumberClaimed(NumberflowError):
    """Another intention in the journal already holds the number.

    Facts: `phone_number`, `intention_id`.
    """

    phone_number: str = ""
    intention_id: str = ""


class SpendRefused(NumberflowError):
    """A spending rule stops the purchase; nothing was sent for it.

    Facts: `rule` (cap_today, cap_monthly, missing_price, currency), `mend`.
    """

    rule: str = ""


class SnapshotRefused(NumberflowError):
    """The inventory that was read cannot be proven complete, or breaks a rule.

    Nothing was published; the snapshot before stands.

    Facts: `reasons` (one sentence each) and `mend`.
    """

    reasons: Sequence[str] = ()
    remedy: str = ""


class StoreUnavailable(NumberflowError):
    """The inventory or papers store cannot be reached, read or written.

    Each file in it is whole, the old one or the new one. Facts: `mend`.
    """

    remedy: str = ""


class FileDamaged(NumberflowError):
    """A published file is there, but not readable.

    Facts: `path` (under the store's root) and `mend`.
    """

    path: str = ""
    remedy: str = ""


class CallbackRejected(NumberflowError):
    """A callback without a valid signature, or one that cannot be read."""


class IllegalTransition(NumberflowError):
    """The journal was asked for a step that its states do not know. Facts: `state`, `event`."""

    state: str = ""
    event: str = ""
