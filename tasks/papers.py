"""Reading what a reference to personal data names.

Papers of the store by the library, blocks by Prefect. Not tasks: a task's result may be stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from prefect.blocks.system import Secret as SecretBlock
from pydantic import Secret

from numberflow import papers
from numberflow.paper_store import PaperStore
from numberflow.papers import PaperFile
from numberflow.purchase.run_context import in_thread
from numberflow.settings import Settings


async def require_in_store(references: Mapping[str, str]) -> None:
    """Refuse references that lead out of the papers store, before any request.

    Args:
        references: parameter → reference.

    Raises:
        BadInput: as in `numberflow.paper_store.PaperStore.require`.
    """
    store = PaperStore.of(Settings.load())
    for field, reference in references.items():
        await in_thread(store.require, reference, field=field)


async def read_paper(reference: str, *, field: str) -> Secret[Mapping[str, Any]]:
    """The JSON object that a reference names, under seal.

    Arguments and errors as in `numberflow.papers.read_object`.
    """
    store = PaperStore.of(Settings.load())
    return await papers.read_object(reference, field=field, store=store, read_block=read_block)


async def check_file(reference: str, *, name: str) -> PaperFile:
    """The file that a reference names, looked through.

    Arguments and errors as in `numberflow.papers.check_file`.
    """
    store = PaperStore.of(Settings.load())
    return await papers.check_file(reference, name=name, store=store, read_block=read_block)


async def read_block(name: str) -> str:
    """The text that a Secret block holds. ValueError when there is no such block."""
    block = cast("SecretBlock[Any]", await SecretBlock.aload(name))
    value = block.get()
    # A block may hold the object itself instead of its text.
    return value if isinstance(value, str) else json.dumps(value)
