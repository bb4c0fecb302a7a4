"""Every fault of the simulator as a list that the matrix runs through.

What strikes, and what it may leave behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

# Reads catch up well within the settling time (120 s), or only long after it.
LAG_SHORT_S = 45.0
LAG_LONG_S = 3600.0

CHANGES = frozenset({"release", "update"})
RENTS = frozenset({"rent", "rent_any"})
ALL = RENTS | CHANGES


@dataclass(frozen=True)
class Mishap:
    """One thing that goes wrong at a costly request.

    Args:
        name: for the test's id.
        rule: of the simulator, without its operation; None when only the process dies.
        dies: whether the process dies at that request, and on which side of its effect.
        operations: at which it can happen.
        variant: a 5xx that differs from 503 with JSON only in status and body; it is left out where
            only repetition would be new.
        lags_long: reads stay behind for longer than the settling time: what no evidence can prove
            is then a person's matter.
    """

    name: str
    rule: Mapping[str, Any] | None = None
    dies: str | None = None
    operations: frozenset[str] = ALL
    variant: bool = False
    lags_long: bool = False

    def __str__(self) -> str:
        return self.name


def marks(mishap: Mishap, mode: str) -> list[pytest.MarkDecorator]:
    """Marks of a case in the matrix of number orders. The matrix of rents has the same in full.

    A case that only repeats its neighbours is `exhaustive` and left to `make test-all`: the 5xx
    that differ in status and body, the fault that does not go away, and lagging reads in a run
    that resumes.
    """
    again = (
        mishap.variant or mode == "always" or (mode.startswith("resumed") and "lag" in mishap.name)
    )
    return [pytest.mark.exhaustive] if again else []


# One of each kind that a step sees in its own way. How a reply is lost and what that is called is
# the client's business and the same for every step: renting and number orders meet all of it.
_KINDS = frozenset(
    {
        "timeout_before",  # nobody knows, and nothing is there
        "timeout_after",  # nobody knows, and it is there
        "error_after-503-json",  # the vendor says it failed, and it is there
        "wrong_json",  # the step's own reply cannot be read
        "429-seconds",  # surely nothing
        "token_expired",
        "stale_reads-short",
        "stale_list-short",
        "error_after-lag_short",  # it is there, and reads show it in time
        "error_after-lag_long",  # it is there, and no read shows it in time
        "killed-before",
        "killed-after",
        "killed-after-lag_short",
        "killed-after-lag_long",
    }
)
# What a run meets that goes on with what a killed one left.
_RESUMED = frozenset({"timeout_before", "timeout_after"})


def reduced(mishap: Mishap, mode: str) -> list[pytest.MarkDecorator]:
    """Marks of a case of the reduced matrix: of every step but a rent's and a number order's.

    Each step has its own look and its own judge, and runs through the same `run_costly_step`. So it
    meets what the two can tell apart: was it sent, is it there, do reads show it, who was killed.
    Everything else is `exhaustive`: test_matrix and test_number_orders say it of that function and
    of the client.
    """
    if mode == "once":
        return [] if mishap.name in _KINDS else [pytest.mark.exhaustive]
    is_kept = mode.startswith("resumed") and mishap.name in _RESUMED
    return [] if is_kept else [pytest.mark.exhaustive]


def _errors() -> list[Mishap]:
    return [
        Mishap(
            f"error_{side}-{status}-{body}",
            {"fault": f"error_{side}", "status": status, "html": body == "html"},
            variant=(status, body) != (503, "json"),
        )
        for side in ("before", "after")
        for status in (500, 502, 503, 504)
        for body in ("json", "html")
    ]


def _lost_and_lagging() -> list[Mishap]:
    """The hardest: the reply is lost, and reads do not show the effect yet."""
    return [
        Mishap(f"{fault}-lag_{lag}", {"fault": fault, "lag_s": lag_s}, lags_long=lag == "long")
        for fault in (
            "timeout_after",
            "error_after",
            "reset_after",
            "truncated",
            "html_200",
            "empty_200",
            "wrong_json",
        )
        for lag, lag_s in (("short", LAG_SHORT_S), ("long", LAG_LONG_S))
    ]


MISHAPS: tuple[Mishap, ...] = (
    Mishap("delay", {"fault": "delay", "delay_s": 0.01}),
    *(
        Mishap(name, {"fault": name})
        for name in ("timeout_before", "timeout_after", "reset_before", "reset_after")
    ),
    *_errors(),
    *(
        Mishap(name, {"fault": name})
        for name in ("truncated", "html_200", "empty_200", "wrong_json")
    ),
    Mishap("429-seconds", {"fault": "rate_limited", "retry_after": 7}),
    Mishap("429-date", {"fault": "rate_limited", "retry_after": "date"}),
    Mishap("429-absurd", {"fault": "rate_limited", "retry_after": "absurd"}),
    Mishap("429-none", {"fault": "rate_limited"}),
    Mishap("token_expired", {"fault": "token_expired"}),
    Mishap("price_change", {"fault": "price_change"}, operations=RENTS),
    Mishap("rival", {"fault": "rival"}, operations=frozenset({"rent"})),
    Mishap("stale_reads-short", {"fault": "stale_reads", "lag_s": LAG_SHORT_S}),
    Mishap("stale_reads-long", {"fault": "stale_reads", "lag_s": LAG_LONG_S}, lags_long=True),
    Mishap("stale_list-short", {"fault": "stale_list", "lag_s": LAG_SHORT_S}),
    Mishap("stale_list-long", {"fault": "stale_list", "lag_s": LAG_LONG_S}, lags_long=True),
    *_lost_and_lagging(),
    Mishap("killed-before", dies="before"),
    Mishap("killed-after", dies="after"),
    Mishap("killed-after-lag_short", {"fault": "stale_reads", "lag_s": LAG_SHORT_S}, dies="after"),
    Mishap(
        "killed-after-lag_long",
        {"fault": "stale_reads", "lag_s": LAG_LONG_S},
        dies="after",
        lags_long=True,
    ),
)
