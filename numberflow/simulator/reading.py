"""Read values from requests strictly: enums, patterns, links. What is refused changes nothing."""

import re
from collections.abc import Callable
from typing import Any

from numberflow.simulator import problems
from numberflow.simulator.operations import Call
from numberflow.simulator.provisioning import VoiceLink
from numberflow.simulator.stock import StockNumber
from numberflow.simulator.switches import Switches
from numberflow.simulator.wanted import Wanted

NUMBER_TYPES = ("MOBILE", "LOCAL", "TOLL_FREE")
CAPABILITIES = ("SMS", "VOICE")
SEARCH_PATTERNS = ("START", "CONTAINS", "END")
ID_OF_VOICE_TYPE = {"RTC": "appId", "EST": "trunkId", "FAX": "serviceId"}
_PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
_REGION = re.compile(r"[A-Z]{2}")
# ISO 3166-1 reserves these for private use, so they can never mean a country.
_NO_COUNTRY = re.compile(r"AA|Q[M-Z]|X[A-Z]|ZZ")
_DISPLAY_NAME_MAX = 255  # characters (*assumed*, table entry 32)


def phone_number(call: Call) -> str:
    """The number in the path. Raises Problem 400 unless it is E.164 with a plus."""
    value = call.path["phone_number"]
    if not _PHONE_NUMBER.fullmatch(value):
        raise problems.bad_field("phone_number", f"Invalid phone_number {value}")
    return value


def is_phone_number(value: str) -> bool:
    """Whether a text is E.164 with a plus."""
    return _PHONE_NUMBER.fullmatch(value) is not None


def region(value: str | None, switches: Switches, *, required: bool) -> str | None:
    """A region code.

    Raises Problem 400 if it is missing though required, or (by switch) not a region.
    """
    if value is None:
        if required:
            raise problems.bad_field("region_code", "region_code is required")
        return None
    odd = not _REGION.fullmatch(value) or _NO_COUNTRY.fullmatch(value)
    if odd and switches.odd_region == "refused":
        raise problems.bad_field("region_code", f"Invalid region_code {value}")
    return value


def choice(value: str | None, allowed: tuple[str, ...], field: str) -> str | None:
    """An enum value; None stays None. Raises Problem 400 with the documented text."""
    if value is not None and value not in allowed:
        raise problems.bad_value(field, value)
    return value


def choices(
    values: list[str], allowed: tuple[str, ...], field: str, *, comma_joined: bool
) -> frozenset[str]:
    """Repeated enum values; comma-joined ones only under the switch."""
    if comma_joined:
        values = [part for value in values for part in value.split(",")]
    for value in values:
        choice(value, allowed, field)
    return frozenset(values)


def size(
    value: str | None, field: str, snake: str, default: int, most: int, switches: Switches
) -> int:
    """A count of items. Too large a count is clamped silently.

    Raises Problem 400 for anything but a number, and by switch for less than one (*assumed*).
    """
    if value is None:
        return min(default, most)
    if not re.fullmatch(r"-?[0-9]{1,10}", value):
        raise problems.bad_value(field, value)
    if int(value) < 1:
        if switches.odd_size == "default":
            return min(default, most)
        raise problems.bad_field(snake, f"Invalid {snake} {value}")
    return min(int(value), most)


def page_size_max(call: Call, switches: Switches) -> int:
    """Most items in a page of this reply."""
    most: int = switches.page_size_max
    return min(most, call.page_size_cap or most)


