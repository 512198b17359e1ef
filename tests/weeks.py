"""A week with everything in it that a letter to the leadership tells of, and the mail that tells it."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import select

from complaints import off_board
from complaints.outbox import Outgoing
from complaints.settings import Settings
from complaints.weeks import Week
from jobs import letters
from tests.builders import MONDAY
from tests.desk import CONTEXT, Desk

WEEK = Week.parse("2026-W47")
NEXT_MONDAY = MONDAY + timedelta(days=7, minutes=-30)
"""The opening of the day on which the letter goes out."""


def a_full_week(desk: Desk) -> dict[str, str]:
    """Complaints of this week and the two before; gives their numbers by what became of them."""
    told = {"product": "HX-210", "order_no": "4500-77123"}
    desk.at = MONDAY - timedelta(days=13)
    found = {"silent": desk.registered(subject="Box torn in transport", link="delivery")}
    desk.at = MONDAY - timedelta(days=5)
    found["older"] = desk.registered(subject="Thread gauge no-go on 4 of 50 parts", product="HX-210")
    desk.at = MONDAY
    found["closed"] = desk.to_closed(subject="Bracket hole out by 0.4 mm", **told)
    found["customers_turn"] = desk.to_customer_reply(subject="Crimp height low on terminal 6", **told)
    found["second_round"] = desk.to_verification(subject="表面划伤，客户已停线", **told)
    desk.write(found["second_round"], "verification", "qe", evidence="3 of 50 leak", on="2026-11-16", effective="no")
    desk.move(found["second_round"], "action_plan", "qe", reason="3 of 50 leak again")
    found["major"] = desk.to_investigation(subject="Oil weeping at face seal", complaint_class="major", **told)
    found["draft"] = desk.draft(subject="Wrong torque mark", complaint_class=None)
    found["no_complaint"] = desk.draft(subject="When do you deliver?")
    with desk.act() as session:
        no_complaint = desk.find(session, found["no_complaint"])
        off_board.take(
            session, no_complaint, "not_complaint", reason="a question", by=desk["clerk"], at=desk.at, seen_version=1,
            context=CONTEXT,
        )  # fmt: skip
    return found


def rendered(desk: Desk, settings: Settings, purpose: str, locale: str = "en") -> EmailMessage:
    """The mail of an outbox row, in a language."""
    with desk.make() as session:
        row = session.scalars(select(Outgoing).where(Outgoing.purpose == purpose)).one()
        session.expunge(row)
    row.locale = locale
    raw = letters.render(letters.make_app(settings), settings, row)
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def settings_of(folder: Path, url: str) -> Settings:
    return Settings(
        data=folder, database_url=url, redis_url="redis://127.0.0.1:1/0", secret_key=CONTEXT.secret,
        mail_from="complaints@mill.example", organisation="Tarrowmill Components",
        public_url="https://redress.example",
    )  # fmt: skip


def content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
