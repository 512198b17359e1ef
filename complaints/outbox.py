"""The outbox: every mail we owe, as a row written in the transaction of the fact it tells.

The row is the duty, with a unique purpose; jobs and Redis are only a doorbell. A worker claims one row at a time under
a lease, sends it, and marks it. The one moment that cannot be exact lies between the final dot and the server's answer:
`handed_over_at` is committed just before it, so a worker that died earlier is repeated without doubt, and one that died
later is repeated once with the same Message-ID and marked as possibly sent twice.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, and_, case, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.conversation import Entry
from complaints.database import Base, BigId
from complaints.people import fold_email

LEASE = timedelta(minutes=2)
GAPS = (60, 300, 900, 3600, 7200, 14400)
"""Seconds between tries after a temporary failure; the last repeats."""
LONGEST_ID = 250
"""A longer Message-ID is not cited: cut, it would match nothing."""
DEATHS = 3
"""After so many workers died with a row in hand it is parked for a person."""


RANKS: Mapping[str, int] = {"acknowledgement": 0, "reply": 1, "enquiry": 1}
"""Which kinds go first of what is due: whoever waits outside the house. All others come after them."""


class Outgoing(Base):
    """A mail we owe somebody; one with several recipients goes to `also` in the same breath. `refused`: those of them
    whom the mail server did not take while it took the others, each with what it said.

    `state`: pending, sending (under a lease), sent, failed (the server said no for good), uncertain (may or may not
    have arrived twice over: a person decides), cancelled (owed no more, before anybody began to send it)."""

    __tablename__ = "outgoing"
    __table_args__ = (
        Index("ix_outgoing_state_due_at", "state", "due_at"),
        Index("ix_outgoing_kind_created_at", "kind", "created_at", "recipient", "domain"),
        Index("ix_outgoing_complaint_id", "complaint_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(30))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    recipient: Mapped[str] = mapped_column(String(254))
    also: Mapped[list[Any]] = mapped_column(default=list)
    refused: Mapped[dict[str, Any]] = mapped_column(default=dict)
    domain: Mapped[str] = mapped_column(String(254))
    locale: Mapped[str] = mapped_column(String(10))
    message_id: Mapped[str] = mapped_column(String(250), unique=True)
    in_reply_to: Mapped[str] = mapped_column(String(250), default="")
    references: Mapped[list[Any]]
    values: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    ambiguous: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    rendered: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    reply: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]
    bounce_status: Mapped[str] = mapped_column(String(20), default="")
    bounce_reason: Mapped[str] = mapped_column(Text, default="")

    @property
    def recipients(self) -> list[str]:
        return [self.recipient, *self.also]

    @property
    def still_to_get_it(self) -> list[str]:
        """The recipients who have not got it yet: all, or those who were refused."""
        return list(self.refused) or self.recipients


def message_id(secret: str, *, purpose: str, recipient: str, domain: str) -> str:
    """Our Message-ID for a purpose and a recipient: nobody can guess it, every repeat carries the same one, and an
    answer that cites it proves that its writer got our mail."""
    mark = hmac.new(secret.encode(), f"{purpose}\n{recipient}".encode(), hashlib.sha256).hexdigest()[:40]
    return f"redress.{mark}@{domain}"


_REPLY_MARK = re.compile(r"[^@]*\+c(\d{1,10})\.([0-9a-f]{32})@", re.IGNORECASE)


def reply_address(secret: str, *, complaint_id: int, recipient: str, address: str) -> str:
    """Where answers to a mail may go for programs that drop its Message-ID: our address with a mark that is worth
    something only from this recipient, for this complaint. For mailboxes that take `name+anything@domain`."""
    local, _, domain = address.rpartition("@")
    return f"{local}+c{complaint_id}.{_reply_mark(secret, complaint_id, recipient)}@{domain}"


def complaint_of_reply(secret: str, *, address: str, sender: str) -> tuple[int, bool] | None:
    """The complaint that a marked address names, and whether it was given to this sender; None if it has no mark."""
    found = _REPLY_MARK.match(address)
    if found is None:
        return None
    complaint_id = int(found[1])
    return complaint_id, hmac.compare_digest(found[2].lower(), _reply_mark(secret, complaint_id, sender))


def _reply_mark(secret: str, complaint_id: int, recipient: str) -> str:
    text = f"reply\n{complaint_id}\n{fold_email(recipient)}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def owe(
    session: Session,
    *,
    purpose: str,
    kind: str,
    recipient: str,
    locale: str,
    at: datetime,
    secret: str,
    domain: str,
    complaint_id: int | None = None,
    in_reply_to: str = "",
    references: Sequence[str] = (),
    reply_to: str = "",
    due_at: datetime | None = None,
    values: dict[str, Any] | None = None,
    also: Sequence[str] = (),
    author_id: int | None = None,
) -> None:
    """Write down that a mail is owed, at once or not before `due_at`. The purpose is unique: owing the same twice is an
    error of the caller. `also` are further recipients of the same mail. One to the customer of a complaint stands in
    its conversation; `author_id` is who wrote it."""
    recipient = fold_email(recipient)
    row = {
        "purpose": purpose,
        "kind": kind,
        "complaint_id": complaint_id,
        "recipient": recipient,
        "also": [each for each in dict.fromkeys(map(fold_email, also)) if each != recipient],
        "domain": recipient.rpartition("@")[2],
        "locale": locale,
        "message_id": message_id(secret, purpose=purpose, recipient=recipient, domain=domain),
        "in_reply_to": in_reply_to if len(in_reply_to) <= LONGEST_ID else "",
        "references": [reference for reference in references if len(reference) <= LONGEST_ID],
        "reply_to": reply_to,
        "values": values or {},
        "created_at": at,
        "due_at": due_at or at,
    }
    if complaint_id is None:
        rows.add(session, Outgoing, row)
        return
    said = {"complaint_id": complaint_id, "kind": "mail", "at": at, "author_id": author_id}
    rows.add(session, Entry, said | {"outgoing_id": rows.add_one(session, Outgoing, row)})


def cancel(session: Session, purposes: Collection[str]) -> None:
    """These mails are owed no more; what a worker has in hand goes out all the same."""
    session.execute(
        update(Outgoing)
        .where(Outgoing.purpose.in_(purposes), Outgoing.state == "pending")
        .values(state="cancelled")
        .execution_options(synchronize_session=False)
    )


def take_back(session: Session, outgoing_id: int) -> bool:
    """A mail is owed no more, if nobody has begun to send it; otherwise False."""
    untouched = Outgoing.id == outgoing_id, Outgoing.state == "pending", Outgoing.attempts == 0
    cancelled = update(Outgoing).where(*untouched).values(state="cancelled").returning(Outgoing.id)
    return session.execute(cancelled).scalar_one_or_none() is not None


def again(session: Session, outgoing_id: int, *, at: datetime) -> bool:
    """A person wants a mail to be tried once more: one that failed or is in doubt, or for those who were refused. Where
    there is nothing to try, False. What may have arrived twice stays noted: another doubt waits for a person again."""
    row = session.get_one(Outgoing, outgoing_id, with_for_update=True, populate_existing=True)
    if row.state not in ("failed", "uncertain") and not (row.state == "sent" and row.refused):
        return False
    row.state, row.due_at, row.error, row.deaths, row.handed_over_at = "pending", at, None, 0, None
    session.flush()
    return True


@dataclass(frozen=True)
class Claim:
    """A row taken for sending. `attempt` is its fencing number: who holds an older one must not send."""

    id: int
    attempt: int


def claim(session: Session, *, at: datetime) -> Claim | None:
    """Take the next due row, by its kind's rank, under a lease, in a short transaction of its own; None when nothing is
    due.

    A row whose lease ended belonged to a worker that died. It is taken again, unless it died too often or its mail may
    have been sent twice already: then it is parked."""
    due = or_(
        and_(Outgoing.state == "pending", Outgoing.due_at <= at),
        and_(Outgoing.state == "sending", Outgoing.lease_until < at),
    )
    while True:
        row = session.scalar(
            select(Outgoing)
            .where(due)
            .order_by(case(RANKS, value=Outgoing.kind, else_=len(RANKS)), Outgoing.due_at, Outgoing.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if row is None:
            return None
        if row.state == "sending":
            row.deaths += 1
            if row.handed_over_at is not None:
                row.ambiguous += 1
            if row.ambiguous > 1 or row.deaths >= DEATHS:
                row.state = "uncertain" if row.ambiguous else "failed"
                row.error = "worker died while sending"
                row.lease_until = None
                session.flush()
                continue
        row.state = "sending"
        row.attempts += 1
        row.lease_until = at + LEASE
        row.handed_over_at = None
        session.flush()
        return Claim(row.id, row.attempts)


def renew(session: Session, held: Claim, *, at: datetime) -> bool:
    """Hold a claim longer; False when it is lost."""
    return _if_held(session, held, lease_until=at + LEASE)


def hand_over(session: Session, held: Claim, *, at: datetime) -> bool:
    """Note that the mail is about to leave; False when the claim is lost and nothing may be sent."""
    return _if_held(session, held, handed_over_at=at, lease_until=at + LEASE)


def keep_rendered(session: Session, held: Claim, rendered: bytes) -> bool:
    """Keep the mail as it was rendered, once; every repeat sends these bytes."""
    return _if_held(session, held, rendered=rendered)


def sent(session: Session, held: Claim, *, at: datetime, reply: str, refused: Mapping[str, str] | None = None) -> bool:
    """The server took it, but not for those who were `refused`."""
    return _if_held(
        session, held, state="sent", sent_at=at, reply=reply[:500], lease_until=None, error=None,
        refused={address: said[:500] for address, said in (refused or {}).items()},
    )  # fmt: skip


def put_off(session: Session, held: Claim, *, at: datetime, error: str) -> bool:
    """Not now: try again after a growing gap."""
    gap = GAPS[min(held.attempt, len(GAPS)) - 1]
    return _if_held(
        session, held, state="pending", due_at=at + timedelta(seconds=gap), error=error[:500], lease_until=None,
        handed_over_at=None,
    )  # fmt: skip


def refused(session: Session, held: Claim, *, error: str) -> bool:
    """The server said no for good: shown on the complaint, not tried again."""
    return _if_held(session, held, state="failed", error=error[:500], lease_until=None)


def doubtful(session: Session, held: Claim, *, at: datetime, error: str) -> bool:
    """The connection broke after the final dot: it may have been taken. One repeat, then a person decides."""
    before = session.scalar(select(Outgoing.ambiguous).where(Outgoing.id == held.id)) or 0
    if before:
        return _if_held(session, held, state="uncertain", ambiguous=before + 1, error=error[:500], lease_until=None)
    return _if_held(
        session, held, state="pending", ambiguous=1, due_at=at + timedelta(seconds=GAPS[0]), error=error[:500],
        lease_until=None, handed_over_at=None,
    )  # fmt: skip


def bounced(session: Session, outgoing_id: int, *, at: datetime, status: str, reason: str) -> None:
    """A mail server reported that a mail of ours did not arrive, after another had taken it."""
    session.execute(
        update(Outgoing)
        .where(Outgoing.id == outgoing_id)
        .values(bounced_at=at, bounce_status=status[:20], bounce_reason=reason[:500])
        .execution_options(synchronize_session=False)
    )


def _if_held(session: Session, held: Claim, **values: Any) -> bool:
    done = session.execute(
        update(Outgoing)
        .where(Outgoing.id == held.id, Outgoing.state == "sending", Outgoing.attempts == held.attempt)
        .values(**values)
        .returning(Outgoing.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return done is not None


def something_due(session: Session, *, at: datetime) -> bool:
    """Is any mail waiting that a worker should take now?"""
    return (
        session.scalar(
            select(Outgoing.id)
            .where(
                or_(
                    and_(Outgoing.state == "pending", Outgoing.due_at <= at),
                    and_(Outgoing.state == "sending", Outgoing.lease_until < at),
                )
            )
            .limit(1)
        )
        is not None
    )
