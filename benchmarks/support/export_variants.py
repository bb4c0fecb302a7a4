"""The ways to get an inventory into Parquet that `benchmarks/export.py` compares.

One process each: time without imports, and peak memory.

    python benchmarks/support/export_variants.py VARIANT URL FOLDER CONNECTIONS

Prints one line of JSON: seconds, seconds of them inside the export engine where the variant knows
them, CPU seconds of all threads and child processes, peak RSS in MB, rows, bytes on disk.
"""

# ruff: noqa: PLC0415 - each variant imports its own libraries, and nothing of the others

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

PROJECT = "6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10"
TYPES = ("LOCAL", "MOBILE", "TOLL_FREE")
PAGE_SIZE = 1000

Work = Callable[[], int]
"""What is timed: returns how many rows it wrote."""

ENGINE_S: list[float] = []
"""What `whole` and `flow` say of the part of their time in which the snapshot was made."""


def ours(url: str, folder: Path, connections: int) -> Work:
    """numberflow: proven, checked, published, pointer swapped.

    Rate limit out of the way, since the others have none.
    """
    from numberflow.client import Client
    from numberflow.export.snapshot import export_project
    from numberflow.settings import Settings

    settings = Settings.model_validate(
        {
            "SINCH_PROJECT_ID": PROJECT,
            "SINCH_KEY_ID": "key",
            "SINCH_KEY_SECRET": "secret",
            "SINCH_AUTH_URL": f"{url}/auth",
            "SINCH_NUMBERS_URL": f"{url}/numbers",
        }
    )

    async def export() -> int:
        async with Client(settings, paced=False) as client:
            return (await export_project(client, str(folder), connections=connections)).rows

    return lambda: asyncio.run(export())


def whole(url: str, folder: Path, connections: int) -> Work:
    """What the flow does, without Prefect.

    The journal is asked, the snapshot, changes, costs, forecast and page. At the client's own rate
    limit.
    """
    from numberflow.client import Client
    from numberflow.export.follow_up import export_inventory
    from numberflow.purchase.inventory import ask_journal
    from numberflow.settings import Settings

    settings = Settings.model_validate(_environment(url, folder))

    async def export() -> int:
        async with Client(settings) as client:
            report = await export_inventory(
                client, str(folder), connections=connections, imported=ask_journal(settings)
            )
        ENGINE_S.append(report.elapsed_s)
        return report.rows or 0

    return lambda: asyncio.run(export())


def flow(url: str, folder: Path, connections: int) -> Work:
    """The flow on a server that runs (PREFECT_API_URL).

    Everything that `whole` does, and Prefect.
    """
    os.environ.update(_environment(url, folder))
    from flows.export_inventory import export_inventory

    def export() -> int:
        report = asyncio.run(export_inventory(connections=connections))
        ENGINE_S.extend(each.elapsed_s for each in report.projects)
        return sum(each.rows or 0 for each in report.projects)

    return export


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "SINCH_PROJECT_ID": PROJECT,
        "SINCH_KEY_ID": "key",
        "SINCH_KEY_SECRET": "secret",
        "SINCH_AUTH_URL": f"{url}/auth",
        "SINCH_NUMBERS_URL": f"{url}/numbers",
        "SINCH_IMPORTED_URL": f"{url}/imported",
        "NUMBERFLOW_INVENTORY_URL": str(folder),
        "NUMBERFLOW_HOME": str(folder / "home"),
    }


# What the vendor's own script does, as far as this comparison goes: every page of every type, one
# after the other, into one JSON file.
_NODE = """
const [base, out, size] = process.argv.slice(1);
(async () => {
  const all = [];
  for (const type of ["LOCAL", "MOBILE", "TOLL_FREE"]) {
    let token = "";
    do {
      const url = `${base}?type=${type}&pageSize=${size}&pageToken=${token}`;
      const page = await (await fetch(url)).json();
      all.push(...page.activeNumbers);
      token = encodeURIComponent(page.nextPageToken);
    } while (token);
  }
  require("fs").writeFileSync(out, JSON.stringify(all));
})();
"""


def node(url: str, folder: Path, _connections: int) -> Work:
    """A script in JavaScript that writes JSON, and pandas that makes a table of it.

    The vendor's get_numbers.cjs, followed by what an analyst does.
    """
    import subprocess

    import pandas as pd

    def export() -> int:
        listed = folder / "numbers.json"
        subprocess.run(
            [
                "node",
                "-e",
                _NODE,
                f"{url}/numbers/v1/projects/{PROJECT}/activeNumbers",
                str(listed),
                str(PAGE_SIZE),
            ],
            check=True,
        )
        rows = json.loads(listed.read_text())
        pd.json_normalize(rows).to_parquet(folder / "numbers.parquet")
        return len(rows)

    return export


def sdk(url: str, folder: Path, _connections: int) -> Work:
    """The vendor's Python SDK: its iterator, type by type, then pandas."""
    import pandas as pd
    from sinch import SinchClient

    client = SinchClient(key_id="key", key_secret="secret", project_id=PROJECT)
    client.configuration.auth_origin = f"{url}/auth"
    client.configuration.numbers_origin = f"{url}/numbers"
    client.configuration.transport.http_session.trust_env = False

    def export() -> int:
        rows: list[dict[str, Any]] = []
        for region in _regions(url):
            for kind in TYPES:
                listed = client.numbers.list(
                    region_code=region, number_type=kind, page_size=PAGE_SIZE
                )
                rows += [number.model_dump(mode="json") for number in listed.iterator()]
        pd.json_normalize(rows).to_parquet(folder / "numbers.parquet")
        return len(rows)

    return export


