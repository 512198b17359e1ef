"""The child that draws a file small: `python -m complaints.drawing`, started by `previews`, for one picture.

It is told on its command line what to draw (`Order`), reads the file on standard input and writes a line of JSON
(width, height, pages) and a WebP on standard output. It holds no secret and no connection, may use so much and no more,
and ends: a hostile file can bring it down, and nothing else. What it draws is new: nothing of the file's own bytes, its
place or its camera is in it.
"""

import json
import os
import resource
import sys
import warnings
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL.Image import Image

PDF, TIFF = "application/pdf", "image/tiff"
IMAGES = {
    "image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP", "image/bmp": "BMP", TIFF: "TIFF"
}  # fmt: skip
DRAWN = frozenset({*IMAGES, PDF})
PAGED = frozenset({PDF, TIFF})
"""Kinds that may have several pages: scanners and fax machines put them in a TIFF."""
MOST_PIXELS = 120_000_000
"""What a picture may say it has; the largest cameras make less."""
MEMORY = 768 * 1024 * 1024
CPU_SECONDS = 8
LARGEST = 8 * 1024 * 1024
"""Octets of one drawing."""


@dataclass(frozen=True)
class Order:
    """What to draw: a kind of file, which of its pages, and how many pixels high and wide at most."""

    kind: str
    page: int
    box: int


def main() -> int:
    _limit()
    order = Order(**json.loads(sys.argv[1]))
    picture, pages = _page(sys.stdin.buffer, order) if order.kind == PDF else _image(sys.stdin.buffer, order)
    drawn = BytesIO()
    picture.save(drawn, "WEBP", quality=85)
    head = {"width": picture.width, "height": picture.height, "pages": pages}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + drawn.getvalue())
    return 0


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_FSIZE, LARGEST), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, MEMORY),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))
    os.nice(5)  # whoever waits for a page goes first


def _image(file: BinaryIO, order: Order) -> "tuple[Image, int]":
    """The first frame, or of a kind with pages that one, turned as the camera was held."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(file, formats=tuple(IMAGES.values())) as image:
        pages = getattr(image, "n_frames", 1) if order.kind in PAGED else 1
        image.seek(order.page - 1)
        grey = image.convert("L") if image.mode == "1" else image  # or thin lines of a fax would be lost
        grey.thumbnail((order.box, order.box))
        return bare(ImageOps.exif_transpose(grey)), pages


def _page(file: BinaryIO, order: Order) -> "tuple[Image, int]":
    """A page as it is printed: its scripts and forms are never loaded, and its size is ours to choose."""
    import pypdfium2

    document = pypdfium2.PdfDocument(file)
    page = document[order.page - 1]
    scale = order.box / max(*page.get_size(), 1)
    return bare(page.render(scale=scale, may_draw_forms=False).to_pil()), len(document)


def bare(image: "Image") -> "Image":
    """The pixels alone, on white."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey, which would all be cut to white
        image = image.point(lambda grey: grey / 256).convert("L")
    seen = image.convert("RGBA")
    bare = Image.new("RGB", seen.size, "white")
    bare.paste(seen, mask=seen)
    return bare


def argument(order: Order) -> str:
    return json.dumps(asdict(order))


if __name__ == "__main__":
    sys.exit(main())
