"""Qualify numbers: add them (`qualifiedNumbers:addNumbers`), have a call speak a code, hand it in.

A call rings at a real telephone: a machine never makes it a second time. The code is handed to its
step under seal; journal and errors never see it. Source:
docs/vendor/imported-hosting-behaviour.md §3, §15.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from numberflow.client import Client
from numberflow.errors import NotSent
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    OrderKind,
    opened_order,
)
from numberflow.planning.hosting import Readiness, readiness
from numberflow.steps import VendorStep, named
from numberflow.steps.reading import none_if_absent, qualified_numbers

ADD_NUMBERS, VOICE_CHALLENGE, VERIFY_CODE = "add_numbers", "voice_challenge", "verify_code"


class AddNumbers(VendorStep):
    """The two halves of having a batch of numbers qualified, bound to a client.

    The intention's `request` holds `numbers` and `method`.

    Costs: nothing. Only numbers that are not known yet are sent, so that no batch starts a check a
    second time.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Add the numbers that are missing, in one request. Raises what the client raises."""
        numbers = attempt.intention.request["numbers"]
        missing = _missing(await qualified_numbers(self._client, numbers))
        if missing:
            await self._client.qualified_numbers.add(missing, watch=attempt)
        return Applied(
            result=_followed(attempt.intention),
            note=f"{len(missing)} of {len(numbers)} numbers were added",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the numbers. Costs nothing; repeat at will."""
        shown = await qualified_numbers(self._client, intention.request["numbers"])
        return judge_added(_missing(shown), intention)


class VoiceChallenge(VendorStep):
    """The two halves of one call that speaks a code, bound to a client.

    Costs: no price is published; count on one for each call. A telephone rings.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Have the number called once. Raises what the client raises."""
        number = await self._client.qualified_numbers.send_voice_challenge(
            named(attempt.intention), watch=attempt
        )
        return Applied(
            result=_state(number.phone_number, readiness(number)),
            note="the vendor calls the number",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        number = await none_if_absent(self._client.qualified_numbers.get(named(intention)))
        return judge_called(readiness(number), named(intention))


class VerifyCode:
    """The two halves of handing in a code, bound to a client and the code.

    Costs: nothing, but the third wrong code blocks the number (assumed, §3).

    Args:
        client: an entered client.
        code: under seal; None to look only.
    """

    def __init__(self, client: Client, code: SecretStr | None) -> None:
        self._client = client
        self._code = code

    async def do(self, attempt: Attempt) -> Applied:
        """Hand the code in once. A wrong one is taken as well.

        The result's `state` says which it was. Raises what the client raises.
        """
        if self._code is None:
            raise NotSent("the code was not kept, so nothing was sent")
        phone_number = named(attempt.intention)
        number = await self._client.qualified_numbers.verify_voice_challenge(
            phone_number, self._code, watch=attempt
        )
        state = readiness(number)
        note = "the code was right" if state is Readiness.READY else "the code was wrong"
        return Applied(result=_state(phone_number, state), note=note)

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        number = await none_if_absent(self._client.qualified_numbers.get(named(intention)))
        return judge_verified(readiness(number), named(intention))


def judge_added(missing: Sequence[str], intention: Intention) -> Evidence:
    """A batch was added when the vendor knows all of it.

    What is missing is added by the next attempt, and nothing else.
    """
    seen = {"missing": len(missing)}
    if not missing:
        return Evidence(Finding.APPLIED, "the vendor knows all numbers", seen, _followed(intention))
    return Evidence(Finding.ABSENT, f"{len(missing)} numbers are not known to the vendor", seen)


def judge_called(state: Readiness, phone_number: str) -> Evidence:
    """A call was made when its code is awaited.

    Nothing proves that none was: a telephone may have rung, so a person decides about another one.
    """
    if state in (Readiness.CALLED, Readiness.READY):
        return Evidence(
            Finding.APPLIED,
            f"the number is {state}",
            {"state": str(state)},
            _state(phone_number, state),
        )
    return Evidence(
        Finding.INCONCLUSIVE,
        f"the number is {state}, and nothing says whether its telephone rang",
        {"state": str(state)},
    )


def judge_verified(state: Readiness, phone_number: str) -> Evidence:
    """A code was taken when the number is proven, or failed by it.

    It was not when the code is still awaited.
    """
    seen = {"state": str(state)}
    if state in (Readiness.READY, Readiness.FAILED, Readiness.BLOCKED):
        return Evidence(
            Finding.APPLIED, f"the number is {state}", seen, _state(phone_number, state)
        )
    if state is Readiness.CALLED:
        return Evidence(Finding.ABSENT, "the code is still awaited", seen)
    return Evidence(Finding.INCONCLUSIVE, f"the number is {state}", seen)


def _missing(shown: Mapping[str, Any]) -> list[str]:
    return [number for number, each in shown.items() if each is None]


def _state(phone_number: str, state: Readiness) -> dict[str, Any]:
    return {"phone_number": phone_number, "state": str(state)}


def _followed(intention: Intention) -> dict[str, Any]:
    """What the sweep takes up: the vendor has no order for it, so the batch goes by our name."""
    request = intention.request
    return opened_order(
        OrderKind.QUALIFICATION,
        named(intention),
        "added",
        numbers=list(request["numbers"]),
        method=request["method"],
    )
