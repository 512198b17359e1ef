"""What is an incident and what is none: thresholds, edges, clocks that jump; who is told, and how often."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import incidents
from complaints.acknowledgement import IN_ALL
from complaints.acknowledgement import KIND as ACKNOWLEDGEMENT
from complaints.database import open_database, sessions, transaction
from complaints.incidents import Incident
from complaints.letters import Sighting
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing
from complaints.people import Actor, Grant, User
from tests.builders import MONDAY, a_person


@dataclass
class Watch:
    """The ledger, and a clock that a test moves."""

    make: sessionmaker[Session]
    now: datetime = MONDAY

    def after(self, **length: float) -> tuple[list[str], list[str]]:
        """Let time go by and check: the kinds that were opened, and those that were closed."""
        self.now += timedelta(**length)
        with transaction(self.make) as session:
            found = incidents.check(session, at=self.now, today=self.now.date(), secret="s" * 32, domain="mill.example")
        return [row.kind for row in found.opened], [row.kind for row in found.closed]

    def add(self, *rows: Mailbox | Sighting | Outgoing) -> None:
        with transaction(self.make) as session:
            session.add_all(rows)

    def set(self, model: type, **values: Any) -> None:
        with transaction(self.make) as session:
            session.execute(update(model).values(**values))

    @property
    def incidents(self) -> list[Incident]:
        with self.make() as session:
            return list(session.scalars(select(Incident).order_by(Incident.id)))

    @property
    def told(self) -> list[str]:
        """Who is owed a mail, in order."""
        with self.make() as session:
            mails = select(Outgoing.recipient).where(Outgoing.kind == "alarm").order_by(Outgoing.id)
            return list(session.scalars(mails))


@pytest.fixture
def watch(database_url: str) -> Iterator[Watch]:
    engine = open_database(database_url)
    yield Watch(sessions(engine))
    engine.dispose()


def a_mailbox(name: str = "complaints@mill.example", **changes: Any) -> Mailbox:
    return Mailbox(**{"name": name, "looked_at": MONDAY} | changes)


def a_sighting(outcome: str, at: datetime = MONDAY) -> Sighting:
    return Sighting(size=1000, received_at=at, seen_at=at, outcome=outcome, values={})


def a_mail(n: int = 0, *, kind: str = ACKNOWLEDGEMENT, at: datetime = MONDAY, **changes: Any) -> Outgoing:
    values = {
        "purpose": f"{kind}:{n}", "kind": kind, "recipient": "ines@quell.example", "domain": "quell.example",
        "locale": "en", "message_id": f"{kind}.{n}@mill.example", "references": [], "values": {}, "created_at": at,
        "due_at": at,
    }  # fmt: skip
    return Outgoing(**values | changes)


# What opens and closes


def test_a_mailbox_is_silent_after_ten_minutes_and_speaks_again_at_the_next_look(watch: Watch) -> None:
    watch.add(a_mailbox(fault="login as complaints refused", fault_since=MONDAY + timedelta(minutes=1), waiting=3))
    assert watch.after(minutes=10) == ([], [])
    assert watch.after(seconds=1) == (["mailbox_silent"], [])
    (incident,) = watch.incidents
    assert incident.subject == "complaints@mill.example"
    assert incident.values == {
        "since": "2026-11-16T01:00:00+00:00", "mailbox": "complaints@mill.example",
        "fault": "login as complaints refused", "waiting": 3,
    }  # fmt: skip
    watch.set(Mailbox, looked_at=watch.now, fault=None, fault_since=None)
    assert watch.after(minutes=1) == ([], ["mailbox_silent"])
    assert watch.incidents[0].closed_at == watch.now


def test_it_is_one_incident_however_long_it_lasts_and_another_the_next_time(watch: Watch) -> None:
    watch.add(a_mailbox())
    assert watch.after(minutes=11) == (["mailbox_silent"], [])
    for _ in range(50):
        assert watch.after(minutes=1) == ([], [])
    watch.set(Mailbox, looked_at=watch.now)
    assert watch.after(minutes=1) == ([], ["mailbox_silent"])
    assert watch.after(minutes=11) == (["mailbox_silent"], [])
    assert len(watch.incidents) == 2


def test_an_open_incident_says_how_it_is_now_and_keeps_since_when(watch: Watch) -> None:
    watch.add(a_mailbox())
    watch.after(minutes=11)
    watch.set(Mailbox, fault="mail.mill.example:993: timed out\r\n", waiting=7)
    watch.after(minutes=1)
    (incident,) = watch.incidents
    assert (incident.values["fault"], incident.values["waiting"]) == ("mail.mill.example:993: timed out", 7)
    assert incident.values["since"] == "2026-11-16T01:00:00+00:00"


def test_each_silent_mailbox_is_an_incident_of_its_own(watch: Watch) -> None:
    watch.add(a_mailbox("a"), a_mailbox("b"), a_mailbox("c", looked_at=MONDAY + timedelta(minutes=5)))
    assert watch.after(minutes=11) == (["mailbox_silent"] * 2, [])
    assert [row.subject for row in watch.incidents] == ["a", "b"]


@pytest.mark.parametrize("resting", [{"paused_at": MONDAY}, {"active": False}], ids=["paused", "not configured"])
def test_a_mailbox_that_is_not_to_be_read_is_never_silent(watch: Watch, resting: dict[str, Any]) -> None:
    watch.add(a_mailbox(**resting))
    assert watch.after(hours=1) == ([], [])


def test_pausing_a_silent_mailbox_ends_its_incident(watch: Watch) -> None:
    watch.add(a_mailbox())
    watch.after(minutes=11)
    watch.set(Mailbox, paused_at=watch.now)
    assert watch.after(minutes=1) == ([], ["mailbox_silent"])


def test_a_mailbox_that_was_never_read_is_silent_ten_minutes_after_we_first_met_it(watch: Watch) -> None:
    watch.after(days=3)
    watch.add(a_mailbox(looked_at=None))
    assert watch.after(minutes=1) == ([], [])
    assert watch.after(minutes=10) == ([], [])
    assert watch.after(minutes=1) == (["mailbox_silent"], [])


def test_a_mailbox_that_never_let_us_in_is_silent_since_its_fault_began(watch: Watch) -> None:
    watch.add(a_mailbox(looked_at=None, fault="login refused", fault_since=MONDAY))
    assert watch.after(minutes=11) == (["mailbox_silent"], [])
    assert watch.incidents[0].values["since"] == "2026-11-16T01:00:00+00:00"


def test_a_mailbox_that_is_read_with_a_fault_for_ten_minutes_is_an_incident_too(watch: Watch) -> None:
    watch.add(a_mailbox(fault="taken messages could not be moved away: quota", fault_since=MONDAY))
    watch.set(Mailbox, looked_at=MONDAY + timedelta(minutes=11))
    assert watch.after(minutes=11) == (["mailbox_fault"], [])
    watch.set(Mailbox, looked_at=MONDAY + timedelta(minutes=12), fault=None, fault_since=None)
    assert watch.after(minutes=1) == ([], ["mailbox_fault"])


def test_a_token_that_the_provider_refuses_is_one_incident_and_not_a_silent_mailbox_besides(watch: Watch) -> None:
    refused = {"provider": "other", "refused": "invalid_grant", "refused_at": MONDAY.isoformat()}
    watch.add(a_mailbox(auth="xoauth2", oauth=refused, fault="no token", fault_since=MONDAY))
    assert watch.after(minutes=11) == (["mailbox_token"], [])
    assert watch.incidents[0].values["fault"] == "invalid_grant"
    assert watch.after(minutes=30) == ([], [])
    watch.set(Mailbox, oauth={"provider": "other"}, looked_at=watch.now, fault=None, fault_since=None)
    assert watch.after(minutes=1) == ([], ["mailbox_token"])


def test_a_mailbox_that_was_made_anew_is_told_once_and_forgotten_after_a_day(watch: Watch) -> None:
    watch.add(a_mailbox(looked_at=MONDAY + timedelta(days=3), renumbered_at=MONDAY))
    assert watch.after(minutes=1) == (["mailbox_renumbered"], [])
    assert watch.after(minutes=60) == ([], [])
    assert watch.after(minutes=24 * 60) == ([], ["mailbox_renumbered"])


def test_five_quarantined_messages_in_an_hour_are_growth_and_the_last_to_be_decided_ends_it(watch: Watch) -> None:
    watch.add(*[a_sighting("quarantined") for _ in range(4)])
    watch.add(a_sighting("quarantined", MONDAY - timedelta(hours=2)))
    assert watch.after(minutes=1) == ([], [])
    watch.add(a_sighting("quarantined"))
    assert watch.after(minutes=1) == (["quarantine_growing"], [])
    assert watch.incidents[0].values["waiting"] == 5
    with transaction(watch.make) as session:
        some = select(Sighting.id).order_by(Sighting.id).limit(3)
        session.execute(update(Sighting).where(Sighting.id.in_(some)).values(outcome="drafted"))
    assert watch.after(minutes=1) == ([], [])  # fewer than five, but not over
    watch.set(Sighting, outcome="drafted")
    assert watch.after(minutes=1) == ([], ["quarantine_growing"])


def test_quarantine_that_does_not_grow_is_no_incident_for_ever(watch: Watch) -> None:
    watch.add(*[a_sighting("quarantined") for _ in range(5)])
    assert watch.after(minutes=1) == (["quarantine_growing"], [])
    assert watch.after(hours=1) == ([], ["quarantine_growing"])


def test_a_mail_that_is_due_for_a_quarter_of_an_hour_is_stuck(watch: Watch) -> None:
    watch.add(a_mail())
    assert watch.after(minutes=15) == ([], [])
    assert watch.after(minutes=1) == (["outbox_stuck"], [])
    watch.set(Outgoing, state="sent", sent_at=watch.now)
    assert watch.after(minutes=1) == ([], ["outbox_stuck"])


def test_a_mail_that_is_put_off_again_and_again_is_stuck_although_it_is_due_later(watch: Watch) -> None:
    watch.add(a_mail(attempts=3, due_at=MONDAY + timedelta(hours=2), error="ConnectionRefusedError"))
    assert watch.after(minutes=16) == (["outbox_stuck"], [])
    assert watch.incidents[0].values["fault"] == "ConnectionRefusedError"


def test_a_mail_that_is_planned_for_later_is_not_stuck(watch: Watch) -> None:
    watch.add(a_mail(due_at=MONDAY + timedelta(hours=2)))
    assert watch.after(hours=1) == ([], [])


@pytest.mark.parametrize("state", ["failed", "uncertain"])
def test_a_mail_that_was_given_up_is_told_for_an_hour(watch: Watch, state: str) -> None:
    watch.add(a_mail(state=state, attempts=1, error="550 no"))
    assert watch.after(minutes=1) == (["outbox_stuck"], [])
    assert watch.after(hours=1) == ([], ["outbox_stuck"])


def test_a_message_that_is_not_understood_for_a_quarter_of_an_hour_is_an_incident(watch: Watch) -> None:
    watch.add(a_sighting("waiting"), a_sighting("waiting", MONDAY + timedelta(minutes=14)))
    assert watch.after(minutes=16) == (["messages_waiting"], [])
    assert watch.incidents[0].values["waiting"] == 1
    watch.set(Sighting, outcome="drafted")
    assert watch.after(minutes=1) == ([], ["messages_waiting"])


def test_the_limit_on_all_acknowledgements_is_an_incident_until_half_of_it_is_free(watch: Watch) -> None:
    earlier = MONDAY - timedelta(minutes=50)
    early = [a_mail(n, state="sent", at=earlier) for n in range(200)]
    watch.add(*early, *[a_mail(n, state="sent") for n in range(200, IN_ALL - 1)])
    assert watch.after(minutes=1) == ([], [])
    watch.add(a_mail(IN_ALL, state="sent"))
    assert watch.after(minutes=1) == (["acknowledgements_capped"], [])
    assert watch.after(minutes=10) == ([], [])  # 400 are left: the flood may go on
    assert watch.after(minutes=50) == ([], ["acknowledgements_capped"])


def test_a_kind_that_is_watched_no_more_is_closed(watch: Watch) -> None:
    with transaction(watch.make) as session:
        session.add(Incident(kind="forgotten", subject="", values={}, opened_at=MONDAY))
    assert watch.after(minutes=1) == ([], ["forgotten"])


# Clocks that jump


def test_a_clock_that_is_set_back_opens_nothing_and_finds_no_negative_age(watch: Watch) -> None:
    watch.add(a_mailbox(fault="timed out", fault_since=MONDAY), a_sighting("waiting"), a_mail())
    assert watch.after(hours=-3) == ([], [])


def test_an_incident_from_the_future_closes_and_what_is_wrong_now_opens_anew(watch: Watch) -> None:
    watch.add(a_mailbox(), a_sighting("waiting", MONDAY + timedelta(days=1)))
    assert watch.after(days=2) == (["mailbox_silent", "messages_waiting"], [])
    opened, closed = watch.after(days=-2, minutes=30)
    assert (opened, sorted(closed)) == (["mailbox_silent"], ["mailbox_silent", "messages_waiting"])
    assert [row.subject for row in watch.incidents if row.closed_at is None] == ["complaints@mill.example"]


def test_a_second_scheduler_whose_clock_is_a_little_slow_does_not_open_it_again(watch: Watch) -> None:
    watch.add(a_mailbox())
    watch.after(minutes=11)
    assert watch.after(seconds=-30) == ([], [])


# Who is told


@pytest.fixture
def admin(watch: Watch) -> Actor:
    with transaction(watch.make) as session:
        return a_person(session, "admin")


def test_every_administrator_is_told_once_and_nobody_else(watch: Watch) -> None:
    with transaction(watch.make) as session:
        for roles in (["admin"], ["admin", "clerk"], ["clerk"], ["mr"]):
            a_person(session, *roles)
    watch.add(a_mailbox())
    watch.after(minutes=11)
    for _ in range(5):
        watch.after(minutes=1)
    assert watch.told == ["person1@mill.example", "person2@mill.example"]


def test_the_mail_leads_to_a_page_that_its_reader_may_open(watch: Watch) -> None:
    with transaction(watch.make) as session:
        for roles in (["admin"], ["admin", "clerk"]):
            a_person(session, *roles)
    for _ in range(5):
        watch.add(a_sighting("quarantined"))
    watch.after(minutes=1)
    with watch.make() as session:
        mails = session.execute(select(Outgoing.recipient, Outgoing.values)).all()
    assert {recipient: values["place"] for recipient, values in mails} == {
        "person1@mill.example": "/",
        "person2@mill.example": "/inbox",
    }


def test_where_nobody_is_administrator_the_heads_of_quality_are_told(watch: Watch) -> None:
    with transaction(watch.make) as session:
        for role in ("clerk", "mr", "qa_mgr"):
            a_person(session, role)
        left = a_person(session, "admin")
        was = a_person(session, "admin")
        session.execute(update(User).where(User.id == left.id).values(left_at=MONDAY))
        session.execute(update(Grant).where(Grant.user_id == was.id).values(until=date(2026, 11, 15)))
    watch.add(a_mailbox())
    watch.after(minutes=11)
    assert watch.told == ["person2@mill.example", "person3@mill.example"]


def test_where_nobody_could_be_told_it_is_an_incident_all_the_same(watch: Watch) -> None:
    watch.add(a_mailbox())
    assert watch.after(minutes=11) == (["mailbox_silent"], [])
    assert watch.told == []


def test_nobody_is_told_that_it_is_over(watch: Watch, admin: Actor) -> None:
    watch.add(a_mailbox())
    watch.after(minutes=11)
    watch.set(Mailbox, looked_at=watch.now)
    watch.after(minutes=1)
    assert len(watch.told) == 1


def test_a_person_gets_twenty_mails_a_day_at_most_and_the_page_tells_the_rest(watch: Watch, admin: Actor) -> None:
    watch.add(*[a_mailbox(f"box {n}") for n in range(30)])
    watch.after(minutes=11)
    assert (len(watch.incidents), len(watch.told)) == (30, 20)
    watch.set(Mailbox, looked_at=watch.now)
    watch.after(minutes=1)
    watch.after(days=1)
    assert len(watch.told) == 40
