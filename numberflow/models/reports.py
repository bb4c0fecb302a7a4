"""The report with which a run ends: a person reads it and a program parses it.

Not here: how a report is made (`numberflow.purchase`) and how it is shown (tasks, cli).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

# Programs have always read the key "mend" in reports.
Remedy = Annotated[
    str, Field(validation_alias=AliasChoices("remedy", "mend"), serialization_alias="mend")
]


class RunOutcome(StrEnum):
    """The three ways in which a run ends."""

    DONE = "done"
    REFUSED = "refused"
    NEEDS_PERSON = "needs_person"


class ReportPart(BaseModel):
    """A frozen part of a report."""

    model_config = ConfigDict(frozen=True)


class NumberLine(ReportPart):
    """One number of a purchase and what became of it. Amounts are in the report's currency."""

    intention_id: str
    phone_number: str
    """E.164; empty while the vendor has not said which number it is (strategy "any")."""
    state: str
    """State of the intention in the journal."""
    charged_today: Decimal
    """Set-up and first period as quoted, on the day on which it was rented; 0 unless it was."""
    monthly: Decimal
    confirmed: bool = False
    """The number was read back as active after it was rented."""
    sms: str = "not_asked"
    voice: str = "not_asked"
    advice: str = ""


class OpenItem(ReportPart):
    """Something that only a person can decide."""

    intention_id: str
    operation: str
    subject: str
    state: str
    seen: str
    """What the vendor showed when we looked."""
    at_stake: Decimal
    """What it costs if it did happen."""
    command: str
    """The command that settles it."""


class RunReport(ReportPart):
    """What every run reports: how it ended, why if not as wished, and what to do next."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    outcome: RunOutcome
    reason: str = ""
    remedy: Remedy = ""
    project_id: str = ""
    notes: tuple[str, ...] = ()
    flow_run_id: str | None = None


class PurchaseReport(RunReport):
    """How a purchase ended. Every number that costs money because of it is in `numbers`."""

    reference: str
    asked: int
    rented: int = 0
    """Numbers that the purchase holds, whichever run rented them."""
    rented_now: int = 0
    """Those of them that this run rented."""
    earlier_runs: tuple[str, ...] = ()
    """Flow-run ids under which the others were chosen."""
    currency: str
    charged_today: Decimal = Decimal(0)
    """Set-up and first period of all `rented` numbers, each on its day."""
    charged_now: Decimal = Decimal(0)
    """The part that this run caused."""
    monthly: Decimal = Decimal(0)
    plan_only: bool = False
    to_go: int | None = None
    """Plan only: numbers that a run would still rent."""
    quoted_today: Decimal | None = None
    """Plan only: what those would be charged at once."""
    quoted_monthly: Decimal | None = None
    approved_by: str | None = None
    numbers: tuple[NumberLine, ...] = ()
    open_items: tuple[OpenItem, ...] = ()

    @property
    def phone_numbers(self) -> tuple[str, ...]:
        """The numbers that were rented."""
        return tuple(line.phone_number for line in self.numbers if line.state == "done")


class AccountLine(BaseModel):
    """One costly step of a run that did not end by itself, as the journal has it."""

    intention_id: str
    operation: str
    subject: str
    """The number or the order; empty while the vendor has not said which it is."""
    state: str
    charged: Decimal = Decimal(0)
    """Set-up and first period; 0 unless it is done and costs something."""
    currency: str = ""
    reason: str = ""


class AccountReport(RunReport):
    """What a stopped run did, made from the journal by the process that noticed the stop."""

    reference: str
    operation: str = ""
    wanted: int | None = None
    """Numbers that the purchase asks for; None where nothing is bought."""
    done: int = 0
    charged: dict[str, Decimal] = {}
    """By currency, for all of the reference, on whichever day."""
    lines: tuple[AccountLine, ...] = ()
    open_items: tuple[OpenItem, ...] = ()


class ProjectInventory(ReportPart):
    """What became of one project's export."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    project: str
    """Name of its credentials block; empty for the environment's account."""
    outcome: RunOutcome
    reason: str = ""
    remedy: Remedy = ""
    project_id: str = ""
    snapshot_date: date | None = None
    """Of the published snapshot; None when none was published."""
    rows: int | None = None
    """Numbers in the published snapshot; None when none was published."""
    url: str = ""
    """Of the Parquet file."""
    report_url: str = ""
    added: int | None = None
    """Since the snapshot before; None when there is none."""
    removed: int | None = None
    changed: int | None = None
    monthly: dict[str, Decimal] = {}
    """What all numbers cost a month, by currency."""
    remarks: tuple[str, ...] = ()
    requests: int = 0
    elapsed_s: float = 0.0


class HandedOut(BaseModel):
    """A project that a flow run of its own exports."""

    project: str
    flow_run_id: str
    url: str = ""
    """Of the flow run in the UI; empty when Prefect does not know its UI's address."""


class InventoryReport(RunReport):
    """How an export ended, project by project.

    With `handed_to` nothing has ended: each of those runs reports its project.
    """

    snapshot_date: date | None = None
    projects: tuple[ProjectInventory, ...] = ()
    handed_to: tuple[HandedOut, ...] = ()
    """The flow runs that got a project each, when the projects were handed out to workers."""


class EmergencyLine(ReportPart):
    """One number and its emergency address, without the address."""

    phone_number: str
    state: str
    """provisioned, removed, has an address, no address, missing feature, not held, exact match,
    near match, no match, refused, or the journal's word."""
    advice: str = ""
    intention_id: str = ""


