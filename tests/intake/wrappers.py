"""Wrappers to test with: a builder of winmail.dat, and S/MIME as OpenSSL writes it."""

from __future__ import annotations

import struct
from base64 import b64decode

SIGNED = b64decode(
    """
    MIIBegYJKoZIhvcNAQcCoIIBazCCAWcCAQExDTALBglghkgBZQMEAgEwgb4GCSqGSIb3DQEHAaCBsASBrUNvbnRlbnQtVHlwZTogbXVsdGlwYXJ0
    L21peGVkOyBib3VuZGFyeT1iDQoNCi0tYg0KQ29udGVudC1UeXBlOiB0ZXh0L3BsYWluOyBjaGFyc2V0PXV0Zi04DQoNClRoZSBvdmVuIGxlYWtz
    Lg0KLS1iDQpDb250ZW50LVR5cGU6IGltYWdlL2dpZjsgbmFtZT1waG90by5naWYNCg0KR0lGODlhDQotLWItLQ0KMYGRMIGOAgEBMCYwDjEMMAoG
    A1UEAwwDQWRhAhReYXfsBBdejaGn/hkjfNQSco03ZzALBglghkgBZQMEAgEwCgYIKoZIzj0EAwIESDBGAiEAx4ZM9GKAaSy/cZJX1UIvgPXI9n6S
    yIeHWGO+7ATNAP0CIQDiDtqpSGuAlA/65JPgQYNzoG6XIdffs8iLMbarDiKEJg==
    """
)
"""A letter of a text and a picture, as `openssl cms -sign -nodetach -nocerts -noattr` writes it."""

SIGNED_IN_PIECES = b64decode(
    """
    MIAGCSqGSIb3DQEHAqCAMIACAQExDTALBglghkgBZQMEAgEwgAYJKoZIhvcNAQcBoIAkgASBrUNvbnRlbnQtVHlwZTogbXVsdGlwYXJ0L21peGVk
    OyBib3VuZGFyeT1iDQoNCi0tYg0KQ29udGVudC1UeXBlOiB0ZXh0L3BsYWluOyBjaGFyc2V0PXV0Zi04DQoNClRoZSBvdmVuIGxlYWtzLg0KLS1i
    DQpDb250ZW50LVR5cGU6IGltYWdlL2dpZjsgbmFtZT1waG90by5naWYNCg0KR0lGODlhDQotLWItLQ0KAAAAAAAAMYGQMIGNAgEBMCYwDjEMMAoG
    A1UEAwwDQWRhAhReYXfsBBdejaGn/hkjfNQSco03ZzALBglghkgBZQMEAgEwCgYIKoZIzj0EAwIERzBFAiAJkie1J6Iew2NB1rhATAr2cOEK6QMB
    /IEgSBy9TZK+qAIhAIzFUL284ie1jQYY/l4WAFYNAZYVCi3dNCue4R+/KdgzAAAAAAAA
    """
)
"""The same with `-stream`: lengths are indefinite, and the content is a string of strings."""

ENCRYPTED = b64decode(
    """
    MIIBDwYJKoZIhvcNAQcDoIIBADCB/QIBAjGBuaGBtgIBA6BRoU8wCQYHKoZIzj0CAQNCAAQ8StPNYe99Ru0ztKVS9fAweyhn+nH1SXYTxFHitBOU
    3SYnnKnO7dyilgA3pXBoEwIahIcr5vusRr+QQUauJVRlMBgGCSuBBRCGSD8AAjALBglghkgBZQMEAQUwRDBCMCYwDjEMMAoGA1UEAwwDQWRhAhRe
    YXfsBBdejaGn/hkjfNQSco03ZwQYV/TQgXqaph7uhn1nQoHAGeoPdve4VRQ7MDwGCSqGSIb3DQEHATAdBglghkgBZQMEAQIEEOS9xsNTlYEMF//E
    LSAz8d+AEJ8nykQHy2E7K3PEKxKOAIk=
    """
)
"""What `openssl cms -encrypt` makes of two letters."""

UNICODE, BINARY, OBJECT = 0x1F, 0x102, 0x0D


def a_tnef(*attributes: bytes) -> bytes:
    """A winmail.dat of these attributes, in Chinese Windows' charset."""
    return b"\x78\x9f\x3e\x22\x01\x00" + attribute(0x9007, struct.pack("<II", 936, 0)) + b"".join(attributes)


def attribute(id_: int, value: bytes, *, level: int = 1) -> bytes:
    return struct.pack("<BHHI", level, id_, 6, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def letter(*properties: bytes) -> bytes:
    return attribute(0x9003, _properties(properties))


def a_file(*properties: bytes, title: bytes = b"", content: bytes | None = None) -> bytes:
    """A file by its short name and its content as they once were written, and the properties that tell more."""
    out = attribute(0x9002, bytes(14), level=2)
    if title:
        out += attribute(0x8010, title + b"\0", level=2)
    if content is not None:
        out += attribute(0x800F, content, level=2)
    return out + (attribute(0x9005, _properties(properties), level=2) if properties else b"")


def text(id_: int, value: str) -> bytes:
    return several(id_, UNICODE, value.encode("utf-16-le") + b"\0\0")


def octets(id_: int, value: bytes) -> bytes:
    return several(id_, BINARY, value)


def embedded(value: bytes) -> bytes:
    """An object that has an interface, which comes first."""
    return several(0x3701, OBJECT, bytes.fromhex("0703020000000000c000000000000046") + value)


def number(id_: int, value: int) -> bytes:
    return struct.pack("<HHI", 3, id_, value)


def several(id_: int, type_: int, *values: bytes) -> bytes:
    """A property of values of any length."""
    padded = (struct.pack("<I", len(value)) + value + bytes(-len(value) % 4) for value in values)
    return struct.pack("<HHI", type_, id_, len(values)) + b"".join(padded)


def named(property_: bytes, name: str) -> bytes:
    """That property under a name instead of a number, as programs add their own."""
    spelled = name.encode("utf-16-le") + b"\0\0"
    spelled = struct.pack("<I", len(spelled)) + spelled + bytes(-len(spelled) % 4)
    return property_[:2] + struct.pack("<H", 0x8001) + bytes(16) + struct.pack("<I", 1) + spelled + property_[4:]


def _properties(properties: tuple[bytes, ...]) -> bytes:
    return struct.pack("<I", len(properties)) + b"".join(properties)
