"""Papers: what they say of a complaint, their revisions, and the making of their files."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import composition, history, joining, printing, records, replies
from complaints.blobs import Blobs
from complaints.case import load
from complaints.complaint import Complaint
from complaints.letters import Attachment
from complaints.papers import CUSTOMER, INTERNAL
from complaints.people import SYSTEM
from complaints.printing import DEATHS, LEASE, Claim, NotPrinted, Print, Wanted
from complaints.procedure import procedure
from complaints.replies import Form, Promised
from tests.builders import a_file, a_letter, at_once, written
from tests.desk import CONTEXT, Desk, english

SECRET = "the customer must never read this"
ZONE = CONTEXT.zone
EIGHT_D = Wanted("report_8d", edition=CUSTOMER)
REGISTER_FORM = Wanted("register_form")


def ask(desk: Desk, number: str, wanted: Wanted = EIGHT_D, role: str = "clerk") -> Print:
    with desk.act() as session:
        return printing.ask(session, desk.find(session, number), wanted, by=desk[role], at=desk.at, zone=ZONE)


def content(desk: Desk, number: str, wanted: Wanted) -> dict[str, Any]:
    with desk.make() as session:
        return printing.composed(session, desk.find(session, number), wanted, zone=ZONE)


def said(desk: Desk, number: str, wanted: Wanted) -> str:
    return json.dumps(content(desk, number, wanted), ensure_ascii=False)


def make_it(desk: Desk, blobs: Blobs, file: bytes = b"%PDF") -> Claim:
    """What a worker does, without a worker."""
    with desk.act() as session:
        held = printing.claim(session, at=desk.at)
    assert held is not None
    with desk.act() as session:
        assert printing.made(session, held, blobs, file, at=desk.at, zone=ZONE)
    return held


def rows(desk: Desk) -> list[Print]:
    with desk.make() as session:
        return list(session.scalars(select(Print).order_by(Print.id)))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def section(paper: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in paper["sections"] if isinstance(each["name"], list) and each["name"][0] == name)


# What stands on paper


@pytest.mark.requirement("S195")
def test_the_forms_of_a_closed_complaint_have_every_field_and_each_signature_with_rank_name_and_time(
    desk: Desk,
) -> None:
    number = desk.to_closed(product="HX-210")
    paper = content(desk, number, Wanted("handling_form"))
    assert paper["number"] == "F-2026-0001"
    assert (paper["form"], paper["version"]) == ("QR-KS-02", "A/0")
    given = [each for part in paper["sections"] if part["kind"] == "signatures" for each in part["signatures"]]
    signed = {each["name"][0]: each for each in given}
    assert signed["Receipt by QA"]["who"] == "qa_head"
    assert signed["Receipt by QA"]["rank"] == ["QA head", "品管部负责人"]
    assert signed["Receipt by QA"]["at"].startswith("2026-11-16 09:")
    register = said(desk, number, REGISTER_FORM)
    assert "2026-0001" in register
    assert "14 of 200 joints leak" in register


@pytest.mark.requirement("S65")
def test_a_report_says_who_told_the_customer_what_when_and_by_which_way(desk: Desk) -> None:
    number = desk.to_closed()
    told = section(content(desk, number, EIGHT_D), "Feedback to the customer")
    assert [each[0] for each in told["head"]] == ["Kind", "When", "Way", "With whom", "Told by"]
    result = next(row for row in told["rows"] if row[0] == [["Result told", "告知结果"]])
    assert result[1:3] == [["2026-11-16"], [["E-mail", "邮件"]]]
    assert result[4][0] == "sales"


@pytest.mark.requirement("S52")
def test_every_part_of_the_8d_is_there_and_what_is_empty_is_marked(desk: Desk) -> None:
    number = desk.to_investigation()
    paper = content(desk, number, EIGHT_D)
    parts = [each for each in paper["sections"] if each["kind"] == "part"]
    assert [each["mark"] for each in parts] == [f"D{n}" for n in range(1, 9)]
    measure = section(paper, "Plan")
    assert measure["rows"] == []
    signed = [each for part in paper["sections"] if part["kind"] == "signatures" for each in part["signatures"]]
    assert {"name": ["Plan approval", "计划批准"]} in signed


@pytest.mark.parametrize("paper", [each.key for each in procedure().papers if CUSTOMER in each.editions])
def test_nothing_internal_is_in_what_the_customer_gets(desk: Desk, paper: str) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    desk.write(number, "plan", "dept_head", what="Reset counter", owner=str(desk["dept"].id), due="2026-11-20")
    desk.sign(number, "plan_submitted", "dept_head", remark=SECRET)
    with desk.act() as session:
        complaint = desk.find(session, number)
        case = load(session, complaint)
        for sheet in case.rules.sheets:
            values = {
                each.key: SECRET if sheet.internal or each.internal else "for everybody"
                for each in sheet.fields
                if each.kind in ("line", "text")
            }
            if kept := case.of_sheet(sheet):
                kept[0].values = {**kept[0].values, **values}
            elif values:
                written(session, complaint, sheet.key, **values)
    theirs = said(desk, number, Wanted(paper, edition=CUSTOMER))
    assert SECRET not in theirs
    assert "for everybody" in theirs
    assert SECRET in said(desk, number, Wanted("handling_form"))
    assert SECRET in said(desk, number, Wanted("report_8d", edition=INTERNAL))


def test_other_complaints_that_share_the_investigation_are_counted_and_never_named(desk: Desk, blobs: Blobs) -> None:
    first, second = desk.to_investigation(), desk.to_investigation()
    with desk.act() as session:
        one, other = desk.find(session, first), desk.find(session, second)
        joining.join(session, other, one, by=desk["qe"], at=desk.at, seen_version=other.version, context=CONTEXT)
        a_letter(session, other, files=[a_file(blobs, filename="their secret.png")])
        (strange,) = printing.pictures(session, other)
        written(session, one, "whys", evidence=strange.id)
    for paper in ("capa_form", "report_8d"):
        ours = said(desk, first, Wanted(paper))
        assert second not in ours
        assert "their secret" not in ours
    assert [first, {"message": printing.SHARED_WITH, "count": "1"}] in [
        item["words"]
        for part in content(desk, first, Wanted("capa_form"))["sections"]
        for item in part.get("items", ())
    ]
    assert composition.ELSEWHERE in said(desk, first, Wanted("report_8d"))
    theirs = said(desk, first, EIGHT_D)
    assert printing.SHARED_WITH not in theirs
    assert composition.ELSEWHERE not in theirs
    ask(desk, first, Wanted("capa_form"), "qe")
    ask(desk, first, Wanted("capa_form"), "staff")
    assert len(rows(desk)) == 1


def test_the_form_for_corrective_actions_has_a_number_of_its_own_that_every_round_keeps(desk: Desk) -> None:
    capa = Wanted("capa_form")
    number = desk.to_action_plan()
    assert content(desk, number, capa)["number"] == ""
    desk.plan(number)
    assert content(desk, number, capa)["number"] == "CAPA-2026-0001"
    desk.returns(number, "plan_review", "qe")
    desk.write(number, "cause", "dept_head", text="Looked at again")
    assert content(desk, number, capa)["number"] == "CAPA-2026-0001"
    other = desk.to_action_plan()
    desk.plan(other)
    assert content(desk, other, capa)["number"] == "CAPA-2026-0002"


def test_older_rounds_stand_only_on_our_own_papers(desk: Desk) -> None:
    number = desk.to_customer_reply()
    desk.move(number, "action_plan", "sales", reason="Still leaking")
    desk.write(number, "cause", "dept_head", text="Counter and tool holder", permanent="")
    ours = content(desk, number, Wanted("handling_form"))
    rounds = [each["round"] for each in ours["sections"] if each["name"] == ["Plan", "措施计划"]]
    assert rounds == [2, 1]
    assert "Tool life counter was not reset" in json.dumps(ours)
    assert "Tool life counter was not reset" not in said(desk, number, EIGHT_D)


def test_a_text_without_end_is_cut_and_says_so(desk: Desk) -> None:
    number = desk.draft(content="x" * 400_000)
    paper = said(desk, number, REGISTER_FORM)
    assert composition.CUT in paper
    assert len(paper) < 2 * composition.LONGEST


def test_rows_without_end_are_cut_table_by_table_and_it_says_how_many_there_are(desk: Desk) -> None:
    number = desk.to_investigation()
    with desk.act() as session:
        complaint = desk.find(session, number)
        for key in ("whys", "factors", "plan"):
            sheet = procedure().sheet(key)
            assert sheet is not None
            subject, round = records.subject_of(session, complaint, sheet.of, at=desk.at), complaint.round
            values = {each.key: "x" for each in sheet.fields if each.kind in ("line", "text")}
            for place in range(300):
                session.add(records.put(None, sheet, subject, values, round=round, place=place, by=SYSTEM, at=desk.at))
    paper = content(desk, number, Wanted("report_8d"))
    tables = [each["rows"] for each in paper["sections"] if len(each.get("rows", ())) > composition.LEAST_ROWS]
    assert len(tables) == 3
    for rows in tables:
        assert len(rows) <= composition.MOST_ROWS + 1
        assert rows[-1][0] == [{"message": composition.MORE_ROWS, "count": str(300 - len(rows) + 1)}]


def test_only_pictures_of_the_complaint_itself_are_printed(desk: Desk, blobs: Blobs) -> None:
    mine, other = desk.draft(), desk.draft()
    with desk.act() as session:
        for number in (mine, other):
            a_letter(session, desk.find(session, number), files=[a_file(blobs)], message_id=number)
        (own,) = printing.pictures(session, desk.find(session, mine))
        (strange,) = printing.pictures(session, desk.find(session, other))
    paper = content(desk, mine, Wanted("register_form", pictures=(own.id, strange.id)))
    assert [each["id"] for each in paper["pictures"]] == [own.id]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("no_such_paper"), "paper"),
        (Wanted("handling_form", edition=CUSTOMER), "edition"),
        (Wanted("handling_form", format="docx"), "format"),
        (Wanted("handling_form", language="fr"), "language"),
    ],
    ids=["paper", "edition", "format", "language"],
)
def test_what_a_paper_is_not_made_as_is_refused_at_its_field(desk: Desk, wanted: Wanted, field: str) -> None:
    number = desk.draft()
    with pytest.raises(NotPrinted) as refused:
        ask(desk, number, wanted)
    (problem,) = refused.value.problems
    assert problem.field == field
    assert english(problem.sentence)


@pytest.mark.requirement("S201")
def test_a_draft_for_the_customer_is_sent_only_if_it_is_meant(desk: Desk, blobs: Blobs) -> None:
    number = desk.to_investigation()
    ask(desk, number)
    make_it(desk, blobs)
    (row,) = rows(desk)
    assert row.attachment_id
    form = Form(new_to="i.carrow@quellstrom.example", text="Please see the file.", files=[row.attachment_id])
    with desk.act() as session:
        complaint = desk.find(session, number)
        with pytest.raises(Promised) as asked:
            replies.send(session, complaint, form, key="a form", by=desk["sales"], at=desk.at, context=CONTEXT)
        (problem,) = asked.value.problems
        assert problem.field == replies.MEANT
        assert f"{number} 8D report rev 1.pdf" in english(problem.sentence)
        meant = replace(form, meant=True)
        replies.send(session, complaint, meant, key="a form", by=desk["sales"], at=desk.at, context=CONTEXT)
        line = session.scalars(select(history.Change).where(history.Change.act == "replied")).one()
        assert line.values["promised"] == [f"{number} 8D report rev 1.pdf"]


# Revisions


def test_the_same_asked_again_is_the_file_that_is_there(desk: Desk, blobs: Blobs) -> None:
    number = desk.to_investigation()
    first = ask(desk, number)
    make_it(desk, blobs)
    again = ask(desk, number, role="qe")
    assert (again.id, again.state, again.content) == (first.id, "done", None)


def test_another_language_or_format_is_a_file_of_the_same_revision(desk: Desk, blobs: Blobs) -> None:
    number = desk.to_investigation()
    ask(desk, number)
    make_it(desk, blobs)
    chinese = ask(desk, number, Wanted("report_8d", "zh", CUSTOMER))
    word = ask(desk, number, Wanted("report_8d", "both", CUSTOMER, "docx"))
    ours = ask(desk, number, Wanted("report_8d", "both", INTERNAL))
    assert [each.revision for each in (chinese, word, ours)] == [1, 1, 1]


def test_of_files_that_are_asked_for_at_once_no_more_wait_than_one_may_have(desk: Desk) -> None:
    numbers = [desk.draft() for _ in range(4)]
    for number in numbers:
        ask(desk, number)
    deeds = [lambda each=each: ask(desk, each, REGISTER_FORM) for each in numbers]
    results = at_once(*deeds)
    assert sorted(type(each).__name__ for each in results) == ["NotPrinted"] * 3 + ["Print"]
    assert len(rows(desk)) == printing.MOST_WAITING


def test_anything_new_begins_the_next_revision_and_the_older_ones_stay(desk: Desk, blobs: Blobs) -> None:
    number = desk.to_investigation()
    ask(desk, number)
    make_it(desk, blobs, b"%PDF one")
    desk.write(number, "interim", "qe")
    ask(desk, number)
    make_it(desk, blobs, b"%PDF two")
    one, two = rows(desk)
    assert (one.revision, two.revision) == (1, 2)
    assert (blobs.get(one.blob), blobs.get(two.blob)) == (b"%PDF one", b"%PDF two")


def test_each_making_is_in_the_history(desk: Desk, blobs: Blobs) -> None:
    number = desk.to_investigation()
    ask(desk, number)
    make_it(desk, blobs)
    with desk.make() as session:
        line = session.scalars(select(history.Change).where(history.Change.act == "printed")).one()
        assert line.values == {"paper": "report_8d", "edition": CUSTOMER, "revision": 1, "format": "pdf"}
        assert line.by_id == desk["clerk"].id
        assert history.verify(session).broken is None


def test_what_is_for_the_customer_becomes_a_file_of_the_complaint_and_our_own_edition_does_not(
    desk: Desk, blobs: Blobs
) -> None:
    number = desk.to_investigation()
    ask(desk, number)
    make_it(desk, blobs)
    ask(desk, number, Wanted("report_8d", edition=INTERNAL))
    make_it(desk, blobs, b"%PDF internal")
    theirs, ours = rows(desk)
    with desk.make() as session:
        kept = session.scalars(select(Attachment)).one()
        found = desk.find(session, number)
        name, count = printing.filename(found, theirs), found.attachment_count
    assert (kept.id, kept.blob, kept.filename) == (theirs.attachment_id, theirs.blob, name)
    assert name == f"{number} 8D report rev 1.pdf"
    assert count == 1
    assert ours.attachment_id is None


def test_what_was_printed_is_no_evidence_and_makes_no_new_revision(desk: Desk, blobs: Blobs) -> None:
    number = desk.to_investigation()
    before = said(desk, number, REGISTER_FORM)
    ask(desk, number)
    make_it(desk, blobs)
    assert said(desk, number, REGISTER_FORM) == before


# The making


def test_a_row_whose_worker_died_is_taken_again_when_its_lease_ends(desk: Desk, blobs: Blobs) -> None:
    ask(desk, desk.to_investigation())
    with desk.act() as session:
        dead = printing.claim(session, at=desk.at)
    with desk.act() as session:
        assert printing.claim(session, at=desk.at) is None
    desk.at += LEASE
    make_it(desk, blobs)
    assert dead is not None
    with desk.act() as session:
        assert not printing.made(session, dead, blobs, b"late", at=desk.at, zone=ZONE)
        assert not printing.failed(session, dead, error="late")
    (row,) = rows(desk)
    assert (row.state, row.attempts, blobs.get(row.blob)) == ("done", 2, b"%PDF")


def test_a_row_that_killed_worker_after_worker_has_failed_and_may_be_asked_for_again(desk: Desk) -> None:
    number = desk.to_investigation()
    ask(desk, number)
    for _ in range(DEATHS + 1):
        with desk.act() as session:
            printing.claim(session, at=desk.at)
        desk.at += LEASE + timedelta(seconds=1)
    (row,) = rows(desk)
    assert (row.state, row.error) == ("failed", "worker died while making it")
    again = ask(desk, number)
    assert (again.id, again.state, again.attempts) == (row.id, "queued", 0)


def test_something_is_due_until_it_is_made(desk: Desk, blobs: Blobs) -> None:
    def due() -> bool:
        with desk.make() as session:
            return printing.something_due(session, at=desk.at)

    assert not due()
    ask(desk, desk.to_investigation())
    assert due()
    make_it(desk, blobs)
    assert not due()


def all_of(session: Session, number: str) -> list[Print]:
    found = session.scalars(select(Complaint).where(Complaint.number == number)).one()
    return printing.of(session, found)[0]


def test_the_newest_file_is_told_first(desk: Desk) -> None:
    number = desk.to_investigation()
    ask(desk, number, REGISTER_FORM)
    ask(desk, number)
    with desk.make() as session:
        assert [each.paper for each in all_of(session, number)] == ["report_8d", "register_form"]
