"""The automations of automations.yaml on the Prefect server, once each.

    python -m deployments.automations

makes these alone; `numberflow setup` and `numberflow up` make everything. The name identifies an
automation. Choices made on the server stay: whether it is on, and its action where the file has
none (do-nothing). Everything else is as in the file.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events.schemas.automations import Automation, AutomationCore

from deployments.step import Difference, Found, Step, settle
from numberflow.models.wording import count_of

RECORD = Path(__file__).with_name("automations.yaml")
_NOTHING = "do-nothing"


def recorded() -> list[AutomationCore]:
    """The automations of the file, checked.

    Raises:
        pydantic.ValidationError: the file has something that Prefect does not know.
    """
    content: dict[str, Any] = yaml.safe_load(RECORD.read_text())
    return [AutomationCore.model_validate(each) for each in content["automations"]]


def automations(wanted: Sequence[AutomationCore] | None = None) -> Step:
    """The step for these automations; by default those of the file.

    A server takes any number of automations of one name. Two that are equal are what two set-ups
    at once have made, or `prefect automation create`: one of them goes. Of two that differ a
    person has to say which.
    """
    every = recorded() if wanted is None else wanted

    async def look() -> Found:
        async with get_client() as client:
            standings = [await _standing(client, each) for each in every]
        idle = sum(each.is_idle for each in standings)
        told = (
            f"{count_of(idle, 'automation')} of ours only note what happened (do-nothing): give "
            "them an action in the UI (Automations → Edit), first the one on runs that need a "
            "person"
        )
        return Found(
            text=count_of(sum(each.there is not None for each in standings), "automation"),
            differences=tuple(one for each in standings for one in each.differences),
            left_to_person=tuple(
                f"{each.others + 1} different automations are called {each.wanted.name!r}: delete "
                "all but one in the UI (Automations)"
                for each in standings
                if each.others
            ),
            advice=(told,) if idle else (),
        )

    async def apply() -> None:
        async with get_client() as client:
            for one in every:
                each = await _standing(client, one)
                if each.there is None:
                    await client.create_automation(each.wanted)
                elif each.is_changed:
                    await client.update_automation(each.there.id, each.intended)
            # Read again: a set-up at the same time may have made them, too. Both remove the same.
            for one in every:
                for double in (await _standing(client, one)).doubles:
                    await client.delete_automation(double.id)

    return Step("automations", look, apply)


@dataclass(frozen=True)
class _Standing:
    """One automation of the file, and what the server has of its name."""

    wanted: AutomationCore
    there: Automation | None = None
    doubles: tuple[Automation, ...] = ()
    others: int = 0

    @property
    def intended(self) -> AutomationCore:
        """The file's, with the choices that were made on the server."""
        if self.there is None:
            return self.wanted
        actions = self.there.actions if _does_nothing(self.wanted) else self.wanted.actions
        return self.wanted.model_copy(update={"enabled": self.there.enabled, "actions": actions})

    @property
    def is_changed(self) -> bool:
        return self.there is not None and _content(self.intended) != _content(self.there)

    @property
    def is_idle(self) -> bool:
        return _does_nothing(self.there or self.wanted)

    @property
    def differences(self) -> list[Difference]:
        name = self.wanted.name
        if self.there is None:
            return [Difference("missing", name)]
        changed = [Difference("changed", name)] if self.is_changed else []
        return changed + [Difference("double", name)] * len(self.doubles)


async def _standing(client: PrefectClient, wanted: AutomationCore) -> _Standing:
    found = await client.read_automations_by_name(wanted.name)
    if not found:
        return _Standing(wanted)
    # By id, so that all who set up at once keep the same one.
    there, *others = sorted(found, key=lambda automation: automation.id)
    doubles = tuple(each for each in others if _content(each) == _content(there))
    return _Standing(wanted, there, doubles, len(others) - len(doubles))


def _does_nothing(automation: AutomationCore) -> bool:
    return all(action.type == _NOTHING for action in automation.actions)


def _content(automation: AutomationCore) -> Any:
    """What is equal in equivalent automations; the server adds ids and defaults."""
    content = AutomationCore.model_validate(
        automation.model_dump(include=set(AutomationCore.model_fields))
    )
    return _comparable(content.model_dump(mode="json"))


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _comparable(each) for name, each in value.items() if name != "id"}
    if not isinstance(value, list):
        return value
    values = [_comparable(each) for each in value]
    # Names of events are sets, whose order differs from process to process.
    return sorted(values) if all(isinstance(each, str) for each in values) else values


if __name__ == "__main__":
    ended = asyncio.run(settle(automations()))
    print("\n".join(ended.changes) or "Every automation is there.")  # noqa: T201
    sys.exit(ended.state == "failed")
