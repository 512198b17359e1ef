"""The picture of a procedure: everything it says stands in it, no words lie on others, and it is drawn the same again.

The pictures in docs/procedures/ are what each procedure that comes with the house looks like. `bin/_pictures.py` draws
them anew, also those of new ones; look at them before you keep them.
"""

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from babel.support import Translations
from hypothesis import given
from hypothesis import strategies as st

from complaints.procedure import FOLDER, Procedure
from complaints.procedure_changes import changes
from complaints.procedure_file import BadProcedure, load, read
from complaints.procedure_picture import picture, texts
from complaints.procedure_words import Words
from tests.procedures import APPEAL, SERVICE, SMALL, changed

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(FOLDER.glob("*.toml"))
CHINESE: Callable[[str], str] = Translations.load(ROOT / "translations", ["zh"]).gettext
LANGUAGES = {"en": str, "zh": CHINESE}

every_one = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
in_both_languages = pytest.mark.parametrize("locale", LANGUAGES)


def words(rules: Procedure, locale: str = "en") -> Words:
    return Words(rules, LANGUAGES[locale], locale)


def said(rules: Procedure) -> str:
    return " ".join(text.words for text in texts(words(rules)))


@every_one
@in_both_languages
def test_no_words_lie_on_others(path: Path, locale: str) -> None:
    lie_on = [
        (one.words, other.words)
        for one, other in combinations(texts(words(load(path), locale)), 2)
        if _overlap(one.box, other.box)
    ]
    assert lie_on == []


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@given(gone=st.lists(st.integers(0, SMALL.count("\n")), min_size=1, max_size=6), locale=st.sampled_from([*LANGUAGES]))
def test_whatever_lines_a_procedure_has_its_words_stand_apart_and_its_changes_are_told(
    gone: list[int], locale: str
) -> None:
    text = "\n".join(line for number, line in enumerate(SMALL.split("\n")) if number not in gone)
    try:
        left, whole = (words(read(each, "x"), locale) for each in (text, SMALL))
    except BadProcedure:
        return
    assert not any(_overlap(one.box, other.box) for one, other in combinations(texts(left), 2))
    assert all(part.changes for part in (*changes(whole, left), *changes(left, whole)))


@in_both_languages
def test_a_browser_writes_no_words_wider_than_they_were_reckoned_and_all_of_them_inside(
    page: "Page", locale: str
) -> None:
    for path in SHIPPED:
        drawn, svg = texts(words(load(path), locale)), picture(words(load(path), locale))
        page.set_content(f"<style>text {{ font: 12px sans-serif }} .pic__bold {{ font-weight: 600 }}</style>{svg}")
        widths = page.locator("svg text").evaluate_all("all => all.map(each => each.getComputedTextLength())")
        assert [each.words for each, width in zip(drawn, widths, strict=True) if width > each.width + 1] == []
        wide, high = map(int, re.findall(r'(?:width|height)="(\d+)"', svg)[:2])
        assert all(each.x >= 0 and each.box[2] <= wide and each.box[3] <= high for each in drawn)


@every_one
def test_the_picture_in_the_documents_is_the_one_that_is_drawn(path: Path) -> None:
    kept = ROOT / "docs" / "procedures" / f"{path.stem}.svg"
    assert kept.exists(), "bin/_pictures.py draws it"
    text = re.sub(r"<style>.*?</style>\n", "", kept.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert text == picture(words(load(path)))


@every_one
@in_both_languages
def test_a_picture_is_well_formed_and_has_a_name(path: Path, locale: str) -> None:
    rules = load(path)
    drawn = ElementTree.fromstring(picture(words(rules, locale), "text { fill: red }"))
    svg = "{http://www.w3.org/2000/svg}"
    assert rules.name.in_(locale) in (drawn.findtext(f"{svg}title") or "")
    assert drawn.findtext(f"{svg}style") == "text { fill: red }"
    assert not any("style" in each.attrib for each in drawn.iter())


def test_everything_a_stage_asks_for_stands_in_it() -> None:
    told = said(read(SMALL, "x"))
    for each in (
        "Product name (if Cause type: Quality abnormality) (unless: Details asked for, not yet known)",
        "departments concerned are notified",
        "Agreed: Department head; Serious: General manager",
        "Tasks: Kind: Fix; Done filled in",
        "none left in “Tasks”: Done: empty",
        "what was opened is closed: Open a visit",
        "Ours? Yes or Text",
    ):
        assert each in told


def test_ways_clocks_and_outcomes_stand_in_it() -> None:
    told = said(read(SMALL, "x"))
    for each in (
        "Why; new round",
        "if Class: Light / Serious",
        "Answer: 3 working days",
        "from: Registered entered",
        "until: “Agreed” signed",
        "Withdrawn",
    ):
        assert each in told
    for each in ("Finish: 5 working days, or until", "Handle by the time set: until “Set for”", "an aim, no promise"):
        assert each in said(read(SERVICE, "x"))
    assert "Keep the time: each row until “By”" in said(read(APPEAL, "x"))


def test_roles_and_fields_are_called_as_the_procedure_calls_them() -> None:
    rules = read(
        changed(('owner_roles = ["clerk"]', 'owner_roles = ["counsel"]'), ('"customer", "content"', '"address"')), "x"
    )
    assert "Counsel" in said(rules)
    assert "Room" in said(rules)


def test_a_name_that_looks_like_markup_is_words() -> None:
    rules = read(changed(('en = "Handling"', 'en = "<b>&"')), "x")
    assert "&lt;b&gt;&amp;" in picture(words(rules))


def test_a_procedure_without_clocks_and_outcomes_has_a_picture() -> None:
    text = SERVICE[: SERVICE.index("[[clock]]")]
    assert "leaves the board" not in said(read(text, "x"))
