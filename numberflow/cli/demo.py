"""`numberflow demo`: the main job on the simulator, despite lost replies and a kill."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import typer

from numberflow.cli.console import as_table
from numberflow.cli.prefect_server import SERVER_ENVIRONMENT, start_server, wait_ready
from numberflow.cli.processes import free_port, start, stop
from numberflow.export.follow_up import export_inventory
from numberflow.export.load import load_costs, load_inventory
from numberflow.journal import Intention, Journal
from numberflow.models.reports import ProjectInventory
from numberflow.private_files import make_private_folder
from numberflow.purchase.run_context import open_client
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve

QUANTITY = 3
REFERENCE = "DEMO-1"
# 0.1 = one request in ten meets a random fault on top of the two that are certain; more only makes
# the demo slower.
CHAOS = 0.1
# The simulator's reads lag by up to a second under chaos; a settling time of 3 s covers that and
# keeps the demo short.
SETTLE_S = "3"
RUN_TIMEOUT_S = 120.0


def demo() -> int:
    """Run the demo. Returns 0 when exactly the requested numbers were charged."""
    started = monotonic()
    # Its own simulator, even when an account is set: only the home is taken from the settings.
    home = Settings.load(may_lack_account=True).home / "demo"
    shutil.rmtree(home, ignore_errors=True)
    make_private_folder(home)
    with ExitStack() as stack:
        say(
            "1. A simulator of both Sinch APIs with chaos on, and a Prefect server. No account, "
            "no cost."
        )
        simulator = Simulator(SimulatorSettings(seed=1, active=25, chaos=CHAOS))
        running = stack.enter_context(serve(simulator, port=0, control_port=0))
        control = stack.enter_context(httpx.Client(base_url=running.control_url, timeout=10.0))
        port = free_port(4200)
        server_log = home / "prefect-server.log"
        server = start_server(home / "prefect", port, server_log)
        stack.callback(stop, server)
        api_url = f"http://127.0.0.1:{port}/api"
        wait_ready(api_url, server, server_log)
        say(f"   ready after {monotonic() - started:.0f} s: {running.url} and {api_url}")

        environment = os.environ | SERVER_ENVIRONMENT | dict(running.environment) | {
            "PREFECT_API_URL": api_url,
            "PREFECT_HOME": str(home / "prefect"),
            "NUMBERFLOW_HOME": str(home),
            "NUMBERFLOW_DATABASE_URL": "",
            "NUMBERFLOW_SETTLE_S": SETTLE_S,
            "NUMBERFLOW_HTTP_TIMEOUT_S": "5",
        }  # fmt: skip
        say(
            f"2. Rent {QUANTITY} numbers. The reply to the first rent is lost on purpose; at the "
            "second the process is killed."
        )
        control.post(
            "/faults", json={"operation": "rent", "nth": 1, "fault": "reset_after"}
        ).raise_for_status()
        control.post(
            "/faults", json={"operation": "rent", "nth": 2, "fault": "hold_after"}
        ).raise_for_status()
        _run_and_kill(environment, home, control)

        say(
            "3. The same command again: the journal knows what was sent, looks at the vendor, and "
            "continues."
        )
        report = _run(environment, home)
        if report is None:
            return 1

        say("4. What was asked, what was charged, and what the journal says:")
        charged = _side_by_side(control, home, report)
        _export(running.environment, home)
    say(f"Everything is stopped. Files are in {home}. It took {monotonic() - started:.0f} s.")
    return 0 if charged == QUANTITY == report["rented"] else 1


def say(text: str) -> None:
    """Print one line of the story, at once."""
    typer.echo(text)
    sys.stdout.flush()


def _arguments(home: Path) -> list[str]:
    parameters = {
        "region_code": "US",
        "number_type": "LOCAL",
        "quantity": QUANTITY,
        "capabilities": ["SMS", "VOICE"],
        "reference": REFERENCE,
        "max_today": "10.00",
        "max_monthly": "10.00",
        "currency": "USD",
    }
    report = str(home / "report.json")
    parameters_text = json.dumps(parameters)
    return ["numberflow", "run", "search-and-rent", "--params", parameters_text, "--report", report]


def _run_and_kill(environment: dict[str, str], home: Path, control: httpx.Client) -> None:
    """Start the run, and kill it while the simulator holds the reply to its second rent."""
    log = home / "run-1.log"
    process = start(_arguments(home), environment, log)
    try:
        end = monotonic() + RUN_TIMEOUT_S
        while not (holds := control.get("/holds").json()["holds"]):
            if process.poll() is not None or monotonic() > end:
                raise RuntimeError(f"the first run ended before it could be killed; see {log}")
            sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        stop(process)
    for hold in holds:
        control.post(f"/holds/{hold['id']}/release")
    rents = control.get("/charges").json()["rentals"]
    say(
        f"   kill -9 after the vendor had committed: {rents} numbers are charged, the dead "
        "process never heard of the last one."
    )


def _run(environment: dict[str, str], home: Path) -> dict[str, Any] | None:
    log = home / "run-2.log"
    process = start(_arguments(home), environment, log)
    try:
        code = process.wait(RUN_TIMEOUT_S)
    finally:
        stop(process)
    if not (home / "report.json").exists():
        say(f"   the second run ended with code {code} and no report; see {log}")
        return None
    report: dict[str, Any] = json.loads((home / "report.json").read_text())
    say(
        f"   outcome: {report['outcome']}, {report['rented']} of {report['asked']} rented. "
        f"{report['reason']}"
    )
    return report


def _side_by_side(control: httpx.Client, home: Path, report: dict[str, Any]) -> int:
    """Print one row per number, and totals. Returns how many rentals the simulator charged."""
    requests = control.get("/requests").json()["requests"]
    charges = control.get("/charges").json()
    with Journal.open(f"sqlite:///{home / 'numberflow.db'}") as journal:
        histories = [journal.history(row.id) for row in journal.intentions(reference=REFERENCE)]
    rows = []
    for history in histories:
        number = _number(history.intention)
        digits = number.lstrip("+")
        rows.append(
            {
                "number": number,
                "rent requests": str(
                    sum(one["operation"] == "rent" and digits in one["path"] for one in requests)
                ),
                "charged": f"{_fees(charges, number):.2f} USD",
                "attempts": str(len(history.attempts)),
                "looks": str(sum(entry.times for entry in history.evidence)),
                "journal": history.intention.state.value,
            }
        )
    say(textwrap.indent(as_table(rows), "   "))
    faults = sorted(Counter(one["fault"] for one in requests if one["fault"]).items())
    say(f"   faults: {', '.join(f'{count} x {name}' for name, count in faults)}; kills: 1")
    say(
        f"   {len(requests)} requests in all; asked {report['asked']}, charged {charges['rentals']}"
    )
    return int(charges["rentals"])


def _fees(charges: Mapping[str, Any], number: str) -> float:
    return sum(float(one["amount"]) for one in charges["charges"] if one["phone_number"] == number)


def _number(row: Intention) -> str:
    return str((row.result or {}).get("phone_number") or row.subject)


def _export(environment: Mapping[str, str], home: Path) -> None:
    """Publish what the project holds now as a snapshot, and show that pandas opens it."""
    settings = Settings.model_validate(
        dict(environment) | {"NUMBERFLOW_INVENTORY_URL": str(home / "data")}
    )

    async def publish() -> ProjectInventory:
        async with open_client(settings) as client:
            return await export_inventory(client, settings.inventory_root)

    done = asyncio.run(publish())
    frame = load_inventory(root=settings.inventory_root)
    say(f"5. The numbers that the project holds now, in {done.url}; what pandas sees:")
    summary = (
        load_costs(root=settings.inventory_root)
        .groupby(["RegionId", "ResourceType", "BillingCurrency"])
        .agg(numbers=("ResourceId", "count"), monthly=("monthly_cost", "sum"))
    )
    say(textwrap.indent(summary.to_string(), "   "))
    say(f"   {len(frame)} rows, {len(frame.columns)} columns")
    say(f"   The same with charts: {done.report_url}")
