"""The whole story, as `bin/run` starts it: a customer writes, staff register and drag, colleagues see it.

Every part is real: the supervisor with its embedded Redis, the demo mail server (SMTP in, IMAP out), the poller, the
worker, gunicorn and two browsers.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.rigs.process import free_port, new_folder
from tests.rigs.waiting import eventually

ROOT = Path(__file__).parents[2]
PATIENCE = 20_000  # ms a page may take on a busy machine
NAMES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "IMAP_URL", "SMTP_URL", "REDRESS_DATA", "REDRESS_FAILPOINT")


@dataclass(frozen=True)
class Running:
    """A running Redress."""

    url: str
    data: Path

    def login(self, name: str) -> tuple[str, str]:
        for line in (self.data / "demo-logins.txt").read_text("utf-8").splitlines():
            email, password, *_ = line.split()
            if email.startswith(name):
                return email, password
        raise LookupError(name)

    def answers(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@pytest.fixture
def running() -> Iterator[Running]:
    data = new_folder("story")
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    with (data / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.supervisor", "--port", str(port), "--data", str(data)],
            cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True,
        )  # fmt: skip
    redress = Running(f"http://127.0.0.1:{port}", data)
    try:
        eventually(lambda: redress.answers("/readyz") == 200, timeout=60)
        yield redress
    except BaseException:
        print((data / "run.log").read_text("utf-8", "replace")[-6000:])
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(data, ignore_errors=True)


def sign_in(page: Page, redress: Running, name: str) -> None:
    email, password = redress.login(name)
    page.goto(redress.url + "/login")
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/work")
    page.goto(redress.url + "/board")


@pytest.mark.journey
@pytest.mark.timeout(240)
@pytest.mark.requirement("S05", "S09", "S12")
def test_a_customer_writes_and_the_complaint_goes_its_way(running: Running, new_page: Callable[..., Page]) -> None:
    subject = "Oil weeping at face seal 密封面渗油"
    clerk = new_page(viewport={"width": 1440, "height": 900})
    sign_in(clerk, running, "ingrid")
    colleague = new_page(viewport={"width": 1440, "height": 900})
    sign_in(colleague, running, "wanqing")

    # A customer writes, as by any mail program.
    subprocess.run(
        [ROOT / "bin" / "complain", "--data", running.data, "--from", "nora.quist@newmill.example", subject],
        input="14 of 200 joints leak at 40 bar. Line 3 is stopped.", text=True, check=True, capture_output=True,
    )  # fmt: skip

    # The draft comes to both boards without a reload.
    draft = clerk.locator("#col-draft .card", has_text=subject)
    expect(draft).to_be_visible(timeout=PATIENCE)
    expect(colleague.locator("#col-draft .card", has_text=subject)).to_be_visible(timeout=PATIENCE)
    number = re.search(r"C-\d{4}-\d{4,}", draft.inner_text())
    assert number is not None

    # The customer gets the number.
    post = new_page()

    def acknowledged() -> bool:
        post.goto(running.url + "/demo/mail")
        return number.group() in post.locator("main").inner_text()

    eventually(acknowledged, timeout=40)
    assert "auto-replied" in post.locator("main").inner_text()

    # A draft that lacks what registering needs is refused, stays where it is, and says why.
    with clerk.expect_response(re.compile(r"/move\?")) as refusal:
        draft.drag_to(clerk.locator("#col-registered .cards"))
    assert refusal.value.status == 422
    why = draft.locator(".card__why")
    expect(why).to_contain_text("Class is missing")
    expect(why).to_contain_text("Customer is missing")
    expect(clerk.locator("#col-registered .card", has_text=subject)).to_have_count(0)

    # A reason leads to its field; the form is filled in from the mail.
    why.get_by_role("link", name="Class is missing").click()
    clerk.wait_for_url(f"**/complaints/{number.group()}#f-complaint_class")
    expect(clerk.locator("[name=content]")).to_have_value(re.compile("14 of 200 joints"))
    clerk.locator("[name=customer]").fill("Quellstrom Mobility")
    clerk.locator("[name=complaint_class]").select_option("general")
    clerk.locator("[name=cause_type]").select_option("other")
    clerk.locator("[name=link]").select_option("product_quality")
    clerk.get_by_role("button", name="Save as draft").click()
    expect(clerk.get_by_role("status").first).to_contain_text("saved", ignore_case=True)

    # Now it can be dragged into the register, and the colleague sees it move.
    clerk.goto(running.url + "/board")
    with clerk.expect_response(re.compile(r"/move\?")) as moved:
        draft.drag_to(clerk.locator("#col-registered .cards"))
    assert moved.value.status == 200
    card = clerk.locator("#col-registered .card", has_text=subject)
    expect(card).to_be_visible()
    expect(colleague.locator("#col-registered .card", has_text=subject)).to_be_visible(timeout=PATIENCE)

    # Further on it waits for what the procedure asks.
    with clerk.expect_response(re.compile(r"/move\?")) as refusal:
        card.drag_to(clerk.locator("#col-investigation .cards"))
    assert refusal.value.status == 422
    expect(card.locator(".card__why")).to_contain_text("“First review” is not filled in yet")
    clerk.goto(f"{running.url}/complaints/{number.group()}")
    expect(clerk.get_by_text(re.compile(r"Register no\. \d{4}-\d{4}"))).to_be_visible(timeout=PATIENCE)

    # The record tells the story.
    shown = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "complaint", "show", number.group(), "--json"],
        cwd=ROOT, env={**os.environ, "REDRESS_DATA": str(running.data)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for word in ("drafted", "registered", "moved", "Quellstrom Mobility", '"state": "sent"'):
        assert word in shown
