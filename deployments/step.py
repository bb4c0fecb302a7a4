"""One step of the set-up: look, apply, look again.

`numberflow setup`, its `--check`, `numberflow up` and deployments/serve.py run the same steps, and
`numberflow doctor` looks with some of them. Not here: what a step is about. Importing this loads no
Prefect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from anyio import sleep

from numberflow.errors import NumberflowError

Kind = Literal["missing", "changed", "double"]
State = Literal["ok", "done", "differs", "person", "failed"]
_DONE: dict[Kind, str] = {
    "missing": "made",
    "changed": "brought up to date",
    "double": "removed a double",
}
# Somebody else may set up the same server at the same moment. What both have made is one again
# after a turn; two more are for a machine that is busy.
_TURNS = 3
_TURN_S = 0.5


class Difference(NamedTuple):
    """One thing that is not as it should be, and that `apply` puts right."""

    kind: Kind
    what: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look has shown."""

    text: str
    """What is there, for people."""
    differences: tuple[Difference, ...] = ()
    left_to_person: tuple[str, ...] = ()
    """Differences that no program can remove: what to do about each."""
    advice: tuple[str, ...] = ()
    """What a person may want to do. No difference."""


@dataclass(frozen=True)
class Step:
    """One step. `look` changes nothing; `apply` may be repeated, and is None where nobody can."""

    name: str
    look: Callable[[], Awaitable[Found]]
    apply: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class Result:
    """How a step ended: nothing to do, done, differs, left to a person, or failed."""

    name: str
    state: State
    text: str
    changes: tuple[str, ...] = ()
    todo: tuple[str, ...] = ()

    @property
    def news(self) -> list[str]:
        """What was done, or went wrong and how to fix it; a line each, for logs."""
        failed = (self.text, *self.todo) if self.state == "failed" else ()
        return [f"{self.name}: {line}" for line in (*failed, *self.changes)]

    def as_json(self) -> dict[str, Any]:
        """The result under the keys that programs read."""
        return {
            "name": self.name,
            "state": self.state,
            "text": self.text,
            "changes": list(self.changes),
            "todo": list(self.todo),
        }


async def settle(step: Step, *, check: bool = False) -> Result:
    """Look, put right what differs, and look again; with `check`, only look.

    Never raises: what goes wrong is the result, so that the other steps go on.
    """
    try:
        found = await step.look()
        before = found.differences
        if check or not before or step.apply is None:
            lines = [f"{each.kind}: {each.what}" for each in before]
            return _result(step, found, lines, "differs" if before else "ok")
        for _ in range(_TURNS):
            await step.apply()
            found = await step.look()
            if not found.differences:
                lines = [f"{_DONE[each.kind]}: {each.what}" for each in before]
                return _result(step, found, lines, "done")
            await sleep(_TURN_S)
        lines = [f"still {each.kind}: {each.what}" for each in found.differences]
        return _result(step, found, lines, "failed")
    except NumberflowError as error:
        return Result(step.name, "failed", error.message, todo=_some(error.remedy))
    except Exception as error:  # noqa: BLE001 - whatever Prefect or a database raises
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Result(step.name, "failed", text, todo=("run it again; then see the server's log",))


async def settle_all(steps: Iterable[Step], *, check: bool = False) -> list[Result]:
    """One after the other: a later step may need what an earlier one makes."""
    return [await settle(step, check=check) for step in steps]


def _result(step: Step, found: Found, changes: list[str], state: State) -> Result:
    if found.left_to_person and state in ("ok", "done"):
        state = "person"
    todo = found.left_to_person + found.advice
    return Result(step.name, state, found.text, tuple(changes), todo)


def _some(remedy: str | None) -> tuple[str, ...]:
    return (remedy,) if remedy else ()
