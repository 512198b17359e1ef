"""What the journeys share: a served application, and people who sign in to it with real browsers.

A file says who and what is there by a `make` of its own, and by `settings` what else the application is given.
"""

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
from webapp import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

MARA, PASSWORD = "mara@mill.example", "a long password"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
NewPage = Callable[..., "Page"]


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
        credentials_key="k" * 43 + "=",
    )  # fmt: skip


@pytest.fixture
def url(settings: Settings, make: sessionmaker[Session]) -> Iterator[str]:
    """The address of the application, served by threads as gunicorn does."""
    server = make_server("127.0.0.1", 0, create_app(settings, {"RATELIMIT_ENABLED": False}), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def signed_in(page: "Page", url: str, path: str = "/work", email: str = MARA) -> "Page":
    page.goto(f"{url}/login?next={path}")
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"**{path}")
    return page


@pytest.fixture
def without_script(new_page: NewPage) -> Iterator["Page"]:
    """A browser without script. It is closed here, because it cannot answer whether it has settled."""
    page = new_page(**DESK, java_script_enabled=False)
    yield page
    page.context.close()
