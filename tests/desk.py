"""A desk at which a whole complaint can be worked through: people of every role, a clock that goes on, and the acts of
the engine in one word each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import registration, signing, workflow, writing
from complaints.calendar import mainland_china
from complaints.case import Case, load
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import transaction
from complaints.errors import Sentence
from complaints.people import Actor
from complaints.signatures import APPROVED, RETURNED
from tests.builders import MONDAY, a_complaint, a_customer, a_department, a_person

CONTEXT = Context(mainland_china(), "a secret of the tests", "mill.example")
A_MINUTE = timedelta(minutes=1)

FILLED: Mapping[str, Mapping[str, Any]] = {
    "first_review": {
        "details": "14 of 200 joints leak", "evidence": "asked", "emergency": "none",
        "emergency_text": "no stock at the customer", "immediate": "no",
    },
    "form": {"request": "Find the cause and answer within three days"},
    "qe_entry": {"abnormality": "Flatness of the face seal out of tolerance"},
    "finding": {"text": "Tool worn", "responsibility": "ours"},
    "interim": {"measure": "Lot blocked, 100 % sorting"},
    "cause": {"text": "Tool life counter was not reset"},
    "implementation": {
        "correction": "Lot reworked", "correction_on": "2026-11-16", "like_case": "All five lathes checked",
        "like_case_on": "2026-11-16", "improvement": "Counter reset is part of the tool change sheet",
        "improvement_on": "2026-11-16",
    },
    "completion": {"text": "All done", "on": "2026-11-16"},
    "verification": {"evidence": "50 parts measured", "on": "2026-11-16", "effective": "yes"},
    "answer": {"decision": "accepted", "on": "2026-11-16"},
    "qa_reply": {"text": "Tool worn; counter now reset"},
}  # fmt: skip
"""A complete form for records of the manufacturing procedure."""


@dataclass
class Desk:
    """The people by their roles; `at` is the time, which goes on by a minute with each act."""

    make: sessionmaker[Session]
    at: datetime = MONDAY
    people: dict[str, Actor] = field(default_factory=dict)
    department: int = 0
    qa: int = 0

    def __post_init__(self) -> None:
        with transaction(self.make) as session:
            qa, machining = a_department(session), a_department(session, "machining", "Machining", "机加工")
            self.qa, self.department = qa.id, machining.id
            for role in ("clerk", "sales", "mkt_sup", "mkt_vp", "mr", "gm", "admin", "staff"):
                self.people[role] = a_person(session, role, name=role)
            for role in ("qa_head", "qe", "qa_mgr"):
                self.people[role] = a_person(session, role, name=role, department=qa)
            for role in ("dept_head", "dept"):
                self.people[role] = a_person(session, role, name=role, department=machining)
            a_customer(session)

    def __getitem__(self, role: str) -> Actor:
        return self.people[role]

    @contextmanager
    def act(self) -> Iterator[Session]:
        self.at += A_MINUTE
        with transaction(self.make) as session:
            yield session

    def find(self, session: Session, number: str) -> Complaint:
        return session.scalars(select(Complaint).where(Complaint.number == number)).one()

    def draft(self, **fields: Any) -> str:
        """A draft of a phone call that could be registered."""
        values = {
            "customer_id": 1, "complaint_date": MONDAY.date(), "content": "14 of 200 joints leak", "channel": "phone",
            "complaint_class": "general", "cause_type": "non_quality", "link": "product_quality",
        } | fields  # fmt: skip
        with self.act() as session:
            return a_complaint(session, by=self["sales"], at=self.at, **values).number

    def registered(self, **fields: Any) -> str:
        number = self.draft(**fields)
        with self.act() as session:
            registration.register(
                session, self.find(session, number), {}, by=self["clerk"], at=self.at, seen_version=1, context=CONTEXT,
                departments=[self.department],
            )  # fmt: skip
        return number

    def correct(self, number: str, role: str, why: str = "", **values: Any) -> datetime:
        """Somebody changes the register entry; returns when."""
        with self.act() as session:
            found = self.find(session, number)
            registration.save(
                session, found, values, by=self[role], at=self.at, context=CONTEXT, seen_version=found.version, why=why
            )
        return self.at

    def classify(self, number: str, complaint_class: str, role: str, why: str = "") -> datetime:
        return self.correct(number, role, why, complaint_class=complaint_class)

    def case(self, number: str) -> Case:
        with self.make() as session:
            return load(session, self.find(session, number))

    def stage(self, number: str) -> str:
        return self.case(number).stage

    def write(self, number: str, sheet: str, role: str, /, *, place: int | None = None, **values: Any) -> None:
        """Fill in a record: with these values, or completely."""
        typed = values or dict(FILLED[sheet])
        if sheet == "finding" and typed.get("responsibility") == "ours":
            typed.setdefault("departments", str(self.department))
        form = {
            key: [value] if isinstance(value, str) else [str(each) for each in value] for key, value in typed.items()
        }
        with self.act() as session:
            complaint = self.find(session, number)
            case = load(session, complaint)
            record = case.records.get(sheet) if place is None else None
            for row in case.rows.get(sheet, ()):
                record = row if row.place == place else record
            writing.write(
                session, complaint, sheet, form, by=self[role], at=self.at, context=CONTEXT,
                seen=record.version if record else 0, place=place,
            )  # fmt: skip

    def contact(self, number: str, kind: str, role: str = "sales") -> None:
        self.write(number, "contacts", role, kind=kind, on="2026-11-16", way="email", text="Dear Ines, …")

    def sign(self, number: str, key: str, role: str, *, decision: str = APPROVED, remark: str = "") -> None:
        with self.act() as session:
            complaint = self.find(session, number)
            case = load(session, complaint)
            rule = case.rules.signature(key)
            assert rule is not None
            signing.sign(
                session, complaint, key, decision=decision, remark=remark, by=self[role], at=self.at, context=CONTEXT,
                seen=case.content(rule),
            )  # fmt: skip

    def returns(self, number: str, key: str, role: str, remark: str = "not good enough") -> None:
        self.sign(number, key, role, decision=RETURNED, remark=remark)

    def move(self, number: str, stage: str, role: str, **answers: str) -> workflow.Moved:
        with self.act() as session:
            complaint = self.find(session, number)
            return workflow.move(
                session, complaint, stage, by=self[role], at=self.at, seen_version=complaint.version, context=CONTEXT,
                answers=answers,
            )  # fmt: skip

    def missing(self, number: str, stage: str, role: str) -> list[str]:
        """What keeps a complaint from a stage, in English."""
        with self.make() as session:
            choices = workflow.allowed(session, self.find(session, number), self[role])
        (choice,) = [choice for choice in choices if choice.stage.key == stage]
        return [english(each.sentence) for each in choice.missing]

    # The steps of the manufacturing procedure

    def to_investigation(self, **fields: Any) -> str:
        number = self.registered(**fields)
        self.write(number, "first_review", "mkt_sup")
        self.write(number, "form", "sales")
        self.sign(number, "form_issued", "sales")
        self.sign(number, "form_approved", "mkt_vp" if fields.get("complaint_class") == "major" else "mkt_sup")
        self.sign(number, "receipt", "qa_head")
        self.write(number, "assignment", "qa_head", qe=str(self["qe"].id))
        self.move(number, "investigation", "qa_head")
        return number

    def to_action_plan(self, **fields: Any) -> str:
        number = self.to_investigation(**fields)
        self.write(number, "qe_entry", "qe")
        self.write(number, "finding", "qe")
        if fields.get("complaint_class") == "major":
            self.write(number, "interim", "qe")
            self.write(
                number, "meeting", "qe", planned_for="2026-11-16T14:00", held_on="2026-11-16", conclusion="Tool wear"
            )
        self.move(number, "action_plan", "qe")
        return number

    def plan(self, number: str, *, carried: bool = False) -> None:
        if not carried:
            self.write(number, "cause", "dept_head")
            self.write(number, "plan", "dept_head", what="Reset counter", owner=str(self["dept"].id), due="2026-11-20")
        self.sign(number, "plan_submitted", "dept_head")

    def to_implementation(self, **fields: Any) -> str:
        number = self.to_action_plan(**fields)
        self.plan(number)
        self.approve_plan(number, gm=fields.get("complaint_class") == "major")
        self.move(number, "implementation", "mr")
        return number

    def approve_plan(self, number: str, *, gm: bool = False) -> None:
        for key, role in (("plan_review", "qe"), ("plan_audit", "qa_mgr"), ("plan_approval", "mr")):
            self.sign(number, key, role)
        if gm:
            self.sign(number, "plan_approval_gm", "gm")

    def carry_out(self, number: str) -> None:
        self.sign(number, "taken_over", "dept_head")
        self.write(number, "implementation", "dept")
        self.write(number, "completion", "dept_head")
        self.contact(number, "measures_told")
        self.move(number, "verification", "dept_head")

    def to_verification(self, **fields: Any) -> str:
        number = self.to_implementation(**fields)
        self.carry_out(number)
        return number

    def to_customer_reply(self, **fields: Any) -> str:
        number = self.to_verification(**fields)
        self.verify(number)
        return number

    def verify(self, number: str) -> None:
        self.write(number, "verification", "qe")
        self.sign(number, "verified", "qe")
        self.move(number, "customer_reply", "qe")

    def to_closed(self, **fields: Any) -> str:
        number = self.to_customer_reply(**fields)
        self.contact(number, "result_told")
        self.write(number, "answer", "sales")
        self.move(number, "closed", "clerk")
        return number


def english(sentence: Sentence) -> str:
    return sentence.in_(lambda text: text, "en")
