"""Whatever people write stays words: hostile texts in every place of a complaint, looked at in a real browser in which
the policy of our pages is switched off, so that it would run what got through."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import links, notes, passing, reply_templates
from complaints.blobs import Blobs
from complaints.customers import Contact, Customer, findable
from complaints.errors import Name
from complaints.links import RECURRENCE
from complaints.people import Department, User
from complaints.reply_templates import Template
from complaints.settings import Settings
from tests.builders import PNG, a_file, a_letter
from tests.desk import CONTEXT, Desk
from tests.journeys.conftest import DESK, signed_in, staff
from tests.journeys.office import TODAY, staffed
from tests.rigs.chromium import Chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

HOSTILE = "\"'><img src=x onerror=trap()><script>trap()</script>"
PARSED = """() => document.querySelectorAll("img[src=x], [onerror]").length
    + [...document.scripts].filter(each => each.textContent.includes("trap")).length"""


def hostile(place: str) -> str:
    return place + HOSTILE


@pytest.fixture
def numbers(make: sessionmaker[Session], settings: Settings) -> list[str]:
    """A complaint with hostile words in every place, and one that it recurs from."""
    desk = staffed(make)
    staff(make, "clerk", "qe", "qa_head", "mkt_sup", "admin")
    entry = {
        key: hostile(key) for key in (
            "subject", "product", "model", "batch", "order_no", "content", "demand", "contact_person", "quantity",
        )
    }  # fmt: skip
    before = desk.registered(**entry)
    number = desk.to_action_plan(complaint_class="major", **entry)
    _write(desk, number)
    with desk.act() as session:
        complaint, clerk = desk.find(session, number), desk["clerk"]
        links.add(session, complaint, before, RECURRENCE, reason=hostile("link"), by=clerk, at=desk.at, key="k")
        notes.add(session, complaint, hostile("note"), by=clerk, at=desk.at, context=CONTEXT)
        passing.pass_on(
            session, complaint, to_users=frozenset({desk["qe"].id or 0}), to_departments=frozenset(),
            reason=hostile("passed"), by=clerk, at=desk.at, today=desk.at.date(), seen_version=complaint.version,
            secret=CONTEXT.secret, domain=CONTEXT.domain,
        )  # fmt: skip
        reply_templates.save(
            session, Template("own-hostile", Name(hostile("template"), hostile("模板")), "en", hostile("offered")),
            by=desk["admin"], at=desk.at, kinds={}, new=True,
        )  # fmt: skip
        files = [a_file(Blobs(settings.blobs), PNG, filename=hostile("file") + ".png")]
        a_letter(
            session, complaint, files=files, subject=hostile("letter"), text=hostile("mailed"),
            html=f"<p>{HOSTILE}</p>", from_name=hostile("sender"), received_at=desk.at,
        )  # fmt: skip
        people = {desk["dept"].id: "owner", desk["dept_head"].id: "head"}
        for id_, name in people.items():
            session.execute(update(User).where(User.id == id_).values(name=hostile(name)))
        session.execute(update(Department).values(name_en=hostile("department")))
        customer = session.scalars(select(Customer)).one()
        for key in ("name", "address", "contact_method", "business", "region", "profile"):
            setattr(customer, key, hostile(f"customer_{key}"))
        session.add(
            Contact(address="i@quell.example", name=hostile("contact"), customer_id=customer.id, last_wrote_at=desk.at)
        )
        findable(session, customer)
    return [number, before]


def _write(desk: Desk, number: str) -> None:
    """Every record of the report and beside it, a plan that was returned, and a field that was changed."""
    desk.correct(number, "clerk", batch=hostile("other_batch"))
    desk.write(number, "team", "qe", others=hostile("others"))
    desk.write(number, "problem", "qe", statement=hostile("statement"), where_is=hostile("where"))
    desk.write(number, "interim", "qe", measure=hostile("interim"))
    desk.write(number, "containment", "qe", what=hostile("containment"), location="stock", checked="9")
    desk.write(number, "whys", "qe", chain="occurrence", question=hostile("why"), answer=hostile("because"), root="yes")
    desk.write(number, "factors", "qe", branch="man", text=hostile("factor"), state="confirmed")
    desk.write(number, "meeting", "qe", planned_for="2026-11-16T15:00", conclusion=hostile("met"))
    desk.write(number, "trials", "qe", what=hostile("trial"), owner=str(desk["dept"].id), due=TODAY)
    desk.write(number, "escalations", "qe", text=hostile("upward"))
    desk.write(number, "contacts", "sales", kind="other", on=TODAY, way="phone", text=hostile("told"), person="Ines")
    desk.write(number, "cause", "dept_head", text=hostile("cause"), permanent=hostile("permanent"))
    desk.write(number, "plan", "dept_head", what=hostile("measure"), owner=str(desk["dept"].id), due=TODAY)
    desk.sign(number, "plan_submitted", "dept_head")
    desk.returns(number, "plan_review", "qe", hostile("returned"))
    desk.write(
        number, "plan", "dept_head", place=1, what=hostile("other_measure"), owner=str(desk["dept"].id), due=TODAY
    )


@pytest.fixture
def trapped() -> list[str]:
    """Where words acted."""
    return []


@pytest.fixture
def page(new_page: Callable[..., "Page"], url: str, numbers: list[str], trapped: list[str]) -> "Page":
    page = new_page(**DESK, bypass_csp=True)
    page.expose_function("trap", lambda: trapped.append(page.url))
    return signed_in(page, url)


PAGES = {
    "": "subject content batch note link owner head sender letter mailed file upward passed customer_name department",
    "?formatted=1": "subject letter",
    "/records": "told met trial upward returned cause other_measure",
    "/records?edit=plan.1": "cause",
    "/8d": "others statement where interim containment why because factor cause permanent other_measure measure owner",
    "/8d?edit=factors.1": "why because",
    "/history": "batch other_batch",
    "/similar": "product",
    "/people": "owner",
    "/moves": "subject",
    "/replies/templates": "template",
    "/prints": "subject",
    "/prints/look?paper=register_form": "content customer_name",
    "/prints/look?paper=handling_form": "cause other_measure told",
    "/prints/look?paper=capa_form": "cause other_measure",
    "/prints/look?paper=report_8d&edition=internal": "factor why other_measure",
    "/prints/look?paper=report_8d&edition=customer": "factor why other_measure",
    "/prints/look?paper=countermeasures&edition=customer": "cause other_measure",
}
"""The pages of a complaint, and places whose words stand there."""
OTHERS = {
    "/work": "subject", "/board": "subject", "/actions": "trial", "/inbox?outcome=all": "", "/notices": "",
    "/customers": "customer_name", "/customers/1": "customer_name customer_profile contact subject",
    "/customers/1/edit": "", "/settings/templates": "template",
}  # fmt: skip


def test_the_trap_would_catch_what_acts(page: "Page", trapped: list[str], browser: Chromium) -> None:
    browser.meant("404")  # there is no picture x
    page.evaluate("words => document.body.insertAdjacentHTML('beforeend', words)", HOSTILE)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(PARSED) > 0
    assert trapped != []


def test_words_stay_words_on_every_page(page: "Page", url: str, numbers: list[str], trapped: list[str]) -> None:
    pages = {f"/complaints/{numbers[0]}{path}": places for path, places in PAGES.items()} | OTHERS
    for path, places in (pages | {f"/complaints/{numbers[1]}": "link subject"}).items():
        page.goto(url + path)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        page.wait_for_load_state("networkidle")
        shown = page.locator("body").inner_text()
        assert (path, [place for place in places.split() if hostile(place) not in shown]) == (path, [])
        assert (path, page.evaluate(PARSED), trapped) == (path, 0, [])


def test_words_stay_words_where_script_puts_them(
    page: "Page", url: str, numbers: list[str], trapped: list[str]
) -> None:
    here = f"{url}/complaints/{numbers[0]}"
    page.goto(here)
    page.locator(".composer__tab", has_text="Internal note").click()
    page.locator("#f-note").press_sequentially("@own")
    expect(page.locator("#note-names [role=option]")).to_contain_text(hostile("owner"))
    page.locator("#f-note").fill(hostile("draft"))
    page.locator(".att__a").first.click()
    expect(page.locator("dialog[open]")).to_contain_text(hostile("file"))
    page.goto(here)
    expect(page.locator("#f-note")).to_have_value(hostile("draft"))
    assert (page.evaluate(PARSED), trapped) == (0, [])

    page.goto(f"{url}/complaints/new")
    for field, place in (("customer", "customer_name"), ("product", "product")):
        page.locator(f"#f-{field}").press_sequentially(place[:5])
        expect(page.locator(f"#f-{field}-found [role=option]")).to_contain_text(hostile(place))
    assert (page.evaluate(PARSED), trapped) == (0, [])


def test_words_stay_words_in_the_preview_of_a_template(
    page: "Page", url: str, numbers: list[str], trapped: list[str]
) -> None:
    page.goto(f"{url}/settings/templates/new")
    page.locator("#f-text").fill(hostile("said") + " {product} {contact}")
    page.locator("#f-of").fill(numbers[0])
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text(hostile("said"))
    expect(page.locator("#preview")).to_contain_text(hostile("product"))
    assert (page.evaluate(PARSED), trapped) == (0, [])
