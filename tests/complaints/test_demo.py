"""The demo: a company that can sign in, and a ledger that could have come about by working in it."""

import json
import multiprocessing
import os
import signal
from collections import Counter as Count
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskCliRunner
from sqlalchemy import Connection, Engine, Insert, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, history, notices, repeats, workflow, worklist
from complaints.blobs import Blobs
from complaints.calendar import WorkingCalendar, mainland_china, parse_within
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT, Complaint, find, open_draft
from complaints.conversation import Entry
from complaints.customers import Contact, Customer
from complaints.database import Base, open_database, sessions, transaction
from complaints.demo import fill as filling
from complaints.demo.company import DOMAIN, PASSWORD, STAFF, NoCompany, company, founded, logins, sign_ins
from complaints.demo.consistency import faults
from complaints.demo.fill import fill
from complaints.demo.journeys import STAGES, Journey
from complaints.demo.moments import EPOCH, MINUTE, Minutes, Promises, minute_of
from complaints.demo.parts import desk
from complaints.demo.scribe import Scribe
from complaints.errors import NotFound
from complaints.history import Change
from complaints.letters import Attachment, Letter, Sighting
from complaints.numbers import Counter
from complaints.outbox import Outgoing
from complaints.people import FRONT_OFFICE, ROLES, SYSTEM, Department, Grant, User, actor_for, user_with_password
from complaints.procedure import RECEIVED, ClockRule, procedure
from complaints.records import Investigation, Record
from complaints.settings import Settings
from complaints.signatures import Signature
from complaints.visits import StageVisit
from complaints.work import Waiting
from intake.parse import parse
from webapp import create_app
from webapp.cli.demo import command
from webapp.database import db

AT = datetime(2026, 11, 18, 7, 20, 30, tzinfo=UTC)  # a Wednesday, 15:20 in Shanghai
CALENDAR = mainland_china()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def make(engine: Engine) -> sessionmaker[Session]:
    """Sessions on a ledger in which the company is founded."""
    maker = sessions(engine)
    with transaction(maker) as session:
        company(session, at=AT, password=PASSWORD)
    return maker


@pytest.fixture
def session(make: sessionmaker[Session]) -> Iterator[Session]:
    with make() as session:
        yield session


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def sixty(engine: Engine, make: sessionmaker[Session], blobs: Blobs) -> None:
    """What `bin/run` shows a newcomer."""
    fill(engine, complaints=60, seed=1, at=AT, blobs=blobs)


