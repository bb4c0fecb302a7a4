"""A multipart/form-data body with one file, streamed: read piece by piece while it is sent.

Belongs here: the form of the body and where its bytes come from. Does not: sending (transport.py),
which request has a file (number_orders.py).

Not httpx's own multipart: it reads the file on the event loop, so that a slow store would hold up
every other call, and it does not accept async iterators.

Form of the body: RFC 7578; names in headers are escaped as browsers do it (WHATWG HTML,
"multipart/form-data encoding algorithm").
"""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from anyio import to_thread

from numberflow.client.inputs import wrong

FileSource = BinaryIO | AsyncIterable[bytes]
"""A file object opened for reading bytes, or an iterator of pieces. The caller closes it."""

# 64 KiB: one read of a store's buffer and one write to the socket; larger ones only cost memory.
_CHUNK = 65_536


class SourceFailed(Exception):
    """The file cannot be read. Names only the kind of failure.

    Messages of stores repeat file names, which are personal.
    """


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be sent and where it begins. Its repr shows neither name nor content.

    Fields:
        source: where the bytes come from.
        file_name: the name that the vendor gets; personal.
        media_type: for example application/pdf.
        document_type: the vendor's word for what the file is, if it requires one.
        start: position from which a seekable file is sent.
        size: bytes from there to the end; None when unknown, then the body is sent in chunks
            without a length.
        repeatable: whether it can be sent again: yes for a file that can seek; an iterator is used
            up by the first time.
        boundary: between the parts; random, so that no file contains it.
    """

    source: FileSource = field(repr=False)
    file_name: str = field(repr=False)
    media_type: str
    document_type: str | None = None
    start: int = 0
    size: int | None = None
    repeatable: bool = False
    boundary: str = field(default_factory=lambda: f"numberflow-{secrets.token_hex(16)}")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that go with the body.

        With a length whenever it is known: not every gateway accepts a body without one.
        """
        headers = [("Content-Type", f"multipart/form-data; boundary={self.boundary}")]
        if self.size is not None:
            headers.append(
                ("Content-Length", str(len(self._head()) + self.size + len(self._tail())))
            )
        return tuple(headers)

    async def body(self) -> AsyncIterator[bytes]:
        """The whole body, piece by piece. Each call starts again.

        Raises:
            SourceFailed: the file cannot be read, or its length has changed.
        """
        yield self._head()
        sent = 0
        async for piece in self._pieces():
            sent += len(piece)
            if self.size is not None and sent > self.size:
                break
            yield piece
        if self.size is not None and sent != self.size:
            raise SourceFailed("the length of the file has changed")
        yield self._tail()

    async def _pieces(self) -> AsyncIterator[bytes]:
        pieces = (
            aiter(self.source)
            if isinstance(self.source, AsyncIterable)
            else self._read(self.source)
        )
        while True:
            failed = ""
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except Exception as error:  # noqa: BLE001 — stores raise what they like
                failed = type(error).__name__
            # Raised here, so that the store's exception does not become the context of ours.
            if failed:
                raise SourceFailed(f"the file cannot be read ({failed})")
            if not isinstance(piece, bytes):
                raise SourceFailed("the file does not hand out bytes")
            yield piece

    async def _read(self, file: BinaryIO) -> AsyncIterator[bytes]:
        # In a thread, because a store's file may read from the network. Wait for the thread even
        # when the call is cancelled, so that nobody else moves the file's position meanwhile.
        if self.repeatable:
            await to_thread.run_sync(file.seek, self.start)
        while piece := await to_thread.run_sync(file.read, _CHUNK):
            yield piece

    def _head(self) -> bytes:
        kind = ""
        if self.document_type is not None:
            kind = (
                f"--{self.boundary}\r\nContent-Disposition: form-data; "
                f'name="documentType"\r\n\r\n{self.document_type}\r\n'
            )
        return (
            f"{kind}--{self.boundary}\r\n"
            'Content-Disposition: form-data; name="file"; '
            f'filename="{_escaped(self.file_name)}"\r\n'
            f"Content-Type: {self.media_type}\r\n\r\n"
        ).encode(errors="replace")

    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


_MEDIA_TYPE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*"
)  # RFC 6838, 4.2


async def prepare(
    source: FileSource,
    *,
    file_name: str,
    media_type: str,
    document_type: str | None = None,
    size: int | None = None,
) -> Upload:
    """The file as it will be sent.

    A file that can seek is measured and sent from its position; `size` counts for all others.

    Raises:
        BadInput: not a file of bytes, closed or empty, or a name or type that cannot be encoded.
            Shows no file name.
    """
    if not file_name or not file_name.strip():
        raise wrong("file_name", "nothing in it", "the vendor wants the file's name")
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise wrong("media_type", repr(media_type), "write it like application/pdf")
    if document_type is not None and not (document_type.strip() and document_type.isprintable()):
        remedy = "one of the requirement's allowed_document_types"
        raise wrong("document_type", repr(document_type), remedy)
    start, repeatable = 0, False
    if not isinstance(source, AsyncIterable):
        measured = await to_thread.run_sync(_measure, source)
        if measured is not None:
            start, size = measured
            repeatable = True
    if size is not None and size < 1:
        raise wrong("file", "nothing in it", "pass a file that is not empty, at its beginning")
    return Upload(
        source=source,
        file_name=file_name,
        media_type=media_type,
        document_type=document_type,
        start=start,
        size=size,
        repeatable=repeatable,
    )


def _measure(file: Any) -> tuple[int, int] | None:
    """The file's position and how many bytes follow; None when it cannot seek."""
    try:
        if not isinstance(file, io.TextIOBase) and file.readable():
            if not file.seekable():
                return None
            start = file.tell()
            end = file.seek(0, io.SEEK_END)
            file.seek(start)
            return start, end - start
    # A store's exception may name the file; only the BadInput below is raised.
    except Exception:  # noqa: BLE001, S110
        pass
    remedy = "open it for reading, in binary mode"
    raise wrong("file", "not a file that hands out bytes", remedy)


def _escaped(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
