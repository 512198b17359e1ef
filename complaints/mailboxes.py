"""Mailboxes: the folders that we read, and how they are.

One comes from the environment (`IMAP_URL`) or from Settings → Mailboxes. A password or token of the second kind is
encrypted at rest with `CREDENTIALS_KEY`. Each mailbox is read by one poller at a time, the one that holds its lease.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, Text, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base, BigId
from complaints.procedure import DEFAULT

ENVIRONMENT, SETTINGS = "environment", "settings"
LEASE = timedelta(seconds=90)
PROCESSED = "Processed"


class Mailbox(Base):
    """A folder that we read. `looked_at` is the last successful look; a fault stays until a look succeeds."""

    __tablename__ = "mailbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)  # user@host:port/folder
    source: Mapped[str] = mapped_column(String(12), default=ENVIRONMENT)
    active: Mapped[bool] = mapped_column(default=True)  # False: no longer configured
    label: Mapped[str] = mapped_column(String(120), default="")
    address: Mapped[str] = mapped_column(String(254), default="")  # where customers write to
    host: Mapped[str] = mapped_column(String(254), default="")
    port: Mapped[int] = mapped_column(default=993)
    tls: Mapped[bool] = mapped_column(default=True)
    user: Mapped[str] = mapped_column(String(254), default="")
    folder: Mapped[str] = mapped_column(String(200), default="INBOX")
    processed_folder: Mapped[str] = mapped_column(String(200), default=PROCESSED)
    auth: Mapped[str] = mapped_column(String(12), default="password")  # or xoauth2
    secret: Mapped[str] = mapped_column(Text, default="")  # the password, encrypted
    oauth: Mapped[dict[str, Any]] = mapped_column(default=dict)  # provider, flow, client_id, token_url, scope …
    oauth_secret: Mapped[str] = mapped_column(Text, default="")  # client secret and tokens, encrypted
    token_renewed_at: Mapped[datetime | None]
    token_expires_at: Mapped[datetime | None]
    procedure: Mapped[str] = mapped_column(String(40), default=DEFAULT)
    locale: Mapped[str] = mapped_column(String(10), default="")  # of those whose mail does not show one
    plus_addresses: Mapped[bool] = mapped_column(default=False)  # address+anything@… arrives here, too
    take_from: Mapped[datetime | None]  # older mail is set aside
    paused_at: Mapped[datetime | None]
    paused_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    asked_at: Mapped[datetime | None]  # somebody pressed "Fetch now"
    lease_until: Mapped[datetime | None]
    leased_by: Mapped[str] = mapped_column(String(80), default="")
    looked_at: Mapped[datetime | None]
    waiting: Mapped[int] = mapped_column(default=0)  # messages in the folder that were not taken at the last look
    fault: Mapped[str | None] = mapped_column(Text)
    fault_since: Mapped[datetime | None]
    uidvalidity: Mapped[int | None] = mapped_column(BigId)
    version: Mapped[int] = mapped_column(default=1)  # a new one makes its poller begin anew


def from_environment(session: Session, names: dict[str, dict[str, Any]]) -> None:
    """The mailboxes of the environment as rows: new ones are added, those that are named no more rest."""
    if names:
        rows.add_unless_there(session, Mailbox, [{"name": name, **values} for name, values in names.items()])
    session.execute(update(Mailbox).where(Mailbox.source == ENVIRONMENT).values(active=Mailbox.name.in_(list(names))))


def take_lease(session: Session, mailbox_id: int, *, holder: str, at: datetime) -> bool:
    """Hold a mailbox for the next minute and a half; False while another poller holds it. Taking it again renews."""
    won = session.execute(
        update(Mailbox)
        .where(
            Mailbox.id == mailbox_id,
            or_(Mailbox.leased_by == holder, Mailbox.lease_until.is_(None), Mailbox.lease_until < at),
        )
        .values(leased_by=holder, lease_until=at + LEASE)
        .returning(Mailbox.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return won is not None


def drop_lease(session: Session, mailbox_id: int, *, holder: str) -> None:
    """Let go of a mailbox, so that the next poller need not wait."""
    session.execute(
        update(Mailbox)
        .where(Mailbox.id == mailbox_id, Mailbox.leased_by == holder)
        .values(leased_by="", lease_until=None)
    )


def polled(session: Session) -> list[Mailbox]:
    """The mailboxes to read now: configured and not paused."""
    return list(
        session.scalars(select(Mailbox).where(Mailbox.active, Mailbox.paused_at.is_(None)).order_by(Mailbox.id))
    )
