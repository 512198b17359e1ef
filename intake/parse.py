"""Parse: bytes to a `Mail`, for any bytes whatsoever.

Whatever is broken is read as far as it goes and named in `defects`; only what is beyond our limits is `Unreadable`.

How a mail is cut into parts is in `mime`, what these say and carry in `contents`, header grammar in `headers`; what
kind of mail it is, in `classify`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from intake import charsets, headers, mime, quoting, reports
from intake.contents import Files, Reading
from intake.headers import Fields
from intake.mail import RESPONDER_HEADERS, SIGNAL_HEADERS, Mail, Unreadable

MOST_REFERENCES: Final = 100
MOST_ADDRESSES: Final = 500


def parse(raw: bytes, *, charset: str = "") -> Mail:
    """The mail in `raw`. Raises `Unreadable`, or `MemoryError` where memory is limited, and nothing else.

    `charset` is a person's word on the charset of bodies and of raw header fields, against what the mail says. A name
    that `charsets` does not know is no word. The content key is the same with and without it.
    """
    try:
        return _mail(raw, charset if charset and charsets.readings(charset) else "")
    except (Unreadable, MemoryError):
        raise
    except Exception as unforeseen:
        raise Unreadable("unforeseen", error=type(unforeseen).__name__) from unforeseen


def _mail(raw: bytes, charset: str) -> Mail:
    root = mime.cut(raw)
    files = Files(charset)
    reading = Reading(root, files)
    text, html = reading.said()
    files.open_all()
    if not text:
        text, html = files.said_instead(html)
    found = [defect for entity in reading.entities for defect in entity.defects]
    defects = dict.fromkeys([*reading.defects, *files.defects, *found])
    fields, hint = root.fields, reading.hint

    def first(name: str) -> str:
        values = fields.get(name)
        return values[0] if values else ""

    from_name, from_address = headers.sender(fields.get("from", ()), hint)
    subject = headers.text(first("subject"), hint)
    date = headers.date(first("date"))
    if first("date") and date is None:
        defects["date_unreadable"] = None
    if first("from") and not from_address:
        defects["sender_unclear"] = None
    return_path = fields.get("return-path")
    in_reply_to = headers.message_ids(" ".join(fields.get("in-reply-to", ())))[:MOST_REFERENCES]
    references = headers.message_ids(" ".join(fields.get("references", ())))[-MOST_REFERENCES:]
    answers = bool(in_reply_to or references) or quoting.may_answer(subject)
    return Mail(
        from_address=from_address,
        from_name=from_name,
        to=headers.addresses(fields.get("to", ()), hint)[:MOST_ADDRESSES],
        cc=headers.addresses(fields.get("cc", ()), hint)[:MOST_ADDRESSES],
        reply_to=headers.sender(fields.get("reply-to", ()), hint)[1],
        subject=subject,
        text=text,
        html=html,
        attachments=tuple(files.parts),
        message_id=headers.message_id(first("message-id")),
        in_reply_to=in_reply_to,
        references=references,
        date=date,
        auto_submitted=headers.token(first("auto-submitted")).value,
        precedence=headers.token(first("precedence")).value,
        is_list=any(name.startswith("list-") or name in _LIST_FIELDS for name in fields),
        return_path=_reverse_path(return_path[0]) if return_path else None,
        signals=tuple((name, headers.text(value)[:500]) for name in _SIGNALS for value in fields.get(name, ())[:5]),
        received_count=len(fields.get("received", ())),
        received=headers.date(first("received").rpartition(";")[2].strip()) if "received" in fields else None,
        authentication_results=headers.one_line(headers.plain(first("authentication-results"))),
        content_key=_content_key(fields, reading.digests),
        language=language(subject, text),
        content_type=root.type,
        report=reports.report(root, reading.report_parts),
        defects=tuple(defects),
        folds=quoting.folds(text, subject=subject, answers=answers),
        forwarded=quoting.forwarded(text, subject=subject),
    )


# Beside the standard fields, what tells a machine from a person. Everything else in a head is only text.
_SIGNALS = tuple(
    dict.fromkeys((*RESPONDER_HEADERS, *SIGNAL_HEADERS, "x-auto-response-suppress", "x-failed-recipients", "x-loop"))
)


_LIST_FIELDS = frozenset(("mailing-list", "x-mailing-list", "x-beenthere"))
"""What lists say of themselves that do not write the fields of RFC 2369 and RFC 2919."""


def _reverse_path(value: str) -> str | None:
    value = value.strip()
    if value in ("", "<>"):
        return ""
    boxes = headers.mailboxes(value)
    return boxes[0].address or None if boxes else None


def _content_key(fields: Fields, digests: list[tuple[str, bytes]]) -> str:
    """What makes two deliveries one letter: what its sender wrote, and nothing that a server on the way did."""
    key = sha256()

    def add(name: str, value: bytes) -> None:
        key.update(f"{name}:{len(value)}:".encode())
        key.update(value)

    for name in ("from", "date", "message-id", "subject"):
        for value in fields.get(name, ()):
            add(name, " ".join(value.split()).encode("latin-1", "replace"))
    for kind, digest in digests:
        add(kind, digest)
    return key.hexdigest()


# Language

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_KANA_HANGUL = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uac00-\ud7a3\u1100-\u11ff]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"https?://[!-~]{1,2000}|[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,100}")


def language(subject: str, text: str) -> str:
    """The language to answer in: "zh_CN" for mail that is mainly Chinese, else "en"."""
    sample = f"{subject}\n{text[:1000]}"
    if sample.isascii():
        return "en"
    sample = _ADDRESS.sub(" ", sample)
    han = _count(_HAN, sample)
    if not han or _count(_KANA_HANGUL, sample) * 8 > han:
        return "en"
    letters = _count(_LETTERS, sample)
    return "zh_CN" if letters <= 20 or han * 5 >= letters else "en"


def _count(characters: re.Pattern[str], text: str) -> int:
    return sum(map(len, characters.findall(text)))
