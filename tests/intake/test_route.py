"""Which way a mail goes, and what our own server's word on its sender is worth."""

from dataclasses import replace

import pytest

from intake.classify import Kind, classify
from intake.mail import Mail
from intake.parse import parse
from intake.route import Hint, JoinComplaint, NoteEvent, OpenComplaint, SetAside, Thread, choose, verdict, writer
from tests.intake.letters import a_mail


def a_message(results: str = "") -> Mail:
    return replace(parse(a_mail()), authentication_results=results)


def person(mail: Mail) -> Kind:
    return classify(mail, own_addresses=(), own_message_domain="mill.example")


@pytest.mark.parametrize(
    ("results", "found"),
    [
        ("", "unverified"),
        ("mx.mill.example; dmarc=pass header.from=quell.example", "verified"),
        ("mx.mill.example; dmarc = fail", "failed"),
        ("mx.mill.example; dmarc=(p=none) fail", "failed"),
        ("mx.mill.example; spf=fail smtp.mailfrom=a@b.example", "failed"),
        ("mx.mill.example; spf=fail; dkim=pass", "unverified"),
        ("elsewhere.example; dmarc=pass", "unverified"),
        ("mx.mill.example; spf=pass smtp.mailfrom=dmarc=pass@evil.example; dmarc=none", "unverified"),
        ('mx.mill.example; spf=pass reason="; dmarc=pass"; dmarc=none', "unverified"),
        ("mx.mill.example; spf=pass (x; dmarc=pass); dmarc=fail", "failed"),
    ],
)
def test_only_the_head_of_a_result_of_our_own_server_counts(results: str, found: str) -> None:
    assert verdict(a_message(results), "mx.mill.example") == found


def test_without_a_configured_server_everybody_is_unverified() -> None:
    assert verdict(a_message("mx.mill.example; dmarc=pass"), "") == "unverified"


def test_whom_we_wrote_to_joins_and_a_stranger_who_cites_it_does_not() -> None:
    mail = a_message()
    assert choose(mail, person(mail), "unverified", [Thread(7, True, "ines@quell.example")]) == JoinComplaint(7)
    strangers = choose(mail, person(mail), "unverified", [Thread(7, True, "other@quell.example")])
    assert strangers == OpenComplaint(Hint(7, "token_of_another"))


def test_citing_ones_own_mail_joins_only_with_a_passed_verdict() -> None:
    mail, theirs = a_message(), [Thread(7, False, "ines@quell.example")]
    assert choose(mail, person(mail), "verified", theirs) == JoinComplaint(7)
    assert choose(mail, person(mail), "unverified", theirs) == OpenComplaint(Hint(7, "cites_earlier"))


def test_a_failed_verdict_never_joins() -> None:
    mail = a_message()
    ours = [Thread(7, True, "ines@quell.example")]
    assert choose(mail, person(mail), "failed", ours) == OpenComplaint(Hint(7, "failed_verdict"))


def test_a_number_in_the_subject_is_a_hint_and_no_authority() -> None:
    mail, hint = a_message(), Hint(7, "number_in_subject")
    assert choose(mail, person(mail), "verified", [], [hint]) == OpenComplaint(hint)


def test_an_answer_to_a_closed_complaint_joins_and_proposes_to_reopen_it() -> None:
    mail, ours = a_message(), [Thread(7, True, "ines@quell.example", standing="closed")]
    assert choose(mail, person(mail), "unverified", ours) == JoinComplaint(7, closed=True)


@pytest.mark.parametrize("standing", ["withdrawn", "not_complaint"])
def test_an_answer_to_a_complaint_off_the_board_is_a_new_draft_that_names_it(standing: str) -> None:
    mail, ours = a_message(), [Thread(7, True, "ines@quell.example", standing=standing)]
    assert choose(mail, person(mail), "unverified", ours) == OpenComplaint(Hint(7, standing))


def test_a_web_form_never_joins_because_anybody_can_fill_in_any_address() -> None:
    mail = replace(a_message(), reply_to="ines@quell.example")
    form = Kind("person", "web_form", False)
    assert writer(mail, form) == ("", "ines@quell.example")
    found = choose(mail, form, "unverified", [Thread(7, True, "ines@quell.example")])
    assert isinstance(found, OpenComplaint)


def test_an_automatic_answer_is_set_aside_and_says_what_it_answers() -> None:
    mail = a_message()
    away = Kind("automatic", "auto_submitted", False)
    assert choose(mail, away, "unverified", [Thread(7, True, "ines@quell.example")]) == SetAside("automatic", 7)


def test_a_bounce_counts_for_the_mail_we_sent_to_that_recipient_only() -> None:
    mail, ours = a_message(), [Thread(7, True, "ines@quell.example")]
    bounce = Kind("bounce", "dsn_failed", False, "ines@quell.example", "5.1.1")
    assert choose(mail, bounce, "unverified", ours) == NoteEvent("bounce", 7)
    forged = replace(bounce, bounce_recipient="other@quell.example")
    assert choose(mail, forged, "unverified", ours) == NoteEvent("bounce", None)
