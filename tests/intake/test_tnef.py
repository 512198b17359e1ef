"""winmail.dat: the letter and the files that Outlook wrapped in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.tnef import File, opened
from tests.intake.wrappers import (
    BINARY,
    UNICODE,
    a_file,
    a_tnef,
    attribute,
    embedded,
    letter,
    named,
    number,
    octets,
    several,
    text,
)

SUBJECT, BODY, RTF, HTML, CODEPAGE = 0x37, 0x1000, 0x1009, 0x1013, 0x3FDE
DATA, SHORT_NAME, LONG_NAME, MIME_TAG, CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712


def files(data: bytes) -> tuple[File, ...]:
    read = opened(data)
    assert read is not None
    return read.files


def test_a_letter_says_its_subject_and_its_text() -> None:
    read = opened(a_tnef(letter(text(SUBJECT, "烤箱"), text(BODY, "漏电\r\nAda"), octets(RTF, b"packed"))))
    assert read == ("烤箱", "漏电\nAda", "", b"packed", ())


def test_older_letters_say_it_in_attributes_and_the_charset_of_their_windows() -> None:
    read = opened(a_tnef(attribute(0x8004, "烤箱\0".encode("gbk")), attribute(0x800C, "漏电\0".encode("gbk"))))
    assert read is not None
    assert (read.subject, read.text) == ("烤箱", "漏电")


@pytest.mark.parametrize(
    ("codepage", "charset"), [(936, "gbk"), (65001, "utf-8"), (28592, "iso-8859-2"), (20866, "koi8-r")]
)
def test_a_page_is_in_the_charset_it_names(codepage: int, charset: str) -> None:
    words = {"iso-8859-2": "žluťoučký kůň", "koi8-r": "печь протекает"}.get(charset, "烤箱漏电")
    read = opened(a_tnef(letter(octets(HTML, f"<p>{words}</p>".encode(charset)), number(CODEPAGE, codepage))))
    assert read is not None
    assert read.html == f"<p>{words}</p>"


def test_a_file_has_its_long_name_its_type_and_its_content() -> None:
    properties = text(LONG_NAME, "烤箱 photo.jpeg"), text(MIME_TAG, "image/jpeg"), text(CONTENT_ID, "pic@1")
    assert files(a_tnef(a_file(*properties, title=b"PHOTO~1.JPE", content=b"jpeg"), a_file(title=b"b.txt"))) == (
        File("烤箱 photo.jpeg", "image/jpeg", "pic@1", b"jpeg"),
        File("b.txt", "", "", b""),
    )


def test_content_may_be_a_property_and_an_object_is_what_lies_behind_its_interface() -> None:
    inner = a_tnef(letter(text(BODY, "inner")))
    assert [file.content for file in files(a_tnef(a_file(octets(DATA, b"oven")), a_file(embedded(inner))))] == [
        b"oven",
        inner,
    ]


def test_properties_of_all_kinds_are_stepped_over() -> None:
    others = (
        named(text(0x8001, "x"), "Ada's own"),
        several(0x6001, UNICODE | 0x1000, b"a\0\0\0", b"bcd\0"),
        several(0x6002, BINARY, b"1", b"22", b"333"),
        b"\x0b\x00\x03\x60\x01\x00\x00\x00",  # a truth value
        b"\x40\x00\x04\x60" + bytes(8),  # a time
        b"\x48\x10\x05\x60\x02\x00\x00\x00" + bytes(32),  # two ids
    )
    assert files(a_tnef(a_file(*others, text(LONG_NAME, "last.txt"))))[0].name == "last.txt"


def test_what_is_cut_short_is_read_as_far_as_it_goes() -> None:
    whole = a_tnef(letter(text(BODY, "oven")), a_file(title=b"a.txt", content=b"x" * 100))
    assert files(whole[:-40])[0].content == b"x" * 62
    assert opened(whole[:30]) == ("", "", "", b"", ())
    assert opened(whole + b"garbage at the end") == opened(whole)


def test_other_bytes_are_no_letter() -> None:
    assert opened(b"") is None
    assert opened(b"PK\x03\x04") is None


def test_thousands_of_files_are_not_listed() -> None:
    assert len(files(a_tnef(*[a_file()] * 5_000))) == 200


def test_lengths_and_counts_that_lie_exhaust_nothing() -> None:
    huge = b"\xff\xff\xff\xff"
    for properties in (huge, huge + b"\x1f\x00\x01\x00" + huge, huge + b"\x03\x10\x01\x00" + huge + bytes(100_000)):
        assert opened(a_tnef(attribute(0x9003, properties))) == ("", "", "", b"", ())


@given(st.integers(0, 400), st.binary(max_size=9))
def test_damage_raises_nothing(at: int, instead: bytes) -> None:
    whole = a_tnef(
        letter(text(BODY, "oven"), octets(HTML, b"<p>"), number(CODEPAGE, 936)),
        a_file(named(text(0x8001, "x"), "y"), text(LONG_NAME, "a.txt"), title=b"a", content=b"oven"),
    )
    read = opened(whole[:at] + instead + whole[at + len(instead) :])
    if read is not None:
        "".join([read.subject, read.text, read.html, *(file.name for file in read.files)]).encode("utf-8")
