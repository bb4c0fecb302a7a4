"""What an operation of the simulated API is: a name, a verb, a path, a handler.

The operations themselves are in one module per noun.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numberflow.simulator import problems
from numberflow.simulator.lag import Commit
from numberflow.simulator.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a handler: decoded path parts and query, raw body, number in the log."""

    number: int
    path: dict[str, str]
    query: list[tuple[str, str]]
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    page_size_cap: int | None = None

    def values(self, name: str) -> list[str]:
        """All values of a repeated query key."""
        return [value for key, value in self.query if key == name]

    def value(self, name: str) -> str | None:
        """The last value of a query key.

        None if it is absent or empty, which a gateway cannot distinguish (*assumed*).
        """
        values = self.values(name)
        return values[-1] or None if values else None

    def json(self) -> dict[str, Any]:
        """The body as an object; an empty body is an empty object. Raises Problem 400."""
        if not self.body.strip():
            return {}
        try:
            parsed = json.loads(self.body)
        except ValueError:
            raise problems.bad_json() from None
        if not isinstance(parsed, dict):
            raise problems.bad_json()
        return parsed


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful reply. `commits` are the changes behind it.

    `changed` is True when the world has changed.
    """

    body: bytes
    commits: tuple[Commit, ...] = ()
    changed: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def read_one(
    world: World, noun: str, key: str, missing: problems.Problem, show: Callable[[], bytes]
) -> Answer:
    """The reply to a read of one thing: from `show`, or as lagging reads still see it."""
    shadow = world.pictures[noun].of(key, world.settle())
    if shadow is None:
        return Answer(show())
    if shadow.commit.before is None:
        raise missing
    return Answer(shadow.commit.before.encode())


Handler = Callable[[World, Call], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """`pattern` matches the whole path below /v1/projects/{projectId}/ of a noun's API."""

    name: str
    method: str
    pattern: re.Pattern[str]
    handler: Handler


def operation(name: str, method: str, pattern: str, handler: Handler) -> Operation:
    """An operation whose path pattern is text.

    `{phoneNumber}` stands for one path segment before a colon or the end. The handler finds the
    part under its name in snake case.
    """

    def part(matched: re.Match[str]) -> str:
        return (
            f"(?P<{re.sub('([A-Z])', lambda capital: '_' + capital[1].lower(), matched[1])}>[^/:]+)"
        )

    regex = re.sub(r"\\\{(\w+)\\\}", part, re.escape(pattern))
    return Operation(name, method, re.compile(regex), handler)
