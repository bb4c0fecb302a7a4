"""`numberflow setup` on a server that others use: what it makes, what it finds, what it leaves."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from support.command import Command

from deployments.flow_deployments import HEARTBEAT_S
from deployments.step import settle
from deployments.work_pool import work_pool
from flows.table import FLOWS, FlowEntry

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

PERSONS, GONE, CHANGED = "follow-orders", "qualify-numbers", "import-numbers"
DEAD = "numberflow - runs without a heartbeat have crashed"
ORDER = "numberflow - an order needs attention"
NIGHTLY = "numberflow - the nightly inventory is overdue"
OFF = "numberflow - an inventory was not published"


@pytest.fixture
def setup(
    office: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """`numberflow setup` in this process: exit code, and each step's result by name."""
    command = Command(tmp_path, monkeypatch, capsys)
    command.set(office.environment() | {"PREFECT_API_URL": office.prefect.api_url})

    def run(*options: str) -> tuple[int, dict[str, dict[str, Any]]]:
        with temporary_settings({PREFECT_API_URL: office.prefect.api_url}):
            ended = command("setup", "--json", *options)
        return ended.code, {each["name"]: each for each in json.loads(ended.out)}

    yield run
    office.prefect.delete_automations()


def on_server(found: dict[str, Any]) -> tuple[Any, ...]:
    """What the table says of a deployment, as the server has it."""
    limit = found["global_concurrency_limit"]
    return (
        found["entrypoint"],
        sorted(found["tags"]),
        found["work_pool_name"],
        found["job_variables"]["env"],
        limit and (limit["limit"], found["concurrency_options"]["collision_strategy"]),
        [(each["schedule"]["cron"], each["slug"]) for each in found["schedules"]],
    )


def in_table(entry: FlowEntry) -> tuple[Any, ...]:
    """The same from the table."""
    schedule = entry.schedule
    return (
        entry.entry_point,
        sorted(entry.tags),
        "numberflow",
        {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S)},
        entry.at_once and (entry.at_once, "CANCEL_NEW"),
        [(schedule.cron, schedule.slug)] if schedule else [],
    )


def test_set_up_by_two_at_once(office: Any, setup: Any) -> None:
    """Two set-ups at once double nothing; then there is no difference, and no other by deploying
    the record by hand.
    """
    prefect = office.prefect
    for name in (GONE, CHANGED):
        prefect._json("DELETE", f"/deployments/{prefect.deployment(f'{name}/{name}')['id']}")
    with ThreadPoolExecutor() as both:
        done = list(both.map(lambda _: office.set_up(), range(2)))
    assert [0, 0] == [each.returncode for each in done], [each.stdout for each in done]
    names = [each["name"] for each in prefect.automations()]
    assert DEAD in names
    assert sorted(set(names)) == sorted(names)
    there = {name: on_server(prefect.deployment(f"{name}/{name}")) for name in FLOWS}
    assert {name: in_table(entry) for name, entry in FLOWS.items()} == there
    assert len(FLOWS) == len(prefect._json("POST", "/deployments/filter", json={}))
    code, found = setup("--check")
    assert (0, {"ok"}) == (code, {each["state"] for each in found.values()}), found

    prefect.command(
        *("deploy", "--all", "--prefect-file", "deployments/prefect.yaml"),
        home=office.folder / "operator",
    )
    prefect.pause_schedules()
    code, found = setup("--check")
    assert (0, {"ok"}) == (code, {each["state"] for each in found.values()}), found


