"""Link targets: what a number can be linked to, in five products beside the Numbers API.

Vendor nouns: smsApps, campaignRegistrations, services (voice), trunks, services (fax)
(docs/vendor/link-targets.md). Reads only. Not here: what a look says of a link
(planning.link_targets).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numberflow.client.noun import Noun
from numberflow.client.protocol import Base, Request, listed, pairs, reader, segment
from numberflow.models.link_targets import (
    Campaign,
    NamedTarget,
    SmsApp,
    SmsAppsPage,
    TargetKind,
)
from numberflow.models.wire import Resource

R = TypeVar("R", bound=Resource)

# One page is read, to say what there is: a project has a handful of each. 100 is the most that
# smsApps takes; the others publish none (assumed: the same).
PAGE_SIZE = 100

_PLACES: dict[TargetKind, tuple[Base, str, str, str]] = {
    TargetKind.SERVICE_PLAN: ("provisioning", "v1", "sms/smsApps", "smsApps"),
    TargetKind.CAMPAIGN: ("campaigns", "v1", "campaignRegistrations", "campaignRegistrations"),
    TargetKind.VOICE_APP: ("voice", "v2", "services", "services"),
    TargetKind.TRUNK: ("trunking", "v1", "trunks", "trunks"),
    TargetKind.FAX_SERVICE: ("fax", "v3", "services", "services"),
}
"""Host, version, collection, and the member of a list's reply, by kind."""


def _path(project_id: str, kind: TargetKind) -> tuple[Base, str]:
    base, version, collection, _ = _PLACES[kind]
    return base, f"/{version}/projects/{segment(project_id)}/{collection}"


def build_get(project_id: str, kind: TargetKind, target_id: str, model: type[R]) -> Request[R]:
    """One target by its id; a campaign by the id of the registry."""
    base, path = _path(project_id, kind)
    name = "campaignId" if kind is TargetKind.CAMPAIGN else "id"
    if kind is TargetKind.CAMPAIGN:
        query = pairs(("campaignId", target_id))
        return Request(
            "GET", base, f"{path}:fetchByTcrCampaignId", reader(model, name), query=query
        )
    return Request(
        "GET",
        base,
        f"{path}/{segment(target_id)}",
        reader(model, name),
        personal=_personal(kind),
    )


def _personal(kind: TargetKind) -> tuple[str, ...] | None:
    # Replies of the voice host carry a secret: no error repeats a sentence of it.
    return None if kind is TargetKind.VOICE_APP else ()


def build_list(project_id: str, kind: TargetKind, model: type[R]) -> Request[tuple[R, ...]]:
    """The first page of what there is. Entries that cannot be recognised are left out."""
    base, path = _path(project_id, kind)
    query = pairs(("pageSize", PAGE_SIZE))
    return Request(
        "GET",
        base,
        path,
        _entries(model, _PLACES[kind][3]),
        query=query,
        personal=_personal(kind),
    )


def build_sms_apps(project_id: str) -> Request[SmsAppsPage]:
    """The first page of the SMS apps."""
    base, path = _path(project_id, TargetKind.SERVICE_PLAN)
    query = pairs(("pageSize", PAGE_SIZE))
    return Request("GET", base, path, reader(SmsAppsPage, "smsApps"), query=query)


def _entries(model: type[R], name: str) -> Callable[[Any], tuple[R, ...]]:
    one = reader(model)

    def read(value: Any) -> tuple[R, ...]:
        found = []
        for entry in listed(value, name):
            try:
                found.append(one(entry))
            except ValueError:
                continue
        return tuple(found)

    return read


class LinkTargets(Noun):
    """`client.link_targets`. Every method costs nothing and sends one request, unless it says so.

    Raises:
        NotFound: the target is not there, or the key lacks the right to the product (of a list it
            can only be the latter).
        PermissionRefused: the key lacks the right to the product.
    """

    async def sms_app(self, app_id: str) -> SmsApp:
        """An SMS app by its id."""
        return await self._send(build_get(self._project, TargetKind.SERVICE_PLAN, app_id, SmsApp))

    async def sms_apps(self) -> tuple[SmsApp, ...]:
        """All SMS apps of the project; one request for each hundred."""
        first = build_sms_apps(self._project)
        return tuple([app async for app in self._walk(first, lambda page: page.sms_apps)])

    async def campaign(self, campaign_id: str) -> Campaign:
        """A 10DLC campaign by the id of the registry (TCR): C and up to six more characters."""
        return await self._send(
            build_get(self._project, TargetKind.CAMPAIGN, campaign_id, Campaign)
        )

    async def campaigns(self) -> tuple[Campaign, ...]:
        """The project's campaigns, at most 100."""
        return await self._send(build_list(self._project, TargetKind.CAMPAIGN, Campaign))

    async def service(self, kind: TargetKind, service_id: str) -> NamedTarget:
        """A voice service, trunk or fax service by its id."""
        return await self._send(build_get(self._project, kind, service_id, NamedTarget))

    async def services(self, kind: TargetKind) -> tuple[NamedTarget, ...]:
        """The project's voice services, trunks or fax services, at most 100."""
        return await self._send(build_list(self._project, kind, NamedTarget))
