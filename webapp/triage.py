"""What a person does with a message: each act is a form that works without script.

An act done leads back to where it was pressed, with a sentence that says what happened. An act that was refused shows
that page again with the reasons and what was typed. Messages are read anew in the doors of the intake, which have
transactions of their own; ours ends before.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from complaints import inbox, off_board, suggestions, triage
from complaints.complaint import Complaint, find
from complaints.errors import N_, BadInput, ComplaintError, NotFound, Sentence
from complaints.inbox import Message
from complaints.letters import Letter
from complaints.off_board import MERGED, NOT_COMPLAINT
from complaints.procedure import of
from intake import doors
from intake.errors import REASONS
from intake.record import Outcome
from jobs.queue import Bell, connect
from webapp import complaint_page, drafts
from webapp import inbox as pages
from webapp.context import actor, calendar, engine, now, seen_version, settings, zone
from webapp.database import db
from webapp.errors import STATUS
from webapp.language import own_path
from webapp.message import CHARSETS, claimed

bp = Blueprint("triage", __name__)
Answer = Response | tuple[str, int]
A_MESSAGE = "/inbox/messages/<int(max=9007199254740991):sighting_id>"
A_LETTER = "/complaints/<number>/letters/<int(max=9007199254740991):letter_id>"
MOST_FILES = 20
TOLD = 5
"""Of so many uploaded files each is told by its name."""
LONGEST_NAME = 60
OUTLOOK = b"\xd0\xcf\x11\xe0"
"""What a .msg file of Outlook begins with."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(
        off_board_kinds=off_board.KINDS, may_unmerge=lambda at: now() - at <= off_board.UNMERGE,
        answerers=_answerers, may_decide=lambda complaint: off_board.may_decide(complaint, actor()),
    )  # fmt: skip


def _answerers() -> list[tuple[int, str]]:
    """Whom the reader may ask to answer what is no complaint."""
    found = off_board.who_may(db.session(), now().astimezone(zone()).date())
    return [(id_, name) for id_, name in found if id_ != actor().id]


class NoSuchComplaint(ComplaintError):
    message = N_("There is no complaint “%(number)s” that could take it in.")


@bp.post("/inbox/fetch")
def fetch() -> Answer:
    """Have every mailbox looked into now."""
    if not actor().sees_all:
        raise NotFound
    asked = triage.fetch(db.session(), by=actor(), at=now())
    db.session.commit()
    if asked:
        flash(ngettext("%(num)d mailbox is being looked into.", "%(num)d mailboxes are being looked into.", asked))
    else:
        flash(gettext("There is no mailbox to look into."))
    return redirect(url_for("inbox.messages"), 303)


@bp.post(f"{A_MESSAGE}/retry")
def retry(sighting_id: int) -> Answer:
    """Take a quarantined message through again."""
    _message(sighting_id)
    db.session.rollback()
    outcomes = doors.retry(settings(), _sessions(), _bell(), [sighting_id])
    flash(_told(outcomes[0]) if outcomes else gettext("The message is no longer in quarantine."))
    return _back(url_for("inbox.message", sighting_id=sighting_id))


@bp.post(f"{A_MESSAGE}/draft")
def make_draft(sighting_id: int) -> Answer:
    """Make a draft of a message after all."""
    chosen = _message(sighting_id)

    def act() -> str:
        assert chosen.sighting is not None
        draft = triage.make_draft(
            db.session(), chosen.sighting, by=actor(), at=now(), calendar=calendar(), claimed=claimed(chosen.sighting)
        )
        return str(gettext("The message is draft %(number)s now.", number=draft.number))

    return _done(act, _again(sighting_id), url_for("inbox.message", sighting_id=sighting_id))


@bp.post(f"{A_MESSAGE}/join")
def join(sighting_id: int) -> Answer:
    """Put a message on the complaint whose number was typed."""
    chosen = _message(sighting_id)

    def act() -> str:
        assert chosen.sighting is not None
        into = triage.join(
            db.session(), chosen.sighting, _typed(), by=actor(), at=now(), context=engine(),
            claimed=claimed(chosen.sighting),
        )  # fmt: skip
        return str(gettext("The message is on %(number)s now.", number=into.number))

    return _done(act, _again(sighting_id), url_for("inbox.message", sighting_id=sighting_id))


