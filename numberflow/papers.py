"""References to personal papers: an address, a registration form, a scan. What travels through forms, Prefect and the journal is the reference alone.

A reference is a path, an fsspec URL (s3://…) or `block:NAME`, a Secret block in Prefect. Here: reading what it names: a form whole and under seal, a file
piece by piece, so that a scan never lies in memory as a whole or on a second disk. Not here: what a reference may look like and what the data mean
(models), and what a block holds (tasks, by Prefect).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import anyio.to_thread
import fsspec
from pydantic import Secret, SecretStr

from numberflow.errors import BadInput
from numberflow.models.papers import BLOCK, check_reference

# A form is some kilobytes; whoever names a video by mistake is told before it is in memory.
JSON_BYTES_MAX = 1 << 20

ReadBlock = Callable[[str], Awaitable[str]]
"""From the name of a Secret block to its text. ValueError when there is none."""


async def read_object(reference: str, *, field: str, read_block: ReadBlock | None = None) -> Secret[Mapping[str, Any]]:
    """The JSON object that a reference names, under seal.

    Args:
        reference: path, fsspec URL or block:NAME.
        field: the parameter it came in, for the message.
        read_block: how to read a block; None where there is no Prefect.

    Raises:
        BadInput: nothing there, not readable, too large, or no JSON object. No message repeats a part of the content.
    """
    try:
        check_reference(reference)
    except ValueError as error:
        raise BadInput(f"{field}: {error}", field=field, mend="name a file, a URL or block:NAME") from None
    problem = ""
    value: Any = None
    try:
        text = await _read_text(reference, read_block)
        value = json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"is no JSON (line {error.lineno}, column {error.colno})"
    except UnicodeDecodeError:
        problem = "is no text in UTF-8"
    except RecursionError:
        problem = "is nested too deeply"
    except _TooLarge:
        problem = f"has more than {JSON_BYTES_MAX} bytes"
    except (OSError, ValueError, ImportError) as error:
        # Stores repeat what they were asked for, and no more; of others only the kind is told.
        problem = f"cannot be read ({type(error).__name__})"
    # Raised out here, so that what was read does not hang on to the error as its context.
    if not problem and not isinstance(value, dict):
        problem = "is no JSON object"
    if problem:
        raise BadInput(
            f"{field}: {reference} {problem}",
            field=field,
            mend="name a readable file with a JSON object, or block:NAME",
        )
    return Secret(value)


class _TooLarge(Exception):
    pass


async def _read_text(reference: str, read_block: ReadBlock | None) -> str:
    if reference.startswith(BLOCK):
        if read_block is None:
            raise ValueError("no Prefect, no blocks")
        return await read_block(reference.removeprefix(BLOCK))

    def read() -> bytes:
        with fsspec.open(reference, "rb") as file:
            return bytes(file.read(JSON_BYTES_MAX + 1))

    content = await anyio.to_thread.run_sync(read)
    if len(content) > JSON_BYTES_MAX:
        raise _TooLarge
    return content.decode()


# The vendor publishes no limit; 10 MiB is assumed (docs/vendor/numbers-behaviour.md, "Not known", 19), and what it refuses costs part of the reservation.
FILE_BYTES_MAX = 10 * 1024 * 1024
_PIECE = 1 << 16

# How files of the usual kinds begin. A scan that was renamed is refused by whoever reviews the order, days later.
_SIGNATURES = {
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
}


@dataclass(frozen=True)
class PaperFile:
    """A file that was looked through and can be sent.

    Fields:
        reference: where it is.
        name: what the vendor is told; personal.
        media_type: by its ending, and by its beginning where the kind has one.
        size: bytes.
        digest: SHA-256, hexadecimal, to know it again. Of the bytes alone: it gives nothing away.
    """

    reference: str
    name: SecretStr
    media_type: str
    size: int
    digest: str = field(repr=False)


async def check_file(reference: str, *, name: str, read_block: ReadBlock | None = None) -> PaperFile:
    """Read a file once from end to end: is it there, readable, not empty, not too large, of the kind that its name says?

    Args:
        reference: path, fsspec URL, or block:NAME of a block that holds the file in base64.
        name: the parameter it came in, for the message.
        read_block: how to read a block; None where there is no Prefect.

    Raises:
        BadInput: it cannot be used; the message repeats nothing of the content.
    """
    problem, found = "", None
    try:
        async with open_file(reference, read_block=read_block) as file:
            found = await anyio.to_thread.run_sync(_measure, file)
    except (OSError, ValueError, ImportError) as error:
        problem = f"cannot be read ({type(error).__name__})"
    if found is not None:
        size, start, digest = found
        media_type = _media_type(reference, start)
        if size == 0:
            problem = "is empty"
        elif size > FILE_BYTES_MAX:
            problem = f"has more than {FILE_BYTES_MAX // 1024 // 1024} MiB"
        elif media_type is None:
            problem = "is not what its name says: its first bytes are of another kind"
        else:
            return PaperFile(reference, SecretStr(_name(reference, media_type)), media_type, size, digest)
    raise BadInput(
        f"{name}: {reference} {problem}",
        field=name,
        mend="name a readable file: a path, a URL, or block:NAME with base64",
    )


@asynccontextmanager
async def open_file(reference: str, *, read_block: ReadBlock | None = None) -> AsyncIterator[BinaryIO]:
    """The file that a reference names, open for reading bytes, at its beginning.

    Raises:
        OSError, ValueError, ImportError: as the store says it; their messages may repeat the reference, which is no secret.
    """
    if reference.startswith(BLOCK):
        if read_block is None:
            raise ValueError("no Prefect, no blocks")
        text = await read_block(reference.removeprefix(BLOCK))
        yield io.BytesIO(base64.b64decode(text, validate=True))
        return
    file = await anyio.to_thread.run_sync(lambda: fsspec.open(reference, "rb").open())
    try:
        yield cast("BinaryIO", file)
    finally:
        await anyio.to_thread.run_sync(file.close)


def _measure(file: BinaryIO) -> tuple[int, bytes, str]:
    """Size, first bytes, digest. Stops a piece past the greatest size: what is too large need not be read to its end."""
    digest, size, start = hashlib.sha256(), 0, b""
    while size <= FILE_BYTES_MAX and (piece := file.read(_PIECE)):
        start = start or piece[:16]
        size += len(piece)
        digest.update(piece)
    return size, start, digest.hexdigest()


def _media_type(reference: str, start: bytes) -> str | None:
    """The kind of a file; None when its beginning contradicts its name."""
    seen = next((kind for kind, marks in _SIGNATURES.items() if start.startswith(marks)), None)
    told = None if reference.startswith(BLOCK) else mimetypes.guess_type(reference)[0]
    if told in _SIGNATURES and told != seen:
        return None
    return told or seen or "application/octet-stream"


def _name(reference: str, media_type: str) -> str:
    if reference.startswith(BLOCK):
        return f"document{mimetypes.guess_extension(media_type) or ''}"
    return PurePosixPath(reference.replace("\\", "/")).name
