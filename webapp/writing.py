"""What people write in records and put their names to: the forms of a complaint's page.

A plain form leads back to its panel; htmx gets the panel alone. What was refused is shown again as it was sent.
"""

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from complaints import guards, joining, signin, signing, workflow, writing
from complaints.case import load
from complaints.complaint import Complaint, find
from complaints.errors import N_, NotFound, RecordRefused, Refused, StaleComplaint
from complaints.files import NotKept
from complaints.joining import NotJoined
from complaints.people import user_with_password
from complaints.procedure import SignatureRule, of
from complaints.records import StaleRecord
from complaints.registration import Incomplete, Problem
from complaints.signatures import APPROVED, RETURNED
from complaints.signing import RemarkTooLong, RemarkWanted, StaleContent
from complaints.workflow import AnswerWanted
from webapp import drafts, eight_d, record_facts, records_page, uploads
from webapp.context import actor, engine, now, seen_version
from webapp.database import db
from webapp.errors import STATUS
from webapp.htmx import partial
from webapp.identity import by_account, by_address
from webapp.language import in_my_language
from webapp.records import Sent, section
from webapp.signatures import PasswordWanted, Unsigned, WrongPassword, password_wanted
from webapp.triage import NoSuchComplaint

bp = Blueprint("records", __name__)
A_SHEET = "/complaints/<number>/records/<key>"
A_ROW = f"{A_SHEET}/<int(max=2147483647):place>"
UPLOAD = ".upload"
"""What the name of a field ends in where a new file for it may be uploaded."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post(A_SHEET)
@bp.post(A_ROW)
def write(number: str, key: str, place: int | None = None) -> Response | str | tuple[str, int]:
    """Write in a record: the one of its sheet, a row (`place`), or a new row."""
    session = db.session()
    complaint = find(session, number, actor())
    said = _typed()
    try:
        _upload(complaint, key, place, said)
        writing.write(
            session, complaint, key, said, by=actor(), at=now(), context=engine(), seen=seen_version(), place=place,
            key=request.form.get("key", "")[:40],
        )  # fmt: skip
        drafts.sent(complaint)
        session.commit()
    except (Incomplete, RecordRefused, StaleRecord, StaleComplaint) as refusal:
        session.rollback()
        return _again(number, Sent(key, place, said, refusal)), STATUS.get(type(refusal), 422)
    return _written(complaint, key, N_("“%(sheet)s” is saved."), new=place is None)


@bp.post(f"{A_ROW}/remove")
def remove(number: str, key: str, place: int) -> Response | str | tuple[str, int]:
    """Take a row out."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        writing.remove(session, complaint, key, place, by=actor(), at=now(), context=engine())
        session.commit()
    except (RecordRefused, StaleComplaint) as refusal:
        session.rollback()
        return _again(number, Sent(key, place, {}, refusal)), STATUS.get(type(refusal), 422)
    return _written(complaint, key, N_("A row of “%(sheet)s” is taken out."))


def _typed() -> dict[str, list[str]]:
    """What was typed, by field; the empty text beside check boxes says only that the field was there."""
    return {name: request.form.getlist(name) for name in request.form}


def _upload(complaint: Complaint, key: str, place: int | None, said: dict[str, list[str]]) -> None:
    """Keep the files that were uploaded for fields of a record, in a transaction of their own, and say so in the form:
    whatever becomes of it, they need not be chosen again. Raises `Incomplete` with the fields of those refused."""
    sent = [(name.removesuffix(UPLOAD), file) for name, file in request.files.items(multi=True) if file.filename]
    case = load(db.session(), complaint) if sent else None
    sheet = case.rules.sheet(key) if case is not None else None
    if case is None or sheet is None:
        return
    own = any((row.place, row.owner_id) == (place, actor().id) for row in case.of_sheet(sheet))
    several = {each.key: each.kind == "files" for each in sheet.fields if each.kind in ("file", "files")}
    wanted = several.keys() & guards.writable(case, sheet, actor(), own_row=own)
    problems = []
    for name, file in sent:
        if name in wanted:
            try:
                kept = uploads.keep(complaint, file).id
            except NotKept as refusal:
                problems.append(Problem(name, refusal.sentence))
            else:
                said[name] = [*said.get(name, ()), kept] if several[name] else [kept]
    db.session.commit()
    if problems:
        raise Incomplete(problems)


def _written(complaint: Complaint, key: str, message: str, *, new: bool = False) -> Response | str:
    if partial():
        return _panel(complaint, key)
    sheet = of(complaint).sheet(key)
    assert sheet is not None  # something was written in it
    flash(gettext(message, sheet=in_my_language(sheet.name)))
    if _from_report() and new and sheet.many:  # and on to the next row
        return redirect(eight_d.address(complaint, f"f-{key}-{sheet.fields[0].key}", add=key), 303)
    return redirect(_home(complaint, f"f-{key}"), 303)


def _from_report() -> bool:
    return request.args.get("back") == eight_d.BACK


def _from_facts() -> bool:
    return request.args.get("back") == record_facts.BACK


def _home(complaint: Complaint, anchor: str) -> str:
    """The page that a form was sent from."""
    if _from_report():
        return eight_d.address(complaint, request.args.get("at", "")[:80] or anchor)
    if _from_facts():
        return url_for("complaint.show", number=complaint.number, _anchor=anchor.replace("f-", "fact-of-", 1))
    return url_for("dossier.show", number=complaint.number, _anchor=anchor)


