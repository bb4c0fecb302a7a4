"""Callbacks of both APIs: what is sent to a callback address, how it is signed, when it is retried.

The place where something happens decides whether it is worth an event (news.py). Only loopback
addresses are really called: a simulator must never send to strangers. Every other delivery is
logged as skipped. Rules: docs/vendor/numbers-behaviour.md §16 and table entries 1 and 2;
docs/vendor/imported-hosting-behaviour.md §12.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import itertools
import json
import random
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from numberflow.simulator.clock import Clock
from numberflow.simulator.ids import ulid_like
from numberflow.simulator.news import News
from numberflow.simulator.wire import api_time, callback_time
from numberflow.simulator.world import World

TRIES_AFTER_S = (1, 5, 30, 120, 600)
"""When delivery of an event of the Numbers API is tried (*assumed*, table entry 2).

Seconds of the simulated clock after the event.
"""
IMPORTED_TRIES_AFTER_S = (0, 5, 15, 35, 75, 155, 315, 635)
"""The same for the imported-numbers API.

Eight tries, the wait doubles from 5 s (*assumed*, its §12).
"""
NUMBERS_RESOURCES = ("ACTIVE_NUMBER", "NUMBER_ORDER")
"""Resource types of the Numbers API.

All others belong to the imported-numbers API, which has its own secret.
"""
TIMEOUT_S = 10.0
"""Real seconds that a receiver has to answer (*assumed*, table entry 2)."""
REORDER_WAIT_S = 60
"""How long a delayed event waits for another of its resource to overtake it."""

FORGERIES = ("secret", "unsigned", "body")
"""Ways to forge: signed with another secret, not signed at all, body changed after signing."""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one address. `due_at` is None when no try is left."""

    number: int
    event_id: str
    resource_type: str
    resource_id: str
    url: str
    body: bytes
    event_at: datetime
    due_at: datetime | None
    forge: str | None = None
    behind: bool = False
    attempts: list[dict[str, Any]] = field(default_factory=list)
    state: str = "pending"
    busy: bool = False

    @property
    def tries_after_s(self) -> tuple[int, ...]:
        """When delivery is tried, in seconds after the event."""
        return TRIES_AFTER_S if self.resource_type in NUMBERS_RESOURCES else IMPORTED_TRIES_AFTER_S

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.number,
            "event_id": self.event_id,
            "resource_type": self.resource_type,
            "resource_id": self.resource_id,
            "url": self.url,
            "body": json.loads(self.body),
            "state": self.state,
            "forged": self.forge,
            "attempts": list(self.attempts),
        }


@dataclass(slots=True)
class Habit:
    """What happens to real events.

    It applies to one resource or to all (None), to the next `times` events or to all (None).
    """

    resource_id: str | None = None
    drop: bool = False
    duplicates: int = 0
    late_s: float = 0.0
    reorder: bool = False
    times: int | None = 1


def signature(secret: str, body: bytes) -> str:
    """X-Sinch-Signature: lower-case hex HMAC-SHA1 of the raw body, keyed with the UTF-8 secret."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def may_be_called(url: str) -> bool:
    """Whether an address is http(s) on this machine's loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _client() -> httpx.AsyncClient:
    # A proxy in the environment must not come between a simulator and its own machine.
    return httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)


