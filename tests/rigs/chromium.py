"""Debian's Chromium, driven by Playwright, that tells of everything a page did wrong.

Used like this:

    with Chromium() as browser:
        page = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
        page.goto(url)
        assert axe(page) == []
        assert browser.complaints == []         # broken CSP, console errors, uncaught exceptions, of any page

From the first `new_page` to `fresh` Playwright is this thread's running asyncio loop, so `asyncio.run` is refused.
Under our CSP use locators and `expect`: `page.wait_for_function("…")` would need unsafe-eval.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from unittest import mock

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from tests.rigs.process import Unavailable, new_folder

# The first is the same engine with less round it: a page costs it half as much.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")

WATCH = """
addEventListener('securitypolicyviolation', e =>
  redressSaw(`CSP: ${e.violatedDirective} forbids ${e.blockedURI || 'inline'} ${e.sample} at ${e.documentURI}`));
"""

# Answers that are part of the product: a stale card (409), a refusal with its reasons (422).
MEANT = re.compile(r"Failed to load resource: the server responded with a status of (409|422)\b")


class Chromium:
    def __init__(self) -> None:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise Unavailable("no Chromium here: apt-get install chromium-headless-shell")
        self.program = program
        self.folder = new_folder("chromium")
        self.complaints: list[str] = []
        self._meant: list[re.Pattern[str]] = []
        self._contexts: list[BrowserContext] = []
        self._without_script: list[BrowserContext] = []
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> Self:
        # The driver keeps its profiles in TMPDIR and leaves them there when it is killed.
        with mock.patch.dict(os.environ, TMPDIR=str(self.folder)):
            self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=self.program, args=list(FLAGS))
        self._loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        return self

    def new_page(self, **options: Any) -> Page:
        """A page of somebody new: own cookies, own storage; `options` as for Playwright's `new_context`."""
        assert self._browser, "start() comes first"
        asyncio._set_running_loop(self._loop)
        context = self._browser.new_context(**options)
        context.set_default_timeout(10_000)
        context.expose_binding("redressSaw", lambda source, what: self._saw(what))
        context.add_init_script(WATCH)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._saw(f"uncaught: {error.error}"))
        self._contexts.append(context)
        if not options.get("java_script_enabled", True):
            self._without_script.append(context)  # cannot be asked whether it has settled
        return context.new_page()

    def meant(self, pattern: str) -> None:
        """This test provokes it: complaints that match are none."""
        self._meant.append(re.compile(pattern))
        self.complaints = [each for each in self.complaints if not self._meant[-1].search(each)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._saw(f"console: {message.text} ({message.location.get('url', '')})")

    def _saw(self, what: str) -> None:
        if not any(pattern.search(what) for pattern in (MEANT, *self._meant)):
            self.complaints.append(what)

    def fresh(self) -> Self:
        """Nobody is here any more; nothing is remembered."""
        self.leave()
        self._meant.clear()
        self.complaints = []
        return self

    def leave(self) -> None:
        """Everybody leaves, having said what they had to say; the complaints stay."""
        asyncio._set_running_loop(self._loop)
        self.settled()
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self._without_script.clear()
        asyncio._set_running_loop(None)

    def settled(self) -> list[str]:
        """The complaints, once every page has had the time to say what it has to say."""
        for context in self._contexts:
            for page in context.pages if context not in self._without_script else ():
                page.evaluate("() => new Promise(requestAnimationFrame)")
        return self.complaints

    def close(self) -> None:
        if self._browser and self._playwright:
            self.fresh()
            asyncio._set_running_loop(self._loop)
            self._browser.close()
            self._playwright.stop()
            asyncio._set_running_loop(None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def axe(page: Page, *, within: str | None = None, without: Iterable[str] = ()) -> list[str]:
    """What axe-core has against the page by WCAG 2.2 AA, a line per rule; `without` names rules to leave out."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {rule: {"enabled": False} for rule in without}
    options = {"runOnly": list(WCAG), "rules": rules, "resultTypes": ["violations"]}
    run = "async ([within, options]) => (await axe.run(within || document, options)).violations"
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: {', '.join(str(node['target']) for node in each['nodes'])}"
        for each in page.evaluate(run, [within, options])
    ]
