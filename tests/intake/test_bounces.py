"""What machines say of a mail of ours: whole mails, one for each server's way, and what is read out of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from intake import bounces
from intake.classify import Kind, classify
from intake.parse import parse
from tests.intake.mails import a_bounce, a_mail, a_part, in_a_mail, multipart, word

MACHINES = Path(__file__).parent / "machines"
OURS = f"redress.{5 * '7c3e9a51'}@redress.test"
GRACE = "grace@quell.example"


def kind_of(raw: bytes) -> Kind:
    return classify(parse(raw), own_addresses=["support@redress.test"], own_message_domain="redress.test")


def kind_of_file(name: str) -> Kind:
    return kind_of((MACHINES / f"{name}.eml").read_bytes())


class Says(NamedTuple):
    """What a bounce or a delay is to say, all of it about Grace."""

    reason: str
    status: str
    words: str
    cites: bool = True


BOUNCES = {
    "aliyun": Says("bounce_in_prose", "5.1.1", "550 5.1.1 unknown user"),
    "amazon_ses": Says("dsn_failed", "5.4.4", "550 5.4.4 Invalid domain"),
    "aol": Says("bounce_in_prose", "", "Your mail to the following recipients could not be delivered because they are "
                "not accepting mail from support@redress.test", cites=False),
    "bare_report": Says("dsn_failed", "", "user unknown", cites=False),
    "barracuda": Says("bounce_in_prose", "", "was blocked by our Spam Firewall. The email you sent with the following "
                      "subject has NOT BEEN DELIVERED", cites=False),
    "coremail": Says("dsn_failed", "5.0.0",
                     "SMTP error, RCPT TO: Host quell.example (198.51.100.7) RCPT TO said 550 User not found"),
    "courier": Says("dsn_failed", "5.0.0", "550 User unknown."),
    "domino": Says("bounce_in_prose", "", "User Grace (grace@quell.example) not listed in Domino Directory",
                   cites=False),
    "domino_report": Says("dsn_failed", "5.1.1", "User Grace (grace@quell.example) not listed in Domino Directory"),
    "exchange": Says("dsn_failed", "5.1.10",
                     "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    "exchange_55": Says("bounce_in_prose", "", "The recipient name is not recognized MSEXCH:IMS:QUELL:HQ:MAIL01 0 "
                        "(000C05A6) Unknown Recipient"),
    "exchange_chinese": Says("dsn_failed", "5.1.1", "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found"),
    "exchange_german": Says("bounce_in_prose", "", "Der Empfänger wurde nicht gefunden.", cites=False),
    "exchange_outlook_prose": Says("bounce_in_prose", "5.7.1", "550 5.7.1 Unable to relay for grace@quell.example",
                                   cites=False),
    "exim": Says("bounce_in_prose", "5.1.1", "host mx.quell.example [198.51.100.7] SMTP error from remote mail server "
                 "after RCPT TO:<grace@quell.example>: 550 5.1.1 <grace@quell.example>: user unknown"),
    "exim_two_addresses": Says("bounce_in_prose", "", "retry timeout exceeded"),
    "gateway_that_returns_our_mail": Says("bounce_in_prose", "",
                                          "This message was created automatically by mail delivery software."),
    "gmail": Says("dsn_failed", "5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Please "
                  "try 550 5.1.1 double-checking the recipient's email address"),
    "gmail_chinese_web": Says("bounce_in_prose", "", "系统找不到电子邮件地址 grace@quell.example，或该地址"
                              "无法接收邮件，因此您的邮件未送达。", cites=False),
    "gmail_prose": Says("bounce_in_prose", "5.2.1", "550 550 5.2.1 The account is disabled (state 14)."),
    "gmx": Says("bounce_in_prose", "5.1.1", "5.1.1 <grace@quell.example>... User Unknown"),
    "groupwise": Says("bounce_in_prose", "", "mailbox is full", cites=False),
    "imail": Says("bounce_in_prose", "", "Unknown user: grace@quell.example"),
    "ionos": Says("bounce_in_prose", "", "Mail size limit exceeded. For explanation visit "
                  "http://postmaster.ionos.example/en/error-messages?ip=192.0.2.10"),
    "japanese_phone": Says("bounce_in_prose", "550", "550 Unknown user grace@quell.example", cites=False),
    "mail_ru": Says("bounce_in_prose", "550", "SMTP error from remote mail server after end of data: 550 Message was "
                    "not accepted -- invalid mailbox."),
    "netease_163": Says("bounce_in_prose", "550", "邮差小易抱歉地通知您，收件人的邮箱不存在。 英文说明:SMTP error, "
                        "RCPT TO: 550 User not found: grace@quell.example", cites=False),
    "postfix": Says("dsn_failed", "5.1.1", "550 5.1.1 <grace@quell.example>: Recipient address rejected: User unknown "
                    "in virtual mailbox table"),
    "postfix_given_up": Says("dsn_failed", "4.4.1",
                             "connect to mx.quell.example[198.51.100.7]:25: Connection timed out"),
    "postfix_headers_only": Says("dsn_failed", "5.4.6", "mail for quell.example loops back to myself"),
    "postfix_prose": Says("bounce_in_prose", "5.2.2", "552 5.2.2 <g.hopper@mail.quell.example>... Mailbox full"),
    "qmail": Says("bounce_in_prose", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"),
    "qmail_remote": Says("bounce_in_prose", "550", "550 sorry, no such user here Giving up on 198.51.100.7."),
    "qq": Says("bounce_in_prose", "550", "收件人邮件地址（grace@quell.example）不存在，邮件无法送达。", cites=False),
    "qq_full_mailbox": Says("bounce_in_prose", "5.2.2", "收件人邮箱已满，552 5.2.2 Mailbox full", cites=False),
    "report_in_a_gateway_s_wrapper": Says("dsn_failed", "5.4.4", "Host or domain name not found"),
    "sendmail": Says("dsn_failed", "5.1.1", "550 5.1.1 <grace@quell.example>... User unknown"),
    "sendmail_prose": Says("bounce_in_prose", "550", "550 <grace@quell.example>... User unknown"),
    "sina": Says("bounce_in_prose", "550", "收件人不存在，550 no such user"),
    "sohu": Says("bounce_in_prose", "5.7.1", "对方服务器返回 554 5.7.1 Service unavailable", cites=False),
    "yahoo": Says("bounce_in_prose", "5.4.14", "554: 5.4.14 Hop count exceeded - possible mail loop"),
    "zoho": Says("dsn_failed", "5.1.1", "5.1.1 <grace@quell.example>: user does not exist"),
}  # fmt: skip

DELAYS = {
    "coremail_delayed": Says("delay_in_prose", "", "connection timed out", cites=False),
    "exim_delayed": Says("delay_in_prose", "", "Connection timed out", cites=False),
    "gmail_delay": Says("dsn_delayed", "4.4.1", "The recipient server did not accept our requests to connect."),
    "postfix_delayed": Says("dsn_delayed", "4.4.1",
                            "connect to mx.quell.example[198.51.100.7]:25: Connection timed out"),
    "sendmail_warning": Says("delay_in_prose", "", "Deferred: Connection timed out with mx.quell.example. Warning: "
                             "message still undelivered after 4 hours Will keep trying until message is 5 days old",
                             cites=False),
}  # fmt: skip

OTHERS = {
    "arf": ("feedback", "feedback_report", True),
    "deleted_unread": ("receipt", "mdn", True),
    "dmarc_statistics": ("automatic", "report", False),
    "exchange_expanded": ("receipt", "dsn_expanded", True),
    "exchange_out_of_office": ("automatic", "responder_subject", True),
    "hotmail_feedback": ("feedback", "feedback_in_prose", True),
    "lotus_out_of_office": ("automatic", "auto_submitted", False),
    "person_attaches_a_bounce": ("person", "person", False),
    "person_forwards_a_bounce": ("person", "person", False),
    "person_forwards_the_parts_of_a_bounce": ("person", "person", False),
    "person_answers_an_automatic_reply": ("person", "person", True),
    "person_pastes_a_bounce_under_its_subject": ("person", "person", False),
    "person_through_our_web_form": ("person", "web_form", False),
    "postfix_delivered": ("receipt", "dsn_relayed", True),
    "qq_vacation": ("automatic", "responder_text", True),
    "read_exchange_without_report": ("receipt", "receipt_in_prose", True),
    "read_foxmail": ("receipt", "mdn", True),
    "read_outlook": ("receipt", "mdn", True),
    "read_thunderbird": ("receipt", "mdn", True),
}


def test_every_mail_here_is_asked_about() -> None:
    assert {path.stem for path in MACHINES.glob("*.eml")} == BOUNCES.keys() | DELAYS.keys() | OTHERS.keys()


@pytest.mark.parametrize("name", BOUNCES)
def test_a_bounce_of_any_server_names_address_status_reason_and_our_mail(name: str) -> None:
    said, kind = BOUNCES[name], kind_of_file(name)
    assert (kind.kind, kind.reason) == ("bounce", said.reason)
    assert (kind.bounce_recipient, kind.bounce_status) == (GRACE, said.status)
    assert kind.bounce_reason == said.words
    assert kind.cited_message_ids[:1] == ((OURS,) if said.cites else ())


@pytest.mark.parametrize("name", DELAYS)
def test_a_mail_still_being_tried_is_no_failure(name: str) -> None:
    said, kind = DELAYS[name], kind_of_file(name)
    assert (kind.kind, kind.reason) == ("delay", said.reason)
    assert (kind.bounce_recipient, kind.bounce_status) == (GRACE, said.status)
    assert kind.bounce_reason == said.words
    assert kind.cited_message_ids[:1] == ((OURS,) if said.cites else ())


@pytest.mark.parametrize("name", OTHERS)
def test_other_machines_and_the_people_who_resemble_them_are_told_apart(name: str) -> None:
    kind = kind_of_file(name)
    assert (kind.kind, kind.reason, OURS in kind.cited_message_ids) == OTHERS[name]
    assert kind.bounce_reason == ""


# The subject and the text


@pytest.mark.parametrize(
    ("subject", "verdict"),
    [
        ("Undelivered Mail Returned to Sender", "bounce"),
        ("Undeliverable: Your complaint", "bounce"),
        ("[EXTERNAL] Undeliverable: Your complaint", "bounce"),
        ("Returned mail: see transcript for details", "bounce"),
        ("failure notice", "bounce"),
        ("Mail delivery failed: returning message to sender", "bounce"),
        ("Delivery Status Notification (Failure)", "bounce"),
        ("DELIVERY FAILURE: User not listed", "bounce"),
        ("系统退信", "bounce"),
        ("无法传递: 您的投诉", "bounce"),
        ("無法傳遞: 您的投訴", "bounce"),
        ("Unzustellbar: Ihre Beschwerde", "bounce"),
        ("Non remis : Votre réclamation", "bounce"),
        ("Échec de la remise", "bounce"),
        ("No se puede entregar: Su queja", "bounce"),
        ("Não é possível entregar: Sua reclamação", "bounce"),
        ("Non recapitabile: Il Suo reclamo", "bounce"),
        ("Onbestelbaar: Uw klacht", "bounce"),
        ("Nie można dostarczyć: Twoja reklamacja", "bounce"),
        ("Недоставленное сообщение: Ваша жалоба", "bounce"),
        ("Nedoručitelné: Vaše stížnost", "bounce"),
        ("Teslim edilemedi: Şikayetiniz", "bounce"),
        ("配信不能: 苦情", "bounce"),
        ("배달되지 않음: 불만", "bounce"),
        ("mail failed, returning to sender", "bounce"),
        ("[발송실패 안내] grace@example.net으로 메일이 전송되지 못했습니다.", "bounce"),
        ("Delayed Mail (still being retried)", "delay"),
        ("Delivery Status Notification (Delay)", "delay"),
        ("Warning: message 1kZP2x-0001aB-Qz delayed 24 hours", "delay"),
        ("Warning: could not send message for past 4 hours", "delay"),
        ("传递状态通知 (延迟)", "delay"),
        ("Re: Undeliverable: Your complaint", ""),
        ("Fwd: failure notice", ""),
        ("转发: 系统退信", ""),
        ("The undelivered oven", ""),
        ("", ""),
    ],
)
def test_a_server_s_subject_is_known_by_its_first_words(subject: str, verdict: str) -> None:
    assert bounces.by_subject(subject) == verdict
    from_server = kind_of(a_mail("x", from_="MAILER-DAEMON@mx.example", subject=word(subject)))
    assert from_server.kind == (verdict or "automatic")
    assert kind_of(a_mail("x", subject=word(subject))).kind == "person"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("This message was created automatically by mail delivery software.", "bounce"),
        ("Your message could not be\ndelivered to one or more recipients.", "bounce"),
        ("Your message wasn’t delivered to x@y.example.", "bounce"),
        ("抱歉，您的邮件被退回来了", "bounce"),
        ("Die Nachricht konnte nicht zugestellt werden.", "bounce"),
        ("Delivery attempts will continue for some time.", "delay"),
        ("系统将继续尝试投递", "delay"),
        ("I am away.", ""),
        ("I am away.\n\n-----Original Message-----\nThis is a permanent error; I've given up.", ""),
        ("", ""),
    ],
)
def test_a_server_s_sentences_count_above_the_copy_only(text: str, verdict: str) -> None:
    assert bounces.by_text(text) == verdict


@pytest.mark.parametrize(
    "fields",
    [
        {"from_": "Mail Delivery System <help@isp.example>"},
        {"from_": "系统管理员 <admin@isp.example>"},
        {"from_": "noreply@isp.example", "auto_submitted": "auto-replied"},
        {"from_": "<>", "return_path": "<MAILER-DAEMON@isp.example>"},
        {"from_": "MAILER-DAEMON"},
        {"from_": f"MicrosoftExchange{32 * 'a'}@isp.example"},
        {"from_": "bounces@isp.example", "return_path": "<MAILER-DAEMON@isp.example>"},
    ],
)
def test_a_server_without_an_address_of_its_own_is_known_by_other_marks(fields: dict[str, str]) -> None:
    text = f"Your message could not be delivered to one or more recipients.\n\n<{GRACE}>: user unknown"
    kind = kind_of(a_mail(text, subject="Undeliverable: Your complaint", **fields))
    assert (kind.kind, kind.bounce_recipient, kind.bounce_reason) == ("bounce", GRACE, "user unknown")


def test_a_name_like_a_server_s_is_not_enough_without_its_words() -> None:
    kind = kind_of(a_mail("The oven leaks.", from_="System Administrator <ada@x.example>", subject="Undelivered oven"))
    assert kind.kind == "person"


def test_a_responder_behind_an_empty_reverse_path_is_no_bounce() -> None:
    subject = "Auto-Reply: Delivery failure of ovens"
    assert kind_of(a_mail("I am away.", return_path="<>", subject=subject)).kind == "automatic"
    assert kind_of(a_mail("I am away.", return_path="<>", subject="Re: Delivery failure")).kind == "automatic"


# Addresses


@pytest.mark.parametrize(
    "text",
    [
        f"<{GRACE}>:\nno such user",
        f"  {GRACE}\n    Unrouteable address",
        f"'{GRACE}' on 2026/11/2 10:00\n    550 5.7.1 no",
        f"Your message to {GRACE} couldn't be delivered.",
        f"收件人：{GRACE}\n退信原因：不存在",
        f"收件人邮件地址（{GRACE}）不存在",
        f"收件人： | {GRACE}\n退信原因： | 不存在",
        f"您发送给{GRACE}的邮件投递失败",
        f"Final-Recipient: rfc822;{GRACE}",
        f"宛先: {GRACE}",
        f"Contact support@isp.example for help.\n\nFailed recipient: {GRACE}",
        f"From: ada@isp.example\nSorry, {GRACE} is not known.",
        f"<postmaster@isp.example> was told.\n<support@redress.test> wrote.\n{GRACE} is not known.",
        f"It failed.\n\n--- Below this line is a copy of the message.\n\nTo: Grace <{GRACE}>\nSubject: x\n",
        f"<g.hopper@mail.quell.example> (expanded from <{GRACE}>): mailbox full",
        f"  g.hopper@mail.quell.example\n    (generated from {GRACE})\n    mailbox full",
    ],
)
def test_the_address_that_failed_is_found_where_servers_write_it(text: str) -> None:
    kind = kind_of(a_mail(text, from_="MAILER-DAEMON@mx.isp.example", subject="failure notice"))
    assert (kind.kind, kind.bounce_recipient) == ("bounce", GRACE)


@pytest.mark.parametrize(
    "text",
    [
        "Your message failed.",
        "<support@redress.test>: loops back",
        "<MAILER-DAEMON@mx.isp.example>: it was me",
        "Message-ID: <ours-1@redress.test>",
        "a@, @b, <@>, x@@y",
    ],
)
def test_neither_we_nor_the_server_nor_a_message_id_is_an_address_that_failed(text: str) -> None:
    kind = kind_of(a_mail(text, from_="MAILER-DAEMON@mx.isp.example", subject="failure notice"))
    assert (kind.kind, kind.bounce_recipient) == ("bounce", "")


def test_the_header_for_failed_recipients_comes_before_the_prose() -> None:
    text = f"<ada@quell.example>: mailbox full\n<{GRACE}>: no such user"
    kind = kind_of(
        a_mail(text, return_path="<>", subject="failure notice", x_failed_recipients=f"{GRACE}, x@y.example")
    )
    assert (kind.bounce_recipient, kind.bounce_reason) == (GRACE, "no such user")


# Status and reason


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("550 5.1.1 no such user", "5.1.1"),
        ("(#5.1.1)", "5.1.1"),
        ("It said 4.2.2.", "4.2.2"),
        ("Exim 4.94.2 at 10.5.1.1", ""),
        ("version 5.1.1.20", ""),
        ("Subject: Release 2.0.12", ""),
        ("5.1", ""),
    ],
)
def test_a_status_is_none_of_the_other_numbers_with_points(text: str, status: str) -> None:
    assert bounces.status_in(text) == status


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("smtp; 550 5.1.1 No such user", "550 5.1.1 No such user"),
        ("SMTP;550 No such user", "550 No such user"),
        ("x-unix; User unknown", "User unknown"),
        ("550 No such user", "550 No such user"),
        ("smtp; a\t b\r\n c", "a b c"),
        ("smtp; " + "long " * 100, ("long " * 60)[:299] + "…"),
        ("", ""),
    ],
)
def test_a_diagnostic_code_is_one_line_without_its_type(written: str, read: str) -> None:
    assert bounces.diagnostic(written) == read
    assert len(bounces.diagnostic(written)) <= bounces.LONGEST_REASON


def a_report(*blocks: str, subject: str = "Report", **fields: str) -> bytes:
    status = "Reporting-MTA: dns; x\r\n\r\n" + "\r\n".join(block.replace("\n", "\r\n") + "\r\n" for block in blocks)
    parts = (a_part("A report."), a_part(status, "message/delivery-status"))
    body = multipart("report", *parts, parameters="; report-type=delivery-status")
    return in_a_mail(body, from_="MAILER-DAEMON@x.example", subject=subject, **fields)


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ("Action: failed\nStatus: 5.1.1", "bounce"),
        ("Action: Failed (bounced)\nStatus: 5.1.1", "bounce"),
        ("Action: failed\nStatus: 4.4.7", "bounce"),
        ("Action: delayed\nStatus: 4.4.1", "delay"),
        ("Action: DELAYED\nStatus: 5.0.0", "delay"),
        ("Status: 4.4.1", "delay"),
        ("Status: 5.1.1", "bounce"),
        ("Status: 2.1.5", "receipt"),
        ("Action: nonsense\nStatus: x", "bounce"),
        ("Action: delivered\nStatus: 2.1.5", "receipt"),
        ("Action: relayed", "receipt"),
        ("Action: expanded", "receipt"),
    ],
)
def test_a_report_is_what_its_action_says_or_else_the_class_of_its_status(block: str, kind: str) -> None:
    found = kind_of(a_report(f"Final-Recipient: rfc822; {GRACE}\n{block}"))
    assert (found.kind, found.bounce_recipient) == (kind, GRACE)


def test_of_several_addresses_the_one_that_failed_counts_before_the_delayed_and_the_delivered() -> None:
    found = kind_of(
        a_report(
            "Final-Recipient: rfc822; a@x.example\nAction: delivered\nStatus: 2.0.0",
            "Final-Recipient: rfc822; b@x.example\nAction: delayed\nStatus: 4.4.1",
            f"Final-Recipient: rfc822; {GRACE}\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 full",
        )
    )
    assert (found.kind, found.bounce_recipient, found.bounce_status) == ("bounce", GRACE, "5.2.2")
    assert found.bounce_reason == "552 full"


def test_a_report_without_fields_is_read_from_its_subject_and_prose() -> None:
    assert kind_of(a_report(subject="Delayed Mail (still being retried)")).kind == "delay"
    assert kind_of(a_report(subject="Undeliverable: x")).kind == "bounce"


def test_a_report_that_does_not_say_its_type_is_read_as_prose() -> None:
    body = multipart("report", a_part(f"Your message wasn't delivered to {GRACE}."))
    kind = kind_of(in_a_mail(body, from_="ndr@isp.example", subject="Your complaint"))
    assert (kind.kind, kind.reason, kind.bounce_recipient) == ("bounce", "bounce_in_prose", GRACE)


# Citations


def test_the_returned_mail_is_cited_before_what_the_report_answers() -> None:
    raw = a_bounce(about="<told@redress.test>").replace(
        b"Subject:", b"References: <a@x.example> <b@x.example>\r\nSubject:", 1
    )
    assert kind_of(raw).cited_message_ids == ("told@redress.test", "b@x.example", "a@x.example")


@pytest.mark.parametrize("type_", ["message/rfc822", "text/rfc822-headers", "text/plain", "application/octet-stream"])
def test_a_returned_mail_is_found_in_a_file_of_any_type(type_: str) -> None:
    returned = f"Received: from x\r\nMessage-Id:\r\n <{OURS}>\r\nTo: {GRACE}\r\nSubject: x\r\n\r\nWe have it.\r\n"
    file = a_part(returned, f'{type_}; name="mail.eml"', content_disposition="attachment; filename=mail.eml")
    body = multipart("mixed", a_part("Your message could not be delivered."), file)
    kind = kind_of(in_a_mail(body, from_="postmaster@x.example", subject="Undeliverable: x"))
    assert (kind.kind, kind.cited_message_ids, kind.bounce_recipient) == ("bounce", (OURS,), GRACE)


def test_a_bounce_does_not_cite_itself_and_a_person_s_text_cites_nothing() -> None:
    text = f"It failed.\n\nMessage-ID: <first@example.org>\nMessage-ID: <{OURS}>\n"
    assert kind_of(a_mail(text, return_path="<>", subject="failure notice")).cited_message_ids == (OURS,)
    assert kind_of(a_mail(text)).cited_message_ids == ()


# Any text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a@b.example " * 50_000,
        "<" * 500_000,
        "\n" * 500_000,
        "ab\n" * 300_000,
        " \t" * 300_000,
        "[" * 300_000,
        "- " * 300_000,
        "error " * 100_000,
        "to:" * 200_000,
        "4.4.4." * 100_000,
        "550 " * 200_000,
        ("x" * 64 + "@") * 10_000,
        "(expanded from <" * 50_000,
        "Message-ID: <" * 50_000,
        "收件人" * 200_000,
        "ﷺ" * 300_000,
        "\ud83d" + "\x00\u202e" * 100_000,
    ],
)
def test_any_text_is_answered(text: str) -> None:
    mail = parse(a_mail("It failed.", return_path="<>", subject="failure notice"))
    for changed in ({"text": text}, {"subject": text}, {"from_name": text}):
        kind = classify(replace(mail, **changed), own_addresses=[], own_message_domain=None)
        assert kind.kind in ("bounce", "automatic")
        assert len(kind.bounce_reason) <= bounces.LONGEST_REASON
        assert "\n" not in kind.bounce_reason


def test_a_reply_code_may_stand_before_a_colon() -> None:
    text = "We were unable to deliver your message to the following address.\n\n<grace@example.net>:\n554: no account"
    found = kind_of(a_mail(text, from_="MAILER-DAEMON@mx.example", subject="Failure Notice"))
    assert (found.bounce_recipient, found.bounce_status) == ("grace@example.net", "554")
