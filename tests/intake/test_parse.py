"""From bytes to a mail: ordinary ones as written, broken ones as far as they go, and no bytes that break the reader."""

from __future__ import annotations

import base64
import binascii
import email
import email.message
import hashlib
import pickle
import random
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake import wire
from intake.mail import Enclosed, Fold, Mail, Unreadable
from intake.parse import language, parse
from tests.intake import wrappers
from tests.intake.mails import (
    a_bounce,
    a_mail,
    a_mail_of_the_library,
    a_part,
    alternatives,
    in_a_mail,
    multipart,
    with_file,
    word,
)
from tests.intake.wrappers import a_file, a_tnef

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


def names(mail: Mail) -> list[str]:
    return [part.filename for part in mail.attachments]


# Ordinary mails


def test_a_plain_mail_says_what_its_sender_wrote() -> None:
    mail = parse(a_mail("The oven leaks.\r\n\r\nAda\r\n"))
    assert (mail.from_name, mail.from_address, mail.subject) == ("Ada Lovelace", "ada@example.org", "Oven")
    assert (mail.text, mail.html, mail.attachments) == ("The oven leaks.\n\nAda", "", ())
    assert (mail.message_id, mail.to, mail.defects) == ("first@example.org", ("support@redress.test",), ())


def test_a_mail_with_two_forms_of_one_text_keeps_both() -> None:
    mail = parse(alternatives("The oven leaks.", "<p>The <b>oven</b> leaks.</p>"))
    assert (mail.text, mail.html) == ("The oven leaks.", "<p>The <b>oven</b> leaks.</p>")


def test_text_is_made_from_the_page_where_there_is_no_text_or_a_blank_one() -> None:
    assert parse(a_mail("<p>Oven</p>", content_type="text/html; charset=utf-8")).text == "Oven"
    assert parse(alternatives(" \r\n ", "<p>Oven</p>")).text == "Oven"


def test_a_page_in_gbk_is_decoded_whether_its_header_or_its_meta_says_so() -> None:
    page = "<meta charset='gbk'><p>朱镕基</p>".encode("gbk")
    for type_ in ("text/html; charset=gb2312", "text/html"):
        assert parse(a_mail(page, content_type=type_)).text == "朱镕基"


def test_an_attachment_keeps_its_bytes_and_says_what_it_is() -> None:
    part = parse(with_file(GIF, "image/png")).attachments[0]
    assert (part.filename, part.declared_type, part.content_type) == ("photo.png", "image/png", "image/gif")
    assert (part.content, part.size, part.sha256) == (GIF, len(GIF), hashlib.sha256(GIF).hexdigest())
    assert (part.inline, part.content_id) == (False, "")


def test_a_picture_in_the_page_is_inline_under_its_content_id() -> None:
    page = a_part('<img src="cid:pic@1">', "text/html")
    picture = a_part(GIF, "image/gif", encoding="base64", content_id="<pic@1>")
    mail = parse(in_a_mail(multipart("related", page, picture)))
    assert [(part.content_id, part.inline, part.filename) for part in mail.attachments] == [
        ("pic@1", True, "attachment-1.gif")
    ]


def test_text_after_the_first_body_is_appended_and_attached_text_is_not() -> None:
    footer, log = a_part("-- the list"), a_part("error", content_disposition="attachment; filename=log.txt")
    mail = parse(in_a_mail(multipart("mixed", a_part("Hello"), footer, log)))
    assert mail.text == "Hello\n\n-- the list"
    assert names(mail) == ["log.txt"]


def test_a_footer_below_two_forms_of_a_text_is_in_both() -> None:
    both = multipart("alternative", a_part("Hello"), a_part("<p>Hello</p>", "text/html"))
    mail = parse(in_a_mail(multipart("mixed", both, a_part("a < b"))))
    assert (mail.text, mail.html) == ("Hello\n\na < b", "<p>Hello</p>\n<pre>a &lt; b</pre>")


NOTICES = (
    "To view the message, please use an HTML compatible email viewer!",
    "您的邮件客户端不支持HTML格式。",
    "Ihr E-Mail-Programm zeigt leider kein HTML.",
    ".",
    "?????????? M-100 ????????",
)


@pytest.mark.parametrize("notice", NOTICES)
def test_text_that_only_says_there_is_a_page_gives_way_to_what_the_page_says(notice: str) -> None:
    assert parse(alternatives(notice, "<p>水泵 M-100 漏油，请尽快处理。</p>")).text == "水泵 M-100 漏油，请尽快处理。"


@pytest.mark.parametrize("text", ["Your HTML form is broken.", "Why? When? How?", "plain words", "HTML?"])
def test_text_that_says_what_the_page_says_stays(text: str) -> None:
    assert parse(alternatives(text, f"<div>Dear Sirs</div><b>{text}</b>")).text == text


def test_text_that_says_other_things_than_the_page_stays_unless_it_is_a_notice() -> None:
    assert (
        parse(alternatives("The oven leaks.", "<p>Le four fuit, et cela depuis lundi.</p>")).text == "The oven leaks."
    )
    assert parse(alternatives("No HTML here.", "<img src=cid:logo>")).text == "No HTML here."


