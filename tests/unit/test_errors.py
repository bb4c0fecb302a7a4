"""The error tree as a whole."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from numberflow import errors
from numberflow.errors import NumberflowError


def tree(root: type[NumberflowError]) -> Iterator[type[NumberflowError]]:
    """`root` and every class of ours below it."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


@pytest.mark.parametrize("kind", list(tree(NumberflowError)), ids=lambda kind: kind.__name__)
def test_pickle_round_trip(kind: type[NumberflowError]) -> None:
    """Every error crosses a process border with class, message and facts."""
    facts = {
        "status": 404,
        "request_id": "req-1",
        "field_violations": (("field", "text"),),
        "retry_after_s": 1.5,
    }
    error = kind("what happened", **facts)
    copy = pickle.loads(pickle.dumps(error))
    assert (kind, ("what happened",), facts) == (
        type(copy),
        copy.args,
        {name: getattr(copy, name) for name in facts},
    )


@pytest.mark.parametrize("kind", list(tree(NumberflowError)), ids=lambda kind: kind.__name__)
def test_facts_have_defaults(kind: type[NumberflowError]) -> None:
    """A fact that an error's class announces can be read without having been given."""
    error = kind("what happened")
    announced = {
        name
        for each in kind.__mro__
        for name in getattr(each, "__annotations__", {})
        if each.__module__ == errors.__name__
    }
    assert announced == {name for name in announced if hasattr(error, name)}


def test_tree_is_drawn_completely() -> None:
    """The drawing at the top of errors.py names every class there is."""
    assert errors.__doc__ is not None
    assert [
        kind.__name__ for kind in tree(NumberflowError) if f"{kind.__name__}" not in errors.__doc__
    ] == []
