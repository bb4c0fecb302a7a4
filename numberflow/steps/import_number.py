"""Import one number (`POST importedNumbers`).

Its messaging is routed to Sinch already, and from now on a plan and a campaign get it.

Source: docs/vendor/imported-hosting-behaviour.md §1, §8, §15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numberflow.errors import Rejected
from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.imported import ImportedNumber, ImportNumberRequest
from numberflow.models.vendor import SmsSettings
from numberflow.steps import VendorStep, named
from numberflow.steps.link import link_result
from numberflow.steps.reading import imported_or_none

OPERATION = "import"


class ImportNumber(VendorStep):
    """The two halves of importing one number, bound to a client.

    The intention's `request` holds `region_code`, `service_plan_id`, `campaign_id` ("" = none),
    `display_name` and `callback_url`.

    Costs: no price is published; count on one.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the import once. A 409 says that it is imported already.

        As wanted is as good, otherwise it stays a refusal.
        """
        facts = attempt.intention.request
        body = ImportNumberRequest(
            phone_number=named(attempt.intention),
            region_code=facts["region_code"],
            sms=SmsSettings(
                service_plan_id=facts["service_plan_id"], campaign_id=facts["campaign_id"] or None
            ),
            display_name=facts["display_name"],
            callback_url=facts["callback_url"],
        )
        try:
            number = await self._client.imported_numbers.import_number(body, watch=attempt)
        except Rejected as error:
            if error.status != 409:
                raise
            shown = await imported_or_none(self._client, named(attempt.intention))
            if shown is None or not linked_as(shown, facts):
                raise
            return Applied(
                result=link_result(shown.phone_number, attempt.intention),
                note="it was imported already, linked as wanted",
            )
        return Applied(
            result=link_result(number.phone_number, attempt.intention),
            note="the vendor imported the number",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        return judge(await imported_or_none(self._client, named(intention)), intention)


def judge(number: ImportedNumber | None, intention: Intention) -> Evidence:
    """An import took effect when the number is imported and linked as wanted.

    A link that is on its way, or has failed, counts as well: following it is somebody else's task.
    """
    if number is None:
        return Evidence(Finding.ABSENT, "the number is not imported", {"imported": False})
    wanted = intention.request
    plan, campaign = links_of(number)
    seen = {"imported": True, "service_plan_id": plan, "campaign_id": campaign}
    if not number.unreadable and _plan_failed(number, wanted):
        return Evidence(
            Finding.APPLIED,
            "the number is imported, and its plan could not be linked",
            seen,
            link_result(number.phone_number, intention),
        )
    if number.unreadable or not linked_as(number, wanted):
        return Evidence(
            Finding.INCONCLUSIVE,
            f"it is imported, and linked otherwise: {told_links(number)}",
            seen,
        )
    return Evidence(
        Finding.APPLIED,
        "the number is imported, linked as wanted",
        seen,
        link_result(number.phone_number, intention),
    )


def _plan_failed(number: ImportedNumber, wanted: Mapping[str, str]) -> bool:
    """Whether the wanted plan failed: its campaign is never tried then, nor shown (§12)."""
    sms = number.sms_configuration
    if sms is None or (job := sms.scheduled_provisioning) is None:
        return False
    shown = links_of(number)
    is_failed = job.status == "FAILED" and not sms.service_plan_id
    return is_failed and shown == (wanted["service_plan_id"], "")


def links_of(number: ImportedNumber) -> tuple[str, str]:
    """Plan and campaign that a number has, or is on its way to, a failed way included.

    "" for none.
    """
    sms = number.sms_configuration
    job = sms.scheduled_provisioning if sms else None

    def one(name: str) -> str:
        return (sms and getattr(sms, name)) or (job and getattr(job, name)) or ""

    return one("service_plan_id"), one("campaign_id")


def linked_as(number: ImportedNumber, wanted: Mapping[str, Any]) -> bool:
    """Whether plan and campaign are the wanted ones (`service_plan_id`, `campaign_id`)."""
    return links_of(number) == (wanted["service_plan_id"], wanted["campaign_id"] or "")


def told_links(number: ImportedNumber) -> str:
    """The links in words."""
    plan, campaign = links_of(number)
    return f"plan {plan or 'none'}, campaign {campaign or 'none'}"
