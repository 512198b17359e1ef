"""A message as a clerk reads it: what kind of mail it is, what is odd about it and where it may belong, in words.

The codes come from the intake; one that has no sentence here is shown as it is, never hidden.
"""

from collections.abc import Mapping
from contextlib import suppress

from flask_babel import gettext

from complaints.errors import N_, Sentence
from complaints.inbox import Arrived, Message
from complaints.letters import Sighting
from complaints.triage import Claimed
from intake import headers
from intake.errors import REASONS
from intake.mail import Unreadable
from webapp.context import blobs
from webapp.language import sentence

HEADER = 32 * 1024
KINDS: Mapping[str, str] = {
    "person": N_("Written by a person"),
    "automatic": N_("An automatic mail"),
    "bounce": N_("A report that a mail could not be delivered"),
    "delay": N_("A report that a mail is late"),
    "receipt": N_("A receipt"),
    "feedback": N_("A report of an unwanted mail"),
    "loop": N_("A mail of a loop between two programs"),
    "bulk": N_("A bulk mailing"),
    "own": N_("One of our own mails"),
}
KIND_REASONS: Mapping[str, str] = {
    "person": N_("nothing speaks of a machine"),
    "forwarded_by_rule": N_("a person's mail, passed on by a rule"),
    "web_form": N_("a web form sent it for its writer"),
    "confirmation": N_("it looks like a service that wants an account confirmed; did anybody here ask for that?"),
    "auto_submitted": N_("its header says so"),
    "precedence_auto_reply": N_("its header says so"),
    "responder_header": N_("its header names an answering program"),
    "responder_subject": N_("its subject begins as answering programs write"),
    "responder_text": N_("it is worded as answering programs write"),
    "daemon_sender": N_("its sender is a mail server"),
    "null_return_path": N_("it asks that nobody answers"),
    "report": N_("it is built as a report"),
    "dsn_failed": N_("it is a report as mail servers write them"),
    "dsn_delayed": N_("it is a report as mail servers write them"),
    "dsn_delivered": N_("a mail server says that it delivered the mail"),
    "dsn_relayed": N_("a mail server says that it passed the mail on"),
    "dsn_expanded": N_("a mail server says that it passed the mail on"),
    "bounce_in_prose": N_("it is worded as mail servers write"),
    "delay_in_prose": N_("it is worded as mail servers write"),
    "receipt_in_prose": N_("it is worded as receipts are"),
    "feedback_report": N_("it is built as a report"),
    "feedback_in_prose": N_("its subject begins as providers write"),
    "precedence_bulk": N_("its header says so"),
    "precedence_junk": N_("its header says so"),
    "own_address": N_("its sender is our own address"),
    "own_message_id": N_("it carries a mark of ours"),
    "mdn": N_("a mail reader says what it did"),
    "too_many_hops": N_("it has been passed on too often"),
}
DEFECTS: Mapping[str, str] = {
    "no_blank_line": N_("The header does not end where it should."),
    "header_shortened": N_("A part of the header was very long and is shortened here."),
    "header_broken": N_("The header has lines that do not belong there."),
    "no_boundary": N_("It does not say where its parts end."),
    "no_parts": N_("It announces parts and has none."),
    "not_closed": N_("It ends in the middle; something may be missing."),
    "type_unreadable": N_("It does not say clearly what its parts are."),
    "date_unreadable": N_("Its date cannot be read."),
    "sender_unclear": N_("It has no clear sender."),
    "charset_unknown": N_("It names characters that nobody knows; they were guessed."),
    "charset_detected": N_("It does not say rightly which characters it uses; they were guessed."),
    "charset_hint": N_("Its characters were guessed from its own header."),
    "charset_damaged": N_("Some of its characters are damaged."),
    "attachments_capped": N_("It has more files than are listed here; download the original for all of them."),
    "base64_damaged": N_("A part of it was damaged on the way."),
    "encoding_unknown": N_("A part of it is packed in a way that we do not know."),
    "text_cut": N_("The mail is longer; download the original for the rest."),
    "encrypted": N_("It is encrypted; we cannot open it."),
    "signed_opaque": N_("It is signed; the signature was not checked."),
    "not_opened": N_("A file in it could not be opened."),
}
HINTS: Mapping[str, str] = {
    "number_in_subject": N_("its subject names that number"),
    "cites_earlier": N_("it answers an earlier mail of this sender"),
    "token_of_another": N_("it answers a mail that we sent to somebody else"),
    "failed_verdict": N_("it answers our mail, but its sender may be forged"),
    "withdrawn": N_("it answers our mail, but that complaint was withdrawn"),
    "not_complaint": N_("it answers our mail, but that was judged to be no complaint"),
    "merged": N_("it answers our mail about that complaint"),
    "closed": N_("it answers our mail, but that complaint is closed"),
}
COMMON_REASONS = (
    N_("An enquiry, not a complaint"),
    N_("Praise or a suggestion"),
    N_("Advertising"),
    N_("An order or a delivery date"),
    N_("Not meant for us"),
    N_("A test"),
)
CHARSETS: Mapping[str, str] = {
    "": N_("As it came"),
    "utf-8": "UTF-8",
    "gb18030": N_("Chinese, simplified (GB18030)"),
    "big5": N_("Chinese, traditional (Big5)"),
    "windows-1252": N_("Western Europe (Windows-1252)"),
    "iso-8859-2": N_("Central Europe (ISO 8859-2)"),
    "windows-1251": N_("Cyrillic (Windows-1251)"),
    "koi8-r": N_("Cyrillic (KOI8-R)"),
    "shift_jis": N_("Japanese (Shift JIS)"),
    "iso-2022-jp": N_("Japanese (ISO-2022-JP)"),
    "euc-kr": N_("Korean (EUC-KR)"),
    "utf-16": "UTF-16",
}
VERDICTS: Mapping[str, str] = {
    "verified": N_("Sender verified"),
    "unverified": N_("Sender not verified"),
    "failed": N_("Sender may be forged"),
}


def worded(table: Mapping[str, str], code: str) -> str:
    """The words for a code, or the code."""
    return str(gettext(table[code])) if code in table else code


def charsets() -> dict[str, str]:
    """The characters that a letter may be read in, with their names."""
    return {key: str(gettext(name)) for key, name in CHARSETS.items()}


def why(row: Arrived | Sighting) -> str:
    """The reason of an outcome in the reader's language."""
    message = REASONS.get(row.reason or "")
    if message is None:
        return row.reason or ""
    with suppress(KeyError, TypeError, ValueError):  # a row from before its sentence had these values
        return sentence(Sentence(message, row.values))
    return str(gettext(message))


def odd(message: Message) -> list[str]:
    """What is odd about a mail, in words. How a charset was found out is no news while it was found out surely."""
    defects = message.letter.defects if message.letter is not None else []
    return [worded(DEFECTS, str(code)) for code in defects]


def claimed(seen: Arrived | Sighting) -> Claimed:
    """What the header of a message that could not be read says of itself: nothing where there is none."""
    header = seen.headers if seen.headers is not None else _header(seen.raw)
    raw = header.encode("utf-8", "replace")
    try:
        fields = headers.split(raw, 0, len(raw)).fields
        name, address = headers.sender(fields.get("from", ()))
        return Claimed(name, address, headers.text(next(iter(fields.get("subject", ())), "")))
    except Unreadable:
        return Claimed()


def _header(blob: str | None) -> str:
    if blob is None:
        return ""
    try:
        with blobs().path(blob).open("rb") as file:
            return file.read(HEADER).decode("utf-8", "replace").replace("\x00", "")
    except OSError:
        return ""
