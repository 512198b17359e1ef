"""What is printed of a complaint: its papers, the making of a file and how far it is, the files that are kept.

A PDF is made by a job; the list asks how far it is until it is there. A look at a paper in the browser is always
possible, and can be printed where this machine cannot make a PDF.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import printing
from complaints.case import load
from complaints.complaint import Complaint, find
from complaints.errors import N_, NotFound, Sentence
from complaints.letters import Attachment
from complaints.papers import CUSTOMER, EDITIONS, FORMAT_NAMES, INTERNAL, PDF
from complaints.people import User
from complaints.printing import BOTH, CHINESE, ENGLISH, STEPS, TYPES, NotPrinted, Print, Wanted
from complaints.procedure import of as rules_of
from complaints.registration import Problem
from jobs import paper as paper_of
from jobs.paper import Imprint
from jobs.queue import PrintBell, connect
from webapp.attachments import attachment_url, disposition, file_answer
from webapp.context import actor, now, settings, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.language import in_my_language

bp = Blueprint("prints", __name__)
PRINTS = "/complaints/<number>/prints"
A_PRINT = f"{PRINTS}/<int(max=9007199254740991):print_id>"
LANGUAGE_NAMES: Mapping[str, str] = {BOTH: N_("Both languages"), ENGLISH: "English", CHINESE: "中文"}


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@dataclass(frozen=True)
class Shown:
    """A file that was asked for. `called`: the paper; `who` asked; `sendable`: it may go to the customer as it is."""

    row: Print
    called: str
    edition: str
    language: str
    who: str
    name: str

    @property
    def sendable(self) -> bool:
        return self.row.edition == CUSTOMER and self.row.attachment_id is not None


@dataclass(frozen=True)
class Form:
    """What was chosen, and what was wrong with it."""

    wanted: Wanted
    problems: Mapping[str, Sentence] = field(default_factory=dict)


@bp.get(PRINTS)
def listed(number: str) -> str:
    """The page, or for the list on it, which asks until all its files are there, the list alone."""
    complaint = find(db.session(), number, actor())
    if partial():
        return render_template("print/_files.html", complaint=complaint, **_files(complaint))
    return _page(complaint)


@bp.post(PRINTS)
def ask(number: str) -> Response | tuple[str, int]:
    """Have a file made, or be led to the one that is there."""
    session = db.session()
    complaint = find(session, number, actor())
    wanted = _wanted(request.form)
    try:
        if wanted.format == PDF and paper_of.missing():
            message = N_("This machine cannot make PDFs. Print it from the browser, or tell the administrator.")
            raise NotPrinted([Problem("format", Sentence(message))])
        asked = printing.ask(session, complaint, wanted, by=actor(), at=now(), zone=zone())
        session.commit()
    except NotPrinted as refusal:
        session.rollback()
        problems = {each.field: each.sentence for each in refusal.problems}
        return _page(find(session, number, actor()), Form(wanted, problems)), 422
    if asked.waits:
        PrintBell(connect(settings().redis_url)).ring()
    return redirect(_onward(complaint, asked), 303)


def _onward(complaint: Complaint, row: Print) -> str:
    """Where somebody goes who asked for a file: to it or on to sending it (`then`) where it is made already, and else
    to the list, which says how far it is."""
    then, number = request.form.get("then"), complaint.number
    if then == "open" and row.state == "done":
        name = printing.filename(complaint, row)
        return url_for("prints.download", number=number, print_id=row.id, name=name)
    if then == "send" and row.attachment_id is not None:
        return url_for("complaint.show", number=number, attach=row.attachment_id, _anchor="composer")
    return url_for("prints.listed", number=number, _anchor=f"print-{row.id}")


def _wanted(said: Mapping[str, str]) -> Wanted:
    pictures = request.values.getlist("picture")[: printing.MOST_PICTURES]
    return Wanted(
        said.get("paper", "")[:30], said.get("language", BOTH)[:10], said.get("edition", INTERNAL)[:10],
        said.get("format", PDF)[:10], tuple(each[:32] for each in pictures),
    )  # fmt: skip


@bp.get(A_PRINT)
def show(number: str, print_id: int) -> Response:
    """Where a file stands in the list."""
    complaint = find(db.session(), number, actor())
    row = printing.find(db.session(), complaint, print_id)
    if row is None:
        raise NotFound
    return redirect(url_for("prints.listed", number=number, before=print_id + 1, _anchor=f"print-{print_id}"))


@bp.get(f"{A_PRINT}/<name>")
def download(number: str, print_id: int, name: str) -> Response | tuple[str, int]:
    """A file that was made. The name in the address is only for people."""
    complaint = find(db.session(), number, actor())
    row = printing.find(db.session(), complaint, print_id)
    if row is None or row.state != "done":
        raise NotFound
    named = disposition("attachment", printing.filename(complaint, row))
    return file_answer(row.blob, TYPES.get(row.format, "application/octet-stream"), named, print=row.id)


@bp.get(f"{PRINTS}/look")
def look(number: str) -> str | tuple[str, int]:
    """A paper as it would be printed now, as a page that the browser prints."""
    session = db.session()
    complaint = find(session, number, actor())
    wanted = _wanted(request.args)
    try:
        content = printing.composed(session, complaint, wanted, zone=zone())
    except NotPrinted as refusal:
        problems = {each.field: each.sentence for each in refusal.problems}
        return _page(complaint, Form(wanted, problems)), 422
    files = {each.id: each for each in printing.pictures(session, complaint)}
    imprint = Imprint(settings().organisation, wanted.language, actor().name, now().astimezone(zone()))
    return paper_of.html(
        content,
        imprint,
        in_browser=True,
        picture=lambda each: _picture_url(files[each["id"]]),
    )


def _picture_url(file: Attachment) -> str:
    """A picture that the browser can show: the file itself, or what is drawn of it."""
    if file.content_type in printing.DRAWN_FIRST:
        return url_for("previews.page", attachment_id=file.id, page=1)
    return attachment_url(file, inline="1")


def _page(complaint: Complaint, form: Form | None = None) -> str:
    session = db.session()
    shown = printing.pictures(session, complaint)
    return render_template(
        "print/prints.html",
        complaint=complaint,
        papers=printing.papers(load(session, complaint)),
        **_files(complaint),
        pictures=shown,
        ours={each.id for each in shown} - {each.id for each in printing.pictures(session, complaint, CUSTOMER)},
        form=form or Form(Wanted("")),
        language_names={key: gettext(name) for key, name in LANGUAGE_NAMES.items()},
        edition_names={key: gettext(name) for key, name in EDITIONS.items()},
        format_names=FORMAT_NAMES,
        no_pdf=bool(paper_of.missing()),
    )


def _files(complaint: Complaint) -> dict[str, Any]:
    """The list: of the files before one (`?before=12`), or of the newest."""
    asked = request.args.get("before", type=int)
    before = asked if asked is not None and 0 < asked < 2**53 else None
    rows, more = printing.of(db.session(), complaint, before=before)
    return {"files": _shown(complaint, rows), "steps": STEPS, "before": before, "more": rows[-1].id if more else None}


def _shown(complaint: Complaint, rows: Sequence[Print]) -> list[Shown]:
    papers = {each.key: each for each in rules_of(complaint).papers}
    asked = {row.asked_by_id for row in rows}
    people = (
        {user.id: user.name for user in db.session.scalars(select(User).where(User.id.in_(asked)))} if asked else {}
    )
    return [
        Shown(
            row, in_my_language(papers[row.paper].name) if row.paper in papers else row.paper,
            gettext(EDITIONS[row.edition]), gettext(LANGUAGE_NAMES[row.language]),
            people.get(row.asked_by_id, "Redress"), printing.filename(complaint, row),
        )
        for row in rows
    ]  # fmt: skip
