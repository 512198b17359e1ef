"""Signing: a person puts their name to what they saw, approves it or returns it with a reason.

What is signed goes along as a digest: whoever read something older is asked to read again. Nobody signs twice, and
nobody signs their own work; see guards.py.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from complaints import consequences, guards, history, records, signatures, workflow
from complaints.case import Case, load
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.errors import N_, BadInput, ComplaintError, NotFound, Sentence, SignatureRefused
from complaints.people import Actor
from complaints.procedure import INVESTIGATION, SignatureRule, Stage
from complaints.signatures import APPROVED, RETURNED, Signature
from complaints.texts import clean

LONGEST_REMARK = 1_000
DECISIONS = (APPROVED, RETURNED)


class StaleContent(ComplaintError):
    """What was to be signed has changed since it was shown."""

    message = N_("What “%(signature)s” covers was changed meanwhile. Please read it again and then sign.")


class RemarkWanted(ComplaintError):
    message = N_("Please say why you return it.")


class RemarkTooLong(ComplaintError):
    message = N_("The remark may have %(limit)s characters; this has %(length)s.")


def sign(
    session: Session,
    complaint: Complaint,
    key: str,
    *,
    decision: str,
    remark: str,
    by: Actor,
    at: datetime,
    context: Context,
    seen: str,
) -> Signature:
    """Approve what a signature covers, or return it, in the caller's transaction. `seen` is the digest of what was
    shown (`Case.content`). Signing again what one has signed changes nothing.

    Raises `NotFound` for a signature that the procedure does not know, `BadInput`, `StaleContent`, `RemarkWanted`,
    `RemarkTooLong` and `SignatureRefused` with every reason."""
    workflow.hold(session, complaint)
    case = load(session, complaint)
    rule = case.rules.signature(key)
    if rule is None:
        raise NotFound
    if decision not in DECISIONS or (decision == RETURNED and not rule.returns):
        raise BadInput(field="decision", problem=Sentence(N_("choose one of: %(known)s"), {"known": _known(rule)}))
    remark = _remark(remark, needed=decision == RETURNED)
    mine = [each for each in case.given if each.key == key and each.user_id == by.id]
    open_for = {each for role in guards.signers(case, rule) for each in by.departments_as(role)}
    if mine and decision == APPROVED and not open_for & case.still_to_sign(rule):
        return mine[-1]
    missing = guards.against_signature(case, rule, by)
    if missing:
        raise SignatureRefused(signature=rule.name, missing=missing)
    if case.content(rule) != seen:
        raise StaleContent(signature=rule.name)
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    signature = _give(session, case, rule, decision, remark, by=by, at=at)
    if decision == APPROVED:
        case = load(session, complaint)
        events = [f"signed:{key}"] if key in case.signatures else []
        consequences.follow(session, complaint, events, by=by, at=at, context=context)
    else:
        _return(session, case, rule, remark, by=by, at=at, context=context)
    if rule.of == INVESTIGATION:
        consequences.keep_up(session, complaint, by=by, at=at, context=context)
    return signature


def _known(rule: SignatureRule) -> str:
    return ", ".join(DECISIONS if rule.returns else DECISIONS[:1])


def _remark(typed: str, *, needed: bool) -> str:
    remark = clean(typed, lines=True)
    if needed and not remark:
        raise RemarkWanted
    if len(remark) > LONGEST_REMARK:
        raise RemarkTooLong(limit=LONGEST_REMARK, length=len(remark))
    return remark


def _give(
    session: Session, case: Case, rule: SignatureRule, decision: str, remark: str, *, by: Actor, at: datetime
) -> Signature:
    complaint = case.complaint
    subject = records.subject_of(session, complaint, rule.of, at=at)
    asked = guards.departments_asked(case, rule)
    role = guards.holds_role(case, by, guards.signers(case, rule), departments=asked) or ""
    signature = Signature(
        subject=subject.kind, subject_id=subject.id, complaint_id=complaint.id, key=rule.key,
        round=signatures.round_of(rule, complaint), user_id=by.id, role=role,
        department_id=min(by.departments_as(role) & asked, default=None) if asked else None, at=at, decision=decision,
        remark=remark, digest=case.content(rule),
    )  # fmt: skip
    session.add(signature)
    history.note(
        session, complaint.id, "signed" if decision == APPROVED else "returned", by=by, at=at, signature=rule.key,
        role=role, remark=remark, round=complaint.round,
    )  # fmt: skip
    return signature


def _return(
    session: Session, case: Case, rule: SignatureRule, remark: str, *, by: Actor, at: datetime, context: Context
) -> None:
    """What was returned is to be done again: earlier signatures fall, or the complaint goes the way back."""
    for each in case.given:
        if each.key in rule.voids:
            signatures.void(each, at=at, because=f"returned:{rule.key}")
            consequences.end_clocks_of(session, case, each.key, at=at)
    way = case.rules.way(rule.return_by) if rule.return_by else None
    if way is not None:
        workflow.go(
            session, load(session, case.complaint), way, by=by, at=at, context=context, answers={"reason": remark},
            along=_same_plan(session, case.complaint),
        )  # fmt: skip
    consequences.follow(session, case.complaint, [f"returned:{rule.key}"], by=by, at=at, context=context)


def _same_plan(session: Session, complaint: Complaint) -> list[Complaint]:
    """The other complaints for which the returned plan was drawn up: they cannot go on with it, either."""
    here = complaint.stage, complaint.round
    return [each for each in records.joined(session, complaint) if (each.stage, each.round) == here]


def void_covering(session: Session, case: Case, refs: Collection[str], *, by: Actor, at: datetime) -> list[Signature]:
    """Void the signatures that cover something that has just been changed: `refs` are fields, as references. Returns
    those of the investigation."""
    sheets = {ref.partition(".")[0] for ref in refs if "." in ref}
    shared = []
    for each in case.given:
        rule = case.rules.signature(each.key)
        if rule is not None and ({*rule.covers} & ({*refs} | sheets)):
            signatures.void(each, at=at, because="changed")
            consequences.end_clocks_of(session, case, each.key, at=at, rewritten=bool(sheets))
            history.note(
                session, case.complaint.id, "signature_voided", by=by, at=at, signature=each.key,
                round=case.complaint.round,
            )  # fmt: skip
            if each.subject == INVESTIGATION:
                shared.append(each)
    return shared


def leads_to(case: Case, rule: SignatureRule, by: Actor) -> Stage | None:
    """The stage that a person could move a case to right after signing: the signature is the last thing missing."""
    if len(case.still_to_sign(rule)) > 1:
        return None
    signature = Signature(key=rule.key, user_id=by.id)
    after = replace(case, signatures={**case.signatures, rule.key: signature}, given=(*case.given, signature))
    for move in case.rules.onward(case.stage):
        stage = case.rules.stage(move.to)
        last = guards.against_move(case, stage, by) and not guards.against_move(after, stage, by)
        if last and guards.way(after, stage) is move:
            return stage
    return None
