"""Question: how long does reconcile take for 100,000 numbers, and how much memory?

    python benchmarks/reconcile.py [--numbers 100000]

A journal on SQLite in which each number was rented, a quarter changed and a few released in the
dashboard, and a fresh snapshot in Parquet. Each run is a process of its own, so that its peak is
its own; the vendor is simulated in the same process and asked for the few numbers that are told.
Compared is what was planted. Targets: under 30 s and 500 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import platform
import resource
import shutil
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pyarrow as pa
from support.shop import Shop

from numberflow.export.derived import publish_table
from numberflow.export.publish import INVENTORY, Partition
from numberflow.export.schema import INVENTORY as COLUMNS
from numberflow.export.schema import iso
from numberflow.export.store import open_store
from numberflow.export.writer import TableFile
from numberflow.purchase.reconciling.run import reconcile_project

SECONDS_MAX, MEGABYTES_MAX = 30.0, 500.0
PER_PURCHASE, GONE = 10, 100
_ROWS_AT_ONCE = 20_000


def fill_journal(file: Path, project: str, count: int) -> None:
    """Rents of `count` numbers, ten to a reference, and a change of each fourth; a day ago."""
    at = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    link = '{"service_plan_id": "plan-a", "campaign_id": "C1"}'
    rent = f'{{"sms": {link}, "voice": null, "callback_url": "https://hooks.example/sinch"}}'
    intention = (
        "INSERT INTO intentions (id, purchase_id, project_id, reference, position, operation, "
        "subject, fingerprint, request, state, setup_amount, monthly_amount, due_amount, currency, "
        "spend_day, result, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'done', ?, "
        "?, ?, ?, '2026-01-01', ?, ?, ?)"
    )
    with sqlite3.connect(file) as connection:
        for n in range(count):
            group, number = n // PER_PURCHASE, e164(n)
            purchase, reference = f"p{group}", f"PO-{group}"
            if n % PER_PURCHASE == 0:
                connection.execute(
                    "INSERT INTO purchases (id, project_id, reference, reference_folded, "
                    "operation, fingerprint, parameters, created_at, updated_at) VALUES "
                    "(?, ?, ?, ?, 'search_and_rent', 'f', ?, ?, ?)",
                    (purchase, project, reference, reference.lower(),
                     f'{{"quantity": {PER_PURCHASE}}}', at, at),
                )  # fmt: skip
            result = f'{{"phone_number": "{number}", "monthly_price": "2.00", "currency": "USD"}}'
            place = 2 * (n % PER_PURCHASE)
            connection.execute(
                intention,
                (f"r{n}", purchase, project, reference, place, "rent", number, "f", rent,
                 "1.00", "2.00", "3.00", "USD", result, at, at),
            )  # fmt: skip
            connection.execute("INSERT INTO claims VALUES (?, ?, ?)", (project, number, f"r{n}"))
            if n % 4 == 0:
                connection.execute(
                    intention,
                    (f"u{n}", purchase, project, reference, place + 1, "update", number, "f",
                     '{"display_name": "desk"}', None, None, None, None, result, at, at),
                )  # fmt: skip


def e164(n: int) -> str:
    """The n-th number."""
    return f"+1212{n:07d}"


def publish_snapshot(root: str, project: str, count: int) -> None:
    """The same numbers as the vendor shows them, but for the last `GONE`."""
    now = datetime.now(UTC)
    partition = Partition(INVENTORY, now.date(), project)

    def row(n: int) -> dict[str, Any]:
        shown: dict[str, Any] = dict.fromkeys(COLUMNS.names)
        return shown | {
            "phone_number": e164(n), "region_code": "US", "number_type": "LOCAL",
            "source": "rented", "capability": ["SMS", "VOICE"],
            "display_name": "desk" if n % 4 == 0 else None,
            "price_amount": Decimal("2.000000"), "price_currency": "USD",
            "payment_interval_months": 1, "next_charge_at": now + timedelta(days=10),
            "sms_service_plan_id": "plan-a", "sms_campaign_id": "C1", "voice_type": "RTC",
            "callback_url": "https://hooks.example/sinch", "snapshot_at": now,
        }  # fmt: skip

    def write(file: TableFile) -> dict[str, Any]:
        for start in range(0, count - GONE, _ROWS_AT_ONCE):
            rows = [row(n) for n in range(start, min(start + _ROWS_AT_ONCE, count - GONE))]
            file.add(pa.Table.from_pylist(rows, schema=COLUMNS))
        return {"snapshot_at": iso(now), "completeness": {"imported": {}}}

    publish_table(open_store(root), partition, COLUMNS, "benchmark", write)


def measure(folder: str, results: Any) -> None:
    """One run in this process: seconds, peak MB, findings."""

    async def run() -> None:
        async with shop_in(Path(folder)).context() as context:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            began = perf_counter()
            done = await reconcile_project(context)
            seconds = perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        kinds = {each.kind for each in done.report.findings}
        results.put((seconds, before, peak, done.report.compared, done.report.found, kinds))

    asyncio.run(run())


def shop_in(folder: Path) -> Shop:
    """A vendor without numbers, and the journal that lies there."""
    kept = folder / "filled.db"
    shop = Shop(folder, active=0)
    if kept.exists():
        shutil.copy(kept, shop.journal_file)
    return shop


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    print(__doc__.partition("\n")[0])
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = shop_in(folder)
        fill_journal(shop.journal_file, shop.settings.project_id, wanted.numbers)
        publish_snapshot(shop.settings.inventory_root, shop.settings.project_id, wanted.numbers)
        shop.journal_file.rename(folder / "filled.db")
        spawn = multiprocessing.get_context("spawn")
        for _ in range(wanted.runs):
            results = spawn.Queue()
            process = spawn.Process(target=measure, args=(name, results))
            process.start()
            seconds, before, peak, compared, found, kinds = results.get(timeout=600)
            process.join()
            figures.append((seconds, peak))
            print(
                f"{compared:,} numbers: {seconds:.1f} s, peak {peak:.0f} MB "
                f"({before:.0f} MB before), {found} findings: {', '.join(sorted(kinds))}"
            )
            assert (wanted.numbers - GONE, GONE) == (compared, found), "what was planted"
    seconds, peak = max(each[0] for each in figures), max(each[1] for each in figures)
    met = seconds < SECONDS_MAX and peak < MEGABYTES_MAX
    print(f"worst of {wanted.runs}: {seconds:.1f} s, {peak:.0f} MB: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