@pytest.fixture
def many(engine: Engine, make: sessionmaker[Session], blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three years, in more than one transaction."""
    monkeypatch.setattr(filling, "PART", 1000)
    fill(engine, complaints=2300, seed=2, at=AT, blobs=blobs)


# The company


def test_everybody_can_sign_in_and_every_role_that_moves_a_complaint_is_held(session: Session) -> None:
    staff = session.scalars(select(User)).all()
    assert len(staff) == len(logins()) == 12
    assert user_with_password(session, f"wanqing.su@{DOMAIN}", PASSWORD)
    held = {role for user in staff for role in actor_for(session, user, AT.date()).roles}
    assert held >= {role for stage in procedure().stages for role in stage.moved_in_by} | {"admin", "staff"}
    assert held <= ROLES.keys()
    assert Count(user.locale for user in staff) == {"zh_CN": 7, "en": 5}
    assert [user.name for user in staff if user.superior_id is None] == ["叶建明"]


def test_every_department_has_both_names_and_a_head(session: Session) -> None:
    departments = session.scalars(select(Department)).all()
    assert {"qa", "marketing", "machining", "assembly", "surface_treatment"} <= {d.key for d in departments}
    assert all(d.head_id and d.name_en != d.name_zh for d in departments)


def test_eight_customers_have_contacts_who_write_in_their_language(session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Customer)) == 8
    contacts = session.scalars(select(Contact)).all()
    assert all(contact.customer_id for contact in contacts)
    assert {contact.locale for contact in contacts} == {"en", "zh_CN"}


def test_the_company_is_founded_once(make: sessionmaker[Session]) -> None:
    tables = (User, Grant, Department, Customer, Contact)
    with transaction(make) as session:
        before = [session.scalar(select(func.count()).select_from(table)) for table in tables]
        assert founded(session)
        assert company(session, at=AT, password="another one") == logins()
    with make() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in tables] == before
        assert user_with_password(session, f"jianming.ye@{DOMAIN}", "another one") is None


def test_the_sign_ins_are_told_with_the_password_if_it_is_known() -> None:
    assert len(sign_ins(None)) == 12
    assert sign_ins("secret")[-1] == "Everybody's password: secret"


# A small fill


@pytest.mark.usefixtures("sixty")
def test_sixty_complaints_agree_with_themselves_and_stand_in_every_stage(session: Session) -> None:
    assert faults(session) == []
    stages = dict(session.execute(select(Complaint.stage, func.count()).group_by(Complaint.stage)).all())
    assert set(stages) == set(STAGES) == {stage.key for stage in procedure().stages}
    assert min(stages.values()) >= 5
    assert {c for (c,) in session.execute(select(Complaint.channel).distinct())} >= {"email", "phone"}
    assert len({c for (c,) in session.execute(select(Complaint.customer_id).distinct())}) >= 6


@pytest.mark.usefixtures("sixty")
def test_nothing_lies_in_the_future_or_long_ago(session: Session) -> None:
    assert _latest(session) <= AT
    oldest = session.scalar(select(func.min(Complaint.received_at)))
    assert oldest is not None
    assert oldest >= AT - timedelta(weeks=10, days=4)


@pytest.mark.usefixtures("sixty")
def test_some_drafts_are_in_time_and_some_complaints_are_late(session: Session) -> None:
    running = session.execute(select(Complaint.sort_due_at).where(Complaint.sort_due_at < NO_LIMIT)).scalars().all()
    assert any(due > AT for due in running)
    assert any(due < AT for due in running)
    assert {outcome for (outcome,) in session.execute(select(Clock.outcome).distinct())} == {"met", "late", None}


@pytest.mark.usefixtures("sixty")
def test_a_letter_is_what_its_mail_says(session: Session, blobs: Blobs) -> None:
    letters = session.scalars(select(Letter)).all()
    assert len({letter.raw for letter in letters}) == len(letters) > 40
    for letter in letters:
        mail = parse(blobs.get(letter.raw))
        with_letter = Attachment.letter_id == letter.id
        files = session.scalars(select(Attachment).where(with_letter).order_by(Attachment.position))
        assert (mail.from_address, mail.from_name, mail.subject) == (
            letter.from_address, letter.from_name, letter.subject,
        )  # fmt: skip
        assert (mail.text, mail.html, mail.language) == (letter.text, letter.html, letter.language)
        assert (mail.message_id, list(mail.references), mail.date) == (
            letter.message_id, letter.references, letter.dated,
        )  # fmt: skip
        assert [(f.filename, f.content_type, f.size, f.sha256) for f in mail.attachments] == [
            (f.filename, f.content_type, f.size, f.blob) for f in files
        ]
    assert session.scalar(select(func.count()).select_from(Attachment))


@pytest.mark.usefixtures("sixty")
def test_every_mail_complaint_was_acknowledged_and_shows_it(session: Session) -> None:
    by_mail = session.scalars(select(Complaint).where(Complaint.channel == "email")).all()
    for complaint in by_mail:
        mail = session.scalars(select(Outgoing).where(Outgoing.complaint_id == complaint.id)).one()
        assert (mail.state, mail.purpose) == ("sent", f"ack:complaint:{complaint.id}")
        assert mail.rendered is not None
        assert complaint.number.encode() in mail.rendered
        assert mail.message_id.encode() in mail.rendered
        kinds = session.scalars(
            select(Entry.kind).where(Entry.complaint_id == complaint.id).order_by(Entry.id).limit(2)
        ).all()
        assert kinds == ["letter", "mail"]


@pytest.mark.usefixtures("sixty")
def test_an_answer_cites_our_mail_and_stands_in_its_place_in_the_history(session: Session) -> None:
    answers = session.execute(
        select(Letter, Outgoing.message_id)
        .join(Sighting, Sighting.letter_id == Letter.id)
        .join(Outgoing, Outgoing.complaint_id == Letter.complaint_id)
        .where(Sighting.outcome == "joined")
    ).all()
    assert answers
    for letter, ours in answers:
        assert letter.references == [ours]
        times = session.scalars(
            select(Change.at).where(Change.complaint_id == letter.complaint_id).order_by(Change.id)
        ).all()
        assert times == sorted(times)


@pytest.mark.usefixtures("sixty")
def test_whoever_moved_a_complaint_was_allowed_to(session: Session) -> None:
    roles = {user.id: actor_for(session, user, AT.date()).roles for user in session.scalars(select(User))}
    moved_in_by = {stage.key: set(stage.moved_in_by) for stage in procedure().stages}
    visits = session.execute(select(StageVisit.stage, StageVisit.entered_by_id)).all()
    wrong = [stage for stage, by in visits if moved_in_by[stage] and (by is None or not roles[by] & moved_in_by[stage])]
    assert wrong == []


@pytest.mark.usefixtures("sixty")
def test_work_waits_for_everybody_and_news_for_most(session: Session) -> None:
    people = [actor_for(session, user, AT.date()) for user in session.scalars(select(User))]
    assert [each.name for each in people if not worklist.count(session, each, AT.date())] == []
    assert sum(notices.unread(session, each) > 0 for each in people) >= 6


@pytest.mark.usefixtures("sixty")
def test_in_every_stage_the_complaints_are_at_different_steps(session: Session) -> None:
    """Some are ready to go on, others lack what their next stage asks for, and none a thing of those behind it."""
    open_ones = session.scalars(select(Complaint).where(Complaint.closed_at.is_(None))).all()
    lacking: dict[str, set[tuple[str, ...]]] = {}
    for complaint in open_ones:
        ways = {move.to for move in procedure().onward(complaint.stage)}
        onward = [choice for choice in workflow.allowed(session, complaint, SYSTEM) if choice.stage.key in ways]
        steps = min((tuple(missing.step for missing in choice.missing) for choice in onward), key=len)
        lacking.setdefault(complaint.stage, set()).add(steps)
    assert {stage for stage, steps in lacking.items() if () in steps} == set(STAGES) - {"draft", "closed"}
    assert min(len(steps) for stage, steps in lacking.items() if stage != "draft") >= 3


@pytest.mark.usefixtures("sixty")
def test_the_board_shows_repeats_and_what_is_late(session: Session) -> None:
    shown = session.scalars(select(Complaint)).all()
    assert sum(complaint.repeat_of_count > 0 for complaint in shown) >= 5
    assert 5 <= sum(complaint.sort_due_at < AT for complaint in shown) <= 25
    for complaint in shown:
        if complaint.registered_at is not None:
            assert complaint.repeat_of_count == len(repeats.earlier(session, complaint, SYSTEM))


@pytest.mark.usefixtures("sixty")
def test_the_people_of_a_department_see_the_complaints_that_name_it_and_no_others(session: Session) -> None:
    user = session.scalars(select(User).where(User.email == f"xiaolin.fang@{DOMAIN}")).one()
    fang = actor_for(session, user, AT.date())
    clerk = actor_for(
        session, session.scalars(select(User).where(User.email == f"wanqing.su@{DOMAIN}")).one(), AT.date()
    )
    assert clerk.roles & FRONT_OFFICE
    seen = 0
    for number in session.scalars(select(Complaint.number)).all():
        assert find(session, number, clerk)
        try:
            find(session, number, fang)
            seen += 1
        except NotFound:
            continue
    assert 0 < seen < 40


# Any fill


@pytest.mark.usefixtures("many")
def test_many_complaints_agree_with_themselves_and_one_in_twenty_is_open(session: Session, blobs: Blobs) -> None:
    assert faults(session) == []
    stages = dict(session.execute(select(Complaint.stage, func.count()).group_by(Complaint.stage)).all())
    assert set(stages) == set(STAGES)
    assert stages["closed"] == 2300 - 115
    assert _latest(session) <= AT
    oldest = session.scalar(select(func.min(Complaint.received_at)))
    assert oldest is not None
    assert oldest < AT - timedelta(days=1000)
    rounds = select(Complaint.stage).where(Complaint.round == 2).distinct()
    assert {"action_plan", "closed"} < set(session.scalars(rounds))
    not_ours = select(Record.subject_id).where(Record.sheet == "not_ours")
    ours_not = select(Complaint.stage).join(Investigation, Investigation.id == Complaint.investigation_id)
    assert "closed" in set(session.scalars(ours_not.where(Investigation.id.in_(not_ours))))
    kept = select(func.min(Complaint.closed_at)).where(Complaint.investigation_id.is_not(None))
    assert AT - timedelta(days=31) < (session.scalar(kept) or AT) < AT
    for raw in session.scalars(select(Letter.raw).distinct()):
        assert blobs.get(raw)
    for blob in session.scalars(select(Attachment.blob).distinct()):
        assert blobs.get(blob)


@pytest.mark.usefixtures("many")
def test_acknowledgements_of_a_large_fill_do_not_hold_back_those_that_live_mails_are_owed(session: Session) -> None:
    latest = session.scalar(select(func.max(Outgoing.created_at)))
    assert latest is not None
    assert latest < AT - timedelta(hours=1)


@pytest.mark.usefixtures("sixty", "many")
def test_every_receipt_is_what_the_calendar_says(session: Session) -> None:
    within = {rule.key: rule.within for rule in procedure().clocks}
    for clock in session.scalars(select(Clock)):
        due = CALENDAR.add(clock.started_at, within[clock.key])
        assert (clock.due_at, clock.receipt) == (due.at, due.receipt)


@pytest.mark.usefixtures("sixty")
def test_numbers_go_on_with_the_next_fill_and_with_live_work(
    engine: Engine, make: sessionmaker[Session], blobs: Blobs
) -> None:
    fill(engine, complaints=30, seed=1, at=AT, blobs=blobs)
    with transaction(make) as session:
        assert faults(session) == []
        assert session.scalar(select(func.count()).select_from(Complaint)) == 90
        draft = open_draft(
            session, by=SYSTEM, at=AT, received_at=AT, channel="email", calendar=CALENDAR, fields={"subject": "live"}
        )
        assert draft.number == "C-2026-0091"
        assert len(clocks.of(session, "complaint", draft.id)) == len(procedure().clocks_from(RECEIVED))
    with make() as session:
        assert faults(session) == []


def test_the_same_seed_tells_the_same_stories(sqlite_template: Path, tmp_path: Path) -> None:
    told = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        path = tmp_path / f"{name}.sqlite3"
        path.write_bytes(sqlite_template.read_bytes())
        engine = open_database(f"sqlite:///{path}")
        with transaction(sessions(engine)) as session:
            company(session, at=AT, password=PASSWORD)
        fill(engine, complaints=40, seed=seed, at=AT, blobs=Blobs(tmp_path / name))
        with engine.connect() as connection:
            told.append([connection.execute(select(model.__table__)).all() for model in filling.COLUMNS])
        engine.dispose()
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_parts_made_in_another_process_are_the_same(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when somebody else is given numbers between two of them, and a part has to be made anew."""
    told = []
    monkeypatch.setattr(filling, "PART", 100)
    monkeypatch.setattr(history.secrets, "token_hex", lambda size: "00" * size)  # the salt of live work
    for beside in (True, False):
        path = tmp_path / f"{beside}.sqlite3"
        path.write_bytes(sqlite_template.read_bytes())
        engine = open_database(f"sqlite:///{path}")
        maker = sessions(engine)
        with transaction(maker) as session:
            company(session, at=AT, password=PASSWORD)
        monkeypatch.setattr(filling, "desk", lambda maker, beside, here=beside: desk(maker, beside=here))
        fill(
            engine, complaints=350, seed=7, at=AT, blobs=Blobs(tmp_path / str(beside)), progress=partial(_draft, maker)
        )
        with engine.connect() as connection:
            told.append([connection.execute(select(model.__table__)).all() for model in filling.COLUMNS])
        engine.dispose()
    assert told[0] == told[1]


def _draft(make: sessionmaker[Session], _done: int) -> None:
    with transaction(make) as session:
        open_draft(
            session, by=SYSTEM, at=AT, received_at=AT, channel="phone", calendar=CALENDAR, fields={"subject": "live"}
        )


def test_live_work_goes_on_between_the_parts(
    engine: Engine, make: sessionmaker[Session], blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PART", 100)
    parts: list[int] = []

    def meanwhile(done: int) -> None:
        parts.append(done)
        _draft(make, done)

    fill(engine, complaints=350, seed=1, at=AT, blobs=blobs, progress=meanwhile)
    assert len(parts) > 3
    assert parts[-1] == 350
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 350 + len(parts)
        assert faults(session) == []
        assert history.verify(session).broken is None


def test_a_fill_that_is_killed_leaves_whole_complaints_only(
    engine: Engine, make: sessionmaker[Session], blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PART", 20)
    put, calls = filling._put, Count[str]()

    def dying(connection: Connection, model: type[Base], file: Path) -> None:
        calls[model.__name__] += 1
        if calls["Clock"] == 3:
            raise KeyboardInterrupt
        put(connection, model, file)

    monkeypatch.setattr(filling, "_put", dying)
    with pytest.raises(KeyboardInterrupt):
        fill(engine, complaints=100, seed=1, at=AT, blobs=blobs)
    assert multiprocessing.active_children() == []
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 40
        assert faults(session) == []
        assert history.verify(session).broken is None


@pytest.mark.parametrize(
    ("doing", "told"),
    [(lambda: os.kill(os.getpid(), signal.SIGKILL), "has died"), (lambda: open("/no/where"), "No such file")],  # noqa: SIM115
    ids=["dies", "fails"],
)
def test_a_fill_whose_other_process_ends_says_so_and_leaves_whole_complaints_only(
    doing: Callable[[], object], told: str, engine: Engine, make: sessionmaker[Session], blobs: Blobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(filling, "PART", 20)
    write = Scribe.write

    def ending(self: Scribe, journeys: Sequence[Journey], last: Mapping[str, int]) -> object:
        if last["complaint"] == 40:
            doing()
        return write(self, journeys, last)

    monkeypatch.setattr(Scribe, "write", ending)
    with pytest.raises(OSError, match=told):
        fill(engine, complaints=100, seed=1, at=AT, blobs=blobs)
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 40
        assert faults(session) == []


def test_without_the_company_there_is_nothing_to_fill(engine: Engine, blobs: Blobs) -> None:
    with pytest.raises(NoCompany, match="flask demo company"):
        fill(engine, complaints=1, seed=1, at=AT, blobs=blobs)


@pytest.mark.parametrize("at", [AT, datetime(2026, 2, 18, 2, tzinfo=UTC), datetime(2026, 11, 22, 4, tzinfo=UTC)])
@pytest.mark.parametrize("complaints", [1, 7])
def test_a_handful_at_any_time_is_consistent(
    engine: Engine, make: sessionmaker[Session], blobs: Blobs, at: datetime, complaints: int
) -> None:
    """Also in the holidays of the Spring Festival and on a Sunday."""
    fill(engine, complaints=complaints, seed=3, at=at, blobs=blobs)
    with make() as session:
        assert faults(session) == []
        assert session.scalar(select(func.count()).select_from(Complaint)) == complaints
        assert _latest(session) <= at


def _latest(session: Session) -> datetime:
    """The latest thing that is said to have happened."""
    columns = (
        Complaint.changed_at, Complaint.received_at, Letter.received_at, Letter.dated, Outgoing.sent_at,
        Sighting.seen_at, Entry.at, Change.at, StageVisit.entered_at, Clock.stopped_at,
    )  # fmt: skip
    latest: list[datetime | None] = [session.scalar(select(func.max(column))) for column in columns]
    return max(at for at in latest if at is not None)


# Promises by the thousand


@pytest.mark.parametrize(
    "limit", ["1 working hour", "8 working hours", "3 working days", "24 hours", "15 days", "2 months"]
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin"])
def test_an_answer_for_one_day_serves_every_day_of_its_kind(limit: str, zone: str) -> None:
    """The year has the Spring Festival, make-up days and, in Berlin, two changes of the clocks."""
    calendar: WorkingCalendar = mainland_china(zone=zone)
    rule = ClockRule("any", procedure().name, RECEIVED, ("entered:registered",), parse_within(limit), "clerk")
    first = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = Minutes(calendar, first, first + timedelta(days=365))
    promises = Promises(minutes, [rule])
    for n in range(0, 365 * 24 * 60, 613):
        minute = minute_of(first) + n // 30 * 30
        at = EPOCH + minute * MINUTE
        due = calendar.add(at, rule.within)
        [(due_minute, receipt)] = promises.at(minute, minutes.day(minute))
        assert (EPOCH + due_minute * MINUTE, receipt) == (due.at, json.dumps(due.receipt)), at


def test_open_minutes_are_those_of_the_calendar() -> None:
    first, last = datetime(2026, 9, 20, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
    minutes = Minutes(CALENDAR, first, last)
    span = range(minute_of(first), minute_of(last))
    assert minutes.open == [minute for minute in span if CALENDAR.is_open(EPOCH + minute * MINUTE)]


# The check finds what it is for


def _forged(**changed: object) -> Insert:
    """A signature beside each receipt, with something changed. Those that are there, nobody can change."""
    columns = [column for column in Signature.__table__.columns if column.name != "id"]
    values = [
        literal(changed[column.name]).label(column.name) if column.name in changed else column for column in columns
    ]
    return insert(Signature).from_select(columns, select(*values).where(Signature.key == "receipt"))


DAMAGE = {
    "open visit": update(StageVisit).where(StageVisit.id == 3).values(left_at=None),
    "visits and moves": delete(StageVisit).where(StageVisit.id == 2),
    "another stage": update(Complaint).where(Complaint.id == 60).values(stage="closed"),
    "next due": update(Complaint).where(Complaint.id == 1).values(sort_due_at=AT),
    "gaps": update(Complaint).where(Complaint.register_serial == 5).values(register_serial=500),
    "counter complaint:2026": update(Counter).where(Counter.name == "complaint:2026").values(value=59),
    "outcome": update(Clock).where(Clock.outcome == "met").values(outcome="late"),
    "attachments": update(Complaint).values(attachment_count=9),
    "sighting": delete(Sighting),
    "is in round": update(StageVisit).where(StageVisit.id == 2).values(round=2),
    "other work waits": delete(Waiting).where(Waiting.role == "qe"),
    "nothing waits before the end": delete(Waiting),
    "over something else": _forged(digest="0" * 64),
    "without the role": _forged(role="legal"),
    "over own work": _forged(key="form_issued", user_id=5),  # who approved the form of most
    "lacks what let it in": update(Signature).where(Signature.key == "receipt").values(voided_at=AT),
    "F numbers": delete(Record).where(Record.sheet == "form"),
}


@pytest.mark.usefixtures("sixty")
def test_damage_is_found(session: Session) -> None:
    for found, damage in DAMAGE.items():
        session.execute(damage, execution_options={"synchronize_session": False})
        assert found in "\n".join(faults(session))
        session.rollback()
    assert faults(session) == []


# What a person types


@pytest.fixture
def runner(database_url: str, tmp_path: Path) -> Iterator[FlaskCliRunner]:
    chosen = Settings(
        data=tmp_path, database_url=database_url, redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40,
        mail_from="complaints@tarrowmill.example",
    )  # fmt: skip
    app = create_app(chosen, {"RATELIMIT_ENABLED": False})
    yield app.test_cli_runner()
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_one_command_makes_a_company_with_complaints(runner: FlaskCliRunner, engine: Engine) -> None:
    filled = runner.invoke(args=["demo", "fill", "--complaints", "12", "--seed", "4"])
    assert filled.exit_code == 0
    assert "Added 12 complaints" in filled.output
    assert "a second" in filled.output
    asked = runner.invoke(args=["demo", "company"])
    assert asked.exit_code == 0
    assert all(f"{one.user}@{DOMAIN}" in asked.output for one in STAFF)
    assert "password:" not in asked.output
    with sessions(engine)() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 12
        assert faults(session) == []


def test_a_ledger_with_accounts_of_its_own_gets_no_staff_with_a_known_password(
    runner: FlaskCliRunner, engine: Engine
) -> None:
    with transaction(sessions(engine)) as session:
        session.add(User(email="boss@mill.example", name="Boss", locale="en"))
    for name in ("company", "fill"):
        refused = runner.invoke(args=["demo", name])
        assert refused.exit_code == 2
        assert "--password" in refused.output
    assert runner.invoke(args=["demo", "company", "--password", "short"]).exit_code == 2
    with sessions(engine)() as session:
        assert not founded(session)
    assert runner.invoke(args=["demo", "company", "--password", "long enough"]).exit_code == 0
    with sessions(engine)() as session:
        assert user_with_password(session, f"helen.marsh@{DOMAIN}", "long enough")


def test_wrong_use_is_told() -> None:
    for words in (["--complaints", "0"], ["--seed", "x"]):
        assert CliRunner().invoke(command, ["fill", *words]).exit_code == 2
