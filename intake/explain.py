"""Explain: what a message would become, without a database: the answers of `flask intake explain`."""

import base64
import binascii
import json
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from complaints.blobs import Blobs
from intake.mail import Unreadable
from intake.reader import Reader, Request, Understood

MACHINES = ("automatic", "delay", "receipt", "feedback", "loop")


class Explainer:
    """Explains messages one by one; holds a reader and a folder for them as long as it is open."""

    def __init__(self, *, own_addresses: Iterable[str] = (), own_message_domain: str = "", limit: int) -> None:
        self.limit = limit
        self._folder = tempfile.TemporaryDirectory(prefix="redress-explain-")
        self._blobs = Blobs(Path(self._folder.name))
        self._reader = Reader(
            self._blobs.folder, own_addresses=tuple(own_addresses), own_message_domain=own_message_domain
        )

    def __enter__(self) -> "Explainer":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._folder.cleanup()

    def explain(self, raw: bytes) -> dict[str, Any]:
        """What this message says; `error` is why it could not be read, else None."""
        if len(raw) > self.limit:
            return nothing(f"too_large: {len(raw)} octets, the limit is {self.limit}")
        name = sha256(raw).hexdigest()
        path = self._blobs.path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        try:
            what = self._reader.read(Request(name, files=False, safe_html=True))
        finally:
            path.unlink()
        if isinstance(what, Unreadable):
            return nothing(" ".join([what.reason, *map(str, what.values.values())]))
        return said(what)

    def lines(self, lines: Iterable[bytes | str]) -> Iterator[str]:
        """An answer for each line `{"id", "raw": base64}`, in order; a bad line gets an answer, too."""
        for line in lines:
            if not line.strip():
                continue
            id_: Any = None
            try:
                asked = json.loads(line)
                id_ = asked["id"]
                answer = self.explain(base64.b64decode(asked["raw"], validate=False))
            except (ValueError, TypeError, KeyError, binascii.Error, RecursionError) as error:
                answer = nothing(f'this line is not {{"id": …, "raw": "<base64>"}}: {type(error).__name__}')
            yield json.dumps({"id": id_, **answer}, ensure_ascii=False)


def said(what: Understood) -> dict[str, Any]:
    """A message as the answer tells it."""
    mail, kind = what.mail, what.kind
    return {
        "from_address": mail.from_address,
        "from_name": mail.from_name,
        "subject": mail.subject,
        "text": mail.text,
        "html": what.safe_html,
        "attachments": [
            {"filename": part.filename, "content_type": part.content_type, "size": part.size}
            for part in mail.attachments
        ],
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else "",
        "references": list(mail.references),
        "date": mail.date.isoformat() if mail.date else None,
        "is_auto_reply": kind.kind in MACHINES,
        "is_bounce": kind.kind == "bounce",
        "bounce_recipient": kind.bounce_recipient or None,
        "bounce_status": kind.bounce_status or None,
        "is_list": kind.is_list,
        "reply_text": mail.reply_text,
        "kind": kind.kind,
        "reason": kind.reason,
        "language": mail.language,
        "defects": list(mail.defects),
        "error": None,
    }


def nothing(error: str) -> dict[str, Any]:
    """The answer for a message that could not be read."""
    return {
        "from_address": "", "from_name": "", "subject": "", "text": "", "html": "", "attachments": [], "message_id": "",
        "in_reply_to": "", "references": [], "date": None, "is_auto_reply": False, "is_bounce": False,
        "bounce_recipient": None, "bounce_status": None, "is_list": False, "reply_text": "", "kind": "unreadable",
        "reason": error.partition(" ")[0].rstrip(":"), "language": "", "defects": [], "error": error,
    }  # fmt: skip
