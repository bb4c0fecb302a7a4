"""The vendor's registration form, as far as it can be read. Pure.

It is shown in words, written as a blank to fill in, and used to check what was filled in.

The inside of the form is not published (docs/vendor/numbers-behaviour.md §10, "Requirements form"),
so nothing here is a condition: what cannot be read is skipped, the vendor's own check comes with
the registration, and data is sent as it was written. What is read: a list of sections under
`rules`, each with a `template` in the dialect of a sibling API (`properties` as a list of named
fields) or in plain JSON Schema. An array may have the fields of its entries in `properties`,
without `items`. A section without a template keeps its place, and is skipped.

No finding ever repeats a value: registration data is personal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from numberflow.models.number_orders import NumberRequirements, RequiredAttachment

_KEPT = (
    "type",
    "minLength",
    "maxLength",
    "enum",
    "const",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
)
_TYPES = ("string", "boolean", "integer", "number", "array", "object")
# Deeper than any form that a person fills in. A form that refers to itself would never end.
_DEPTH_MAX = 12


@dataclass(frozen=True)
class Finding:
    """What the form does not accept: where (`data[1].city`), and what it accepts."""

    path: str
    problem: str


def sections(requirements: NumberRequirements) -> tuple[Mapping[str, Any], ...]:
    """One template for each entry of `data`, empty if unreadable; () if the form is unreadable."""
    rules = requirements.fields.get("rules")
    if not isinstance(rules, list):
        return ()
    found = [rule.get("template") if isinstance(rule, dict) else None for rule in rules]
    templates = tuple(template if isinstance(template, dict) else {} for template in found)
    return templates if any(templates) else ()


def asks_for_data(requirements: NumberRequirements) -> bool:
    """Whether there is a form, readable or not. A list of files is not a form (correction 14)."""
    return any(value for name, value in requirements.fields.items() if name != "attachments")


def findings(requirements: NumberRequirements, data: Any) -> tuple[Finding, ...]:
    """What is wrong with registration data (the value of `data`), in the order of the form.

    Empty when nothing is wrong, or when the form cannot be read.
    """
    form = sections(requirements)
    if not form:
        return ()
    if not isinstance(data, list):
        return (Finding("data", f"takes a list of {len(form)} entries, one for each section"),)
    if len(data) != len(form):
        return (
            Finding("data", f"takes {len(form)} entries, one for each section, not {len(data)}"),
        )
    found = (
        finding
        for index, (template, value) in enumerate(zip(form, data, strict=True))
        for finding in _section_findings(template, value, f"data[{index}]")
    )
    # For several missing members jsonschema has one error each, and each names all of them.
    return tuple(dict.fromkeys(found))


def blank(requirements: NumberRequirements) -> dict[str, Any]:
    """The registration to fill in, all fields empty; an empty list if there is no form."""
    return {
        "data": [
            _blank(_schema(template)) if template else {} for template in sections(requirements)
        ]
    }


def form_text(requirements: NumberRequirements | None, region_code: str, number_type: str) -> str:
    """The form and the files as markdown, for people."""
    title = f"# What {number_type} numbers in {region_code} need"
    if requirements is None:
        return (
            f"{title}\n\nNo registration and no files: the vendor knows no requirements for them."
        )
    form = sections(requirements)
    lines = [title, "", "## Registration data (`kyc`)", ""]
    if not form:
        lines.append(
            "The vendor's form cannot be read here. Ask Sinch what goes into `data`; it is "
            "checked there."
        )
    for index, template in enumerate(form):
        schema = _schema(template)
        lines += [f"### {index + 1}. {template.get('title') or 'Section'} (`data[{index}]`)", ""]
        if not template:
            lines += [
                "This form cannot be read here. Ask Sinch what goes into it; the vendor checks it.",
                "",
            ]
            continue
        lines += ["| field | what | needed | takes |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {what} | {needed} | {takes} |"
            for name, what, needed, takes in _rows(schema)
        ] + [""]
    lines += ["## Files (`attachments`)", ""]
    if not requirements.attachments:
        return "\n".join([*lines, "None."])
    lines += ["| id | what | needed | file types | document types |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_file_row(each) for each in requirements.attachments)])


def _file_row(required: RequiredAttachment) -> str:
    blanks = "".join(
        f"; blank: {each.name or 'download'} {each.url or ''}".rstrip()
        for each in required.template
    )
    what = ". ".join(part for part in (required.title, required.description) if part) or "a file"
    types = ", ".join(required.allowed_mime_types) or "any"
    return (
        f"| `{required.attachment_id}` | {what}{blanks} | {'yes' if required.mandatory else 'no'} "
        f"| {types} | "
        f"{', '.join(required.allowed_document_types) or 'any'} |"
    )


def _schema(template: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The template as JSON Schema. What is not understood forbids nothing."""
    if depth > _DEPTH_MAX:
        return {}
    schema: dict[str, Any] = {name: template[name] for name in _KEPT if name in template}
    if schema.get("type") not in _TYPES:
        schema.pop("type", None)
    schema |= {name: str(template[name]) for name in ("title", "description") if template.get(name)}
    pattern = template.get("pattern")
    if isinstance(pattern, str) and _compiles(pattern):
        schema["pattern"] = pattern
    messages = template.get("messages")
    if isinstance(messages, dict):
        schema["messages"] = messages
    items = template.get("items")
    if isinstance(items, dict):
        schema["items"] = _schema(items, depth + 1)
    members = _members(template, depth)
    if schema.get("type") == "array" and "items" not in schema and members:
        schema["items"] = {"type": "object", **members}
    else:
        schema |= members
    return (
        schema
        if _is_schema(schema)
        else {name: schema[name] for name in ("title", "type") if name in schema}
    )


