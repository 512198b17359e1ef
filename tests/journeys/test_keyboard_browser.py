"""A complaint's page by keyboard on a phone: every place that the tab key comes to is seen, in both languages."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from complaints.database import transaction
from complaints.people import User
from tests.desk import Desk
from tests.journeys.conftest import PHONE
from tests.journeys.office import Office, staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

FOCUSED = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return null;
  window.places ??= [];
  if (!places.includes(focused)) places.push(focused);
  const {left, top, right, bottom} = focused.getBoundingClientRect(), style = getComputedStyle(focused);
  const label = focused.closest("label") ?? focused;
  const hit = (x, y) => { const at = document.elementFromPoint(x, y); return at !== null && label.contains(at); };
  const middle = (top + bottom) / 2;
  return {
    place: places.indexOf(focused), name: `${focused.localName}#${focused.id} ${focused.textContent.trim()}`,
    seen: hit(left + 2, middle) || hit((left + right) / 2, middle) || hit((left + right) / 2, top + 8),
    ring: style.outlineStyle !== "none" || style.boxShadow !== "none",
  };
}"""
"""The place that has the focus: the how manieth, is it seen, and is it told apart?"""


def stops(page: "Page") -> Iterator[dict[str, Any]]:
    """Where the tab key comes to, once round the page; a field for a date has several stops of its own."""
    last = -1
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or stop["place"] < last:
            return
        last = stop["place"]
        yield stop


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("zh_CN", "light")])
def test_every_stop_of_the_tab_key_is_seen_on_a_phone(
    language: str, scheme: str, make: Any, url: str, new_page: Callable[..., "Page"]
) -> None:
    desk: Desk = staffed(make)
    number = desk.to_implementation(product="HX-210", contact_email="i.carrow@quellstrom.example")
    with transaction(make) as session:
        session.execute(update(User).values(locale=language))
    options = {**PHONE, "color_scheme": scheme, "locale": language.replace("_", "-")}
    with closing(Office(desk, url, number, new_page, options)) as office:
        page = office("sales")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = {stop["place"]: stop for stop in reversed([*stops(page)])}  # a field's own stops are the browser's
        assert len(found) > 40
        assert [stop["name"] for stop in found.values() if not (stop["seen"] and stop["ring"])] == []
