"""References to papers: what is one, what is the data itself, which are refused, and that no
message shows what was read.
"""

from __future__ import annotations

import base64
import json
import os
import traceback
from pathlib import Path

import pytest
from support.s3 import s3_endpoint, s3_root  # noqa: F401

from numberflow.errors import BadInput
from numberflow.models.emergency_address import EmergencyAddressParameters
from numberflow.models.papers import check_reference
from numberflow.models.parameters import check_parameters
from numberflow.paper_store import FILE_BYTES_MAX, PaperStore
from numberflow.papers import JSON_BYTES_MAX, check_file, open_file, read_object

pytestmark = pytest.mark.anyio
MARK = "Marked-7f31"


@pytest.mark.parametrize(
    "reference",
    ["/run/a.json", "~/a.json", "a.json", "./a", "s3://bucket/a.json", "block:head-office"],
)
def test_references(reference: str) -> None:
    """Paths, URLs and blocks are references by their look.

    Which may be read is for the store to say.
    """
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
        check_parameters(
            EmergencyAddressParameters,
            {"action": "provision", "phone_numbers": ["+12025550123"], "address": text},
        )
    assert "address" == caught.value.field
    assert MARK not in str(caught.value)


async def test_read(tmp_path: Path) -> None:
    """The object comes under seal: neither its text nor its repr shows anything."""
    (tmp_path / "a.json").write_text(json.dumps({"displayName": MARK}))
    value = await read_object("a.json", field="address", store=PaperStore(str(tmp_path)))
    assert {"displayName": MARK} == value.get_secret_value()
    assert MARK not in f"{value!r} {value}"


async def test_read_from_a_block(tmp_path: Path) -> None:
    """A block is read by whoever knows Prefect; without that it cannot be."""

    async def block(name: str) -> str:
        assert "head-office" == name
        return json.dumps({"displayName": MARK})

    assert {"displayName": MARK} == (
        await read_object(
            "block:head-office", field="address", store=PaperStore(str(tmp_path)), read_block=block
        )
    ).get_secret_value()
    with pytest.raises(BadInput, match="cannot be read"):
        await read_object("block:head-office", field="address", store=PaperStore(str(tmp_path)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f'{{"displayName": "{MARK}"'.encode(), "is not JSON"),
        (f'["{MARK}"]'.encode(), "is not a JSON object"),
        (b"\xff\xfe" + MARK.encode(), "is not UTF-8 text"),
        (b'"' + b"x" * JSON_BYTES_MAX + b'"', "has more than"),
        (None, "cannot be read"),
    ],
)
async def test_unreadable(tmp_path: Path, content: bytes | None, says: str) -> None:
    """What cannot be read is named with the parameter.

    Nothing of the content shows, in the traceback neither.
    """
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        await read_object("a.json", field="address", store=PaperStore(str(tmp_path)))
    assert "address" == caught.value.field
    assert MARK not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"action": "provision"}, "phone_numbers: is empty"),
        ({"action": "provision", "phone_numbers": ["+12025550123"]}, "address: is missing"),
        (
            {"action": "deprovision", "phone_numbers": ["+12025550123"], "address": "a.json"},
            "address: deprovision takes none",
        ),
        ({"phone_numbers": ["+442079460000"]}, "is neither a US nor a CA number"),
        ({"phone_numbers": ["+12025550123"] * 2}, "is listed twice"),
        ({"action": "burn"}, "action: must be one of"),
    ],
)
def test_rules(parameters: dict[str, object], message: str) -> None:
    """Each broken rule names its field."""
    with pytest.raises(BadInput, match=message):
        check_parameters(EmergencyAddressParameters, parameters)


PDF = b"%PDF-1.7 " + MARK.encode()


async def test_file(tmp_path: Path) -> None:
    """A good file is known by kind, size and digest; a link to it is as good.

    Neither name nor content shows.
    """
    path = tmp_path / f"{MARK}.pdf"
    path.write_bytes(PDF)
    link = tmp_path / "link.pdf"
    link.symlink_to(path)
    store = PaperStore(str(tmp_path))
    found = await check_file(path.name, name="attachments.a", store=store)
    linked = await check_file("link.pdf", name="attachments.a", store=store)
    assert ("application/pdf", len(PDF), f"{MARK}.pdf") == (
        found.media_type,
        found.size,
        found.name.get_secret_value(),
    )
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
    """What cannot be sent is refused before an order exists.

    The message names parameter, reference and fix.
    """
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        await check_file(name, name="attachments.a", store=PaperStore(str(tmp_path)))
    assert ("attachments.a", True, True) == (
        caught.value.field,
        problem in caught.value.message,
        name in caught.value.message,
    )
    assert MARK not in "".join(traceback.format_exception(caught.value))


