"""Which forms of a complaint keep drafts: what each is called, and where it stands.

A form is named by its kind and what it is about: `reply`, `note:7`, `fact:batch`, `facts:finding` for the facts that a
record holds, `sign:approved`, `record:plan:3` for the third row of a record, `leave:merged` by the way off the board,
`unlink:7` by the link that is taken back, `assign:dept_head:3` by role and department. A form of the report has the
part that it stands in with it, `record:cause@d4`: a record that stands in two parts is two forms there, and each keeps
its own words.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from flask import url_for

from complaints.complaint import Complaint
from complaints.errors import NotFound
from complaints.people import ROLES
from complaints.procedure import of
from webapp.fact_fields import SHOWN

PLAIN = ("reply", "note", "entry", "pass_on", "link")
"""Forms that a complaint has one of, all on its page."""
RECORD, SIGNATURE, FACT, NOTE = "record", "sign", "fact", "note"
FACTS, LEAVE, UNLINK, ASSIGN = "facts", "leave", "unlink", "assign"
_NAME = re.compile(r"([a-z_]+)(?::([a-z0-9_]+))?(?::([0-9]{1,10}))?(?:@([a-z0-9_]+))?", re.ASCII)


@dataclass(frozen=True)
class Form:
    """A form by the parts of its name; those that it has not are blank."""

    kind: str
    about: str = ""
    row: str = ""
    part: str = ""

    @classmethod
    def named(cls, name: str) -> "Form":
        """Raises `NotFound` for what no form is called."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise NotFound
        return cls(*(each or "" for each in found.groups()))

    @property
    def beside(self) -> Collection[str]:
        """The forms that are shown with it, itself among them; one that ends in a colon means all that begin so."""
        if self.kind in (RECORD, SIGNATURE):
            return (f"{RECORD}:", f"{SIGNATURE}:")
        if self.kind == ASSIGN or (self.kind == NOTE and self.about):
            return (f"{self.kind}:",)
        return (*PLAIN, f"{FACT}:", f"{FACTS}:", f"{LEAVE}:", f"{UNLINK}:")

    def home(self, number: str) -> str:
        """The address at which it stands."""
        edit = f"{self.about}.{self.row}" if self.row else None
        if self.part:
            return url_for("eight_d.show", number=number, edit=edit, _anchor=f"part-{self.part}")
        if self.kind in (RECORD, SIGNATURE):
            anchor = f"f-{self.about}" if self.kind == RECORD else f"f-{SIGNATURE}-{self.about}"
            return url_for("dossier.show", number=number, edit=edit, _anchor=anchor)
        if self.kind == FACT:
            return url_for("complaint.show", number=number, _anchor=f"fact-{self.about}")
        if self.kind == ASSIGN:
            return url_for(
                "assigning.people", number=number, _anchor="-".join(filter(None, ("people", self.about, self.row)))
            )
        if self.kind == FACTS:
            return url_for("complaint.show", number=number, _anchor=f"fact-of-{self.about}")
        anchors = {
            "reply": "composer", NOTE: "note-form", "pass_on": "pass-on", "link": "linked", UNLINK: "linked",
            LEAVE: "off-title",
        }  # fmt: skip
        anchor = anchors.get(self.kind, self.kind)
        corrects = self.about if self.kind == NOTE and self.about else None
        return url_for("complaint.show", number=number, corrects=corrects, _anchor=anchor)


def known(complaint: Complaint, name: str) -> Form:
    """The form of this name. Raises `NotFound` for one that the complaint has not."""
    form, rules = Form.named(name), of(complaint)
    match form.kind:
        case "record":
            there = rules.sheet(form.about) is not None and form.part in {"", *(each.key for each in rules.parts)}
        case "sign":
            there = rules.signature(form.about) is not None and not form.row and not form.part
        case "fact":
            there = form == Form(FACT, form.about) and form.about in SHOWN
        case "facts":
            there = form == Form(FACTS, form.about) and form.about in {sheet.key for sheet, _ in rules.facts}
        case "note":
            there = form == Form(NOTE, form.about) and (form.about.isdigit() or not form.about)
        case "leave":
            there = form == Form(LEAVE, form.about) and form.about in {each.key for each in rules.outcomes}
        case "unlink":
            there = form == Form(UNLINK, form.about) and form.about.isdigit()
        case "assign":
            there = form == Form(ASSIGN, form.about, form.row) and form.about in ROLES
        case _:
            there = name in PLAIN
    if not there:
        raise NotFound
    return form
