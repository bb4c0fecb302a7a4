"""Every flow, once: its name, what it takes, changes and costs, when it runs, what comes after it.

`numberflow run`, the deployments of `numberflow setup` and `up`, and docs/flows.md are made from
this table, and tests hold prefect.yaml, automations.yaml and each flow's signature to it. Importing
it loads neither Prefect nor a flow, so that `numberflow run` answers bad input in a moment. Not
here: what a flow does.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from numberflow.models.emergency_address import EmergencyAddressParameters
from numberflow.models.follow import DrainCallbacks, FollowOrders
from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.import_numbers import ImportNumbersParameters
from numberflow.models.inventory import ExportInventory
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.qualify_numbers import QualifyParameters
from numberflow.models.reconcile import Reconcile
from numberflow.models.text_enable_numbers import TextEnableParameters


@dataclass(frozen=True)
class Schedule:
    """When the clock starts a flow, in UTC."""

    cron: str
    every: timedelta
    """From one run to the next. The automation in automations.yaml waits for two of them."""
    why: str

    @property
    def slug(self) -> str:
        """Of the schedule on a Prefect server."""
        return slug_of(self.cron)


def slug_of(cron: str) -> str:
    """The slug of a schedule that we made: it says the cron, so that a moved one is recognised."""
    words = cron.replace("*/", "every").replace("*", "any")
    return f"numberflow-{re.sub(r'[^0-9a-z]+', '-', words)}"


@dataclass(frozen=True, kw_only=True)
class FlowEntry:
    """One flow. The prose is for docs/flows.md and docs/flows/: markdown, one paragraph each."""

    name: str
    """Of the flow and of its deployment; module and function are called the same, in snake_case."""
    parameters: type[BaseModel]
    """What it takes: the same names and defaults as the flow's signature."""
    changes: bool = True
    """It costs money or changes something at the vendor; otherwise it only reads."""
    costs: str
    """What a run may cost."""
    done: str
    """What a run that ends Completed has reached."""
    again: str
    """Which reference to use after a run that ended in another way."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of a first run. It buys nothing, or little."""
    cases: tuple[str, ...] = ()
    """Where docs/needs-person.md says what its NeedsPerson may mean: anchors of headings there."""
    guides: tuple[str, ...] = ()
    """Pages in docs/ that say more."""
    schedule: Schedule | None = None
    started_by: str = "when somebody starts it"
    """What starts a run, where no clock does."""
    at_once: int | None = None
    """Runs at once on a work pool; a further one is cancelled. None: no limit.

    `numberflow up` sets no limit: a server that is killed may leak the slot, and every later run of
    the clock would be cancelled.
    """

    @property
    def module(self) -> str:
        """Where the flow is."""
        return f"flows.{self.function}"

    @property
    def function(self) -> str:
        """What the flow is called in its module."""
        return self.name.replace("-", "_")

    @property
    def entry_point(self) -> str:
        """As deployments name it: a module path, which works in whatever folder a run starts."""
        return f"{self.module}.{self.function}"

    @property
    def tags(self) -> list[str]:
        """Of its deployment. Automations know our runs by the first."""
        return ["numberflow", "costs money" if self.changes else "reads only"]

    @property
    def continued_by(self) -> tuple[str, ...]:
        """Parameters that may differ under the same reference; none where there is no reference."""
        named: frozenset[str] | None = getattr(self.parameters, "continued_by", None)
        if named is None:
            return ()
        named = (named | {"project", "plan_only"}) - {"reference"}
        return tuple(name for name in self.parameters.model_fields if name in named)

    def check(self, given: Mapping[str, Any]) -> BaseModel:
        """Check parameters without Prefect. Sends nothing.

        Raises:
            BadInput: as in `check_parameters`.
        """
        return check_parameters(self.parameters, given)

    def load(self) -> Any:
        """The flow. Imports Prefect, which takes seconds."""
        return getattr(importlib.import_module(self.module), self.function)