class EmergencyReport(RunReport):
    """How a run over emergency addresses ended. Contains no part of any address."""

    reference: str = ""
    action: str = ""
    numbers: tuple[EmergencyLine, ...] = ()
    open_items: tuple[OpenItem, ...] = ()


class OrderReport(RunReport):
    """How placing a number order ended. Nothing is charged before the order completes."""

    reference: str = ""
    region_code: str = ""
    number_type: str = ""
    asked: int = 0
    currency: str = ""
    plan_only: bool = False
    requirements: str = ""
    """The vendor's form and files in words; empty when they were not looked up."""
    quoted_today: Decimal | None = None
    """What is charged when the order is completed: set-up and first period of all numbers."""
    quoted_monthly: Decimal | None = None
    approved_by: str | None = None
    order_id: str = ""
    state: str = ""
    """The vendor's word; empty while there is no order."""
    expire_at: datetime | None = None
    """The order has to be submitted by then, or its numbers are free again."""
    numbers: tuple[OrderNumberLine, ...] = ()
    findings: tuple[str, ...] = ()
    """What is wrong with the papers, field by field, without what stands in them."""
    open_items: tuple[OpenItem, ...] = ()


class Alarm(ReportPart):
    """Something that a person has to know now. Raised once for each order."""

    name: str
    """Short and the same every time: "80 % of the time is over", "blocked", "signature overdue"."""
    text: str
    """What it is about and what to do, in a sentence or two."""


class OrderNumberLine(ReportPart):
    """One number of an order that is followed."""

    phone_number: str
    state: str
    monthly: Decimal | None = None
    """What it costs a month, in `currency`; None = not known, or nothing."""
    currency: str = ""
    advice: str = ""


class FollowLine(ReportPart):
    """Where one order stands."""

    kind: str
    """number_order, hosting_order, qualification, link, release, or purchase (one that stopped)."""
    order_id: str
    reference: str
    state: str
    """The vendor's word."""
    is_open: bool
    """Whether the next sweep looks at it again."""
    needs_person: bool = False
    summary: str = ""
    advice: str = ""
    deadline_at: datetime | None = None
    """When something must have happened; None when nothing has to."""
    numbers: tuple[OrderNumberLine, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    """Those that this sweep raised."""
    again: dict[str, object] | None = None
    """Parameters of a new order in place of a failed one, if one is needed."""


class FollowReport(RunReport):
    """What a sweep over all open orders found."""

    orders: tuple[FollowLine, ...] = ()


class CallbackLine(ReportPart):
    """What came of the callbacks about one number or order."""

    resource: str
    """The vendor's type and id."""
    callbacks: int
    came: str
    """In words."""
    is_done: bool
    """Otherwise the next run tries again."""


class CallbacksReport(RunReport):
    """What a run found in the inbox of callbacks."""

    resources: tuple[CallbackLine, ...] = ()
    waiting: int = 0
    """Events that are left in the inbox."""
    unreadable: int = 0
    """Kept bodies that nothing can be done with."""


class NumbersLine(ReportPart):
    """One number that lives elsewhere and what became of it."""

    phone_number: str
    state: str
    """In words: imported, ordered, in progress, done, failed, ready, …, or the journal's word."""
    order_id: str = ""
    code: str = ""
    """Why it failed: the vendor's or a carrier's code."""
    advice: str = ""
    intention_id: str = ""


class NumbersReport(RunReport):
    """How a run over numbers that live elsewhere ended. Nothing of a letter or its signer."""

    reference: str = ""
    action: str = ""
    """import, qualify, text-enable, configure or release."""
    plan_only: bool = False
    numbers: tuple[NumbersLine, ...] = ()
    orders: tuple[str, ...] = ()
    """Ids of the hosting orders that this reference opened."""
    commands: tuple[str, ...] = ()
    """What to run for numbers whose link failed (the same again, or back to what they had), that a
    stop left between two links, or that are kept without their emergency address."""
    open_items: tuple[OpenItem, ...] = ()


class ReconcileFinding(ReportPart):
    """One thing on which journal and vendor do not agree."""

    key: str
    """The same finding has the same key in every report."""
    kind: str
    """One of a closed list; docs/reconcile.md says what each means."""
    severity: str
    """person, or information."""
    subject: str
    """The phone number; else a step, an order, a reference or a day."""
    phone_number: str = ""
    reference: str = ""
    journal: str
    vendor: str
    command: str = ""
    """What settles it; empty when there is nothing to decide."""
    is_new: bool = True
    """Nobody was told of it as it is now."""


class SettledLine(ReportPart):
    """A step whose outcome nobody knew, after it was looked at."""

    intention_id: str
    operation: str
    subject: str
    reference: str
    state: str
    reason: str = ""


class ReconcileReport(RunReport):
    """On what journal and vendor do not agree."""

    source: str = ""
    """What the vendor's side was, in words."""
    compared: int = 0
    """Numbers that the vendor shows."""
    found: int = 0
    """Findings of all kinds, told before or not."""
    findings: tuple[ReconcileFinding, ...] = ()
    """Those that nobody was told of yet; all of them when they were asked for."""
    settled: tuple[SettledLine, ...] = ()
    url: str = ""
    """Of the Parquet file with all findings."""
    json_url: str = ""
    restored: str = ""
    """What a journal that was restored from a back-up lacks, and whether costly steps continue."""

    @property
    def commands(self) -> tuple[str, ...]:
        """The first commands that settle what needs a person."""
        person = (each for each in self.findings if each.severity == "person" and each.command)
        return tuple(each.command for each in person)[:20]
