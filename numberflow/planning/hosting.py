"""The progress of a number in a hosting order, and how an order went. Pure.

COMPLETED says that work has ended, not that it went well: each number's steps decide
(docs/vendor/imported-hosting-behaviour.md §4). Not here: reading any of it (numberflow.purchase),
and what a failure code means (hosting_failures.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from numberflow.models.hosting import (
    HostingOrder,
    HostingOrderNumber,
    HostingOrderState,
    HostingOrderType,
)
from numberflow.models.imported import (
    ImportedNumber,
    QualificationState,
    QualifiedNumber,
    StepState,
)
from numberflow.planning.hosting_failures import FailureAdvice, Step, advice_for


class Progress(StrEnum):
    """Where one number stands. Unknown states are `in progress` (§17)."""

    IN_PROGRESS = "in progress"
    DONE = "done"
    FAILED = "failed"
    UNCLEAR = "unclear"
    """The order has ended, and the number does not show with what result."""


@dataclass(frozen=True, slots=True)
class NumberProgress:
    """One number of an order: `step` runs or has failed; `code` is the vendor's or a carrier's."""

    phone_number: str
    progress: Progress
    step: Step | None = None
    step_state: str = ""
    code: str = ""
    is_imported: bool = True
    """False for the number of a text-enable order, which is imported only if all went well."""

    @property
    def advice(self) -> FailureAdvice | None:
        """What a failure means and what to do; None for anything else."""
        if self.progress is not Progress.FAILED:
            return None
        if self.step is None:
            return FailureAdvice(
                "the order was rejected as a whole (as after a declined or expired letter)",
                "ask the vendor why, then order under a new reference",
            )
        return advice_for(self.code, self.step, is_imported=self.is_imported)


FINAL_ORDER_STATES = frozenset({HostingOrderState.COMPLETED, HostingOrderState.REJECTED})


def judge_number(shown: HostingOrderNumber, order: HostingOrder) -> NumberProgress:
    """What one number of an order shows.

    A step that does not apply is left out, and so is one after a failure; before the steps begin
    they wait (§4, assumed).
    """
    states = {
        Step.OSR: shown.osr_update and shown.osr_update.state,
        Step.PLATFORM: shown.platform_provisioning and shown.platform_provisioning.state,
        Step.CAMPAIGN: shown.campaign_provisioning and shown.campaign_provisioning.state,
    }
    for step, state in states.items():
        if state == StepState.FAILED:
            is_imported = order.order_type != HostingOrderType.TEXT_ENABLE
            return NumberProgress(
                shown.phone_number,
                Progress.FAILED,
                step,
                state,
                carrier_code(shown),
                is_imported=is_imported,
            )
    if order.state == HostingOrderState.REJECTED:
        return NumberProgress(shown.phone_number, Progress.FAILED)
    for step in steps_of(order):
        if states[step] != StepState.DONE:
            ended = order.state == HostingOrderState.COMPLETED
            progress = Progress.UNCLEAR if ended else Progress.IN_PROGRESS
            return NumberProgress(shown.phone_number, progress, step, states[step] or "")
    return NumberProgress(shown.phone_number, Progress.DONE)


def steps_of(order: HostingOrder) -> tuple[Step, ...]:
    """The steps that apply to the numbers of an order (§4)."""
    first = (
        (Step.PLATFORM,)
        if order.order_type == HostingOrderType.IMPORT
        else (Step.OSR, Step.PLATFORM)
    )
    return (*first, Step.CAMPAIGN) if order.campaign_id else first


def carrier_code(shown: HostingOrderNumber | ImportedNumber) -> str:
    """The first carrier code of a number, T-Mobile's first: its 60135 has a cure."""
    holder = shown if isinstance(shown, HostingOrderNumber) else shown.mno_configuration
    if holder is None:
        return ""
    blocks = (holder.sms_tmo, holder.mms_tmo, holder.sms_att, holder.mms_att)
    return next(
        (block.error_code for block in blocks if block is not None and block.error_code), ""
    )