def test_text_beyond_all_measure_is_cut_before_its_charset_is_looked_for() -> None:
    mail = parse(a_mail(b"\xed\xa0\x80\xed\xb0\x80" * 2_000_000))
    assert (len(mail.text), "text_cut" in mail.defects) == (1_000_000, True)


@pytest.mark.parametrize("field", ["mailing_list", "x_mailing_list", "x_beenthere", "list_post"])
def test_a_list_is_known_by_what_lists_say(field: str) -> None:
    assert parse(a_mail(**{field: "ovens@example.org"})).is_list


def test_the_page_of_a_related_part_inside_alternatives_is_found_with_its_picture() -> None:
    related = multipart("related", a_part("<p>Hi</p>", "text/html"), a_part(GIF, "image/gif", content_id="<1@x>"))
    mail = parse(
        in_a_mail(multipart("mixed", multipart("alternative", a_part("Hi"), related), a_part(GIF, "image/gif")))
    )
    assert (mail.text, mail.html) == ("Hi", "<p>Hi</p>")
    assert names(mail) == ["attachment-1.gif", "attachment-2.gif"]


def test_a_text_file_with_a_name_is_a_file_even_where_it_is_shown_inline() -> None:
    log = a_part("error", content_disposition="inline; filename=log.txt")
    assert names(parse(in_a_mail(multipart("mixed", a_part("Hello"), log)))) == ["log.txt"]


def test_a_forwarded_mail_is_kept_as_a_file_with_the_bytes_it_came_with() -> None:
    inner = a_mail("weird \r\n bytes \xff".encode("latin-1"), subject="inner")
    mail = parse(in_a_mail(multipart("mixed", a_part("See below"), a_part(inner, "message/rfc822"))))
    assert (mail.text, mail.attachments[0].content, names(mail)) == ("See below", inner, ["inner.eml"])


def test_a_digest_is_a_set_of_forwarded_mails() -> None:
    mail = parse(in_a_mail(multipart("digest", b"\r\n" + a_mail("one"), b"\r\n" + a_mail("two"))))
    assert [part.content_type for part in mail.attachments] == ["message/rfc822"] * 2
    assert mail.text == ""


def test_a_signed_mail_shows_its_text_and_keeps_its_signature() -> None:
    signature = a_part(b"0\x80", "application/pkcs7-signature; name=smime.p7s")
    mail = parse(in_a_mail(multipart("signed", a_part("Hello"), signature)))
    assert (mail.text, names(mail)) == ("Hello", ["smime.p7s"])


def test_an_invitation_beside_a_text_is_a_file() -> None:
    invitation = a_part("BEGIN:VCALENDAR", "text/calendar; method=REQUEST")
    mail = parse(in_a_mail(multipart("alternative", a_part("Come"), invitation)))
    assert (mail.text, names(mail)) == ("Come", ["attachment-1.ics"])


def test_a_mail_that_calls_its_only_text_an_attachment_is_read_all_the_same() -> None:
    assert parse(a_mail("Hello", content_disposition="attachment")).text == "Hello"
    assert names(parse(a_mail("Hello", content_disposition="attachment; filename=a.txt"))) == ["a.txt"]


def test_a_mail_that_is_nothing_but_a_file_has_no_text() -> None:
    mail = parse(a_mail("%PDF-1.4", content_type="application/pdf; name=order.pdf"))
    assert (mail.text, names(mail)) == ("", ["order.pdf"])


def test_a_mail_written_by_the_standard_library_is_read_back() -> None:
    for charset in ("utf-8", "gb2312", "big5", "iso-2022-jp", "euc-kr"):
        text = {"big5": "漏電", "euc-kr": "누전", "iso-2022-jp": "漏電です"}.get(charset, "漏电")
        assert parse(a_mail_of_the_library(text, charset)).text == text


# What classification and the acknowledgement need


def test_the_marks_of_machines_are_handed_on() -> None:
    mail = parse(
        a_mail(
            auto_submitted="auto-replied (vacation)",
            precedence="Bulk",
            x_autoreply="yes",
            x_unheard_of="x",
            list_id="<oven.example.org>",
            return_path="<>",
        )
    )
    assert (mail.auto_submitted, mail.precedence, mail.is_list, mail.return_path) == ("auto-replied", "bulk", True, "")
    assert mail.signals == (("x-autoreply", "yes"),)


def test_no_word_about_the_reverse_path_is_not_the_null_path() -> None:
    assert parse(a_mail()).return_path is None
    assert parse(a_mail(return_path="<bounces@example.org>")).return_path == "bounces@example.org"


def test_only_the_topmost_verdict_is_handed_on() -> None:
    raw = b"Authentication-Results: mx.redress.test;\r\n spf=pass\r\nReceived: a\r\nReceived: b\r\n" + a_mail(
        authentication_results="evil.example; spf=pass"
    )
    mail = parse(raw)
    assert (mail.authentication_results, mail.received_count) == ("mx.redress.test; spf=pass", 2)


