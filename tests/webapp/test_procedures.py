"""Settings → Procedures, and `flask procedure`: every version, what is wrong with a new one, and bringing it in."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure, procedure_store
from complaints.database import transaction
from complaints.people import Actor
from complaints.procedure_store import Version, every, settle
from tests.builders import MONDAY, a_complaint, a_person
from tests.procedures import SMALL, changed
from tests.webapp.conftest import Browser, on_both_databases

Make = sessionmaker[Session]
PLACE = "/settings/procedures"
DOCUMENTS = Path(__file__).parents[2] / "docs" / "procedures"
WHY = "The audit asked for it"
SECOND = changed(("version = 1", "version = 2"))
BROKEN = changed(
    ("version = 1", "version = 2"), ("final = true", "finale = true"), ('to = "handling"', 'to = "handlign"')
)


@pytest.fixture(autouse=True)
def as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedure, "_known", {})
    monkeypatch.setattr(procedure_store, "_looked", {})


@pytest.fixture
def web(browser_of: Browser, make: Make) -> FlaskClient:
    with transaction(make) as session:
        settle(session, shipped=sorted(procedure.FOLDER.glob("*.toml")), own=(), at=MONDAY)
        a_complaint(session)
        admin = a_person(session, "admin", name="Ada Morrow")
    return browser_of(admin)


def versions(make: Make) -> list[tuple[str, int]]:
    with make() as session:
        return [(row.key, row.version) for row in every(session) if row.key == "small"]


@pytest.mark.parametrize("role", ["clerk", "qa_mgr", "gm"])
def test_for_everybody_else_there_is_nothing_here(role: str, web: FlaskClient, browser_of: Browser, make: Make) -> None:
    with transaction(make) as session:
        person = a_person(session, role)
    other = browser_of(person)
    assert {
        other.get(f"{PLACE}{path}").status_code for path in ("", "/new", "/postal/3", "/postal-3.toml", "/postal-3.svg")
    } == {404}
    assert other.post(f"{PLACE}/new", data={"text": SMALL, "reason": WHY}).status_code == 404
    assert versions(make) == []


@on_both_databases
def test_the_list_tells_every_procedure_and_how_many_follow_it(web: FlaskClient, make: Make) -> None:
    text = web.get(PLACE).text
    row = text[text.index(">manufacturing</code>") :]
    assert "1 open complaint" in row[: row.index("</ul>")]
    assert text.index(">manufacturing</code>") < text.index(">medical</code>") < text.index(">postal</code>")
    assert f'href="{PLACE}"' in web.get("/settings/mailboxes").text


def test_the_text_of_a_version_is_taken_out_as_it_was(web: FlaskClient) -> None:
    answer = web.get(f"{PLACE}/postal-3.toml")
    assert answer.data == (procedure.FOLDER / "postal.toml").read_bytes()
    assert "attachment" in answer.headers["Content-Disposition"]
    assert web.get(f"{PLACE}/postal-9.toml").status_code == 404
    assert web.get(f"{PLACE}/{'9' * 60}-{'9' * 40}.toml").status_code == 404


@on_both_databases
def test_a_version_is_brought_in_and_is_for_new_complaints(web: FlaskClient, make: Make) -> None:
    for text in (SMALL, SECOND):
        answer = web.post(f"{PLACE}/new", data={"text": text.replace("\n", "\r\n"), "reason": WHY})
        assert (answer.status_code, answer.headers["Location"]) == (303, PLACE)
    assert "small version 2 is in force for new complaints." in web.get(PLACE).text
    assert versions(make) == [("small", 2), ("small", 1)]
    assert procedure.procedure("small").version == 2
    with make() as session:
        assert procedure_store.find(session, "small", 1).text == SMALL
    assert "version = 2" in web.get(f"{PLACE}/new?of=small").text


def test_a_file_is_brought_in(web: FlaskClient, make: Make) -> None:
    data: dict[str, Any] = {
        "text": "not this",
        "file": (io.BytesIO(b"\xef\xbb\xbf" + SMALL.encode()), "ours.toml"),
        "reason": WHY,
    }
    assert web.post(f"{PLACE}/new", data=data).status_code == 303
    assert versions(make) == [("small", 1)]


def test_what_is_wrong_is_told_at_once_and_the_text_is_kept(web: FlaskClient, make: Make) -> None:
    answer = web.post(f"{PLACE}/new", data={"text": BROKEN + "# <script>"})
    assert answer.status_code == 422
    assert "procedure.toml: move[2].to: names &#39;handlign&#39;; did you mean &#39;handling&#39;?" in answer.text
    assert "procedure.toml: stage.closed.finale: is not known here" in answer.text
    assert "things are wrong" in answer.text
    assert "# &lt;script&gt;" in answer.text
    assert versions(make) == []


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"x" * 300_000, b"key = '\x00'", b""])
def test_a_file_that_is_no_procedure_is_told(raw: bytes, web: FlaskClient) -> None:
    answer = web.post(f"{PLACE}/new", data={"file": (io.BytesIO(raw), "ours.toml"), "text": ""})
    assert answer.status_code == 422
    assert answer.text.count("toml: ") >= 1


def test_checking_brings_nothing_in(web: FlaskClient, make: Make) -> None:
    answer = web.post(f"{PLACE}/new", data={"text": SMALL, "check": "1"})
    assert answer.status_code == 200
    assert "Nothing is wrong: Small, version 1, with Draft, Registered, Handling, Closed." in answer.text
    assert "retention" in answer.text
    assert versions(make) == []


def test_a_fault_leads_to_its_line_and_the_line_is_shown(web: FlaskClient) -> None:
    answer = web.post(f"{PLACE}/new", data={"text": BROKEN, "check": "1"})
    assert answer.status_code == 422
    line = 1 + BROKEN[: BROKEN.index('to = "handlign"')].count("\n")
    assert f'<a href="#line-{line}" data-line="{line}">Line {line}</a> procedure.toml: move[2].to' in answer.text
    assert f'id="line-{line}"><span class="excerpt__n">{line}</span><code>to = &#34;handlign&#34;</code>' in answer.text
    broken = web.post(f"{PLACE}/new", data={"text": 'key = "small"\nversion = \n', "check": "1"})
    assert 'data-line="2">Line 2</a> procedure.toml: is not TOML' in broken.text


@on_both_databases
def test_a_version_is_put_in_force_with_a_reason_which_its_page_and_the_list_tell(web: FlaskClient, make: Make) -> None:
    for reason in ("", " \n", "x" * 1_001):
        answer = web.post(f"{PLACE}/new", data={"text": SMALL, "reason": reason})
        assert answer.status_code == 422
        assert 'aria-describedby="f-reason-problem"' in answer.text
        assert "Say why this version is put in force, in at most 1000 characters." in answer.text
        assert "retention" in answer.text
    assert versions(make) == []
    web.post(f"{PLACE}/new", data={"text": SMALL, "reason": f" {WHY} <b> "})
    for place in (PLACE, f"{PLACE}/small/1"):
        text = web.get(place).text
        assert f"{WHY} &lt;b&gt;" in text
        assert "Ada Morrow" in text


def test_faults_and_a_missing_reason_are_told_at_once(web: FlaskClient) -> None:
    answer = web.post(f"{PLACE}/new", data={"text": BROKEN, "reason": ""})
    assert "handlign" in answer.text
    assert "f-reason-problem" in answer.text


@on_both_databases
def test_what_would_change_is_told_with_those_that_keep_theirs(web: FlaskClient, make: Make) -> None:
    web.post(f"{PLACE}/new", data={"text": SMALL, "reason": WHY})
    with transaction(make) as session:
        running = a_complaint(session)
        running.procedure, running.procedure_version, running.stage = "small", 1, "draft"
    text = changed(("version = 1", "version = 2"), ('within = "3 working days"', 'within = "1 working hour"'))
    answer = web.post(f"{PLACE}/new", data={"text": text, "check": "1"})
    assert answer.status_code == 200
    assert "What changes against version 1, which is in force" in answer.text
    assert "<del>− 3 working days</del> <ins>+ 1 working hour</ins>" in answer.text
    assert "<del>-within = &#34;3 working days&#34;</del>" in answer.text
    assert "1 follows version 1" in answer.text
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in answer.text
    same = web.post(f"{PLACE}/new", data={"text": changed(("version = 1", "version = 2 #")), "check": "1"})
    assert "Nothing that the procedure says changes" in same.text


def test_the_page_of_a_version_shows_its_picture_and_what_it_has(web: FlaskClient) -> None:
    text = web.get(f"{PLACE}/manufacturing/{procedure.procedure().version}").text
    assert 'role="img" aria-labelledby="pic-title pic-desc"' in text
    assert "style=" not in text
    for each in ("Marketing clerk", "Approval of the handling form", "2 years", "QR-KS-01", "8 working hours"):
        assert each in text
    assert {web.get(f"{PLACE}/{each}").status_code for each in ("manufacturing/9", "nobody/1", "new/1")} == {404}


def test_the_picture_of_a_version_is_taken_out_as_a_file(web: FlaskClient) -> None:
    answer = web.get(f"{PLACE}/postal-3.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.text == (DOCUMENTS / "postal.svg").read_text(encoding="utf-8")
    assert web.get(f"{PLACE}/postal-9.svg").status_code == 404


@on_both_databases
def test_the_page_of_a_version_that_cannot_be_read_any_more_tells_why(web: FlaskClient, make: Make) -> None:
    with transaction(make) as session:
        bad = changed(("final = true", "finale = true"))
        row = {"sha256": procedure_store.digest(bad), "added_at": MONDAY}
        session.add(Version(key="small", version=1, text=bad, **row))
    assert web.get(f"{PLACE}/small/1").status_code == 200
    text = web.get(f"{PLACE}/small/1").text
    assert "cannot be read any more" in text
    assert "small 1: stage.closed.finale: is not known here; did you mean &#39;final&#39;?" in text
    assert "<code>finale = true</code>" in text
    assert "pic-title" not in text
    assert web.get(f"{PLACE}/small-1.svg").status_code == 404
    assert "cannot be read any more" in web.get(PLACE).text


def test_the_text_of_a_version_in_use_does_not_change(web: FlaskClient, make: Make) -> None:
    web.post(f"{PLACE}/new", data={"text": SMALL, "reason": WHY})
    answer = web.post(f"{PLACE}/new", data={"text": SMALL + "# new\n", "reason": WHY})
    assert answer.status_code == 422
    assert "raise version to 2" in answer.text


def test_what_another_process_brought_in_is_known_a_moment_later(
    web: FlaskClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "small" not in web.get("/settings/mailboxes/new?address=a@b.example").text
    with transaction(make) as session:
        procedure_store.add(session, SMALL, "x", reason="as agreed", by=Actor(1, "", "en", frozenset()), at=MONDAY)
    monkeypatch.setattr(procedure_store, "LOOK_EVERY", 0.0)
    assert '<option value="small"' in web.get("/settings/mailboxes/new?address=a@b.example").text


def test_a_complaint_whose_version_nobody_knows_breaks_nobody_else_s_board(
    web: FlaskClient, make: Make, browser_of: Browser
) -> None:
    with transaction(make) as session:
        lost = a_complaint(session, subject="The lost one")
        lost.procedure_version = 99
        number, clerk = lost.number, a_person(session, "clerk")
    other = browser_of(clerk)
    board = other.get("/board")
    assert board.status_code == 200
    assert "Oil weeping at HX-210 face seal" in board.text
    answer = other.get(f"/complaints/{number}")
    assert answer.status_code == 422
    assert "There is no procedure “manufacturing 99”." in answer.text


# The command

Run = Callable[..., Any]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *words: app.test_cli_runner().invoke(args=["procedure", *words])


def test_the_command_lists_every_version(web: FlaskClient, run: Run) -> None:
    web.post(f"{PLACE}/new", data={"text": SMALL, "reason": WHY})
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    found = {line["key"]: (line["version"], line["newest"], line["open"]) for line in lines}
    assert found["small"] == (1, True, 0)
    assert found["manufacturing"] == (procedure.procedure("manufacturing").version, True, 1)
    assert [*found] == sorted(found)
    assert "Customer complaints, manufacturing" in run("list").stdout


def test_the_command_checks_files_and_tells_one_fault_a_line(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(SMALL, encoding="utf-8")
    bad.write_text(BROKEN, encoding="utf-8")
    fine = run("check", str(good))
    assert (fine.exit_code, fine.stdout) == (
        0, "good.toml: small version 1 is fine: 4 stages, 4 records, 2 signatures.\n"
    )  # fmt: skip
    told = run("check", str(good), str(bad))
    assert told.exit_code == 1
    assert all(line.startswith("bad.toml: ") for line in told.stderr.splitlines())
    assert len(told.stderr.splitlines()) >= 3
    assert run("check", str(tmp_path / "none.toml")).exit_code == 2
    assert run("check").exit_code == 2
    assert "Exits 1" in run("check", "--help").stdout


def test_the_command_draws_a_procedure_in_both_languages(web: FlaskClient, run: Run, tmp_path: Path) -> None:
    drawn = run("picture", "postal")
    assert (drawn.exit_code, drawn.stdout[:5]) == (0, "<svg ")
    assert "prefers-color-scheme: dark" in drawn.stdout
    assert "var(" not in drawn.stdout
    assert "待受理" in run("picture", str(procedure.FOLDER / "postal.toml"), "--lang", "zh").stdout
    bad = tmp_path / "bad.toml"
    bad.write_text(BROKEN, encoding="utf-8")
    told = run("picture", str(bad))
    assert (told.exit_code, "handlign" in told.stderr) == (1, True)
    assert run("picture", "nobody").exit_code == 2
    assert run("picture", str(tmp_path / "none.toml")).exit_code == 1


@on_both_databases
def test_a_procedure_is_put_on_the_shelf_and_taken_into_use(web: FlaskClient) -> None:
    def offered() -> bool:
        return 'value="postal"' in web.get("/complaints/new").text

    def held(page: str) -> bool:
        return bool(re.search(r'value="manufacturing"[^>]*checked[^>]*disabled', page))

    assert offered()
    assert held(web.get(PLACE).text)
    put = web.post(f"{PLACE}/use", data={"was": ["postal", "cement"], "used": ["cement"]}, follow_redirects=True)
    assert (put.status_code, "On the shelf, offered for no new complaint: “" in put.text, offered()) == (
        200,
        True,
        False,
    )
    taken = web.post(f"{PLACE}/use", data={"was": ["cement"], "used": ["postal", "cement"]}, follow_redirects=True)
    assert (taken.status_code, "Offered for new complaints from now on: “" in taken.text, offered()) == (
        200,
        True,
        True,
    )
    refused = web.post(f"{PLACE}/use", data={"was": ["manufacturing", "postal"]})
    assert (refused.status_code, offered()) == (422, True)
    assert "open complaints that follow it: 1" in refused.text
    assert web.post(f"{PLACE}/use", data={"used": ["nothing"]}).status_code == 404
