"""The drill: a back-up, more purchases, a restore. The ledger says what was bought twice."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.dying import Fate
from support.journals import new_journal
from support.postgres import PostgresServer, postgres_database, postgres_server  # noqa: F401
from support.purchases import buy, order
from support.run_contexts import Shop as Desk
from support.s3 import s3_endpoint, s3_root  # noqa: F401
from support.shop import Shop

from numberflow.errors import Stopped
from numberflow.export.store import Store
from numberflow.journal import STOP_FILE, IntentionState, Journal
from numberflow.models.adoption import Adoption
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import PurchaseReport, ReconcileReport, RunOutcome
from numberflow.purchase import marker
from numberflow.purchase.reconciling.adopting import adopt
from numberflow.purchase.reconciling.run import reconcile_project

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project without numbers; its marker is where nobody restores it."""
    shop = Shop(tmp_path / "home", active=0, stock_us_local=80)
    shop.settings = shop.settings.model_copy(
        update={"inventory_url": str(tmp_path / "store"), "marker_url": ""}
    )
    return shop


def back_up(shop: Shop) -> Path:
    """What `sqlite3 numberflow.db ".backup …"` writes (docs/backup.md)."""
    copy = shop.journal_file.with_name("backup.db")
    with (
        contextlib.closing(sqlite3.connect(shop.journal_file)) as journal,
        contextlib.closing(sqlite3.connect(copy)) as into,
    ):
        journal.backup(into)
    return copy


def restore(shop: Shop, copy: Path) -> None:
    """All workers have ended; the file takes the place of the journal."""
    for file in shop.journal_file.parent.glob(f"{shop.journal_file.name}*"):
        file.unlink()
    shutil.copy(copy, shop.journal_file)


async def bought(shop: Shop, reference: str, **parameters: Any) -> PurchaseReport:
    report = await shop.buy(order(**parameters), reference)
    assert report is not None
    return report


async def look(shop: Shop, **options: Any) -> ReconcileReport:
    async with shop.context() as context:
        done = await reconcile_project(context, **options)
        context.journal.note_findings(context.project_id, done.found)
        return done.report


async def adopt_all(shop: Shop, report: ReconcileReport) -> None:
    """A person finds out whose each number is."""
    numbers = [each.phone_number for each in report.findings if each.kind == "bought_elsewhere"]
    wanted = check_parameters(Adoption, {"phone_numbers": numbers})
    async with shop.context() as context:
        await adopt(context, wanted, by="Ada")


def rents(shop: Shop) -> Mapping[str, int]:
    """Set-up charges by number."""
    return Counter(
        each["phone_number"] for each in shop.simulator.charges() if each["kind"] == "setup"
    )


async def test_the_drill(shop: Shop) -> None:
    """3 purchases, a back-up, 20 more, a restore. Nothing leaves until reconcile has run and every
    number has an owner; references of the 20 are never bought again, new ones are.
    """
    for n in range(3):
        assert RunOutcome.DONE is (await bought(shop, f"PO-{n}")).outcome
    copy = back_up(shop)
    for n in range(3, 23):
        assert RunOutcome.DONE is (await bought(shop, f"PO-{n}")).outcome
    assert 23 == len(rents(shop))
    restore(shop, copy)

    again = [await bought(shop, reference) for reference in ("PO-1", "PO-3", "PO-22", "PO-NEW")]
    assert {RunOutcome.REFUSED} == {each.outcome for each in again}
    assert all("restored from a back-up" in each.reason for each in again)
    assert all("numberflow reconcile" in each.remedy for each in again)
    assert 23 == sum(rents(shop).values())
    with Journal.open(shop.journal_url) as journal:
        assert not journal.go(shop.settings.project_id), "a person lifts it by reconciling"
        assert journal.find_purchase(shop.settings.project_id, "PO-NEW") is None

    found = await look(shop)
    assert RunOutcome.NEEDS_PERSON is found.outcome
    assert "20 references sent costly requests" in found.restored
    assert "PO-3" in found.restored
    assert "Costly steps are held" in found.restored
    await adopt_all(shop, found)
    settled = await look(shop)
    assert (RunOutcome.DONE, True) == (settled.outcome, "continue" in settled.restored)
    assert "" == (await look(shop)).restored

    lost = [await bought(shop, f"PO-{n}") for n in range(3, 23)]
    assert {RunOutcome.REFUSED} == {each.outcome for each in lost}
    assert all("does not know that row" in each.reason for each in lost)
    assert RunOutcome.DONE is (await bought(shop, "PO-1")).outcome
    assert RunOutcome.DONE is (await bought(shop, "PO-NEW")).outcome
    assert (24, {1}) == (len(rents(shop)), set(rents(shop).values()))


