"""The papers store: the one folder or bucket from which runs read personal papers.

Belongs here: which reference names a paper of the store and which is refused, opening it, and
putting, listing and removing papers. Does not: what a paper contains (papers), and Secret blocks,
which Prefect keeps.

Everybody who may start a run can name papers, and their content goes to the vendor. So a reference
is relative to the store and leads nowhere else: it must not make a worker send its own files, or
the answer of an internal address. Everybody who may write to the store is trusted.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self, cast
from urllib.parse import unquote

import fsspec

from numberflow.errors import BadInput, NumberflowError, StoreUnavailable
from numberflow.models.papers import BLOCK, check_reference
from numberflow.private_files import make_private_folder
from numberflow.settings import Settings

# The vendor publishes no limit; 10 MiB is assumed (docs/vendor/numbers-behaviour.md, "Not known",
# 19). A refused file costs time of the reservation.
FILE_BYTES_MAX = 10 * 1024 * 1024

# Stores in which a name is only a name. Elsewhere (sftp, smb, …) there are links that this code
# cannot see, and `..` means something.
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
# What a killed `put` leaves behind; never listed.
_PART = ".part-"

REMEDY = (
    "put it into the papers store (`numberflow papers put <file>`) and use the name that it prints;"
    " other paths and URLs need NUMBERFLOW_PAPERS_ANYWHERE=1 where the run works"
)


@dataclass(frozen=True)
class StoredPaper:
    """A paper of the store: the reference that names it, and its size in bytes."""

    reference: str
    size: int


@dataclass(frozen=True)
class PaperStore:
    """The store at a local path or fsspec URL.

    Fields:
        root: folder or URL.
        anywhere: absolute paths, `..`, links that lead out and other URLs are read, too.
    """

    root: str
    anywhere: bool = False

    def __post_init__(self) -> None:
        """Refuse a kind of store that cannot be confined to its root.

        Raises:
            BadInput: names NUMBERFLOW_PAPERS_URL.
        """
        scheme = _scheme(self.root)
        if scheme and scheme not in _BUCKETS | {"file"}:
            raise BadInput(
                f"NUMBERFLOW_PAPERS_URL: {scheme} cannot hold papers",
                field="NUMBERFLOW_PAPERS_URL",
                remedy="name a folder, or a bucket: s3://, gs:// or abfs://",
            )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The store that the settings name."""
        return cls(settings.papers_root, anywhere=settings.papers_anywhere)

    def require(self, reference: str, *, field: str) -> None:
        """Check that a reference is a block or leads into the store.

        Whether the paper exists shows when it is opened.

        Args:
            reference: as in the parameters.
            field: the parameter, for the message.

        Raises:
            BadInput: it leads elsewhere; names field and remedy.
        """
        if problem := _shape(reference):
            # Not repeated: it may be the data itself.
            raise BadInput(
                f"{field}: {problem}",
                field=field,
                remedy="name a paper of the papers store (`numberflow papers list`), or block:NAME",
            )
        if not self.anywhere and (problem := self._outside(reference)):
            raise BadInput(f"{field}: {reference} {problem}", field=field, remedy=REMEDY)

    def open(self, reference: str, *, field: str) -> BinaryIO:
        """The paper, open for reading bytes. Blocking. Not for blocks.

        Raises:
            BadInput: as in `require`, which is checked again here.
            OSError, ValueError, ImportError: as the store says it.
        """
        self.require(reference, field=field)
        name = self._name(reference)
        if name is None:
            return cast("BinaryIO", fsspec.open(reference, "rb", expand=False).open())
        if name.startswith(("/", "~")):
            return _open_regular(_resolved(Path(name).expanduser()))
        if self._folder is not None:
            path = _resolved(self._folder / name)
            if not self.anywhere and not path.is_relative_to(_resolved(self._folder)):
                # A link has replaced it since the check.
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            return _open_regular(path)
        files, root = self._bucket()
        return cast("BinaryIO", files.open(f"{root}/{name}", "rb"))

    # ---- for `numberflow papers`

    def put(self, source: Path, name: str, *, replace: bool = False) -> StoredPaper:
        """Copy a file into the store, all or nothing, readable for its owner only. Blocking.

        Args:
            source: a local file of 1 byte to 10 MiB.
            name: its name in the store.
            replace: replace a paper of that name.

        Raises:
            BadInput: not readable, empty, too large, or a name that is not valid or taken.
            StoreUnavailable: the store cannot be written.
        """
        name = self._new_name(name)
        content = _read_source(source)
        with self._ours():
            if self._folder is not None:
                done = _put_file(self._folder, name, content, replace=replace)
            else:
                files, path = self._bucket()
                done = replace or not files.exists(f"{path}/{name}")
                if done:
                    files.pipe_file(f"{path}/{name}", content)
        if not done:
            # Personal papers: nobody else may have a copy.
            raise BadInput(
                f"--as: there is a paper {name} already",
                field="as",
                remedy="choose another name with --as, or write --replace",
            )
        return StoredPaper(name, len(content))

    def papers(self) -> list[StoredPaper]:
        """Every paper that a reference can name, by name. Blocking.

        Raises:
            StoreUnavailable: the store cannot be read.
        """
        with self._ours():
            if self._folder is not None:
                found = list(_walk(self._folder))
            else:
                files, path = self._bucket()
                listed = cast("Mapping[str, Mapping[str, Any]]", files.find(path, detail=True))
                found = [
                    StoredPaper(each.removeprefix(f"{path}/"), int(facts.get("size") or 0))
                    for each, facts in listed.items()
                    # Some tools mark a folder with an empty object whose name ends like this.
                    if not each.endswith("/") and not PurePosixPath(each).name.startswith(_PART)
                ]
        return sorted(found, key=lambda paper: paper.reference)

    def remove(self, name: str) -> None:
        """Remove a paper; for a link, the link itself. Blocking.

        Raises:
            BadInput: there is no such paper.
            StoreUnavailable: the store cannot be written.
        """
        name = self._new_name(name)
        with self._ours():
            if self._folder is not None:
                path = self._folder / name
                gone = path.is_file() or path.is_symlink()
                if gone:
                    path.unlink()
            else:
                files, root = self._bucket()
                gone = bool(files.isfile(f"{root}/{name}"))
                if gone:
                    files.rm_file(f"{root}/{name}")
        if not gone:
            raise BadInput(
                f"NAME: there is no paper {name}",
                field="name",
                remedy="`numberflow papers list` names all",
            )

    def probe(self) -> None:
        """Write, read and remove a paper. Blocking.

        Raises:
            StoreUnavailable: one of them fails.
        """
        name, content = f"{_PART}{uuid.uuid4().hex}.probe", b"numberflow"
        with self._ours():
            if self._folder is not None:
                _put_file(self._folder, name, content, replace=True)
            else:
                files, path = self._bucket()
                files.pipe_file(f"{path}/{name}", content)
            try:
                with self.open(name, field="papers") as file:
                    if file.read() != content:
                        raise OSError(errno.EIO, "reads back differently from what was written")
            finally:
                self.remove(name)

    # ---- inside

    @property
    def _folder(self) -> Path | None:
        """The folder of a store on disk; None for a bucket."""
        if _scheme(self.root) not in ("", "file"):
            return None
        return Path(self.root.removeprefix("file://")).expanduser().absolute()

    def _bucket(self) -> tuple[Any, str]:
        files, path = fsspec.core.url_to_fs(self.root)
        return files, str(path).rstrip("/")

    def _name(self, reference: str) -> str | None:
        """The normalised name of a reference under the store.

        None when it is a URL that leads elsewhere.
        """
        if "::" in reference:
            return None
        if "://" in reference:
            start = f"{self.root.rstrip('/')}/"
            if self._folder is not None or not reference.startswith(start):
                return None
            reference = reference.removeprefix(start)
        return str(PurePosixPath(reference))

    def _outside(self, reference: str) -> str:
        """Why a reference does not name a paper of the store; empty when it does.

        Looks at the store's links.
        """
        name = self._name(reference)
        problem = ""
        if reference.startswith(BLOCK):
            pass
        elif name is None:
            problem = "is a URL outside the papers store"
        elif name.startswith(("/", "~")):
            problem = "is an absolute path, not a name in the papers store"
        elif ".." in {*PurePosixPath(name).parts, *PurePosixPath(unquote(name)).parts}:
            # Encoded, too: a store that speaks HTTP may decode a name on its way.
            problem = "leads out of the papers store with .."
        elif "\\" in name:
            problem = "has a backslash; write / between folders"
        elif self._folder is not None and not _is_inside(self._folder / name, self._folder):
            # Before looking whether it exists, or the answer would reveal files elsewhere.
            problem = "is a link that leaves the papers store"
        return problem

    def _new_name(self, name: str) -> str:
        tidy, shape = self._name(name), _shape(name)
        problem = shape or self._outside(name)
        if not problem and (tidy in (None, ".") or name.startswith(BLOCK)):
            problem = "is not a name for a paper"
        if problem or tidy is None:
            raise BadInput(
                f"NAME: {problem}" if shape else f"NAME: {name} {problem}",
                field="name",
                remedy="write a name with an ending such as au/extract.pdf, relative to the "
                "papers store",
            )
        return tidy

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Turn every failure of files, network or keys into one error.

        For errors that are not ours only the kind is shown: stores repeat names, and keys.
        """
        problem = ""
        try:
            yield
        except NumberflowError:
            raise
        except Exception as error:  # noqa: BLE001 - stores raise what they like
            problem = type(error).__name__
        if problem:
            raise StoreUnavailable(
                f"the papers store at {self.root} cannot be used ({problem})",
                remedy="correct NUMBERFLOW_PAPERS_URL, or this user's rights and keys",
            )


def _scheme(url: str) -> str:
    """The scheme of a URL, in lower case; empty for a path.

    For a chain of file systems the whole chain, which is not a scheme.
    """
    scheme, mark, _ = url.partition("://")
    return scheme.lower() if mark else ""


def _shape(reference: str) -> str:
    try:
        check_reference(reference)
    except ValueError as error:
        return str(error)
    return ""


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError:
        # Until Python 3.12 a loop of links is a RuntimeError.
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return _resolved(path).is_relative_to(_resolved(folder))
    except OSError:
        return False


def _open_regular(path: Path) -> BinaryIO:
    """Open a regular file only: a pipe would block the run for ever, a device has no end."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    # Path.open takes no opener; the caller closes it
    file = open(path, "rb", opener=opener)  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return cast("BinaryIO", file)
    file.close()
    raise OSError(errno.EINVAL, "is not a file")


