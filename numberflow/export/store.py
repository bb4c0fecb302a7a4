"""Where snapshots are stored: a local folder, or an object store through fsspec.

In both, a name shows a whole file or none. Belongs here: reading, replacing, listing and removing
files by their path under the root. Does not: which files there are and in which order they change
(publish, retention), and what is in them.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar, cast

import fsspec

from numberflow.errors import BadInput, NumberflowError, StoreUnavailable
from numberflow.private_files import is_private, make_private_folder

# Stores where an object appears only when its upload is finished. Elsewhere (sftp, smb, …) a reader
# could see half a file.
ATOMIC_PROTOCOLS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})

SCRATCH = "_scratch"
"""Folder under the root for files that are not published.

The underscore keeps dataset readers out.
"""

# What a killed run leaves behind is removed when nobody can still be writing it: an export takes
# minutes, so a day is safe.
STALE_S = 24 * 3600.0


# A date is published again once a night or by hand; so many replacements within one read take a
# loop.
_REPLACED_MAX = 10

T = TypeVar("T")


class Store(ABC):
    """Files under one root. Paths are relative, with forward slashes."""

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """A whole file; None when it is not there."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Replace a file in one step."""

    @abstractmethod
    def put(self, local: Path, path: str) -> None:
        """Replace a file by a local one, from `scratch`, in one step.

        The local one is gone or left to the scratch folder afterwards.
        """

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """A file for reading at any place. FileNotFoundError when it is not there."""

    @abstractmethod
    def find(self, pattern: str) -> list[str]:
        """Paths of files that match a glob pattern, sorted."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, and its folder if that is empty then.

        Nothing happens when it is not there.
        """

    @abstractmethod
    def scratch(self) -> Any:
        """Context manager: a local folder for temporary files, from which `put` takes one step.

        Removed at the end.
        """

    @abstractmethod
    def url(self, path: str) -> str:
        """What pandas, DuckDB and other readers call the file or folder."""


def open_store(root: str) -> Store:
    """Open the store at a local path or fsspec URL. Later failures raise StoreUnavailable.

    Raises:
        BadInput: a kind of store that cannot replace a file in one step, or one whose library is
            not installed.
    """
    if "://" not in root or root.startswith("file://"):
        return Border(LocalStore(Path(root.removeprefix("file://")).expanduser()), root)
    protocol = root.partition("://")[0]
    if protocol not in ATOMIC_PROTOCOLS:
        raise BadInput(
            f"NUMBERFLOW_INVENTORY_URL: {protocol} cannot replace a file in one step",
            field="NUMBERFLOW_INVENTORY_URL",
            remedy="use a local folder, s3://, gs:// or abfs://",
        )
    try:
        return Border(ObjectStore(root), root)
    except ImportError as error:
        raise BadInput(
            f"NUMBERFLOW_INVENTORY_URL: {error}",
            field="NUMBERFLOW_INVENTORY_URL",
            remedy="install numberflow[s3], or gcsfs or adlfs for the other stores",
        ) from None


def unchanged(read: Callable[[], T]) -> T:
    """Return the result of `read`, which opens a file; repeat it if the file is replaced meanwhile.

    Object stores are read in pieces. s3fs binds all of them to one version and raises EBUSY when
    that version is gone. An open local file stays.
    """
    for _ in range(_REPLACED_MAX):
        try:
            return read()
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
    return read()


