"""A new signing secret: stored here first, then given to the vendor, then read back.

The vendor signs with the new one from the moment it has it, and what it signed with the old one may
still be on its way: so both are stored before it learns anything, and the old one stays until it is
dropped. A rotation that broke off is finished by the next one, with the secret that is stored.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from anyio import sleep as pause
from pydantic import SecretStr

from numberflow.client.callback_configuration import Callbacks
from numberflow.errors import BadInput, NumberflowError, OutcomeUnknown, Throttled
from numberflow.models.callback import Api
from numberflow.receiver.secrets import NO_SECRET, REREAD_FILE_S, CallbackSecrets, SecretFile

# How late a read may be after the write: the pauses between looks, in seconds.
_LOOKS_AFTER_S = (0.0, 1.0, 2.0, 4.0, 8.0)


class RotationOpen(NumberflowError):
    """It is not known whether the vendor has the new secret. Both are accepted meanwhile."""


class SecretStore(Protocol):
    """Where the secrets of one project are kept."""

    known_after_s: float
    """Within this every receiver knows what was written."""

    async def read(self, api: Api) -> CallbackSecrets:
        """What is kept for one API."""

    async def write(self, api: Api, kept: CallbackSecrets) -> None:
        """Keep this. Durable when it returns."""


class FileStore:
    """The secret file of this machine as the store of one project."""

    known_after_s = REREAD_FILE_S

    def __init__(self, file: SecretFile, project_id: str) -> None:
        self._file = file
        self._project_id = project_id

    async def read(self, api: Api) -> CallbackSecrets:
        """As in SecretStore. Raises BadInput when the file cannot be read."""
        return self._file.read().get(self._project_id, {}).get(api, CallbackSecrets())

    async def write(self, api: Api, kept: CallbackSecrets) -> None:
        """As in SecretStore. Raises BadInput when the file cannot be written."""
        self._file.write(self._project_id, api, kept)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one API's secret stands; no secret is in it."""

    api: Api
    at_vendor: bool
    """The vendor has one, so that it signs."""
    stored: bool
    """We have one at least."""
    agrees: bool
    """The vendor's is one of ours: what it signs is accepted."""
    has_previous: bool
    """An older one is accepted besides."""


async def standing(vendor: Callbacks, api: Api, ours: Iterable[CallbackSecrets]) -> Standing:
    """Compare the vendor's secret with all that are accepted. Costs nothing.

    Raises what the client raises.
    """
    at_vendor = (await vendor.get()).hmac_secret or NO_SECRET
    ours = tuple(ours)
    keys = {key for each in ours for key in each.keys}
    return Standing(
        api,
        at_vendor=at_vendor != NO_SECRET,
        stored=bool(keys),
        agrees=at_vendor.get_secret_value().encode() in keys,
        has_previous=len(keys) > 1,
    )


async def rotate(
    vendor: Callbacks,
    store: SecretStore,
    api: Api,
    *,
    before_send: Callable[[], object] = lambda: None,
) -> None:
    """Give the vendor a new secret. The one that it has now is accepted until it is dropped.

    Costs nothing. Repeat: safe; after a run that broke off, the secret that it stored is used.

    Args:
        vendor: the callback configuration of that API.
        store: where receivers find the secrets.
        api: whose secret.
        before_send: raises when another process has taken over.

    Raises:
        RotationOpen: whether the vendor has it could not be seen.
        The errors of the client and of the store.
    """
    before = (await vendor.get()).hmac_secret or NO_SECRET
    kept = await store.read(api)
    new = kept.current
    if kept.current in (NO_SECRET, before) or before != kept.previous:
        new = SecretStr(secrets.token_hex(32))
        before_send()
        await store.write(api, CallbackSecrets(current=new, previous=before))
    await pause(store.known_after_s)
    before_send()
    with suppress(OutcomeUnknown):  # it is looked at below
        await vendor.update(new)
    for pause_s in _LOOKS_AFTER_S:
        await pause(pause_s)
        try:
            if (await vendor.get()).hmac_secret == new:
                return
        except (OutcomeUnknown, Throttled):
            continue
    raise RotationOpen(
        f"The {api} API was sent a new callback secret, and does not show it.",
        remedy="nothing is lost meanwhile: both secrets are accepted. Run the same command again: "
        "it finishes this rotation",
    )


async def drop_previous(vendor: Callbacks, store: SecretStore, api: Api) -> bool:
    """Accept the old secret no more; whether there was one.

    Raises:
        BadInput: the vendor does not sign with the current one, so the old one is needed.
        The errors of the client and of the store.
    """
    kept = await store.read(api)
    if kept.previous == NO_SECRET:
        return False
    if (await vendor.get()).hmac_secret != kept.current:
        raise BadInput(
            f"--drop-previous: the {api} API does not sign with the current secret yet",
            field="drop_previous",
            remedy="run the same command without --drop-previous first: it finishes the rotation",
        )
    await store.write(api, CallbackSecrets(current=kept.current))
    return True
