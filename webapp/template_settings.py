"""`/settings/templates`: the reply templates; change those of the house, switch them off, write own ones, and look at
one with the values of a complaint.

For administrators; for everybody else there is nothing here.
"""

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_urlsafe

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import mailboxes, reply_templates
from complaints.complaint import Complaint
from complaints.complaint import find as find_complaint
from complaints.errors import N_, ComplaintError, Name, NotFound, Sentence
from complaints.people import User
from complaints.procedure import newest
from complaints.registration import Problem
from complaints.reply_templates import LIMITS, NotSaved, StaleTemplate, Template, WithdrawnTemplate
from webapp.context import actor, now, settings
from webapp.database import db
from webapp.language import in_my_language
from webapp.reply_templates import fill
from webapp.values import listed

log = structlog.get_logger(__name__)
bp = Blueprint("template_settings", __name__, url_prefix="/settings/templates")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def listing() -> str:
    """All templates."""
    rows = reply_templates.every(db.session())
    return render_template("settings/templates.html", rows=rows, kinds=_kinds())


@bp.route("/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    """One more template."""
    if request.method == "GET":
        return _page(Template("", Name("", ""), "en", ""))
    return _entered(reply_templates.own_key(request.form.get("key", "") or token_urlsafe(16), actor()), new=True)


@bp.route("/<key>", methods=["GET", "POST"])
def change(key: str) -> Response | str | tuple[str, int]:
    """One template: its form."""
    return _page(reply_templates.find(db.session(), key)) if request.method == "GET" else _entered(key)


@bp.post("/<key>/back")
def take_back(key: str) -> Response | tuple[str, int]:
    """As it was shipped, or gone if it is the company's own."""
    template = reply_templates.find(db.session(), key)
    try:
        seen = request.form.get("version", 0, type=int)
        reply_templates.take_back(db.session(), template.key, seen=seen, by=actor(), at=now())
        db.session.commit()
    except StaleTemplate as refused:
        db.session.rollback()
        return _page(reply_templates.find(db.session(), key), refused=refused), 409
    log.info("reply template taken back", template=template.key, by=actor().id, name=actor().name)
    told = gettext("“%(name)s” is as it was shipped.") if template.shipped else gettext("“%(name)s” is deleted.")
    flash(told % {"name": in_my_language(template.name)})
    return redirect(url_for("template_settings.listing"), 303)


def _entered(key: str, *, new: bool = False) -> Response | str | tuple[str, int]:
    """Save what was typed, or with `look` only show what becomes of it."""
    typed = _typed(key)
    as_typed = replace(typed, key="") if new else typed
    if "look" in request.form:
        return _look(as_typed)
    try:
        saved = reply_templates.save(db.session(), typed, by=actor(), at=now(), kinds=_kinds(), new=new)
        db.session.commit()
    except NotSaved as refused:
        db.session.rollback()
        return _page(as_typed, refused=refused), 422
    except WithdrawnTemplate as refused:
        db.session.rollback()
        return _page(replace(typed, key="", version=0), refused=refused), 409
    except StaleTemplate as refused:
        db.session.rollback()
        return _page(typed, refused=refused, newest_one=reply_templates.find(db.session(), key)), 409
    log.info("reply template saved", template=saved.key, version=saved.version, by=actor().id, name=actor().name)
    flash(gettext("“%(name)s” is saved.", name=in_my_language(saved.name)))
    if words := reply_templates.doubtful(f"{saved.subject}\n{saved.text}"):
        flash(gettext("Please read it once more, it may promise something or argue: %(words)s", words=listed(words)))
    return redirect(url_for("template_settings.change", key=saved.key), 303)


def _typed(key: str) -> Template:
    said = request.form
    return Template(
        key, Name(said.get("name_en", ""), said.get("name_zh", "")), said.get("locale", ""),
        said.get("text", "").replace("\r\n", "\n"), said.get("subject", ""), said.get("contact", ""),
        "active" in said, said.get("version", 0, type=int),
    )  # fmt: skip


def _look(typed: Template) -> str | tuple[str, int]:
    """What becomes of a template with a complaint that the reader may see, or with sample values."""
    number = request.form.get("of", "").strip()
    try:
        complaint = find_complaint(db.session(), number, actor()) if number else None
    except NotFound:
        unknown = NotSaved([Problem("of", Sentence(N_("There is no such complaint, or it is not yours to see")))])
        return _page(typed, refused=unknown), 422
    return _page(typed, looked=True, complaint=complaint)


def _page(
    template: Template,
    *,
    refused: ComplaintError | None = None,
    newest_one: Template | None = None,
    looked: bool = False,
    complaint: Complaint | None = None,
) -> str:
    shown = None
    if complaint is not None:
        shown = fill(complaint, template)
    elif looked:
        sample = reply_templates.sample(template.locale, by=actor(), organisation=settings().organisation)
        shown = reply_templates.fill(template, sample)
    problems = {each.field: each.sentence for each in refused.problems} if isinstance(refused, NotSaved) else {}
    return render_template(
        "settings/template.html",
        template=template,
        version=newest_one.version if newest_one else template.version,
        refused=refused.sentence if refused else None,
        problems=problems,
        newest_one=newest_one,
        typed_key="" if isinstance(refused, WithdrawnTemplate) else request.form.get("key", ""),
        changes=reply_templates.changes(db.session(), template.key) if template.key else [],
        people={row.id: row.name for row in db.session.execute(select(User.id, User.name))},
        shown=shown,
        of=complaint,
        doubtful=listed(reply_templates.doubtful(f"{template.subject}\n{template.text}")),
        kinds=_kinds(),
        limits=LIMITS,
    )


def _kinds() -> Mapping[str, Name]:
    """What replies may be recorded as, in whatever procedure."""
    found: dict[str, Name] = {}
    for rules in newest():
        contact = rules.contact
        sheet = rules.sheet(contact.sheet) if contact else None
        if contact is not None and sheet is not None:
            found |= {key: name for key, name in sheet.field(contact.kind).choices.items() if key not in found}
    return found
