"""Things of the imported-numbers API as JSON. Pure: facts and a moment in, JSON out."""

import json
from datetime import UTC, datetime
from typing import Any

from numberflow.simulator.imported.numbers import (
    DEPROVISIONING,
    Change,
    ImportedNumber,
    ImportedNumbers,
)
from numberflow.simulator.imported.order import (
    COMPLETED,
    DEFAULT_NNID,
    IMPORT,
    HostedNumber,
    HostingOrder,
)
from numberflow.simulator.imported.qualification import (
    ELIGIBLE_CHECK_PENDING,
    HOSTING_DONE,
    HOSTING_FAILED,
    NOT_ELIGIBLE,
    QualifiedNumber,
)
from numberflow.simulator.imported.steps import (
    CAMPAIGN,
    DONE,
    FAILED,
    HELD_ELSEWHERE,
    IN_PROGRESS,
    OSR,
    PLATFORM,
    WAITING,
    Step,
)
from numberflow.simulator.switches import Switches

STATE_PREFIX = "GLOBAL_PROCESS_STATE_"
SERVICE_PROVIDER = "Sinch America Inc."

Shown = dict[str, Any]


def as_json(shown: Shown) -> bytes:
    """Compact JSON."""
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def time_text(moment: datetime) -> str:
    """RFC 3339 with milliseconds and Z, as the samples of orders have it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


# -- imported numbers


def bare_number(
    numbers: ImportedNumbers,
    number: ImportedNumber,
    project_id: str,
    switches: Switches,
    now: datetime,
) -> Shown:
    """ImportedNumber: the reply to POST and PATCH."""
    return {
        "phoneNumber": number.phone_number,
        "projectId": project_id,
        "regionCode": number.region_code,
        "displayName": number.display_name,
        "smsConfiguration": _sms(numbers, number, switches, now),
        "callbackUrl": number.callback_url,
    }


def imported_number(
    numbers: ImportedNumbers,
    number: ImportedNumber,
    project_id: str,
    switches: Switches,
    now: datetime,
) -> Shown:
    """ImportedNumberResponse: the number with the state of its links and of the carriers."""
    shown = bare_number(numbers, number, project_id, switches, now)
    if number.plan is not None:
        shown["smsProvisioning"] = _provisioning("SMS", number.plan, now)
    if number.campaign is not None:
        shown["campaignProvisioning"] = _provisioning("CAMPAIGN", number.campaign, now)
        operation = "DEPROVISIONING" if number.campaign.type == DEPROVISIONING else "PROVISIONING"
        blocks = _carriers(number.campaign.step, now, number.campaign.created_at)
        if blocks:
            shown["mnoConfiguration"] = {
                name: block | {"operation": operation} for name, block in blocks.items()
            }
    return shown


def _sms(
    numbers: ImportedNumbers, number: ImportedNumber, switches: Switches, now: datetime
) -> Shown:
    def shown_id(change: Change | None) -> str:
        if change is None:
            return ""
        return change.asked(now) if switches.imported_ids_at_once else change.linked(now)

    sms: Shown = {"servicePlanId": shown_id(number.plan), "campaignId": shown_id(number.campaign)}
    scheduled = _scheduled(number, now)
    if scheduled is not None:
        sms["scheduledProvisioning"] = scheduled
    sms["migrateToSinchTmo"] = numbers.needs_move(number, now)
    return sms


def _scheduled(number: ImportedNumber, now: datetime) -> Shown | None:
    """The combined pending change of plan and campaign.

    It disappears when all is done, and has codes when something failed (§4).
    """
    changes = [change for change in (number.plan, number.campaign) if change is not None]
    states = [change.step.state(now) for change in changes]
    if all(state == DONE for state in states):
        return None
    failed = [change.step.failure for change in changes if change.step.state(now) == FAILED]
    pending = [state for state in states if state in (WAITING, IN_PROGRESS)]
    status = IN_PROGRESS if IN_PROGRESS in pending else (WAITING if pending else FAILED)

    def target(change: Change | None) -> str:
        return "" if change is None or change.type == DEPROVISIONING else change.service_id

    return {
        "servicePlanId": target(number.plan),
        "campaignId": target(number.campaign),
        "status": status,
        "lastUpdatedTime": time_text(number.updated_at(now)),
        "errorCodes": [failure.code for failure in failed if failure is not None]
        if status == FAILED
        else [],
    }


def _provisioning(service_type: str, change: Change, now: datetime) -> Shown:
    failure = change.step.failure if change.step.state(now) == FAILED else None
    return {
        "serviceType": service_type,
        "serviceId": change.service_id,
        "type": change.type,
        "state": change.step.state(now),
        "updateTime": time_text(change.step.updated_at(now, change.created_at)),
        "errorMessage": failure.message if failure is not None else "",
        "errorCode": failure.code if failure is not None else "",
    }


def _carriers(step: Step, now: datetime, created_at: datetime) -> Shown:
    """Carrier blocks of a campaign step; MMS mirrors SMS.

    Left out when the step fails before any carrier is asked (*assumed*).
    """
    failure = step.failure
    if failure is not None and not failure.carrier_code:
        return {}
    blocks: Shown = {}
    for carrier in ("Att", "Tmo"):
        refused = (
            failure is not None and carrier == "Tmo" and failure.carrier_code == HELD_ELSEWHERE
        )
        state = step.state(now)
        if state == FAILED and not refused:
            state = DONE
        bad = refused and state == FAILED and failure is not None
        block = {
            "state": state,
            "errorCode": failure.carrier_code if bad and failure is not None else "",
            "errorMessage": failure.message if bad and failure is not None else "",
            "updateTime": time_text(step.updated_at(now, created_at)),
        }
        blocks[f"sms{carrier}"] = block
        blocks[f"mms{carrier}"] = dict(block)
    return dict(sorted(blocks.items(), reverse=True))


# -- hosting orders


def hosting_order(order: HostingOrder, project_id: str, switches: Switches, now: datetime) -> Shown:
    """HostingOrder or ImportHostingOrder.

    A text-enable order shows its letter, which names a person.
    """
    wanted = order.wanted
    shown: Shown = {
        "projectId": project_id,
        "hostingOrderId": order.order_id,
        "displayName": wanted.display_name,
        "regionCode": wanted.region_code,
        "state": order.state(now),
        "type": wanted.kind,
        "createdTime": time_text(order.created_at),
        "updatedTime": time_text(order.updated_at(now)),
        "servicePlanId": wanted.service_plan_id,
        "campaignId": wanted.campaign_id,
        "migrateToSinchTmo": wanted.migrate,
        "callbackUrl": wanted.callback_url,
    }
    if wanted.kind == IMPORT:
        return shown
    if wanted.scheduled_at is not None:
        shown["scheduledOsrUpdateTime"] = time_text(wanted.scheduled_at)
    letter: Shown = {
        key: wanted.loa[key]
        for key in ("businessName", "authorisedPerson", "address", "currentVoiceCarrier")
        if wanted.loa is not None and key in wanted.loa
    }
    letter |= {"serviceProvider": SERVICE_PROVIDER, "nnid": wanted.nnid or DEFAULT_NNID}
    if wanted.loa_type:
        # No value is documented for a blanket letter.
        letter["loaType"] = wanted.loa_type.upper() if switches.loa_type_upper else wanted.loa_type
    shown[switches.loa_echo] = letter
    return shown


def hosted_number(
    order: HostingOrder, hosted: HostedNumber, project_id: str, now: datetime
) -> Shown:
    """HostingOrderNumber.

    A step that does not apply, or never will after a failure, is left out (*assumed*, §4).
    """
    wanted, steps = order.wanted, order.steps(hosted, now)
    failed = (
        any(step.state(now) == FAILED for step in steps.values())
        or order.rejected_at(now) is not None
    )

    def state(name: str) -> str | None:
        if name not in order.needed:
            return None
        if name in steps:
            return steps[name].state(now)
        return None if failed else WAITING

    shown: Shown = {
        "projectId": project_id,
        "hostingOrderId": order.order_id,
        "phoneNumber": hosted.phone_number,
    }
    for name, key, about in (
        (OSR, "osrUpdate", {"nnid": wanted.nnid or DEFAULT_NNID}),
        (PLATFORM, "platformProvisioning", {"servicePlanId": wanted.service_plan_id}),
        (CAMPAIGN, "campaignProvisioning", {"campaignId": wanted.campaign_id}),
    ):
        the_state = state(name)
        if the_state is not None:
            shown[key] = about | {"state": the_state}
    if CAMPAIGN in steps and steps[CAMPAIGN].state(now) != WAITING:
        shown |= _carriers(steps[CAMPAIGN], now, order.created_at)
    return shown


def report(order: HostingOrder, now: datetime) -> Shown:
    """HostingOrderReport: numbers whose step is DONE (*assumed* arithmetic, §4)."""
    done = dict.fromkeys((OSR, PLATFORM, CAMPAIGN), 0)
    for hosted in order.numbers.values():
        for name, step in order.steps(hosted, now).items():
            done[name] += step.state(now) == DONE
    return {
        "total": len(order.numbers),
        "osrUpdated": done[OSR],
        "smsProvisioned": done[PLATFORM],
        "addedToCampaign": done[CAMPAIGN],
        "ongoingManualAction": sum(
            hosted.is_parked and order.state(now) != COMPLETED for hosted in order.numbers.values()
        ),
    }


# -- qualified numbers


def qualified_number(
    number: QualifiedNumber, project_id: str, region_code: str, now: datetime
) -> Shown:
    """QualifiedNumber with its three checks, which agree with the state."""
    state = number.state(now)
    if state == ELIGIBLE_CHECK_PENDING:
        osr = IN_PROGRESS if now > number.created_at else WAITING
    else:
        osr = FAILED if state == NOT_ELIGIBLE else DONE
    ownership = number.ownership(now)
    hosted = {HOSTING_DONE: 1, HOSTING_FAILED: 2}.get(state, 0)
    return {
        "phoneNumber": number.phone_number,
        "projectId": project_id,
        "regionCode": region_code,
        "globalProcessState": STATE_PREFIX + state,
        "osrEligibility": {"status": osr, "error": number.not_eligible if osr == FAILED else ""},
        "ownershipVerification": {
            "status": ownership,
            "error": "ownership was not proven" if ownership == FAILED else "",
        },
        "hostedNumber": {"status": hosted, "error": "hosting failed" if hosted == 2 else ""},
        "createdTime": time_text(number.created_at),
        "updatedTime": time_text(number.updated_at(now)),
    }
