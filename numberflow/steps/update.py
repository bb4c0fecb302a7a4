"""Change a held number (`PATCH activeNumbers/{n}`): name, SMS link, voice link, callback URL.

An empty id unlinks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.imported import ImportedNumber
from numberflow.models.vendor import ActiveNumber, UpdateRequest, VoiceConfiguration
from numberflow.steps import ACTIVE_NUMBER, VendorStep, named, read_or_none
from numberflow.steps.link import link_result, sent

OPERATION = "update"


class Update(VendorStep):
    """The two halves of changing a number, bound to a client.

    The intention's `request` holds only what is to change: `display_name`, `callback_url`, `sms`
    {service_plan_id, campaign_id}, `voice` {type, app_id | trunk_id | service_id}; "" unlinks or
    clears.

    Costs: nothing by itself, but unlinking a live service cannot be taken back. Source:
    docs/vendor/numbers-behaviour.md §7.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the PATCH once. Raises what the client raises."""
        facts = attempt.intention.request
        body = UpdateRequest(
            display_name=facts.get("display_name"),
            callback_url=facts.get("callback_url"),
            sms=facts.get("sms"),
            voice=facts.get("voice"),
        )
        number = await self._client.active_numbers.update(
            named(attempt.intention), body, watch=attempt
        )
        return Applied(
            result=link_result(number.phone_number, attempt.intention),
            note="the vendor took the change",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        number = await read_or_none(
            self._client.active_numbers.get(named(intention)), ACTIVE_NUMBER
        )
        return judge(number, intention)


def judge(
    number: ActiveNumber | ImportedNumber | None, intention: Intention, *, held_as: str = "active"
) -> Evidence:
    """A change took effect when the number shows it, or a job towards it, failed jobs included.

    Source: docs/vendor/numbers-behaviour.md §6, §7.
    """
    seen = {held_as: number is not None}
    if number is None:
        return Evidence(Finding.INCONCLUSIVE, "the number is not held", seen)
    # An unreadable job is not "no job".
    unreadable = {
        name
        for part in (number, number.sms_configuration, _voice(number))
        if part is not None
        for name in part.unreadable
    }
    if unreadable:
        names = ", ".join(sorted(unreadable))
        return Evidence(Finding.INCONCLUSIVE, f"cannot be read: {names}", seen)
    missing = [
        name
        for name, wanted in sent(intention.request).items()
        if wanted is not None and not _shows(number, name, wanted)
    ]
    if missing:
        note = f"neither state nor job shows the wanted {', '.join(missing)}"
        return Evidence(Finding.ABSENT, note, seen | {"missing": missing})
    return Evidence(
        Finding.APPLIED,
        "the number shows the wanted state or a job towards it",
        seen,
        link_result(number.phone_number, intention),
    )


def _voice(number: ActiveNumber | ImportedNumber) -> VoiceConfiguration | None:
    return number.voice_configuration if isinstance(number, ActiveNumber) else None


def _shows(number: ActiveNumber | ImportedNumber, name: str, value: Any) -> bool:
    if name == "sms":
        return _shows_sms(number, value)
    if name == "voice":
        return _shows_voice(number, value)
    return str(getattr(number, name) or "") == str(value)


def _shows_sms(number: ActiveNumber | ImportedNumber, value: Mapping[str, str | None]) -> bool:
    config = number.sms_configuration
    job = config.scheduled_provisioning if config else None
    wanted = {name: each for name, each in value.items() if each is not None}
    for holder in (job, config):
        if holder is not None and all(
            (getattr(holder, name) or "") == each for name, each in wanted.items()
        ):
            return True
    return config is None and not any(wanted.values())


def _shows_voice(number: ActiveNumber | ImportedNumber, value: Mapping[str, str | None]) -> bool:
    config = _voice(number)
    job = config.scheduled_voice_provisioning if config else None
    for holder in (job, config):
        names = [
            name
            for name in value
            if value[name] is not None and (name != "type" or any(_ids(value)))
        ]
        if holder is not None and all(
            (getattr(holder, name) or "") == value[name] for name in names
        ):
            return True
    return config is None and not any(_ids(value))


def _ids(value: Mapping[str, str | None]) -> list[str | None]:
    return [value.get(name) for name in ("app_id", "trunk_id", "service_id")]
