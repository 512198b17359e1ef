"""Builders: one for each concept, with believable defaults that a test changes where it matters."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from complaints import complaint, records, signatures
from complaints.blobs import Blobs
from complaints.calendar import mainland_china
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.customers import Customer, findable, met
from complaints.letters import Attachment, Letter
from complaints.people import SYSTEM, Actor, Department, Grant, User, actor_for
from complaints.procedure import DEFAULT, NOTIFIED, of
from complaints.signatures import APPROVED, Signature

MONDAY = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
"""A Monday, 09:00 in Shanghai: half an hour after opening, no holiday near."""
LONG_AGO = date(2020, 1, 1)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63f8cfc0500f000401"
    "018058f1e5a00000000049454e44ae426082"
)
"""A picture of one pixel."""


def a_department(session: Session, key: str = "qa", en: str = "Quality", zh: str = "品管部") -> Department:
    department = Department(key=key, name_en=en, name_zh=zh)
    session.add(department)
    session.flush()
    return department


def a_person(
    session: Session, *roles: str, name: str = "林知夏", department: Department | None = None, locale: str = "en"
) -> Actor:
    """A member of staff with roles, as an actor. Signs in by a session row; has no password."""
    number = len(session.scalars(select(User.id)).all()) + 1
    user = User(email=f"person{number}@mill.example", name=name, locale=locale)
    session.add(user)
    session.flush()
    session.add_all(
        Grant(user_id=user.id, role=role, department_id=department.id if department else None, since=LONG_AGO)
        for role in roles
    )
    session.flush()
    return actor_for(session, user, MONDAY.date())


def a_customer(session: Session, name: str = "Quellstrom Mobility") -> Customer:
    customer = Customer(name=name)
    session.add(customer)
    findable(session, customer)
    return customer


def a_file(blobs: Blobs, content: bytes = PNG, **changes: Any) -> dict[str, Any]:
    """A file that comes with a letter, kept in the blob store."""
    blob = blobs.put(content)
    return {
        "filename": "joint.png", "content_type": "image/png", "declared_type": "image/png", "content_id": "",
        "inline": False, "size": len(content), "blob": blob,
    } | changes  # fmt: skip


def a_letter(
    session: Session, to: Complaint | None = None, *, files: Iterable[dict[str, Any]] = (), **changes: Any
) -> Letter:
    """A letter from a customer, on a complaint or on none."""
    values: dict[str, Any] = {
        "complaint_id": to.id if to else None,
        "from_address": "i.carrow@quellstrom.example",
        "from_name": "Ines Carrow",
        "subject": "Oil weeping at HX-210 face seal",
        "text": "Dear all,\n\n14 of 200 joints from lot L2608-114 failed the pressure test at 40 bar.\n\nInes Carrow",
        "html": "",
        "message_id": "a1@quellstrom.example",
        "references": [],
        "dated": MONDAY,
        "received_at": MONDAY,
        "language": "en",
        "verdict": "unverified",
        "raw": "0" * 64,
    } | changes
    values.setdefault("content_key", hashlib.sha256(repr(sorted(values.items(), key=str)).encode()).hexdigest())
    letter = Letter(**values)
    session.add(letter)
    session.flush()
    for position, file in enumerate(files):
        session.add(Attachment(letter_id=letter.id, complaint_id=letter.complaint_id, position=position, **file))
    if to:
        row = {"complaint_id": to.id, "kind": "letter", "at": letter.received_at, "letter_id": letter.id}
        session.execute(insert(Entry), [row])
    session.flush()
    return letter


def a_complaint(session: Session, *, by: Actor = SYSTEM, at: datetime = MONDAY, **fields: Any) -> Complaint:
    """A draft: from mail, unless `channel` says otherwise; by the default procedure, unless `procedure_key` does."""
    values = {"subject": "Oil weeping at HX-210 face seal"} | fields
    channel, received_at = values.pop("channel", "email"), values.pop("received_at", at)
    draft = complaint.open_draft(
        session, by=by, at=at, received_at=received_at, channel=channel, calendar=mainland_china(),
        procedure_key=values.pop("procedure_key", DEFAULT), fields=values,
    )  # fmt: skip
    return session.scalars(select(Complaint).where(Complaint.id == draft.id)).one()


def written(session: Session, on: Complaint, sheet: str, /, *, by: Actor = SYSTEM, **values: Any) -> None:
    """A record of a complaint, without asking who may write it."""
    laid_out = of(on).sheet(sheet)
    assert laid_out is not None
    subject = records.subject_of(session, on, laid_out.of, at=MONDAY)
    round, place = records.round_of(laid_out, on), int(laid_out.many)
    session.add(records.put(None, laid_out, subject, values, round=round, place=place, by=by, at=MONDAY))
    session.flush()


def signed(session: Session, on: Complaint, *keys: str, by: Actor = SYSTEM) -> None:
    """Signatures on a complaint, without asking who may give them."""
    for key in keys:
        rule = of(on).signature(key)
        assert rule is not None
        subject = records.subject_of(session, on, rule.of, at=MONDAY)
        session.add(
            Signature(
                subject=subject.kind, subject_id=subject.id, complaint_id=on.id, key=key,
                round=signatures.round_of(rule, on), user_id=by.id, role=rule.by[0], at=MONDAY, decision=APPROVED,
                remark="", digest="",
            )
        )  # fmt: skip
    session.flush()


def ready_to_investigate(session: Session, on: Complaint) -> None:
    """All that a registered complaint needs to be moved to the investigation."""
    written(
        session, on, "first_review", details="14 of 200 leak", evidence="asked", emergency="none",
        emergency_text="no stock at the customer", immediate="no",
    )  # fmt: skip
    written(session, on, "assignment", qe=1)
    signed(session, on, "form_issued", "form_approved", "receipt")
    qa = session.scalars(select(Department.id).where(Department.key == "qa"))
    complaint.involve(session, on, at=MONDAY, reason=NOTIFIED, departments=qa)
    session.flush()


def withdrawable(session: Session, on: Complaint) -> None:
    """All that a complaint needs to be withdrawn."""
    written(session, on, "withdrawal", statement="Solved on site, we take it back")
    signed(session, on, "withdrawal_confirmed")


def a_mailed_complaint(
    session: Session, *, files: Iterable[dict[str, Any]] = (), at: datetime = MONDAY, **letter: Any
) -> Complaint:
    """A draft with the letter it came from and its sender as a contact, as intake makes it."""
    written = {"from_address": "i.carrow@quellstrom.example", "from_name": "Ines Carrow"} | letter
    contact_id, customer_id = met(
        session, address=written["from_address"], name=written["from_name"], locale="en", at=at
    )
    files = list(files)
    subject = letter.get("subject", "Oil weeping at HX-210 face seal")
    made = a_complaint(
        session, at=at, subject=subject, content=letter.get("text", ""), contact_id=contact_id, customer_id=customer_id,
        contact_person=written["from_name"], contact_email=written["from_address"],
        attachment_count=len(files), unread_count=1,
    )  # fmt: skip
    mail = a_letter(session, made, files=files, received_at=at, **letter)
    if not letter.get("text"):
        made.content = mail.text
        session.flush()
    return made


def an_entry(**changes: str) -> dict[str, str]:
    """The register entry as a form: complete, of a quality complaint."""
    return {
        "customer": "Quellstrom Mobility",
        "contact_person": "Ines Carrow",
        "contact_email": "i.carrow@quellstrom.example",
        "complaint_date": "2026-11-16",
        "subject": "Oil weeping at HX-210 face seal",
        "content": "14 of 200 joints failed the pressure test at 40 bar.",
        "demand": "8D report within ten working days",
        "complaint_class": "major",
        "cause_type": "quality",
        "link": "product_quality",
        "product": "HX-210 hydraulic fitting",
        "order_no": "4500-77123 / 20",
    } | changes


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """What each deed gave or raised, all begun at the same instant in threads of their own."""
    start, results = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(index: int) -> None:
        start.wait()
        try:
            results[index] = deeds[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results
