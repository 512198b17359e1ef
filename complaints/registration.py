"""Registration: the entry in the complaint register (客户投诉登记表), and what it takes to be complete.

`parse` reads what a person typed, `save` writes what changed with its line of history, `register` saves and moves the
complaint into the register, `draft_by_hand` begins one that came by phone, by letter or in person. What registration
asks for stands in the procedure: the first stage that requires anything.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import (
    calendars,
    classes,
    clocks,
    consequences,
    customers,
    history,
    limits,
    products,
    repeats,
    rows,
    signing,
    terms,
    visits,
    workflow,
)
from complaints import complaint as complaints
from complaints.case import load
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS, Complaint, Draft
from complaints.context import Context
from complaints.customers import Contact, Customer
from complaints.database import Base
from complaints.errors import N_, BadInput, ComplaintError, Name, NotAllowed, Sentence, StaleComplaint
from complaints.fields import REGISTER
from complaints.guards import RoleNames
from complaints.letters import Letter
from complaints.people import Actor, Department
from complaints.procedure import (
    CLASS,
    COMPLAINT,
    DEFAULT,
    DRAFTED,
    LOWERED,
    NOTIFIED,
    RECEIVED,
    Need,
    Procedure,
    of,
    procedure,
)
from complaints.texts import clean

CHOSE = "chose"
"""Why a confidential complaint is open to who made it one."""
QA_DEPARTMENT = "qa"
"""The key of the department that is told of every complaint."""

WHY, LONGEST_REASON = "class_reason", 1_000
"""The field of a form that says why the class is lowered."""
NAMES: Mapping[str, str] = {**REGISTER, "received_at": N_("Received at"), WHY: N_("Why the class is lowered")}
LINES = {
    "customer": 160, "subject": 250, "contact_person": 160, "contact_phone": 40, "contact_email": 254, "product": 120,
    "model": 80, "order_no": 80, "material_no": 80, "quantity": 40, "batch": 80, "product_code": 80,
    "defective_quantity": 40, "production_unit": 80, "production_staff": 160,
}  # fmt: skip
TEXTS = {"content": 20_000, "demand": 4_000, "address": 500, "details_asked": 1_000}
LIMITS: Mapping[str, int] = LINES | TEXTS
DATES = ("complaint_date", "ship_date", "production_date", "vp_informed_on")
PAST = ("complaint_date", "ship_date", "production_date", "vp_informed_on")
"""Dates that cannot lie ahead."""
SEVERITY, SEVEREST = "severity", 10
CHOICES: Mapping[str, Mapping[str, Name]] = {"channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS}
FIELDS = (*LIMITS, *DATES, *CHOICES, SEVERITY, "complaint_class")
SUPPLEMENT = frozenset({"order_no", "material_no", "quantity"})
"""What everybody who may see a complaint may add to it."""

Values = dict[str, Any]
"""Fields of an entry with their values; `customer` is the name."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    field: str
    sentence: Sentence


class NoDraft(ComplaintError):
    message = N_("%(number)s is no draft; only a draft chooses its procedure.")


class NobodyNotified(ComplaintError):
    message = N_("Choose a department to notify.")


class Incomplete(ComplaintError):
    """An entry cannot be taken as it is. `problems` says everything at once, field by field."""

    message = N_("The entry is not complete yet.")

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__()


class Submission(Base):
    """A form for a new complaint that was sent in. Sent again, it leads to the same complaint."""

    __tablename__ = "submission"
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]


def parse(form: Mapping[str, str], *, rules: Procedure, today: date) -> tuple[Values, list[Problem]]:
    """What a form says: the values that can be used, and what is wrong with the others. A field that the form does not
    have stays as it is."""
    values: Values = {}
    problems: list[Problem] = []
    for field in FIELDS:
        if field in form:
            try:
                values[field] = _read(field, form[field], rules, today)
            except _Wrong as wrong:
                problems.append(Problem(field, wrong.sentence))
    return values, problems


class _Wrong(Exception):
    def __init__(self, message: str, **values: Any) -> None:
        self.sentence = Sentence(message, values)


def _name(rules: Procedure, field: str) -> Name | Sentence:
    """What a field of the entry is called."""
    return rules.entry.get(field) or Sentence(NAMES[field])


