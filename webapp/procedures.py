"""`/settings/procedures`: the procedures with all their versions, the page of each, and the editor that puts a new one
in force.

For administrators; for everybody else there is nothing here. A version that is put in force is for new complaints;
those that run keep the one they began with.
"""

from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import mailboxes, procedure_store, procedure_use
from complaints.errors import NotFound
from complaints.people import User
from complaints.procedure import Procedure, newest, offered, procedure, versions
from complaints.procedure_changes import ADDED, CHANGED, REMOVED, Part, changes
from complaints.procedure_file import LARGEST_FILE, BadProcedure, Fault, read, text_of
from complaints.procedure_lines import around, lines_of
from complaints.procedure_store import LONGEST_REASON, NoReason, Version
from webapp import pictures
from webapp.context import actor, now
from webapp.database import db
from webapp.language import in_my_language

log = structlog.get_logger(__name__)
bp = Blueprint("procedures", __name__, url_prefix="/settings/procedures")
A_VERSION = "/<key>/<int(max=2147483647):version>"


@dataclass(frozen=True)
class Told:
    """A fault with the line where it stands."""

    fault: Fault
    line: int | None


@dataclass(frozen=True)
class Difference:
    """What a text would change against the version that is in force."""

    against: Version
    parts: list[Part]
    lines: list[str]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.before_request(_newest_known)


def _newest_known() -> None:
    """Know the versions that were brought in elsewhere."""
    if request.endpoint not in (None, "static") and request.blueprint != "health":
        procedure_store.refresh(db.session())


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def listed() -> str:
    """Every procedure: whether it is in use, and its versions: the newest, those that open complaints follow, and those
    that cannot be read any more."""
    session = db.session()
    told = _listing(procedure_store.every(session))
    living: dict[str, list[Version]] = {}
    for row in told["rows"]:
        version = (row.key, row.version)
        if row.version == told["newest"].get(row.key) or version in told["following"] or version in told["still"]:
            living.setdefault(row.key, []).append(row)
    held = procedure_use.held(session, told["offered"])
    return render_template("settings/procedures.html", living=living, held=held, **told)


def _listing(rows: list[Version]) -> dict[str, Any]:
    """What a table of versions tells of each."""
    session = db.session()
    wanted = {row.added_by_id for row in rows if row.added_by_id is not None}
    people = session.execute(select(User.id, User.name).where(User.id.in_(wanted))).all() if wanted else ()
    return {
        "rows": rows,
        "following": procedure_store.open_complaints(session),
        "names": {rules.key: rules.name for rules in newest()},
        "newest": {rules.key: rules.version for rules in newest()},
        "offered": {rules.key for rules in offered()},
        "still": {(rules.key, rules.version) for rules in versions() if rules.still},
        "people": {row.id: row.name for row in people},
    }


@bp.get(A_VERSION)
def show(key: str, version: int) -> str:
    """A version: its picture and what it has; of one that cannot be read any more what is wrong with it."""
    session = db.session()
    row = procedure_store.find(session, key[:40], version)
    procedure_store.load_known(session)
    return render_template(
        "settings/procedure.html",
        row=row,
        rules=procedure(row.key, row.version),
        **_told(row.text, _faults(row)),
        **_listing([each for each in procedure_store.every(session) if each.key == row.key]),
    )


def _faults(row: Version) -> list[Fault]:
    try:
        read(row.text, f"{row.key} {row.version}")
    except BadProcedure as bad:
        return bad.faults
    return []


@bp.get("/<key>-<int:version>.toml")
def text(key: str, version: int) -> Response:
    """The text of a version, as it was brought in."""
    row = procedure_store.find(db.session(), key[:40], min(version, 2**31 - 1))
    return _file(row.text, "application/toml", f"{row.key}-{row.version}.toml")


@bp.get("/<key>-<int:version>.svg")
def drawn(key: str, version: int) -> Response:
    """The picture of a version as a file, in the reader's language."""
    session = db.session()
    row = procedure_store.find(session, key[:40], min(version, 2**31 - 1))
    procedure_store.load_known(session)
    rules = procedure(row.key, row.version)
    if rules.still:
        raise NotFound
    return _file(pictures.as_file(rules), "image/svg+xml", f"{row.key}-{row.version}.svg")


def _file(content: str, kind: str, name: str) -> Response:
    head = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(content, content_type=f"{kind}; charset=utf-8", headers=head)


@bp.get("/new")
def new() -> str:
    """The editor; `?of=` begins with the text of the newest version of a procedure."""
    known = {rules.key: rules for rules in newest()}
    begun = known.get(request.args.get("of", ""))
    return _editor(begun.source if begun else "")


