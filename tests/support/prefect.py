"""Prefect as an operator has it.

The record deployed to a work pool, workers as real processes, and the calls that the UI makes.

Not here: the server (support.runs), and what the flow has to do.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import psutil
from support import rates

from numberflow.cli.prefect_server import SERVER_ENVIRONMENT

ROOT = Path(__file__).parents[2]
POOL = "numberflow"
# A worker polls, starts an interpreter, and that imports Prefect: 4 to 14 s alone, several times
# that on busy cores.
RUN_TIMEOUT_S = 120.0
TERMINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


@dataclass
class Prefect:
    """One server, asked in the way its UI asks."""

    api_url: str
    auth: str = ""
    """user:password; empty for a server without one."""
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        user, _, password = self.auth.partition(":")
        self.http = httpx.Client(
            base_url=self.api_url,
            timeout=30,
            trust_env=False,
            auth=(user, password) if user else None,
        )

    def command(self, *arguments: str, home: Path) -> str:
        """Run `prefect …` in the root of the repository; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=ROOT,
            env=self.environment(home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def environment(self, home: Path) -> dict[str, str]:
        """What a process needs to work with this server, without the environment of the tests."""
        plain = {
            n: v
            for n, v in os.environ.items()
            if not n.startswith(("SINCH_", "NUMBERFLOW_", "PREFECT_"))
        }
        own = {"PREFECT_API_URL": self.api_url, "PREFECT_HOME": str(home), "PYTHONPATH": str(ROOT)}
        if self.auth:
            own["PREFECT_API_AUTH_STRING"] = self.auth
        return plain | rates.FREE | SERVER_ENVIRONMENT | own

    def deployment(self, name: str = "search-and-rent/search-and-rent") -> dict[str, Any]:
        """A deployment by its flow's and its own name."""
        return self._json("GET", f"/deployments/name/{name}")

    def pause_schedules(self) -> None:
        """Leave every start to the tests.

        A sweep that the clock starts in between would have theirs cancelled.
        """
        for deployment in self._json("POST", "/deployments/filter", json={}):
            for schedule in deployment["schedules"]:
                path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
                self._json("PATCH", path, json={"active": False})

    def automations(self) -> list[dict[str, Any]]:
        """All of them, two of one name if there are two."""
        return list(self._json("POST", "/automations/filter", json={}))

    def delete_automations(self) -> None:
        """All of them."""
        for each in self.automations():
            self._json("DELETE", f"/automations/{each['id']}")

    def start(
        self, parameters: Mapping[str, Any], name: str = "search-and-rent/search-and-rent"
    ) -> str:
        """Submit the form of a deployment, a list of numbers as a pasted column.

        Returns the flow run's id.
        """
        form = dict(parameters)
        if isinstance(form.get("phone_numbers"), list | tuple):
            form["phone_numbers"] = "\n".join(form["phone_numbers"])
        run = self._json(
            "POST",
            f"/deployments/{self.deployment(name)['id']}/create_flow_run",
            json={"parameters": form},
        )
        return str(run["id"])

    def has_block(self, slug: str, name: str) -> bool:
        """Whether there is such a block."""
        path = f"/block_types/slug/{slug}/block_documents/name/{name}"
        return self._answer("GET", path).is_success

    def assets(self, run_id: str) -> list[dict[str, Any]]:
        """Events by which the server knows of assets that a run made."""
        found = self._json(
            "POST",
            "/events/filter",
            json={
                "filter": {
                    "event": {"prefix": ["prefect.asset."]},
                    "related": {"id": [f"prefect.flow-run.{run_id}"]},
                }
            },
        )
        return list(found["events"])

    def run_names(self) -> list[str]:
        """Names of all flow runs."""
        return [
            str(run["name"]) for run in self._json("POST", "/flow_runs/filter", json={"limit": 200})
        ]

    def save_block(self, slug: str, name: str, data: Mapping[str, Any]) -> None:
        """Make a block as the UI does. Its type has to be registered."""
        kind = self._json("GET", f"/block_types/slug/{slug}")
        (schema, *_) = self._json(
            "POST",
            "/block_schemas/filter",
            json={"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}},
        )
        self._json(
            "POST",
            "/block_documents/",
            json={
                "name": name,
                "data": dict(data),
                "block_type_id": kind["id"],
                "block_schema_id": schema["id"],
            },
        )

    def run(self, run_id: str) -> dict[str, Any]:
        """A flow run as it is now."""
        return self._json("GET", f"/flow_runs/{run_id}")

    def retry(self, run_id: str) -> None:
        """Press Retry."""
        self.set_state(run_id, "SCHEDULED", "AwaitingRetry")

    def cancel(self, run_id: str) -> None:
        """Press Cancel."""
        self.set_state(run_id, "CANCELLING", "Cancelling")

    def suspend(self, run_id: str) -> None:
        """Press Suspend, as the UI does.

        For five minutes, and so that Resume starts a new process.
        """
        until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        self.set_state(run_id, "PAUSED", "Suspended", pause_timeout=until, pause_reschedule=True)

    def set_state(self, run_id: str, kind: str, name: str, **details: Any) -> None:
        """Change the state of a run; the server has to accept it."""
        state = {"type": kind, "name": name, "state_details": details}
        answer = self._json("POST", f"/flow_runs/{run_id}/set_state", json={"state": state})
        assert answer["status"] == "ACCEPT", answer

    def resume(self, run_id: str, **answers: Any) -> None:
        """Send the form of a suspended run."""
        give_up_at = time.monotonic() + RUN_TIMEOUT_S
        # Prefect shows the state first and writes down what the form looks like a moment later.
        while (answer := self._resume(run_id, answers))["status"] != "ACCEPT":
            assert "schema not found" in answer["details"].get("reason", ""), answer
            assert time.monotonic() < give_up_at, answer
            time.sleep(0.2)

    def _resume(self, run_id: str, answers: dict[str, Any]) -> dict[str, Any]:
        return dict(self._json("POST", f"/flow_runs/{run_id}/resume", json={"run_input": answers}))

    def form(self, run_id: str) -> dict[str, Any]:
        """What a suspended run asks: `schema` of the form, and its `description`."""
        keys = self.run(run_id)["state"]["state_details"]["run_input_keyset"]
        give_up_at = time.monotonic() + RUN_TIMEOUT_S
        paths = {
            name: f"/flow_runs/{run_id}/input/{keys[name]}" for name in ("schema", "description")
        }
        # Prefect shows the state first and writes down what the form looks like a moment later.
        while any(self._answer("GET", path).status_code == 404 for path in paths.values()):
            assert time.monotonic() < give_up_at, f"{run_id} is suspended and has no form"
            time.sleep(0.2)
        return {name: self._json("GET", path) for name, path in paths.items()}

    def ended(self, run_id: str, *, attempt: int = 1) -> dict[str, Any]:
        """The run when it has ended for the `attempt`-th time."""
        return self.when(
            run_id, lambda run: run["state_type"] in TERMINAL and run["run_count"] >= attempt
        )

    def suspended(self, run_id: str) -> dict[str, Any]:
        """The run when it waits for a person."""
        return self.when(run_id, lambda run: run["state_type"] == "PAUSED")

    def when(self, run_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The run when `holds` is true of it."""
        give_up_at = time.monotonic() + RUN_TIMEOUT_S
        while not holds(run := self.run(run_id)):
            assert time.monotonic() < give_up_at, f"waited in vain; the run is {run['state']}"
            time.sleep(0.2)
        return run

    def artifacts(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The last artifact of each key that a run made."""
        found = self._json(
            "POST",
            "/artifacts/filter",
            json={"artifacts": {"flow_run_id": {"any_": [run_id]}}, "sort": "CREATED_DESC"},
        )
        return {each["key"]: each for each in reversed(found)}

    def logs(self, run_id: str) -> list[str]:
        """What a run has logged so far."""
        found = self._json(
            "POST", "/logs/filter", json={"logs": {"flow_run_id": {"any_": [run_id]}}}
        )
        return [str(each["message"]) for each in found]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of one name."""
        found = self._json("POST", "/events/filter", json={"filter": {"event": {"name": [name]}}})
        return list(found["events"])

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._answer(method, path, **arguments)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def _answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        give_up_at = time.monotonic() + RUN_TIMEOUT_S
        # 503: the server's SQLite was locked for too long, and nothing was done. Prefect's own
        # client tries again, too.
        while (
            response := self.http.request(method, path, **arguments)
        ).status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            assert time.monotonic() < give_up_at, response.text
            time.sleep(1)
        return response


class Worker:
    """`prefect worker start` as a real process with a home of its own.

    `limit`: runs at once; None for as many as come.
    """

    def __init__(
        self,
        prefect: Prefect,
        folder: Path,
        environment: Mapping[str, str],
        limit: int | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        own = {
            "NUMBERFLOW_HOME": str(folder / "numberflow"),
            # The default of 10 s is for servers with hundreds of workers.
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        with (folder / "worker.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    # As the image does (containers/Dockerfile).
                    sys.executable,
                    "-m",
                    "deployments.supervise",
                    sys.executable,
                    "-m",
                    "prefect",
                    "worker",
                    "start",
                    "--pool",
                    POOL,
                    "--type",
                    "process",
                    *(() if limit is None else ("--limit", str(limit))),
                ],
                cwd=folder,
                env=prefect.environment(folder / "prefect") | own | environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def terminate(self) -> None:
        """SIGTERM, as `docker stop` and Kubernetes send it."""
        self._process.terminate()

    def wait(self) -> None:
        """Until its process has ended."""
        self._process.wait(90)

    def kill(self) -> None:
        """Kill -9 of the worker and of every run it started: what a power cut leaves."""
        # The worker first: it would otherwise tell the server that its run has died.
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(self._process.pid)
            for process in [worker, *worker.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process of `prefect worker start`, whose children are its runs."""
        below = psutil.Process(self._process.pid).children()
        return below[0].pid if below else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the worker's process runs."""
        return self._process.poll() is None
