"""`flask digest`: the letter about a week, to look at or to send."""

import json

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import digest
from complaints.outbox import Outgoing
from complaints.settings import Settings
from tests.desk import CONTEXT, Desk
from tests.weeks import NEXT_MONDAY, WEEK, a_full_week
from webapp import create_app


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    desk = Desk(make)
    a_full_week(desk)
    return desk


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.mark.usefixtures("desk")
def test_json_is_one_line_with_the_figures_that_others_rely_on(app: Flask) -> None:
    said = app.test_cli_runner().invoke(args=["digest", "--week", str(WEEK), "--format", "json"])
    assert (said.exit_code, said.stdout.count("\n")) == (0, 1), repr(said.exception)
    found = json.loads(said.stdout)
    assert {"week", "from", "to", "received", "closed", "open", "overdue", "timely_reply"} <= found.keys()
    assert (found["week"], found["received"], found["closed"]) == ("2026-W47", 5, 1)
    assert (found["from"], found["to"]) == ("2026-11-16T00:00:00+08:00", "2026-11-23T00:00:00+08:00")
    assert found["timely_reply"] == {"in_time": 0, "due": 3, "rate": 0.0}
    assert found["by_class"]["general"]["received"] == 3
    assert found["by_department"]["machining"]["closed"] == 1


@pytest.mark.usefixtures("desk")
def test_it_is_written_as_the_mail_says_it(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    text = run(args=["digest", "--week", str(WEEK), "--print"]).stdout
    assert text.startswith("Complaints in week 2026-W47")
    html = run(args=["digest", "--week", str(WEEK), "--format", "html", "--locale", "zh_CN"]).stdout
    assert html.startswith('<!doctype html>\n<html lang="zh-CN">')


@pytest.mark.usefixtures("desk")
def test_json_is_narrowed_to_a_procedure(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    asked = ["digest", "--week", str(WEEK), "--format", "json", "--procedure"]
    found = json.loads(run(args=[*asked, "manufacturing"]).stdout)
    assert (found["received"], found["timely_reply"]) == (5, None)
    unknown = run(args=[*asked, "bakery"])
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "'bakery', but of: manufacturing" in unknown.stderr
    assert run(args=["digest", "--procedure", "manufacturing"]).exit_code == 2


def test_what_was_taken_is_shown_as_it_was(app: Flask, desk: Desk) -> None:
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    desk.at = desk.at.replace(day=18)
    desk.registered(subject="Written down late")
    said = app.test_cli_runner().invoke(args=["digest", "--week", str(WEEK), "--format", "json"])
    assert json.loads(said.stdout)["received"] == 5


def test_it_is_sent_once(app: Flask, desk: Desk) -> None:
    run = app.test_cli_runner().invoke
    sent = [run(args=["digest", "--week", "2026-W46", "--send"]).stdout for _ in range(2)]
    assert [line.split(":")[1] for line in sent] == [" 6 letters are on their way.\n", " 0 letters are on their way.\n"]
    with desk.make() as session:
        mails = select(func.count()).select_from(Outgoing).where(Outgoing.kind == digest.KIND)
        assert session.scalar(mails) == 6


def test_a_week_that_has_not_ended_is_not_sent_and_one_that_is_none_is_refused(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    running = run(args=["digest", "--week", "2090-W01", "--send"])
    assert (running.exit_code, running.stderr) == (
        1,
        "The week 2090-W01 has not ended; its letter goes out afterwards.\n",
    )
    odd = run(args=["digest", "--week", "2026-W54"])
    assert (odd.exit_code, odd.stderr) == (2, "“2026-W54” is no week. Write it like 2026-W46.\n")
