"""`numberflow callbacks`: the secrets that sign callbacks, as they stand and a new one."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Literal, TypeVar

import typer

from numberflow.cli.console import print_json, working
from numberflow.cli.prefect_server import prefect_server
from numberflow.client import Client
from numberflow.client.callback_configuration import Callbacks
from numberflow.errors import NumberflowError
from numberflow.journal import Journal, LeaseKeeper
from numberflow.models.callback import Api
from numberflow.purchase.run_context import in_thread, open_client
from numberflow.receiver.rotation import (
    FileStore,
    SecretStore,
    Standing,
    drop_previous,
    rotate,
    standing,
)
from numberflow.receiver.secrets import APIS, SecretFile, of_settings
from numberflow.settings import Settings

Apis = Literal["numbers", "imported", "both"]
T = TypeVar("T")
_ROTATE = "numberflow callbacks rotate"


def rotate_secrets(apis: Apis, project: str | None, *, dropping: bool, as_json: bool) -> None:
    """Give the vendor a new secret for each API, or drop the old ones.

    Raises:
        BadInput: no such block, or the old secret is still needed.
        RotationOpen, JournalUnavailable, and the errors of the client.
    """

    async def work(settings: Settings, store: SecretStore) -> None:
        journal = await in_thread(Journal.open, settings.journal_url)
        try:
            async with (
                open_client(settings) as client,
                LeaseKeeper(journal, settings.lease_s) as keeper,
            ):
                for api in _wanted(apis):
                    # Two rotations at once would each store a secret, and only one is the vendor's.
                    resource = f"callback-secret/{settings.project_id}/{api}"
                    async with keeper.holding(resource) as lease:
                        if dropping:
                            changed = await drop_previous(_vendor(client, api), store, api)
                        else:
                            await rotate(_vendor(client, api), store, api, before_send=lease.check)
                            changed = True
                    done.append((api, changed))
                    if not as_json:
                        typer.echo(_told(api, changed, dropping=dropping))
        finally:
            await in_thread(journal.close)

    done: list[tuple[Api, bool]] = []
    with working("Waiting until every receiver knows the new secret …"):
        _run(project, work)
    if as_json:
        print_json(dict(done))
    elif not dropping:
        typer.echo(
            "What was signed with the old secret is still accepted. When nothing of it is on its "
            "way any more: the same command with --drop-previous."
        )


def status(project: str | None, *, as_json: bool) -> None:
    """Say of each API whether the vendor's secret is one of ours. Shows no secret.

    Raises:
        BadInput: no such block.
        The errors of the client.
    """

    async def work(settings: Settings, store: SecretStore) -> list[Standing]:
        async with open_client(settings) as client:
            return [
                await standing(
                    _vendor(client, api),
                    api,
                    (await store.read(api), of_settings(settings)[settings.project_id][api]),
                )
                for api in APIS
            ]

    found = _run(project, work)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    for each in found:
        typer.echo(f"{each.api}: {_standing(each, project)}")


def _run(project: str | None, work: Callable[[Settings, SecretStore], Awaitable[T]]) -> T:
    settings = Settings.load()

    async def in_block(name: str) -> T:
        from tasks.callback_secrets import BlockStore
        from tasks.credentials import settings_for

        return await work(await settings_for(name), BlockStore(name))

    async def in_file() -> T:
        settings.require_credentials()
        return await work(settings, FileStore(SecretFile(settings.home), settings.project_id))

    with prefect_server(settings) if project is not None else nullcontext():
        try:
            return asyncio.run(in_file() if project is None else in_block(project))
        except BaseExceptionGroup as group:
            errors, _ = group.split(NumberflowError)
            raise (_first(errors) if errors is not None else group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _wanted(apis: Apis) -> Sequence[Api]:
    return APIS if apis == "both" else (apis,)


def _vendor(client: Client, api: Api) -> Callbacks:
    return (
        client.callback_configuration
        if api == "numbers"
        else client.imported_callback_configuration
    )


def _told(api: Api, changed: bool, *, dropping: bool) -> str:
    if not dropping:
        return f"{api}: the vendor signs with the new secret; it was read back."
    return f"{api}: {'the old secret is dropped' if changed else 'there was no old secret'}."


def _standing(each: Standing, project: str | None) -> str:
    of = f" --project {shlex.quote(project)}" if project else ""
    rotation = f"{_ROTATE}{of}"
    if not each.at_vendor:
        return f"the vendor has no secret, so that what it sends is refused → {rotation}"
    if not each.agrees:
        here = "another one is set here" if each.stored else "none is set here"
        return f"the vendor has a secret, {here} → {rotation}"
    older = "; an older one is accepted, too" if each.has_previous else ""
    return f"set, and the same as the vendor's{older}"
