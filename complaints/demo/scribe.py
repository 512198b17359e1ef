"""The scribe of a fill: makes journeys into rows, from numbers that are told. Needs no database.

A part of a fill is some thousands of complaints. What it needs are the last numbers given out before it, by name: of a
table's ids (`letter`) or of a yearly series (`complaint:2026`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, zip_longest
from random import Random
from types import SimpleNamespace
from typing import Any

from complaints import terms
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT, Complaint, Involvement
from complaints.consequences import RESPONSIBLE
from complaints.demo import mails
from complaints.demo.company import Players
from complaints.demo.dossiers import ENTERED, Archive, Cast, Dossier
from complaints.demo.journeys import CHANNELS, Journey
from complaints.demo.moments import MINUTE, Minutes, Promises
from complaints.demo.post import Mailbag, Post, attached
from complaints.demo.steps import Route, begun_by
from complaints.demo.tables import COLUMNS, Rows, Said
from complaints.demo.words import NOTES
from complaints.history import Change, Written, canonical, digest_of
from complaints.letters import Attachment
from complaints.notices import Notice
from complaints.numbers import complaint_number, register_number
from complaints.procedure import COMPLAINT, INVESTIGATION, RECEIVED, ClockRule, procedure
from complaints.records import Investigation, Record
from complaints.signatures import Signature
from complaints.terms import Term
from complaints.visits import StageVisit
from complaints.work import Waiting

RULES = procedure()
NEVER = NO_LIMIT.strftime("%Y-%m-%d %H:%M:%S.%f")
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


@dataclass(slots=True)
class Numbered:
    """A journey that has its numbers."""

    journey: Journey
    day: int
    year: int
    sequence: int
    register_year: int | None
    register_serial: int | None


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
        self._digests: dict[str, str] = {}  # most complaints tell of the same moves
        self._last: Mapping[str, int] = {}
        self._wanted: Counter[str] = Counter()
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
        mailbag = Mailbag(self.post, self.rng, self.minutes, self.rows, last)
        for complaint_id, numbered in enumerate(self._numbered(journeys), last["complaint"] + 1):
            self._tell(complaint_id, numbered, mailbag)
        self.post.flush()
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

    def _tell(self, id_: int, numbered: Numbered, mailbag: Mailbag) -> None:
        """Everything about one complaint."""
        journey, rows, players = numbered.journey, self.rows, self.players
        story, stages, random = journey.story, journey.stages, self.rng.random
        buyer, case, locale = story.buyer, story.case, story.buyer.locale
        received, *later = [self.minutes.text(minute, 0) for minute in journey.entered]
        moments = [self.minutes.text(journey.minute, journey.second), *later]
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
        due = self._clocks(id_, journey, route, [received, *later])
        self._visits(id_, route, moments, taker, team)
        changes: list[Said] = [(moments[0], taker, "drafted", DRAFTED[journey.channel])]
        dossier = None
        if not closed or journey.entered[-1] >= self.shown_from:
            dossier = self._dossier(id_, numbered, route, team, moments, subject, content, entry)
            changes += dossier.changes
            due = min([due or NEVER, *(self._closing(row.due_on) for row in dossier.open_rows())])
            version, changed, owner = dossier.version, dossier.changed, dossier.owner_id()
        else:
            changes += self._long_ago(id_, numbered, route, moments, team)
            version, changed, owner = len(stages), moments[-1], None
        attached = unread = 0
        if by_mail:
            letters = mailbag.letters(id_, journey, number, subject, content, (received, moments[0]), changes)
            attached, unread, changed = letters.files, letters.unread, max(changed, letters.last)
        self._note(id_, changes)
        opened = None
        if dossier is not None:
            opened = self._keep(dossier, case.department, locale)
            attached += dossier.appraisal is not None
        demand, complaint_date, complaint_class, cause_type, link, phone, address, *product = entry
        name, model, order_no, material_no, _, batch_no, _ = product
        said = {
            "subject": subject, "content": content, "product": name, "model": model, "order_no": order_no,
            "material_no": material_no, "batch": batch_no,
        }  # fmt: skip
        rows[Term] += chain.from_iterable((term, id_) for term in terms.of(said))
        rows[Complaint] += (
            id_, number, numbered.year, numbered.sequence, numbered.register_year, numbered.register_serial,
            RULES.key, RULES.version, stages[-1], route.visits[-1].round, version, changed,
            NEVER if closed else due or NEVER, journey.channel, received, taker, moments[1] if registered else None,
            team["registered"] if registered else None, moments[-1] if closed else None, owner, subject, content,
            demand, complaint_date, complaint_class, cause_type, link, players.customers[buyer.name],
            players.contacts[story.writer.address], story.writer.name, phone,
            story.writer.address if by_mail or registered else "", address, *product, "", attached, unread,
            journey.repeats, opened,
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
        return self.minutes.text(self.minutes.closing(self.minutes.places[day]), 0)

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
            rows[Investigation] += (opened, dossier.round, dossier.investigated)
        for paper in dossier.papers:
            of_complaint = self.archive.sheet[paper.sheet].of == COMPLAINT
            rows[Record] += (
                COMPLAINT if of_complaint else INVESTIGATION, id_ if of_complaint else opened, paper.sheet,
                paper.round, paper.place, paper.number, canonical(paper.values), paper.marked, paper.version,
                paper.begun_at, paper.begun_by_id, paper.changed_at, paper.owner_id, paper.due_on, paper.done_on,
            )  # fmt: skip
        rows[Signature] += dossier.signatures
        rows[Notice] += dossier.notices
        for who, since in dossier.involved.items():
            rows[Involvement] += (id_, *who, since)
        for task in dossier.waiting():
            rows[Waiting] += (id_, *task, dossier.changed)
        if dossier.appraisal:
            file = self.post.file(mails.file("appraisal", locale, 0))
            rows[Attachment] += attached(dossier.appraisal, None, id_, 0, file)
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
        visits = self.rows[StageVisit]
        for visit, entered, left in zip_longest(route.visits, moments, moments[1:]):
            by = team[visit.mover] if visit.way else taker
            visits += (id_, visit.stage, visit.round, entered, by, left)

    def _long_ago(
        self, id_: int, numbered: Numbered, route: Route, moments: Sequence[str], team: Mapping[str, int]
    ) -> Iterator[Said]:
        """History and people of a complaint from the time before anything else was kept."""
        department, departments, involved = (
            numbered.journey.story.case.department, self.players.departments, self.rows[Involvement],
        )  # fmt: skip
        registered, by = moments[1], team[route.visits[1].mover]
        yield registered, by, "registered", _register_no(numbered)
        yield registered, by, "moved", route.visits[1].moved
        yield registered, by, "notified", self._notified[department]
        for visit, at in zip(route.visits[2:], moments[2:], strict=True):
            yield at, team[visit.mover], "moved", visit.moved
        for told in self._told[department]:
            involved += (id_, None, departments[told], "notified", registered)
        if numbered.journey.ours:
            since = moments[numbered.journey.stages.index("action_plan")]
            involved += (id_, None, departments[department], RESPONSIBLE, since)

    def _note(self, id_: int, changes: Iterable[Said]) -> None:
        """The history of a complaint, in order."""
        rows, digests = self.rows[Change], self._digests
        for position, (at, by, act, values) in enumerate(changes, 1):
            digest = digests.get(values)
            if digest is None:
                digest = digests[values] = digest_of(self.salt, values)
            rows += (id_, position, at, by, act, digest, values)

    def _clocks(self, id_: int, journey: Journey, route: Route, moments: Sequence[str]) -> str | None:
        """Clocks with their receipts; returns when the next of the running ones is due. `moments`: when each visit
        began."""
        text, working, day = self.minutes.text, self.minutes.open, self.minutes.day
        clocks, running, asked = self.rows[Clock], [], None
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
                stopped = text(journey.minute_of(*stop, working), 0) if stop.share else moments[stop.visit]
                outcome = "met" if stopped <= due_at else "late"
            else:
                running.append(due_at)
            clocks += ("complaint", id_, rule.key, round, rule.responsible, started, due_at, stopped, outcome, receipt)
        return min(running, default=None)


def _begun() -> dict[tuple[str, str], list[ClockRule]]:
    """The clocks by the event that starts them and the class."""
    starts = sorted({rule.starts for rule in RULES.clocks})
    return {(event, kind): begun_by(RULES, event, kind) for event in starts for kind in RULES.classes}


def _keys(rules: Iterable[ClockRule]) -> tuple[str, ...]:
    return tuple(rule.key for rule in rules)


def _register_no(numbered: Numbered) -> str:
    """What the history says of a registration."""
    return f'{{"register_no":"{register_number(numbered.register_year or 0, numbered.register_serial or 0)}"}}'
