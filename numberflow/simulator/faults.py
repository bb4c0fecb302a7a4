"""Faults: which request meets which mishap, by rule or at random from a seed.

app.py carries them out. A *before* fault leaves the world unchanged. An *after* fault lets the
request take effect and then loses or spoils the reply.
"""

import itertools
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numberflow.simulator.lag import LagSpec
from numberflow.simulator.operation_names import COMMITTING, OPERATIONS

STALE = ("stale_reads", "stale_list")
FAULTS = (
    "delay",
    "timeout_before",
    "timeout_after",
    "error_before",
    "error_after",
    "reset_before",
    "reset_after",
    "truncated",
    "html_200",
    "empty_200",
    "wrong_json",
    "rate_limited",
    "token_expired",
    "price_change",
    "rival",
    "hold_before",
    "hold_after",
    *STALE,
)

HOLD_S = 60.0
"""How long a held or silent connection lasts at most.

Longer than any client of ours waits for a reply.
"""


class BadRule(ValueError):
    """A fault rule that cannot be used; the message names the field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mishap that a request will meet.

    `lag` may come with any fault or alone (`name` None).
    """

    name: str | None
    delay_s: float = 0.5
    hold_s: float = HOLD_S
    status: int = 503
    html: bool = False
    retry_after: int | str | None = None
    factor: str = "2"
    count: int = 1
    commit_on_disconnect: bool = False
    lag: LagSpec | None = None

    @property
    def label(self) -> str | None:
        """How the request log calls it."""
        if self.name is not None or self.lag is None:
            return self.name
        return "stale_list" if self.lag.lists_only else "stale_reads"


@dataclass(slots=True)
class Rule:
    """When a fault strikes.

    `seen` counts the requests that matched, `fired` how often it struck.
    """

    number: int
    fault: Fault
    spec: dict[str, Any]
    operation: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    nth: int | None = None
    times: int | None = 1
    probability: float = 1.0
    seen: int = 0
    fired: int = 0

    def matches(self, operation: str, method: str, path: str) -> bool:
        """Whether the rule is about this kind of request."""
        if self.fault.name is None and operation not in COMMITTING:
            return False
        return (
            self.operation in (None, operation)
            and self.method in (None, method)
            and (self.path is None or self.path.search(path) is not None)
        )

    def strikes(self, rng: random.Random) -> bool:
        """Counts a matching request and says whether the fault is due.

        Does not count the strike.
        """
        self.seen += 1
        if self.nth is not None and self.seen != self.nth:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        return self.probability >= 1 or rng.random() < self.probability

    def as_dict(self) -> dict[str, Any]:
        """As JSON, with its counters."""
        return {**self.spec, "id": self.number, "seen": self.seen, "fired": self.fired}


CHAOS_WEIGHTS: dict[str, int] = {
    "delay": 4,
    "error_before": 3,
    "error_after": 3,
    "reset_before": 3,
    "reset_after": 3,
    "truncated": 2,
    "html_200": 1,
    "empty_200": 1,
    "rate_limited": 3,
    "timeout_before": 1,
    "timeout_after": 1,
}
"""Lost replies weigh as much as lost requests.

Lost replies cost money; clients handle lost requests correctly anyway.
"""

CHAOS_TOKEN_WEIGHTS: dict[str, int] = {"delay": 2, "error_before": 1, "rate_limited": 1}
"""The token endpoint meets only harmless mishaps: without a token nothing else can be tested."""

CHAOS_HOLD_S = 2.0
CHAOS_PAGE_SIZE_MAX = 10
CHAOS_READ_LAG_S = 1.0
CHAOS_EXTRA_JOB_S = 5.0
"""Habits under chaos: short silences, small pages, reads that lag, slower provisioning."""


@dataclass
class Faults:
    """The rules in force and the chaos rate. Thread-safe."""

    seed: int
    chaos: float = 0.0
    chaos_hold_s: float = CHAOS_HOLD_S
    _rules: list[Rule] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._rng = random.Random(f"faults-{self.seed}")

    def add(self, spec: Mapping[str, Any]) -> int:
        """Adds a rule given as JSON and returns its id. Raises BadRule naming the field."""
        with self._lock:
            rule = parse_rule(next(self._serial), spec)
            self._rules.append(rule)
            return rule.number

    def clear(self) -> None:
        """Removes all rules. Chaos stays as it is."""
        with self._lock:
            self._rules.clear()

    def remove(self, number: int) -> bool:
        """Removes one rule; False if there is none with this id."""
        with self._lock:
            kept = [rule for rule in self._rules if rule.number != number]
            found = len(kept) != len(self._rules)
            self._rules[:] = kept
            return found

    def rules(self) -> list[dict[str, Any]]:
        """All rules with their counters."""
        with self._lock:
            return [rule.as_dict() for rule in self._rules]

    def meet(self, operation: str, method: str, path: str) -> Fault | None:
        """The fault that a request meets.

        The first rule that strikes wins; lag rules apply in addition. Then chaos has its turn.
        """
        with self._lock:
            struck: Rule | None = None
            lagging: Rule | None = None
            for rule in self._rules:
                if not rule.matches(operation, method, path):
                    continue
                # Every matching rule counts the request, so that `nth` does not depend on other
                # rules.
                due = rule.strikes(self._rng)
                if due and rule.fault.name is None:
                    lagging = lagging or rule
                elif due:
                    struck = struck or rule
            lag = None
            if lagging is not None:
                lagging.fired += 1
                lag = lagging.fault.lag
            if struck is not None:
                struck.fired += 1
                return _with_lag(struck.fault, lag)
            fault = self._chaos(operation)
            return (
                _with_lag(fault or Fault(None), lag)
                if fault is not None or lag is not None
                else None
            )

    def _chaos(self, operation: str) -> Fault | None:
        if not self.chaos:
            return None
        # Always drawn, so that one request's luck does not change that of all later ones.
        dice, lag_s, which = (
            self._rng.random(),
            self._rng.uniform(0, CHAOS_READ_LAG_S),
            self._rng.random(),
        )
        short_s = self._rng.uniform(0.01, 0.2)
        status = self._rng.choice((500, 502, 503, 504))
        lag = LagSpec(seconds=lag_s) if operation in COMMITTING else None
        if dice >= self.chaos:
            return None if lag is None else Fault(None, lag=lag)
        weights = CHAOS_TOKEN_WEIGHTS if operation == "token" else CHAOS_WEIGHTS
        name = _weighted(weights, which)
        return Fault(
            name,
            delay_s=short_s,
            hold_s=self.chaos_hold_s,
            status=503 if operation == "token" else status,
            html=status == 502 and operation != "token",
            retry_after=1 if status == 503 else None,
            lag=lag,
        )


