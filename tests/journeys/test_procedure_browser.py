"""A complaint worked through on its page in real browsers, by the people whose turn it is."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from complaints import people
from complaints.database import open_database, sessions, transaction
from complaints.people import User
from complaints.settings import Settings
from tests.desk import Desk
from tests.rigs.chromium import axe
from webapp import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.journey, pytest.mark.timeout(480)]

PASSWORD = "a long password"
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TODAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


@pytest.fixture
def make(sqlite_url: str) -> sessionmaker[Session]:
    return sessions(open_database(sqlite_url))


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    """People of every role who can sign in, an hour ago."""
    made = Desk(make, at=datetime.now(UTC) - timedelta(hours=1))
    with transaction(make) as session:
        session.execute(update(User).values(password_hash=people._hasher.hash(PASSWORD)))
    return made


@pytest.fixture
def url(sqlite_url: str, tmp_path: Path, desk: Desk) -> Iterator[str]:
    settings = Settings(data=tmp_path, database_url=sqlite_url, redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40)
    server = make_server("127.0.0.1", 0, create_app(settings, {"RATELIMIT_ENABLED": False}), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@dataclass
class Office:
    """Everybody at their own browser, looking at one complaint."""

    desk: Desk
    url: str
    number: str
    new_page: Callable[..., "Page"]
    options: dict[str, Any] = field(default_factory=lambda: DESK)
    pages: dict[str, "Page"] = field(default_factory=dict)

    def __call__(self, role: str) -> "Page":
        """The complaint as this person sees it now."""
        if role not in self.pages:
            page = self.pages[role] = self.new_page(**self.options)
            with self.desk.make() as session:
                email = session.get_one(User, self.desk[role].id).email
            page.goto(f"{self.url}/login?next=/complaints/{self.number}")
            page.locator("[name=email]").fill(email)
            page.locator("[name=password]").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**/complaints/{self.number}")
        page = self.pages[role]
        page.goto(f"{self.url}/complaints/{self.number}", wait_until="domcontentloaded")
        return page

    def close(self) -> None:
        """Everybody goes home; a browser without script cannot answer whether it has settled."""
        for page in self.pages.values():
            page.context.close()

    def write(self, role: str, sheet: str, **values: str | list[str]) -> None:
        """Fill in a record and save it."""
        form = panel(self(role), sheet).locator("form.rec__form").first
        for key, value in values.items():
            control = form.locator(f"#f-{sheet}-{key}")
            kind = control.evaluate("control => control.localName")
            if kind == "select":
                control.select_option(value)
            elif kind == "fieldset":
                for label in value:
                    control.get_by_label(label).check()
            else:
                assert isinstance(value, str)
                control.fill(value)
        form.locator(".rec__foot .btn--primary").click()
        expect(self.pages[role].locator(".told")).to_contain_text("is saved")

    def sign(self, role: str, key: str, button: str) -> None:
        box = panel(self(role), f"sign-{key}")
        box.get_by_role("button", name=button, exact=True).click()
        expect(self.pages[role].locator(".told")).to_contain_text("signed")

    def move(self, role: str, stage: str) -> None:
        page = self(role)
        page.locator("#contents").get_by_role("link", name=re.compile("Nothing is missing")).click()
        page.locator(f'.menu__i[value="{stage}"]').click()
        page.wait_for_load_state()
        assert self.desk.stage(self.number) == stage


def panel(page: "Page", key: str) -> "Locator":
    """A panel, opened."""
    found = page.locator(f"#f-{key}")
    if found.get_attribute("open") is None:
        found.locator("summary").first.click()
    return found


def test_a_complaint_goes_from_draft_to_closed_on_its_page(
    desk: Desk, url: str, new_page: Callable[..., "Page"]
) -> None:
    with closing(Office(desk, url, desk.draft(), new_page)) as office:
        _plan(office)
        _carry_out(office)


def test_an_approved_plan_is_carried_out_and_closed_without_any_script(
    desk: Desk, url: str, new_page: Callable[..., "Page"]
) -> None:
    number = desk.to_implementation()
    with closing(Office(desk, url, number, new_page, DESK | {"java_script_enabled": False})) as office:
        _carry_out(office)


def _plan(office: Office) -> None:
    office("clerk").get_by_role("button", name="Register", exact=True).click()
    expect(office.pages["clerk"].locator(".told")).to_contain_text("is registered under")

    office.write(
        "mkt_sup", "first_review", details="14 of 200 joints leak", evidence="asked", emergency="none",
        emergency_text="No stock at the customer", immediate="no",
    )  # fmt: skip
    office.write("sales", "form", request="Find the cause and answer within three days")
    office.sign("sales", "form_issued", "Issue")
    office.sign("mkt_sup", "form_approved", "Approve")
    office.write("qa_head", "assignment", qe="qe")
    office.sign("qa_head", "receipt", "Sign for receipt and move to Investigation")

    office.write("qe", "qe_entry", abnormality="Flatness of the face seal out of tolerance")
    office.write("qe", "finding", text="Tool worn", responsibility="ours", departments=["Machining"])
    office.move("qe", "action_plan")

    office.write("dept_head", "cause", text="Tool life counter was not reset")
    office.write("dept_head", "plan", what="Reset the counter", owner="dept", due=TODAY)
    office.sign("dept_head", "plan_submitted", "Submit the plan")
    office.sign("qe", "plan_review", "Pass")
    office.sign("qa_mgr", "plan_audit", "Pass")
    office.sign("mr", "plan_approval", "Approve and move to Implementation")


def _carry_out(office: Office) -> None:
    office.sign("dept_head", "taken_over", "Take over")
    for key, text in (
        ("correction", "Lot reworked"),
        ("like_case", "All lathes checked"),
        ("improvement", "New sheet"),
    ):
        office.write("dept", "implementation", **{key: text, f"{key}_on": TODAY})
    office.write("dept_head", "completion", text="All done", on=TODAY)
    office.write("sales", "contacts", kind="measures_told", on=TODAY, way="email", text="Dear Ines, …")
    office.move("dept_head", "verification")

    office.write("qe", "verification", evidence="50 parts measured", on=TODAY, effective="yes")
    office.sign("qe", "verified", "Sign the verification and move to Customer reply")

    page = office("sales")
    add = panel(page, "contacts").locator(".rec__add")
    add.locator("summary").click()
    form = add.locator("form")
    form.locator("#f-contacts-kind").select_option("result_told")
    form.locator("#f-contacts-on").fill(TODAY)
    form.locator("#f-contacts-way").select_option("email")
    form.locator("#f-contacts-text").fill("Dear Ines, here is the result")
    form.get_by_role("button", name="Add").click()
    office.write("sales", "answer", decision="accepted", on=TODAY)
    office.move("clerk", "closed")
    told = office("qe").locator("#timeline")
    expect(told).to_contain_text("mr signed as Management representative: Plan approval")
    expect(told).to_contain_text("sales wrote in “Customer's decision”: Decision, When")


def test_a_field_appears_when_another_asks_for_it(desk: Desk, url: str, new_page: Callable[..., "Page"]) -> None:
    office = Office(desk, url, desk.registered(), new_page)
    page = office("mkt_sup")
    answer = page.locator("#f-first_review-immediate_text")
    expect(answer).to_be_hidden()
    page.locator("#f-first_review-immediate").select_option("yes")
    expect(answer).to_be_visible()
    answer.fill("We send new joints")
    page.locator("#f-first_review-immediate").select_option("no")
    expect(answer).to_be_visible()  # what was typed is not hidden


def test_a_link_to_a_field_opens_its_panel(desk: Desk, url: str, new_page: Callable[..., "Page"]) -> None:
    office = Office(desk, url, desk.registered(), new_page)
    page = office("clerk")
    contacts = page.locator("#f-contacts")
    expect(contacts).not_to_have_attribute("open", "")
    page.goto(f"{url}/complaints/{office.number}#f-contacts-kind")
    expect(page.locator("#f-contacts-kind")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_is_accessible_in_every_state(
    desk: Desk, url: str, new_page: Callable[..., "Page"], screen: dict[str, Any], scheme: str
) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    office = Office(desk, url, number, new_page, screen | {"color_scheme": scheme})
    page = office("dept_head")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    panel(page, "plan").locator(".rec__foot .btn--primary").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert axe(page) == []
