"""What evidence holds besides its finding: what was seen, and the result that the journal keeps.

Which finding a look leads to is each judge's own table (test_judge_*.py). Emergency addresses have
theirs here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from support.lines import line

from numberflow.journal import Evidence, Intention, Operation
from numberflow.models.emergency import Absence, EmergencyAddress
from numberflow.models.hosting import HostingOrder, HostingOrderNumber
from numberflow.models.imported import ImportedNumber, QualifiedNumber
from numberflow.models.number_orders import NumberOrder
from numberflow.models.vendor import ActiveNumber, AvailableNumber
from numberflow.planning.hosting import Readiness
from numberflow.steps import (
    emergency,
    hosting,
    import_number,
    imported,
    number_orders,
    qualify,
    release,
    rent,
    rent_any,
    update,
)

NUMBER, OTHER = "+12125550101", "+12125550102"
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOME = EmergencyAddress(
    street_number="1", street_info="Lenox Rd", city="Atlanta", state="GA", postal_code="30324"
)
SPELT = EmergencyAddress.model_validate(
    HOME.model_dump(by_alias=True) | {"city": " ATLANTA ", "location": ""}
)
AWAY = EmergencyAddress.model_validate(HOME.model_dump(by_alias=True) | {"city": "Augusta"})
KEPT = {"phone_number": NUMBER}
SMS = {"service_plan_id": "p", "campaign_id": "c"}


def link(**wanted: str) -> dict[str, Any]:
    """A number whose link the sweep follows."""
    facts = {"number": NUMBER, "wanted": wanted, "before": {}}
    followed = {"kind": "link", "order_id": f"{NUMBER} p-1", "state": "sent", "facts": facts}
    return KEPT | {"order": followed}


LINKED = link(**SMS)
ORDERED = {
    "order": {
        "kind": "hosting_order",
        "order_id": "o-1",
        "state": "SUBMITTED",
        "facts": {"numbers": [NUMBER], "token": "nf-1", "what": "import"},
    }
}
BATCH = {
    "order": {
        "kind": "qualification",
        "order_id": "nf-1",
        "state": "added",
        "facts": {"numbers": [NUMBER], "method": "voice"},
    }
}


def row(operation: str = "rent", subject: str = NUMBER, **request: Any) -> Intention:
    """A line of the journal."""
    return line(operation=Operation(operation), subject=subject, request=request, result=None)


def active(**members: Any) -> ActiveNumber:
    """A held number as the vendor's JSON says it."""
    return ActiveNumber.model_validate({"phoneNumber": NUMBER} | members)


def imported_number(**members: Any) -> ImportedNumber:
    """An imported number as the vendor's JSON says it."""
    return ImportedNumber.model_validate({"phoneNumber": NUMBER} | members)


def with_job(
    *, status: str, plan: str = "p", linked: str = "", callback_url: Any = ""
) -> ImportedNumber:
    """An imported number with a job for a plan alone."""
    job = {"servicePlanId": plan, "status": status}
    sms = {"servicePlanId": linked, "scheduledProvisioning": job}
    return imported_number(smsConfiguration=sms, callbackUrl=callback_url)


def order(state: str) -> NumberOrder:
    """A number order."""
    return NumberOrder(order_id="o-1", state=state, updated_at=AT)


IMPORTED = imported_number(smsConfiguration={"servicePlanId": "p", "campaignId": "c"})
HOSTED = HostingOrder(hosting_order_id="o-1", state="SUBMITTED")
IMPORT = row("import_order", "nf-1", numbers=[NUMBER], method="voice")
BEFORE = {"state": "CREATED", "updated_at": "then"}
BLOCKED = {"state": "BLOCKED", "updated_at": AT.isoformat()}
READY, CALLED = Readiness.READY, Readiness.CALLED


