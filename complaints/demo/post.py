"""The post of a fill: customers' letters with their files, our acknowledgements, and where each stands in the
conversation."""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import count
from operator import itemgetter
from random import Random
from typing import Any, NamedTuple

from complaints import outbox
from complaints.acknowledgement import KIND
from complaints.blobs import Blobs
from complaints.conversation import Entry
from complaints.demo import mails
from complaints.demo.journeys import Journey, Story
from complaints.demo.moments import EPOCH, MINUTE, Minutes
from complaints.demo.tables import Rows, Said
from complaints.demo.words import ANSWER_WITH_FILE, ANSWERS
from complaints.letters import Attachment, Letter, Sighting
from complaints.outbox import Outgoing

SECOND = timedelta(seconds=1)
FileRow = tuple[str, str, int, str]


@dataclass(frozen=True)
class Mailed:
    """The bytes of a letter in the blob store, and its files as the attachment rows have them."""

    raw: str
    size: int
    files: tuple[FileRow, ...]


class Post:
    """Keeps the customers' letters as mails, and makes ours. `shared`: letters that tell the same story, or answer in
    the same words, share the bytes of the first."""

    def __init__(self, blobs: Blobs, *, secret: str, sender: str, shared: bool) -> None:
        self.blobs = blobs
        self.secret = secret
        self.sender = sender
        self.domain = sender.rpartition("@")[2]
        self.shared = shared
        self.acknowledgements = mails.Acknowledgements(sender)
        self._kept: dict[object, Mailed] = {}
        self._files: dict[mails.File, FileRow] = {}
        self._waiting: list[bytes] = []

    def keep(self, key: object, mail: Callable[[], bytes], files: Sequence[mails.File]) -> Mailed:
        """A mail's place in the blob store; it is there after `flush`."""
        kept = self._kept.get(key)
        if kept is None:
            raw = mail()
            self._waiting.append(raw)
            kept = Mailed(sha256(raw).hexdigest(), len(raw), tuple(self.file(part) for part in files))
            if self.shared:
                self._kept[key] = kept
        return kept

    def file(self, part: mails.File) -> FileRow:
        """A file as an attachment row has it; it is in the blob store after `flush`."""
        if part not in self._files:
            self._waiting.append(part.content)
            blob = sha256(part.content).hexdigest()
            self._files[part] = (part.filename, part.content_type, len(part.content), blob)
        return self._files[part]

    def flush(self) -> None:
        self.blobs.put_all(self._waiting)
        self._waiting.clear()

    def message_id(self, complaint_id: int, recipient: str) -> str:
        return outbox.message_id(self.secret, purpose=_purpose(complaint_id), recipient=recipient, domain=self.domain)


def _purpose(complaint_id: int) -> str:
    return f"ack:complaint:{complaint_id}"


class Delivered(NamedTuple):
    """What the letters of a complaint leave on it: how many files came, how many letters are unread, when the last
    came."""

    files: int
    unread: int
    last: str


