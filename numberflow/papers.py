"""References to personal papers: an address, a registration form, a scan. What travels through forms, Prefect and the journal is the reference alone.

A reference is a path, an fsspec URL (s3://…) or `block:NAME`, a Secret block in Prefect. Here: what a reference may look like, and reading what it names
under seal. Not here: what a block holds (tasks, by Prefect) and what the data mean (models).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread
import fsspec
from pydantic import Secret

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
