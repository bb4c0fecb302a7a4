"""The environment as one frozen object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from numberflow.errors import BadInput, MissingCredentials
from numberflow.settings import Settings

ACCOUNT = {
    "SINCH_PROJECT_ID": "project-1",
    "SINCH_KEY_ID": "key-1",
    "SINCH_KEY_SECRET": "very-secret",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours, no .env, a home of its own."""
    import os

    for name in list(os.environ):
        if name.upper().startswith(("SINCH_", "NUMBERFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> Settings:
    """Settings of an environment with these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def test_defaults(tmp_path: Path) -> None:
    """Without any variable: the vendor's addresses, everything of ours under ~/.numberflow, two
    minutes to settle, no account.
    """
    settings = Settings.load()
    assert {
        "auth_url": "https://auth.sinch.com",
        "numbers_url": "https://numbers.api.sinch.com",
        "imported_url": "https://imported.numbers.api.sinch.com",
        "home": tmp_path / "home" / ".numberflow",
        "settle_s": 120.0,
        "lease_s": 60.0,
        "http_timeout_s": 30.0,
    } == settings.model_dump(
        include={
            "auth_url",
            "numbers_url",
            "imported_url",
            "home",
            "settle_s",
            "lease_s",
            "http_timeout_s",
        }
    )
    assert f"sqlite:///{tmp_path}/home/.numberflow/numberflow.db" == settings.journal_url
    assert f"{tmp_path}/home/.numberflow/data" == settings.inventory_root
    assert (f"{tmp_path}/home/.numberflow/papers", False) == (
        settings.papers_root,
        settings.papers_anywhere,
    )
    assert settings.has_credentials is False


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("SINCH_PROJECT_ID", "p", "project_id", "p"),
        ("SINCH_KEY_ID", "k", "key_id", "k"),
        ("SINCH_AUTH_URL", "http://127.0.0.1:1/auth/", "auth_url", "http://127.0.0.1:1/auth"),
        (
            "SINCH_NUMBERS_URL",
            "http://127.0.0.1:1/numbers",
            "numbers_url",
            "http://127.0.0.1:1/numbers",
        ),
        ("SINCH_IMPORTED_URL", "https://x.test//", "imported_url", "https://x.test"),
        ("NUMBERFLOW_HOME", "/var/lib/numberflow", "home", Path("/var/lib/numberflow")),
        (
            "NUMBERFLOW_DATABASE_URL",
            "postgresql://db/journal",
            "journal_url",
            "postgresql://db/journal",
        ),
        ("NUMBERFLOW_INVENTORY_URL", "s3://bucket/x", "inventory_root", "s3://bucket/x"),
        ("NUMBERFLOW_PAPERS_URL", "s3://bucket/papers", "papers_root", "s3://bucket/papers"),
        ("NUMBERFLOW_PAPERS_ANYWHERE", "1", "papers_anywhere", True),
        ("NUMBERFLOW_CALLBACK_ANYWHERE", "1", "callback_anywhere", True),
        ("NUMBERFLOW_SETTLE_S", "30", "settle_s", 30.0),
        ("NUMBERFLOW_LEASE_S", "5", "lease_s", 5.0),
        ("NUMBERFLOW_HTTP_TIMEOUT_S", "2.5", "http_timeout_s", 2.5),
        ("NUMBERFLOW_SETTLE_S", "", "settle_s", 120.0),
        ("NUMBERFLOW_NUMBERS_RATE", "5, 0.5,50", "numbers_rate", (5.0, 0.5, 50.0)),
        ("NUMBERFLOW_IMPORTED_RATE", "", "imported_rate", (10.0, 0.5, 50.0)),
        ("NUMBERFLOW_TOKEN_RATE", "1,1,1", "token_rate", (1.0, 1.0, 1.0)),
        ("NUMBERFLOW_PATIENCE_S", "60", "patience_s", 60.0),
    ],
)
def test_each_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, expected: object
) -> None:
    """Each variable sets what it says.

    One that is set to nothing is the same as one that is not set.
    """
    assert expected == getattr(load(monkeypatch, {variable: value}), field)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SINCH_NUMBERS_URL", "numbers.api.sinch.com"),
        ("SINCH_AUTH_URL", "ftp://auth"),
        ("SINCH_AUTH_URL", "http://auth.sinch.com"),
        ("NUMBERFLOW_SETTLE_S", "-1"),
        ("NUMBERFLOW_SETTLE_S", "two minutes"),
        ("NUMBERFLOW_SETTLE_S", "inf"),
        ("NUMBERFLOW_SETTLE_S", "nan"),
        ("NUMBERFLOW_LEASE_S", "0"),
        ("NUMBERFLOW_NUMBERS_RATE", "20"),
        ("NUMBERFLOW_NUMBERS_RATE", "20,30,100"),
        ("NUMBERFLOW_IMPORTED_RATE", "10,0,50"),
        ("NUMBERFLOW_TOKEN_RATE", "ten,1,10"),
        ("NUMBERFLOW_TOKEN_RATE", "10,1,inf"),
        ("NUMBERFLOW_PATIENCE_S", "-1"),
        ("NUMBERFLOW_HTTP_TIMEOUT_S", "0"),
    ],
)
def test_bad_value_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A value that cannot be used is refused by the variable's own name, with what to do."""
    with pytest.raises(BadInput) as caught:
        load(monkeypatch, {variable: value})
    assert (variable, "correct or unset the variable") == (caught.value.field, caught.value.remedy)
    assert caught.value.message.startswith(f"{variable}: ")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8377/numbers", True),
        ("http://localhost:8377/numbers", True),
        ("http://[::1]:8377/numbers", True),
        ("https://numbers.api.sinch.com", False),
        ("https://10.0.0.1/numbers", False),
    ],
)
def test_short_settling_time_is_for_simulators(
    monkeypatch: pytest.MonkeyPatch, url: str, allowed: bool
) -> None:
    """Against a real host a short settling time would take late reads for proof that nothing was
    bought.
    """
    environment = {"SINCH_NUMBERS_URL": url, "NUMBERFLOW_SETTLE_S": "29.9"}
    if allowed:
        assert 29.9 == load(monkeypatch, environment).settle_s
        return
    with pytest.raises(BadInput, match=r"NUMBERFLOW_SETTLE_S: 29\.9 s is too short") as caught:
        load(monkeypatch, environment)
    assert "NUMBERFLOW_SETTLE_S" == caught.value.field


