"""A moment of `make fuzz`: whatever strangers send, nothing breaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzzed import TARGETS


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(data=st.data())
def test_target(name: str, data: st.DataObject) -> None:
    """The target's property holds for what is made up."""
    check, made_up = TARGETS[name]
    arguments: tuple[Any, ...] = data.draw(made_up)
    check(*arguments)
