"""Who wrote a mail: a person, or one of many kinds of machine."""

from __future__ import annotations

import pytest

from intake.classify import Kind, classify
from intake.parse import parse
from tests.intake.mails import a_bounce, a_mail, a_part, in_a_mail, multipart


def kind_of(raw: bytes) -> Kind:
    return classify(parse(raw), own_addresses=["Support@redress.test"], own_message_domain="redress.test")


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


@pytest.mark.parametrize("precedence", ["bulk", "junk"])
def test_bulk_mail_says_so(precedence: str) -> None:
    kind = kind_of(a_mail(precedence=precedence))
    assert (kind.kind, kind.reason) == ("bulk", f"precedence_{precedence}")


def test_a_bounce_names_the_address_the_status_and_the_mail_that_failed() -> None:
    kind = kind_of(a_bounce())
    assert (kind.kind, kind.reason) == ("bounce", "dsn_failed")
    assert (kind.bounce_recipient, kind.bounce_status) == ("grace@example.net", "5.1.1")
    assert kind.cited_message_ids == ("ours-1@redress.test",)


def test_a_delay_is_a_bounce_of_another_status_and_a_delivery_is_a_receipt() -> None:
    delayed = kind_of(a_bounce(action="delayed", status="4.4.1"))
    assert (delayed.kind, delayed.reason, delayed.bounce_status) == ("bounce", "dsn_delayed", "4.4.1")
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


def test_other_reports_are_automatic() -> None:
    assert kind_of(a_report("feedback-report", "Feedback-Type: abuse\r\n")).kind == "automatic"


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