def _read(field: str, typed: str, rules: Procedure, today: date) -> Any:
    name = _name(rules, field)
    text = clean(typed, lines=field in TEXTS)
    if field in DATES:
        return _date(name, text, latest=today if field in PAST else None)
    if field == SEVERITY:
        return _severity(name, text)
    if field in LIMITS:
        if len(text) > LIMITS[field]:
            raise _Wrong(
                N_("%(field)s may have %(limit)s characters; this has %(length)s"),
                field=name, limit=LIMITS[field], length=len(text),
            )  # fmt: skip
        if field == "contact_email" and text and not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", text):
            raise _Wrong(N_("This is not an e-mail address"))
        return text
    known = rules.classes if field == "complaint_class" else CHOICES[field]
    if text and text not in known:
        raise _Wrong(N_("%(field)s: choose one of the list"), field=name)
    return text or None


def _severity(name: Name | Sentence, text: str) -> int | None:
    if text and not (re.fullmatch(r"[0-9]{1,2}", text) and int(text) <= SEVEREST):
        raise _Wrong(N_("%(field)s must be a whole number from 0 to %(most)s"), field=name, most=SEVEREST)
    return int(text) if text else None


def _date(name: Name | Sentence, text: str, *, latest: date | None) -> date | None:
    if not text:
        return None
    try:
        day = day_of(text)
    except ValueError:
        raise _Wrong(N_("%(field)s must be a date such as 2026-09-17"), field=name) from None
    if latest is not None and day > latest:
        raise _Wrong(N_("%(field)s lies in the future"), field=name)
    return day


def day_of(text: str) -> date:
    """A day as people type it: 2026-09-17, 2026/9/17, 2026年9月17日. Raises `ValueError`."""
    parts = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", text)
    if parts is None or not 1990 <= int(parts[1]) <= 2100:
        raise ValueError(text)
    return date(*map(int, parts.groups()))


def received(typed: str, *, at: datetime, zone: ZoneInfo) -> datetime | Problem:
    """When a complaint was taken in, as typed in local time; nothing typed means now."""
    text, name = typed.strip(), Sentence(NAMES["received_at"])
    if not text:
        return at
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        local = None
    if local is None or not 1990 <= local.year <= 2100:
        message = N_("%(field)s must be a time such as 2026-09-17 16:42")
        return Problem("received_at", Sentence(message, {"field": name}))
    moment = local if local.tzinfo else local.replace(tzinfo=zone)
    # A form shows whole minutes, so a call of this minute may look a little ahead of its own form.
    if (moment - at).total_seconds() >= 60:
        return Problem("received_at", Sentence(N_("%(field)s lies in the future"), {"field": name}))
    return min(moment, at)


def may_register(rules: Procedure, by: Actor) -> bool:
    """May this person register complaints of this procedure?"""
    return by.id is None or bool(by.roles & set(rules.register_stage.moved_in_by))


def who_registers(rules: Procedure) -> RoleNames:
    """Whom to ask for registration."""
    return RoleNames.of(rules, rules.register_stage.moved_in_by)


def writable(complaint: Complaint, by: Actor) -> frozenset[str]:
    """The fields this person may change: all for those who register, and for who took a draft in while it is one;
    order, material and quantity for everybody who may see it, and the class for those who may raise or lower it. What
    was decided on stays after the end."""
    rules, registered = of(complaint), complaint.registered_at is not None
    own_draft = not registered and by.id is not None and complaint.received_by_id == by.id
    fields = SUPPLEMENT
    if own_draft or may_register(rules, by):
        fields = frozenset(FIELDS)
    elif registered and by.roles & {*classes.raisers(rules), *rules.lowered_by}:
        fields |= {classes.CLASS}
    return fields - _settled(complaint)


def _settled(complaint: Complaint) -> frozenset[str]:
    """The fields that nobody changes any more: where a complaint is closed or off the board, its class and whatever is
    signed."""
    rules = of(complaint)
    stage = rules.stage(complaint.stage)
    if not (stage.final or stage.off_board):
        return frozenset()
    signed = {ref for rule in rules.signatures for ref in rule.covers}
    return frozenset(FIELDS) & {"complaint_class", *signed}


