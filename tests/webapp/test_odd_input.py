"""Odd input at every address: it is refused or not found, in a sentence, and never an error of ours."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.routing import Rule

from complaints import off_board
from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.history import Change
from complaints.people import ROLES, Department
from complaints.procedure import procedure
from complaints.settings import Settings
from tests.builders import MONDAY, a_letter, a_person
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases

ODD = (
    "", "x", "-1", "0", "2147483648", "9223372036854775808", "9" * 60, "²", "١٢", "1e400", "nan", "0x10", "%", "'\"",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-02-30", "a:b:c", "9" * 30 + "-" + "9" * 30,
    "\x1b[0m\u202e\x85", "\U0001f600", "密" * 300, "../../etc/passwd", "//evil.example", "[", "{%", "%(x)s",
)  # fmt: skip
NAMES = """
accept act address after again amount-0 answered as asked back before by cause_type channel charset check class code
complaint complaint_class complaint_date contact_email content country customer day decision density department
departments deputy different digest done edit email figure first fold formatted from from_on group host id-0 inline
key kind label last link locale mail mark mine month move name name-0 name-x next number of on other outcome overdue
owner pages part password pauses-0 penalty people person person-1 port procedure product q quantity query quiet_days
reason received_at remark renew responsible-0 roles seen select sent ship_date shown side since stage state stops-0
text to to_departments to_on to_users unfold unit-0 upto user user_id version week week_0 week_6 whole why withdrawn
write year zone
""".split()  # noqa: SIM905
"""What the forms and addresses of the pages have names for, and the fields of records."""
NAMES += [field.key for sheet in procedure().sheets for field in sheet.fields]
IN_AN_ADDRESS = ("%", "²", "2147483648", "9" * 60, "0001-W01")
LEFT_OUT = {"static", "identity.logout", "inbox.upload", "demo.mail"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, credentials_key=Fernet.generate_key().decode())


@pytest.fixture
def desk(make: sessionmaker[Session], clock: Any) -> Desk:
    return Desk(make)


@pytest.fixture
def everything(desk: Desk, browser_of: Browser, blobs: Blobs) -> FlaskClient:
    """The browser of somebody who holds every role, and a ledger with something of most things in it."""
    desk.to_verification()
    with transaction(desk.make) as session:
        qa = session.get_one(Department, desk.qa)
        me = a_person(session, *ROLES, department=qa)
        a_letter(session, desk.find(session, "C-2026-0001"), raw=blobs.put(b"Subject: oil\r\n\r\nIt weeps."))
    draft = desk.draft()
    with transaction(desk.make) as session:
        off_board.take(
            session, desk.find(session, draft), "not_complaint", kind="enquiry", reason="asks", by=me, at=MONDAY,
            seen_version=1, context=CONTEXT,
        )  # fmt: skip
    return browser_of(me)


def addresses(rule: Rule, odd: str) -> list[str]:
    """The address of a rule with what is there, and with something odd for each of its parts."""
    there = {"number": "C-2026-0001", "key": "verified" if "sign" in rule.rule else "contacts"}
    found = []
    for part in ("", *rule.arguments):
        parts = {name: quote(odd if name == part else there.get(name, "1"), safe="") for name in rule.arguments}
        found.append(re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda match, parts=parts: parts[match[1]], rule.rule))  # type: ignore[misc]
    return found


@on_both_databases
def test_no_address_breaks_on_odd_input(app: Flask, everything: FlaskClient) -> None:
    broken = []
    for turn, odd in enumerate(IN_AN_ADDRESS):
        said = {name: ODD[(place + 7 * turn) % len(ODD)] for place, name in enumerate(NAMES)}
        for rule in app.url_map.iter_rules():
            for address in addresses(rule, odd) if rule.endpoint not in LEFT_OUT else ():
                for method, form in {"GET": "query_string", "POST": "data"}.items():
                    if method in (rule.methods or ()):
                        answer = everything.open(address, method=method, **{form: said})
                        if answer.status_code == 500:
                            broken.append((method, address))
    assert broken == []


@on_both_databases
@pytest.mark.parametrize("way", ["path", "query", "form", "name"])
def test_nul_is_no_character_of_an_address_or_a_form(way: str, everything: FlaskClient) -> None:
    answer = {
        "path": lambda: everything.get("/complaints/C%00"),
        "query": lambda: everything.get("/work/more?group=a%00"),
        "form": lambda: everything.post("/complaints/C-2026-0001/investigation", data={"other": "C\0", "version": "1"}),
        "name": lambda: everything.post("/complaints/C-2026-0001/pass-on", data={"to\0": "x"}),
    }[way]()
    assert answer.status_code == 400
    assert "This holds a character that is no text (NUL)." in answer.text


def test_control_characters_are_left_out_of_what_people_say(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_customer_reply()
    desk.contact(number, "result_told")
    seen = desk.case(number).complaint.version
    form = {"stage": "action_plan", "version": str(seen), "reason": " not\x1b[31m good\r\nenough\x85 "}
    assert browser_of(desk["sales"]).post(f"/complaints/{number}/move", data=form).status_code == 303
    with desk.make() as session:
        moved = session.scalars(select(Change).where(Change.act == "moved").order_by(Change.id.desc()).limit(1)).one()
    assert moved.values["said"] == {"reason": "not[31m good\nenough"}

    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales", remark="in\x1b \r\norder")
    assert desk.case(number).signatures["form_issued"].remark == "in \norder"


def test_a_form_that_names_very_many_departments_is_read(desk: Desk, browser_of: Browser) -> None:
    number = desk.registered()
    form = {"departments": [str(id_) for id_ in range(1, 40_000)]}
    assert browser_of(desk["clerk"]).post(f"/complaints/{number}/notified", data=form).status_code == 303
