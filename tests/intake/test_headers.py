"""The head of a mail: what its fields say, and what they only pretend to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import headers
from intake.headers import Fields, Mailbox
from intake.mail import Mail, Unreadable
from intake.parse import parse
from tests.intake.mails import a_mail, with_file, word

ADA = "ada@example.org"


def subject_of(value: str | bytes, **changes: str) -> str:
    return parse(a_mail(subject=value, **changes)).subject


def mail_from(value: str | bytes) -> Mail:
    return parse(a_mail(from_=value))


def fields_of(raw: bytes) -> Fields:
    return headers.split(raw, 0, len(raw)).fields


# Fields


def test_folded_fields_are_unfolded() -> None:
    assert subject_of("The oven\r\n leaks\r\n\tbadly") == "The oven leaks badly"


def test_a_name_may_be_in_any_case_and_have_a_space_before_its_colon() -> None:
    assert fields_of(b"SUBJECT : one\r\nX:two\r\n\r\n") == {"subject": ["one"], "x": ["two"]}


def test_fields_of_one_name_keep_their_order() -> None:
    assert fields_of(b"Received: top\nReceived: below\n\n")["received"] == ["top", "below"]


def test_a_mail_with_line_feeds_only_or_carriage_returns_only_is_read_like_any_other() -> None:
    raw = a_mail("one\r\ntwo", subject="Oven")
    for line_end in (b"\n", b"\r"):
        mail = parse(raw.replace(b"\r\n", line_end))
        assert (mail.subject, mail.from_address, mail.text) == ("Oven", ADA, "one\ntwo")


def test_an_envelope_line_or_blank_lines_above_the_head_do_not_hide_it() -> None:
    for above in (b"From ada@example.org Mon Nov  2 10:00:00 2026\n", b"\r\n\r\n", b"\xef\xbb\xbf"):
        assert parse(above + a_mail()).from_address == ADA


def test_a_line_that_is_no_field_does_not_cut_off_the_fields_below_it() -> None:
    mail = parse(b"Subject: a long subject that was broken\nwithout any space\nFrom: ada@example.org\n\nHello")
    assert (mail.subject, mail.from_address, mail.text) == (
        "a long subject that was broken without any space",
        ADA,
        "Hello",
    )
    assert "header_broken" in mail.defects


def test_a_body_that_begins_without_a_blank_line_is_the_body() -> None:
    mail = parse(b"From: ada@example.org\nSubject: Oven\nIt leaks, and it smokes")
    assert (mail.subject, mail.text, mail.defects) == ("Oven", "It leaks, and it smokes", ("no_blank_line",))


def test_a_head_over_its_limit_is_not_read() -> None:
    with pytest.raises(Unreadable) as unreadable:
        parse(b"X-Filler: yes\r\n" * 40_000 + a_mail())
    assert unreadable.value.reason == "headers_too_large"


def test_a_field_over_its_limit_is_shortened_and_the_rest_of_the_mail_is_read() -> None:
    mail = parse(a_mail(subject="word " * 20_000))
    assert 30_000 < len(mail.subject) <= headers.FIELD_LIMIT
    assert (mail.from_address, mail.defects) == (ADA, ("header_shortened",))


def test_a_list_of_recipients_over_the_limit_is_not_cut_inside_an_address() -> None:
    mail = parse(a_mail(to=", ".join(f"reader-{n}@example.org" for n in range(3000))))
    assert mail.to[-1].endswith("@example.org")


# Encoded words


def test_words_in_a_row_are_joined_as_bytes_so_that_a_cut_character_is_whole_again() -> None:
    data = "烤箱".encode()
    assert subject_of(f"{word(data[:2])} {word(data[2:])}") == "烤箱"
    assert subject_of(f"{word(data[:4], encoding='Q')}\r\n {word(data[4:])}") == "烤箱"


def test_base64_cut_between_two_words_is_joined_before_it_is_decoded() -> None:
    assert subject_of("=?utf-8?B?54Ok5?= =?utf-8?B?66x?=") == "烤箱"


def test_unpadded_base64_is_decoded() -> None:
    assert subject_of("=?utf-8?B?b3Zlbg?=") == "oven"
    assert subject_of("=?utf-8?B?b3Zlbg?= =?utf-8?B?bGVha3M?=") == "ovenleaks"


def test_words_without_space_between_them_or_in_mid_text_are_decoded() -> None:
    assert subject_of(f"Re:{word('烤')}{word('箱', 'gbk')}!") == "Re:烤箱!"


def test_only_the_space_between_two_words_disappears() -> None:
    assert subject_of(f"a {word('b')} {word('c')} d") == "a bc d"


def test_spaces_and_question_marks_inside_a_word_are_forgiven() -> None:
    assert subject_of("=?utf-8?Q?why does it leak?_why??=") == "why does it leak? why?"


def test_a_language_in_a_word_is_ignored() -> None:
    assert subject_of("=?utf-8*zh-CN?B?54Ok566x?=") == "烤箱"


def test_what_only_looks_like_a_word_stays_as_it_is() -> None:
    for value in ("=?utf-8?X?abc?=", "=?utf-8?B?abc", "=?=?=?", "a =? b ?= c"):
        assert subject_of(value) == value


def test_words_are_decoded_once() -> None:
    assert subject_of(word(word("oven"))) == word("oven")


@pytest.mark.parametrize("codec", ["utf-8", "gbk", "big5", "shift_jis", "euc_kr"])
def test_raw_bytes_in_a_subject_are_read_in_the_charset_of_the_body(codec: str) -> None:
    text = {"big5": "烤箱漏電", "shift_jis": "漏電です", "euc_kr": "누전"}.get(codec, "烤箱漏电")
    assert subject_of(text.encode(codec), charset=codec) == text


def test_raw_bytes_are_recognised_where_nothing_names_a_charset() -> None:
    assert subject_of("烤箱漏电投诉".encode("gbk"), charset="") == "烤箱漏电投诉"


def test_line_breaks_and_control_characters_in_a_word_cannot_begin_a_field() -> None:
    evil = "Oven\r\nBcc: victim@example.net\x00\u202e"
    mail = parse(a_mail(subject=word(evil), from_=f"{word(evil)} <{ADA}>"))
    assert mail.subject == "Oven Bcc: victim@example.net"
    assert mail.from_name == mail.subject


def test_twenty_thousand_words_are_no_more_than_a_long_subject() -> None:
    assert parse(a_mail(subject=" ".join([word("烤")] * 20_000))).subject.startswith("烤烤烤")


# Addresses


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("ada@example.org", "", ADA),
        ("<ada@example.org>", "", ADA),
        ("Ada Lovelace <ada@EXAMPLE.org>", "Ada Lovelace", ADA),
        ('"Lovelace, Ada" <ada@example.org>', "Lovelace, Ada", ADA),
        ("Lovelace, Ada <ada@example.org>", "Lovelace, Ada", ADA),
        ("ada@example.org (Ada (the countess))", "Ada (the countess)", ADA),
        ('"Ada \\"the countess\\"" <ada@example.org>', 'Ada "the countess', ADA),
        (f"{word('张三')} <ada@example.org>", "张三", ADA),
        (f'"{word("张三", "gbk")}" <ada@example.org>', "张三", ADA),
        ("=?utf-8?Q?Zhang,_San?= <ada@example.org>", "Zhang, San", ADA),
        ("ada@example.org <ada@example.org>", "ada@example.org", ADA),
        ("<mailto:ada@example.org>", "", ADA),
        ("<<ada@example.org>>", "", ADA),
        ("<@relay.example,@mx.example:ada@example.org>", "", ADA),
        ("Desk: ada@example.org;", "", ADA),
        ('"ada.x"@example.org', "", "ada.x@example.org"),
        ('"ada x"@example.org', "", '"ada x"@example.org'),
        ("a..b.@docomo.example", "", "a..b.@docomo.example"),
        ("Ada <ada@[192.0.2.1]>", "Ada", "ada@[192.0.2.1]"),
        ("用户@例子.Example", "", "用户@例子.example"),
        ('"Ada <ada@example.org>', "Ada", ADA),
        ("Ada <ada@example.org", "Ada", ADA),
        ("", "", ""),
        ("<>", "", ""),
        ("Ada", "Ada", ""),
        ("ada@", "ada@", ""),
        ("@example.org", "@example.org", ""),
        ("ada@example..org", "ada@example..org", ""),
        ("undisclosed-recipients:;", "", ""),
    ],
)
def test_a_sender_is_read_as_name_and_address(value: str, name: str, address: str) -> None:
    mail = mail_from(value)
    assert (mail.from_name, mail.from_address) == (name, address)


@pytest.mark.parametrize(
    "value",
    [
        "<owner@example.org><bob@example.net>",
        "owner@example.org, bob@example.net",
        "owner@example.org bob@example.net",
        "<owner@example.org> bob@example.net",
        "owner@example.org, <bob@example.net",
        "owner@example.org; bob@example.net",
        "owner@example.org@example.net",
        "owner@example.org\x00@example.net",
        "owner\u200b@example.org",
        word("Owner <owner@example.org>"),
    ],
)
def test_a_sender_that_may_be_read_in_two_ways_is_no_sender(value: str) -> None:
    mail = mail_from(value)
    assert mail.from_address == ""
    assert "sender_unclear" in mail.defects


def test_two_from_fields_are_no_sender_unless_they_agree() -> None:
    assert parse(b"From: bob@example.net\r\n" + a_mail()).from_address == ""
    assert parse(b"From: ada@EXAMPLE.ORG\r\n" + a_mail()).from_address == ADA


def test_an_encoded_name_that_looks_like_an_address_stays_a_name() -> None:
    mail = mail_from(f"{word('<owner@example.org>')} <bob@example.net>")
    assert (mail.from_name, mail.from_address) == ("<owner@example.org>", "bob@example.net")


def test_a_sender_s_letters_are_folded_in_ascii_only() -> None:
    assert mail_from("Ada@EXAMPLE.ORG").from_address == "Ada@example.org"
    assert mail_from("ada@ExamplE.KELVİN").from_address == "ada@example.kelvİn"


def test_recipients_come_from_every_field_and_group_once_each() -> None:
    mail = parse(a_mail(to="a@x.org, Team: b@x.org, A <a@x.org>;", cc="junk, c@x.org", reply_to="Ada <d@x.org>"))
    assert (mail.to, mail.cc, mail.reply_to) == (("a@x.org", "b@x.org"), ("c@x.org",), "d@x.org")


@pytest.mark.parametrize(
    "noise",
    [
        "，a@" * 8000,
        "＜" * 9000,
        "&lt;" * 8000,
        "<a@b " * 6000,
        "a@b c@d " * 4000,
        "@ . " * 8000,
        "<a" + " " * 30_000 + "b@x.org>",
        "<" * 2000,
        "(" * 30_000,
        '"\\' * 15_000,
        '\\"' * 15_000,
        "[" * 30_000,
        ",;:@" * 8000,
        "(x) " * 8000,
    ],
)
def test_brackets_beyond_number_do_not_exhaust_the_reader(noise: str) -> None:
    assert mail_from(noise).from_address == ""


@given(st.text(max_size=80))
def test_any_text_is_some_list_of_mailboxes(value: str) -> None:
    for mailbox in headers.mailboxes(value):
        assert isinstance(mailbox, Mailbox)
        assert mailbox.address.isprintable()


# Ids


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@x.org>", ("a@x.org",)),
        ("<a@x.org> <b@x.org>\r\n\t<a@x.org>", ("a@x.org", "b@x.org")),
        ("<a@x.org><b@x.org>", ("a@x.org", "b@x.org")),
        ("Your message of Monday <a@x.org> (Ada's)", ("a@x.org",)),
        ("<broken-by\r\n -folding@x.org>", ("broken-by-folding@x.org",)),
        (word("<a@x.org>", encoding="Q"), ("a@x.org",)),
        ("<>", ()),
        ("< > <@> <a> <a@> <@x>", ()),
        ("no id at all", ()),
        ("<[a@x]>", ("[a@x]",)),
        ("<" + "a" * 2000 + "@x.org>", ()),
    ],
)
def test_references_are_read_by_grammar_and_junk_is_dropped(value: str, ids: tuple[str, ...]) -> None:
    mail = parse(a_mail(references=value, in_reply_to=value))
    assert mail.references == ids
    assert mail.in_reply_to == ids


def test_only_the_last_hundred_references_are_kept() -> None:
    references = parse(a_mail(references=" ".join(f"<{n}@x.org>" for n in range(500)))).references
    assert (len(references), references[-1]) == (100, "499@x.org")


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        ("<a@x.org>", "a@x.org"),
        ("a@x.org", "a@x.org"),
        ("<>", ""),
        ("", ""),
        (None, ""),
        ("<a b", ""),
        ("烤箱", ""),
        ("<a>", "a"),
    ],
)
def test_a_mail_knows_its_own_id_or_has_none(value: str | None, id_: str) -> None:
    assert parse(a_mail(message_id=value)).message_id == id_


# Dates

EAST = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("Mon, 02 Nov 2026 10:00:00 +0800", datetime(2026, 11, 2, 10, tzinfo=EAST)),
        ("2 Nov 2026 10:00:00 +0800 (CST)", datetime(2026, 11, 2, 10, tzinfo=EAST)),
        ("Mon, 2 Nov 2026 02:00:00 GMT", datetime(2026, 11, 2, 2, tzinfo=UTC)),
        ("Mon, 2 Nov 2026 02:00:00 -0000", datetime(2026, 11, 2, 2, tzinfo=UTC)),
        ("2026-11-02 10:00:00", datetime(2026, 11, 2, 10, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
        ("Mon, 32 Nov 2026 25:61:00 +0800", None),
        ("Mon, 02 Nov 2026 10:00:00 +9999", None),
        ("Mon, 02 Nov 99999 10:00:00 +0800", None),
        ("1 " * 10_000, None),
    ],
)
def test_a_date_is_a_claim_with_a_zone_or_nothing(value: str, date: datetime | None) -> None:
    assert parse(a_mail(date=value)).date == date


# Parameters and file names


@pytest.mark.parametrize(
    "value",
    [
        "text/plain; charset=gbk",
        'text/plain; charset="gbk"',
        "text/plain; charset='gbk'",
        "text/plain charset=gbk",
        "text/plain; charset = gbk ; format=fixed",
        "text/plain; charset=gbk (Simplified Chinese)",
        "text/plain; charset=gbk format=fixed",
        'text/plain; charset="gbk',
        "TEXT/Plain;CHARSET=GBK",
        "text/plain;;; charset=gbk; charset=big5",
        "text/plain; charset*=us-ascii'en'gbk",
        "text / plain; x; =; charset=gbk",
    ],
)
def test_a_content_type_may_be_written_in_many_wrong_ways(value: str) -> None:
    assert parse(a_mail("朱镕基".encode("gbk"), content_type=value)).text == "朱镕基"


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        ("base64", "base64"),
        (" BASE-64; ", "base64"),
        ('"base64"', "base64"),
        ("base64 (by a script)", "base64"),
        ("b", "base64"),
        ("Quoted-Printable", "quoted-printable"),
        ("quoted_printable", "quoted-printable"),
        ("quotedprintable", "quoted-printable"),
        ("quoted printable", "quoted-printable"),
        ("QP", "quoted-printable"),
        ("uuencode", "x-uuencode"),
        ("7bit", "8bit"),
        ("8-bit", "8bit"),
        ("binary", "8bit"),
        ("", ""),
        ("x-mystery of ours", "x-mystery"),
        ("(" * 30_000, "(" * 60),
    ],
)
def test_a_transfer_encoding_is_known_however_it_is_spelt(value: str, encoding: str) -> None:
    assert headers.transfer_encoding(value) == encoding


@pytest.mark.parametrize(
    ("head", "charset"),
    [
        ({"subject": [word("烤箱", "gb2312")]}, "gb2312"),
        ({"subject": [word("烤箱")], "from": [f"{word('張三', 'big5')} <a@x.org>"]}, "big5"),
        ({"subject": [word("烤箱")], "to": ["=?us-ascii?Q?a?= =?x-unknown?Q?b?= =?euc-kr?Q?c?="]}, "euc-kr"),
        ({"subject": [word("烤箱")]}, ""),
        ({}, ""),
    ],
)
def test_the_charset_of_a_head_is_that_of_its_words(head: Fields, charset: str) -> None:
    assert headers.charset_hint(head) == charset


def test_twenty_thousand_parameters_are_not_read() -> None:
    mail = parse(a_mail(content_type="text/plain" + "".join(f"; a{n}=b" for n in range(20_000))))
    assert mail.text == "The oven leaks."


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=photo.png", "photo.png"),
        ('attachment; filename="two words; really.png"', "two words; really.png"),
        ("attachment; filename=two words.png; size=3", "two words.png"),
        ("attachment; filename*=utf-8''%E7%83%A4%E7%AE%B1.png", "烤箱.png"),
        ("attachment; filename*=GBK'zh'%BF%BE%CF%E4.png", "烤箱.png"),
        ("attachment; filename*0*=utf-8''%E7%83%A4; filename*1*=%E7%AE%B1; filename*2=.png", "烤箱.png"),
        ("attachment; filename*1=b.png; filename*0=a", "ab.png"),
        ("attachment; filename*0*=utf-8''%E7%83; filename*1*=%A4.png", "烤.png"),
        ("attachment; filename=plain.png; filename*=utf-8''%E7%83%A4.png", "烤.png"),
        ("attachment; filename*=%E7%83%A4.png", "烤.png"),
        ("attachment; filename*=\"utf-8''%E7%83%A4.png\"", "烤.png"),
        ("attachment; filename=\"utf-8''%E7%83%A4.png\"", "烤.png"),
        ("attachment; filename=%E7%83%A4.png", "烤.png"),
        ("attachment; filename=100%25.png", "100%25.png"),
        (f'attachment; filename="{word("烤箱.png")}"', "烤箱.png"),
        (f"attachment; filename={word('烤箱.png', 'gbk')}", "烤箱.png"),
        (f'attachment; filename="{word("烤")}\r\n {word("箱.png")}"', "烤箱.png"),
        (f'attachment; filename*0="{word("烤箱.png")[:12]}"; filename*1="{word("烤箱.png")[12:]}"', "烤箱.png"),
        ("attachment; filename*=x-unknown''%E7%83%A4.png", "烤.png"),
        ("attachment; filename*5=late.png", "attachment-1.png"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\Users\\ada\\photo.png"', "photo.png"),
        ('attachment; filename="\u200b.htaccess"', ".htaccess"),
        ('attachment; filename="photo\u202egnp.exe"', "photognp.exe"),
        ('attachment; filename="a\x00b\tc.png"', "ab c.png"),
        ('attachment; filename=".."', "attachment-1.png"),
        ('attachment; filename="\u200b"', "attachment-1.png"),
        ('attachment; filename=""', "attachment-1.png"),
        ("attachment", "attachment-1.png"),
    ],
)
def test_a_file_name_is_text_to_show_however_it_was_written(disposition: str, name: str) -> None:
    assert parse(with_file(content_disposition=disposition)).attachments[0].filename == name


def test_a_file_name_in_raw_bytes_is_read_even_where_one_of_them_is_a_backslash() -> None:
    disposition = b'attachment; filename="' + "誠信.png".encode("gbk") + b'"'
    mail = parse(with_file(content_disposition=disposition).replace(b"charset=utf-8", b"charset=gbk"))
    assert mail.attachments[0].filename == "誠信.png"


def test_a_name_in_the_content_type_will_do() -> None:
    mail = parse(with_file(type_=f'image/png; name="{word("烤箱.png")}"', content_disposition=None))
    assert mail.attachments[0].filename == "烤箱.png"


def test_a_long_file_name_is_shortened_before_its_ending() -> None:
    name = parse(with_file(content_disposition=f"attachment; filename={'x' * 400}.jpeg")).attachments[0].filename
    assert (len(name), name[-6:]) == (150, "x.jpeg")


def test_twenty_thousand_words_in_a_file_name_are_no_more_than_a_long_name() -> None:
    mail = parse(with_file(content_disposition=f'attachment; filename="{" ".join([word("烤")] * 20_000)}"'))
    assert len(mail.attachments[0].filename) <= 150


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mi, 07 Okt 2026 10:02:00 +0200", "2026-10-07T10:02:00+02:00"),
        ("mer. 14 déc. 2026 09:00:00 +0100", "2026-12-14T09:00:00+01:00"),
        ("lun., 3 ago 2026 10:00:00 -0300", "2026-08-03T10:00:00-03:00"),
        ("Do, 5 März 2026 10:00:00 +0100", "2026-03-05T10:00:00+01:00"),
        ("17 Sept. 2026 10:00:00 +0000", "2026-09-17T10:00:00+00:00"),
        ("Fri, 1 May 2026 10:00:00 +0200", "2026-05-01T10:00:00+02:00"),
        ("Mon Nov 16 10:00:00 2026", "2026-11-16T10:00:00+00:00"),
    ],
)
def test_months_are_known_by_the_names_of_other_languages(written: str, meant: str) -> None:
    found = headers.date(written.encode().decode("latin-1"))
    assert found is not None
    assert found.isoformat() == meant
