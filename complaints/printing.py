"""Printing: what was printed of a complaint, in which revision, and what is still to be made.

Asking for a paper writes down what it says at this moment (see composition.py); a job makes the file of it and keeps
it. A revision is told by what it says: the same asked for again is the file that is there, in another language or
format it is a file of the same revision, and anything new begins the next. Files stay. What a row says is blanked when
its file is made.

A job takes one row at a time under a lease. A worker that died leaves its row to the next one; after `DEATHS` of them
it has failed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import apart, files, history, off_board, workflow
from complaints.blobs import Blobs
from complaints.case import Case, load_with_past
from complaints.complaint import Complaint, Involvement
from complaints.composition import Counted, Known, compose, digest_of
from complaints.customers import Customer
from complaints.database import Base, BigId
from complaints.drawing import TIFF
from complaints.errors import N_, Sentence
from complaints.letters import Attachment
from complaints.papers import CUSTOMER, DOCX, INTERNAL, PDF, Paper
from complaints.people import Actor, Department, User, actor_for
from complaints.procedure import NOTIFIED
from complaints.procedure import of as rules_of
from complaints.promises import decided
from complaints.registration import Incomplete, Problem

BOTH, ENGLISH, CHINESE = "both", "en", "zh"
LANGUAGES = (BOTH, ENGLISH, CHINESE)
LEASE = timedelta(minutes=4)
"""Longer than anybody may be at a paper (jobs/limits.py), so that none is made twice at once."""
DEATHS = 3
STEPS = (N_("in the queue"), N_("written down"), N_("laid out"), N_("kept"))
"""What has been done of a row, by its `step`."""
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
DRAWN_FIRST = frozenset({TIFF})
"""Pictures that are drawn by a child of their own first (previews.py), and printed as it drew them."""
MOST_PICTURES = 24
SHARED_WITH = N_("and others that share its investigation: %(count)s")
TYPES = {PDF: "application/pdf", DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}
WAITING = ("queued", "running")
MOST_WAITING = 5
"""Files of one person in the queue."""
LISTED = 20


class Print(Base):
    """A file of a paper that somebody asked for. `state`: queued, running (under a lease), done, failed."""

    __tablename__ = "print"
    __table_args__ = (
        UniqueConstraint("complaint_id", "paper", "edition", "digest", "language", "format"),
        Index("ix_print_state", "state", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    paper: Mapped[str] = mapped_column(String(30))
    edition: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(10))
    format: Mapped[str] = mapped_column(String(10))
    revision: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[dict[str, Any] | None]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    state: Mapped[str] = mapped_column(String(10), default="queued")
    step: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime | None]
    blob: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(default=0)
    attachment_id: Mapped[str | None] = mapped_column(ForeignKey("attachment.id"))

    @property
    def waits(self) -> bool:
        return self.state in WAITING


class NotPrinted(Incomplete):
    """The form cannot be taken: `problems` says why, by its fields."""

    message = N_("Nothing was printed.")


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for, as the form has it: the keys of a paper, a language, an edition and a format, and the
    pictures (ids of files) that are to stand at its end."""

    paper: str
    language: str = BOTH
    edition: str = INTERNAL
    format: str = PDF
    pictures: tuple[str, ...] = ()


def papers(case: Case) -> list[Paper]:
    """What is printed of a complaint: not what has the number of a record that is not meant for it."""
    records = ((paper, case.rules.sheet(paper.numbered)) for paper in case.rules.papers)
    return [paper for paper, sheet in records if sheet is None or sheet.key in case.records or case.holds(sheet.when)]


def composed(session: Session, complaint: Complaint, wanted: Wanted, *, zone: ZoneInfo) -> dict[str, Any]:
    """What a paper says of a complaint at this moment, whoever asks. Raises `NotPrinted`."""
    case, past = load_with_past(session, complaint)
    paper = next((each for each in papers(case) if each.key == wanted.paper), None)
    if paper is None:
        raise NotPrinted([Problem("paper", Sentence(N_("This procedure does not print this")))])
    if problems := list(_problems(paper, wanted)):
        raise NotPrinted(problems)
    ours = wanted.edition == INTERNAL
    own = _files_of(session, _its(session, complaint, wanted.edition))
    chosen = [own[id_] for id_ in wanted.pictures if id_ in own and _printable(own[id_])]
    known = _known(session, complaint, own, ours=ours)
    return compose(
        paper, case, past, known, edition=wanted.edition, zone=zone, draft=not ours and not decided(case),
        pictures=[_picture(each) for each in chosen[:MOST_PICTURES]],
    )  # fmt: skip


def _problems(paper: Paper, wanted: Wanted) -> Iterable[Problem]:
    offered = {"language": LANGUAGES, "edition": paper.editions, "format": paper.formats}
    for field, known in offered.items():
        if getattr(wanted, field) not in known:
            yield Problem(field, Sentence(N_("This paper is not made so")))


