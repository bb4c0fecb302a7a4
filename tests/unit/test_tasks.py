"""What every task tells whoever reads it at three in the morning."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import tasks

NAMES = [f"tasks.{module.name}" for module in pkgutil.iter_modules(tasks.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_each_task_says_what_it_costs_and_whether_repeating_is_safe(name: str) -> None:
    """Also a task that only passes on: its docstring is the library function's."""
    module = importlib.import_module(name)
    made = {
        key: task
        for key, task in vars(module).items()
        if hasattr(task, "__wrapped__") and inspect.iscoroutinefunction(inspect.unwrap(task))
    }
    missing = {
        key: line
        for key, task in made.items()
        for line in ("Costs:", "Repeat:")
        if line not in (inspect.getdoc(task) or "")
    }
    assert {} == missing