_ENTRIES = (
    FlowEntry(
        name="search-and-rent",
        parameters=SearchAndRentParameters,
        costs="Each number's set-up fee and first period, as soon as it is rented; then its"
        " monthly price until it is released. Never more than `max_today` and `max_monthly` allow.",
        done="Every number is rented and was read back. A link that is not on within"
        " `provisioning_wait_s` is reported as pending, and follow-orders tells how it ends.",
        again="The same, for the numbers that are missing: raise a cap, top up, or wait. A new one"
        " for other criteria, when the vendor refuses what was asked, when numbers that you named"
        " were lost to another buyer, and for the rest of a purchase with strategy `any` whose"
        " price rose or that finds nothing more.",
        example={
            "region_code": "US",
            "number_type": "LOCAL",
            "quantity": 2,
            "reference": "PO-1042",
            "max_today": "10.00",
            "max_monthly": "5.00",
        },
        cases=(
            "a-rent",
            "a-number-that-the-vendor-picked",
            "rented-and-not-read-back",
            "a-link-that-failed",
        ),
        guides=("first-day",),
    ),
    FlowEntry(
        name="order-numbers",
        parameters=OrderNumbersParameters,
        costs="Set-up fee and first period of all numbers when the vendor completes the order,"
        " days later; then their monthly price. The order counts against the caps of the day it"
        " was placed.",
        done="The order is handed in. follow-orders tells what the reviewer says and when the"
        " numbers are held.",
        again="The same, with corrected papers or caps, as long as the order can be completed: not"
        " handed in yet, or BLOCKED by a reviewer. A new one when it was REJECTED or has EXPIRED:"
        " follow-orders writes down the parameters of the new order, whose reference ends in"
        " `-again-2`. A new one, too, when the `phone_number` that you named was sold to somebody"
        " else.",
        example={
            "region_code": "AU",
            "number_type": "MOBILE",
            "max_today": "20.00",
            "max_monthly": "10.00",
            "plan_only": True,
        },
        cases=("a-number-order-opened-or-not", "a-number-order-handed-in-or-not"),
        guides=("number-orders", "papers"),
    ),
    FlowEntry(
        name="follow-orders",
        parameters=FollowOrders,
        changes=False,
        costs="Nothing.",
        done="Every open order was looked at, and nothing needs a person.",
        again="None is used up: `reference` only says which orders to look at. The next sweep"
        " looks again.",
        schedule=Schedule(
            "*/15 * * * *",
            timedelta(minutes=15),
            # docs/vendor/numbers-behaviour.md §10
            "the shortest reservation of an order is 30 minutes, and somebody is told at half of"
            " it",
        ),
        # Two sweeps at once do no harm, but the second one finds nothing to do.
        at_once=1,
        cases=(
            "a-reservation-that-runs-out",
            "blocked-by-a-reviewer",
            "an-order-that-ended-without-numbers",
            "an-order-that-is-gone",
            "completed-not-all-well",
            "a-hosting-order-that-stands-still-or-failed",
            "numbers-that-cannot-be-qualified",
            "a-link-that-failed",
            "released-and-still-held",
            "a-run-that-stopped-half-way",
        ),
        guides=("alarms", "number-orders", "hosting"),
    ),
    FlowEntry(
        name="drain-callbacks",
        parameters=DrainCallbacks,
        changes=False,
        costs="Nothing.",
        done="Every number and order that a waiting callback is about was looked at, as far as a"
        " reference stands for it. Outcomes were emitted as events (docs/callbacks.md).",
        again="There is none. The receiver starts the next run while callbacks wait.",
        started_by="when callbacks wait: the receiver starts it",
        # No limit: it would cancel one project's run while another's is under way.
        # Two of one project do no harm: the second leaves the inbox to the first.
        guides=("callbacks",),
    ),
    FlowEntry(
        name="emergency-address",
        parameters=EmergencyAddressParameters,
        costs="The vendor publishes no fee; count on one for each number that gets an address."
        " *report* and *validate* cost nothing.",
        done="Every number has the address (*provision*) or has none (*deprovision*).",
        again="The same, for the numbers that are not as wished: correct the paper under its name,"
        " or set `accept_correction`. A new one for other numbers, such as the same list without"
        " those that are not held.",
        example={"action": "report"},
        cases=("an-emergency-address",),
        guides=("emergency-addresses", "papers"),
    ),
    FlowEntry(
        name="import-numbers",
        parameters=ImportNumbersParameters,
        costs="The vendor publishes no price, so no cap covers it; count on one for each number.",
        done="Every number is imported or stands in an order; follow-orders tells how it goes on.",
        again="The same, when the vendor refused an order or another reference has it: correct the"
        " cause or wait. A new one for numbers that have `failed` or are `not imported any more`:"
        " this reference does nothing more for them.",
        example={
            "phone_numbers": ["+12125550001"],
            "sms": {"service_plan_id": "plan-a"},
            "plan_only": True,
        },
        cases=("an-import", "a-hosting-order"),
        guides=("hosting",),
    ),
    FlowEntry(
        name="qualify-numbers",
        parameters=QualifyParameters,
        costs="The vendor publishes no price for calls or reviews.",
        done="The vendor knows every number. By voice, each is proven; by invoices, the run leaves"
        " a checklist and follow-orders tells when they are ready.",
        again="The same, by the other method too. Numbers that are `not eligible` cannot be"
        " hosted: choose others, under a new one. Only the vendor's staff can unblock a number"
        " after three wrong codes; then the same reference continues.",
        example={"phone_numbers": ["+12125550001"], "method": "invoices", "reference": "QU-1"},
        cases=("a-call-with-a-code",),
        guides=("hosting",),
    ),
    FlowEntry(
        name="text-enable-numbers",
        parameters=TextEnableParameters,
        costs="The vendor publishes no price, so no cap covers it; count on one for each number.",
        done="The order is sent and the letter is on its way to be signed; follow-orders tells the"
        " rest.",
        again="The same, as long as nothing was sent: numbers that are not ready, a signer whom"
        " nobody has confirmed. A new one when the order was REJECTED or its numbers have"
        " `failed`.",
        example={
            "phone_numbers": ["+12125550001"],
            "sms": {"service_plan_id": "plan-a"},
            "loa_kind": "blanket",
            "plan_only": True,
        },
        cases=("a-hosting-order",),
        guides=("hosting", "papers"),
    ),
    FlowEntry(
        name="configure-numbers",
        parameters=ConfigureParameters,
        costs="Nothing is charged. A number that is linked elsewhere has no service between its"
        " two links.",
        done="Every number shows what was asked for, or a link that is on its way.",
        again="The same, when the run ended before the vendor did (`being unlinked`, `being"
        " linked`) or was stopped; a run that was refused as a whole has not used its reference. A"
        " new one after a job that failed: the report prints the commands, each with a reference"
        " of its own.",
        example={
            "phone_numbers": ["+12025550123"],
            "display_name": "Support",
            "plan_only": True,
        },
        cases=("a-change-of-a-number", "between-two-links", "a-link-that-failed"),
        guides=("hosting",),
    ),
    FlowEntry(
        name="release-numbers",
        parameters=ReleaseParameters,
        costs="Nothing is charged and nothing is refunded. A released number cannot be recovered.",
        done="Every number is given up. follow-orders tells of one whose end the vendor does not"
        " show.",
        again="The same, for numbers that were kept, and after an approval that was refused or"
        " had another count; a run that was refused as a whole before anybody was asked has not"
        " used its reference. A new one for a number that you got again since.",
        example={"phone_numbers": ["+12025550123"], "plan_only": True},
        cases=("a-release", "kept-without-its-emergency-address", "an-emergency-address"),
        guides=("hosting", "papers"),
    ),
    FlowEntry(
        name="export-inventory",
        parameters=ExportInventory,
        changes=False,
        costs="Nothing.",
        done="The snapshot is published with its changes, costs and page, for every project.",
        again="There is none. Run it again: the snapshot of the same date is replaced in one step,"
        " and what is missing beside it is made.",
        schedule=Schedule(
            "15 2 * * *",
            timedelta(days=1),
            "people sleep, renewals of the day before are through, and the date of a snapshot is"
            " UTC's",
        ),
        guides=("inventory",),
    ),
    FlowEntry(
        name="reconcile",
        parameters=Reconcile,
        changes=False,
        costs="Nothing. Nothing changes at the vendor; steps whose outcome nobody knows are looked"
        " at and settled in the journal.",
        done="Journal and vendor were compared, and there is nothing new that a person has to"
        " decide.",
        again="There is none. Run it again; `show_all` reports what was told before as well.",
        schedule=Schedule(
            "45 2 * * *",
            timedelta(days=1),
            "the night's inventory is half an hour old by then, so that hardly anything is read"
            " twice",
        ),
        # Two at once would tell the same findings twice.
        at_once=1,
        guides=("reconcile",),
    ),
)

FLOWS: Mapping[str, FlowEntry] = {entry.name: entry for entry in _ENTRIES}
"""By name, in the order of the documents."""
