"""Registration forms, and multipart bodies taken apart."""

import httpx
import pytest
from support.registrations import PDF, au_mobile, de_local

from numberflow.simulator.multipart import BadForm, Part, parse
from numberflow.simulator.requirements import REQUIREMENTS

AU, DE = REQUIREMENTS["AU", "MOBILE"], REQUIREMENTS["DE", "LOCAL"]


def test_complete_data_pass():
    """The published AU sample's layout and complete DE data have no violations.

    Unknown members are ignored.
    """
    assert ([], []) == (AU.violations(au_mobile()), DE.violations(de_local()))
    extra = de_local()
    extra[0]["unknown"] = 1
    assert DE.violations(extra) == []


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (lambda data: data[0][0].pop("senderId"), "data[0][0].senderId", "senderId is required"),
        (lambda data: data[0].clear(), "data[0]", "takes at least 1 entries"),
        (
            lambda data: data[0][0].update(confirmationOfUse=False),
            "data[0][0].confirmationOfUse",
            "must be confirmed",
        ),
        (
            lambda data: data[0][0].update(confirmationOfUse="yes"),
            "data[0][0].confirmationOfUse",
            "takes a boolean",
        ),
        (
            lambda data: data[0][0].update(purposeOfTheTraffic="Spam"),
            "data[0][0].purposeOfTheTraffic",
            "takes one of",
        ),
        (
            lambda data: data[1].update(endBusinessName="x" * 101),
            "data[1].endBusinessName",
            "at most 100",
        ),
        (lambda data: data[1].update(country="Australia"), "data[1].country", "ISO 3166-1"),
        (lambda data: data[1].update(city=""), "data[1].city", "city is required"),
        (lambda data: data[2].update(phoneNumber="0491570157"), "data[2].phoneNumber", "E.164"),
        (lambda data: data[2].update(firstName=7), "data[2].firstName", "takes a string"),
        (lambda data: data.pop(), "data", "takes 3 sections, not 2"),
        (lambda data: data.__setitem__(1, []), "data[1]", "takes an object"),
    ],
)
def test_each_violation_names_its_field(change, field, words):
    """One wrong value gives one violation, with the path of the field and the reason."""
    data = au_mobile()
    change(data)
    [(path, description)] = AU.violations(data)
    assert (path, True) == (f"request_details.{field}", words in description)


def test_all_violations_at_once():
    """Every wrong field is named, not just the first; no list at all is one violation."""
    data = de_local()
    data[1]["postalCode"], data[2]["lastName"] = "1011", ""
    assert ["request_details.data[1].postalCode", "request_details.data[2].lastName"] == [
        path for path, _ in DE.violations(data)
    ]
    assert len(DE.violations(None)) == 1


def form(**arguments) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://form.test", **arguments)
    return request.headers["content-type"], request.read()


def test_multipart_keeps_every_byte():
    """A file that contains line breaks and dashes comes out as it went in, beside a plain field."""
    file, kind = parse(*form(files={"file": PDF}, data={"documentType": "UTILITY_BILL"}))[::-1]
    assert Part("file", "extract.pdf", "application/pdf", PDF[1]) == file
    assert ("documentType", None, b"UTILITY_BILL") == (kind.name, kind.file_name, kind.content)


def test_multipart_file_names():
    """A file name with quotes and umlauts survives."""
    [part] = parse(*form(files={"file": ('Müller "1".pdf', b"", "application/pdf")}))
    assert part.file_name is not None
    assert part.file_name.startswith("Müller")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"nothing"),
        ("multipart/form-data; boundary=x", b"--x\r\nno end of headers\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\ncontent-type: a/b\r\n\r\nno name\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\ncut off',
        ),
    ],
)
def test_what_is_no_form(content_type, body):
    """Anything but a complete form is refused."""
    with pytest.raises(BadForm):
        parse(content_type, body)
