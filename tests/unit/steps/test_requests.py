"""What each costly step asks of the client and keeps of the answer, step by step.

A resumed run sends from the journal's row alone, so every fact of the row has to arrive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from support.letters import DIRECT
from support.lines import line

from numberflow.errors import NotFound, NotSent, OutcomeUnknown, Rejected
from numberflow.journal import Attempt, Brake, Evidence, Finding, Intention, Operation
from numberflow.models.emergency import Absence, EmergencyAddress, EmergencyAddressRequest
from numberflow.models.hosting import DirectLoa, HostingOrder
from numberflow.models.imported import ImportedNumber, QualifiedNumber
from numberflow.models.number_orders import NumberOrder
from numberflow.models.vendor import ActiveNumber, AvailableNumber
from numberflow.steps.emergency import Deprovision, Provision
from numberflow.steps.hosting import ImportOrder, TextEnable
from numberflow.steps.import_number import ImportNumber
from numberflow.steps.imported import DeleteImported, UpdateImported
from numberflow.steps.number_orders import CreateOrder, SubmitOrder
from numberflow.steps.qualify import AddNumbers, VerifyCode, VoiceChallenge
from numberflow.steps.reading import qualified_numbers
from numberflow.steps.release import Release
from numberflow.steps.rent import Rent
from numberflow.steps.rent_any import RentAny
from numberflow.steps.update import Update

pytestmark = pytest.mark.anyio

NUMBER, OTHER = "+12125550101", "+12125550102"
URL = "https://a.test/"
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
LETTER = DirectLoa.model_validate(DIRECT["directLoaInfo"])
CODE = SecretStr("123456")
ADDRESS = {
    "street_number": "1",
    "street_info": "Lenox Rd",
    "city": "Atlanta",
    "state": "GA",
    "postal_code": "30324",
}
HOME = EmergencyAddressRequest(display_name="Ada", **ADDRESS)
SMS, VOICE = {"service_plan_id": "p", "campaign_id": "c"}, {"type": "EST", "trunk_id": "t"}
SMS_WIRE, VOICE_WIRE = {"servicePlanId": "p", "campaignId": "c"}, {"type": "EST", "trunkId": "t"}


class Book:
    """A client that writes each call down and gives what is laid out for it."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, list[Any], dict[str, Any]]] = []

    def __getattr__(self, room: str) -> Any:
        return _Room(self, room)


class _Room:
    def __init__(self, book: Book, name: str) -> None:
        self._book, self._name = book, name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            sent = [each.to_wire() if hasattr(each, "to_wire") else each for each in given]
            self._book.calls.append((f"{self._name}.{name}", sent, named))
            answer = self._book.answers.get(name)
            return _listed(answer, named) if name.startswith("iterate") else _given(answer)

        return call


