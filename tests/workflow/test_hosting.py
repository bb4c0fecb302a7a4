"""Numbers that live elsewhere from their deployments, on a worker.

Two questions to a person, and nothing of a letter or a code that stays anywhere.
"""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.letters import DIRECT, SIGNER, local_numbers
from support.runs import RunHere

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

IMPORT, QUALIFY, ENABLE = (
    f"{name}/{name}" for name in ("import-numbers", "qualify-numbers", "text-enable-numbers")
)
SMS = {"service_plan_id": "plan-0001", "campaign_id": "campaign-1"}
MARKS = ("Marked-Person-5c0e", "Marked-Street-5c0e", "marked-signer-5c0e", "Marked-Carrier-5c0e")
EMAIL = "marked-signer-5c0e@example.test"
LETTER = {
    "authorisedPerson": SIGNER | {"lastName": MARKS[0], "email": EMAIL},
    "address": DIRECT["directLoaInfo"]["address"] | {"street": MARKS[1]},
    "currentVoiceCarrier": MARKS[3],
}


@pytest.fixture
def qualified(office: Any) -> list[str]:
    """Two numbers that are ready to be text-enabled."""
    office.simulator.switches.set("qualification_check_s", 0)
    ready = local_numbers(2, first=len(office.simulator.qualified_numbers()))
    with office.simulator.world.lock:
        qualified = office.simulator.world.imported.qualified
        qualified.add(ready)
        for number in ready:
            qualified.take_invoices(qualified.all[number], accepted=True, after_s=0)
    return ready


def everything_kept(office: Any) -> bytes:
    """All files of all machines but the paper itself: logs, homes, results."""
    return b"".join(
        path.read_bytes()
        for path in Path(office.folder).rglob("*")
        if path.is_file() and path.name != "loa.json"
    )


def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every row of Prefect's database, as SQL."""
    (file,) = tmp_path_factory.getbasetemp().glob("prefect[0-9]*/prefect.db")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return "\n".join(connection.iterdump())


def orders_of(office: Any, numbers: list[str]) -> list[dict[str, Any]]:
    """The vendor's orders that hold one of these numbers."""
    return [
        order for order in office.simulator.hosting_orders() if set(numbers) & set(order["numbers"])
    ]