def test_a_delivery_report_is_taken_apart() -> None:
    mail = parse(a_bounce())
    assert mail.report is not None
    assert (mail.report.kind, mail.report.message_ids) == ("delivery-status", ("ours-1@redress.test",))
    [recipient] = mail.report.recipients
    assert (recipient.address, recipient.action, recipient.status) == ("grace@example.net", "failed", "5.1.1")
    assert recipient.diagnostic == "smtp; 550 No such user"


def test_a_read_receipt_is_taken_apart() -> None:
    receipt = (
        "Final-Recipient: rfc822;grace@example.net\r\nOriginal-Message-ID: <ours-1@redress.test>\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n"
    )
    parts = a_part("It was shown."), a_part(receipt, "message/disposition-notification")
    mail = parse(in_a_mail(multipart("report", *parts, parameters="; report-type=disposition-notification")))
    assert mail.report is not None
    assert mail.report.message_ids == ("ours-1@redress.test",)
    assert mail.report.disposition == "manual-action/MDN-sent-manually; displayed"


def test_mainly_chinese_mail_is_answered_in_chinese() -> None:
    assert language("投诉", "") == "zh_CN"
    assert (
        language(
            "Complaint PO-20261102",
            "Dear Sir, 您好，我们收到的烤箱漏电，请尽快处理，谢谢。 https://example.org/" + "x" * 500,
        )
        == "zh_CN"
    )


def test_other_mail_is_answered_in_english() -> None:
    assert language("Complaint", "The oven leaks.") == "en"
    assert language("漏電", "オーブンから漏電しています。至急ご対応ください。") == "en"
    assert language("", "The oven we bought from 张三 leaks, and nobody has called us back for two weeks now.") == "en"


# The content key


def test_a_second_delivery_of_a_letter_has_the_same_content_key() -> None:
    again = b"Received: from elsewhere\r\nX-Spam-Score: 3\r\nReturn-Path: <x@y.org>\r\n" + a_mail(
        subject="Oven\r\n leaks"
    )
    assert parse(again).content_key == parse(a_mail(subject="Oven leaks")).content_key


def test_another_transfer_encoding_on_the_way_changes_no_content_key() -> None:
    keys = {
        parse(a_mail("烤箱\r\n漏电\r\n", encoding=way)).content_key for way in ("8bit", "base64", "quoted-printable")
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"body": "The oven burns."},
        {"subject": "Owen"},
        {"message_id": "<second@example.org>"},
        {"date": "Mon, 02 Nov 2026 10:00:01 +0800"},
        {"from_": "Ada <ada@example.org>"},
        {"content_type": "text/html"},
    ],
)
def test_other_words_are_another_letter_even_under_a_reused_id(change: dict[str, str]) -> None:
    assert parse(a_mail(**change)).content_key != parse(a_mail()).content_key


def test_words_cannot_move_from_one_field_to_the_next_under_one_content_key() -> None:
    assert parse(a_mail(subject="ab", date="c")).content_key != parse(a_mail(subject="a", date="bc")).content_key
    assert parse(with_file(b"a")).content_key != parse(with_file(b"b")).content_key


def test_a_letter_keeps_its_content_key_whatever_else_is_read_in_it_one_day() -> None:
    """Or the next delivery of what was taken long ago would be a new letter."""
    raw = (
        b"From: ada@example.org\nSubject: Oven\nMessage-ID: <first@example.org>\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/plain; charset=utf-8\n\nSee here:\nbegin 644 a.txt\n$;W9E;@``\n`\nend\n"
        b"--b\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: image/gif\n\nGIF89a\n"
        b"--b\nContent-Type: application/ms-tnef\n\n\x78\x9f\x3e\x22\x01\x00\n"
        b"--b\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nMAAGCSqGSIb3DQEHAg==\n"
        b"--b--\n"
    )
    assert names(parse(raw)) == ["a.txt", "inner.eml", "attachment-3.dat", "attachment-4.p7m", "attachment-5.gif"]
    assert parse(raw).content_key == "fc7383535f28dfa7d39be38a50d9549b8868522812003f43db89e256ac0cfc94"


# A person's word on the charset


def test_a_person_may_say_in_which_charset_a_mail_is() -> None:
    raw = a_mail("Привет, печь".encode("koi8-r"), charset="iso-8859-1", subject="Печь".encode("koi8-r"))
    told = parse(raw, charset="koi8-r")
    assert (told.subject, told.text) == ("Печь", "Привет, печь")
    assert told.content_key == parse(raw).content_key
    assert "charset_detected" not in told.defects


def test_that_word_stands_against_what_looks_right_and_against_what_cannot_be() -> None:
    assert parse(a_mail("烤箱漏电了"), charset="iso-8859-1").text == "烤箱漏电了".encode().decode("cp1252", "replace")
    assert parse(a_mail(b"oven \xff"), charset="utf-8").text == "oven \ufffd"


def test_a_charset_nobody_knows_is_no_word() -> None:
    assert parse(a_mail("烤箱"), charset="x-nonsense") == parse(a_mail("烤箱"), charset="") == parse(a_mail("烤箱"))


