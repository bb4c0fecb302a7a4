"""Which account a run uses: a Prefect block by name, or the environment."""

from __future__ import annotations

from typing import Any, cast

from prefect.blocks.abstract import CredentialsBlock
from pydantic import Field, SecretStr

from numberflow.client import Client
from numberflow.errors import BadInput
from numberflow.journal import Paces
from numberflow.settings import Settings

CALLBACK_SECRETS = (
    "callback_secret",
    "callback_secret_previous",
    "imported_callback_secret",
    "imported_callback_secret_previous",
)
"""Fields of the block, and of Settings, with the secrets of callbacks."""


class SinchCredentials(CredentialsBlock):
    """One Sinch project and its access key.

    Takes the place of SINCH_PROJECT_ID, SINCH_KEY_ID and SINCH_KEY_SECRET.

    Everyone with access to the Prefect API can read a block: give each project its own key, and
    Prefect its own password.
    """

    _block_type_name = "Sinch Credentials"
    _block_type_slug = "sinch-credentials"
    _description = (
        "Project and access key of the Sinch Numbers APIs (dashboard.sinch.com → Settings → "
        "Access keys)."
    )

    project_id: str = Field(
        min_length=1, title="Project ID", description="The project that owns and pays the numbers"
    )
    key_id: str = Field(min_length=1, title="Key ID", description="Access key of that project")
    key_secret: SecretStr = Field(
        title="Key secret", description="Shown once, when the access key is made"
    )
    callback_secret: SecretStr | None = Field(
        default=None, title="Callback secret", description="HMAC secret of the Numbers API"
    )
    imported_callback_secret: SecretStr | None = Field(
        default=None,
        title="Callback secret of imported numbers",
        description="HMAC secret of the imported-numbers API",
    )
    callback_secret_previous: SecretStr | None = Field(
        default=None,
        title="Previous callback secret",
        description="Accepted besides, until it is dropped (docs/callbacks.md)",
    )
    imported_callback_secret_previous: SecretStr | None = Field(
        default=None,
        title="Previous callback secret of imported numbers",
        description="Accepted besides, until it is dropped (docs/callbacks.md)",
    )

    def settings(self) -> Settings:
        """The settings of the environment, with this account in the place of theirs.

        Raises:
            BadInput: a variable of the environment cannot be used.
        """
        own: dict[str, Any] = {
            "project_id": self.project_id,
            "key_id": self.key_id,
            "key_secret": self.key_secret,
        }
        for name in CALLBACK_SECRETS:
            secret: SecretStr | None = getattr(self, name)
            # A form that was left empty sends "".
            if secret is not None and secret.get_secret_value():
                own[name] = secret
        return Settings.load().model_copy(update=own)

    def get_client(self) -> Client:
        """A client of both APIs for this project; use it in `async with`.

        It costs what its calls cost, and no journal stands before them.

        It keeps to the pace that all processes with this key share.

        Raises:
            BadInput: as in `settings`.
        """
        settings = self.settings()
        return Client(settings, shared_pace=Paces(settings.journal_url))


async def settings_for(project: str | None) -> Settings:
    """Settings with the credentials of the block `project`, or those of the environment.

    Raises:
        BadInput: no block has that name.
        MissingCredentials: no account is configured.
    """
    if project is None:
        settings = Settings.load()
    else:
        try:
            block = cast(SinchCredentials, await SinchCredentials.aload(project))
        except ValueError:
            raise BadInput(
                f"project: no Sinch Credentials block is called {project!r}",
                field="project",
                remedy="make one in the Prefect UI (Blocks → + → Sinch Credentials; `prefect "
                "block register --module"
                " tasks.credentials` puts it there), or leave project empty to use the environment",
            ) from None
        settings = block.settings()
    settings.require_credentials()
    return settings
