"""Paper: a composition (complaints/composition.py) as HTML, and the HTML as an A4 PDF.

The template escapes what people wrote. The PDF is made from that text alone: of all addresses only the pictures that
were handed in can be fetched. Where the libraries for it are missing (`missing`), the HTML is what is printed.
"""

import ctypes
import io
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import render_template
from flask_babel import force_locale, gettext
from markupsafe import Markup

from complaints import fishbone
from complaints.composition import Word
from complaints.drawing import bare
from complaints.errors import N_
from complaints.papers import EDITIONS
from complaints.printing import BOTH, CHINESE, ENGLISH

STYLE = Path(__file__).parent.parent / "webapp" / "static" / "print" / "paper.css"
LOCALES = {ENGLISH: "en", CHINESE: "zh_CN"}
HTML_LANG = {ENGLISH: "en", CHINESE: "zh-CN"}
LIBRARIES = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libharfbuzz.so.0",
    "libfontconfig.so.1",
    "libpangoft2-1.0.so.0",
)
FACES = ("Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Micro Hei")
"""Faces that draw Chinese as it is written in mainland China, the best first; paper.css names the same."""
INSTALL = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk"
LARGEST_PICTURE = 13_000_000
"""Pixels that are unfolded; a larger picture is named and not shown. Of a photograph fewer are unfolded than it has."""
DRAFT = N_("Draft: measures not approved yet")
TOO_LARGE = N_("This picture is too large to print")
PICTURE_SIDE = 1_000
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
_GLUE = "\u00a0\u202f\u2007\u2060\ufeff"
_JOINED = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\u200d"
_TIGHT = f"(?:[^ \\t\\n\u200b{_IDEOGRAPHS}]|[{_IDEOGRAPHS}](?=[{_GLUE}]))"
UNBROKEN = re.compile(f"({_TIGHT}{{60}}[{_JOINED}]{{0,20}})(?={_TIGHT})")
"""A run in which no line may end: everything between blanks but ideographs, which may stand at the end of a line if
nothing glues them to what follows. What belongs to the letter before it stays with that, within reason."""
PAGE = N_("Page %(page)s of %(pages)s")


@dataclass(frozen=True)
class Imprint:
    """What stands on a paper beside what it says: who printed it and when, and in which revision; none: it is a look
    at what would be printed."""

    organisation: str
    language: str
    who: str
    at: datetime
    revision: int | None = None

    @property
    def languages(self) -> Sequence[str]:
        return (ENGLISH, CHINESE) if self.language == BOTH else (self.language,)


def missing() -> Sequence[str]:
    """The libraries that a PDF needs and that are not here."""
    return [name for name in LIBRARIES if not _loads(name)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def face() -> str:
    """The face that Chinese is drawn with; empty where there is none that fits."""
    try:
        asked = ["fc-list", "--format", "%{family}\n"]
        known = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False).stdout
    except OSError:
        return ""
    families = {family.strip() for line in known.splitlines() for family in line.split(",")}
    return next((face for face in FACES if face in families), "")


class Speaker:
    """Says words in the languages of a paper: one of them, or both side by side."""

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = languages

    def each(self, word: Word) -> Iterator[tuple[str, str]]:
        """A word, with the language that it is in; empty where a person wrote it."""
        if isinstance(word, str):
            yield "", word
            return
        said = [(HTML_LANG[language], self._in(word, language)) for language in self.languages]
        yield from said if len({text for _, text in said}) > 1 else said[:1]

    def text(self, word: Word, between: str = " ") -> str:
        return between.join(text for _, text in self.each(word))

    def line(self, words: Iterable[Word], between: str = "; ") -> str:
        return between.join(self.text(word) for word in words)

    def message(self, message: str, **values: Any) -> Iterator[tuple[str, Markup]]:
        """A sentence of ours in each language, with these values."""
        for lang, text in self.each({"message": message}):
            yield lang, Markup.escape(text) % values if values else Markup.escape(text)

    def _in(self, word: list[str] | dict[str, str], language: str) -> str:
        if isinstance(word, list):
            return word[language == CHINESE]
        values = dict(word)
        with force_locale(LOCALES[language]):
            return str(gettext(values.pop("message"), **values))


