"""Mailboxes: the folders that we read, and how they are.

One comes from the environment (`IMAP_URL`) or from Settings → Mailboxes. A password or token of the second kind is
encrypted at rest with `CREDENTIALS_KEY`. Each mailbox is read by one poller at a time, the one that holds its lease.

Another host, port, user or folder is another mailbox: the UIDs that we noted mean nothing there. So a row never moves;
it rests with its messages, and a new one begins.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, Text, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.database import Base, BigId
from complaints.errors import N_, ComplaintError, NotFound, Sentence
from complaints.people import Actor
from complaints.procedure import DEFAULT

ENVIRONMENT, SETTINGS = "environment", "settings"
PASSWORD, XOAUTH2 = "password", "xoauth2"
CODE, CLIENT_CREDENTIALS = "code", "client_credentials"
"""The flows of OAuth 2.0: a person signs in, or the application reads by itself."""
UNUSED = timedelta(days=60)  # Microsoft forgets a refresh token that nobody used for 90 days
SECRET_ENDS = timedelta(days=14)
STARTTLS_PORT = 143
"""TLS begins with the connection, except on IMAP's old port, where it begins by STARTTLS (RFC 8314)."""
LEASE = timedelta(seconds=90)
NO_LEASE = 10 * LEASE
"""A lease that ends later than that was taken by a clock that was wrong; one machine's may differ from another's."""
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
    auth: Mapped[str] = mapped_column(String(12), default=PASSWORD)  # or xoauth2
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
    renumbered_at: Mapped[datetime | None]  # when its server gave all messages new numbers
    version: Mapped[int] = mapped_column(default=1)  # a new one makes its poller begin anew


def take_lease(session: Session, mailbox_id: int, *, holder: str, at: datetime) -> bool:
    """Hold a mailbox for the next minute and a half; False while another poller holds it. Taking it again renews."""
    won = session.execute(
        update(Mailbox)
        .where(
            Mailbox.id == mailbox_id,
            or_(
                Mailbox.leased_by == holder,
                Mailbox.lease_until.is_(None),
                ~Mailbox.lease_until.between(at, at + NO_LEASE),
            ),
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


def never_signed_in(row: Mailbox) -> bool:
    """Does the provider wait for a person to open this mailbox to us?"""
    return row.auth == XOAUTH2 and row.oauth.get("flow") == CODE and row.token_renewed_at is None


def token_trouble(row: Mailbox, now: datetime) -> Sentence | None:
    """What is wrong, or soon will be, with the tokens of a mailbox; None while they live."""
    if row.auth != XOAUTH2:
        return None
    by_person = row.oauth.get("flow") == CODE
    if row.oauth.get("refused"):
        since = f"{datetime.fromisoformat(row.oauth['refused_at']):%Y-%m-%d %H:%M} UTC"
        return Sentence(
            N_("The provider gives no token for %(address)s since %(since)s: %(reason)s. Sign in again in Settings."),
            {"address": row.address, "since": since, "reason": row.oauth["refused"]},
        )
    if never_signed_in(row):
        return Sentence(N_("Nobody has signed in for %(address)s at the provider yet."), {"address": row.address})
    if by_person and row.token_renewed_at and now - row.token_renewed_at > UNUSED:
        return Sentence(
            N_("The sign-in for %(address)s was last renewed on %(day)s; after 90 days without use it dies."),
            {"address": row.address, "day": f"{row.token_renewed_at:%Y-%m-%d}"},
        )
    ends = str(row.oauth.get("secret_expires") or "")
    if ends and date.fromisoformat(ends) <= (now + SECRET_ENDS).date():
        return Sentence(
            N_("The client secret for %(address)s ends on %(day)s. Make a new one at the provider and enter it."),
            {"address": row.address, "day": ends},
        )
    return None


class SameFolder(ComplaintError):
    """Two pollers in one folder would take each other's mail."""

    message = N_("%(name)s is read already.")


class InEnvironment(ComplaintError):
    message = N_("%(name)s comes from IMAP_URL. Take it out there and start again.")


def may_set_up(actor: Actor) -> bool:
    """Whose business mailboxes and their secrets are: the administrators' alone."""
    return actor.id is None or "admin" in actor.roles


def configured(session: Session) -> list[Mailbox]:
    """The mailboxes that are read or paused, in the order of their addresses."""
    return list(session.scalars(select(Mailbox).where(Mailbox.active).order_by(Mailbox.address, Mailbox.id)))


def find(session: Session, mailbox_id: int, actor: Actor) -> Mailbox:
    """A configured mailbox; raises `NotFound` for everybody but administrators."""
    row = session.get(Mailbox, mailbox_id) if may_set_up(actor) and 0 < mailbox_id < 2**31 else None
    if row is None or not row.active:
        raise NotFound
    return row


def name_of(values: Mapping[str, Any]) -> str:
    """The name of a mailbox: where it is, and whose."""
    return f"{values['user']}@{values['host']}:{values['port']}/{values['folder']}"


def add(session: Session, values: Mapping[str, Any]) -> Mailbox:
    """Read one more mailbox from now on. One that was removed before comes back with its messages, so that nothing is
    taken twice. Raises `SameFolder`."""
    name = name_of(values)
    row = session.scalars(select(Mailbox).where(Mailbox.name == name)).one_or_none()
    if row is None:
        row = Mailbox(name=name, version=0)
        session.add(row)
    elif row.active:
        raise SameFolder(name=name)
    _set(row, {"source": SETTINGS, "active": True, "paused_at": None, "fault": None, "fault_since": None, **values})
    session.flush()
    return row


def change(session: Session, row: Mailbox, values: Mapping[str, Any]) -> Mailbox:
    """Change a mailbox; its poller begins anew. Returns the row that is read from now on: another one where the
    connection leads to another place. Raises `SameFolder`."""
    if "host" not in values or name_of(values) == row.name:
        _set(row, values)
        return row
    new = add(session, values)
    _set(row, {"active": False, "secret": "", "oauth_secret": ""})
    return new


def pause(row: Mailbox, *, by: Actor, at: datetime) -> None:
    """Leave the mailbox alone until somebody goes on; mail waits there."""
    if row.paused_at is None:
        _set(row, {"paused_at": at, "paused_by_id": by.id})


def resume(row: Mailbox) -> None:
    _set(row, {"paused_at": None, "paused_by_id": None})


def remove(row: Mailbox) -> None:
    """Read it no more and forget its secrets; its messages stay ours. Raises `InEnvironment`."""
    if row.source == ENVIRONMENT:
        raise InEnvironment(name=row.name)
    _set(row, {"active": False, "secret": "", "oauth_secret": ""})


def _set(row: Mailbox, values: Mapping[str, Any]) -> None:
    for column, value in values.items():
        setattr(row, column, value)
    row.version += 1
