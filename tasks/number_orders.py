"""The steps of a number order as Prefect tasks.

What each does is in `numberflow.purchase.number_orders.place`; here it gets papers, logs and
artifacts.

Papers are read by plain functions: a task's result may be stored, and what they return is personal.
"""

from __future__ import annotations

from collections.abc import Sequence

from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_run_logger

from numberflow.journal import Intention, Purchase
from numberflow.models.number_orders import NumberRequirements
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.models.wording import count_of, harmless
from numberflow.planning.kyc_form import form_text
from numberflow.planning.quote import Quote
from numberflow.purchase.number_orders import papers as order_papers
from numberflow.purchase.number_orders import place as number_order
from numberflow.purchase.number_orders.papers import OrderPapers
from numberflow.purchase.number_orders.place import Placed
from numberflow.purchase.number_orders.standing import stand_order
from numberflow.purchase.run_context import RunContext
from numberflow.purchase.spend_limits import SpendLimits
from tasks.papers import check_file, read_block, read_paper
from tasks.step import step

look_ahead = step("look ahead")(stand_order)
current_order = step("read order")(number_order.current_order)
write_down_order = step("write down the order")(number_order.write_down_order)


@step("look up requirements")
async def look_up_requirements(
    context: RunContext, order: OrderNumbersParameters
) -> NumberRequirements | None:
    """What an order of this region and type has to bring, also as an artifact; None: nothing.

    Costs: nothing. Repeat: safe.
    """
    requirements = await number_order.look_up_requirements(context, order)
    await acreate_markdown_artifact(
        markdown=harmless(form_text(requirements, order.region_code, order.number_type)),
        key="order-numbers-requirements",
        description=f"Requirements of {order.number_type} numbers in {order.region_code}",
    )
    if requirements is None:
        get_run_logger().info(
            "No registration is needed for %s numbers in %s", order.number_type, order.region_code
        )
    return requirements


async def read_papers(
    order: OrderNumbersParameters, requirements: NumberRequirements | None
) -> OrderPapers:
    """Read every paper once and hold them against the requirements, before an order exists.

    Costs: nothing. Repeat: safe.

    Raises:
        BadInput: everything that is missing, unreadable or wrong, by field; never what stands in
            it.
    """
    details = await read_paper(order.kyc, field="kyc") if order.kyc else None
    files = {
        name: await check_file(paper.file, name=f"attachments.{name}")
        for name, paper in order.attachments.items()
    }
    return order_papers.check_papers(order, requirements, details, files)


@step("choose and quote")
async def quote_order(
    context: RunContext, order: OrderNumbersParameters, seed: str, prefer: Sequence[str] = ()
) -> Quote:
    """Find the number and its price; of a quantity, the dearest price as often as wanted.

    Costs: nothing. Repeat: safe; nothing is reserved.

    Raises:
        BadInput: nothing matches; says what the vendor sells.
        SpendRefused: a price is missing or in another currency.
    """
    quote = await number_order.quote_number_order(context, order, seed=seed, prefer=prefer)
    get_run_logger().info(
        "Quote: %s, %s %s on completion, %s a month",
        count_of(len(quote.lines), "number"), quote.today, quote.currency, quote.monthly,
    )  # fmt: skip
    return quote


@step("place order")
async def place_order(
    context: RunContext,
    purchase: Purchase,
    order: OrderNumbersParameters,
    papers: OrderPapers | None,
    limits: SpendLimits,
    seen: dict[str, Intention],
) -> Placed:
    """Open the order, register, upload and hand it in, from wherever an earlier run stopped.

    Costs: the fees of its numbers, when the vendor completes it.
    Repeat: safe. Each open step is looked up at the vendor before anything is asked for again.
    """
    return await number_order.place_order(
        context,
        purchase,
        order,
        papers,
        limits,
        seen=seen,
        read_block=read_block,
        tell=get_run_logger().info,
    )
