"""The scribe of a fill: makes journeys into rows, from numbers that are told. Needs no database.

A part of a fill is some thousands of complaints. What it needs are the last numbers given out before it, by name: of a
table's ids (`letter`) or of a yearly series (`complaint:2026`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any

from complaints import outbox
from complaints.acknowledgement import KIND
from complaints.blobs import Blobs
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT, Complaint, Involvement
from complaints.conversation import Entry
from complaints.database import Base
from complaints.demo import mails
from complaints.demo.company import Players
from complaints.demo.journeys import CHANNELS, STAGES, Journey, Story
from complaints.demo.moments import EPOCH, MINUTE, Minutes, Promises
from complaints.demo.words import ANSWER_WITH_FILE, ANSWERS, NOTES
from complaints.history import GENESIS, Change, Written, canonical, digest_of, link_of
from complaints.letters import Attachment, Letter, Sighting
from complaints.numbers import complaint_number, register_number
from complaints.outbox import Outgoing
from complaints.procedure import procedure
from complaints.visits import StageVisit

RULES = procedure()
NEVER = NO_LIMIT.strftime("%Y-%m-%d %H:%M:%S.%f")
SECOND = timedelta(seconds=1)
QUANTITIES = (20, 24, 30, 48, 50, 60, 80, 96, 120, 200, 300, 500)
DOERS = {
    "machining": "guoqiang.ma",
    "assembly": "piotr.lang",
    "surface_treatment": "xiaolin.fang",
    "logistics": "piotr.lang",
}
"""Who reports that a department has done its part."""
DRAFTED = {channel: canonical({"channel": channel}) for channel in CHANNELS}

Row = tuple[Any, ...]
Rows = dict[type[Base], list[Row]]
COLUMNS: dict[type[Base], str] = {
    Complaint: "id number year sequence register_year register_serial procedure procedure_version stage round version "
    "changed_at sort_due_at channel received_at received_by_id registered_at registered_by_id closed_at owner_id "
    "subject content demand complaint_date complaint_class cause_type link customer_id contact_id contact_person "
    "contact_phone contact_email address product model order_no material_no quantity batch ship_date details_asked "
    "attachment_count unread_count",
    Letter: "id content_key complaint_id from_address from_name subject text html message_id references dated "
    "received_at language verdict raw",
    Outgoing: "id purpose kind complaint_id recipient domain locale message_id in_reply_to references values "
    "created_at due_at state attempts deaths ambiguous handed_over_at rendered reply sent_at",
    Sighting: "raw size received_at seen_at outcome reason values letter_id complaint_id",
    Attachment: "id letter_id complaint_id position filename content_type declared_type content_id inline size blob",
    Entry: "complaint_id kind at letter_id outgoing_id",
    Clock: "subject_kind subject_id key round responsible started_at due_at stopped_at outcome receipt",
    StageVisit: "complaint_id stage round entered_at entered_by_id left_at",
    Change: "complaint_id position at by_id act digest link",
    Written: "complaint_id position salt values",
    Involvement: "complaint_id department_id reason since",
}
"""What a fill writes, in an order that the foreign keys allow. Instants are texts in UTC, as both databases read them;
what a change says is JSON as `history.canonical` writes it."""
TOLD = f"{COLUMNS[Change]} values"
"""A change with what it says: one row of a scribe makes one of each, with the scribe's salt."""


@dataclass(slots=True)
class Numbered:
    """A journey that has its numbers."""

    journey: Journey
    day: int
    year: int
    sequence: int
    register_year: int | None
    register_serial: int | None


@dataclass(frozen=True)
class Mailed:
    """The bytes of a letter in the blob store, and its files as the attachment rows have them."""

    raw: str
    size: int
    files: tuple[Row, ...]


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
        self._files: dict[mails.File, Row] = {}
        self._waiting: list[bytes] = []

    def keep(self, key: object, mail: Callable[[], bytes], files: Sequence[mails.File]) -> Mailed:
        """A mail's place in the blob store; it is there after `flush`."""
        kept = self._kept.get(key)
        if kept is None:
            raw = mail()
            self._waiting.append(raw)
            kept = Mailed(sha256(raw).hexdigest(), len(raw), tuple(self._file(part) for part in files))
            if self.shared:
                self._kept[key] = kept
        return kept

    def _file(self, part: mails.File) -> Row:
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


