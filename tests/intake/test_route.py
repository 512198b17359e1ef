"""Which way a mail goes, and what our own server's word on its sender is worth."""

from dataclasses import replace

import pytest

from intake.classify import Kind, classify
from intake.mail import Mail
from intake.parse import parse
from intake.route import JoinComplaint, NoteEvent, OpenComplaint, Thread, choose, verdict
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
    assert choose(mail, person(mail), "unverified", [Thread(7, True, "other@quell.example")]) == OpenComplaint()


def test_citing_ones_own_mail_joins_only_with_a_passed_verdict() -> None:
    mail, theirs = a_message(), [Thread(7, False, "ines@quell.example")]
    assert choose(mail, person(mail), "verified", theirs) == JoinComplaint(7)
    assert choose(mail, person(mail), "unverified", theirs) == OpenComplaint()


def test_a_failed_verdict_never_joins() -> None:
    mail = a_message()
    assert choose(mail, person(mail), "failed", [Thread(7, True, "ines@quell.example")]) == OpenComplaint()


def test_a_bounce_counts_for_the_mail_we_sent_to_that_recipient_only() -> None:
    mail, ours = a_message(), [Thread(7, True, "ines@quell.example")]
    bounce = Kind("bounce", "dsn_failed", False, "ines@quell.example", "5.1.1", ())
    assert choose(mail, bounce, "unverified", ours) == NoteEvent("bounce", 7)
    forged = replace(bounce, bounce_recipient="other@quell.example")
    assert choose(mail, forged, "unverified", ours) == NoteEvent("bounce", None)
