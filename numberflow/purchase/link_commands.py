"""The commands that end a failed relink: once more to the new link, or back to the old one.

Pure; each works as printed.

Not here: when one is due (held.configure, held.link_follow).
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.parameters import REFERENCE_LENGTH_MAX

_VOICE_ID = {"RTC": "app_id", "EST": "trunk_id", "FAX": "service_id"}
# Enough for the references of one failure to differ, short enough to be read.
_DIGITS = 6


def once_more(order: ConfigureParameters, reference: str, phone_numbers: Sequence[str]) -> str:
    """The same change for these numbers, under a reference of its own.

    A job that has failed is never taken up again.
    """
    done = {
        name: value for name, value in order.what_is_done().items() if value not in (None, False)
    }
    if order.sms is not None:
        done["sms"] = {name: value for name, value in done["sms"].items() if value}
    if order.voice is not None:
        done["voice"] = {name: value for name, value in done["voice"].items() if value}
    wanted = {**done, "phone_numbers": list(phone_numbers), "confirm_unlink": True}
    return _command(wanted, f"{reference}-again", order.project)


def back(
    ids: Mapping[str, str], reference: str, phone_numbers: Sequence[str], project: str | None
) -> str:
    """The links `ids` (by the names of planning.links) that these numbers had.

    Empty when there were none.
    """
    return _links(ids, f"{reference}-back", phone_numbers, project)


def again(ids: Mapping[str, str], reference: str, phone_number: str, project: str | None) -> str:
    """The links `ids` once more, for a number that did not get them.

    Empty when they do not say all that a link takes.
    """
    return _links(ids, f"{reference}-again", [phone_number], project)


def changed(
    wanted: Mapping[str, Any], reference: str, phone_number: str, project: str | None
) -> str:
    """What else configure-numbers takes, once more for a number that shows something else."""
    return _command({**wanted, "phone_numbers": [phone_number]}, f"{reference}-again", project)


def _links(
    ids: Mapping[str, str], reference: str, phone_numbers: Sequence[str], project: str | None
) -> str:
    wanted: dict[str, Any] = {}
    if ids.get("service_plan_id"):
        wanted["sms"] = {
            name: ids[name] for name in ("service_plan_id", "campaign_id") if ids.get(name)
        }
    if ids.get("voice_id") and ids.get("voice_type") in _VOICE_ID:
        wanted["voice"] = {"type": ids["voice_type"], _VOICE_ID[ids["voice_type"]]: ids["voice_id"]}
    if not wanted:
        return ""
    wanted |= {"phone_numbers": list(phone_numbers), "confirm_unlink": True}
    return _command(wanted, reference, project)


def _command(wanted: Mapping[str, Any], reference: str, project: str | None) -> str:
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    named = {**wanted, "reference": f"{reference[: REFERENCE_LENGTH_MAX - _DIGITS - 1]}-{digest}"}
    if project:
        named["project"] = project
    return f"numberflow run configure-numbers --params {shlex.quote(json.dumps(named))}"
