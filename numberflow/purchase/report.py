"""What every report says alike: what is at stake, what to do about an error, what a person settles.

Pure. Not here: the reports themselves (renting.report, number_orders.text, numbers_report, …).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from numberflow.errors import (
    InsufficientFunds,
    LeaseLost,
    NotSent,
    NumberflowError,
    OutcomeUnknown,
    PermissionRefused,
    Throttled,
)
from numberflow.journal import Intention, IntentionState, Operation
from numberflow.models.reports import OpenItem

# States in which it is not known whether the vendor charged.
AT_STAKE_STATES = frozenset(
    {IntentionState.SENDING, IntentionState.UNKNOWN, IntentionState.NEEDS_PERSON}
)


LOOK_AGAIN = (
    "run again with the same reference to look once more, or settle each open item with its command"
)
"""What to do about steps of which it is not known whether they took effect."""

HANDBOOK = "What each case means and how to settle it: docs/needs-person.md, by the words above."
"""Last line of a report that needs a person."""


def remedy_of(error: NumberflowError) -> str:
    """What to do about an error that ended a run: its own word, or what its kind says."""
    return error.remedy or _REMEDY.get(
        type(error), "fix the cause, then run again with the same reference"
    )


_REMEDY: Mapping[type[NumberflowError], str] = {
    LeaseLost: "another run works on this purchase; wait for it, then run again with the same "
    "reference",
    Throttled: "the vendor is limiting requests; run again later with the same reference",
    OutcomeUnknown: "the vendor could not be read; run again later with the same reference",
    InsufficientFunds: "top up the account, then run again with the same reference",
    NotSent: "the vendor could not be reached; check the network and the SINCH_*_URL variables, "
    "then run again",
    PermissionRefused: "check project id and access key (they belong together), and that the "
    "account may rent numbers",
}


def open_item(line: Intention, lines: Sequence[Intention] = ()) -> OpenItem:
    """What a person has to decide about one intention, with the command that settles it.

    What stands in <…> is for the person to fill in; a shell refuses the command until it is.

    `lines`: the steps of its purchase. What handing in an order costs stands at the step that
    opened the order.
    """
    # What the vendor names has no name yet: whoever says that it was bought says which number, or
    # which order, it is.
    opens = line.opens_order
    named = " --order <order-id>" if opens else "" if line.subject else " --number <number>"
    what = "an order by quantity" if opens else "a number that the vendor picks"
    return OpenItem(
        intention_id=line.id,
        operation=line.operation,
        subject=line.subject or what,
        state=line.state.value,
        seen=line.reason or _NOTHING_SEEN.get(line.state, "nothing yet"),
        at_stake=_at_stake(line, lines),
        command=f"numberflow journal settle {line.id} --as done --by <your-name> "
        f"--note <what-you-saw>{named}",
    )


_NOTHING_SEEN: Mapping[IntentionState, str] = {
    IntentionState.SENDING: "its process ended before the outcome was written down, and nobody "
    "has looked since"
}


def _at_stake(line: Intention, lines: Sequence[Intention]) -> Decimal:
    priced = line
    if line.operation is Operation.SUBMIT_ORDER:
        opened = [
            each
            for each in lines
            if each.operation is Operation.CREATE_ORDER and each.state is IntentionState.DONE
        ]
        priced = opened[-1] if opened else line
    return priced.due_amount or Decimal(0)
