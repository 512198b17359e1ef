"""The scribe of a fill: makes journeys into rows, from numbers that are told. Needs no database.

A part of a fill is some thousands of complaints. What it needs are the last numbers given out before it, by name: of a
table's ids (`letter`) or of a yearly series (`complaint:2026`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

from complaints import outbox
from complaints.acknowledgement import KIND
from complaints.blobs import Blobs
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT, Complaint, Involvement
from complaints.consequences import RESPONSIBLE
from complaints.conversation import Entry
from complaints.database import Base
from complaints.demo import mails
from complaints.demo.company import Players
from complaints.demo.dossiers import ENTERED, MOVERS, Archive, Cast, Dossier
from complaints.demo.journeys import CHANNELS, STAGES, Journey, Story
from complaints.demo.moments import EPOCH, MINUTE, Minutes, Promises
from complaints.demo.steps import Route, begun_by
from complaints.demo.words import ANSWER_WITH_FILE, ANSWERS, NOTES
from complaints.history import GENESIS, Change, Written, canonical, digest_of, link_of
from complaints.letters import Attachment, Letter, Sighting
from complaints.notices import Notice
from complaints.numbers import complaint_number, register_number
from complaints.outbox import Outgoing
from complaints.procedure import COMPLAINT, INVESTIGATION, RECEIVED, ClockRule, procedure
from complaints.records import Investigation, Record
from complaints.signatures import Signature
from complaints.visits import StageVisit
from complaints.work import Waiting

RULES = procedure()
NEVER = NO_LIMIT.strftime("%Y-%m-%d %H:%M:%S.%f")
SECOND = timedelta(seconds=1)
SHOWN_FOR = next(stage.shown_for_days or 0 for stage in RULES.stages if stage.final)
QUANTITIES = (20, 24, 30, 48, 50, 60, 80, 96, 120, 200, 300, 500)
DOERS = {
    "machining": "guoqiang.ma",
    "assembly": "piotr.lang",
    "surface_treatment": "xiaolin.fang",
    "logistics": "piotr.lang",
    "marketing": "weishan.gu",
}
"""Who plans, does and reports what a department has to do."""
HELPERS = {
    "machining": "xiaolin.fang",
    "assembly": "xiaolin.fang",
    "surface_treatment": "xiaolin.fang",
    "logistics": "piotr.lang",
    "marketing": "daniel.orme",
}
"""Who has the other half of the plan."""
MEASURED = timedelta(days=400)
"""So long the promises after registration have been kept account of; a year is what figures are drawn of."""
DRAFTED = {channel: canonical({"channel": channel}) for channel in CHANNELS}

Row = tuple[Any, ...]
Rows = dict[type[Base], list[Row]]
COLUMNS: dict[type[Base], str] = {
    Investigation: "id round opened_at",
    Complaint: "id number year sequence register_year register_serial procedure procedure_version stage round version "
    "changed_at sort_due_at channel received_at received_by_id registered_at registered_by_id closed_at owner_id "
    "subject content demand complaint_date complaint_class cause_type link customer_id contact_id contact_person "
    "contact_phone contact_email address product model order_no material_no quantity batch ship_date details_asked "
    "attachment_count unread_count repeat_of_count investigation_id",
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
    Involvement: "complaint_id user_id department_id reason since",
    Record: "subject subject_id sheet round place number values marks version begun_at begun_by_id changed_at owner_id "
    "due_on done_on",
    Signature: "subject subject_id complaint_id key round user_id role at decision remark digest",
    Waiting: "complaint_id kind key role user_id department_id due_on since",
    Notice: "user_id complaint_id version event values at read_at",
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
            kept = Mailed(sha256(raw).hexdigest(), len(raw), tuple(self.file(part) for part in files))
            if self.shared:
                self._kept[key] = kept
        return kept

    def file(self, part: mails.File) -> Row:
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


class Scribe:
    """Writes journeys down: one call, one part."""

    def __init__(self, rng: Random, minutes: Minutes, players: Players, post: Post) -> None:
        self.rng = rng
        self.minutes = minutes
        self.players = players
        self.post = post
        self.salt = rng.randbytes(16).hex()  # one for all: nobody's secrets are in made-up data
        known = {_keys(begun): Promises(minutes, begun) for begun in _begun().values()}
        self.promises = {start: known[_keys(begun)] for start, begun in _begun().items()}
        self.archive = Archive(RULES, minutes, players, post.secret)
        self.shown_from = minutes.end - timedelta(days=SHOWN_FOR) // MINUTE
        self.measured_from = minutes.end - MEASURED // MINUTE
        self.rows: Rows = {}
        self._routes: dict[tuple[tuple[str, ...], bool, bool], list[Route]] = {}
        self._closings: dict[str, str] = {}
        self._last: Mapping[str, int] = {}
        self._wanted: Counter[str] = Counter()
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
        self._last = last
        self._wanted = Counter({"complaint": len(journeys), "letter": mailed + answers, "outgoing": mailed})
        self._letter_ids = count(last["letter"] + 1)
        self._outgoing_ids = count(last["outgoing"] + 1)
        for complaint_id, numbered in enumerate(self._numbered(journeys), last["complaint"] + 1):
            self._tell(complaint_id, numbered)
        self.post.flush()
        self.rows[Change] = list(_chained(self.rows[Change], self.salt))
        return self.rows, +self._wanted

    def _next_in(self, series: str) -> int:
        self._wanted[series] += 1
        return self._last.get(series, 0) + self._wanted[series]

    def _numbered(self, journeys: Sequence[Journey]) -> list[Numbered]:
        """Numbers in the order of arrival, serials in the order of registration."""
        minutes, next_in = self.minutes, self._next_in
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
        moments = [self.minutes.text(minute, 0) for minute in journey.entered]
        received = moments[0]
        moments[0] = self.minutes.text(journey.minute, journey.second)
        by_mail, registered, closed = journey.channel == "email", len(stages) > 1, stages[-1] == "closed"
        route = self._route(journey)
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
        entry: tuple[Any, ...] = ("", None, None, None, None, "", "", "", "", "", "", "", "", None)
        if registered:
            entry = (
                story.demand.format_map(figures), iso[day], "major" if journey.major else "general", case.cause_type,
                case.link, story.writer.phone, buyer.address, story.product.name.in_(locale), story.product.code, order,
                story.product.material_no, figures["quantity"], batch, iso[max(day - 3 - int(random() * 30), 0)],
            )  # fmt: skip
        due = self._clocks(id_, journey, route, received, moments)
        self._visits(id_, route, moments, taker, team)
        first = (id_, moments[0], taker, "drafted", DRAFTED[journey.channel])
        dossier = None
        if not closed or journey.entered[-1] >= self.shown_from:
            dossier = self._dossier(id_, numbered, route, team, moments, subject, content, entry)
            rows[Change] += [first, *dossier.changes]
            due = min([due or NEVER, *(self._closing(row.due_on) for row in dossier.open_rows())])
            version, changed, owner = dossier.version, dossier.changed, dossier.owner_id()
        else:
            self._long_ago(id_, numbered, route, moments, first, team)
            version, changed, owner = len(stages), moments[-1], None
        attached = unread = 0
        if by_mail:
            attached, unread, last = self._letters(id_, journey, number, subject, content, received, moments[0])
            changed = max(changed, last)
        opened = None
        if dossier is not None:
            opened = self._keep(dossier, case.department, locale)
            attached += dossier.appraisal is not None
        demand, complaint_date, complaint_class, cause_type, link, phone, address, *product = entry
        rows[Complaint].append(
            (
                id_, number, numbered.year, numbered.sequence, numbered.register_year, numbered.register_serial,
                RULES.key, RULES.version, stages[-1], route.visits[-1].round, version, changed,
                NEVER if closed else due or NEVER, journey.channel, received, taker, moments[1] if registered else None,
                team["registered"] if registered else None, moments[-1] if closed else None, owner, subject, content,
                demand, complaint_date, complaint_class, cause_type, link, players.customers[buyer.name],
                players.contacts[story.writer.address], story.writer.name, phone,
                story.writer.address if by_mail or registered else "", address, *product, "", attached, unread,
                journey.repeats, opened,
            )
        )  # fmt: skip

    def _route(self, journey: Journey) -> Route:
        key = (journey.stages, journey.major, journey.ours)
        if key not in self._routes:
            self._routes[key] = Route.through(RULES, journey.stages, major=journey.major, ours=journey.ours)
        routes = self._routes[key]
        return routes[int(journey.progress * len(routes))]

    def _closing(self, day: str | None) -> str:
        """When the office closes on a day."""
        assert day is not None
        if day not in self._closings:
            place = (date.fromisoformat(day) - self.minutes.dates[0]).days
            self._closings[day] = self.minutes.text(self.minutes.closing(place), 0)
        return self._closings[day]

    def _dossier(
        self,
        id_: int,
        numbered: Numbered,
        route: Route,
        team: dict[str, int],
        moments: list[str],
        subject: str,
        content: str,
        entry: tuple[Any, ...],
    ) -> Dossier:
        """What is in a complaint that is on the board."""
        journey = numbered.journey
        department = journey.story.case.department
        fields = SimpleNamespace(
            id=id_, stage=journey.stages[0], round=1, subject=subject, content=content, channel=journey.channel,
            customer_id=self.players.customers[journey.story.buyer.name], details_asked="",
            registered_by_id=team["registered"], **dict(zip(ENTERED, entry, strict=True)),
        )  # fmt: skip
        dossier = Dossier(
            self.archive, journey, route, Cast(team, self.players.departments[department]), fields, id=id_,
            investigation_id=self._last["investigation"] + self._wanted["investigation"] + 1, number_in=self._next_in,
        )  # fmt: skip
        told = [self.players.departments[key] for key in self._told[department]]
        dossier.play(moments, _register_no(numbered), self._notified[department], told)
        return dossier

    def _keep(self, dossier: Dossier, department: str, locale: str) -> int | None:
        """The rows of a dossier; returns the id of its investigation."""
        rows, id_ = self.rows, dossier.id
        opened = None
        if dossier.investigated is not None:
            opened = dossier.investigation_id
            self._wanted["investigation"] += 1
            rows[Investigation].append((opened, dossier.round, dossier.investigated))
        for paper in dossier.papers:
            of_complaint = self.archive.sheet[paper.sheet].of == COMPLAINT
            rows[Record].append(
                (
                    COMPLAINT if of_complaint else INVESTIGATION, id_ if of_complaint else opened, paper.sheet,
                    paper.round, paper.place, paper.number, canonical(paper.values), paper.marked,
                    paper.version, paper.begun_at, paper.begun_by_id, paper.changed_at, paper.owner_id, paper.due_on,
                    paper.done_on,
                )
            )  # fmt: skip
        rows[Signature] += dossier.signatures
        rows[Notice] += dossier.notices
        rows[Involvement] += [(id_, *who, since) for who, since in dossier.involved.items()]
        rows[Waiting] += [(id_, *task, dossier.changed) for task in dossier.waiting()]
        if dossier.appraisal:
            filename, content_type, size, blob = self.post.file(mails.file("appraisal", locale, 0))
            rows[Attachment].append(
                (dossier.appraisal, None, id_, 0, filename, content_type, content_type, "", False, size, blob)
            )
        return opened

    def _team(self, department: str, locale: str, major: bool, clerk: bool) -> dict[str, int]:
        """Who takes a complaint into each stage, and who plays which part on the way."""
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
                "verification": user(DOERS[department]),
                "customer_reply": qe,
                "closed": user("ingrid.hale") if major else user("wanqing.su"),
                "front": user("wanqing.su") if chinese else sales,
                "sales": sales,
                "mkt_sup": user("ingrid.hale"),
                "mkt_vp": user("weishan.gu"),
                "approver": user("weishan.gu") if major else user("ingrid.hale"),
                "qe": qe,
                "qa_head": user("lan.shen"),
                "mr": user("helen.marsh"),
                "gm": user("jianming.ye"),
                "doer": user(DOERS[department]),
                "dept_head": self.players.head(department),
                "helper": user(HELPERS[department]),
            }
        return self._teams[key]

    def _visits(self, id_: int, route: Route, moments: list[str], taker: int | None, team: dict[str, int]) -> None:
        before, visits, last = "", self.rows[StageVisit], len(moments) - 1
        for n, visit in enumerate(route.visits):
            by = team[MOVERS.get((before, visit.stage), visit.stage)] if n else taker
            visits.append((id_, visit.stage, visit.round, moments[n], by, moments[n + 1] if n < last else None))
            before = visit.stage

    def _long_ago(
        self, id_: int, numbered: Numbered, route: Route, moments: list[str], first: Row, team: dict[str, int]
    ) -> None:
        """History and people of a complaint from the time before anything else was kept."""
        changes, department = self.rows[Change], numbered.journey.story.case.department
        changes.append(first)
        for n in range(1, len(moments)):
            before, stage, at = route.visits[n - 1].stage, route.visits[n].stage, moments[n]
            by = team[MOVERS.get((before, stage), stage)]
            if n == 1:
                changes.append((id_, at, by, "registered", _register_no(numbered)))
            changes.append((id_, at, by, "moved", self._moved[before, stage]))
            if n == 1:
                changes.append((id_, at, by, "notified", self._notified[department]))
        told, departments = self._told[department], self.players.departments
        self.rows[Involvement] += [(id_, None, departments[key], "notified", moments[1]) for key in told]
        if numbered.journey.ours:
            since = moments[numbered.journey.stages.index("action_plan")]
            self.rows[Involvement].append((id_, None, departments[department], RESPONSIBLE, since))

    def _clocks(self, id_: int, journey: Journey, route: Route, received: str, moments: list[str]) -> str | None:
        """Clocks with their receipts; returns when the next of the running ones is due."""
        text, working, day = self.minutes.text, self.minutes.open, self.minutes.day
        add, running, asked = self.rows[Clock].append, [], None
        kind = "major" if journey.major else "general"
        long_ago = journey.entered[-1] < self.measured_from
        for start, event, n, round, stop in route.promises:
            if start is not asked:
                if long_ago and event != RECEIVED:
                    break
                asked, minute = start, journey.minute_of(*start, working)
                promises = self.promises[event, kind]
                answers, started = promises.at(minute, day(minute)), text(minute, 0)
            rule, (due, receipt) = promises.rules[n], answers[n]
            due_at, stopped, outcome = text(due, 0), None, None
            if stop is not None:
                stopped = text(journey.minute_of(*stop, working), 0)
                outcome = "met" if stopped <= due_at else "late"
            else:
                running.append(due_at)
            add(("complaint", id_, rule.key, round, rule.responsible, started, due_at, stopped, outcome, receipt))
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


def _begun() -> dict[tuple[str, str], list[ClockRule]]:
    """The clocks by the event that starts them and the class."""
    starts = sorted({rule.starts for rule in RULES.clocks})
    return {(event, kind): begun_by(RULES, event, kind) for event in starts for kind in RULES.classes}


def _keys(rules: Iterable[ClockRule]) -> tuple[str, ...]:
    return tuple(rule.key for rule in rules)


def _register_no(numbered: Numbered) -> str:
    """What the history says of a registration."""
    return f'{{"register_no":"{register_number(numbered.register_year or 0, numbered.register_serial or 0)}"}}'


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
