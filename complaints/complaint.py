"""The complaint itself, who may see it, and how one begins.

`visible_to(actor)` is the only way to select complaints: pages, fragments, counts, attachments and mails go through
it. A complaint begins as a draft, from a mail or by hand, with its number; `workflow.move` takes it on from there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    String,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, contains_eager, joinedload, mapped_column, relationship

from complaints import calendars, clocks, history, numbers, rows, terms, visits, work
from complaints.calendar import WorkingCalendar
from complaints.clocks import Clock
from complaints.customers import Customer
from complaints.database import Base
from complaints.errors import Name, NotFound
from complaints.people import Actor
from complaints.procedure import DEFAULT, Procedure, beside, confidential, hiding, procedure, versions

CHANNELS: dict[str, Name] = {
    "phone": Name("Phone", "电话"),
    "oral": Name("Oral", "口头"),
    "letter": Name("Letter", "信函"),
    "fax": Name("Fax", "传真"),
    "email": Name("E-mail", "邮件"),
    "visit": Name("Visit", "来访"),
    "chat": Name("Chat", "微信/在线客服"),
    "web": Name("Web form", "在线表单"),
    "minutes": Name("Meeting minutes", "会议纪要"),
    "hotline": Name("Hotline", "热线"),
    "box": Name("Suggestion box", "意见箱"),
}
CAUSE_TYPES: dict[str, Name] = {
    "quality": Name("Quality abnormality", "质量异常"),
    "non_quality": Name("Non-quality (human, transport, storage)", "非质量异常（人为、运输、储藏）"),
    "other": Name("Other", "其它"),
}
LINKS: dict[str, Name] = {
    "sales_service": Name("Sales and after-sales", "销售和售后服务环节"),
    "product_quality": Name("Product quality", "产品品质"),
    "delivery": Name("Delivery delay", "交期延误"),
}
NO_LIMIT = clocks.NEVER
"""Sorts behind every real due time: a complaint that no clock watches."""
UNREAD = "unread_count > 0"
MERGED = "merged_into_id IS NOT NULL"
"""Nearly none is: an index over all of them would look useless to SQLite."""
WATCHING = "watching"
"""The reason of who wants to hear of a complaint. It alone opens nothing to them."""
HIDDEN = "hidden"
"""The reason of whom a complaint is about: it stays closed to them, whatever else they are named for."""


class Complaint(Base):
    """One customer's complaint, from the first message to the customer's yes. Never deleted."""

    __tablename__ = "complaint"
    __table_args__ = (
        UniqueConstraint("year", "sequence"),
        UniqueConstraint("register_year", "register_serial"),
        Index("ix_complaint_board", "procedure", "stage", "sort_due_at", "id"),
        Index("ix_complaint_changed_at", "changed_at"),
        Index("ix_complaint_registered_at", "registered_at"),
        Index("ix_complaint_closed", "procedure", "stage", "closed_at", "id"),
        Index("ix_complaint_customer_id", "customer_id", "product", "received_at"),
        Index("ix_complaint_contact_id", "contact_id"),
        Index("ix_complaint_received_at", "received_at", "id"),
        Index("ix_complaint_sort_due_at", "sort_due_at", "id"),
        Index("ix_complaint_closed_at", "closed_at", "id"),
        Index("ix_complaint_product", "product", "id"),
        Index("ix_complaint_received_by_id", "received_by_id"),
        Index(
            "ix_complaint_merged_into_id", "merged_into_id",
            sqlite_where=text(MERGED), postgresql_where=text(MERGED),
        ),
        Index("ix_complaint_investigation_id", "investigation_id"),
        Index("ix_complaint_owner_id", "owner_id", "procedure", "stage"),
        Index(
            "ix_complaint_unread", "owner_id", "procedure", "stage",
            sqlite_where=text(UNREAD), postgresql_where=text(UNREAD),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    year: Mapped[int]
    sequence: Mapped[int]
    register_year: Mapped[int | None]
    register_serial: Mapped[int | None]
    procedure: Mapped[str] = mapped_column(String(40))
    procedure_version: Mapped[int]
    stage: Mapped[str] = mapped_column(String(40))
    round: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
    sort_due_at: Mapped[datetime] = mapped_column(default=NO_LIMIT)

    channel: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime]
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    registered_at: Mapped[datetime | None]
    registered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    closed_at: Mapped[datetime | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    subject: Mapped[str] = mapped_column(String(250), default="")
    content: Mapped[str] = mapped_column(Text, default="")
    demand: Mapped[str] = mapped_column(Text, default="")
    complaint_date: Mapped[date | None]
    complaint_class: Mapped[str | None] = mapped_column(String(20))
    cause_type: Mapped[str | None] = mapped_column(String(20))
    link: Mapped[str | None] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer | None] = relationship(viewonly=True)
    clocks: Mapped[list[Clock]] = relationship(
        primaryjoin="and_(Clock.subject_kind == 'complaint', foreign(Clock.subject_id) == Complaint.id)",
        order_by="Clock.due_at, Clock.id",
        viewonly=True,
    )
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    contact_person: Mapped[str] = mapped_column(String(160), default="")
    contact_phone: Mapped[str] = mapped_column(String(40), default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    address: Mapped[str] = mapped_column(Text, default="")
    product: Mapped[str] = mapped_column(String(120), default="")
    model: Mapped[str] = mapped_column(String(80), default="")
    order_no: Mapped[str] = mapped_column(String(80), default="")
    material_no: Mapped[str] = mapped_column(String(80), default="")
    quantity: Mapped[str] = mapped_column(String(40), default="")
    batch: Mapped[str] = mapped_column(String(80), default="")
    ship_date: Mapped[date | None]
    details_asked: Mapped[str] = mapped_column(Text, default="")
    product_code: Mapped[str] = mapped_column(String(80), default="")
    defective_quantity: Mapped[str] = mapped_column(String(40), default="")
    production_date: Mapped[date | None]
    production_unit: Mapped[str] = mapped_column(String(80), default="")
    production_staff: Mapped[str] = mapped_column(String(160), default="")
    severity: Mapped[int | None]
    vp_informed_on: Mapped[date | None]

    attachment_count: Mapped[int] = mapped_column(default=0)
    unread_count: Mapped[int] = mapped_column(default=0)
    repeat_of_count: Mapped[int] = mapped_column(default=0)
    """How many complaints of this customer with this product there were in the twelve months before it."""
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    investigation_id: Mapped[int | None] = mapped_column(ForeignKey("investigation.id"))
    unreached_at: Mapped[datetime | None]  # a mail to the customer came back
    reopening_proposed_at: Mapped[datetime | None]  # the customer wrote again after closing

    @property
    def register_no(self) -> str | None:
        if self.register_year is None or self.register_serial is None:
            return None
        return numbers.register_number(self.register_year, self.register_serial)


class Involvement(Base):
    """A person or a department that a complaint concerns, and since when. It opens the complaint to them, unless they
    are only `WATCHING`, or it is `HIDDEN` from them."""

    __tablename__ = "involvement"
    __table_args__ = (
        UniqueConstraint("complaint_id", "user_id", "department_id", "reason"),
        Index("ix_involvement_user_id", "user_id", "complaint_id"),
        Index("ix_involvement_department_id", "department_id", "complaint_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    reason: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime]


Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


def visible_to(actor: Actor, query: Query) -> Query:
    """Narrow a query over complaints to those the actor may see: all of ordinary procedures for front office and QA,
    all of a procedure for the roles that it lets see them, otherwise the ones that name the person or one of their
    departments, or that they took in themselves, and what they may register as long as it is a draft; never one that is
    hidden from them. Whether a complaint is confidential says the version of the procedure that it follows, whatever
    versions came before or after."""
    limit = _limit(actor)
    if actor.id is not None and hiding():
        query = query.where(Complaint.id.not_in(_hidden_from(actor)))
    return query if limit is None else query.where(limit)


def _hidden_from(actor: Actor) -> Select[int]:
    return select(Involvement.complaint_id).where(Involvement.user_id == actor.id, Involvement.reason == HIDDEN)


def _limit(actor: Actor) -> ColumnElement[bool] | None:
    if not actor.sees_all:
        return or_(concerns(actor), *_to_register(actor), *_theirs_by_role(actor))
    if actor.id is None or not confidential():
        return None
    return or_(ordinary(), concerns(actor), *_to_register(actor), *_theirs_by_role(actor))


def ordinary() -> ColumnElement[bool]:
    """Does a complaint follow a version of a procedure that is not confidential?"""
    hidden = confidential()
    kept = [
        and_(Complaint.procedure == key, Complaint.procedure_version.in_(versions))
        for key, versions in hidden.items()
        if versions
    ]
    return or_(Complaint.procedure.not_in(hidden), *kept)


def in_figures() -> ColumnElement[bool]:
    """Does a complaint stand in the figures? Those of confidential procedures do not, nor the cases of procedures that
    say of themselves that theirs are no complaints, such as returns."""
    return and_(ordinary(), Complaint.procedure.not_in(beside())) if beside() else ordinary()


def _to_register(actor: Actor) -> Iterator[ColumnElement[bool]]:
    """Is a complaint a draft that the actor may register? Until then it may name nobody at all."""
    mine = [(each.key, each.version) for each in versions() if actor.roles & {*each.register_stage.moved_in_by}]
    if mine:
        follows = tuple_(Complaint.procedure, Complaint.procedure_version).in_(mine)
        yield and_(Complaint.registered_at.is_(None), follows)


def _theirs_by_role(actor: Actor) -> Iterator[ColumnElement[bool]]:
    """Does a complaint follow a procedure that lets a role of the actor see all of its complaints?"""
    if mine := [(each.key, each.version) for each in versions() if actor.roles & each.seen_by]:
        yield tuple_(Complaint.procedure, Complaint.procedure_version).in_(mine)


def concerns(actor: Actor) -> ColumnElement[bool]:
    """Does a complaint name the person or one of their departments, or did they take it in, or is it theirs?"""
    named = select(Involvement.complaint_id).where(
        or_(Involvement.user_id == actor.id, Involvement.department_id.in_(actor.departments)),
        Involvement.reason.not_in((WATCHING, HIDDEN)),
    )
    return or_(Complaint.id.in_(named), Complaint.received_by_id == actor.id, Complaint.owner_id == actor.id)


def find(session: Session, number: str, actor: Actor, *, with_clocks: bool = False) -> Complaint:
    """The complaint of this number. Raises `NotFound` alike when there is none and when it is not the actor's."""
    query = _numbered(actor, versions(), with_clocks)
    complaint = session.scalars(query, {"number": number}).unique().one_or_none()
    if complaint is None:
        raise NotFound
    return complaint


