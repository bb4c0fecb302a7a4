"""Takes a multipart/form-data body apart and holds it against the contract.

Reads with the standard library's mail parser, not with ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

from jsonschema import Draft202012Validator
from support.openapi import document, find_operation


@dataclass(frozen=True)
class Part:
    """One part: its name, the file name if it has one, its media type, its bytes."""

    name: str
    file_name: str | None
    media_type: str
    content: bytes


def parts(content_type: str, body: bytes) -> list[Part]:
    """The parts of a multipart body, in order."""
    message = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body
    )
    assert isinstance(message, EmailMessage)
    assert (message.is_multipart(), message.defects) == (True, []), "not a whole multipart body"
    found = []
    for each in message.iter_parts():
        assert isinstance(each, EmailMessage)
        disposition = each["content-disposition"]
        assert disposition.content_disposition == "form-data"
        content = each.get_payload(decode=True)
        assert isinstance(content, bytes)
        named = disposition.params
        found.append(Part(named["name"], named.get("filename"), each.get_content_type(), content))
    return found


def validate_form(method: str, path: str, content_type: str, body: bytes) -> None:
    """Check a multipart request against the schema of its operation.

    Raises AssertionError with the reason.
    """
    api, operation, _, _ = find_operation(method, path)
    reference = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"]
    schema = document(api)["components"]["schemas"][reference.rpartition("/")[2]]
    found = parts(content_type, body)
    form = {part.name: part.content.decode("latin-1") for part in found}
    assert len(form) == len(found), f"{method} {path}: a part is there twice"
    unknown = set(form) - set(schema["properties"])
    assert not unknown, f"{method} {path}: no part is called {unknown}"
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(form)]
    assert not errors, f"{method} {path}: {errors}"
    media_types = {part.name: part.media_type for part in found if part.file_name is not None}
    assert list(media_types) == ["file"], (
        f"{method} {path}: the file part and no other has a file name"
    )
