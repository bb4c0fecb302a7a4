"""Links that lead nowhere are found before anything is bought (docs/vendor/link-targets.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.hosting import HostingShop, importing, numbers, text_enabling
from support.purchases import order
from support.shop import Shop

from numberflow.client import Client
from numberflow.errors import BadInput
from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.link_targets import TargetKind
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.purchase.renting.standing import stand
from numberflow.simulator import BASE_URL, InProcessTransport

pytestmark = pytest.mark.anyio

WRONG: dict[str, dict[str, Any]] = {
    "sms": {"sms": {"service_plan_id": "retired"}},
    "campaign": {"sms": {"service_plan_id": "plan-1", "campaign_id": "CWRONG1"}},
    "voice": {"voice": {"app_id": "no-such-app"}},
    "trunk": {"voice": {"type": "EST", "trunk_id": "no-such-trunk"}},
    "fax": {"voice": {"type": "FAX", "service_id": "no-such-fax"}},
}
SURE = ("campaign", "trunk", "fax")


def listed(shop: Shop) -> Any:
    """The simulator knows only what it lists, among it a plan that is not usable any more."""
    shop.simulator.switches.set("link_targets", "listed")
    return shop.simulator.world.link_targets


def looks(shop: Shop) -> list[str]:
    """The operations of link targets that were called."""
    hosts = ("/provisioning/", "/campaigns/", "/voice/", "/trunking/", "/fax/")
    return [
        entry["operation"] for entry in shop.simulator.requests() if entry["path"].startswith(hosts)
    ]


def usable(shop: Shop, product: str) -> list[str]:
    """Ids that would do."""
    found = shop.simulator.link_targets()[product]
    return [
        each["other_id"] or each["id"]
        for each in found
        if each["status"] in ("ACTIVE", "APPROVED") and each["id"] != "retired"
    ]


@pytest.mark.parametrize("product", WRONG)
async def test_a_wrong_id_of_each_kind(tmp_path: Path, product: str) -> None:
    """Nothing is bought; the message names the id, the field and ids that would do.

    A plan or voice app that is only not listed may be older than the list: it takes the setting.
    """
    shop = Shop(tmp_path)
    targets = listed(shop)
    targets.put("sms", type(targets.of("sms")[0])("plan-1", "plan"))
    targets.put("sms", type(targets.of("sms")[0])("retired", "old", "DEPROVISIONING"))
    strict = {"refuse_unlisted_links": product not in (*SURE, "sms")}
    shop.settings = shop.settings.model_copy(update=strict)
    report = await shop.buy(order(quantity=2, **WRONG[product]))
    assert report is not None
    assert (RunOutcome.REFUSED, []) == (report.outcome, shop.simulator.charges())
    field, target = next(
        (f"{group}.{name}", value)
        for group, fields in WRONG[product].items()
        for name, value in fields.items()
        if value in ("retired", "CWRONG1") or value.startswith("no-such")
    )
    assert report.reason.startswith(f"{field}: {target} ")
    assert usable(shop, product)
    assert all(each in report.reason for each in usable(shop, product))
    if product == "sms":
        assert "DEPROVISIONING" in report.reason


@pytest.mark.parametrize("right", ["forbidden", "hidden"])
@pytest.mark.parametrize("product", WRONG)
async def test_a_key_without_the_right(tmp_path: Path, product: str, right: str) -> None:
    """What cannot be checked is a note, never a refusal."""
    shop = Shop(tmp_path)
    listed(shop)
    shop.simulator.switches.set("link_targets_right", right)
    async with shop.context() as context:
        await stand(context, order(**WRONG[product]), "PO-1")
        assert len(context.notes) == len(context.links_checked) > 0
        assert all("cannot be checked: the access key has no right" in n for n in context.notes)
    report = await shop.buy(order(quantity=1, **WRONG[product]))
    assert report is not None
    assert 1 == shop.simulator.rentals()


async def test_what_is_not_listed_is_a_note(tmp_path: Path) -> None:
    """A plan older than SMS apps and an app of Voice API v1 are in no list: nobody is stopped."""
    shop = Shop(tmp_path)
    listed(shop)
    both = {"sms": {"service_plan_id": "legacy"}, "voice": {"app_id": "v1-app"}}
    async with shop.context() as context:
        await stand(context, order(**both), "PO-1")
    cannot = "cannot be checked: it is not among the project's"
    assert [True, True] == [
        note.startswith(f"{name} {cannot}")
        for note, name in zip(
            context.notes,
            ("sms.service_plan_id: legacy", "voice.app_id: v1-app"),
            strict=True,
        )
    ]
    await shop.buy(order(quantity=1, **both))
    assert 1 == shop.simulator.rentals()


async def test_all_good_costs_one_read_for_each_link(tmp_path: Path) -> None:
    """Whatever the quantity, and however often a run quotes."""
    shop = Shop(tmp_path)
    listed(shop)
    both = {
        "sms": {
            "service_plan_id": shop.simulator.link_targets()["sms"][0]["id"],
            "campaign_id": usable(shop, "campaign")[0],
        },
        "voice": {"app_id": usable(shop, "voice")[0]},
    }
    async with shop.context() as context:
        for _ in range(2):
            await stand(context, order(quantity=3, **both), "PO-1")
        assert [] == context.notes
    assert ["fetch_campaign", "get_sms_app", "get_voice_service"] == sorted(looks(shop))


async def test_a_plan_is_known_by_either_id(tmp_path: Path) -> None:
    """By the app's id, or by its SMS service's, which takes the list (assumed)."""
    shop = Shop(tmp_path)
    listed(shop)
    by_service = shop.simulator.link_targets()["sms"][0]["other_id"]
    async with shop.context() as context:
        await stand(context, order(sms={"service_plan_id": by_service}), "PO-1")
        assert [] == context.notes
    assert ["get_sms_app", "list_sms_apps"] == looks(shop)


async def test_a_host_that_fails_holds_nobody_up(tmp_path: Path) -> None:
    """A product that does not answer cannot be checked; the purchase goes on."""
    shop = Shop(tmp_path)
    shop.simulator.faults.add(
        {"operation": "get_voice_service", "fault": "error_before", "times": 99}
    )
    async with shop.context() as context:
        await stand(context, order(voice={"app_id": "app"}), "PO-1")
    (note,) = context.notes
    assert "voice.app_id: app cannot be checked: the host of voice services" in note


async def test_a_resumed_purchase_does_not_look_again(tmp_path: Path) -> None:
    """Numbers that are written down are bought whatever becomes of a product since."""
    shop = Shop(tmp_path)
    with_app = order(quantity=1, voice={"app_id": "app"})
    await shop.buy(with_app)
    listed(shop)
    before = looks(shop)
    report = await shop.buy(with_app)
    assert report is not None
    assert (RunOutcome.DONE, before) == (report.outcome, looks(shop))


async def test_the_other_flows(tmp_path: Path) -> None:
    """order-numbers, import-numbers, text-enable-numbers and configure-numbers look, too."""
    shop = HostingShop(tmp_path)
    listed(shop)
    few = numbers(1)
    shop.simulator.world.add_held(1)
    (rented,) = [number.phone_number for number in shop.simulator.world.holdings]
    wrong = {"service_plan_id": "plan-hosting", "campaign_id": "CWRONG1"}
    refused = pytest.raises(BadInput, match=r"^sms\.campaign_id: CWRONG1 is missing")
    with refused:
        await shop.import_numbers(importing(few, sms=wrong))
    await shop.qualify_at_once(few)
    with refused:
        await shop.text_enable(text_enabling(few, sms=wrong))
    with refused:
        change = {"phone_numbers": [rented], "sms": wrong}
        await shop.configure(check_parameters(ConfigureParameters, change))
    sent = {entry["operation"] for entry in shop.simulator.requests() if entry["method"] != "GET"}
    assert {"token", "add_qualified"} >= sent - {"send_voice_challenge", "verify_voice_challenge"}


async def test_no_secret_of_a_voice_service_is_read(tmp_path: Path) -> None:
    """The reply carries one; neither the result nor an error shows it."""
    shop = Shop(tmp_path)
    async with Client(
        shop.settings, transport=InProcessTransport(shop.simulator), paced=False
    ) as client:
        found = await client.link_targets.service(TargetKind.VOICE_APP, "app")
        assert "never-keep" not in repr(found) + found.model_dump_json()
    assert BASE_URL == shop.settings.link_targets_url
