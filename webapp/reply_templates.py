"""Reply templates in the composer: one filled with the values of a complaint, and below what stands in the form.

Which there are to choose from: offered_templates.py; where they are written: template_settings.py. composer.js inserts
a template at the cursor; without script a link fills the form (`?template=result.en`).
"""

from collections.abc import Mapping
from dataclasses import replace

from flask import Flask, request

from complaints import replies, reply_templates
from complaints.complaint import Complaint
from complaints.errors import Name, NotFound
from complaints.replies import Begun, Form
from complaints.reply_templates import PLACES, Filled, Template
from webapp.context import actor, now, settings, zone
from webapp.database import db
from webapp.language import in_my_language


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(places=lambda: {key: in_my_language(name) for key, name in PLACES.items()})


def begin_with(form: Form, complaint: Complaint, begun: Begun, kinds: Mapping[str, Name]) -> Form:
    """A form with the template that the address names below what stands in it; a second look adds nothing. The subject
    of a template is for a mail that answers none: another subject would begin another thread."""
    key = request.args.get("template", "")
    if not key or request.method == "POST":
        return form
    template = active(key)
    words = fill(complaint, template)
    text = form.text if words.text in form.text else "\n\n".join(filter(None, (form.text.rstrip(), words.text)))
    subject = (
        replies.subject_of(words.subject, complaint.number) if words.subject and not begun.answers else form.subject
    )
    return replace(form, text=text, subject=subject, contact=template.contact if template.contact in kinds else "")


def fill(complaint: Complaint, template: Template) -> Filled:
    """A template with the values of a complaint."""
    known = reply_templates.values(
        db.session(), complaint, locale=template.locale, by=actor(), at=now(), zone=zone(),
        organisation=settings().organisation,
    )  # fmt: skip
    return reply_templates.fill(template, known)


def active(key: str) -> Template:
    """The template of this key that may be used. Raises `NotFound`."""
    template = reply_templates.find(db.session(), key)
    if not template.active:
        raise NotFound
    return template
