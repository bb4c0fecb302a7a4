"""multipart/form-data as bytes, taken apart (RFC 7578).

What the parts mean is the caller's business.
"""

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r';\s*([a-zA-Z*]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))')


class BadForm(ValueError):
    """The body is no multipart form."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form. `file_name` is None for a plain field; `media_type` has no parameters."""

    name: str
    file_name: str | None
    media_type: str
    content: bytes


def parse(content_type: str, body: bytes) -> list[Part]:
    """All parts in order. Raises BadForm."""
    boundary = _parameters(content_type).get("boundary", "")
    if not content_type.lower().startswith("multipart/form-data") or not boundary:
        raise BadForm("not multipart/form-data with a boundary")
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    # The first delimiter may stand at the very beginning; all others follow a line break.
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadForm("the form does not end with its boundary")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, separator, content = piece.lstrip(b" \t").partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"\r\n"):
        raise BadForm("a part has no end of headers")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    disposition = _parameters(headers.get("content-disposition", ""))
    if "name" not in disposition:
        raise BadForm("a part has no name")
    media_type = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    return Part(disposition["name"], disposition.get("filename"), media_type, content)


def _parameters(value: str) -> dict[str, str]:
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
        for name, quoted, plain in _PARAMETER.findall(value)
    }
