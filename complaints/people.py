"""People: staff, their departments, the roles they hold for a time, and who acts in a request or a job.

A role is a grant with dates, never a flag: who held it when stays readable. What a role may do is said where it is
done (`visible_to` in complaint.py, the procedure's stages).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import BindParameter, ColumnElement, Date, ForeignKey, Index, Select, String, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.database import Base
from complaints.errors import N_, ComplaintError, Name

HOUSE: Mapping[str, Name] = {
    "staff": Name("Employee", "员工"),
    "clerk": Name("Marketing clerk", "营销部文员"),
    "sales": Name("Salesperson", "营销业务员"),
    "mkt_sup": Name("Marketing supervisor", "营销部主任"),
    "mkt_vp": Name("Marketing vice general manager", "营销部副总经理"),
    "qa_head": Name("QA head", "品管部负责人"),
    "qe": Name("QE engineer", "QE工程师"),
    "qa_mgr": Name("QA manager", "品管部经理"),
    "dept_head": Name("Department head", "责任部门负责人"),
    "dept": Name("Department member", "责任部门"),
    "mr": Name("Management representative", "管理者代表"),
    "gm": Name("General manager", "总经理"),
    "warehouse": Name("Warehouse", "仓库"),
    "inspector": Name("Quality inspector", "质检员"),
    "legal": Name("Legal adviser", "法律顾问"),
    "admin": Name("Administrator", "系统管理员"),
}


class _Roles(Mapping[str, Name]):
    def __getitem__(self, key: str) -> Name:
        return HOUSE[key] if key in HOUSE else self._brought()[key]

    def __iter__(self) -> Iterator[str]:
        yield from HOUSE
        yield from self._brought()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _brought(self) -> Mapping[str, Name]:
        from complaints.procedure import own_roles  # it knows people

        return own_roles()


ROLES = _Roles()
"""Every role that somebody can hold: those of the house, and those that a procedure brings with it."""
FRONT_OFFICE = frozenset({"clerk", "sales", "mkt_sup", "mkt_vp"})
QUALITY = frozenset({"qa_head", "qe", "qa_mgr"})
DEPARTMENT_ROLES = frozenset({"dept_head", "dept"})
"""Roles that count only for the departments that are responsible."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's minimum for argon2id
_DUMMY_HASH = _hasher.hash("nobody has this password")


class Department(Base):
    """A department with its name in both languages and its head."""

    __tablename__ = "department"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    name_en: Mapped[str] = mapped_column(String(80))
    name_zh: Mapped[str] = mapped_column(String(80))
    head_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    @property
    def name(self) -> Name:
        return Name(self.name_en, self.name_zh)


class User(Base):
    """A member of staff. `left_at` ends the account; the row stays, because history names it."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(10), default="en")
    superior_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    left_at: Mapped[datetime | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Grant(Base):
    """A role somebody holds, perhaps for one department, from one day to another (both included)."""

    __tablename__ = "grant"
    __table_args__ = (Index("ix_grant_user_id", "user_id"), Index("ix_grant_role", "role", "user_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    role: Mapped[str] = mapped_column(String(20))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    since: Mapped[date]
    until: Mapped[date | None]


@dataclass(frozen=True)
class Actor:
    """Who acts: a person with the roles held today, or the system itself (`SYSTEM`). `held`: those roles that are held
    for a department, each with the department's id."""

    id: int | None
    name: str
    locale: str
    roles: frozenset[str]
    held: frozenset[tuple[str, int]] = frozenset()

    @cached_property
    def departments(self) -> frozenset[int]:
        return frozenset(department for _, department in self.held)

    def departments_as(self, role: str) -> frozenset[int]:
        """The departments for which a role is held: a head of one is not the head of another."""
        return frozenset(department for each, department in self.held if each == role)

    @property
    def sees_all(self) -> bool:
        """Front office and QA see every complaint of an ordinary procedure."""
        return self.id is None or bool(self.roles & (FRONT_OFFICE | QUALITY))

    @property
    def investigates(self) -> bool:
        """Quality decides which complaints are investigated together, and which go back together."""
        return self.id is None or bool(self.roles & QUALITY)

    @property
    def may_register(self) -> bool:
        return bool(self.roles & FRONT_OFFICE)


SYSTEM = Actor(id=None, name="Redress", locale="en", roles=frozenset())


