"""Look, before anything is bought, whether what numbers are to be linked to is there and usable.

Reads only. Not here: what a look says (planning.link_targets), and linking itself (steps.link).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from numberflow.client import Client
from numberflow.errors import BadInput, NotFound, NumberflowError, PermissionRefused
from numberflow.export import publish as publishing
from numberflow.export.load import read_partition
from numberflow.export.store import open_store
from numberflow.models.link_targets import VOICE_KINDS, Campaign, TargetFinding, TargetKind, Verdict
from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.planning.link_targets import (
    PRODUCTS,
    campaign_finding,
    crowd_note,
    is_unlisted,
    plan_finding,
    sentence,
    service_finding,
    unchecked,
)
from numberflow.purchase.run_context import RunContext, each_of, in_thread
from numberflow.settings import Settings

Target = tuple[TargetKind, str]

# A product that is down must not hold up a purchase: then it cannot be checked.
LOOK_MAX_S = 20.0
NO_HOSTS = "SINCH_LINK_TARGETS_URL is not set beside an own SINCH_NUMBERS_URL"


def targets_of(sms: SmsLink | None, voice: VoiceLink | None) -> list[Target]:
    """What the links of an order lead to."""
    targets: list[Target] = []
    if sms is not None and sms.service_plan_id:
        targets.append((TargetKind.SERVICE_PLAN, sms.service_plan_id))
    if sms is not None and sms.campaign_id:
        targets.append((TargetKind.CAMPAIGN, sms.campaign_id))
    if voice is not None and voice.target_id:
        targets.append((VOICE_KINDS[voice.type], voice.target_id))
    return targets


async def require_link_targets(
    context: RunContext, sms: SmsLink | None, voice: VoiceLink | None, *, adding: int
) -> None:
    """Refuse links that lead nowhere; what cannot be checked becomes a note of the run.

    Costs: nothing; one read for each link where all is well. Repeat: safe; a run looks once.

    Args:
        context: collaborators; notes are left on it.
        sms: the SMS link that numbers are to get.
        voice: their voice link.
        adding: how many numbers would get them.

    Raises:
        BadInput: a target is missing or not usable; names it and those that would do. Also one
            that is only not listed, with `NUMBERFLOW_REFUSE_UNLISTED_LINKS`.
    """
    new = [target for target in targets_of(sms, voice) if target not in context.links_checked]
    if not new:
        return
    context.links_checked.update(new)
    findings = await look_at_targets(context.client, context.settings, new)
    strict = context.settings.refuse_unlisted_links
    for finding in findings:
        if finding.verdict is Verdict.MISSING or (strict and is_unlisted(finding)):
            context.links_checked.clear()
            raise BadInput(
                f"{sentence(finding)}; nothing was sent",
                field=str(finding.kind),
                remedy="correct the id, or create it at the vendor first; `numberflow links check` "
                "shows what there is",
            )
        if finding.verdict is Verdict.UNCHECKED:
            context.notes.append(sentence(finding))
        elif finding.kind is TargetKind.CAMPAIGN:
            note = await in_thread(_crowd, context.settings, finding.id, adding)
            if note:
                context.notes.append(note)


async def look_at_targets(
    client: Client, settings: Settings, targets: Sequence[Target]
) -> list[TargetFinding]:
    """One finding for each target, in their order. Costs: nothing. Raises nothing of the vendor."""
    if not settings.link_target_urls:
        return [unchecked(kind, target_id, NO_HOSTS) for kind, target_id in targets]

    async def look(target: Target) -> TargetFinding:
        kind, target_id = target
        try:
            async with asyncio.timeout(LOOK_MAX_S):
                return await _look(client, kind, target_id)
        except (NumberflowError, TimeoutError) as error:
            return unchecked(kind, target_id, _why(kind, error))

    return await each_of(targets, look, at_once=len(targets))


async def usable_targets(client: Client, settings: Settings) -> list[TargetFinding]:
    """What there is in each product, as findings; a product that cannot be read has one, too.

    Costs: nothing; one read for each product. Raises nothing of the vendor.
    """
    if not settings.link_target_urls:
        return [unchecked(kind, "", NO_HOSTS) for kind in TargetKind]
    found = await each_of(
        list(TargetKind), lambda kind: _listed(client, kind), at_once=len(TargetKind)
    )
    return [finding for findings in found for finding in findings]


async def _listed(client: Client, kind: TargetKind) -> list[TargetFinding]:
    links = client.link_targets
    try:
        async with asyncio.timeout(LOOK_MAX_S):
            if kind is TargetKind.SERVICE_PLAN:
                apps = await links.sms_apps()
                return [plan_finding(app.sms_service_id or app.id, [app]) for app in apps]
            if kind is TargetKind.CAMPAIGN:
                return [campaign_finding(one.campaign_id, one) for one in await links.campaigns()]
            return [service_finding(kind, one.id, one) for one in await links.services(kind)]
    except (NumberflowError, TimeoutError) as error:
        return [unchecked(kind, "", _why(kind, error))]


def _why(kind: TargetKind, error: Exception) -> str:
    if isinstance(error, PermissionRefused):
        return f"the access key has no right to {PRODUCTS[kind]}"
    if isinstance(error, NotFound):
        return f"the access key has no right to {PRODUCTS[kind]}, or the project has none"
    return f"the host of {PRODUCTS[kind]} does not answer ({type(error).__name__})"


async def _look(client: Client, kind: TargetKind, target_id: str) -> TargetFinding:
    """By its id, and where that is not good by the list: a refused list says nothing of an id."""
    if kind is TargetKind.SERVICE_PLAN:
        return await _look_at_plan(client, target_id)
    if kind is TargetKind.CAMPAIGN:
        return await _look_at_campaign(client, target_id)
    links = client.link_targets
    try:
        return service_finding(kind, target_id, await links.service(kind, target_id))
    except NotFound:
        others = await links.services(kind)
    listed = next((each for each in others if each.id == target_id), None)
    return service_finding(kind, target_id, listed, others)


async def _look_at_plan(client: Client, plan_id: str) -> TargetFinding:
    try:
        found = plan_finding(plan_id, [await client.link_targets.sms_app(plan_id)])
    except NotFound:
        found = None
    if found is not None and found.verdict is Verdict.GOOD:
        return found
    return plan_finding(plan_id, await client.link_targets.sms_apps())


async def _look_at_campaign(client: Client, campaign_id: str) -> TargetFinding:
    campaign: Campaign | None = None
    try:
        campaign = await client.link_targets.campaign(campaign_id)
    except NotFound:
        pass
    else:
        found = campaign_finding(campaign_id, campaign)
        if found.verdict is Verdict.GOOD:
            return found
    return campaign_finding(campaign_id, campaign, await client.link_targets.campaigns())


def _crowd(settings: Settings, campaign_id: str, adding: int) -> str:
    """Whether the campaign may be full, by the newest inventory; "" where there is none."""
    try:
        store = open_store(settings.inventory_root)
        newest = publishing.latest(store, publishing.INVENTORY).get(settings.project_id)
        if newest is None:
            return ""
        column = read_partition(store, newest, ["sms_campaign_id"]).column("sms_campaign_id")
    except (NumberflowError, OSError, KeyError):
        return ""
    using = sum(value.as_py() == campaign_id for value in column)
    return crowd_note(campaign_id, using, adding, str(newest.snapshot_date))
