"""The weekly letter and a person's own, as mails: against golden files that were read by eye, and for mail programs.

After a wanted change: `GOLDEN=1 pytest tests/jobs/test_digest_letters.py`, then read what changed.
"""

import os
import re
from pathlib import Path

import pytest
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import daily, digest
from complaints.database import open_database, sessions, transaction
from complaints.outbox import Outgoing
from complaints.people import Department
from complaints.records import Record
from complaints.settings import Settings
from jobs import letters
from tests.builders import MONDAY
from tests.desk import CONTEXT, Desk
from tests.weeks import NEXT_MONDAY, WEEK, a_full_week, content, rendered, settings_of

GOLDEN = Path(__file__).parent / "golden"
NEVER_IN_MAIL = re.compile(
    r"<(script|svg|style|link|img|form|iframe|object|video)\b|\bon[a-z]+=|javascript:|url\(", re.I
)


@pytest.fixture
def make(sqlite_url: str) -> sessionmaker[Session]:
    return sessions(open_database(sqlite_url))


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    return settings_of(tmp_path, sqlite_url)


@pytest.fixture
def letter(desk: Desk) -> str:
    """The letter about a full week, to the QA manager, with the remark of one side."""
    a_full_week(desk)
    with transaction(desk.make) as session:
        digest.remark(
            session, WEEK, "qa", "The tool was worn.\nIts counter is reset now.", by=desk["qa_head"], at=MONDAY, seen=0,
            context=CONTEXT,
        )  # fmt: skip
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    return f"digest:{WEEK}:user:{desk['qa_mgr'].id}"


@pytest.fixture
def own(desk: Desk) -> str:
    """What the QE finds on Monday afternoon."""
    number = desk.to_action_plan(subject="Bracket hole out by 0.4 mm")
    desk.plan(number)
    desk.to_investigation(subject="表面划伤，客户已停线")
    daily.do(desk.make, MONDAY.replace(hour=3), CONTEXT)
    return f"daily:2026-11-16:user:{desk['qe'].id}"


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
@pytest.mark.parametrize("kind", ["letter", "own"])
def test_they_read_as_they_were_read_by_eye(
    request: pytest.FixtureRequest, desk: Desk, settings: Settings, kind: str, locale: str
) -> None:
    mail = rendered(desk, settings, request.getfixturevalue(kind), locale)
    for part, ending in (("plain", "txt"), ("html", "html")):
        said = f"{mail['Subject']}\n\n{content(mail, part)}"
        golden = GOLDEN / f"{kind}.{locale}.{ending}"
        if "GOLDEN" in os.environ:
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(said, encoding="utf-8")
        assert said == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
def test_the_plain_twin_says_all_that_the_letter_says(desk: Desk, settings: Settings, letter: str, locale: str) -> None:
    mail = rendered(desk, settings, letter, locale)
    html = re.sub(r"<[^>]+>|\s|&nbsp;", "", content(mail, "html").partition("<body")[2])
    numbers = set(re.findall(r"C-2026-\d{4}", html))
    assert numbers == set(re.findall(r"C-2026-\d{4}", content(mail, "plain")))
    assert len(numbers) == 6
    assert "Itscounterisresetnow." in html
    assert "Its counter is reset now." in content(mail, "plain")


def test_the_letter_survives_mail_programs(desk: Desk, settings: Settings, letter: str) -> None:
    mail = rendered(desk, settings, letter)
    html = content(mail, "html")
    assert not NEVER_IN_MAIL.search(html)
    assert 'bgcolor="#1e5c49"' in html
    assert len(html.encode()) < 100_000  # Gmail cuts what is longer
    assert all(len(line) <= 998 for line in mail.as_bytes().splitlines())


def test_words_of_a_complaint_are_words_in_the_letter(desk: Desk, settings: Settings) -> None:
    desk.registered(subject="<b>Bold</b> & {{ 7 * 7 }} %(x)s")
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    mail = rendered(desk, settings, f"digest:{WEEK}:user:{desk['gm'].id}")
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; {{ 7 * 7 }} %(x)s" in content(mail, "html")
    assert "<b>Bold</b> & {{ 7 * 7 }} %(x)s" in content(mail, "plain")