class LocalStore(Store):
    """A folder. A file is replaced by a rename, after its content has reached the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def read(self, path: str) -> bytes | None:
        """See Store."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, content: bytes) -> None:
        """See Store."""
        folder = self.root / SCRATCH
        self._make(folder)
        # Not by tempfile: its files are for their owner only, and whoever may read the folder may
        # read what is published.
        part = folder / f"{uuid.uuid4().hex}.part"
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._rename(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def put(self, local: Path, path: str) -> None:
        """See Store. The writer (writer.TableFile.close) has flushed the content to disk."""
        self._rename(local, path)

    def _rename(self, part: Path, path: str) -> None:
        target = self.root / path
        while True:
            self._make(target.parent)
            try:
                if is_private(self.root):
                    part.chmod(0o600)
                part.replace(target)
            except FileNotFoundError:
                # Retention has just removed the empty folder. Make it again, unless our own file is
                # missing.
                if not part.exists():
                    raise
            else:
                break
        _sync_folder(target.parent)

    def _make(self, folder: Path) -> None:
        """Make a folder: who may read the root may read what is published, and nobody else."""
        if is_private(self.root):
            make_private_folder(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)

    def open(self, path: str) -> BinaryIO:
        """See Store."""
        return (self.root / path).open("rb")

    def find(self, pattern: str) -> list[str]:
        """See Store."""
        return sorted(
            str(PurePosixPath(found.relative_to(self.root))) for found in self.root.glob(pattern)
        )

    def remove(self, path: str) -> None:
        """See Store."""
        target = self.root / path
        target.unlink(missing_ok=True)
        for folder in (target.parent, target.parent.parent):
            with suppress(OSError):  # not empty: somebody else's file is in there
                folder.rmdir()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See Store. It is in the root, since a rename does not cross file systems.

        Removes what killed runs left over a day ago.
        """
        base = self.root / SCRATCH
        self._make(base)
        _sweep(base)
        with tempfile.TemporaryDirectory(
            dir=base, prefix="run-", ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)

    def url(self, path: str) -> str:
        """See Store."""
        return str(self.root / path)


class ObjectStore(Store):
    """A bucket. A file is replaced when its upload ends: until then readers see the old one."""

    def __init__(self, root: str) -> None:
        self._root_url = root.rstrip("/")
        # A cached listing would hide what others have published.
        self._files, path = fsspec.core.url_to_fs(self._root_url, use_listings_cache=False)
        self._root = path.rstrip("/")

    def read(self, path: str) -> bytes | None:
        """See Store."""
        try:
            return bytes(self._files.cat_file(self._at(path)))
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """See Store."""
        self._files.pipe_file(self._at(path), content)

    def put(self, local: Path, path: str) -> None:
        """See Store."""
        self._files.put_file(str(local), self._at(path))

    def open(self, path: str) -> BinaryIO:
        """See Store."""
        return cast("BinaryIO", self._files.open(self._at(path), "rb"))

    def find(self, pattern: str) -> list[str]:
        """See Store."""
        self._files.invalidate_cache()
        return sorted(
            found.removeprefix(f"{self._root}/") for found in self._files.glob(self._at(pattern))
        )

    def remove(self, path: str) -> None:
        """See Store. There are no folders in an object store."""
        with suppress(FileNotFoundError):
            self._files.rm_file(self._at(path))

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See Store."""
        with tempfile.TemporaryDirectory(
            prefix="numberflow-", ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)

    def url(self, path: str) -> str:
        """See Store."""
        return f"{self._root_url}/{path}"

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"


class Border(Store):
    """A store that raises only our errors.

    A failure of files, network or keys becomes one StoreUnavailable that names the setting and the
    fix.

    Two errors mean something to the caller and pass: a file that is missing when it is opened, and
    one that was replaced while it is read (`unchanged`).
    """

    def __init__(self, inner: Store, root: str) -> None:
        self._inner = inner
        self._root = root

    def read(self, path: str) -> bytes | None:
        """See Store."""
        with self._ours(passing=(errno.EBUSY,)):
            return self._inner.read(path)

    def write(self, path: str, content: bytes) -> None:
        """See Store."""
        with self._ours():
            self._inner.write(path, content)

    def put(self, local: Path, path: str) -> None:
        """See Store."""
        with self._ours():
            self._inner.put(local, path)

    def open(self, path: str) -> BinaryIO:
        """See Store."""
        with self._ours(passing=(errno.EBUSY, errno.ENOENT)):
            return self._inner.open(path)

    def find(self, pattern: str) -> list[str]:
        """See Store."""
        with self._ours():
            return self._inner.find(pattern)

    def remove(self, path: str) -> None:
        """See Store."""
        with self._ours():
            self._inner.remove(path)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See Store. A disk that fills up while the folder is written counts as the store's."""
        with ExitStack() as stack:
            with self._ours():
                folder = stack.enter_context(self._inner.scratch())
            try:
                yield folder
            except FileNotFoundError:
                raise
            except OSError as error:
                raise self._unavailable(error) from error

    def url(self, path: str) -> str:
        """See Store."""
        return self._inner.url(path)

    @contextmanager
    def _ours(self, passing: tuple[int, ...] = ()) -> Iterator[None]:
        try:
            yield
        except NumberflowError:
            raise
        except OSError as error:
            # Libraries raise FileNotFoundError with a text and without an errno.
            number = errno.ENOENT if isinstance(error, FileNotFoundError) else error.errno
            if number in passing:
                raise
            raise self._unavailable(error) from error
        except Exception as error:
            # Each store's library has its own errors (botocore, aiohttp, google.auth, azure.core)
            # without a common base.
            if isinstance(self._inner, LocalStore):
                raise
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        said = " ".join(str(error).split()) or "it does not say why"
        return StoreUnavailable(
            f"the inventory store {self._root} cannot be used: {said} ({type(error).__name__})",
            remedy="check NUMBERFLOW_INVENTORY_URL: "
            f"{_hint(error, local=isinstance(self._inner, LocalStore))}; then run again",
        )


def _hint(error: Exception, *, local: bool) -> str:
    if isinstance(error, NotADirectoryError | FileExistsError):
        return "it has to name a folder, and this is a file"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "there is no space left"
    if local:
        return "the folder must exist and be writable"
    return (
        "the bucket must exist, its address (AWS_ENDPOINT_URL) must answer, and its keys "
        "(AWS_ACCESS_KEY_ID, a profile, a role) must allow it"
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(base: Path) -> None:
    before = time.time() - STALE_S
    for left in base.iterdir():
        with suppress(OSError):
            inside = list(left.iterdir()) if left.is_dir() else []
            if max(found.stat().st_mtime for found in (left, *inside)) >= before:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
