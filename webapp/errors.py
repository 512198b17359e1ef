"""What the web answers to each named error: one table, one page, one fragment."""

from urllib.parse import urlsplit

import structlog
from flask import Flask, render_template, request
from flask_babel import gettext
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from complaints import errors
from complaints.customer_merge import NotMerged
from complaints.digest import NotYet
from complaints.errors import N_, ComplaintError, Sentence
from complaints.opening import OpenedMeanwhile
from complaints.records import StaleRecord
from complaints.replies import OnItsWay
from complaints.signing import StaleContent
from complaints.weeks import NoSuchWeek
from jobs import pages
from webapp import carrying, drafts
from webapp.database import db
from webapp.htmx import partial
from webapp.identity import OPEN, ask_to_sign_in
from webapp.language import own_path, sentence
from webapp.security import ForeignRequest, Garbled, from_here

log = structlog.get_logger(__name__)


class StaleForm(ComplaintError):
    message = N_("This page was open too long to be trusted. Load it again and repeat.")


STATUS: dict[type[ComplaintError], int] = {
    errors.NotFound: 404,
    errors.NotAllowed: 403,
    Garbled: 400,
    ForeignRequest: 403,
    carrying.SomebodyElses: 403,
    carrying.TooMuch: 413,
    StaleForm: 400,
    errors.StaleComplaint: 409,
    errors.TooLate: 409,
    StaleRecord: 409,
    StaleContent: 409,
    OnItsWay: 409,
    NotMerged: 409,
    OpenedMeanwhile: 409,
    NoSuchWeek: 404,
    NotYet: 404,
    pages.NoPdf: 503,
    pages.NotHere: 503,
    errors.MoveRefused: 422,
    errors.UnknownStage: 422,
    errors.BadInput: 422,
}
HTTP_SENTENCES = {
    400: N_("The request could not be understood."),
    404: N_("There is nothing here, or it is not yours to see."),
    405: N_("This address does not do that."),
    413: N_("That is too large. Files may have 30 MB together."),
    429: N_("Too many tries. Please wait five minutes."),
    500: N_("Something broke on our side. Nothing was half saved; the fault is in the log."),
    503: N_("The ledger is busy. Please try again in a moment."),
}
MOST_READ = 256 * 1024 * 1024


def init_app(app: Flask) -> None:
    app.register_error_handler(ComplaintError, _refusal)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


def answer(text: str, status: int, back: str | None = None) -> tuple[str, int]:
    """The error as a page, or as a notice for htmx; `back` is the page with the form that led here."""
    return render_template(
        "errors/_notice.html" if partial() else "errors/page.html", text=text, status=status, back=back
    ), status


def _refusal(error: ComplaintError) -> tuple[str, int]:
    db.session.rollback()
    return answer(sentence(error.sentence), STATUS.get(type(error), 422))


def _stale_form(_error: CSRFError) -> Response | tuple[str, int]:
    """A form whose token is not of this sign-in: that has ended, or is a newer one. What was typed is not lost."""
    if not from_here():
        return _refusal(ForeignRequest())
    if request.endpoint not in OPEN:
        try:
            if not current_user.is_authenticated:
                return ask_to_sign_in()
            if not partial() and not drafts.by_script():
                return carrying.once_more() or _refusal(StaleForm())
        except (carrying.SomebodyElses, carrying.TooMuch) as refusal:
            return _refusal(refusal)
    return _refusal(StaleForm())


def _busy(error: OperationalError) -> Response | tuple[str, int]:
    """A database that is locked or away is a passing state: say so, and when to come back."""
    db.session.rollback()
    log.error("database unavailable", error=str(error.orig), path=request.path)
    text, status = answer(gettext(HTTP_SENTENCES[503]), 503)
    response = Response(text, status, content_type="text/html; charset=utf-8")
    response.headers["Retry-After"] = "5"
    return response


def _http(error: HTTPException) -> Response | tuple[str, int]:
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error.get_response()
    if status == 413:
        return _too_large()
    return answer(sentence(Sentence(HTTP_SENTENCES.get(status, HTTP_SENTENCES[400]))), status)


def _too_large() -> tuple[str, int]:
    """The rest of what was sent is read and thrown away: a browser shows no answer to what it could not send. The way
    back leads to the form, which has its draft."""
    rest, body = min(request.content_length or 0, MOST_READ), request.environ["wsgi.input"]
    while rest > 0 and (part := body.read(min(rest, 1 << 16))):
        rest -= len(part)
    came_from = urlsplit(request.headers.get("Referer", ""))
    back = own_path(came_from.path) if came_from.netloc == request.host else None
    return answer(gettext(HTTP_SENTENCES[413]), 413, back)


def _broken(error: Exception) -> tuple[str, int]:
    db.session.rollback()
    who = current_user.actor.id if current_user and current_user.is_authenticated else None
    log.exception("request failed", path=request.path, method=request.method, user=who, exc_info=error)
    return answer(gettext(HTTP_SENTENCES[500]), 500)