def _files_of(session: Session, complaint_ids: Collection[int]) -> dict[str, Attachment]:
    """What was sent with a complaint or put on it; not what was printed of it."""
    printed = select(Print.attachment_id).where(Print.complaint_id.in_(complaint_ids), Print.attachment_id.is_not(None))
    query = select(Attachment).where(Attachment.complaint_id.in_(complaint_ids), Attachment.id.not_in(printed))
    return {each.id: each for each in session.scalars(query.order_by(Attachment.filename, Attachment.id))}


def _its(session: Session, complaint: Complaint, edition: str) -> list[int]:
    """The complaint and those that were merged into it; for the customer without those of another one."""
    ids = [complaint.id, *off_board.merged_into(session, complaint.id)]
    others = apart.of(session, complaint, ids) if edition == CUSTOMER else {}
    return [each for each in ids if each not in others]


def pictures(session: Session, complaint: Complaint, edition: str = INTERNAL) -> list[Attachment]:
    """The pictures that a paper may show."""
    own = _files_of(session, _its(session, complaint, edition))
    return [each for each in own.values() if _printable(each) and each.filename]


def _printable(file: Attachment) -> bool:
    return file.content_type in PICTURES or file.content_type in DRAWN_FIRST


def _picture(file: Attachment) -> dict[str, str]:
    """A picture as a paper names it, with its `kind` where it is to be drawn first."""
    named = {"id": file.id, "name": file.filename, "blob": file.blob}
    return named | ({"kind": file.content_type} if file.content_type in DRAWN_FIRST else {})


def _known(session: Session, complaint: Complaint, own: files.Files, *, ours: bool) -> Known:
    """Whom and what a paper names; of other complaints that share the investigation only how many there are, and that
    not to the customer."""
    others = 0
    if ours and complaint.investigation_id is not None:
        together = Complaint.investigation_id == complaint.investigation_id, Complaint.id != complaint.id
        others = session.scalar(select(func.count()).select_from(Complaint).where(*together)) or 0
    people = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    departments = {each.id: each.name for each in session.scalars(select(Department))}
    told = session.execute(
        select(Involvement.department_id, Involvement.since)
        .where(Involvement.complaint_id == complaint.id, Involvement.reason == NOTIFIED)
        .order_by(Involvement.since, Involvement.department_id)
    ).all()
    customer = session.get(Customer, complaint.customer_id) if complaint.customer_id else None
    facts: dict[str, list[Any]] = {
        "number": [complaint.number],
        "register_no": [complaint.register_no],
        "stage": [rules_of(complaint).stage(complaint.stage).name],
        "received_at": [complaint.received_at],
        "received_by": [people.get(complaint.received_by_id or 0)],
        "registered_at": [complaint.registered_at],
        "registered_by": [people.get(complaint.registered_by_id or 0)],
        "closed_at": [complaint.closed_at],
        "sources": [complaint.number, *([Counted(SHARED_WITH, others)] if others else [])],
        "notified": [each for id_, since in told if id_ in departments for each in (departments[id_], since)],
        "files": [each.filename for each in own.values() if not each.inline],
    }
    names = {each.id: each.filename for each in own.values()}
    return Known(people, departments, names, facts, customer.name if customer else "")


def ask(session: Session, complaint: Complaint, wanted: Wanted, *, by: Actor, at: datetime, zone: ZoneInfo) -> Print:
    """A file of a paper as it is now, in the caller's transaction: the one that is there, or one that is to be made.
    Raises `NotPrinted`."""
    workflow.hold(session, complaint)
    content = composed(session, complaint, wanted, zone=zone)
    digest = digest_of(content)
    same = Print.complaint_id == complaint.id, Print.paper == wanted.paper, Print.edition == wanted.edition
    files_of_it = session.scalars(select(Print).where(*same, Print.digest == digest)).all()
    for each in files_of_it:
        if (each.language, each.format) == (wanted.language, wanted.format):
            if each.state == "failed":
                _check_queue(session, by)
                each.state, each.step, each.attempts, each.error = "queued", 0, 0, ""
            return each
    _check_queue(session, by)
    newest = session.scalar(select(func.max(Print.revision)).where(*same)) or 0
    assert by.id is not None
    asked = Print(
        complaint_id=complaint.id, paper=wanted.paper, edition=wanted.edition, language=wanted.language,
        format=wanted.format, revision=files_of_it[0].revision if files_of_it else newest + 1, digest=digest,
        content=content, asked_at=at, asked_by_id=by.id,
    )  # fmt: skip
    session.add(asked)
    session.flush()
    return asked


def _check_queue(session: Session, by: Actor) -> None:
    """Has this person room in the queue? They are held until the transaction ends, so that files asked for at once are
    counted one after the other."""
    session.scalar(select(User.id).where(User.id == by.id).with_for_update(key_share=True))
    waiting = select(func.count()).select_from(Print).where(Print.asked_by_id == by.id, Print.state.in_(WAITING))
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        message = N_("You have %(most)s files in the queue already; ask again when one of them is made.")
        raise NotPrinted([Problem("paper", Sentence(message, {"most": MOST_WAITING}))])