class Mailbag:
    """Writes the letters of one part, with the numbers after the last ones."""

    def __init__(self, post: Post, rng: Random, minutes: Minutes, rows: Rows, last: Mapping[str, int]) -> None:
        self.post, self.rng, self.minutes, self.rows = post, rng, minutes, rows
        self._letter_ids, self._outgoing_ids = count(last["letter"] + 1), count(last["outgoing"] + 1)

    def letters(
        self, id_: int, journey: Journey, number: str, subject: str, content: str, moments: Sequence[str],
        changes: list[Said],
    ) -> Delivered:  # fmt: skip
        """The letter that began it, our acknowledgement, and perhaps another letter. `moments`: when it was received
        and when it became a draft."""
        story, minutes, post = journey.story, self.minutes, self.post
        writer, locale, rows = story.writer, story.buyer.locale, self.rows
        received, drafted = moments
        html = mails.markup(content) if story.html else ""
        letter_id, minute = next(self._letter_ids), journey.minute
        message_id = f"{letter_id:x}.{minute:x}@{writer.domain}"
        mailed = post.keep(
            story,
            lambda: mails.raw(
                writer, to=post.sender, subject=subject, text=content, html=html, files=story.files,
                message_id=message_id, at=EPOCH + (minute - 1) * MINUTE + journey.second * SECOND,
            ),
            story.files,
        )  # fmt: skip
        self._letter(
            letter_id, id_, story, subject, content, html, message_id, "[]", minutes.text(minute - 1, journey.second),
            received, drafted, mailed, "drafted", "acknowledged",
        )  # fmt: skip
        outgoing_id = next(self._outgoing_ids)
        ours = post.message_id(id_, writer.address)
        sent = minutes.text(minute, journey.second + 4)
        rendered = post.acknowledgements.render(
            locale, recipient=writer.address, number=number, date=minutes.mail_date(minute, journey.second + 2),
            message_id=ours, answers=message_id,
        )  # fmt: skip
        told = f'{{"number": "{number}", "received_at": "{received[:10]}T{received[11:19]}+00:00"}}'
        rows[Outgoing] += (
            outgoing_id, _purpose(id_), KIND, id_, writer.address, writer.domain, locale, ours, message_id,
            f'["{message_id}"]', told, drafted, drafted, "sent", 1, 0, 0,
            minutes.text(minute, journey.second + 3), rendered, "250 2.0.0 Ok: queued", sent,
        )  # fmt: skip
        rows[Entry] += (id_, "mail", sent, None, outgoing_id)
        if journey.answered is None:
            return Delivered(len(mailed.files), int(len(journey.stages) == 1), drafted)
        answer = self._answered(id_, journey, journey.answered, subject, ours, changes)
        return Delivered(len(mailed.files) + answer.files, answer.unread, answer.last)

    def _answered(
        self, id_: int, journey: Journey, answered: tuple[int, int], subject: str, ours: str, changes: list[Said]
    ) -> Delivered:
        """The customer writes again."""
        story, post, random = journey.story, self.post, self.rng.random
        writer, locale = story.writer, story.buyer.locale
        visit, minute = answered
        n = int(random() * len(ANSWERS[locale]))
        text = ANSWERS[locale][n].format(name=writer.name)
        files = (mails.file("photo", locale, n % 3),) if n == ANSWER_WITH_FILE else ()
        letter_id = next(self._letter_ids)
        message_id = f"{letter_id:x}.{minute:x}@{writer.domain}"
        mailed = post.keep(
            (writer.address, n),
            lambda: mails.raw(
                writer, to=post.sender, subject=f"Re: {subject}", text=text, html="", files=files,
                message_id=message_id, at=EPOCH + (minute - 1) * MINUTE + journey.second * SECOND, answers=ours,
            ),
            files,
        )  # fmt: skip
        received, joined = self.minutes.text(minute, 0), self.minutes.text(minute, journey.second)
        self._letter(
            letter_id, id_, story, f"Re: {subject}", text, "", message_id, f'["{ours}"]',
            self.minutes.text(minute - 1, journey.second), received, joined, mailed, "joined", "reply",
        )  # fmt: skip
        insort(changes, (joined, None, "letter_joined", f'{{"letter_id":{letter_id}}}'), key=itemgetter(0))
        waiting = visit == len(journey.stages) - 1 and journey.stages[-1] != "closed" and random() < 0.5
        return Delivered(len(mailed.files), int(waiting), joined)

    def _letter(
        self,
        letter_id: int,
        id_: int,
        story: Story,
        subject: str,
        text: str,
        html: str,
        message_id: str,
        references: str,
        dated: str,
        received: str,
        seen: str,
        mailed: Mailed,
        outcome: str,
        reason: str,
    ) -> None:
        """A letter with its files, where it was seen, and its place in the conversation."""
        rows, writer = self.rows, story.writer
        rows[Letter] += (
            letter_id, f"{letter_id:064x}", id_, writer.address, writer.name, subject, text, html, message_id,
            references, dated, received, story.buyer.locale, "unverified", mailed.raw,
        )  # fmt: skip
        rows[Sighting] += (mailed.raw, mailed.size, received, seen, outcome, reason, "{}", letter_id, id_)
        rows[Entry] += (id_, "letter", received, letter_id, None)
        for position, file in enumerate(mailed.files):
            key = sha256(f"{self.post.secret}/{letter_id}/{position}".encode()).hexdigest()[:32]
            rows[Attachment] += attached(key, letter_id, id_, position, file)


def attached(key: str, letter_id: int | None, complaint_id: int, position: int, file: FileRow) -> tuple[Any, ...]:
    """The row of a file."""
    filename, content_type, size, blob = file
    return key, letter_id, complaint_id, position, filename, content_type, content_type, "", False, size, blob
