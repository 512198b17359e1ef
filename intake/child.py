"""The child that reads mails: `python -m intake.child STORE`, started by `reader`, which also says what it may use.

It holds no secret and no connection: it gets names of kept mails, line by line on standard input, reads each from the
blob store, writes the files that came with it there, and answers with what the mail says. A mail can bring it down, and
nothing else. It ends with its standard input.

An answer is a letter, four octets with the length of what follows, and that:
    m  a mail: a line of JSON (its kind, the files written), then the mail as `wire` writes it
    u  unreadable: JSON with reason and values
    o  the blob store failed: a line of text
    e  nothing more from this child; what it was asked besides goes to the next
"""

import json
import math
import os
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from complaints.blobs import Blobs
from intake import wire
from intake.classify import classify
from intake.html import sanitise
from intake.mail import Unreadable
from intake.parse import parse

ENOUGH = 256 * 1024 * 1024
"""Octets of memory after which a child makes room for a fresh one."""


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes our standard input
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    limits = json.loads(requests.readline())
    _limit(limits)
    blobs = Blobs(Path(sys.argv[1]))
    own, domain = frozenset(limits["own"]), limits["domain"]
    while line := requests.readline():
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = math.ceil(used.ru_utime + used.ru_stime + limits["cpu_seconds"])
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        last = False
        try:
            kind, body = _read(json.loads(line), blobs, own, domain)
        except Unreadable as error:
            kind, body = b"u", _json({"reason": error.reason, "values": error.values})
        except MemoryError:
            kind, body, last = b"u", _json({"reason": "memory", "values": {}}), True
        except OSError as error:
            kind, body = b"o", str(error).encode()
        _answer(answers, kind, body)
        if last or _memory() > ENOUGH:
            _answer(answers, b"e", b"")
            return 0
    return 0


def _limit(limits: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))


def _memory() -> int:
    """Octets in use now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _read(request: dict[str, Any], blobs: Blobs, own: frozenset[str], domain: str) -> tuple[bytes, bytes]:
    mail = parse(_kept(blobs, request["raw"]), charset=request["charset"])
    kind = classify(mail, own_addresses=own, own_message_domain=domain)
    written = blobs.write_all((part.sha256, part.content) for part in mail.attachments) if request["files"] else []
    safe = sanitise(mail.html, images={}).html if request["safe_html"] and mail.html else ""
    head = _json({"kind": asdict(kind), "written": written, "safe_html": safe})
    return b"m", head + b"\n" + wire.dumps(mail)


def _kept(blobs: Blobs, name: str) -> bytes:
    """A mail as it came. Raises `Unreadable` where its bytes were lost or altered; a store that is not there at all is
    an `OSError`, and every mail waits for it."""
    try:
        return blobs.get(name)
    except FileNotFoundError:
        if not blobs.folder.is_dir():
            raise
        raise Unreadable("raw_missing") from None
    except ValueError:
        raise Unreadable("raw_altered") from None


def _json(value: object) -> bytes:
    return json.dumps(value, default=str).encode()


def _answer(out: BinaryIO, kind: bytes, body: bytes) -> None:
    out.write(kind + len(body).to_bytes(4, "big") + body)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
