"""Letters from the customer: as text, in their own HTML as a sandboxed document, and byte for byte.

The customer's words are text by default. A letter's own HTML is a document of its own, under a policy that loads
nothing, and is fetched only when a reader asks for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import inbox, off_board
from complaints.complaint import Complaint, find
from complaints.errors import NotFound
from complaints.letters import Attachment, Letter
from intake.html import Safe, sanitise
from webapp import timeline
from webapp.attachments import disposition, file_answer, inline_images, opened
from webapp.context import actor
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("letters", __name__)
A_LETTER = "/complaints/<number>/letters/<int(max=9007199254740991):letter_id>"
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self'; "
    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get(A_LETTER)
def letter(number: str, letter_id: int) -> Response | str:
    """A letter as text, or with `?as=formatted` in its own HTML."""
    complaint, found = _letter(number, letter_id)
    as_html = request.args.get("as") == "formatted"
    if not partial():
        target = url_for("complaint.show", number=number, letter=letter_id, formatted=letter_id if as_html else None)
        return redirect(f"{target}#letter-{letter_id}")
    files = attachments([found.id])[found.id]
    said = timeline.words(found.text, found.folds, subject=found.subject)
    first = inbox.first_letter(db.session(), complaint.id)
    splits = actor().sees_all and found.complaint_id == complaint.id and first not in (None, found.id)
    return render_template(
        "complaint/_letter.html",
        complaint=complaint,
        item=timeline.LetterShown(
            found, said, files, splits=splits, formatted=bool(found.html), acts="mend" in request.args
        ),
        blocked={found.id: _safe(found, files).blocked_images} if as_html else {},
    )


@bp.get(f"{A_LETTER}/html")
def letter_html(number: str, letter_id: int) -> Response:
    """A letter's own HTML, made safe anew at every look, as a sandboxed document."""
    _, found = _letter(number, letter_id)
    return formatted(found)


def formatted(found: Letter) -> Response:
    """A letter's own HTML as a sandboxed document."""
    opened(letter=found.id)
    safe = _safe(found, attachments([found.id])[found.id])
    answer = current_app.response_class(render_template("complaint/letter_document.html", safe=safe, letter=found))
    answer.headers["Content-Security-Policy"] = MAIL_POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@bp.get(f"{A_LETTER}/raw")
def letter_raw(number: str, letter_id: int) -> Response | tuple[str, int]:
    """A letter byte for byte, to keep or to read elsewhere."""
    _, found = _letter(number, letter_id)
    return file_answer(found.raw, "message/rfc822", disposition("attachment", f"{number}-{letter_id}.eml"))


def _letter(number: str, letter_id: int) -> tuple[Complaint, Letter]:
    complaint = find(db.session(), number, actor())
    found = db.session.scalar(
        select(Letter).where(Letter.id == letter_id, Letter.complaint_id.in_(with_merged(complaint)))
    )
    if found is None:
        raise NotFound
    return complaint, found


def with_merged(complaint: Complaint) -> list[int]:
    """A complaint (id) and those that were merged into it."""
    return [complaint.id, *off_board.merged_into(db.session(), complaint.id)]


def blocked_pictures(letter: Letter, files: Iterable[Attachment]) -> int:
    """How many pictures its own HTML wants from elsewhere."""
    return _safe(letter, files).blocked_images


def _safe(letter: Letter, files: Iterable[Attachment]) -> Safe:
    return sanitise(letter.html, images=inline_images(files))


def attachments(letter_ids: Iterable[int]) -> Mapping[int, list[Attachment]]:
    """The files of letters, in the order in which they came."""
    files: defaultdict[int, list[Attachment]] = defaultdict(list)
    ids = list(letter_ids)
    if ids:
        query = select(Attachment).where(Attachment.letter_id.in_(ids)).order_by(Attachment.position, Attachment.id)
        for file in db.session.scalars(query):
            files[file.letter_id or 0].append(file)
    return files
