"""Numbers that a release left in service without their emergency address.

The removal is through, the release is not. Pure.

Not here: removing and releasing (held.release), and giving an address back (emergency).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from numberflow.journal import Intention, IntentionState, Operation
from numberflow.models.wording import count_of
from numberflow.steps import named

KEPT = "kept, without its emergency address"
"""State of such a number in a report."""
WAYS = (
    "run again with the same reference to release it, or give it its address again "
    "(emergency-address, action provision)"
)
ADDRESS_NOTE = (
    "the command that gives an address again takes it from the papers store, where it is to lie "
    "as address.json"
)
# Not DONE, and known not to have happened: of what is at stake nobody knows whether the number is
# kept.
_NOT_RELEASED = frozenset({IntentionState.PLANNED, IntentionState.REFUSED})


def kept_without_address(rows: Sequence[Intention]) -> dict[str, Intention]:
    """The release of each number that was kept, although its address was removed for that."""
    removed = {
        named(row)
        for row in rows
        if row.operation is Operation.DEPROVISION_EMERGENCY and row.state is IntentionState.DONE
    }
    latest = {named(row): row for row in rows if row.operation is Operation.RELEASE}
    return {
        number: row
        for number, row in latest.items()
        if number in removed and row.state in _NOT_RELEASED
    }


def kept_words(rows: Sequence[Intention]) -> str:
    """Such numbers in a clause; empty when there are none."""
    kept = kept_without_address(rows)
    return (
        f"in service without an emergency address, which was removed: {', '.join(sorted(kept))}"
        if kept
        else ""
    )


def kept_reason(count: int) -> str:
    """How a report that has such lines opens."""
    return (
        f"{count_of(count, 'number')} in service without an emergency address: it was removed, "
        "the release is not through"
    )


def provision_command(phone_numbers: Sequence[str], project: str | None) -> str:
    """Gives these numbers an address that lies in the papers store as address.json."""
    return _command(
        {
            "action": "provision",
            "phone_numbers": list(phone_numbers),
            "address": "address.json",
        },
        project,
    )


def deprovision_command(phone_numbers: Sequence[str], project: str | None) -> str:
    """Removes the address of these numbers."""
    return _command({"action": "deprovision", "phone_numbers": list(phone_numbers)}, project)


def _command(wanted: dict[str, object], project: str | None) -> str:
    if project:
        wanted["project"] = project
    return f"numberflow run emergency-address --params {shlex.quote(json.dumps(wanted))}"
