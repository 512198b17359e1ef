"""Each trap says what it says, whoever set it."""

from __future__ import annotations

import pytest

from intake.mail import Mail
from intake.parse import parse
from tests.intake.traps import TRAPS


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_read_as_a_person_would_read_it(name: str) -> None:
    raw, expected = TRAPS[name]
    mail = parse(raw)
    assert {field: _seen(mail, field) for field in expected} == expected


def _seen(mail: Mail, field: str) -> object:
    return [part.filename for part in mail.attachments] if field == "files" else getattr(mail, field)
