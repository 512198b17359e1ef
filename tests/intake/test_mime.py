"""Cutting mails into parts, and their transfer encodings; what they come to in a mail is in `test_parse`."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.mail import Unreadable
from intake.mime import cut, from_base64, unflowed, uu_files
from tests.intake.mails import a_mail, a_part, in_a_mail, multipart


def uuencoded(content: bytes, name: str = "photo.jpg") -> str:
    lines = [binascii.b2a_uu(content[at : at + 45]).decode() for at in range(0, len(content), 45)]
    return f"begin 644 {name}\n{''.join(lines)}`\nend\n"


def test_every_part_knows_its_place_its_type_and_its_depth() -> None:
    raw = in_a_mail(multipart("mixed", a_part("one"), multipart("related", a_part("two", "text/html"))))
    assert [(entity.type, entity.depth) for entity in cut(raw).walk()] == [
        ("multipart/mixed", 1),
        ("text/plain", 2),
        ("multipart/related", 2),
        ("text/html", 3),
    ]
    assert [entity.octets() for entity in cut(raw).walk()][1] == (b"one", "")


def test_a_mail_within_another_has_what_is_left_of_the_limits() -> None:
    raw = in_a_mail(multipart("mixed", a_part("one"), a_part("two")))
    assert len(list(cut(raw, depth=30, most=3).walk())) == 3
    for depth, most, reason in ((31, 3, "too_deep"), (1, 2, "too_many_parts")):
        with pytest.raises(Unreadable) as unreadable:
            cut(raw, depth=depth, most=most)
        assert unreadable.value.reason == reason


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        (b"b3Zl\r\nbg==", b"oven"),
        (b"b3Zlbg", b"oven"),
        (b"b3Zl!?bg==", b"oven"),
        (b"b3Zlbg==b3Zlbg==", b"ovenoven"),
        (b"b3Zlbg==\r\n-- \r\nthe list", b"oven"),
        (b"b3Zl\r\n____\r\nthe list", b"ove"),
        (b"b3ZlbgA", b"oven\x00"),
        (b"b3Zlb", b"ove"),
        (b"====", b""),
        (b"", b""),
    ],
)
def test_damaged_base64_gives_what_is_left_of_it(written: bytes, octets: bytes) -> None:
    assert from_base64(written)[0] == octets


@pytest.mark.parametrize(
    ("encoding", "written", "octets", "defect"),
    [
        ("base64", b"b3Zlbg==", b"oven", ""),
        ("base64", b"b3Zl!bg==", b"oven", "base64_damaged"),
        ("Quoted-Printable", b"ov=65n", b"oven", ""),
        ("x-uuencode", b"begin 644 a\r\n$;W9E;@``\r\n`\r\nend", b"oven", ""),
        ("8bit (as it is)", b"oven", b"oven", ""),
        ("rot13", b"oven", b"oven", "encoding_unknown"),
    ],
)
def test_octets_are_what_the_transfer_encoding_stood_for(
    encoding: str, written: bytes, octets: bytes, defect: str
) -> None:
    assert cut(a_mail(written, content_transfer_encoding=encoding)).octets() == (octets, defect)


def test_soft_line_breaks_are_taken_out_of_flowed_text() -> None:
    assert unflowed("烤 \n箱", delsp=True) == "烤箱"
    assert unflowed(" >not a quote\n From here", delsp=False) == ">not a quote\nFrom here"


# Files in the midst of a text


@given(st.binary(max_size=300))
def test_a_uuencoded_file_is_found_in_its_text(content: bytes) -> None:
    text = f"See below.\n\n{uuencoded(content)}\nAda\n"
    [file] = uu_files(text)
    assert (file.name, file.content) == ("photo.jpg", content)
    assert text[: file.start] + text[file.end :] == "See below.\n\n\n\nAda\n"


def test_one_whose_spaces_at_line_ends_were_lost_on_the_way_is_found_too() -> None:
    spaced = uuencoded(b"oven" * 20 + bytes(5)).replace("`", " ")
    [file] = uu_files("".join(line.rstrip() + "\n" for line in spaced.split("\n")))
    assert file.content == b"oven" * 20 + bytes(5)


@pytest.mark.parametrize(
    "text",
    [
        "Please begin 644 repairs\nend",
        "begin 644 repairs\nToday\nend\n",
        "begin 644 repairs\nend\n",
        "begin 644 repairs\nMANY OF THEM AND SOON\nend\n",
        "begin at once\nM\nend\n",
        uuencoded(b"oven").replace("\nend", "\nEND"),
        uuencoded(b"oven" * 100)[:-10],
        f"> {uuencoded(b'oven')}",
    ],
)
def test_a_text_that_only_begins_is_no_file(text: str) -> None:
    assert list(uu_files(text)) == []


def test_lines_that_claim_more_than_they_bring_are_no_file() -> None:
    assert list(uu_files("begin 644 a\n" + "M\n" * 1000 + "end\n")) == []


def test_a_thousand_files_that_never_end_are_passed_over_once_each() -> None:
    assert list(uu_files("begin 644 a\n" * 100_000 + "M" * 60 + "\n")) == []
