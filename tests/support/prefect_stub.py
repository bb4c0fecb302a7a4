"""What a Prefect server tells of its schedules, for commands that only ask.

Real servers: support.runs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from typing import Any

from numberflow.planning.stuck_runs import WATCHING


@dataclass
class Clock:
    """The answers, changed at will, by deployment; `events` are those that were raised."""

    created_at: datetime
    changed_at: datetime | None = None
    next_at: dict[str, list[datetime]] = field(default_factory=dict)
    ended_at: dict[str, datetime] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    leases: str = "prefect.server.concurrency.lease_storage.filesystem"
    vacuum: Any = True
    url: str = ""
    is_watched: bool = True
    late: int = 0

    def answer(self, path: str, body: Any) -> Any:
        """One request of the API."""
        if path == "/api/admin/version":
            return metadata.version("prefect")
        if path == "/api/admin/settings":
            return {
                "server": {
                    "api": {"auth_string": None},
                    "concurrency": {"lease_storage": self.leases},
                    "services": {"db_vacuum": {"enabled": self.vacuum, "retention_period": "P90D"}},
                }
            }
        if path == "/api/deployments/filter":
            return [
                {
                    "name": name,
                    "id": name,
                    "flow_id": name,
                    "created": self.created_at.isoformat(),
                    "updated": (self.changed_at or self.created_at).isoformat(),
                    "paused": name in self.paused,
                    "schedules": [{"active": True, "updated": self.created_at.isoformat()}],
                }
                for name in self.next_at
            ]
        if path == "/api/flow_runs/filter" and "deployments" in body:
            (name,) = body["deployments"]["id"]["any_"]
            return [
                {"next_scheduled_start_time": at.isoformat(), "auto_scheduled": True}
                for at in self.next_at[name]
            ]
        if path == "/api/flow_runs/filter":
            (name,) = body["flows"]["id"]["any_"]
            return [{"end_time": self.ended_at[name].isoformat()}] if name in self.ended_at else []
        if path == "/api/flow_runs/count":
            return self.late
        if path == "/api/events/filter" and body["filter"]["event"]["name"] == [WATCHING]:
            return {"events": [{}] if self.is_watched else []}
        if path == "/api/events/filter":
            return {"events": self.events}
        if path == "/api/events":
            self.events += body
        return None


@contextmanager
def stubbed(clock: Clock) -> Iterator[Clock]:
    """Serve the answers on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(clock.answer(self.path, json.loads(body)))

        def do_GET(self) -> None:
            self._answer(clock.answer(self.path, None))

        def _answer(self, content: Any) -> None:
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    clock.url = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield clock
    finally:
        server.shutdown()
        server.server_close()