@lru_cache(maxsize=512)
def _numbered(actor: Actor, _versions: tuple[Procedure, ...], with_clocks: bool) -> Select[Complaint]:
    """Put together once for each person."""
    along = [contains_eager(Complaint.customer), *([joinedload(Complaint.clocks)] if with_clocks else [])]
    query = select(Complaint).outerjoin(Complaint.customer).options(*along)
    return visible_to(actor, query.where(Complaint.number == bindparam("number")))


@dataclass(frozen=True)
class Draft:
    """A complaint that has just begun. `answer_due_at`: when the last of its first clocks runs out."""

    id: int
    number: str
    answer_due_at: datetime | None = None


def open_draft(
    session: Session,
    *,
    by: Actor,
    at: datetime,
    received_at: datetime,
    channel: str,
    calendar: WorkingCalendar,
    procedure_key: str = DEFAULT,
    fields: dict[str, Any] | None = None,
    noted: dict[str, Any] | None = None,
    with_clocks: bool = True,
) -> Draft:
    """Begin a complaint: a number, the first stage, its clocks and its first line of history, in the caller's
    transaction. `received_at` starts the clocks; `fields` are further columns; `noted` goes into that line. Mail from a
    backlog has no clocks: its promises were kept or broken elsewhere."""
    rules = procedure(procedure_key)
    hours = calendars.for_clock(session, calendar, customer_id=(fields or {}).get("customer_id"))
    said = {"channel": channel, "complaint_class": (fields or {}).get("complaint_class") or ""}
    running = clocks.begun(rules.clocks_at_receipt(said), received_at, hours) if with_clocks else []
    year = numbers.local_year(at, calendar.tz)
    sequence = numbers.next_in(session, f"complaint:{year}")
    number = numbers.complaint_number(year, sequence)
    due = [clock["due_at"] for clock in running if clock["key"] not in rules.targets]
    values: dict[str, Any] = {
        "number": number,
        "year": year,
        "sequence": sequence,
        "procedure": rules.key,
        "procedure_version": rules.version,
        "stage": rules.first.key,
        "changed_at": at,
        "sort_due_at": min(due, default=NO_LIMIT),
        "channel": channel,
        "received_at": received_at,
        "received_by_id": by.id,
        **(fields or {}),
    }
    complaint_id = rows.add_one(session, Complaint, values)
    terms.keep(session, complaint_id, values)
    clocks.start(session, "complaint", complaint_id, running)
    visits.enter(session, complaint_id, rules.first.key, round=1, by=by, at=at)
    work.first(session, complaint_id, rules, at=at)
    history.begin(session, complaint_id, "drafted", by=by, at=at, channel=channel, **(noted or {}))
    return Draft(complaint_id, number, max(due, default=None))


def involve(
    session: Session,
    complaint: Complaint,
    *,
    at: datetime,
    reason: str,
    users: Iterable[int] = (),
    departments: Iterable[int] = (),
) -> None:
    """Name people and departments on a complaint; naming them again changes nothing."""
    wanted = {(user, None) for user in users} | {(None, department) for department in departments}
    known = {tuple(row) for row in rows.run(session, _involved(), {"of": complaint.id, "as": reason})}
    named = {"complaint_id": complaint.id, "reason": reason, "since": at}
    new = [named | {"user_id": user, "department_id": department} for user, department in wanted - known]
    rows.add(session, Involvement, *new)


@cache
def _involved() -> Select[Any]:
    involved = rows.table(Involvement).c
    so = involved.complaint_id == bindparam("of"), involved.reason == bindparam("as")
    return select(involved.user_id, involved.department_id).where(*so)
