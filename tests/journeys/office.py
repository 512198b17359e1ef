"""A complaint worked through on its pages by the people whose turn it is, each at a browser of their own."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import make_msgid
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import people
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Letter
from complaints.people import User
from complaints.settings import Settings
from intake.poller import Poller
from jobs.sending import Sender
from tests.desk import Desk
from tests.intake.conftest import Bell
from tests.intake.mails import a_mail
from tests.journeys.conftest import DESK, PASSWORD, signed_in
from tests.rigs.dovecot import Account
from tests.rigs.smtp import Mail, SmtpServer

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

    def conversation(self, role: str) -> str:
        """All that stands in its conversation as this person sees it, the newest stretch first."""
        page, told = self(role), ""
        while True:
            told += page.locator("#timeline").inner_text()
            older = page.get_by_role("link", name="Show what came before")
            if not older.count():
                return told
            page = self.at(role, older.get_attribute("href") or "")

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

    def sign(self, role: str, key: str, button: str, remark: str = "") -> None:
        box = panel(self.records(role), f"sign-{key}")
        if remark:
            box.get_by_label("Remark").fill(remark)
        box.get_by_role("button", name=button, exact=True).click()
        expect(self.pages[role].locator(".told")).to_contain_text("returned" if button == "Return" else "signed")

    def move(self, role: str, stage: str) -> None:
        page = self(role)
        page.locator("#contents").get_by_role("link", name=re.compile("Nothing is missing")).click()
        page.locator(f'.menu__i[value="{stage}"]').click()
        page.wait_for_load_state()
        assert self.desk.stage(self.number) == stage

    def move_back(self, role: str, stage: str, reason: str) -> None:
        """Move it to a stage that asks why."""
        page = self.at(role, f"/complaints/{self.number}/moves")
        page.locator(f'.menu__i[value="{stage}"]').click()
        page.locator(f'form.ask[data-stage="{stage}"] textarea').fill(reason)
        page.locator(f'form.ask[data-stage="{stage}"] .btn--primary').click()
        page.wait_for_load_state()
        assert self.desk.stage(self.number) == stage

    def reply(self, role: str, text: str, contact: str = "") -> None:
        """Write to the customer; `contact` is what it is recorded as."""
        page = self(role)
        form = page.locator("#reply-form")
        form.locator("#f-composer-text").fill(text)
        if contact:
            form.locator("#f-composer-contact").select_option(contact)
        form.get_by_role("button", name="Send reply").click()
        expect(page.locator(".told")).to_contain_text("Sent in 10 s")

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
    further = page.locator(".recs__later:not([open])").filter(has=found)
    if further.count():
        further.locator("summary").first.click()
    if found.get_attribute("open") is None:
        found.locator("summary").first.click()
    return found


@dataclass
class Post:
    """The mail of the house by real servers: letters come in through its mailbox, replies leave when they are due."""

    settings: Settings
    make: sessionmaker[Session]
    mailbox: Account
    smtp: SmtpServer

    def brings(self, text: str, **head: str) -> str:
        """A letter of Ines comes in; gives the number of the complaint it is on."""
        mail = {
            "from": "Ines Carrow <i.carrow@quellstrom.example>", "to": self.settings.mail_from,
            "message_id": make_msgid(),
        } | head  # fmt: skip
        self.mailbox.append(a_mail(text, **mail))
        assert Poller(self.settings, self.settings.imap[0], self.make, Bell()).once()
        with self.make() as session:
            letter = session.scalars(select(Letter).order_by(Letter.id.desc())).first()
            assert letter is not None
            return session.get_one(Complaint, letter.complaint_id).number

    def takes(self, subject: str) -> list[Mail]:
        """What waits is sent, ten seconds on; gives the mails that say this in their subject."""
        Sender(self.settings, self.make, clock=lambda: datetime.now(UTC) + timedelta(seconds=10)).drain()
        return [mail for mail in self.smtp.mails if subject in mail.header("Subject")]
