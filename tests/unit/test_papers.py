"""References to papers: what is one, what is the data itself, and that no message shows what was read."""

from __future__ import annotations

import base64
import json
import traceback
from pathlib import Path

import pytest

from numberflow.errors import BadInput
from numberflow.models.emergency_address import parse_emergency_address
from numberflow.models.papers import check_reference
from numberflow.papers import FILE_BYTES_MAX, JSON_BYTES_MAX, check_file, open_file, read_object

pytestmark = pytest.mark.anyio
MARK = "Marked-7f31"


@pytest.mark.parametrize(
    "reference", ["/run/a.json", "~/a.json", "a.json", "./a", "s3://bucket/a.json", "block:head-office"]
)
def test_references(reference: str) -> None:
    """Paths, URLs and blocks are references."""
    assert reference == check_reference(reference)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"displayName": "{MARK}"}}',
        f"{MARK}\nStreet",
        f"12 {MARK} Street, Atlanta",
        "x" * 2000,
        "block:Head Office",
        f"s3://key:{MARK}@bucket/a.json",
    ],
)
def test_data_is_no_reference(text: str) -> None:
    """Data that was pasted is refused without being shown; so is a URL with a password."""
    with pytest.raises(BadInput) as caught:
        parse_emergency_address({"action": "provision", "phone_numbers": ["+12025550123"], "address": text})
    assert "address" == caught.value.field
    assert MARK not in str(caught.value)


async def test_read(tmp_path: Path) -> None:
    """The object comes under seal: neither its text nor its repr shows anything."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"displayName": MARK}))
    value = await read_object(str(path), field="address")
    assert {"displayName": MARK} == value.get_secret_value()
    assert MARK not in f"{value!r} {value}"


async def test_read_from_a_block() -> None:
    """A block is read by whoever knows Prefect; without that it cannot be."""

    async def block(name: str) -> str:
        assert "head-office" == name
        return json.dumps({"displayName": MARK})

    assert {"displayName": MARK} == (
        await read_object("block:head-office", field="address", read_block=block)
    ).get_secret_value()
    with pytest.raises(BadInput, match="cannot be read"):
        await read_object("block:head-office", field="address")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f'{{"displayName": "{MARK}"'.encode(), "is no JSON"), (f'["{MARK}"]'.encode(), "is no JSON object"), (b"\xff\xfe" + MARK.encode(), "is no text in UTF-8"),
        (b'"' + b"x" * JSON_BYTES_MAX + b'"', "has more than"), (None, "cannot be read"),
    ],
)  # fmt: skip
async def test_unreadable(tmp_path: Path, content: bytes | None, says: str) -> None:
    """What cannot be read is named with the parameter; nothing of the content shows, in the traceback neither."""
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        await read_object(str(path), field="address")
    assert "address" == caught.value.field
    assert MARK not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"action": "provision"}, "phone_numbers: is empty"),
        ({"action": "provision", "phone_numbers": ["+12025550123"]}, "address: is missing"),
        ({"action": "deprovision", "phone_numbers": ["+12025550123"], "address": "a.json"}, "address: deprovision takes none"),
        ({"phone_numbers": ["+442079460000"]}, "is neither a US nor a CA number"),
        ({"phone_numbers": ["+12025550123"] * 2}, "stands in the list twice"),
        ({"action": "burn"}, "action: must be one of"),
    ],
)  # fmt: skip
def test_rules(parameters: dict[str, object], message: str) -> None:
    """Each broken rule names its field."""
    with pytest.raises(BadInput, match=message):
        parse_emergency_address(parameters)


PDF = b"%PDF-1.7 " + MARK.encode()


async def test_file(tmp_path: Path) -> None:
    """A good file is known by kind, size and digest; a link to it is as good; neither name nor content shows."""
    path = tmp_path / f"{MARK}.pdf"
    path.write_bytes(PDF)
    link = tmp_path / "link.pdf"
    link.symlink_to(path)
    found, linked = await check_file(str(path), name="attachments.a"), await check_file(str(link), name="attachments.a")
    assert ("application/pdf", len(PDF), f"{MARK}.pdf") == (found.media_type, found.size, found.name.get_secret_value())
    assert found.digest == linked.digest
    assert f"{MARK}.pdf" not in repr(found.name)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("gone.pdf", None, "cannot be read (FileNotFoundError)"),
        ("empty.pdf", b"", "is empty"),
        ("renamed.pdf", b"\x89PNG\r\n\x1a\n" + MARK.encode(), "is not what its name says"),
        ("large.bin", b"x" * (50 * 1024 * 1024), "has more than 10 MiB"),
    ],
)
async def test_bad_file(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    """What cannot be sent is refused before an order exists; the message names parameter, reference and mend."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        await check_file(str(path), name="attachments.a")
    assert ("attachments.a", True, True) == (
        caught.value.field,
        problem in caught.value.message,
        name in caught.value.message,
    )
    assert MARK not in "".join(traceback.format_exception(caught.value))


async def test_folder_is_no_file(tmp_path: Path) -> None:
    """A folder is refused as what cannot be read."""
    with pytest.raises(BadInput, match="cannot be read"):
        await check_file(str(tmp_path), name="attachments.a")


async def test_file_in_a_block() -> None:
    """A Secret block holds a file in base64; anything else in it is refused without being shown."""

    async def read_block(name: str) -> str:
        return {"extract": base64.b64encode(PDF).decode(), "text": MARK}[name]

    found = await check_file("block:extract", name="attachments.a", read_block=read_block)
    assert ("application/pdf", len(PDF)) == (found.media_type, found.size)
    async with open_file("block:extract", read_block=read_block) as file:
        assert file.read() == PDF
    with pytest.raises(BadInput) as caught:
        await check_file("block:text", name="attachments.a", read_block=read_block)
    assert MARK not in str(caught.value)


def test_sizes() -> None:
    """A file may be as large as the vendor is assumed to take; a form is some kilobytes."""
    assert (10 * 1024 * 1024, 1 << 20) == (FILE_BYTES_MAX, JSON_BYTES_MAX)
