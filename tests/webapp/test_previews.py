"""Looking at files: small pictures beside their names, and pages of their own, only for who may see the complaint."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import previews
from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.letters import Attachment
from tests.builders import a_file, a_mailed_complaint, a_person
from tests.drawings import a_pdf, a_picture, a_truncated_photograph
from tests.webapp.conftest import Browser, on_both_databases
from webapp.previews import CLEAR

PDF = {"content_type": "application/pdf", "filename": "report.pdf"}
TEXT = {"content_type": "text/plain", "filename": "measured.log"}
HERE = "/complaints/C-2026-0001"
Attach = Callable[..., list[Attachment]]


@pytest.fixture
def desk(make: sessionmaker[Session], browser_of: Browser) -> FlaskClient:
    """A clerk's browser."""
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
    return browser_of(clerk)


@pytest.fixture
def attached(make: sessionmaker[Session], blobs: Blobs) -> Attach:
    """Puts files on a new complaint and says where they are."""

    def attach(*files: dict[str, object]) -> list[Attachment]:
        with transaction(make) as session:
            a_mailed_complaint(
                session, files=[a_file(blobs, each.pop("content", a_picture()), **each) for each in files or [{}]]
            )
            return list(session.scalars(select(Attachment).order_by(Attachment.position)))

    return attach


def test_a_picture_and_a_pdf_stand_small_beside_their_names(desk: FlaskClient, attached: Attach) -> None:
    picture, pdf, text = attached({"content": a_picture(4000, 3000)}, {"content": a_pdf(), **PDF}, TEXT)
    page = desk.get(HERE).text
    for file in (picture, pdf):
        assert f'<img src="/attachments/{file.id}/small" alt="" width="56" height="40" loading="lazy"' in page
        answer = desk.get(f"/attachments/{file.id}/small")
        assert answer.status_code == 200
        assert answer.mimetype == "image/webp"
        assert len(answer.data) < 10_000
        assert answer.headers["Cache-Control"] == "private, max-age=3600"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Cookie" in answer.headers["Vary"]
    assert f"/attachments/{text.id}/small" not in page
    assert f'href="/attachments/{text.id}/view"' in page
    assert f'href="/attachments/{text.id}/measured.log"' in page


def test_what_cannot_be_drawn_keeps_its_icon_and_says_nothing(desk: FlaskClient, attached: Attach) -> None:
    broken, sheet = attached(
        {"content": a_truncated_photograph(), "content_type": "image/jpeg"},
        {"content": b"PK", "content_type": "application/zip", "filename": "logs.zip"},
    )
    page = desk.get(HERE).text
    assert 'href="' + f"/attachments/{sheet.id}/logs.zip" in page
    assert f"/attachments/{sheet.id}/view" not in page
    answer = desk.get(f"/attachments/{broken.id}/small")
    assert (answer.status_code, answer.data) == (200, CLEAR)
    assert desk.get(f"/attachments/{broken.id}/view/1").status_code == 404
    for file in (broken, sheet):
        seen = desk.get(f"/attachments/{file.id}/view").text
        assert "cannot be shown here" in seen
        assert "look__p" not in seen


def test_a_picture_is_looked_at_in_its_measures(desk: FlaskClient, attached: Attach) -> None:
    (file,) = attached({"content": a_picture(3200, 800), "filename": "joint <b>.png"})
    seen = desk.get(f"/attachments/{file.id}/view").text
    assert f'src="/attachments/{file.id}/view/1" width="1600" height="400" alt="joint &lt;b&gt;.png"' in seen
    assert f'href="{HERE}"' in seen
    assert re.search(r'href="/attachments/[^"]+\?inline=1" target="_blank"', seen)
    assert "joint%20%3Cb%3E.png" in seen
    answer = desk.get(f"/attachments/{file.id}/view/1")
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert desk.get(f"/attachments/{file.id}/view/2").status_code == 404


def test_a_pdf_is_turned_page_by_page(desk: FlaskClient, attached: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = attached({"content": a_pdf(*[(100, 100)] * 3), **PDF})
    here = f"/attachments/{file.id}/view"
    first, last = desk.get(here).text, desk.get(f"{here}?page=3").text
    assert "Page 1 of 3" in first
    assert "inline=1" not in first
    assert "Previous page" not in first
    assert f'href="{here}?page=2"' in first
    assert 'alt="Page 3 of report.pdf"' in last
    assert "Next page" not in last
    assert desk.get(f"{here}/3").status_code == 200
    for odd in ("0", "-1", "x", "99", "9" * 30):
        assert desk.get(f"{here}?page={odd}").status_code == 200
        assert desk.get(f"{here}/{odd}").status_code == 404
    monkeypatch.setattr("webapp.previews.MOST_PAGES", 2)
    assert "More pages are in the file" in desk.get(here).text
    assert "Next page" not in desk.get(f"{here}?page=2").text


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "utf-16"])
def test_a_text_is_shown_as_text(desk: FlaskClient, attached: Attach, charset: str) -> None:
    words = "压力 40 bar，<script>alert(1)</script>\x00\n检测不合格，请看附件。\n"
    (file,) = attached({"content": words.encode(charset), **TEXT})
    seen = desk.get(f"/attachments/{file.id}/view").text
    assert "压力 40 bar，&lt;script&gt;alert(1)&lt;/script&gt;\n检测不合格，请看附件。\n</pre>" in seen
    assert "The text is longer" not in seen