def test_every_difference_is_found_and_choices_stay(
    office: Any, setup: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--check` names each and changes nothing; a set-up puts each right, and leaves what a person
    has chosen in the UI.
    """
    setup()
    prefect = office.prefect
    chosen = damage(prefect)
    journal = tmp_path / "new" / "journal.db"
    monkeypatch.setenv("NUMBERFLOW_DATABASE_URL", f"sqlite:///{journal}")
    monkeypatch.setenv("NUMBERFLOW_INVENTORY_URL", str(tmp_path / "new" / "inventory"))
    monkeypatch.setenv("NUMBERFLOW_PAPERS_URL", str(tmp_path / "new" / "papers"))
    differences = {
        "journal": ["missing: the journal, with its tables"],
        "inventory store": [f"missing: {tmp_path}/new/inventory"],
        "papers store": [f"missing: {tmp_path}/new/papers"],
        "block type": ["missing: Sinch Credentials"],
        "deployments": [
            f"changed: {CHANGED} (entry point, tags, heartbeat)",
            f"missing: {GONE}",
        ],
        "limits": ["changed: reconcile"],
        "schedules": ["changed: export-inventory (15 2 * * * UTC)"],
        "automations": [f"missing: {DEAD}", f"double: {ORDER}", f"changed: {NIGHTLY}"],
    }
    for _ in range(2):
        code, found = setup("--check")
        assert (1, differences) == (
            code,
            {name: each["changes"] for name, each in found.items() if each["changes"]},
        )
    assert not journal.parent.exists()

    code, found = setup()
    assert (0, set(differences)) == (
        code,
        {name for name, each in found.items() if each["state"] == "done"},
    ), found
    assert chosen == choices(prefect)
    assert "(a person's; ours is */15 * * * *)" in found["schedules"]["text"]
    code, found = setup("--check")
    assert (0, {"ok"}) == (code, {each["state"] for each in found.values()}), found
    path = f"/deployments/{prefect.deployment(f'{CHANGED}/{CHANGED}')['id']}"
    prefect._json("PATCH", path, json={"parameters": {}, "paused": False})


def damage(prefect: Any) -> Any:
    """One difference of each kind, and what a person may choose. Returns the choices."""

    def of(name: str) -> tuple[dict[str, Any], str]:
        found = prefect.deployment(f"{name}/{name}")
        return found, f"/deployments/{found['id']}"

    kind = prefect._json("GET", "/block_types/slug/sinch-credentials")
    prefect._json("DELETE", f"/block_types/{kind['id']}")
    prefect._json("DELETE", of(GONE)[1])
    prefect._json(
        "PATCH",
        of(CHANGED)[1],
        json={
            "entrypoint": "elsewhere.py:flow",
            "tags": ["a person's"],
            "job_variables": {"env": {"THEIRS": "1"}},
            "parameters": {"display_name": "theirs"},
            "paused": True,
        },
    )
    prefect._json("PATCH", of("reconcile")[1], json={"concurrency_limit": 5})
    for name, cron, slug in (
        ("export-inventory", "0 3 * * *", "numberflow-0-3-any-any-any"),
        (PERSONS, "*/20 * * * *", FLOWS[PERSONS].schedule.slug),
    ):
        found, path = of(name)
        (schedule,) = found["schedules"]
        moved = {"cron": cron, "timezone": "UTC"}
        prefect._json(
            "PATCH",
            f"{path}/schedules/{schedule['id']}",
            json={"active": False, "schedule": moved, "slug": slug, "parameters": {}},
        )
    there = {each["name"]: each for each in prefect.automations()}
    fields = ("name", "description", "enabled", "trigger", "actions")
    prefect._json("DELETE", f"/automations/{there[DEAD]['id']}")
    copy = {field: there[ORDER][field] for field in fields}
    prefect._json("POST", "/automations/", json=copy)
    other = {field: there[NIGHTLY][field] for field in fields}
    other["trigger"] = other["trigger"] | {"within": 60}
    prefect._json("PUT", f"/automations/{there[NIGHTLY]['id']}", json=other)
    prefect._json("PATCH", f"/automations/{there[OFF]['id']}", json={"enabled": False})
    return choices(prefect)


def choices(prefect: Any) -> Any:
    """What a person has chosen on this server."""
    changed = prefect.deployment(f"{CHANGED}/{CHANGED}")
    (moved,) = prefect.deployment(f"{PERSONS}/{PERSONS}")["schedules"]
    (nightly,) = prefect.deployment("export-inventory/export-inventory")["schedules"]
    return (
        "a person's" in changed["tags"],
        changed["job_variables"]["env"]["THEIRS"],
        changed["parameters"],
        changed["paused"],
        (moved["active"], moved["schedule"]["cron"]),
        nightly["active"],
        [each["enabled"] for each in prefect.automations() if each["name"] == OFF],
    )


def test_a_work_pool_is_made_once(office: Any) -> None:
    """A missing one is found and made; by two at once it is one; a person's stays as it is."""
    prefect, name = office.prefect, "another"

    async def both() -> tuple[str, list[str]]:
        results = {}

        async def one(key: str, *, check: bool = False) -> None:
            results[key] = (await settle(work_pool(name), check=check)).state

        await one("looked", check=True)
        async with anyio.create_task_group() as group:
            group.start_soon(one, "first")
            group.start_soon(one, "second")
        return results["looked"], [results["first"], results["second"]]

    with temporary_settings({PREFECT_API_URL: prefect.api_url}):
        looked, made = anyio.run(both)
        assert ("differs", "done") == (looked, made[0]), made
        assert made[1] in ("done", "ok")
        prefect._json("PATCH", f"/work_pools/{name}", json={"is_paused": True})
        result = anyio.run(settle, work_pool(name))
    assert ("ok", True) == (result.state, "paused by a person" in result.text)
    assert prefect._json("GET", f"/work_pools/{name}")["is_paused"]
    prefect._json("DELETE", f"/work_pools/{name}")
