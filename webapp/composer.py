"""The composer on a complaint's page, and the replies in its conversation. The forms it sends: replies.py.

A form that was refused comes back as it was sent; one that was taken back comes back as it was written.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import g, request
from sqlalchemy import select

from complaints import expected, replies
from complaints.complaint import Complaint
from complaints.errors import Name
from complaints.letters import Attachment
from complaints.people import fold_email
from complaints.procedure import of
from complaints.replies import Begun, Form, Reply
from complaints.reply_templates import unfilled
from webapp import drafts, reply_templates
from webapp.context import actor, calendar, now, settings
from webapp.database import db
from webapp.directory import directory
from webapp.drafts import Line, Typed
from webapp.records import Section

SEND, DRAFT = "replies.send", "reply"


@dataclass(frozen=True)
class Composer:
    """The form of a reply. `opening`: when work begins, while we are closed; `sent`: it was refused."""

    begun: Begun
    form: Form
    files: Sequence[Attachment]
    kinds: Mapping[str, Name]
    opening: datetime | None
    key: str
    sent: bool
    signed: tuple[str, str]
    expects: bool
    """Does the procedure record by when the customer may expect it to be done?"""
    draft: Line
    unfilled: Sequence[str]
    longest: int = replies.LONGEST_TEXT


def composer(complaint: Complaint, work: Section) -> Composer | None:
    """The form for the page of this request; None for who may not answer this customer."""
    by = actor()
    if not replies.may_send(work.case, by):
        return None
    sent = request.endpoint == SEND or drafts.posted(DRAFT)
    back = None if sent else _taken_back(complaint)
    kept = request.form if sent else None if back else drafts.kept(complaint, DRAFT)
    begun_before = typed(kept) if kept is not None else back
    asked = None if sent else request.args.get("answer", type=int)
    answers = asked or (begun_before.answers if begun_before else None)
    written = replies.letters(db.session(), complaint, merged=work.merged, also=answers)
    begun = replies.compose(
        db.session(), complaint, written=written, answers=answers, own=settings().mail_from,
        house=directory().addresses, merged=work.merged,
    )  # fmt: skip
    kinds = replies.kinds(work.case, by)
    before = begun_before or _blank(begun)
    turned = _turned(before, begun) if asked else before
    form = reply_templates.begin_with(_asked_for(turned), complaint, begun, kinds)
    opens = calendar().next_opening(now())
    return Composer(
        begun, form, [each for each in work.names.files.values() if _offered(each, complaint, work, form)],
        kinds, opens if opens > now() else None,
        (request.form.get("key") if sent else None) or secrets.token_urlsafe(16), sent,
        (by.name, settings().organisation), bool(work.case.rules.contact and work.case.rules.contact.expected),
        drafts.line(complaint, DRAFT, replaced=back is not None, unsaved=form != before), unfilled(form.text),
    )  # fmt: skip


def _offered(file: Attachment, complaint: Complaint, work: Section, form: Form) -> bool:
    """May a file go with a reply? Those of complaints that only share the investigation may not."""
    own = file.complaint_id == complaint.id or file.complaint_id in work.merged
    return own and (not file.inline or file.id in form.files)


def typed(sent: Typed) -> Form:
    """The form as it was typed, with the files that came with it as far as they are kept already."""
    return Form(
        to=sent.getlist("to"), cc=sent.getlist("cc"), new_to=sent.get("new_to", ""), new_cc=sent.get("new_cc", ""),
        subject=sent.get("subject", ""), text=sent.get("text", "").replace("\r\n", "\n"),
        answers=sent.get("answers", type=int), quoted="quoted" in sent,
        files=(*sent.getlist("file"), *g.get("uploaded", ())), contact=sent.get("contact", ""),
        expected=sent.get("expected", ""), later="later" in sent,
        meant="meant" in sent,
    )  # fmt: skip


def _blank(begun: Begun) -> Form:
    answers = begun.answers.id if begun.answers else None
    return Form(to=begun.to, cc=begun.cc, subject=begun.subject, answers=answers)


def _turned(form: Form, begun: Begun) -> Form:
    """A reply that answers the letter of an address (`?answer=7`) from now on: it goes to its writer and quotes it, and
    its words stay."""
    anew = _blank(begun)
    if form.answers == anew.answers and {*anew.to} <= {*form.to}:
        return form
    return replace(form, to=anew.to, cc=anew.cc, subject=anew.subject, answers=anew.answers, quoted=True)


def _asked_for(form: Form) -> Form:
    """A reply, begun or not, with what an address adds to it: files of the complaint (`?attach=…`), and what it is
    recorded as (`?contact=…`)."""
    attached, contact = request.args.getlist("attach"), request.args.get("contact", "")
    if not attached and not contact:
        return form
    return replace(form, files=tuple(dict.fromkeys((*form.files, *attached))), contact=contact or form.contact)


def may_answer(complaint: Complaint) -> bool:
    """Does the reader's role answer the customer of this complaint? Asked for each letter, so without its case."""
    return complaint.merged_into_id is None and bool(actor().roles & {*replies.writers(of(complaint))})


def _taken_back(complaint: Complaint) -> Form | None:
    """What the reader wrote and took back: `?reply=7`."""
    id_ = request.args.get("reply", type=int) or 0
    if not 0 < id_ < 2**63:
        return None
    own = Reply.author_id == actor().id, Reply.complaint_id == complaint.id, Reply.taken_back_at.is_not(None)
    reply = db.session.scalar(select(Reply).where(Reply.id == id_, *own))
    if reply is None:
        return None
    (to, new_to), (cc, new_cc) = _split(reply.to, reply.new), _split(reply.cc, reply.new)
    return Form(
        to, cc, new_to, new_cc, reply.subject, reply.text, reply.answers_id, reply.quoted, reply.attachments,
        reply.contact, expected.told_by(db.session(), complaint, reply),
    )  # fmt: skip


def _split(people: Sequence[Mapping[str, str]], new: Collection[str]) -> tuple[list[str], str]:
    """The complaint's people among some, and the others as they were typed."""
    addresses = [fold_email(each["address"]) for each in people]
    return [each for each in addresses if each not in new], ", ".join(each for each in addresses if each in new)
