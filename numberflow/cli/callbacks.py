"""`numberflow callbacks`: the secrets that sign callbacks, as they stand and a new one."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict
from typing import Literal, TypeVar

import typer

from deployments.step import Difference, Found, Step
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
        async with _client_and_leases(settings) as (client, keeper):
            for api in _wanted(apis):
                async with keeper.holding(_resource(settings, api)) as lease:
                    if dropping:
                        changed = await drop_previous(_vendor(client, api), store, api)
                    else:
                        await rotate(_vendor(client, api), store, api, before_send=lease.check)
                        changed = True
                done.append((api, changed))
                if not as_json:
                    typer.echo(_told(api, changed, dropping=dropping))

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
            return [await _stands(settings, client, store, api) for api in APIS]

    found = _run(project, work)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    for each in found:
        typer.echo(f"{each.api}: {_standing(each, project)}")


def callback_secret(settings: Settings) -> Step:
    """The step of the set-up: where callbacks are expected, both sides have the same secret.

    A vendor that has none is given one. One that has another may be somebody else's, so that it is
    left to a person.
    """

    async def look() -> Found:
        if not settings.callback_url:
            return Found(text="not used: NUMBERFLOW_CALLBACK_URL is not set")
        if not settings.has_credentials:
            told = "run `numberflow setup` also where the account is set, for the callback secret"
            return Found(text="no account here, so not looked at", advice=(told,))
        store = FileStore(SecretFile(settings.home), settings.project_id)
        # At a pace of its own: the shared one is in the journal's database, and would make it.
        async with Client(settings) as client:
            found = [await _stands(settings, client, store, api) for api in APIS]
        return Found(
            text="; ".join(f"{each.api}: {_standing(each, None)}" for each in found),
            differences=tuple(
                Difference("missing", f"the secret of the {each.api} API")
                for each in found
                if not each.at_vendor
            ),
            left_to_person=tuple(
                f"the {each.api} API signs with a secret that is not known here: set it where the "
                f"receiver runs, or give the vendor a new one: {_ROTATE}"
                for each in found
                if each.at_vendor and not each.agrees
            ),
        )

    async def apply() -> None:
        store = FileStore(SecretFile(settings.home), settings.project_id)
        async with _client_and_leases(settings) as (client, keeper):
            for api in APIS:
                async with keeper.holding(
                    _resource(settings, api), wait_s=settings.lease_s
                ) as lease:
                    # Another set-up may have done it while this one waited.
                    if not (await _stands(settings, client, store, api)).at_vendor:
                        await rotate(_vendor(client, api), store, api, before_send=lease.check)

    return Step("callback secret", look, apply)


@asynccontextmanager
async def _client_and_leases(settings: Settings) -> AsyncIterator[tuple[Client, LeaseKeeper]]:
    journal = await in_thread(Journal.open, settings.journal_url)
    try:
        async with (
            open_client(settings) as client,
            LeaseKeeper(journal, settings.lease_s) as keeper,
        ):
            yield client, keeper
    except BaseExceptionGroup as group:
        errors, _ = group.split(NumberflowError)
        raise (_first(errors) if errors is not None else group) from None
    finally:
        await in_thread(journal.close)


def _resource(settings: Settings, api: Api) -> str:
    """What is leased: two rotations at once would each store a secret, and one is the vendor's."""
    return f"callback-secret/{settings.project_id}/{api}"


async def _stands(settings: Settings, client: Client, store: SecretStore, api: Api) -> Standing:
    ours = (await store.read(api), of_settings(settings)[settings.project_id][api])
    return await standing(_vendor(client, api), api, ours)


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
        return asyncio.run(in_file() if project is None else in_block(project))


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