def lacking(values: Mapping[str, Any], rules: Procedure) -> list[Problem]:
    """What an entry lacks to be registered."""
    return [
        Problem(need.ref, Sentence(N_("%(field)s is missing"), {"field": _name(rules, need.ref)}))
        for need in rules.register_stage.needs
        if need.kind == "field" and need.ref in NAMES and not values.get(need.ref) and _asked(need, values)
    ]


def _asked(need: Need, values: Mapping[str, Any]) -> bool:
    if need.unless and values.get(need.unless):
        return False
    if not need.when.any_of:
        return True
    return any(all(str(values.get(ref) or "") in known for ref, known in each.items()) for each in need.when.any_of)


def entry_of(session: Session, complaint: Complaint) -> Values:
    """The entry as it stands."""
    values = {field: getattr(complaint, field) for field in FIELDS if field != "customer"}
    known = complaint.customer
    if known is None or known.id != complaint.customer_id:  # chosen since it was loaded
        known = session.get(Customer, complaint.customer_id) if complaint.customer_id is not None else None
    return {"customer": known.name if known else "", **values}


def as_form(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as a form shows them."""
    return {
        field: value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
        for field, value in values.items()
    }


def prefill(letter: Letter, contact: Contact | None, customer: Customer | None, *, zone: ZoneInfo) -> dict[str, str]:
    """What a letter already says of the entry, as a form shows it. Without a contact its sender is no customer: a
    colleague who passed it on, perhaps with the name of whom it is from."""
    name, address = letter.from_name, letter.from_address
    if contact is None:
        name, address = ((letter.forwarded or {}).get(key, "") for key in ("name", "address"))
    return {
        "subject": letter.subject[: LIMITS["subject"]],
        "content": letter.own_words[: LIMITS["content"]],
        "complaint_date": letter.received_at.astimezone(zone).date().isoformat(),
        "contact_person": name[: LIMITS["contact_person"]] or (contact.name if contact else ""),
        "contact_email": address,
        "contact_phone": contact.phone if contact else "",
        "customer": customer.name if customer else "",
        "address": customer.address[: LIMITS["address"]] if customer else "",
    }


def save(
    session: Session,
    complaint: Complaint,
    values: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    seen_version: int,
    context: Context,
    why: str = "",
) -> None:
    """Write what changed in an entry, in the caller's transaction; what was signed of it is void. `why`: the reason for
    lowering the class of a registered complaint.

    Raises `StaleComplaint` when somebody wrote in the entry since `seen_version`, `NotAllowed`, and `Incomplete` when a
    registered complaint would lose what registration asked for. An entry that changes nothing leaves no trace."""
    _check_unwritten(session, complaint, seen_version)
    before = entry_of(session, complaint)
    changed = {field: value for field, value in values.items() if not _same(field, before[field], value)}
    if not changed:
        return
    rules = of(complaint)
    _check_settled(complaint, changed)
    if not changed.keys() <= writable(complaint, by):
        raise NotAllowed(who=who_registers(rules))
    registered = complaint.registered_at is not None
    reclassified = registered and classes.CLASS in changed
    lowered = reclassified and not classes.heavier(rules, changed[classes.CLASS], before[classes.CLASS])
    reason = clean(why, lines=True)
    problems = lacking({**before, **changed}, rules) if registered else []
    problems += _against_class(rules, by, reason, lowered=lowered) if reclassified else []
    if problems:
        raise Incomplete(problems)
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    said, pair = terms.texts_of(complaint), repeats.pair_of(complaint)
    for column, value in _columns(session, changed, sealed=_sealed(complaint)).items():
        setattr(complaint, column, value)
    terms.correct(session, complaint.id, said, terms.texts_of(complaint))
    if repeats.pair_of(complaint) != pair:
        repeats.renew(session, complaint, pair)
    shown_before, shown_after = as_form({f: before[f] for f in changed}), as_form(changed)
    history.note(
        session, complaint.id, "entered", by=by, at=at, version=complaint.version,
        changed={field: [shown_before[field], shown_after[field]] for field in changed},
        **({"reason": reason} if lowered else {}),
    )  # fmt: skip
    if registered and changed.keys() & {"product", "model", "material_no"}:
        products.learn(session, complaint)
    fallen = signing.void_covering(session, load(session, complaint), changed.keys(), by=by, at=at)
    events = [CLASS] if reclassified else []
    events += [LOWERED] if lowered else []
    events += [limits.CUSTOMER] if "customer" in changed else []
    consequences.follow(session, complaint, events, by=by, at=at, context=context)
    if fallen:
        consequences.keep_up(session, complaint, fallen, by=by, at=at, context=context)


def entered_since(session: Session, complaint: Complaint, version: int) -> set[str]:
    """The fields of the entry that were written in since a version."""
    return {field for values in _written_since(session, complaint, version) for field in values.get("changed", ())}


def _written_since(session: Session, complaint: Complaint, version: int) -> list[dict[str, Any]]:
    """What was entered, or which procedure chosen, since a version."""
    acts = ("entered", "procedure_chosen")
    written = select(history.Change).where(history.Change.complaint_id == complaint.id, history.Change.act.in_(acts))
    return [each.values for each in session.scalars(written) if each.values.get("version", 0) > version]


def _check_unwritten(session: Session, complaint: Complaint, seen_version: int) -> None:
    """A record that was saved meanwhile, a letter that came in, do not stand in the way of an entry: raises
    `StaleComplaint` only when the entry itself, or the procedure, is another one than was seen."""
    if seen_version == complaint.version:
        return
    if not 0 < seen_version < complaint.version or _written_since(session, complaint, seen_version):
        raise StaleComplaint(number=complaint.number)


def _check_settled(complaint: Complaint, changed: Mapping[str, Any]) -> None:
    """After the end nothing changes that was decided on: raises `Incomplete`."""
    message = N_("%(field)s stays as it is: the complaint stands in %(stage)s; take it back to the board first")
    stage = of(complaint).stage(complaint.stage).name
    settled = [field for field in changed if field in _settled(complaint)]
    if settled:
        told = [Sentence(message, {"field": Sentence(NAMES[field]), "stage": stage}) for field in settled]
        raise Incomplete(map(Problem, settled, told))


def _against_class(rules: Procedure, by: Actor, reason: str, *, lowered: bool) -> list[Problem]:
    """What keeps a person from raising a class, or from lowering it for this reason."""
    if not lowered:
        who = RoleNames.of(rules, classes.raisers(rules))
        problem = Problem(classes.CLASS, Sentence(N_("Only %(who)s may raise the class"), {"who": who}))
        return [] if classes.may_raise(rules, by) else [problem]
    if not classes.may_lower(rules, by):
        who = RoleNames.of(rules, rules.lowered_by)
        return [Problem(classes.CLASS, Sentence(N_("Only %(who)s may lower the class"), {"who": who}))]
    if not reason:
        return [Problem(WHY, Sentence(N_("Please say why the class is lowered")))]
    if len(reason) > LONGEST_REASON:
        message = N_("The reason may have %(limit)s characters; this has %(length)s")
        return [Problem(WHY, Sentence(message, {"limit": LONGEST_REASON, "length": len(reason)}))]
    return []


def _same(field: str, old: Any, new: Any) -> bool:
    """A text that came with a letter is not changed by having been shown in a form, which trims it."""
    if field in LIMITS:
        old = clean(old, lines=field in TEXTS)[: LIMITS[field]]
    return bool(old == new)


def _columns(session: Session, values: Mapping[str, Any], *, sealed: str = "") -> Values:
    """Values as columns of the complaint; a customer we have not heard of is added, of a confidential complaint (its
    number in `sealed`) for itself alone."""
    columns = dict(values)
    if "customer" in columns:
        name = columns.pop("customer")
        columns["customer_id"] = customers.customer_named(session, name, sealed=sealed).id if name else None
    return columns


def _sealed(complaint: Complaint) -> str:
    return complaint.number if of(complaint).confidential else ""


def register(
    session: Session,
    complaint: Complaint,
    values: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    seen_version: int,
    context: Context,
    departments: Iterable[int] = (),
    why: str = "",
) -> None:
    """Save an entry and take the complaint into the register, in the caller's transaction; QA and the chosen
    departments are notified.

    Raises `NotAllowed`, `Incomplete`, `StaleComplaint` and `MoveRefused`. The same entry sent again changes nothing."""
    rules = of(complaint)
    stage = rules.register_stage
    if not may_register(rules, by):
        raise NotAllowed(who=who_registers(rules))
    before = entry_of(session, complaint)
    after = {**before, **values}
    if complaint.registered_at is not None:
        if not all(_same(field, before[field], value) for field, value in values.items()):
            save(session, complaint, values, by=by, at=at, seen_version=seen_version, context=context, why=why)
        return
    _check_unwritten(session, complaint, seen_version)
    problems = lacking(after, rules)
    if problems:
        raise Incomplete(problems)
    save(session, complaint, values, by=by, at=at, seen_version=complaint.version, context=context)
    workflow.move(session, complaint, stage.key, by=by, at=at, seen_version=complaint.version, context=context)
    complete(session, complaint, by=by, at=at, departments=departments, context=context)


def complete(
    session: Session,
    complaint: Complaint,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    departments: Iterable[int] = (),
) -> None:
    """What follows from a registration, however it was done (by the form, by dragging): the contact belongs to the
    customer from now on, unless the complaint is confidential, and QA and the chosen departments are notified, unless
    its procedure keeps quiet."""
    if complaint.contact_id is not None and not of(complaint).confidential:
        customers.belongs(session, complaint.contact_id, complaint.customer_id)
    products.learn(session, complaint)
    repeats.renew(session, complaint)
    if _notify(session, complaint, departments, by=by, at=at):
        consequences.follow(session, complaint, [NOTIFIED], by=by, at=at, context=context)


def notify(
    session: Session, complaint: Complaint, departments: Iterable[int], *, by: Actor, at: datetime, context: Context
) -> int:
    """Notify further departments of a registered complaint, in the caller's transaction; returns how many are told for
    the first time. Raises `NotAllowed`, and `NobodyNotified` where none is named."""
    rules = of(complaint)
    if not may_register(rules, by):
        raise NotAllowed(who=who_registers(rules))
    chosen = {*departments} & {*session.scalars(select(Department.id))}
    if not chosen or rules.quiet:
        raise NobodyNotified
    known = set(
        session.scalars(
            select(complaints.Involvement.department_id).where(
                complaints.Involvement.complaint_id == complaint.id, complaints.Involvement.reason == "notified"
            )
        )
    )
    if new := chosen - known:
        workflow.touch(session, complaint, at=at, seen_version=complaint.version)
        _notify(session, complaint, new, by=by, at=at, always=False)
        consequences.follow(session, complaint, [NOTIFIED], by=by, at=at, context=context)
    return len(new)


def _notify(
    session: Session, complaint: Complaint, chosen: Iterable[int], *, by: Actor, at: datetime, always: bool = True
) -> bool:
    """Notify the chosen departments, and QA where it is `always` told; was there anybody to notify?"""
    if of(complaint).quiet:
        return False
    wanted = {*chosen}
    every = session.execute(select(Department.id, Department.key).order_by(Department.id))
    told = [row for row in every if row.id in wanted or (always and row.key == QA_DEPARTMENT)]
    if told:
        complaints.involve(session, complaint, at=at, reason="notified", departments=[row.id for row in told])
        history.note(session, complaint.id, "notified", by=by, at=at, departments=[row.key for row in told])
    return bool(told)


def draft_by_hand(
    session: Session,
    values: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    received_at: datetime,
    context: Context,
    key: str,
    procedure_key: str = DEFAULT,
) -> Draft:
    """Begin a complaint that a person took in, in the caller's transaction; any member of staff may. `key` names the
    form: sent again it leads to the same complaint. Raises `Incomplete` without a content or a channel."""
    needed = [field for field in ("channel", "content") if not values.get(field)]
    if needed:
        raise Incomplete(
            Problem(field, Sentence(N_("%(field)s is missing"), {"field": Sentence(NAMES[field])})) for field in needed
        )
    if not 8 <= len(key) <= 64:
        raise BadInput(field="key", problem=Sentence(N_("the form has lost its key; load it again")))
    if not _begin(session, key, by=by, at=at):
        row = session.execute(
            select(Complaint.id, Complaint.number)
            .join(Submission, Submission.complaint_id == Complaint.id)
            .where(Submission.key == f"{by.id}:{key}")
        ).one()
        return Draft(row.id, row.number)
    rules = procedure(procedure_key)
    named = "customer" if rules.confidential else ""
    fields = _columns(session, {field: value for field, value in values.items() if field != named})
    channel = fields.pop("channel")
    fields["subject"] = fields.get("subject") or _first_line(values["content"])
    draft = complaints.open_draft(
        session, by=by, at=at, received_at=received_at, channel=channel, calendar=context.calendar, fields=fields,
        procedure_key=procedure_key, noted={"version": 1, "changed": _begun_with(values)},
    )  # fmt: skip
    session.execute(update(Submission).where(Submission.key == f"{by.id}:{key}").values(complaint_id=draft.id))
    complaint = session.get_one(Complaint, draft.id)
    if values.get(named):
        complaint.customer_id = customers.customer_named(session, values[named], sealed=draft.number).id
    if not may_register(rules, by):
        consequences.follow(session, complaint, [DRAFTED], by=by, at=at, context=context)
    return draft


def _begun_with(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a draft says from the first, as changes from nothing."""
    return {field: ["", said] for field, said in as_form(values).items() if said}


def _begin(session: Session, key: str, *, by: Actor, at: datetime) -> bool:
    """Take a form in; False when it was taken in before."""
    new = session.execute(
        rows.upsert(Submission, rows.dialect(session))
        .values(key=f"{by.id}:{key}", by_id=by.id, at=at)
        .on_conflict_do_nothing()
        .returning(Submission.key)
    ).scalar_one_or_none()
    return new is not None


def first_time(session: Session, key: str, complaint: Complaint, *, by: Actor, at: datetime) -> bool:
    """Is a form for a part of a complaint sent in for the first time?"""
    return _begin(session, f"{complaint.id}:{key}"[:64], by=by, at=at)


def may_choose(session: Session, complaint: Complaint, rules: Procedure, by: Actor) -> bool:
    """May this person let a draft follow these rules? Who registers complaints where it is now, and of a confidential
    procedure who registers there, too, or whom the complaint concerns: it never leaves the sight of who chose."""
    if not may_register(of(complaint), by):
        return False
    return not rules.confidential or may_register(rules, by) or _concerns(session, complaint, by)


def _concerns(session: Session, complaint: Complaint, by: Actor) -> bool:
    mine = select(Complaint.id).where(Complaint.id == complaint.id, complaints.concerns(by))
    return session.scalar(mine) is not None


def choose_procedure(
    session: Session, complaint: Complaint, key: str, *, by: Actor, at: datetime, seen_version: int, context: Context
) -> None:
    """Let a draft follow another procedure, in the caller's transaction: it begins there anew, with its number and
    what it says. Raises `StaleComplaint`, `NotAllowed`, `UnknownProcedure`, and `NoDraft`."""
    rules, before = procedure(key), of(complaint)
    if (rules.key, rules.version) == (before.key, before.version):
        return
    if complaint.registered_at is not None or complaint.stage != before.first.key:
        raise NoDraft(number=complaint.number)
    if not may_choose(session, complaint, rules, by):
        raise NotAllowed(who=who_registers(rules if may_register(before, by) else before))
    _check_unwritten(session, complaint, seen_version)
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    if rules.confidential and by.id is not None:
        complaints.involve(session, complaint, at=at, reason=CHOSE, users=[by.id])
    complaint.procedure, complaint.procedure_version, complaint.stage = rules.key, rules.version, rules.first.key
    if before.confidential != rules.confidential and complaint.customer_id is not None:
        named = session.get_one(Customer, complaint.customer_id)
        complaint.customer_id = customers.customer_named(session, named.name, sealed=_sealed(complaint)).id
        customers.forget(session, named)
    if complaint.complaint_class not in rules.classes:
        complaint.complaint_class = None
    for clock in clocks.of(session, COMPLAINT, complaint.id):
        clocks.cancel(clock, at=at, outcome=clocks.REPLACED)
    starting = rules.clocks_from(RECEIVED)
    hours = calendars.for_clock(session, context.calendar, customer_id=complaint.customer_id)
    clocks.start_again(session, COMPLAINT, complaint.id, starting, complaint.received_at, hours)
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, rules.first.key, round=complaint.round, by=by, at=at)
    history.note(
        session,
        complaint.id,
        "procedure_chosen",
        by=by,
        at=at,
        version=complaint.version,
        before=before.key,
        after=rules.key,
    )
    consequences.follow(session, complaint, [], by=by, at=at, context=context)


def _first_line(content: str) -> str:
    line = content.strip().partition("\n")[0]
    return line if len(line) <= 80 else line[:79].rstrip() + "…"
