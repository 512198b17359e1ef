"""Reply templates: what they say, how they are filled, and what may be written in them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import reply_templates
from complaints.complaint import NO_LIMIT, Complaint
from complaints.database import transaction
from complaints.errors import Name, NotFound
from complaints.people import Actor
from complaints.procedure import procedure
from complaints.reply_templates import (
    SHIPPED,
    NotSaved,
    StaleTemplate,
    Template,
    WithdrawnTemplate,
    fill,
    unfilled,
    values,
)
from tests.builders import MONDAY, a_complaint, a_customer, a_person
from tests.desk import CONTEXT, english

KINDS = {"result_told": Name("Result told", "告知结果")}
OWN = Template("", Name("Samples here", "样品已到"), "en", "Dear {contact},\nthank you for the samples of {product}.")


@pytest.fixture
def mara(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "admin", name="Mara Linden")


def save(make: sessionmaker[Session], by: Actor, typed: Template) -> Template:
    with transaction(make) as session:
        new = not typed.key
        typed = replace(typed, key=typed.key or reply_templates.own_key("form", by))
        return reply_templates.save(session, typed, by=by, at=MONDAY, kinds=KINDS, new=new)


def problems(make: sessionmaker[Session], by: Actor, typed: Template) -> dict[str, str]:
    with pytest.raises(NotSaved) as refused:
        save(make, by, typed)
    return {each.field: english(each.sentence) for each in refused.value.problems}


def known(session: Session, complaint: Complaint, by: Actor, locale: str = "en") -> dict[str, str]:
    return values(
        session, complaint, locale=locale, by=by, at=MONDAY, zone=CONTEXT.zone, organisation="Mill 磨坊"
    )  # fmt: skip


# Those that are shipped


@pytest.mark.requirement("S201")
@pytest.mark.parametrize("key", SHIPPED)
def test_no_shipped_template_promises_or_argues_or_has_an_unknown_place(key: str) -> None:
    template = SHIPPED[key]
    assert reply_templates.doubtful(template.text) == []
    assert reply_templates._problems(template, procedure_kinds()) == []
    assert ("您" in template.text) == (template.locale == "zh_CN")


def procedure_kinds() -> dict[str, Name]:
    contact = procedure().contact
    assert contact is not None
    sheet = procedure().sheet(contact.sheet)
    assert sheet is not None
    return dict(sheet.field(contact.kind).choices)


def test_there_are_six_in_both_languages_each_of_a_kind_that_is_recorded() -> None:
    by_locale = {
        locale: {each.contact for each in SHIPPED.values() if each.locale == locale} for locale in ("en", "zh_CN")
    }
    assert by_locale["en"] == by_locale["zh_CN"]
    assert by_locale["en"] == {
        "arrangement_told", "evidence_asked", "progress_told", "measures_told", "result_told", "reminded",
    }  # fmt: skip


@pytest.mark.requirement("S74")
@pytest.mark.requirement("S80")
def test_the_result_is_told_with_thanks_and_asks_for_suggestions() -> None:
    assert "Thank you" in SHIPPED["result.en"].text
    assert "suggestions" in SHIPPED["result.en"].text
    assert "感谢" in SHIPPED["result.zh"].text
    assert "改进建议" in SHIPPED["result.zh"].text


@pytest.mark.parametrize(
    "said",
    ["We guarantee it", "That is your own fault", "you should have looked", "我方承担", "这是您的问题", "不可能"],
)
def test_promises_and_quarrels_are_found(said: str) -> None:
    assert reply_templates.doubtful(said) != []


# Filling


def test_a_template_is_filled_in_its_own_language_and_what_is_missing_stays(
    make: sessionmaker[Session], mara: Actor
) -> None:
    with transaction(make) as session:
        a_customer(session)
        complaint = a_complaint(
            session, customer_id=1, contact_person="Ines Carrow", product="HX-210", order_no="{number}",
            sort_due_at=MONDAY + timedelta(days=2),
        )  # fmt: skip
        places = "number customer contact product order_no batch received due author organisation cause"
        text = " ".join(f"{{{each}}}" for each in places.split())
        filled = fill(Template("x", Name("", ""), "en", text), known(session, complaint, mara))
        chinese = fill(Template("x", Name("", ""), "zh_CN", "{due}"), known(session, complaint, mara, "zh_CN"))
    assert filled.text == (
        "C-2026-0001 Quellstrom Mobility Ines Carrow HX-210 {number} {batch} 16 November 2026 18 November 2026"
        " Mara Linden Mill 磨坊 {cause}"
    )
    assert filled.missing == ["number", "batch", "cause"]  # the customer's own braces are not filled a second time
    assert chinese.text == "2026年11月18日"


@pytest.mark.parametrize("due", [NO_LIMIT, MONDAY - timedelta(minutes=1)])
def test_no_day_is_told_where_none_is_due_or_it_is_past(make: sessionmaker[Session], mara: Actor, due: object) -> None:
    with transaction(make) as session:
        complaint = a_complaint(session, sort_due_at=due)
        assert known(session, complaint, mara)["due"] == ""


def test_a_brace_that_is_no_place_is_left_alone() -> None:
    assert unfilled("a set {1, 2}, {Number} and {batch}, {batch}") == ["batch"]


# Changing


def test_an_unknown_place_is_refused_with_its_line_and_what_may_be_meant(
    make: sessionmaker[Session], mara: Actor
) -> None:
    told = problems(make, mara, replace(OWN, text="Dear {contact},\n\n{order no} and more", subject="{whatever}"))
    assert told == {
        "text": "Line 3: there is no {order no}. Did you mean {order_no}?",
        "subject": "Line 1: there is no {whatever}. The list below has all there are.",
    }


def test_everything_that_is_wrong_is_told_at_once(make: sessionmaker[Session], mara: Actor) -> None:
    typed = Template("", Name(" ", "x" * 81), "fr", "", contact="unheard_of")
    assert set(problems(make, mara, typed)) == {"name_en", "name_zh", "text", "locale", "contact"}


def test_a_shipped_one_that_was_changed_stands_in_its_place_until_it_is_taken_back(
    make: sessionmaker[Session], mara: Actor
) -> None:
    mine = replace(SHIPPED["result.en"], text="Dear {contact}, thank you.", active=False)
    assert save(make, mara, mine).version == 1
    with make() as session:
        assert [each.key for each in reply_templates.every(session)] == [*SHIPPED]
        assert reply_templates.find(session, "result.en").text == "Dear {contact}, thank you."
        assert "result.en" not in [each.key for each in reply_templates.offered(session, "en")]
    with transaction(make) as session:
        reply_templates.take_back(session, "result.en", seen=1, by=mara, at=MONDAY)
    with make() as session:
        assert reply_templates.find(session, "result.en") == replace(SHIPPED["result.en"], version=2)
    with pytest.raises(StaleTemplate):  # whose form was shown before
        save(make, mara, replace(mine, version=1, text="Dear {contact}, late"))
    assert save(make, mara, replace(mine, version=2)).version == 3
    with make() as session:
        changes = reply_templates.changes(session, "result.en")
    assert [(each.act, each.version, each.by_id) for each in changes] == [
        ("changed", 3, mara.id), ("withdrawn", 2, mara.id), ("changed", 1, mara.id)
    ]  # fmt: skip
    assert changes[1].changed["text"] == ["Dear {contact}, thank you.", SHIPPED["result.en"].text]


def test_an_own_one_is_found_offered_in_the_customers_language_first_and_deleted(
    make: sessionmaker[Session], mara: Actor
) -> None:
    saved = save(make, mara, OWN)
    with make() as session:
        assert reply_templates.find(session, saved.key) == saved
        assert [each.locale for each in reply_templates.offered(session, "zh_CN")] == ["zh_CN"] * 6 + ["en"] * 7
    with transaction(make) as session:
        reply_templates.take_back(session, saved.key, seen=1, by=mara, at=MONDAY)
    with make() as session, pytest.raises(NotFound):
        reply_templates.find(session, saved.key)
    with pytest.raises(WithdrawnTemplate):
        save(make, mara, replace(saved, text="Dear {contact}, late"))


def test_what_nobody_wrote_is_not_found(make: sessionmaker[Session], mara: Actor) -> None:
    with pytest.raises(NotFound):
        save(make, mara, replace(OWN, key="own-0"))


def test_of_two_editors_the_second_is_told(make: sessionmaker[Session], mara: Actor) -> None:
    saved = save(make, mara, OWN)
    save(make, mara, replace(saved, text="Dear {contact}, changed"))
    with pytest.raises(StaleTemplate):
        save(make, mara, replace(saved, text="Dear {contact}, mine"))
