"""Numbers and pages in the form of live replies, for tests of reading them."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

# Text as JSON can carry it: half surrogate pairs have tests of their own.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_id = st.sampled_from(["", "plan-1", "01k0q7b2m4x8", "C00001"])
_time = st.sampled_from(["2026-08-27T12:00:00.123456Z", "2026-12-01T00:00:00Z"])
_maybe_time = st.none() | _time
_sms_job = st.fixed_dictionaries(
    {
        "servicePlanId": _id,
        "campaignId": _id,
        "status": st.sampled_from(["WAITING", "FAILED"]),
        "lastUpdatedTime": _time,
        "errorCodes": st.lists(st.sampled_from(["A", "CAMPAIGN_NOT_AVAILABLE"]), max_size=3),
    }
)
_voice_ids = {
    "appId": _id,
    "trunkId": _id,
    "serviceId": _id,
    "type": st.sampled_from(["RTC", "EST", "FAX"]),
}
_voice_job = st.fixed_dictionaries(
    {**_voice_ids, "status": st.just("IN_PROGRESS"), "lastUpdatedTime": _time}
)
live_numbers = st.fixed_dictionaries(
    {
        "phoneNumber": st.integers(10_000, 10**14).map(lambda digits: f"+{digits}"),
        "projectId": st.just("6f0c2b7e"),
        "displayName": texts,
        "regionCode": st.sampled_from(["US", "GB"]),
        "type": st.sampled_from(["LOCAL", "MOBILE"]),
        "capability": st.lists(st.sampled_from(["SMS", "VOICE"]), max_size=2),
        "money": st.fixed_dictionaries(
            {"currencyCode": st.just("USD"), "amount": st.sampled_from(["0.50", "1", "12.3456"])}
        ),
        "paymentIntervalMonths": st.integers(0, 12),
        "nextChargeDate": _time,
        "expireAt": _maybe_time,
        "smsConfiguration": st.fixed_dictionaries(
            {"servicePlanId": _id, "scheduledProvisioning": st.none() | _sms_job, "campaignId": _id}
        ),
        "voiceConfiguration": st.fixed_dictionaries(
            {
                **_voice_ids,
                "scheduledVoiceProvisioning": st.none() | _voice_job,
                "lastUpdatedTime": _maybe_time,
            }
        ),
        "callbackUrl": _id,
    }
)
live_pages = st.lists(live_numbers, max_size=5)


def page(numbers: list[dict[str, Any]], *, ascii_only: bool = False, **members: Any) -> bytes:
    """A page in the form of live replies."""
    whole = {"activeNumbers": numbers, "nextPageToken": "", "totalSize": len(numbers), **members}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=ascii_only).encode()


def live(index: int) -> dict[str, Any]:
    """A number in the live form."""
    rng = random.Random(index)
    return {
        "phoneNumber": f"+1202555{index:04d}",
        "projectId": "p",
        "displayName": rng.choice(["", "Sales"]),
        "regionCode": "US",
        "type": "LOCAL",
        "capability": ["SMS", "VOICE"],
        "money": {"currencyCode": "USD", "amount": "0.50"},
        "paymentIntervalMonths": 1,
        "nextChargeDate": "2026-12-01T00:00:00.000001Z",
        "expireAt": "2026-12-01T00:00:00.000001Z",
        "smsConfiguration": {
            "servicePlanId": "plan",
            "scheduledProvisioning": None,
            "campaignId": "",
        },
        "voiceConfiguration": {
            "appId": "app",
            "scheduledVoiceProvisioning": None,
            "lastUpdatedTime": None,
            "type": "RTC",
            "trunkId": "",
            "serviceId": "",
        },
        "callbackUrl": "https://example.com",
    }
