"""While somebody is away, their deputy hears of what waits for them to be done."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from complaints import absences, notices, procedure
from complaints.database import transaction
from complaints.outbox import Outgoing
from complaints.people import User
from tests.builders import MONDAY
from tests.desk import Desk, english

TO_SIGN = "A handling form waits for receipt"


def away(desk: Desk, who: str, deputy: str) -> None:
    first = MONDAY.date()
    with transaction(desk.make) as session:
        absences.enter(
            session, desk[who].id, first, first + timedelta(days=9), desk[deputy].id, by=desk[who], at=MONDAY,
            today=first,
        )  # fmt: skip


def heard(desk: Desk, role: str) -> list[str]:
    with desk.make() as session:
        return [english(each.sentence) for each in notices.listed(session, desk[role])]


def mailed(desk: Desk, role: str) -> list[str]:
    with desk.make() as session:
        address = session.scalars(select(User.email).where(User.id == desk[role].id)).one()
        mails = session.scalars(select(Outgoing).where(Outgoing.recipient == address))
        return [mail.values["told"]["name"] for mail in mails]


def to_the_receipt(desk: Desk) -> str:
    """A form that waits for the receipt of the head of QA."""
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "clerk")
    desk.sign(number, "form_issued", "clerk")
    desk.sign(number, "form_approved", "mkt_sup")
    return number


def test_what_is_to_be_signed_reaches_the_deputy_as_well_by_bell_and_mail(desk: Desk) -> None:
    away(desk, "qa_head", "qa_mgr")
    away(desk, "qa_mgr", "staff")
    to_the_receipt(desk)
    assert TO_SIGN in heard(desk, "qa_head")
    assert heard(desk, "staff") == mailed(desk, "staff") == [f"{TO_SIGN}, for {desk['qa_head'].name}"]


def test_what_only_tells_that_something_happened_waits_until_they_are_back(desk: Desk) -> None:
    away(desk, "mkt_vp", "staff")
    desk.registered()
    assert heard(desk, "mkt_vp") == ["A complaint was registered"]
    assert heard(desk, "staff") == []


def test_who_is_back_is_stood_in_for_no_more(desk: Desk) -> None:
    desk.at += timedelta(days=10)
    away(desk, "qa_head", "staff")
    to_the_receipt(desk)
    assert heard(desk, "staff") == []


def test_of_a_confidential_complaint_a_deputy_hears_who_may_see_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = replace(procedure.procedure(), confidential=True)
    monkeypatch.setattr(procedure, "_known", {**procedure._known, (rules.key, rules.version): rules})
    away(desk, "qa_head", "staff")
    to_the_receipt(desk)
    assert TO_SIGN in heard(desk, "qa_head")
    assert (heard(desk, "staff"), mailed(desk, "staff")) == ([], [])
