"""Files that came with letters: only to people who may see their complaint, or the one that it was merged into, and
never as something active. Files of a letter that is on no complaint are for those who see the inbox.

A file leaves as a download under a policy that runs nothing; four kinds of picture may be shown. Pictures inside a
letter's HTML have signed addresses that last ten minutes, because a sandboxed document sends no cookies.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog
from flask import Blueprint, Flask, current_app, request, send_file, url_for
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from complaints import off_board
from complaints.complaint import Complaint, visible_to
from complaints.errors import NotFound
from complaints.letters import Attachment, Letter
from webapp.assets import signed_in
from webapp.context import actor, blobs
from webapp.database import db
from webapp.errors import answer

bp = Blueprint("attachments", __name__)
log = structlog.get_logger(__name__)
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
TOKEN_SECONDS = 600
NAMED = {"number": "complaint", "letter_id": "letter", "sighting_id": "message", "attachment_id": "attachment"}
"""What an address may tell the log of a file that was opened."""
TAKEN = ("view", "small")
"""Ends of addresses that mean something else than a name."""
INERT = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}
"""What every file leaves with."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(attachment_url=attachment_url, nested=nested)


@bp.get("/attachments/<attachment_id>/<name>")
def show(attachment_id: str, name: str) -> Response | tuple[str, int]:
    """A file as a download; a picture to look at with `?inline=1`. The name in the address is only for people."""
    file, number = find(attachment_id)
    inline = request.args.get("inline") == "1" and file.content_type in PICTURES
    return file_answer(
        file.blob, file.content_type if inline else "application/octet-stream",
        disposition("inline" if inline else "attachment", file.filename), complaint=number,
    )  # fmt: skip


def find(attachment_id: str) -> tuple[Attachment, str | None]:
    """A file that the reader may see, and the number of the complaint where they see it: its own, or the one that took
    that in. A file on none is for those who see everything. Raises `NotFound`."""
    row = db.session.execute(
        select(Attachment, func.coalesce(Attachment.complaint_id, Letter.complaint_id))
        .outerjoin(Letter, Letter.id == Attachment.letter_id)
        .where(Attachment.id == attachment_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    file, complaint_id = row
    if complaint_id is None:
        if not actor().sees_all:
            raise NotFound
        return file, None
    ids = [off_board.survivor(db.session(), complaint_id).id, complaint_id]
    query = visible_to(actor(), select(Complaint.id, Complaint.number).where(Complaint.id.in_(ids)))
    seen = {each.id: each.number for each in db.session.execute(query)}
    if not seen:
        raise NotFound
    return file, seen.get(ids[0]) or seen[ids[1]]


@bp.get("/attachments/inline/<token>")
def inline(token: str) -> Response | tuple[str, int]:
    """A picture inside a letter's HTML, to whoever got its address from that letter in the last ten minutes."""
    try:
        attachment_id = _signer().loads(token, max_age=TOKEN_SECONDS)
    except BadSignature:
        raise NotFound from None
    found = db.session.get(Attachment, attachment_id)
    if found is None or found.content_type not in PICTURES:
        raise NotFound
    return file_answer(found.blob, found.content_type, disposition("inline", found.filename), attachment=found.id)


def inline_images(files: Iterable[Attachment]) -> dict[str, str]:
    """The addresses of the pictures that a letter's HTML may show, by Content-ID."""
    return {
        file.content_id: url_for("attachments.inline", token=_signer().dumps(file.id))
        for file in files
        if file.content_id and file.content_type in PICTURES
    }


@dataclass(frozen=True)
class Nested:
    """A file with those that were found inside it."""

    file: Attachment
    inside: "list[Nested]"


def nested(files: Iterable[Attachment]) -> list[Nested]:
    """The files of one letter, each below the one that held it."""
    shown: dict[int, Nested] = {}
    outermost: list[Nested] = []
    for file in files:
        own = Nested(file, [])
        holder = shown.get(-1 if file.within is None else file.within)
        (outermost if holder is None else holder.inside).append(own)
        shown[file.position] = own
    return outermost


def attachment_url(file: Attachment, inline: str | None = None) -> str:
    """Where a file is; its name is the end of the address."""
    name = file.filename.replace("/", "_").replace("\\", "_")
    name = name if name.strip(". ") and name not in TAKEN else "file"
    return url_for("attachments.show", attachment_id=file.id, name=name, inline=inline)


def disposition(kind: str, filename: str) -> str:
    """A Content-Disposition that old and new readers understand (RFC 6266)."""
    name = "".join(c if c.isprintable() and c not in '/\\"' else "_" for c in filename).strip() or "file"
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def opened(**which: object) -> None:
    """One line in the log for each file or letter that is opened: by whom, from where, and which. Nothing of what it
    says, and not the whole address, which may hold a name or a token."""
    me = signed_in()
    named = {NAMED[key]: value for key, value in (request.view_args or {}).items() if key in NAMED}
    log.info("file opened", user=me.id if me else None, address=request.remote_addr, **named | which)


def file_answer(blob: str, content_type: str, content_disposition: str, **which: object) -> Response | tuple[str, int]:
    """The bytes of a blob, checked against their name before the first one leaves; a plain word when they are gone.
    `which` tells the log what is not in the address."""
    try:
        path = checked(blob)
    except FileNotFoundError:
        log.error("blob missing", blob=blob, path=request.path)
        return answer(gettext("This file is missing from the store. It is in the log; tell the administrator."), 410)
    except ValueError:
        log.error("blob altered", blob=blob, path=request.path)
        told = gettext("This file was altered in the store and is kept back. It is in the log; tell the administrator.")
        return answer(told, 500)
    response = send_file(path, mimetype=content_type, conditional=False, etag=False)
    response.headers.update(INERT | {"Content-Disposition": content_disposition})
    opened(**which)
    return response


def checked(blob: str) -> Path:
    """Where the bytes of a blob are. Raises `FileNotFoundError` if they are gone and `ValueError` if they were
    altered."""
    if not blob:  # a message that was too large to keep
        raise FileNotFoundError
    path = blobs().path(blob)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != blob:
            raise ValueError(blob)
    return path


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="picture in a letter")
