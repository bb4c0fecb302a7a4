"""What a number can be linked to, as the vendor's neighbouring products show it.

Source: docs/vendor/link-targets.md. Only what a person needs to recognise a target: the reply of
a voice service carries a secret, which is not read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from numberflow.models.parameters import Parameters, Project, empty_is_none
from numberflow.models.vendor import VoiceType
from numberflow.models.wire import Listed, Page, Resource


class SmsApp(Resource):
    """An SMS app. A service plan's id is its `id` or its `sms_service_id` (assumed: either)."""

    id: str
    sms_service_id: str | None = None
    name: str | None = None
    status: str | None = None


class SmsAppsPage(Page):
    """One page of the project's SMS apps."""

    sms_apps: Annotated[tuple[SmsApp, ...], Listed] = ()


class Campaign(Resource):
    """The registration of a 10DLC campaign; `campaign_id` is the one of the registry (TCR)."""

    campaign_id: str
    status: str | None = None


class NamedTarget(Resource):
    """A voice service, a SIP trunk or a fax service."""

    id: str
    name: str | None = None


class TargetKind(StrEnum):
    """What a link leads to, by the field that names it."""

    SERVICE_PLAN = "sms.service_plan_id"
    CAMPAIGN = "sms.campaign_id"
    VOICE_APP = "voice.app_id"
    TRUNK = "voice.trunk_id"
    FAX_SERVICE = "voice.service_id"


VOICE_KINDS = {
    VoiceType.RTC: TargetKind.VOICE_APP,
    VoiceType.EST: TargetKind.TRUNK,
    VoiceType.FAX: TargetKind.FAX_SERVICE,
}


class Verdict(StrEnum):
    """Whether a link to it can work."""

    GOOD = "good"
    MISSING = "missing or not usable"
    UNCHECKED = "cannot be checked"


class TargetFinding(BaseModel):
    """What was seen of one target. `instead`: ids that would do, as far as they were seen."""

    model_config = ConfigDict(frozen=True)

    kind: TargetKind
    id: str
    verdict: Verdict
    told: str
    instead: tuple[str, ...] = ()


OptionalId = Annotated[Annotated[str, Field(max_length=200)] | None, BeforeValidator(empty_is_none)]


class TargetsQuestion(Parameters):
    """What `numberflow links check` looks for; nothing named: a list of what there is."""

    service_plan_id: OptionalId = None
    campaign_id: OptionalId = None
    app_id: OptionalId = None
    trunk_id: OptionalId = None
    service_id: OptionalId = None
    project: Project = None

    @property
    def targets(self) -> tuple[tuple[TargetKind, str], ...]:
        """What is named, in the order of the fields."""
        named = (
            (TargetKind.SERVICE_PLAN, self.service_plan_id),
            (TargetKind.CAMPAIGN, self.campaign_id),
            (TargetKind.VOICE_APP, self.app_id),
            (TargetKind.TRUNK, self.trunk_id),
            (TargetKind.FAX_SERVICE, self.service_id),
        )
        return tuple((kind, found) for kind, found in named if found is not None)
