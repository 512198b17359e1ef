"""What the board costs: `python -m bench.board [--sizes 1000 10000 100000] [--boards 200]`.

Ledgers of several sizes (5 % open) are made and looked at in turns, in one process and one run: the time of `GET
/board`, the queries, the bytes, against a bare Flask and Jinja application that renders the same bytes from memory.
Because a ledger of 1,000 has only 50 open complaints and so a shorter page, each size is also measured with enough open
ones to fill the page. Then a real server with many open boards that poll while somebody moves cards.
"""

import argparse
import http.client
import os
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from markupsafe import Markup
from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session
from werkzeug.test import EnvironBuilder, run_wsgi_app

from complaints import people
from complaints.board import Card, columns
from complaints.calendar import mainland_china
from complaints.complaint import NO_LIMIT, Complaint
from complaints.customers import Contact, Customer
from complaints.database import open_database, sessions
from complaints.numbers import complaint_number
from complaints.people import ROLES, Actor, User
from complaints.procedure import FOLDER, Procedure, procedure
from complaints.settings import Settings
from webapp import create_app
from webapp.assets import initials
from webapp.card import CardView
from webapp.database import db
from webapp.language import lang_of
from webapp.prepare import upgrade

EMAIL, PASSWORD = "board@bench.example", "eight or more"
CUSTOMERS = (
    "Quellstrom Mobility", "北砾重工", "Vantorra Drives", "澄岫液压", "Farrowex Auto", "禾砺轨道装备",
    "Ostrelle Medical", "屿澜汽电",
)  # fmt: skip
STAFF = ("Mara Linden", "陈予安", "Owen Talbeck", "赵拓", "Priya Solane", "林知夏")
PRODUCTS = ("HX-210 fitting", "BR-88 支架", "WH-16 harness", "PCB-C7 控制板", "MP-5 pump housing", "SK-40 密封件")
SUBJECTS = (
    "Oil weeping at face seal, line stopped at station 40", "泵壳铸造缩孔导致渗漏，停线两小时",
    "Bracket hole position out by 0.4 mm", "控制板上电无响应，客户端不良 3/500",
    "Three cartons missing against delivery note 88120", "密封圈低温开裂，要求三日内回复原因与对策",
)  # fmt: skip


def ledger(
    url: str, size: int, open_share: float = 0.05, least_open: int = 0, seed: int = 1, rules: Procedure | None = None
) -> None:
    """Fill an empty, migrated database with complaints: a share of them open, the others closed over three years."""
    chance, now = random.Random(seed), datetime.now(UTC)
    rules = rules or procedure()
    engine = open_database(url)
    with sessions(engine).begin() as session:
        staff = [_member(session, f"staff{n}@bench.example", name) for n, name in enumerate(STAFF)]
        _member(session, EMAIL, "Bench Boarder")
        session.execute(insert(Customer), [{"name": name, "address": ""} for name in CUSTOMERS])
        contacts = [{"address": f"c{n}@bench.example", "name": f"Contact {n}", "last_wrote_at": now} for n in range(8)]
        session.execute(insert(Contact), contacts)
        still_open = max(int(size * open_share), least_open)
        stages, final = [s for s in rules.stages if not s.final], next(s for s in rules.stages if s.final)
        rows = []
        for n in range(1, size + 1):
            is_open = n > size - still_open
            stage = stages[n % len(stages)] if is_open else final
            received = now - timedelta(days=chance.uniform(0, 5) if is_open else chance.uniform(6, 1095))
            due = NO_LIMIT if chance.random() < 0.1 or not is_open else now + timedelta(days=chance.uniform(-2, 10))
            draft = stage is rules.first
            rows.append(
                {
                    "number": complaint_number(received.year, n), "year": received.year, "sequence": n,
                    "procedure": rules.key, "procedure_version": rules.version, "stage": stage.key, "version": 1,
                    "round": 1, "changed_at": received, "sort_due_at": due, "channel": "email", "received_at": received,
                    "closed_at": None if is_open else min(received + timedelta(days=chance.uniform(1, 40)), now),
                    "owner_id": None if draft else chance.choice(staff).id, "subject": chance.choice(SUBJECTS),
                    "content": chance.choice(SUBJECTS) * 20, "complaint_date": date.today(),
                    "complaint_class": None if draft else chance.choice([*rules.classes]),
                    "customer_id": None if draft else chance.randrange(8) + 1, "contact_id": chance.randrange(8) + 1,
                    "product": chance.choice(PRODUCTS), "batch": f"L{chance.randrange(2500, 2700)}-{n % 1000:03}",
                    "attachment_count": chance.randrange(5), "unread_count": chance.randrange(2), "cause_type": "other",
                    "link": "delivery",
                }
            )  # fmt: skip
        session.execute(insert(Complaint), rows)
    engine.dispose()


