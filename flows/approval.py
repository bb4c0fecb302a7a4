"""Having a quote, or a large release, approved by a person: form, wait, what the answer allows.

The same for everything that is bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from prefect.input.actions import afilter_flow_run_input
from prefect.runtime import deployment, flow_run
from pydantic import Field

from numberflow.errors import SpendRefused
from numberflow.journal import Purchase
from numberflow.models.wording import harmless
from numberflow.planning.quote import Quote
from numberflow.purchase.held.release import Question
from numberflow.purchase.run_context import RunContext
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.purchase.text import quote_text
from tasks.held import approve_release
from tasks.purchase import save_approval, save_quote

# Three days: a quote that is approved on Friday morning may be looked at on Monday. After that the
# run fails and nothing was bought.
APPROVAL_TIMEOUT_S = 3 * 24 * 3600
# What Prefect calls our questions and their answers: the state's name and the question's key (seen
# in 3.9.1).
QUESTION, ANSWER = "suspended-approve-", "-response"
_RELEASE = "approve-release-"
_RELEASES = f"suspended-{_RELEASE}"
# A run asks once or twice; each is a description, a schema and an answer.
_PAGE = 50


class Approval(RunInput):
    """The form that is shown while a purchase waits for approval."""

    # Typed, and without a default. Seen in Prefect 3.8.8's window for resuming: a list of choices
    # does not open at a click of the mouse, and a field with a default (a switch) falls back to it
    # when the page behind is refreshed.
    decision: str = Field(
        title="Your decision",
        description='Type "approve" or "refuse"',
        # For the form alone: whoever answers by the API with something else refuses.
        json_schema_extra={"position": 0, "pattern": "^ *([Aa]pprove|[Rr]efuse) *$"},
    )
    approved_by: str = Field(
        title="Your name",
        description="Kept in the journal and in the report",
        min_length=1,
        json_schema_extra={"position": 1},
    )


class ReleaseApproval(Approval):
    """The form that is shown before many numbers are released."""

    count: str = Field(
        title="How many numbers are released?",
        description="Type the count",
        json_schema_extra={"position": 2, "pattern": "^ *[0-9]+ *$"},
    )


async def ask_release_approval(context: RunContext, question: Question) -> None:
    """Suspend until a person has typed how many numbers go, and keep who did.

    Raises:
        SpendRefused: refused, not signed, or another count.
    """
    answer = await asuspend_flow_run(
        wait_for_input=ReleaseApproval.with_initial_data(description=harmless(question.text)),
        timeout=APPROVAL_TIMEOUT_S,
        key=f"{_RELEASE}{question.purchase_id}",
    )
    _require_yes(answer)
    who = answer.approved_by.strip()
    if answer.count.strip() != str(question.count):
        raise SpendRefused(
            f"{who} approved {answer.count.strip()} numbers, and the run names {question.count}; "
            "nothing was released",
            rule="approval",
            remedy="look at the list again, then run again with the same reference",
        )
    await approve_release(context, question.purchase_id, who, question.count)


async def ask_approval(
    context: RunContext, purchase: Purchase, quote: Quote, limits: SpendLimits
) -> tuple[SpendLimits, str]:
    """Suspend until a person has decided.

    At resume this runs again, and the new quote must not be worse than the approved one.
    """
    asked = (
        purchase.quote if (purchase.quote or {}).get("flow_run_id") == context.flow_run_id else None
    )
    if asked is None:
        if deployment.get_id() is None:
            raise SpendRefused(
                f"the quote of {quote.today} {quote.currency} is above approve_above and needs a "
                "person's approval",
                rule="approval",
                remedy=f"run {purchase.operation.replace('_', '-')} from its deployment "
                "(numberflow up), where a form asks; or raise approve_above",
            )
        asked = await save_quote(context, purchase, quote)
    answer = await asuspend_flow_run(
        wait_for_input=Approval.with_initial_data(
            description=harmless(quote_text(quote, purchase.reference))
        ),
        timeout=APPROVAL_TIMEOUT_S,
        key=f"approve-{purchase.id}",
    )
    _require_yes(answer)
    who = answer.approved_by.strip()
    limits = approved(limits, asked)
    limits.check(quote.today, quote.monthly)
    await save_approval(context, purchase, who, asked)
    return limits, who


async def obey_refusal() -> None:
    """Stop if a person has refused this run, before anything is read that may fail.

    A resumed run begins at the top. Whoever typed "refuse" is told that it was refused, and nothing
    else is tried first: neither a journal nor a vendor that does not answer is in the way of a no.

    Raises:
        SpendRefused: names who refused.
    """
    if deployment.get_id() is None or (flow_run.get_run_count() or 1) == 1:
        return
    found: Any = await cast("Any", afilter_flow_run_input)(QUESTION, limit=_PAGE)
    for each in found:
        if each.key.endswith(ANSWER):
            asked = ReleaseApproval if each.key.startswith(_RELEASES) else Approval
            _require_yes(asked.load_from_flow_run_input(each))


def _require_yes(answer: Approval) -> None:
    who, decision = answer.approved_by.strip(), answer.decision.strip().lower()
    if decision == "approve" and who:
        return
    raise SpendRefused(
        f"the run was refused by {who or 'a person without a name'}"
        if decision != "approve"
        else "nobody signed the approval",
        rule="approval",
        remedy="start a new run with the same reference to have it approved",
    )


def quoted_before(context: RunContext, purchase: Purchase) -> tuple[str, ...]:
    """The numbers whose quote a person saw in this run.

    They are taken first if they are still for sale.
    """
    quote = purchase.quote or {}
    return (
        tuple(quote.get("phone_numbers", ()))
        if quote.get("flow_run_id") == context.flow_run_id
        else ()
    )


def approved(limits: SpendLimits, approval: Mapping[str, Any]) -> SpendLimits:
    """The limits of a purchase whose price a person has approved.

    No more than that, whatever the caps say.
    """
    return replace(
        limits,
        approved_today=Decimal(approval["today"]),
        approved_monthly=Decimal(approval["monthly"]),
    )