@bp.post(f"{A_MESSAGE}/set-aside")
def set_aside(sighting_id: int) -> Answer:
    """Say that a message needs nothing more."""
    chosen = _message(sighting_id)

    def act() -> str:
        assert chosen.sighting is not None
        triage.set_aside(db.session(), chosen.sighting, by=actor(), at=now(), reason=_reason())
        return str(gettext("The message is set aside."))

    return _done(act, _again(sighting_id), url_for("inbox.message", sighting_id=sighting_id))


@bp.post("/complaints/<number>/off-board")
def take(number: str) -> Answer:
    """Take a complaint off the board: `outcome` says how, `reason` and `other` why, `number` into which."""
    complaint = _found(number)

    def act() -> str:
        outcome = request.form.get("outcome", NOT_COMPLAINT)
        if outcome not in (known := [place.key for place in of(complaint).outcomes]):
            raise BadInput(field="outcome", problem=_one_of(known))
        into = off_board.survivor(db.session(), _typed().id) if outcome == MERGED else None
        off_board.take(
            db.session(), complaint, outcome, reason=_reason(), by=actor(), at=now(), seen_version=seen_version(),
            into=into, context=engine(), sure="sure" in request.form, kind=request.form.get("kind", ""),
            owner=request.form.get("owner", type=int),
        )  # fmt: skip
        drafts.sent(complaint)
        if into is not None:
            return str(gettext("%(number)s is merged into %(into)s.", number=number, into=into.number))
        return str(gettext("%(number)s has left the board.", number=number))

    return _done(act, _again_draft(number), url_for("inbox.draft", number=number))


@bp.post("/complaints/<number>/bring-back")
def bring_back(number: str) -> Answer:
    """Take that decision back."""
    complaint = _found(number)

    def act() -> str:
        off_board.bring_back(
            db.session(), complaint, by=actor(), at=now(), seen_version=seen_version(), context=engine()
        )
        return str(gettext("%(number)s is back on the board.", number=number))

    return _done(act, _again_draft(number), url_for("inbox.draft", number=number))


@bp.post(f"{A_LETTER}/split")
def split(number: str, letter_id: int) -> Answer:
    """Make a letter that joined a complaint a draft of its own."""
    complaint, letter = _found(number), _letter(letter_id)

    def act() -> str:
        draft = triage.split(db.session(), letter, complaint, by=actor(), at=now(), calendar=calendar())
        return str(gettext("The letter is draft %(number)s now.", number=draft.number))

    return _done(act, _again_draft(number), url_for("complaint.show", number=number))


@bp.post(f"{A_LETTER}/suggestion")
def suggestion(number: str, letter_id: int) -> Answer:
    """Record a letter on a closed complaint as a suggestion, which is linked with it and is to be answered."""
    complaint, letter = _found(number), _letter(letter_id)

    def act() -> str:
        reason = gettext("The customer suggests an improvement")
        made = suggestions.record(
            db.session(), letter, complaint, reason=reason, by=actor(), at=now(), context=engine()
        )
        return str(gettext("The letter is suggestion %(number)s now; you are to answer it.", number=made))

    return _done(act, _again_draft(number), url_for("complaint.show", number=number))


@bp.post(f"{A_LETTER}/sender")
def confirm_sender(number: str, letter_id: int) -> Answer:
    """Take the sender that a forwarded letter names as the customer's contact."""
    complaint, letter = _found(number), _letter(letter_id)

    def act() -> str:
        triage.confirm_sender(db.session(), complaint, letter, by=actor(), at=now(), seen_version=seen_version())
        return str(gettext("%(email)s is the contact now.", email=complaint.contact_email))

    return _done(act, _again_draft(number), url_for("inbox.draft", number=number))


@bp.post("/inbox/letters/<int(max=9007199254740991):letter_id>/charset")
def reread(letter_id: int) -> Answer:
    """Read a letter again with other characters, or as it came."""
    _letter(letter_id)
    chosen = inbox.of_letter(db.session(), actor(), letter_id)
    charset, by = request.form.get("charset", ""), actor()

    def act() -> str:
        if charset not in CHARSETS:
            raise BadInput(field="charset", problem=_one_of(CHARSETS))
        db.session.rollback()
        doors.reread(settings(), _sessions(), letter_id, charset, by=by)
        return str(gettext("The letter was read again."))

    number = chosen.complaint.number if chosen.complaint is not None else None
    target = url_for("complaint.show", number=number) if number else url_for("inbox.messages")
    return _done(act, lambda: inbox.of_letter(db.session(), actor(), letter_id), target)