def test_own_simulator_settles_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who starts a simulator when no account is set takes any settling time then, and none that is
    too short with an account.
    """
    monkeypatch.setenv("NUMBERFLOW_SETTLE_S", "1")
    assert 1.0 == Settings.load(may_lack_account=True).settle_s
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match="NUMBERFLOW_SETTLE_S"):
        Settings.load(may_lack_account=True)


FOREIGN = (
    "HOME",
    "DATABASE_URL",
    "PROJECT_ID",
    "KEY_ID",
    "KEY_SECRET",
    "AUTH_URL",
    "NUMBERS_URL",
    "LEASE_S",
    "CALLBACK_SECRET",
)


def test_variables_of_others_are_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Common variables of the surroundings, in the environment or in .env, change nothing.

    DATABASE_URL is somebody else's database.
    """
    monkeypatch.setenv("HOME", "/tmp")
    before = Settings.load()
    (tmp_path / ".env").write_text(
        "".join(f"{name}=http://foreign/1\n" for name in FOREIGN if name != "HOME")
    )
    after = load(monkeypatch, {name: "http://foreign/1" for name in FOREIGN if name != "HOME"})
    assert before == after
    assert Path("/tmp/.numberflow") == after.home


@pytest.mark.parametrize("missing", list(ACCOUNT))
def test_missing_credentials(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """A variable of the account that is not set is named, alone, and the simulator is offered."""
    settings = load(
        monkeypatch, {name: value for name, value in ACCOUNT.items() if name != missing}
    )
    with pytest.raises(MissingCredentials) as caught:
        settings.require_credentials()
    assert (missing, f"No Sinch account is configured: {missing} not set.") == (
        caught.value.field,
        caught.value.message,
    )
    assert "numberflow simulator" in caught.value.remedy


def test_all_credentials_missing() -> None:
    """All three are named when none is set."""
    with pytest.raises(MissingCredentials) as caught:
        Settings.load().require_credentials()
    assert all(name in caught.value.message for name in ACCOUNT)


def test_complete_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all three there is nothing to say."""
    settings = load(monkeypatch, ACCOUNT)
    settings.require_credentials()
    assert settings.has_credentials is True


def test_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`.env` in the working directory is read; the environment wins over it.

    What is not ours in it is left alone.
    """
    (tmp_path / ".env").write_text("SINCH_PROJECT_ID=from-file\nSINCH_KEY_ID=from-file\nOTHER=x\n")
    settings = load(monkeypatch, {"SINCH_KEY_ID": "from-environment"})
    assert ("from-file", "from-environment") == (settings.project_id, settings.key_id)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither repr, str nor JSON of the settings shows a secret."""
    settings = load(
        monkeypatch,
        {
            **ACCOUNT,
            "SINCH_CALLBACK_SECRET": "very-secret",
            "SINCH_IMPORTED_CALLBACK_SECRET": "very-secret",
        },
    )
    shown = "".join(
        (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump()))
    )
    assert "very-secret" not in shown
    assert "very-secret" == settings.key_secret.get_secret_value()


def test_frozen() -> None:
    """Settings do not change under way."""
    with pytest.raises(ValidationError):
        Settings.load().settle_s = 1.0  # type: ignore[misc]
