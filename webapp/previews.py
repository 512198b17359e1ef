"""Looking at a file without downloading it: a small picture beside its name, and a page of its own, or a dialog over
the page it stands on. Pictures and PDFs are drawn anew by a child (complaints/previews.py), texts are shown as text;
of every other file there are name, size, kind and the download. Who may see the file may see what is drawn of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from flask import Blueprint, Flask, render_template, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints.drawing import PAGED, Order
from complaints.errors import NotFound
from complaints.letters import Attachment
from complaints.previews import DRAWN, LARGE, MOST_PAGES, SMALL, Busy, Picture, Previews
from intake.charsets import clean, decode
from webapp.attachments import INERT, PICTURES, checked, find, opened
from webapp.context import settings
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("previews", __name__)
log = structlog.get_logger(__name__)
TEXTS = frozenset({"text/plain", "text/csv", "application/json"})
LONGEST = 200 * 1024
"""Octets of a text that are shown."""
CLEAR = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A GIF of one clear pixel."""
A_FILE = "/attachments/<attachment_id>"


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(drawn=drawn, viewable=viewable)


def drawn(file: Attachment) -> bool:
    """May there be a picture of this file?"""
    return bool(file.blob) and file.content_type in DRAWN


def viewable(file: Attachment) -> bool:
    """Can a reader look at this file here?"""
    return bool(file.blob) and (file.content_type in DRAWN or file.content_type in TEXTS)


@dataclass(frozen=True)
class Look:
    """What a reader sees of a file: a page of it as a `picture`, or its `text`, or neither; `busy` when it could not be
    drawn at this moment. `number`: the complaint that it is shown on. `ids`: it and the files it came with."""

    file: Attachment
    number: str | None
    ids: Sequence[str]
    page: int
    picture: Picture | None = None
    text: str | None = None
    busy: bool = False

    @property
    def place(self) -> int:
        return self.ids.index(self.file.id) + 1

    @property
    def before(self) -> str | None:
        return self.ids[self.place - 2] if self.place > 1 else None

    @property
    def after(self) -> str | None:
        return self.ids[self.place] if self.place < len(self.ids) else None

    @property
    def pages(self) -> int:
        """How many can be looked at."""
        return min(self.picture.pages, MOST_PAGES) if self.picture else 0

    @property
    def original(self) -> bool:
        """Is the file itself a picture that a browser may show as it is?"""
        return self.picture is not None and self.file.content_type in PICTURES

    @property
    def cut(self) -> bool:
        """Is there more of it than can be looked at?"""
        if self.picture:
            return self.picture.pages > MOST_PAGES
        return self.text is not None and self.file.size > LONGEST


@bp.get(f"{A_FILE}/view")
def view(attachment_id: str) -> str:
    """A file to look at, a PDF by `?page=`; the dialog gets the fragment."""
    file, number = find(attachment_id)
    over = partial()
    return render_template(
        "attachments/_look.html" if over else "attachments/view.html", look=_look(file, number), over=over
    )


@bp.get(f"{A_FILE}/view/<int(max=999):page>")
def page(attachment_id: str, page: int) -> Response:
    """A page to read, as a picture."""
    file, number = find(attachment_id)
    try:
        picture = _picture(file, page, LARGE)
    except Busy:
        picture = None
    if picture is None:
        raise NotFound
    opened(complaint=number)
    return _answer(picture.content)


@bp.get(f"{A_FILE}/small")
def small(attachment_id: str) -> Response:
    """The picture beside the name of a file; where there is none, one that lets its icon be seen."""
    file, _ = find(attachment_id)
    try:
        picture, keep = _picture(file, 1, SMALL), True
    except Busy:
        picture, keep = None, False
    return _answer(picture.content, keep=keep) if picture else _answer(CLEAR, "image/gif", keep=keep)


def _answer(drawing: bytes, mimetype: str = "image/webp", *, keep: bool = False) -> Response:
    """A drawing, which the reader's own browser may `keep` for an hour."""
    answer = Response(drawing, mimetype=mimetype)
    answer.headers.update(INERT | ({"Cache-Control": "private, max-age=3600"} if keep else {}))
    return answer


def _look(file: Attachment, number: str | None) -> Look:
    page = min(max(request.args.get("page", 1, int), 1), MOST_PAGES)
    picture, text, busy = None, None, False
    if file.content_type in TEXTS:
        text = _text(file)
    else:
        try:
            picture = _picture(file, page, LARGE)
        except Busy:
            busy = True
    return Look(file, number, _together(file), page, picture, text, busy)


def _picture(file: Attachment, page: int, box: int) -> Picture | None:
    if not drawn(file) or (page > 1 and file.content_type not in PAGED):
        return None
    try:
        return Previews(settings().previews).picture(
            file.blob, lambda: checked(file.blob), Order(file.content_type, page, box)
        )
    except (OSError, ValueError) as error:  # gone or altered, which the download says; or the disk is full
        log.warning("not drawn", attachment=file.id, error=str(error))
        return None


def _text(file: Attachment) -> str | None:
    """A text as far as it is shown, up to the end of a line."""
    try:
        with checked(file.blob).open("rb") as kept:
            seen = kept.read(LONGEST)
    except (FileNotFoundError, ValueError):
        return None
    if file.size > LONGEST:
        seen = seen[: seen.rfind(b"\n") + 1] or seen
    return clean(decode(seen).text)


def _together(file: Attachment) -> Sequence[str]:
    """The files of a letter, or those that people put on a complaint themselves, in their order."""
    these = select(Attachment.id).where(Attachment.complaint_id == file.complaint_id)
    return db.session.scalars(
        these.where(Attachment.letter_id == file.letter_id).order_by(Attachment.position, Attachment.id)
    ).all()
