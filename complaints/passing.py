"""Passing a complaint on: sales puts an opinion or a complaint before quality, a technician, another department.

Everybody who may see a complaint may pass it on, and says why. Those it is passed to may see it from then on, and each
finds a notice and gets one mail; answers to that go to whoever passed it on, not into the ledger. A department stands
for its head and for those who hold a role in it that day. Who, to whom and why stays in the history.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints import history, notices, outbox, workflow
from complaints.complaint import Complaint
from complaints.concealing import concealed_from
from complaints.errors import N_, Name, NotFound, Sentence, StaleComplaint
from complaints.people import Actor, Department, Grant, User
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

KIND = "passed_on"
LONGEST_REASON = 1_000


class NotPassedOn(Incomplete):
    """The form lacks something: `problems` says what, for the fields `to_users`, `to_departments` and `reason`."""

    message = N_("The complaint was not passed on.")


@dataclass(frozen=True)
class Names:
    """Names of departments as one text in the reader's language."""

    names: tuple[Name, ...]

    def in_(self, locale: str) -> str:
        return ("、" if locale.startswith("zh") else ", ").join(name.in_(locale) for name in self.names)


def colleagues(session: Session, by: Actor) -> Sequence[User]:
    """Everybody else who works here, by name: whom a complaint may be passed to."""
    query = select(User).where(User.left_at.is_(None)).order_by(User.name, User.id)
    return [user for user in session.scalars(query) if user.id != by.id]


def members(session: Session, department: Department, today: date) -> set[int]:
    """Whom a department stands for on a day: its head, and those who hold a role in it."""
    held = select(Grant.user_id).where(
        Grant.department_id == department.id,
        Grant.since <= today,
        or_(Grant.until.is_(None), Grant.until >= today),
    )
    return {*session.scalars(held), *({department.head_id} - {None})}


def pass_on(
    session: Session,
    complaint: Complaint,
    *,
    to_users: Collection[int],
    to_departments: Collection[int],
    reason: str,
    by: Actor,
    at: datetime,
    today: date,
    seen_version: int,
    secret: str,
    domain: str,
) -> int:
    """Pass a complaint on to people and departments (ids), in the caller's transaction; returns how many people get a
    mail. Nobody passes anything on to themselves. `today` is the organisation's date, by which roles are held; `secret`
    and `domain` make Message-IDs.

    Raises `NotFound` for who may not see the complaint, `StaleComplaint` when it was changed since `seen_version`, and
    `NotPassedOn` with everything that is wrong with the form."""
    if session.scalar(complaints.visible_to(by, select(Complaint.id).where(Complaint.id == complaint.id))) is None:
        raise NotFound
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    concealed = concealed_from(session, complaint)
    known = {user.id: user for user in colleagues(session, by)}
    chosen = [user for id_, user in known.items() if id_ in to_users]
    every = session.scalars(select(Department).order_by(Department.id))
    departments = {
        each: (members(session, each, today) & known.keys()) - concealed for each in every if each.id in to_departments
    }
    reason = clean(reason, lines=True)
    problems = [
        *_nobody(departments, chosen, lost=bool({*to_users} - {by.id} - known.keys())),
        *_concealed({*to_users} & concealed),
        *_unsaid(reason),
    ]
    if problems:
        raise NotPassedOn(problems)
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    heads = ({department.head_id for department in departments} & known.keys()) - concealed
    complaints.involve(
        session,
        complaint,
        at=at,
        reason=KIND,
        users={user.id for user in chosen} | {head for head in heads if head is not None},
        departments=[department.id for department in departments],
    )
    history.note(
        session, complaint.id, KIND, by=by, at=at, users=[user.name for user in chosen],
        departments=[department.key for department in departments], reason=reason,
    )  # fmt: skip
    told = {user.id for user in chosen}.union(*departments.values())
    notices.ring(session, complaint, told, KIND, by=by, at=at, today=today)
    answers_to = session.scalar(select(User.email).where(User.id == by.id)) or ""
    for id_ in sorted(told):
        # Not on the complaint's account: a colleague's answer is no letter of the customer's, and a bounce does not say
        # that the customer was not reached.
        outbox.owe(
            session, purpose=f"{KIND}:{complaint.id}:{complaint.version}:{id_}", kind=KIND, recipient=known[id_].email,
            locale=known[id_].locale, at=at, secret=secret, domain=domain, reply_to=answers_to,
            values={"number": complaint.number, "who": by.name, "reason": reason},
        )  # fmt: skip
    session.flush()
    return len(told)


def _nobody(departments: dict[Department, set[int]], chosen: Sequence[User], *, lost: bool) -> list[Problem]:
    """What is wrong with those a complaint is to be passed to."""
    problems = []
    if lost:
        problems.append(Problem("to_users", Sentence(N_("Somebody you chose does not work here any more"))))
    elif not chosen and not departments:
        problems.append(Problem("to_users", Sentence(N_("Choose a colleague or a department"))))
    empty = tuple(department.name for department, people in departments.items() if not people)
    if empty:
        message = N_("Nobody there could be told: %(departments)s")
        problems.append(Problem("to_departments", Sentence(message, {"departments": Names(empty)})))
    return problems


def _concealed(people: Collection[int]) -> list[Problem]:
    message = N_("The complaint is about somebody you chose, and hidden from them")
    return [Problem("to_users", Sentence(message))] if people else []


def _unsaid(reason: str) -> list[Problem]:
    """What is wrong with the reason."""
    if not reason:
        return [Problem("reason", Sentence(N_("Please say why you pass it on")))]
    if len(reason) > LONGEST_REASON:
        message = N_("The reason may have %(limit)s characters; this has %(length)s")
        return [Problem("reason", Sentence(message, {"limit": LONGEST_REASON, "length": len(reason)}))]
    return []