@bp.post("/inbox/upload")
def upload() -> Answer:
    """Take mails in that a person saved as .eml files."""
    if not actor().sees_all:
        raise NotFound
    db.session.rollback()
    files = [file for file in request.files.getlist("mail") if file.filename]
    if not files:
        flash(gettext("No file was chosen."))
    told = [(_short(file.filename or ""), _taken(file)) for file in files[:MOST_FILES]]
    if len(told) <= TOLD:
        for name, what in told:
            flash(f"{name}: {what}")
    else:  # in the cookie there is no room for more
        for what, count in Counter(what.partition(", ")[0] for _, what in told).items():
            flash(f"{count} × {what}")
    if left := [_short(file.filename or "") for file in files[MOST_FILES:]]:
        told_left = ngettext(
            "%(num)d file was not taken, because at most %(most)d go at once: from %(name)s on. Upload it again.",
            "%(num)d files were not taken, because at most %(most)d go at once: from %(name)s on. Upload them again.",
            len(left), most=MOST_FILES, name=left[0],
        )  # fmt: skip
        flash(told_left)
    return redirect(url_for("inbox.messages", outcome=pages.ALL) if files else url_for("inbox.messages"), 303)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def _taken(file: FileStorage) -> str:
    """Take one uploaded file in; returns what became of it."""
    raw = file.stream.read()
    if raw.startswith(OUTLOOK) or (file.filename or "").lower().endswith(".msg"):
        told = gettext(
            "This is Outlook's own format, which we cannot read. In Outlook, drag the mail to a folder of Thunderbird, "
            "or open it in Outlook on the web and choose “Download”; both give an .eml file."
        )
        return str(told)
    if not raw.strip():
        return str(gettext("The file is empty."))
    outcomes = list(doors.deliver(settings(), _sessions(), _bell(), [raw], door="upload"))
    return _told(outcomes[0]) if outcomes else str(gettext("It was taken before."))


def _told(outcome: Outcome) -> str:
    """What became of a message, for the person who asked."""
    if outcome.number:
        name = gettext(inbox.OUTCOME_NAMES[outcome.outcome])
        return f"{name}, {outcome.number}"
    if outcome.reason == "fetched_again":
        return str(gettext(REASONS[outcome.reason]))
    return str(gettext(inbox.OUTCOME_NAMES[outcome.outcome]))


def _done(act: Callable[[], str], again: Callable[[], Message], target: str) -> Answer:
    """Carry an act out and lead back; or show the page again with the reasons why not."""
    try:
        told = act()
        db.session.commit()
    except NotFound:
        raise
    except ComplaintError as refusal:
        db.session.rollback()
        status = STATUS.get(type(refusal), 422)
        if _from_complaint():
            complaint = again().complaint
            if complaint is not None:
                return complaint_page.page(complaint, refusal=refusal), status
        return pages.page(again(), refusal=refusal, typed=request.form), status
    flash(told)
    return _back(target)


def _back(target: str) -> Response:
    return redirect(own_path(request.form.get("back")) or target, 303)


def _from_complaint() -> bool:
    return (own_path(request.form.get("back")) or "").startswith("/complaints/")


def _message(sighting_id: int) -> Message:
    return inbox.message(db.session(), actor(), sighting_id)


def _again(sighting_id: int) -> Callable[[], Message]:
    return lambda: _message(sighting_id)


def _again_draft(number: str) -> Callable[[], Message]:
    return lambda: inbox.draft(db.session(), actor(), number)


def _found(number: str) -> Complaint:
    """A complaint, for those who decide about it."""
    complaint = find(db.session(), number, actor())
    if not off_board.may_decide(complaint, actor()):
        raise NotFound
    return complaint


def _letter(letter_id: int) -> Letter:
    letter = db.session.get(Letter, letter_id) if actor().sees_all else None
    if letter is None:
        raise NotFound
    return letter


def _typed() -> Complaint:
    """The complaint whose number was typed."""
    number = request.form.get("number", "").strip().upper()[:20]
    try:
        return find(db.session(), number, actor())
    except NotFound:
        raise NoSuchComplaint(number=number) from None


def _one_of(known: Iterable[str]) -> Sentence:
    return Sentence(N_("choose one of: %(known)s"), {"known": ", ".join(known)})


def _reason() -> str:
    """A reason of the list, what was typed besides, or both."""
    parts = (" ".join(request.form.get(name, "").split()) for name in ("reason", "other"))
    return ": ".join(part for part in parts if part)


def _sessions() -> sessionmaker[Session]:
    return sessionmaker(db.engines[None], expire_on_commit=False)


def _bell() -> Bell:
    return Bell(connect(settings().redis_url))
