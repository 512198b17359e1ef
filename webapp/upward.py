"""The way to report upward what cannot be solved here: to the record that the procedure has for it."""

from dataclasses import dataclass

from flask import Flask
from flask_login import current_user

from complaints.procedure import Sheet
from webapp.records import Section


@dataclass(frozen=True)
class Upward:
    """The record in which the reader may report what cannot be solved, and who is told of that."""

    sheet: Sheet
    superior: str


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(upward_of=of)


def of(work: Section) -> Upward | None:
    """The way upward, where the procedure has one and the reader may go it."""
    sheet = work.case.rules.upward
    if sheet is None or not work.may_add(sheet):
        return None
    return Upward(sheet, work.names.people.get(current_user.user.superior_id, ""))
