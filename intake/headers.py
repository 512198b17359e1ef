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

_BLANK = re.compile(rb"\n\r?\n")
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
    r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,20})?\?([BbQq])\?"
    r"([^?]*+(?:(?<!=)\?(?!=)(?=(?:[^=]|=(?!\?)){0,200}?\?=)[^?]*+)*+)\?="
)
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
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
        count = next((i for i, word in enumerate(run) if word[0] != charset), len(run))
        same, run = run[:count], run[count:]
        decoded = charsets.decode(b"".join([_word(base64, text) for _, base64, text in same]), charset)
        if count > 1 and not decoded.sure and all(base64 for _, base64, _ in same):
            # Base64 cut where no group of four ends
            whole = charsets.decode(_word(True, "".join([text for _, _, text in same])), charset)
            decoded = whole if whole.sure else decoded
        out.append(decoded.text)
    return "".join(out)


def _word(base64: bool, text: str) -> bytes:
    if base64:
        letters = _NOT_BASE64.sub("", text)
        if len(letters) % 4 == 1:
            letters = letters[:-1]
        return binascii.a2b_base64(letters + "=" * (-len(letters) % 4))
    data = text.replace("_", " ").encode("utf-8", "replace")
    return _HEX.sub(lambda hex_: bytes.fromhex(hex_[1].decode("ascii")), data)


# Addresses


class Mailbox(NamedTuple):
    name: str
    address: str  # "" when there is none, or more than one
    clear: bool  # False when this could be read in two ways


_ADDRESS_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | "(?P<quoted>[^"\\]*+(?:\\.[^"\\]*+)*+)(?P<close>"?)
      | (?P<word>=\?[^?\s]+\?[BbQq]\?[^?]*\?=)
      | (?P<atom>[^\s"(),:;<>\\=]++|=)
      | (?P<mark>[(),:;<>\\])""",
    re.VERBOSE | re.DOTALL,
)
_PAREN = re.compile(r"[()]|\\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ADDR_SPEC = re.compile(
    r"""([^\s"(),:;<>@\[\]\\]{1,200}|"(?:[^"\\\r\n]|\\.){0,200}")@([^\s"(),:;<>@\[\]\\]{1,255}|\[[0-9A-Za-z:.]{1,60}\])"""
)
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9](?:[a-z0-9_-]{0,62}))*", re.IGNORECASE)
_PLAIN_LOCAL = re.compile(r'"([A-Za-z0-9!#$%&\'*+/=?^_`{|}~.-]+)"')


def mailboxes(value: str, hint: str = "") -> tuple[Mailbox, ...]:
    """The mailboxes in an address field, those of groups too. One pass, whatever the nesting."""
    value = plain(value, hint)
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
            inside, at = _comment(value, at)
            comment = comment or inside
            name.append(" ")
        elif token[0] == "<":
            close = value.find(">", at)
            angles.append(value[at : close if close >= 0 else len(value)])
            at = close + 1 if close >= 0 else len(value)
            bare.append("<>")
        elif token[0] in ",;":
            ends()
        elif token[0] == ":" and not angles:
            name, bare, comment = [], [], ""  # that was the name of a group
    ends()
    return tuple(box for box in found if box.name or box.address or not box.clear)


def _comment(value: str, at: int) -> tuple[str, int]:
    start, depth = at, 1
    while depth:
        paren = _PAREN.search(value, at)
        if paren is None:
            return value[start:], len(value)
        at = paren.end()
        depth += {"(": 1, ")": -1}.get(paren[0], 0)
    return value[start : at - 1], at


def _mailbox(name: list[str], bare: list[str], angles: list[str], comment: str) -> Mailbox:
    written = "".join(bare).strip()
    if not angles:
        address = addr_spec(written)
        shown = words(comment) if address else words("".join(name))
        return Mailbox(_shown(shown), address, bool(address) or "@" not in written)
    inside = angles[0].strip().lstrip("<").strip()
    if inside.startswith("@") and ":" in inside:  # an obsolete route
        inside = inside.rpartition(":")[2]
    elif inside[:7].lower() == "mailto:":
        inside = inside[7:]
    address = addr_spec(inside)
    behind = written.rpartition("<>")[2]
    clear = len(angles) == 1 and "@" not in behind
    return Mailbox(_shown(words("".join(name)) or words(comment)), address if clear else "", clear and bool(address))


def _shown(name: str) -> str:
    return one_line(name).strip("'\" ")[:200]


def addr_spec(text: str) -> str:
    """`text` if it is one address, its domain in lower case; else ""."""
    match = _ADDR_SPEC.fullmatch(text)
    if match is None or not text.isprintable():
        return ""
    local, domain = match[1], match[2]
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


def message_ids(value: str) -> tuple[str, ...]:
    """The message ids in a field, without their brackets. Comments, names and empty brackets are not ids."""
    value = words(plain(value)) if "=?" in value else value
    ids = [_SPACES.sub("", inside) for inside in _ANGLES.findall(value)]
    return tuple(dict.fromkeys(id_ for id_ in ids if _is_id(id_)))


def message_id(value: str) -> str:
    """A mail's own id, also when its brackets or its domain are missing."""
    if ids := message_ids(value):
        return ids[0]
    if (angles := _ANGLES.search(value)) and angles[1].isascii() and angles[1].isprintable() and " " not in angles[1]:
        return angles[1]
    bare = value.strip().strip("<>")
    return bare if _is_id(bare) and not _NOT_IN_ID.search(bare) else ""


def _is_id(id_: str) -> bool:
    left, at, right = id_.rpartition("@")
    return bool(left and at and right) and len(id_) <= 996 and id_.isascii() and id_.isprintable()


def date(value: str) -> datetime | None:
    """The date a sender claims, with its zone; None when it is no date."""
    value = value[:200]
    try:
        parts = parsedate_tz(value)
        if parts is None:
            claimed = datetime.fromisoformat(value.strip())
        else:
            claimed = datetime(*parts[:6], tzinfo=timezone(timedelta(seconds=parts[9] or 0)))
    except Exception:  # the library stumbles over some dates in ways of its own
        return None
    if claimed.tzinfo is None:
        claimed = claimed.replace(tzinfo=UTC)
    return claimed if 1900 <= claimed.year <= 9000 else None


class Token(NamedTuple):
    """A value such as `text/plain; charset=utf-8`: its main word in lower case, and its parameters."""

    value: str
    parameters: Mapping[str, str]


_TYPE = re.compile(r"\s*([\w!#$&^.+-]+(?:\s*/\s*[\w!#$&^.+-]+)?)")
_PARAMETER = re.compile(
    r"""([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|([^;]*+)) | [^\s=;"]++ | [\s=;]++ | " """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_MIMETYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")


def token(value: str, hint: str = "") -> Token:
    return _token(value, hint) if len(value) < 120 else _read_token(value, hint)


def _read_token(value: str, hint: str) -> Token:
    value = plain(value, hint)
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


def charset_of(parameters: Mapping[str, str]) -> str:
    """The charset a content type names, its quotes and comments taken off."""
    named = parameters.get("charset") or parameters.get("charset*", "").rpartition("'")[2]
    first = named.replace("(", " ").split() if named else []
    return first[0].strip("'\";,") if first else ""


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
    for parameters, key in ((disposition, "filename"), (content_type, "name")):
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
        charset, escaped = "utf-8", value
        if (extended := _EXTENDED.fullmatch(value)) and charsets.readings(extended[1]):
            charset, escaped = extended[1], extended[2]
        decoded = charsets.decode(unquote_to_bytes(escaped), charset)
        if decoded.sure and not decoded.text.isascii():
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
