"""Where a fault of a procedure stands: the line of its table and key, as a person would look it up."""

import pytest

from complaints.procedure_file import BadProcedure, read
from complaints.procedure_lines import lines_of
from tests.procedures import SMALL, changed


def lines(text: str) -> dict[str, str | None]:
    """Each fault's place with the line that it leads to."""
    with pytest.raises(BadProcedure) as bad:
        read(text, "x.toml")
    rows = ["", *text.split("\n")]
    found = zip(bad.value.faults, lines_of(text, bad.value.faults), strict=True)
    return {fault.place: None if line is None else rows[line] for fault, line in found}


@pytest.mark.parametrize(
    ("old", "new", "place", "line"),
    [
        ("final = true", "finale = true", "stage.closed.finale", "finale = true"),
        ('to = "handling"', 'to = "handlign"', "move[2].to", 'to = "handlign"'),
        ('{ sheet = "finding" }, { notified', '{ sheet = "findig" }, { notified', "stage.handling.needs[1].sheet",
         'needs = [{ sheet = "findig" }, { notified = true }]'),
        ('filled = ["done"]', 'filled = ["dne"]', "stage.closed.needs[2].filled",
         '  { rows = "tasks", where = { kind = "fix" }, filled = ["dne"] },'),
        ('{ field = "finding.text" }] }', '{ field = "finding.txt" }] }', "stage.closed.needs[4].any[2].field",
         '  { any = [{ value = "finding.ours", is = "yes" }, { field = "finding.txt" }] },'),
        ('light = { en = "Light"', 'light = { e = "Light"', "classes.light.en", 'light = { e = "Light", zh = "轻" }'),
        ("limit = 500", 'limit = "x"', "sheet.finding.field.text.limit", 'limit = "x"'),
        ('left = "ours"', 'left = "our"', "sheet.finding.view.pair[1].left", 'left = "our"'),
        ("version = 1", "", "version", 'key = "small"'),
        ('{ "finding.ours" = "no" }', '{ "finding.ours" = "nay" }', "move.again.writes.finding.ours",
         'writes = { "finding.ours" = "nay" }'),
        ('to = "finding.text"', 'to = "finding.txt"', "move.again.ask.reason.to", 'to = "finding.txt"'),
        ("register = true", "", "stage", "[[stage]]"),
        ("register = true", "register = ", "", "register = "),
        ('within = "3 working days"', 'within = "soon" # not [a limit', "clock.answer.within",
         'within = "soon" # not [a limit'),
        ('name = { en = "Answer", zh = "答复" }', "", "clock.answer.name", "[[clock]]"),
    ],
)  # fmt: skip
def test_a_fault_leads_to_its_line(old: str, new: str, place: str, line: str) -> None:
    assert lines(changed((old, new)))[place] == line


def test_what_is_cut_short_leads_to_the_end() -> None:
    assert lines(SMALL.rstrip() + '\nroles = ["gm"')[""] == 'roles = ["gm"'


def test_a_text_with_headings_in_it_leads_to_the_right_table() -> None:
    text = changed(('[[clock]]\nkey = "answer"', '[[clock]]\nkey = "answer"\nname2 = """\n[[stage]]\n"""'))
    assert lines(text)["clock.answer.name2"] == 'name2 = """'


@pytest.mark.parametrize(
    "text", ["", "[[", "=", "]]]", '"', "[[stage", 'a = """', "\x00", "[]", "[[]]\n= 3", "[\n]", '\\"' * 100_000]
)
def test_no_text_is_too_odd(text: str) -> None:
    assert lines(text)