def test_a_letter_goes_out_once_it_is_confirmed(
    office: Any, qualified: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The form shows a masked address; a wrong one refuses, the right one sends the letter, once.

    No part of it stays in any place of ours or Prefect's.
    """
    paper = office.papers / "loa.json"
    paper.write_text(json.dumps(LETTER))
    form = {"phone_numbers": qualified, "sms": SMS, "loa": paper.name, "reference": "LOA-1"}
    first = office.prefect.start(form, ENABLE)
    office.prefect.suspended(first)
    question = office.prefect.form(first)
    assert "m…@example.test" in question["description"]
    assert {"email", "confirmed_by"} == set(question["schema"]["required"])
    office.prefect.resume(first, email="somebody-else@example.test", confirmed_by="Ada")
    run = office.prefect.ended(first)
    assert ("Refused", []) == (run["state_name"], orders_of(office, qualified))
    assert "is not the one in the letter" in run["state"]["message"]

    second = office.prefect.start(form, ENABLE)
    office.prefect.suspended(second)
    office.prefect.resume(second, email=f" {EMAIL.upper()} ", confirmed_by="Ada")
    run = office.prefect.ended(second)
    assert "Completed" == run["state_name"], run["state"]["message"]
    (order,) = orders_of(office, qualified)

    # The confirmation is remembered for this signer, so the same reference asks and sends nothing
    # more.
    third = office.prefect.start(form, ENABLE)
    assert "Completed" == office.prefect.ended(third)["state_name"]
    assert [order] == [{**each, "state": order["state"]} for each in orders_of(office, qualified)]

    told = "".join(
        json.dumps(
            [office.prefect.run(each), office.prefect.artifacts(each), office.prefect.logs(each)]
        )
        for each in (first, second, third)
    )
    rows = "".join(repr(line) for line in office.journal("LOA-1"))
    kept, database = everything_kept(office), prefect_database(tmp_path_factory)
    for mark in MARKS:
        assert mark.lower() not in (told + rows + database).lower()
        assert mark.lower().encode() not in kept.lower()


def test_a_call_with_one_wrong_code(office: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The number is called at once; a wrong code leads to a question and not to another call.

    A person asks for one, and its code proves the number.
    """
    office.simulator.switches.set("qualification_check_s", 1)
    number = "+13125550177"
    run_id = office.prefect.start(
        {"phone_numbers": [number], "method": "voice", "reference": "VOICE-1"}, QUALIFY
    )

    def rang() -> int:
        return sum(
            charge["kind"] == "voice_challenge" and charge["phone_number"] == number
            for charge in office.simulator.charges()
        )

    office.prefect.suspended(run_id)
    assert (1, True) == (
        rang(),
        "**3** tries are left" in office.prefect.form(run_id)["description"],
    )
    office.prefect.resume(run_id, answer="wrong5c0e")
    office.prefect.suspended(run_id)
    assert (1, True) == (rang(), "Type `call`" in office.prefect.form(run_id)["description"])
    office.prefect.resume(run_id, answer="call")
    office.prefect.suspended(run_id)
    assert 2 == rang()
    with office.simulator.world.lock:
        qualified = office.simulator.world.imported.qualified
        code = qualified.spoken_code(qualified.all[number])
    office.prefect.resume(run_id, answer=code)
    run = office.prefect.ended(run_id)
    assert ("Completed", "VERIFIED", 2) == (
        run["state_name"],
        office.simulator.qualified_numbers()[number],
        rang(),
    )
    assert "wrong5c0e" not in prefect_database(tmp_path_factory) + json.dumps(
        office.prefect.logs(run_id)
    )
    assert b"wrong5c0e" not in everything_kept(office)


def test_imported_and_followed(office: Any) -> None:
    """Several numbers are imported by orders from the deployment, and the sweep tells where they
    are.
    """
    numbers = local_numbers(3, first=700)
    form = {"phone_numbers": numbers, "sms": SMS, "numbers_per_order": 2, "reference": "IMP-1"}
    run_id = office.prefect.start(form, IMPORT)
    assert "Completed" == office.prefect.ended(run_id)["state_name"]
    assert [2, 1] == [len(order["numbers"]) for order in orders_of(office, numbers)]
    sweep = office.prefect.start({"reference": "IMP-1"}, "follow-orders/follow-orders")
    office.prefect.ended(sweep)
    rows = json.loads(office.prefect.artifacts(sweep)["follow-orders-report"]["data"])
    assert "IMP-1" in json.dumps(rows)
    assert 2 <= len(rows)


def test_a_checklist_and_a_guard(office: Any, qualified: list[str]) -> None:
    """The checklist of the invoice route names the numbers and the address.

    A release of a number that is not held is refused as a whole.
    """
    wanting = local_numbers(2, first=800)
    run_id = office.prefect.start({"phone_numbers": wanting, "reference": "INV-1"}, QUALIFY)
    assert "Completed" == office.prefect.ended(run_id)["state_name"]
    todo = office.prefect.artifacts(run_id)["qualify-numbers-checklist"]["data"]
    assert "orders@sinch.com" in todo
    assert all(number in todo for number in wanting)
    form = {"phone_numbers": [*qualified, "+12125559999"], "confirm_release": True}
    refused = office.prefect.ended(office.prefect.start(form, "release-numbers/release-numbers"))
    assert ("Refused", True) == (
        refused["state_name"],
        "holds no such number" in refused["state"]["message"],
    )


def test_nobody_to_ask(office: Any, qualified: list[str], run_here: RunHere) -> None:
    """Without a form a run refuses with exit 3 before anything is sent.

    The masked address and what to set, or where a form is.
    """
    paper = office.papers / "loa.json"
    paper.write_text(json.dumps(LETTER))

    letter = {"phone_numbers": qualified, "sms": SMS, "loa": paper.name, "reference": "CLI-1"}
    done = run_here("text-enable-numbers", letter)
    assert (3, []) == (done.code, orders_of(office, qualified)), done.err
    assert "m…@example.test" in done.out
    (digest,) = set(re.findall(r'signer_confirmed \\?"([0-9a-f]{32})', done.out))
    assert not [mark for mark in MARKS if mark.lower() in done.told.lower()]
    done = run_here("qualify-numbers", {"phone_numbers": ["+13125550188"], "method": "voice"})
    assert (3, False) == (
        done.code,
        "+13125550188" in office.simulator.qualified_numbers(),
    ), done.err
    assert "from its deployment" in done.out
    # A bare yes does not say whom; neither does a yes to somebody else, when the paper has changed
    # between the two runs.
    done = run_here("text-enable-numbers", letter | {"signer_confirmed": True})
    assert (3, []) == (done.code, orders_of(office, qualified)), done.told
    assert "does not say whom" in done.out
    other = SIGNER | {"email": "marked-signer-other@example.test"}
    paper.write_text(json.dumps(LETTER | {"authorisedPerson": other}))
    done = run_here("text-enable-numbers", letter | {"signer_confirmed": digest})
    assert (3, []) == (done.code, orders_of(office, qualified)), done.told
    assert "another signer" in done.out
    paper.write_text(json.dumps(LETTER))
    done = run_here("text-enable-numbers", letter | {"signer_confirmed": digest})
    assert (0, 1) == (done.code, len(orders_of(office, qualified))), done.told


def test_an_answer_that_nobody_reads(
    office: Any, qualified: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A resumed run that never comes to its question, because the paper is gone, leaves no e-mail
    in Prefect's database all the same.
    """
    paper = office.papers / "loa.json"
    paper.write_text(json.dumps(LETTER))
    run_id = office.prefect.start(
        {"phone_numbers": qualified, "sms": SMS, "loa": paper.name, "reference": "LOA-2"}, ENABLE
    )
    office.prefect.suspended(run_id)
    paper.unlink()
    office.prefect.resume(run_id, email=EMAIL, confirmed_by="Ada")
    run = office.prefect.ended(run_id)
    assert ("Refused", []) == (run["state_name"], orders_of(office, qualified))
    assert EMAIL not in prefect_database(tmp_path_factory).lower()
