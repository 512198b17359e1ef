"""What a file is: its content before its name, and its name before nothing at all."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.filetypes import ending, sniff
from tests.intake.mails import a_mail


def archive(*members: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for member in members:
            file.writestr(member, "x" * 2000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "declared", "expected"),
    [
        (b"%PDF-1.7\n", "application/octet-stream", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "text/html", "image/png"),
        (b"<!DOCTYPE html><p>x", "image/png", "text/html"),
        (b"\xef\xbb\xbf <!-- x --><script>alert(1)", "text/plain", "text/html"),
        (b"<svg xmlns='x'>", "image/png", "image/svg+xml"),
        (b"<?xml version='1.0'?><!DOCTYPE svg><svg>", "image/png", "image/svg+xml"),
        (b"<?xml version='1.0'?><gpx>", "application/gpx+xml", "application/gpx+xml"),
        (archive("[Content_Types].xml", "word/document.xml"), "application/zip", "docx"),
        (archive("a/big", "[Content_Types].xml", "xl/workbook.xml"), "", "xlsx"),
        (archive("photo.png"), "application/msword", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "application/vnd.ms-excel", "application/vnd.ms-excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "image/png", "application/x-ole-storage"),
        (b"BM is how this text begins", "text/plain", "text/plain"),
        (b"who knows", "application/x-own", "application/x-own"),
        (b"who knows", "made up", "application/octet-stream"),
        (b"who knows", "text/html;<script>", "application/octet-stream"),
        (b"", "image/png", "image/png"),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, declared: str, expected: str) -> None:
    office = "application/vnd.openxmlformats-officedocument."
    long = {"docx": office + "wordprocessingml.document", "xlsx": office + "spreadsheetml.sheet"}
    assert sniff(content, declared) == long.get(expected, expected)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("content", "declared", "name", "expected"),
    [
        (b"%PDF-1.7\n", "application/octet-stream", "order.pdf", "application/pdf"),
        (b"", "application/octet-stream", "order.PDF", "application/pdf"),
        (b"who knows", "application/octet-stream", "notes.txt", "text/plain"),
        (b"who knows", "", "list.csv", "text/csv"),
        (b"who knows", "application/x-download", "list.csv", "text/csv"),
        (b"who knows", "text/plain", "list.csv", "text/plain"),
        (b"who knows", "application/octet-stream", "winmail.dat", "application/octet-stream"),
        (b"\x78\x9f\x3e\x22rest", "application/octet-stream", "part", "application/ms-tnef"),
        (b"\x78\x9f\x3e\x22rest", "application/pdf", "a.pdf", "application/ms-tnef"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "application/octet-stream", "order.pdf", "image/jpeg"),
        (b"<html><body>", "image/jpeg", "photo.jpg", "text/html"),
        (archive("anything"), "application/octet-stream", "report.xlsx", XLSX),
        (archive("anything"), "application/octet-stream", "report.zip", "application/zip"),
        (archive("anything"), "application/octet-stream", "report.pdf", "application/zip"),
        (OLE, "application/octet-stream", "old.doc", "application/msword"),
        (OLE, "", "letter.msg", "application/vnd.ms-outlook"),
        (OLE, "application/octet-stream", "setup.exe", "application/x-ole-storage"),
        (a_mail(), "application/octet-stream", "forwarded.eml", "message/rfc822"),
        (b"Received: x\r\n\tby y\r\nX-Own: z\r\n\r\n", "", "a.eml", "message/rfc822"),
        (b"no mail: at all\r\n", "application/octet-stream", "a.eml", "application/octet-stream"),
        (b"0\x82", "application/octet-stream", "smime.p7m", "application/pkcs7-mime"),
    ],
)
def test_its_name_tells_what_content_and_declaration_do_not(
    content: bytes, declared: str, name: str, expected: str
) -> None:
    assert sniff(content, declared, name) == expected


def test_a_type_has_an_ending() -> None:
    types = ("image/jpeg", "text/plain", "message/global", "application/ms-tnef", "application/x-own")
    assert [ending(type_) for type_ in types] == [".jpg", ".txt", ".eml", ".dat", ".bin"]


@given(
    st.binary(max_size=300), st.sampled_from(["", "text/plain", "application/octet-stream", "x"]), st.text(max_size=9)
)
def test_any_file_is_something(content: bytes, declared: str, name: str) -> None:
    assert "/" in sniff(content, declared, name)


def test_heads_that_almost_match_take_no_longer() -> None:
    for head in (b"a:\n" * 5000, b" " * 8000, b"<!--" * 2000, b"<!doctype" * 1000, b"a: b\n c\n" * 1000):
        assert sniff(head, "", "x.eml") == "application/octet-stream"
