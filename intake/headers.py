"""Headers: the small grammars in a mail's head, each read in one pass and none of them trusted.

A field's value is kept as its bytes read as Latin-1, so nothing is lost until somebody asks for words. Structure is
found first and encoded words are decoded last: a name that decodes to `<someone@else>` stays a name.
What a charset is: see `charsets`. Which field means what: see `parse`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from intake import charsets
from intake.mail import Unreadable

BLOCK_LIMIT = 512 * 1024
FIELD_LIMIT = 32 * 1024
_PARAMETER_LIMIT = 200
_MAILBOX_LIMIT = 500
_STRAY_LIMIT = 20

Fields = dict[str, list[str]]


class Head(NamedTuple):
    fields: Fields  # lower-case name -> values, topmost first
    body: int  # where in the mail the body starts
    defects: tuple[str, ...]


# The block of fields

_BLANK = re.compile(rb"\n\r*+\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_EXPECTED = re.compile(
    rb"^(from|to|cc|subject|date|message-id|mime-version|content-type|content-transfer-encoding|in-reply-to|references)"
    rb"[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


def split(raw: bytes, start: int, end: int) -> Head:
    """The fields from `start` on, unfolded. They end at an empty line, or where something else than fields begins."""
    if start >= end or raw.startswith((b"\n", b"\r\n"), start, end):
        return Head({}, min(end, start + (2 if raw[start : start + 1] == b"\r" else 1)), ())
    limit = start + BLOCK_LIMIT
    blank = _BLANK.search(raw, start, min(end, limit))
    stop = blank.start() if blank else end
    if stop > limit:
        whole_lines = raw.rfind(b"\n", start, limit)
        stop = whole_lines if whole_lines > 0 else limit
    block = raw[start:stop]
    collected: list[tuple[str, list[bytes]]] = []
    defects: list[str] = []
    at = start
    strays = 0
    body = blank.end() if blank else stop
    for line in block.split(b"\n"):
        if line[:1] in (b" ", b"\t") and collected:
            collected[-1][1].append(line)
        elif field := _FIELD.match(line):
            collected.append((field[1].decode("ascii").lower(), [line[field.end() :]]))
        elif at == start and line.startswith((b"From ", b">From ")):
            pass  # the envelope line of a mailbox file
        elif collected and strays < _STRAY_LIMIT and _more_follows(raw[at:stop], collected):
            strays += 1
            collected[-1][1].append(b" " + line)
        else:
            body = at
            defects.append("no_blank_line")
            break
        at += len(line) + 1
    else:
        if not blank and stop < end:
            raise Unreadable("headers_too_large", limit=BLOCK_LIMIT)
    fields: Fields = {}
    for name, lines in collected:
        value = b"".join([line.rstrip(b"\r") for line in lines]) if len(lines) > 1 else lines[0].strip()
        if len(value) > FIELD_LIMIT:
            value = _shortened(value)
            defects.append("header_shortened")
        fields.setdefault(name, []).append(value.decode("latin-1").strip(" \t\r\n"))
    if strays:
        defects.append("header_broken")
    return Head(fields, body, tuple(dict.fromkeys(defects)))


def _more_follows(rest: bytes, collected: list[tuple[str, list[bytes]]]) -> bool:
    """Whether the head goes on below a line that does not belong there: a field we still miss comes after it."""
    known = {name for name, _ in collected}
    return any(match[1].decode("ascii").lower() not in known for match in _EXPECTED.finditer(rest))


def _shortened(value: bytes) -> bytes:
    value = value[:FIELD_LIMIT]
    seam = max(value.rfind(b" "), value.rfind(b","), value.rfind(b";"), value.rfind(b"\t"))
    return value[:seam] if seam > FIELD_LIMIT // 2 else value


# Words

# Broken mailers leave spaces and question marks in the text of a word.
_WORD = re.compile(
    r"=\?([^?*\s]{0,60})(?:\*[^?\s]{0,20})?\?([BbQq])\?"
    r"([^?]*+(?:(?<!=)\?(?!=)(?=(?:[^=]|=(?!\?)){0,200}?\?=)[^?]*+)*+)\?="
)
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]+")
_REALLY_Q = re.compile(r"[^=]*+(?:=[0-9A-F]{2}[^=]*+)++")
_SOFT_BREAK = re.compile(r"=\s+")
_FOLD = re.compile("[\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]+ *")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")


def plain(value: str, hint: str = "") -> str:
    """A value's raw characters: UTF-8, or whatever 8-bit charset a mailer wrote without saying so."""
    if value.isascii() and "\x1b" not in value:
        return value
    return charsets.decode(value.encode("latin-1", "replace"), "", hint).text