@pytest.mark.parametrize(
    ("judged", "finding", "seen", "result"),
    [
        # an emergency address: ours in any spelling, another one, none, nothing to be read
        (lambda: provision(HOME), "applied", {"shown": True}, KEPT),
        (lambda: provision(SPELT), "applied", {"shown": True}, KEPT),
        (lambda: provision(AWAY), "absent", {"shown": True}, None),
        (lambda: provision(AWAY, AWAY), "applied", {"shown": True}, KEPT),
        (lambda: provision(Absence.ADDRESS), "absent", {"shown": False}, None),
        (lambda: provision(Absence.FEATURE), "inconclusive", {"shown": False}, None),
        (lambda: provision(None), "inconclusive", {"shown": False}, None),
        (lambda: deprovision(HOME), "absent", {"shown": True}, None),
        (lambda: deprovision(Absence.ADDRESS), "applied", {"shown": False}, KEPT),
        (lambda: deprovision(Absence.FEATURE), "inconclusive", {"shown": False}, None),
        (lambda: deprovision(None), "inconclusive", {"shown": False}, None),
        # rent
        (
            lambda: rent.judge(None, AvailableNumber(phone_number=NUMBER)),
            "absent",
            {"active": False, "available": True},
            None,
        ),
        (
            lambda: rent.judge(None, None),
            "inconclusive",
            {"active": False, "available": False},
            None,
        ),
        (
            lambda: rent_any.judge([], "m", before=(), claimed_by_others=()),
            "absent",
            {"held": 0, "marked": 0, "new_without_callback_url": 0},
            None,
        ),
        (
            lambda: rent_any.judge([active(), active()], "m", before=(), claimed_by_others=()),
            "inconclusive",
            {"held": 2, "marked": 0, "new_without_callback_url": 2},
            None,
        ),
        # release and update
        (
            lambda: release.judge(active()),
            "absent",
            {"phone_number": NUMBER, "expire_at": None},
            None,
        ),
        (lambda: release.judge(active(expireAt="soon")), "inconclusive", {"active": True}, None),
        (lambda: update.judge(None, row()), "inconclusive", {"active": False}, None),
        (
            lambda: update.judge(active(smsConfiguration="soon"), row(sms=SMS)),
            "inconclusive",
            {"active": True},
            None,
        ),
        (
            lambda: update.judge(active(), row(display_name="shop")),
            "absent",
            {"active": True, "missing": ["display_name"]},
            None,
        ),
        (
            lambda: update.judge(active(displayName="shop"), row(display_name="shop")),
            "applied",
            {"active": True},
            KEPT,
        ),
        (
            lambda: update.judge(
                active(smsConfiguration={"servicePlanId": "p", "campaignId": "c"}), row(sms=SMS)
            ),
            "applied",
            {"active": True},
            LINKED,
        ),
        # imported numbers
        (lambda: import_number.judge(None, row(**SMS)), "absent", {"imported": False}, None),
        (
            lambda: import_number.judge(IMPORTED, row(**SMS)),
            "applied",
            {"imported": True} | SMS,
            LINKED,
        ),
        (
            lambda: import_number.judge(imported_number(), row(**SMS)),
            "inconclusive",
            {"imported": True, "service_plan_id": "", "campaign_id": ""},
            None,
        ),
        (
            lambda: import_number.judge(
                imported_number(
                    smsConfiguration={"servicePlanId": "p", "campaignId": "c"}, callbackUrl=[]
                ),
                row(**SMS),
            ),
            "inconclusive",
            {"imported": True} | SMS,
            None,
        ),
        # the wanted plan failed, and its campaign was never tried
        (
            lambda: import_number.judge(with_job(status="FAILED"), row(**SMS)),
            "applied",
            {"imported": True, "service_plan_id": "p", "campaign_id": ""},
            LINKED,
        ),
        *(
            (
                lambda number=number: import_number.judge(number, row(**SMS)),
                "inconclusive",
                {"imported": True, "service_plan_id": plan, "campaign_id": ""},
                None,
            )
            for number, plan in (
                (with_job(status="FAILED", callback_url=[]), "p"),
                (with_job(status="FAILED", plan="q"), "q"),
                (with_job(status="FAILED", linked="p"), "p"),
                (with_job(status="WAITING"), "p"),
            )
        ),
        (lambda: imported.judge_update(None, row()), "inconclusive", {"imported": False}, None),
        (
            lambda: imported.judge_update(imported_number(callbackUrl=[]), row()),
            "inconclusive",
            {"imported": True},
            None,
        ),
        (
            lambda: imported.judge_update(
                IMPORTED, row(sms={"campaign_id": "d"}, callback_url="u")
            ),
            "absent",
            {"imported": True, "missing": ["sms", "callback_url"]},
            None,
        ),
        (
            lambda: imported.judge_update(IMPORTED, row(sms=SMS)),
            "applied",
            {"imported": True},
            LINKED,
        ),
        (lambda: imported.judge_delete(None, NUMBER), "applied", {"imported": False}, KEPT),
        (lambda: imported.judge_delete(IMPORTED, NUMBER), "absent", {"imported": True}, None),
        (
            lambda: import_number.judge(
                imported_number(smsConfiguration={"servicePlanId": "p"}),
                row(service_plan_id="p", campaign_id=""),
            ),
            "applied",
            {"imported": True, "service_plan_id": "p", "campaign_id": ""},
            link(service_plan_id="p"),
        ),
        # what is cleared or taken off is not there
        (
            lambda: imported.judge_update(
                imported_number(), row(display_name="", sms={"campaign_id": ""})
            ),
            "applied",
            {"imported": True},
            link(campaign_id=""),
        ),
        (
            lambda: imported.judge_update(imported_number(), row(sms={"campaign_id": "c"})),
            "absent",
            {"imported": True, "missing": ["sms"]},
            None,
        ),
        # hosting orders
        (
            lambda: hosting.judge_orders([HOSTED], [NUMBER], IMPORT),
            "applied",
            {"orders": ["o-1"]},
            ORDERED,
        ),
        (
            lambda: hosting.judge_orders([HOSTED, HOSTED], [NUMBER], IMPORT),
            "inconclusive",
            {"orders": ["o-1", "o-1"]},
            None,
        ),
        (
            lambda: hosting.judge_orders([HOSTED], [NUMBER, OTHER], IMPORT),
            "inconclusive",
            {"orders": ["o-1"], "numbers": 2},
            None,
        ),
        (lambda: hosting.judge_import_absence([]), "absent", {"orders": []}, None),
        (
            lambda: hosting.judge_import_absence([OTHER, NUMBER]),
            "inconclusive",
            {"orders": [], "imported": [NUMBER, OTHER]},
            None,
        ),
        (
            lambda: hosting.judge_text_enable_absence({NUMBER: READY}),
            "absent",
            {"orders": []},
            None,
        ),
        (
            lambda: hosting.judge_text_enable_absence(
                {f"{n:02}": CALLED for n in range(30)} | {"ready": READY}
            ),
            "inconclusive",
            {"orders": [], "not_ready": [f"{n:02}" for n in range(20)]},
            None,
        ),
        # qualification
        (lambda: qualify.judge_added([], IMPORT), "applied", {"missing": 0}, BATCH),
        (lambda: qualify.judge_added([NUMBER], IMPORT), "absent", {"missing": 1}, None),
        (
            lambda: qualify.judge_called(CALLED, NUMBER),
            "applied",
            {"state": "waiting for the code"},
            KEPT | {"state": "waiting for the code"},
        ),
        (
            lambda: qualify.judge_called(Readiness.BLOCKED, NUMBER),
            "inconclusive",
            {"state": "blocked"},
            None,
        ),
        (
            lambda: qualify.judge_verified(READY, NUMBER),
            "applied",
            {"state": "ready"},
            KEPT | {"state": "ready"},
        ),
        (
            lambda: qualify.judge_verified(CALLED, NUMBER),
            "absent",
            {"state": "waiting for the code"},
            None,
        ),
        (
            lambda: qualify.judge_verified(Readiness.UNKNOWN, NUMBER),
            "inconclusive",
            {"state": "not added"},
            None,
        ),
        # number orders
        (
            lambda: number_orders.judge_submit(
                NumberOrder(order_id="o-1", state="CREATED"), BEFORE
            ),
            "absent",
            {"state": "CREATED", "updated_at": None},
            None,
        ),
        (lambda: number_orders.judge_create(None, None), "inconclusive", {}, None),
        (
            lambda: number_orders.judge_create(None, NUMBER),
            "inconclusive",
            {"available": False},
            None,
        ),
        (
            lambda: number_orders.judge_create(AvailableNumber(phone_number=NUMBER), NUMBER),
            "absent",
            {"available": True},
            None,
        ),
        (lambda: number_orders.judge_submit(None, BEFORE), "inconclusive", {"state": None}, None),
        (
            lambda: number_orders.judge_submit(order("CREATED"), BEFORE),
            "absent",
            {"state": "CREATED", "updated_at": AT.isoformat()},
            None,
        ),
        (
            lambda: number_orders.judge_submit(order("IN_REVIEW"), BEFORE),
            "applied",
            {"state": "IN_REVIEW", "updated_at": AT.isoformat()},
            {"order_id": "o-1", "state": "IN_REVIEW", "updated_at": AT.isoformat()},
        ),
        (
            lambda: number_orders.judge_submit(order("BLOCKED"), BEFORE),
            "applied",
            {"state": "BLOCKED", "updated_at": AT.isoformat()},
            {"order_id": "o-1", "state": "BLOCKED", "updated_at": "then"},
        ),
        (
            lambda: number_orders.judge_submit(order("BLOCKED"), BLOCKED),
            "absent",
            {"state": "BLOCKED", "updated_at": AT.isoformat()},
            None,
        ),
        (
            lambda: number_orders.judge_submit(order("EXPIRED"), BEFORE),
            "inconclusive",
            {"state": "EXPIRED", "updated_at": AT.isoformat()},
            None,
        ),
    ],
)
def test_evidence(
    judged: Callable[[], Evidence], finding: str, seen: dict[str, Any], result: Any
) -> None:
    """Finding, what was seen and what is kept; a note for people, whatever its words."""
    evidence = judged()
    assert (finding, seen, result, None) == (
        evidence.finding,
        evidence.seen,
        evidence.result,
        evidence.subject,
    )
    assert evidence.note
    assert "None" not in evidence.note