async def test_folder_is_no_file(tmp_path: Path) -> None:
    """A folder is refused as what cannot be read."""
    (tmp_path / "folder.pdf").mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        await check_file("folder.pdf", name="attachments.a", store=PaperStore(str(tmp_path)))


async def test_file_in_a_block(tmp_path: Path) -> None:
    """A Secret block holds a file in base64; anything else in it is refused without being shown."""

    async def read_block(name: str) -> str:
        return {"extract": base64.b64encode(PDF).decode(), "text": MARK}[name]

    store = PaperStore(str(tmp_path))
    found = await check_file(
        "block:extract", name="attachments.a", store=store, read_block=read_block
    )
    assert ("application/pdf", len(PDF)) == (found.media_type, found.size)
    async with open_file(
        "block:extract", name="attachments.a", store=store, read_block=read_block
    ) as file:
        assert file.read() == PDF
    with pytest.raises(BadInput) as caught:
        await check_file("block:text", name="attachments.a", store=store, read_block=read_block)
    assert MARK not in str(caught.value)


def test_sizes() -> None:
    """A file may be as large as the vendor is assumed to take; a form is some kilobytes."""
    assert (10 * 1024 * 1024, 1 << 20) == (FILE_BYTES_MAX, JSON_BYTES_MAX)


# docs/papers.md has this table; `test_refused_table` holds the two together.
REFUSED = {
    "/etc/passwd": "is an absolute path, not a name in the papers store",
    "~/.ssh/id.pem": "is an absolute path, not a name in the papers store",
    "../secret.json": "leads out of the papers store with ..",
    "au/../../secret.json": "leads out of the papers store with ..",
    "au/%2e%2e/%2e%2e/secret.json": "leads out of the papers store with ..",
    "..\\secret.json": "has a backslash; write / between folders",
    "out.json": "is a link that leaves the papers store",
    "away/secret.json": "is a link that leaves the papers store",
    "away/gone.json": "is a link that leaves the papers store",
    "file:///etc/passwd": "is a URL outside the papers store",
    "http://169.254.169.254/latest/a.json": "is a URL outside the papers store",
    "s3://other-bucket/a.json": "is a URL outside the papers store",
    "zip://a.json::file:///tmp/a.zip": "is a URL outside the papers store",
    "block:Head Office": "block: takes the name of a Secret block, lower-case letters, digits and "
    "dashes",
}


@pytest.fixture
def cabinet(tmp_path: Path) -> Path:
    """A store with a paper, beside a folder with a secret.

    Links lead there, and one stays inside.
    """
    outside, inside = tmp_path / "outside", tmp_path / "papers"
    (inside / "au").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.json").write_text(json.dumps({"secret": MARK}))
    (inside / "au" / "kyc.json").write_text("{}")
    (inside / "out.json").symlink_to(outside / "secret.json")
    (inside / "away").symlink_to(outside)
    (inside / "first.json").symlink_to(inside / "au" / "kyc.json")
    (inside / "hard.json").hardlink_to(inside / "au" / "kyc.json")
    return inside


@pytest.mark.parametrize(("reference", "says"), REFUSED.items())
async def test_refused(cabinet: Path, reference: str, says: str) -> None:
    """A reference that leads out of the store is refused, whether or not anything is there, with
    field and fix; nothing is read.
    """
    store = PaperStore(str(cabinet))
    for read in (
        read_object(reference, field="kyc", store=store),
        check_file(reference, name="kyc", store=store),
    ):
        with pytest.raises(BadInput) as caught:
            await read
        assert ("kyc", True) == (caught.value.field, caught.value.message.endswith(says)), (
            caught.value.message
        )
        assert "numberflow papers" in caught.value.remedy


def test_refused_table() -> None:
    """The table in docs/papers.md is the one that is tested."""
    text = (Path(__file__).parents[2] / "docs" / "papers.md").read_text()
    assert [] == [pair for pair in REFUSED.items() if "| `{}` | {} |".format(*pair) not in text]


@pytest.mark.parametrize("name", ["au/kyc.json", "./au//kyc.json", "first.json", "hard.json"])
async def test_not_refused(cabinet: Path, name: str) -> None:
    """What is in the store is read, by a link inside it and by a hard link too."""
    assert (
        {}
        == (await read_object(name, field="kyc", store=PaperStore(str(cabinet)))).get_secret_value()
    )


