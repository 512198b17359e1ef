"""What a notice shows of a record: in both languages, in the bell and in the mail."""

import email
import email.policy
from pathlib import Path

import pytest
from sqlalchemy import select, update

from complaints import notices
from complaints.database import transaction
from complaints.outbox import Outgoing
from complaints.people import User
from complaints.procedure import procedure
from complaints.settings import Settings
from complaints.words import content
from jobs.letters import make_app, render
from tests.desk import Desk

EN = "You are invited to an analysis meeting (Planned for: Wed 18 Nov 2026, 14:00)"
ZH = "邀请参加分析会议 (计划时间：2026年11月18日 周三 14:00)"


@pytest.mark.requirement("S40")
def test_an_invitation_says_when_the_meeting_is_in_the_bell_and_in_the_mail(desk: Desk, tmp_path: Path) -> None:
    with transaction(desk.make) as session:
        session.execute(update(User).where(User.id == desk["gm"].id).values(locale="zh_CN"))
    number = desk.to_investigation(complaint_class="major")
    desk.write(number, "meeting", "qe", planned_for="2026-11-18T14:00")
    settings = Settings(data=tmp_path, database_url="sqlite://", redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40)
    app = make_app(settings)
    with desk.make() as session:
        for role, locale, says in (("mr", "en", EN), ("gm", "zh_CN", ZH)):
            (newest, *_) = notices.listed(session, desk[role])
            assert newest.sentence.in_(str, locale) == says
            user = session.get_one(User, desk[role].id)
            mail = session.scalars(
                select(Outgoing).where(Outgoing.recipient == user.email).order_by(Outgoing.id.desc()).limit(1)
            ).one()
            letter = email.message_from_bytes(render(app, settings, mail), policy=email.policy.default)
            body = letter.get_body(("plain",))
            assert body is not None
            for text in (letter["subject"], body.get_content()):
                assert says.partition(" (")[2].rstrip(")") in text


def test_what_is_not_filled_in_is_not_told(desk: Desk) -> None:
    number = desk.to_investigation()
    refs = ("meeting.held_on", "first_review.evidence", "finding.text")
    said = content(desk.case(number), refs)
    assert said is not None
    assert (said.en, said.zh) == ("Evidence from the customer: Asked for", "客户证据：已索取")
    assert content(desk.case(number), refs[:1]) is None
    assert content(desk.case(number), ()) is None


def test_of_a_record_with_rows_the_last_is_told_with_all_that_was_chosen(desk: Desk) -> None:
    number = desk.registered()
    desk.contact(number, "evidence_asked")
    desk.contact(number, "progress_told")
    desk.write(number, "form", "sales", request="Find the cause", signs=["media", "loss"])
    said = content(desk.case(number), ("contacts.kind", "contacts.on", "form.signs"))
    assert said is not None
    assert said.en == (
        "Kind: Progress told; When: Mon 16 Nov 2026; "
        "Signs of a major complaint: Media exposure, Insured compensation or direct loss of 1000 yuan or more"
    )
    assert "重大投诉判定：媒体曝光、保价理赔" in said.zh


def test_the_invitation_is_what_shows_the_time() -> None:
    shown = {rule.on: rule.shows for rule in procedure().notices if rule.shows}
    assert {event: shows for on, shows in shown.items() for event in on[:1]} == {
        "written:meeting": ("meeting.planned_for",)
    }
