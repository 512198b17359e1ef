"""The forms by which a complaint leaves the board, on its page. What becomes of them: triage.py."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, request

from complaints.complaint import Complaint
from complaints.off_board import MERGED
from webapp import drafts
from webapp.draft_forms import LEAVE
from webapp.drafts import Line


@dataclass(frozen=True)
class Form:
    """A form as it was sent in, as it was begun, or blank."""

    typed: Mapping[str, str]
    draft: Line


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(leaving_form=form)


def form(complaint: Complaint, outcome: str) -> Form:
    """The form of a way off the board; `?into=C-2026-0001` names the complaint that it is merged into."""
    draft = f"{LEAVE}:{outcome}"
    typed: Mapping[str, str] = request.form if drafts.posted(draft) else drafts.kept(complaint, draft) or {}
    asked = {"number": into} if (into := request.args.get("into")) and outcome == MERGED else {}
    return Form({**typed, **asked}, drafts.line(complaint, draft))
