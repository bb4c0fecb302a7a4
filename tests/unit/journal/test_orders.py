"""Orders that are followed: written down once, noted, closed once."""

from __future__ import annotations

from support.journals import PROJECT, Journal, planned

from numberflow.journal import OrderKind


def test_an_order_is_followed_once(journal: Journal) -> None:
    """Whoever comes second gets the row of the first, as it is now."""
    (intention,) = planned(journal)
    first = journal.follow(
        intention.purchase_id, OrderKind.NUMBER, "ord-1", state="CREATED", facts={"a": 1}
    )
    journal.note_order(first.id, state="IN_REVIEW", facts={"b": 2})
    second = journal.follow(
        intention.purchase_id, OrderKind.NUMBER, "ord-1", state="CREATED", facts={}
    )
    assert (first.id, "IN_REVIEW", {"a": 1, "b": 2}) == (second.id, second.state, second.facts)


def test_closed_once_is_closed_for_ever(journal: Journal) -> None:
    """A later note does not open it again, and open orders no longer show it."""
    (intention,) = planned(journal)
    order = journal.follow(
        intention.purchase_id, OrderKind.HOSTING, "ord-1", state="SUBMITTED", facts={}
    )
    closed = journal.note_order(order.id, state="COMPLETED", facts={}, closed=True)
    again = journal.note_order(order.id, state="COMPLETED", facts={})
    assert (False, closed.closed_at) == (again.is_open, again.closed_at)
    assert () == journal.followed(PROJECT)
    assert (again,) == journal.followed(PROJECT, open_only=False, kind=OrderKind.HOSTING)


def test_kinds_do_not_share_ids(journal: Journal) -> None:
    """The two APIs count their orders each for itself."""
    (intention,) = planned(journal)
    for kind in OrderKind:
        journal.follow(intention.purchase_id, kind, "ord-1", state="NEW", facts={})
    assert set(OrderKind) == {order.kind for order in journal.followed(PROJECT)}


def test_found_by_number(journal: Journal) -> None:
    """Links of these numbers alone, closed ones too, and every order, which may have several."""
    (intention,) = planned(journal)
    for kind, order_id, number in (
        (OrderKind.LINK, "one", "+13075550142"),
        (OrderKind.RELEASE, "other", "+13075550143"),
        (OrderKind.NUMBER, "ord-1", ""),
    ):
        row = journal.follow(
            intention.purchase_id, kind, order_id, state="NEW", facts={"number": number}
        )
        journal.note_order(row.id, state="END", facts={}, closed=True)
    found = journal.followed_about(PROJECT, ["+13075550142", "+13075550199"])
    assert {"one", "ord-1"} == {row.order_id for row in found}
