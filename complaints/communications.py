"""The customer communication record (顾客沟通情况记录表): enquiries, contracts, changes and what else was talked about.

An enquiry that cannot be answered at once is put to departments, who get a mail; it stays open until somebody writes
down the answer.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from complaints import outbox, rows
from complaints.customer_file import check_goes_on
from complaints.customers import Customer
from complaints.database import Base
from complaints.errors import N_, ComplaintError, Name, Sentence
from complaints.passing import members
from complaints.people import Actor, Department, User
from complaints.registration import Incomplete, Problem, day_of
from complaints.texts import clean

KINDS: Mapping[str, Name] = {
    "enquiry": Name("Enquiry", "咨询"),
    "contract": Name("Contract", "合同"),
    "change": Name("Change", "变更"),
    "other": Name("Other", "其他"),
}
MAIL = "enquiry"
NAMES: Mapping[str, str] = {
    "on": N_("Date"),
    "kind": N_("Kind"),
    "subject": N_("Subject"),
    "content": N_("Content"),
    "person": N_("Person"),
    "follow_up": N_("Follow-up"),
    "answer": N_("Answer"),
}
LIMITS: Mapping[str, int] = {"subject": 250, "person": 160, "content": 8_000, "follow_up": 2_000}
NEEDED = ("subject", "person", "content")
LONGEST_ANSWER = 8_000
OPEN = "answered_at IS NULL"


class Communication(Base):
    """What was talked about with a customer: when, with whom, what follows. `key` is the form's."""

    __tablename__ = "communication"
    __table_args__ = (Index("ix_communication_customer_id", "customer_id", "on", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    on: Mapped[date]
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(250))
    content: Mapped[str] = mapped_column(Text)
    person: Mapped[str] = mapped_column(String(160))
    follow_up: Mapped[str] = mapped_column(Text, default="")
    key: Mapped[str] = mapped_column(String(80), unique=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    question: Mapped["Question | None"] = relationship(lazy="joined", viewonly=True)


class Question(Base):
    """An enquiry that was put to departments (ids), and its answer once there is one."""

    __tablename__ = "question"
    __table_args__ = (
        Index("ix_question_open", "communication_id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )
    communication_id: Mapped[int] = mapped_column(ForeignKey("communication.id"), primary_key=True)
    departments: Mapped[list[Any]]
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class WrittenBefore(ComplaintError):
    message = N_(
        "This form was sent before with other words, which are kept. These are not saved yet: send them once more to"
        " write them down, too."
    )


class Answered(ComplaintError):
    message = N_(
        "This enquiry has another answer by now, see above. Yours was not saved; if it says more, write it down as a"
        " conversation."
    )


def parse(form: Mapping[str, str], *, today: date) -> dict[str, Any]:
    """What a form says. Raises `Incomplete` with everything that is wrong with it."""
    values: dict[str, Any] = {key: clean(form.get(key, ""), lines=key in ("content", "follow_up")) for key in LIMITS}
    said = {key: {"field": Sentence(NAMES[key])} for key in NAMES}
    problems = [Problem(key, Sentence(N_("%(field)s is missing"), said[key])) for key in NEEDED if not values[key]]
    message = N_("%(field)s may have %(limit)s characters; this has %(length)s")
    problems += [
        Problem(key, Sentence(message, said[key] | {"limit": limit, "length": len(values[key])}))
        for key, limit in LIMITS.items()
        if len(values[key]) > limit
    ]
    if (kind := form.get("kind", "")) not in KINDS:
        problems.append(Problem("kind", Sentence(N_("%(field)s: choose one of the list"), said["kind"])))
    try:
        on = day_of(clean(form.get("on", ""), lines=False))
        if on > today:
            problems.append(Problem("on", Sentence(N_("%(field)s lies in the future"), said["on"])))
    except ValueError:
        on = today
        problems.append(Problem("on", Sentence(N_("%(field)s must be a date such as 2026-09-17"), said["on"])))
    if problems:
        raise Incomplete(problems)
    return values | {"kind": kind, "on": on}


def note(
    session: Session,
    customer: Customer,
    values: Mapping[str, Any],
    *,
    asked: Collection[int] = (),
    key: str,
    by: Actor,
    at: datetime,
    today: date,
    secret: str,
    domain: str,
) -> int:
    """Write down what was talked about, in the caller's transaction; the departments `asked` (ids) get a mail. The form
    (`key`) sent again writes nothing; with other words it raises `WrittenBefore`. Raises `GoneOver` where the customer
    was merged. Returns how many people were told."""
    session.refresh(customer, with_for_update=True)
    check_goes_on(session, customer)
    key = f"{by.id}:{key}"[:80]
    row = {**values, "customer_id": customer.id, "key": key, "by_id": by.id, "at": at}
    added = rows.upsert(Communication, rows.dialect(session)).values(row).on_conflict_do_nothing()
    id_ = session.scalar(added.returning(Communication.id))
    departments = session.scalars(select(Department).where(Department.id.in_(asked)).order_by(Department.id)).all()
    if id_ is None:
        before = session.scalars(select(Communication).where(Communication.key == key)).one()
        put_to = before.question.departments if before.question else []
        same = all(getattr(before, name) == value for name, value in values.items())
        if not same or before.customer_id != customer.id or put_to != [each.id for each in departments]:
            raise WrittenBefore
        return 0
    if not departments:
        return 0
    rows.add(session, Question, {"communication_id": id_, "departments": [each.id for each in departments]})
    return _tell(session, customer, values, id_, departments, by, at, today, secret, domain)


def _tell(
    session: Session, customer: Customer, values: Mapping[str, Any], id_: int, departments: Iterable[Department],
    by: Actor, at: datetime, today: date, secret: str, domain: str,
) -> int:  # fmt: skip
    whom: set[int] = set().union(*(members(session, each, today) for each in departments)) - {by.id or 0}
    people = session.scalars(select(User).where(User.id.in_(whom), User.left_at.is_(None)).order_by(User.id)).all()
    answers_to = session.scalar(select(User.email).where(User.id == by.id)) or ""
    for each in people:
        outbox.owe(
            session, purpose=f"{MAIL}:{id_}:{each.id}", kind=MAIL, recipient=each.email, locale=each.locale, at=at,
            secret=secret, domain=domain, reply_to=answers_to,
            values={
                "who": by.name, "customer": customer.name, "subject": values["subject"], "content": values["content"]
            },
        )  # fmt: skip
    session.flush()
    return len(people)


def answer(session: Session, question: Question, typed: str, *, by: Actor, at: datetime) -> None:
    """An enquiry has its answer, in the caller's transaction; the same answer again changes nothing. Raises
    `Incomplete`, and `Answered` where there is another one."""
    words = clean(typed, lines=True)
    field = {"field": Sentence(NAMES["answer"])}
    if not words:
        raise Incomplete([Problem("answer", Sentence(N_("%(field)s is missing"), field))])
    if len(words) > LONGEST_ANSWER:
        message = N_("%(field)s may have %(limit)s characters; this has %(length)s")
        told = field | {"limit": LONGEST_ANSWER, "length": len(words)}
        raise Incomplete([Problem("answer", Sentence(message, told))])
    session.refresh(question, with_for_update=True)
    if question.answered_at is None:
        question.answer, question.answered_at, question.answered_by_id = words, at, by.id
    elif question.answer != words:
        raise Answered


def of(session: Session, customer_id: int, *, before: tuple[date, int] | None, most: int) -> Sequence[Communication]:
    """A customer's record, the newest first; `before` goes on after a page."""
    query = select(Communication).where(Communication.customer_id == customer_id)
    if before is not None:
        on, id_ = before
        older = (Communication.on == on) & (Communication.id < id_)
        query = query.where((Communication.on < on) | older)
    return session.scalars(query.order_by(Communication.on.desc(), Communication.id.desc()).limit(most)).all()


def unanswered() -> Select[Communication, Customer]:
    """The enquiries that wait for an answer, the oldest first, each with its customer."""
    query = select(Communication, Customer).join(Question).join(Customer, Customer.id == Communication.customer_id)
    return query.where(Question.answered_at.is_(None)).order_by(Communication.id)
