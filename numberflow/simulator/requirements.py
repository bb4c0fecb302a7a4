"""What the simulated regulators require: the registration forms and files of two regions.

Also the check of data against a form. Pure. The inside of the vendor's templates is not published;
these use the dialect of a sibling API (*assumed*, docs/vendor/numbers-behaviour.md §10, table entry
22). Kinds without an entry have no requirements, as recorded for the US.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numberflow.simulator.stock import Kind

Template = Mapping[str, Any]
"""One section of a form: an object with `properties`, or an array of such objects."""

Violation = tuple[str, str]
"""Path of the field in the request, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RequiredFile:
    """A file that goes with the form. Empty tuples allow anything."""

    id: str
    title: str
    description: str
    mandatory: bool
    media_types: tuple[str, ...] = ()
    document_types: tuple[str, ...] = ()
    templates: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As in the look-up's reply."""
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "mandatory": self.mandatory,
            "template": [{"name": name, "url": url} for name, url in self.templates],
            "allowedMimeTypes": list(self.media_types),
            "allowedDocumentTypes": list(self.document_types),
        }


@dataclass(frozen=True, slots=True)
class Requirements:
    """Form and files of one kind of number."""

    sections: tuple[Template, ...]
    files: tuple[RequiredFile, ...]

    def as_dict(self) -> dict[str, Any]:
        """As in the look-up's reply; only this outermost layout is published."""
        return {
            "fields": {
                "schema": "/schema/policySchema-v1.json",
                "rules": [{"template": section} for section in self.sections],
                "attachments": [],
            },
            "attachments": [file.as_dict() for file in self.files],
        }

    def file(self, attachment_id: str) -> RequiredFile | None:
        """The file of this id."""
        return next((file for file in self.files if file.id == attachment_id), None)

    def violations(self, data: Any) -> list[Violation]:
        """Everything that is wrong with registration data, in the order of the form.

        Unknown members are ignored.
        """
        path = "request_details.data"
        if not isinstance(data, list):
            return [(path, "takes a list with one entry per section")]
        if len(data) != len(self.sections):
            return [(path, f"takes {len(self.sections)} sections, not {len(data)}")]
        return [
            violation
            for index, (section, entry) in enumerate(zip(self.sections, data, strict=True))
            for violation in _check(section, entry, f"{path}[{index}]")
        ]


_TYPES: Mapping[str, Any] = {"string": str, "boolean": bool, "array": list, "object": dict}


def _check(rule: Template, value: Any, path: str) -> Iterator[Violation]:
    messages: Mapping[str, str] = rule.get("messages", {})
    kind = rule["type"]
    if not isinstance(value, _TYPES[kind]):
        yield path, f"takes {'an' if kind in ('array', 'object') else 'a'} {kind}"
    elif kind == "object":
        yield from _check_object(rule["properties"], value, path)
    elif kind == "array":
        if len(value) < rule.get("minItems", 0):
            yield path, messages.get("minItems", f"takes at least {rule['minItems']} entries")
        for index, item in enumerate(value):
            yield from _check(rule["items"], item, f"{path}[{index}]")
    elif "enum" in rule and value not in rule["enum"]:
        yield path, messages.get("enum", f"takes one of {', '.join(map(str, rule['enum']))}")
    elif kind == "string":
        yield from _check_text(rule, value, path, messages)


def _check_object(
    properties: Sequence[Template], value: Mapping[str, Any], path: str
) -> Iterator[Violation]:
    for one in properties:
        field = f"{path}.{one['name']}"
        given = value.get(one["name"])
        if given is None or given == "":
            if one.get("required"):
                yield field, one.get("messages", {}).get("required", f"{one['name']} is required")
        else:
            yield from _check(one, given, field)


def _check_text(
    rule: Template, value: str, path: str, messages: Mapping[str, str]
) -> Iterator[Violation]:
    if len(value) < rule.get("minLength", 0):
        yield path, messages.get("minLength", f"takes at least {rule['minLength']} characters")
    elif len(value) > rule.get("maxLength", len(value)):
        yield path, messages.get("maxLength", f"takes at most {rule['maxLength']} characters")
    elif "pattern" in rule and not re.search(rule["pattern"], value):
        yield path, messages.get("pattern", f"does not match {rule['pattern']}")


def _text(
    name: str, title: str, *, required: bool = True, longest: int = 100, **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "type": "string",
        "required": required,
        "minLength": 1,
        "maxLength": longest,
        **more,
    }


