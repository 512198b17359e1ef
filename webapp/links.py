"""What a complaint is linked to, on its page: the list, the form for a new link, the way to take one back.

The complaints that are like it are next door, in similar.py.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from complaints import links, opening, penalties
from complaints.complaint import Complaint, find
from complaints.errors import N_, Name
from complaints.link import OPENED
from complaints.links import LONGEST_REASON, Linked, NotLinked, NotUnlinked
from complaints.procedure import RECURRENCE, OpenRule, Sheet, procedure
from complaints.records import Record
from webapp import complaint_page, drafts
from webapp.context import actor, engine, now
from webapp.database import db
from webapp.draft_forms import UNLINK
from webapp.drafts import Line
from webapp.records import Section
from webapp.tally import tally

bp = Blueprint("links", __name__)
DRAFT = "link"
UNDONE = "linked_undone"
A_LINK = "/complaints/<number>/links/<int(max=9007199254740991):link_id>"
WAYS: Mapping[str, tuple[str, str]] = {
    "duplicate_of": ("merge", N_("Duplicate of")),
    "duplicated_by": ("merge", N_("Its duplicate")),
    "recurrence_of": ("repeat", N_("Recurrence of")),
    "recurs_in": ("repeat", N_("Recurs in")),
    "opened": ("box", N_("Opened")),
    "opened_by": ("box", N_("Opened by")),
    "related": ("link", N_("Related")),
    "merged_into": ("merge", N_("Merged into")),
    "merged_in": ("merge", N_("Merged into this one")),
    "investigated_with": ("users", N_("Investigated together")),
}
"""An icon, and what another complaint is to this one."""
CHOICES: Mapping[str, str] = {
    links.RECURRENCE: N_("This one is a recurrence of it"),
    links.DUPLICATE: N_("This one is a duplicate of it"),
    links.RELATED: N_("The two are related"),
    OPENED: N_("It was opened because of this one, which waits for its end"),
}


@dataclass(frozen=True)
class Entry:
    """A row of the list: another complaint, or a case that a record names (`case`: its number, `where`: the record)."""

    icon: str
    way: str
    linked: Linked | None = None
    stage: Name | None = None
    ended: bool = False
    """Its removal was refused: the form is shown again."""
    why: str = ""
    draft: Line | None = None
    case: str = ""
    said: Markup | None = None
    where: str = ""


@dataclass(frozen=True)
class Panel:
    """The list and its forms, blank or as they were sent in. `sheets`: the records in which the reader may name cases
    kept elsewhere, `opens`: the cases that they may open; `undone`: is it ticked that measures were not carried out
    (None: that costs nothing here)?"""

    entries: Sequence[Entry]
    choices: Sequence[tuple[str, str]]
    sent: bool
    number: str
    kind: str
    reason: str
    key: str
    draft: Line
    sheets: Sequence[Sheet]
    opens: Sequence[OpenRule]
    undone: bool | None
    limit: int = LONGEST_REASON


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(links_of=of)


def of(complaint: Complaint, work: Section) -> Panel:
    """Everything that the complaint of a page is linked to."""
    ending = request.endpoint == f"{bp.name}.{end.__name__}"
    refused = (request.view_args or {}).get("link_id") if ending else None
    found = links.of(db.session(), complaint, actor(), work.past.life)
    found.sort(key=lambda each: [*WAYS].index(each.way))
    entries = [_entry(complaint, each, refused) for each in found] + list(_cases(work))
    sent = request.endpoint == f"{bp.name}.{add.__name__}"
    typed: Mapping[str, str] = request.form if sent or drafts.posted(DRAFT) else drafts.kept(complaint, DRAFT) or {}
    return Panel(
        entries,
        [(kind, gettext(label)) for kind, label in CHOICES.items()],
        sent,
        typed.get(links.NUMBER, ""),
        typed.get(links.KIND, ""),
        typed.get(links.REASON, ""),
        typed.get("key") or secrets.token_urlsafe(16),
        drafts.line(complaint, DRAFT),
        [sheet for sheet in work.case.rules.sheets if sheet.part("case") and work.may_add(sheet)],
        opening.openable(work.case, actor()),
        UNDONE in typed if work.case.rules.penalty_on(RECURRENCE) and tally().penalties is not None else None,
    )


def _entry(complaint: Complaint, linked: Linked, refused: int | None) -> Entry:
    icon, way = WAYS[linked.way]
    stage = None
    if linked.number is not None:
        stage = procedure(linked.procedure, linked.procedure_version).stage(linked.stage).name
    if linked.id is None:
        return Entry(icon, gettext(way), linked, stage)
    draft, ended = f"{UNLINK}:{linked.id}", linked.id == refused
    typed: Mapping[str, str] = request.form if ended or drafts.posted(draft) else drafts.kept(complaint, draft) or {}
    return Entry(
        icon, gettext(way), linked, stage, ended, typed.get(links.WHY, ""), drafts.line(complaint, draft)
    )  # fmt: skip


def _cases(work: Section) -> Sequence[Entry]:
    """The rows of records that name cases kept elsewhere, such as returns and recalls."""
    case = work.case
    return [
        Entry("box", "", case=str(record.values[key]), said=_said(work, record, key), where=f"f-{sheet.key}")
        for sheet in case.rules.sheets
        if (key := sheet.part("case")) is not None
        for record in case.of_sheet(sheet)
        if record.values.get(key)
    ]


def _said(work: Section, record: Record, key: str) -> Markup:
    """The other fields of such a row."""
    sheet = work.case.rules.sheet(record.sheet)
    assert sheet is not None
    texts = [work.names.shown(each, record.values.get(each.key)) for each in sheet.fields if each.key != key]
    return Markup(" · ").join(text for text in texts if text)


@bp.post("/complaints/<number>/links")
def add(number: str) -> Response | tuple[str, int]:
    """Say what the complaint is to another one."""
    session = db.session()
    complaint = find(session, number, actor())
    form = request.form
    try:
        other = links.add(
            session, complaint, form.get(links.NUMBER, ""), form.get(links.KIND, ""),
            reason=form.get(links.REASON, ""), by=actor(), at=now(), key=form.get("key", "")[:40],
        )  # fmt: skip
        if other is not None and form.get(links.KIND) == links.RECURRENCE and UNDONE in form:
            penalties.propose_for_recurrence(session, complaint, other, by=actor(), at=now(), context=engine())
        drafts.sent(complaint)
        session.commit()
    except NotLinked as refusal:
        session.rollback()
        return complaint_page.page(find(session, number, actor()), refusal=refusal), 422
    if other is not None:
        flash(gettext("%(number)s and %(other)s are linked.", number=number, other=other.number))
    return redirect(url_for("complaint.show", number=number, _anchor="linked"), 303)


@bp.post("/complaints/<number>/cases")
def open_case(number: str) -> Response:
    """Open a case of another procedure (`opens`) on the complaint; the same form sent again leads to the complaint."""
    session, form = db.session(), request.form
    complaint = find(session, number, actor())
    draft = links.open_case(
        session, complaint, form.get("opens", ""), seen=form.get("seen", type=int), by=actor(), at=now(),
        key=form.get("key", "")[:40], context=engine(),
    )  # fmt: skip
    if draft is None:
        return redirect(url_for("complaint.show", number=number, _anchor="linked"), 303)
    session.commit()
    flash(gettext("%(number)s is opened and linked with %(other)s.", number=draft.number, other=number))
    return redirect(url_for("complaint.show", number=draft.number), 303)


@bp.post(f"{A_LINK}/end")
def end(number: str, link_id: int) -> Response | tuple[str, int]:
    """Take a link back, with the reason."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        links.end(session, complaint, link_id, reason=request.form.get(links.WHY, ""), by=actor(), at=now())
        drafts.sent(complaint)
        session.commit()
    except NotUnlinked as refusal:
        session.rollback()
        return complaint_page.page(find(session, number, actor()), refusal=refusal), 422
    flash(gettext("The link is removed; it stays in both histories."))
    return redirect(url_for("complaint.show", number=number, _anchor="linked"), 303)