# Files in other files


def forward(*parts: bytes, **fields: str) -> bytes:
    return in_a_mail(multipart("mixed", *parts), **fields)


def test_a_forwarded_mail_is_opened_and_its_files_are_listed_after_all_others() -> None:
    inner = with_file(GIF)
    mail = parse(
        forward(a_part("See below"), a_part(inner, "message/rfc822"), a_part("x", "application/pdf; name=a.pdf"))
    )
    assert [(part.filename, part.within) for part in mail.attachments] == [
        ("Oven.eml", None),
        ("a.pdf", None),
        ("photo.png", 0),
    ]
    assert (mail.text, mail.attachments[2].content) == ("See below", GIF)
    assert mail.attachments[0].content == inner
    assert mail.attachments[0].enclosed == Enclosed(
        "Ada Lovelace", "ada@example.org", "Oven", parse(inner).date, "See the photo."
    )


def test_mails_in_mails_in_mails_are_opened_too() -> None:
    deepest = with_file(GIF)
    middle = forward(a_part("middle"), a_part(deepest, "message/rfc822; name=deepest.eml"))
    mail = parse(forward(a_part("outer"), a_part(middle, "message/rfc822; name=middle.eml")))
    assert [(part.filename, part.within) for part in mail.attachments] == [
        ("middle.eml", None),
        ("deepest.eml", 0),
        ("photo.png", 1),
    ]
    assert [part.enclosed and part.enclosed.text for part in mail.attachments] == ["middle", "See the photo.", None]


def test_a_mail_sent_as_a_file_of_no_particular_type_is_opened_as_well() -> None:
    file = a_part(with_file(), "application/octet-stream; name=complaint.eml", encoding="base64")
    mail = parse(forward(a_part("Hello"), file))
    assert (mail.attachments[0].declared_type, mail.attachments[0].content_type) == (
        "application/octet-stream",
        "message/rfc822",
    )
    assert names(mail) == ["complaint.eml", "photo.png"]


def test_a_mail_that_says_nothing_but_in_the_one_it_forwards_says_that() -> None:
    inner = a_part(a_mail("The oven leaks."), "message/rfc822")
    assert parse(forward(inner)).text == "The oven leaks."
    assert parse(in_a_mail(inner)).text == "The oven leaks."
    assert parse(forward(inner, inner)).text == ""
    assert parse(forward(a_part("See below"), inner)).text == "See below"


def test_what_is_within_files_makes_no_difference_to_the_content_key() -> None:
    inner = with_file()
    closed = parse(forward(a_part(inner, "message/x-own")))
    assert parse(forward(a_part(inner, "message/rfc822"))).content_key == closed.content_key


def test_fragments_and_references_to_elsewhere_are_files_and_nothing_is_fetched() -> None:
    elsewhere = 'message/external-body; access-type=URL; URL="http://redress.test/x"'
    mail = parse(forward(a_part("Hello"), a_part("one half", "message/partial; id=x"), a_part("", elsewhere)))
    assert [(part.content_type, part.enclosed, part.size) for part in mail.attachments] == [
        ("message/partial", None, 8),
        ("message/external-body", None, 0),
    ]


def test_the_files_of_an_enclosed_mail_crowd_out_none_of_the_mail_itself() -> None:
    many = forward(*[a_part(bytes([n]), "application/x-own") for n in range(150)])
    mail = parse(forward(a_part("Hello"), a_part(many, "message/rfc822"), a_part("x", "application/x-own; name=last")))
    assert (len(mail.attachments), mail.attachments[1].filename) == (100, "last")
    assert "attachments_capped" in mail.defects


@pytest.mark.parametrize(
    "inner",
    [
        in_a_mail(multipart("mixed", *[b"\r\n"] * 600)),
        b"X: " + b"y" * 600_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 50_000,
    ],
)
def test_an_enclosed_mail_beyond_our_limits_stays_closed(inner: bytes) -> None:
    mail = parse(forward(a_part("Hello"), a_part(inner, "message/rfc822")))
    assert (mail.text, len(mail.attachments), mail.attachments[0].enclosed) == ("Hello", 1, None)
    assert "not_opened" in mail.defects


def test_the_text_of_enclosed_mails_is_bounded_each_and_together() -> None:
    inner = [a_part(a_mail("x" * 150_000), "message/rfc822") for _ in range(12)]
    enclosed = [part.enclosed for part in parse(forward(a_part("Hello"), *inner)).attachments]
    assert [len(mail.text) for mail in enclosed if mail] == [100_000] * 10 + [0] * 2


def winmail(data: bytes, type_: str = "application/ms-tnef; name=winmail.dat") -> bytes:
    return a_part(data, type_, encoding="base64")


WINMAIL = a_tnef(
    wrappers.letter(wrappers.text(0x1000, "The oven leaks.\r\nAda")),
    a_file(wrappers.text(0x3707, "photo.gif"), content=GIF),
    a_file(wrappers.text(0x3707, "forwarded.eml"), content=a_mail("older")),
)


