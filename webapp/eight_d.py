"""The report of a complaint as a page: the parts that its procedure lays out, to read and to fill in.

What is written here stands in the records: the forms are those of records.py, and so are those who may write. A form
that was refused comes back on this page. What the parts hold is decided in complaints/report.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, render_template, request, url_for
from flask_babel import gettext, ngettext

from complaints import fishbone, replies, report, revision
from complaints.complaint import Complaint, find
from complaints.errors import N_, ComplaintError, NotFound
from complaints.fishbone import Factor, Picture
from complaints.procedure import Part, View, of
from complaints.records import Record
from complaints.report import DONE, LATER, OPEN, YOURS, Block
from complaints.revision import ADDED, CHANGED, REMOVED, RowChange
from webapp import complaint_page, notices
from webapp.context import actor
from webapp.database import db
from webapp.language import in_my_language
from webapp.records import Form, Panel, Row, Section, Sent, begun, section
from webapp.register_form import reasons
from webapp.signatures import Box, Unsigned
from webapp.values import listed

bp = Blueprint("eight_d", __name__)
BACK = "8d"
"""`?back=8d`: a form of a record that was sent from this page leads back to it, and to its place there (`at`)."""
STATES: Mapping[str, tuple[str, str]] = {
    DONE: (N_("Complete"), "check-circle"),
    YOURS: (N_("Waiting for your signature"), "sign"),
    OPEN: (N_("In work"), "note"),
    LATER: (N_("Not begun"), "circle"),
}
"""What the states of a part are called, and their icons."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(part_state=lambda state: gettext(STATES[state][0]))
    app.jinja_env.filters.update(listed=listed)


@dataclass(frozen=True)
class Before:
    """What a record was in an older round, and what the round after it changed; nothing (`None`) where that began
    without it."""

    round: int
    rows: Sequence[Row]
    changes: Sequence[RowChange] | None

    @property
    def summary(self) -> str:
        """What the next round made of it: 1 added, 2 changed."""
        if self.changes is None:
            return ""
        count = {kind: sum(each.kind == kind for each in self.changes) for kind in (ADDED, CHANGED, REMOVED)}
        told = [
            ngettext("%(num)s added", "%(num)s added", count[ADDED]) if count[ADDED] else "",
            ngettext("%(num)s changed", "%(num)s changed", count[CHANGED]) if count[CHANGED] else "",
            ngettext("%(num)s removed", "%(num)s removed", count[REMOVED]) if count[REMOVED] else "",
        ]
        return listed(filter(None, told)) or str(gettext("unchanged"))