@bp.post("/new")
def add() -> Response | str | tuple[str, int]:
    """Put a version in force, or with `check` only look at it; whatever is wrong is told at once, and the text kept."""
    session, reason, only_look = db.session(), request.form.get("reason", ""), "check" in request.form
    typed, file, faults = _sent()
    refused = None if only_look else _against(reason)
    rules = None
    try:
        if not faults:
            rules = procedure_store.check(session, typed, file)
        if rules and not refused and not only_look:
            procedure_store.add(session, typed, file, reason=reason, by=actor(), at=now())
            session.commit()
    except BadProcedure as bad:
        session.rollback()
        rules, faults = None, bad.faults
    if rules is None or refused:
        return _editor(typed, faults=faults, refused=refused, fine=rules), 422
    if only_look:
        return _editor(typed, fine=rules)
    procedure_store.load_known(session)
    log.info("procedure put in force", procedure=rules.key, version=rules.version, by=actor().id, name=actor().name)
    flash(gettext("%(key)s version %(version)s is in force for new complaints.", key=rules.key, version=rules.version))
    return redirect(url_for("procedures.listed"), 303)


def _sent() -> tuple[str, str, list[Fault]]:
    """The text that was sent, its file's name, and what is wrong with its letters; a chosen file takes the place of
    the typed text."""
    sent = request.files.get("file")
    typed, file = request.form.get("text", "").replace("\r\n", "\n"), "procedure.toml"
    if not sent:
        return typed, file, []
    file = sent.filename or file
    try:
        return text_of(sent.read(LARGEST_FILE + 1), file), file, []
    except BadProcedure as bad:
        return typed, file, bad.faults


@bp.post("/use")
def use() -> Response:
    """Of the procedures that were shown as in use (`was`), keep those that are ticked (`used`) and put the others on
    the shelf; take into use what is newly ticked."""
    was, used = {*request.form.getlist("was")}, {*request.form.getlist("used")}
    turned = procedure_use.choose(db.session(), use=used - was, shelve=was - used, by=actor(), at=now())
    db.session.commit()
    procedure_store.load_known(db.session())
    names = {rules.key: "“" + in_my_language(rules.name) + "”" for rules in newest()}
    log.info("procedures in use", taken=sorted(turned & used), shelved=sorted(turned - used), by=actor().id)
    taken, shelved = (" ".join(names[key] for key in sorted(keys)) for keys in (turned & used, turned - used))
    if taken:
        flash(gettext("Offered for new complaints from now on: %(procedures)s", procedures=taken))
    if shelved:
        flash(gettext("On the shelf, offered for no new complaint: %(procedures)s", procedures=shelved))
    return redirect(url_for(".listed"), 303)


def _against(reason: str) -> NoReason | None:
    try:
        procedure_store.checked_reason(reason)
    except NoReason as error:
        return error
    return None


def _editor(
    typed: str,
    *,
    faults: list[Fault] | None = None,
    refused: NoReason | None = None,
    fine: Procedure | None = None,
) -> str:
    following = procedure_store.open_complaints(db.session()) if fine else {}
    return render_template(
        "settings/procedure_editor.html",
        text=typed,
        reason=request.form.get("reason", ""),
        longest=LONGEST_REASON,
        refused=refused,
        fine=fine,
        difference=_difference(fine) if fine else None,
        running=[(version, count) for (key, version), count in sorted(following.items()) if fine and key == fine.key],
        kinds={ADDED: gettext("new"), REMOVED: gettext("gone"), CHANGED: gettext("changed")},
        **_told(typed, faults or []),
    )


def _told(text: str, faults: list[Fault]) -> dict[str, Any]:
    """Faults in the order of their lines, and those lines with the ones round them."""
    most = text.count("\n") + 1 if text else 0
    lines = [line if line and line <= most else None for line in lines_of(text, faults)]
    told = [Told(fault, line) for fault, line in zip(faults, lines, strict=True)]
    return {
        "faults": sorted(told, key=lambda each: each.line or 0),
        "excerpt": list(around(text, (line for line in lines if line))),
    }


def _difference(rules: Procedure) -> Difference | None:
    """What changes against the version in force; none where there is none, or it is this one."""
    known = {each.key: each for each in newest()}
    old = known.get(rules.key)
    if old is None or old.version == rules.version:
        return None
    row = procedure_store.find(db.session(), old.key, old.version)
    old_name, new_name = (f"{row.key}-{each}.toml" for each in (row.version, rules.version))
    lines = unified_diff(row.text.splitlines(), rules.source.splitlines(), old_name, new_name, lineterm="")
    return Difference(row, changes(pictures.words(old), pictures.words(rules)), list(lines))
