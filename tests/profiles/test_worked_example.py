"""The procedure that docs/procedures.md builds from nothing is one that can be brought in and worked by."""

import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from complaints.clocks import of
from complaints.procedure import COMPLAINT, use
from complaints.procedure_file import read
from tests.desk import Desk
from tests.walking import Walker

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "procedures.md"


def example() -> str:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## A procedure from nothing")[2]
    return dedent("\n".join(re.findall(r"^(?:    .*|)$", section, re.MULTILINE)))


def test_the_worked_example_goes_from_its_first_message_over_a_refusal_to_its_end(desk: Desk) -> None:
    use([read(example(), "example.toml")])
    walker = Walker(desk, "deliveries", {"finding.pays": "800", "order_no": "88120"})
    assert walker.draft(complaint_class="damaged").refused("registered") == ["Order no. is missing"]
    walker.register()
    assert "Payment approved: not signed yet (Fleet manager)" in walker.write("finding").refused("answered")
    walker.to("answered").to("registered")
    assert walker.case().complaint.round == 2
    walker.to("answered").to("closed")
    with desk.make() as session:
        due = [clock.due_at for clock in of(session, COMPLAINT, walker.case().complaint.id)]
    assert due == [datetime(2026, 11, 17, 9, 30, tzinfo=UTC)] * 2  # Tuesday at the close of business