@dataclass(frozen=True)
class Piece:
    """A record in a part as the reader sees it. `form` is that of the record, or of a new row."""

    id: str
    within: Part
    block: Block
    panel: Panel
    form: Form | None
    asked: bool
    """The reader came to write in it, or what they wrote was refused."""
    before: Sequence[Before]
    picture: Picture | None = None

    @property
    def rows(self) -> Sequence[Row]:
        return self.panel.rows

    @property
    def idle(self) -> bool:
        """Is there nothing to read, and nothing that the reader could write?"""
        return not (self.rows or self.form or self.before)

    @property
    def name(self) -> str:
        """The record, or the fields of it that stand here."""
        if self.whole:
            return in_my_language(self.block.sheet.name)
        return listed(in_my_language(field.name) for field in self.block.fields)

    @property
    def whole(self) -> bool:
        return self.block.sheet.key in self.within.sheets

    def rows_of(self, records: Sequence[Record]) -> list[Row]:
        """The rows of some records."""
        places = {each.place for each in records}
        return [row for row in self.panel.rows if row.record.place in places]

    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows by what their view groups them by: the name of the group, and its rows."""
        view = self.block.sheet.view
        names = self.block.sheet.field(view.by).choices if view and view.by else {}
        return [
            (in_my_language(names[key]) if key in names else "", self.rows_of(records))
            for key, records in self.block.groups
        ]


@dataclass(frozen=True)
class PartShown:
    """A part of the report for one reader."""

    section: report.Section
    pieces: Sequence[Piece]
    boxes: Sequence[Box]

    @property
    def complete(self) -> bool:
        return self.section.state == DONE

    @property
    def icon(self) -> str:
        return STATES[self.section.state][1]


@bp.get("/complaints/<number>/8d")
def show(number: str) -> str:
    complaint = find(db.session(), number, actor(), with_clocks=True)
    notices.seen(complaint)
    return page(complaint)


def page(
    complaint: Complaint,
    *,
    sent: Sent | None = None,
    unsigned: Unsigned | None = None,
    refusal: ComplaintError | None = None,
) -> str:
    """The whole page; `sent` is a record that was refused, `unsigned` a signature, `refusal` why another form was."""
    if not of(complaint).parts:
        raise NotFound
    work = section(complaint, sent=sent, unsigned=unsigned, split=True)
    frame = complaint_page.frame(complaint, work)
    taken: set[str] = set()
    found = report.parts(work.case, frame["entry"], by=actor())
    parts = [_part(work, each, taken) for each in found]
    return render_template(
        "complaint/8d/show.html", **frame, form=reasons(refusal), parts=parts, origin=BACK,
        paper=report.paper_of(work.case.rules), may_send=replies.may_send(work.case, actor()),
    )  # fmt: skip


def address(complaint: Complaint, anchor: str, **values: Any) -> str:
    """A place of the page."""
    return url_for("eight_d.show", number=complaint.number, _anchor=anchor, **values)


def _part(work: Section, found: report.Section, taken: set[str]) -> PartShown:
    panels = {panel.sheet.key: panel for panel in work.panels}
    boxes = {box.rule.key: box for box in work.boxes}
    return PartShown(
        found,
        [_piece(work, found, block, panels[block.sheet.key], taken) for block in found.blocks],
        [boxes[each.rule.key] for each in found.signed if each.rule.key in boxes],
    )


def _piece(work: Section, within: report.Section, block: Block, panel: Panel, taken: set[str]) -> Piece:
    """`taken`: the places of the page that there are already; of a record that stands in two parts the first has its
    name."""
    key = panel.sheet.key if panel.sheet.key not in taken else f"{panel.sheet.key}-{within.part.key}"
    taken.add(key)
    id_ = f"f-{key}"
    mine = {field.key for field in block.fields}
    panel = replace(
        panel,
        rows=[_row(work, within.part, block, each, id_) for each in panel.rows],
        past=[(r, [_row(work, within.part, block, e, id_) for e in p]) for r, p in panel.past],
    )
    form = panel.form
    if form is not None and work.sent is not None and not mine & work.sent.typed.keys():
        form = replace(form, refused=None, problems={}, reasons=(), newest={})
    form = _here(work, within.part, block, form, id_) if form else None
    asked = request.args.get("add") == panel.sheet.key or bool(form and (form.refused or form.begun))
    view = block.sheet.view
    shown = picture(work.case.complaint, block) if view and view.kind == "fishbone" and block.records else None
    return Piece(
        id_,
        within.part,
        block,
        panel,
        form if form and form.fields else None,
        asked,
        _before(block, panel),
        shown,
    )


def _row(work: Section, part: Part, block: Block, row: Row, id_: str) -> Row:
    """A row with those of its fields that the block shows."""
    form = _here(work, part, block, row.form, id_) if row.form else None
    return replace(row, cells=[cell for cell in row.cells if cell.field in block.fields], form=form)


def _here(work: Section, part: Part, block: Block, form: Form, id_: str) -> Form:
    """The form of a record as one of a part: with the fields that stand there, words of its own, and back to here."""
    here = replace(
        form,
        name=f"{form.name}@{part.key}",
        action=f"{form.action}?{urlencode({'back': BACK, 'at': id_})}",
        fields=[field for field in form.fields if field in block.fields],
    )
    return begun(work.case, block.sheet, here)


def _before(block: Block, panel: Panel) -> list[Before]:
    """The older rounds in which something stood, each with what the next one changed."""
    rounds = [*panel.past, (0, panel.rows)]
    return [
        Before(number, rows, _changes(block, rows, later) if block.sheet.carried else None)
        for (number, rows), (_, later) in pairwise(rounds)
        if any(row.cells for row in rows)
    ]


def _changes(block: Block, rows: Sequence[Row], later: Sequence[Row]) -> list[RowChange]:
    return revision.compared(block.fields, [row.record for row in rows], [row.record for row in later])


def picture(complaint: Complaint, block: Block) -> Picture:
    """The cause-and-effect picture of a block: a bone for each branch, the complaint at its head."""
    view = block.sheet.view
    assert view is not None  # asked before
    causes = dict(block.groups)
    branches = [
        (in_my_language(name), [_factor(block, view, each) for each in causes.get(key, ())])
        for key, name in block.sheet.field(view.by).choices.items()
    ]
    return fishbone.drawn(complaint.subject or complaint.number, branches)


def _factor(block: Block, view: View, record: Record) -> Factor:
    """A cause with how far it is known: the place of its state among those that there are, from open to excluded."""
    known, value = list(block.sheet.field(view.mark).choices), record.values.get(view.mark)
    degree = str(known.index(value)) if value in known else ""
    text = str(record.values.get(view.title) or "")
    return fishbone.factor(text, degree)
