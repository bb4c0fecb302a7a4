"""How every run goes: check, open, work, publish, and name the state after how it ended.

Here: what all flows do in the same way. Not here: what one flow does (its module), how it looks
in the form (forms), and how a report is shown (tasks.publish).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Flow, flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run

from flows.approval import obey_refusal
from flows.final_state import final_state
from flows.forms import given, name_of_run
from flows.naming import run_name
from flows.private_input import answers_forgotten
from flows.stopping import accounted_for
from flows.table import FLOWS
from numberflow.errors import NumberflowError
from numberflow.journal import Intention
from numberflow.logs import set_up_logs
from numberflow.models.parameters import (
    OneProject,
    Parameters,
    ReferencedParameters,
    check_parameters,
)
from numberflow.models.reports import NumbersReport, RunOutcome, RunReport
from numberflow.purchase.account import steps_so_far
from numberflow.purchase.numbers_report import stopped_numbers_report
from numberflow.purchase.report import remedy_of
from numberflow.purchase.run_context import RunContext
from numberflow.purchase.shown import summary_line
from numberflow.settings import Settings
from numberflow.traces import set_up_traces
from tasks.counted import count_run
from tasks.numbers import with_numbers
from tasks.papers import require_in_store
from tasks.publish import publish
from tasks.run_context import note_ended, note_nothing_begun, open_run_context

A = ParamSpec("A")
T = TypeVar("T")
P = TypeVar("P", bound=Parameters)
R = TypeVar("R", bound=RunReport)


@dataclass
class Run(Generic[P]):
    """One run, as far as it has come: what its work gets, and what the report of an error names."""

    id: str
    given: Mapping[str, Any]
    """The parameters as they were sent, which nobody has checked."""
    reference: str
    checked: P | None = None
    """None as long as the parameters are not checked, or when they are wrong."""
    notes: tuple[str, ...] = ()
    opened: RunContext | None = None
    """None before client and journal are open, and in a flow that needs none."""
    seen: dict[str, Intention] | None = None
    """The steps of a purchase as this run saw them last. They are named in its report even when the
    journal can be read no more. None: the journal is asked."""
    refused_by: NumberflowError | None = None
    """The error that ended the run; None when its work came to its own end."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Further fields of the report, as the work finds them out."""

    @property
    def parameters(self) -> P:
        """The checked parameters."""
        assert self.checked is not None, "work begins after the check"
        return self.checked

    @property
    def context(self) -> RunContext:
        """Client and journal."""
        assert self.opened is not None, "this flow works without a client"
        return self.opened

    @property
    def steps_seen(self) -> tuple[Intention, ...]:
        """The steps of a purchase as seen last, in the order in which they were planned."""
        return tuple(sorted((self.seen or {}).values(), key=lambda step: step.position))

    @property
    def project_id(self) -> str:
        """The vendor project; empty before it is known."""
        return self.opened.project_id if self.opened is not None else ""


Stopped = Callable[[NumberflowError, Sequence[Intention], Run[P]], R]
"""Makes the report of a run that an error ended, before its work or in it: from the error, the
steps that are written down or were seen last, and the run."""


def runbook(
    name: str, called: Callable[[Mapping[str, Any]], str]
) -> Callable[[Callable[A, T]], Flow[A, T]]:
    """Make a function the flow `name`. Its body hands its arguments to `run_flow`.

    Prefect checks no parameters (the report names a wrong one), repeats nothing (the journal
    decides that) and keeps no result. A flow that changes something, by the table, is accounted for
    when it is stopped from outside.

    Args:
        name: the flow's name in the table.
        called: what its runs are called, from their parameters.
    """

    def decorate(body: Callable[A, T]) -> Flow[A, T]:
        made: Flow[A, T] = flow(
            name=name,
            flow_run_name=run_name(called),
            validate_parameters=False,
            retries=0,
            persist_result=False,
        )(body)
        return accounted_for(made) if FLOWS[name].changes else made

    return decorate