@pytest.mark.parametrize(
    "type_", ["application/ms-tnef; name=winmail.dat", "application/octet-stream; name=winmail.dat"]
)
def test_a_winmail_dat_is_kept_and_its_files_are_listed(type_: str) -> None:
    mail = parse(forward(a_part("Hello"), winmail(WINMAIL, type_)))
    assert [(part.filename, part.content_type, part.within) for part in mail.attachments] == [
        ("winmail.dat", "application/ms-tnef", None),
        ("photo.gif", "image/gif", 0),
        ("forwarded.eml", "message/rfc822", 0),
    ]
    assert mail.attachments[2].enclosed is not None
    assert (mail.text, mail.attachments[1].content) == ("Hello", GIF)


def test_a_mail_whose_only_text_is_in_its_winmail_dat_says_that() -> None:
    assert parse(in_a_mail(winmail(WINMAIL))).text == "The oven leaks.\nAda"
    page = a_tnef(wrappers.letter(wrappers.octets(0x1013, b"<p>The oven leaks.</p>")))
    mail = parse(forward(winmail(page)))
    assert (mail.text, mail.html) == ("The oven leaks.", "<p>The oven leaks.</p>")
    rtf = wrappers.octets(0x1009, bytes(8) + b"MELA" + bytes(4) + b"{\\rtf1 The oven\\par leaks.}")
    assert parse(forward(winmail(a_tnef(wrappers.letter(rtf))))).text == "The oven\nleaks."


def test_a_letter_within_a_winmail_dat_says_what_is_in_it() -> None:
    inner = a_tnef(wrappers.letter(wrappers.text(0x37, "Oven"), wrappers.text(0x1000, "older")), a_file(title=b"a.txt"))
    mail = parse(
        forward(a_part("Hello"), winmail(a_tnef(a_file(wrappers.text(0x3001, "Oven"), wrappers.embedded(inner)))))
    )
    assert [(part.filename, part.within) for part in mail.attachments] == [
        ("winmail.dat", None),
        ("Oven", 0),
        ("a.txt", 1),
    ]
    assert mail.attachments[1].enclosed == Enclosed("", "", "Oven", None, "older")


