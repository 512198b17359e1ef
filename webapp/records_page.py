"""The records and signatures of a complaint, on a page of their own beside its conversation."""

from flask import Blueprint, Flask, render_template, url_for
from flask_babel import gettext

from complaints import joining, off_board, registration
from complaints.complaint import Complaint, find
from complaints.errors import ComplaintError
from webapp import complaint_page, notices
from webapp.context import actor
from webapp.database import db
from webapp.language import in_my_language
from webapp.records import Section, Sent, section
from webapp.register_form import reasons
from webapp.signatures import Unsigned

bp = Blueprint("dossier", __name__)
ENTERED = {*registration.FIELDS, registration.WHY, "departments"}


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(reason_url=reason_url, parts_of=parts)


def parts(complaint: Complaint, work: Section) -> list[tuple[str, str, str]]:
    """The pages of a complaint: key, address and name."""
    pages = [
        ("conversation", url_for("complaint.show", number=complaint.number), gettext("Conversation")),
        ("records", url_for("dossier.show", number=complaint.number), gettext("Records")),
    ]
    rules = work.case.rules
    if rules.parts:
        name = in_my_language(rules.report) if rules.report else gettext("8D report")
        pages.append(("report", url_for("eight_d.show", number=complaint.number), name))
    return pages


def reason_url(number: str, field: str, *, within: bool = False) -> str:
    """Where a reason is mended that names a field of the register entry, or a record or signature; `within`: from the
    page of the records."""
    if field.partition("-")[0] in ENTERED:
        return url_for("complaint.show", number=number, _anchor=f"f-{field}")
    return f"#f-{field}" if within else url_for("dossier.show", number=number, _anchor=f"f-{field}")


@bp.get("/complaints/<number>/records")
def show(number: str) -> str:
    complaint = find(db.session(), number, actor(), with_clocks=True)
    notices.seen(complaint)
    return page(complaint)


def page(
    complaint: Complaint,
    *,
    sent: Sent | None = None,
    unsigned: Unsigned | None = None,
    refusal: ComplaintError | None = None,
) -> str:
    """The whole page, with a record (`sent`) or a signature (`unsigned`) that was refused as it was sent, or with the
    reason of another refusal."""
    work = section(complaint, sent=sent, unsigned=unsigned)
    joins = actor().investigates and not off_board.is_off(complaint) and not joining.begun(db.session(), complaint)
    return render_template(
        "complaint/records.html", **complaint_page.frame(complaint, work), may_join=joins, form=reasons(refusal)
    )
