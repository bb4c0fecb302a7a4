"""A receiver in a process of its own, and signed callbacks for it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

PROJECT = "project-1"
SECRET = "current-secret-0123456789-abcdefghijkl"
PREVIOUS = "previous-secret-0123456789-abcdefghijk"


def environment(home: Path, **others: str) -> dict[str, str]:
    """Variables of a receiver whose inbox is in `home`."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SINCH_", "NUMBERFLOW_", "PREFECT_"))
    }
    return bare | {
        "NUMBERFLOW_HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "SINCH_PROJECT_ID": PROJECT,
        "SINCH_CALLBACK_SECRET": SECRET,
        "SINCH_CALLBACK_SECRET_PREVIOUS": PREVIOUS,
        **others,
    }


class Receiver:
    """A running receiver."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def metrics(self) -> dict[str, float]:
        """Samples by name and labels, as they are printed."""
        lines = self.http.get("/metrics").text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()


@contextmanager
def receiver(variables: Mapping[str, str], port: int = 0) -> Iterator[Receiver]:
    """Start one and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "numberflow", "receiver", "--port", str(port)],
        env=dict(variables), cwd=variables["NUMBERFLOW_HOME"], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = next((each for each in process.stdout if "Taking callbacks on " in each), "")
        assert line, "the receiver did not start"
        one = Receiver(process, line.split()[3].partition("/callbacks")[0])
        with one.http:
            yield one
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def body_of(event_id: str = "e1", **others: Any) -> bytes:
    """A callback as the Numbers API words it."""
    return json.dumps({
        "eventId": event_id,
        "timestamp": "2026-02-03T10:15:30.123456789",
        "projectId": PROJECT,
        "resourceType": "ACTIVE_NUMBER",
        "resourceId": "+13075550142",
        "eventType": "PROVISIONING_TO_VOICE_PLATFORM",
        "status": "SUCCEEDED",
        "failureCode": None,
        **others,
    }).encode()  # fmt: skip


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header of a body, by the standard library."""
    return {"X-SINCH-Signature": hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}
