"""What the receiver counts, for Prometheus. Labels are words of ours, never of a stranger's."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from numberflow.journal import InboxCounts

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

    def show(self, inbox: InboxCounts | None, now_s: float) -> None:
        """How the inbox stands; None when the database cannot say."""
        if inbox is None:
            for gauge in (self._waiting, self._kept, self._oldest):
                gauge.set(float("nan"))
            return
        self._waiting.set(inbox.waiting)
        self._kept.set(inbox.unreadable)
        age_s = now_s - inbox.oldest_at.timestamp() if inbox.oldest_at is not None else 0.0
        self._oldest.set(max(0.0, age_s))
