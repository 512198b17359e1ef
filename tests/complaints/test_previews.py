"""Previews: what can be drawn is drawn small and bare, and what a file does to its child stays with the child."""

import hashlib
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from complaints import previews
from complaints.blobs import Blobs
from complaints.drawing import Order
from complaints.previews import Busy, Picture, Previews
from tests.drawings import a_bomb, a_pdf, a_pdf_that_acts, a_photograph, a_picture, a_scan, a_truncated_photograph

PNG, JPEG, PDF, TIFF = "image/png", "image/jpeg", "application/pdf", "image/tiff"
Draw = Callable[..., Picture | None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "previews"


@pytest.fixture
def draw(tmp_path: Path, folder: Path) -> Draw:
    """Draws a page of some bytes."""
    blobs = Blobs(tmp_path / "blobs")

    def drawn(content: bytes, kind: str = PNG, page: int = 1, box: int = 240) -> Picture | None:
        blob = blobs.put(content)
        return Previews(folder).picture(blob, lambda: blobs.path(blob), Order(kind, page, box))

    return drawn


def seen(picture: Picture | None) -> Image.Image:
    assert picture
    image = Image.open(BytesIO(picture.content))
    assert image.format == "WEBP"
    assert image.size == (picture.width, picture.height)
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_picture_of_any_size_becomes_a_small_one(draw: Draw, kind: str) -> None:
    image = seen(draw(a_picture(3000, 2000, kind), f"image/{kind.lower()}"))
    assert image.size == (240, 160)
    red, green, blue = image.convert("RGB").getpixel((9, 9))
    assert red > 240
    assert max(green, blue) < 15


def test_a_photograph_stands_upright_and_does_not_tell_where_it_was_taken(draw: Draw) -> None:
    picture = draw(a_photograph(), JPEG)
    image = seen(picture)
    assert image.size == (180, 240)
    assert not image.getexif()
    assert picture
    assert b"31.2304" not in picture.content


def test_grey_of_sixteen_bits_is_grey(draw: Draw) -> None:
    assert seen(draw(a_picture(mode="I;16"))).convert("L").getpixel((5, 5)) == pytest.approx(156, abs=3)


def test_a_pdf_is_drawn_page_by_page(draw: Draw) -> None:
    content = a_pdf()
    first, second = draw(content, PDF, 1), draw(content, PDF, 2)
    assert seen(first).size == (170, 240)
    assert seen(second).size == (240, 170)
    assert first
    assert first.pages == 2
    assert draw(content, PDF, 3) is None
    assert draw(content, PDF, 0) is None


def test_a_fax_of_several_pages_is_drawn_page_by_page(draw: Draw) -> None:
    content = a_scan((1728, 2200), (2200, 1728))
    first, second = draw(content, TIFF, 1), draw(content, TIFF, 2)
    assert first
    assert (first.pages, seen(first).size, seen(second).size) == (2, (189, 240), (240, 189))
    assert draw(content, TIFF, 3) is None
    assert draw(content[:300], TIFF) is None


def test_thin_lines_of_a_fax_can_still_be_seen(draw: Draw) -> None:
    sheet = Image.new("1", (2000, 2000), 1)
    for x in range(0, 2000, 100):
        sheet.paste(0, (x + 3, 0, x + 5, 2000))
    out = BytesIO()
    sheet.save(out, "TIFF", compression="group4")
    row = [seen(draw(out.getvalue(), TIFF)).convert("L").getpixel((x, 100)) for x in range(240)]
    assert sum(dark < 250 for dark in row) >= 20


def test_colours_for_a_printing_press_are_drawn(draw: Draw) -> None:
    assert seen(draw(a_picture(mode="CMYK", kind="TIFF", colour=(0, 255, 255, 0)), TIFF)).getpixel((9, 9))[0] > 200


def test_a_page_as_long_as_a_street_is_no_larger_than_others(draw: Draw) -> None:
    assert seen(draw(a_pdf((14_000, 20)), PDF, box=1600)).size <= (1600, 3)


def test_a_pdf_that_acts_is_only_drawn(draw: Draw) -> None:
    assert seen(draw(a_pdf_that_acts(), PDF)).size == (240, 120)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (a_truncated_photograph(), JPEG),
        (a_pdf()[:200], PDF),
        (b"%PDF-1.7\nno pages", PDF),
        (b"", PNG),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PNG),
        (b"<script>", "text/html"),
        (b"%!PS\n(/etc/passwd) run", PNG),
    ],
)
def test_what_cannot_be_drawn_has_no_picture(draw: Draw, content: bytes, kind: str) -> None:
    assert draw(content, kind) is None


@pytest.mark.parametrize(("side", "rows"), [(10_900, 10_900), (30_000, 9)])
def test_a_bomb_is_not_unpacked(draw: Draw, side: int, rows: int) -> None:
    assert draw(a_bomb(side, rows)) is None


def test_a_drawing_is_made_once_and_so_is_the_attempt(draw: Draw, folder: Path) -> None:
    fine, broken = a_picture(), a_truncated_photograph()
    first = draw(fine)
    assert draw(broken, JPEG) is None

    def again(content: bytes, kind: str) -> Picture | None:
        blob = hashlib.sha256(content).hexdigest()
        return Previews(folder).picture(blob, lambda: pytest.fail("was read again"), Order(kind, 1, 240))

    assert again(fine, PNG) == first
    assert again(broken, JPEG) is None
    assert not [path for path in folder.rglob(".*") if path.is_file()]


def test_a_lost_folder_is_drawn_anew(draw: Draw, folder: Path) -> None:
    first = draw(a_picture())
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    assert draw(a_picture()) == first


@pytest.mark.parametrize("said", [b"{}\nRIFF", b"[1]\n", b"\xff", b'{"width":1,"height":1,"pages":1}\n<script>'])
def test_what_a_child_makes_up_is_not_believed(draw: Draw, folder: Path, said: bytes) -> None:
    draw(a_picture())
    (kept,) = (path for path in folder.rglob("*") if path.is_file())
    kept.write_bytes(said)
    assert draw(a_picture()) is None


def test_the_oldest_drawings_make_room(draw: Draw, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "ROOM", 3 * previews.LEAST)
    content = a_pdf(*[(100, 100)] * 5)
    for page in range(1, 6):
        assert draw(content, PDF, page)
    kept = sorted(path.name.split("-")[1] for path in folder.rglob("*") if path.is_file())
    assert kept == ["3", "4", "5"]


def test_too_many_at_once_are_told_to_come_again(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "PATIENCE", 0.01)
    with previews.AT_ONCE, previews.AT_ONCE, pytest.raises(Busy):
        draw(a_picture())
    assert draw(a_picture())


def test_readers_of_one_file_at_once_all_see_it(draw: Draw) -> None:
    content, seen_by = a_picture(50, 50), []
    readers = [threading.Thread(target=lambda: seen_by.append(draw(content))) for _ in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len({picture.content for picture in seen_by if picture}) == 1
    assert len(seen_by) == 6
