"""Anything people may try at a complaint, in any order, by anybody: whatever they do, the ledger stays true.

Hypothesis plays people who write, sign, return, move, undo, take off the board, bring back and change the class,
mostly in vain, now and then what waits to be done. After each act everything that must hold is looked at.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from copy import copy
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from complaints import clocks, off_board, registration, signing, turns, visits, workflow, writing
from complaints.case import Case, load
from complaints.complaint import NO_LIMIT, Complaint
from complaints.database import open_database, sessions, transaction
from complaints.errors import ComplaintError, MoveRefused
from complaints.happened import has_happened
from complaints.history import Change
from complaints.procedure import Field, Need, procedure
from complaints.signatures import APPROVED, RETURNED
from complaints.work import Waiting
from complaints.workflow import AnswerWanted
from tests.desk import CONTEXT, FILLED, Desk

RULES = procedure()
SOAK = bool(os.environ.get("REDRESS_SOAK"))
NUMBER = "C-2026-0001"
BEGINNINGS = ("draft", "registered", "to_investigation", "to_action_plan", "to_implementation", "to_verification",
              "to_customer_reply", "to_closed")  # fmt: skip
ROLES = ("clerk", "sales", "mkt_sup", "mkt_vp", "qa_head", "qe", "qa_mgr", "dept_head", "dept", "mr", "gm", "staff")
WORDS = st.sampled_from(["", "a word", "另一个词", "x" * 5000])
OFF = {outcome.key for outcome in RULES.outcomes}


def value_of(field: Field, data: st.DataObject) -> list[str]:
    """Something that a person may type into a field, right or wrong."""
    if field.choices:
        return data.draw(st.lists(st.sampled_from([*field.choices, "none of these", ""]), min_size=1, max_size=2))
    if field.kind in ("person", "people", "departments"):
        return [str(data.draw(st.integers(0, 14)))]
    if field.kind in ("date", "time"):
        return [data.draw(st.sampled_from(["2026-11-16", "2026-11-20", "2026-11-15T14:00", "tomorrow", ""]))]
    return [data.draw(WORDS)]


class People(RuleBasedStateMachine):
    """One complaint, and everybody at it."""

    beginnings: Path
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.engine: Engine | None = None
        self.round = 1

    @initialize(beginning=st.sampled_from(BEGINNINGS), complaint_class=st.sampled_from(["general", "major"]))
    def begin(self, beginning: str, complaint_class: str) -> None:
        known = self.beginnings / f"{beginning}-{complaint_class}.sqlite3"
        mine = shutil.copyfile(known, self.folder / "mine.sqlite3")
        self.engine = open_database(f"sqlite:///{mine}")
        self.desk = copy(desks[beginning, complaint_class])
        self.desk.make = sessions(self.engine)
        self.act(lambda session, found: writing.write(
            session, found, "opinions", {"text": ["hard to open"], "departments": ["1"]}, by=self.desk["sales"],
            at=self.desk.at, context=CONTEXT,
        ))  # fmt: skip

    def teardown(self) -> None:
        if self.engine is not None:
            self.engine.dispose()

    def act(self, deed: Callable[[Session, Complaint], Any], *, after: timedelta = timedelta(minutes=1)) -> Any:
        """A deed in a transaction; a refusal by name is an answer, anything else a fault."""
        self.desk.at += after
        try:
            with transaction(self.desk.make) as session:
                return deed(session, self.desk.find(session, NUMBER))
        except ComplaintError as refusal:
            note(f"refused: {type(refusal).__name__}")
            return refusal

    # What people do

    @rule(data=st.data(), sheet=st.sampled_from(RULES.sheets), role=st.sampled_from(ROLES), whole=st.booleans())
    def write(self, data: st.DataObject, sheet: Any, role: str, whole: bool) -> None:
        form: dict[str, list[str]] = {}
        if whole and sheet.key in FILLED:
            form = {key: [value] for key, value in FILLED[sheet.key].items()}
            if sheet.key == "finding":
                form["departments"] = [str(self.desk.department)]
        else:
            for field in sheet.fields:
                if data.draw(st.booleans()):
                    form[field.key] = value_of(field, data)
        place = data.draw(st.sampled_from([None, 1, 2])) if sheet.many else None
        seen = data.draw(st.integers(0, 4))
        self.act(lambda session, found: writing.write(
            session, found, sheet.key, form, by=self.desk[role], at=self.desk.at, context=CONTEXT, seen=seen,
            place=place,
        ))  # fmt: skip

    @rule(sheet=st.sampled_from([sheet for sheet in RULES.sheets if sheet.many]), role=st.sampled_from(ROLES))
    def remove(self, sheet: Any, role: str) -> None:
        self.act(lambda session, found: writing.remove(
            session, found, sheet.key, 1, by=self.desk[role], at=self.desk.at, context=CONTEXT
        ))  # fmt: skip

    @rule(
        key=st.sampled_from([each.key for each in RULES.signatures]), role=st.sampled_from(ROLES),
        decision=st.sampled_from([APPROVED, APPROVED, RETURNED]), remark=WORDS,
    )  # fmt: skip
    def sign(self, key: str, role: str, decision: str, remark: str) -> None:
        def deed(session: Session, found: Complaint) -> None:
            wanted = RULES.signature(key)
            assert wanted is not None
            signing.sign(
                session, found, key, decision=decision, remark=remark, by=self.desk[role], at=self.desk.at,
                context=CONTEXT, seen=load(session, found).content(wanted),
            )  # fmt: skip

        self.act(deed)

    @rule(
        stage=st.sampled_from([stage.key for stage in RULES.stages]), role=st.sampled_from(ROLES), reason=WORDS,
        behind=st.sampled_from([0, 0, 0, 1]),
    )  # fmt: skip
    def move(self, stage: str, role: str, reason: str, behind: int) -> None:
        def deed(session: Session, found: Complaint) -> None:
            here = found.stage
            (choice,) = [each for each in workflow.allowed(session, found, self.desk[role]) if each.stage.key == stage]
            try:
                workflow.move(
                    session, found, stage, by=self.desk[role], at=self.desk.at, seen_version=found.version - behind,
                    context=CONTEXT, answers={"reason": reason},
                )  # fmt: skip
            except AnswerWanted:
                assert choice.open
                assert choice.asks
                raise
            except MoveRefused as refusal:
                assert refusal.missing == choice.missing != ()  # noqa: PT017
                raise
            assert choice.open or choice.here
            if found.stage != here:
                self._check_entered(session, found, here)

        self.act(deed)

    def _check_entered(self, session: Session, found: Complaint, left: str) -> None:
        """On a way on, every signature that the stage and the stages behind it ask for stands."""
        ways = [way for way in RULES.ways(left, found.stage) if not way.back]
        if ways:
            self._check_signed(load(session, found), ways[0].needs)

    def _check_signed(self, case: Case, more: tuple[Need, ...] = ()) -> None:
        behind = [stage for stage in RULES.stages if stage.key in case.visited]
        needs = [need for stage in behind for need in stage.needs if stage.position <= _position(case.stage)]
        for need in (*needs, *more):
            wanted = RULES.signature(need.ref) if need.kind == "signature" else None
            if wanted is not None and case.holds(need.when) and case.holds(wanted.when):
                assert wanted.key in case.signatures

    @rule(role=st.sampled_from(ROLES), seconds=st.sampled_from([0, 5, 10, 11]))
    def undo(self, role: str, seconds: int) -> None:
        self.act(
            lambda session, found: workflow.undo(
                session, found, by=self.desk[role], at=self.desk.at, seen_version=found.version, context=CONTEXT
            ),
            after=timedelta(seconds=seconds),
        )

    @rule(complaint_class=st.sampled_from(["general", "major"]), role=st.sampled_from(ROLES), why=WORDS)
    def classify(self, complaint_class: str, role: str, why: str) -> None:
        self.act(lambda session, found: registration.save(
            session, found, {"complaint_class": complaint_class}, by=self.desk[role], at=self.desk.at,
            seen_version=found.version, context=CONTEXT, why=why,
        ))  # fmt: skip

    @rule(
        entry=st.sampled_from([{"content": "Other words"}, {"cause_type": "other"}, {"quantity": "14"}]),
        role=st.sampled_from(ROLES),
    )  # fmt: skip
    def correct(self, entry: dict[str, str], role: str) -> None:
        self.act(lambda session, found: registration.save(
            session, found, entry, by=self.desk[role], at=self.desk.at, seen_version=found.version, context=CONTEXT
        ))  # fmt: skip

    @rule(outcome=st.sampled_from(["not_complaint", "merged", "withdrawn"]), role=st.sampled_from(ROLES), reason=WORDS)
    def take_off(self, outcome: str, role: str, reason: str) -> None:
        def deed(session: Session, found: Complaint) -> None:
            into = None
            if outcome == "merged":
                into = session.scalars(select(Complaint).where(Complaint.number == "C-2026-0002")).one()
            off_board.take(
                session, found, outcome, reason=reason, by=self.desk[role], at=self.desk.at, into=into,
                seen_version=found.version, context=CONTEXT,
            )  # fmt: skip

        self.act(deed)

    @rule(role=st.sampled_from(ROLES))
    def bring_back(self, role: str) -> None:
        self.act(lambda session, found: off_board.bring_back(
            session, found, by=self.desk[role], at=self.desk.at, seen_version=found.version, context=CONTEXT
        ))  # fmt: skip

    @precondition(lambda self: self.engine is not None)
    @rule(data=st.data())
    def do_what_waits(self, data: st.DataObject) -> None:
        """Somebody does the work that waits for them."""
        with self.desk.make() as session:
            found = self.desk.find(session, NUMBER)
            tasks = [row.task for row in session.scalars(select(Waiting).where(Waiting.complaint_id == found.id))]
        if not tasks:
            return
        task = data.draw(st.sampled_from(sorted(tasks, key=repr)))
        role = task.role or "dept"
        if task.kind == "write":
            sheet = RULES.sheet(task.key)
            self.write(data, sheet, role, True)
        elif task.kind == "sign":
            self.sign(task.key, role, APPROVED, "")
        elif task.key in OFF:
            self.take_off(task.key, role, "as it should")
        elif task.kind in ("move", "register"):
            self.move(task.key, role, "as it should", 0)

    # What always holds

    @invariant()
    def holds(self) -> None:
        if self.engine is None:
            return
        with self.desk.make() as session:
            found = self.desk.find(session, NUMBER)
            case = load(session, found)
            been = [visit.stage for visit in visits.of(session, found.id) if visit.left_at is None]
            assert been == [found.stage]
            assert self._told_by_history(session, found) == found.stage
            assert found.round >= self.round
            self.round = found.round
            self._check_clocks(session, case)
            if case.rules.stage(found.stage).final:
                self._check_signed(case)
            waiting = session.scalars(select(Waiting).where(Waiting.complaint_id == found.id)).all()
            assert sorted(map(repr, (row.task for row in waiting))) == sorted(map(repr, turns.tasks(case)))

    def _told_by_history(self, session: Session, found: Complaint) -> str:
        stage = RULES.first.key
        for change in session.scalars(select(Change).where(Change.complaint_id == found.id).order_by(Change.id)):
            if change.act in ("moved", "undone", "brought_back", *OFF):
                assert change.values["before"] == stage
                stage = change.act if change.act in OFF else change.values["after"]
        return stage

    def _check_clocks(self, session: Session, case: Case) -> None:
        every = clocks.of(session, "complaint", case.complaint.id)
        running = [clock for clock in every if clock.stopped_at is None]
        here = RULES.stage(case.stage)
        if here.final or here.off_board:
            assert running == []
            assert case.complaint.sort_due_at == NO_LIMIT
            return
        for clock in running:
            (wanted,) = [each for each in RULES.clocks if each.key == clock.key]
            assert case.holds(wanted.when)
            assert not all(has_happened(case, event) for event in wanted.stops)
        assert len({clock.key for clock in running}) == len(running)
        for wanted in RULES.clocks:
            stopped = all(has_happened(case, event) for event in wanted.stops)
            if case.holds(wanted.when) and has_happened(case, wanted.starts) and not stopped:
                ends = {clock.outcome for clock in every if clock.key == wanted.key}
                assert ends - {"replaced", "undone", "merged"}, wanted.key
        due = [clock.due_at for clock in running] + list(_rows_due(case))
        assert case.complaint.sort_due_at == min(due, default=NO_LIMIT)


def _position(stage: str) -> int:
    return RULES.stage(stage).position


def _rows_due(case: Case) -> Iterator[datetime]:
    for row in (*case.rows["plan"], *case.rows["trials"]):
        if row.due_on is not None and row.done_on is None:
            hours = CONTEXT.calendar.hours(row.due_on)
            yield datetime.combine(row.due_on, hours[-1][1] if hours else time(23, 59), CONTEXT.zone)


desks: dict[tuple[str, str], Desk] = {}
"""The people of each beginning."""


@pytest.fixture(scope="module")
def beginnings(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database for each place at which a play may begin: the complaint, and another one beside it."""
    folder = tmp_path_factory.mktemp("beginnings")
    for beginning in BEGINNINGS:
        for complaint_class in ("general", "major"):
            file = shutil.copyfile(sqlite_template, folder / f"{beginning}-{complaint_class}.sqlite3")
            engine = open_database(f"sqlite:///{file}")
            desk = desks[beginning, complaint_class] = Desk(sessions(engine))
            assert getattr(desk, beginning)(complaint_class=complaint_class) == NUMBER
            desk.registered()
            with engine.connect() as connection:
                connection.exec_driver_sql("commit")
                connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
                connection.exec_driver_sql("begin")
            engine.dispose()
    return folder


def test_whatever_people_try_the_ledger_stays_true(beginnings: Path, tmp_path: Path) -> None:
    People.beginnings, People.folder = beginnings, tmp_path
    run_state_machine_as_test(
        People,
        settings=settings(
            max_examples=2_000 if SOAK else 40,
            stateful_step_count=60 if SOAK else 25,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )  # type: ignore[no-untyped-call]
