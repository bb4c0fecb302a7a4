"""Parse multipart/form-data from bytes (RFC 7578). The caller knows what the parts mean."""

from dataclasses import dataclass
from math import inf

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header


class BadForm(ValueError):
    """The body is not a multipart form."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form. `file_name` is None for a plain field; `media_type` has no parameters."""

    name: str
    file_name: str | None
    media_type: str
    content: bytes


def parse(content_type: str, body: bytes) -> list[Part]:
    """All parts in order. Raises BadForm."""
    media_type, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary")
    if media_type != b"multipart/form-data" or not boundary:
        raise BadForm("not multipart/form-data with a boundary")
    found: list[Field | File] = []
    ends: list[bool] = []
    parser = FormParser(
        "multipart/form-data",
        found.append,
        found.append,
        on_end=lambda: ends.append(True),
        boundary=boundary,
        # Nothing of an upload goes to disk.
        config={"MAX_MEMORY_FILE_SIZE": inf},
    )
    try:
        parser.write(body)
    except FormParserError as error:
        raise BadForm(str(error)) from None
    if not ends:
        raise BadForm("the form does not end with its boundary")
    return [_part(one) for one in found]


def _part(found: Field | File) -> Part:
    name = (found.field_name or b"").decode("utf-8", "replace")
    media_type = (found.content_type or "text/plain").partition(";")[0].strip().lower()
    if isinstance(found, Field):
        return Part(name, None, media_type, found.value or b"")
    found.file_object.seek(0)
    file_name = (found.file_name or b"").decode("utf-8", "replace")
    return Part(name, file_name, media_type, found.file_object.read())