class Scribe:
    """Writes journeys down: one call, one part."""

    def __init__(self, rng: Random, minutes: Minutes, players: Players, post: Post) -> None:
        self.rng = rng
        self.minutes = minutes
        self.players = players
        self.post = post
        self.salt = rng.randbytes(16).hex()  # one for all: nobody's secrets are in made-up data
        self.promises = Promises(minutes, RULES.clocks)
        self.rows: Rows = {}
        self._letter_ids: Iterator[int] = iter(())
        self._outgoing_ids: Iterator[int] = iter(())
        self._moved = {(a, b): canonical({"before": a, "after": b}) for a in STAGES for b in STAGES}
        departments = players.departments
        self._told = {key: sorted({"qa", key}, key=lambda told: departments[told]) for key in departments}
        self._notified = {key: canonical({"departments": told}) for key, told in self._told.items()}
        self._teams: dict[tuple[str, str, bool, bool], dict[str, int]] = {}

    def write(self, journeys: Sequence[Journey], last: Mapping[str, int]) -> tuple[Rows, Counter[str]]:
        """The rows of a part, and how many numbers of each kind it took after the last ones. What it keeps in the blob
        store is there by then."""
        self.rows = {model: [] for model in COLUMNS if model is not Written}
        mailed = sum(journey.channel == "email" for journey in journeys)
        answers = sum(journey.answered is not None for journey in journeys)
        wanted = Counter({"complaint": len(journeys), "letter": mailed + answers, "outgoing": mailed})
        self._letter_ids = count(last["letter"] + 1)
        self._outgoing_ids = count(last["outgoing"] + 1)
        for complaint_id, numbered in enumerate(self._numbered(journeys, last, wanted), last["complaint"] + 1):
            self._tell(complaint_id, numbered)
        self.post.flush()
        self.rows[Change] = list(_chained(self.rows[Change], self.salt))
        return self.rows, +wanted

    def _numbered(self, journeys: Sequence[Journey], last: Mapping[str, int], wanted: Counter[str]) -> list[Numbered]:
        """Numbers in the order of arrival, serials in the order of registration; `wanted` counts them."""
        minutes = self.minutes

        def next_in(series: str) -> int:
            wanted[series] += 1
            return last.get(series, 0) + wanted[series]

        days = [minutes.day(journey.minute) for journey in journeys]
        years = [minutes.dates[day].year for day in days]
        registered = sorted(
            (n for n, journey in enumerate(journeys) if len(journey.entered) > 1), key=lambda n: journeys[n].entered[1]
        )
        entries = {}
        for n in registered:
            year = minutes.dates[minutes.day(journeys[n].entered[1])].year
            entries[n] = (year, next_in(f"register:{year}"))
        return [
            Numbered(journey, days[n], years[n], next_in(f"complaint:{years[n]}"), *entries.get(n, (None, None)))
            for n, journey in enumerate(journeys)
        ]

    def _tell(self, id_: int, numbered: Numbered) -> None:
        """Everything about one complaint."""
        journey, rows, players = numbered.journey, self.rows, self.players
        story, stages, random = journey.story, journey.stages, self.rng.random
        buyer, case, locale = story.buyer, story.case, story.buyer.locale
        moments = [self.minutes.text(minute, journey.second) for minute in journey.entered]
        received = self.minutes.text(journey.minute, 0)
        by_mail, registered = journey.channel == "email", len(stages) > 1
        team = self._team(case.department, locale, journey.major, random() < 0.65)
        number = complaint_number(numbered.year, numbered.sequence)
        iso, day = self.minutes.iso, numbered.day
        batch = f"L{iso[day - 1][2:4]}{iso[day - 1][5:7]}-{int(random() * 240) + 1:03d}"
        quantity = QUANTITIES[int(random() * len(QUANTITIES))]
        bad = str(1 + int(random() * min(quantity, 30)))
        order = f"{buyer.orders}{int(random() * 100000):05d}"
        figures = {"order": order, "batch": batch, "quantity": str(quantity), "bad": bad}
        subject = story.subject.format_map(figures)
        if by_mail:
            content = story.letter.format_map(figures)
        else:
            content = NOTES[locale][journey.channel].format(text=story.text.format_map(figures))
        taker = None if by_mail else team["registered"]
        entered_by = self._path(id_, numbered, moments, taker, team)
        due = self._clocks(id_, journey, day, received, moments)
        attached = unread = 0
        changed = moments[-1]
        if by_mail:
            attached, unread, last = self._letters(id_, journey, number, subject, content, received, moments[0])
            changed = max(changed, last)
        contact = players.contacts[story.writer.address]
        customer = players.customers[buyer.name]
        if registered:
            told = self._told[case.department]
            rows[Involvement] += [(id_, players.departments[key], "notified", moments[1]) for key in told]
            if "action_plan" in stages:
                since = moments[stages.index("action_plan")]
                rows[Involvement].append((id_, players.departments[case.department], "responsible", since))
        rows[Complaint].append(
            (
                id_, number, numbered.year, numbered.sequence, numbered.register_year, numbered.register_serial,
                RULES.key, RULES.version, stages[-1], 1, len(stages), changed, due or NEVER,
                journey.channel, received, taker, moments[1] if registered else None, entered_by,
                moments[-1] if stages[-1] == "closed" else None, team[stages[-1]] if registered else None,
                subject, content, story.demand.format_map(figures) if registered else "",
                iso[day] if registered else None, ("major" if journey.major else "general") if registered else None,
                case.cause_type if registered else None, case.link if registered else None,
                customer, contact, story.writer.name, story.writer.phone if registered else "",
                story.writer.address if by_mail or registered else "", buyer.address if registered else "",
            )
            + (
                (story.product.name.in_(locale), story.product.code, figures["order"], story.product.material_no,
                 figures["quantity"], batch, iso[max(day - 3 - int(random() * 30), 0)])
                if registered else ("", "", "", "", "", "", None)
            )
            + ("", attached, unread)
        )  # fmt: skip

    def _team(self, department: str, locale: str, major: bool, clerk: bool) -> dict[str, int]:
        """Who takes a complaint into each stage; as far as it has come, the one who has it in hand."""
        key = (department, locale, major, clerk)
        if key not in self._teams:
            user, chinese = self.players.user, locale.startswith("zh")
            sales = user("ingrid.hale" if chinese else "daniel.orme")
            qe = user("ziheng.lu" if chinese else "tomas.reiner")
            self._teams[key] = {
                "registered": user("wanqing.su") if clerk else sales,
                "investigation": user("lan.shen") if major else sales,
                "action_plan": qe,
                "implementation": user("jianming.ye") if major else user("helen.marsh"),
                "verification": user(DOERS[department]) if department in DOERS else qe,
                "customer_reply": qe,
                "closed": user("ingrid.hale") if major else user("wanqing.su"),
            }
        return self._teams[key]

    def _path(
        self, id_: int, numbered: Numbered, moments: list[str], taker: int | None, team: dict[str, int]
    ) -> int | None:
        """Stage visits and history; returns who registered it."""
        journey = numbered.journey
        stages, visits, changes = journey.stages, self.rows[StageVisit], self.rows[Change]
        visits.append((id_, stages[0], 1, moments[0], taker, moments[1] if len(stages) > 1 else None))
        changes.append((id_, moments[0], taker, "drafted", DRAFTED[journey.channel]))
        before = stages[0]
        for n in range(1, len(stages)):
            stage, at = stages[n], moments[n]
            by = team["customer_reply"] if before == "verification" and stage == "implementation" else team[stage]
            visits.append((id_, stage, 1, at, by, moments[n + 1] if n + 1 < len(stages) else None))
            if n == 1:
                register_no = register_number(numbered.register_year or 0, numbered.register_serial or 0)
                changes.append((id_, at, by, "registered", f'{{"register_no":"{register_no}"}}'))
            changes.append((id_, at, by, "moved", self._moved[before, stage]))
            if n == 1:
                changes.append((id_, at, by, "notified", self._notified[journey.story.case.department]))
            before = stage
        return team["registered"] if len(stages) > 1 else None

    def _clocks(self, id_: int, journey: Journey, day: int, started: str, moments: list[str]) -> str | None:
        """Clocks with their receipts; returns when the next of the running ones is due."""
        running = []
        for rule, (due, receipt) in zip(RULES.clocks, self.promises.at(journey.minute, day), strict=True):
            due_at, stopped, outcome = self.minutes.text(due, 0), None, None
            if rule.stops_on_entering in journey.stages:
                stopped = moments[journey.stages.index(rule.stops_on_entering)]
                outcome = "met" if stopped <= due_at else "late"
            else:
                running.append(due_at)
            row = ("complaint", id_, rule.key, 1, rule.responsible, started, due_at, stopped, outcome, receipt)
            self.rows[Clock].append(row)
        return min(running, default=None)

    def _letters(
        self, id_: int, journey: Journey, number: str, subject: str, content: str, received: str, drafted: str
    ) -> tuple[int, int, str]:
        """The letter that began it, our acknowledgement, and perhaps another letter. Returns how many files came, how
        many letters are unread, and when the last came."""
        story, minutes, post = journey.story, self.minutes, self.post
        writer, locale, rows = story.writer, story.buyer.locale, self.rows
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
        rows[Outgoing].append(
            (
                outgoing_id, _purpose(id_), KIND, id_, writer.address, writer.domain, locale, ours, message_id,
                f'["{message_id}"]', told, drafted, drafted, "sent", 1, 0, 0,
                minutes.text(minute, journey.second + 3), rendered, "250 2.0.0 Ok: queued", sent,
            )
        )  # fmt: skip
        rows[Entry].append((id_, "mail", sent, None, outgoing_id))
        if journey.answered is None:
            return len(mailed.files), int(len(journey.stages) == 1), drafted
        files, last, unread = self._answered(id_, journey, journey.answered, subject, ours)
        return len(mailed.files) + files, unread, last

    def _answered(
        self, id_: int, journey: Journey, answered: tuple[int, int], subject: str, ours: str
    ) -> tuple[int, str, int]:
        """The customer writes again. Returns how many files came along, when, and 1 if nobody has read it yet."""
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
        changes = self.rows[Change]
        place = len(changes)
        while changes[place - 1][0] == id_ and changes[place - 1][1] > joined:
            place -= 1
        changes.insert(place, (id_, joined, None, "letter_joined", f'{{"letter_id":{letter_id}}}'))
        waiting = visit == len(journey.stages) - 1 and journey.stages[-1] != "closed" and random() < 0.5
        return len(mailed.files), joined, int(waiting)

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
        rows[Letter].append(
            (
                letter_id, f"{letter_id:064x}", id_, writer.address, writer.name, subject, text, html, message_id,
                references, dated, received, story.buyer.locale, "unverified", mailed.raw,
            )
        )  # fmt: skip
        rows[Sighting].append((mailed.raw, mailed.size, received, seen, outcome, reason, "{}", letter_id, id_))
        rows[Entry].append((id_, "letter", received, letter_id, None))
        for position, (filename, content_type, size, blob) in enumerate(mailed.files):
            key = sha256(f"{self.post.secret}/{letter_id}/{position}".encode()).hexdigest()[:32]
            rows[Attachment].append(
                (key, letter_id, id_, position, filename, content_type, content_type, "", False, size, blob)
            )


def _chained(changes: Iterable[Row], salt: str) -> Iterator[Row]:
    """The history of complaints (id, at, by, act, values; in order) as chains."""
    digests: dict[str, str] = {}  # most complaints tell of the same moves
    complaint_id, position, link = 0, 0, GENESIS
    for id_, at, by, act, values in changes:
        if id_ != complaint_id:
            complaint_id, position, link = id_, 0, GENESIS
        position += 1
        digest = digests.get(values)
        if digest is None:
            digest = digests[values] = digest_of(salt, values)
        link = link_of(link, id_, position, f"{at[:10]}T{at[11:]}Z", by, act, digest)
        yield id_, position, at, by, act, digest, link, values