def json_normalize(url: str, folder: Path, _connections: int) -> Work:
    """What one writes by hand: httpx, response.json(), pandas.json_normalize, type by type."""
    import httpx
    import pandas as pd

    def export() -> int:
        rows: list[dict[str, Any]] = []
        with httpx.Client(trust_env=False) as client:
            for kind in TYPES:
                token = ""
                while True:
                    query = {"type": kind, "pageSize": PAGE_SIZE, "pageToken": token}
                    page = client.get(
                        f"{url}/numbers/v1/projects/{PROJECT}/activeNumbers", params=query
                    ).json()
                    rows += page["activeNumbers"]
                    token = page["nextPageToken"]
                    if not token:
                        break
        pd.json_normalize(rows).to_parquet(folder / "numbers.parquet")
        return len(rows)

    return export


def dlt(url: str, folder: Path, _connections: int) -> Work:
    """The REST source of dlt into Parquet.

    Only where it is installed: it is no dependency of this project.
    """
    # Else it would tell its makers about every run.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt as library
    from dlt.sources.rest_api import rest_api_source

    def export() -> int:
        source = rest_api_source(
            {
                "client": {
                    "base_url": f"{url}/numbers/v1/projects/{PROJECT}/",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "nextPageToken",
                        "cursor_param": "pageToken",
                    },
                },
                "resources": [
                    {
                        "name": f"numbers_{kind.lower()}",
                        "table_name": "numbers",
                        "endpoint": {
                            "path": "activeNumbers",
                            "params": {"type": kind, "pageSize": PAGE_SIZE},
                            "data_selector": "activeNumbers",
                        },
                    }
                    for kind in TYPES
                ],
            }
        )
        pipeline = library.pipeline(
            "bench",
            destination=library.destinations.filesystem(bucket_url=str(folder)),
            pipelines_dir=str(folder / "state"),
        )
        pipeline.run(source, loader_file_format="parquet")
        return sum(
            pipeline.last_trace.last_normalize_info.row_counts.get(name, 0) for name in ("numbers",)
        )

    return export


def floor(url: str, folder: Path, _connections: int) -> Work:
    """The least that any Python program does.

    Bytes off the socket, JSON into Arrow without columns of ours, a table to disk. One after the
    other.
    """
    import http.client
    import io
    from urllib.parse import urlsplit

    import arro3.io
    import pyarrow as pa
    import pyarrow.parquet as pq

    from numberflow.export.wire import NUMBER

    schema = pa.schema({"activeNumbers": pa.list_(NUMBER)})
    host = urlsplit(url).netloc

    def export() -> int:
        count = 0
        connection = http.client.HTTPConnection(host)
        writer: pq.ParquetWriter | None = None
        held: list[pa.Table] = []
        for kind in TYPES:
            token = ""
            while True:
                connection.request(
                    "GET",
                    f"/numbers/v1/projects/{PROJECT}/activeNumbers?type={kind}&pageSize={PAGE_SIZE}&pageToken={token}",
                )
                body = connection.getresponse().read()
                token = json.loads(b"{" + body[body.rindex(b'"nextPageToken"') :])["nextPageToken"]
                page = pa.RecordBatchReader.from_stream(
                    arro3.io.read_json(io.BytesIO(body), schema, batch_size=1)
                ).read_all()
                numbers = pa.Table.from_struct_array(page.column(0).chunk(0).flatten())
                count += len(numbers)
                held.append(numbers)
                if len(held) == 64 or (not token and kind == TYPES[-1]):
                    rows = pa.concat_tables(held)
                    held = []
                    writer = writer or pq.ParquetWriter(
                        folder / "numbers.parquet",
                        rows.schema,
                        compression="zstd",
                        compression_level=1,
                    )
                    writer.write_table(rows)
                if not token:
                    break
        if writer is not None:
            writer.close()
        return count

    return export


def _regions(url: str) -> list[str]:
    import httpx

    listed = httpx.get(
        f"{url}/numbers/v1/projects/{PROJECT}/availableRegions", trust_env=False
    ).json()
    return [region["regionCode"] for region in listed["availableRegions"]]


VARIANTS: dict[str, Callable[[str, Path, int], Work]] = {
    "ours": ours,
    "whole": whole,
    "flow": flow,
    "node": node,
    "sdk": sdk,
    "json_normalize": json_normalize,
    "dlt": dlt,
    "floor": floor,
}


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    name, url, folder, connections = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    # Arrow imports pandas when it first makes an array of Python values, httpx what it moves bytes
    # with when it first opens a client; that is no work.
    import anyio._backends._asyncio
    import httpcore
    import pandas as pd
    import pyarrow as pa

    pa.scalar(None, pa.string())
    assert pd
    assert httpcore
    assert anyio
    work = VARIANTS[name](url, folder, connections)
    before_s, began = _cpu_s(), perf_counter()
    rows = work()
    seconds, cpu_s = perf_counter() - began, _cpu_s() - before_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    print(
        json.dumps(
            {
                "seconds": seconds,
                "engine_s": sum(ENGINE_S),
                "cpu_s": cpu_s,
                "peak_mb": peak_mb,
                "rows": rows,
                "bytes": size,
            }
        )
    )


if __name__ == "__main__":
    main()