def provision(shown: EmergencyAddress | Absence | None, *also: EmergencyAddress) -> Evidence:
    """What a read proves of attaching HOME."""
    return emergency.judge_provision(shown, (HOME, *also), NUMBER)


def deprovision(shown: EmergencyAddress | Absence | None) -> Evidence:
    """What a read proves of removing an address."""
    return emergency.judge_deprovision(shown, NUMBER)


def test_why_nothing_can_be_read() -> None:
    """A number that is not held is told from one that can have no address."""
    for judged in (provision, deprovision):
        assert "not held" in judged(None).note
        assert "E911" in judged(Absence.FEATURE).note


def test_other_links_are_named() -> None:
    """People read which plan and campaign an imported number has."""
    for shown, said in (
        (IMPORTED, "plan p, campaign c"),
        (imported_number(), "plan none, campaign none"),
    ):
        evidence = import_number.judge(shown, row(service_plan_id="q", campaign_id=""))
        assert evidence.note.endswith(said)


class Orders:
    """Hosting orders by state, and what of them was asked for."""

    def __init__(self, listed: dict[str, list[HostingOrder]]) -> None:
        self.listed = listed
        self.asked: list[Any] = []

    async def iterate(self, *, state: str, **criteria: Any) -> AsyncIterator[HostingOrder]:
        self.asked.append((state, criteria))
        for each in self.listed.get(state, []):
            yield each

    async def iterate_numbers(
        self, order_id: str, **page: Any
    ) -> AsyncIterator[HostingOrderNumber]:
        self.asked.append((order_id, page))
        yield HostingOrderNumber(phone_number=NUMBER)