def test_names_and_actions_are_words_in_the_letters(desk: Desk, settings: Settings) -> None:
    with transaction(desk.make) as session:
        session.get_one(Department, desk.department).name_en = "<b>Lathes</b>"
    desk.to_implementation()
    with transaction(desk.make) as session:
        for record in session.scalars(select(Record).where(Record.sheet == "plan")):
            record.values = {**record.values, "what": "<b>Turn</b>"}
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    daily.do(desk.make, NEXT_MONDAY, CONTEXT)
    with desk.make() as session:
        letters = list(session.scalars(select(Outgoing.purpose).where(Outgoing.kind.in_((digest.KIND, daily.KIND)))))
    mails = [rendered(desk, settings, letter) for letter in letters]
    plain, html = ("".join(content(mail, kind) for mail in mails) for kind in ("plain", "html"))
    for word in ("Lathes", "Turn"):
        assert f"<b>{word}</b>" in plain
        assert f"&lt;b&gt;{word}&lt;/b&gt;" in html
        assert f"<b>{word}" not in html


def test_headers_say_that_it_is_one_of_a_series_and_how_it_is_left(desk: Desk, settings: Settings, own: str) -> None:
    mail = rendered(desk, settings, own)
    assert mail["List-Id"] == "<daily.digests.mill.example>"
    assert re.fullmatch(r"<https://redress\.example/digests/leave/daily\.\d+\.[0-9a-f]{40}>", mail["List-Unsubscribe"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_who_may_not_leave_a_letter_is_offered_no_way(desk: Desk, settings: Settings, letter: str) -> None:
    mail = rendered(desk, settings, letter)
    assert (mail["List-Id"], mail["List-Unsubscribe"]) == ("<weekly.digests.mill.example>", None)
    assert "/digests/leave/" not in content(mail, "html") + content(mail, "plain")


def test_a_quiet_week_is_one_line(desk: Desk, settings: Settings) -> None:
    desk.to_closed()
    digest.do(desk.make, NEXT_MONDAY.replace(month=12, day=14), CONTEXT)
    mail = rendered(desk, settings, f"digest:2026-W50:user:{desk['gm'].id}")
    assert mail["Subject"] == "Week 2026-W50: quiet"
    body = content(mail, "plain").partition("\n\n")[2].partition("\n\n")[0]
    assert body == "A quiet week: nothing came in, nothing was closed, nothing is overdue. 0 complaints are open."


def test_the_request_for_a_remark_and_what_is_added_lead_to_the_letter(
    desk: Desk, settings: Settings, letter: str
) -> None:
    with transaction(desk.make) as session:
        digest.remark(
            session,
            WEEK,
            "marketing",
            "They want a visit.",
            by=desk["mkt_sup"],
            at=NEXT_MONDAY,
            seen=0,
            context=CONTEXT,
        )
    digest.do(desk.make, NEXT_MONDAY.replace(day=27), CONTEXT)
    with desk.make() as session:
        purposes = {row.kind: row.purpose for row in session.scalars(select(Outgoing))}
    added, asked = (rendered(desk, settings, purposes[kind]) for kind in (digest.ADDED, digest.ASKED))
    assert "They want a visit." in content(added, "plain")
    assert "https://redress.example/digests/2026-W47" in content(added, "html")
    assert "https://redress.example/digests/2026-W48#remarks" in content(asked, "plain")


@pytest.mark.parametrize(
    ("due", "en", "zh"),
    [
        ("2026-11-20", "20 November 2026", "2026年11月20日"),
        ("2026-11-21T15:59:00+00:00", "21 November 2026", "2026年11月21日"),  # a day off ends at midnight
        ("2026-11-20T09:30:00+00:00", "20 November 2026, 17:30", "2026年11月20日 17:30"),
    ],
)
def test_what_is_due_on_a_day_is_written_as_a_day(settings: Settings, due: str, en: str, zh: str) -> None:
    app = letters.make_app(settings)
    for locale, said in (("en", en), ("zh_CN", zh)):
        with app.app_context(), force_locale(locale):
            assert app.jinja_env.filters["due"](due) == said
