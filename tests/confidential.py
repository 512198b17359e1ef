"""A procedure whose complaints are seen only by those they name: the default one under another key, for one test."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from complaints import procedure
from complaints.complaint import Complaint
from complaints.procedure_file import read

KEY = "hushed"


def hush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it known until the test ends."""
    rules = procedure.procedure()
    text = rules.source.replace(f'key = "{rules.key}"', f'key = "{KEY}"', 1)
    monkeypatch.setattr(procedure, "_known", procedure._known)
    procedure.use([read(text.replace("confidential = false", "confidential = true"), f"{KEY}.toml")])


def confide(session: Session, number: str) -> None:
    """Let a complaint follow it."""
    session.execute(update(Complaint).where(Complaint.number == number).values(procedure=KEY))
