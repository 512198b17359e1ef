"""What can be seen of a complaint that somebody walks through a procedure: who was told, how its clocks stand, its
papers."""

from datetime import datetime

from sqlalchemy import select

from complaints import clocks
from complaints.complaint import find
from complaints.errors import NotFound
from complaints.notices import Notice
from complaints.people import Actor
from complaints.printing import Wanted, composed
from tests.desk import CONTEXT
from tests.walking import Walker


def told_to(walker: Walker, name: str) -> set[int]:
    """The people (ids) who were told this in so many words."""
    with walker.desk.make() as session:
        complaint = walker.desk.find(session, walker.number)
        told = session.scalars(select(Notice).where(Notice.complaint_id == complaint.id))
        return {each.user_id for each in told if each.values.get("name", {}).get("en") == name}


def up_to(walker: Walker, stage: str) -> Walker:
    """Go on through all stages as far as this one."""
    keys = [each.key for each in walker.rules.stages]
    for key in keys[keys.index(walker.stage) + 1 : keys.index(stage) + 1] if walker.number else ():
        walker.to(key)
    return walker


def at_desk(walker: Walker) -> Walker:
    """Let the desk act in the name of the walker's people, by their roles."""
    walker.desk.people.update({role: people[0] for role, people in walker.people.items()})
    return walker


def sees(walker: Walker, by: Actor) -> bool:
    """Does somebody find the complaint?"""
    with walker.desk.make() as session:
        try:
            return bool(find(session, walker.number, by))
        except NotFound:
            return False


def clock_of(walker: Walker, key: str) -> tuple[datetime, str | None]:
    """When the last clock of a rule is due, in the time of the organisation, and how it ended."""
    with walker.desk.make() as session:
        found = clocks.of(session, "complaint", walker.desk.find(session, walker.number).id)
        last = max((each for each in found if each.key == key), key=lambda clock: clock.started_at)
        return last.due_at.astimezone(CONTEXT.zone).replace(tzinfo=None), last.outcome


def papers(walker: Walker, edition: str = "internal") -> dict[str, str]:
    """All that the papers of this edition say, in Chinese, by their titles."""
    with walker.desk.make() as session:
        complaint = walker.desk.find(session, walker.number)
        wanted = [each for each in walker.rules.papers if edition in each.editions]
        said = [composed(session, complaint, Wanted(each.key, edition=edition), zone=CONTEXT.zone) for each in wanted]
        return {each["title"][1]: repr(each) for each in said}