def _phone(name: str, title: str) -> dict[str, Any]:
    return _text(
        name,
        title,
        pattern=r"^\+[1-9][0-9]{6,14}$",
        messages={"pattern": "must be E.164 with a plus"},
    )


def _confirmed(name: str, title: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "type": "boolean",
        "required": True,
        "enum": [True],
        "messages": {"enum": "must be confirmed"},
    }


_CONTACT: Template = {
    "title": "Contact person",
    "type": "object",
    "properties": [
        _text("firstName", "First name", longest=50),
        _text("lastName", "Last name", longest=50),
        _phone("phoneNumber", "Phone number"),
    ],
}

REQUIREMENTS: Mapping[Kind, Requirements] = {
    # Sections and names follow the published AU MOBILE sample; lengths and choices are assumed.
    ("AU", "MOBILE"): Requirements(
        sections=(
            {
                "title": "Use of the numbers",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": [
                        _text("senderId", "Number or sender ID", longest=16),
                        _text(
                            "purposeOfTheTraffic",
                            "Purpose of the traffic",
                            enum=[
                                "One Time Password",
                                "Notifications",
                                "Marketing",
                                "Customer Care",
                            ],
                        ),
                        _text(
                            "intendedUseOfMobileNumbers",
                            "Intended use of the mobile numbers",
                            longest=500,
                        ),
                        _confirmed(
                            "confirmationOfUse", "The numbers are used by the end business alone"
                        ),
                    ],
                },
            },
            {
                "title": "End business",
                "type": "object",
                "properties": [
                    _text("endBusinessName", "Name of the end business"),
                    _text("endBusinessAddress", "Street and number"),
                    _text("endBusinessAddress2", "Suite or floor", required=False),
                    _text("city", "City"),
                    _text("state", "State", longest=50),
                    _text(
                        "country",
                        "Country",
                        pattern="^[A-Z]{2}$",
                        messages={"pattern": "must be an ISO 3166-1 code"},
                    ),
                    _text("postalCode", "Postal code", pattern="^[0-9A-Z -]{3,10}$"),
                ],
            },
            _CONTACT,
        ),
        files=(
            RequiredFile(
                "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311",
                "Business registration",
                "Extract no older than three months",
                mandatory=True,
                media_types=("application/pdf",),
            ),
            RequiredFile(
                "0d6c2e94-71b8-4f5a-9c03-b2e85a1f6d47",
                "Letter of intent",
                "On the letterhead of the end business",
                mandatory=False,
                media_types=("application/pdf", "image/png", "image/jpeg"),
                templates=(
                    ("letter-of-intent.docx", "https://files.example.test/letter-of-intent.docx"),
                ),
            ),
        ),
    ),
    ("DE", "LOCAL"): Requirements(
        sections=(
            {
                "title": "Customer",
                "type": "object",
                "properties": [
                    _text("customerType", "Customer type", enum=["COMPANY", "PERSON"]),
                    _text("name", "Name of the company or person"),
                    _text(
                        "registrationNumber",
                        "Commercial register number",
                        required=False,
                        longest=40,
                    ),
                ],
            },
            {
                "title": "Address in the area of the number",
                "type": "object",
                "properties": [
                    _text("street", "Street"),
                    _text("houseNumber", "House number", longest=10),
                    _text(
                        "postalCode",
                        "Postal code",
                        pattern="^[0-9]{5}$",
                        messages={"pattern": "must have five digits"},
                    ),
                    _text("city", "City"),
                ],
            },
            _CONTACT,
        ),
        files=(
            RequiredFile(
                "c41e7f08-2a9d-4be6-8f70-1d53a6c9e2b4",
                "Proof of address",
                "No older than three months",
                mandatory=True,
                media_types=("application/pdf", "image/png", "image/jpeg"),
                document_types=("UTILITY_BILL", "REGISTER_EXTRACT", "TENANCY_AGREEMENT"),
            ),
            RequiredFile(
                "e7a05b3c-96d2-4c18-a4ef-08b7d1c65f93",
                "Identity document",
                "Of the contact person",
                mandatory=True,
                document_types=("PASSPORT", "ID_CARD"),
            ),
        ),
    ),
}
"""The regulated kinds.

For all others the look-up returns 404, as recorded for US LOCAL and US TOLL_FREE.
"""