def _member(session: Session, email: str, name: str) -> User:
    return people.add_user(
        session, email=email, name=name, roles=["clerk", "qe"], password=PASSWORD, since=date(2020, 1, 1)
    )


@dataclass
class Board:
    """An application on a ledger, and a person who is signed in."""

    app: Flask
    cookie: str

    @classmethod
    def on(cls, url: str) -> "Board":
        app = create_app(_settings(url), {"RATELIMIT_STORAGE_URI": "memory://"})
        client = app.test_client()
        page = client.get("/login").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        answer = client.post("/login", data={"email": EMAIL, "password": PASSWORD, "csrf_token": token[1]})
        assert answer.status_code == 302, answer.text
        cookie = client.get_cookie("redress")
        assert cookie
        return cls(app, f"redress={cookie.value}")

    def get(self, path: str, **headers: str) -> tuple[bytes, dict[str, str]]:
        return ask(self.app, path, {"Cookie": self.cookie, **{k.replace("_", "-"): v for k, v in headers.items()}})

    def queries(self, path: str) -> list[str]:
        """The statements of one request."""
        seen: list[str] = []
        with self.app.app_context():
            engines = list(db.engines.values())

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        self.get(path)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
        return seen


def _settings(url: str) -> Settings:
    return Settings(
        data=Path(tempfile.gettempdir()), database_url=url, redis_url="redis://127.0.0.1:1/0", secret_key="x" * 32
    )


