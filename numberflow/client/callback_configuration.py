"""Callback configuration: the project's signing secret.

Vendor noun: callbackConfiguration (docs/vendor/numbers-behaviour.md §16). Both APIs have one, each
with its own secret (docs/vendor/imported-hosting-behaviour.md §12). Callback addresses are not
here: those belong to numbers and orders.
"""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.protocol import Request, json_body, project_path, reader
from numberflow.client.transport import Transport
from numberflow.models.vendor import CallbackConfiguration

Host = Literal["numbers", "imported"]
"""Which of the two APIs."""


# A gateway's greeting must not be read as "no secret".
_READ = reader(CallbackConfiguration, "hmacSecret", "projectId")


def build_get(project_id: str, *, host: Host = "numbers") -> Request[CallbackConfiguration]:
    """Read the configuration. The secret arrives in clear text and is sealed at once."""
    return Request("GET", host, project_path(project_id, "callbackConfiguration"), _READ)


def build_update(
    project_id: str, hmac_secret: SecretStr, *, host: Host = "numbers"
) -> Request[CallbackConfiguration]:
    """Replace the secret. Sent once.

    The imported API publishes no rule for it, so the stricter one of the other API applies to both.
    """
    secret = inputs.hmac_secret(hmac_secret.get_secret_value())
    return Request(
        "PATCH",
        host,
        project_path(project_id, "callbackConfiguration"),
        _READ,
        body=json_body({"hmacSecret": secret}),
        costly=True,
        conceal=(secret,),
    )


class Callbacks(Noun):
    """`client.callback_configuration` and `client.imported_callback_configuration`."""

    def __init__(self, transport: Transport, project_id: str, *, host: Host = "numbers") -> None:
        super().__init__(transport, project_id)
        self._host = host

    async def get(self) -> CallbackConfiguration:
        """The secret with which the vendor signs this project's callbacks.

        `hmac_secret` None when none was ever set.
        """
        return await self._send(build_get(self._project, host=self._host))

    async def update(self, hmac_secret: SecretStr | str) -> CallbackConfiguration:
        """Set the secret. From then on callbacks that are signed with the old one are forgeries.

        Let the receiver accept both for a while.

        Raises:
            BadInput: not 32 to 64 letters, digits or hyphens; the message does not show it.
        """
        sealed = hmac_secret if isinstance(hmac_secret, SecretStr) else SecretStr(hmac_secret)
        return await self._send(build_update(self._project, sealed, host=self._host))
