"""Start from every recovery point, as if the process had died there.

The vendor's charges are the judge.
"""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from support.journals import NUMBER, Vendor, keeping, new_purchase, no_wait, rent_line

from numberflow.journal import (
    Brake,
    Intention,
    IntentionState,
    Journal,
    SettlePolicy,
    run_costly_step,
)
from numberflow.journal.database import Database

pytestmark = pytest.mark.anyio

# More than any of the runs below writes; a test makes sure of it.
_WRITES_MAX = 60


class Killed(BaseException):
    """The process ends here: nothing of ours runs after it, as with kill -9."""


class Fuse:
    """Lets n transactions through, then ends the process before or after the next one is committed.

    Dead processes write nothing.
    """

    def __init__(self, writes: int, *, committed: bool) -> None:
        self.left = writes
        self.committed = committed
        self.blown = False

    def fit(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it into a journal's database."""
        from contextlib import contextmanager

        write = database.write

        @contextmanager
        def fused() -> Any:
            if self.blown:
                raise Killed
            if self.left == 0:
                self.blown = True
                if not self.committed:
                    raise Killed
            self.left -= 1
            with write() as connection:
                yield connection
            if self.blown:
                raise Killed

        monkeypatch.setattr(database, "write", fused)


async def _purchase(journal: Journal, vendor: Vendor, project: str) -> Intention:
    """What a flow does for one number, from the reference on.

    The same code for the first run and for each resume.
    """
    async with keeping(journal, is_dead=lambda owner: True) as keeper:
        purchase = await anyio.to_thread.run_sync(
            journal.open_purchase, new_purchase(project=project)
        )
        lease = await keeper.acquire(purchase.resource)
        known = journal.intentions(purchase_id=purchase.id) or journal.plan(
            purchase.id,
            [rent_line()],
            lease=lease,
            cap_today=None,
            cap_monthly=None,
            currency="USD",
        )
        return await run_costly_step(
            journal,
            known[0],
            do=vendor.rent,
            look=vendor.look,
            keeper=keeper,
            purchase_lease=lease,
            policy=SettlePolicy(settle_s=8.0, lease_wait_s=0.0),
            brake=Brake(),
            sleep=no_wait,
        )


@pytest.mark.parametrize(
    "faults", [(), ("lost",), ("dropped", "ok"), ("dropped", "lost")], ids="-".join
)
@pytest.mark.parametrize("committed", [False, True], ids=["before-commit", "after-commit"])
async def test_dying_at_any_write_costs_exactly_one_charge(
    journal_url: str, monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...], *, committed: bool
) -> None:
    """For every n: die at the n-th write, resume with a new journal, end done with one charge."""
    died_at = []
    for writes in range(_WRITES_MAX):
        # Each n has a project of its own, so that one database serves all of them.
        vendor = Vendor(*faults)
        with Journal.open(journal_url) as dying, monkeypatch.context() as patch:
            fuse = Fuse(writes, committed=committed)
            fuse.fit(dying._database, patch)
            try:
                await _purchase(dying, vendor, f"p{writes}")
            except Killed:
                died_at.append(writes)
            assert fuse.blown == (writes in died_at)
            with Journal.open(journal_url) as fresh:
                end = await _purchase(fresh, vendor, f"p{writes}")
        assert (IntentionState.DONE, [NUMBER]) == (end.state, vendor.charges), (
            f"died at write {writes}"
        )
        if not fuse.blown:
            break
    assert list(range(len(died_at))) == died_at
    assert 5 <= len(died_at) < _WRITES_MAX