def text(value: str, hint: str = "") -> str:
    """A value for reading: one line, decoded."""
    return one_line(words(plain(value, hint)))


def one_line(value: str) -> str:
    """Text without line breaks, control characters and the marks that turn the direction of writing."""
    if not value.isprintable():
        value = _UNSEEN.sub("", _FOLD.sub(" ", value))
    return value.strip()


def words(value: str) -> str:
    """Encoded words (RFC 2047) decoded. Neighbours in one charset are joined as bytes, for mailers that cut characters
    in two."""
    if "=?" not in value:
        return value
    out: list[str] = []
    run: list[tuple[str, bool, str]] = []
    last = 0
    for word in _WORD.finditer(value):
        gap = value[last : word.start()]
        if gap and not (run and gap.isspace()):
            out.append(_run(run))
            out.append(gap)
            run = []
        run.append((word[1].lower(), word[2] in "Bb", word[3]))
        last = word.end()
    out.append(_run(run))
    out.append(value[last:])
    return "".join(out)


def _run(run: list[tuple[str, bool, str]]) -> str:
    out = []
    while run:
        charset = run[0][0]
        codecs = charsets.readings(charset)
        count = next((i for i, (other, _, _) in enumerate(run) if not _same(other, charset, codecs)), len(run))
        same, run = run[:count], run[count:]
        decoded = charsets.decode(b"".join([_word(base64, text) for _, base64, text in same]), charset)
        if count > 1 and not decoded.sure and all(base64 for _, base64, _ in same):
            # Base64 cut where no group of four ends
            whole = charsets.decode(_word(True, "".join([text for _, _, text in same])), charset)
            decoded = whole if whole.sure else decoded
        out.append(decoded.text)
    return "".join(out)


def _same(other: str, charset: str, codecs: tuple[str, ...]) -> bool:
    return other == charset or (bool(codecs) and charsets.readings(other) == codecs)


def _word(base64: bool, text: str) -> bytes:
    if base64 and not _REALLY_Q.fullmatch(text):
        pieces = _NOT_BASE64.sub("", text).split("=")
        return b"".join([_from_base64(letters) for letters in pieces if letters])
    data = _SOFT_BREAK.sub("", text).replace("_", " ").encode("utf-8", "replace")
    return _HEX.sub(lambda hex_: bytes.fromhex(hex_[1].decode("ascii")), data)


def _from_base64(letters: str) -> bytes:
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + "=" * (-len(letters) % 4))


# Addresses


class Mailbox(NamedTuple):
    name: str
    address: str  # "" when there is none, or more than one
    clear: bool  # False when this could be read in two ways


