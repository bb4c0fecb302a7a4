"""Open and find purchases: one for each reference, however often it is opened. SQL only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from numberflow.errors import ReferenceConflict
from numberflow.journal import audit
from numberflow.journal.database import Database
from numberflow.journal.entries import NewPurchase, Purchase, checked_reference, folded
from numberflow.journal.intention_rows import derived_id, one
from numberflow.journal.json_text import as_kept, dump_json
from numberflow.journal.rows import purchase_of
from numberflow.journal.tables import purchases

# Few enough that the purchases of a large project take little memory.
_ROWS_AT_ONCE = 1000


def purchase_id_of(project_id: str, reference: str) -> str:
    """The id of the purchase of a reference, whether it exists or not."""
    return derived_id("purchase", project_id, folded(reference))


class PurchaseRows:
    """The part of a journal that holds purchases."""

    _database: Database

    def open_purchase(self, new: NewPurchase) -> Purchase:
        """The purchase of that reference: a new one, or the existing one with all its data.

        Raises:
            BadInput: the reference cannot be used.
            ReferenceConflict: the reference names another purchase, or differs from an existing
                one by case only.
        """
        reference = checked_reference(new.reference)
        with self._database.write() as connection:
            now = self._database.now(connection)
            is_new = self._database.insert_missing(
                connection,
                purchases,
                id=purchase_id_of(new.project_id, reference),
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
            if is_new:
                audit.note_purchase(connection, "purchase_opened", purchase)
        _require_same(purchase, new)
        return purchase

    def find_purchase(self, project_id: str, reference: str) -> Purchase | None:
        """The purchase of exactly that reference; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(purchases).where(
                    purchases.c.project_id == project_id, purchases.c.reference == reference
                )
            ).one_or_none()
        return None if row is None else purchase_of(row)

    def purchases(self, project_id: str) -> Iterator[Purchase]:
        """Every purchase of the project, one after the other, in no order."""
        query = sa.select(purchases).where(purchases.c.project_id == project_id)
        with self._database.read() as connection:
            for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
                yield purchase_of(row)

    def approvers(self) -> dict[str, str]:
        """Who approved each approved purchase → by the purchase's id."""
        query = sa.select(purchases.c.id, purchases.c.approval).where(
            purchases.c.approval.is_not(None)
        )
        with self._database.read() as connection:
            return {
                row.id: str(row.approval["by"])
                for row in connection.execute(query)
                if isinstance(row.approval, Mapping) and "by" in row.approval
            }

    def save_quote(self, purchase_id: str, quote: Any) -> Purchase:
        """Keep what the purchase would cost (JSON value); replaces an earlier quote."""
        return self._save(purchase_id, quote=quote)

    def save_approval(self, purchase_id: str, approval: Any) -> Purchase:
        """Keep who approved what (JSON value)."""
        return self._save(purchase_id, approval=approval)

    def save_before(self, purchase_id: str, before: Any) -> Purchase:
        """Keep what the project held before the purchase (JSON value), to see later what is new."""
        return self._save(purchase_id, before=before)

    def note_reopened(self, project_id: str, reference: str, *, by: str, note: str) -> None:
        """Keep that a person takes a reference again that the journal's marker knows more of."""
        with self._database.write() as connection:
            audit.note(
                connection,
                "reopened",
                project_id=project_id,
                reference=reference,
                by=by,
                reason=note,
            )

    def _save(self, purchase_id: str, **values: Any) -> Purchase:
        with self._database.write() as connection:
            connection.execute(
                purchases.update()
                .where(purchases.c.id == purchase_id)
                .values(**values, updated_at=self._database.now(connection))
            )
            purchase = purchase_of(one(connection, purchases, purchase_id))
            audit.note_purchase(connection, f"{next(iter(values))}_kept", purchase)
            return purchase


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