def _read_source(source: Path) -> bytes:
    problem, content = "", b""
    try:
        # A person who puts a paper names their own file, so links are followed.
        with _open_regular(_resolved(source.expanduser())) as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        problem = f"cannot be read ({type(error).__name__})"
    if not problem and not content:
        problem = "is empty"
    if len(content) > FILE_BYTES_MAX:
        problem = f"has more than {FILE_BYTES_MAX // 1024 // 1024} MiB"
    if problem:
        raise BadInput(
            f"FILE: {source} {problem}",
            field="file",
            remedy="name a readable file that is not empty",
        )
    return content


def _put_file(root: Path, name: str, content: bytes, *, replace: bool) -> bool:
    """Write a file under the root in one step. False when a file exists and must stay."""
    target = root / name
    make_private_folder(target.parent)
    part = target.parent / f"{_PART}{uuid.uuid4().hex}"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(target)
            return True
        # A hard link refuses a taken name in the same step.
        with suppress(FileExistsError):
            target.hardlink_to(part)
            return True
        return False
    finally:
        part.unlink(missing_ok=True)


def _walk(root: Path) -> Iterator[StoredPaper]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            if name.startswith(_PART) or not path.is_file() or not _is_inside(path, root):
                continue
            yield StoredPaper(path.relative_to(root).as_posix(), path.stat().st_size)
