"""What the journeys share: a served application, and people who sign in to it with real browsers.

A file says who and what is there by a `make` of its own, and by `settings` what else the application is given.
"""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from complaints import people
from complaints.database import open_database, sessions, transaction
from complaints.settings import Settings
from tests.rigs.chromium import Chromium
from webapp import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

MARA, PASSWORD = "mara@mill.example", "a long password"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
NewPage = Callable[..., "Page"]

for_everybody = pytest.mark.parametrize(
    ("language", "screen", "scheme"),
    [("en", DESK, "light"), ("en", PHONE, "dark"), ("zh_CN", DESK, "dark"), ("zh_CN", PHONE, "light")],
    ids=["en-desk-light", "en-phone-dark", "zh-desk-dark", "zh-phone-light"],
)
"""Every language on every screen, every screen in every scheme, every scheme in every language."""


@pytest.fixture
def make(sqlite_url: str) -> sessionmaker[Session]:
    """Sessions beside the application's own."""
    return sessions(open_database(sqlite_url))


def staff(make: sessionmaker[Session], *roles: str, email: str = MARA, name: str = "Mara Linden") -> None:
    """Somebody who can sign in."""
    with transaction(make) as session:
        people.add_user(session, email=email, name=name, roles=roles, password=PASSWORD, since=date(2020, 1, 1))


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, database_url=sqlite_url, redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40,
        credentials_key="k" * 43 + "=", board_seconds=1,
    )  # fmt: skip


@pytest.fixture
def url(settings: Settings, make: sessionmaker[Session], browser: Chromium) -> Iterator[str]:
    """The address of the application, served by threads as gunicorn does, until everybody has left."""
    server = make_server("127.0.0.1", 0, create_app(settings, {"RATELIMIT_ENABLED": False}), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    browser.leave()
    server.shutdown()
    thread.join()


def signed_in(page: "Page", url: str, path: str = "/work", email: str = MARA) -> "Page":
    """A page of somebody who gave the password, without a look at the form."""
    ask = page.request
    token = re.search(r'name="csrf_token" value="([^"]+)"', ask.get(f"{url}/login").text())
    assert token
    form = {"email": email, "password": PASSWORD, "csrf_token": token[1]}
    assert ask.post(f"{url}/login", form=form, max_redirects=0).status == 302
    page.goto(url + path)
    return page


def signed_in_by_form(page: "Page", url: str, path: str) -> "Page":
    """As Mara signs in herself."""
    page.goto(f"{url}/login?next={path}")
    page.locator("[name=email]").fill(MARA)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"**{path}")
    return page


@pytest.fixture
def without_script(new_page: NewPage) -> "Page":
    """A browser without script."""
    return new_page(**DESK, java_script_enabled=False)
