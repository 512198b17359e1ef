"""Rounds: each plan of an investigation begins one, with records and signatures of its own.

A complaint that has not passed the stage in which the plan is made is always in the newest round of what it
investigates. One that stands behind that stage goes on with the plan of its own round until somebody takes it back.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from complaints import records
from complaints.complaint import Complaint
from complaints.procedure import of
from complaints.records import Investigation


def begin(session: Session, complaint: Complaint, *, at: datetime) -> None:
    """The plan is drawn up anew: records of the new round begin, those of the last stay as they are. Where the next
    plan is being drawn up already for another complaint, it is this one's, too."""
    investigation = records.investigation_of(session, complaint, at=at)
    before = max(investigation.round, complaint.round)
    if complaint.round < before and _drawn_up(session, complaint, before):
        complaint.round = before
        return
    investigation.round = complaint.round = before + 1
    for sheet in of(complaint).sheets:
        if sheet.carried:
            records.carry(session, complaint, sheet, before=before, at=at)


def _drawn_up(session: Session, complaint: Complaint, round: int) -> bool:
    here = of(complaint).round_stage, round
    return any((of(each).stage(each.stage), each.round) == here for each in records.joined(session, complaint))


def catch_up(session: Session, complaint: Complaint) -> bool:
    """Take a complaint into the newest round where it stands, unless it has passed the stage of the plan or is off the
    board. Says whether it was in an older one."""
    rules = of(complaint)
    stage, last = rules.stage(complaint.stage), rules.round_stage
    if last is None or stage.off_board or stage.position > last.position or not older(session, complaint):
        return False
    complaint.round = _newest(session, complaint)
    return True


def older(session: Session, complaint: Complaint) -> bool:
    """Is a complaint in an older round than its investigation?"""
    return complaint.round < _newest(session, complaint)


def behind(session: Session, complaint: Complaint) -> bool:
    """Does a complaint go on with the plan of an older round than its investigation's?"""
    stage = of(complaint).stage(complaint.stage)
    return not (stage.final or stage.off_board) and older(session, complaint)


def _newest(session: Session, complaint: Complaint) -> int:
    if complaint.investigation_id is None:
        return complaint.round
    return session.get_one(Investigation, complaint.investigation_id).round
