"""S/MIME envelopes: what they hold, however it was cut into pieces, and no bytes that are more than not an envelope."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.cms import Envelope, opened
from tests.intake.wrappers import ENCRYPTED, SIGNED, SIGNED_IN_PIECES

SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
DATA = bytes.fromhex("06092a864886f70d010701")


def streamed(content: bytes) -> bytes:
    """An envelope around this element, all lengths indefinite, the signatures left out."""
    inner = b"\x30\x80" + DATA + b"\xa0\x80" + content + bytes(4)
    return b"\x30\x80" + SIGNED_DATA + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x80\x30\x80\x05\x00" + bytes(4) + inner


@pytest.mark.parametrize("envelope", [SIGNED, SIGNED_IN_PIECES])
def test_a_signed_letter_is_taken_out_of_its_envelope(envelope: bytes) -> None:
    sealing, content = opened(envelope)
    assert sealing == "signed"
    assert content.startswith(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n")
    assert content.endswith(b"GIF89a\r\n--b--\r\n")


def test_an_encrypted_one_stays_closed() -> None:
    assert opened(ENCRYPTED) == Envelope("encrypted")


@pytest.mark.parametrize(
    "content",
    [
        b"\x24\x80\x04\x02ov\x04\x02en\x00\x00",
        b"\x24\x08\x04\x02ov\x04\x02en",
        b"\x24\x80\x24\x80\x04\x01o\x00\x00\x24\x04\x04\x02ve\x04\x01n\x00\x00",
        b"\x04\x84\x00\x00\x00\x04oven",
    ],
)
def test_content_in_pieces_of_any_nesting_is_put_together(content: bytes) -> None:
    assert opened(streamed(content)) == Envelope("signed", b"oven")


def test_a_bag_of_certificates_is_signed_but_empty() -> None:
    assert opened(
        bytes.fromhex("3023") + SIGNED_DATA + bytes.fromhex("a016301402010131003 00b".replace(" ", "")) + DATA
    ) == (
        "signed",
        b"",
    )


def test_an_envelope_cut_short_holds_what_arrived() -> None:
    whole = opened(SIGNED_IN_PIECES).content
    assert opened(SIGNED_IN_PIECES[:100]).content == whole[: len(opened(SIGNED_IN_PIECES[:100]).content)] != b""


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x80" * 100_000, b"MIIB", b"\x30\x84\xff\xff\xff\xff", b"\x1f" * 9]
)
def test_other_bytes_are_no_envelope(data: bytes) -> None:
    assert opened(data) == Envelope("")


def test_an_envelope_of_a_million_pieces_is_none() -> None:
    assert opened(streamed(b"\x24\x80" + b"\x04\x01a" * 1_000_000)) == Envelope("")


@given(st.sampled_from([SIGNED, SIGNED_IN_PIECES]), st.integers(0, 400), st.binary(max_size=9))
def test_damage_raises_nothing(envelope: bytes, at: int, instead: bytes) -> None:
    assert len(opened(envelope[:at] + instead + envelope[at + len(instead) :]).content) <= len(envelope) + 9
