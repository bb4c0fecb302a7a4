"""Opening and finding purchases: one for each reference, whoever asks how often. SQL only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from numberflow.errors import ReferenceConflict
from numberflow.journal.database import Database
from numberflow.journal.entries import NewPurchase, Purchase, checked_reference, folded
from numberflow.journal.intention_rows import derived_id, one
from numberflow.journal.json_text import as_kept, dump_json
from numberflow.journal.rows import purchase_of
from numberflow.journal.tables import purchases


def open_purchase(database: Database, new: NewPurchase) -> Purchase:
    """The purchase of that reference, new or as it is.

    Raises BadInput or ReferenceConflict, see `Journal.open_purchase`.
    """
    reference = checked_reference(new.reference)
    with database.write() as connection:
        now = database.now(connection)
        database.insert_missing(
            connection,
            purchases,
            id=derived_id("purchase", new.project_id, folded(reference)),
            project_id=new.project_id,
            reference=reference,
            reference_folded=folded(reference),
            operation=new.operation,
            fingerprint=new.fingerprint,
            parameters=dict(new.parameters),
            flow_run_id=new.flow_run_id,
            created_at=now,
            updated_at=now,
        )
        row = connection.execute(
            sa.select(purchases).where(
                purchases.c.project_id == new.project_id,
                purchases.c.reference_folded == folded(reference),
            )
        ).one()
    purchase = purchase_of(row)
    _require_same(purchase, new)
    return purchase


def find_purchase(database: Database, project_id: str, reference: str) -> Purchase | None:
    """The purchase of exactly that reference."""
    with database.read() as connection:
        row = connection.execute(
            sa.select(purchases).where(
                purchases.c.project_id == project_id, purchases.c.reference == reference
            )
        ).one_or_none()
    return None if row is None else purchase_of(row)


def save(database: Database, purchase_id: str, **values: Any) -> Purchase:
    """Set columns of a purchase; BadInput when there is none of that id."""
    with database.write() as connection:
        connection.execute(
            purchases.update()
            .where(purchases.c.id == purchase_id)
            .values(**values, updated_at=database.now(connection))
        )
        return purchase_of(one(connection, purchases, purchase_id))


def _require_same(purchase: Purchase, new: NewPurchase) -> None:
    if purchase.reference != new.reference:
        raise ReferenceConflict(
            f"Reference {new.reference!r} differs only by case or form from "
            f"{purchase.reference!r}, which is already a purchase.",
            remedy=f"write {purchase.reference!r} to continue it, or choose another reference",
            reference=purchase.reference,
            differences={"reference": (purchase.reference, new.reference)},
        )
    if (purchase.operation, purchase.fingerprint) == (new.operation, new.fingerprint):
        return
    before: dict[str, Any] = {"operation": purchase.operation, **purchase.parameters}
    now: dict[str, Any] = {"operation": new.operation, **as_kept(new.parameters)}
    keys = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    differences: Mapping[str, tuple[Any, Any]] = {
        key: (before.get(key), now.get(key)) for key in keys
    }
    shown = "; ".join(
        f"{key} was {dump_json(was)}, now {dump_json(then)}"
        for key, (was, then) in differences.items()
    )
    raise ReferenceConflict(
        f"Reference {new.reference!r} already stands for another purchase "
        f"({shown or 'other parameters'}).",
        remedy="use a new reference for a new purchase, or the same parameters to continue this "
        "one",
        reference=purchase.reference,
        differences=differences,
    )
