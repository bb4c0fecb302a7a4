"""Question: do purchases on several workers keep every promise while anything may be killed?

    python benchmarks/load.py                                       a small run, 5 minutes or more
    python benchmarks/load.py --workers 1,2,4 --purchases 500 --projects 20 --patience 14400

Prefect server (with a password) and journal on Postgres; workers that share one rate budget and one
store; purchases of 1 to 5 numbers with KYC orders, imports and repeated references among them; at
the same time an export of several projects. Workers with their runs, single runs, the Prefect
server, Postgres, the receiver and `numberflow watch` are killed at random with SIGKILL and started
again a few seconds later. The vendor misbehaves (--faults) and is never killed: its ledger is the
judge. When no run is left to start, the killing ends, and after a quiet time it is judged. The exit
code is 1 when a promise was broken; then everything that the processes wrote is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
from fleet import Fleet, vendor
from support.load import ENDED, RunEnd, Verdict, Wanted, charged_of, judge, wanted_purchases

from numberflow.cli.processes import sigterm_like_ctrl_c
from numberflow.journal import Journal

TICK_S = 1.0
POLL_S = 5.0
# Workers die most often, as machines do; a server needs half a minute to come back.
WEIGHTS = {"worker": 4, "run": 3, "receiver": 1, "watch": 1, "postgres": 1, "server": 1}
PAGE = 200


@dataclass(frozen=True)
class Result:
    """What one number of workers came to."""

    workers: int
    purchases: int
    submitted: int
    asked: int
    charged: int
    kills: Mapping[str, int]
    verdict: Verdict
    states: Mapping[str, int]
    wall_s: float
    requests: int
    refused_429: int
    connections: Mapping[str, int]
    memory_mb: Mapping[str, int]
    resumed: int
    resumed_median_s: float | None
    resumed_max_s: float | None
    not_resumed: int

    def table(self) -> str:
        """For people."""
        resumed = (
            "none died"
            if self.resumed_median_s is None or self.resumed_max_s is None
            else f"{self.resumed} runs, median {self.resumed_median_s:.0f} s, at most "
            f"{self.resumed_max_s:.0f} s"
        )
        rows = {
            "purchases": f"{self.purchases}, in {self.submitted} runs",
            "how runs ended": _counts(self.states),
            "kills": _counts(self.kills),
            "numbers": f"{self.asked} asked, {self.charged} charged",
            "doubles": len(self.verdict.doubles),
            "unnamed": len(self.verdict.unnamed),
            "runs without an end": len(self.verdict.endless),
            "slots of limits held": len(self.verdict.slots),
            "done and not done": len(self.verdict.untrue),
            "wall time": f"{self.wall_s:.0f} s",
            "requests a number": f"{self.requests / max(1, self.charged):.1f} "
            f"({self.requests} in all, {self.refused_429} answered 429)",
            "connections to Postgres": _counts(self.connections),
            "memory, MB": _counts(self.memory_mb),
            "from death to resumption": f"{resumed}; not resumed: {self.not_resumed}",
        }
        return "\n".join(f"  {name:<26}{value}" for name, value in rows.items())


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


class Round:
    """One number of workers, from the first submission to the judgement."""

    def __init__(self, given: argparse.Namespace, workers: int, folder: Path) -> None:
        self._given = given
        self._workers = workers
        self._folder = folder
        self._rng = random.Random(f"{given.seed}-{workers}")
        self._wanted = wanted_purchases(given.seed, given.purchases)
        self._vendor, self._others = vendor(given.seed, given.faults, given.projects)
        again = self._rng.sample(self._wanted, max(1, given.purchases // 10))
        self._to_submit = [(0.0, one) for one in self._wanted]
        self._to_submit += [(self._rng.uniform(5, 60), one) for one in again]
        self._submitted = 0

    def run(self) -> Result:
        """Do it all."""
        given = self._given
        with Fleet(
            self._folder, self._vendor, self._workers, given.runs_at_once, self._rng
        ) as self._fleet:
            self._deployments = {
                each["name"]: each["id"] for each in self._post("/deployments/filter", {})
            }
            print(f"  ready; {len(self._to_submit)} runs to submit", flush=True)
            self._export()
            began_s = monotonic()
            self._under_fire(began_s)
            self._fleet.bring_back(all_now=True)
            self._vendor.set_chaos(0)
            self._quiet()
            wall_s = monotonic() - began_s
            return self._judged(wall_s)

    # ---- the phases

    def _under_fire(self, began_s: float) -> None:
        """Submit, kill and start again until every run was taken by a worker."""
        given = self._given
        strike_at = began_s + given.kill_every
        poll_at = 0.0
        while monotonic() < began_s + given.patience:
            self._submit(monotonic() - began_s)
            self._fleet.bring_back()
            self._fleet.watch()
            if monotonic() >= strike_at:
                self._strike()
                strike_at = monotonic() + given.kill_every * self._rng.uniform(0.5, 1.5)
            if monotonic() >= poll_at:
                poll_at = monotonic() + POLL_S
                waiting = self._waiting()
                if waiting is not None:
                    print(f"    {monotonic() - began_s:4.0f} s: {_counts(waiting)}", flush=True)
                    if not self._to_submit and not waiting["SCHEDULED"]:
                        return
            sleep(TICK_S)

    def _strike(self) -> None:
        kinds = dict(WEIGHTS)
        while kinds:
            kind = self._rng.choices(list(kinds), list(kinds.values()))[0]
            if self._fleet.strike(kind):
                print(f"    killed: {kind}", flush=True)
                return
            del kinds[kind]

    def _quiet(self) -> None:
        """Until nothing changes any more: every run has ended, and nobody retries one."""
        give_up_at = monotonic() + self._given.patience
        ended_since: float | None = None
        while monotonic() < give_up_at:
            self._fleet.watch()
            waiting = self._waiting()
            if waiting is None or sum(waiting.values()):
                ended_since = None
                print(f"    quiet: {_counts(waiting or {})}", flush=True)
            else:
                ended_since = ended_since or monotonic()
                if monotonic() - ended_since >= self._given.quiet or not self._has_crashed():
                    return
            sleep(POLL_S)

    def _judged(self, wall_s: float) -> Result:
        runs = self._runs()
        with Journal.open(self._fleet.journal_url) as journal:
            lines = journal.intentions()
        charges = self._vendor.charges()
        told = "\n".join(str(each["data"]) for each in self._all("/artifacts/filter"))
        verdict = judge(self._wanted, charges, lines, runs, told=told, slots=self._slots_held())
        numbers = {charge["phone_number"] for charge in charges}
        named = charged_of(lines, numbers)
        requests = self._vendor.requests()
        watched = self._fleet.watched
        resumed_s = sorted(watched.resumed_s)
        ended = {run.reference for run in runs if run.state_type == "COMPLETED"}
        print(f"  {len(ended & named.keys())} references were completed", flush=True)
        return Result(
            workers=self._workers,
            purchases=len(self._wanted),
            submitted=self._submitted,
            asked=sum(one.asked for one in self._wanted),
            charged=len(numbers),
            kills=dict(self._fleet.kills),
            verdict=verdict,
            states=dict(Counter(run.state_name for run in runs if run.reference)),
            wall_s=wall_s,
            requests=len(requests),
            refused_429=sum(entry["status"] == 429 for entry in requests),
            connections=dict(watched.connections),
            memory_mb=dict(watched.memory_mb),
            resumed=len(resumed_s),
            resumed_median_s=statistics.median(resumed_s) if resumed_s else None,
            resumed_max_s=resumed_s[-1] if resumed_s else None,
            not_resumed=len(watched.waiting),
        )

    # ---- Prefect, which may be down at any moment

    def _submit(self, since_s: float) -> None:
        left: list[tuple[float, Wanted]] = []
        for n, (due_s, one) in enumerate(self._to_submit):
            if due_s > since_s:
                left.append((due_s, one))
                continue
            try:
                self._create_run(one.deployment, one.parameters, f"{one.reference}-{due_s}")
            except httpx.HTTPError:
                left += self._to_submit[n:]
                break
            self._submitted += 1
        self._to_submit = left

    def _create_run(self, deployment: str, parameters: Mapping[str, Any], key: str) -> None:
        body = {"parameters": dict(parameters), "idempotency_key": key}
        self._post(f"/deployments/{self._deployments[deployment]}/create_flow_run", body)

    def _export(self) -> None:
        names = []
        for other in self._others:
            account = other.settings
            self._fleet.prefect.save_block(
                "sinch-credentials",
                account.project_id,
                {
                    "project_id": account.project_id,
                    "key_id": account.key_id,
                    "key_secret": account.key_secret,
                },
            )
            names.append(account.project_id)
        self._create_run("export-inventory", {"projects": names}, "export")

    def _waiting(self) -> Counter[str] | None:
        """Runs that have not ended, by their states; None when the server cannot say.

        A run that the clock will start later does not count.
        """
        try:
            found = self._all("/flow_runs/filter", {"flow_runs": {"state": {"type": {
                "not_any_": sorted(ENDED)}}}})  # fmt: skip
        except httpx.HTTPError:
            return None
        return Counter(each["state_type"] for each in found if not _is_later(each))

    def _has_crashed(self) -> bool:
        return any(run.reference and run.state_type == "CRASHED" for run in self._runs())

    def _runs(self) -> list[RunEnd]:
        names = {id_: name for name, id_ in self._deployments.items()}
        return [
            RunEnd(
                f"{names.get(each['deployment_id'], '?')} {each['name']} ({each['id']})",
                str(each["parameters"].get("reference") or ""),
                each["state_type"],
                each["state_name"],
                each["run_count"],
            )
            for each in self._all("/flow_runs/filter", {"sort": "START_TIME_ASC"})
            if not _is_later(each)
        ]

    def _slots_held(self) -> dict[str, int]:
        found = self._all("/v2/concurrency_limits/filter")
        return {str(each["name"]): int(each["active_slots"]) for each in found}

    def _all(self, path: str, body: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Every page of what a filter finds."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._post(path, {**(body or {}), "limit": PAGE, "offset": len(found)})
            found += page
            if len(page) < PAGE:
                return found

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self._fleet.prefect.http.post(path, json=dict(body))
        answer.raise_for_status()
        return answer.json()


def _is_later(run: Mapping[str, Any]) -> bool:
    """Whether the clock has planned it and it is not due."""
    due = run["next_scheduled_start_time"]
    return (
        run["state_type"] == "SCHEDULED"
        and run["auto_scheduled"]
        and due is not None
        and datetime.fromisoformat(due) > datetime.now(UTC)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", default="2", help="worker processes, one round each (2)")
    parser.add_argument("--purchases", type=int, default=8, help="references (8)")
    parser.add_argument("--projects", type=int, default=2, help="projects to export (2)")
    parser.add_argument("--runs-at-once", type=int, default=2, help="limit of each worker (2)")
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds, about (20)")
    parser.add_argument("--faults", type=float, default=0.1, help="share of requests (0.1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", type=float, default=60.0, help="seconds for retries (60)")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds of a phase (600)")
    parser.add_argument("--json", type=Path, help="where the results go as JSON, too")
    parser.add_argument("--keep", action="store_true", help="keep logs and homes in any case")
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    print((__doc__ or "").partition("\n")[0])
    print(
        f"Machine: {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}; seed {given.seed}, "
        f"{given.faults:.0%} faults, a kill every {given.kill_every:.0f} s"
    )
    keep = Path(tempfile.mkdtemp(prefix="numberflow-load-"))
    results: list[Result] = []
    for workers in map(int, given.workers.split(",")):
        print(f"{workers} workers with {given.runs_at_once} runs at once", flush=True)
        folder = keep / f"workers-{workers}"
        folder.mkdir()
        results.append(Round(given, workers, folder).run())
        print(results[-1].table(), flush=True)
        for broken in results[-1].verdict.broken:
            print(f"  BROKEN: {broken}", flush=True)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    failed = any(each.verdict.broken for each in results)
    if failed or given.keep:
        print(f"What the processes wrote is under {keep}")
    else:
        shutil.rmtree(keep, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    with sigterm_like_ctrl_c():
        sys.exit(main())
