"""Letters in RTF: the words and nothing else, and no bytes that exhaust the reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.rtf import decompressed, to_text

# The two examples of MS-OXRTFCP, sections 4.1.2 and 4.2.
SIMPLE = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
OVERLAPPING = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


def test_compressed_rtf_is_decompressed_as_its_specification_shows() -> None:
    assert decompressed(SIMPLE, 1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompressed(OVERLAPPING, 1000) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


def test_decompression_ends_at_its_limit_and_at_damage() -> None:
    assert decompressed(OVERLAPPING, 10) == b"{\\rtf1 WXY"
    assert decompressed(SIMPLE[:30], 1000) == b"{\\rtf1\\ansi\\ansicpg1252"
    assert decompressed(b"\xff" * 100, 1000) == b""


def test_rtf_that_only_pretends_to_be_compressed_is_taken_as_it_is() -> None:
    assert decompressed(bytes(8) + b"MELA" + bytes(4) + b"{\\rtf1 Hello}", 1000) == b"{\\rtf1 Hello}"


@pytest.mark.parametrize(
    ("rtf", "said"),
    [
        (rb"{\rtf1 The oven\par leaks.\line Ada}", "The oven\nleaks.\nAda"),
        (rb"{\rtf1{\fonttbl{\f0 Arial;}}{\*\generator X;}{\info{\author Y}}Hello {\pict 00ff}Ada}", "Hello Ada"),
        (rb"{\rtf1\ansicpg936 \'bf\'be\'cf\'e4}", "烤箱"),
        (rb"{\rtf1\uc1 \u28431?\u30005?}", "漏电"),
        (rb"{\rtf1\uc2 \u28431\'c2\'a9{\uc0\u30005 }!}", "漏电!"),
        (rb"{\rtf1 \u-10179?\u-8704?}", "😀"),
        (rb"{\rtf1 \{a\}\\b\~c\_d\tab e}", "{a}\\b\xa0c-d\te"),
        (b"{\\rtf1 one\r\n two\\\nthree}", "one two\nthree"),
        (rb"{\rtf1\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Oven}}", "Oven"),
        (rb"no document", ""),
        (rb"{\rtf1 }}}}}{{{ \u", ""),
    ],
)
def test_a_document_says_its_words(rtf: bytes, said: str) -> None:
    assert to_text(rtf) == said


@given(
    st.lists(
        st.sampled_from([b"{", b"}", b"\\", b"\\u", b"\\'", b"\\uc9", b"-1", b"ff", b"\\*", b" ", b"\xff", b"\\par"])
    )
)
def test_scraps_of_documents_raise_nothing(scraps: list[bytes]) -> None:
    to_text(b"{\\rtf1" + b"".join(scraps)).encode("utf-8")


@given(st.binary(max_size=200))
def test_any_bytes_are_decompressed_within_the_limit(data: bytes) -> None:
    assert len(decompressed(bytes(8) + b"LZFu" + bytes(4) + data, 300)) <= 300
