"""A file on its way out: the form of the body, and reading it piece by piece."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.multipart import Part, parts

from numberflow.client.multipart import FileSource, SourceFailed, Upload, prepare
from numberflow.errors import BadInput

pytestmark = pytest.mark.anyio

SECRET_NAME = "ada-passport.pdf"


async def body_of(upload: Upload) -> bytes:
    """The whole body."""
    return b"".join([piece async for piece in upload.body()])


async def ready(source: FileSource, **more: Any) -> Upload:
    """`source` prepared, as a PDF unless told otherwise."""
    return await prepare(
        source, **{"file_name": SECRET_NAME, "media_type": "application/pdf", **more}
    )


class Broken(io.BytesIO):
    """A store's file whose messages repeat its name."""

    def __init__(self, method: str) -> None:
        super().__init__(b"abc")
        self._method = method

    def fail(self, method: str) -> None:
        """Raise if this is the broken method."""
        if method == self._method:
            raise OSError(f"cannot {method} {SECRET_NAME}")

    def read(self, *size: int | None) -> bytes:
        """Read, or fail."""
        self.fail("read")
        return super().read(*size)

    def tell(self) -> int:
        """Tell, or fail."""
        self.fail("tell")
        return super().tell()


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Hand out what is there."""
        return self._inner.readinto(buffer)


async def pieces(*contents: Any) -> AsyncIterator[Any]:
    """An iterator over `contents`; exceptions are raised."""
    for each in contents:
        if isinstance(each, Exception):
            raise each
        yield each


@given(
    st.binary(min_size=1, max_size=300_000),
    st.text("äöü\"'\r\nab;=", min_size=1).filter(str.strip),
    st.booleans(),
)
async def test_body_can_be_taken_apart(content: bytes, name: str, typed: bool) -> None:
    """Whatever content and name a file has, a foreign parser finds it again, and the announced
    length is the real one.
    """
    upload = await ready(
        io.BytesIO(content), file_name=name, document_type="ID_CARD" if typed else None
    )
    body = await body_of(upload)
    headers = dict(upload.headers)
    found = parts(headers["Content-Type"], body)
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    assert f'filename="{escaped}"\r\n'.encode() in body
    assert str(len(body)) == headers["Content-Length"]
    assert (["documentType"] if typed else []) + ["file"] == [part.name for part in found]
    assert (content, "application/pdf") == (found[-1].content, found[-1].media_type)


async def test_document_type_is_a_part() -> None:
    """The document type goes ahead of the file as a part of its own."""
    upload = await ready(io.BytesIO(b"x"), document_type="ID_CARD", file_name="a.pdf")
    assert [
        Part("documentType", None, "text/plain", b"ID_CARD"),
        Part("file", "a.pdf", "application/pdf", b"x"),
    ] == parts(dict(upload.headers)["Content-Type"], await body_of(upload))


async def test_a_file_is_sent_from_where_it_stands_and_again() -> None:
    """A file that can seek is sent from its position on, as often as asked, whatever was read in
    between, and stays open.
    """
    file = io.BytesIO(b"skip-content")
    file.seek(5)
    upload = await ready(file)
    first = await body_of(upload)
    file.seek(2)
    assert (first, True, 7, False) == (
        await body_of(upload),
        upload.repeatable,
        upload.size,
        file.closed,
    )
    assert b"\r\n\r\ncontent\r\n" in first


async def test_a_file_is_never_read_as_a_whole(tmp_path: Path) -> None:
    """No piece of the body is larger than 64 KiB, however large the file."""
    path = tmp_path / "large"
    path.write_bytes(bytes(1_000_000))
    with path.open("rb") as file:
        sizes = [len(piece) async for piece in (await ready(file)).body()]
    assert (max(sizes), sum(sizes) > 1_000_000) == (65_536, True)


@pytest.mark.parametrize("size", [None, 6])
async def test_what_cannot_seek_is_sent_once(size: int | None) -> None:
    """A pipe and an iterator are sent once, with a length if the caller knows it."""
    sources: list[BinaryIO | AsyncIterator[bytes]] = [Pipe(b"abcdef"), pieces(b"abc", b"", b"def")]  # type: ignore[list-item]
    for source in sources:
        upload = await ready(source, size=size)
        body = await body_of(upload)
        assert parts(dict(upload.headers)["Content-Type"], body)[0].content == b"abcdef"
        assert (upload.repeatable, dict(upload.headers).get("Content-Length")) == (
            False,
            size and str(len(body)),
        )


@pytest.mark.parametrize(
    ("source", "size"),
    [
        (lambda: Broken("read"), None),
        (lambda: pieces(b"abc", OSError(f"no {SECRET_NAME}")), None),
        (lambda: pieces("text"), None),
        (lambda: pieces(b"abc"), 4),
        (lambda: pieces(b"abc"), 2),
    ],
    ids=["store", "iterator", "text", "shorter", "longer"],
)
async def test_a_file_that_fails_names_nobody(source: Any, size: int | None) -> None:
    """A file that cannot be read to its end, or has another length, fails without its name, in the
    chain of causes too; the body stays unfinished.
    """
    upload = await ready(source(), size=size)
    sent = bytearray()

    async def send() -> None:
        async for piece in upload.body():
            sent.extend(piece)

    with pytest.raises(SourceFailed) as caught:
        await send()
    assert (SECRET_NAME in str(caught.value), caught.value.__cause__, caught.value.__context__) == (
        False,
        None,
        None,
    )
    assert not sent.endswith(b"--\r\n")


async def test_a_file_that_grew_is_refused() -> None:
    """A file that grew since it was measured is not sent as something it is not."""
    file = io.BytesIO(b"abc")
    upload = await ready(file)
    file.seek(0, io.SEEK_END)
    file.write(b"def")
    with pytest.raises(SourceFailed, match="length"):
        await body_of(upload)


def closed() -> io.BytesIO:
    """A closed file."""
    file = io.BytesIO(b"x")
    file.close()
    return file


@pytest.mark.parametrize(
    ("source", "more", "field"),
    [
        (io.BytesIO(b""), {}, "file"),
        (io.StringIO("text"), {}, "file"),
        (closed(), {}, "file"),
        (Broken("tell"), {}, "file"),
        ("a path", {}, "file"),
        (io.BytesIO(b"x"), {"file_name": " "}, "file_name"),
        (io.BytesIO(b"x"), {"media_type": "pdf"}, "media_type"),
        (io.BytesIO(b"x"), {"media_type": "a/b\r\nX-Evil: 1"}, "media_type"),
        (io.BytesIO(b"x"), {"document_type": "A\r\nB"}, "document_type"),
        (io.BytesIO(b"x"), {"document_type": ""}, "document_type"),
    ],
)
async def test_what_cannot_be_sent(source: Any, more: dict[str, Any], field: str) -> None:
    """What is no readable file of bytes, or would break the form, is refused before anything is
    sent, and without the file's name.
    """
    with pytest.raises(BadInput) as caught:
        await ready(source, **more)
    assert (field, SECRET_NAME in str(caught.value), caught.value.__context__) == (
        caught.value.field,
        False,
        None,
    )


async def test_repr_shows_no_name() -> None:
    """The repr of an upload shows neither the file's name nor its object."""
    shown = repr(await ready(io.BytesIO(b"content")))
    assert [False, False] == [text in shown for text in (SECRET_NAME, "BytesIO")]
