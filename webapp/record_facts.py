"""Facts that stand in records, such as who is responsible and the signs of a heavier class: shown with those of the
entry and edited there.

They are written as on the form of their record and by its rules; the record stays the only place that has them. Much
follows from what a record says, so the page is loaded anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from flask import Blueprint, Flask, render_template
from markupsafe import Markup

from complaints import field_history, guards
from complaints.complaint import Complaint, find
from complaints.errors import NotAllowed, NotFound
from complaints.procedure import Field, Sheet
from webapp import drafts
from webapp.context import actor
from webapp.database import db
from webapp.draft_forms import FACTS
from webapp.htmx import partial
from webapp.language import in_my_language
from webapp.records import Section, Sent, begun, section

bp = Blueprint("record_facts", __name__)
BACK = "facts"


@dataclass(frozen=True)
class Stated:
    """The facts of one record, each with its words."""

    sheet: Sheet
    fields: Sequence[tuple[Field, Markup]]
    editable: bool
    begun: bool
    """Was it changed by the reader and not saved?"""

    @property
    def label(self) -> str:
        return in_my_language(self.sheet.name)

    @property
    def told(self) -> bool:
        return any(words for _, words in self.fields)

    @property
    def written(self) -> str:
        """What its drafts are called."""
        return f"{FACTS}:{self.sheet.key}"


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(stated_in=stated)


def stated(work: Section, *, editable: bool = True) -> list[Stated]:
    """The facts in the records of a complaint: what they say, and what the reader may say there."""
    by_record = groupby(work.case.rules.facts, key=lambda each: each[0].key)
    every = [_stated(work, [*found], editable) for _, found in by_record]
    return [each for each in every if each.told or (each.editable and each.fields)]


def _stated(work: Section, facts: Sequence[tuple[Sheet, Field]], editable: bool) -> Stated:
    case, sheet = work.case, facts[0][0]
    mine = {each.key for _, each in facts} & guards.writable(case, sheet, actor()) if editable else set()
    shown = [
        (each, work.names.shown(each, case.value(ref)))
        for each, ref in ((each, f"{sheet.key}.{each.key}") for _, each in facts)
        if case.has(ref) or (each.key in mine and case.holds(each.when))
    ]
    return Stated(sheet, shown, bool(mine), bool(mine) and drafts.begun(case.complaint, f"{FACTS}:{sheet.key}"))


def written(complaint: Complaint) -> set[str]:
    """Those of the facts in records that have a history."""
    return field_history.recorded(db.session(), complaint.id)


@bp.get("/complaints/<number>/records/<key>/facts")
def edit(number: str, key: str) -> str:
    """The facts of a record as a form, which is sent where that of the record is."""
    return page(find(db.session(), number, actor()), key)


def page(complaint: Complaint, key: str, sent: Sent | None = None) -> str:
    """The form alone for htmx, else on a page of its own; `sent`: it was refused."""
    work = section(complaint, sent=sent, split=True)
    fact = next((each for each in stated(work) if each.sheet.key == key), None)
    panel = next((each for each in work.panels if each.sheet.key == key), None)
    if fact is None or panel is None:
        raise NotFound
    if panel.form is None or not fact.editable:
        raise NotAllowed(who=panel.writers)
    known = {field.key for sheet, field in work.case.rules.facts if sheet.key == key}
    here = replace(
        panel.form, name=fact.written, action=f"{panel.form.action}?back={BACK}",
        fields=[each for each in panel.form.fields if each.key in known],
    )  # fmt: skip
    told: dict[str, Any] = {
        "complaint": complaint, "work": work, "fact": fact, "panel": panel, "form": begun(work.case, fact.sheet, here),
        "origin": BACK, "changed": written(complaint),
    }  # fmt: skip
    return render_template("complaint/_record_fact_form.html" if partial() else "complaint/record_fact.html", **told)
