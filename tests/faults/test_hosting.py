"""Import, bulk import, qualification, text-enabling and deleting meet every fault.

The vendor's orders and ledger judge.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.counts import count
from support.dying import Fate
from support.hosting import HostingShop, importing, numbers, qualifying_order, text_enabling
from support.mishaps import LAG_LONG_S, MISHAPS, Mishap, reduced

from numberflow.journal import IntentionState
from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome

pytestmark = pytest.mark.anyio

Run = Callable[[HostingShop, Fate | None], Awaitable[Any]]


async def _import_one(shop: HostingShop, fate: Fate | None) -> Any:
    return await shop.import_numbers(importing(numbers(1)), fate=fate)


async def _import_three(shop: HostingShop, fate: Fate | None) -> Any:
    return await shop.import_numbers(importing(numbers(3)), fate=fate)


async def _text_enable(shop: HostingShop, fate: Fate | None) -> Any:
    return await shop.text_enable(text_enabling(numbers(3)), fate=fate)


async def _add_numbers(shop: HostingShop, fate: Fate | None) -> Any:
    return await shop.qualify(qualifying_order(numbers(3)), fate=fate)


async def _delete(shop: HostingShop, fate: Fate | None) -> Any:
    return await shop.release_all(
        check_parameters(ReleaseParameters, {"phone_numbers": numbers(3), "confirm_release": True}),
        fate=fate,
    )


async def _relink(shop: HostingShop, fate: Fate | None) -> Any:
    other = {"service_plan_id": "plan-other", "campaign_id": "campaign-other"}
    order = check_parameters(
        ConfigureParameters, {"phone_numbers": numbers(3), "sms": other, "confirm_unlink": True}
    )
    return await shop.configure(order, fate=fate)


# For each step that costs something: the operation that meets the fault, what a run does, and what
# has to be there first.
RUNS: dict[str, tuple[str, Run]] = {
    "import": ("import_number", _import_one),
    "import_order": ("import_numbers", _import_three),
    "add_numbers": ("add_qualified", _add_numbers),
    "text_enable": ("text_enable", _text_enable),
    "delete": ("delete_imported", _delete),
    "relink": ("update_imported", _relink),
}
CASES = [
    pytest.param(step, mishap, mode, id=f"{step}-{mishap}-{mode}", marks=reduced(mishap, mode))
    for step in RUNS
    for mishap in MISHAPS
    for mode in ("once", "always", "resumed-before", "resumed-after")
    if "update" in mishap.operations
    and not (mode == "always" and mishap.dies)
    and not (mode in ("always", "resumed-after") and mishap.variant)
]


@pytest.mark.parametrize(("step", "mishap", "mode"), CASES)
async def test_never_twice(step: str, mishap: Mishap, mode: str, tmp_path: Path) -> None:
    """Whatever happens, no number is in two orders or imported twice, nothing leaves unwritten, and
    the next run ends the matter.
    """
    count("fault-matrix cases")
    operation, run = RUNS[step]
    shop = HostingShop(tmp_path)
    if step == "text_enable":
        await shop.qualify_at_once(numbers(3))
    if step in ("delete", "relink"):
        await shop.imported_at_once(numbers(3))
    if mode.startswith("resumed"):
        assert await run(shop, Fate("request", after=mode == "resumed-after", costly=True)) is None
    if mishap.rule is not None:
        shop.simulator.faults.add(
            {"operation": operation, "times": None if mode == "always" else 1, **mishap.rule}
        )
    ended = await run(
        shop, Fate("request", after=mishap.dies == "after", costly=True) if mishap.dies else None
    )
    # Nothing is left to send after a request that took effect before the process died: then there
    # is nothing to die at.
    assert ended is not None or mishap.dies
    ended = ended or await run(shop, None)
    assert ended is not None
    assert [] == misjudged(shop, *ended)

    shop.simulator.faults.clear()
    await shop.wait(2 * LAG_LONG_S)
    ended = await run(shop, None)
    assert ended is not None
    report, rows = ended
    assert [] == misjudged(shop, report, rows)
    assert {IntentionState.DONE} == {
        row.state for row in rows if row.state is not IntentionState.REFUSED
    }, [row.reason for row in rows]
    assert RunOutcome.DONE == report.outcome, report.model_dump_json(indent=1)
    # Reads that catch up within the settling time are enough to send nothing that the vendor has to
    # refuse.
    assert mishap.lags_long or [] == refused_as_there(shop)


def misjudged(shop: HostingShop, report: Any, rows: Any) -> list[str]:
    """What the journal says against what the vendor has."""
    orders = {order["hosting_order_id"] for order in shop.simulator.hosting_orders()}
    imported = {
        number["phoneNumber"]: plan_of(number) for number in shop.simulator.imported_numbers()
    }
    wrong = []
    for row in rows:
        if row.state is not IntentionState.DONE:
            continue
        if (
            row.operation in ("import_order", "text_enable")
            and row.result["order"]["order_id"] not in orders
        ):
            wrong.append(f"{row} is done, and the vendor has no such order")
        if row.operation == "import" and row.subject not in imported:
            wrong.append(f"{row} is done, and the vendor has not imported it")
        if row.operation == "delete_imported" and row.subject in imported:
            wrong.append(f"{row} is done, and the vendor has it still")
        if (
            row.operation == "update_imported"
            and row.fingerprint.startswith("change")
            and imported[str(row.subject)] != "plan-other"
        ):
            wrong.append(f"{row} is done, and the number is on another plan")
    papers = (shop.journal_file.read_bytes() + report.model_dump_json().encode()).lower()
    wrong += [
        f"a part of the letter is kept: {mark}"
        for mark in ("ada@example", "sample road", "example telco")
        if mark.encode() in papers
    ]
    told = {line.phone_number for line in report.numbers}
    untold = {number for number in shop.in_orders() if number not in told}
    return [
        *wrong,
        *shop.doubled(),
        *shop.unwritten,
        *(f"no report names {number}" for number in sorted(untold)),
    ]


def plan_of(number: Any) -> str:
    """The plan that a number is on, or on its way to."""
    sms = number["smsConfiguration"]
    return str(sms.get("scheduledProvisioning", {}).get("servicePlanId") or sms["servicePlanId"])


def refused_as_there(shop: HostingShop) -> list[str]:
    """Costly requests that the vendor refused because their effect was there already.

    Somebody did not look.
    """
    return [
        f"{entry['operation']} was answered {entry['status']}"
        for entry in shop.simulator.requests()
        if entry["status"] == 409
        or (entry["operation"].startswith("text_enable") and entry["status"] == 400)
    ]


async def _call(shop: HostingShop, fate: Fate | None) -> Any:
    return await shop.call(qualifying_order(numbers(1), method="voice"), fate=fate)


@pytest.mark.parametrize(
    ("mishap", "mode"),
    [
        pytest.param(*case.values[1:], id=str(case.id).removeprefix("import-"), marks=case.marks)
        for case in CASES
        if case.values[0] == "import"
    ],
)
async def test_a_telephone_never_rings_twice(mishap: Mishap, mode: str, tmp_path: Path) -> None:
    """Whatever happens to the request for a call, and however often the run is started again.

    One asking, one ring at most, and then a person is asked.
    """
    count("fault-matrix cases")
    shop = HostingShop(tmp_path)
    # Added before the faults, so that the first costly request of the run is the call.
    await shop.qualify(qualifying_order(numbers(1), method="voice"))
    if mode.startswith("resumed"):
        assert (
            await _call(shop, Fate("request", after=mode == "resumed-after", costly=True)) is None
        )
    if mishap.rule is not None:
        times = None if mode == "always" else 1
        shop.simulator.faults.add(
            {"operation": "send_voice_challenge", "times": times, **mishap.rule}
        )
    await _call(
        shop, Fate("request", after=mishap.dies == "after", costly=True) if mishap.dies else None
    )
    shop.simulator.faults.clear()
    for _ in range(3):
        await shop.wait(2 * LAG_LONG_S)
        ended = await _call(shop, None)
        assert ended is not None
        report, rows = ended
        calls = [
            row
            for row in rows
            if row.operation == "voice_challenge" and row.state is IntentionState.DONE
        ]
        asked = [row for row in rows if row.operation == "voice_challenge"]
        rang = sum(shop.entered("voice_challenge").values())
        # A call that surely did not ring (not sent, 429, refused) may be asked for again; one of
        # which nobody knows may not.
        assert rang <= 1, [(row.state, row.reason) for row in asked]
        assert len(calls) <= rang
        assert rang or calls or RunOutcome.NEEDS_PERSON == report.outcome
    assert [] == shop.unwritten
