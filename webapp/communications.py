"""The communication record on a customer's page: a new entry, and the answer to an enquiry that was open."""

import secrets
from dataclasses import replace

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import communications, customer_file
from complaints.communications import Answered, Communication, Question, WrittenBefore
from complaints.customer_file import GoneOver
from complaints.errors import NotFound
from complaints.registration import Incomplete
from webapp.context import actor, now, settings, zone
from webapp.customers import ID, file_page, found, goes_on, refused, who_may_know
from webapp.database import db
from webapp.outbox import ring

bp = Blueprint("communications", __name__)
bp.before_request(who_may_know)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(form_key=lambda: secrets.token_urlsafe(16))


@bp.post(f"/customers/{ID}/communications")
def note(customer_id: int) -> Response | tuple[str, int]:
    """Write down what was talked about; the departments that are ticked are asked."""
    session, customer, today = db.session(), found(customer_id), now().astimezone(zone()).date()
    asked = {id_ for id_ in request.form.getlist("departments", type=int) if 0 < id_ < 2**31}
    try:
        values = communications.parse(request.form, today=today)
        told = communications.note(
            session, customer, values, asked=asked, key=request.form.get("key", "")[:60] or secrets.token_urlsafe(16),
            by=actor(), at=now(), today=today, secret=settings().secret_key, domain=settings().message_domain,
        )  # fmt: skip
        session.commit()
    except Incomplete as refusal:
        session.rollback()
        return file_page(found(customer_id), talk=refused(refusal)), 422
    except (WrittenBefore, GoneOver) as refusal:
        session.rollback()
        form = refused(refusal)
        anew = replace(form, values={name: text for name, text in form.values.items() if name != "key"})
        return file_page(goes_on(customer_id), talk=anew), 409
    if told:
        ring()
    asked_text = ngettext("%(num)d colleague is asked.", "%(num)d colleagues are asked.", told) if told else ""
    flash(f"{gettext('It is written down.')} {asked_text}".strip())
    return redirect(url_for("customers.show", customer_id=customer_id, _anchor="talks"), 303)


@bp.post(f"/customers/{ID}/communications/<int(max=2147483647):talk_id>/answer")
def answer(customer_id: int, talk_id: int) -> Response | tuple[str, int]:
    """Write down the answer to an enquiry."""
    session, customer = db.session(), goes_on(customer_id)
    theirs = Communication.id == talk_id, Communication.customer_id == customer.id
    question = session.scalar(select(Question).join(Communication).where(*theirs))
    if question is None:
        raise NotFound
    try:
        customer_file.check_goes_on(session, found(customer_id))
        communications.answer(session, question, request.form.get("answer", ""), by=actor(), at=now())
        session.commit()
    except (Incomplete, Answered, GoneOver) as refusal:
        session.rollback()
        status = 422 if isinstance(refusal, Incomplete) else 409
        return file_page(goes_on(customer_id), answering=(talk_id, refused(refusal))), status
    flash(gettext("The answer is written down."))
    return redirect(url_for("customers.show", customer_id=customer_id, _anchor=f"talk-{talk_id}"), 303)
