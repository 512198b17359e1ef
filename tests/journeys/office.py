"""A complaint worked through on its pages by the people whose turn it is, each at a browser of their own."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints import people
from complaints.database import transaction
from complaints.people import User
from tests.desk import Desk
from tests.journeys.conftest import DESK, PASSWORD, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TODAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


def staffed(make: sessionmaker[Session]) -> Desk:
    """People of every role who can sign in, an hour ago."""
    made = Desk(make, at=datetime.now(UTC) - timedelta(hours=1))
    with transaction(make) as session:
        session.execute(update(User).values(password_hash=people._hasher.hash(PASSWORD)))
    return made


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
        return self.at(role, f"/complaints/{self.number}")

    def records(self, role: str) -> "Page":
        """Its records as this person sees them now."""
        return self.at(role, f"/complaints/{self.number}/records")

    def at(self, role: str, path: str) -> "Page":
        """What this person sees under an address."""
        if role not in self.pages:
            with self.desk.make() as session:
                email = session.get_one(User, self.desk[role].id).email
            self.pages[role] = signed_in(self.new_page(**self.options), self.url, path, email)
        else:
            self.pages[role].goto(f"{self.url}{path}", wait_until="domcontentloaded")
        return self.pages[role]

    def close(self) -> None:
        """Everybody goes home; a browser without script cannot answer whether it has settled."""
        for page in self.pages.values():
            page.context.close()

    def note(self, role: str, procedure: str, **values: str) -> None:
        """Note a complaint by this procedure, as a draft."""
        page = self.at(role, "/complaints/new")
        page.get_by_label("Procedure").select_option(procedure)
        page.get_by_role("button", name="Use this procedure").click()
        expect(page.get_by_label("Procedure")).to_have_value(procedure)
        fill(page.locator("form.entry"), "f", values)
        page.get_by_role("button", name="Save as draft").click()
        told = page.locator(".told")
        expect(told).to_contain_text("is noted as a draft")
        self.number = told.inner_text().split()[0]

    def register(self, role: str) -> None:
        self(role).get_by_role("button", name="Register", exact=True).click()
        expect(self.pages[role].locator(".told")).to_contain_text("is registered under")

    def write(self, role: str, sheet: str, **values: str | list[str]) -> None:
        """Fill in a record and save it."""
        form = panel(self.records(role), sheet).locator("form.rec__form").first
        fill(form, f"f-{sheet}", values)
        form.locator(".rec__foot .btn--primary").click()
        expect(self.pages[role].locator(".told")).to_contain_text("is saved")

    def sign(self, role: str, key: str, button: str) -> None:
        box = panel(self.records(role), f"sign-{key}")
        box.get_by_role("button", name=button, exact=True).click()
        expect(self.pages[role].locator(".told")).to_contain_text("signed")

    def move(self, role: str, stage: str) -> None:
        page = self(role)
        page.locator("#contents").get_by_role("link", name=re.compile("Nothing is missing")).click()
        page.locator(f'.menu__i[value="{stage}"]').click()
        page.wait_for_load_state()
        assert self.desk.stage(self.number) == stage

    def drag(self, page: "Page", stage: str) -> None:
        """Drag the card to another column of the board that the page shows."""
        card = page.locator(".card").filter(has=page.locator(f'a[href="/complaints/{self.number}"]'))
        with page.expect_response(re.compile(r"/move\?")) as answer:
            card.drag_to(page.locator(f"#col-{stage}"))
        assert answer.value.status == 200
        assert self.desk.stage(self.number) == stage


def fill(form: "Locator", prefix: str, values: "dict[str, str] | dict[str, str | list[str]]") -> None:
    """Fill in fields of a form by their keys; of a list of choices, those with these names."""
    for key, value in values.items():
        control = form.locator(f"#{prefix}-{key}")
        kind = control.evaluate("control => control.localName")
        if kind == "select":
            control.select_option(value)
        elif kind == "fieldset":
            for label in value:
                control.get_by_label(label).check()
        else:
            assert isinstance(value, str)
            control.fill(value)


def panel(page: "Page", key: str) -> "Locator":
    """A panel, opened."""
    found = page.locator(f"#f-{key}")
    if found.get_attribute("open") is None:
        found.locator("summary").first.click()
    return found