def _members(template: Mapping[str, Any], depth: int) -> dict[str, Any]:
    listed = template.get("properties")
    required = template.get("required")
    if isinstance(listed, dict):
        # Plain JSON Schema: members by name, the required ones in a list.
        fields = [{"name": name, **each} for name, each in listed.items() if isinstance(each, dict)]
        needed = required if isinstance(required, list) else []
    elif isinstance(listed, list):
        fields = [
            each for each in listed if isinstance(each, dict) and isinstance(each.get("name"), str)
        ]
        needed = [each["name"] for each in fields if each.get("required") is True]
    else:
        return {}
    return {
        "properties": {each["name"]: _schema(each, depth + 1) for each in fields},
        "required": list(needed),
    }


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError):
        return False
    return True


def _is_schema(schema: Mapping[str, Any]) -> bool:
    return _is_schema_text(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=1024)
def _is_schema_text(text: str) -> bool:
    """Takes text for the cache: sections recur inside others, and in forms of one country."""
    try:
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    except (jsonschema.SchemaError, RecursionError):
        return False
    return True


def _section_findings(template: Mapping[str, Any], value: Any, path: str) -> Iterator[Finding]:
    validator = jsonschema.Draft202012Validator(_schema(template))
    # An empty optional field counts as left out. An empty required one is reported as missing.
    errors = validator.iter_errors(_without_empty(value))
    for error in errors:
        at = path + "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
        )
        yield from _told(error, at)


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_empty(each) for name, each in value.items() if each not in ("", None)
        }
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


def _told(error: ValidationError, path: str) -> Iterator[Finding]:
    """The finding in the form's words, or ours: jsonschema's repeat the value."""
    kind, rule = str(error.validator), error.validator_value
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    if kind == "required":
        for name in rule if isinstance(rule, Sequence) else ():
            if isinstance(error.instance, Mapping) and name not in error.instance:
                yield Finding(f"{path}.{name}", "is missing")
        return
    messages = schema.get("messages")
    said = messages.get(kind) if isinstance(messages, Mapping) else None
    yield Finding(
        path, str(said or _WORDS.get(kind, "is not what the form takes").format(_listed(rule)))
    )


_WORDS = {
    "type": "must be of type {}",
    "minLength": "has fewer than {} characters",
    "maxLength": "has more than {} characters",
    "pattern": "does not have the form {}",
    "enum": "takes one of: {}",
    "const": "takes only: {}",
    "minItems": "has fewer than {} entries",
    "maxItems": "has more than {} entries",
    "minimum": "is less than {}",
    "maximum": "is more than {}",
}


def _listed(rule: Any) -> str:
    return ", ".join(map(str, rule)) if isinstance(rule, list) else str(rule)


def _blank(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "array":
            return [_blank(schema.get("items", {}))]
        case "boolean":
            return False
        case None if "items" in schema:
            return [_blank(schema["items"])]
        case "object":
            return {name: _blank(each) for name, each in schema.get("properties", {}).items()}
        case _:
            return (
                {name: _blank(each) for name, each in schema["properties"].items()}
                if "properties" in schema
                else ""
            )


def _rows(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _rows(items, f"{prefix}[ ].")
        return
    needed = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        if each.get("properties") or each.get("items"):
            yield from _rows(each, f"{prefix}{name}" if each.get("items") else f"{prefix}{name}.")
            continue
        takes = "; ".join(
            _WORDS_TAKEN[rule].format(_listed(each[rule])) for rule in _WORDS_TAKEN if rule in each
        )
        what = each.get("title") or each.get("description") or ""
        yield f"{prefix}{name}", _cell(what), "yes" if name in needed else "no", _cell(takes)


_WORDS_TAKEN = {
    "type": "{}",
    "enum": "one of: {}",
    "maxLength": "at most {} characters",
    "pattern": "`{}`",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
