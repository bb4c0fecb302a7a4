"""What is counted for monitoring: from the journal's rows, and beside them."""

from __future__ import annotations

from decimal import Decimal

from support.journals import new_purchase, plan, planned, rent_line, take

from numberflow.journal import CounterKey, Event, Journal, Paces

RUNS = CounterKey("runs", (("flow", "search-and-rent"), ("outcome", "done")))
ROWS = CounterKey("export_rows", (("project_id", "p"),))


def test_counters_add_up_and_figures_of_now_replace(journal: Journal, journal_url: str) -> None:
    """In every process; labels keep their order."""
    journal.count({RUNS: 1}, now={ROWS: 7})
    with Paces(journal_url) as paces:
        paces.count({RUNS: 2})
    journal.count({}, now={ROWS: 5})
    assert {RUNS: 3.0, ROWS: 5.0} == journal.figures().counted


def test_figures_come_from_the_rows(journal: Journal) -> None:
    """Purchases, steps, charges of what is done, the age of what is open, and holds."""
    (first, _) = planned(journal, rent_line("+12025550101"), rent_line("+12025550102"))
    purchase = journal.open_purchase(new_purchase("PO-2"))
    lease = take(journal, purchase.resource)
    (other,) = plan(journal, lease, purchase, rent_line("+12025550103", setup="0.10"))
    leases = (lease, take(journal, other.resource))
    journal.begin(other.id, leases=leases)
    journal.record(other.id, leases=leases, events=(Event.CONFIRM,))
    lease = take(journal, first.purchase_resource)
    leases = (lease, take(journal, first.resource))
    journal.begin(first.id, leases=leases)
    journal.stop("*", by="Ada")
    journal.hold_restored("project-1", "older")
    figures = journal.figures()
    assert {"search-and-rent": 2} == figures.purchases
    assert {("rent", "done"): 1, ("rent", "sending"): 1, ("rent", "planned"): 1} == figures.steps
    assert {"USD": Decimal("2.10")} == figures.charges
    assert figures.oldest_open.total_seconds() > 0
    assert {"person": 1, "marker": 1} == figures.stops
    assert {} == figures.orders


def test_a_journal_without_rows(journal: Journal) -> None:
    """Nothing is open, and nothing is counted."""
    figures = journal.figures()
    assert (0.0, {}, {}) == (figures.oldest_open.total_seconds(), figures.steps, figures.counted)
