"""What `numberflow up` starts beside the Prefect server."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from numberflow.cli import up
from numberflow.cli.processes import free_port
from numberflow.receiver.secrets import CallbackSecrets, SecretFile
from numberflow.settings import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was started, on a port that is free."""
    commands: list[list[str]] = []
    monkeypatch.setattr(up, "RECEIVER_PORT", free_port(0))
    monkeypatch.setattr(up, "start", lambda command, _environment, _log: commands.append(command))
    return commands


def test_a_receiver_where_callbacks_are_expected(
    tmp_path: Path, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """With their address, a secret, or one that was rotated in here, and not otherwise."""
    assert up._receiver(Settings(home=tmp_path), {}) is None
    assert ([], "") == (started, capsys.readouterr().out)
    for given in (
        {"callback_url": "https://hooks.example.test"},
        {"callback_secret": SecretStr("s" * 32)},
        {"imported_callback_secret": SecretStr("s" * 32)},
    ):
        assert up._receiver(Settings(home=tmp_path, **given), {}) is not None
    SecretFile(tmp_path).write("project-1", "numbers", CallbackSecrets(SecretStr("s" * 32)))
    assert up._receiver(Settings(home=tmp_path), {}) is not None
    SecretFile(tmp_path).path.write_text("spoilt")
    assert up._receiver(Settings(home=tmp_path), {}) is not None
    assert [["numberflow", "receiver", "--port", str(up.RECEIVER_PORT)]] * 5 == started
    assert f"http://127.0.0.1:{up.RECEIVER_PORT}/callbacks/" in capsys.readouterr().out


def test_a_receiver_that_is_there_already(
    tmp_path: Path, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that listens on the port goes on, and no second one is started elsewhere."""
    with socket.create_server(("127.0.0.1", up.RECEIVER_PORT)):
        settings = Settings(home=tmp_path, callback_url="https://hooks.example.test")
        assert up._receiver(settings, {}) is None
    assert ([], True) == (started, "is taken" in capsys.readouterr().out)
