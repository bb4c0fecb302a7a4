"""Every error that numberflow raises, sorted by what the caller may do next.

::

    NumberflowError
    ├── BadInput              a value of the caller cannot be used; nothing was sent
    │   └── MissingCredentials    no account is configured
    ├── NotSent               the request did not leave; retry
    │   ├── LeaseLost             another process took the work over; do not send
    │   └── Stopped               a person holds costly steps, or this run; do not send
    ├── Throttled             nothing happened; wait `retry_after_s`
    ├── Rejected              the vendor said no; fix the request
    │   ├── NotFound              the thing is not there
    │   ├── PermissionRefused     credentials, project or account type do not allow it
    │   └── InsufficientFunds     add funds first
    ├── OutcomeUnknown        it may have happened; look before acting
    ├── JournalUnavailable    no journal, no purchase
    ├── ReferenceConflict     the reference already names another purchase
    ├── NumberClaimed         another intention already holds the phone number
    ├── SpendRefused          a cap, a missing price or a foreign currency stops the purchase
    ├── SnapshotRefused       the inventory is not proven complete; the last snapshot stands
    ├── StoreUnavailable      the inventory or papers store cannot be read or written
    ├── FileDamaged           a published file exists and cannot be read
    └── IllegalTransition     a bug of ours; stop, keep the evidence

Facts are attributes, so that nobody parses a message. They survive `pickle`, because errors cross
process borders. No logic here, and no imports of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class NumberflowError(Exception):
    """Base of all errors of this library. Keyword arguments become attributes (the facts).

    `message` says what is wrong. `remedy` says how to fix it; it is empty where only the caller
    can know. `str` gives both.
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

    Facts: `field` (its name as the caller wrote it).
    """

    field: str = ""


class MissingCredentials(BadInput):
    """No account is configured: names the variables and offers the simulator."""


class NotSent(NumberflowError):
    """The request did not leave: refused connection, unknown host, no free connection in time.

    Facts: `worth_repeating` (as for OutcomeUnknown, of the request for its token).
    """

    worth_repeating: bool = True


class LeaseLost(NotSent):
    """Another process took over the intention or the number. Facts: `resource`."""

    resource: str = ""


class Stopped(NotSent):
    """A person holds costly steps: all (`numberflow stop`, the stop file) or those of this run.

    Finished steps stay done and planned steps stay planned. Facts: `run_state` (the run's own
    state in Prefect; empty when something else holds it).
    """

    run_state: str = ""


class Throttled(NumberflowError):
    """HTTP 429. Nothing happened.

    Facts: `retry_after_s` (None when the vendor does not say), `request_id`.
    """

    retry_after_s: float | None = None
    request_id: str | None = None


class Rejected(NumberflowError):
    """The vendor refused the request (4xx other than 429).

    Facts: `status` (HTTP), `code` (such as INVALID_ARGUMENT), `vendor_message` (often empty),
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
    """HTTP 404: not in stock, not held, unknown project."""


class PermissionRefused(Rejected):
    """HTTP 403, or a 401 that a new token does not fix."""


class InsufficientFunds(Rejected):
    """The account lacks credit (HTTP 402, or the 400 that says so). Never retried."""


class OutcomeUnknown(NumberflowError):
    """The request may have taken effect: reply lost, cut short, unreadable, or 5xx.

    A read may be retried on this; a costly call never is. Facts: `status` (None when no reply was
    read), `request_id`, `cause` (one word: read_timeout, reset, server_error, unreadable …),
    `retry_after_s` (what a 503 asked for; None when it asked for nothing), `worth_repeating`
    (False when asking again brings the same: a redirect, a reply beyond every limit).
    """

    status: int | None = None
    request_id: str | None = None
    cause: str = ""
    retry_after_s: float | None = None
    worth_repeating: bool = True


class JournalUnavailable(NumberflowError):
    """The journal cannot be written or read: down, locked, read-only, disk full."""


class ReferenceConflict(NumberflowError):
    """The reference already names a purchase with other parameters.

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

    Facts: `rule` (cap_today, cap_monthly, missing_price, currency).
    """

    rule: str = ""


class SnapshotRefused(NumberflowError):
    """The inventory is not proven complete, or breaks a rule. The last snapshot stands.

    Facts: `reasons` (one sentence each).
    """

    reasons: Sequence[str] = ()


class StoreUnavailable(NumberflowError):
    """The inventory or papers store cannot be reached, read or written.

    Each file in it is whole, either the old one or the new one.
    """


class FileDamaged(NumberflowError):
    """A published file exists and cannot be read. Facts: `path` (under the store's root)."""

    path: str = ""


class IllegalTransition(NumberflowError):
    """The journal was asked for a step that its states do not know. Facts: `state`, `event`."""

    state: str = ""
    event: str = ""
