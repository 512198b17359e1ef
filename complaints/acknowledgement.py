"""The acknowledgement: the customer is told at once that the complaint arrived, under which number, and what is next.

It holds no sender-chosen text, no promise and no date (unless the company switches on the time of the first answer).
Caps protect those whose name is borrowed: at most 5 an hour to one address, 20 an hour to one unverified domain, and a
limit on all together.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from complaints import outbox
from complaints.complaint import Complaint, Draft
from complaints.letters import UNANSWERED, Letter, Sighting
from complaints.outbox import Outgoing
from complaints.people import fold_email
from complaints.rows import dialect

PER_SENDER = 5
PER_DOMAIN = 20
IN_ALL = 600
WINDOW = timedelta(hours=1)
OLDEST = timedelta(days=3)
KIND = "acknowledgement"
COUNTING = 0x61636B73
"""The lock of those who count, among PostgreSQL's advisory ones."""


class Recent:
    """The acknowledgements of the last hour, counted: read once for a batch of mail, kept up to date by `count`. With
    `hold`, nobody else counts until the transaction ends, so that two do not both give the last one."""

    def __init__(self, session: Session, *, at: datetime, hold: bool = False) -> None:
        if hold and dialect(session) == "postgresql":  # SQLite has one writer at a time
            session.execute(select(func.pg_advisory_xact_lock(COUNTING)))
        lately = Outgoing.created_at.between(at - WINDOW, at + WINDOW)  # not what a clock far ahead left behind
        rows = session.execute(select(Outgoing.recipient, Outgoing.domain).where(Outgoing.kind == KIND, lately)).all()
        self.at = at
        self.senders = Counter(recipient for recipient, _ in rows)
        self.domains = Counter(domain for _, domain in rows)
        self.in_all = len(rows)

    def withheld(self, *, recipient: str, received_at: datetime, verified: bool) -> str | None:
        """Why an acknowledgement does not go out now (a code for the reader's sentence), or None if it may."""
        recipient = fold_email(recipient)
        if self.at - received_at > OLDEST:
            return "too_old"
        if self.senders[recipient] >= PER_SENDER:
            return "sender_cap"
        if not verified and self.domains[recipient.rpartition("@")[2]] >= PER_DOMAIN:
            return "domain_cap"
        return "system_cap" if self.in_all >= IN_ALL else None

    def count(self, recipient: str) -> None:
        """One more was promised."""
        recipient = fold_email(recipient)
        self.senders[recipient] += 1
        self.domains[recipient.rpartition("@")[2]] += 1
        self.in_all += 1


def promise(
    session: Session,
    draft: Draft,
    *,
    recipient: str,
    locale: str,
    in_reply_to: str,
    references: Sequence[str],
    received_at: datetime,
    at: datetime,
    secret: str,
    domain: str,
    with_time: bool = False,
    answers_to: str = "",
) -> None:
    """Owe the acknowledgement of a draft, in the draft's transaction. One for each draft, for ever. `with_time` adds
    when we answer first; a company switches that on. `answers_to` is a mailbox of ours that takes plus addresses."""
    values = {"number": draft.number, "received_at": received_at.isoformat()}
    if with_time and draft.answer_due_at is not None:
        values["answer_by"] = draft.answer_due_at.isoformat()
    outbox.owe(
        session,
        purpose=f"ack:complaint:{draft.id}",
        kind=KIND,
        recipient=recipient,
        locale=locale,
        at=at,
        secret=secret,
        domain=domain,
        complaint_id=draft.id,
        in_reply_to=in_reply_to,
        references=references,
        reply_to=outbox.reply_address(secret, complaint_id=draft.id, recipient=recipient, address=answers_to)
        if answers_to
        else "",
        values=values,
    )


def make_up_for(session: Session, complaint: Complaint, *, at: datetime, secret: str, domain: str) -> bool:
    """Owe the acknowledgement that was held back when the letter came, unless it is old or from a backlog; says whether
    one is owed now. Registering is a person's word that the complaint is real."""
    first = session.scalar(select(Letter).where(Letter.complaint_id == complaint.id).order_by(Letter.id).limit(1))
    if first is None or not complaint.contact_email or at - complaint.received_at > OLDEST:
        return False
    backlog = select(Sighting.id).where(Sighting.letter_id == first.id, Sighting.door.in_(UNANSWERED)).limit(1)
    if session.scalar(backlog):
        return False
    owed = select(Outgoing.id).where(Outgoing.complaint_id == complaint.id, Outgoing.kind == KIND).limit(1)
    if session.scalar(owed):
        return False
    promise(
        session,
        Draft(complaint.id, complaint.number),
        recipient=complaint.contact_email,
        locale=first.language,
        in_reply_to=first.message_id,
        references=[*first.references[-20:], first.message_id] if first.message_id else [],
        received_at=complaint.received_at,
        at=at,
        secret=secret,
        domain=domain,
    )
    return True
