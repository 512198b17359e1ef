"""HTML: a mail's page as text to read, and as a page that does nothing.

The text is what we work with. The page is for eyes only and is made safe when it is shown, not when it arrives, so that
a better sanitiser also protects old mail; it belongs in a sandboxed document under a policy that loads nothing.
Both trees are built by browser-grade parsers, and those take quadratic time for pages that are nested or marked up
beyond all reason; `tame` takes that away before a parser sees it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import unquote

import nh3
from selectolax.lexbor import LexborHTMLParser, LexborNode

LIMIT: Final = 4 * 1024 * 1024


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


# What a parser can bear

_SMALL = 4096
_DEEPEST = 250
_MOST_FORMATTING = 60
_MOST_REPEATED = 300_000  # open formatting elements are opened again in every block: elements times blocks
_MOST_ATTRIBUTES = 200
_MOST_ENTITIES = 1000  # in one run of text
_TAG = re.compile(
    r"""<(?:/(?P<closed>[a-zA-Z][^\s/>]*+)[^>]*+>
      | (?P<opened>[a-zA-Z][^\s/>]*+)
        (?P<attributes>(?:[\s/]++ | [^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+" | '[^']*+' | [^\s>]*+))?+)*+)>)""",
    re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""[^\s/>=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+""")
_TAG_BEGINS = re.compile(r"</?[a-zA-Z]")
_CHOICES = _set("select option optgroup datalist selectedcontent")
_FORMATTING = _set("a b big code em font i nobr s small strike strong tt u")
_FORMATTING_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_FORMATTING))})(?![^\s/>])[^>]*+>", re.IGNORECASE)
# These close themselves, or nest only together with an element that counts.
_UNCOUNTED = _set(
    """area base br col dd dt embed hr img input li link meta p param rp rt source tbody td tfoot th thead tr track
    wbr"""
)


def tame(html: str) -> str:
    """The same page, no deeper and no more decorated than people write them. One pass over its tags."""
    html = html[:LIMIT]
    if len(html) < _SMALL:
        return html
    tamed = _tamed(html)
    if tamed is None:
        tamed = _tamed(_FORMATTING_TAG.sub("", html))
    return escape(html) if tamed is None else tamed


def _tamed(html: str) -> str | None:
    """None when the page's formatting would multiply beyond what a parser can hold."""
    out: list[str] = []
    kept = at = 0  # up to `kept` the page is in `out`
    stack: list[str] = []
    dropped: Counter[str] = Counter()
    formatting = repeated = 0
    uncounted = _UNCOUNTED
    while True:
        before = at
        at = html.find("<", before)
        if (at if at >= 0 else len(html)) - before > _MOST_ENTITIES:
            # Parsers append to a text entity by entity: a comment now and then keeps each text short.
            end = at if at >= 0 else len(html)
            texts = html[before:end].split("&")
            if len(texts) > _MOST_ENTITIES:
                shorter = ["&".join(texts[i : i + _MOST_ENTITIES]) for i in range(0, len(texts), _MOST_ENTITIES)]
                out += html[kept:before], "<!---->&".join(shorter)
                kept = end
        if at < 0:
            break
        if html.startswith("<!--", at):
            at = html.find("-->", at) + 3
            if at == 2:
                break
            continue
        tag = _TAG.match(html, at)
        if tag is None:
            if _TAG_BEGINS.match(html, at):  # a tag that never ends: a parser reads nothing after it
                html = html[:at]
                break
            at += 1
            continue
        start, at = at, tag.end()
        if opened := tag["opened"]:
            name = opened.lower()
            if name in ("svg", "math"):
                uncounted = frozenset()  # in there nothing closes itself
            if name in _CHOICES or (
                (len(stack) >= _DEEPEST or (formatting >= _MOST_FORMATTING and name in _FORMATTING))
                and name not in uncounted
            ):
                dropped[name] += 1
                out.append(html[kept:start])
                kept = at
                continue
            if name in _FORMATTING:
                formatting += 1
            else:
                repeated += formatting
            if name not in uncounted:
                stack.append(name)
            attributes = tag["attributes"]
            if len(attributes) > _SMALL and len(_ATTRIBUTE.findall(attributes)) > _MOST_ATTRIBUTES:
                out += html[kept:start], f"<{opened}>"
                kept = at
            continue
        name = tag["closed"].lower()
        if dropped[name]:
            dropped[name] -= 1
            out.append(html[kept:start])
            kept = at
            continue
        if formatting and name in _FORMATTING and name in stack:
            formatting -= 1
        _closes(stack, name)
    out.append(html[kept:])
    return "".join(out) if repeated <= _MOST_REPEATED else None


def _closes(stack: list[str], name: str) -> None:
    """Take off the stack what an end tag closes. Formatting does not close the blocks opened inside it."""
    for index in range(len(stack) - 1, -1, -1):
        if stack[index] == name:
            del stack[index:]
            return
        if stack[index] not in _FORMATTING and (name in _FORMATTING or name == "span"):
            return


# As text

_NOT_SHOWN = _set(
    """head script style template title iframe object embed applet audio video canvas svg math select datalist noembed
    noframes map -comment -doctype"""
)
_PARAGRAPHS = _set("p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure hr")
_LINES = _set(
    """div li dt dd tr section article header footer main aside nav address center form fieldset caption figcaption
    legend details summary body"""
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
# Scripts that are written without spaces: between their letters a line break in the source is nothing.
_UNSPACED = "\u2e80-\u312f\u3190-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_UNSPACED_BREAK = re.compile(rf"(?<=[{_UNSPACED}])[ \t]*[\r\n]\s*(?=[{_UNSPACED}])")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]+")
_STYLED = re.compile(r"display|visibility|hidden|mso-|opacity|max-height|white-space|margin|msonormal", re.IGNORECASE)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|(?<![\w-])opacity\s*:\s*0+(?:\.0+)?\s*(?:;|$|!)"
    r"|max-height\s*:\s*0(?:px)?\s*(?:;|$|!)",
    re.IGNORECASE,
)
_PREFORMATTED = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
_NO_MARGIN = re.compile(r"(?<![\w-])margin(?:-top)?\s*:\s*0|mso-list\s*:", re.IGNORECASE)
_LIST_MARK = re.compile(r"mso-list\s*:\s*ignore", re.IGNORECASE)
_QUOTE = re.compile(r"cite|quote|reply", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>]+", re.IGNORECASE)
_DEEPEST_TABLE = 8
_DEEPEST_MARGIN = 6
_LONGEST_LINK = 500
_LONGEST_ALT = 200
_MOST_PICTURES = 100
_NOT_IN_PICTURE_NAME = re.compile(r"^cid:|@.*|.*[/\\:]", re.IGNORECASE | re.DOTALL)


class _Sheet:
    """Text being set: words, lines and the margin before each line. A table cell is set on a sheet of its own."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.margins: list[str] = []
        self.margin = ""
        self.margin_above = ""
        self.breaks = 0  # line breaks due before the next word
        self.space = ""  # the white space due before the next word, if no line break is
        self.bullet = ""

    def line(self, breaks: int = 1) -> None:
        self.breaks = max(self.breaks, breaks)
        self.space = ""

    def word(self, text: str) -> None:
        if self.breaks and self.out:
            between = min(self.margin, self.margin_above, key=len).rstrip()
            self.out.append("\n" if self.breaks == 1 else f"\n{between}\n")
        if self.breaks or not self.out:
            margin = self.margin
            if self.bullet:
                margin = margin[: len(margin) - len(self.bullet)] + self.bullet
                self.bullet = ""
            self.out.append(margin)
            self.margin_above = margin
        elif self.space and not (self.space == "\n" and self._unspaced(text)):
            self.out.append(" ")
        self.breaks = 0
        self.space = ""
        self.out.append(text)

    def _unspaced(self, text: str) -> bool:
        return bool(_IS_UNSPACED.match(text) and _IS_UNSPACED.match(self.out[-1][-1:]))

    def flow(self, text: str) -> None:
        """Words with the white space between them collapsed, as a browser does."""
        inner = text.strip(" \t\r\n\f")
        if not inner:
            self.spaced(text)
            return
        start = text.index(inner)
        self.spaced(text[:start])
        length = len(inner)
        if not inner.isascii():
            inner = _UNSPACED_BREAK.sub("", inner)
        self.word(_SPACE.sub(" ", inner))
        self.spaced(text[start + length :])

    def spaced(self, white: str) -> None:
        if white:
            self.space = "\n" if "\n" in white or "\r" in white or self.space == "\n" else " "

    def verbatim(self, text: str) -> None:
        for index, line in enumerate(text.split("\n")):
            if index:
                self.newline()
            if line:
                self.word(line)

    def newline(self) -> None:
        if self.breaks or not self.out:
            self.word("")
        self.breaks = 1
        self.space = ""

    def indent(self, margin: str, bullet: str = "") -> None:
        self.margins.append(margin)
        self._set_margin()
        if len(self.margins) <= _DEEPEST_MARGIN:
            self.bullet = bullet

    def dedent(self) -> None:
        self.margins.pop()
        self.bullet = ""
        self._set_margin()

    def _set_margin(self) -> None:
        self.margin = "".join(self.margins[:_DEEPEST_MARGIN])

    def finished(self) -> str:
        text = _INVISIBLE.sub("", "".join(self.out)).replace("\xa0", " ")
        text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
        return _BLANK_LINES.sub("\n\n", text).strip("\n")


def to_text(html: str) -> str:
    """A page as a person would read it aloud. What a mail program would not show is left out; a page of nothing but
    pictures is read as their names."""
    body = LexborHTMLParser(tame(html)).body
    if body is None:
        return ""
    styled = bool(_STYLED.search(html))
    return _Reader(styled=styled).read(body) or _Reader(styled=False).read(body) or _pictures(body)


class _Reader:
    """Walks a page from its first node to its last, without recursion, and sets what it reads on a sheet."""

    def __init__(self, *, styled: bool) -> None:
        self.styled = styled  # whether the page has styles that matter to a reader
        self.sheet = _Sheet()
        self.outer_sheets: list[_Sheet] = []
        self.rows: list[list[str]] = []
        self.lists: list[int] = []  # the number of the last item, -1 where bullets are used
        self.preformatted = 0

    def read(self, body: LexborNode) -> str:
        entered: list[tuple[LexborNode, str, list[Closing]]] = []
        node = body.first_child
        while node is not None or entered:
            if node is None:
                node, tag, closings = entered.pop()
                for closing in reversed(closings):
                    closing()
                self.separate(tag)
            else:
                tag = node.tag or ""
                if tag == "-text":
                    self.text(node.text_content or "")
                elif tag == "br":
                    self.sheet.newline()
                elif tag == "img":
                    self.picture(node.attributes)
                elif tag not in _NOT_SHOWN:
                    if self.styled and tag == "p" and _is_tight(node.attributes):
                        tag = "div"
                    opened = self.open(node, tag)
                    if opened is not None:
                        entered.append((node, tag, opened))
                        node = node.first_child
                        continue
            node = node.next
        return self.sheet.finished()

    def text(self, text: str) -> None:
        if self.preformatted:
            self.sheet.verbatim(text.replace("\r\n", "\n").replace("\r", "\n"))
        else:
            self.sheet.flow(text)

    def picture(self, attributes: Attributes) -> None:
        """What a picture is called. Pictures of letters (emoji) are letters; those without a name say nothing."""
        alt = " ".join((attributes.get("alt") or "").split())[:_LONGEST_ALT]
        if alt and not (self.styled and _HIDDEN.search(attributes.get("style") or "")):
            self.sheet.word(f"[image: {alt}]" if any(map(str.isalnum, alt)) else alt)

    def separate(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.sheet.line(1 if self.lists and tag in ("ul", "ol", "p") else 2)
        elif tag in _LINES:
            self.sheet.line()

    def open(self, node: LexborNode, tag: str) -> list[Closing] | None:
        """Begin an element. Gives what is to be done at its end, or None when it is not to be read."""
        attributes: Attributes = node.attributes if self.styled or tag in _ASKED else {}
        closings: list[Closing] = []
        if self.styled:
            style = attributes.get("style") or ""
            if "hidden" in attributes or _HIDDEN.search(style):
                return None
            if _PREFORMATTED.search(style):
                closings.append(self.preformat(attributes))
            if _LIST_MARK.search(style):
                self.mark(node.text())
                return None
        self.separate(tag)
        if opening := _OPENINGS.get(tag):
            closings.append(opening(self, attributes))
        return closings

    def preformat(self, _: Attributes) -> Closing:
        self.preformatted += 1

        def closing() -> None:
            self.preformatted -= 1

        return closing

    def mark(self, mark: str) -> None:
        """The bullet or number of a list that Word has written as paragraphs."""
        mark = mark.strip()
        self.sheet.word(mark[:20] if any(map(str.isdecimal, mark)) else "-")
        self.sheet.space = " "

    def rule(self, _: Attributes) -> Closing:
        self.sheet.word("---")
        return _nothing

    def quote(self, attributes: Attributes) -> Closing:
        marks = f"{attributes.get('type')} {attributes.get('class')} {attributes.get('id')}"
        self.sheet.indent("> " if _QUOTE.search(marks) else "")
        return self.sheet.dedent

    def bullets(self, _: Attributes) -> Closing:
        self.lists.append(-1)
        return self.end_list

    def numbers(self, attributes: Attributes) -> Closing:
        start = attributes.get("start") or ""
        self.lists.append(int(start) - 1 if start.isdecimal() and len(start) < 7 else 0)
        return self.end_list

    def end_list(self) -> None:
        self.lists.pop()

    def item(self, attributes: Attributes) -> Closing:
        bullet = "- "
        if self.lists and self.lists[-1] >= 0:
            value = attributes.get("value") or ""
            self.lists[-1] = int(value) if value.isdecimal() and len(value) < 7 else self.lists[-1] + 1
            bullet = f"{self.lists[-1]}. "
        self.sheet.indent(" " * len(bullet), bullet)
        return self.sheet.dedent

    def link(self, attributes: Attributes) -> Closing:
        href = (attributes.get("href") or "").strip()
        if not _LINK.fullmatch(href) or len(href) > _LONGEST_LINK:
            return _nothing
        sheet = self.sheet
        mark = len(sheet.out)
        return lambda: _cite(sheet, href, "".join(sheet.out[mark:]).strip())

    def row(self, _: Attributes) -> Closing:
        if len(self.rows) >= _DEEPEST_TABLE:
            return _nothing
        self.rows.append([])
        return self.end_row

    def end_row(self) -> None:
        """A row is a line, unless one of its cells is several."""
        cells = [cell for cell in self.rows.pop() if cell]
        if not any("\n" in cell for cell in cells):
            cells = [" | ".join(cells)]
        for cell in cells:
            self.sheet.line()
            if cell:
                self.sheet.verbatim(cell)

    def cell(self, _: Attributes) -> Closing:
        if len(self.outer_sheets) >= len(self.rows):
            self.sheet.line()
            return _nothing
        self.outer_sheets.append(self.sheet)
        self.sheet = _Sheet()
        return self.end_cell

    def end_cell(self) -> None:
        self.rows[-1].append(self.sheet.finished())
        self.sheet = self.outer_sheets.pop()


def _nothing() -> None: ...


Attributes = Mapping[str, str | None]
Closing = Callable[[], None]
_ASKED = _set("a blockquote ol li")
_OPENINGS: Mapping[str, Callable[[_Reader, Attributes], Closing]] = {
    "a": _Reader.link,
    "blockquote": _Reader.quote,
    "hr": _Reader.rule,
    "li": _Reader.item,
    "ol": _Reader.numbers,
    "listing": _Reader.preformat,
    "pre": _Reader.preformat,
    "textarea": _Reader.preformat,
    "xmp": _Reader.preformat,
    "td": _Reader.cell,
    "th": _Reader.cell,
    "tr": _Reader.row,
    "ul": _Reader.bullets,
}


def _cite(sheet: _Sheet, href: str, text: str) -> None:
    """The address of a link behind its words, unless the words are the address."""
    shown = href[7:].partition("?")[0] if href[:7].lower() == "mailto:" else href
    if text and _bare(shown) not in _bare(text):
        sheet.space = " "
        sheet.word(f"({shown})")


def _is_tight(attributes: Attributes) -> bool:
    """Whether a paragraph is one line among others: so Word and some web mailers write each line."""
    return (attributes.get("class") or "").startswith("Mso") or bool(_NO_MARGIN.search(attributes.get("style") or ""))


def _pictures(body: LexborNode) -> str:
    """The file names of a page's pictures, a line each."""
    names = []
    for picture in body.css("img[src]")[:_MOST_PICTURES]:
        source = (picture.attributes.get("src") or "").strip()
        name = "" if source[:5].lower() == "data:" else _NOT_IN_PICTURE_NAME.sub("", re.split("[?#]", source)[0])
        names.append(unquote(name)[:_LONGEST_ALT])
    return "\n".join([f"[image: {name}]" for name in dict.fromkeys(names) if "." in name])


def _bare(address: str) -> str:
    address = address.lower().strip().rstrip("/")
    return address.removeprefix("https://").removeprefix("http://").removeprefix("www.")


# As a page


@dataclass(frozen=True, slots=True)
class Safe:
    """A page that loads nothing and does nothing, and how many pictures that cost it."""

    html: str
    blocked_images: int


_KEPT_TAGS = _set(
    """a abbr address article b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em
    figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nobr ol p pre q s samp section
    small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"""
)
_EMPTIED_TAGS = _set(
    """script style svg math template title head iframe object embed applet audio video canvas noembed noframes select
    textarea xmp plaintext noscript"""
)
_CELL = frozenset(("align", "valign", "width", "height", "bgcolor", "colspan", "rowspan", "nowrap"))
_KEPT_ATTRIBUTES = {
    "*": frozenset(("style", "dir", "lang", "title", "align")),
    "a": frozenset(("href",)),
    "img": frozenset(("src", "alt", "width", "height")),
    "font": frozenset(("color", "size")),
    "ol": frozenset(("start", "type")),
    "ul": frozenset(("type",)),
    "li": frozenset(("value", "type")),
    "col": frozenset(("span", "width", "align")),
    "colgroup": frozenset(("span", "width", "align")),
    "table": frozenset(("border", "cellpadding", "cellspacing", "width", "bgcolor")),
    "tr": frozenset(("valign", "bgcolor")),
    "td": _CELL,
    "th": _CELL,
}
_KEPT_STYLES = _set(
    """background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width border-collapse
    border-color border-left border-left-color border-left-style border-left-width border-right border-right-color
    border-right-style border-right-width border-spacing border-style border-top border-top-color border-top-style
    border-top-width border-width color direction font-family font-size font-style font-weight list-style-type
    max-width padding padding-bottom padding-left padding-right padding-top text-align text-decoration
    vertical-align white-space width word-break"""
)
_STYLE_VALUE = re.compile(r"(?:[\w\s.,#%\"'-]|\b(?:rgb|rgba|hsl|hsla)\([\d\s.,%]{1,40}\)){1,200}", re.IGNORECASE)
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\x00-\x20]+", re.IGNORECASE)
_LENGTH = re.compile(r"\d{1,4}(?:px|%)?")


_OTHER_PICTURE = re.compile(r"url\s*\(|background\s*=|srcset|poster|type\s*=\W*image", re.IGNORECASE)
_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_REMOTE_IN_STYLE = re.compile(r"(?<!@import )url\(\s*[\"']?\s*(?:https?:)?//", re.IGNORECASE)


def sanitise(html: str, *, images: Mapping[str, str]) -> Safe:
    """The page with nothing in it that acts, loads, or reaches out of its place. `images` says where the pictures that
    came with the mail are found, by content id."""
    blocked = 0

    def attribute(tag: str, name: str, value: str) -> str | None:
        nonlocal blocked
        match name:
            case "src":
                value = value.strip()
                if value[:4].lower() == "cid:":
                    content_id = value[4:].strip("<>")
                    if here := images.get(content_id) or images.get(unquote(content_id)):
                        return here
                blocked += tag == "img"  # frames and the like are asked about, too, before they go
                return None
            case "href":
                value = value.strip()
                return value if _SAFE_LINK.fullmatch(value) else None
            case "style":
                return _safe_style(value)
            case "width" | "height":
                return value if _LENGTH.fullmatch(value.strip()) else None
        return value

    html = tame(html)
    cleaned = nh3.clean(
        html,
        tags=_KEPT_TAGS,
        clean_content_tags=_EMPTIED_TAGS,
        attributes=_KEPT_ATTRIBUTES,
        attribute_filter=attribute,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes={"http", "https", "mailto", "cid", "data"},
        url_relative="pass_through",  # `attribute` has the last word on every address
        filter_style_properties=_KEPT_STYLES,
        generic_attribute_prefixes=set(),
    )
    return Safe(cleaned, blocked + _other_pictures(html))


def _other_pictures(html: str) -> int:
    """How many pictures a page would load other than by the source of an image."""
    if not _OTHER_PICTURE.search(html):
        return 0
    page = LexborHTMLParser(html)
    count = len(page.css("img[srcset]:not([src]), video[poster], input[type=image i][src]"))
    count += sum(bool(_REMOTE.match(node.attributes.get("background") or "")) for node in page.css("[background]"))
    styles = [node.attributes.get("style") or "" for node in page.css("[style]")]
    styles += [node.text() for node in page.css("style")]
    return count + sum(len(_REMOTE_IN_STYLE.findall(style)) for style in styles)


def _safe_style(style: str) -> str | None:
    kept = []
    for declaration in style[:4096].split(";"):
        name, colon, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if colon and name in _KEPT_STYLES and _STYLE_VALUE.fullmatch(value):
            kept.append(f"{name}:{value}")
    return ";".join(kept) or None