async def test_a_back_up_in_the_middle_of_a_purchase(shop: Shop) -> None:
    """Of three numbers one was rented when the back-up was made, and two afterwards. The restored
    journal would send the other two again and replace what is taken: it sends nothing.
    """
    fate = Fate("request", 2, costly=True)
    assert await shop.buy(order(quantity=3), "PO-1", fate) is None
    copy = back_up(shop)
    assert 3 == len((await bought(shop, "PO-1", quantity=3)).phone_numbers)
    restore(shop, copy)

    assert RunOutcome.REFUSED is (await bought(shop, "PO-1", quantity=3)).outcome
    assert "--accept-restore" in (await look(shop)).restored
    assert "continue" in (await look(shop, accept_restore=True)).restored
    report = await bought(shop, "PO-1", quantity=3)
    assert (RunOutcome.REFUSED, 3) == (report.outcome, sum(rents(shop).values()))
    assert "numberflow journal reopen" in report.remedy
    assert RunOutcome.DONE is (await bought(shop, "PO-2")).outcome

    async with shop.context() as context:
        await context.marker.reopen("PO-1")
        await context.marker.require_begun_here("PO-1")


async def test_a_back_up_of_the_last_word_holds_nothing(shop: Shop) -> None:
    """Nothing costly left after it: the restored journal is as good as the lost one."""
    await bought(shop, "PO-1")
    restore(shop, back_up(shop))
    assert RunOutcome.DONE is (await bought(shop, "PO-2")).outcome
    assert 2 == sum(rents(shop).values())


async def test_a_hold_that_no_marker_explains_is_lifted(shop: Shop) -> None:
    """Held beside a wrong marker, since corrected: reconcile finds nothing behind and lifts it."""
    await bought(shop, "PO-1")
    with Journal.open(shop.journal_url) as journal:
        journal.hold_restored(shop.settings.project_id, "beside the store of another journal")
    assert RunOutcome.REFUSED is (await bought(shop, "PO-2")).outcome
    assert "costly steps continue" in (await look(shop)).restored
    assert RunOutcome.DONE is (await bought(shop, "PO-2")).outcome
    assert "" == (await look(shop)).restored


