"""Callback secrets in Sinch Credentials blocks: read for the receiver, kept by a rotation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import cast

from prefect.client.orchestration import get_client
from pydantic import SecretStr

from numberflow.models.callback import Api
from numberflow.receiver.app import REFRESH_S
from numberflow.receiver.secrets import APIS, NO_SECRET, CallbackSecrets, ProjectSecrets
from tasks.credentials import SinchCredentials

_PAGE = 100
_FIELD: Mapping[Api, str] = {
    "numbers": "callback_secret",
    "imported": "imported_callback_secret",
}


class BlockStore:
    """One block as the store of a rotation (`numberflow.receiver.rotation.SecretStore`)."""

    # Receivers read blocks every REFRESH_S; the rest is for a server that is slow to answer.
    known_after_s = REFRESH_S + 10.0

    def __init__(self, name: str) -> None:
        self._name = name

    async def read(self, api: Api) -> CallbackSecrets:
        """What the block holds for one API. Raises ValueError when there is no such block."""
        return _secrets(await self._load(), api)

    async def write(self, api: Api, kept: CallbackSecrets) -> None:
        """Put it into the block; all else in it stays."""
        block = await self._load()
        setattr(block, _FIELD[api], kept.current)
        setattr(block, f"{_FIELD[api]}_previous", kept.previous)
        await block.asave(self._name, overwrite=True)

    async def _load(self) -> SinchCredentials:
        return cast("SinchCredentials", await SinchCredentials.aload(self._name))


async def secrets_of_blocks() -> Mapping[str, ProjectSecrets]:
    """The secrets of every block, by its project. Raises what the Prefect client raises."""
    return {
        block.project_id: {api: _secrets(block, api) for api in APIS}
        async for _, block in _blocks()
    }


async def projects_of_blocks() -> Mapping[str, str]:
    """The name of a block for each project. Raises what the Prefect client raises."""
    return {block.project_id: name async for name, block in _blocks()}


async def _blocks() -> AsyncIterator[tuple[str, SinchCredentials]]:
    slug = SinchCredentials.get_block_type_slug()
    async with get_client() as client:
        offset = 0
        while True:
            page = await client.read_block_documents_by_type(slug, offset=offset, limit=_PAGE)
            for document in page:
                yield str(document.name), SinchCredentials.model_validate(document.data)
            if len(page) < _PAGE:
                return
            offset += _PAGE


def _secrets(block: SinchCredentials, api: Api) -> CallbackSecrets:
    current: SecretStr | None = getattr(block, _FIELD[api])
    previous: SecretStr | None = getattr(block, f"{_FIELD[api]}_previous")
    return CallbackSecrets(current or NO_SECRET, previous or NO_SECRET)
