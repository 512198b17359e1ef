"""Rounds: each plan of an investigation begins one, with records and signatures of its own.

A complaint that has not passed the stage in which the plan is made is always in the newest round of what it
investigates. One that stands behind that stage goes on with the plan of its own round until somebody takes it back.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from complaints import records
from complaints.complaint import Complaint
from complaints.procedure import Stage, of
from complaints.records import Investigation


def begin(session: Session, complaint: Complaint, stage: Stage, *, at: datetime) -> None:
    """A complaint goes back to a stage and the plan is drawn up anew: records of the new round begin, those of the last
    stay as they are. Where another complaint stands there in the next round already, that is this one's, too."""
    investigation = records.investigation_of(session, complaint, at=at)
    before = max(investigation.round, complaint.round)
    others = [(each.stage, each.round) for each in records.joined(session, complaint)]
    if complaint.round < before and (stage.key, before) in others:
        complaint.round = before
        return
    investigation.round = complaint.round = before + 1
    for sheet in of(complaint).sheets:
        if sheet.carried:
            records.carry(session, complaint, sheet, before=before, at=at)


def catch_up(session: Session, complaint: Complaint) -> bool:
    """Take a complaint into the newest round where it stands, unless it has passed the stage of the plan or is off the
    board. Says whether it was in an older one."""
    rules = of(complaint)
    stage = rules.stage(complaint.stage)
    passed = stage.off_board or all(stage.position > each.position for each in rules.round_stages)
    if passed or not older(session, complaint):
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
