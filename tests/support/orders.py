"""Number orders at library level.

Papers on disk, one run in the order of flows/order_numbers.py without Prefect and approval, and
what the vendor then has.

Not here: who dies when (dying.py).
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.purchases import OpenDesk

from numberflow import papers
from numberflow.errors import NumberflowError
from numberflow.journal import Intention, IntentionState, OrderKind, PendingWork
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import FollowLine, OrderReport
from numberflow.paper_store import PaperStore
from numberflow.purchase.follow import follow_orders
from numberflow.purchase.number_orders import place as number_order
from numberflow.purchase.number_orders.follow import follow_number_order
from numberflow.purchase.number_orders.papers import OrderPapers, check_papers
from numberflow.purchase.number_orders.text import order_report, stopped_order_report
from numberflow.purchase.run_context import RunContext, in_thread, new_purchase, open_purchase
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.simulator import Simulator
from numberflow.steps.number_orders import CREATE

REFERENCE = "PO-1"
# Of AU MOBILE in numberflow/simulator/requirements.py.
BUSINESS_REGISTRATION = "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311"
# Texts that must turn up nowhere but in the papers and at the vendor.
MARKS = ("Marked-Business-5c0d", "Marked-Street-5c0d", "Marked-First-5c0d", "+61491570156")
DATA: list[Any] = [
    [
        {
            "senderId": "Acme",
            "purposeOfTheTraffic": "Notifications",
            "intendedUseOfMobileNumbers": "Deliveries",
            "confirmationOfUse": True,
        }
    ],
    {
        "endBusinessName": MARKS[0],
        "endBusinessAddress": f"{MARKS[1]} 7",
        "city": "Sydney",
        "state": "NSW",
        "country": "AU",
        "postalCode": "2000",
    },
    {"firstName": MARKS[2], "lastName": "Doe", "phoneNumber": MARKS[3]},
]


class Cabinet:
    """Papers of one order in the folder of a papers store.

    `kyc` and `extract` are files, which orders name by their names alone.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.kyc = folder / "kyc.json"
        self.extract = folder / "extract.pdf"
        self.write(DATA)
        self.extract.write_bytes(b"%PDF-1.7 business registration")

    def write(self, data: Any) -> None:
        """Fill in the form."""
        self.kyc.write_text(json.dumps({"data": data}))

    def spoil(self) -> None:
        """Fill in the form so that its local check passes and the vendor's would, too, but a
        reviewer's may not.
        """
        data = copy.deepcopy(DATA)
        data[1]["city"] = "Atlantis"
        self.write(data)


def wanted(cabinet: Cabinet | None = None, **parameters: Any) -> OrderNumbersParameters:
    """An AU MOBILE order with its papers and caps that are out of the way.

    Without a cabinet a US LOCAL one, which needs none.
    """
    defaults: dict[str, Any] = {"max_today": "500", "max_monthly": "500"}
    if cabinet is None:
        return check_parameters(
            OrderNumbersParameters,
            defaults | {"region_code": "US", "number_type": "LOCAL"} | parameters,
        )
    with_papers = {
        "region_code": "AU",
        "number_type": "MOBILE",
        "kyc": cabinet.kyc.name,
        "attachments": [{"requirement_id": BUSINESS_REGISTRATION, "file": cabinet.extract.name}],
    }
    return check_parameters(OrderNumbersParameters, defaults | with_papers | parameters)


async def order_once(
    open_run_context: OpenDesk, order: OrderNumbersParameters, reference: str = REFERENCE
) -> OrderReport:
    """One run of the order of that reference, from the form to the report."""
    facts: dict[str, Any] = {
        "reference": reference,
        "asked": order.wanted,
        "currency": order.currency,
    }
    try:
        async with open_run_context() as context:
            facts["project_id"] = context.project_id
            return await _order_at(context, order, facts)
    except NumberflowError as error:
        return stopped_order_report(error, (), **facts)


async def _order_at(
    context: RunContext, order: OrderNumbersParameters, facts: dict[str, Any]
) -> OrderReport:
    seen: dict[str, Intention] = {}
    limits = SpendLimits(order.max_today, order.max_monthly, order.currency)
    try:
        requirements = await number_order.look_up_requirements(context, order)
        new = new_purchase(context, order, facts["reference"], number_order.OPERATION)
        purchase = await open_purchase(context, new)
        lines = await in_thread(context.journal.intentions, purchase_id=purchase.id)
        seen.update({line.id: line for line in lines})
        existing = await number_order.current_order(context, purchase)
        sheaf: OrderPapers | None = None
        if existing is None or existing.state in number_order.FILLING:
            store = PaperStore.of(context.settings)
            details = (
                await papers.read_object(order.kyc, field="kyc", store=store) if order.kyc else None
            )
            files = {
                name: await papers.check_file(each.file, name=name, store=store)
                for name, each in order.attachments.items()
            }
            sheaf = check_papers(order, requirements, details, files)
        if not [
            line
            for line in lines
            if line.operation == CREATE and line.state is not IntentionState.REFUSED
        ]:
            quote = await number_order.quote_number_order(context, order, seed=facts["reference"])
            limits.check(quote.today, quote.monthly)
            await number_order.write_down_order(context, purchase, order, quote, limits)
        placed = await number_order.place_order(context, purchase, order, sheaf, limits, seen=seen)
        return order_report(placed, sorted(seen.values(), key=lambda line: line.position), **facts)
    except NumberflowError as error:
        return stopped_order_report(error, tuple(seen.values()), **facts)


async def sweep(open_run_context: OpenDesk) -> list[FollowLine]:
    """One sweep over the open number orders."""
    async with open_run_context() as context:
        return await follow_orders(context, {OrderKind.NUMBER: follow_number_order})


async def followed(open_run_context: OpenDesk) -> tuple[PendingWork, ...]:
    """Every order that the journal follows or followed."""
    async with open_run_context() as context:
        return await in_thread(context.journal.followed, context.project_id, open_only=False)


def submissions(simulator: Simulator) -> Counter[str]:
    """How often each order was really handed in."""
    return Counter(
        entry["path"].split("/")[-2]
        for entry in simulator.requests()
        if entry["operation"] == "submit_order" and entry["committed"]
    )


def unnamed_charges(
    simulator: Simulator, lines: Sequence[FollowLine], report: OrderReport | None
) -> list[str]:
    """Numbers that were charged and that neither the last report nor a sweep names."""
    named = {number.phone_number for line in lines for number in line.numbers}
    if report is not None:
        named |= {number.phone_number for number in report.numbers} | {
            item.subject for item in report.open_items
        }
    charged = {
        charge["phone_number"] for charge in simulator.charges() if charge["cause"] == "order"
    }
    return sorted(charged - named)
