"""What the customer was told to expect, among the clocks of a complaint's page."""

from flask import Flask

from complaints.expected import Expected, expected
from webapp.context import now, zone
from webapp.records import Section


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(expected_of=of)


def of(work: Section) -> Expected | None:
    """What stands there for the complaint of a page: nothing before it is registered, nor once it is off the board."""
    complaint, stage = work.case.complaint, work.case.rules.stage(work.case.stage)
    if complaint.registered_at is None or stage.off_board:
        return None
    return expected(work.case, now().astimezone(zone()).date())
