"""Signatures on a complaint's page: a box for each, who may sign and who did, what comes first, and the form.

Whoever signs gives their word: if the password was given more than a quarter of an hour ago it is asked for again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import g
from flask_babel import gettext
from flask_login import current_user

from complaints import guards, signin, signing, work
from complaints.case import Case, Past
from complaints.errors import N_, ComplaintError, Missing, Name, Refused, Sentence
from complaints.procedure import SignatureRule, Stage
from complaints.signatures import RETURNED, Signature
from complaints.signing import LONGEST_REMARK, RemarkTooLong, RemarkWanted
from complaints.work import Task
from webapp import drafts
from webapp.context import actor, now
from webapp.database import db
from webapp.draft_forms import SIGNATURE
from webapp.drafts import Line
from webapp.language import in_my_language, sentence

YOURS, OTHERS, DONE, LATER = "yours", "others", "done", "later"
VOIDED: Mapping[str, str] = {
    "changed": N_("void, because what was signed was changed afterwards"),
    "returned": N_("void, because it was returned later"),
}


class WrongPassword(ComplaintError):
    message = N_("This is not your password. Please try again.")


class PasswordWanted(ComplaintError):
    message = N_("Please give your password again: the last time was more than 15 minutes ago.")


@dataclass(frozen=True)
class Unsigned:
    """The form of a signature as it was sent, and why it was refused."""

    key: str
    remark: str
    refusal: ComplaintError


@dataclass(frozen=True)
class Given:
    """A signature that was given: whether it stands, and if not why."""

    signature: Signature
    who: str
    role: Name
    void: str = ""

    @property
    def returned(self) -> bool:
        return self.signature.decision == RETURNED


@dataclass(frozen=True)
class Box:
    """A signature that the procedure asks for, as the reader sees it."""

    rule: SignatureRule
    state: str
    roles: guards.RoleNames
    standing: Given | None
    earlier: Sequence[Given]
    first: Sequence[Missing]
    """What comes before anybody can sign."""
    why_not: Sequence[Missing]
    """Why the reader may not."""
    covers: Sequence[tuple[str, str]]
    digest: str
    may_sign: bool = False
    leads_to: Stage | None = None
    password: bool = False
    remark: str = ""
    refused: Sentence | None = None
    problems: Mapping[str, Sentence] = field(default_factory=dict)
    reasons: Sequence[Missing] = ()
    limit: int = LONGEST_REMARK
    draft: Line | None = None

    @property
    def open(self) -> bool:
        return self.may_sign or self.refused is not None or self.state == OTHERS


def boxes(
    case: Case, past: Past, tasks: Sequence[Task], people: Mapping[int, str], sent: Unsigned | None = None
) -> list[Box]:
    """The signatures that are `shown`, as boxes."""
    return [_box(case, rule, past, tasks, people, sent) for rule in shown(case, past)]


def shown(case: Case, past: Past) -> list[SignatureRule]:
    """Every signature that is asked for here and now, or that was ever given."""
    ever = {each.key for each in past.signatures}
    return [rule for rule in case.rules.signatures if rule.key in ever or guards.applies(case, rule)]


def state(case: Case, rule: SignatureRule, tasks: Sequence[Task]) -> str:
    """How far a signature is, for the reader."""
    if rule.key in case.signatures:
        return DONE
    if guards.applies(case, rule) and not guards.against_signature(case, rule, actor()):
        return YOURS
    return OTHERS if any(task.kind == work.SIGN and task.key == rule.key for task in tasks) else LATER


def _box(
    case: Case, rule: SignatureRule, past: Past, tasks: Sequence[Task], people: Mapping[int, str], sent: Unsigned | None
) -> Box:
    given = [_given(case, each, people) for each in past.signatures if each.key == rule.key]
    standing = next((each for each in given if each.signature is case.signatures.get(rule.key)), None)
    applies = standing is None and guards.applies(case, rule)
    first = guards.before_signature(case, rule) if applies else []
    against = guards.against_signature(case, rule, actor()) if applies else []
    may_sign = applies and not against
    own = sent if sent is not None and sent.key == rule.key else None
    draft = f"{SIGNATURE}:{rule.key}"
    typed = drafts.kept(case.complaint, draft) if may_sign and own is None else None
    return Box(
        rule, state(case, rule, tasks), guards.RoleNames.of(case.rules, guards.signers(case, rule)), standing,
        [each for each in given if each is not standing], first, [each for each in against if each not in first],
        list(dict.fromkeys(_covered(case, ref) for ref in rule.covers)), case.content(rule), may_sign,
        _leads_to(case, rule) if may_sign else None, may_sign and password_wanted(),
        draft=drafts.line(case.complaint, draft) if may_sign else None,
        **({"remark": typed.get("remark", "")} if typed else _refused(own)),
    )  # fmt: skip


def _given(case: Case, signature: Signature, people: Mapping[int, str]) -> Given:
    void = ""
    if signature.voided_at is not None:
        way = case.rules.way(signature.voided_because)
        because = VOIDED.get(signature.voided_because.partition(":")[0], N_("void, because the complaint went back"))
        void = gettext(because if way is None else N_("void, because the complaint went back"))
    elif signature.round and signature.round < case.complaint.round:
        void = gettext("in round %(round)s", round=signature.round)
    return Given(signature, people.get(signature.user_id or 0, "Redress"), case.rules.role(signature.role), void)


def _covered(case: Case, ref: str) -> tuple[str, str]:
    """Where what is signed stands, and its name: a record, or a field of the register entry."""
    sheet = case.rules.sheet(ref.partition(".")[0])
    return (
        (f"f-{sheet.key}", in_my_language(sheet.name))
        if sheet is not None
        else ("facts", sentence(Sentence("%(field)s", {"field": guards.name_of(case.rules, ref)})))
    )


def _leads_to(case: Case, rule: SignatureRule) -> Stage | None:
    """The stage to which signing may move at once; not where that asks for more."""
    stage = signing.leads_to(case, rule, actor())
    if stage is None or stage.register:
        return None
    way = guards.way(case, stage)
    return stage if way is not None and not way.asks else None


def password_wanted() -> bool:
    """Is the last proof of the password too old to sign by? Asked once in a request."""
    if "password_wanted" not in g:
        g.password_wanted = not signin.proved_lately(db.session(), current_user.token, at=now())
    return bool(g.password_wanted)


def _refused(sent: Unsigned | None) -> dict[str, Any]:
    if sent is None:
        return {}
    refusal = sent.refusal
    told: dict[str, Any] = {"remark": sent.remark, "refused": refusal.sentence}
    if isinstance(refusal, WrongPassword | PasswordWanted):
        return told | {"problems": {"password": refusal.sentence}}
    if isinstance(refusal, RemarkWanted | RemarkTooLong):
        return told | {"problems": {"remark": refusal.sentence}}
    return told | {"reasons": refusal.missing if isinstance(refusal, Refused) else ()}
