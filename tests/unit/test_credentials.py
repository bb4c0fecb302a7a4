"""The block Sinch Credentials.

Where Prefect finds it, what it opens, and that it shows no secret.
"""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest
from prefect.blocks.abstract import CredentialsBlock
from pydantic import SecretStr, ValidationError

from tasks.credentials import SinchCredentials

SECRETS = ("marked-key-secret-77d1", "marked-callback-secret-77d1")
BLOCK = SinchCredentials(
    project_id="second",
    key_id="key-2",
    key_secret=SecretStr(SECRETS[0]),
    callback_secret=SecretStr(SECRETS[1]),
)


def test_prefect_finds_it() -> None:
    """The entry point by which Prefect's server registers block types names the module that has it,
    and nothing else of Prefect's.
    """
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (module,) = project["entry-points"]["prefect.collections"].values()
    assert SinchCredentials is importlib.import_module(module).SinchCredentials
    assert (True, "sinch-credentials") == (
        issubclass(SinchCredentials, CredentialsBlock),
        SinchCredentials.get_block_type_slug(),
    )


def test_client_of_its_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client works with the block's project and the environment's addresses, whatever account
    the environment has.
    """
    monkeypatch.setenv("SINCH_PROJECT_ID", "first")
    monkeypatch.setenv("SINCH_NUMBERS_URL", "http://127.0.0.1:9/numbers")
    settings = BLOCK.settings()
    assert ("second", "second") == (BLOCK.get_client().project_id, settings.project_id)
    assert ("http://127.0.0.1:9/numbers", SECRETS[1]) == (
        settings.numbers_url,
        settings.callback_secret.get_secret_value(),
    )


def test_a_callback_secret_that_was_left_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form sends "" for it: the environment's stays."""
    monkeypatch.setenv("SINCH_CALLBACK_SECRET", "of the environment")
    block = BLOCK.model_copy(update={"callback_secret": SecretStr("")})
    assert "of the environment" == block.settings().callback_secret.get_secret_value()


def test_it_shows_no_secret() -> None:
    """Neither printing the block, nor its settings, nor dumping it, nor a validation error shows a
    secret.
    """
    with pytest.raises(ValidationError) as caught:
        SinchCredentials(project_id="", key_id="key-2", key_secret=SecretStr(SECRETS[0]))
    settings = BLOCK.settings()
    told = (
        f"{BLOCK!r} {BLOCK} {settings!r} {settings} {BLOCK.model_dump_json()} "
        f"{BLOCK.model_dump()} {caught.value}"
    )
    assert [] == [secret for secret in SECRETS if secret in told]
