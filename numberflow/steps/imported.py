"""Change or remove an imported number (`PATCH` and `DELETE importedNumbers/{n}`).

Source: docs/vendor/imported-hosting-behaviour.md §9, §15.
"""

from __future__ import annotations

from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.imported import ImportedNumber, ImportedSmsSettings, ImportedUpdateRequest
from numberflow.steps import VendorStep, named
from numberflow.steps.link import link_result, release_order, sent
from numberflow.steps.reading import imported_or_none
from numberflow.steps.update import judge

UPDATE_IMPORTED, DELETE_IMPORTED = "update_imported", "delete_imported"


class UpdateImported(VendorStep):
    """The two halves of changing an imported number, bound to a client.

    The intention's `request` holds only what is to change: `display_name`, `callback_url`, `sms`
    {service_plan_id, campaign_id}; "" unlinks.

    Costs: nothing by itself, but unlinking a live service cannot be taken back.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the PATCH once. Raises what the client raises."""
        facts = sent(attempt.intention.request)
        sms = facts.get("sms")
        body = ImportedUpdateRequest(
            display_name=facts.get("display_name"),
            sms=None if sms is None else ImportedSmsSettings(**sms),
            callback_url=facts.get("callback_url"),
        )
        number = await self._client.imported_numbers.update(
            named(attempt.intention), body, watch=attempt
        )
        return Applied(
            result=link_result(number.phone_number, attempt.intention),
            note="the vendor took the change",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        return judge_update(await imported_or_none(self._client, named(intention)), intention)


class DeleteImported(VendorStep):
    """The two halves of removing an imported number, bound to a client.

    Costs: nothing; messaging of the number ends here. It may be imported again (assumed, §9).
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the removal once. Raises what the client raises."""
        number = named(attempt.intention)
        await self._client.imported_numbers.delete(number, watch=attempt)
        # The reply says nothing but yes: the sweep looks until the number is gone.
        order = release_order(number, attempt.intention)
        return Applied(result={"phone_number": number, **order}, note="the vendor took the removal")

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        return judge_delete(
            await imported_or_none(self._client, named(intention)), named(intention)
        )


def judge_update(number: ImportedNumber | None, intention: Intention) -> Evidence:
    """A change took effect as that of a rented number does (§9)."""
    return judge(number, intention, held_as="imported")


def judge_delete(number: ImportedNumber | None, phone_number: str) -> Evidence:
    """A removal took effect when the number is not imported any more."""
    if number is None:
        return Evidence(
            Finding.APPLIED,
            "the number is not imported any more",
            {"imported": False},
            {"phone_number": phone_number},
        )
    return Evidence(Finding.ABSENT, "the number is still imported", {"imported": True})
