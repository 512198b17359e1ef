"""The 8D report as a page: its parts for each reader, the forms that lead back to it, rounds side by side."""

import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import joining, procedure_store
from complaints.database import transaction
from complaints.printing import Print
from complaints.procedure import procedure
from complaints.settings import Settings
from jobs.printing import Printer
from tests.builders import MONDAY, PNG
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import NOW, Browser, on_both_databases
from tests.webapp.test_records import hidden, visible
from tests.webapp.test_work import queries_of


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> Callable[[str], FlaskClient]:
    """The browser of whoever holds a role."""
    return lambda role: browser_of(desk[role])


def part(html: str, key: str) -> str:
    """A part of the report, as markup."""
    found = re.search(rf'<section class="dsec" id="part-{key}".*?</section>', html, re.S)
    assert found is not None, key
    return found[0]


def write(client: FlaskClient, number: str, sheet: str, place: int | None = None, **values: Any) -> Any:
    """Send the form of a record as the report has it."""
    edit = {"edit": f"{sheet}.{place}"} if place else {}
    html = client.get(f"/complaints/{number}/8d", query_string=edit).text
    row = f"/{place}" if place else ""
    found = re.search(
        rf'<form class="rec__form" method="post" action="([^"]*/records/{sheet}{row}\?back=8d[^"]*)".*?</form>',
        html,
        re.S,
    )
    assert found is not None, sheet
    form = {"version": hidden(found[0], "version"), **values}
    if 'name="key"' in found[0]:
        form["key"] = hidden(found[0], "key")
    return client.post(unescape(found[1]), data=form)


