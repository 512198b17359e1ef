"""Wire: a `Mail` as JSON and back, for it is read in one process and kept by another.

A dataclass travels as the list of its fields' values, and how each is read back follows from its type, which is looked
at once. The contents of attachments stay behind: they are known by their digests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from operator import attrgetter
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from intake.mail import Mail

Read = Callable[[Any], Any]


def dumps(mail: Mail) -> bytes:
    """The mail on one line of UTF-8. Halves of characters, should there be any, travel as they are."""
    return _ENCODER.encode(mail).encode("utf-8", "surrogatepass")


def loads(data: bytes) -> Mail:
    """What `dumps` wrote, but the contents of its attachments are b"". Raises `ValueError` on anything else."""
    try:
        mail: Mail = _MAIL(json.loads(data))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not a mail: {error}") from error
    return mail


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return ""
    return _GETTERS[type(value)](value)


_GETTERS: dict[type, Callable[[Any], tuple[Any, ...]]] = {}
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_written)


def _reader(type_: Any) -> Read:
    """The function that makes a value of this type from what JSON made of it."""
    if is_dataclass(type_):
        return _dataclass(type_)
    if type_ is datetime:
        return datetime.fromisoformat
    if type_ is bytes:
        return lambda _: b""
    inner = get_args(type_)
    if get_origin(type_) is tuple:
        return _items(_reader(inner[0]))
    if NoneType in inner:
        some = _reader(inner[0])
        return lambda value: None if value is None else some(value)
    return _checked(type_)


def _dataclass(type_: Any) -> Read:
    hints = get_type_hints(type_)
    names = [field.name for field in fields(type_)]
    readers = [_reader(hints[name]) for name in names]
    _GETTERS[type_] = attrgetter(*names)
    return lambda values: type_(*[read(value) for read, value in zip(readers, values, strict=True)])


def _items(read: Read) -> Read:
    def items(values: Any) -> tuple[Any, ...]:
        if type(values) is not list:
            raise TypeError(f"{type(values).__name__} for a list")
        return tuple([read(value) for value in values])

    return items


def _checked(type_: type) -> Read:
    def checked(value: Any) -> Any:
        if type(value) is not type_:
            raise TypeError(f"{type(value).__name__} for {type_.__name__}")
        return value

    return checked


_MAIL = _reader(Mail)
