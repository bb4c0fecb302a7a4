"""`numberflow journal`: read intentions, and settle those that only a person can decide."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import typer

from numberflow.cli.account import settings_of
from numberflow.cli.console import as_table, print_json, printable
from numberflow.errors import BadInput, NotFound
from numberflow.journal import (
    History,
    Intention,
    IntentionState,
    Journal,
    Operation,
    OrderKind,
    Verdict,
    checked_reference,
    opened_order,
)
from numberflow.purchase.marker import Marker
from numberflow.purchase.report import AT_STAKE_STATES, open_item
from numberflow.purchase.run_context import open_client
from numberflow.settings import Settings
from numberflow.steps.link import link_order

_TIME = "%Y-%m-%d %H:%M:%S"
_STYLES = {"done": "green", "unknown": "yellow", "needs_person": "bold red"}


@contextmanager
def open_journal() -> Iterator[Journal]:
    """The journal of the environment, closed at the end."""
    journal = Journal.open(Settings.load().journal_url)
    try:
        yield journal
    finally:
        journal.close()


def list_intentions(
    *, states: Sequence[str], reference: str | None, limit: int, as_json: bool
) -> None:
    """Print intentions, newest first.

    Raises:
        BadInput: a state that does not exist.
    """
    known = [state.value for state in IntentionState]
    for state in states:
        if state not in known:
            raise BadInput(
                f"--state: {state!r} is not a state",
                field="state",
                remedy=f"choose from {', '.join(known)}",
            )
    with open_journal() as journal:
        rows = journal.intentions(
            states=[IntentionState(state) for state in states] or None,
            reference=reference,
            limit=limit,
            newest_first=True,
        )
    if as_json:
        print_json([_facts(row) for row in rows])
        return
    if not rows:
        typer.echo("The journal has no such intention.")
        return
    table = [
        {
            "id": row.id,
            "state": row.state.value,
            "operation": row.operation.value,
            "number": number_of(row) or "-",
            "price": f"{row.due_amount or 0} {row.currency or ''}".strip(),
            "reference": row.reference,
            "updated": f"{row.updated_at:{_TIME}}Z",
            "reason": row.reason if row.reason and row.is_open else "",
        }
        for row in rows
    ]
    typer.echo(as_table(table, header=False, styles=_STYLES))


def show(name: str, *, as_json: bool) -> None:
    """Print what a reference holds, or one intention with attempts and evidence.

    Sends nothing to the vendor.

    Raises:
        BadInput: neither a reference nor an intention, or several intentions have that prefix.
    """
    with open_journal() as journal:
        rows = journal.intentions(reference=name)
        if rows:
            _show_reference(rows, as_json=as_json)
            return
        try:
            history = journal.history(name)
        except BadInput as error:
            raise BadInput(
                f"{name!r}: no reference, and {error.message}",
                field="reference",
                remedy="numberflow journal list shows both",
            ) from None
        rows = journal.intentions(purchase_id=history.intention.purchase_id)
    if as_json:
        print_json(
            {
                "intention": _facts(history.intention),
                "attempts": history.attempts,
                "evidence": history.evidence,
            }
        )
        return
    row = history.intention
    typer.echo(f"{row.id}: {row.operation} {number_of(row) or ''} is {row.state.value}")
    for label, text in _story(history, rows):
        typer.echo(f"  {label:<11} {printable(text)}")


def _story(history: History, purchase: Sequence[Intention]) -> Iterator[tuple[str, str]]:
    """Everything about one intention, line by line, oldest first."""
    row = history.intention
    currency = row.currency or ""
    yield "reference", f"{row.reference} (project {row.project_id})"
    yield "price", f"{row.due_amount or 0} {currency} at once, {row.monthly_amount or 0} a month"
    yield "planned", f"{row.created_at:{_TIME}}Z, flow run {row.flow_run_id or '-'}"
    if row.reason:
        yield "reason", row.reason
    for attempt in history.attempts:
        ended = f"{attempt.ended_at:%H:%M:%S}" if attempt.ended_at else "?"
        yield (
            f"attempt {attempt.n}",
            f"{attempt.started_at:{_TIME}} to {ended}Z  {attempt.outcome or 'no reply recorded'}"
            + (f", HTTP {attempt.http_status}" if attempt.http_status else "")
            + (f", request {attempt.vendor_request_id}" if attempt.vendor_request_id else ""),
        )
    for entry in history.evidence:
        yield "looked", f"{entry.at:{_TIME}}Z  {entry.finding} ({entry.times} times): {entry.note}"
    if row.state in AT_STAKE_STATES:
        item = open_item(row, purchase)
        yield "at stake", f"{item.at_stake} {currency}"
        yield "settle with:", item.command
        yield (
            "",
            "or --as refused (it did not take effect), or --as planned (it did not; send it again)",
        )


def close(reference: str, *, by: str, project: str | None) -> None:
    """Keep that somebody knows of a stopped purchase.

    Raises:
        BadInput: no such purchase, or several projects have one with that reference.
    """
    with open_journal() as journal:
        found = [
            each
            for each in journal.purchases_named(reference)
            if project in (None, each.project_id)
        ]
        if not found:
            raise BadInput(
                f"reference: the journal has no purchase {reference!r}",
                field="reference",
                remedy="numberflow journal list shows them",
            )
        if len(found) > 1:
            raise BadInput(
                f"--project: {', '.join(each.project_id for each in found)} have a purchase "
                f"{reference!r}",
                field="project",
                remedy="add --project ID",
            )
        journal.close_purchase(found[0].id, by=by)
    typer.echo(f"{reference} is not reported again until it changes.")


def reopen(reference: str, *, by: str, note: str, project: str | None) -> None:
    """Let a reference be used again whose marker this journal does not know.

    Raises:
        BadInput: an empty name or note, or no such block.
        StoreUnavailable: the marker cannot be written.
    """
    for name, value in (("by", by), ("note", note)):
        if not value.strip():
            raise BadInput(
                f"--{name}: is empty",
                field=name,
                remedy="say who decided, and what that person saw",
            )
    settings = settings_of(project)
    with Journal.open(settings.journal_url) as journal:
        marker = Marker(journal, settings, settings.project_id, project)
        journal.note_reopened(settings.project_id, checked_reference(reference), by=by, note=note)
        asyncio.run(marker.reopen(reference))
    typer.echo(f"{reference} can be used again in project {settings.project_id}.")


def _show_reference(rows: Sequence[Intention], *, as_json: bool) -> None:
    """The purchases of one reference, one for each project that used it."""
    purchases = [
        _held([row for row in rows if row.purchase_id == each])
        for each in _distinct(rows, "purchase_id")
    ]
    if as_json:
        print_json({"reference": rows[0].reference, "purchases": purchases})
        return
    for held in purchases:
        typer.echo(
            f"{held['reference']} (project {held['project_id']}), by run "
            f"{', '.join(held['runs']) or '-'}"
        )
        typer.echo(
            f"  steps       {', '.join(f'{n} {state}' for state, n in held['states'].items())}"
        )
        for currency, amounts in held["amounts"].items():
            typer.echo(
                f"  held        {amounts['done_due']} {currency} charged, "
                f"{amounts['done_monthly']} a month"
                f"; open: {amounts['open_due']} {currency} at most"
            )
    table = [
        {
            "indent": " ",
            "state": row.state.value,
            "operation": row.operation.value,
            "number": number_of(row) or "-",
            "price": f"{row.due_amount} {row.currency}" if row.due_amount is not None else "-",
            "reason": row.reason if row.reason and row.state is not IntentionState.DONE else "",
        }
        for row in rows
    ]
    typer.echo(as_table(table, header=False, styles=_STYLES))
    for row in rows:
        if row.state in AT_STAKE_STATES:
            typer.echo(f"  settle {number_of(row) or row.id} with: {open_item(row).command}")


def _distinct(rows: Sequence[Intention], name: str) -> list[str]:
    return list(dict.fromkeys(getattr(row, name) for row in rows))


def _held(rows: Sequence[Intention]) -> dict[str, Any]:
    """One purchase in sums by currency: charged for what is done, and at most to come."""
    amounts: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        if row.due_amount is None or row.currency is None or row.state is IntentionState.REFUSED:
            continue
        sums = amounts.setdefault(
            row.currency, dict.fromkeys(("done_due", "done_monthly", "open_due"), Decimal(0))
        )
        if row.state is IntentionState.DONE:
            sums["done_due"] += row.due_amount
            sums["done_monthly"] += row.monthly_amount or Decimal(0)
        else:
            sums["open_due"] += row.due_amount
    return {
        "reference": rows[0].reference,
        "project_id": rows[0].project_id,
        "runs": [run for run in _distinct(rows, "flow_run_id") if run],
        "states": Counter(row.state.value for row in rows),
        "amounts": amounts,
        "steps": [_facts(row) for row in rows],
    }


def settle(
    intention_id: str,
    *,
    verdict: Verdict,
    by: str,
    note: str,
    phone_number: str | None,
    order_id: str | None,
    as_json: bool,
) -> None:
    """Record a person's verdict.

    Raises:
        BadInput: unknown intention, unknown verdict, no id for an order that was opened, or the
            intention does not need a person.
    """
    with open_journal() as journal:
        row = journal.history(intention_id).intention
        if order_id and not row.opens_order:
            raise BadInput(
                "--order: this step opens no order", field="order", remedy="leave --order out"
            )
        if verdict == "done" and row.opens_order and not order_id:
            raise BadInput(
                "--order: which order was it? Without its id nothing can follow it",
                field="order",
                remedy="copy the id from the vendor's dashboard and add --order ID",
            )
        result: dict[str, Any] | None = {"phone_number": phone_number} if phone_number else None
        if order_id:
            known = journal.followed(row.project_id, open_only=False)
            if taken := next((each for each in known if each.order_id == order_id), None):
                raise BadInput(
                    f"--order: {order_id} belongs to {taken.reference!r}",
                    field="order",
                    remedy="name the order of this step",
                )
            asyncio.run(_require_order(row, order_id))
            kind = (
                OrderKind.NUMBER if row.operation is Operation.CREATE_ORDER else OrderKind.HOSTING
            )
            result = opened_order(kind, order_id, "", **{**row.request, "intention_id": row.id})
        elif verdict == "done" and (number := phone_number or row.subject):
            # The vendor puts links on later: follow-orders says how that ends.
            followed = link_order(number, row)
            result = {"phone_number": number, **followed} if followed else result
        row = journal.settle_by_person(row.id, verdict, by=by, note=note, result=result)
    if as_json:
        print_json(_facts(row))
    else:
        typer.echo(f"{row.id} is now {row.state.value}")


async def _require_order(row: Intention, order_id: str) -> None:
    """Check at the vendor that the order exists and is what the step asked for.

    A verdict cannot be taken back.

    Raises:
        BadInput: no such order, or another one.
    """
    async with open_client(Settings.load()) as client:
        try:
            if row.operation is not Operation.CREATE_ORDER:
                await client.hosting_orders.get(order_id)
                return
            order = await client.number_orders.get(order_id)
        except NotFound:
            raise BadInput(
                f"--order: the vendor knows no order {order_id}",
                field="order",
                remedy="copy its id from the dashboard",
            ) from None
    held = {number.phone_number for number in order.order_numbers}
    same_kind = (order.region_code, order.number_type) == (
        row.request["region_code"],
        row.request["number_type"],
    )
    if not same_kind or (row.subject is not None and row.subject not in held):
        raise BadInput(
            f"--order: order {order_id} is for {order.number_type} numbers in {order.region_code} "
            f"({', '.join(sorted(held))}), not what this step asked for",
            field="order",
            remedy="name the order of this step",
        )


def number_of(row: Intention) -> str:
    """The phone number that an intention is about, once it is known."""
    return str((row.result or {}).get("phone_number") or row.subject or "")


def _facts(row: Intention) -> dict[str, Any]:
    return asdict(row) | {"phone_number": number_of(row)}
