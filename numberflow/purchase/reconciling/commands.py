"""The one command that settles a finding, or shows what there is to decide. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from numberflow.journal import Intention
from numberflow.planning.reconciling.kinds import Finding, Kind
from numberflow.purchase.link_commands import again, changed
from numberflow.purchase.report import open_item
from numberflow.purchase.stopped import close_command
from numberflow.purchase.without_address import deprovision_command, provision_command


@dataclass(frozen=True, slots=True)
class Commands:
    """What the commands of one report have in common.

    Fields:
        project: name of the credentials block, for commands that take one.
        project_id: the vendor's id of the project.
        steps: steps whose outcome nobody knows, by id.
        day: of the report; part of the references of changes, which a number may need again.
    """

    project: str | None
    project_id: str
    steps: Mapping[str, Intention]
    day: date

    def of(self, finding: Finding) -> str:
        """The command for a finding; empty when there is nothing to decide."""
        return _WAYS[finding.kind](self, finding)


def _block(commands: Commands) -> str:
    return f" --project {shlex.quote(commands.project)}" if commands.project else ""


def _settle(commands: Commands, finding: Finding) -> str:
    return open_item(commands.steps[finding.subject]).command


def _adopt(commands: Commands, finding: Finding) -> str:
    return f"numberflow adopt {finding.subject}{_block(commands)}"


def _gone(commands: Commands, finding: Finding) -> str:
    return f"numberflow adopt --gone {finding.subject}{_block(commands)}"


def _whose(commands: Commands, finding: Finding) -> str:
    """The other project finds the number gone, and says so itself."""
    return _show(commands, finding) if finding.reference else _adopt(commands, finding)


def _undo(commands: Commands, finding: Finding) -> str:
    return f"numberflow adopt --undo {finding.subject}{_block(commands)}"


def _show(_commands: Commands, finding: Finding) -> str:
    return f"numberflow journal show -- {shlex.quote(finding.reference)}"


def _close(commands: Commands, finding: Finding) -> str:
    return close_command(finding.reference, commands.project_id)


def _follow(commands: Commands, _finding: Finding) -> str:
    return f"numberflow run follow-orders --params {_params(commands, {})}"


def _text_again(commands: Commands, finding: Finding) -> str:
    if not all(finding.wanted.values()):
        # configure-numbers does not clear a text.
        return _show(commands, finding)
    return changed(finding.wanted, _new(commands, finding), finding.subject, commands.project)


def _sms_again(commands: Commands, finding: Finding) -> str:
    if finding.wanted.get("service_plan_id"):
        return _link_again(commands, finding)
    off = {"unlink_sms": True, "confirm_unlink": True}
    return changed(off, _new(commands, finding), finding.subject, commands.project)


def _link_again(commands: Commands, finding: Finding) -> str:
    linked = again(finding.wanted, _new(commands, finding), finding.subject, commands.project)
    return linked or _show(commands, finding)


def _give_address(commands: Commands, finding: Finding) -> str:
    return provision_command([finding.subject], commands.project)


def _remove_address(commands: Commands, finding: Finding) -> str:
    return deprovision_command([finding.subject], commands.project)


def _look_at_loss(commands: Commands, finding: Finding) -> str:
    wanted = {"phone_numbers": [finding.subject], "plan_only": True}
    return f"numberflow run release-numbers --params {_params(commands, wanted)}"


def _nothing(_commands: Commands, _finding: Finding) -> str:
    return ""


def _new(commands: Commands, finding: Finding) -> str:
    """A change of another day is another change, though it asks for the same."""
    return f"{finding.reference}-{commands.day}"


def _params(commands: Commands, wanted: Mapping[str, object]) -> str:
    named = {"project": commands.project} if commands.project else {}
    return shlex.quote(json.dumps({**wanted, **named}))


_WAYS: Mapping[Kind, Callable[[Commands, Finding], str]] = {
    Kind.ORPHAN: _adopt,
    Kind.BOUGHT_ELSEWHERE: _adopt,
    Kind.IMPORTED_UNKNOWN: _adopt,
    Kind.LOST_REPLY: _settle,
    Kind.CLAIMED_TWICE: _show,
    Kind.ADOPTED_AND_HELD: _undo,
    Kind.TWO_PROJECTS: _whose,
    Kind.RELEASED_ELSEWHERE: _gone,
    Kind.LEAVING_UNASKED: _gone,
    Kind.ADOPTED_GONE: _gone,
    Kind.IMPORTED_GONE: _gone,
    Kind.CLAIM_WITHOUT_NUMBER: _gone,
    Kind.HALF_DONE_PURCHASE: _close,
    Kind.STOPPED_STEPS: _close,
    Kind.ORDER_UNFOLLOWED: _follow,
    Kind.ORDER_ENDED: _follow,
    Kind.MOVED_SERVICE_PLAN: _sms_again,
    Kind.MOVED_CAMPAIGN: _sms_again,
    Kind.MOVED_VOICE: _link_again,
    Kind.WRONG_CALLBACK_URL: _text_again,
    Kind.RENAMED: _text_again,
    Kind.ADDRESS_MISSING: _give_address,
    Kind.ADDRESS_UNASKED: _remove_address,
    Kind.PRICE_RISE: _look_at_loss,
    Kind.CURRENCY_CHANGED: _look_at_loss,
    Kind.EXPIRES_SOON: _nothing,
    Kind.RENEWALS: _nothing,
}
