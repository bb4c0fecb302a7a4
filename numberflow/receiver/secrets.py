"""Which secrets sign callbacks: of the environment, of a file in the home, of Prefect blocks.

All that are known count, the previous ones too: a callback that was signed before a rotation may
arrive after it. Nothing here prints a secret; they are `SecretStr` until a signature is checked.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from numberflow.errors import BadInput
from numberflow.models.callback import Api
from numberflow.private_files import make_private_folder
from numberflow.settings import Settings

logger = logging.getLogger(__name__)

FILE_NAME = "callback-secrets.json"
APIS: tuple[Api, ...] = ("numbers", "imported")
# A signature that fits nothing may be of a secret that was just rotated in: the file is read again,
# but a flood of forged ones reads it once a second.
REREAD_FILE_S = 1.0
NO_SECRET = SecretStr("")


@dataclass(frozen=True, slots=True)
class CallbackSecrets:
    """The secrets of one API of one project. Empty: there is none."""

    current: SecretStr = NO_SECRET
    previous: SecretStr = NO_SECRET

    @property
    def keys(self) -> tuple[bytes, ...]:
        """As signatures are keyed with them."""
        both = (self.current.get_secret_value(), self.previous.get_secret_value())
        return tuple(each.encode() for each in both if each)


ProjectSecrets = Mapping[Api, CallbackSecrets]
SecretSource = Callable[[], Awaitable[Mapping[str, ProjectSecrets]]]
"""The secrets of all projects that a place knows, by the vendor's id of the project."""


def of_settings(settings: Settings) -> Mapping[str, ProjectSecrets]:
    """The secrets of the environment, which are those of its project."""
    if not settings.project_id:
        return {}
    numbers = CallbackSecrets(settings.callback_secret, settings.callback_secret_previous)
    imported = CallbackSecrets(
        settings.imported_callback_secret, settings.imported_callback_secret_previous
    )
    return {settings.project_id: {"numbers": numbers, "imported": imported}}


class SecretFile:
    """The secrets that `numberflow callbacks rotate` keeps on this machine, for its user alone."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME

    def read(self) -> dict[str, dict[Api, CallbackSecrets]]:
        """The secrets of all projects; empty without a file.

        Raises:
            BadInput: the file cannot be read, or is not what `write` wrote.
        """
        try:
            content: Any = json.loads(self.path.read_bytes())
            return {
                project: {api: _secrets(apis.get(api, {})) for api in APIS}
                for project, apis in content.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            # Not `from error`: its text may quote the file.
            raise BadInput(
                f"{self.path} cannot be read ({type(error).__name__})",
                field="NUMBERFLOW_HOME",
                remedy="make it readable for this user; or remove it and run `numberflow "
                "callbacks rotate`, which writes a new one",
            ) from None

    def write(self, project_id: str, api: Api, secrets: CallbackSecrets) -> None:
        """Put these in the place of those that are there. On disk when it returns.

        Raises:
            BadInput: the file that is there cannot be read, or none can be written.
        """
        everything = self.read()
        everything.setdefault(project_id, {})[api] = secrets
        text = json.dumps({
            project: {
                api: {
                    "current": each.current.get_secret_value(),
                    "previous": each.previous.get_secret_value(),
                }
                for api, each in apis.items()
            }
            for project, apis in everything.items()
        })  # fmt: skip
        try:
            make_private_folder(self.path.parent)
            _replace(self.path, text)
        except OSError as error:
            raise BadInput(
                f"{self.path} cannot be written ({error.strerror})",
                field="NUMBERFLOW_HOME",
                remedy="make its folder writable for this user, or free disk space",
            ) from None


def _secrets(kept: Mapping[str, str]) -> CallbackSecrets:
    return CallbackSecrets(
        SecretStr(str(kept.get("current", ""))), SecretStr(str(kept.get("previous", "")))
    )


def _replace(path: Path, text: str) -> None:
    """Whole or not at all; `mkstemp` makes files that nobody else can read."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class KnownSecrets:
    """What the receiver checks signatures with. What cannot be read anew stays as it was."""

    def __init__(self, settings: Settings, blocks: SecretSource | None = None) -> None:
        self._environment = of_settings(settings)
        self._file = SecretFile(settings.home)
        self._blocks = blocks
        self._of_file: Mapping[str, ProjectSecrets] = {}
        self._of_blocks: Mapping[str, ProjectSecrets] = {}
        self._file_read_s = float("-inf")
        self.all_read = blocks is None
        """Whether every place was read once: before that, nothing says that a secret is unknown."""
        self.troubles: dict[str, str] = {}
        """What could not be read, in a word each; empty when all is well."""

    def keys(self, project_id: str) -> tuple[bytes, ...]:
        """Every secret that is accepted for a project, of both APIs; empty: it is not known."""
        return tuple(
            key
            for place in (self._of_file, self._of_blocks, self._environment)
            for secrets in place.get(project_id, {}).values()
            for key in secrets.keys
        )

    def projects(self) -> dict[str, dict[Api, bool]]:
        """For each known project, whether there is a secret for each API."""
        places = (self._of_file, self._of_blocks, self._environment)
        return {
            project: {
                api: any(
                    place.get(project, {}).get(api, CallbackSecrets()).keys for place in places
                )
                for api in APIS
            }
            for project in sorted({project for place in places for project in place})
        }

    def reread_file(self) -> bool:
        """Read the file again, at most once a second; whether it was read."""
        now_s = time.monotonic()
        if now_s - self._file_read_s < REREAD_FILE_S:
            return False
        self._file_read_s = now_s
        try:
            self._of_file = self._file.read()
            self.troubles.pop("file", None)
        except BadInput as error:
            if "file" not in self.troubles:
                logger.warning("%s", error)
            self.troubles["file"] = "cannot be read"
        return True

    async def refresh(self) -> None:
        """Read file and blocks again. Never raises."""
        self.reread_file()
        if self._blocks is None:
            return
        try:
            self._of_blocks = await self._blocks()
            self.all_read = True
            self.troubles.pop("blocks", None)
        except Exception as error:  # noqa: BLE001 - a server that is down takes no secret away
            if "blocks" not in self.troubles:
                logger.warning("Blocks could not be read: %s", type(error).__name__)
            self.troubles["blocks"] = "cannot be read"
