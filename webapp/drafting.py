"""Keeping what is typed in the forms of a complaint's page: drafts.js asks for it a second after the last key; without
script there is a button.
"""

from flask import Blueprint, Flask, flash, jsonify, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints.complaint import find
from complaints.drafts import Draft, StaleDraft, TooLongToKeep, TooMany, done
from webapp import complaint_page, draft_forms, drafts, eight_d, records_page
from webapp.context import actor, now
from webapp.database import db
from webapp.draft_forms import FACT, RECORD, SIGNATURE, Form
from webapp.htmx import partial
from webapp.language import clock_time, sentence

bp = Blueprint("drafts", __name__)
A_DRAFT = "/complaints/<number>/drafts/<form>"


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post(A_DRAFT)
def save(number: str, form: str) -> Response | tuple[Response | str, int]:
    """Keep what stands in a form: for the script, or at the press of the button."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        draft = drafts.keep(complaint, form, request.form)
        session.commit()
    except StaleDraft as stale:
        session.rollback()
        if drafts.by_script():
            return jsonify(_told(stale.newest)), 409
        named, again = Form.named(form), find(session, number, actor())
        if named.part:
            return eight_d.page(again, refusal=stale), 409
        page = records_page.page if named.kind in (RECORD, SIGNATURE) else complaint_page.page
        return page(again, refusal=stale), 409
    except (TooLongToKeep, TooMany) as refusal:
        if not drafts.by_script():
            raise
        session.rollback()
        return jsonify(problem=sentence(refusal.sentence)), 422
    if drafts.by_script():
        return jsonify(_told(draft))
    flash(gettext("Draft saved %(time)s", time=clock_time(draft.saved_at)))
    return redirect(Form.named(form).home(number), 303)


@bp.post(f"{A_DRAFT}/discard")
def discard(number: str, form: str) -> Response:
    """Forget what was typed in a form."""
    session = db.session()
    complaint = find(session, number, actor())
    named = draft_forms.known(complaint, form)
    done(session, complaint, form, by=actor(), at=now())
    session.commit()
    if partial() and named.kind == FACT:
        return redirect(f"{url_for('facts.edit', number=number, field=named.about)}?as=shown", 303)
    return redirect(named.home(number), 303)


def _told(draft: Draft) -> dict[str, object]:
    return {"version": draft.version, "at": clock_time(draft.saved_at), "fields": draft.fields}