def envelope(data: bytes, type_: str = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m") -> bytes:
    return a_part(data, type_, encoding="base64", content_disposition="attachment")


@pytest.mark.parametrize("data", [wrappers.SIGNED, wrappers.SIGNED_IN_PIECES])
@pytest.mark.parametrize(
    "type_",
    ["application/pkcs7-mime; name=smime.p7m", "application/x-pkcs7-mime", "application/octet-stream; name=smime.p7m"],
)
def test_a_letter_inside_its_signature_is_read(data: bytes, type_: str) -> None:
    mail = parse(in_a_mail(envelope(data, type_)))
    assert mail.text == "The oven leaks."
    assert [(part.content_type.rpartition("-")[2], part.within) for part in mail.attachments] == [
        ("mime", None),
        ("image/gif", 0),
    ]
    assert mail.attachments[0].content == data
    assert mail.defects == ("signed_opaque",)


def test_a_footer_below_a_signed_letter_is_below_its_text() -> None:
    mail = parse(forward(envelope(wrappers.SIGNED), a_part("-- the list")))
    assert mail.text == "The oven leaks.\n\n-- the list"


def test_an_encrypted_letter_is_kept_and_said_to_be_one() -> None:
    mail = parse(in_a_mail(envelope(wrappers.ENCRYPTED)))
    assert (mail.text, names(mail), mail.defects) == ("", ["smime.p7m"], ("encrypted",))


def test_a_signed_document_is_a_file_in_a_file() -> None:
    signed = a_part(wrappers.SIGNED, "application/pkcs7-mime; name=Order.pdf.p7m", encoding="base64")
    mail = parse(forward(a_part("Hello"), signed))
    assert [(part.filename, part.within) for part in mail.attachments] == [("Order.pdf.p7m", None), ("Order.pdf", 0)]
    assert mail.text == "Hello"


def test_signatures_around_signatures_end_at_the_deepest_level() -> None:
    signed = b"Content-Type: text/plain\r\n\r\nHello"
    for _ in range(40):
        content = b"\x04\x84" + len(signed).to_bytes(4, "big") + signed
        inner = b"\x30\x80\x06\x01\x01\xa0\x80" + content + bytes(4)
        data = wrappers.SIGNED[4:15] + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00" + inner
        signed = b"Content-Type: application/pkcs7-mime\r\n\r\n\x30\x80" + data
    mail = parse(signed)
    assert (len(mail.attachments), mail.text) == (30, "")
    assert mail.defects == ("signed_opaque", "not_opened")


UU = "begin 644 photo.gif\n" + binascii.b2a_uu(GIF).decode() + "`\nend\n"


def test_a_file_written_into_the_text_becomes_a_file() -> None:
    plain = parse(a_mail(f"See here:\n{UU}\nAda"))
    assert (plain.text, names(plain)) == ("See here:\n[photo.gif]\n\nAda", ["photo.gif"])
    assert (plain.attachments[0].content, plain.attachments[0].content_type) == (GIF, "image/gif")


def test_files_in_the_text_beyond_a_hundred_stay_where_they_are() -> None:
    mail = parse(a_mail(UU * 101))
    assert (len(mail.attachments), mail.text.count("[photo.gif]"), mail.text.count("begin 644")) == (100, 100, 1)


# Other attachments


@pytest.mark.parametrize("type_", ["text/calendar", "text/vcard", "text/x-vcard", "text/directory"])
def test_appointments_and_visiting_cards_are_files_even_alone(type_: str) -> None:
    assert parse(a_mail("BEGIN:VCARD", content_type=type_)).attachments[0].content_type == type_
    assert parse(a_mail("BEGIN:VCARD", content_type=type_)).text == ""


def test_empty_files_and_files_of_one_name_are_all_kept() -> None:
    empty = a_part("", "application/pdf; name=a.pdf", content_disposition="attachment")
    nothing = a_part("", "text/plain; name=notes.txt")
    mail = parse(forward(nothing, a_part("Hello"), empty, empty))
    assert [(part.filename, part.size) for part in mail.attachments] == [("notes.txt", 0), ("a.pdf", 0), ("a.pdf", 0)]


def test_files_among_alternatives_are_found_as_some_programs_send_them() -> None:
    page = multipart(
        "mixed",
        a_part("<p>Hi</p>", "text/html"),
        a_part("%PDF-", "application/pdf; name=a.pdf"),
        a_part("<p>Ada</p>", "text/html"),
    )
    mail = parse(in_a_mail(multipart("alternative", a_part("Hi\nAda"), page)))
    assert (mail.text, mail.html, names(mail)) == ("Hi\nAda", "<p>Hi</p>\n<p>Ada</p>", ["a.pdf"])


def test_a_multipart_of_an_unheard_of_kind_is_mixed() -> None:
    assert parse(in_a_mail(multipart("x-own", a_part("Hi"), a_part("<p>", "image/png")))).text == "Hi"


def test_a_file_is_named_and_typed_by_content_before_all_else() -> None:
    files = [
        a_part("%PDF-1.7", "application/octet-stream; name=x.pdf"),
        a_part("<!DOCTYPE html><script>", "image/jpeg; name=photo.jpg"),
        a_part("a,b", "application/octet-stream; name=list.csv"),
    ]
    assert [(part.declared_type, part.content_type) for part in parse(forward(a_part("Hi"), *files)).attachments] == [
        ("application/octet-stream", "application/pdf"),
        ("image/jpeg", "text/html"),
        ("application/octet-stream", "text/csv"),
    ]


# What the sender wrote this time


def test_the_reply_is_the_text_without_its_folds() -> None:
    mail = parse(
        a_mail("It still leaks.\n\nOn Mon, 2 Nov 2026 at 10:00, Redress <support@redress.test> wrote:\n> Does it?\n")
    )
    assert mail.reply_text == "It still leaks."
    assert parse(a_mail("It still leaks.")).reply_text == "It still leaks."
    assert replace(mail, text="abcdefg", folds=(Fold(0, 2, "quoted"), Fold(4, 5, "signature"))).reply_text == "cdfg"


# Broken mails


def test_an_empty_mail_is_a_mail() -> None:
    mail = parse(b"")
    assert (mail.from_address, mail.subject, mail.text, mail.date, mail.defects) == ("", "", "", None, ())


def test_a_mail_without_any_of_the_usual_fields_is_read() -> None:
    assert parse(b"\r\nThe oven leaks.").text == "The oven leaks."


def test_a_mail_cut_short_gives_the_parts_that_arrived() -> None:
    raw = with_file(GIF * 100)
    mail = parse(raw[:-200])
    assert (mail.text, names(mail)) == ("See the photo.", ["photo.png"])
    assert "not_closed" in mail.defects


def test_a_multipart_without_parts_or_boundary_is_shown_as_it_is() -> None:
    for type_ in ("multipart/mixed", "multipart/mixed; boundary=never"):
        assert parse(a_mail("Hello", content_type=type_)).text == "Hello"


def test_a_multipart_is_cut_where_its_parts_are_even_under_another_boundary_than_it_names() -> None:
    parts = b"--b\nContent-Type: text/plain\n\nHello\n--b\nContent-Type: image/gif\n\n" + GIF + b"\n--b--\n"
    for named in (b"", b"; boundary=", b"; boundary=other", b"; boundary*=us-ascii''b", b"; boundary*0=b"):
        mail = parse(b"Content-Type: multipart/mixed" + named + b"\n\n" + parts)
        assert (mail.text, names(mail)) == ("Hello", ["attachment-1.gif"])


def test_what_stands_before_and_after_the_parts_is_not_read() -> None:
    raw = in_a_mail(multipart("mixed", a_part("Hello"))) + b"epilogue"
    assert parse(raw.replace(b'_="\r\n\r\n', b'_="\r\n\r\nThis is a multipart message\r\n')).text == "Hello"


def test_a_boundary_counts_only_on_a_line_of_its_own() -> None:
    raw = b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\none --b\n--bc\n--b two\n--b \t\n\nthree\n--b--\n'
    assert parse(raw).text == "one --b\n--bc\n--b two\n\nthree"


def test_the_boundary_of_the_outer_part_ends_an_inner_one_that_was_never_closed() -> None:
    inner = b'Content-Type: multipart/mixed; boundary="in"\n\n--in\n\none\n'
    raw = b'Content-Type: multipart/mixed; boundary="out"\n\n--out\n' + inner + b"--out\n\ntwo\n--out--\n"
    assert parse(raw).text == "one\n\ntwo"


def test_damaged_quoted_printable_is_read_around_the_damage() -> None:
    body = b"100=\r\n% =ZZ =E7=83=A4 = x="
    assert parse(a_mail(body, content_transfer_encoding="quoted-printable")).text == "100% =ZZ 烤 = x"


def test_an_unknown_transfer_encoding_leaves_the_octets_as_they_are() -> None:
    mail = parse(a_mail("Hello", content_transfer_encoding="x-rot13"))
    assert (mail.text, mail.defects) == ("Hello", ("encoding_unknown",))


def test_uuencoded_files_are_decoded() -> None:
    mail = parse(with_file(content_transfer_encoding="x-uuencode").replace(base64.b64encode(b"\x89PNG\r\n\x1a\n"), b""))
    assert mail.attachments[0].content == b""
    body = b"begin 644 a\r\n$;W9E;@``\r\n`\r\nend"
    assert parse(a_mail(body, content_transfer_encoding="x-uuencode")).text == "oven"


def test_flowed_text_is_put_back_together() -> None:
    flowed = "The oven \r\nleaks.\r\n> quoted \r\n> line\r\n>> deeper\r\n-- \r\nAda"
    mail = parse(a_mail(flowed, content_type="text/plain; charset=utf-8; format=flowed"))
    assert mail.text == "The oven leaks.\n> quoted line\n>> deeper\n-- \nAda"


def test_control_characters_do_not_reach_the_text() -> None:
    assert parse(a_mail(b"a\x00b\x08c\r\nd\x0c")).text == "abc\nd"


def test_a_body_without_a_type_that_is_a_page_is_read_as_one() -> None:
    assert parse(a_mail("<!DOCTYPE html><html><p>Oven</p>", charset="")).text == "Oven"


@pytest.mark.parametrize(
    "type_", ["", ";", "text", "html", "/", "text/", "plain text", "=?utf-8?B?dGV4dA==?=", "\x00/\x00"]
)
def test_an_unreadable_type_is_plain_text(type_: str) -> None:
    assert parse(a_mail("Hello", content_type=type_)).text == "Hello"


# Limits


def nested(depth: int, innermost: bytes) -> bytes:
    part = innermost
    for _ in range(depth):
        part = multipart("mixed", part)
    return in_a_mail(part)


def test_thirty_levels_are_read_and_one_more_is_refused() -> None:
    assert parse(nested(30, a_part("deep down"))).text == "deep down"
    with pytest.raises(Unreadable) as unreadable:
        parse(nested(31, a_part("deep down")))
    assert (unreadable.value.reason, unreadable.value.values) == ("too_deep", {"limit": 30})


def test_a_thousand_levels_of_parts_or_of_forwarded_mails_exhaust_nothing() -> None:
    with pytest.raises(Unreadable):
        parse(nested(1000, a_part("")))
    mail = parse(b"Content-Type: message/rfc822\r\n\r\n" * 1000)
    assert [part.within for part in mail.attachments] == [None, *range(29)]
    assert mail.defects == ("not_opened",)


def test_more_than_five_hundred_parts_are_refused() -> None:
    with pytest.raises(Unreadable) as unreadable:
        parse(in_a_mail(multipart("mixed", *[b"\r\n"] * 60_000)))
    assert unreadable.value.reason == "too_many_parts"


def test_attachments_beyond_a_hundred_are_left_out_and_said_so() -> None:
    files = [a_part(bytes([n]), "application/x-own") for n in range(150)]
    mail = parse(in_a_mail(multipart("mixed", a_part("Hello"), *files)))
    assert (len(mail.attachments), mail.defects) == (100, ("attachments_capped",))
    fewer = parse(in_a_mail(multipart("mixed", a_part("Hello"), *files[:-1])))
    assert fewer.content_key != mail.content_key


def test_lines_that_only_resemble_a_boundary_are_counted_too() -> None:
    with pytest.raises(Unreadable):
        parse(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 50_000)


def test_mails_and_refusals_travel_between_processes() -> None:
    for thing in (parse(a_bounce()), parse(with_file())):
        assert pickle.loads(pickle.dumps(thing)) == thing
    refusal = pickle.loads(pickle.dumps(Unreadable("too_deep", limit=30)))
    assert (refusal.reason, refusal.values) == ("too_deep", {"limit": 30})


def test_text_and_page_end_where_nobody_reads_on() -> None:
    long = parse(a_mail("烤" * 1_000_001))
    assert (len(long.text), long.defects) == (1_000_000, ("text_cut",))
    assert parse(a_mail("x" * 1_000_000)).defects == ()
    page = parse(a_mail("<p>Oven</p>" + " " * 2_000_000, content_type="text/html; charset=utf-8"))
    assert (page.text, len(page.html), page.defects) == ("Oven", 2_000_000, ("text_cut",))
    parts = [a_part("x" * 900_000, f"text/{kind}") for kind in ("plain", "html", "html", "html")]
    together = parse(in_a_mail(multipart("mixed", *parts)))
    assert (len(together.text), len(together.html), together.defects) == (1_000_000, 2_000_000, ("text_cut",))


def test_pictures_written_into_a_page_do_not_push_out_its_words() -> None:
    picture = f'<img src="data:image/png;base64,{"iVBO" * 700_000}">'
    mail = parse(a_mail(f"{picture}<p>The oven leaks.</p>{picture}", content_type="text/html; charset=utf-8"))
    assert (mail.text, mail.defects) == ("The oven leaks.", ())
    assert len(mail.html) < 200


def test_a_field_of_a_thousand_addresses_gives_the_first_hundreds() -> None:
    mail = parse(a_mail(to=", ".join(f"a{n}@example.org" for n in range(1000))))
    assert (len(mail.to), mail.to[-1]) == (500, "a499@example.org")


# Any bytes whatsoever

MAILS = [
    a_mail("烤箱漏电", charset="gbk", subject=word("烤箱", "gbk"), references="<a@x.org> <b@x.org>"),
    alternatives("The oven leaks.", "<p style='display:none'>x</p><ul><li>The oven leaks."),
    with_file(GIF, content_disposition="attachment; filename*0*=utf-8''%E7%83%A4; filename*1=.gif"),
    a_bounce(),
    nested(5, with_file()),
    forward(a_part(UU), a_part(with_file(), "message/rfc822"), winmail(WINMAIL), envelope(wrappers.SIGNED_IN_PIECES)),
    a_mail("one \r\n> two", content_type="text/plain; format=flowed; charset=iso-2022-jp", encoding="quoted-printable"),
]


def read_or_refused(raw: bytes) -> None:
    try:
        mail = parse(raw)
    except Unreadable as unreadable:
        if unreadable.reason == "unforeseen":
            raise
        return
    assert wire.loads(wire.dumps(mail)).text == mail.text
    enclosed = [part.enclosed for part in mail.attachments if part.enclosed]
    within = [text for inner in enclosed for text in (inner.subject, inner.from_name, inner.text)]
    filenames = [part.filename for part in mail.attachments]
    for text in (mail.subject, mail.from_name, mail.text, mail.html, *filenames, *within):
        assert "\x00" not in text
        text.encode("utf-8")
    assert len(mail.subject.splitlines()) <= 1


@given(st.binary(max_size=2000))
@example(b"From:\n (")
@example(b"\n" * 10)
@example(b"\r")
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    read_or_refused(raw)


@given(
    st.sampled_from(MAILS),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=12)), max_size=8),
)
def test_a_mail_with_any_damage_is_read_or_refused(raw: bytes, damage: list[tuple[int, int, bytes]]) -> None:
    for at, length, instead in damage:
        at %= len(raw) + 1
        raw = raw[:at] + instead + raw[at + length :]
    read_or_refused(raw)


