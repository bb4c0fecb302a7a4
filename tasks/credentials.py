"""Which account a run uses: a Prefect block by name, or the environment."""

from __future__ import annotations

from typing import cast

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from numberflow.errors import BadInput
from numberflow.settings import Settings


class SinchCredentials(Block):
    """One Sinch project and its access key. Takes the place of SINCH_PROJECT_ID, SINCH_KEY_ID and SINCH_KEY_SECRET.

    Everyone with access to the Prefect API can read a block: give each project its own key, and Prefect its own password.
    """

    _block_type_name = "Sinch Credentials"
    _block_type_slug = "sinch-credentials"
    _description = "Project and access key of the Sinch Numbers APIs (dashboard.sinch.com → Settings → Access keys)."

    project_id: str = Field(title="Project ID", description="The project that owns and pays the numbers")
    key_id: str = Field(title="Key ID", description="Access key of that project")
    key_secret: SecretStr = Field(title="Key secret", description="Shown once, when the access key is made")
    callback_secret: SecretStr | None = Field(
        default=None, title="Callback secret", description="HMAC secret of the Numbers API"
    )


async def settings_for(project: str | None) -> Settings:
    """Settings with the credentials of the block `project`, or those of the environment.

    Raises:
        BadInput: no block has that name.
        MissingCredentials: no account is configured.
    """
    settings = Settings.load()
    if project is not None:
        try:
            block = cast(SinchCredentials, await SinchCredentials.aload(project))
        except ValueError:
            raise BadInput(
                f"project: no Sinch Credentials block is called {project!r}",
                field="project",
                mend="make one in the Prefect UI (Blocks → Sinch Credentials), or leave project empty to use the environment",
            ) from None
        settings = settings.model_copy(
            update={"project_id": block.project_id, "key_id": block.key_id, "key_secret": block.key_secret}
        )
        if block.callback_secret is not None:
            settings = settings.model_copy(update={"callback_secret": block.callback_secret})
    settings.require_credentials()
    return settings