def of(session: Session, complaint: Complaint, *, before: int | None = None) -> tuple[list[Print], bool]:
    """What was printed of a complaint, the newest first, so many as a page lists, of those `before` one; and whether
    there are more."""
    query = select(Print).where(Print.complaint_id == complaint.id).order_by(Print.id.desc()).limit(LISTED + 1)
    found = list(session.scalars(query if before is None else query.where(Print.id < before)))
    return found[:LISTED], len(found) > LISTED


def drafts(session: Session, case: Case, chosen: Collection[Attachment]) -> list[str]:
    """The names of those files that are papers which were made before it was decided what is done, and say so."""
    if not chosen:
        return []
    of_it = Print.complaint_id == case.complaint.id, Print.attachment_id.in_([each.id for each in chosen])
    asked = {
        row.attachment_id: row.asked_at
        for row in session.execute(select(Print.attachment_id, Print.asked_at).where(*of_it))
    }
    return [each.filename for each in chosen if each.id in asked and not decided(case, asked[each.id])]


def find(session: Session, complaint: Complaint, print_id: int) -> Print | None:
    return session.scalar(select(Print).where(Print.complaint_id == complaint.id, Print.id == print_id))


# The making


@dataclass(frozen=True)
class Claim:
    """A row taken to be made. Who holds an older attempt must not write."""

    id: int
    attempt: int


def _due(at: datetime) -> Any:
    return or_(Print.state == "queued", and_(Print.state == "running", Print.lease_until < at))


def something_due(session: Session, *, at: datetime) -> bool:
    """Does anything wait that a worker should take now?"""
    return session.scalar(select(Print.id).where(_due(at)).limit(1)) is not None


def claim(session: Session, *, at: datetime) -> Claim | None:
    """Take the next row under a lease, in a short transaction of its own; None when nothing is due."""
    while True:
        due = select(Print).where(_due(at)).order_by(Print.id).limit(1).with_for_update(skip_locked=True)
        if (row := session.scalar(due)) is None:
            return None
        if row.attempts >= DEATHS:
            row.state, row.error, row.lease_until = "failed", "worker died while making it", None
            session.flush()
            continue
        row.state, row.step, row.lease_until = "running", 0, at + LEASE
        row.attempts += 1
        session.flush()
        return Claim(row.id, row.attempts)


def reached(session: Session, held: Claim, step: int, *, at: datetime) -> bool:
    """A step is done; False when the claim is lost."""
    return _if_held(session, held, step=step, lease_until=at + LEASE)


def failed(session: Session, held: Claim, *, error: str) -> bool:
    """It cannot be made; somebody may ask for it again."""
    return _if_held(session, held, state="failed", error=error[:500], lease_until=None)


def made(session: Session, held: Claim, blobs: Blobs, made: bytes, *, at: datetime, zone: ZoneInfo) -> bool:
    """Keep the file that was made, in the caller's transaction; False when the claim is lost. One for the customer is
    a file of the complaint from now on, to be sent with a reply."""
    blob = blobs.put(made)
    row = session.get_one(Print, held.id)
    complaint = session.get_one(Complaint, row.complaint_id)
    workflow.hold(session, complaint)
    done = {"state": "done", "step": len(STEPS) - 1, "blob": blob, "size": len(made), "made_at": at}
    if not _if_held(session, held, **done, lease_until=None, content=None):
        return False
    by = actor_for(session, session.get_one(User, row.asked_by_id), at.astimezone(zone).date())
    if row.edition == CUSTOMER:
        kept = files.add(
            session, complaint, blobs, BytesIO(made), name=filename(complaint, row), content_type=TYPES[row.format],
            declared_type=TYPES[row.format], by=by, at=at, told=False,
        )  # fmt: skip
        row.attachment_id = kept.id
    history.note(
        session, complaint.id, "printed", by=by, at=at, paper=row.paper, edition=row.edition, revision=row.revision,
        format=row.format,
    )  # fmt: skip
    session.flush()
    return True


def filename(complaint: Complaint, row: Print) -> str:
    """What the file is called: the complaint, the paper in the language of the file, and the revision."""
    paper = next((each.name for each in rules_of(complaint).papers if each.key == row.paper), None)
    called = paper.in_(CHINESE if row.language == CHINESE else ENGLISH) if paper else row.paper
    language = "" if row.language == BOTH else f" {row.language}"
    ours = "" if row.edition == CUSTOMER else " internal 内部"
    return f"{complaint.number} {called} rev {row.revision}{language}{ours}.{row.format}"


def _if_held(session: Session, held: Claim, **values: Any) -> bool:
    done = session.execute(
        update(Print)
        .where(Print.id == held.id, Print.state == "running", Print.attempts == held.attempt)
        .values(**values)
        .returning(Print.id)
        .execution_options(synchronize_session="fetch")
    ).scalar_one_or_none()
    return done is not None