@pytest.mark.requirement("S52")
@on_both_databases
def test_the_report_shows_what_stands_in_the_records(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan(complaint_class="major", product="HX-210", quantity="200")
    html = as_("qe").get(f"/complaints/{number}/8d").text
    assert "QE engineer qe" in visible(part(html, "d1"))
    assert "Product name HX-210" in visible(part(html, "d2"))
    assert "Lot blocked, 100 % sorting" in visible(part(html, "d3"))
    assert "Complete" in visible(part(html, "d3"))
    assert "Still missing: Root cause" in visible(part(html, "d4"))
    assert "1 of 8 complete" in visible(html)
    assert '/8d"' in as_("qe").get(f"/complaints/{number}").text


def test_a_form_of_the_report_leads_back_to_it_and_a_new_row_on_to_the_next(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    answer = write(as_("qe"), number, "team", members=str(desk["dept"].id), sponsor=str(desk["qa_mgr"].id))
    assert answer.location == f"/complaints/{number}/8d#f-team"
    answer = write(as_("qe"), number, "whys", chain="occurrence", question="Why does it leak?", answer="Face not flat")
    assert answer.location == f"/complaints/{number}/8d?add=whys#f-whys-chain"
    html = as_("qe").get(answer.location).text
    assert re.search(r'<details class="rec__add no-print" id="f-whys-add" open>', html)
    assert "Why does it leak?" in visible(part(html, "d4"))


def test_a_refused_form_comes_back_on_the_report_with_what_was_typed(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    answer = write(as_("qe"), number, "containment", what="Sorting", location="stock", checked="10", rejected="11")
    assert answer.status_code == 422
    told = part(answer.text, "d3")
    assert "“Rejected” is more than “Checked”" in visible(told)
    assert 'value="Sorting"' in told
    assert 'aria-invalid="true"' in told


def test_two_who_write_the_same_field_see_both_texts_on_the_report(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    desk.write(number, "interim", "qe", measure="Lot blocked")
    html = part(as_("qe").get(f"/complaints/{number}/8d").text, "d3")
    version = hidden(html, "version")
    desk.write(number, "interim", "qa_head", measure="All lots blocked")
    answer = as_("qe").post(
        f"/complaints/{number}/records/interim?back=8d", data={"version": version, "measure": "Lot and stock blocked"}
    )
    assert answer.status_code == 409
    told = visible(part(answer.text, "d3"))
    assert "Lot and stock blocked" in told
    assert "Now stored: All lots blocked" in told


def test_fields_of_one_record_are_written_in_the_parts_they_belong_to(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan()
    html = as_("dept_head").get(f"/complaints/{number}/8d").text
    assert 'id="f-cause-text"' in part(html, "d4")
    assert 'id="f-cause-permanent"' not in part(html, "d4")
    assert 'id="f-cause-permanent"' in part(html, "d5")
    answer = write(as_("dept_head"), number, "cause", text="Counter not reset")
    assert answer.location == f"/complaints/{number}/8d#f-cause"
    assert "Counter not reset" in visible(part(as_("dept_head").get(f"/complaints/{number}/8d").text, "d4"))


def test_whoever_saves_in_a_part_comes_back_to_that_part(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan()
    html = part(as_("dept_head").get(f"/complaints/{number}/8d").text, "d5")
    action = re.search(r'action="([^"]*/records/cause[^"]*)"', html)
    assert action is not None
    sent = {"version": hidden(html, "version"), "permanent": "Step for the counter written down"}
    answer = as_("dept_head").post(unescape(action[1]), data=sent)
    assert "CAPA-2026-0001" in visible(part(as_("dept_head").get(answer.location).text, "d5"))
    anchor = answer.location.partition("#")[2]
    assert f'id="{anchor}"' in part(as_("dept_head").get(answer.location).text, "d5")


def test_a_part_that_waits_for_somebody_is_not_begun_before_anything_stands_in_it(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    html = as_("qe").get(f"/complaints/{number}/8d").text
    for key in ("d3", "d4"):
        assert "Not begun" in visible(part(html, key))
    desk.write(number, "interim", "qe", measure="Lot blocked")
    assert "Not begun" not in visible(part(as_("qe").get(f"/complaints/{number}/8d").text, "d3"))


def test_the_report_is_made_opened_and_led_on_to_the_customer_from_its_page(
    desk: Desk, as_: Any, settings: Settings, make: sessionmaker[Session]
) -> None:
    number = desk.to_action_plan()
    here, prints = f"/complaints/{number}/8d", f"/complaints/{number}/prints"
    forms = re.findall(rf'<form method="post" action="{prints}">.*?</form>', as_("qe").get(here).text, re.S)
    open_, send = ({name: hidden(form, name) for name in ("paper", "edition", "then")} for form in forms)
    assert as_("qe").post(prints, data=open_ | {"format": "docx"}).location == f"{prints}#print-1"
    assert as_("qe").post(prints, data=send).location == f"{prints}#print-2"
    printer = Printer(settings, make, clock=lambda: NOW)
    while printer.make_next():
        pass
    assert as_("qe").get(as_("qe").post(prints, data=open_ | {"format": "docx"}).location).status_code == 200
    onward = as_("qe").post(prints, data=send).location
    with make() as session:
        file = session.get_one(Print, 2).attachment_id
    assert onward == f"/complaints/{number}?attach={file}#composer"
    assert re.search(rf'value="{file}"[^>]*checked', as_("qe").get(onward).text)
    desk.write(number, "interim", "qe", measure="All lots blocked")
    assert as_("qe").post(prints, data=send).location == f"{prints}#print-3"


def test_who_may_not_write_to_the_customer_is_not_offered_to_send_the_report(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan()
    html = as_("dept_head").get(f"/complaints/{number}/8d").text
    assert "PDF" in visible(html)
    assert "Send to the customer" not in visible(html)


def test_a_signature_that_was_refused_says_who_returned_it_and_why(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    desk.returns(number, "plan_review", "qe", "No word of the <gauge>")
    told = visible(part(as_("dept_head").get(f"/complaints/{number}/8d").text, "d5"))
    assert re.search(r"qe , \w+ 16 Nov, 09:\d\d : returned, No word of the <gauge> \(in round 1\)", told)


def test_why_chains_are_numbered_each_for_itself_and_say_the_root_cause(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    for chain, question, root in (
        ("occurrence", "Why does it leak?", "no"), ("escape", "Why did nobody see it?", "yes"),
        ("occurrence", "为什么没有复位？", "yes"),
    ):  # fmt: skip
        desk.write(number, "whys", "qe", place=None, chain=chain, question=question, root=root)
    told = visible(part(as_("qe").get(f"/complaints/{number}/8d").text, "d4"))
    assert re.search(r"Why did it occur\? 1 Why does it leak\?.* 2 为什么没有复位？ .*Root cause", told)
    assert re.search(r"Why did it escape\? 1 Why did nobody see it\?.*Root cause", told)


def test_the_cause_and_effect_picture_and_the_list_beneath_say_the_same(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    for branch, text, state in (
        ("machine", "Insert <worn>", "confirmed"), ("man", "换刀未培训", "excluded"), ("method", "No step", "suspected")
    ):  # fmt: skip
        desk.write(number, "factors", "qe", branch=branch, text=text, state=state)
    html = as_("qe").get(f"/complaints/{number}/8d").text
    picture = re.search(r"<svg class=\"fb\".*?</svg>", html, re.S)
    assert picture is not None
    assert re.findall(r'fb__words--(\d)"[^>]*>([^<]*)<', picture[0]) == [
        ("2", "× 换刀未培训"), ("1", "Insert &lt;worn&gt;"), ("0", "No step"),
    ]  # fmt: skip
    assert "<title>Cause and effect</title>" in picture[0]
    listed = visible(html[picture.end() :])
    assert "Man 换刀未培训 Excluded" in listed
    assert "Machine Insert <worn> Confirmed" in listed


def test_quantities_are_summed_up_by_where_the_goods_are(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    for location, checked, rejected in (("stock", "1240", "58"), ("customer", "1050", "31"), ("stock", "10", "0")):
        desk.write(number, "containment", "qe", what="Sorting", location=location, checked=checked, rejected=rejected)
    told = visible(part(as_("qe").get(f"/complaints/{number}/8d").text, "d3"))
    assert "Customer 1,050 31 Stock 1,250 58 Total 2,300 89" in told


def test_what_a_round_changed_stands_beside_what_was_before(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    for what in ("Reset counter", "Train the shift"):
        desk.write(number, "plan", "dept_head", what=what, owner=str(desk["dept"].id), due="2026-11-20")
    desk.sign(number, "plan_submitted", "dept_head")
    desk.returns(number, "plan_review", "qe", "no word of the gauge")
    desk.write(number, "plan", "dept_head", place=1, what="Lock the spindle")
    desk.write(number, "plan", "dept_head", what="Gauge in the end check", owner=str(desk["dept"].id), due="2026-11-20")
    answer = as_("dept_head").post(f"/complaints/{number}/records/plan/2/remove?back=8d")
    assert answer.location == f"/complaints/{number}/8d#f-plan"
    told = visible(part(as_("qe").get(f"/complaints/{number}/8d").text, "d5"))
    assert "Round 1: 1 added, 1 changed, 1 removed" in told
    assert "Changed Measure before: Reset counter now: Lock the spindle" in told
    assert "Removed Measure before: Train the shift" in told
    assert "Added Measure now: Gauge in the end check" in told
    assert "As it stood in round 1" in told


def test_what_a_round_begins_without_stands_as_it_was_and_not_as_removed(desk: Desk, as_: Any) -> None:
    number = desk.to_verification()
    desk.move(number, "action_plan", "qe", reason="Leaks again")
    told = visible(part(as_("qe").get(f"/complaints/{number}/8d").text, "d6"))
    assert "Lot reworked" in told
    assert "removed" not in told


@pytest.mark.requirement("S47")
def test_approver_and_acceptance_stand_in_the_report_with_their_times(desk: Desk, as_: Any) -> None:
    number = desk.to_implementation()
    html = as_("qe").get(f"/complaints/{number}/8d").text
    assert re.search(r"Plan approval mr Management representative, \w+ 16 Nov, 09:\d\d", visible(part(html, "d5")))
    assert "Measures taken over by the department Waiting for others: Department head" in visible(part(html, "d6"))
    signing = as_("dept_head")
    box = part(signing.get(f"/complaints/{number}/8d").text, "d6")
    answer = signing.post(
        f"/complaints/{number}/signatures/taken_over?back=8d",
        data={"digest": hidden(box, "digest"), "decision": "approved", "remark": ""},
    )
    assert answer.location == f"/complaints/{number}/8d#f-sign-taken_over"
    assert "Measures taken over by the department dept_head" in visible(
        part(as_("qe").get(f"/complaints/{number}/8d").text, "d6")
    )


def test_an_item_of_the_plan_is_done_with_a_day_and_files_that_can_be_opened(desk: Desk, as_: Any) -> None:
    number = desk.to_implementation()
    files = [(io.BytesIO(PNG), "gauge.png"), (io.BytesIO(PNG), "sheet.png")]
    answer = write(as_("dept"), number, "plan", place=1, done="2026-11-16", result="Locked", **{"proof.upload": files})
    assert answer.location == f"/complaints/{number}/8d#f-plan"
    told = part(as_("qe").get(f"/complaints/{number}/8d").text, "d5")
    links = re.findall(r'href="(/attachments/[^"]+)"', told)
    assert len(links) == 2
    assert as_("qe").get(links[0]).data == PNG


def test_the_owner_of_an_item_who_has_no_role_in_it_reports_what_was_done_and_nothing_else(
    desk: Desk, as_: Any
) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    desk.write(number, "plan", "dept_head", what="Block the lot", owner=str(desk["clerk"].id), due="2026-11-20")
    desk.sign(number, "plan_submitted", "dept_head")
    desk.approve_plan(number)
    desk.move(number, "implementation", "mr")
    form = part(as_("clerk").get(f"/complaints/{number}/8d?edit=plan.1").text, "d5")
    assert set(re.findall(r'name="(what|owner|due|done|result|proof)"', form)) == {"done", "result", "proof"}
    answer = write(as_("clerk"), number, "plan", 1, done="2026-11-16", **{"proof.upload": (io.BytesIO(PNG), "lot.png")})
    assert answer.status_code == 303
    assert "lot.png" in part(as_("qe").get(f"/complaints/{number}/8d").text, "d5")


def test_a_file_for_a_row_of_somebody_else_is_not_even_kept(desk: Desk, as_: Any) -> None:
    number = desk.to_implementation()
    files = {"proof.upload": (io.BytesIO(PNG), "lot.png"), "version": "1"}
    assert as_("sales").post(f"/complaints/{number}/records/plan/1?back=8d", data=files).status_code == 422
    assert "lot.png" not in as_("qe").get(f"/complaints/{number}/8d?edit=plan.1").text


def test_the_report_asks_the_database_as_often_with_many_rows_as_with_few(
    desk: Desk, as_: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure_store, "LOOK_EVERY", float("inf"))
    number, qe = desk.to_investigation(), as_("qe")
    qe.get(f"/complaints/{number}/8d")  # the first look asks for procedures and says that it was seen

    def grown(by: int) -> int:
        for row in range(by):
            desk.write(number, "whys", "qe", chain="occurrence", question=f"Why {row}?")
            desk.write(number, "containment", "qe", what=f"Sorting {row}", location="stock", checked="10")
        return queries_of(qe, f"/complaints/{number}/8d", app)

    assert grown(1) == grown(6) <= 18


def test_complaints_that_share_an_investigation_share_its_report_but_not_the_customer(desk: Desk, as_: Any) -> None:
    first, second = desk.to_investigation(product="HX-210"), desk.to_investigation(product="HX-211")
    desk.write(first, "problem", "qe", statement="Oil weeps at 40 bar", what_is="Face seal", what_is_not="O-ring")
    with transaction(desk.make) as session:
        theirs = desk.find(session, second)
        joining.join(
            session, theirs, desk.find(session, first), by=desk["qe"], at=desk.at, seen_version=theirs.version,
            context=CONTEXT,
        )  # fmt: skip
    html = as_("qe").get(f"/complaints/{second}/8d").text
    assert f"Investigated together with: {first}" in visible(html)
    assert "Oil weeps at 40 bar" in visible(part(html, "d2"))
    assert "What Face seal O-ring" in visible(part(html, "d2"))
    assert "HX-211" in visible(part(html, "d2"))
    assert "HX-210" not in visible(part(html, "d2"))


def test_only_who_may_see_the_complaint_sees_its_report_and_only_where_there_is_one(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    assert (
        as_("warehouse" if "warehouse" in desk.people else "staff").get(f"/complaints/{number}/8d").status_code == 404
    )
    assert as_("sales").get(f"/complaints/{number}/8d").status_code == 200
    with transaction(desk.make) as session:
        desk.find(session, number).procedure_version = procedure("postal").version
        desk.find(session, number).procedure = "postal"
    assert as_("sales").get(f"/complaints/{number}/8d").status_code == 404
