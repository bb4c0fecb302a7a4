"""Frozen values that the rest of the library passes around.

The vendor's own: `vendor` (stock and held numbers; its names are exported here, too, as every
caller needs them), `number_orders`, `emergency`, `imported`, `hosting`. `wire` says how replies are
read, `personal` what stays sealed.
"""

from numberflow.models.vendor import (
    ActiveNumber,
    ActiveNumbersPage,
    AvailableNumber,
    AvailableRegion,
    CallbackConfiguration,
    Capability,
    Money,
    NumberType,
    ProvisioningStatus,
    RentAnyRequest,
    RentRequest,
    ScheduledProvisioning,
    ScheduledVoiceProvisioning,
    SearchPattern,
    SmsConfiguration,
    SmsSettings,
    UpdateRequest,
    VoiceConfiguration,
    VoiceSettings,
    VoiceType,
)

__all__ = [
    "ActiveNumber",
    "ActiveNumbersPage",
    "AvailableNumber",
    "AvailableRegion",
    "CallbackConfiguration",
    "Capability",
    "Money",
    "NumberType",
    "ProvisioningStatus",
    "RentAnyRequest",
    "RentRequest",
    "ScheduledProvisioning",
    "ScheduledVoiceProvisioning",
    "SearchPattern",
    "SmsConfiguration",
    "SmsSettings",
    "UpdateRequest",
    "VoiceConfiguration",
    "VoiceSettings",
    "VoiceType",
]
