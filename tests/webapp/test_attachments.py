"""Files leave only to people who may see their complaint, whole, and never as something active."""

import re
import tracemalloc
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import off_board
from complaints.blobs import Blobs
from complaints.complaint import Complaint, involve
from complaints.database import transaction
from complaints.letters import Attachment
from tests.builders import PNG, a_file, a_mailed_complaint, a_person
from tests.desk import CONTEXT
from tests.webapp.conftest import NOW, Browser, on_both_databases
from webapp.attachments import disposition

Attach = Callable[..., Attachment]


@pytest.fixture
def desk(make: sessionmaker[Session], browser_of: Browser) -> FlaskClient:
    """A clerk's browser."""
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
    return browser_of(clerk)


@pytest.fixture
def attached(make: sessionmaker[Session], blobs: Blobs) -> Attach:
    """Puts a file on a new complaint and says where it is."""

    def attach(content: bytes = PNG, **changes: object) -> Attachment:
        with transaction(make) as session:
            a_mailed_complaint(session, files=[a_file(blobs, content, **changes)])
            return session.scalars(select(Attachment)).one()

    return attach


def test_a_file_is_a_download_that_runs_nothing(desk: FlaskClient, attached: Attach) -> None:
    file = attached()
    answer = desk.get(f"/attachments/{file.id}/joint.png")
    assert answer.status_code == 200
    assert answer.data == PNG
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"joint.png\"; filename*=UTF-8''joint.png"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_picture_may_be_looked_at(desk: FlaskClient, attached: Attach) -> None:
    answer = desk.get(f"/attachments/{attached().id}/joint.png?inline=1")
    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert answer.mimetype == "image/png"


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/pdf", "text/xml", "application/xhtml+xml"])
def test_what_can_act_is_never_shown(desk: FlaskClient, attached: Attach, kind: str) -> None:
    file = attached(b"<script>alert(1)</script>", content_type=kind, filename="page.html")
    answer = desk.get(f"/attachments/{file.id}/page.html?inline=1")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Type"] == "application/octet-stream"


@on_both_databases
def test_a_stranger_finds_no_file(make: sessionmaker[Session], browser_of: Browser, attached: Attach) -> None:
    file = attached()
    with transaction(make) as session:
        stranger = a_person(session, "dept")
    browser = browser_of(stranger)
    answer, nothing = browser.get(f"/attachments/{file.id}/x"), browser.get("/attachments/no-such-file/x")
    assert answer.status_code == nothing.status_code == 404
    with transaction(make) as session:  # the complaint is known through the letter alone
        session.execute(update(Attachment).values(complaint_id=None))
    assert browser.get(f"/attachments/{file.id}/x").status_code == 404


@on_both_databases
def test_a_file_is_found_through_its_letter(desk: FlaskClient, make: sessionmaker[Session], attached: Attach) -> None:
    file = attached()
    with transaction(make) as session:
        session.execute(update(Attachment).values(complaint_id=None))
    assert desk.get(f"/attachments/{file.id}/joint.png").status_code == 200


def test_nobody_signed_out_gets_a_file(app: Flask, attached: Attach) -> None:
    answer = app.test_client().get(f"/attachments/{attached().id}/joint.png")
    assert answer.status_code == 302
    assert answer.location.startswith("/login")


@pytest.mark.parametrize(
    "filename", ["../../etc/passwd", "..", "检测 报告.pdf", 'a"b\r\nX-Evil: 1.png', "", "a%20b?.png"]
)
def test_any_name_can_be_asked_for_and_is_only_text(desk: FlaskClient, attached: Attach, filename: str) -> None:
    attached(filename=filename)
    page = desk.get("/complaints/C-2026-0001").text
    found = re.search(r'class="att__get" href="(/attachments/[^"]+)"', page)
    assert found
    answer = desk.get(found[1])
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("检测.pdf", "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E6%A3%80%E6%B5%8B.pdf"),
        ('a"b/c\n.png', "attachment; filename=\"a_b_c_.png\"; filename*=UTF-8''a_b_c_.png"),
        ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ],
)
def test_names_leave_as_rfc_6266_says(name: str, header: str) -> None:
    assert disposition("attachment", name) == header


def test_a_file_that_is_gone_is_said_to_be_gone(desk: FlaskClient, blobs: Blobs, attached: Attach) -> None:
    file = attached()
    blobs.path(file.blob).unlink()
    answer = desk.get(f"/attachments/{file.id}/joint.png")
    assert answer.status_code == 410
    assert "missing from the store" in answer.text
    assert desk.get("/complaints/C-2026-0001").status_code == 200


def test_a_file_that_was_altered_is_kept_back(
    desk: FlaskClient, blobs: Blobs, attached: Attach, capsys: pytest.CaptureFixture[str]
) -> None:
    file = attached()
    blobs.path(file.blob).write_bytes(PNG + b"!")
    answer = desk.get(f"/attachments/{file.id}/joint.png?inline=1")
    assert answer.status_code == 500
    assert "altered in the store" in answer.text
    assert PNG not in answer.data
    assert "blob altered" in capsys.readouterr().out


@on_both_databases
def test_a_file_of_a_merged_complaint_is_for_those_who_see_the_one_that_took_it_in(
    make: sessionmaker[Session], browser_of: Browser, attached: Attach
) -> None:
    file = attached()
    with transaction(make) as session:
        clerk, member = a_person(session, "clerk"), a_person(session, "dept")
        merged, into = session.get_one(Complaint, file.complaint_id), a_mailed_complaint(session, message_id="b@c")
        involve(session, into, at=NOW, reason="notified", users=[member.id or 0])
        off_board.take(
            session, merged, off_board.MERGED, reason="", by=clerk, at=NOW, seen_version=1, into=into, context=CONTEXT
        )
    browser = browser_of(member)
    assert browser.get(f"/attachments/{file.id}/x").status_code == 200
    assert browser.get(f"/complaints/{merged.number}").status_code == 404
    with transaction(make) as session:
        merged = session.get_one(Complaint, file.complaint_id)
        off_board.bring_back(session, merged, by=clerk, at=NOW, seen_version=2, context=CONTEXT)
    assert browser.get(f"/attachments/{file.id}/x").status_code == 404


def test_a_large_file_leaves_piece_by_piece(desk: FlaskClient, attached: Attach) -> None:
    file = attached(bytes(25 * 1024 * 1024), filename="joint.mp4")
    tracemalloc.start()
    answer = desk.get(f"/attachments/{file.id}/joint.mp4", buffered=False)
    octets = sum(len(piece) for piece in answer.iter_encoded())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert octets == 25 * 1024 * 1024
    assert most < 4 * 1024 * 1024
