"""Numbers that nobody may give up: the file in the papers store that names them.

Fails closed: a file that cannot be read or understood protects every number. Without a file nothing
is protected, unless the settings say that it has to be there. The vendor has no tags; groups of the
file stand for them. Not here: what happens to a protected number (release, or configure for a new
name).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from numberflow.errors import BadInput, SpendRefused
from numberflow.journal import folded
from numberflow.models.parameters import PhoneNumber
from numberflow.paper_store import PaperStore
from numberflow.settings import Settings

# A hundred thousand numbers, one a line, have two megabytes.
FILE_BYTES_MAX = 4 * 1024 * 1024


def _plain(text: str) -> str:
    """The text without what looks the same: case, Unicode form, kinds of blanks, hidden signs."""
    seen = "".join(sign for sign in folded(text) if unicodedata.category(sign) != "Cf")
    return re.sub(r"\s+", " ", seen)


def _some(value: str) -> str:
    plain = _plain(value).strip()
    if not plain:
        raise ValueError("is empty")
    return plain


Pattern = Annotated[str, AfterValidator(_some)]


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: tuple[PhoneNumber, ...] = ()
    names: tuple[Pattern, ...] = ()

    def matching(self, phone_number: str, name: str | None) -> str:
        """What protects the number, in words; empty when nothing does.

        `name` None: it cannot be read, and may match any pattern.
        """
        if phone_number in self.numbers:
            return "it is listed"
        if name is None:
            return "its name cannot be read, and names are protected" if self.names else ""
        plain = _plain(name)
        for pattern in self.names:
            if fnmatchcase(plain, pattern) or fnmatchcase(plain.strip(), pattern):
                return f"its name matches {pattern!r}"
        return ""


class Protection(_Rules):
    """What the file says: numbers, patterns of display names, and groups of both."""

    file: str = ""
    groups: Mapping[str, _Rules] = {}

    def rule_for(self, phone_number: str, display_name: str | None) -> str:
        """The rule that protects a number, in words; empty when it may be given up."""
        if found := self.matching(phone_number, display_name):
            return f"{found} in {self.file}"
        for name, group in self.groups.items():
            if found := group.matching(phone_number, display_name):
                return f"{found} in group {name!r} of {self.file}"
        return ""


class _Loader(yaml.BaseLoader):
    """Every value is text: YAML would read +12025550101 as a number, and drop the plus."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is written twice: YAML would drop the first one in silence."""
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.YAMLError(f"{twice} is written twice")
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def load_protection(settings: Settings) -> Protection:
    """Read the file. Blocking.

    Raises:
        SpendRefused: it cannot be read or understood, or is missing and has to be there.
    """
    name, store = settings.protected_numbers, PaperStore.of(settings)
    try:
        with store.open(name, field="NUMBERFLOW_PROTECTED_NUMBERS") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        if not settings.protected_numbers_required:
            return Protection(file=name)
        raise _refused(name, "is not in the papers store") from None
    except BadInput as error:
        raise _refused(name, f"cannot be read ({error.message})") from None
    except Exception as error:  # noqa: BLE001 - stores raise what they like, and doubt protects
        raise _refused(name, f"cannot be read ({type(error).__name__})") from None
    if len(content) > FILE_BYTES_MAX:
        raise _refused(name, f"has more than {FILE_BYTES_MAX // 1024 // 1024} MiB")
    return _read(name, content)


def _read(name: str, content: bytes) -> Protection:
    try:
        found = _Loader(content.decode()).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        told = "" if hasattr(error, "problem") or not isinstance(error, yaml.YAMLError) else error
        raise _refused(name, f"is no YAML{where}{f': {told}' if told else ''}") from None
    if not isinstance(found, dict) or "file" in found:
        raise _refused(name, "has none of the lists numbers, names and groups")
    try:
        return Protection.model_validate(found | {"file": name})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        raise _refused(name, f"cannot be understood: {field}: {message}") from None


def _refused(name: str, problem: str) -> SpendRefused:
    return SpendRefused(
        f"{name}, which says what numbers are protected, {problem}; no number is released "
        "or renamed",
        rule="protected",
        remedy="put a file into the papers store as docs/papers.md shows it, then run again",
    )