def _page(complaint: Complaint, *, sent: Sent | None = None, unsigned: Unsigned | None = None) -> str:
    if sent is not None and _from_facts():
        return record_facts.page(complaint, sent.sheet, sent)
    show = eight_d.page if _from_report() else records_page.page
    return show(complaint, sent=sent, unsigned=unsigned)


def _again(number: str, sent: Sent) -> str:
    """The page, or the panel alone, with the form as it was sent."""
    complaint = find(db.session(), number, actor())
    return _panel(complaint, sent.sheet, sent) if partial() else _page(complaint, sent=sent)


def _panel(complaint: Complaint, key: str, sent: Sent | None = None) -> str:
    found = section(complaint, sent=sent)
    panel = next((each for each in found.panels if each.sheet.key == key), None)
    if panel is None:
        raise NotFound
    return render_template("complaint/_panel.html", complaint=complaint, work=found, panel=panel)


@bp.post("/complaints/<number>/signatures/<key>")
@by_address
@by_account
def sign(number: str, key: str) -> Response | str | tuple[str, int]:
    """Sign what was shown (`digest`), or return it with a remark (`decision=returned`); `move` names the stage that the
    complaint goes to in the same breath."""
    session = db.session()
    complaint = find(session, number, actor())
    rule = load(session, complaint).rules.signature(key)
    if rule is None:
        raise NotFound
    remark = request.form.get("remark", "").replace("\r\n", "\n")
    decision = request.form.get("decision") or (APPROVED if request.form.get("move") else "")
    try:
        _prove()
        signing.sign(
            session, complaint, key, decision=decision, remark=remark, by=actor(), at=now(), context=engine(),
            seen=request.form.get("digest", ""),
        )  # fmt: skip
        if stage := request.form.get("move"):
            workflow.move(
                session, complaint, stage, by=actor(), at=now(), seen_version=complaint.version, context=engine()
            )
        drafts.sent(complaint)
        session.commit()
    except (
        WrongPassword, PasswordWanted, RemarkWanted, RemarkTooLong, StaleContent, StaleComplaint, Refused, AnswerWanted,
    ) as refusal:  # fmt: skip
        session.rollback()
        return _unsigned(number, Unsigned(key, remark, refusal)), STATUS.get(type(refusal), 422)
    if partial():
        return _box(complaint, key)
    flash(_told(complaint, rule, decision))
    return redirect(_home(complaint, f"f-sign-{key}"), 303)


def _told(complaint: Complaint, rule: SignatureRule, decision: str) -> str:
    name = in_my_language(rule.name)
    if decision == RETURNED:
        return str(gettext("%(signature)s: returned.", signature=name))
    return str(gettext("%(signature)s: signed.", signature=name))


def _prove() -> None:
    """Whoever signs has given their password lately, or gives it now. A right one counts whatever becomes of the
    signature."""
    if not password_wanted():
        return
    password = request.form.get("password", "")
    if not password:
        raise PasswordWanted
    if user_with_password(db.session(), current_user.user.email, password) is None:
        g.wrong_password = True
        raise WrongPassword
    signin.prove(db.session(), current_user.token, at=now())
    db.session.commit()
    g.password_wanted = False


def _unsigned(number: str, sent: Unsigned) -> str:
    complaint = find(db.session(), number, actor())
    return _box(complaint, sent.key, sent) if partial() else _page(complaint, unsigned=sent)


def _box(complaint: Complaint, key: str, sent: Unsigned | None = None) -> str:
    found = section(complaint, unsigned=sent)
    box = next((each for each in found.boxes if each.rule.key == key), None)
    if box is None:
        raise NotFound
    return render_template("complaint/_signature.html", complaint=complaint, work=found, box=box)


@bp.post("/complaints/<number>/investigation")
def join(number: str) -> Response | tuple[str, int]:
    """Let a complaint share the investigation of the one whose number was typed (`other`)."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        other = _named(request.form.get("other", "").strip().upper()[:20])
        joining.join(session, complaint, other, by=actor(), at=now(), seen_version=seen_version(), context=engine())
        session.commit()
    except (NoSuchComplaint, NotJoined, StaleComplaint) as refusal:
        session.rollback()
        return records_page.page(find(session, number, actor()), refusal=refusal), STATUS.get(type(refusal), 422)
    flash(gettext("%(number)s shares the investigation of %(other)s.", number=number, other=other.number))
    return redirect(url_for("dossier.show", number=number, _anchor="joined"), 303)


@bp.post("/complaints/<number>/round")
def take_along(number: str) -> Response | tuple[str, int]:
    """Take a complaint that stayed behind into the present round of its investigation."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        workflow.take_along(session, complaint, by=actor(), at=now(), seen_version=seen_version(), context=engine())
        session.commit()
    except StaleComplaint as refusal:
        session.rollback()
        return records_page.page(find(session, number, actor()), refusal=refusal), STATUS[StaleComplaint]
    flash(gettext("%(number)s is in round %(round)s now.", number=number, round=complaint.round))
    return redirect(url_for("dossier.show", number=number, _anchor="joined"), 303)


def _named(number: str) -> Complaint:
    try:
        return find(db.session(), number, actor())
    except NotFound:
        raise NoSuchComplaint(number=number) from None
