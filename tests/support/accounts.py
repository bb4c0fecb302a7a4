"""An account whose every address is a server of the test's own, and a watch that writes down what
it is told.
"""

from __future__ import annotations

from typing import Any

from numberflow.client.retry import Budget
from numberflow.settings import Settings

# A read is not tried again.
ONCE = Budget(attempts=1, total_s=2.0, wait_initial_s=0.0, wait_factor=1.0, wait_max_s=0.0)


def settings(url: str, **changes: Any) -> Settings:
    """An account at the server that listens on `url`, with little patience."""
    return Settings(
        _env_file=None,
        **{
            "project_id": "project-1",
            "key_id": "key-1",
            "key_secret": "key-secret-that-must-not-show",
            "auth_url": f"{url}/auth",
            "numbers_url": f"{url}/numbers",
            "imported_url": f"{url}/imported",
            "http_timeout_s": 0.3,
            **changes,
        },
    )


class Log:
    """A watch that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def before_send(self) -> None:
        """Note the departure."""
        self.events.append("before_send")

    def replied(self, status: int | None, request_id: str | None) -> None:
        """Note the reply."""
        self.events.append(f"replied {status}")
