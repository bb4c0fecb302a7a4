"""Asking a person for something that must not stay anywhere.

The form, the wait, and forgetting the answer.

Prefect keeps the answer to a form in clear until it is deleted. So it is read sealed, used, what
came of it is written to the journal, and then it is deleted (whoever reads raw database files can
find deleted rows until their space is used again: docs/hosting.md). Approval of a price, whose
answer is no secret, is approval.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from prefect.client.schemas.objects import FlowRunInput
from prefect.exceptions import ObjectNotFound, Pause, PrefectHTTPStatusError
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from prefect.input.actions import adelete_flow_run_input, afilter_flow_run_input
from prefect.input.run_input import keyset_from_base_key
from prefect.logging import get_run_logger
from pydantic import Field, SecretStr

from numberflow.errors import SpendRefused

F = TypeVar("F", bound=RunInput)

# Three days: a letter that is prepared on Friday may be confirmed on Monday. After that the run
# fails and nothing was sent.
SIGNER_TIMEOUT_S = 3 * 24 * 3600
# Ten minutes is what a code lives (docs/vendor/imported-hosting-behaviour.md §16, assumed); whoever
# is later asks for another call.
CODE_TIMEOUT_S = 24 * 3600
# Prefect names the inputs of a suspended run after its state, which is called Suspended, and the
# question's key (seen in 3.8.8).
_OURS, _ANSWER = "suspended-", "-response"
# As many as the server gives at once.
_PAGE = 200


class SignerConfirmation(RunInput):
    """The form that is shown before a letter of authorisation goes out."""

    email: SecretStr = Field(
        title="The signer's e-mail, typed in full",
        description="Compared with the letter and thrown away",
        json_schema_extra={"position": 0},
    )
    confirmed_by: str = Field(
        title="Your name",
        description="Kept in the journal",
        min_length=1,
        json_schema_extra={"position": 1},
    )


class SpokenCode(RunInput):
    """The form that is shown while a number has been called."""

    # One text for all three answers. Seen in Prefect 3.8.8's window for resuming: a field with a
    # default falls back to it when the page is refreshed.
    answer: SecretStr = Field(
        title="The code, or what to do",
        description='The code that the voice spelled, or "call" for another call, or "stop"',
        json_schema_extra={"position": 0},
    )


async def ask(form: type[F], key: str, *, timeout_s: int) -> F:
    """Suspend until a person has answered.

    At resume the flow runs from the top and this returns the answer.

    Call `forget` with the same key once what came of the answer is durable.

    Raises:
        SpendRefused: the answer to this question was used and deleted before; nothing was sent.
    """
    try:
        return await asuspend_flow_run(wait_for_input=form, timeout=timeout_s, key=key)
    except (ObjectNotFound, PrefectHTTPStatusError):
        raise SpendRefused(
            "the answer to this question was used up in an earlier attempt of this run",
            rule="answer",
            remedy="start a new run with the same reference: it asks again",
        ) from None


async def forget(key: str) -> None:
    """Delete the answer to a question. Harmless when there is none."""
    try:
        await adelete_flow_run_input(keyset_from_base_key(f"{_OURS}{key}")["response"])
    except (ObjectNotFound, PrefectHTTPStatusError) as error:
        get_run_logger().debug("No answer to delete: %s", type(error).__name__)


@asynccontextmanager
async def answers_forgotten() -> AsyncIterator[None]:
    """Delete every answer that was given to this run, however the work inside ends.

    Only a run that is suspended to wait for an answer keeps it. A resumed run may never come to the
    question that was answered: the order was sent meanwhile, or a paper can no longer be read.
    """
    try:
        yield
    except Pause:
        # Suspended: whoever is quick has answered by now, and the answer is read when the run
        # resumes.
        raise
    except BaseException:
        await _forget_all()
        raise
    await _forget_all()


async def _inputs(seen: set[str]) -> list[FlowRunInput]:
    found: Any = await cast("Any", afilter_flow_run_input)(_OURS, limit=_PAGE, exclude_keys=seen)
    return list(found)


async def _forget_all() -> None:
    seen: set[str] = set()
    try:
        while found := await _inputs(seen):
            seen |= {each.key for each in found}
            for each in found:
                if each.key.endswith(_ANSWER):
                    await adelete_flow_run_input(each.key)
    except Exception as error:  # noqa: BLE001 - how the run ends is told all the same
        get_run_logger().warning(
            "Answers to forms may not be deleted, delete this run: %s", type(error).__name__
        )
