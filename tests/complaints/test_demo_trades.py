"""Demo companies of other trades: their stories are played through the engine, once, and stand where they should."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from complaints import procedure, procedure_store
from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import open_database
from complaints.demo import player, trades
from complaints.demo.consistency import faults
from complaints.history import Change
from complaints.letters import Letter
from complaints.outbox import Outgoing
from complaints.people import Grant, User, user_with_password
from complaints.procedure import offered
from complaints.settings import Settings
from tests.conftest import on_sqlite
from webapp import prepare

AT = datetime(2026, 11, 18, 7, 20, 30, tzinfo=UTC)  # a Wednesday, 15:20 in Shanghai
every_trade = pytest.mark.parametrize("key", trades.known())


@pytest.fixture
def engine(database_url: str) -> Engine:
    return open_database(database_url)


def play(engine: Engine, key: str, folder: Path, *, only: int | None = None, at: datetime = AT) -> None:
    player.play(engine, trades.read(key), at=at, blobs=Blobs(folder / "blobs"), password="a long password", only=only)


@every_trade
def test_every_complaint_stands_where_its_story_says_and_the_ledger_is_consistent(
    engine: Engine, key: str, tmp_path: Path
) -> None:
    trade = trades.read(key)
    play(engine, key, tmp_path)
    with Session(engine) as session:
        letters = select(Letter.message_id, Complaint.stage).join(Complaint, Complaint.id == Letter.complaint_id)
        stands = {each.message_id: each.stage for each in session.execute(letters)}
        rules = procedure.procedure(trade.procedure)
        assert stands == {
            story.message_id: story.through[-1] if story.through else rules.first.key for story in trade.stories
        }
        assert {stage.key for stage in rules.stages} <= {*stands.values()}, "every stage has one"
        assert {outcome.key for outcome in rules.outcomes} & {*stands.values()}, "one left the board"
        late = select(func.count()).where(Complaint.closed_at.is_(None), Complaint.sort_due_at < AT)
        promises = any(not clock.target for clock in rules.clocks)
        assert not promises or (session.scalar(late) or 0) >= 2
        assert session.scalar(select(func.count()).where(Complaint.round > 1)), "one came back"
        assert faults(session) == []
        procedure_store.load_known(session)
        opened = {rule.procedure for rule in procedure.procedure(trade.procedure).opens}
        assert {each.key for each in offered()} == {trade.procedure, *opened}


@on_sqlite
@every_trade
def test_nothing_happened_after_now_and_no_mail_is_owed(engine: Engine, key: str, tmp_path: Path) -> None:
    play(engine, key, tmp_path)
    with Session(engine) as session:
        assert session.scalars(select(func.max(Change.at))).one() <= AT
        assert {*session.scalars(select(Outgoing.state))} == {"sent"}
        sent = select(Outgoing.rendered).where(Outgoing.kind == "acknowledgement")
        assert all(rendered for rendered in session.scalars(sent))


@on_sqlite
@every_trade
def test_everybody_whom_the_procedure_asks_works_there(engine: Engine, key: str, tmp_path: Path) -> None:
    play(engine, key, tmp_path, only=0)
    rules = procedure.procedure(trades.read(key).procedure)
    asked = {role for sheet in rules.sheets for field in sheet.fields for role in (*sheet.by, *field.by, *field.roles)}
    asked |= {
        role for rule in rules.signatures for role in (*rule.by, *(r for by in rule.by_class.values() for r in by))
    }
    asked |= {role for move in rules.moves for role in move.by}
    with Session(engine) as session:
        held = {*session.scalars(select(Grant.role))}
    assert {role for role in asked if "." not in role} - held == set()


def test_what_a_kill_left_undone_is_done_by_the_next_start_and_nothing_twice(engine: Engine, tmp_path: Path) -> None:
    whole = len(trades.read("postal").stories)

    def numbers() -> list[str]:
        with Session(engine) as session:
            return list(session.scalars(select(Complaint.number).order_by(Complaint.id)))

    play(engine, "postal", tmp_path, only=5)
    first = numbers()
    play(engine, "postal", tmp_path, at=AT + timedelta(minutes=1))
    assert len(first) == 5
    assert len(numbers()) == whole
    play(engine, "postal", tmp_path, at=AT + timedelta(days=1))
    assert len(numbers()) == whole
    with Session(engine) as session:
        assert session.scalar(select(func.count(User.id))) == len(trades.read("postal").company.staff)


@every_trade
def test_stories_are_told_in_both_languages_by_several_customers(key: str) -> None:
    trade = trades.read(key)
    told = Counter(story.buyer.locale for story in trade.stories)
    assert 20 <= len(trade.stories) <= 30
    assert min(told["en"], told["zh_CN"]) >= 6
    assert len({story.key for story in trade.stories}) == len(trade.stories)
    assert len({story.buyer.name for story in trade.stories}) >= 5


def test_a_start_plays_them_once_and_says_who_can_sign_in(sqlite_url: str, tmp_path: Path) -> None:
    chosen = Settings(
        data=tmp_path, database_url=sqlite_url, redis_url="redis://none", secret_key="s" * 40,
        mail_from=trades.read("postal").sender, demo_mail=tmp_path / "mail", demo_company="postal",
    )  # fmt: skip
    prepare.settle_procedures(chosen)
    assert not prepare.nothing_to_do(chosen)
    prepare.found_demo(chosen)
    assert prepare.nothing_to_do(chosen)
    email, password = (tmp_path / "demo-logins.txt").read_text("utf-8").split()[:2]
    with Session(open_database(sqlite_url)) as session:
        assert user_with_password(session, email, password)


def test_a_start_with_an_unknown_company_says_which_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sqlite_url: str
) -> None:
    for name, value in {
        "DEMO_COMPANY": "bakery", "DATABASE_URL": sqlite_url, "REDIS_URL": "redis://none", "SECRET_KEY": "s" * 40,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert prepare.main() == prepare.WRONG_USE
    assert "'bakery'; it must be one of" in capsys.readouterr().err


def test_an_unknown_trade_is_told_the_known_ones() -> None:
    with pytest.raises(LookupError, match="postal"):
        trades.read("bakery")
