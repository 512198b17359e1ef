"""What is done in each stage on the way of a complaint, step by step, as the demo company works by its procedure.

A `Route` is the way of a complaint as far as it has come: its visits with their steps, and the clocks that ran. Most
complaints share a few hundred routes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from complaints.history import canonical
from complaints.procedure import NOTIFIED, RECEIVED, ClockRule, Move, Procedure

WRITE, SIGN, RETURN = "write", "sign", "return"
MOVERS = {
    ("verification", "implementation"): "qe",
    ("customer_reply", "action_plan"): "sales",
    ("action_plan", "action_plan"): "qa_head",
}
"""Who takes a complaint back; on its way on it is whoever the team has for the stage."""


class Step(NamedTuple):
    """Something done after a `share` of the stay: a record written, a signature given, a plan returned. `who` is a part
    in the cast; `text` names what is written where a record is written more than once."""

    share: float
    act: str
    key: str
    who: str
    text: str = ""


class Place(NamedTuple):
    """An instant of a route: after a share of the stay of a visit."""

    visit: int
    share: float


REGISTERED = (
    Step(0.1, WRITE, "first_review", "mkt_sup"),
    Step(0.25, WRITE, "form", "front"),
    Step(0.3, SIGN, "form_issued", "front"),
    Step(0.6, SIGN, "form_approved", "approver"),
    Step(1, SIGN, "receipt", "qa_head"),
    Step(1, WRITE, "assignment", "qa_head"),
)
TOLD = Step(0.06, WRITE, "contacts", "sales", "arrangement_told")
ENTRY = Step(0.1, WRITE, "qe_entry", "qe")
FINDING = Step(0.45, WRITE, "finding", "qe")
REPLY = Step(0.5, WRITE, "qa_reply", "qe")
INVESTIGATION: Mapping[tuple[bool, bool], Sequence[Step]] = {  # major, ours
    (False, True): (TOLD, ENTRY, FINDING, REPLY),
    (True, True): (
        TOLD, ENTRY, Step(0.18, WRITE, "interim", "qe"), Step(0.22, WRITE, "meeting", "qe", "planned"),
        Step(0.4, WRITE, "meeting", "qe", "held"), FINDING, REPLY,
    ),
    (False, False): (
        TOLD, ENTRY, FINDING, REPLY, Step(0.6, WRITE, "not_ours", "qe"),
        Step(0.8, SIGN, "not_ours_confirmed", "mkt_sup"),
    ),
    (True, False): (
        TOLD, ENTRY, Step(0.18, WRITE, "interim", "qe"), FINDING, REPLY, Step(0.6, WRITE, "not_ours", "qe"),
        Step(0.75, SIGN, "not_ours_confirmed", "mkt_sup"), Step(0.9, SIGN, "not_ours_confirmed_vp", "mkt_vp"),
    ),
}  # fmt: skip
PLAN = (
    Step(0.06, WRITE, "cause", "doer"),
    Step(0.12, WRITE, "plan", "doer", "first"),
    Step(0.13, WRITE, "plan", "doer", "second"),
    Step(0.22, SIGN, "plan_submitted", "doer"),
)
PLAN_AGAIN = (Step(0.12, WRITE, "cause", "doer", "again"), Step(0.22, SIGN, "plan_submitted", "doer"))
REVIEW = Step(0.45, SIGN, "plan_review", "qe")
APPROVAL = (REVIEW, Step(0.6, SIGN, "plan_audit", "qa_head"), Step(0.75, SIGN, "plan_approval", "mr"))
APPROVAL_GM = (*APPROVAL, Step(0.9, SIGN, "plan_approval_gm", "gm"))
RETURNED = (REVIEW, Step(1, RETURN, "plan_audit", "qa_head"))
IMPLEMENTATION = (
    Step(0.05, SIGN, "taken_over", "doer"),
    Step(0.15, WRITE, "contacts", "sales", "measures_told"),
    Step(0.4, WRITE, "plan", "doer", "first_done"),
    Step(0.6, WRITE, "plan", "helper", "second_done"),
    Step(0.75, WRITE, "implementation", "doer"),
    Step(0.9, WRITE, "completion", "doer"),
)
FINISHED = (Step(0.7, WRITE, "completion", "doer", "again"),)
VERIFICATION = (Step(0.5, WRITE, "verification", "qe"), Step(0.8, SIGN, "verified", "qe"))
CHECKED = (Step(0.6, WRITE, "checks", "qe"),)
RESULT_TOLD = Step(0.2, WRITE, "contacts", "sales", "result_told")
REPLIED = (RESULT_TOLD, Step(0.8, WRITE, "answer", "sales"))


def steps_of(stages: Sequence[str], n: int, round: int, *, major: bool, ours: bool) -> Sequence[Step]:
    """What is done during visit `n`, if the complaint stays long enough."""
    stage, before = stages[n], stages[n - 1] if n else ""
    after = stages[n + 1] if n + 1 < len(stages) else ""
    if stage == "registered":
        return REGISTERED
    if stage == "investigation":
        return INVESTIGATION[major, ours]
    if stage == "action_plan":
        plan = PLAN if round == 1 else PLAN_AGAIN
        return (*plan, *(RETURNED if after == "action_plan" else APPROVAL_GM if major else APPROVAL))
    if stage == "implementation":
        return FINISHED if before == "verification" else IMPLEMENTATION
    if stage == "verification":
        return CHECKED if after == "implementation" else VERIFICATION
    if stage == "customer_reply":
        return (RESULT_TOLD,) if after == "action_plan" else REPLIED
    return ()


@dataclass(frozen=True)
class Visit:
    """A stay in a stage, the way that led there with who went it, and what was done there. `moved` is what the history
    says of it."""

    stage: str
    round: int
    way: Move | None
    mover: str
    moved: str
    steps: tuple[Step, ...]


class Promise(NamedTuple):
    """A clock of a route: number `n` of those that an event begins."""

    start: Place
    event: str
    n: int
    round: int
    stop: Place | None


@dataclass(frozen=True, eq=False)
class Route:
    """The way of a complaint: where it has been, what was done there, and the clocks that ran."""

    visits: tuple[Visit, ...]
    promises: tuple[Promise, ...]

    @classmethod
    def through(cls, rules: Procedure, stages: Sequence[str], *, major: bool, ours: bool) -> "list[Route]":
        """The routes through these stages: with nothing done in the last of them, with one step, …, with all."""
        visits: list[Visit] = []
        round = 1
        for n, stage in enumerate(stages):
            before = stages[n - 1] if n else ""
            way = rules.ways(before, stage)[0] if n else None
            round += way is not None and way.new_round
            mover, moved = MOVERS.get((before, stage), stage), canonical({"before": before, "after": stage})
            steps = tuple(steps_of(stages, n, round, major=major, ours=ours))
            visits.append(Visit(stage, round, way, mover, moved, steps))
        last = visits.pop()
        routes = []
        for done in range(len(last.steps) + 1):
            visited = (*visits, replace(last, steps=last.steps[:done]))
            routes.append(cls(visited, tuple(_promises(rules, visited, "major" if major else "general"))))
        return routes


def _promises(rules: Procedure, visits: Sequence[Visit], kind: str) -> Iterator[Promise]:
    """The clocks of a complaint of a class."""
    events = list(_events(visits))
    for position, (place, event, round) in enumerate(events):
        for n, rule in enumerate(begun_by(rules, event, kind)):
            yield Promise(place, event, n, round, _stop(rule, events[position:]))


def begun_by(rules: Procedure, event: str, kind: str) -> list[ClockRule]:
    """The clocks that an event starts on a complaint of a class."""
    return [
        rule
        for rule in rules.clocks
        if rule.starts == event
        and (not rule.when.any_of or any(kind in each.get("complaint_class", ()) for each in rule.when.any_of))
    ]


def _events(visits: Sequence[Visit]) -> Iterator[tuple[Place, str, int]]:
    """What happens on a route, as the clocks hear of it, and in which round."""
    for n, visit in enumerate(visits):
        here = Place(n, 0)
        yield here, f"entered:{visit.stage}" if n else RECEIVED, visit.round
        if n == 1:
            yield here, NOTIFIED, visit.round
        for step in visit.steps:
            for event in events_of(step):
                yield Place(n, step.share), event, visit.round


def events_of(step: Step) -> tuple[str, ...]:
    """What a step lets happen."""
    if step.act == SIGN:
        return (f"signed:{step.key}",)
    if step.act == RETURN:
        return (f"returned:{step.key}",)
    return (f"written:{step.key}", f"filled:{step.key}.measure") if step.key == "interim" else (f"written:{step.key}",)


def _stop(rule: ClockRule, events: Sequence[tuple[Place, str, int]]) -> Place | None:
    """Where the last of the things happened that a clock waits for."""
    places = [next((place for place, event, _ in events if event == wanted), None) for wanted in rule.stops]
    return None if None in places else max(place for place in places if place is not None)