class Callbacks:
    """The outgoing events of one simulator.

    `pump` sends what is due; the served simulator calls it continually. `open_client` makes the
    HTTP client; a test may pass one that needs no socket.
    """

    def __init__(self, world: World, clock: Clock, seed: int) -> None:
        self._world = world
        self._clock = clock
        self._rng = random.Random(f"callbacks-{seed}")
        self._serial = itertools.count(1)
        self._deliveries: list[Delivery] = []
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.habits: list[Habit] = []
        self.open_client = _client
        world.listeners.append(self._heard)

    def _heard(self, news: News) -> None:
        if not news.callback_url:
            return
        habit = self._habit_of(news.resource_id)
        if habit is None:
            self.announce(news)
        else:
            self.announce(
                news,
                duplicates=habit.duplicates,
                late_s=habit.late_s,
                reorder=habit.reorder,
                drop=habit.drop,
            )

    def _habit_of(self, resource_id: str) -> Habit | None:
        for habit in self.habits:
            if habit.resource_id in (None, resource_id):
                if habit.times is not None:
                    habit.times -= 1
                    if habit.times == 0:
                        self.habits.remove(habit)
                return habit
        return None

    def announce(
        self,
        news: News,
        *,
        duplicates: int = 0,
        late_s: float = 0.0,
        reorder: bool = False,
        forge: str | None = None,
        internal_failure_code: str | None = None,
        drop: bool = False,
    ) -> str:
        """Queues one event and returns its id.

        Duplicates carry the same id; the next event overtakes a reordered one. A dropped event is
        recorded and never sent.
        """
        with self._lock:
            event_id = ulid_like(self._rng)
            body = self._payload(event_id, news)
            if internal_failure_code is not None:
                body["internalFailureCode"] = internal_failure_code
            raw = json.dumps(body, separators=(",", ":")).encode()
            event_at = news.at + timedelta(seconds=late_s)
            for _ in range(1 + duplicates):
                delivery = Delivery(
                    next(self._serial),
                    event_id,
                    news.resource_type,
                    news.resource_id,
                    news.callback_url,
                    raw,
                    event_at,
                    None,
                    forge,
                    behind=reorder,
                )
                if drop:
                    delivery.state = "dropped"
                else:
                    delivery.due_at = event_at + timedelta(seconds=delivery.tries_after_s[0])
                self._deliveries.append(delivery)
            return event_id

    def _payload(self, event_id: str, news: News) -> dict[str, Any]:
        """The common part.

        The two APIs differ in the time format, and in where a failure code is (README, correction
        7).
        """
        body: dict[str, Any] = {
            "eventId": event_id,
            "timestamp": api_time(news.at),
            "projectId": self._world.project_id,
            "resourceId": news.resource_id,
            "resourceType": news.resource_type,
            "eventType": news.event.event_type,
            "status": news.event.status,
        }
        if news.resource_type in NUMBERS_RESOURCES:
            body["timestamp"] = callback_time(news.at, self._rng.randrange(1, 1000))
        if news.resource_type == "ACTIVE_NUMBER" or news.event.failure_code is not None:
            body["failureCode"] = news.event.failure_code
        return body

    def deliveries(self) -> list[dict[str, Any]]:
        """All events with their attempts, oldest first."""
        with self._lock:
            return [delivery.as_dict() for delivery in self._deliveries]

    async def deliver_due(self) -> int:
        """Sends what is due and waits for the answers; returns how many tries were made.

        For in-process use.
        """
        due = self._claim()
        if due:
            async with self.open_client() as client:
                await asyncio.gather(*(self._try(client, delivery) for delivery in due))
        return len(due)

    def pump(self, client: httpx.AsyncClient) -> None:
        """Starts sending what is due, without waiting.

        A slow receiver must not hold up other events.
        """
        for delivery in self._claim():
            task = asyncio.ensure_future(self._try(client, delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _claim(self) -> list[Delivery]:
        now = self._world.settle()
        with self._lock:
            due = []
            for delivery in self._deliveries:
                if delivery.busy or delivery.due_at is None or delivery.due_at > now:
                    continue
                if delivery.behind and not self._overtaken(delivery, now):
                    continue
                delivery.busy = True
                due.append(delivery)
            return due

    def _overtaken(self, delivery: Delivery, now: datetime) -> bool:
        if now - delivery.event_at > timedelta(seconds=REORDER_WAIT_S):
            return True
        return any(
            other.number > delivery.number
            and other.resource_id == delivery.resource_id
            and other.event_id != delivery.event_id
            and other.attempts
            for other in self._deliveries
        )

    async def _try(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        attempt: dict[str, Any] = {"at": api_time(self._clock.now()), "status": None, "error": None}
        if not may_be_called(delivery.url):
            attempt["error"] = "skipped: not a loopback address"
            self._finish(delivery, attempt, "skipped")
            return
        headers = {
            "content-type": "application/json",
            "user-agent": "Apache-HttpClient/5 (simulator)",
        }
        content = delivery.body
        imported = delivery.resource_type not in NUMBERS_RESOURCES
        secret = self._world.imported.hmac_secret if imported else self._world.hmac_secret
        if delivery.forge == "secret":
            headers["x-sinch-signature"] = signature("forged-" + secret, content)
        elif secret and delivery.forge != "unsigned":
            headers["x-sinch-signature"] = signature(secret, content)
        if delivery.forge == "body":
            content = content.replace(b'"status":"SUCCEEDED"', b'"status":"FAILED"') + b" "
        try:
            response = await client.post(delivery.url, content=content, headers=headers)
            attempt["status"] = response.status_code
            self._finish(delivery, attempt, "delivered" if response.is_success else "pending")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            attempt["error"] = type(error).__name__
            self._finish(delivery, attempt, "pending")

    def _finish(self, delivery: Delivery, attempt: dict[str, Any], state: str) -> None:
        with self._lock:
            delivery.attempts.append(attempt)
            delivery.busy = False
            delivery.state = state
            delivery.due_at = None
            if state == "pending":
                if len(delivery.attempts) < len(delivery.tries_after_s):
                    after_s = delivery.tries_after_s[len(delivery.attempts)]
                    delivery.due_at = delivery.event_at + timedelta(seconds=after_s)
                else:
                    delivery.state = "given up"
