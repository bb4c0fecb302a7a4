"""Question: does the journal end in the vendor's state, in whatever order callbacks come?

    python benchmarks/callback_seeds.py [--seeds 200] [--only rented]

Stories: ordered (a number order), rented and relinked (SMS and voice links of rented numbers),
imported and hosted (numbers of another carrier, one by one and in an order). By seed: callbacks
come shuffled, twice, months late, and before the reply of the request that caused them; 30 % of
those replies are lost, 30 % of the runs die after a costly request and are run again; links fail.
Judge are the simulator's own books: each state in the journal is theirs, each outcome was emitted
once, nothing waits in the inbox.
The exit code is 1 when a seed ends otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.callback_stories import STORIES, told


def play(story: str, seed: int) -> list[str]:
    """What is wrong in the end."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(told(story, Path(folder), seed))


def main() -> int:
    """Play them all; 1 when one ended otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=200, help="of each story (default 200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--only", choices=STORIES, help="one story")
    given = parser.parse_args()
    print((__doc__ or "").partition("\n")[0])
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    seeds, failed = range(given.first, given.first + given.seeds), False
    with ProcessPoolExecutor() as pool:
        for story in (given.only,) if given.only else STORIES:
            began = perf_counter()
            ended = dict(zip(seeds, pool.map(partial(play, story), seeds), strict=True))
            wrong = {seed: found for seed, found in ended.items() if found}
            print(
                f"{story}: the vendor's state on {len(ended) - len(wrong)} of {len(ended)} seeds, "
                f"{perf_counter() - began:.0f} s",
                flush=True,
            )
            for seed, found in wrong.items():
                print(f"  seed {seed}: {'; '.join(found)}")
            failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