async def test_many_lost_references_in_a_slow_store(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is read within a bound of its own: together they take longer than one may."""
    await bought(shop, "PO-0")
    copy = back_up(shop)
    for n in range(1, 9):
        await bought(shop, f"PO-{n}")
    restore(shop, copy)
    read = Store.read
    monkeypatch.setattr(marker, "STORE_WAIT_S", 2.0)
    monkeypatch.setattr(Store, "read", lambda store, path: time.sleep(0.3) or read(store, path))
    report = await look(shop, accept_restore=True)
    assert "8 references sent costly requests" in report.restored
    assert "PO-8. " in report.restored


async def test_an_empty_journal_is_another_journal(shop: Shop) -> None:
    """The file was deleted to "start over", or a worker has a journal of its own: nothing leaves,
    and the same holds when both grow.
    """
    await bought(shop, "PO-1")
    shop.journal_file.unlink()
    new_journal(shop.journal_file)
    for reference in ("PO-1", "PO-2"):
        report = await bought(shop, reference)
        assert RunOutcome.REFUSED is report.outcome
        assert "another journal" in report.reason
    with Journal.open(shop.journal_url) as journal:
        for n in range(40):
            journal.stop("project-2", by="Ada", why=str(n))
            journal.go("project-2")
    async with shop.context() as context:
        with pytest.raises(Stopped, match="is not the one"):
            await context.marker.require_current()
    assert 1 == sum(rents(shop).values())


async def test_without_its_marker_nothing_leaves(shop: Shop, tmp_path: Path) -> None:
    """The store cannot be used: neither a new purchase nor the next step of one. Both continue when
    it is back.
    """
    store, away = tmp_path / "store", tmp_path / "away"
    await bought(shop, "PO-1")
    store.rename(away)
    store.write_text("not a folder")
    report = await bought(shop, "PO-2")
    assert RunOutcome.REFUSED is report.outcome
    assert "NUMBERFLOW_MARKER_URL" in report.remedy
    assert 1 == sum(rents(shop).values())
    store.unlink()
    away.rename(store)
    assert RunOutcome.DONE is (await bought(shop, "PO-2")).outcome


async def test_a_step_that_cannot_be_noted_stays_planned(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store fails, or hangs, between two requests: the second does not leave."""
    monkeypatch.setattr(marker.Marker, "_note", lambda *_: (_ for _ in ()).throw(KeyError("row")))
    report = await bought(shop, "PO-1")
    assert (RunOutcome.REFUSED, 0) == (report.outcome, sum(rents(shop).values()))
    assert [IntentionState.PLANNED] == [row.state for row in shop.rows()]
    monkeypatch.undo()
    assert RunOutcome.DONE is (await bought(shop, "PO-1")).outcome


async def test_every_step_is_noted_when_it_is_sent(shop: Shop) -> None:
    """One head is left, at the last step's row; each purchase has its file."""
    await bought(shop, "PO-1", quantity=3)
    await bought(shop, "PO-2")
    folder = Path(shop.settings.inventory_url) / f"journal/v1/project_id={shop.settings.project_id}"
    (head,) = (folder / "heads").iterdir()
    assert 2 == len(list((folder / "purchases").iterdir()))
    with Journal.open(shop.journal_url) as journal:
        sent = [each.n for each in journal.audit_entries() if each.facts["event"] == "send"]
    assert sent[-1] == int(head.name.partition("-")[0])
    assert not (shop.settings.home / STOP_FILE).exists()


@pytest.mark.postgres
async def test_the_drill_on_postgres_with_the_marker_in_a_bucket(
    tmp_path: Path,
    postgres_server: PostgresServer,  # noqa: F811
    postgres_database: str,  # noqa: F811
    s3_root: str,  # noqa: F811
) -> None:
    """pg_dump, more purchases, pg_restore: refused, accepted, and nothing is bought again."""
    desk = Desk(tmp_path, stock_us_local=20)
    desk.journal_url = postgres_database
    desk.settings = desk.settings.model_copy(update={"marker_url": s3_root})
    url = postgres_database.replace("+psycopg", "")
    dump = str(postgres_server.folder / "journal.dump")
    assert RunOutcome.DONE is (await buy(desk.context, order(), "PO-1")).outcome
    postgres_server.run("pg_dump", "--format=custom", f"--file={dump}", url)
    for reference in ("PO-2", "PO-3"):
        assert RunOutcome.DONE is (await buy(desk.context, order(), reference)).outcome
    postgres_server.run("pg_restore", "--clean", "--no-owner", f"--dbname={url}", dump)

    for reference in ("PO-1", "PO-2", "PO-NEW"):
        report = await buy(desk.context, order(), reference)
        assert RunOutcome.REFUSED is report.outcome
        assert "restored from a back-up" in report.reason
    async with desk.context() as context:
        told = (await reconcile_project(context, accept_restore=True)).report.restored
    assert ("2 references" in told, "continue" in told) == (True, True)
    ends = [(await buy(desk.context, order(), name)).outcome for name in ("PO-2", "PO-3", "PO-NEW")]
    assert [RunOutcome.REFUSED, RunOutcome.REFUSED, RunOutcome.DONE] == ends
    assert (4, 4) == (len(desk.charged()), len(set(desk.charged())))
