"""Signing in: a session is a row, so that signing out, leaving or a new password ends it at once.

The cookie holds a random token; the row holds only its hash.
"""

import hashlib
import secrets
from datetime import date, datetime, timedelta
from functools import cache

from sqlalchemy import Date, ForeignKey, Index, Select, String, and_, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.database import Base
from complaints.people import Actor, Grant, User, as_actor, held_on

SHORT = timedelta(hours=12)
LONG = timedelta(days=14)
FRESH = timedelta(minutes=15)
"""So long after the password was given nobody is asked for it again before they sign."""


class SignIn(Base):
    """One browser in which a person is signed in, until `expires_at`. `proved_at`: when the password was last given."""

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_user_id", "user_id"),)
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime]
    proved_at: Mapped[datetime]
    expires_at: Mapped[datetime]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def begin(session: Session, user: User, *, at: datetime, keep: bool) -> str:
    """Sign a person in; returns the token for the cookie. Old sessions of everybody are swept on the way."""
    session.execute(delete(SignIn).where(SignIn.expires_at < at))
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_hash(token),
            user_id=user.id,
            created_at=at,
            proved_at=at,
            expires_at=at + (LONG if keep else SHORT),
        )
    )
    return token


def who(session: Session, token: str, *, at: datetime, today: date) -> tuple[User, Actor] | None:
    """The person signed in with this token, if it still counts, with the roles held `today`."""
    found = session.execute(_who(), {"token": _hash(token), "at": at, "today": today}).all()
    if not found:
        return None
    return found[0].User, as_actor(found[0].User, [(row.role, row.department_id) for row in found if row.role])


@cache
def _who() -> Select[User, str, int | None]:
    counts = SignIn.token_hash == bindparam("token"), SignIn.expires_at > bindparam("at"), User.left_at.is_(None)
    mine = select(User, Grant.role, Grant.department_id).join(SignIn, SignIn.user_id == User.id)
    return mine.outerjoin(Grant, and_(Grant.user_id == User.id, *held_on(bindparam("today", type_=Date())))).where(
        *counts
    )


def proved_lately(session: Session, token: str, *, at: datetime) -> bool:
    """Was the password given in this browser within the last quarter of an hour?"""
    proved = session.scalar(select(SignIn.proved_at).where(SignIn.token_hash == _hash(token)))
    return proved is not None and at - proved <= FRESH


def prove(session: Session, token: str, *, at: datetime) -> None:
    """The password was given again."""
    session.execute(update(SignIn).where(SignIn.token_hash == _hash(token)).values(proved_at=at))


def end(session: Session, token: str) -> None:
    """Sign out."""
    session.execute(delete(SignIn).where(SignIn.token_hash == _hash(token)))
