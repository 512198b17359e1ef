"""CMS: what an S/MIME envelope holds (RFC 5652, RFC 8551), read as far as the way to its content goes.

Only the path ContentInfo, SignedData, EncapsulatedContentInfo is walked; the signature is not looked at, so nothing
here says that it holds. BER as mailers stream it, with indefinite lengths and content in pieces, is read in one pass.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Sealing = Literal["", "signed", "encrypted"]


class Envelope(NamedTuple):
    """`sealing` is "" for what is no envelope. A signed one without content, a mere bag of certificates, holds b""."""

    sealing: Sealing
    content: bytes = b""


_SEALINGS: dict[bytes, Sealing] = {  # the object identifiers of content types
    bytes.fromhex("2a864886f70d010702"): "signed",  # signedData
    bytes.fromhex("2a864886f70d010703"): "encrypted",  # envelopedData
    bytes.fromhex("2a864886f70d0109100117"): "encrypted",  # authEnvelopedData
}
_MOST_STEPS: Final = 200_000  # a mail of 30 MiB in pieces of 1,000 octets, as Outlook cuts them, is 31,458


def opened(data: bytes) -> Envelope:
    """The envelope in `data`, whatever the bytes. One cut short holds what arrived."""
    walk = _Walk(data)
    try:
        walk.into(_SEQUENCE)
        sealing = _SEALINGS.get(walk.octets(_IDENTIFIER), "")
        if sealing != "signed":
            return Envelope(sealing)
        walk.into(_EXPLICIT)
        walk.into(_SEQUENCE)
        walk.over()  # version
        walk.over()  # digest algorithms
        walk.into(_SEQUENCE)
        walk.over()  # the type of the content
        if data[walk.at : walk.at + 1] != bytes((_EXPLICIT,)):
            return Envelope(sealing)
        walk.into(_EXPLICIT)
        return Envelope(sealing, walk.octets(_OCTETS))
    except _Broken:
        return Envelope("")


class _Broken(Exception):
    """These bytes are not what they should be."""


_END_OF_CONTENTS = 0x00
_OCTETS = 0x04
_IDENTIFIER = 0x06
_SEQUENCE = 0x30
_EXPLICIT = 0xA0
_CONSTRUCTED = 0x20


class _Walk:
    """A place in BER, which only goes forward: into an element, or over it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.steps = 0

    def _element(self) -> tuple[int, int]:
        """Steps behind a tag and a length. The tag, and where the element ends: -1 when only its end says so."""
        data, at = self.data, self.at
        self.steps += 1
        if at + 2 > len(data) or data[at] & 0x1F == 0x1F or self.steps > _MOST_STEPS:
            raise _Broken
        tag, length = data[at], data[at + 1]
        at += 2
        if length > 0x80:
            octets = length - 0x80
            length = int.from_bytes(data[at : at + octets], "big") if octets <= 8 else len(data)
            at += octets
        elif length == 0x80:
            length = -1
        self.at = at
        return tag, length if length < 0 else min(at + length, len(data))

    def into(self, tag: int) -> None:
        if self._element()[0] != tag:
            raise _Broken

    def over(self) -> None:
        open_ = 0
        while True:
            tag, end = self._element()
            if end < 0:
                open_ += 1
            else:
                self.at = end
                open_ -= tag == _END_OF_CONTENTS
            if open_ <= 0:
                return

    def octets(self, tag: int) -> bytes:
        """The octets of an element of this type, joined if it comes in pieces. Steps behind them."""
        found, end = self._element()
        if found & ~_CONSTRUCTED != tag:
            raise _Broken
        if not found & _CONSTRUCTED:
            start, self.at = self.at, end
            return self.data[start:end]
        streamed = end < 0
        stop = len(self.data) if streamed else end
        out = bytearray()
        open_ = int(streamed)
        while self.at + 2 <= stop:
            found, end = self._element()
            if end < 0:
                open_ += 1
            elif found == _END_OF_CONTENTS:
                open_ -= 1
                if streamed and not open_:
                    break
            elif not found & _CONSTRUCTED:
                out += self.data[self.at : end]
                self.at = end
        return bytes(out)
