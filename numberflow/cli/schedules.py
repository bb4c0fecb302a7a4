"""Read schedules from a Prefect server, without importing Prefect.

The requests are in numberflow.planning.schedules.
"""

from __future__ import annotations

import os
from typing import TypeVar

import httpx

from numberflow.cli.prefect_server import HEALTH_TIMEOUT_S
from numberflow.planning.schedules import Questions

T = TypeVar("T")


def ask(api_url: str, questions: Questions[T]) -> T:
    """Send every request to the server and return the result.

    Raises:
        httpx.HTTPError: no answer, or a refusal.
        ValueError, KeyError, TypeError: an answer of another shape than Prefect 3's.
    """
    with httpx.Client(base_url=api_url, timeout=HEALTH_TIMEOUT_S, auth=server_auth()) as http:
        try:
            wanted = next(questions)
            while True:
                response = http.post(wanted.path, json=wanted.body).raise_for_status()
                wanted = questions.send(response.json() if response.content else None)
        except StopIteration as done:
            result: T = done.value
            return result


def server_auth() -> tuple[str, str] | None:
    """User and password for the server, if it needs them; from the variable of Prefect's client."""
    text = os.environ.get("PREFECT_API_AUTH_STRING") or os.environ.get(
        "PREFECT_SERVER_API_AUTH_STRING"
    )
    if not text:
        return None
    user, _, password = text.partition(":")
    return user, password