async def _given(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _listed(answer: Any, named: Mapping[str, Any]) -> AsyncIterator[Any]:
    for each in answer(**named) if callable(answer) else answer:
        yield each


def attempt(intention: Intention) -> Attempt:
    """A permitted request."""
    return Attempt(intention, 1, (), Brake())


def row(subject: str | None = NUMBER, /, operation: str = "rent", **request: Any) -> Intention:
    """A line of the journal that was not sent yet."""
    return line(subject=subject, operation=Operation(operation), request=request, result=None)


def order(kind: str, order_id: str, state: str, **facts: Any) -> dict[str, Any]:
    """What the sweep takes up."""
    return {"order": {"kind": kind, "order_id": order_id, "state": state, "facts": facts}}


def link(before: Mapping[str, str] | None = None, **wanted: str) -> dict[str, Any]:
    """A number whose link the sweep follows."""
    facts = {"number": NUMBER, "wanted": wanted, "before": before or {}}
    return {"phone_number": NUMBER} | order("link", f"{NUMBER} p-1", "sent", **facts)


SHARED = {
    "region_code": "US",
    "numbers": [NUMBER, OTHER],
    "service_plan_id": "p",
    "campaign_id": "c",
    "display_name": "Shop",
    "callback_url": URL,
}
SHARED_WIRE = {
    "regionCode": "US",
    "numbers": [NUMBER, OTHER],
    "servicePlanId": "p",
    "campaignId": "c",
    "displayName": "Shop nf-1",
    "callbackUrl": URL,
}
BARE = SHARED | {"campaign_id": "", "display_name": None, "callback_url": None}
BARE_WIRE = {
    "regionCode": "US",
    "numbers": [NUMBER, OTHER],
    "servicePlanId": "p",
    "displayName": "nf-1",
}
LATER, LATER_WIRE = "2026-12-01T10:00:00+01:00", "2026-12-01T09:00:00Z"
RENTED = {
    "phone_number": NUMBER,
    "monthly_price": None,
    "currency": None,
    "interval_months": 1,
    "next_charge_at": None,
}
LINKED = ImportedNumber.model_validate({"phoneNumber": NUMBER, "smsConfiguration": SMS_WIRE})
CORRECTED = EmergencyAddress(street_number="1A")
HOSTED = HostingOrder(hosting_order_id="o-1", state="SUBMITTED")
PLACED = NumberOrder.model_validate(
    {
        "idNumberOrder": "o-1",
        "state": "CREATED",
        "orderNumbers": [{"phoneNumber": NUMBER}],
        "createTime": "2026-11-23T12:00:00Z",
        "expireTime": "2026-11-25T12:00:00Z",
    }
)
ORDER = {
    "region_code": "AU",
    "number_type": "MOBILE",
    "sms": SMS,
    "voice": VOICE,
    "callback_url": URL,
    "criteria": {},
    "parameters": {"reference": "PO-1"},
}
ORDER_WIRE = {
    "regionCode": "AU",
    "numberType": "MOBILE",
    "smsConfiguration": SMS_WIRE,
    "voiceConfiguration": VOICE_WIRE,
    "callbackUrl": URL,
}
ANY = {
    "region_code": "US",
    "number_type": "LOCAL",
    "pattern": "+1307",
    "search_pattern": "START",
    "capabilities": ["SMS"],
    "sms": SMS,
    "voice": VOICE,
    "callback_url": URL,
}


def hosting(what: str, state: str = "SUBMITTED") -> dict[str, Any]:
    """A hosting order that the sweep follows."""
    return order("hosting_order", "o-1", state, numbers=[NUMBER, OTHER], token="nf-1", what=what)


def placed(state: str = "CREATED") -> dict[str, Any]:
    """A number order that the sweep follows."""
    return order(
        "number_order",
        "o-1",
        state,
        region_code="AU",
        number_type="MOBILE",
        phone_numbers=[NUMBER],
        created_at=PLACED.created_at and PLACED.created_at.isoformat(),
        expire_at=PLACED.expire_at and PLACED.expire_at.isoformat(),
        intention_id="i-0",
        sms=SMS,
        voice=VOICE,
        parameters={"reference": "PO-1"},
    )


STEPS: dict[str, tuple[Callable[[Any], Any], Intention, tuple[Any, ...], Any, dict[str, Any]]] = {
    # step: its row, the call (name, positions, names), the answer, what is kept
    "rent": (
        Rent,
        row(sms=SMS, voice=VOICE, callback_url=URL),
        (
            "available_numbers.rent",
            [
                NUMBER,
                {
                    "smsConfiguration": SMS_WIRE,
                    "voiceConfiguration": VOICE_WIRE,
                    "callbackUrl": URL,
                },
            ],
        ),
        ActiveNumber(phone_number=NUMBER),
        RENTED | link(service_plan_id="p", campaign_id="c", voice_type="EST", voice_id="t"),
    ),
    "rent any": (
        lambda client: RentAny(client, before=(), claimed_by_others=_nobody),
        row(None, "rent_any", **ANY),
        (
            "available_numbers.rent_any",
            [
                {
                    "regionCode": "US",
                    "type": "LOCAL",
                    "numberPattern": {"pattern": "+1307", "searchPattern": "START"},
                    "capabilities": ["SMS"],
                    "smsConfiguration": SMS_WIRE,
                    "voiceConfiguration": VOICE_WIRE,
                    "callbackUrl": URL,
                }
            ],
        ),
        ActiveNumber(phone_number=NUMBER),
        RENTED | link(service_plan_id="p", campaign_id="c", voice_type="EST", voice_id="t"),
    ),
    "update": (
        Update,
        row(display_name="shop", callback_url=URL, sms=SMS, voice=VOICE, before={"sms_plan": "q"}),
        (
            "active_numbers.update",
            [
                NUMBER,
                {
                    "displayName": "shop",
                    "callbackUrl": URL,
                    "smsConfiguration": SMS_WIRE,
                    "voiceConfiguration": VOICE_WIRE,
                },
            ],
        ),
        ActiveNumber(phone_number=NUMBER),
        link(
            {"sms_plan": "q"},
            service_plan_id="p",
            campaign_id="c",
            voice_type="EST",
            voice_id="t",
        ),
    ),
    "update of one thing": (
        Update,
        row(display_name="shop"),
        ("active_numbers.update", [NUMBER, {"displayName": "shop"}]),
        ActiveNumber(phone_number=NUMBER),
        {"phone_number": NUMBER},
    ),
    "release": (
        Release,
        row(operation="release"),
        ("active_numbers.release", [NUMBER]),
        ActiveNumber(phone_number=NUMBER, expire_at=AT),
        {"phone_number": NUMBER, "expire_at": AT.isoformat()},
    ),
    "release without an end yet": (
        Release,
        row(operation="release"),
        ("active_numbers.release", [NUMBER]),
        ActiveNumber(phone_number=NUMBER),
        {"phone_number": NUMBER, "expire_at": None}
        | order("release", f"{NUMBER} p-1", "sent", number=NUMBER, intention_id="i-0"),
    ),
    "provision": (
        lambda client: Provision(client, HOME),
        row(operation="provision_emergency"),
        ("emergency_addresses.provision", [NUMBER, HOME.to_wire()]),
        None,
        {"phone_number": NUMBER},
    ),
    "deprovision": (
        Deprovision,
        row(operation="deprovision_emergency"),
        ("emergency_addresses.deprovision", [NUMBER]),
        None,
        {"phone_number": NUMBER},
    ),
    "order of one number": (
        CreateOrder,
        row(operation="create_order", **ORDER),
        ("number_orders.create", [ORDER_WIRE | {"numberOrderOption": {"phoneNumbers": [NUMBER]}}]),
        PLACED,
        placed(),
    ),
    "order by quantity": (
        CreateOrder,
        row(None, "create_order", **ORDER | {"criteria": {"quantity": 2}}),
        ("number_orders.create", [ORDER_WIRE | {"quantityOrderOption": {"requestedQuantity": 2}}]),
        PLACED,
        placed(),
    ),
    "submit": (
        lambda client: SubmitOrder(client, ["Ada"]),
        row("o-1", "submit_order", state="CREATED", updated_at=None),
        ("number_orders.submit", ["o-1"], {"hidden": ("Ada",)}),
        NumberOrder(order_id="o-1", state="IN_REVIEW", updated_at=AT),
        {"order_id": "o-1", "state": "IN_REVIEW", "updated_at": AT.isoformat()},
    ),
    "submit, its texts not at hand": (
        SubmitOrder,
        row("o-1", "submit_order", state="CREATED", updated_at="then"),
        ("number_orders.submit", ["o-1"], {"hidden": None}),
        NumberOrder(order_id="o-1", state="BLOCKED", updated_at=AT),
        {"order_id": "o-1", "state": "BLOCKED", "updated_at": "then"},
    ),
    "import": (
        ImportNumber,
        row(operation="import", **SHARED),
        (
            "imported_numbers.import_number",
            [
                {
                    "phoneNumber": NUMBER,
                    "regionCode": "US",
                    "smsConfiguration": SMS_WIRE,
                    "displayName": "Shop",
                    "callbackUrl": URL,
                }
            ],
        ),
        ImportedNumber(phone_number=NUMBER),
        link(service_plan_id="p", campaign_id="c"),
    ),
    "import without a campaign": (
        ImportNumber,
        row(operation="import", **BARE),
        (
            "imported_numbers.import_number",
            [
                {
                    "phoneNumber": NUMBER,
                    "regionCode": "US",
                    "smsConfiguration": {"servicePlanId": "p"},
                }
            ],
        ),
        ImportedNumber(phone_number=NUMBER),
        link(service_plan_id="p"),
    ),
    "update of an imported number": (
        UpdateImported,
        row(operation="update_imported", display_name="shop", callback_url=URL, sms=SMS, then={}),
        (
            "imported_numbers.update",
            [NUMBER, {"displayName": "shop", "callbackUrl": URL, "smsConfiguration": SMS_WIRE}],
        ),
        ImportedNumber(phone_number=NUMBER),
        link(service_plan_id="p", campaign_id="c"),
    ),
    "update of an imported number's name": (
        UpdateImported,
        row(operation="update_imported", display_name="shop"),
        ("imported_numbers.update", [NUMBER, {"displayName": "shop"}]),
        ImportedNumber(phone_number=NUMBER),
        {"phone_number": NUMBER},
    ),
    "removal of an imported number": (
        DeleteImported,
        row(operation="delete_imported"),
        ("imported_numbers.delete", [NUMBER]),
        None,
        {"phone_number": NUMBER}
        | order("release", f"{NUMBER} p-1", "sent", number=NUMBER, intention_id="i-0"),
    ),
    "import order": (
        ImportOrder,
        row("nf-1", "import_order", **SHARED, migrate_to_sinch_tmo=True),
        (
            "hosting_orders.import_numbers",
            [SHARED_WIRE | {"migrateToSinchTmo": True}],
            {"numbers_max": 2},
        ),
        HOSTED,
        hosting("import"),
    ),
    "import order without the rest": (
        ImportOrder,
        row("nf-1", "import_order", **BARE, migrate_to_sinch_tmo=False),
        ("hosting_orders.import_numbers", [BARE_WIRE], {"numbers_max": 2}),
        HostingOrder(hosting_order_id="o-1"),
        hosting("import", ""),
    ),
    "text-enable": (
        lambda client: TextEnable(client, LETTER),
        row("nf-1", "text_enable", **SHARED, toll_free=False, nnid="123456", scheduled_at=LATER),
        (
            "hosting_orders.text_enable",
            [SHARED_WIRE | DIRECT | {"nnid": "123456", "scheduledOsrUpdateTime": LATER_WIRE}],
        ),
        HOSTED,
        hosting("text-enable"),
    ),
    "text-enable without the rest": (
        lambda client: TextEnable(client, LETTER),
        row("nf-1", "text_enable", **BARE, toll_free=False, nnid=None, scheduled_at=None),
        ("hosting_orders.text_enable", [BARE_WIRE | DIRECT]),
        HOSTED,
        hosting("text-enable"),
    ),
    "text-enable, toll-free": (
        lambda client: TextEnable(client, LETTER),
        row("nf-1", "text_enable", **SHARED, toll_free=True, nnid=None, scheduled_at=LATER),
        (
            "hosting_orders.text_enable_toll_free",
            [
                {name: each for name, each in SHARED_WIRE.items() if name != "campaignId"}
                | DIRECT
                | {"scheduledZipwhipProvisioningTime": LATER_WIRE}
            ],
        ),
        HOSTED,
        hosting("text-enable"),
    ),
    "call": (
        VoiceChallenge,
        row(operation="voice_challenge"),
        ("qualified_numbers.send_voice_challenge", [NUMBER]),
        QualifiedNumber(phone_number=NUMBER, state="GLOBAL_PROCESS_STATE_VERIFICATION_PENDING"),
        {"phone_number": NUMBER, "state": "waiting for the code"},
    ),
    "code": (
        lambda client: VerifyCode(client, CODE),
        row(operation="verify_code"),
        ("qualified_numbers.verify_voice_challenge", [NUMBER, CODE]),
        QualifiedNumber(phone_number=NUMBER, state="GLOBAL_PROCESS_STATE_VERIFIED"),
        {"phone_number": NUMBER, "state": "ready"},
    ),
}


async def _nobody(_: Intention) -> tuple[str, ...]:
    return ()


@pytest.mark.parametrize(
    ("step", "planned", "call", "answer", "kept"), STEPS.values(), ids=STEPS.keys()
)
async def test_request(
    step: Callable[[Any], Any],
    planned: Intention,
    call: tuple[Any, ...],
    answer: Any,
    kept: dict[str, Any],
) -> None:
    """One call with all that the row says, watched by the journal; the result is what is kept."""
    name, positions, *names = call
    book, permitted = Book({name.rpartition(".")[2]: answer}), attempt(planned)
    applied = await step(book).do(permitted)
    assert [(name, positions, {**dict(*names), "watch": permitted})] == book.calls
    assert (kept, True) == (applied.result, bool(applied.note))


KNOWN = QualifiedNumber(phone_number=NUMBER, state="GLOBAL_PROCESS_STATE_VERIFIED")
BATCH = row("qualify-1", "add_numbers", numbers=[NUMBER, OTHER], method="voice")
FOLLOWED = order("qualification", "qualify-1", "added", numbers=[NUMBER, OTHER], method="voice")
GONE = NotFound("404", code="NOT_FOUND", resource_type="ActiveNumber AvailableNumber NumberOrder")
FOREIGN = NotFound("<html>", status=404)


@pytest.mark.parametrize(
    ("known", "added"), [((), [NUMBER, OTHER]), ((NUMBER,), [OTHER]), ((NUMBER, OTHER), [])]
)
async def test_only_unknown_numbers_are_added(known: tuple[str, ...], added: list[str]) -> None:
    """No number's check is started twice, and without a missing one nothing is sent."""

    class Known(Book):
        async def get(self, number: str) -> QualifiedNumber:
            if number not in known:
                raise GONE
            return QualifiedNumber(phone_number=number)

    book, permitted = Known({}), attempt(BATCH)
    book.qualified_numbers = _Both(book.get, _Room(book, "qualified_numbers"))
    applied = await AddNumbers(book).do(permitted)  # type: ignore[arg-type]
    sent = [("qualified_numbers.add", [added], {"watch": permitted})] if added else []
    assert (sent, FOLLOWED) == (book.calls, applied.result)
    assert f"{len(added)} of 2" in applied.note


class _Both:
    """Reads of one kind, and a room that writes the rest down."""

    def __init__(self, get: Callable[..., Any], room: _Room) -> None:
        self.get, self.add = get, room.add


async def test_a_wrong_code_is_taken_as_well() -> None:
    """The result says which it was; only the journal's reader decides."""
    failed = QualifiedNumber(phone_number=NUMBER, state="GLOBAL_PROCESS_STATE_VERIFICATION_FAILED")
    steps = [
        VerifyCode(Book({"verify_voice_challenge": shown}), CODE)  # type: ignore[arg-type]
        for shown in (KNOWN, failed)
    ]
    right, wrong = [await step.do(attempt(row(operation="verify_code"))) for step in steps]
    assert ("ready", "proof failed") == (right.result["state"], wrong.result["state"])
    assert ("right" in right.note, "wrong" in wrong.note) == (True, True)


@pytest.mark.parametrize("step", [TextEnable, VerifyCode])
async def test_without_its_secret_nothing_is_sent(step: Callable[..., Any]) -> None:
    """A letter or code that was not read is no reason to send without it."""
    book = Book({})
    with pytest.raises(NotSent, match="nothing was sent"):
        await step(book, None).do(attempt(row("nf-1", "text_enable")))
    assert [] == book.calls


@pytest.mark.parametrize(
    ("status", "shown", "taken"),
    [
        (409, {"servicePlanId": "p", "campaignId": "c"}, True),
        (409, {"servicePlanId": "q", "campaignId": "c"}, False),
        (409, None, False),
        (400, {"servicePlanId": "p", "campaignId": "c"}, False),
    ],
)
async def test_imported_already(status: int, shown: dict[str, str] | None, taken: bool) -> None:
    """A 409 is as good as an import when the number is linked as wanted; else it is a refusal."""
    refusal = Rejected("no", status=status)
    number = ImportedNumber.model_validate({"phoneNumber": NUMBER, "smsConfiguration": shown})
    answers = {"import_number": refusal, "get": number if shown else GONE}
    book = Book(answers)
    step = ImportNumber(book)  # type: ignore[arg-type]
    permitted = attempt(row(operation="import", **SHARED))
    if taken:
        applied = await step.do(permitted)
        assert link(service_plan_id="p", campaign_id="c") == applied.result
        assert "already" in applied.note
        assert ("imported_numbers.get", [NUMBER], {}) == book.calls[-1]
    else:
        with pytest.raises(Rejected) as caught:
            await step.do(permitted)
        assert refusal is caught.value


@pytest.mark.parametrize(
    ("step", "planned", "name"),
    [
        (Rent, row(), "rent"),
        (CreateOrder, row(operation="create_order", **ORDER), "create"),
    ],
)
async def test_foreign_404(step: Callable[[Any], Any], planned: Intention, name: str) -> None:
    """A gateway's 404 to a costly request says nothing: its outcome is unknown."""
    with pytest.raises(OutcomeUnknown) as caught:
        await step(Book({name: FOREIGN})).do(attempt(planned))
    assert (404, "foreign_404") == (caught.value.status, caught.value.cause)
    assert FOREIGN.message in caught.value.message
    with pytest.raises(NotFound):
        await step(Book({name: GONE})).do(attempt(planned))


@pytest.mark.parametrize(
    ("shown", "evidence"),
    [
        (
            EmergencyAddress(**ADDRESS),
            Evidence(
                Finding.INCONCLUSIVE,
                "the number shows another address, which may be what was sent",
                {"shown": True},
            ),
        ),
        (
            Absence.ADDRESS,
            Evidence(Finding.ABSENT, "the number shows no address", {"shown": False}),
        ),
        (
            CORRECTED,
            Evidence(
                Finding.APPLIED,
                "the number shows the address",
                {"shown": True},
                {"phone_number": NUMBER},
            ),
        ),
    ],
)
async def test_an_address_that_is_only_looked_for(shown: Any, evidence: Evidence) -> None:
    """The journal keeps none, so another one proves nothing; and nothing is ever sent."""
    book = Book({"get": shown})
    step = Provision(book, None, [CORRECTED])
    assert evidence == await step.look(row())
    with pytest.raises(NotSent, match="not to be sent as it is, so nothing was sent"):
        await step.do(attempt(row()))
    assert ["emergency_addresses.get"] == [name for name, _, _ in book.calls]
    sent = Provision(Book({"get": shown}), HOME)
    assert Finding.INCONCLUSIVE is not (await sent.look(row())).finding


LOOKS: dict[str, tuple[Any, ...]] = {
    # step: its row, its reads when nothing is there, something that a read shows, what that proves
    "rent": (
        Rent,
        row(),
        [("active_numbers.get", NUMBER), ("available_numbers.get", NUMBER)],
        ActiveNumber(phone_number=NUMBER),
        ("applied", RENTED),
    ),
    "update": (
        Update,
        row(display_name="shop"),
        [("active_numbers.get", NUMBER)],
        ActiveNumber(phone_number=NUMBER, display_name="shop"),
        ("applied", {"phone_number": NUMBER}),
    ),
    "release": (
        Release,
        row(),
        [("active_numbers.get", NUMBER)],
        ActiveNumber(phone_number=NUMBER, expire_at=AT),
        ("applied", {"phone_number": NUMBER, "expire_at": AT.isoformat()}),
    ),
    "provision": (
        lambda client: Provision(client, HOME),
        row(),
        [("emergency_addresses.get", NUMBER)],
        EmergencyAddress(**ADDRESS),
        ("applied", {"phone_number": NUMBER}),
    ),
    "provision of what the vendor corrects": (
        lambda client: Provision(client, HOME, [CORRECTED]),
        row(),
        [("emergency_addresses.get", NUMBER)],
        CORRECTED,
        ("applied", {"phone_number": NUMBER}),
    ),
    "deprovision": (
        Deprovision,
        row(),
        [("emergency_addresses.get", NUMBER)],
        Absence.ADDRESS,
        ("applied", {"phone_number": NUMBER}),
    ),
    "order of one number": (
        CreateOrder,
        row(operation="create_order"),
        [("available_numbers.get", NUMBER)],
        AvailableNumber(phone_number=NUMBER),
        ("absent", None),
    ),
    "submit": (
        SubmitOrder,
        row("o-1", "submit_order", state="CREATED", updated_at="then"),
        [("number_orders.get", "o-1")],
        NumberOrder(order_id="o-1", state="BLOCKED", updated_at=AT),
        ("applied", {"order_id": "o-1", "state": "BLOCKED", "updated_at": "then"}),
    ),
    "import": (
        ImportNumber,
        row(**SMS),
        [("imported_numbers.get", NUMBER)],
        LINKED,
        ("applied", link(**SMS)),
    ),
    "update of an imported number": (
        UpdateImported,
        row(sms=SMS),
        [("imported_numbers.get", NUMBER)],
        LINKED,
        ("applied", link(**SMS)),
    ),
    "removal": (
        DeleteImported,
        row(),
        [("imported_numbers.get", NUMBER)],
        LINKED,
        ("absent", None),
    ),
    "batch": (
        AddNumbers,
        BATCH,
        [("qualified_numbers.get", NUMBER), ("qualified_numbers.get", OTHER)],
        KNOWN,
        ("applied", FOLLOWED),
    ),
    "call": (
        VoiceChallenge,
        row(),
        [("qualified_numbers.get", NUMBER)],
        KNOWN,
        ("applied", {"phone_number": NUMBER, "state": "ready"}),
    ),
    "code": (
        lambda client: VerifyCode(client, None),
        row(),
        [("qualified_numbers.get", NUMBER)],
        KNOWN,
        ("applied", {"phone_number": NUMBER, "state": "ready"}),
    ),
}


@pytest.mark.parametrize(
    ("step", "planned", "reads", "shown", "proven"), LOOKS.values(), ids=LOOKS.keys()
)
async def test_look(
    step: Callable[[Any], Any],
    planned: Intention,
    reads: list[tuple[str, str]],
    shown: Any,
    proven: tuple[str, Any],
) -> None:
    """A look proves something by what the vendor shows, and by its own 404.

    A 404 of a gateway or a route proves nothing, and goes on.
    """
    evidence = await step(Book({"get": shown})).look(planned)
    assert proven == (evidence.finding, evidence.result)
    book = Book({"get": GONE})
    evidence = await step(book).look(planned)
    assert ([(name, [subject], {}) for name, subject in reads], True) == (
        book.calls,
        bool(evidence.note),
    )
    with pytest.raises(NotFound):
        await step(Book({"get": FOREIGN})).look(planned)


async def test_look_for_any_number() -> None:
    """Among those held of the kind: not one of before, nor one that another intention holds."""
    before, theirs, ours = NUMBER, OTHER, "+12125550103"
    planned = row(None, "rent_any", **ANY, marker="m")
    asked: list[Intention] = []

    async def claimed(intention: Intention) -> list[str]:
        asked.append(intention)
        return [theirs]

    book = Book({"iterate": [ActiveNumber(phone_number=each) for each in (before, theirs, ours)]})
    step = RentAny(book, before=[before], claimed_by_others=claimed)  # type: ignore[arg-type]
    evidence = await step.look(planned)
    assert ("applied", ours) == (evidence.finding, (evidence.result or {})["phone_number"])
    criteria = {each: ANY[each] for each in ("region_code", "number_type", "pattern")}
    assert [("active_numbers.iterate", [], criteria | {"search_pattern": "START"})] == book.calls
    assert [planned] == asked


async def test_look_for_a_removed_number() -> None:
    """Gone is done, and the result names the number."""
    evidence = await DeleteImported(Book({"get": GONE})).look(row())  # type: ignore[arg-type]
    assert ("applied", {"phone_number": NUMBER}) == (evidence.finding, evidence.result)


async def test_look_for_an_order_by_quantity() -> None:
    """There is no read that could tell."""
    book = Book({})
    evidence = await CreateOrder(book).look(row(None, "create_order"))  # type: ignore[arg-type]
    assert ("inconclusive", {}, []) == (evidence.finding, evidence.seen, book.calls)


@pytest.mark.parametrize(
    ("stop_at", "late"),
    [("GLOBAL_PROCESS_STATE_ELIGIBLE", 0), ("GLOBAL_PROCESS_STATE_HOSTING_DONE", 2)],
)
async def test_many_numbers_are_read_in_lists(stop_at: str, late: int) -> None:
    """Above twenty the lists of the states are read, until all are found.

    One that is in none of them is asked for by name; the answer keeps the order of the question.
    """
    asked = [f"+1212555{n:04d}" for n in range(21)][::-1]

    def listed(state: str, page_size: int) -> list[QualifiedNumber]:
        assert page_size == 100
        there = asked[late:] if state == "GLOBAL_PROCESS_STATE_ELIGIBLE" else ["+12125559999"]
        return [QualifiedNumber(phone_number=each, state=state) for each in there]

    book = Book({"iterate": listed, "get": GONE})
    shown = await qualified_numbers(book, asked)  # type: ignore[arg-type]
    assert asked == list(shown)
    assert asked[:late] == [each for each, number in shown.items() if number is None]
    states = [named["state"] for name, _, named in book.calls if name.endswith("iterate")]
    assert (stop_at, len(set(states))) == (states[-1], len(states))
    by_name = [given for name, given, _ in book.calls if name.endswith("get")]
    assert [[each] for each in sorted(asked[:late])] == by_name


async def test_few_numbers_are_read_one_by_one() -> None:
    """Up to twenty need no list."""
    asked = [f"+1212555{n:04d}" for n in range(20)]
    book = Book({"get": KNOWN})
    assert dict.fromkeys(asked, KNOWN) == await qualified_numbers(book, asked)  # type: ignore[arg-type]
    assert {"qualified_numbers.get"} == {name for name, _, _ in book.calls}