def hosted(order_id: str, name: str) -> HostingOrder:
    return HostingOrder(hosting_order_id=order_id, display_name=name, state="SUBMITTED")


STATES = ["SUBMITTED", "WAITING_FOR_LOA_SIGNATURE", "IN_PROGRESS", "COMPLETED", "REJECTED"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("step", "order_type"),
    [
        (hosting.ImportOrder, "IMPORT"),
        (lambda client: hosting.TextEnable(client, None), "TYPE_TEXT_ENABLE"),
    ],
)
async def test_order_is_looked_for_in_every_state(
    step: Callable[[Any], Any], order_type: str
) -> None:
    """By its token, among the orders of its kind, plan and campaign.

    One that moves on while it is looked for is met twice, and is one. Its numbers have to be ours.
    """
    orders = Orders(
        {
            "SUBMITTED": [hosted("o-0", "Shop nf-2"), hosted("o-1", "Shop nf-1")],
            "IN_PROGRESS": [hosted("o-1", "Shop nf-1")],
        }
    )
    planned = row("import_order", "nf-1", numbers=[NUMBER], **SMS)
    evidence = await step(SimpleNamespace(hosting_orders=orders)).look(planned)
    assert ("applied", ORDERED) == (evidence.finding, evidence.result)
    criteria = {"order_type": order_type, **SMS}
    assert [*((state, criteria) for state in STATES), ("o-1", {"page_size": 100})] == orders.asked


@pytest.mark.anyio
async def test_numbers_are_looked_at_when_no_order_is_there() -> None:
    """Imported ones, or ones that are not ready any more, make its absence a person's case."""

    class Numbers:
        def __init__(self, shown: Any) -> None:
            self.shown = shown

        async def get(self, number: str) -> Any:
            assert number == NUMBER
            return self.shown

    planned = row("import_order", "nf-1", numbers=[NUMBER], **SMS)
    client: Any = SimpleNamespace(
        hosting_orders=Orders({}),
        imported_numbers=Numbers(IMPORTED),
        qualified_numbers=Numbers(QualifiedNumber(phone_number=NUMBER)),
    )
    evidence = await hosting.ImportOrder(client).look(planned)
    assert {"orders": [], "imported": [NUMBER]} == evidence.seen
    evidence = await hosting.TextEnable(client, None).look(planned)
    assert {"orders": [], "not_ready": [NUMBER]} == evidence.seen
    client.qualified_numbers.shown = QualifiedNumber(
        phone_number=NUMBER, state="GLOBAL_PROCESS_STATE_VERIFIED"
    )
    assert "absent" == (await hosting.TextEnable(client, None).look(planned)).finding
