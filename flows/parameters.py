"""What each flow takes, in words, from its source and its parameter model. Imports no Prefect.

For `numberflow run NAME --help` and docs/flows.md. Not here: how forms show a parameter (forms.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import griffe

from flows.table import FlowEntry


@dataclass(frozen=True)
class Parameter:
    """One parameter of a flow."""

    name: str
    default: str
    """The value, or "required", or "empty"."""
    meaning: str


@dataclass(frozen=True)
class Description:
    """A flow as its docstring and signature describe it."""

    text: str
    """The first line of the docstring, and what stands below it."""
    parameters: tuple[Parameter, ...]


def describe(entry: FlowEntry) -> Description:
    """Read a flow's source. The order of the parameters is that of the form."""
    # Prefect reads the same sections with the same parser when it makes the form.
    function = griffe.load(entry.module, allow_inspection=False)[entry.function]
    sections = function.docstring.parse(griffe.Parser.google)
    text = next(each.value for each in sections if each.kind is griffe.DocstringSectionKind.text)
    (told,) = (
        each.value for each in sections if each.kind is griffe.DocstringSectionKind.parameters
    )
    meanings = {each.name: " ".join(each.description.split()) for each in told}
    return Description(
        text,
        tuple(
            Parameter(each.name, _default(entry, each), meanings[each.name])
            for each in function.parameters
        ),
    )


def _default(entry: FlowEntry, shown: griffe.Parameter) -> str:
    """What counts where nothing is given; `numberflow run` asks for what a form merely proposes."""
    field = entry.parameters.model_fields[shown.name]
    if field.is_required():
        proposed = str(shown.default).rpartition(".")[2].strip("'")
        return "required" if proposed == "REQUIRED" else f"required; forms propose {proposed}"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value or value == 0 else "empty"