class UnknownRole(ComplaintError):
    message = N_("There is no role “%(role)s”. Choose one of: %(known)s.")


class EmailTaken(ComplaintError):
    message = N_("%(email)s already has an account.")


class BadPerson(ComplaintError):
    message = N_("“%(name)s” <%(email)s> is no name with an e-mail address. Example: Lin <lin@example.com>")


class WeakPassword(ComplaintError):
    message = N_("A password needs at least %(least)s characters.")


def fold_email(email: str) -> str:
    """An address as we compare it: ASCII letters in lower case and nothing else folded, so that no look-alike
    matches."""
    email = email.strip()
    return email.lower() if email.isascii() else "".join(c.lower() if c.isascii() else c for c in email)


def addresses(session: Session) -> frozenset[str]:
    """The addresses of everybody who works here."""
    return frozenset(map(fold_email, session.scalars(select(User.email).where(User.left_at.is_(None)))))


def add_user(
    session: Session,
    *,
    email: str,
    name: str,
    roles: Iterable[str],
    password: str,
    since: date,
    department: Department | None = None,
    locale: str = "en",
    superior_id: int | None = None,
) -> User:
    """Add a member of staff with their first roles. Raises `EmailTaken`, `UnknownRole`, `WeakPassword`."""
    email, name = fold_email(email), name.strip()
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", email) or not name:
        raise BadPerson(email=email, name=name)
    roles = list(roles)
    for role in roles:
        if role not in ROLES:
            raise UnknownRole(role=role, known=", ".join(ROLES))
    if len(password) < 8:
        raise WeakPassword(least=8)
    if session.scalar(select(User.id).where(User.email == email)):
        raise EmailTaken(email=email)
    user = User(email=email, name=name, password_hash=_hasher.hash(password), locale=locale, superior_id=superior_id)
    session.add(user)
    session.flush()
    session.add_all(
        Grant(user_id=user.id, role=role, department_id=department.id if department else None, since=since)
        for role in roles
    )
    return user


def prefer(session: Session, by: Actor, path: Sequence[str], value: Any) -> dict[str, Any]:
    """Remember how a person wants to see something, in the caller's transaction: `value` at the end of a path of keys.
    Returns all the person's preferences; of two changes at once both are kept."""
    user = session.get_one(User, by.id, with_for_update=True, populate_existing=True)
    user.preferences = _with(user.preferences, path, value)
    session.flush()
    return user.preferences


def _with(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    return {**values, first: _with(values.get(first, {}), rest, value) if rest else value}


def user_with_password(session: Session, email: str, password: str) -> User | None:
    """The person this address and password belong to. Takes as long for an unknown address as for a wrong password."""
    user = session.scalar(select(User).where(User.email == fold_email(email), User.left_at.is_(None)))
    try:
        _hasher.verify(user.password_hash if user and user.password_hash else _DUMMY_HASH, password)
    except VerificationError:
        return None
    return user if user and user.password_hash else None


def actor_for(session: Session, user: User, today: date) -> Actor:
    """The person as an actor, with the roles held on a day."""
    grants = session.execute(_grants(), {"of": user.id, "today": today})
    return as_actor(user, [(role, department) for role, department in grants])


@cache
def _grants() -> Select[str, int | None]:
    held = held_on(bindparam("today", type_=Date()))
    return select(Grant.role, Grant.department_id).where(Grant.user_id == bindparam("of"), *held)


def held_on(day: BindParameter[date]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Is a role held on a day?"""
    return Grant.since <= day, Grant.until.is_(None) | (Grant.until >= day)


def as_actor(user: User, grants: Collection[tuple[str, int | None]]) -> Actor:
    """The person as an actor with these roles, each with the department it is held for."""
    return Actor(
        id=user.id,
        name=user.name,
        locale=user.locale,
        roles=frozenset(role for role, _ in grants),
        held=frozenset((role, department) for role, department in grants if department is not None),
    )


def held(session: Session, today: date) -> set[tuple[str, int | None]]:
    """The roles that somebody who works here holds on a day, each with the department it is held for."""
    query = select(Grant.role, Grant.department_id).join(User, User.id == Grant.user_id)
    query = query.where(Grant.since <= today, Grant.until.is_(None) | (Grant.until >= today), User.left_at.is_(None))
    return {(role, department) for role, department in session.execute(query.distinct())}
