"""Files to look at, harmless and hostile, made on the spot."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pypdfium2
from PIL import Image


def a_picture(
    width: int = 60, height: int = 40, kind: str = "PNG", mode: str = "RGB", colour: Any = None, **how: object
) -> bytes:
    """One colour."""
    return _saved(Image.new(mode, (width, height), colour or ("red" if mode == "RGB" else 40_000)), kind, **how)


def a_scan(*sizes: tuple[int, int]) -> bytes:
    """Black and white pages of these sizes, as a fax machine sends them."""
    first, *others = (Image.new("1", size, 1) for size in sizes)
    return _saved(first, "TIFF", compression="group4", save_all=True, append_images=others)


def a_photograph() -> bytes:
    """Taken with the camera on its side, in a place that it tells."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "31.2304 N 121.4737 E"
    return a_picture(800, 600, "JPEG", exif=exif)


def a_truncated_photograph() -> bytes:
    return _saved(Image.effect_noise((400, 400), 80), "JPEG")[:9000]


def a_pdf(*sizes: tuple[float, float]) -> bytes:
    """Empty pages of these sizes, in points."""
    document = pypdfium2.PdfDocument.new()
    for width, height in sizes or ((595, 842), (842, 595)):
        document.new_page(width, height)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def a_pdf_that_acts() -> bytes:
    """One page, and a script that runs where it is opened."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert('here');while(1);)>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/AA<</O<</S/Launch/F(/bin/sh)>>>>>>",
    ]
    said, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(said))
        said += b"%d 0 obj%sendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 4\n0000000000 65535 f \n"
    return said + head + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(said)


def a_bomb(side: int, rows: int) -> bytes:
    """A PNG that says it is a square of so many pixels, of which there are some rows, in very few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packed, row = zlib.compressobj(1), bytes(1 + 4 * side)
    body = b"".join(packed.compress(row) for _ in range(rows)) + packed.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _saved(image: Image.Image, kind: str, **how: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()
