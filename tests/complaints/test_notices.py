"""Notices: who is told, once, in their own words, and what an undo takes back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from complaints import channels, notices, outbox, procedure, workflow
from complaints.complaint import Complaint, find
from complaints.database import transaction
from complaints.notices import Notice
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Actor, User
from tests.builders import MONDAY, a_complaint, a_person

SOON = MONDAY + timedelta(minutes=30)
LATER = SOON + timedelta(seconds=10)
SIGNED = {"en": "Quality signed the receipt", "zh": "品管部已签收"}


def tell(session: Session, complaint: Complaint, *people: Actor, event: str = "registered", **more: Any) -> None:
    values = {"by": SYSTEM, "at": SOON, "today": SOON.date(), "secret": "s" * 40, "domain": "mill.example"} | more
    notices.tell(session, complaint, [person.id or 0 for person in people], event, **values)


def change(session: Session, complaint: Complaint) -> None:
    workflow.touch(session, complaint, at=SOON, seen_version=complaint.version)


def mails(session: Session) -> list[Outgoing]:
    return list(session.scalars(select(Outgoing).order_by(Outgoing.id)))


def said(session: Session, reader: Actor, locale: str = "en") -> list[str]:
    return [each.sentence.in_(lambda message: message, locale) for each in notices.listed(session, reader)]


def test_everybody_is_told_once_in_the_bell_and_by_mail_but_not_who_acts(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, head = a_person(session, "clerk", name="Ada"), a_person(session, "dept_head", locale="zh_CN")
        complaint = a_complaint(session)
        for _ in range(2):
            tell(session, complaint, clerk, head, head, by=clerk)
        assert said(session, head) == ["Ada registered a complaint"]
        assert said(session, clerk) == []
        (mail,) = mails(session)
        assert mail.purpose == f"notice:{complaint.id}:1:registered:{head.id}"
        assert (mail.kind, mail.recipient, mail.locale) == ("notice", session.get_one(User, head.id).email, "zh_CN")
        assert (mail.complaint_id, mail.reply_to, mail.due_at) == (None, "", LATER)
        assert mail.values == {
            "number": complaint.number, "subject": complaint.subject, "what": "%(who)s registered a complaint",
            "told": {"who": "Ada", "event": "registered"},
        }  # fmt: skip


def test_the_next_version_and_another_event_are_told_anew(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        head, complaint = a_person(session, "qa_head"), a_complaint(session)
        tell(session, complaint, head)
        tell(session, complaint, head, event="closed")
        change(session, complaint)
        tell(session, complaint, head)
        assert len(said(session, head)) == len(mails(session)) == 3


def test_who_is_told_may_see_the_complaint_from_then_on(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        member, complaint = a_person(session, "dept"), a_complaint(session)
        tell(session, complaint, member)
        assert find(session, complaint.number, member) is complaint


def test_nobody_who_left_is_told_and_telling_nobody_is_no_fault(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        gone, complaint = a_person(session, "qe"), a_complaint(session)
        session.get_one(User, gone.id).left_at = MONDAY
        session.flush()
        tell(session, complaint, gone)
        tell(session, complaint)
        assert (mails(session), list(session.scalars(select(Notice)))) == ([], [])


def test_a_procedure_s_own_words_are_told_in_the_reader_s_language(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        reader, complaint = a_person(session, "qe", locale="zh_CN"), a_complaint(session)
        tell(session, complaint, reader, event="receipt_signed", values={"name": SIGNED})
        assert said(session, reader) == ["Quality signed the receipt"]
        assert said(session, reader, "zh_CN") == ["品管部已签收"]
        (mail,) = mails(session)
        assert (mail.values["what"], mail.values["told"]["name"]) == ("%(name)s", "品管部已签收")


def test_a_name_in_two_languages_may_be_part_of_the_sentence(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        reader, complaint = a_person(session, "qe"), a_complaint(session)
        stage = {"en": "Plan", "zh": "纠正措施"}
        tell(session, complaint, reader, event="moved", values={"who": "Ada", "stage": stage})
        assert said(session, reader) == ["Ada moved it to Plan"]
        assert said(session, reader, "zh_CN") == ["Ada moved it to 纠正措施"]


def test_an_event_without_words_is_told_by_its_code(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        reader, complaint = a_person(session, "qe"), a_complaint(session)
        tell(session, complaint, reader, event="brand_new")
        assert said(session, reader) == ["Redress: brand_new"]


def test_a_notice_that_lacks_a_value_is_not_written(make: sessionmaker[Session]) -> None:
    with make() as session:
        reader, complaint = a_person(session, "qe"), a_complaint(session)
        with pytest.raises(KeyError):
            tell(session, complaint, reader, event="moved")
        assert (mails(session), said(session, reader)) == ([], [])


def test_an_undo_takes_back_what_was_told_since_and_nothing_older(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        reader, other, complaint = a_person(session, "qe"), a_person(session, "dept"), a_complaint(session)
        tell(session, complaint, reader)
        change(session, complaint)
        tell(session, complaint, reader, other, event="closed")
        notices.take_back(session, complaint, complaint.version, at=SOON)
        assert said(session, reader) == ["Redress registered a complaint"]
        assert (notices.unread(session, reader), notices.unread(session, other)) == (1, 0)
        assert [mail.state for mail in mails(session)] == ["pending", "cancelled", "cancelled"]
        assert len(session.scalars(select(Notice)).all()) == 3


def test_a_mail_taken_back_is_never_sent(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        reader, complaint = a_person(session, "qe"), a_complaint(session)
        tell(session, complaint, reader)
        assert outbox.claim(session, at=LATER - timedelta(seconds=1)) is None
        notices.take_back(session, complaint, complaint.version, at=SOON)
    with transaction(make) as session:
        assert outbox.claim(session, at=LATER + timedelta(days=9)) is None
        assert not outbox.something_due(session, at=LATER + timedelta(days=9))


def test_a_mail_that_a_worker_has_in_hand_goes_out_all_the_same(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        reader, complaint = a_person(session, "qe"), a_complaint(session)
        tell(session, complaint, reader)
        held = outbox.claim(session, at=LATER)
        assert held is not None
        notices.take_back(session, complaint, complaint.version, at=LATER)
        assert outbox.sent(session, held, at=LATER, reply="250 ok")


def test_reading_marks_one_s_own_notices_up_to_an_id_or_of_one_complaint(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        me, other = a_person(session, "qe"), a_person(session, "qe")
        first, second = a_complaint(session), a_complaint(session)
        for complaint in (first, second):
            tell(session, complaint, me, other)
            tell(session, complaint, me, other, event="closed")
        assert (notices.unread(session, me), notices.unread(session, me, first.id)) == (4, 2)
        notices.mark_read(session, me, at=SOON, complaint_id=first.id)
        assert (notices.unread(session, me), notices.unread(session, me, first.id)) == (2, 0)
        newest, before, *_ = notices.listed(session, me)
        notices.mark_read(session, me, at=LATER, upto=before.notice.id)
        assert notices.unread(session, me) == 1
        session.expire_all()
        assert [each.notice.read_at for each in notices.listed(session, me)] == [None, LATER, SOON, SOON]
        assert newest.notice.read_at is None
        assert notices.unread(session, other) == 4


def test_the_list_goes_on_where_a_page_ended(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        me, complaint = a_person(session, "qe"), a_complaint(session)
        for n in range(5):
            tell(session, complaint, me, event=f"event_{n}")
        page = notices.listed(session, me, most=3)
        rest = notices.listed(session, me, before=page[-1].notice.id, most=3)
        assert [each.notice.event for each in (*page, *rest)] == [f"event_{n}" for n in (4, 3, 2, 1, 0)]


def test_the_count_is_bounded_and_comes_from_the_index_of_the_unread(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        me, complaint = a_person(session, "qe"), a_complaint(session)
        common = {"user_id": me.id, "complaint_id": complaint.id, "event": "registered", "values": {}, "at": SOON}
        session.add_all(Notice(version=n, read_at=SOON, **common) for n in range(1000))
        session.add_all(Notice(version=1000 + n, **common) for n in range(notices.COUNTED + 7))
    with make() as session:
        session.execute(text("ANALYZE"))
        assert notices.unread(session, me) == notices.COUNTED
        explain = "EXPLAIN " if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        query = select(Notice.id).where(
            Notice.user_id == me.id, Notice.read_at.is_(None), Notice.taken_back_at.is_(None)
        )
        statement = str(query.compile(session.connection(), compile_kwargs={"literal_binds": True}))
        assert "ix_notice_unread" in "\n".join(str(row) for row in session.execute(text(explain + statement)))


def test_of_what_somebody_wants_no_mail_only_the_bell_tells_them_unless_it_is_always_mailed(
    make: sessionmaker[Session],
) -> None:
    with transaction(make) as session:
        head, complaint = a_person(session, "qa_head"), a_complaint(session)
        channels.choose(session, head, {channels.NOTES})
        tell(session, complaint, head)
        tell(session, complaint, head, event="noted:1")
        tell(
            session,
            complaint,
            head,
            event="0:written:injury",
            values={"name": {"en": "Injury", "zh": "伤害"}},
            always=True,
        )
        assert len(said(session, head)) == 3
        assert [each.purpose.split(":")[3] for each in mails(session)] == ["noted", "0"]


def test_an_injury_and_what_cannot_be_solved_are_mailed_whatever_people_chose() -> None:
    urgent = {notice.on[0] for rules in procedure.newest() for notice in rules.notices if notice.always}
    assert {"class", "filled:injury.serious"} <= urgent