def _with_lag(fault: Fault, lag: LagSpec | None) -> Fault:
    if lag is None or fault.lag is not None:
        return fault
    return Fault(
        **{name: getattr(fault, name) for name in Fault.__dataclass_fields__ if name != "lag"},
        lag=lag,
    )


def _weighted(weights: Mapping[str, int], which: float) -> str:
    point = which * sum(weights.values())
    for name, weight in weights.items():
        point -= weight
        if point < 0:
            return name
    return next(iter(weights))


_RULE_FIELDS = ("operation", "method", "path", "nth", "times", "probability", "fault")
_PARAMETERS = (
    "delay_s",
    "hold_s",
    "status",
    "html",
    "retry_after",
    "factor",
    "count",
    "commit_on_disconnect",
    "lag_s",
    "lag_reads",
)


def parse_rule(number: int, spec: Mapping[str, Any]) -> Rule:
    """Reads a rule from JSON. Raises BadRule naming the field that is wrong."""
    unknown = set(spec) - {*_RULE_FIELDS, *_PARAMETERS}
    if unknown:
        raise BadRule(f"{min(unknown)}: no such field of a fault rule")
    name = spec.get("fault")
    if name not in FAULTS:
        raise BadRule(f"fault: takes one of {', '.join(FAULTS)}, not {name!r}")
    operation = spec.get("operation")
    if operation is not None and operation not in OPERATIONS:
        raise BadRule(f"operation: takes one of {', '.join(OPERATIONS)}, not {operation!r}")
    lag = _lag(spec, name)
    if name in STALE and operation is not None and operation not in COMMITTING:
        raise BadRule(
            f"operation: {name} follows a change, so it takes one of "
            f"{', '.join(sorted(COMMITTING))}"
        )
    if name == "rival" and operation not in (None, "rent", "check", "search", "create_order"):
        raise BadRule("operation: rival takes rent, check, search or create_order")
    path = spec.get("path")
    try:
        pattern = None if path is None else re.compile(path)
    except (re.error, TypeError) as error:
        raise BadRule(f"path: not a regular expression: {error}") from None
    retry_after = spec.get("retry_after")
    if (
        retry_after is not None
        and retry_after not in ("date", "absurd")
        and not _is_number(retry_after, int)
    ):
        raise BadRule("retry_after: takes whole seconds, date, absurd or null")
    status = _number(spec, "status", 503, int)
    if not 500 <= status <= 599:
        raise BadRule("status: takes 500 to 599")
    return Rule(
        number,
        Fault(
            None if name in STALE else name,
            delay_s=_number(spec, "delay_s", 0.5, float),
            hold_s=_number(spec, "hold_s", HOLD_S, float),
            status=status,
            html=bool(spec.get("html", False)),
            retry_after=retry_after,
            factor=str(_number(spec, "factor", 2, float)),
            count=_number(spec, "count", 1, int),
            commit_on_disconnect=bool(spec.get("commit_on_disconnect", False)),
            lag=lag,
        ),
        dict(spec),
        operation,
        spec.get("method"),
        pattern,
        _number(spec, "nth", 1, int) if spec.get("nth") is not None else None,
        _number(spec, "times", 1, int) if spec.get("times", 1) is not None else None,
        _number(spec, "probability", 1.0, float),
    )


def _lag(spec: Mapping[str, Any], name: str) -> LagSpec | None:
    seconds, reads = spec.get("lag_s"), spec.get("lag_reads")
    if seconds is None and reads is None:
        if name in STALE:
            raise BadRule("lag_s: a stale rule needs lag_s or lag_reads")
        return None
    return LagSpec(
        None if seconds is None else _number(spec, "lag_s", 0, float),
        None if reads is None else _number(spec, "lag_reads", 0, int),
        lists_only=name == "stale_list",
    )


def _is_number(value: Any, kind: type) -> bool:
    return (
        not isinstance(value, bool)
        and isinstance(value, int if kind is int else (int, float))
        and value >= 0
    )


def _number(spec: Mapping[str, Any], name: str, default: float, kind: type) -> Any:
    value = spec.get(name, default)
    if not _is_number(value, kind):
        raise BadRule(
            f"{name}: takes a {'whole ' if kind is int else ''}number of zero or more, not "
            f"{value!r}"
        )
    return value