_ADDRESS_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | "(?P<quoted>[^"\\]*+(?:\\.[^"\\]*+)*+)(?P<close>"?)
      | (?P<word>=\?[^?\s]+\?[BbQq]\?[^?]*\?=)
      | (?P<literal>\[[^\]\s]{0,80}\])
      | (?P<atom>[^\s"(),:;<>\\=\[]++|[=\[])
      | (?P<mark>[(),:;<>\\])""",
    re.VERBOSE | re.DOTALL,
)
_PAREN = re.compile(r"[()]|\\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# Punctuation that only looks like a letter of an address, among it the full-width brackets of a Chinese keyboard.
_WIDE = "\u2000-\u206f\u3000-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_ADDR_SPEC = re.compile(
    rf"""([^\s"(),:;<>@\[\]\\{_WIDE}]{{1,200}}|"(?:[^"\\\r\n]|\\.){{0,200}}")
    @([^\s"(),:;<>@\[\]\\{_WIDE}]{{1,255}}|\[[0-9A-Za-z:.]{{1,60}}\])""",
    re.VERBOSE,
)
_WIDE_COMMA = re.compile(r"(?<=>)[，；、]|[，；、](?=\s*(?:[^\s@<>,;，；、]{1,200}@|<|\Z))")
_ENTITY = re.compile(r"&(quot|amp|apos|#39);")
_ENTITIES = {"quot": "", "amp": "&"}
_STRUCTURE = re.compile(r'[<>"()]')
_SCHEME = re.compile(r"(?:mailto|smtp):", re.IGNORECASE)
_PARENS = re.compile(r"\([^()]*+\)")
_AROUND = re.compile(r" ?([@.]) ?")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9](?:[a-z0-9_-]{0,62}))*", re.IGNORECASE)
_PLAIN_LOCAL = re.compile(r'"([A-Za-z0-9!#$%&\'*+/=?^_`{|}~.-]+)"')


def mailboxes(value: str, hint: str = "") -> tuple[Mailbox, ...]:
    """The mailboxes in an address field, those of groups too. One pass, whatever the nesting."""
    value = _as_typed(plain(value, hint))
    last_group = value.rfind(";")
    found: list[Mailbox] = []
    name: list[str] = []  # what may become the display name
    bare: list[str] = []  # the same characters as written, should they be the address
    angles: list[str] = []
    comment = ""
    at = 0

    def ends() -> None:
        nonlocal name, bare, angles, comment
        if bare or angles or comment:
            found.append(_mailbox(name, bare, angles, comment))
        name, bare, angles, comment = [], [], [], ""

    while at < len(value) and len(found) < _MAILBOX_LIMIT:
        token = _ADDRESS_TOKEN.match(value, at)
        if token is None:  # pragma: no cover - the pattern takes every character
            break
        at = token.end()
        kind = token.lastgroup
        if kind == "space":
            name.append(" ")
            bare.append(" ")
        elif kind == "close":
            if not token["close"]:  # a quote that never ends is only a character
                at = token.start()
                value = value[:at] + value[at:].replace('"', " ")
                continue
            name.append(_ESCAPED.sub(r"\1", token["quoted"]))
            bare.append(token[0])
        elif kind != "mark":
            name.append(token[0])
            bare.append(token[0])
        elif token[0] == "(":
            inside, end = _comment(value, at)
            if end < 0:  # nor is a bracket that never closes a comment
                value = value[:at] + value[at:].replace("(", " ")
            else:
                comment, at = comment or inside, end
            if name[-1:] != [" "]:
                name.append(" ")
        elif token[0] == "<":
            close = value.find(">", at)
            angles.append(value[at : close if close >= 0 else len(value)])
            at = close + 1 if close >= 0 else len(value)
            bare.append("<>")
        elif token[0] in ",;":
            ends()
        elif token[0] == ":" and not angles:
            if at <= last_group:
                name, bare, comment = [], [], ""  # that was the name of a group
            else:
                name.append(":")
                bare.append(" ")
    ends()
    return tuple(box for box in found if box.name or box.address or not box.clear)


def _as_typed(value: str) -> str:
    """The field with its brackets and commas in ASCII, where a keyboard or a web form wrote others. Nothing is changed
    that could be read in another way as it stands: a mail server has judged the sender by what *it* read."""
    if "&" in value:
        value = _ENTITY.sub(lambda entity: _ENTITIES.get(entity[1], "'"), value)
        if not _STRUCTURE.search(value):
            value = value.replace("&lt;", "<").replace("&gt;", ">")
    if not value.isascii():
        if not _STRUCTURE.search(value) and value.count("@") <= value.count("＜"):
            value = value.replace("＜", "<").replace("＞", ">")
        if "@" not in value:
            value = value.replace("＠", "@")
        value = _WIDE_COMMA.sub(",", value)
    return value


def _comment(value: str, at: int) -> tuple[str, int]:
    """What is in the comment that begins at `at`, and where it ends: -1 if it does not."""
    start, depth = at, 1
    while depth:
        paren = _PAREN.search(value, at)
        if paren is None:
            return "", -1
        at = paren.end()
        depth += {"(": 1, ")": -1}.get(paren[0], 0)
    return value[start : at - 1], at


def _mailbox(name: list[str], bare: list[str], angles: list[str], comment: str) -> Mailbox:
    written = "".join(bare).strip()
    if not angles:
        return _without_angles("".join(name), written, comment)
    insides = {_inside(angle) for angle in angles}
    address = addr_spec(insides.pop()) if len(insides) == 1 else ""
    behind = written.rpartition("<>")[2]
    clear = bool(address) and "@" not in behind
    return Mailbox(_shown(words("".join(name)) or words(comment)), address if clear else "", clear)


def _without_angles(name: str, written: str, comment: str) -> Mailbox:
    """An address alone, or the one word among others that is an address."""
    if address := addr_spec(written):
        return Mailbox(_shown(words(comment)), address, True)
    candidates = {word for word in written.split() if "@" in word}
    word = candidates.pop() if len(candidates) == 1 else ""
    if address := addr_spec(word):
        others = " ".join(name.replace(word, " ").split())
        if others.lower() in ("mailto:", "smtp:"):
            others = ""
        return Mailbox(_shown(words(others) or words(comment)), address, True)
    return Mailbox(_shown(words(name)), "", "@" not in written)


def _inside(angle: str) -> str:
    """What is between angle brackets, without what older standards and careless programs put there."""
    before, _, inside = angle.rpartition("<")
    if "@" in before:
        return ""
    inside = inside.strip()
    if inside.startswith("@") and ":" in inside:  # an obsolete route
        inside = inside.rpartition(":")[2]
    inside = _SCHEME.sub("", inside, count=1) if _SCHEME.match(inside) else inside
    return inside if '"' in inside else _AROUND.sub(r"\1", " ".join(_PARENS.sub("", inside).split()))


def _shown(name: str) -> str:
    return one_line(name).strip("'\" ").rstrip(": ")[:200]


def addr_spec(text: str) -> str:
    """`text` if it is one address, its domain in lower case; else ""."""
    match = _ADDR_SPEC.fullmatch(text)
    if match is None or not text.isprintable():
        return ""
    local, domain = match[1], match[2].removesuffix(".")
    if plain_local := _PLAIN_LOCAL.fullmatch(local):
        local = plain_local[1]
    if domain.isascii():
        if not domain.startswith("[") and not _DOMAIN.fullmatch(domain):
            return ""
        return f"{local}@{domain.lower()}"
    if not all(domain.split(".")):
        return ""
    return f"{local}@{''.join([c.lower() if c.isascii() else c for c in domain])}"


def sender(values: Iterable[str], hint: str = "") -> tuple[str, str]:
    """Name and address of the one mailbox in these fields. Two addresses, or one that may be read as two, are none."""
    boxes = [box for value in values for box in mailboxes(value, hint)]
    addresses = {box.address for box in boxes if box.address}
    name = ", ".join(dict.fromkeys(box.name for box in boxes if box.name))[:200]
    if len(addresses) != 1 or not all(box.clear for box in boxes):
        return name, ""
    return name, addresses.pop()


def addresses(values: Iterable[str], hint: str = "") -> tuple[str, ...]:
    return tuple(dict.fromkeys(box.address for value in values for box in mailboxes(value, hint) if box.address))


# Ids, dates, parameters

_ANGLES = re.compile(r"<([^<>]{1,1200})>")
_NOT_IN_ID = re.compile(r"[\s<>(),;]")
_SPACES = re.compile(r"\s+")
_ID_SEPARATOR = re.compile(r"[\s,;]+")


def message_ids(value: str) -> tuple[str, ...]:
    """The message ids in a field, without their brackets. Comments, names and empty brackets are not ids; words
    without brackets are, if there is nothing else."""
    value = words(plain(value)) if "=?" in value else value
    ids = [_SPACES.sub("", inside) for inside in _ANGLES.findall(value)]
    if not ids:
        bare = [word.strip("<>") for word in _ID_SEPARATOR.split(value) if word]
        ids = bare if all(_is_id(word) and not _NOT_IN_ID.search(word) for word in bare) else []
    return tuple(dict.fromkeys(id_ for id_ in ids if _is_id(id_)))


def message_id(value: str) -> str:
    """A mail's own id, also when its brackets or its domain are missing."""
    if ids := message_ids(value):
        return ids[0]
    if (angles := _ANGLES.search(value)) and angles[1].isascii() and angles[1].isprintable() and " " not in angles[1]:
        return angles[1]
    return ""


def _is_id(id_: str) -> bool:
    left, at, right = id_.rpartition("@")
    return bool(left and at and right) and len(id_) <= 996 and id_.isascii() and id_.isprintable()


_CLOCK = re.compile(
    r"""(?P<half>上午|下午|[AaPp][Mm])?\s*
        (?<!\d)(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d{1,9})?)?(?!\d)
        (?:\s*(?P<half_behind>[AaPp])\.?[Mm]\b\.?)?
        \s*"?(?:(?:GMT|UTC?|Z)\b)?"?(?:\s*(?P<sign>[+-])(?P<hours>\d\d?):?(?P<minutes>\d\d)?(?!\d))?""",
    re.VERBOSE,
)
_NUMERIC_DAY = re.compile(r"(?<!\d)(\d{4})\s?[年/.-]\s?(\d{1,2})\s?[月/.-]\s?(\d{1,2})(?!\d)\s?[日T]?")
_CHINESE_MONTH = re.compile(r"(?<!\w)(1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])月")
_CHINESE_NUMBERS = ("", *"一二三四五六七八九十", "十一", "十二")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OTHER_MONTHS = {  # as mail programs of other languages shorten them, where English does not
    1: "januar janv janvier ene enero gen gennaio januari",
    2: "februar févr fevr février febrero febbraio fev februari",
    3: "mär mrz märz maerz mars marzo março mrt maart", 4: "avr avril abr abril aprile",
    5: "mai mayo mag maggio maio mei", 6: "juni juin junio giu giugno junho",
    7: "juli juil juillet julio lug luglio julho",
    8: "août aout ago agosto augustus", 9: "sept septembre septiembre set settembre setembro",
    10: "okt oktober octobre octubre ott ottobre out outubro", 11: "novembre noviembre novembro",
    12: "dez dezember déc décembre dic diciembre dicembre dezembro",
}  # fmt: skip
_MONTH_OF = {name: number for number, names in _OTHER_MONTHS.items() for name in names.split()}
_NAMED_MONTH = re.compile(r"(?<=\d)[\s.-]+([^\W\d_]{3,10})\.?(?=[\s-]+\d{2})")
_WEEKDAY = re.compile(r"^\s*[^\W\d_]{1,12}[.,]{0,2}\s+(?=\d{1,2}[\s.-]+[^\W\d_])")
_YEAR_SINCE_1900 = re.compile(r"(?<=[A-Za-z] )1(\d\d)(?= \d\d?:)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def date(value: str) -> datetime | None:
    """The date a sender claims, with its zone (UTC where it names none); None when it is no date."""
    value = _in_standard_form(words(plain(value[:500])))[:200]
    try:
        parts = parsedate_tz(value)
        if parts is None:
            claimed = datetime.fromisoformat(value)
        else:
            claimed = datetime(*parts[:6], tzinfo=timezone(timedelta(seconds=parts[9] or 0)))
    except Exception:  # the library stumbles over some dates in ways of its own
        return None
    if claimed.tzinfo is None:
        claimed = claimed.replace(tzinfo=UTC)
    return claimed if 1900 <= claimed.year <= 9000 else None


def _in_standard_form(value: str) -> str:
    """A date as the standards write it, from one as programs and people do: with comments, by a clock of twelve hours,
    with a zone such as GMT+8, with the names or the order of a Chinese calendar."""
    for _ in range(3):
        value = _PARENS.sub(" ", value)
    value = _NUMERIC_DAY.sub(lambda day: f"{day[1]}-{int(day[2]):02}-{int(day[3]):02} ", value)
    value = _CHINESE_MONTH.sub(_english_month, _WEEKDAY.sub("", value))
    value = _NAMED_MONTH.sub(_other_month, value)
    value = _CLOCK.sub(_standard_clock, value, count=1)
    value = _NOT_ASCII.sub(" ", value)
    return _YEAR_SINCE_1900.sub(r"20\1", " ".join(value.split()))


def _english_month(month: re.Match[str]) -> str:
    number = int(month[1]) if month[1].isdecimal() else _CHINESE_NUMBERS.index(month[1])
    return f" {_MONTHS[number - 1]} "


def _other_month(month: re.Match[str]) -> str:
    number = _MONTH_OF.get(month[1].lower())
    return f" {_MONTHS[number - 1]}" if number else month[0]


def _standard_clock(clock: re.Match[str]) -> str:
    hour = int(clock["hour"])
    half = clock["half"] or clock["half_behind"] or ""
    if hour <= 12 and half:
        hour = hour % 12 + (12 if half[0] in "下Pp" else 0)
    second = min(int(clock["second"] or 0), 59)  # 60 is a leap second
    zone = f" {clock['sign']}{clock['hours']:0>2}{clock['minutes'] or '00'}" if clock["sign"] else ""
    return f" {hour:02}:{clock['minute']}:{second:02}{zone} "


class Token(NamedTuple):
    """A value such as `text/plain; charset=utf-8`: its main word in lower case, and its parameters."""

    value: str
    parameters: Mapping[str, str]


_TYPE = re.compile(r"[\s\"']*([\w!#$&^.+-]+(?:\s*/\s*[\w!#$&^.+-]+)?)")
_PARAMETER = re.compile(
    r"""([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+(?:(?:\\.|"(?!\s*+(?:[;(]|\Z|[\w*-]++\s*+=)))[^"\\]*+)*+)"?|([^;]*+))
      | [^\s=;"]++ | [\s=;]++ | " """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_MIMETYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")


def token(value: str, hint: str = "") -> Token:
    return _token(value, hint) if len(value) < 120 else _read_token(value, hint)


def _read_token(value: str, hint: str) -> Token:
    value = plain(value, hint)
    if value.startswith("=?"):
        value = words(value)
    main = _TYPE.match(value)
    if main is None:
        return Token("", {})
    parameters: dict[str, str] = {}
    at = main.end()
    while len(parameters) < _PARAMETER_LIMIT and (match := _PARAMETER.match(value, at)):
        at = match.end()
        name, quoted, bare = match.groups()
        if name:
            written = _QUOTED_PAIR.sub(r"\1", quoted) if quoted is not None else bare.strip()
            parameters.setdefault(name.lower(), written)
    return Token(_SPACES.sub("", main[1]).lower(), parameters)


_token = lru_cache(maxsize=512)(_read_token)


def is_mimetype(value: str) -> bool:
    return _MIMETYPE.fullmatch(value) is not None


_CHARSET_NAME = re.compile(r"[\s\"'\\]*+(?:3D)?[\s\"'\\]*+([^\s\"'\\;,()]{1,60})", re.IGNORECASE)


def charset_of(parameters: Mapping[str, str]) -> str:
    """The charset a content type names, without the quotes, comments and other parameters that got into its name."""
    named = words(parameters.get("charset", "")) or parameters.get("charset*", "").rpartition("'")[2]
    name = _CHARSET_NAME.match(named)
    return name[1] if name else ""


def charset_hint(fields: Fields) -> str:
    """The charset of the encoded words in a head: that of its mailer, most likely, and so that of a body which names
    none. "" where there are no words, or only words in UTF-8 or ASCII, which show by themselves."""
    for name in ("subject", "from", "to"):
        for value in fields.get(name, ()):
            for word in _WORD.finditer(value):
                codecs = charsets.readings(word[1])
                if codecs and codecs[0] not in ("utf_8", "ascii"):
                    return word[1].lower()
    return ""


_ENCODINGS = {
    "base64": ("base64", "b64", "b"),
    "quoted-printable": ("quotedprintable", "quotedprintible", "quotedprint", "quoted", "qp", "q"),
    "x-uuencode": ("xuuencode", "uuencode", "xuue", "uue"),
    "8bit": ("8bit", "8bits", "7bit", "7bits", "binary", "8", "7", "none"),
}
_ENCODING = {spelling: encoding for encoding, spellings in _ENCODINGS.items() for spelling in spellings}
_NOT_IN_ENCODING = re.compile(r"[^a-z0-9]+")


def transfer_encoding(value: str) -> str:
    """A content transfer encoding by its standard name, however it was spelt: "base64", "quoted-printable",
    "x-uuencode" or "8bit", which stands for all that change nothing; "" where there is none, and the first word of the
    value where nobody knows it."""
    value = _PARENS.sub("", value).partition(";")[0].strip().lower()
    spelling = _NOT_IN_ENCODING.sub("", value)
    return _ENCODING.get(spelling, (value.split() or [""])[0][:60])


# File names

_PATH = re.compile(r"[/\\]+")
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_EXTENDED = re.compile(r"([\w.:-]{2,40})'[\w-]{0,20}'(.*)", re.DOTALL)
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_NAME_LIMIT = 150


def filename(disposition: Mapping[str, str], content_type: Mapping[str, str], hint: str = "") -> str:
    """The name a part gives itself, as text to show; "" when it has none."""
    for parameters, key in ((disposition, "filename"), (content_type, "name"), (disposition, "name")):
        if name := clean_filename(parameter(parameters, key, hint)):
            return name
    return ""


def clean_filename(name: str) -> str:
    name = _HIDDEN.sub("", name.replace("\t", " ").replace("\n", " "))
    name = _PATH.split(name)[-1].strip()
    if not name.strip(". "):
        return ""
    if len(name) > _NAME_LIMIT:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 12 else ""
        name = name[: _NAME_LIMIT - len(ending)].rstrip() + ending
    return name


def parameter(parameters: Mapping[str, str], key: str, hint: str = "") -> str:
    """A parameter by RFC 2231, continued and extended, or in one of the ways mailers write it instead."""
    prefix = key + "*"
    extended_form = any(name.startswith(prefix) for name in parameters)
    if extended_form and (value := _continued(parameters, prefix, hint)):
        return value
    value = words(parameters.get(key, ""))
    if "%" in value and value.isascii() and _PERCENT.search(value):
        charset, escaped = "", value
        if (extended := _EXTENDED.fullmatch(value)) and charsets.readings(extended[1]):
            charset, escaped = extended[1], extended[2]
        decoded = charsets.decode(unquote_to_bytes(escaped), charset, hint)
        if decoded.how != "damaged" and not decoded.text.isascii():
            return decoded.text
    return value


def _continued(parameters: Mapping[str, str], prefix: str, hint: str) -> str:
    pieces: list[tuple[bool, str]] = []
    if prefix in parameters:
        pieces.append((True, parameters[prefix]))
    else:
        for index in range(_PARAMETER_LIMIT):
            if (value := parameters.get(f"{prefix}{index}*")) is not None:
                pieces.append((True, value))
            elif (value := parameters.get(f"{prefix}{index}")) is not None:
                pieces.append((False, value))
            else:
                break
    if not pieces:
        return ""
    charset = hint
    if pieces[0][0] and (extended := _EXTENDED.fullmatch(pieces[0][1])):
        charset = extended[1]
        pieces[0] = (True, extended[2])
    elif pieces[0][0]:
        pieces[0] = (True, pieces[0][1].removeprefix("''"))
    if not any(escaped for escaped, _ in pieces):
        return words("".join([value for _, value in pieces]))
    data = b"".join(
        [unquote_to_bytes(value) if escaped else value.encode("utf-8", "replace") for escaped, value in pieces]
    )
    return words(charsets.decode(data, charset).text)