def test_a_long_text_is_cut_at_a_line(desk: FlaskClient, attached: Attach) -> None:
    (file,) = attached({"content": "测量值 one line\n".encode() * 20_000, **TEXT})
    seen = desk.get(f"/attachments/{file.id}/view").text
    assert len(seen) < 250_000
    assert "测量值 one line\n</pre>" in seen
    assert "The text is longer" in seen


def test_the_files_of_a_letter_lead_to_each_other(desk: FlaskClient, attached: Attach) -> None:
    files = attached({"filename": "a.png"}, {"filename": "b.png"}, {"filename": "c.png"})
    views = [desk.get(f"/attachments/{file.id}/view").text for file in files]
    assert "Previous file" not in views[0]
    assert "File 2 of 3" in views[1]
    assert re.search(rf'data-look="before" href="/attachments/{files[0].id}/view"', views[1])
    assert re.search(rf'data-look="after" href="/attachments/{files[2].id}/view"', views[1])
    assert "Next file" not in views[2]


def test_the_dialog_gets_the_fragment_with_a_way_out(desk: FlaskClient, attached: Attach) -> None:
    (file,) = attached()
    answer = desk.get(f"/attachments/{file.id}/view", headers={"HX-Request": "true"}).text
    assert "<html" not in answer
    assert '<form method="dialog">' in answer
    assert '<form method="dialog">' not in desk.get(f"/attachments/{file.id}/view").text


def test_a_file_named_like_one_of_our_pages_is_downloaded_all_the_same(desk: FlaskClient, attached: Attach) -> None:
    for file in attached({"filename": "view"}, {"filename": "small"}):
        assert f'href="/attachments/{file.id}/file"' in desk.get(HERE).text
        assert desk.get(f"/attachments/{file.id}/file").data == a_picture()


ADDRESSES = ("view", "view/1", "small", "joint.png")


@on_both_databases
def test_a_stranger_finds_nothing_at_any_address(
    make: sessionmaker[Session], desk: FlaskClient, browser_of: Browser, attached: Attach
) -> None:
    (file,) = attached()
    with transaction(make) as session:
        stranger = a_person(session, "dept")
    browser = browser_of(stranger)
    for end in ADDRESSES:
        assert desk.get(f"/attachments/{file.id}/{end}").status_code == 200
        assert browser.get(f"/attachments/{file.id}/{end}").status_code == 404
        assert desk.get(f"/attachments/no-such-file/{end}").status_code == 404
    with transaction(make) as session:  # the complaint is known through the letter alone
        session.execute(update(Attachment).values(complaint_id=None))
    for end in ADDRESSES:
        assert desk.get(f"/attachments/{file.id}/{end}").status_code == 200
        assert browser.get(f"/attachments/{file.id}/{end}").status_code == 404


def test_nobody_signed_out_sees_anything(app: Flask, attached: Attach) -> None:
    (file,) = attached()
    for end in ADDRESSES:
        assert app.test_client().get(f"/attachments/{file.id}/{end}").location.startswith("/login")


def test_a_file_that_is_gone_or_altered_is_not_drawn(desk: FlaskClient, blobs: Blobs, attached: Attach) -> None:
    gone, altered, text = attached({"content": a_picture(1)}, {"content": a_picture(2)}, {"content": b"1", **TEXT})
    blobs.path(gone.blob).unlink()
    blobs.path(altered.blob).write_bytes(a_picture(3))
    blobs.path(text.blob).unlink()
    for file in (gone, altered):
        assert desk.get(f"/attachments/{file.id}/small").data == CLEAR
    for file in (gone, altered, text):
        assert "cannot be shown here" in desk.get(f"/attachments/{file.id}/view").text


def test_while_many_are_drawn_a_reader_is_told_to_look_again(
    desk: FlaskClient, attached: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = attached()
    monkeypatch.setattr(previews, "PATIENCE", 0.01)
    with previews.AT_ONCE, previews.AT_ONCE:
        assert "in a moment" in desk.get(f"/attachments/{file.id}/view").text
        answer = desk.get(f"/attachments/{file.id}/small")
        assert answer.data == CLEAR
        assert "no-store" in answer.headers["Cache-Control"]
    assert desk.get(f"/attachments/{file.id}/small").mimetype == "image/webp"


def test_looking_at_a_file_is_in_the_log(
    desk: FlaskClient, attached: Attach, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = attached()
    desk.get(f"/attachments/{file.id}/small")
    assert "file opened" not in capsys.readouterr().out
    desk.get(f"/attachments/{file.id}/view/1")
    said = capsys.readouterr().out
    assert "file opened" in said
    assert file.id in said
    assert "C-2026-0001" in said
