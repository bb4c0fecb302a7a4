"""References to personal papers: an address, a registration form, a scan.

Only the reference passes through forms, Prefect and the journal. It is a name in the papers store
or `block:NAME`, a Secret block in Prefect. Here: reading what it names. A form is read whole and
sealed, a file piece by piece, so that a scan is never whole in memory or on a second disk. Not
here: where papers are and which references are refused (paper_store), what a reference looks like
and what the data mean (models), and what a block contains (tasks, by Prefect).
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
from typing import Any, BinaryIO

import anyio.to_thread
from pydantic import Secret, SecretStr

from numberflow.errors import BadInput, NumberflowError
from numberflow.models.papers import BLOCK
from numberflow.paper_store import FILE_BYTES_MAX, PaperStore

# A form has a few kilobytes. Refuse a video that was named by mistake before it is in memory.
JSON_BYTES_MAX = 1 << 20

ReadBlock = Callable[[str], Awaitable[str]]
"""From the name of a Secret block to its text. ValueError when there is none."""


async def read_object(
    reference: str, *, field: str, store: PaperStore, read_block: ReadBlock | None = None
) -> Secret[Mapping[str, Any]]:
    """The JSON object that a reference names, sealed.

    Args:
        reference: name in the store, or block:NAME.
        field: the parameter it came in, for the message.
        store: where papers are.
        read_block: how to read a block; None where there is no Prefect.

    Raises:
        BadInput: it leads out of the store, does not exist, is not readable, too large, or not a
            JSON object. No message repeats a part of the content.
    """
    problem = ""
    value: Any = None
    try:
        text = await _read_text(reference, field, store, read_block)
        value = json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"is not JSON (line {error.lineno}, column {error.colno})"
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    except RecursionError:
        problem = "is nested too deeply"
    except _TooLarge:
        problem = f"has more than {JSON_BYTES_MAX} bytes"
    except NumberflowError:
        raise
    # Stores raise anything, and repeat names: only the kind is shown
    except Exception as error:  # noqa: BLE001
        problem = f"cannot be read ({type(error).__name__})"
    # Raised here, so that what was read does not become the context of the error.
    if not problem and not isinstance(value, dict):
        problem = "is not a JSON object"
    if problem:
        raise BadInput(
            f"{field}: {reference} {problem}",
            field=field,
            remedy="name a paper that holds a JSON object (`numberflow papers list`), or "
            "block:NAME",
        )
    return Secret(value)


class _TooLarge(Exception):
    pass


async def _read_text(
    reference: str, field: str, store: PaperStore, read_block: ReadBlock | None
) -> str:
    await anyio.to_thread.run_sync(lambda: store.require(reference, field=field))
    if reference.startswith(BLOCK):
        if read_block is None:
            raise ValueError("no Prefect, no blocks")
        return await read_block(reference.removeprefix(BLOCK))

    def read() -> bytes:
        with store.open(reference, field=field) as file:
            return bytes(file.read(JSON_BYTES_MAX + 1))

    content = await anyio.to_thread.run_sync(read)
    if len(content) > JSON_BYTES_MAX:
        raise _TooLarge
    return content.decode()


_PIECE = 1 << 16

# How files of the usual kinds begin. Without this check, a reviewer would refuse a renamed scan
# days later.
_SIGNATURES = {
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
}


@dataclass(frozen=True)
class PaperFile:
    """A file that was checked and can be sent.

    Fields:
        reference: where it is.
        store: where it is read from.
        name: the name that the vendor gets; personal.
        media_type: by its extension, and by its first bytes where the kind has them.
        size: bytes.
        digest: SHA-256, hexadecimal, to recognise it. Of the bytes only, so it reveals nothing.
    """

    reference: str
    store: PaperStore
    name: SecretStr
    media_type: str
    size: int
    digest: str = field(repr=False)


async def check_file(
    reference: str, *, name: str, store: PaperStore, read_block: ReadBlock | None = None
) -> PaperFile:
    """Read a file once from end to end.

    Checks that it exists, is readable, not empty, not too large, and of the kind that its name
    says.

    Args:
        reference: name in the store, or block:NAME of a block that holds the file in base64.
        name: the parameter it came in, for the message.
        store: where papers are.
        read_block: how to read a block; None where there is no Prefect.

    Raises:
        BadInput: it cannot be used; the message repeats nothing of the content.
    """
    problem, found = "", None
    try:
        async with open_file(reference, name=name, store=store, read_block=read_block) as file:
            found = await anyio.to_thread.run_sync(_measure, file)
    except NumberflowError:
        raise
    except Exception as error:  # noqa: BLE001 - as in read_object
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
            return PaperFile(
                reference, store, SecretStr(_name(reference, media_type)), media_type, size, digest
            )
    raise BadInput(
        f"{name}: {reference} {problem}",
        field=name,
        remedy="name a paper that can be read (`numberflow papers list`), or block:NAME with "
        "base64",
    )


@asynccontextmanager
async def open_file(
    reference: str, *, name: str, store: PaperStore, read_block: ReadBlock | None = None
) -> AsyncIterator[BinaryIO]:
    """The file that a reference names, open for reading bytes, at its beginning.

    Arguments as in `check_file`.

    Raises:
        BadInput: it leads out of the store; nothing was opened.
        Exception: any error of the store; messages may repeat the reference.
    """
    await anyio.to_thread.run_sync(lambda: store.require(reference, field=name))
    if reference.startswith(BLOCK):
        if read_block is None:
            raise ValueError("no Prefect, no blocks")
        text = await read_block(reference.removeprefix(BLOCK))
        yield io.BytesIO(base64.b64decode(text, validate=True))
        return
    file = await anyio.to_thread.run_sync(lambda: store.open(reference, field=name))
    try:
        yield file
    finally:
        await anyio.to_thread.run_sync(file.close)


def _measure(file: BinaryIO) -> tuple[int, bytes, str]:
    """Size, first bytes, digest. Stops one piece past the greatest size.

    A file that is too large need not be read to its end.
    """
    digest, size, start = hashlib.sha256(), 0, b""
    while size <= FILE_BYTES_MAX and (piece := file.read(_PIECE)):
        start = start or piece[:16]
        size += len(piece)
        digest.update(piece)
    return size, start, digest.hexdigest()


def _media_type(reference: str, start: bytes) -> str | None:
    """The kind of a file; None when its first bytes contradict its name."""
    seen = next((kind for kind, marks in _SIGNATURES.items() if start.startswith(marks)), None)
    told = None if reference.startswith(BLOCK) else mimetypes.guess_type(reference)[0]
    if told in _SIGNATURES and told != seen:
        return None
    return told or seen or "application/octet-stream"


def _name(reference: str, media_type: str) -> str:
    if reference.startswith(BLOCK):
        return f"document{mimetypes.guess_extension(media_type) or ''}"
    return PurePosixPath(reference.replace("\\", "/")).name
