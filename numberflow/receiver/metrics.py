"""What the receiver counts, and what the journal's figures say of flows, for Prometheus.

Labels are words of ours, never of a stranger's. docs/observability.md explains each metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from numberflow.journal import Figures, InboxCounts

# Around the 200 ms that 99 of 100 stay below, up to the 10 s after which the vendor delivers again.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The metrics of one receiver, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.received = Counter(
            "numberflow_callbacks_received", "Requests for callbacks.", registry=registry
        )
        self.stored = Counter(
            "numberflow_callbacks_stored", "New events in the inbox.", registry=registry
        )
        self.duplicate = Counter(
            "numberflow_callbacks_duplicate", "Events that were there.", registry=registry
        )
        self.unreadable = Counter(
            "numberflow_callbacks_unreadable",
            "Signed bodies that nothing can be done with; they are kept.",
            registry=registry,
        )
        self.refused = Counter(
            "numberflow_callbacks_refused", "Requests that were refused.", ["reason"],
            registry=registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "numberflow_callback_seconds", "From request to reply.", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "numberflow_inbox_waiting", "Events that drain-callbacks has to do.", registry=registry
        )
        self._kept = Gauge(
            "numberflow_inbox_unreadable", "Kept bodies that cannot be read.", registry=registry
        )
        self._oldest = Gauge(
            "numberflow_inbox_oldest_seconds", "Age of the oldest waiting event.", registry=registry
        )

        self._flows = _Flows()
        registry.register(self._flows)

    def show(self, inbox: InboxCounts | None, figures: Figures | None, now_s: float) -> None:
        """How inbox and journal stand; None when the database cannot say."""
        self._flows.figures = figures
        if inbox is None:
            for gauge in (self._waiting, self._kept, self._oldest):
                gauge.set(float("nan"))
            return
        self._waiting.set(inbox.waiting)
        self._kept.set(inbox.unreadable)
        age_s = now_s - inbox.oldest_at.timestamp() if inbox.oldest_at is not None else 0.0
        self._oldest.set(max(0.0, age_s))


# What stands in the journal's counters, by its name there: the metric, its words and its kind.
_COUNTED = {
    "runs": ("numberflow_runs", "Flow runs that ended, by flow and outcome.", True),
    "refusals": ("numberflow_refusals", "Refused flow runs, by flow and reason.", True),
    "vendor_requests": (
        "numberflow_vendor_requests", "Requests to the vendor, by host and HTTP status.", True,
    ),
    "export_rows": ("numberflow_export_rows", "Numbers in the last snapshot.", False),
    "export_seconds": ("numberflow_export_seconds", "How long the last export took.", False),
    "export_finished": (
        "numberflow_export_finished_timestamp_seconds", "When the last snapshot was published.",
        False,
    ),
}  # fmt: skip


class _Flows(Collector):
    """The figures of the journal as metrics. Without figures only that they cannot be read."""

    def __init__(self) -> None:
        self.figures: Figures | None = None

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        figures = self.figures
        yield _one(
            "numberflow_journal_readable", "Whether the journal could be read.",
            float(figures is not None),
        )  # fmt: skip
        if figures is None:
            return
        yield _family(
            "numberflow_purchases", "Purchases that were begun.", ["operation"],
            {(name,): count for name, count in figures.purchases.items()}, counts=True,
        )  # fmt: skip
        yield _family(
            "numberflow_steps", "Costly steps by operation and state.", ["operation", "state"],
            figures.steps,
        )  # fmt: skip
        yield _family(
            "numberflow_charges", "What was charged at once for steps that are done.",
            ["currency"], {(name,): float(sum_) for name, sum_ in figures.charges.items()},
            counts=True,
        )  # fmt: skip
        waiting = sum(n for (_, state), n in figures.steps.items() if state == "needs_person")
        yield _one(
            "numberflow_needs_person_open", "Steps that wait for a person's verdict.", waiting
        )
        yield _one(
            "numberflow_oldest_open_step_seconds", "Age of the oldest step without an outcome.",
            figures.oldest_open.total_seconds(),
        )  # fmt: skip
        yield _family(
            "numberflow_orders_open", "Work of the vendor that is followed.", ["kind"],
            {(name,): count for name, count in figures.orders.items()},
        )  # fmt: skip
        yield _family(
            "numberflow_stops", "Holds on costly steps, by who holds.", ["by"],
            {(name,): count for name, count in figures.stops.items()},
        )  # fmt: skip
        for name, (metric, words, counts) in _COUNTED.items():
            found = {key.labels: n for key, n in figures.counted.items() if key.name == name}
            if found:
                labels = [label for label, _ in next(iter(found))]
                values = {tuple(value for _, value in each): n for each, n in found.items()}
                yield _family(metric, words, labels, values, counts=counts)


def _one(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _family(
    name: str,
    words: str,
    labels: list[str],
    values: Mapping[Any, float],
    *,
    counts: bool = False,
) -> Metric:
    family = (CounterMetricFamily if counts else GaugeMetricFamily)(name, words, labels=labels)
    for each, value in sorted(values.items()):
        family.add_metric(each, value)
    return family