def lines(items: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Fields two by two, the wide ones on lines of their own."""
    half: Mapping[str, Any] | None = None
    for item in items:
        if item["wide"]:
            if half:
                yield [half]
            yield [item]
            half = None
        elif half:
            yield [half, item]
            half = None
        else:
            half = item
    if half:
        yield [half]


def broken(text: str) -> str:
    """A text with places to break in what has none: a line that fits nowhere takes minutes to lay out."""
    return UNBROKEN.sub("\\1\u200b", text)


def drawn(section: Mapping[str, Any], effect: str, say: Speaker) -> fishbone.Picture:
    """The cause-and-effect picture of a section."""
    branches = [
        (
            say.text(branch["name"]),
            [fishbone.factor(say.line(each["text"]), each["degree"]) for each in branch["factors"]],
        )
        for branch in section["branches"]
    ]
    return fishbone.drawn(effect, branches)


def html(content: Mapping[str, Any], imprint: Imprint, **more: Any) -> str:
    """A composition as an HTML page, in an application whose templates are ours. `picture` gives the address of each
    picture, `too_large` are the blobs of those that are only named; `in_browser` it has style sheets of its own."""
    counters = {name: Markup(f'<span class="{name}"></span>') for name in ("page", "pages")}
    speaker = Speaker(imprint.languages)
    effect = content["subject"] or content["complaint"]
    with force_locale(LOCALES[imprint.languages[0]]):
        return render_template(
            "print/paper.html", content=content, imprint=imprint, say=speaker, lines=lines, broken=broken,
            effect=effect, drawn=lambda section: drawn(section, effect, speaker), faces=", ".join(FACES),
            page_of=list(speaker.message(PAGE, **counters)), edition={"message": EDITIONS[content["edition"]]},
            html_language=HTML_LANG[imprint.languages[-1]], N_=N_, TOO_LARGE=TOO_LARGE, DRAFT=DRAFT, **more,
        )  # fmt: skip


@dataclass
class Pictures:
    """The pictures of one paper, made small: they have addresses that lead nowhere else. `too_large`: the blobs of
    those that are named and not shown."""

    made: dict[str, bytes] = field(default_factory=dict)
    too_large: set[str] = field(default_factory=set)

    def add(self, blob: str, content: bytes) -> None:
        try:
            if small := shrunk(content):
                self.made[f"picture:{blob}"] = small
        except PictureTooLarge:
            self.too_large.add(blob)

    def address(self, picture: Mapping[str, str]) -> str:
        """Where a picture is; empty for one that cannot be shown."""
        address = f"picture:{picture['blob']}"
        return address if address in self.made else ""


class PictureTooLarge(Exception):
    """A picture that would take too much memory to unfold."""


def shrunk(content: bytes) -> bytes:
    """A picture of a size that fits on paper, as JPEG without anything else that was in it (where it was taken, by
    which camera); empty if it is none. Raises `PictureTooLarge`."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # told apart here
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "GIF", "WEBP")) as picture:
            if not picture.info.get("progressive"):  # which is unfolded whole
                picture.draft("RGB", (PICTURE_SIDE, PICTURE_SIDE))
            if picture.width * picture.height > LARGEST_PICTURE:
                raise PictureTooLarge
            picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
            out = io.BytesIO()
            bare(ImageOps.exif_transpose(picture)).save(out, "JPEG", quality=80)
            return out.getvalue()
    except (OSError, ValueError, SyntaxError):
        return b""


def pdf(page: str, pictures: Mapping[str, bytes] | None = None) -> bytes:
    """An HTML page as a PDF. Nothing is fetched but these pictures, by their addresses."""
    from weasyprint import CSS, HTML
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    known = pictures or {}

    class OnlyThese(URLFetcher):  # type: ignore[misc]  # it comes without types
        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            if url not in known:
                raise ValueError("a paper fetches nothing but its own pictures")
            return URLFetcherResponse(url, known[url], {"Content-Type": "image/jpeg"})

    fetcher = OnlyThese(allowed_protocols=())
    style = CSS(string=STYLE.read_text(encoding="utf-8"), url_fetcher=fetcher)
    document = HTML(string=page, url_fetcher=fetcher).render(stylesheets=[style])
    made: bytes = document.write_pdf()
    return made