def imported_code(number: ImportedNumber | None) -> str:
    """Why the link failed, by carrier or vendor code; empty when there is none."""
    if number is None:
        return ""
    if code := carrier_code(number):
        return code
    for detail in (number.campaign_provisioning, number.sms_provisioning):
        if detail is not None and detail.state == StepState.FAILED and detail.error_code:
            return detail.error_code
    scheduled = number.sms_configuration and number.sms_configuration.scheduled_provisioning
    return (
        next(iter(scheduled.error_codes), "")
        if scheduled and scheduled.status == StepState.FAILED
        else ""
    )


def failed_step(number: ImportedNumber) -> Step | None:
    """Which link of an imported number failed; None when none did."""
    if number.sms_provisioning is not None and number.sms_provisioning.state == StepState.FAILED:
        return Step.PLATFORM
    if carrier_code(number) or (
        number.campaign_provisioning is not None
        and number.campaign_provisioning.state == StepState.FAILED
    ):
        return Step.CAMPAIGN
    scheduled = number.sms_configuration and number.sms_configuration.scheduled_provisioning
    if not scheduled or scheduled.status != StepState.FAILED:
        return None
    return (
        Step.CAMPAIGN
        if number.sms_configuration and number.sms_configuration.service_plan_id
        else Step.PLATFORM
    )


class Readiness(StrEnum):
    """Whether a number can be text-enabled, and if not, whether waiting helps."""

    READY = "ready"
    UNKNOWN = "not added"
    CHECKING = "being checked"
    UNPROVEN = "ownership not proven"
    CALLED = "waiting for the code"
    FAILED = "proof failed"
    BLOCKED = "blocked"
    NOT_ELIGIBLE = "not eligible"
    HOSTING = "being hosted"
    HOSTED = "hosted"


_READINESS = {
    QualificationState.ELIGIBLE_CHECK_PENDING: Readiness.CHECKING,
    QualificationState.ELIGIBLE: Readiness.UNPROVEN,
    QualificationState.NOT_ELIGIBLE: Readiness.NOT_ELIGIBLE,
    QualificationState.VERIFICATION_PENDING: Readiness.CALLED,
    QualificationState.VERIFICATION_FAILED: Readiness.FAILED,
    QualificationState.VERIFICATION_BLOCKED: Readiness.BLOCKED,
    QualificationState.VERIFIED: Readiness.READY,
    QualificationState.HOSTING_IN_PROGRESS: Readiness.HOSTING,
    QualificationState.HOSTING_DONE: Readiness.HOSTED,
    # The proof stays valid: text-enabling again is allowed (§3, assumed).
    QualificationState.HOSTING_FAILED: Readiness.READY,
}
ADVICE = {
    Readiness.READY: "text-enable it: text-enable-numbers",
    Readiness.UNKNOWN: "qualify it first: qualify-numbers",
    Readiness.CHECKING: "the vendor checks it; that takes a minute",
    Readiness.UNPROVEN: "prove ownership: by a call (method voice), or by invoices that list it, "
    "mailed to orders@sinch.com",
    Readiness.CALLED: "enter the code that the call spoke: qualify-numbers with method voice",
    Readiness.FAILED: "the proof was refused; try the other way: another call, or invoices that "
    "list the number",
    Readiness.BLOCKED: "too many wrong codes; only the vendor's staff can release it: write to "
    "orders@sinch.com, then run again",
    Readiness.NOT_ELIGIBLE: "it cannot be hosted (a mobile number, or its route is locked); "
    "choose another number",
    Readiness.HOSTING: "an order works on it; follow-orders reports its progress",
    Readiness.HOSTED: "it is hosted already; configure it with configure-numbers",
}


def readiness(number: QualifiedNumber | None) -> Readiness:
    """Whether text-enabling may start: VERIFIED, or ELIGIBLE and owned (§3)."""
    if number is None:
        return Readiness.UNKNOWN
    proven = (
        number.ownership_verification is not None
        and number.ownership_verification.status == StepState.DONE
    )
    if number.state == QualificationState.ELIGIBLE and proven:
        return Readiness.READY
    # An unknown state is not final: look again later (§17). The wire's text equals the enum's
    # member.
    return next(
        (found for state, found in _READINESS.items() if state == number.state), Readiness.CHECKING
    )


def counted(states: Iterable[str]) -> str:
    """States and how often each occurs, in order of first appearance: "38 done, 2 failed"."""
    listed = list(states)
    return ", ".join(f"{listed.count(state)} {state}" for state in dict.fromkeys(listed))
