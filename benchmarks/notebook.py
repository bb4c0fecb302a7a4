"""Make docs/inventory.ipynb: ten questions that operators ask, answered from a simulated project.

    make notebook

Runs the questions below in a kernel and keeps the answers. The project is a week of the simulator,
so everybody gets the same numbers.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from numberflow.client import Client
from numberflow.export.follow_up import export_inventory
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve
from numberflow.simulator.provisioning import NO_VOICE, VoiceLink

QUESTIONS = [
    (
        "What do we own where?",
        (
            'numbers.pivot_table(index="region_code", columns="number_type", '
            'values="phone_number", aggfunc="count", fill_value=0)'
        ),
    ),
    (
        "What leaves within 30 days?",
        (
            'soon = numbers["snapshot_at"] + pd.Timedelta(days=30)\n'
            'numbers.loc[numbers["expire_at"] < soon, ["phone_number", "region_code", '
            '"display_name", "expire_at"]].sort_values("expire_at").head(10)'
        ),
    ),
    (
        "What is half-provisioned?",
        (
            'jobs = numbers[numbers["sms_provisioning_status"].notna() | '
            'numbers["voice_provisioning_status"].notna()]\n'
            'jobs[["phone_number", "sms_provisioning_status", "sms_provisioning_error_codes", '
            '"voice_provisioning_status", "voice_provisioning_updated_at"]].head(10)'
        ),
    ),
    (
        "What costs without a service?",
        (
            "# Linked to nothing, staying, and no link on its way. Prices may be for a month or a\n"
            "# year: only their monthly amounts can be added up.\n"
            'on_its_way = ["WAITING", "IN_PROGRESS"]\n'
            "idle = numbers[\n"
            '    numbers["sms_service_plan_id"].isna() & numbers["voice_target_id"].isna() & '
            'numbers["expire_at"].isna()\n'
            '    & ~numbers["sms_provisioning_status"].isin(on_its_way) & '
            '~numbers["voice_provisioning_status"].isin(on_its_way)\n'
            "]\n"
            "costs = numberflow.load_costs()\n"
            'costs[costs["ResourceId"].isin(idle["phone_number"])].groupby("BillingCurrency").agg(\n'
            '    numbers=("ResourceId", "count"), a_month=("monthly_cost", "sum")\n'
            ")"
        ),
    ),
    (
        "What changed since Monday?",
        (
            'today = numbers["snapshot_date"].max()\n'
            "monday = today - timedelta(days=today.weekday() or 7)\n"
            "changes = numberflow.load_changes(since=monday)\n"
            'changes.groupby(["snapshot_date", "change"])["phone_number"].count()'
        ),
    ),
    (
        "What does it all cost a month?",
        (
            'costs.groupby(["BillingCurrency", '
            '"RegionId"])["monthly_cost"].sum().sort_values(ascending=False)'
        ),
    ),
    (
        "What will be charged in the coming months?",
        (
            'forecast = numberflow.load_forecast()\nforecast.groupby(["BillingCurrency", '
            '"month"])["amount"].sum().head(6)'
        ),
    ),
    (
        "Which numbers are the most expensive?",
        (
            'costs.sort_values("monthly_cost", ascending=False).head(5)[["ResourceId", "RegionId", '
            '"ResourceType", "monthly_cost", "BillingCurrency"]]'
        ),
    ),
    (
        "Which service plans carry how many numbers, and which campaign is where?",
        (
            'numbers.groupby(["sms_service_plan_id", "sms_campaign_id"], '
            'dropna=False)["phone_number"].count().sort_values(ascending=False).head(8)'
        ),
    ),
    (
        "Who has no callback address, and would never hear that provisioning failed?",
        (
            'numbers["callback_url"].isna().groupby(numbers["region_code"]).agg(["sum", '
            '"count"]).rename(columns={"sum": "without", "count": "all"})'
        ),
    ),
]

# Eight nights: a whole week back from any day of it.
NIGHTS = 8


async def a_week(client: Client, root: str, simulator: Simulator) -> None:
    """Publish the snapshots of a week, each as the run of its night does.

    Numbers come and go meanwhile, and some links are still being made.
    """
    world, today = simulator.world, datetime.now(UTC).date()
    for night in range(NIGHTS):
        day = today - timedelta(days=NIGHTS - 1 - night)
        if night:
            world.add_held(night % 3)
        if night % 2 == 0:
            world.holdings.remove(next(iter(world.holdings)).phone_number)
        if night == NIGHTS - 1:
            without = [
                each for each in world.holdings if each.voice == NO_VOICE and each.voice_job is None
            ]
            for number in without[:2]:
                world.linking.start_voice(number, VoiceLink("RTC", "app-0001"), world.clock.now())
        await export_inventory(client, root, snapshot_date=day, began_on=day)


async def publish(settings: Settings, simulator: Simulator) -> None:
    """The week, over HTTP."""
    async with Client(settings) as client:
        await a_week(client, settings.inventory_root, simulator)


def main() -> None:
    """Write the notebook with its answers."""
    cells = [
        nbformat.v4.new_markdown_cell(
            "# Ten questions about the inventory\n\nMade by `make notebook` from a week's "
            "snapshots of a simulated project. "
            "[inventory.md](inventory.md) explains the columns."
        ),
        nbformat.v4.new_code_cell(
            "from datetime import timedelta\n\nimport pandas as pd\n\nimport "
            'numberflow\n\npd.set_option("display.max_columns", 20, "display.width", 160)\n'
            "numbers = numberflow.load_inventory()\nnumbers.shape"
        ),
    ]
    for number, (question, answer) in enumerate(QUESTIONS, 1):
        cells += [
            nbformat.v4.new_markdown_cell(f"## {number}. {question}"),
            nbformat.v4.new_code_cell(answer),
        ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Simulator(SimulatorSettings(seed=1, active=250))) as running,
    ):
        settings = Settings.model_validate(
            dict(running.environment) | {"NUMBERFLOW_INVENTORY_URL": folder}
        )
        asyncio.run(publish(settings, running.simulator))
        os.environ["NUMBERFLOW_INVENTORY_URL"] = folder
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    # What differs from one machine to the next says nothing.
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
    }
    for cell in cells:
        cell.get("metadata", {}).pop("execution", None)
    nbformat.write(notebook, Path(__file__).parents[1] / "docs" / "inventory.ipynb")


if __name__ == "__main__":
    main()