def ask(app: Flask, path: str, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """A request without a server in between."""
    route, _, query = path.partition("?")
    environ = EnvironBuilder(path=route, query_string=query, headers=list(headers.items())).get_environ()
    parts, status, answer = run_wsgi_app(app.wsgi_app, environ)
    body = b"".join(parts)
    assert status[:3] in ("200", "204"), (status, path, body[:500])
    return body, dict(answer)


BARE_CARD = """
<li class="card{% if c.draft %} card--draft{% endif %}" id="c{{ c.id }}" data-v="{{ c.version }}" \
data-k="{{ c.time }}">\
<header><span>{{ c.head }}</span>\
{% if c.kind %}<b class="chip chip--{{ c.kind }}">{{ c.kind_name }}</b>{% endif %}\
<a class="card__mv" href="/complaints/{{ c.number }}/moves" aria-label="Move {{ c.number }} to…"></a></header>\
{% if c.customer %}<p{{ c.customer_lang }}>{{ c.customer }}</p>{% endif %}\
<h3><a href="/complaints/{{ c.number }}"{{ c.subject_lang }}>{{ c.subject }}</a></h3>\
<p><span{{ c.product_lang }}>{{ c.product }}</span>\
{% if c.repeats or c.unread or c.files %}<span>\
{% if c.repeats %}<span class="mark mark--repeat">{{ c.repeats }}<i> in 12 months</i></span>{% endif %}\
{% if c.unread %}<b class="mark mark--mail">{{ c.unread }}<i> unread</i></b>{% endif %}\
{% if c.files %}<span class="mark mark--clip">{{ c.files }}<i> {{ c.files_word }}</i></span>{% endif %}\
</span>{% endif %}</p>\
<footer><span class="clock{% if c.clock_kind %} clock--{{ c.clock_kind }}{% endif %}">{{ c.clock }}</span>\
{% if c.owner %}<abbr class="av" title="{{ c.owner }}"{{ c.owner_lang }}>{{ c.initials }}</abbr>\
{% else %}<abbr class="av av--none" title="{{ c.queue }}"><span aria-hidden="true">{{ c.initials }}</span>\
<i>{{ c.queue }}</i></abbr>{% endif %}</footer></li>
""".strip()


def bare(app: Flask, actor: Actor, cards: list[Card], page: bytes) -> Flask:
    """The same bytes from memory: what is around the cards as text, and the cards by a plain Jinja loop over prepared
    texts. No database, no session, no sign-in, no translation."""
    rules = procedure()
    with app.test_request_context():
        view = CardView("en", datetime.now(UTC), app.extensions["settings"].zone, mainland_china(), actor.id)
        by_id = {card.id: _prepared(card, view, rules) for card in cards}
    text, at = page.decode(), 0
    pieces: list[dict[str, Any]] = []
    for found in re.finditer(r'<li class="card[^"]*" id="c(\d+)".*?</li>', text, re.DOTALL):
        pieces.append({"text": Markup(text[at : found.start()]), "card": by_id[int(found[1])]})
        at = found.end()
    rest = Markup(text[at:])
    lean = Flask("bare")
    source = "{% for p in pieces %}{{ p.text }}{% set c = p.card %}" + BARE_CARD + "{% endfor %}{{ rest }}"
    template = lean.jinja_env.from_string(source)
    lean.jinja_env.autoescape = True

    @lean.get("/board")
    def board() -> str:
        return template.render(pieces=pieces, rest=rest)

    return lean


def _prepared(card: Card, view: CardView, rules: Procedure) -> dict[str, Any]:
    clock, came_in, product = view.clock(card), view.came_in(card), f"{card.product} · {card.batch}"
    kind_name = rules.classes[card.complaint_class].en if card.complaint_class else ""
    queue = [ROLES[role].en for role in rules.stage(card.stage).owner_roles]
    return {
        "id": card.id, "version": card.version, "time": card.place.time, "number": card.number,
        "draft": card.stage == rules.first.key, "head": f"{card.number} · {came_in}" if came_in else card.number,
        "kind": card.complaint_class, "kind_name": kind_name,
        "customer": card.customer, "customer_lang": lang_of(card.customer), "subject": card.subject,
        "subject_lang": lang_of(card.subject), "product": product, "product_lang": lang_of(product),
        "unread": card.unread_count, "files": card.attachment_count,
        "files_word": "attachment" if card.attachment_count == 1 else "attachments", "clock_kind": clock.kind,
        "clock": clock.text, "owner": card.owner, "owner_lang": lang_of(card.owner),
        "initials": initials(card.owner or (queue[0] if queue else "")), "queue": ", ".join(queue),
        "repeats": card.repeat_of_count and card.repeat_of_count + 1,
    }  # fmt: skip


def plain(url: str, cards: int) -> Flask:
    """What a board costs at least: a bare Flask view with two plain SQL queries and a Jinja loop over as many cards.
    No sign-in, no filters, no order by columns, no translation."""
    lean, path = Flask("plain"), url.removeprefix("sqlite:///")
    template = lean.jinja_env.from_string(
        "{% for s, n in heads %}<h2>{{ s }} {{ n }}</h2>{% endfor %}{% for c in cards %}" + BARE_CARD + "{% endfor %}"
    )
    lean.jinja_env.autoescape = True
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.row_factory = sqlite3.Row

    @lean.get("/board")
    def board() -> str:
        heads = connection.execute("SELECT stage, count(*) FROM complaint WHERE closed_at IS NULL GROUP BY stage")
        rows = connection.execute(
            "SELECT c.id, c.version, c.number, c.number AS head, c.sort_due_at AS time, c.sort_due_at AS clock, "
            "c.complaint_class AS kind, c.complaint_class AS kind_name, u.name AS customer, c.subject, c.product, "
            "c.unread_count AS unread, c.attachment_count AS files, o.name AS owner, substr(o.name, 1, 2) AS initials "
            "FROM complaint c LEFT JOIN customer u ON u.id = c.customer_id LEFT JOIN user o ON o.id = c.owner_id "
            "WHERE c.closed_at IS NULL ORDER BY c.sort_due_at LIMIT ?",
            (cards,),
        )
        return template.render(heads=[tuple(head) for head in heads], cards=[dict(row) for row in rows])

    return lean


def interactive(url: str, cookie: str) -> tuple[int, float]:
    """How many cards a long board in Chromium shows, and the milliseconds from its last byte until all its scripts
    ran."""
    from tests.rigs.chromium import Chromium

    browser = Chromium().start()
    try:
        with server(url, BENCH_PER_COLUMN="45") as (port, _):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            name, _, value = cookie.partition("=")
            page.context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
            taken, shown = [], 0
            for _ in range(7):
                page.goto(f"http://127.0.0.1:{port}/board")
                times = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
                taken.append(times["domContentLoadedEventEnd"] - times["responseEnd"])
                shown = page.locator(".board .card").count()
    finally:
        browser.close()
    return shown, p50(taken)


def times(requests: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each request, taken in turns, so that a noisy moment hits all alike."""
    for request in requests.values():
        for _ in range(5):
            request()
    taken: dict[str, list[float]] = {name: [] for name in requests}
    for _ in range(rounds):
        for name, request in requests.items():
            began = time.perf_counter()
            request()
            taken[name].append((time.perf_counter() - began) * 1000)
    return taken


def p50(values: list[float]) -> float:
    return statistics.median(values)


def p99(values: list[float]) -> float:
    return sorted(values)[min(int(len(values) * 0.99), len(values) - 1)]


def cards_in(page: bytes) -> int:
    return page.count(b'<li class="card')


def two_hundred(board: Board) -> tuple[int, int, int]:
    """A board after pressing "show more" until it has 200 cards: all bytes, its cards, and the bytes of these alone."""
    page, _ = board.get("/board")
    pages = [page]
    while sum(map(cards_in, pages)) < 200:
        more = re.findall(rb'hx-get="(/board/more[^"]+)"', b"".join(pages))
        fresh, _ = board.get(more[len(pages) - 1].decode().replace("&amp;", "&"), HX_Request="true")
        pages.append(fresh)
    cards = re.findall(rb'<li class="card.*?</li>', b"".join(pages), re.DOTALL)
    return sum(map(len, pages)), len(cards), sum(map(len, cards))


def served() -> Flask:
    """For gunicorn: the application on the ledger that the environment names, with as many cards a column."""
    if "BENCH_PER_COLUMN" in os.environ:
        columns.__kwdefaults__["per_column"] = int(os.environ["BENCH_PER_COLUMN"])
    return create_app(_settings(os.environ["BENCH_LEDGER"]), {"RATELIMIT_STORAGE_URI": "memory://"})


@contextmanager
def server(url: str, **more: str) -> Iterator[tuple[int, int]]:
    """A real server on a ledger; gives its port and process id. `more`: for its environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-k gthread -w 1 --threads 8 --log-level error -b 127.0.0.1:{port} bench.board:served()"
    command = [sys.executable, "-m", "gunicorn", *options.split()]
    process = subprocess.Popen(command, env={**os.environ, "BENCH_LEDGER": url, **more})
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, so far."""
    pids = [str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    ticks = 0
    for each in pids:
        words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def polled(url: str, cookie: str, boards: int, seconds: float, every: float = 8.0) -> dict[str, float]:
    """Many open boards that poll, while one complaint a second changes: what a poll takes, and the server's CPU."""
    with server(url) as (port, pid):
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}/board", headers={"Cookie": cookie})
        ).read()
        stop, taken, lock = time.monotonic() + seconds, list[float](), threading.Lock()

        def one(number: int) -> None:
            chance = random.Random(number)
            time.sleep(chance.uniform(0, every))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            headers = {"Cookie": cookie, "HX-Request": "true"}
            cursor = f"{int(time.time() * 1e6)}-"
            while time.monotonic() < stop:
                began = time.perf_counter()
                connection.request("GET", f"/board/pulse?since={cursor}", headers=headers)
                answer = connection.getresponse()
                answer.read()
                connection.close()  # the server keeps an idle one for two seconds only
                with lock:
                    taken.append((time.perf_counter() - began) * 1000)
                assert answer.status in (200, 204), answer.status
                cursor = answer.getheader("Board-Cursor") or cursor
                time.sleep(max(every - (time.perf_counter() - began), 0))

        people = [threading.Thread(target=one, args=(n,)) for n in range(boards)]
        before = cpu_seconds(pid)
        for person in people:
            person.start()
        engine = open_database(url)
        while time.monotonic() < stop:
            with engine.begin() as connection:
                some = select(Complaint.id).where(Complaint.closed_at.is_(None)).limit(1).offset(random.randrange(40))
                change = update(Complaint).where(Complaint.id == some.scalar_subquery())
                connection.execute(change.values(version=Complaint.version + 1, changed_at=datetime.now(UTC)))
            time.sleep(1)
        used = cpu_seconds(pid) - before
        for person in people:
            person.join()
        engine.dispose()
    return {"polls": len(taken), "p50": p50(taken), "p99": p99(taken), "cpu": used / seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--procedure", nargs="+", metavar="KEY", help="compare these with the default one, or `all`")
    wanted = parser.parse_args()
    if wanted.procedure:
        from bench import procedures

        every = sorted(path.stem for path in FOLDER.glob("*.toml"))
        procedures.compare(every if wanted.procedure == ["all"] else wanted.procedure, wanted.sizes[0], wanted.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        boards: dict[str, Board] = {}
        urls: dict[str, str] = {}
        for size in wanted.sizes:
            for name, least in ((f"{size:,}", 0), (f"{size:,} full page", 300)):
                urls[name] = f"sqlite:///{folder}/{len(urls)}.db"
                upgrade(urls[name])
                ledger(urls[name], size, least_open=least)
                boards[name] = Board.on(urls[name])
        smallest, largest = f"{wanted.sizes[0]:,}", f"{wanted.sizes[-1]:,}"
        page, _ = boards[largest].get("/board")
        lean = bare(boards[largest].app, *_shown_to(boards[largest], urls[largest]), page)
        same = ask(lean, "/board", {})[0]
        assert abs(len(same) - len(page)) < 200, (len(same), len(page))  # a minute may have passed on the clocks
        requests: dict[str, Callable[[], object]] = {name: _looking(board) for name, board in boards.items()}
        # in the smallest ledger, where its queries need no index that only ours have
        two_queries = plain(urls[f"{smallest} full page"], cards_in(page))
        compared: dict[str, Callable[[], object]] = {
            "bare, from memory": lambda: ask(lean, "/board", {}),
            "bare, two queries": lambda: ask(two_queries, "/board", {}),
        }
        taken = times({**requests, **compared}, wanted.rounds)

        print(f"{'complaints':>20} {'cards':>6} {'KB':>6} {'queries':>8} {'p50 ms':>8} {'p99 ms':>8}")
        for name in taken:
            shown = boards[name].get("/board")[0] if name in boards else ask(two_queries, "/board", {})[0]
            queries = len(boards[name].queries("/board")) if name in boards else 0
            size = f"{cards_in(shown):>6} {len(shown) / 1000:>6.1f} {queries:>8}"
            print(f"{name:>20} {size} {p50(taken[name]):>8.2f} {p99(taken[name]):>8.2f}")
        full = " full page"
        for label, a, b, bound in (
            ("largest : smallest, 5 % open as they are", largest, smallest, 1.25),
            ("largest : smallest, both pages full", largest + full, smallest + full, 1.25),
            ("largest : bare rendering of its bytes", largest, "bare, from memory", 3.0),
            ("largest : bare view with two queries", largest, "bare, two queries", 2.0),
        ):
            ratio = p50(taken[a]) / p50(taken[b])
            print(f"{label:<44} {ratio:>6.2f}   (at most {bound})")
        size, cards, alone = two_hundred(boards[largest])
        print(f"{'200 cards with show more: KB':<44} {size * 200 / cards / 1000:>6.1f}   (at most 150)")
        print(f"{'bytes a card':<44} {alone / cards:>6.0f}   (at most 700)")
        began = time.process_time()
        pulse = "/board/pulse?since=" + boards[largest].get("/board/pulse?since=0")[1]["Board-Cursor"]
        for _ in range(300):
            boards[largest].get(pulse, HX_Request="true")
        each, queries = (time.process_time() - began) / 300 * 1000, len(boards[largest].queries(pulse))
        print(f"{'a poll with nothing new: CPU ms':<44} {each:>6.2f}   ({queries} queries)")
        shown, ready = interactive(urls[largest + full], boards[largest + full].cookie)
        print(f"{f'{shown} cards in Chromium: ms until interactive':<44} {ready:>6.0f}   (at most 300)")
        if wanted.boards:
            told = polled(urls[largest], boards[largest].cookie, wanted.boards, wanted.seconds)
            polls = f"{told['polls']:.0f} polls, p50 {told['p50']:.1f} ms"
            print(f"{wanted.boards} open boards, one change a second: {polls},")
            print(f"    p99 {told['p99']:.1f} ms, the server takes {told['cpu'] * 100:.0f} % of a core")


def _looking(board: Board) -> Callable[[], object]:
    return lambda: board.get("/board")


def _shown_to(board: Board, url: str) -> tuple[Actor, list[Card]]:
    rules, at = procedure(), datetime.now(UTC)
    engine = open_database(url)
    with sessions(engine)() as session:
        user = session.scalars(select(User).where(User.email == EMAIL)).one()
        actor = people.actor_for(session, user, at.date())
        shown = columns(session, actor, rules, at, folded=[s.key for s in rules.stages if s.final])
    engine.dispose()
    return actor, [card for column in shown for card in column.cards]


if __name__ == "__main__":
    main()
