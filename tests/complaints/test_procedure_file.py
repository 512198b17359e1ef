"""Procedure files: what can be wrong with one is told at once, with file, table, key, and what was probably meant."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from complaints import procedure_file, procedure_whole, workflow
from complaints.procedure import ALWAYS, FOLDER, Procedure
from complaints.procedure_file import ANCHORS, FORM_NAMES, LARGEST_FILE, MOST_FAULTS, BadProcedure, Table, load, read
from tests.procedures import SMALL, changed
from webapp import moves

MANUFACTURING = (FOLDER / "manufacturing.toml").read_text(encoding="utf-8")
DOCUMENT = Path(__file__).parents[2] / "docs" / "procedures.md"
TEMPLATES = Path(__file__).parents[2] / "templates"


def faults(text: str, file: str = "x.toml") -> list[str]:
    with pytest.raises(BadProcedure) as bad:
        read(text, file)
    return [str(fault) for fault in bad.value.faults]


def test_the_small_procedure_is_whole() -> None:
    assert read(SMALL, "x.toml").key == "small"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_procedure_that_comes_with_the_house_is_whole(path: Path) -> None:
    assert load(path).key == path.stem


BROKEN = {
    "an unknown key": (
        ("owner_roles", "owner_role"),
        "stage.draft.owner_role: is not known here; did you mean 'owner_roles'?",
    ),
    "a key at the top": (("class_lowered_by", "lowered"), "lowered: is not known here; "),
    "a wrong type": (
        ("register = true", 'register = "yes"'),
        "stage.registered.register: should be true or false, not 'yes'",
    ),
    "a number as text": (("version = 1", 'version = "1"'), "version: should be a whole number, not '1'"),
    "a version of nothing": (("version = 1", "version = 0"), "version: should be from 1 to 9999, not 0"),
    "no version": (("version = 1\n", ""), "version: is missing; it should be a whole number"),
    "a bad key": (
        ('key = "small"', 'key = "Smäll"'),
        "key: should be small Latin letters, digits and _, at most 40, not 'Smäll'",
    ),
    "a class too long": (
        ("light = {", "lightlightlightlightlight = {"),
        "classes.lightlightlightlightlight: should be small",
    ),
    "an unknown stage": (
        ('to = "handling"', 'to = "handlign"'),
        "move[2].to: names 'handlign'; did you mean 'handling'?",
    ),
    "a registration by nobody": (
        ('to = "registered"\nby = ["clerk"]', 'to = "registered"\nby = ["finding.who"]'),
        "stage.registered: nobody may register: the [[move]] that leads there names no role in by",
    ),
    "an unknown role": (('by = ["qe"]\nwhen', 'by = ["qee"]\nwhen'), "move[2].by: names 'qee'; did you mean 'qe'?"),
    "a field with a name of the form": (
        ('key = "text"\nname', 'key = "version"\nname'),
        "sheet.finding.field.version.key: the pages use 'version' themselves; give it another key",
    ),
    "a question with a name of the form": (
        ('key = "reason"\nname', 'key = "stage"\nname'),
        "move.again.ask.stage.key: the pages use 'stage' themselves; give it another key",
    ),
    "a way that writes what stays locked": (
        (('covers = ["finding", "content"]', 'covers = ["content"]'), ('voids = ["*"]', 'voids = ["seen"]')),
        "move.again: writes 'finding.ours', which stays locked by 'agreed'; name that in voids",
    ),
    "a record with a name of the page": (
        ('key = "tasks"\nname', 'key = "sign"\nname'),
        "sheet.sign.key: the pages use 'sign' themselves; give it another key",
    ),
    "a contact in a record without rows": (
        ('[contact]\nsheet = "talks"', '[contact]\nsheet = "finding"'),
        "contact.sheet: names 'finding'; known are talks, tasks",
    ),
    "a contact of another kind of field": (
        ('kind = "about"', 'kind = "words"'),
        "contact.kind: names 'words'; known are about, by",
    ),
    "a contact by a way there is not": (
        ('way_mail = "mail"', 'way_mail = "email"'),
        "contact.way_mail: names 'email'; did you mean 'mail'?",
    ),
    "a contact that a reply cannot fill in": (
        (
            ('person = "who"\n', ""),
            ('key = "who"\nname = { en = "With', 'key = "who"\nrequired = true\nname = { en = "With'),
        ),
        "contact.sheet: 'who' is required there, and a reply does not fill it in",
    ),
    "a contact without a text": (('text = "words"\n', ""), "contact.text: is missing"),
    "an unknown record": (
        ('{ sheet = "finding" }, {', '{ sheet = "findings" }, {'),
        "stage.handling.needs[1].sheet: names 'findings'; did you mean 'finding'?",
    ),
    "a need of a whole record that has rows": (
        ('{ sheet = "finding" }, {', '{ sheet = "tasks" }, {'),
        "stage.handling.needs[1].sheet: names 'tasks'; ",
    ),
    "a part of an unknown record": (
        ('sheets = ["tasks"]', 'sheets = ["task"]'),
        "part.found.sheets: names 'task'; did you mean 'tasks'?",
    ),
    "a part with a field of rows": (
        ('fields = ["finding.text"]', 'fields = ["tasks.kind"]'),
        "part.found.fields: names 'tasks.kind'; ",
    ),
    "a part that shows an unknown field": (
        ('shows = ["customer", "closed_at"]', 'shows = ["customer", "closed_on"]'),
        "part.found.shows: names 'closed_on'; did you mean 'closed_at'?",
    ),
    "a part with an unknown signature": (
        ('signatures = ["agreed"]', 'signatures = ["agree"]'),
        "part.found.signatures: names 'agree'; did you mean 'agreed'?",
    ),
    "an empty part": (
        (
            'shows = ["customer", "closed_at"]\nfields = ["finding.text"]\nsheets = ["tasks"]\nsignatures = ["agreed"]',
            "",
        ),
        "part.found: is empty; name sheets, fields, shows or signatures",
    ),
    "an unknown view": (('as = "pairs"', 'as = "pair"'), "sheet.finding.view.as: names 'pair'; did you mean 'pairs'?"),
    "a table of a record that is kept once": (
        ('as = "pairs"', 'as = "table"'),
        "sheet.finding.view.as: 'table' needs many = true",
    ),
    "a pair of an unknown field": (
        ('right = "text"', 'right = "texts"'),
        "sheet.finding.view.pair[1].right: names 'texts'; did you mean 'text'?",
    ),
    "pairs without heads": (
        ('left = { en = "Is", zh = "是" }\n', ""),
        "sheet.finding.view.pair: is missing; 'pairs' has left, right and tables [[sheet.view.pair]]",
    ),
    "a count that exceeds what is no count": (
        ('most = "all"', 'most = "kind"'),
        "sheet.tasks.field.bad.most: names 'kind'; ",
    ),
    "an unknown field": (
        ('field = "product"', 'field = "produkt"'),
        "stage.registered.needs[2].field: names 'produkt'; did you mean 'product'?",
    ),
    "an unknown signature": (
        ('{ signature = "agreed" }', '{ signature = "agree" }'),
        "stage.closed.needs[1].signature: names 'agree'; did you mean 'agreed'?",
    ),
    "an unknown event": (
        ('starts = "entered:registered"', 'starts = "entered:register"'),
        "clock.answer.starts: names 'entered:register'; did you mean 'entered:registered'?",
    ),
    "an unknown choice": (
        ('is = "yes"', 'is = "ja"'),
        "stage.closed.needs[4].any[1].is: names 'ja'; known are no, yes",
    ),
    "an unknown class": (
        ('["light", "serious"]', '["light", "heavy"]'),
        "move[2].when.complaint_class: names 'heavy'; known are light, serious",
    ),
    "an unknown cause": (
        ('cause_type = "quality"', 'cause_type = "qualty"'),
        "stage.registered.needs[2].when.cause_type: names 'qualty'; did you mean 'quality'?",
    ),
    "an unknown value in where": (
        ('kind = "fix"', 'kind = "fixx"'),
        "stage.closed.needs[2].where.kind: names 'fixx'; did you mean 'fix'?",
    ),
    "an unknown way": (
        ('return_by = "again"', 'return_by = "agian"'),
        "signature.agreed.return_by: names 'agian'; did you mean 'again'?",
    ),
    "writers where nothing is signed": (
        ('to = ["gm", "owner"', 'to = ["writers", "owner"'),
        "notice[1].to: 'writers' are those of what a signature covers; 'entered:handling' is about none",
    ),
    "an owner that is no person": (
        ('owner = "finding.who"', 'owner = "finding.text"'),
        "stage.handling.owner: names 'finding.text'; ",
    ),
    "departments that are none": (
        ('departments = "finding.departments"\ninv', 'departments = "finding.who"\ninv'),
        "departments: names 'finding.who'; known are finding.departments",
    ),
    "a class that nobody knows is proposed": (
        ('proposes_class = "serious"', 'proposes_class = "seriuos"'),
        "sheet.finding.field.ours.proposes_class: names 'seriuos'; did you mean 'serious'?",
    ),
    "the lightest class is proposed": (
        ('proposes_class = "serious"', 'proposes_class = "light"'),
        "sheet.finding.field.ours.proposes_class: is the lightest class; only a heavier one can be proposed",
    ),
    "a text proposes a class": (
        ('type = "text"\nlimit', 'type = "text"\nproposes_class = "serious"\nlimit'),
        "sheet.finding.field.text.proposes_class: does not go with type = 'text'",
    ),
    "a notice shows a person": (
        ('shows = ["finding.ours"]', 'shows = ["finding.who"]'),
        "notice[1].shows: names 'finding.who'; did you mean 'finding.ours'?",
    ),
    "a notice puts no time into calendars": (
        ('shows = ["finding.ours"]', 'shows = ["finding.ours"]\ncalendar = { starts = "finding.ours" }'),
        "notice[1].calendar.starts: names 'finding.ours'; there is none here",
    ),
    "an unknown kind of progress": (
        ('promises_after = "agreed"', 'promises_after = "agreed"\nprogress = "x"'),
        "contact.progress: names 'x'; known are ",
    ),
    "checks of what is kept once": (
        ('investigator = "finding.who"', 'checks = "finding.who"'),
        "checks: names 'finding.who'",
    ),
    "a name in one language": (
        ('{ en = "Finding", zh = "结论" }', '{ en = "Finding" }'),
        "sheet.finding.name.zh: is missing; every name is given in both languages",
    ),
    "a name in a third": (
        ('{ en = "Finding", zh = "结论" }', '{ en = "F", zh = "结", de = "B" }'),
        "sheet.finding.name.de: is not known; a name has en and zh",
    ),
    "a name as text": (
        ('{ en = "Finding", zh = "结论" }', '"Finding"'),
        "sheet.finding.name: should be a name in both languages: ",
    ),
    "a name with a NUL": (
        ('en = "Finding"', 'en = "F\\u0000"'),
        "sheet.finding.name.en: should be one line of at most 200 characters",
    ),
    "two stages of a key": (('key = "handling"', 'key = "registered"'), "stage.registered: there are 2 of this key"),
    "a stage and an outcome of a key": (
        ('key = "withdrawn"', 'key = "closed"'),
        "stage.closed: there are 2 of this key",
    ),
    "two fields of a key": (('key = "who"', 'key = "text"'), "sheet.finding.field.text: there are 2 of this key"),
    "two signatures of a key": (('key = "seen"', 'key = "agreed"'), "signature.agreed: there are 2 of this key"),
    "a record called as a field": (
        ('key = "tasks"', 'key = "content"'),
        "sheet.content.key: a field of the register entry has the same key; give the record another one",
    ),
    "no register stage": (("register = true\n", ""), "stage: exactly one stage has register = true: "),
    "two register stages": (
        ("final = true", "final = true\nregister = true"),
        "stage: exactly one stage has register = true: ",
    ),
    "the first stage registers": (
        (("register = true\n", ""), ('key = "draft"', 'key = "draft"\nregister = true')),
        "stage.draft.register: the first stage is for drafts; register = true belongs to a later one",
    ),
    "no way to the register": (
        ('from = "draft"', 'from = "handling"'),
        "stage.registered: no [[move]] leads there from 'draft', where a complaint begins",
    ),
    "no way on": (
        ('from = "handling"\nto = "closed"', 'from = "registered"\nto = "closed"'),
        "stage.handling: no [[move]] leads on from there to a final stage",
    ),
    "a stage that nothing leads to": (
        ('to = "handling"', 'to = "closed"'),
        "stage.handling: no [[move]] leads there on the way from the first stage",
    ),
    "no final stage": (("final = true\n", ""), "stage: no stage has final = true: a complaint could never be closed"),
    "a need of two kinds": (
        ("{ notified = true }", '{ notified = true, field = "product" }'),
        "stage.handling.needs[2]: should say exactly one of field, fields, sheet, rows, none, signature, value",
    ),
    "a need of no kind": (("{ notified = true }", "{ }"), "stage.handling.needs[2]: should say exactly one of "),
    "a need that is a text": (
        ("{ notified = true }", '"notified"'),
        "stage.handling.needs[2]: should be a need such as { field = 'customer' }, not 'notified'",
    ),
    "needs in needs in needs": (
        ('{ field = "finding.text" }', '{ any = [{ field = "product" }] }'),
        "stage.closed.needs[4].any[2]: should say exactly one of ",
    ),
    "signatures in a circle": (
        (
            'by = ["qe"]\nstages = ["registered", "handling"]\n\n',
            'by = ["qe"]\nstages = ["handling"]\nafter = ["agreed"]\n\n',
        ),
        "signature.seen.after: goes round in a circle and back to itself",
    ),
    "fields in a circle": (
        ("required = true\n", 'required = true\nafter = ["text"]\n'),
        "sheet.finding.field.ours.after: goes round in a circle and back to itself",
    ),
    "a signature that comes too late": (
        ('stages = ["handling"]\ncovers', 'stages = ["closed"]\ncovers'),
        "stage.closed: asks for 'agreed', which can be done only in: closed",
    ),
    "a record that comes too late": (
        ('stages = ["registered", "handling"]\nper', 'stages = ["closed"]\nper'),
        "stage.handling: asks for 'finding.ours', which can be done only in: closed",
    ),
    "a clock that never stops": (
        ('stops = ["signed:agreed"]', 'stops = ["returned:agreed"]'),
        "clock.answer.stops: the clock can never stop: 'returned:agreed' starts things; it ends none",
    ),
    "a clock for other complaints than what stops it": (
        ('stages = ["handling"]\ncovers', 'stages = ["handling"]\nwhen = { complaint_class = "light" }\ncovers'),
        "clock.answer.stops: the clock can never stop: 'signed:agreed' is for other complaints than the clock",
    ),
    "an approval that nobody can give": (
        ("not_department = false", "not_department = true"),
        "signature.agreed.not_department: nobody can give it",
    ),
    "a clock without end": (('stops = ["signed:agreed"]', "stops = []"), "clock.answer.stops: is empty"),
    "a limit that is none": (('"3 working days"', '"soon"'), "clock.answer.within: 'soon' is not a limit. "),
    "a row that stays a task": (
        ('part = "done"\n', ""),
        "sheet.tasks.field: a record with an owner needs a field with part = 'done'",
    ),
    "a part of another type": (
        ('type = "person"\npart', 'type = "line"\npart'),
        "sheet.tasks.field.owner.part: does not go with type = 'line'",
    ),
    "choices where none are": (
        ('type = "text"\nlimit', 'type = "text"\nchoices = { a = { en = "A", zh = "甲" } }\nlimit'),
        "sheet.finding.field.text.choices: does not go with type = 'text'",
    ),
    "no choices": (
        ('choices = { fix = { en = "Fix", zh = "修" }, check = { en = "Check", zh = "查" } }\n', ""),
        "sheet.tasks.field.kind.choices: is missing; it should be a table of names",
    ),
    "a number that counts complaints": (
        ('numbered = "F"', 'numbered = "complaint"'),
        "sheet.finding.numbered: should be at most ten capital letters, digits and -, not 'complaint'",
    ),
    "written into rows": (
        ('writes = { "finding.ours"', 'writes = { "tasks.kind"'),
        "move.again.writes: names 'tasks.kind'; ",
    ),
    "written what is no choice": (
        ('"finding.ours" = "no"', '"finding.ours" = "maybe"'),
        "move.again.writes.finding.ours: names 'maybe'; known are no, yes",
    ),
    "an empty condition": (
        ('when = { complaint_class = "serious" }\npenalty', "when = {}\npenalty"),
        "clock.answer.when: should be a condition such as ",
    ),
    "a penalty of a fraction": (
        ("yuan = 20", "yuan = 20.5"),
        "clock.answer.penalty.yuan: should be a whole number, not 20.5",
    ),
    "a penalty on nothing known": (
        ('on = "records"', 'on = "record"'),
        "penalty.p_files.on: names 'record'; did you mean 'records'?",
    ),
    "a penalty for nobody": (
        ('\nroles = ["qe"]\nsuperior', "\nroles = []\nsuperior"),
        "penalty.p_files.roles: is empty",
    ),
    "a return that cannot be": (
        ("returns = true\n", ""),
        "signature.agreed.return_by: means nothing without returns = true",
    ),
    "an unknown field in the privacy": (
        ("confidential", "confidental"),
        "privacy.confidental: is not known here; did you mean 'confidential'?",
    ),
    "a table that is a value": (
        (("[retention]\nyears_after_closing = 3\n", ""), ('key = "small"', 'retention = 3\nkey = "small"')),
        "retention: should be a table, not 3",
    ),
    "nobody who may": (('by = ["dept_head"]', "by = []"), "signature.agreed.by: is empty"),
}


@pytest.mark.parametrize(("change", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_told_with_file_table_key_and_what_was_meant(change: Any, sentence: str) -> None:
    pairs = change if isinstance(change[0], tuple) else (change,)
    text = changed(*pairs)
    assert any(fault.startswith(f"x.toml: {sentence}") for fault in faults(text)), faults(text)


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        changed(('to = "handling"', 'to = "handlign"'), ("final = true", "finale = true"), ('is = "yes"', 'is = "ja"'))
    )
    told = "\n".join(found)
    assert all(word in told for word in ("'handlign'", "finale", "'ja'", "no stage has final"))


def test_a_text_that_is_no_toml_is_told_with_its_line() -> None:
    assert faults("key = ") == ["x.toml: is not TOML: Invalid value (at end of document)"]
    assert "at line 2" in faults('a = 1\nb = "\n')[0]


def test_what_holds_far_more_than_any_procedure_needs_is_told_before_it_is_checked() -> None:
    assert faults("[[stage]]\n" * 501) == ["x.toml: stage: holds more than 500 parts, which no procedure needs"]
    told = "x.toml: label[1].when.complaint_class: holds more than 500 parts, which no procedure needs"
    assert faults(f"[[label]]\nwhen = {{ complaint_class = [{'1, ' * 501}] }}\n") == [told]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("名".encode("gbk"), "x.toml: is not UTF-8 in line 1; save it with the encoding UTF-8"),
        (b'key = "a\x00b"', "x.toml: is not TOML: Illegal character"),
        (b"a = " + b"[" * 100_000, "x.toml: is not TOML: "),
        (b"a = " + b"9" * 5_000, "x.toml: is not TOML: "),
        (b"#" * (LARGEST_FILE + 1), "x.toml: is too large; 256 KB are enough for any procedure"),
        (b"", "x.toml: "),
        (b".".join([b"a"] * 20_000) + b" = 1", "x.toml: "),
        (b"version = 0x" + b"f" * 9_000, "x.toml: "),
    ],
    ids=["GBK", "NUL", "deep", "long number", "huge", "empty", "dotted", "long hexadecimal"],
)
def test_a_file_that_is_no_procedure_at_all_is_one_that_is_told(raw: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(raw)
    with pytest.raises(BadProcedure) as bad:
        load(path)
    assert str(bad.value).startswith(sentence)
    assert "\x00" not in str(bad.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadProcedure, match=r"x\.toml: cannot be read: No such file"):
        load(tmp_path / "x.toml")


def test_what_a_windows_editor_saves_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load(path) == read(SMALL, "x.toml")
    assert load(path).source == SMALL


def test_each_fault_is_one_short_line_whatever_the_file_says() -> None:
    keys = "\n".join(f'"\\u001b[31m{n}\\n{"x" * 300}" = 1' for n in range(300))
    found = faults(f"{keys}\n{SMALL}")
    assert len(found) <= MOST_FAULTS
    assert all(line.isprintable() and len(line) < 500 for line in found)


def test_faults_are_told_in_the_reader_s_language() -> None:
    with pytest.raises(BadProcedure) as bad:
        read(changed(("final = true", "final = 1")), "x.toml")
    chinese = {"should be %(what)s, not %(value)s": "应为%(what)s，而不是 %(value)s", "true or false": "true 或 false"}
    said = bad.value.faults[0].in_(lambda message: chinese[message], "zh_CN")
    assert said == "x.toml: stage.closed.final: 应为true 或 false，而不是 1"


# Whatever a file says, it is a procedure or its faults are told


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    each = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in each:
        yield from _paths(inside, (*path, key))


RAW = tomllib.loads(MANUFACTURING)
PLACES = [path for path in _paths(RAW) if path]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
    st.sampled_from(["draft", "closed", "qe", "finding", "finding.text", "plan.owner", "receipt", "*", "", {}, []]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_changed_procedure_is_a_procedure_or_a_bad_one(data: st.DataObject) -> None:
    raw = tomllib.loads(MANUFACTURING)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(PLACES))
        value = data.draw(ODD)
        place: Any = raw
        try:
            for key in path[:-1]:
                place = place[key]
            if value is None:
                del place[path[-1]]
            else:
                place[path[-1]] = value
        except (LookupError, TypeError):
            continue  # an earlier change took that place away
    noted: list[procedure_file.Fault] = []
    found = procedure_file._File(Table(raw, "x.toml", "", "", noted)).procedure("")
    assert isinstance(found, Procedure)
    assert all(str(fault).startswith("x.toml") for fault in noted)
    list(procedure_whole.faults(found))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_text_with_a_piece_cut_out_is_a_procedure_or_a_bad_one(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(SMALL)))
    end = data.draw(st.integers(begin, min(len(SMALL), begin + 400)))
    piece = data.draw(st.text(max_size=5))
    with suppress(BadProcedure):
        assert isinstance(read(SMALL[:begin] + piece + SMALL[end:], "x.toml"), Procedure)


# The document


def test_the_document_explains_exactly_the_keys_that_the_reader_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, set[str]] = {}
    end = Table.end

    def noting(self: Table) -> None:
        asked.setdefault(self.kind or "top", set()).update(self.asked)
        end(self)

    monkeypatch.setattr(Table, "end", noting)
    read(SMALL, "x.toml")
    documented: dict[str, set[str]] = {}
    for section in re.split(r"^### ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        kind = re.match(r"`\[*([a-z_.]+)\]*`", section)
        if kind:
            keys = re.findall(r"^\| `([a-z_]+)`", section, re.MULTILINE)
            documented[kind[1]] = set(keys)
    assert documented == asked


@pytest.mark.parametrize("form", ["board/_ask.html", "complaint/_record_form.html"])
def test_no_field_can_take_the_place_of_an_input_that_a_form_has_itself(form: str) -> None:
    own = set(re.findall(r'name="([a-z_]+)"', (TEMPLATES / form).read_text(encoding="utf-8")))
    assert own
    assert own | moves.OWN_FIELDS | {workflow.ALSO} <= FORM_NAMES


def test_no_record_can_take_the_place_of_another_part_of_the_page() -> None:
    every = [path.read_text(encoding="utf-8") for path in (TEMPLATES / "complaint").glob("*.html")]
    places = {place for page in every for place in re.findall(r'id="f-([a-z_]+)(?:-\w+)?"', page)}
    assert places
    assert places <= ANCHORS


def test_the_changes_that_the_document_works_through_give_whole_procedures() -> None:
    worked_through = DOCUMENT.read_text(encoding="utf-8").partition("\n## A procedure from nothing")[0]
    sections = re.split(r"^\*\*", worked_through, flags=re.MULTILINE)[1:]
    field, classes = ("\n".join(re.findall(r"^    (.*)$", section, re.MULTILINE)) for section in sections[1:])
    by_gm = re.sub(r'(key = "plan_approval_gm"(?:\n.+)*)\nwhen = .*', r"\1", MANUFACTURING, count=1)
    assert by_gm != MANUFACTURING
    request = MANUFACTURING.index("[[sheet]]", MANUFACTURING.index('key = "form"'))
    with_field = f"{MANUFACTURING[:request]}{field}\n\n{MANUFACTURING[request:]}"
    with_class = re.sub(r"\[classes\](?:.*\n)*?\n", lambda _: f"{classes}\n\n", MANUFACTURING, count=1)
    rules = [read(text, "x.toml") for text in (by_gm, with_field, with_class)]
    assert rules[0].signature("plan_approval_gm").when == ALWAYS  # type: ignore[union-attr]
    assert [sheet.fields[-1].key for sheet in rules[1].sheets if sheet.key == "form"] == ["photo"]
    assert list(rules[2].classes) == ["minor", "general", "major"]
