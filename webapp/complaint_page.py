"""A complaint's page: its letters and what happened, its clocks, its facts, and the register entry.

The letters and mails of complaints that were merged into it are shown with its own.

The customer's words are text by default. A letter's own HTML is a document of its own, sandboxed, under a policy that
loads nothing, and is fetched only when a reader asks for it.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask_babel import format_date, gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import classes, clocks, guards, inbox, joining, off_board, registration, visits
from complaints.clocks import Clock
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS, Complaint, Involvement, find, visible_to
from complaints.customers import Contact, Customer
from complaints.errors import ComplaintError, Missing, MoveRefused, Name, NotFound, Sentence, StaleComplaint
from complaints.history import Change
from complaints.letters import Attachment, Letter
from complaints.outbox import Outgoing
from complaints.people import Department
from complaints.procedure import Procedure, Stage, newest, of, procedure
from complaints.registration import FIELDS, Incomplete, Problem, Values
from intake.html import Safe, sanitise
from webapp import composer, drafts, notes, notices, timeline
from webapp.attachments import disposition, file_answer, inline_images, opened
from webapp.context import actor, calendar, engine, now, seen_version, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.language import in_my_language, locale
from webapp.message import COMMON_REASONS
from webapp.outbox import acknowledge, ring
from webapp.records import Section, Sent, section
from webapp.signatures import Unsigned

bp = Blueprint("complaint", __name__)
SUGGESTED = 500
"""Customers whose names the form suggests."""
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self'; "
    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.filters.update(
        enclosed_date=timeline.enclosed_date, field_name=timeline.field_name, linked=timeline.linked
    )


@bp.get("/complaints/<number>")
def show(number: str) -> str:
    complaint = find(db.session(), number, actor())
    notices.seen(complaint)
    return page(complaint)


@bp.post("/complaints/<number>/registration")
def register(number: str) -> Response | tuple[str, int]:
    """Save the entry and register the complaint."""
    return _entered(find(db.session(), number, actor()), registering=True)


@bp.post("/complaints/<number>/entry")
def entry(number: str) -> Response | tuple[str, int]:
    """Save the entry; the complaint stays where it is."""
    return _entered(find(db.session(), number, actor()), registering=False)


def _entered(complaint: Complaint, *, registering: bool) -> Response | tuple[str, int]:
    session, number = db.session(), complaint.number
    before, seen = of(complaint), seen_version()
    rules = _asked(before)
    values, problems = _parsed(rules)
    changes_procedure = rules.key != before.key
    registering = registering and not changes_procedure  # other classes, other needs: to be looked at first
    owes_mail = False
    try:
        if problems:
            entered = registration.entry_of(session, complaint) | values
            raise Incomplete(_with_lacking(entered, rules, problems) if registering else problems)
        if changes_procedure:
            registration.choose_procedure(
                session, complaint, rules.key, by=actor(), at=now(), seen_version=seen, context=engine()
            )
            seen = complaint.version
        if registering:
            registration.register(
                session,
                complaint,
                values,
                by=actor(),
                at=now(),
                seen_version=seen,
                context=engine(),
                departments=_chosen(),
                why=request.form.get(registration.WHY, ""),
            )
            owes_mail = acknowledge(complaint)
        else:
            registration.save(
                session, complaint, values, by=actor(), at=now(), seen_version=seen, context=engine(),
                why=request.form.get(registration.WHY, ""),
            )  # fmt: skip
        drafts.sent(complaint)
        session.commit()
    except (Incomplete, MoveRefused, StaleComplaint) as refusal:
        session.rollback()
        found = find(session, number, actor())
        return page(found, typed=request.form, refusal=refusal), 409 if isinstance(refusal, StaleComplaint) else 422
    if owes_mail:
        ring()
    if changes_procedure:
        told = gettext("%(number)s follows “%(procedure)s” now.", number=number, procedure=in_my_language(rules.name))
    else:
        told = _told(complaint) if registering else gettext("The entry of %(number)s is saved.", number=number)
    flash(told)
    return redirect(url_for("complaint.show", number=number), 303)


def _asked(rules: Procedure) -> Procedure:
    """The procedure that was chosen in a form; the one it is, where none was."""
    key = request.values.get("procedure", rules.key)[:40]
    return rules if key == rules.key else procedure(key)


@bp.post("/complaints/<number>/notified")
def notify(number: str) -> Response | tuple[str, int]:
    """Notify further departments."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        told = registration.notify(session, complaint, _chosen(), by=actor(), at=now(), context=engine())
        session.commit()
    except registration.NobodyNotified as refusal:
        session.rollback()
        return page(find(session, number, actor()), refusal=refusal), 422
    flash(ngettext("%(num)s department is notified.", "%(num)s departments are notified.", told))
    return redirect(url_for("complaint.show", number=number, _anchor="f-departments"), 303)


