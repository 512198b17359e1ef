"""Every code that the intake writes has words for a clerk."""

import re
from pathlib import Path

from intake import classify
from webapp.message import KIND_REASONS, KINDS


def test_every_kind_of_mail_and_every_reason_for_it_has_words() -> None:
    source = Path(classify.__file__).read_text(encoding="utf-8")
    found = re.findall(r'Found\("([a-z_]+)", "([a-z_]+)"', source)
    assert len(found) > 15
    made = {f"{verdict}_in_prose" for verdict in ("bounce", "delay")}
    made |= {f"dsn_{action}" for action in ("delivered", "relayed", "expanded")} | {"precedence_bulk"}
    assert {kind for kind, _ in found} <= KINDS.keys()
    assert {reason for _, reason in found} | made <= KIND_REASONS.keys()
