"""From one process to another: a mail comes out as it went in, but for the contents of its files."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import wire
from intake.mail import Enclosed, Fold, Mail, Original, Part, Recipient, Report
from intake.parse import parse
from tests.intake.mails import a_bounce, a_mail, a_part, in_a_mail, multipart, with_file

WORDS = st.text(st.characters(), max_size=20)
DATES = st.none() | st.datetimes(
    datetime(1900, 1, 1),
    datetime(9000, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8, minutes=3))]),
)


def made_of(cls: type) -> st.SearchStrategy[Any]:
    """Any such thing whose fields are as their types say."""
    return st.builds(cls, **{field.name: ANY[field.type] for field in fields(cls)})


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=2).map(tuple)


ANY: dict[Any, st.SearchStrategy[Any]] = {
    "str": WORDS,
    "str | None": st.none() | WORDS,
    "bool": st.booleans(),
    "int": st.integers(0),
    "int | None": st.none() | st.integers(0),
    "bytes": st.just(b""),
    "datetime | None": DATES,
    "tuple[str, ...]": lists(WORDS),
    "tuple[tuple[str, str], ...]": lists(st.tuples(WORDS, WORDS)),
}
ANY["Original | None"] = st.none() | made_of(Original)
ANY["Enclosed | None"] = st.none() | made_of(Enclosed)
ANY["tuple[Fold, ...]"] = lists(made_of(Fold))
ANY["tuple[Part, ...]"] = lists(made_of(Part))
ANY["tuple[Recipient, ...]"] = lists(made_of(Recipient))
ANY["Report | None"] = st.none() | made_of(Report)


@given(made_of(Mail))
def test_any_mail_comes_out_as_it_went_in(mail: Mail) -> None:
    assert wire.loads(wire.dumps(mail)) == mail


def test_mails_that_were_read_come_out_without_the_contents_of_their_files() -> None:
    forward = in_a_mail(multipart("mixed", a_part("See"), a_part(with_file(), "message/rfc822")))
    for raw in (a_mail("烤箱\x00😀"), with_file(), a_bounce(), forward):
        mail = parse(raw)
        bare = replace(mail, attachments=tuple(replace(part, content=b"") for part in mail.attachments))
        assert wire.loads(wire.dumps(mail)) == bare


def test_a_date_keeps_its_zone() -> None:
    mail = wire.loads(wire.dumps(parse(a_mail(date="Mon, 02 Nov 2026 10:00:00 +0800"))))
    assert mail.date is not None
    assert mail.date.utcoffset() == timedelta(hours=8)


def test_it_is_one_line_of_utf_8_and_halves_of_characters_do_not_break_it() -> None:
    mail = replace(parse(a_mail("烤箱\n漏电")), subject="\ud83d", from_name="烤")
    written = wire.dumps(mail)
    assert b"\n" not in written
    assert "烤".encode() in written
    assert wire.loads(written) == mail


@pytest.mark.parametrize(
    "data", [b"", b"{", b"null", b"[]", b'"mail"', b"[" * 100_000, b"\xff", json.dumps([None] * 28).encode()]
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is for people
        wire.loads(data)


@given(st.data())
def test_a_mail_with_a_value_of_another_kind_is_refused(data: st.DataObject) -> None:
    values = json.loads(wire.dumps(parse(a_mail())))
    values[data.draw(st.integers(0, len(values) - 1))] = {"of another": "kind"}
    with pytest.raises(ValueError):  # noqa: PT011
        wire.loads(json.dumps(values).encode())
