"""What the tests of the board share: complaints on it, and how to read what it answers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from complaints import calendars, procedure_store
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.people import Department
from tests.builders import MONDAY, a_complaint, a_customer, ready_to_investigate, signed, written
from tests.desk import FILLED
from webapp.database import db

HTMX = {"HX-Request": "true"}
MOVE = "/complaints/C-2026-0001/move"
ENTRY = {
    "complaint_date": MONDAY.date(), "content": "14 of 200 joints leak", "cause_type": "non_quality",
    "link": "product_quality",
}  # fmt: skip
TOLD = {"on": "2026-11-16", "way": "email", "text": "Dear Ines, …"}


def on_the_board(make: sessionmaker[Session], *, at: datetime = MONDAY, **fields: Any) -> Complaint:
    """A complaint in a stage, with the records that its next move asks for; as a draft it has no register entry."""
    with transaction(make) as session:
        made = a_complaint(session, at=at)
        customer = a_customer(session, f"Quellstrom {made.id}")
        values = {"stage": "registered", "complaint_class": "general", "customer_id": customer.id} | fields
        if values["stage"] != "draft":
            values = ENTRY | values
        session.execute(update(Complaint).where(Complaint.id == made.id).values(**values))
        may_go_on(session, made)
    return the(make, made.number)


def may_go_on(session: Session, on: Complaint) -> None:
    """What the ways on ask for: to Investigation, Action plan, Verification, Closed. A way back asks the person
    something: to Registered why it is sent back, from Customer reply to Action plan for the customer's reason."""
    departments = list(session.scalars(select(Department.id)))
    ours = FILLED["finding"] | {"departments": departments}
    if on.stage == "registered":
        ready_to_investigate(session, on)
    elif on.stage == "investigation":
        written(session, on, "qe_entry", **FILLED["qe_entry"])
        written(session, on, "finding", **ours)
    elif on.stage == "implementation":
        written(session, on, "finding", **ours)
        signed(session, on, "taken_over")
        written(session, on, "implementation", **FILLED["implementation"])
        written(session, on, "completion", **FILLED["completion"])
        written(session, on, "contacts", kind="measures_told", **TOLD)
    elif on.stage == "customer_reply":
        written(session, on, "finding", **ours)
        written(session, on, "contacts", kind="result_told", **TOLD)
        written(session, on, "answer", **FILLED["answer"])


def a_draft(make: sessionmaker[Session], **fields: Any) -> Complaint:
    with transaction(make) as session:
        return a_complaint(session, **fields)


def the(make: sessionmaker[Session], number: str = "C-2026-0001") -> Complaint:
    with make() as session:
        return session.scalars(select(Complaint).where(Complaint.number == number)).one()


def card_in(answer: TestResponse, complaint: Complaint) -> str:
    pattern = rf'<li class="card[^>]* id="c{complaint.id}".*?(?:</footer>|</div>)\s*</li>'
    found = re.search(pattern, answer.text, re.DOTALL)
    assert found, answer.text
    return unescape(found[0])


def head(text: str, stage: str) -> str:
    """What is read over a column."""
    found = re.search(rf'<header[^>]* id="head-{stage}".*?</header>', text, re.DOTALL)
    assert found, text
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements of the requests inside, without those that a process asks every few seconds."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patch:
        for asked_anew in (calendars, procedure_store):
            patch.setattr(asked_anew, "LOOK_EVERY", float("inf"))
        yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