async def test_anywhere(cabinet: Path) -> None:
    """With NUMBERFLOW_PAPERS_ANYWHERE what was refused as leading elsewhere is read, and names of
    the store as before.
    """
    store = PaperStore(str(cabinet), anywhere=True)
    secret = cabinet.parent / "outside" / "secret.json"
    for reference in (
        str(secret),
        f"file://{secret}",
        "../outside/secret.json",
        "out.json",
        "away/secret.json",
    ):
        assert {"secret": MARK} == (
            await read_object(reference, field="kyc", store=store)
        ).get_secret_value()
    assert {} == (await read_object("au/kyc.json", field="kyc", store=store)).get_secret_value()


async def test_a_pipe_is_no_paper(cabinet: Path) -> None:
    """A pipe in the store would hold the run up for ever; it is refused."""
    os.mkfifo(cabinet / "pipe.json")
    with pytest.raises(BadInput, match="cannot be read"):
        await read_object("pipe.json", field="kyc", store=PaperStore(str(cabinet)))


def test_put_list_remove(tmp_path: Path) -> None:
    """A paper is put for its owner's eyes, never over another, listed without what leaves the
    store, and removed.
    """
    source = tmp_path / "extract.pdf"
    source.write_bytes(PDF)
    store = PaperStore(str(tmp_path / "papers"))
    assert "au/extract.pdf" == store.put(source, "au/extract.pdf").reference
    kept = tmp_path / "papers" / "au" / "extract.pdf"
    assert (0o600, 0o700) == (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777)
    with pytest.raises(BadInput, match="there is a paper"):
        store.put(source, "au/extract.pdf")
    source.write_bytes(PDF + b"x")
    store.put(source, "au/extract.pdf", replace=True)
    (tmp_path / "papers" / "away").symlink_to(tmp_path)
    (tmp_path / "papers" / "out.pdf").symlink_to(source)
    assert [("au/extract.pdf", len(PDF) + 1)] == [
        (paper.reference, paper.size) for paper in store.papers()
    ]
    for name in ("../extract.pdf", str(source), "away/other.pdf", "out.pdf", "block:extract"):
        with pytest.raises(BadInput):
            store.put(source, name, replace=True)
        with pytest.raises(BadInput):
            store.remove(name)
    store.remove("au/extract.pdf")
    assert ([], PDF + b"x") == (store.papers(), source.read_bytes())
    with pytest.raises(BadInput, match="there is no paper"):
        store.remove("au/extract.pdf")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"x" * (FILE_BYTES_MAX + 1), "has more than 10 MiB"),
    ],
)
def test_put_what_is_no_paper(tmp_path: Path, content: bytes | None, says: str) -> None:
    """What no run could use does not get into the store."""
    source = tmp_path / "a.bin"
    if content is not None:
        source.write_bytes(content)
    store = PaperStore(str(tmp_path / "papers"))
    with pytest.raises(BadInput, match=says):
        store.put(source, "a.bin")
    assert [] == store.papers()


@pytest.fixture
def bucket(s3_root: str) -> PaperStore:  # noqa: F811
    """A store in a bucket of a real S3 server, which knows no folders and no links."""
    store = PaperStore(s3_root)
    store.probe()
    return store


async def test_bucket(bucket: PaperStore, tmp_path: Path) -> None:
    """In a bucket a paper goes by its name or by its URL; the URL of a neighbour does not count."""
    source = tmp_path / "kyc.json"
    source.write_text(json.dumps({"displayName": MARK}))
    bucket.put(source, "kyc.json")
    with pytest.raises(BadInput, match="already"):
        bucket.put(source, "kyc.json")
    assert ["kyc.json"] == [paper.reference for paper in bucket.papers()]
    for reference in ("kyc.json", f"{bucket.root}/kyc.json"):
        assert {"displayName": MARK} == (
            await read_object(reference, field="kyc", store=bucket)
        ).get_secret_value()
    for reference in (
        f"{bucket.root}-2/kyc.json",
        f"{bucket.root}/../kyc.json",
        f"{bucket.root}//kyc.json",
        "/kyc.json",
    ):
        with pytest.raises(BadInput, match="papers store"):
            await read_object(reference, field="kyc", store=bucket)
    bucket.remove("kyc.json")
    assert [] == bucket.papers()
