"""The audit: each change has a row, and whoever changes rows behind its back is found."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from support.journals import PROJECT, Vendor, new_purchase, planned, rent_line, run_step, take

from numberflow.journal import ALL_PROJECTS, IntentionState, Journal
from numberflow.journal.audit import begin_chain, link
from numberflow.journal.custody_rows import Said
from numberflow.journal.tables import audit, audit_head, custody, intentions, purchases, stops

PROCESSES, STEPS = 4, 10


def events(journal: Journal) -> list[str]:
    """What the audit says, oldest first."""
    return [str(entry.facts["event"]) for entry in journal.audit_entries()]


@pytest.mark.anyio
async def test_every_change_has_its_row(journal: Journal) -> None:
    """Steps, approvals, stops, verdicts and adoptions, with who, from and to, cost and evidence."""
    journal.act_as(flow_run_id="run-9", deployment="search-and-rent", created_by="ada", nobody=None)
    (step,) = planned(journal, rent_line())
    journal.save_approval(step.purchase_id, {"by": "Grace"})
    vendor = Vendor("lost")
    await run_step(journal, step, vendor.rent, vendor.look)
    journal.stop(ALL_PROJECTS, by="Ada", why="a fire")
    journal.stop(ALL_PROJECTS, by="Ada", why="a fire")
    journal.go(ALL_PROJECTS)
    journal.go(ALL_PROJECTS)
    journal.close_purchase(step.purchase_id, by="Ada")
    journal.say(PROJECT, Said.ADOPTED, {"+12025550188": {"price": "1.00"}}, by="Ada")
    assert [
        "audit_begun", "purchase_opened", "planned", "approval_kept", "send", "lose",
        "prove_applied", "stop", "go", "closed", "adopted",
    ] == events(journal)  # fmt: skip
    entries = {str(entry.facts["event"]): entry.facts for entry in journal.audit_entries()}
    assert {"run-9"} == {
        facts["flow_run_id"] for event, facts in entries.items() if event != "audit_begun"
    }
    applied = entries["prove_applied"]
    assert ("unknown", "done", "ada") == (
        applied["state_from"],
        applied["state_to"],
        applied["created_by"],
    )
    assert (step.due_amount, "applied") == (
        Decimal(applied["due_amount"]),
        applied["evidence"]["finding"],
    )
    assert "Grace" == entries["approval_kept"]["approved_by"]
    assert () == journal.verify_audit().problems


def run_sql(journal: Journal, *statements: sa.Executable) -> None:
    """Change the database as somebody does who has its password."""
    with journal._database._engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def changed(journal: Journal) -> None:
    """Row 3 says another amount."""
    run_sql(
        journal,
        audit.update()
        .where(audit.c.n == 3)
        .values(content=sa.func.replace(audit.c.content, '"planned"', '"done"')),
    )


def missing(journal: Journal) -> None:
    """Row 3 is removed."""
    run_sql(journal, audit.delete().where(audit.c.n == 3))


def inserted(journal: Journal) -> None:
    """A row is put between 2 and 3, and the rows after it are numbered anew."""
    with journal._database.read() as connection:
        rows = [row._asdict() for row in connection.execute(sa.select(audit).order_by(audit.c.n))]
    forged = rows[1] | {"n": 3, "hash": link(rows[1]["hash"], rows[1]["content"])}
    later = [row | {"n": row["n"] + 1} for row in rows[2:]]
    run_sql(
        journal,
        audit.delete().where(audit.c.n >= 3),
        audit.insert().values([forged, *later]),
        audit_head.update().values(n=len(rows) + 1),
    )


def reordered(journal: Journal) -> None:
    """Rows 3 and 4 change places."""
    run_sql(
        journal,
        audit.update().where(audit.c.n == 3).values(n=1003),
        audit.update().where(audit.c.n == 4).values(n=3),
        audit.update().where(audit.c.n == 1003).values(n=4),
    )


def cut_off(journal: Journal) -> None:
    """The last row is removed, and no other."""
    with journal._database.read() as connection:
        last = connection.execute(sa.select(sa.func.max(audit.c.n))).scalar_one()
    run_sql(journal, audit.delete().where(audit.c.n == last))


def behind_its_back(journal: Journal) -> None:
    """A step is made done without the audit."""
    run_sql(journal, intentions.update().values(state="done"))


def reapproved(journal: Journal) -> None:
    """Another person has approved the purchase."""
    run_sql(journal, purchases.update().values(approval={"by": "Mallory"}))


def dropped(journal: Journal) -> None:
    """A step is removed."""
    run_sql(journal, sa.text("DELETE FROM claims"), intentions.delete())


def unsaid(journal: Journal) -> None:
    """Nobody has said anything of any number."""
    run_sql(journal, custody.delete())


def said_by_another(journal: Journal) -> None:
    """Somebody else has adopted the number."""
    run_sql(journal, custody.update().values(by="Mallory"))


def said_besides(journal: Journal) -> None:
    """The adopted number is gone, and nobody said so."""
    with journal._database.read() as connection:
        (row,) = connection.execute(sa.select(custody)).all()
    run_sql(journal, custody.insert().values(**row._asdict() | {"n": 2, "said": "gone"}))


def let_go(journal: Journal) -> None:
    """A stop is removed."""
    run_sql(journal, stops.delete())


def stopped_by_another(journal: Journal) -> None:
    """Another reason for the stop."""
    run_sql(journal, stops.update().values(why="no reason"))


TAMPERED: dict[Callable[[Journal], None], str] = {
    changed: "row 3 was changed",
    missing: "row 3 is missing",
    inserted: "row 4 was changed, or does not follow",
    reordered: "row 3 was changed, or does not follow",
    cut_off: "its end was cut off",
    behind_its_back: "is not as audit row",
    reapproved: "purchase",
    dropped: "is missing",
    unsaid: f"+12025550188 was adopted in {PROJECT}, and that is missing",
    said_by_another: f"what was said of +12025550188 in {PROJECT} is not as audit row",
    said_besides: f"what was said of +12025550188 in {PROJECT}: the audit does not know it",
    let_go: "the stop of * is missing",
    stopped_by_another: "the stop of * is not as audit row",
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda each: each.__name__)
def test_tampered_with(journal: Journal, tamper: Callable[[Journal], None]) -> None:
    """Whatever somebody changes in rows is found, and said by its number."""
    planned(journal, rent_line(), rent_line("+12025550102"))
    journal.say(PROJECT, Said.ADOPTED, {"+12025550188": {}}, by="Ada", reference="OLD")
    journal.stop("project-2", by="Ada")
    journal.go("project-2")
    journal.stop(ALL_PROJECTS, by="Ada", why="a fire")
    assert () == journal.verify_audit().problems
    tamper(journal)
    problems = journal.verify_audit().problems
    assert any(TAMPERED[tamper] in problem for problem in problems), problems


def test_only_a_hash_kept_elsewhere_shows_a_chain_made_anew(journal: Journal) -> None:
    """Who rewrites all rows and the head is found by a hash that is not in the database."""
    planned(journal)
    kept = journal.verify_audit().head
    planned(journal, rent_line("+12025550102"), reference="PO-2")
    assert () == journal.verify_audit(expect=kept).problems
    with journal._database.read() as connection:
        rows = [row._asdict() for row in connection.execute(sa.select(audit).order_by(audit.c.n))]
    last = ""
    for row in rows:
        row["content"] = row["content"].replace("PO-1", "PO-9")
        last = row["hash"] = link(last, row["content"])
    run_sql(
        journal, audit.delete(), audit.insert().values(rows), audit_head.update().values(hash=last)
    )
    assert [f"no row has the hash {kept}"] == [
        problem.partition(":")[0] for problem in journal.verify_audit(expect=kept).problems
    ]


def test_a_journal_from_before(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were there before the audit begin with an entry each, and are compared then.

    However many they are: they are read and written a few at a time.
    """
    monkeypatch.setattr("numberflow.journal.audit._ROWS_AT_ONCE", 2)
    planned(journal, *(rent_line(f"+1202555010{n}") for n in range(5)))
    journal.say(PROJECT, Said.ADOPTED, {"+12025550188": {}}, by="Ada")
    journal.stop(ALL_PROJECTS, by="Ada")
    run_sql(journal, audit.delete(), audit_head.delete())
    with journal._database.write() as connection:
        begin_chain(connection, journal._database.now(connection))
    assert ["audit_begun", *["before_audit"] * 6] == events(journal)
    journal.say(PROJECT, Said.GONE, {"+12025550188": {}}, by="Ada")
    assert () == journal.verify_audit().problems
    behind_its_back(journal)
    assert () != journal.verify_audit().problems


def _writer(url: str, number: int) -> None:
    with Journal.open(url) as journal:
        for n in range(STEPS):
            purchase = journal.open_purchase(new_purchase(f"PO-{number}-{n}"))
            lease = take(journal, purchase.resource)
            (step,) = journal.plan(
                purchase.id, [rent_line(f"+1202555{number:02}{n:02}")], lease=lease,
                cap_today=None, cap_monthly=None, currency="USD",
            )  # fmt: skip
            journal.withdraw(step.id, lease, "not wanted any more")


def test_four_processes_write_one_chain(journal_url: str) -> None:
    """The chain has one end, whoever writes at the same time."""
    Journal.open(journal_url).close()
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_writer, args=(journal_url, n)) for n in range(PROCESSES)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [0] * PROCESSES == [writer.exitcode for writer in writers]
    with Journal.open(journal_url) as journal:
        verified = journal.verify_audit()
        assert (1 + 3 * PROCESSES * STEPS, ()) == (verified.rows, verified.problems)
        assert {IntentionState.REFUSED} == {row.state for row in journal.intentions()}
