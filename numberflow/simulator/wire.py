"""Things as JSON text: times, prices, available and active numbers. Pure.

Replies are built as text, because the active list is the simulator's most frequent reply: a page of
100 takes about a millisecond this way. Other modules decide what may be shown, and to whom.
Fidelity notes: docs/vendor/numbers-behaviour.md §14.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring as quoted

from numberflow.simulator.holdings import HeldNumber
from numberflow.simulator.provisioning import Job, SmsLink, VoiceLink, progress
from numberflow.simulator.stock import StockNumber


def api_time(moment: datetime) -> str:
    """UTC with microseconds and Z, as in live replies."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def callback_time(moment: datetime, nanoseconds: int) -> str:
    """The time format of Numbers callbacks.

    No zone, nine fraction digits (README, correction 7).
    """
    return (
        moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        + f"{nanoseconds:03d}"
    )


def money(currency: str, amount: Decimal) -> str:
    """A price. Amounts are decimal text."""
    return f'{{"currencyCode":"{currency}","amount":"{amount}"}}'


@lru_cache(maxsize=256)
def _kind(region_code: str, number_type: str, capability: tuple[str, ...]) -> str:
    listed = ",".join(f'"{name}"' for name in capability)
    return f'"regionCode":"{region_code}","type":"{number_type}","capability":[{listed}]'


def available_number(number: StockNumber, *, documents_required: bool) -> str:
    """AvailableNumber: eight keys."""
    return (
        f'{{"phoneNumber":"{number.phone_number}",'
        f"{_kind(number.region_code, number.number_type, number.capability)},"
        f'"setupPrice":{money(number.currency, number.setup)},'
        f'"monthlyPrice":{money(number.currency, number.monthly)},"paymentIntervalMonths":1,'
        f'"supportingDocumentationRequired":{"true" if documents_required else "false"}}}'
    )


def active_number(number: HeldNumber, project_id: str, now: datetime) -> str:
    """ActiveNumber: always thirteen keys.

    Unset values are empty text; unset times and schedules are null.
    """
    expire_at = "null" if number.expire_at is None else f'"{api_time(number.expire_at)}"'
    return (
        f'{{"phoneNumber":"{number.phone_number}","projectId":"{project_id}","displayName":{quoted(number.display_name)},'
        f"{_kind(number.region_code, number.number_type, number.capability)},"
        f'"money":{money(number.currency, number.monthly)},'
        f'"paymentIntervalMonths":{number.interval_months},'
        f'"nextChargeDate":"{api_time(number.next_charge_at)}","expireAt":{expire_at},'
        f'"smsConfiguration":{_sms(number.sms, number.sms_job, now)},'
        f'"voiceConfiguration":{_voice(number.voice, number.voice_job, now)},'
        f'"callbackUrl":{quoted(number.callback_url)}}}'
    )


def _sms(link: SmsLink, job: Job[SmsLink] | None, now: datetime) -> str:
    scheduled = "null"
    if job is not None:
        state = progress(job, now)
        if now >= job.ends_at:
            link = job.reached
        if state is not None:
            codes = job.error_codes if state.status == "FAILED" else ()
            scheduled = (
                f'{{"servicePlanId":{quoted(job.target.service_plan_id)},"campaignId":{quoted(job.target.campaign_id)},'
                f'"status":"{state.status}","lastUpdatedTime":"{api_time(state.last_updated_at)}",'
                f'"errorCodes":[{",".join(quoted(code) for code in codes)}]}}'
            )
    return (
        f'{{"servicePlanId":{quoted(link.service_plan_id)},"scheduledProvisioning":{scheduled},'
        f'"campaignId":{quoted(link.campaign_id)}}}'
    )


def _voice_ids(link: VoiceLink) -> tuple[str, str, str]:
    the_id = quoted(link.id)
    return (
        the_id if link.type == "RTC" else '""',
        the_id if link.type == "EST" else '""',
        the_id if link.type == "FAX" else '""',
    )


def _voice(link: VoiceLink, job: Job[VoiceLink] | None, now: datetime) -> str:
    scheduled = "null"
    if job is not None:
        state = progress(job, now)
        if now >= job.ends_at:
            link = job.reached
        if state is not None:
            app, trunk, service = _voice_ids(job.target)
            scheduled = (
                f'{{"appId":{app},"status":"{state.status}","lastUpdatedTime":"{api_time(state.last_updated_at)}",'
                f'"type":"{job.target.type}","trunkId":{trunk},"serviceId":{service}}}'
            )
    app, trunk, service = _voice_ids(link)
    # lastUpdatedTime at this level was null even on long-linked numbers (§6).
    return (
        f'{{"appId":{app},"scheduledVoiceProvisioning":{scheduled},"lastUpdatedTime":null,'
        f'"type":"{link.type}","trunkId":{trunk},"serviceId":{service}}}'
    )
