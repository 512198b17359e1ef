"""Founding a demo company: its departments, its staff over all roles, and its customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints.customers import Contact, Customer, findable
from complaints.demo.words import Buyer
from complaints.errors import Name
from complaints.people import ROLES, Department, Grant, User, add_user

FOUNDED = timedelta(days=4 * 365)  # everybody's roles are older than the oldest complaint


@dataclass(frozen=True)
class Colleague:
    """A member of staff. `roles`: role → the department it is held for, if for one."""

    user: str
    name: str
    locale: str
    superior: str | None
    roles: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Login:
    """Somebody who can sign in to the demo."""

    email: str
    name: str
    roles: tuple[str, ...]
    locale: str


@dataclass(frozen=True)
class Company:
    """Who works there, and who buys there. `departments`: with the name and the head of each, who is the part before
    the @ of an address, like every colleague."""

    name: Name
    domain: str
    departments: Mapping[str, tuple[Name, str]]
    staff: Sequence[Colleague]
    buyers: Sequence[Buyer]

    def address(self, user: str) -> str:
        return f"{user}@{self.domain}"

    def is_founded(self, session: Session) -> bool:
        return session.scalar(select(User.id).where(User.email == self.address(self.staff[0].user))) is not None

    def logins(self) -> list[Login]:
        """Everybody who works there."""
        return [
            Login(self.address(one.user), one.name, tuple(dict.fromkeys(role for role, _ in one.roles)), one.locale)
            for one in self.staff
        ]

    def sign_ins(self, password: str | None) -> list[str]:
        """Who can sign in, a line each for people to read, and their password if we know it."""
        width = max(len(login.email) for login in self.logins())
        lines = [
            f"{login.email:<{width}}  {login.name}, {' and '.join(ROLES[role].en for role in login.roles)}"
            f"{', 简体中文' if login.locale == 'zh_CN' else ''}"
            for login in self.logins()
        ]
        return [*lines, f"Everybody's password: {password}"] if password else lines

    def found(self, session: Session, *, at: datetime, password: str) -> None:
        """Found it in the caller's transaction, everybody with this password. Changes nothing when it is there."""
        if self.is_founded(session):
            return
        since = (at - FOUNDED).date()
        departments = {}
        for key, (name, _) in self.departments.items():
            department = session.scalar(select(Department).where(Department.key == key))
            if department is None:
                department = Department(key=key, name_en=name.en, name_zh=name.zh)
                session.add(department)
            departments[key] = department
        session.flush()
        people: dict[str, User] = {}
        for one in self.staff:
            superior = people[one.superior].id if one.superior else None
            if not people:
                user = add_user(
                    session,
                    email=self.address(one.user),
                    name=one.name,
                    roles=(),
                    password=password,
                    since=since,
                    locale=one.locale,
                )
                first_hash = user.password_hash
            else:  # hashing takes its time, and it is the same password
                user = User(
                    email=self.address(one.user),
                    name=one.name,
                    password_hash=first_hash,
                    locale=one.locale,
                    superior_id=superior,
                )
                session.add(user)
                session.flush()
            session.add_all(
                Grant(user_id=user.id, role=role, department_id=departments[place].id if place else None, since=since)
                for role, place in one.roles
            )
            people[one.user] = user
        for key, (_, head) in self.departments.items():
            if departments[key].head_id is None:
                departments[key].head_id = people[head].id
        self._customers(session, at)
        session.flush()

    def _customers(self, session: Session, at: datetime) -> None:
        """Who buys from us, and who writes for them. A contact who wrote before keeps what we know."""
        for buyer in self.buyers:
            customer = session.scalar(select(Customer).where(Customer.name == buyer.name))
            if customer is None:
                customer = Customer(name=buyer.name, address=buyer.address)
                session.add(customer)
                session.flush()
            for writer in buyer.writers:
                contact = session.scalar(select(Contact).where(Contact.address == writer.address))
                if contact is None:
                    contact = Contact(address=writer.address, last_wrote_at=at - FOUNDED)
                    session.add(contact)
                contact.name = contact.name or writer.name
                contact.phone = contact.phone or writer.phone
                contact.locale = buyer.locale
                contact.customer_id = contact.customer_id or customer.id
            findable(session, customer)