FIELDS = "From To Subject Date Message-ID References Content-Type Content-Disposition Return-Path"
SCRAPS = """=?utf-8?B?5byg?= =?gb2312?Q?=C4=E3?= =? ?= < > ( ) " \\ @ , ; : = *0* '' %E7 a b.org text/html
    multipart/mixed boundary charset filename 2026"""
SCRAP = st.sampled_from([*SCRAPS.split(), " ", "\r\n ", "\xff", "\x00"])


@given(st.lists(st.tuples(st.sampled_from(FIELDS.split()), st.lists(SCRAP, max_size=20)), max_size=6))
def test_fields_put_together_from_scraps_are_read(fields: list[tuple[str, list[str]]]) -> None:
    head = "".join(f"{name}: {''.join(scraps)}\r\n" for name, scraps in fields)
    read_or_refused(head.encode("latin-1") + b"\r\nHello")


# Against another reader


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> bytes:
    if depth and draw(st.booleans()):
        parts = draw(st.lists(trees(depth=depth - 1), min_size=1, max_size=3))
        return multipart(draw(st.sampled_from(["mixed", "related"])), *parts)
    content = draw(st.binary(max_size=60))
    return a_part(content, "application/x-own", encoding="base64", content_disposition="attachment")


@given(trees())
def test_well_formed_mails_have_the_same_files_as_the_standard_library_finds(tree: bytes) -> None:
    raw = in_a_mail(tree)
    leaves = [part for part in email.message_from_bytes(raw).walk() if not part.is_multipart()]
    assert [part.content for part in parse(raw).attachments] == [part.get_payload(decode=True) for part in leaves]


def test_a_large_mail_is_read_whole() -> None:
    content = random.Random(1).randbytes(3_000_000)
    assert parse(with_file(content)).attachments[0].content == content
