"""Personal data under seal, and blotted out of what others write."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Secret, SecretStr

from numberflow.models import personal
from numberflow.models.personal import Sealed


class Person(BaseModel):
    """Somebody."""

    name: Sealed
    born: datetime | None = None


def test_sealed_text_does_not_show() -> None:
    """A sealed text shows in no repr and no JSON, and is there for who asks."""
    person = Person(name="Ada Example")
    assert [False] * 3 == [
        "Ada" in text for text in (repr(person), str(person.model_dump()), person.model_dump_json())
    ]
    assert person.name.get_secret_value() == "Ada Example"


@pytest.mark.parametrize(("value", "text"), [(30303, "30303"), (Decimal("1.5"), "1.5"), ("x", "x")])
def test_numbers_are_text(value: Any, text: str) -> None:
    """A number in the place of a personal text, for example a postal code, is read as text."""
    assert text == Person(name=value).name.get_secret_value()


def test_unseal() -> None:
    """Every seal is broken, however deep, times are written as text, and None is left out of
    models.
    """
    when = datetime(2026, 2, 3, tzinfo=UTC)
    sealed = Secret(
        {"a": [SecretStr("b"), Person(name="c"), 1, None], "d": Person(name="e", born=when)}
    )
    assert {
        "a": ["b", {"name": "c"}, 1, None],
        "d": {"name": "e", "born": "2026-02-03T00:00:00+00:00"},
    } == personal.unseal(sealed)


def test_texts() -> None:
    """Whole values and their words are personal.

    Names of members, very short texts, true and false are not.
    """
    value = {
        "name": "Ada, Example",
        "city": "City Hall",
        "state": "GA",
        "plus": "+6149",
        "yes": True,
        "n": [3000, None],
    }
    assert (
        "Ada, Example",
        "City Hall",
        "Example",
        "+6149",
        "3000",
        "6149",
        "Hall",
        "Ada",
    ) == personal.texts(value)


@pytest.mark.parametrize(
    ("text", "blotted"),
    [
        ("Ada is ADA is ada", "… is … is …"),
        ("Adam and Ada.", "Adam and …."),
        ("field name: 'Ada' too short", "field name: '…' too short"),
        ("xada-lovelace-1815x", "x…x"),
        ("", ""),
    ],
)
def test_blot(text: str, blotted: str) -> None:
    """Short texts are blotted as words, long ones anywhere, both in any case."""
    assert blotted == personal.blot(text, ("Ada-Lovelace-1815", "Ada"))


@given(st.text(), st.lists(st.text(min_size=12, max_size=30), max_size=3))
def test_blotted_text_is_gone(around: str, hidden: list[str]) -> None:
    """Whatever a long personal text looks like, it is not in the blotted text."""
    hidden = [each for each in hidden if "…" not in each]
    told = personal.blot(around + "".join(hidden) + around, hidden)
    assert [False] * len(hidden) == [each in told for each in hidden]