@bp.route("/complaints/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    """A complaint that came by phone, by letter, in person: noted as a draft, or registered at once."""
    if request.method == "GET":
        return _new_page({})
    if request.form.get("act") == "procedure":
        return _new_page(request.form)
    session, rules, at = db.session(), _asked(procedure()), now()
    registering = request.form.get("act") == "register"
    values, problems = _parsed(rules)
    received = registration.received(request.form.get("received_at", ""), at=at, zone=zone())
    try:
        if isinstance(received, Problem):
            problems.append(received)
        if isinstance(received, Problem) or problems:
            raise Incomplete(_with_lacking(values, rules, problems) if registering else problems)
        complaint = _take_in(values, received, rules, registering=registering)
        session.commit()
    except (Incomplete, MoveRefused) as refusal:
        session.rollback()
        return _new_page(request.form, refusal), 422
    flash(_told(complaint))
    return redirect(url_for("complaint.show", number=complaint.number), 303)


def _told(complaint: Complaint) -> str:
    if complaint.registered_at is None:
        return str(gettext("%(number)s is noted as a draft.", number=complaint.number))
    told = gettext(
        "%(number)s is registered under %(register_no)s.", number=complaint.number, register_no=complaint.register_no
    )
    return str(told)


def _take_in(values: Values, received: datetime, rules: Procedure, *, registering: bool) -> Complaint:
    """Note a complaint, and register it if that was asked for. The same form sent again takes up what it made, unless
    somebody has worked on that since."""
    session, by, at = db.session(), actor(), now()
    key = request.form.get("key") or secrets.token_urlsafe(16)
    draft = registration.draft_by_hand(
        session, values, by=by, at=at, received_at=received, context=engine(), key=key, procedure_key=rules.key
    )
    complaint = session.scalars(select(Complaint).where(Complaint.id == draft.id)).one()
    if complaint.version == 1 and registering:
        registration.register(
            session, complaint, values, by=by, at=at, seen_version=1, context=engine(), departments=_chosen()
        )
    elif complaint.version == 1:
        registration.save(session, complaint, values, by=by, at=at, seen_version=1, context=engine())
    return complaint


@bp.get("/complaints/<number>/letters/<int(max=9007199254740991):letter_id>")
def letter(number: str, letter_id: int) -> Response | str:
    """A letter as text, or with `?as=formatted` in its own HTML."""
    complaint, found = _letter(number, letter_id)
    as_html = request.args.get("as") == "formatted"
    if not partial():
        target = url_for("complaint.show", number=number, formatted=letter_id if as_html else None)
        return redirect(f"{target}#letter-{letter_id}")
    files = _attachments([found.id])[found.id]
    return render_template(
        "complaint/_letter.html",
        complaint=complaint,
        item=_shown(complaint, found, files, first=inbox.first_letter(db.session(), complaint.id)),
        blocked={found.id: _safe(found, files).blocked_images} if as_html else {},
    )


@bp.get("/complaints/<number>/letters/<int(max=9007199254740991):letter_id>/html")
def letter_html(number: str, letter_id: int) -> Response:
    """A letter's own HTML, made safe anew at every look, as a sandboxed document."""
    _, found = _letter(number, letter_id)
    return formatted(found)


def formatted(found: Letter) -> Response:
    """A letter's own HTML as a sandboxed document."""
    opened(letter=found.id)
    safe = _safe(found, _attachments([found.id])[found.id])
    answer = current_app.response_class(render_template("complaint/letter_document.html", safe=safe, letter=found))
    answer.headers["Content-Security-Policy"] = MAIL_POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@bp.get("/complaints/<number>/letters/<int(max=9007199254740991):letter_id>/raw")
def letter_raw(number: str, letter_id: int) -> Response | tuple[str, int]:
    """A letter byte for byte, to keep or to read elsewhere."""
    _, found = _letter(number, letter_id)
    return file_answer(found.raw, "message/rfc822", disposition("attachment", f"{number}-{letter_id}.eml"))


def page(
    complaint: Complaint,
    *,
    typed: Mapping[str, str] | None = None,
    refusal: ComplaintError | None = None,
    sent: Sent | None = None,
    unsigned: Unsigned | None = None,
) -> str:
    """The whole page. `typed` is a register entry that was refused: it is shown as it was sent, with the reasons;
    `sent` is such a record, `unsigned` a signature."""
    session, by = db.session(), actor()
    rules = of(complaint)
    ids = _with_merged(complaint)
    letters = list(
        session.scalars(select(Letter).where(Letter.complaint_id.in_(ids)).order_by(Letter.received_at, Letter.id))
    )
    own = [each for each in letters if each.complaint_id == complaint.id]
    files = _attachments(each.id for each in letters)
    mails = session.scalars(select(Outgoing).where(Outgoing.complaint_id.in_(ids)).order_by(Outgoing.id)).all()
    changes = session.scalars(select(Change).where(Change.complaint_id == complaint.id).order_by(Change.position)).all()
    departments = session.scalars(select(Department).order_by(Department.id)).all()
    work = section(complaint, departments=departments, merged=ids[1:], sent=sent, unsigned=unsigned)
    numbers = _numbers(ids[1:])
    first = inbox.first_letter(session, complaint.id)
    decided = inbox.decision(session, complaint) if off_board.is_off(complaint) else None
    entered = registration.entry_of(session, complaint)
    faces = _faces(rules, clocks.of(session, "complaint", complaint.id))
    whole = request.args.get("whole", type=int)
    as_html = request.args.get("formatted", type=int)
    items: list[timeline.Item] = [
        _shown(complaint, each, files[each.id], first=first, numbers=numbers, whole=each.id == whole)
        for each in letters
    ]
    if not own and complaint.content:
        items.append(timeline.Said(complaint.received_at, timeline.linked(complaint.content)))
    items += composer.conversation(mails, work, numbers)
    items += notes.shown(ids, numbers, work.names.people)
    items += timeline.lines(changes, rules=rules, names=work.names, seen=_seen(timeline.mentioned(changes)))
    notified = _notified(complaint, departments)
    return render_template(
        "complaint/show.html",
        complaint=complaint,
        rules=rules,
        entry=entered,
        choices=_choices(rules),
        steps=_steps(complaint, rules, faces),
        faces=faces,
        days=timeline.days(items, zone=zone()),
        today=now().astimezone(zone()).date(),
        letters=own,
        blocked={each.id: _safe(each, files[each.id]).blocked_images for each in letters if each.id == as_html},
        decided=decided,
        into=into(complaint),
        outcomes=_outcomes(complaint, work) if by.sees_all else [],
        proposal=classes.proposed(work.case),
        may_raise=classes.may_raise(rules, by),
        may_lower=classes.may_lower(rules, by),
        who_raises=guards.RoleNames(classes.raisers(rules)),
        reasons=[gettext(reason) for reason in COMMON_REASONS],
        composer=composer.composer(complaint, work, letters),
        unreached=[each for each in mails if each.bounced_at] if complaint.unreached_at else [],
        people=work.names.people,
        work=work,
        may_join=by.investigates and not off_board.is_off(complaint) and not joining.begun(session, complaint),
        notified=notified,
        unnotified=[each for each in departments if each.name not in {name for name, _ in notified}],
        may_register=registration.may_register(rules, by),
        who_registers=registration.who_registers(rules),
        form=_form(complaint, entered, own[0] if own else None, changes, departments, typed, refusal),
    )


@dataclass(frozen=True)
class Form:
    """The register entry as a form: what stands in it, what is wrong with it, what others wrote meanwhile."""

    values: Mapping[str, str]
    editable: frozenset[str]
    departments: Sequence[Department]
    chosen: frozenset[int]
    customers: Sequence[str]
    version: int = 0
    key: str = ""
    refused: Sentence | None = None
    problems: Mapping[str, Sentence] = field(default_factory=dict)
    others: Sequence[Sentence] = ()
    """Reasons that belong to no field."""
    newest: Mapping[str, str] = field(default_factory=dict)
    """The stored values of the fields where something else was typed."""
    procedure: str = ""
    procedures: Sequence[Procedure] = ()
    """Those to choose from, where there is a choice."""

    @property
    def whole(self) -> bool:
        return len(self.editable) == len(FIELDS)


def _form(
    complaint: Complaint,
    entered: Values,
    first: Letter | None,
    changes: Iterable[Change],
    departments: Sequence[Department],
    typed: Mapping[str, str] | None,
    refusal: ComplaintError | None,
) -> Form:
    stored = registration.as_form(entered)
    values = dict(stored)
    if complaint.registered_at is None and first is not None:
        contact = db.session.get(Contact, complaint.contact_id) if complaint.contact_id else None
        customer = db.session.get(Customer, contact.customer_id) if contact and contact.customer_id else None
        for name, value in registration.prefill(first, contact, customer, zone=zone()).items():
            values[name] = values[name] or value
    values["content"] = values["content"][: registration.LIMITS["content"]]
    changed_since, version = {}, complaint.version
    kept = drafts.kept(complaint, "entry") if typed is None else None
    if kept is not None:
        values |= {name: kept[name] for name in (*FIELDS, registration.WHY) if name in kept}
        version = kept.get("version", 0, type=int)
    if typed is not None:
        sent = {name: typed[name].replace("\r\n", "\n") for name in FIELDS if name in typed}
        values |= sent
        seen = seen_version()
        if isinstance(refusal, StaleComplaint):
            newer = (c.values["changed"] for c in changes if c.act == "entered" and c.values["version"] > seen)
            theirs = {name for changed in newer for name in changed}
            changed_since = {n: stored[n] for n in sent if n in theirs and sent[n].strip() != stored[n].strip()}
        else:
            version = seen
    return Form(
        values,
        registration.writable(complaint, actor()),
        departments,
        _chosen(kept),
        _suggested(),
        version=version,
        newest=changed_since,
        procedure=_asked(of(complaint)).key,
        procedures=_choosable(complaint) if complaint.registered_at is None else (),
        **_reasons(refusal),
    )


def _new_page(typed: Mapping[str, str], refusal: ComplaintError | None = None) -> str:
    here = now().astimezone(zone())
    blank = {
        **dict.fromkeys(FIELDS, ""), "channel": "phone", "complaint_date": here.date().isoformat(),
        "received_at": here.strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    rules = _asked(procedure())
    form = Form(
        blank | {name: typed[name] for name in blank if name in typed},
        frozenset(FIELDS),
        db.session.scalars(select(Department).order_by(Department.id)).all(),
        _chosen(),
        _suggested(),
        key=typed.get("key") or secrets.token_urlsafe(16),
        procedure=rules.key,
        procedures=newest() if len(newest()) > 1 else (),
        **_reasons(refusal),
    )
    return render_template(
        "complaint/new.html",
        form=form,
        rules=rules,
        choices=_choices(rules),
        latest=here.strftime("%Y-%m-%dT%H:%M"),
        may_register=registration.may_register(rules, actor()),
        who_registers=registration.who_registers(rules),
    )


def _choosable(complaint: Complaint) -> Sequence[Procedure]:
    """The procedures that the reader may choose for a draft, its own among them; none where there is no choice."""
    known = [
        rules
        for rules in newest()
        if rules.key == complaint.procedure or registration.may_choose(db.session(), complaint, rules, actor())
    ]
    return known if len(known) > 1 else ()


def _parsed(rules: Procedure) -> tuple[Values, list[Problem]]:
    """What the form says, by these rules; a class of the procedure that was left is nothing."""
    typed = {name: text for name, text in request.form.items() if name in FIELDS}
    if typed.get("complaint_class", "") not in rules.classes and any(
        typed.get("complaint_class") in each.classes for each in newest() if each.key != rules.key
    ):
        typed["complaint_class"] = ""
    return registration.parse(typed, rules=rules, today=now().astimezone(zone()).date())


def _with_lacking(values: Values, rules: Procedure, problems: list[Problem]) -> list[Problem]:
    """What is wrong with a form, and what it lacks besides."""
    told = {problem.field for problem in problems}
    return problems + [lack for lack in registration.lacking(values, rules) if lack.field not in told]


def _reasons(refusal: ComplaintError | None) -> dict[str, Any]:
    """A refusal as the parts of a form."""
    if refusal is None:
        return {}
    told: list[tuple[str | None, Sentence]] = []
    if isinstance(refusal, Incomplete):
        told = [(problem.field, problem.sentence) for problem in refusal.problems]
    elif isinstance(refusal, MoveRefused):
        told = [(missing.field, missing.sentence) for missing in refusal.missing]
    return {
        "refused": refusal.sentence,
        "problems": {name: text for name, text in told if name},
        "others": [text for name, text in told if not name],
    }


def _chosen(kept: drafts.Typed | None = None) -> frozenset[int]:
    said = request.form if kept is None else kept
    return frozenset(id for id in said.getlist("departments", type=int) if 0 < id < 2**31)


def _suggested() -> Sequence[str]:
    return db.session.scalars(select(Customer.name).order_by(Customer.name).limit(SUGGESTED)).all()


def _choices(rules: Procedure) -> dict[str, Mapping[str, Name]]:
    return {"channel": CHANNELS, "complaint_class": rules.classes, "cause_type": CAUSE_TYPES, "link": LINKS}


def _letter(number: str, letter_id: int) -> tuple[Complaint, Letter]:
    complaint = find(db.session(), number, actor())
    found = db.session.scalar(
        select(Letter).where(Letter.id == letter_id, Letter.complaint_id.in_(_with_merged(complaint)))
    )
    if found is None:
        raise NotFound
    return complaint, found


def _with_merged(complaint: Complaint) -> list[int]:
    return [complaint.id, *off_board.merged_into(db.session(), complaint.id)]


def _numbers(ids: Collection[int]) -> dict[int, str]:
    """The numbers of complaints by id, as far as the reader may see them."""
    if not ids:
        return {}
    query = select(Complaint.id, Complaint.number).where(Complaint.id.in_(ids))
    return {row.id: row.number for row in db.session.execute(visible_to(actor(), query))}


def _seen(numbers: Collection[str]) -> Collection[str]:
    """Those of some numbers whose complaints the reader may see."""
    query = select(Complaint.number).where(Complaint.number.in_(numbers))
    return set(db.session.scalars(visible_to(actor(), query))) if numbers else ()


def into(complaint: Complaint) -> str | None:
    """The number of the complaint that this one was merged into, if the reader may see it."""
    query = select(Complaint.number).where(Complaint.id == complaint.merged_into_id)
    return db.session.scalar(visible_to(actor(), query)) if complaint.merged_into_id else None


def _shown(
    complaint: Complaint,
    letter: Letter,
    files: Sequence[Attachment],
    *,
    first: int | None = None,
    numbers: Mapping[int, str] = {},
    whole: bool = False,
) -> timeline.LetterShown:
    words = timeline.words(letter.text, letter.folds, subject=letter.subject, whole=whole)
    joined = actor().sees_all and letter.complaint_id == complaint.id and first not in (None, letter.id)
    return timeline.LetterShown(letter, words, files, numbers.get(letter.complaint_id or 0, ""), joined)


def blocked_pictures(letter: Letter, files: Iterable[Attachment]) -> int:
    """How many pictures its own HTML wants from elsewhere."""
    return _safe(letter, files).blocked_images


def _safe(letter: Letter, files: Iterable[Attachment]) -> Safe:
    return sanitise(letter.html, images=inline_images(files))


def _attachments(letter_ids: Iterable[int]) -> Mapping[int, list[Attachment]]:
    """The files of letters, in the order in which they came."""
    files: defaultdict[int, list[Attachment]] = defaultdict(list)
    ids = list(letter_ids)
    if ids:
        query = select(Attachment).where(Attachment.letter_id.in_(ids)).order_by(Attachment.position, Attachment.id)
        for file in db.session.scalars(query):
            files[file.letter_id or 0].append(file)
    return files


def _outcomes(complaint: Complaint, work: Section) -> list[tuple[Stage, list[Missing]]]:
    """The ways off the board, each with what it lacks."""
    return [(place, guards.lacking(work.case, place.needs)) for place in off_board.outcomes(complaint)]


def _notified(complaint: Complaint, departments: Sequence[Department]) -> list[tuple[Name, datetime]]:
    rows = db.session.execute(
        select(Involvement.department_id, Involvement.since).where(
            Involvement.complaint_id == complaint.id, Involvement.reason == "notified"
        )
    )
    told = {row.department_id: row.since for row in rows}
    return [(each.name, told[each.id]) for each in departments if each.id in told]


@dataclass(frozen=True)
class Face:
    """A clock as a reader sees it. `state`: ok, soon (three quarters gone), over, met, late, cancelled."""

    name: Name
    clock: Clock
    state: str
    length: timedelta
    """Working time left, over, or taken."""
    used: float
    limit: float
    left_out: Sequence[str]
    """Holidays that the due time skips."""


def _faces(rules: Procedure, running: Iterable[Clock]) -> list[Face]:
    names = {rule.key: rule.name for rule in rules.clocks}
    return [_face(names.get(clock.key, Name(clock.key, clock.key)), clock) for clock in running]


def _face(name: Name, clock: Clock) -> Face:
    worked, at = calendar().between, clock.stopped_at or now()
    used, limit = worked(clock.started_at, at), worked(clock.started_at, clock.due_at)
    if clock.outcome not in (None, "met", "late"):
        state, length = "cancelled", used
    elif clock.stopped_at is not None:
        state, length = ("late", worked(clock.due_at, at)) if clock.outcome == "late" else ("met", used)
    elif at > clock.due_at:
        state, length = "over", worked(clock.due_at, at)
    else:
        state, length = "soon" if used >= limit * 0.75 else "ok", worked(at, clock.due_at)
    hours = timedelta(hours=1)
    return Face(name, clock, state, length, min(used, limit) / hours, limit / hours, _holidays(clock.receipt))


def _holidays(receipt: Mapping[str, Any]) -> list[str]:
    rows = [row for row in receipt.get("walk", ()) if row.get("note") == "holiday" and not row.get("minutes")]
    return [_range(row["from"], row["to"]) for row in rows]


def _range(first: str, last: str) -> str:
    form = "M月d日" if locale().startswith("zh") else "d MMM"
    ends = [format_date(date.fromisoformat(day), form) for day in (first, last)]
    return ends[0] if first == last else "–".join(ends)


@dataclass(frozen=True)
class Step:
    """A stage in the stepper. `state`: done, now, todo."""

    stage: Stage
    state: str
    spent: timedelta | None
    since: datetime | None
    over: bool
    filled: int


def _steps(complaint: Complaint, rules: Procedure, faces: Sequence[Face]) -> list[Step]:
    been = visits.of(db.session(), complaint.id)
    here = rules.stage(complaint.stage)
    steps = []
    for stage in rules.stages:
        mine = [visit for visit in been if visit.stage == stage.key]
        spent = sum((calendar().between(v.entered_at, v.left_at) for v in mine if v.left_at), timedelta())
        if here.off_board:
            state = "done" if mine else "todo"
        else:
            state = "now" if stage.key == here.key else "done" if stage.position < here.position else "todo"
        open_faces = [face for face in faces if face.clock.stopped_at is None] if state == "now" else []
        over = any(face.state == "over" for face in open_faces)
        filled = max((round(100 * face.used / face.limit) for face in open_faces if face.limit), default=50)
        since = next((visit.entered_at for visit in mine if visit.left_at is None), None)
        steps.append(Step(stage, state, spent if mine and state == "done" else None, since, over, max(filled, 4)))
    return steps