class Pattern:
    """A digit pattern, compared with the whole E.164 text.

    START needs the plus and country code to find anything (§4).
    """

    def __init__(self, pattern: str | None, search_pattern: str | None, switches: Switches) -> None:
        choice(search_pattern, SEARCH_PATTERNS, "numberPattern.searchPattern")
        self._finds_nothing = (
            pattern is not None and re.fullmatch(r"\+(0[0-9]*)?", pattern) is not None
        )
        odd = self._finds_nothing and switches.odd_pattern == "refused"
        if pattern is not None and (odd or not re.fullmatch(r"\+[0-9]*|[0-9]+", pattern)):
            raise problems.bad_field("number_pattern", f"Invalid number_pattern {pattern}")
        self.text = pattern
        # Absent means CONTAINS (*assumed*, §4).
        self.how = search_pattern or "CONTAINS"

    @property
    def prefix(self) -> str | None:
        """What a matching number begins with ("" without pattern). None: only `fits` knows."""
        if self.text is None:
            return ""
        return self.text if self.how == "START" and not self._finds_nothing else None

    def fits(self, number: str) -> bool:
        """Whether a number matches; no pattern matches everything."""
        if self.text is None:
            return True
        if self._finds_nothing:
            return False
        if self.how == "START":
            return number.startswith(self.text)
        return number.endswith(self.text) if self.how == "END" else self.text in number


def text(holder: dict[str, Any], key: str, field: str) -> str | None:
    """A text member of a body; None if it is absent or null.

    Raises Problem 400 for anything but text.
    """
    value = holder.get(key)
    if value is not None and not isinstance(value, str):
        raise problems.bad_value(field, str(value))
    return value


def criteria(body: dict[str, Any], switches: Switches) -> Callable[[StockNumber], bool]:
    """Pattern and capabilities of a body, as a test of numbers. Raises Problem 400."""
    given = body.get("numberPattern") or {}
    if not isinstance(given, dict):
        raise problems.bad_value("numberPattern", str(given))
    pattern = Pattern(
        text(given, "pattern", "pattern") or None,
        text(given, "searchPattern", "searchPattern") or None,
        switches,
    )
    listed = body.get("capabilities") or []
    if not isinstance(listed, list):
        raise problems.bad_value("capabilities", str(listed))
    names = [str(one) for one in listed]
    needed = choices(names, CAPABILITIES, "capabilities", comma_joined=False)
    return lambda number: needed <= set(number.capability) and pattern.fits(number.phone_number)


def _group(body: dict[str, Any], key: str, field: str) -> dict[str, Any] | None:
    """A configuration object. An object without content makes the call fail (§5)."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise problems.bad_value(key, str(value))
    if not any(item is not None for item in value.values()):
        raise problems.bad_field(field, f"{field} must not be empty")
    return value


def wanted(body: dict[str, Any], *, update: bool) -> Wanted:
    """Links, name and address in a rent or update body. Unknown members are ignored.

    Raises Problem 400. An update may have an empty id, which unlinks. A rent may not, since it
    would be an object without content (*assumed*).
    """
    plan = campaign = None
    sms = _group(body, "smsConfiguration", "sms_configuration")
    if sms is not None:
        plan = text(sms, "servicePlanId", "sms_configuration.service_plan_id")
        campaign = text(sms, "campaignId", "sms_configuration.campaign_id")
        if plan is None or (not update and not plan):
            raise problems.bad_field(
                "sms_configuration.service_plan_id", "service_plan_id is required"
            )
    display_name = text(body, "displayName", "display_name") if update else None
    if display_name is not None and len(display_name) > _DISPLAY_NAME_MAX:
        raise problems.bad_field(
            "display_name", f"display_name is longer than {_DISPLAY_NAME_MAX} characters"
        )
    return Wanted(
        service_plan_id=plan,
        campaign_id=campaign,
        voice=_voice(body, update=update),
        callback_url=text(body, "callbackUrl", "callback_url"),
        display_name=display_name,
    )


def _voice(body: dict[str, Any], *, update: bool) -> VoiceLink | None:
    voice = _group(body, "voiceConfiguration", "voice_configuration")
    if voice is None:
        return None
    # Type may be absent: the service then uses RTC (§5).
    of_type = choice(text(voice, "type", "type") or "RTC", tuple(ID_OF_VOICE_TYPE), "type") or "RTC"
    key = ID_OF_VOICE_TYPE[of_type]
    snake = re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), key)
    the_id = text(voice, key, f"voice_configuration.{snake}")
    if the_id is None or (not update and not the_id):
        raise problems.bad_field(
            f"voice_configuration.{snake}", f"{snake} is required for type {of_type}"
        )
    return VoiceLink(of_type, the_id)