async def run_flow(
    arguments: Mapping[str, Any],
    model: type[P],
    work: Callable[[Run[P]], Awaitable[R]],
    stopped: Stopped[P, R],
    *,
    takes_lists: bool = True,
    asks_in_private: bool = False,
) -> State[R] | R:
    """Check the parameters, do the work, publish the report, name the run's state after its end.

    Args:
        arguments: of the flow: `locals()` in its first line. The form can be sent unchecked.
        model: what they have to be.
        work: what the flow does. Its errors end the run in a report that names what is open.
        stopped: makes that report.
        takes_lists: `phone_numbers` may name a file or a filter, whose numbers are fetched.
        asks_in_private: answers to forms are deleted whatever way the run ends, unless it is
            suspended to wait for one. Only the run of a deployment can have been asked.
    """
    run_id = str(flow_run.get_id())
    run = Run[P](run_id, given(arguments), name_of_run(arguments.get("reference"), run_id))
    try:
        async with (
            answers_forgotten()
            if asks_in_private and deployment.get_id() is not None
            else nullcontext()
        ):
            report = await _checked_and_worked(run, model, work, stopped, takes_lists=takes_lists)
    except NumberflowError as error:
        run.refused_by = error
        report = stopped(error, (), run)
    finally:
        # Also when it is suspended, cancelled or ended by a bug: Resume and Retry go on from here.
        if issubclass(model, ReferencedParameters) and not (run.opened and run.opened.has_begun):
            await note_nothing_begun()
    facts = {
        "project_id": run.project_id or report.project_id,
        "flow_run_id": run.id,
        "notes": (*report.notes, *run.notes, *(run.opened.notes if run.opened else ())),
    }
    report = report.model_copy(update=facts)
    await count_run(report, run.refused_by)
    try:
        return await _conclude(report)
    finally:
        note_ended()


async def _checked_and_worked(
    run: Run[P],
    model: type[P],
    work: Callable[[Run[P]], Awaitable[R]],
    stopped: Stopped[P, R],
    *,
    takes_lists: bool,
) -> R:
    """Refuse what can be refused before client and journal are open, then open them and work."""
    # Prefect has set up its own by now.
    settings = Settings.load(may_lack_account=True)
    set_up_logs(settings)
    set_up_traces(settings)
    parameters = run.given
    if takes_lists:
        parameters, run.notes = await with_numbers(parameters)
    run.checked = checked = check_parameters(model, parameters)
    run.reference = getattr(checked, "reference", None) or run.id
    await obey_refusal()
    await require_in_store(getattr(checked, "papers", {}))
    if not isinstance(checked, OneProject):
        # The inventory of several projects opens a client for each.
        return await work(run)
    async with open_run_context(checked.project) as run.opened:
        try:
            run.opened.settings.require_callback(getattr(checked, "callback_url", None))
            return await work(run)
        except NumberflowError as error:
            run.refused_by = error
            # Also what it did before that is named: the journal has it.
            steps = (
                await steps_so_far(run.context, run.reference)
                if run.seen is None
                else run.steps_seen
            )
            return stopped(error, steps, run)


async def _conclude(report: R) -> State[R] | R:
    logger = get_run_logger()
    try:
        await publish(report)
    except Exception as error:  # noqa: BLE001 - the caller gets the report, shown or not
        logger.warning("The report could not be shown in Prefect: %s", type(error).__name__)
    logger.info("%s", summary_line(report))
    return final_state(report)


def refused(kind: type[R]) -> Stopped[Any, R]:
    """For flows that change nothing: there is no step and no reference to name."""

    def stopped(error: NumberflowError, _steps: Sequence[Intention], _run: Run[Any]) -> R:
        remedy = remedy_of(error).replace(" with the same reference", "")
        return kind(outcome=RunOutcome.REFUSED, reason=error.message, remedy=remedy)

    return stopped


def stopped_numbers(action: str) -> Stopped[Any, NumbersReport]:
    """For the flows that report on each number: `action` is the report's word for what they do."""

    def stopped(error: NumberflowError, steps: Sequence[Intention], run: Run[Any]) -> NumbersReport:
        return stopped_numbers_report(
            error,
            steps,
            project=getattr(run.checked, "project", None),
            reference=run.reference,
            action=action,
        )

    return stopped
