"""What holds of every procedure that comes with the house: it can be walked from its first message to its end in each
class, whatever people try on the way it stays true to itself, and nobody is ever without a way on."""

import os
import random
from contextlib import suppress

import pytest
from sqlalchemy import select

from complaints import clocks, guards, turns, workflow, writing
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT
from complaints.database import transaction
from complaints.errors import ComplaintError
from complaints.people import Actor
from complaints.procedure import COMPLAINT, FOLDER, Field, Move, procedure
from complaints.work import Waiting
from tests.desk import CONTEXT, Desk
from tests.walking import Walker

KEYS = sorted(path.stem for path in FOLDER.glob("*.toml"))
WALKS = 40 if os.environ.get("REDRESS_SOAK") else 2
STEPS = 25
OFTEN = 80
"""So many stages are entered at most before the end."""


def way_on(walker: Walker) -> Move | None:
    """The way onward that is open to a complaint as it is; none where it has come to its end."""
    case = walker.case()
    if case.rules.stage(case.stage).final:
        return None
    ways = [move for move in case.rules.onward(case.stage) if move.by]
    return [*ways[:1], *(move for move in ways if case.holds(move.when))][-1]


def finish(walker: Walker) -> list[str]:
    """Walk to the end; gives the stages that were entered."""
    entered: list[str] = []
    while (way := way_on(walker)) is not None:
        walker.to(way.to)
        entered.append(way.to)
        assert len(entered) < OFTEN, entered
    return entered


def classes() -> list[tuple[str, str]]:
    return [(key, each) for key in KEYS for each in procedure(key).classes]


@pytest.mark.parametrize(("key", "complaint_class"), classes())
def test_it_is_walked_from_its_first_message_to_its_end(key: str, complaint_class: str, desk: Desk) -> None:
    walker = Walker(desk, key).draft(complaint_class=complaint_class)
    asked = 0
    while (way := way_on(walker)) is not None:
        asked += len(walker.refused(way.to))
        walker.to(way.to)
    assert asked
    check(walker)


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize("key", KEYS)
def test_whatever_people_try_it_stays_true_and_comes_to_an_end(key: str, seed: int, one_desk: Desk) -> None:
    chance = random.Random(f"{key} {seed}")
    walker = Walker(one_desk, key).draft()
    acts = (go_on, go_on, go_on, go_back, write_anything, move_anywhere, sign_anything)
    for _ in range(STEPS):
        with suppress(ComplaintError):  # a refusal by name is an answer
            chance.choice(acts)(walker, chance)
        check(walker)
    finish(walker)
    check(walker)


def anybody(walker: Walker, chance: random.Random) -> Actor:
    return chance.choice(chance.choice([*walker.people.values()]))


def go_on(walker: Walker, chance: random.Random) -> None:
    if way := way_on(walker):
        walker.to(way.to)


def go_back(walker: Walker, chance: random.Random) -> None:
    case = walker.case()
    ways = [move for move in case.rules.moves if move.back and move.by and case.stage in move.from_]
    if ways and case.holds((way := chance.choice(ways)).when):
        walker.to(way.to)


def write_anything(walker: Walker, chance: random.Random) -> None:
    case = walker.case()
    sheet = chance.choice(case.rules.sheets)
    form = {each.key: [typed(each, chance)] for each in sheet.fields if chance.random() < 0.6}
    record = case.records.get(sheet.key)
    with walker.desk.act() as session:
        writing.write(
            session, walker.desk.find(session, walker.number), sheet.key, form, by=anybody(walker, chance),
            at=walker.desk.at, context=CONTEXT, seen=record.version if record else 0, key=f"walk{chance.random()}",
        )  # fmt: skip


def typed(field: Field, chance: random.Random) -> str:
    """Something that a person may type into a field, right or wrong."""
    right = [*field.choices] or {"date": ["2026-11-16"], "time": ["2026-11-16T10:00"], "count": ["1", "7"]}.get(
        field.kind, ["1", "words"]
    )
    return str(chance.choice([*right, *right, "", "x" * 30]))


def move_anywhere(walker: Walker, chance: random.Random) -> None:
    stage = chance.choice(walker.case().rules.stages)
    with walker.desk.act() as session:
        found = walker.desk.find(session, walker.number)
        workflow.move(
            session, found, stage.key, by=anybody(walker, chance), at=walker.desk.at, seen_version=found.version,
            context=CONTEXT, answers={"reason": "Because"},
        )  # fmt: skip


def sign_anything(walker: Walker, chance: random.Random) -> None:
    case = walker.case()
    open_here = [rule for rule in case.rules.signatures if guards.applies(case, rule)]
    ready = [rule for rule in open_here if not guards.before_signature(case, rule) and rule.key not in case.signatures]
    if ready and not guards.unchanged(case, rule := chance.choice(ready)):
        walker.returns(rule.key) if rule.returns and chance.random() < 0.5 else walker.sign(rule.key)


def check(walker: Walker) -> None:
    """What must hold of a complaint at any time."""
    with transaction(walker.desk.make) as session:
        case = walker.case()
        stage = case.rules.stage(case.stage)
        waiting = list(session.scalars(select(Waiting).where(Waiting.complaint_id == case.complaint.id)))
        if case.complaint.version > 1:  # a draft that nobody touched waits for registration alone
            assert {row.task for row in waiting} == {*turns.tasks(case)}
        assert waiting or stage.final or stage.off_board, f"nobody is asked in {case.stage}"
        running = clocks.of(session, COMPLAINT, case.complaint.id)
        left = [clock for clock in running if clock.stopped_at is None]
        if stage.final or stage.off_board:
            assert not left
            assert case.complaint.sort_due_at == NO_LIMIT
        else:
            assert case.complaint.sort_due_at <= first_due(left, case.rules.targets)


def first_due(left: list[Clock], targets: frozenset[str]) -> object:
    return min((clock.due_at for clock in left if clock.key not in targets), default=NO_LIMIT)
