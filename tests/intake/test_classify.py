"""Who wrote a mail: a person, or one of many kinds of machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.classify import RESPONDER_SUBJECTS, Kind, classify
from intake.mail import RESPONDER_HEADERS, Mail
from intake.parse import parse
from tests.intake.mails import a_bounce, a_mail, a_part, in_a_mail, multipart, word


def kind_of(raw: bytes) -> Kind:
    return kind_of_mail(parse(raw))


def kind_of_mail(mail: Mail) -> Kind:
    return classify(mail, own_addresses=["Support@redress.test"], own_message_domain="redress.test")


def a_mail_about(subject: str, text: str = "The oven leaks.", **fields: str) -> bytes:
    return a_mail(text, subject=word(subject), **fields)


def a_signalling_mail(name: str, value: str, **fields: str) -> Mail:
    return replace(parse(a_mail(**fields)), signals=((name, value),))


def a_report(kind: str, fields: str, **changes: str) -> bytes:
    body = multipart(
        "report", a_part("A report."), a_part(fields, f"message/{kind}"), parameters=f"; report-type={kind}"
    )
    return in_a_mail(body, **changes)


def test_a_mail_from_ada_is_from_a_person() -> None:
    assert kind_of(a_mail()) == Kind("person", "person", is_list=False)


@pytest.mark.parametrize(
    "fields",
    [
        {"auto_submitted": "no"},
        {"x_auto_response_suppress": "All"},
        {"x_autoreply": "no"},
        {"precedence": "first-class"},
        {"subject": "Re: 自动回复: 烤箱"},
        {"subject": "Automatic reply is broken"},
        {"subject": "Undelivered oven"},
        {"return_path": "<ada@example.org>"},
        {"in_reply_to": "<ours-1@redress.test>"},
        {"from_": "Ada <noreply.ada@example.org>"},
        {"from_": "noreply@shop.example", "reply_to": "ada@example.org"},
        {"from_": "daemon@example.org"},
        {"from_": "bounce@trampolines.example", "subject": "Returned mail order"},
        {"from_": "System Administrator <ada@example.org>"},
    ],
)
def test_people_s_mail_may_look_a_little_like_a_machine_s(fields: dict[str, str]) -> None:
    assert kind_of(a_mail(**fields)).kind == "person"


@pytest.mark.parametrize(
    "fields", [{"list_id": "<ovens.example.org>"}, {"list_unsubscribe": "<mailto:x@y.org>"}, {"precedence": "list"}]
)
def test_a_mail_through_a_list_is_a_person_s_but_marked(fields: dict[str, str]) -> None:
    kind = kind_of(a_mail(**fields))
    assert (kind.kind, kind.is_list) == ("person", True)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"auto_submitted": "auto-replied"}, "auto_submitted"),
        ({"auto_submitted": "auto-generated; type=x"}, "auto_submitted"),
        ({"x_autoreply": "yes"}, "responder_header"),
        ({"x_autorespond": "Out until Monday"}, "responder_header"),
        ({"x_auto_reply_from": "ada@example.org"}, "responder_header"),
        ({"precedence": "auto_reply"}, "precedence_auto_reply"),
        ({"subject": "自动回复：烤箱"}, "responder_subject"),
        ({"subject": "Automatic reply: Oven"}, "responder_subject"),
        ({"subject": "Out of Office: Oven"}, "responder_subject"),
        ({"return_path": "<>"}, "null_return_path"),
        ({"from_": "Postmaster <postmaster@example.org>"}, "daemon_sender"),
        ({"from_": "MAILER-DAEMON@example.org"}, "daemon_sender"),
    ],
)
def test_automatic_mail_is_known_by_what_it_says_of_itself(fields: dict[str, str], reason: str) -> None:
    kind = kind_of(a_mail(**fields))
    assert (kind.kind, kind.reason) == ("automatic", reason)


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Oven",
        "AUTOMATIC REPLY: Oven",
        "Automatic reply",
        "Auto-Reply: Re: Oven",
        "Autoreply: Oven",
        "Auto Response: Oven",
        "Automated response: Oven",
        "Out of Office",
        "Out of Office: Oven",
        "Out of the office Re: Oven",
        "Out of Office AutoReply: Oven",
        "[EXTERNAL] Automatic reply: Oven",
        "[EXT][Ticket 12] Out of Office: Oven",
        "***SPAM*** Automatic reply: Oven",
        "External: Automatic reply: Oven",
        "[Auto-Reply] Oven",
        "OOO: Oven",
        "Out of the Office (returning 9 Nov): Oven",
        "自动回复(Auto Reply)：烤箱",
        "休假自动回复：烤箱",
        "Abwesenheit: Re: Ofen",
        "AUTO: Grace Hopper is out of the office (returning 09/11/2026)",
        "自动回复：烤箱",
        "自动回复:烤箱",
        "自动回复",
        "自动回复: Re: 烤箱",
        "[自动回复] 烤箱",
        "【自动回复】烤箱",
        "（自动回复）烤箱",
        "自动答复: 烤箱",
        "[外部邮件] 自动回复：烤箱",
        "【外部邮件】自动回复：烤箱",
        "不在办公室：烤箱",
        "自動回覆: 烤箱",
        "自動答覆：烤箱",
        "不在辦公室: 烤箱",
        "自動応答: オーブン",
        "自動返信: オーブン",
        "不在: オーブン",
        "不在通知：オーブン",
        "자동 회신: 오븐",
        "부재중: 오븐",
        "Automatische Antwort: Ofen",
        "Abwesenheitsnotiz: Ofen",
        "Abwesenheitsnotiz",
        "Abwesend: Ofen",
        "Réponse automatique\xa0: Four",
        "Reponse automatique : Four",
        "RÉPONSE AUTOMATIQUE : Four",
        "Absence du bureau : Four",
        "Respuesta automática: Horno",
        "Fuera de la oficina: Horno",
        "Risposta automatica: Forno",
        "Fuori sede: Forno",
        "Resposta automática: Forno",
        "Fora do escritório: Forno",
        "Automatisch antwoord: Oven",
        "Afwezig: Oven",
        "Automatyczna odpowiedź: Piec",
        "Poza biurem: Piec",
        "Автоответ: Печь",
        "Автоматический ответ: Печь",
        "Автоматична відповідь: Піч",
        "Automatická odpověď: Trouba",
        "Automatická odpoveď: Rúra",
        "Automatikus válasz: Sütő",
        "Răspuns automat: Cuptor",
        "Автоматичен отговор: Фурна",
        "Automatski odgovor: Pećnica",
        "Otomatik yanıt: Fırın",
        "OTOMATIK YANIT: Fırın",
        "Autosvar: Ugn",
        "Automatisk svar: Ovn",
        "Fraværsmelding: Ovn",
        "Automaattinen vastaus: Uuni",
        "Αυτόματη απάντηση: Φούρνος",
        "תשובה אוטומטית: תנור",
        "رد تلقائي: فرن",
        "การตอบกลับอัตโนมัติ: เตาอบ",
        "Trả lời tự động: Lò",
        "Balasan otomatis: Oven",
    ],
)
def test_a_responder_is_known_by_how_its_subject_begins(subject: str) -> None:
    kind = kind_of(a_mail_about(subject))
    assert (kind.kind, kind.reason) == ("automatic", "responder_subject")


@pytest.mark.parametrize(("language", "phrases"), RESPONDER_SUBJECTS.items())
def test_every_phrase_of_every_language_counts_at_the_beginning_and_nowhere_else(
    language: str, phrases: tuple[str, ...]
) -> None:
    for phrase in phrases:
        for written in (phrase, phrase.upper(), phrase.title()):
            assert kind_of(a_mail_about(f"{written}: C-2026-0412")).kind == "automatic", (language, written)
        assert kind_of(a_mail_about(f"Re: {phrase}: C-2026-0412")).kind == "person", (language, phrase)
        assert kind_of(a_mail_about(f"{phrase} xx C-2026-0412")).kind == "person", (language, phrase)


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Automatic reply: Oven",
        "AW: Automatische Antwort: Ofen",
        "回复: 自动回复: 烤箱",
        "Fwd: Out of Office: Oven",
        "转发: 自动回复：烤箱",
        "[EXTERNAL] Re: Automatic reply: Oven",
        "Automatic door does not close",
        "Automatic replying machine broken",
        "Automatic reply keeps coming",
        "Autoreply function of the fax 3000 does not work",
        "Out of Office chairs delivered",
        "Out of office chairs: three of ten are broken",
        "Out of order: oven",
        "自动化设备投诉",
        "自动回复功能坏了",
        "自动门故障：无法关闭",
        "不在保修期内吗",
        "自動ドアの故障",
        "不在票が入っていない",
        "자동문이 닫히지 않습니다",
        "Abwesende Lieferung",
        "Automatische Tür klemmt",
        "Automatisches Garagentor: defekt",
        "Porte automatique : en panne",
        "Absence de pièces dans le colis",
        "Puerta automática: no cierra",
        "Cancello automatico: non si apre",
        "Автоматическая дверь не закрывается",
        "Automatyczne drzwi: nie działają",
        "Otomatik kapı arızası",
        "Undelivered oven",
        "Delivery failure of ovens, order 4711",
        "Returned mail order",
        "Failure notice for oven 4711",
        "退信问题",
        "投递失败的包裹",
        "Read: why does my oven leak?",
        "已读不回的客服",
        "Delivered: two ovens, ordered: three",
        "Warning: message on the oven's display",
        "Complaint about message from your driver",
        "Auto: Bremsen defekt",
        "Report domain of your competence",
    ],
)
def test_a_complaint_may_begin_like_a_machine_s_mail(subject: str) -> None:
    assert kind_of(a_mail_about(subject)).kind == "person"


@pytest.mark.parametrize(
    "text",
    [
        "This is an automatic reply.\nI am away.",
        "\n\nThis is an automated response from our office.\n",
        "*** This is an automatic reply ***",
        "This is an automatic reply, please do not respond to it.",
        "这是一封自动回复邮件。\n您好，来信已收到。",
        "自动回复：您好，您的来信已收到。",
        "這是自動回覆。",
        "これは自動返信メールです。",
        "Dies ist eine automatische Antwort.",
        "Ceci est une réponse automatique.",
        "Esta es una respuesta automática.",
        "Это автоматический ответ.",
    ],
)
def test_a_reply_whose_first_line_says_that_it_is_automatic_is(text: str) -> None:
    kind = kind_of(a_mail(text, subject="Re: Your complaint"))
    assert (kind.kind, kind.reason) == ("automatic", "responder_text")


@pytest.mark.parametrize(
    "text",
    [
        "This is an automatic reply we get again and again. Stop it.",
        "This is an automatically generated message: the website's form says that the oven leaks.",
        "自动回复我已经收到三次了，请派人来看。",
        "自动回复，又是自动回复！烤箱还在漏水。",
        "This is an automatic reply, or what? The oven leaks.",
        "Good day,\n\nThis is an automatic reply.\nis what you sent me. The oven leaks.",
        "> This is an automatic reply.\n\nThank you. The oven leaks.",
        "I am out of office until Monday, please call my colleague about the oven.",
    ],
)
def test_a_person_may_write_of_automatic_replies(text: str) -> None:
    assert kind_of(a_mail(text, subject="Re: Your complaint")).kind == "person"


@pytest.mark.parametrize("name", RESPONDER_HEADERS)
def test_a_responder_s_own_header_tells_it_unless_it_says_no(name: str) -> None:
    assert kind_of_mail(a_signalling_mail(name, "yes")).reason == "responder_header"
    assert kind_of_mail(a_signalling_mail(name, "Vacation until Monday")).reason == "responder_header"
    for no in ("no", "False", "0", " "):
        assert kind_of_mail(a_signalling_mail(name, no)).kind == "person"


@pytest.mark.parametrize(
    ("name", "value", "kind", "reason"),
    [
        ("delivered-to", "Autoresponder", "automatic", "responder_header"),
        ("delivered-to", "support@redress.test", "person", "person"),
        ("x-post-messageclass", "9; Autoresponder", "automatic", "responder_header"),
        ("x-post-messageclass", "1", "person", "person"),
        ("x-precedence", "auto_reply", "automatic", "precedence_auto_reply"),
        ("x-precedence", "bulk", "bulk", "precedence_bulk"),
        ("preference", "auto_reply", "automatic", "precedence_auto_reply"),
        ("x-ms-exchange-inbox-rules-loop", "ada@example.org", "person", "person"),
        ("x-auto-response-suppress", "DR, OOF, AutoReply", "person", "person"),
        ("x-loop", "support@redress.test", "person", "person"),
        ("content-class", "urn:content-classes:message", "person", "person"),
        ("content-class", "urn:content-classes:mdn", "receipt", "receipt_in_prose"),
        ("content-class", "urn:content-classes:dsn", "bounce", "bounce_in_prose"),
        ("x-ms-exchange-message-is-ndr", "", "bounce", "bounce_in_prose"),
    ],
)
def test_some_headers_tell_by_what_they_say(name: str, value: str, kind: str, reason: str) -> None:
    found = kind_of_mail(a_signalling_mail(name, value))
    assert (found.kind, found.reason) == (kind, reason)


def test_what_a_rule_of_a_mailbox_sent_on_is_a_person_s_unless_it_is_the_mailbox_s_own_answer() -> None:
    loop = (
        ("x-ms-exchange-inbox-rules-loop", "x@y.example"),
        ("x-ms-exchange-generated-message-source", "Rules Agent"),
    )
    forwarded = parse(a_mail(subject="FW: The oven leaks", auto_submitted="auto-generated"))
    kind = kind_of_mail(replace(forwarded, signals=loop))
    assert (kind.kind, kind.reason) == ("person", "forwarded_by_rule")
    answered = parse(a_mail(subject="Your complaint", auto_submitted="auto-generated"))
    assert kind_of_mail(replace(answered, signals=loop)).kind == "automatic"


@pytest.mark.parametrize(
    ("said", "kind"), [("auto-generated", "person"), ("", "person"), ("auto-replied", "automatic")]
)
def test_what_a_rule_redirects_is_whatever_it_was_before(said: str, kind: str) -> None:
    signals = (
        ("x-ms-exchange-inbox-rules-loop", "support@redress.test"),
        ("x-ms-exchange-generated-message-source", "Mailbox Rules Agent"),
        ("resent-from", "<support@redress.test>"),
    )
    redirected = parse(a_mail(subject="The oven leaks", auto_submitted=said))
    assert kind_of_mail(replace(redirected, signals=signals)).kind == kind


def test_an_automatic_reply_cites_the_mail_it_was_made_for() -> None:
    kind = kind_of_mail(a_signalling_mail("x-ms-exchange-parent-message-id", "<ours-1@redress.test>"))
    assert kind.cited_message_ids == ("ours-1@redress.test",)


@pytest.mark.parametrize(
    ("subject", "fields"),
    [
        ("Read: Your complaint", {"auto_submitted": "auto-replied"}),
        ("Not read: Your complaint", {"return_path": "<>"}),
        ("已读: 您的投诉", {"auto_submitted": "auto-generated"}),
        ("已讀：您的投訴", {"auto_submitted": "auto-generated"}),
        ("Gelesen: Ihre Beschwerde", {"x_autoreply": "yes"}),
        ("Lu : Votre réclamation", {"return_path": "<>"}),
        ("Leído: Su queja", {"return_path": "<>"}),
        ("開封済み: 苦情", {"return_path": "<>"}),
        ("Прочитано: Ваша жалоба", {"return_path": "<>"}),
        ("Delivered: Your complaint", {"return_path": "<>"}),
    ],
)
def test_a_receipt_in_prose_needs_a_machine_s_header(subject: str, fields: dict[str, str]) -> None:
    kind = kind_of(a_mail_about(subject, **fields))
    assert (kind.kind, kind.reason) == ("receipt", "receipt_in_prose")
    assert kind_of(a_mail_about(subject)).kind == "person"


def test_a_mail_with_a_hundred_hops_goes_in_circles() -> None:
    hop = b"Received: from a.example by b.example; Mon, 02 Nov 2026 10:00:00 +0800\r\n"
    assert kind_of(99 * hop + a_mail()).kind == "person"
    kind = kind_of(100 * hop + a_mail(message_id=f"<redress.{40 * 'a'}@redress.test>"))
    assert (kind.kind, kind.reason) == ("loop", "too_many_hops")


FORM = {"from_": "Website <support@redress.test>", "reply_to": "Grace <grace@quell.example>"}


@pytest.mark.parametrize(
    "fields", [{}, {"x_auto_response_suppress": "All"}, {"return_path": "<www@redress.test>"}, {"auto_submitted": "no"}]
)
def test_a_web_form_writes_in_our_name_for_a_person(fields: dict[str, str]) -> None:
    kind = kind_of(a_mail(**FORM, **fields))
    assert (kind.kind, kind.reason) == ("person", "web_form")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reply_to": "support@redress.test"}, "own_address"),
        ({"reply_to": "SUPPORT@Redress.test"}, "own_address"),
        ({"reply_to": "a@x.example, b@x.example"}, "own_address"),
        ({"auto_submitted": "auto-replied"}, "own_address"),
        ({"x_autoreply": "yes"}, "own_address"),
        ({"precedence": "bulk"}, "own_address"),
        ({"return_path": "<>"}, "own_address"),
        ({"list_id": "<customers.redress.test>"}, "own_address"),
        ({"message_id": f"<redress.{40 * 'b'}@redress.test>"}, "own_message_id"),
    ],
)
def test_our_own_mail_is_no_web_form(fields: dict[str, str], reason: str) -> None:
    kind = kind_of(a_mail(**(FORM | fields)))
    assert (kind.kind, kind.reason) == ("own", reason)


@pytest.mark.parametrize("precedence", ["bulk", "junk"])
def test_bulk_mail_says_so(precedence: str) -> None:
    kind = kind_of(a_mail(precedence=precedence))
    assert (kind.kind, kind.reason) == ("bulk", f"precedence_{precedence}")


def test_a_bounce_names_the_address_the_status_and_the_mail_that_failed() -> None:
    kind = kind_of(a_bounce())
    assert (kind.kind, kind.reason) == ("bounce", "dsn_failed")
    assert (kind.bounce_recipient, kind.bounce_status) == ("grace@example.net", "5.1.1")
    assert kind.cited_message_ids == ("ours-1@redress.test",)


def test_a_delay_leaves_nobody_unreached_and_a_delivery_is_a_receipt() -> None:
    delayed = kind_of(a_bounce(action="delayed", status="4.4.1"))
    assert (delayed.kind, delayed.reason, delayed.bounce_status) == ("delay", "dsn_delayed", "4.4.1")
    delivered = kind_of(a_bounce(action="delivered", status="2.0.0"))
    assert (delivered.kind, delivered.reason) == ("receipt", "dsn_delivered")


def test_of_several_recipients_the_one_that_failed_counts() -> None:
    fields = (
        "Final-Recipient: rfc822; ok@example.net\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n"
        "Final-Recipient: rfc822; gone@example.net\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 5.1.1 gone\r\n"
    )
    kind = kind_of(a_report("delivery-status", fields))
    assert (kind.kind, kind.bounce_recipient, kind.bounce_status) == ("bounce", "gone@example.net", "5.1.1")


def test_a_report_of_delivery_without_a_word_about_anybody_is_still_a_bounce() -> None:
    assert kind_of(a_report("delivery-status", "Reporting-MTA: dns; x\r\n")).kind == "bounce"


@pytest.mark.parametrize(
    "fields",
    [
        {"from_": "MAILER-DAEMON@mx.example.net", "subject": "failure notice"},
        {"from_": "postmaster@qq.example", "subject": "系统退信/The email is returned"},
        {"return_path": "<>", "subject": "Mail delivery failed: returning message to sender"},
        {"x_failed_recipients": "grace@example.net"},
    ],
)
def test_a_bounce_in_prose_is_read_as_far_as_it_goes(fields: dict[str, str]) -> None:
    text = "Sorry.\n\n<grace@example.net>:\n550 5.1.1 no such user\n\nMessage-ID: <ours-1@redress.test>\nSubject: x"
    kind = kind_of(a_mail(text, **fields))
    assert (kind.kind, kind.reason) == ("bounce", "bounce_in_prose")
    assert (kind.bounce_recipient, kind.bounce_status) == ("grace@example.net", "5.1.1")
    assert kind.cited_message_ids == ("ours-1@redress.test",)


def test_a_read_receipt_is_a_receipt_about_our_mail() -> None:
    fields = "Final-Recipient: rfc822; grace@example.net\r\nOriginal-Message-ID: <ours-1@redress.test>\r\n"
    kind = kind_of(a_report("disposition-notification", fields))
    assert (kind.kind, kind.reason, kind.cited_message_ids) == ("receipt", "mdn", ("ours-1@redress.test",))


def test_whoever_calls_our_mail_spam_gives_feedback() -> None:
    kind = kind_of(a_report("feedback-report", "Feedback-Type: abuse\r\n"))
    assert (kind.kind, kind.reason) == ("feedback", "feedback_report")


def test_other_reports_are_automatic() -> None:
    kind = kind_of(a_report("tlsrpt", "TLS-Report-Domain: redress.test\r\n"))
    assert (kind.kind, kind.reason) == ("automatic", "report")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"from_": "Desk <support@REDRESS.test>"}, "own_address"),
        ({"from_": "SUPPORT@redress.test", "auto_submitted": "auto-replied"}, "own_address"),
        ({"message_id": f"<redress.{40 * 'a'}@Redress.test>"}, "own_message_id"),
    ],
)
def test_our_own_mail_coming_back_is_known_whatever_else_it_says(fields: dict[str, str], reason: str) -> None:
    kind = kind_of(a_mail(**fields))
    assert (kind.kind, kind.reason) == ("own", reason)


def test_a_colleague_whose_program_makes_ids_on_our_domain_is_a_person() -> None:
    assert kind_of(a_mail(from_="daniel@redress.test", message_id="<6f1d-77@redress.test>")).kind == "person"


def test_a_look_alike_of_our_address_is_somebody_else() -> None:
    assert kind_of(a_mail(from_="ſupport@redress.test")).kind == "person"


def test_nothing_is_ours_where_we_have_no_name_yet() -> None:
    mail = parse(a_mail(message_id=None, from_=None))
    assert classify(mail, own_addresses=[], own_message_domain=None).kind == "person"


def test_an_answer_cites_what_it_answers_latest_first() -> None:
    kind = kind_of(a_mail(in_reply_to="<c@x.org>", references="<a@x.org> <b@x.org> <c@x.org>"))
    assert kind.cited_message_ids == ("c@x.org", "b@x.org", "a@x.org")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Confirm your email address on Slate", "Click https://slate.example/confirm/4711abc to go on."),
        ("Your verification code", "Your code is 482913."),
        ("【云协作】验证码", "您的验证码是 482913，十分钟内有效。"),
        ("请激活您的账号", "https://work.example/activate/1"),
        ("Ada has invited you to join Quell", "https://quell.example/join/abc"),
        ("Password reset", "https://quell.example/reset/abcdef"),
    ],
)
def test_a_sign_up_in_our_name_is_a_draft_that_says_what_it_looks_like(subject: str, text: str) -> None:
    mail = replace(parse(b"From: a@quell.example\r\n\r\n"), subject=subject, text=text)
    kind = classify(mail, own_addresses=(), own_message_domain="mill.example")
    assert (kind.kind, kind.reason) == ("person", "confirmation")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Please confirm delivery of order 4711", "The address label is torn, see https://quell.example/photo1."),
        ("Access panel cracked", "Code 482913 on the label."),
        ("Verify torque of bolts", "At 4000 rpm it fails."),
        ("密码锁失灵", "型号 482913，无法打开。"),
        ("Confirm your email address", "No link and no code in here."),
    ],
)
def test_a_complaint_that_speaks_of_codes_and_addresses_is_none(subject: str, text: str) -> None:
    mail = replace(parse(b"From: a@quell.example\r\n\r\n"), subject=subject, text=text)
    assert classify(mail, own_addresses=(), own_message_domain="mill.example").reason == "person"
