"""Papers as files: PDFs that are read back, Word files, hostile words, the job, and workers that die."""

import io
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from docx import Document
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import failpoints, printing, records
from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import open_database, sessions
from complaints.papers import CUSTOMER
from complaints.people import SYSTEM
from complaints.printing import LEASE, Print, Wanted
from complaints.procedure import of
from complaints.settings import Settings
from jobs import limits, paper, worker
from jobs.paper import Imprint
from jobs.printing import Printer
from jobs.queue import PRINT_BELL, PRINTS, Bell, PrintBell, connect, queue
from jobs.scheduler import Scheduler
from tests.builders import MONDAY, a_file, a_letter
from tests.conftest import on_sqlite
from tests.desk import CONTEXT, Desk
from tests.drawings import a_scan
from tests.rigs.redis import Redis

WORDS = "密封面直角刃磨损，200件中有14件渗漏"
HOSTILE = (
    '<img src="file:///etc/passwd"><img src="http://127.0.0.1:1/x.png"><link rel="stylesheet" href="file:///etc/passwd">'
    '<style>@import "file:///etc/hostname"; body { display: none }</style><script>alert(1)</script>{{ 7 * 7 }} %(who)s'
)
FORM = Wanted("register_form")
EIGHT_D = Wanted("report_8d", edition=CUSTOMER)


@pytest.fixture
def chosen(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, database_url=database_url, redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40,
        mail_from="complaints@mill.example", organisation="Mill 磨坊",
    )  # fmt: skip


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(sessions(open_database(database_url)))


def ask(desk: Desk, number: str, wanted: Wanted) -> int:
    with desk.act() as session:
        return printing.ask(
            session, desk.find(session, number), wanted, by=desk["clerk"], at=desk.at, zone=CONTEXT.zone
        ).id


def row(make: sessionmaker[Session]) -> Print:
    with make() as session:
        return session.scalars(select(Print)).one()


def printed(chosen: Settings, desk: Desk, number: str, wanted: Wanted) -> bytes:
    """The file that the job makes."""
    id_ = ask(desk, number, wanted)
    assert Printer(chosen, desk.make).make_next()
    with desk.make() as session:
        found = session.get_one(Print, id_)
        assert (found.state, found.error) == ("done", "")
        return Blobs(chosen.blobs).get(found.blob)


def text_of(file: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(file)).pages)


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


@on_sqlite
@pytest.mark.requirement("S52", "S195", "S65")
@pytest.mark.parametrize("language", ["both", "zh", "en"])
@pytest.mark.parametrize("key", ["handling_form", "report_8d"])
def test_a_paper_is_a4_has_its_words_its_numbers_and_page_x_of_y(
    chosen: Settings, desk: Desk, key: str, language: str
) -> None:
    number = desk.to_closed(content=WORDS)
    file = printed(chosen, desk, number, Wanted(key, language, "customer" if key == "report_8d" else "internal"))
    pages = PdfReader(io.BytesIO(file)).pages
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in pages} == {(595, 842)}
    text = flat(text_of(file))
    for said in (WORDS, number, "QR-KS-0", "Toollifecounterwasnotreset", "qa_mgr", "2026-11-16", "Mill磨坊"):
        assert flat(said) in text
    assert ("处理单" in text or "8D措施报告" in text) == (language != "en")
    assert ("handlingform" in text or "8Dreport" in text) == (language != "zh")
    last = flat(pages[-1].extract_text())
    figures = re.findall(r"\d+", last[-40:])
    assert figures[-2:] == [str(len(pages))] * 2


