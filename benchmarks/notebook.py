"""Makes docs/inventory.ipynb: ten questions that operators ask, answered from snapshots of a simulated project.

    make notebook

Runs the questions below in a kernel and keeps what they answer. The project is the simulator's, two days of it, so everybody gets the same numbers.
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

QUESTIONS = [
    (
        "What do we own where?",
        'numbers.pivot_table(index="region_code", columns="number_type", values="phone_number", aggfunc="count", fill_value=0)',
    ),
    (
        "What leaves within 30 days?",
        (
            'soon = numbers["snapshot_at"] + pd.Timedelta(days=30)\n'
            'numbers.loc[numbers["expire_at"] < soon, ["phone_number", "region_code", "display_name", "expire_at"]].sort_values("expire_at").head(10)'
        ),
    ),
    (
        "What is half-provisioned?",
        (
            'jobs = numbers.dropna(subset=["sms_provisioning_status"])\n'
            'jobs[["phone_number", "sms_provisioning_status", "sms_provisioning_error_codes", "sms_provisioning_updated_at"]].head(10)'
        ),
    ),
    (
        "What costs without a service?",
        (
            'idle = numbers[numbers["sms_service_plan_id"].isna() & numbers["voice_target_id"].isna() & numbers["expire_at"].isna()]\n'
            'idle.groupby("price_currency").agg(numbers=("phone_number", "count"), a_period=("price_amount", "sum"))'
        ),
    ),
    (
        "What changed since the day before?",
        'changes = numberflow.load_changes()\nchanges[["phone_number", "change", "field", "old", "new"]]',
    ),
    (
        "What does it all cost a month?",
        'costs = numberflow.load_costs()\ncosts.groupby(["BillingCurrency", "RegionId"])["monthly_cost"].sum().sort_values(ascending=False)',
    ),
    (
        "What will be charged in the coming months?",
        'forecast = numberflow.load_forecast()\nforecast.groupby(["BillingCurrency", "month"])["amount"].sum().head(6)',
    ),
    (
        "Which numbers are the most expensive?",
        'costs.sort_values("monthly_cost", ascending=False).head(5)[["ResourceId", "RegionId", "ResourceType", "monthly_cost", "BillingCurrency"]]',
    ),
    (
        "Which service plans carry how many numbers, and which campaign is where?",
        'numbers.groupby(["sms_service_plan_id", "sms_campaign_id"], dropna=False)["phone_number"].count().sort_values(ascending=False).head(8)',
    ),
    (
        "Who has no callback address, and would never hear that provisioning failed?",
        'numbers["callback_url"].isna().groupby(numbers["region_code"]).agg(["sum", "count"]).rename(columns={"sum": "without", "count": "all"})',
    ),
]


async def two_days(settings: Settings, simulator: Simulator) -> None:
    """Publish yesterday's snapshot, let some numbers come and one go, and publish today's."""
    async with Client(settings) as client:
        await export_inventory(
            client, settings.inventory_root, snapshot_date=datetime.now(UTC).date() - timedelta(days=1)
        )
        simulator.world.add_held(4)
        leaving = next(number.phone_number for number in simulator.world.holdings if number.expire_at is None)
        await client.active_numbers.release(leaving)
        await export_inventory(client, settings.inventory_root)


def main() -> None:
    """Write the notebook with its answers."""
    cells = [
        nbformat.v4.new_markdown_cell(
            "# Ten questions to the inventory\n\nMade by `make notebook` from two snapshots of a simulated project. "
            "Columns and their meaning: [inventory.md](inventory.md)."
        ),
        nbformat.v4.new_code_cell(
            'import pandas as pd\n\nimport numberflow\n\npd.set_option("display.max_columns", 20, "display.width", 160)\n'
            "numbers = numberflow.load_inventory()\nnumbers.shape"
        ),
    ]
    for number, (question, answer) in enumerate(QUESTIONS, 1):
        cells += [nbformat.v4.new_markdown_cell(f"## {number}. {question}"), nbformat.v4.new_code_cell(answer)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    with tempfile.TemporaryDirectory() as folder, serve(Simulator(SimulatorSettings(seed=1, active=250))) as running:
        settings = Settings.model_validate(dict(running.environment) | {"NUMBERFLOW_INVENTORY_URL": folder})
        asyncio.run(two_days(settings, running.simulator))
        os.environ["NUMBERFLOW_INVENTORY_URL"] = folder
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    # What differs from one machine to the next says nothing.
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for cell in cells:
        cell.get("metadata", {}).pop("execution", None)
    nbformat.write(notebook, Path(__file__).parents[1] / "docs" / "inventory.ipynb")


if __name__ == "__main__":
    main()
