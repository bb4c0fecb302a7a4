"""Make the automations of automations.yaml on the Prefect server, once each.

    python -m deployments.automations

Run it as often as you like; `numberflow up` and serve.py do it by themselves. The name identifies
an automation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore

RECORD = Path(__file__).with_name("automations.yaml")
_NOTHING = "do-nothing"


def recorded() -> list[AutomationCore]:
    """The automations of the file, checked.

    Raises:
        pydantic.ValidationError: the file has something that Prefect does not know.
    """
    content: dict[str, Any] = yaml.safe_load(RECORD.read_text())
    return [AutomationCore.model_validate(each) for each in content["automations"]]


async def ensure_automations(wanted: Sequence[AutomationCore] | None = None) -> list[str]:
    """Create missing automations and update the others. Returns a line for each change.

    Choices made on the server stay: whether an automation is on, and its action where the file has
    none (do-nothing). Repeat: safe. Two calls at once may make one twice; the next call says so.

    Args:
        wanted: the automations; by default those of the file.
    """
    lines = []
    async with get_client() as client:
        for automation in recorded() if wanted is None else wanted:
            found = await client.read_automations_by_name(automation.name)
            if not found:
                await client.create_automation(automation)
                lines.append(f"made: {automation.name}")
                continue
            there = found[0]
            kept = automation.model_copy(
                update={
                    "enabled": there.enabled,
                    "actions": there.actions if _does_nothing(automation) else automation.actions,
                }
            )
            if _content(kept) != _content(there):
                await client.update_automation(there.id, kept)
                lines.append(f"brought up to date: {automation.name}")
            if len(found) > 1:
                lines.append(
                    f"{len(found)} automations are called {automation.name!r}; delete all but one "
                    "in the UI (Automations)"
                )
    return lines


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
    print("\n".join(asyncio.run(ensure_automations())) or "Every automation is there.")  # noqa: T201