@on_sqlite
def test_chinese_is_drawn_with_the_face_of_mainland_china_and_the_face_is_in_the_file(
    chosen: Settings, desk: Desk
) -> None:
    number = desk.to_action_plan(content=WORDS)
    desk.write(number, "factors", "qe", branch="machine", text="刃直骨", state="excluded")
    file = printed(chosen, desk, number, EIGHT_D)
    faces: dict[str, bool] = {}
    for page in PdfReader(io.BytesIO(file)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            inner = font["/DescendantFonts"][0]
            kept = inner["/FontDescriptor"]
            faces[str(font["/BaseFont"])] = any(name in kept for name in ("/FontFile", "/FontFile2", "/FontFile3"))
    assert all(faces.values())
    assert any("CJK-SC" in name or "WenQuanYi" in name or "Noto-Sans-SC" in name for name in faces)
    assert not any(f"CJK-{other}" in name for name in faces for other in ("JP", "KR", "TC", "HK"))


def test_hostile_words_are_words_and_nothing_is_fetched(chosen: Settings, desk: Desk) -> None:
    number = desk.draft(content=HOSTILE, product=HOSTILE[:100])
    file = printed(chosen, desk, number, FORM)
    text = flat(text_of(file)).replace("\u200b", "")
    assert flat("<script>alert(1)</script>{{ 7 * 7 }} %(who)s") in text
    assert flat('<img src="file:///etc/passwd">') in text
    assert "root:" not in text
    reader = PdfReader(io.BytesIO(file))
    assert not any(page.images for page in reader.pages)
    assert not any("/Annots" in page for page in reader.pages)


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "http://127.0.0.1:1/", "data:text/plain,x", "picture:other", "//host/x", "/etc/passwd"],
)
def test_of_all_addresses_only_the_pictures_of_the_paper_are_fetched(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = f'<html><style>@import "{address}";</style><img src="{address}" alt="none"><p>words'
    file = paper.pdf(page, {"picture:mine": b""})
    reader = PdfReader(io.BytesIO(file))
    assert not reader.pages[0].images
    assert "words" in text_of(file)
    assert not reader.attachments


@on_sqlite
def test_pictures_are_small_and_lose_what_else_was_in_them(chosen: Settings, desk: Desk) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "a camera that tells"
    Image.new("RGB", (3000, 2000), "red").save(out, "JPEG", exif=exif)
    number = desk.draft()
    blobs = Blobs(chosen.blobs)
    with desk.act() as session:
        files = [
            a_file(blobs, out.getvalue(), filename="leak.jpg", content_type="image/jpeg"),
            a_file(blobs, b"no picture at all", filename="broken.png"),
        ]
        a_letter(session, desk.find(session, number), files=files)
        chosen_ones = tuple(each.id for each in printing.pictures(session, desk.find(session, number)))
    file = printed(chosen, desk, number, Wanted("register_form", pictures=chosen_ones))
    images = {image.data: image.image for page in PdfReader(io.BytesIO(file)).pages for image in page.images}
    assert [max(image.size) for image in images.values() if image] == [paper.PICTURE_SIDE]
    assert b"a camera that tells" not in file
    assert "broken.png" in text_of(file)


def test_a_scan_is_drawn_by_a_child_and_printed_as_it_was_drawn(chosen: Settings, desk: Desk) -> None:
    number = desk.draft()
    blobs = Blobs(chosen.blobs)
    scan, broken = a_scan((1728, 2200)), b"II*\0 and nothing more"
    with desk.act() as session:
        files = [
            a_file(blobs, each, filename=name, content_type="image/tiff")
            for each, name in ((scan, "scan.tif"), (broken, "broken.tif"))
        ]
        a_letter(session, desk.find(session, number), files=files)
        ids = tuple(each.id for each in printing.pictures(session, desk.find(session, number)))
    file = printed(chosen, desk, number, Wanted("register_form", pictures=ids))
    images = {image.data: image.image for page in PdfReader(io.BytesIO(file)).pages for image in page.images}
    assert [max(image.size) for image in images.values() if image] == [paper.PICTURE_SIDE]
    assert "broken.tif" in text_of(file)


@on_sqlite
def test_a_picture_too_large_to_unfold_is_named_and_says_so_and_a_large_photograph_is_shown(
    chosen: Settings, desk: Desk
) -> None:
    bomb, photograph = io.BytesIO(), io.BytesIO()
    Image.new("1", (5_000, 4_000)).save(bomb, "PNG")
    Image.new("L", (5_000, 4_000)).save(photograph, "JPEG")
    number = desk.draft()
    blobs = Blobs(chosen.blobs)
    with desk.act() as session:
        files = [
            a_file(blobs, bomb.getvalue(), filename="plan.png"),
            a_file(blobs, photograph.getvalue(), filename="leak.jpg", content_type="image/jpeg"),
        ]
        a_letter(session, desk.find(session, number), files=files)
        ids = tuple(each.id for each in printing.pictures(session, desk.find(session, number)))
    file = printed(chosen, desk, number, Wanted("register_form", "en", pictures=ids))
    assert len({image.data for page in PdfReader(io.BytesIO(file)).pages for image in page.images}) == 1
    assert flat("This picture is too large to print plan.png") in flat(text_of(file))


@pytest.mark.parametrize("letters", ["x", "ä", "щ", "\u00a0", "。", "😀", "中\u00a0", "中\u2060", "e" + "\u0301" * 30])
def test_what_has_no_place_to_break_gets_one_in_every_line(letters: str) -> None:
    text = (letters * 10_000)[:10_000]
    runs = paper.broken(text).split("\u200b")
    assert "".join(runs) == text
    assert len(runs) >= 10_000 / 80
    assert max(map(len, runs)) <= 80


@pytest.mark.parametrize("text", ["中" * 10_000, "word " * 2_000, "word中" * 2_000, "x" * 60])
def test_what_breaks_by_itself_is_left_alone(text: str) -> None:
    assert paper.broken(text) == text


def test_a_letter_stays_whole_where_a_run_is_broken() -> None:
    assert paper.broken("e\u0301" * 100).split("\u200b")[0][-1] == "\u0301"


@on_sqlite
def test_a_table_goes_on_over_pages_with_its_head(chosen: Settings, desk: Desk) -> None:
    rows = [[[f"measure {n}"], [WORDS]] for n in range(120)]
    section = {"kind": "rows", "level": 2, "name": ["Plan", "计划"], "round": None, "rows": rows, "total": []}
    content = {
        "title": ["Paper", "单"], "complaint": "C-1", "subject": "", "number": "", "form": "", "version": "",
        "edition": "internal", "pictures": [], "draft": False,
        "sections": [section | {"head": [["Measure", "措施"], ["Words", "内容"]]}],
    }  # fmt: skip
    printer = Printer(chosen, desk.make)
    with printer.app.app_context():
        file = paper.pdf(paper.html(content, Imprint("Mill", "en", "me", MONDAY, 1)))
    pages = PdfReader(io.BytesIO(file)).pages
    assert len(pages) > 2
    assert all("Measure" in page.extract_text() for page in pages)


@pytest.mark.requirement("S52")
def test_the_8d_as_a_word_file_says_the_same(chosen: Settings, desk: Desk) -> None:
    number = desk.to_closed(content=f"{WORDS} \ufffe{HOSTILE}")
    file = printed(chosen, desk, number, Wanted("report_8d", "both", CUSTOMER, "docx"))
    word = Document(io.BytesIO(file))
    said = "\n".join(
        [
            *(line.text for line in word.paragraphs),
            *(cell.text for t in word.tables for r in t.rows for cell in r.cells),
        ]
    )
    for each in (
        "8D措施报告",
        "D4 Root cause 根本原因",
        WORDS,
        HOSTILE,
        "Tool life counter was not reset",
        "qa_mgr",
        "—",
    ):
        assert each in said
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        assert not any("TargetMode" in parts.read(name).decode() for name in parts.namelist() if name.endswith(".rels"))
        feet = [parts.read(name).decode() for name in parts.namelist() if "footer" in name]
    facts = word.core_properties
    assert (facts.author, facts.last_modified_by) == ("Mill 磨坊", "Mill 磨坊")
    assert facts.created == facts.modified == row(desk.make).asked_at
    fields = [re.findall(r"<w:instrText[^>]*>([^<]+)", foot) for foot in feet]
    assert fields
    assert all(each == ["PAGE", "NUMPAGES"] * 2 for each in fields)  # in both languages


@on_sqlite
def test_what_the_customer_gets_before_the_decision_is_marked_as_a_draft_on_every_page(
    chosen: Settings, desk: Desk
) -> None:
    number = desk.to_investigation(content=WORDS * 100)
    pages = PdfReader(io.BytesIO(printed(chosen, desk, number, EIGHT_D))).pages
    assert len(pages) > 1
    for page in pages:
        assert flat("Draft: measures not approved yet") in flat(page.extract_text())
    word = Document(io.BytesIO(printed(chosen, desk, number, Wanted("report_8d", "en", CUSTOMER, "docx"))))
    assert word.sections[0].header.paragraphs[0].text.startswith("Draft: measures not approved yet")
    assert "Draft" not in text_of(printed(chosen, desk, number, Wanted("report_8d", "en")))
    decided = printed(chosen, desk, desk.to_closed(), EIGHT_D)
    assert "Draft" not in text_of(decided)


@on_sqlite
def test_where_pango_is_missing_it_says_what_to_install(
    chosen: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "LIBRARIES", ("libnowhere.so.9",))
    ask(desk, desk.draft(), FORM)
    Printer(chosen, desk.make).make_next()
    failed = row(desk.make)
    assert failed.state == "failed"
    assert "libnowhere.so.9; apt-get install libpango" in failed.error


def test_one_paper_that_cannot_be_made_does_not_keep_the_others(chosen: Settings, desk: Desk) -> None:
    number = desk.draft()
    broken = ask(desk, number, FORM)
    with desk.act() as session:
        found = session.get_one(Print, broken)
        found.content = {"no": "paper"}
    ask(desk, number, Wanted("register_form", "en"))
    printer = Printer(chosen, desk.make)
    assert printer.make_next()
    assert printer.make_next()
    assert not printer.make_next()
    with desk.make() as session:
        assert list(session.scalars(select(Print.state).order_by(Print.id))) == ["failed", "done"]


@pytest.mark.parametrize("point", ["print.claimed", "print.made"])
def test_a_worker_killed_in_the_middle_leaves_it_to_the_next(chosen: Settings, desk: Desk, point: str) -> None:
    ask(desk, desk.draft(), FORM)

    def go() -> None:
        failpoints._order = f"{point}:kill"
        Printer(chosen, sessions(open_database(chosen.database_url))).make_next()

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert row(desk.make).state == "running"
    assert not Printer(chosen, desk.make).make_next()
    later = datetime.now(UTC) + LEASE + timedelta(seconds=1)
    assert Printer(chosen, desk.make, clock=lambda: later).make_next()
    assert (row(desk.make).state, row(desk.make).attempts) == ("done", 2)


# The queue


def environment(chosen: Settings, redis_url: str) -> dict[str, str]:
    return {
        "REDRESS_DATA": str(chosen.data), "DATABASE_URL": chosen.database_url, "REDIS_URL": redis_url,
        "SECRET_KEY": chosen.secret_key, "MAIL_FROM": chosen.mail_from,
    }  # fmt: skip


def test_the_job_makes_one_paper_and_rings_for_the_next(
    chosen: Settings, desk: Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.draft()
    for language in ("zh", "en"):
        ask(desk, number, Wanted("register_form", language))
        PrintBell(connect(redis_url)).ring()
    for name, value in environment(chosen, redis_url).items():
        monkeypatch.setenv(name, value)
    assert len(queue(connect(redis_url), PRINTS)) == 1

    def go() -> None:
        settings = Settings(**{**vars(chosen), "redis_url": redis_url})
        worker.make_worker(settings).work(burst=True, logging_level="WARNING")

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(90)
    assert process.exitcode == 0
    with desk.make() as session:
        assert list(session.scalars(select(Print.state))) == ["done", "done"]


def test_what_redis_forgot_is_found_by_the_sweep(
    chosen: Settings, desk: Desk, redis_url: str, redis_server: Redis
) -> None:
    ask(desk, desk.draft(), FORM)
    bell = Bell(connect(redis_url))
    PrintBell(bell.redis).ring()
    redis_server.flush()
    Scheduler(chosen, desk.make, bell).tick(datetime.now(UTC) + timedelta(seconds=1))
    assert bell.redis.get(PRINT_BELL) == b"1"
    assert len(queue(bell.redis, PRINTS)) == 1


def test_where_redis_is_away_the_scheduler_has_it_made(
    chosen: Settings, desk: Desk, redis_url: str, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(chosen, redis_url).items():
        monkeypatch.setenv(name, value)
    ask(desk, desk.draft(), FORM)
    redis_server.stop()
    Scheduler(chosen, desk.make, Bell(connect(redis_url))).tick(datetime.now(UTC) + timedelta(seconds=1))
    redis_server.start()
    assert row(desk.make).state == "done"


@on_sqlite
def test_an_8d_is_made_within_300_mb(chosen: Settings, desk: Desk) -> None:
    number = desk.to_closed(content=WORDS * 20)
    with desk.act() as session:
        many_rows(session, desk.find(session, number), "whys", "factors", "plan", "read_across", "containment")
    ask(desk, number, EIGHT_D)
    told = "import jobs.printing as p; p.main(); print(open('/proc/self/status').read())"
    known = os.environ | environment(chosen, chosen.redis_url)
    made = subprocess.run([sys.executable, "-c", told], env=known, capture_output=True, text=True, check=True)
    assert row(desk.make).state == "done"
    peak = re.search(r"VmHWM:\s+(\d+) kB", made.stdout)
    assert peak
    assert int(peak[1]) < 300 * 1024, peak[0]


def many_rows(session: Session, complaint: Complaint, *sheets: str) -> None:
    for key in sheets:
        sheet = of(complaint).sheet(key)
        assert sheet is not None
        subject, round = records.subject_of(session, complaint, sheet.of, at=MONDAY), records.round_of(sheet, complaint)
        values = {each.key: next(iter(each.choices)) for each in sheet.fields if each.choices}
        values |= {each.key: WORDS for each in sheet.fields if each.kind in ("line", "text")}
        for place in range(10, 130):
            session.add(records.put(None, sheet, subject, values, round=round, place=place, by=SYSTEM, at=MONDAY))


def test_what_makes_a_paper_may_use_so_much_and_no_more() -> None:
    greedy = "from jobs import limits; limits.impose(); bytearray(2 * limits.MEMORY)"
    told = subprocess.run([sys.executable, "-c", greedy], capture_output=True, text=True, check=False)
    assert "MemoryError" in told.stderr
    endless = "import resource as r; from jobs import limits; limits.CPU_SECONDS = 1; limits.impose()\nwhile True: pass"
    assert subprocess.run([sys.executable, "-c", endless], check=False).returncode == -signal.SIGXCPU


def test_nobody_is_at_a_paper_any_more_when_its_lease_ends(redis_url: str) -> None:
    PrintBell(connect(redis_url)).ring()
    (job,) = queue(connect(redis_url), PRINTS).jobs
    killed = timedelta(seconds=job.timeout + 60 + worker.MONITORED)  # RQ waits for another minute, then looks
    assert killed < LEASE
    assert timedelta(seconds=limits.SECONDS) < LEASE
