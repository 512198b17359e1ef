"""What a new version of a procedure changes: each part by its name, with what is gone and what is new."""

from pathlib import Path

import pytest

from complaints.procedure import FOLDER, Procedure
from complaints.procedure_changes import ADDED, CHANGED, REMOVED, changes
from complaints.procedure_file import load, read
from complaints.procedure_words import Words
from tests.procedures import SERVICE, SMALL, changed

Said = list[tuple[str, str, str, list[tuple[str, tuple[str, ...], tuple[str, ...]]]]]


def words(rules: Procedure) -> Words:
    return Words(rules, str, "en")


def told(text: str, other: str = SMALL) -> Said:
    """Part, kind, name and details of everything that is changed."""
    found = changes(words(read(other, "x")), words(read(text, "x")))
    return [
        (part.name, each.kind, each.name, [(d.label, d.gone, d.new) for d in each.details])
        for part in found
        for each in part.changes
    ]


def test_other_remarks_and_a_higher_version_change_nothing() -> None:
    assert told(changed(("version = 1", "version = 2 # newer"))) == []


@pytest.mark.parametrize(
    ("old", "new", "part", "name", "detail"),
    [
        ('en = "Handling"', 'en = "At work"', "Stages", "At work",
         ("Name", ("Handling / 处理",), ("At work / 处理",))),
        ("{ notified = true }", '{ fields = ["product"] }', "Stages", "Handling",
         ("What it asks for", ("departments concerned are notified",), ("Product name",))),
        ('within = "3 working days"', 'within = "8 working hours"', "Clocks", "Answer",
         ("Limit", ("3 working days",), ("8 working hours",))),
        ('stops = ["signed:agreed"]', 'stops = ["signed:agreed", "written:talks"]', "Clocks", "Answer",
         ("Stops", (), ("“Talks” written",))),
        ('by_class = { serious = ["gm"] }', 'by_class = { serious = ["mr"] }', "Signatures", "Agreed",
         ("By whom, for classes", ("Serious: General manager",), ("Serious: Management representative",))),
        ("needs = [{ sheet = \"finding\" }]\nreturns", "returns", "Signatures", "Agreed",
         ("What it asks for", ("Finding",), ())),
        ("required = true\nproposes_class", "proposes_class", "Fields", "Finding: Ours?", ("Required", ("Yes",), ())),
        ('from = ["draft", "registered"]', 'from = ["draft"]', "Ways off the board", "Withdrawn",
         ("From stage", ("Registered",), ())),
        ('writes = { "finding.ours" = "no" }\n', "", "Ways between the stages", "Handling → Registered",
         ("Writes by itself", ("Ours?: No",), ())),
        ('to = ["gm", "owner", "tasks.owner"]\nname = { en = "Look", zh = "请看" }',
         'to = ["gm", "owner", "tasks.owner"]\nname = { en = "Look", zh = "请看！" }', "Notices", "Look",
         ("Name", ("Look / 请看",), ("Look / 请看！",))),
        ("years_after_closing = 3", "years_after_closing = 5", "The procedure as a whole", "Small",
         ("Years kept after closing", ("3",), ("5",))),
        ("confidential = true", "confidential = false", "The procedure as a whole", "Small",
         ("Confidential", ("Yes",), ())),
        ('version = "A/0"', 'version = "B/0"', "Papers", "Form", ("Version of the form", ("A/0",), ("B/0",))),
        ("every = 2", "every = 3", "Who is told of a broken promise", "Class: Serious",
         ("Working days from step to step", ("2",), ("3",))),
        ('{ ship_date = "< complaint_date" }', '{ ship_date = ">= 2026-01-01" }',
         "Words beside the number", "Old goods",
         ("For which complaints", ("Ship date < Complaint date",), ("Ship date ≥ 2026-01-01",))),
        ('seen_by = ["counsel"]', "", "The procedure as a whole", "Small",
         ("Who sees every complaint", ("Counsel",), ())),
        ('leaves_out = ["material_no"]', 'leaves_out = ["demand"]', "The procedure as a whole", "Small",
         ("Left out of the register entry", ("Material no.",), ("Customer's demand",))),
        ('by = ["clerk"]\non = ["filled:finding.text"]', 'by = ["clerk"]', "Cases that are opened", "Open a visit",
         ("When", ("“Text” filled in",), ())),
        ('of = ["fine", "faulty"]', 'of = ["fine"]', "Records", "Goods",
         ("Counts that add up", ("Of: fine, faulty; In all: returned",), ("Of: fine; In all: returned",))),
        ('class_lowered_by = ["gm"]', 'class_lowered_by = ["mr"]', "The procedure as a whole", "Small",
         ("Who lowers the class", ("General manager",), ("Management representative",))),
    ],
)  # fmt: skip
def test_a_change_is_told_by_its_part(
    old: str, new: str, part: str, name: str, detail: tuple[str, tuple[str, ...], tuple[str, ...]]
) -> None:
    assert told(changed((old, new))) == [(part, CHANGED, name, [detail])]


def test_what_is_new_and_what_is_gone_is_told_with_what_it_says() -> None:
    clock = changed(('key = "answer"', 'key = "reply"'))
    assert told(clock) == [
        ("Clocks", REMOVED, "Answer", []),
        ("Clocks", ADDED, "Answer", [
            ("Starts", (), ("Registered entered",)),
            ("Stops", (), ("“Agreed” signed",)),
            ("Limit", (), ("3 working days",)),
            ("Who is responsible", (), ("QE engineer",)),
            ("For which complaints", (), ("Class: Serious",)),
            ("What being late costs", (), ("key: p_answer; Amount (yuan): 20",)),
        ]),
    ]  # fmt: skip


def test_another_order_is_told() -> None:
    classes = 'light = { en = "Light", zh = "轻" }\nserious = { en = "Serious", zh = "重" }'
    text = changed((classes, "\n".join(reversed(classes.split("\n")))), ('proposes_class = "serious"\n', ""))
    assert ("Order", ("Light", "Serious"), ("Serious", "Light")) in told(text)[0][3]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_nothing_is_too_far_from_something_else(path: Path, locale: str) -> None:
    one, other = (Words(rules, str, locale) for rules in (load(path), read(SERVICE, "x")))
    assert changes(one, one) == []
    assert len(changes(one, other)) > 5
    assert len(changes(other, one)) > 5
