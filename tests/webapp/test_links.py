"""What a complaint is linked to, on its page; the complaints that are like it; how often it repeats."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from complaints.procedure import use
from complaints.procedure_file import read
from tests.desk import Desk
from tests.procedures import SMALL
from tests.webapp.boards import HTMX, counted
from tests.webapp.conftest import Browser, on_both_databases

KEPT_ELSEWHERE = SMALL.replace("confidential = true", "confidential = false").replace(
    '[[sheet.field]]\nkey = "all"', '[[sheet.field]]\nkey = "what"\nname = { en = "No.", zh = "编号" }\npart = "case"\n'
    '[[sheet.field]]\nkey = "all"',
)  # fmt: skip
SEAL = {"subject": "Oil weeping at the face seal", "product": "HX-210 fitting", "batch": "L2608-114"}
As = Callable[[str], FlaskClient]


@pytest.fixture
def desk(make: sessionmaker[Session], clock: object) -> Desk:
    return Desk(make)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> As:
    return lambda role: browser_of(desk[role])


def visible(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def panel(html: str) -> str:
    return html[html.index('id="linked"') : html.index('id="similar"')]


def form(number: str, kind: str = "recurrence_of", **more: str) -> dict[str, str]:
    return {"linked_number": number, "linked_kind": kind, "key": "a key of the form"} | more


@on_both_databases
def test_a_link_stands_on_both_pages_and_in_both_histories(desk: Desk, as_: As) -> None:
    first, second = desk.registered(**SEAL), desk.registered(**SEAL)
    client = as_("qe")
    answer = client.post(f"/complaints/{second}/links", data=form(first, linked_reason="pores <again>"))
    assert (answer.status_code, answer.location) == (303, f"/complaints/{second}#linked")
    html = client.get(f"/complaints/{second}").text
    shown = visible(panel(html))
    assert (
        f"Recurrence of {first} Oil weeping at the face seal Registered · qe , Mon 16 Nov, 09:30 pores <again>" in shown
    )
    assert f"qe linked it as a recurrence of {first} : pores <again>" in visible(html)
    html = client.get(f"/complaints/{first}").text
    assert f"Recurs in {second}" in visible(panel(html))
    assert f"qe linked {second} as its recurrence" in visible(html)


def test_a_refused_link_says_why_at_its_field_and_keeps_what_was_typed(desk: Desk, as_: As) -> None:
    number = desk.registered()
    answer = as_("qe").post(f"/complaints/{number}/links", data=form("C-1999-1", "related", linked_reason="see there"))
    assert answer.status_code == 422
    shown = panel(answer.text)
    assert "There is no complaint “C-1999-1”, or it is not yours to see" in visible(shown)
    assert 'value="C-1999-1"' in shown
    assert 'value="see there"' in shown
    assert '<option value="related" selected>' in shown
    assert 'href="#f-linked_number"' in answer.text


def test_a_link_is_removed_with_a_reason_that_is_asked_for_at_the_field(desk: Desk, as_: As) -> None:
    first, second = desk.registered(), desk.registered()
    client = as_("qe")
    client.post(f"/complaints/{second}/links", data=form(first))
    answer = client.post(f"/complaints/{first}/links/1/end", data={"unlinked_reason": " "})
    assert answer.status_code == 422
    assert "Please say why" in visible(panel(answer.text))
    assert 'id="f-unlinked_reason"' in answer.text
    assert client.post(f"/complaints/{first}/links/1/end", data={"unlinked_reason": "other lot"}).status_code == 303
    html = client.get(f"/complaints/{second}").text
    assert "Nothing yet." in visible(panel(html))
    assert f"qe removed the link to {first} : other lot" in visible(html)
    assert client.post(f"/complaints/{first}/links/99/end", data={"unlinked_reason": "x"}).status_code == 404


def test_who_may_not_see_the_other_one_reads_of_another_complaint(desk: Desk, as_: As) -> None:
    mine, hidden = desk.draft(), desk.registered(subject="Secret", batch="L9")
    with desk.act() as session:
        desk.find(session, mine).owner_id = desk["staff"].id
    as_("qe").post(f"/complaints/{mine}/links", data=form(hidden))
    html = as_("staff").get(f"/complaints/{mine}").text
    assert "Recurrence of another complaint" in visible(panel(html))
    assert hidden not in html
    assert "Secret" not in html


def test_the_reasons_of_links_are_not_told_to_who_may_not_see_the_other_one(desk: Desk, as_: As) -> None:
    mine, hidden = desk.draft(), desk.registered()
    with desk.act() as session:
        desk.find(session, mine).owner_id = desk["staff"].id
    as_("qe").post(f"/complaints/{mine}/links", data=form(hidden, linked_reason="the same as Rivalcorp"))
    as_("qe").post(f"/complaints/{mine}/links/1/end", data={"unlinked_reason": "Rivalcorp took it back"})
    for page in ("", "/history"):
        shown = visible(as_("staff").get(f"/complaints/{mine}{page}").text)
        assert "Rivalcorp" not in shown
        assert "another complaint" in shown
        assert "Rivalcorp took it back" in visible(as_("qe").get(f"/complaints/{mine}{page}").text)


@pytest.mark.requirement("S133")
def test_a_return_is_opened_from_the_page_and_released_there_with_a_reason(desk: Desk, as_: As) -> None:
    number = desk.to_customer_reply(subject="Oil weeping")
    desk.contact(number, "result_told")
    desk.write(number, "answer", "sales")
    client = as_("sales")
    shown = panel(client.get(f"/complaints/{number}").text)
    assert "Open a return" in visible(shown)
    assert "Open a recall" in visible(shown)
    answer = client.post(f"/complaints/{number}/cases", data={"opens": "return", "key": "a key of the form"})
    other = answer.location.rpartition("/")[2]
    late = as_("qe").post(f"/complaints/{number}/cases", data={"opens": "return", "key": "another key", "seen": "0"})
    assert late.status_code == 409
    assert "Somebody opened one meanwhile" in late.text
    assert f"Opened {other} Oil weeping Draft" in visible(panel(client.get(f"/complaints/{number}").text))
    assert f"Opened by {number} Oil weeping Customer reply" in visible(panel(client.get(answer.location).text))
    refused = as_("clerk").post(
        f"/complaints/{number}/move", data={"stage": "closed", "version": version(desk, number)}
    )
    assert refused.status_code == 422
    assert "“Returns and exchanges”: what was opened is not closed yet; release it" in visible(refused.text)
    assert client.post(f"/complaints/{number}/links/1/end", data={"unlinked_reason": ""}).status_code == 422
    client.post(f"/complaints/{number}/links/1/end", data={"unlinked_reason": "They keep the goods"})
    closed = as_("clerk").post(f"/complaints/{number}/move", data={"stage": "closed", "version": version(desk, number)})
    assert closed.status_code == 303
    assert desk.stage(number) == "closed"


def version(desk: Desk, number: str) -> int:
    return desk.case(number).complaint.version


def test_a_case_kept_elsewhere_that_a_record_names_stands_among_what_is_linked(desk: Desk, as_: As) -> None:
    use([read(KEPT_ELSEWHERE, "elsewhere.toml")])
    number = desk.registered(procedure_key="small", complaint_class="light")
    desk.write(number, "tasks", "qe", kind="fix", what="R-2026-0188")
    shown = panel(as_("qe").get(f"/complaints/{number}").text)
    assert "R-2026-0188 Fix" in visible(shown)
    assert f'href="/complaints/{number}/records?edit=tasks.0#f-tasks"' in shown


def test_the_panel_costs_the_same_however_much_is_linked_and_less_where_nothing_is(
    app: Flask, desk: Desk, as_: As
) -> None:
    first, *others = (desk.registered() for _ in range(6))
    client = as_("qe")

    def asked() -> int:
        client.get(f"/complaints/{first}")
        with counted(app) as seen:
            client.get(f"/complaints/{first}")
        return len(seen)

    alone = asked()
    client.post(f"/complaints/{first}/links", data=form(others[0], key="the form no. 0"))
    one = asked()
    for n, other in enumerate(others[1:], 1):
        client.post(f"/complaints/{first}/links", data=form(other, key=f"the form no. {n}"))
    assert alone < one == asked()


@on_both_databases
def test_similar_complaints_come_as_a_list_and_as_a_page_with_what_can_be_done(desk: Desk, as_: As) -> None:
    first, second = desk.registered(**SEAL), desk.registered(**SEAL)
    client = as_("qe")
    fragment = client.get(f"/complaints/{second}/similar", headers=HTMX).text
    assert "<html" not in fragment
    shown = visible(fragment)
    assert f"{first} Oil weeping at the face seal Quellstrom Mobility · HX-210 fitting · Mon 16 Nov, 09:01" in shown
    assert "same lot L2608-114 same customer and product words: " in shown
    assert f"Recurrence {first} More {first} Duplicate {first} Related {first} Merge into it… {first} Join its" in shown
    page = client.get(f"/complaints/{second}/similar").text
    assert "Same customer and product in the twelve months before 1" in visible(page)
    assert client.post(f"/complaints/{second}/links", data=form(first)).status_code == 303
    assert f"Linked: Recurrence of More {first} Merge into it…" in visible(
        client.get(f"/complaints/{second}/similar").text
    )


def test_a_similar_complaint_leads_to_the_form_that_merges_into_it(desk: Desk, as_: As) -> None:
    first, second = desk.registered(**SEAL), desk.registered(**SEAL)
    client = as_("clerk")
    target = f"/complaints/{second}?into={first}#merge-into"
    assert f'href="{target}"' in client.get(f"/complaints/{second}/similar").text
    html = client.get(target).text
    assert re.search(
        rf'<details class="decide__d" open>.{{0,900}}id="merge-into" name="number" value="{first}"', html, re.S
    )
    assert "Join its investigation" not in client.get(f"/complaints/{second}/similar").text


def test_nothing_similar_says_so(desk: Desk, as_: As) -> None:
    number = desk.registered()
    assert "None: no other complaint shares" in visible(as_("qe").get(f"/complaints/{number}/similar").text)
    assert as_("staff").get(f"/complaints/{number}/similar").status_code == 404


def test_a_repeat_is_counted_in_both_languages_and_leads_to_the_ones_before(desk: Desk, as_: As) -> None:
    *_, third = (desk.registered(**SEAL) for _ in range(3))
    html = as_("qe").get(f"/complaints/{third}").text
    assert re.search(rf'<a class="chip" href="/complaints/{third}/similar#repeats">.*?3rd in 12 months</a>', html, re.S)
    with transaction(desk.make) as session:
        session.get_one(User, desk["qe"].id).locale = "zh_CN"
    assert "第3次" in as_("qe").get(f"/complaints/{third}").text


@pytest.mark.parametrize(
    ("number", "told"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd"), (113, "113th")],
)
def test_figures_are_counted_as_people_say_them(app: Flask, number: int, told: str) -> None:
    with app.test_request_context():
        assert app.jinja_env.globals["nth"](number) == told  # type: ignore[operator]


def test_the_terms_are_made_anew_by_a_command(app: Flask, desk: Desk) -> None:
    desk.registered(**SEAL)
    done = app.test_cli_runner().invoke(args=["complaint", "terms", "--rebuild"])
    assert (done.exit_code, done.output) == (0, "The terms of 1 complaints are entered.\n")
    assert app.test_cli_runner().invoke(args=["complaint", "terms"]).exit_code == 2
