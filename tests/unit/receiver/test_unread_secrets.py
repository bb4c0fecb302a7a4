"""What the receiver answers, and where it looks, before it has read the blocks of Prefect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from support.journals import new_journal
from support.receiving import PROJECT, SECRET, body_of, signed

from numberflow.cli import receiver as command
from numberflow.cli.prefect_server import up_file
from numberflow.journal import Journal
from numberflow.receiver.app import receiver_app
from numberflow.receiver.secrets import CallbackSecrets, KnownSecrets, ProjectSecrets
from numberflow.receiver.senders import Senders
from numberflow.settings import Settings

pytestmark = pytest.mark.anyio

IN_BLOCK: Mapping[str, ProjectSecrets] = {
    PROJECT: {"numbers": CallbackSecrets(Settings(key_secret=SECRET).key_secret)}
}
API_URL = "http://127.0.0.1:4200/api"


async def test_unread_is_not_unknown(tmp_path: Path) -> None:
    """503 for what may be signed with a secret of a block, so that the vendor delivers it again;
    when the blocks were read, it is taken or forged.
    """
    is_down = True

    async def blocks() -> Mapping[str, ProjectSecrets]:
        if is_down:
            raise ConnectionError
        return IN_BLOCK

    settings = Settings(_env_file=None, home=tmp_path)
    known, body = KnownSecrets(settings, blocks), body_of()
    with Journal.open(new_journal(tmp_path / "journal.db")) as journal:
        app = receiver_app(journal, known, Senders(settings))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://receiver.test"
            ) as http,
        ):

            async def status(headers: Mapping[str, str]) -> int:
                path = f"/callbacks/{PROJECT}"
                return (await http.post(path, content=body, headers=headers)).status_code

            assert [503, 401] == [await status(signed(body)), await status({})]
            is_down = False
            await known.refresh()
            assert [200, 401] == [await status(signed(body)), await status(signed(body, "x"))]


async def test_a_server_that_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found without a restart; while `numberflow up` is not ready, nothing counts as read."""
    urls = [None, None, API_URL]
    monkeypatch.setenv("PREFECT_API_URL", API_URL)
    monkeypatch.setattr(command, "running_api_url", lambda _settings: urls.pop(0))

    async def blocks() -> Mapping[str, ProjectSecrets]:
        return IN_BLOCK

    monkeypatch.setattr("tasks.callback_secrets.secrets_of_blocks", blocks)
    settings = Settings(_env_file=None, home=tmp_path)
    prefect = command._Prefect(settings)
    assert {} == await prefect.secrets()
    up_file(settings).write_text(json.dumps({"api_url": API_URL}))
    with pytest.raises(ConnectionError):
        await prefect.secrets()
    assert IN_BLOCK == await prefect.secrets()
