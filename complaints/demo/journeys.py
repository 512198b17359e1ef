"""Who complains when, and how far each complaint has come: everything about a fill that needs no database.

`planned` spreads complaints over time and stages; an `Author` makes each into a `Journey` with a story, every stage it
has been in and the minute it was entered.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeVar

from complaints.demo import mails
from complaints.demo.moments import MINUTE, Minutes
from complaints.demo.words import BUYERS, CASES, GREETINGS, PRODUCTS, Buyer, Case, Product, Writer
from complaints.repeats import WITHIN

STAGES = (
    "draft", "registered", "investigation", "action_plan", "implementation", "verification", "customer_reply", "closed",
)  # fmt: skip
CLOSED = len(STAGES) - 1
OPEN_OF_60 = (5, 8, 11, 6, 8, 6, 6)
"""How many of sixty complaints stand in each stage but the last."""
OPEN_SHARE = 0.05
"""How many are open when there are many."""
AGES = (
    ((5, 115), (110, 600)), ((12, 70), (60, 1400)), ((480, 1500), (1000, 4500)), ((2000, 4000), (3000, 7000)),
    ((4500, 8000), (6000, 13000)), ((8000, 12000), (10000, 18000)), ((9000, 14000), (12000, 20000)),
)  # fmt: skip
"""How long ago, in minutes of working time, a complaint came in that stands in a stage: the usual and the slow ones."""
CLOSED_AGE = 7000
STAYS = {
    "draft": (3, 32), "registered": (2, 22), "investigation": (300, 2800), "action_plan": (300, 2400),
    "implementation": (900, 6000), "verification": (200, 1900), "customer_reply": (200, 3000),
}  # fmt: skip
"""How long a complaint stays in a stage, in minutes of working time."""
USUAL: tuple[str, ...] = STAGES
NOT_OURS: tuple[str, ...] = (*STAGES[:3], *STAGES[6:])
SENT_BACK: tuple[str, ...] = (*STAGES[:6], *STAGES[4:])
RETURNED: tuple[str, ...] = (*STAGES[:4], *STAGES[3:])
REJECTED: tuple[str, ...] = (*STAGES[:7], *STAGES[3:])
"""A department has not done everything; a plan goes back before it is approved; a customer does not accept."""
CHANNELS = ("email",) * 41 + ("phone",) * 4 + ("chat",) * 2 + ("visit", "letter", "minutes")
STILL_THERE = 0.9
"""The last thing that was done in the stage where a complaint stands was done this share of its stay ago."""
AHEAD = 4
"""So many parts are asked for before one is written: the last, whose complaints are still open, take longer to make.
Any of them may have to be made anew."""
VARIANTS = 200
SHARED = 64
HOUR = 60
ROUND, ROUND_AT_NIGHT = 15, 30
A_YEAR = WITHIN // MINUTE
CLOSED_GAP = 120  # minutes; the office is closed for longer than a lunch

Thing = TypeVar("Thing")


class Arrival(NamedTuple):
    """A complaint of the plan. `night`: it came while the office was closed."""

    minute: int
    stage: int
    night: bool


@dataclass(frozen=True, eq=False)
class Story:
    """Who complains about what. Its texts have places for the figures: order, batch and quantities."""

    buyer: Buyer
    writer: Writer
    case: Case
    product: Product
    subject: str
    text: str
    demand: str
    letter: str
    html: bool
    files: tuple[mails.File, ...]


@dataclass(slots=True)
class Journey:
    """When a complaint came in, where it has been since, and whether the customer wrote again meanwhile. `places` are
    the minutes of `entered` among those of working time; `progress` says how much of what is to be done in the last
    stage is done."""

    story: Story
    channel: str
    major: bool
    ours: bool
    progress: float
    minute: int
    second: int
    stages: tuple[str, ...]
    entered: list[int]
    places: list[int]
    answered: tuple[int, int] | None
    """During which of the visits, and in which minute."""
    repeats: int = 0
    """How many complaints of this customer with this product came in the year before."""

    def minute_of(self, visit: int, share: float, working: Sequence[int]) -> int:
        """The minute after a share of the stay of a visit."""
        if not share:
            return self.entered[visit]
        places = self.places
        if visit + 1 < len(places):
            return working[places[visit] + int((places[visit + 1] - places[visit]) * share)]
        return working[places[visit] + int((len(working) - 1 - places[visit]) * share * STILL_THERE)]


class Repeats:
    """Counts those that repeat. The parts of a fill ask one after the other, or from one on again."""

    def __init__(self) -> None:
        self._before: dict[int, dict[tuple[str, str], deque[int]]] = {0: {}}

    def count(self, n: int, journeys: Iterable[Journey]) -> None:
        """Tell the journeys of part `n` what they repeat."""
        seen = {key: deque(minutes) for key, minutes in self._before[n].items()}
        for journey in journeys:
            if len(journey.stages) > 1:  # nobody has said of a draft which product it is about
                minutes = seen.setdefault((journey.story.buyer.name, journey.story.product.code), deque())
                while minutes and minutes[0] < journey.minute - A_YEAR:
                    minutes.popleft()
                journey.repeats = len(minutes)
                minutes.append(journey.minute)
        self._before[n + 1] = seen
        self._before.pop(n - AHEAD - 1, None)


def planned(rng: Random, minutes: Minutes, count: int, *, few: bool) -> Sequence[int]:
    """Complaints in the order in which they come in, each packed into a number; see `unpacked`. When they are not few
    they come in at round minutes, so that the receipts of their clocks repeat."""
    random, working = rng.random, minutes.open
    total = len(working)
    breaks = [n for n in range(1, total) if working[n] - working[n - 1] > CLOSED_GAP]
    closed_now = minutes.end - working[-1]
    pace = count / total
    quotas = [*_quotas(count), 0]
    quotas[CLOSED] = count - sum(quotas)
    plan = array("q")
    for stage, quota in enumerate(quotas):
        for _ in range(quota):
            if stage == CLOSED:
                age = CLOSED_AGE + random() * (total - CLOSED_AGE)
            else:
                low, high = AGES[stage][random() < 0.4]
                if not few:
                    high = max(high, low + int(2 * quota / pace))  # no more a day than come in otherwise
                age = low + random() * (high - low)
            place = max(total - 1 - int(age), 0)
            minute, night = working[place], random() < 0.15
            if stage == 0 and closed_now > CLOSED_GAP and random() < 0.5:
                night = True
                minute = working[-1] + 1 + int(random() * (closed_now - 2))
            elif night and place >= breaks[0]:
                opening = breaks[bisect_right(breaks, place) - 1]
                minute = working[opening] - 1 - int(random() * (working[opening] - working[opening - 1] - 2))
            else:
                night = False
            if not few:
                minute -= minute % (ROUND_AT_NIGHT if night else ROUND)
            plan.append((minute << 4 | stage) << 1 | night)
    return array("q", sorted(plan))


def unpacked(packed: int) -> Arrival:
    return Arrival(packed >> 5, packed >> 1 & 15, bool(packed & 1))


def _quotas(count: int) -> list[int]:
    """How many complaints stand in each of the open stages; the largest fractions are rounded up."""
    wanted = round(count * sum(OPEN_OF_60) / 60) if count <= 60 else max(sum(OPEN_OF_60), int(count * OPEN_SHARE))
    exact = [wanted * share / sum(OPEN_OF_60) for share in OPEN_OF_60]
    quotas = [int(part) for part in exact]
    by_fraction = sorted(range(len(exact)), key=lambda n: quotas[n] - exact[n])
    for n in by_fraction[: wanted - sum(quotas)]:
        quotas[n] += 1
    return quotas


class Author:
    """Makes journeys. `few`: every one has a story of its own."""

    def __init__(self, rng: Random, minutes: Minutes, *, few: bool) -> None:
        self.rng = rng
        self.minutes = minutes
        self.few = few
        self._ways = {(way, last): self._variants(way, last) for way, last in _ways()}
        self._cases: list[Case] = []
        self._stories = [] if few else [self._new_story() for _ in range(SHARED)]

    def journeys(self, plan: Sequence[int]) -> list[Journey]:
        """The journeys of a plan. Where there are few, those that stand in a stage are each at another step, the older
        ones further, and every third is a major one."""
        journeys = [self._journey(packed) for packed in plan]
        if self.few:
            stages = Counter(journey.stages[-1] for journey in journeys)
            older = Counter[str]()
            for journey in journeys:
                stage = journey.stages[-1]
                older[stage] += 1
                newer = stages[stage] - older[stage]
                journey.progress = (newer + 0.7) / stages[stage]
                journey.major = newer % 3 == 1
        return journeys

    def _journey(self, packed: int) -> Journey:
        arrival = unpacked(packed)
        random, pick, working = self.rng.random, self._pick, self.minutes.open
        story = self._new_story() if self.few else pick(self._stories)
        channel = "email" if arrival.night else pick(CHANNELS)
        if not self.few and channel == "email" and self.minutes.end - arrival.minute <= HOUR + 1:
            channel = "phone"  # a flood of acknowledgements would hold back those that live mails are owed
        luck, last = random(), STAGES[arrival.stage]
        way = USUAL
        if luck < 0.12 and (last == "investigation" or last in STAGES[6:]):
            way = NOT_OURS
        elif luck > 0.94 and arrival.stage >= 4:
            way = SENT_BACK
        elif luck > 0.82 and arrival.stage >= 3:
            way = REJECTED if luck > 0.88 else RETURNED
        stages, variants = self._ways[way, last]
        begin = bisect_left(working, arrival.minute)
        places = self._places(begin, pick(variants))
        entered = [working[place] for place in places]
        return Journey(
            story=story,
            channel=channel,
            major=random() * 100 < story.case.major,
            ours=way is not NOT_OURS,
            progress=random(),
            minute=arrival.minute,
            second=1 + int(random() * 35),
            stages=stages,
            entered=[arrival.minute, *entered],
            places=[begin, *places],
            answered=self._answer(arrival.minute, entered) if channel == "email" and random() < 0.22 else None,
        )

    def _places(self, begin: int, offsets: tuple[int, ...]) -> list[int]:
        """When the stages after the first were entered; quicker than usual where time is short."""
        room = len(self.minutes.open) - 1 - begin
        share = max(room, 0) * 0.97 / offsets[-1] if offsets and offsets[-1] > room else 1
        return [begin + min(max(int(offset * share), 1), room) for offset in offsets]

    def _answer(self, minute: int, entered: list[int]) -> tuple[int, int] | None:
        """The customer writes again, sometime between two moves."""
        if not entered:
            return None
        visit = 1 + int(self.rng.random() * len(entered))
        begin = entered[visit - 1]
        end = entered[visit] if visit < len(entered) else min(self.minutes.end - 1, begin + 3000)
        return (visit, begin + 1 + int(self.rng.random() * (end - begin - 1))) if end - begin > 1 else None

    def _new_story(self) -> Story:
        buyer = self._pick(BUYERS)
        writer = self._pick(buyer.writers)
        if not self._cases:
            self._cases = self.rng.sample(CASES, len(CASES))
        case = self._cases.pop()
        product = PRODUCTS[self._pick(case.products)]
        words, locale = case.in_(buyer.locale), buyer.locale
        told = {"product": product.name.in_(locale), "code": product.code}
        told |= {figure: f"{{{figure}}}" for figure in ("order", "batch", "quantity", "bad")}
        text, demand = capital(words.text.format(**told)), words.demand.format(**told)
        letter = GREETINGS[locale].format(text=text, demand=demand, name=writer.name, customer=buyer.name)
        files = [mails.file(kind, locale, int(self.rng.random() * 3)) for kind in case.files]
        return Story(
            buyer=buyer,
            writer=writer,
            case=case,
            product=product,
            subject=words.subject.format(**told),
            text=text,
            demand=demand,
            letter=letter,
            html=self.rng.random() < 0.3,
            files=tuple(files) if self.rng.random() < 0.7 else (),
        )

    def _variants(self, way: tuple[str, ...], last: str) -> tuple[tuple[str, ...], list[tuple[int, ...]]]:
        """The stages of a way as far as it goes, and many possible times for them, in minutes after the arrival: round
        ones where there are many, as for the arrivals."""
        stages = way[: len(way) - way[::-1].index(last)]
        step = 1 if self.few else ROUND
        variants = []
        for _ in range(VARIANTS):
            offset, offsets = 0, []
            for stage in stages[:-1]:
                low, high = STAYS[stage]
                stay = low + self.rng.random() * (high - low)
                slow = stage in STAGES[:2] and self.rng.random() < 0.12
                offset += -(-int(stay * 9 if slow else stay) // step) * step
                offsets.append(offset)
            variants.append(tuple(offsets))
        return stages, variants

    def _pick(self, things: Sequence[Thing]) -> Thing:
        return things[int(self.rng.random() * len(things))]


def _ways() -> list[tuple[tuple[str, ...], str]]:
    """Every way with every stage it may have come to."""
    ways = [(way, last) for way in (USUAL, NOT_OURS) for last in way]
    return [
        *ways,
        *((SENT_BACK, last) for last in STAGES[4:]),
        *((way, last) for way in (RETURNED, REJECTED) for last in STAGES[3:]),
    ]


def capital(text: str) -> str:
    return text[0].upper() + text[1:]
