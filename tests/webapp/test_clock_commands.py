"""`flask clocks due` as people and scripts use it."""

import json
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendars
from complaints.calendar import MAINLAND, public_days
from complaints.calendar_outline import Outline
from complaints.database import transaction
from complaints.people import SYSTEM
from complaints.settings import Settings
from tests.builders import MONDAY, a_customer, a_department
from webapp import create_app


@pytest.fixture
def shell(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FlaskCliRunner:
    monkeypatch.setattr(calendars, "_looked", {})
    app: Flask = create_app(settings)
    return app.test_cli_runner()


def due(shell: FlaskCliRunner, *said: str, given: str = "") -> tuple[int, str, str]:
    done = shell.invoke(args=["clocks", "due", *said], input=given)
    return done.exit_code, done.stdout, done.stderr


FRIDAY = ["--from", "2026-11-20T17:00", "--within", "1 working hour"]


def test_it_says_when_and_day_by_day_why(shell: FlaskCliRunner) -> None:
    code, said, _ = due(shell, *FRIDAY)
    assert code == 0
    first, *walk, last = said.splitlines()
    assert first.startswith("from    2026-11-20T17:00:00+08:00  within 1 working hour  calendar ")
    assert walk == [
        "2026-11-20  17:00–17:30              0:30",
        "2026-11-21  2026-11-21–2026-11-22          weekend",
        "2026-11-23  08:30–09:00              0:30",
    ]
    assert last == "due     2026-11-23T09:00:00+08:00"


def test_json_has_the_receipt_and_says_what_is_provisional(shell: FlaskCliRunner) -> None:
    code, said, _ = due(shell, "--from", "2027-03-01T01:00:00Z", "--within", "3 working days", "--json")
    told = json.loads(said)
    assert (code, told["due"], told["provisional"]) == (0, "2027-03-04T17:30:00+08:00", True)
    assert [row["date"] for row in told["receipt"]["walk"]] == ["2027-03-02", "2027-03-03", "2027-03-04"]


def test_each_line_gets_its_line_in_order_and_a_bad_one_its_error(shell: FlaskCliRunner) -> None:
    lines = [
        '{"id": 7, "from": "2026-11-20T17:00+08:00", "within": "2 working hours"}', "",
        '{"id": "b", "from": "2026-11-20T17:00+08:00", "within": "0 hours"}', "{",
        '{"id": "c", "within": "1 day"}', "[1]", '{"id": "d", "from": "9999-12-31T00:00Z", "within": "10000 months"}',
        '{"id": "e", "from": "2026-11-20T18:00+08:00", "within": "24 hours"}',
    ]  # fmt: skip
    code, said, _ = due(shell, "--jsonl", given="\n".join(lines))
    told = [json.loads(line) for line in said.splitlines()]
    assert code == 1
    assert [each["id"] for each in told] == [7, "b", None, "c", None, "d", "e"]
    assert [each["due"] for each in told] == [
        "2026-11-23T10:00:00+08:00", None, None, None, None, None, "2026-11-21T18:00:00+08:00"
    ]  # fmt: skip
    assert "whole number from 1" in told[1]["error"]
    assert told[3]["error"] == "'from' is missing"


def test_departments_and_customers_have_calendars_of_their_own(
    shell: FlaskCliRunner, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        owner = f"department:{a_department(session, 'machining').id}"
        a_customer(session)
        outline = Outline(different={date(2026, 11, 23): ()})
        calendars.accept(session, owner, outline, public_days(MAINLAND), seen=0, by=SYSTEM, at=MONDAY)
    for key, day in (("department:machining", 24), (owner, 24), ("customer:1", 23)):
        assert due(shell, *FRIDAY, "--calendar", key)[1].splitlines()[-1] == f"due     2026-11-{day}T09:00:00+08:00"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (["--from", "tomorrow", "--within", "1 day"], "'tomorrow' is no moment."),
        (["--from", "2026-11-20", "--within", "soon"], "'soon' is not a limit."),
        (["--from", "2026-11-20", "--within", "-3 days"], "A limit is a whole number from 1"),
        (["--from", "9999-12-31T23:00", "--within", "8 working hours"], "ends beyond the year 9999."),
        (["--from", "2026-11-20"], "Say --from and --within, or --jsonl."),
        ([*FRIDAY, "--calendar", "department:nobody"], "There is no calendar 'department:nobody'."),
        ([*FRIDAY, "--calendar", "customer:99"], "There is no calendar 'customer:99'."),
        ([*FRIDAY, "--calendar", f"customer:{'9' * 30}"], "There is no calendar 'customer:9999"),
        ([*FRIDAY, "--calendar", f"department:{'9' * 30}"], "There is no calendar 'department:9999"),
    ],
)
def test_what_cannot_be_understood_ends_with_2_and_a_sentence(
    shell: FlaskCliRunner, said: list[str], sentence: str
) -> None:
    code, out, error = due(shell, *said)
    assert (code, out) == (2, "")
    assert sentence in error


@pytest.mark.parametrize(("moment", "warned"), [("2020-01-06T09:00+08:00", False), ("2099-01-05T09:00", True)])
def test_a_moment_that_lies_ahead_is_warned_of_and_done(shell: FlaskCliRunner, moment: str, warned: bool) -> None:
    done = shell.invoke(args=["clocks", "run", "--at", moment])
    assert (done.exit_code, "reminders: 0" in done.stdout) == (0, True)
    assert ("This moment lies ahead." in done.stderr) == warned


@pytest.mark.parametrize("moment", ["soon", "0001-01-01T00:00", "1999-12-31T23:59", "9999-12-31T23:00"])
def test_duties_are_done_at_a_moment_that_somebody_can_mean(shell: FlaskCliRunner, moment: str) -> None:
    done = shell.invoke(args=["clocks", "run", "--at", moment])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is no moment. Write it like 2026-09-17T09:00+08:00." in done.stderr
