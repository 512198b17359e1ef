"""What a procedure can say beyond a factory: roles of its own, sums, comparisons, labels, cases that it opens."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import (
    answers,
    assigning,
    board,
    comparing,
    figures,
    links,
    notices,
    off_board,
    opening,
    passing,
    weekly,
    workflow,
    writing,
)
from complaints.assigning import NotAssigned
from complaints.assignments import Post
from complaints.case import Case, load
from complaints.complaint import Complaint, visible_to
from complaints.database import transaction
from complaints.errors import RecordRefused
from complaints.link import OPENED
from complaints.measures import Period
from complaints.passing import NotPassedOn
from complaints.people import ROLES, Actor, UnknownRole, add_user
from complaints.procedure import procedure, use
from complaints.procedure_file import BadProcedure, read
from complaints.procedure_words import Words
from complaints.registration import Incomplete
from complaints.work import Waiting
from tests.builders import MONDAY, a_person
from tests.desk import CONTEXT, Desk, english
from tests.weeks import NEXT_MONDAY, WEEK

GOODS = """\
key = "goods"
version = 1
name = { en = "Goods", zh = "货物" }
[roles]
clerk = { en = "Service desk", zh = "服务台" }
keeper = { en = "Keeper of goods", zh = "保管员" }
[classes]
normal = { en = "Normal", zh = "普通" }
[entry]
names = { customer = { en = "Owner of the goods", zh = "货主" } }
leaves_out = ["order_no", "complaint_class", "cause_type", "link"]
[privacy]
seen_by = ["keeper"]
hidden_from = ["start.about"]
[[stage]]
key = "draft"
name = { en = "Draft", zh = "待登记" }
owner_roles = ["clerk"]
[[stage]]
key = "taken"
name = { en = "Taken in", zh = "已受理" }
register = true
owner_roles = ["keeper"]
needs = [{ fields = ["customer", "content"] }]
[[stage]]
key = "done"
name = { en = "Done", zh = "已完成" }
final = true
needs = [
  { value = "count.loss", is = "< 1000", say = { en = "A great loss is settled elsewhere", zh = "重大损失另行处理" } },
  { finished = "hand_on" },
  { rows = "answers", when = { "count.more" = "no" } },
]
[[outcome]]
key = "dropped"
name = { en = "Dropped", zh = "撤销" }
from = ["taken"]
by = ["clerk"]
[[move]]
from = "draft"
to = "taken"
by = ["clerk"]
[[move]]
from = "taken"
to = "done"
by = ["count.starter"]
[[sheet]]
key = "count"
name = { en = "Count", zh = "清点" }
by = ["clerk", "keeper"]
[[sheet.sum]]
of = ["good", "bad"]
is = "whole"
[[sheet.sum]]
of = ["whole"]
at_most = "sold"
[[sheet.field]]
key = "sold"
name = { en = "Sold", zh = "售出" }
type = "count"
[[sheet.field]]
key = "whole"
name = { en = "Returned", zh = "退回" }
type = "count"
[[sheet.field]]
key = "good"
name = { en = "Good", zh = "良品" }
type = "count"
[[sheet.field]]
key = "bad"
name = { en = "Bad", zh = "不良" }
type = "count"
[[sheet.field]]
key = "loss"
name = { en = "Loss", zh = "损失" }
type = "number"
[[sheet.field]]
key = "until"
name = { en = "Warranty until", zh = "保修期至" }
type = "date"
[[sheet.field]]
key = "more"
name = { en = "More", zh = "转办" }
type = "yes_no"
[[sheet.field]]
key = "starter"
name = { en = "Starter", zh = "启动人" }
type = "person"
[[sheet]]
key = "start"
name = { en = "Start", zh = "启动" }
by = ["count.starter"]
[[sheet.field]]
key = "on"
name = { en = "On", zh = "日期" }
type = "date"
[[sheet.field]]
key = "about"
name = { en = "Whom it is about", zh = "被投诉人" }
type = "people"
[[sheet]]
key = "form"
name = { en = "Form", zh = "表单" }
by = ["clerk"]
[[sheet.field]]
key = "departments"
name = { en = "To departments", zh = "接收部门" }
type = "departments"
[[sheet]]
key = "answers"
name = { en = "Answers", zh = "回复" }
by = ["dept_head", "qe"]
many = true
each = "form.departments"
[[sheet.field]]
key = "department"
name = { en = "Department", zh = "部门" }
type = "departments"
required = true
[[sheet.field]]
key = "cause"
name = { en = "Cause", zh = "原因" }
required = true
[[label]]
key = "free"
name = { en = "Free of charge", zh = "免费" }
when = { "count.until" = ">= complaint_date" }
[[open]]
key = "hand_on"
name = { en = "Hand on", zh = "转办" }
procedure = "postal"
by = ["keeper"]
on = ["filled:count.more"]
when = { "count.more" = "yes" }
"""


@pytest.fixture
def number(desk: Desk) -> str:
    """A case of goods, registered."""
    use([read(GOODS, "goods.toml")])
    return desk.registered(procedure_key="goods", complaint_class=None)


def case(desk: Desk, number: str) -> Case:
    with desk.make() as session:
        return load(session, desk.find(session, number))


def opened(desk: Desk, number: str) -> list[str]:
    return [each.number for each in case(desk, number).opened.get("postal", ())]


def test_a_procedure_brings_roles_of_its_own_that_people_hold_and_see_its_complaints_by(
    desk: Desk, number: str
) -> None:
    assert [ROLES[key].en for key in ("keeper", "clerk")] == ["Keeper of goods", "Marketing clerk"]
    with transaction(desk.make) as session:
        keeper, other = a_person(session, "keeper"), a_person(session, "warehouse")
        seen = {by.name: set(session.scalars(visible_to(by, select(Complaint.number)))) for by in (keeper, other)}
        assert seen == {keeper.name: {number}, other.name: set()}
        with pytest.raises(UnknownRole):
            add_user(
                session, email="x@example.com", name="X", roles=["nobody"], password="12345678", since=date.today()
            )
    assert "Your role may not move it here: only Starter" in desk.missing(number, "done", "staff")


def test_the_register_entry_and_the_roles_are_called_as_the_trade_calls_them(desk: Desk, number: str) -> None:
    with pytest.raises(Incomplete) as refused:
        desk.registered(procedure_key="goods", complaint_class=None, customer_id=None)
    assert [str(each.sentence.in_(str, "en")) for each in refused.value.problems] == ["Owner of the goods is missing"]
    assert case(desk, number).rules.role("clerk").zh == "服务台"


def test_counts_that_do_not_add_up_are_refused_with_the_difference(desk: Desk, number: str) -> None:
    def wrong(**counts: int) -> str:
        with pytest.raises(Incomplete) as refused:
            desk.write(number, "count", "clerk", **{key: str(value) for key, value in counts.items()})
        (problem,) = refused.value.problems
        return problem.sentence.in_(str, "en")

    assert wrong(whole=100, good=60, bad=30) == "Good + Bad: together 90, which is 10 less than “Returned” (100)"
    assert wrong(whole=100, sold=80) == "Returned: together 100, which is 20 more than “Sold” (80)"
    desk.write(number, "count", "clerk", whole="100", good="70", sold="200")
    assert wrong(bad=31) == "Good + Bad: together 101, which is 1 more than “Returned” (100)"
    desk.write(number, "count", "clerk", bad="30")


def test_conditions_compare_numbers_and_days(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1000", starter=str(desk["clerk"].id))
    assert desk.missing(number, "done", "clerk") == ["A great loss is settled elsewhere"]
    desk.write(number, "count", "clerk", loss="999.99")
    said = str(MONDAY.date())
    assert [label.key for label in case(desk, number).labels] == []
    desk.write(number, "count", "clerk", until=said)
    assert [label.key for label in case(desk, number).labels] == ["free"]
    desk.write(number, "count", "clerk", until="2020-01-01")
    assert [label.key for label in case(desk, number).labels] == []
    desk.move(number, "done", "clerk")


def test_whom_a_field_names_may_write_and_nobody_else(desk: Desk, number: str) -> None:
    with pytest.raises(RecordRefused):
        desk.write(number, "start", "clerk", on="2026-11-16")
    desk.write(number, "count", "clerk", starter=str(desk["clerk"].id))
    desk.write(number, "start", "clerk", on="2026-11-16")


def test_a_complaint_opens_a_case_and_waits_for_its_end(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1", starter=str(desk["clerk"].id), more="yes")
    (other,) = opened(desk, number)
    with desk.make() as session:
        one, two = desk.find(session, number), desk.find(session, other)
        assert (two.procedure, two.customer_id, two.content) == ("postal", one.customer_id, one.content)
        assert [each.way for each in links.of(session, two, desk["clerk"])] == ["opened_by"]
    desk.write(number, "count", "clerk", more="no")
    desk.write(number, "count", "clerk", more="yes")
    assert opened(desk, number) == [other]
    (missing,) = desk.missing(number, "done", "clerk")
    assert missing.startswith(
        "“Complaints, postal service”: what was opened is not closed yet; release it with a reason"
    )
    assert not waits_to_move(desk, number)
    with desk.act() as session:
        found = desk.find(session, other)
        off_board.take(
            session, found, "not_complaint", reason="Asked only", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=found.version,
        )  # fmt: skip
    assert waits_to_move(desk, number)
    desk.move(number, "done", "clerk")


def test_a_case_is_released_by_taking_the_link_back(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1", starter=str(desk["clerk"].id), more="yes")
    with transaction(desk.make) as session:
        complaint = desk.find(session, number)
        (link,) = links.of(session, complaint, desk["clerk"])
        assert link.id is not None
        links.end(session, complaint, link.id, reason="Not the same goods", by=desk["clerk"], at=desk.at)
    assert waits_to_move(desk, number)
    desk.move(number, "done", "clerk")


def test_a_case_is_opened_by_hand_by_who_may(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", more="yes")
    assert len(opened(desk, number)) == 1
    with transaction(desk.make) as session:
        keeper = a_person(session, "keeper")
        here = load(session, desk.find(session, number))
        (rule,) = opening.openable(here, keeper)
        assert opening.openable(here, desk["clerk"]) == []
        workflow.hold(session, here.complaint)
        opening.open_case(session, here, rule, by=keeper, at=desk.at, context=CONTEXT)
    assert len(opened(desk, number)) == 2


def test_each_department_that_a_form_names_writes_a_row_of_its_own(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1", more="no")
    assert "To departments is missing" in desk.missing(number, "done", "clerk")
    desk.write(number, "form", "clerk", departments=[str(desk.department)])
    with pytest.raises(RecordRefused):  # quality is not asked
        desk.write(number, "answers", "qe", department=[str(desk.qa)], cause="Sorted wrong")
    desk.write(number, "form", "clerk", departments=[str(desk.department), str(desk.qa)])
    assert asked(desk, number) == {desk.department, desk.qa}
    desk.write(number, "answers", "dept_head", department=[str(desk.department)], cause="Tool worn")
    told = "“Answers”: not every department has written its entry yet"
    assert told in desk.missing(number, "done", "clerk")
    assert asked(desk, number) == {desk.qa}
    desk.write(number, "answers", "qe", department=[str(desk.qa)], cause="Sorted wrong")
    assert told not in desk.missing(number, "done", "clerk")


def test_nobody_writes_the_row_of_another_department_nor_names_one_that_is_not_theirs(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1", more="no")
    desk.write(number, "form", "clerk", departments=[str(desk.department), str(desk.qa)])
    for chosen in ([desk.department], [desk.qa, desk.department]):
        with pytest.raises(Incomplete) as refused:
            desk.write(number, "answers", "qe", department=[str(each) for each in chosen], cause="Not us")
        (problem,) = refused.value.problems
        assert (problem.field, english(problem.sentence)) == (
            "department", "Department: choose your own, of those that are asked"
        )  # fmt: skip
    desk.write(number, "answers", "dept_head", department=[str(desk.department)], cause="Tool worn")
    desk.write(number, "answers", "dept_head", place=1, cause="Tool blunt")
    with pytest.raises(RecordRefused) as other:
        desk.write(number, "answers", "qe", place=1, cause="Not us")
    with pytest.raises(RecordRefused) as out, desk.act() as session:
        writing.remove(
            session, desk.find(session, number), "answers", 1, by=desk["qe"], at=desk.at, context=CONTEXT
        )  # fmt: skip
    with pytest.raises(Incomplete):
        desk.write(number, "answers", "dept_head", place=1, department=[str(desk.qa)])
    told = "Another department wrote this; yours writes an entry of its own"
    assert [[english(each.sentence) for each in one.value.missing] for one in (other, out)] == [[told], [told]]
    assert asked(desk, number) == {desk.qa}


def test_a_case_is_said_to_be_open_without_its_number_which_not_everybody_may_know(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1", starter=str(desk["clerk"].id), more="yes")
    (other,) = opened(desk, number)
    assert not any(other in told for told in desk.missing(number, "done", "clerk"))


def test_what_a_confidential_complaint_says_goes_into_no_case_that_everybody_sees(desk: Desk) -> None:
    use([read(GOODS.replace("[privacy]", "[privacy]\nconfidential = true"), "goods.toml")])
    hushed = desk.registered(procedure_key="goods", complaint_class=None)
    desk.write(hushed, "count", "clerk", more="yes")
    assert opened(desk, hushed) == []
    with transaction(desk.make) as session:
        keeper = a_person(session, "keeper")
        assert opening.openable(load(session, desk.find(session, hushed)), keeper) == []


def test_a_case_that_people_name_as_opened_is_waited_for_at_once(desk: Desk, number: str) -> None:
    desk.write(number, "count", "clerk", loss="1", starter=str(desk["clerk"].id))
    assert waits_to_move(desk, number)
    other = desk.draft(procedure_key="postal")
    with desk.act() as session:
        links.add(session, desk.find(session, number), other, OPENED, by=desk["clerk"], at=desk.at, key="a form")
    assert not waits_to_move(desk, number)


@pytest.mark.parametrize("odd", ["NaN", "sNaN", "Infinity", "-Infinity", "9999-99-99"])
def test_what_is_no_number_and_no_day_is_compared_with_nothing(odd: str) -> None:
    with pytest.raises(BadProcedure) as bad:
        read(GOODS.replace("< 1000", f"< {odd}"), "goods.toml")
    assert f"names '{odd}'" in str(bad.value)
    assert not comparing.holds("12", f">= {odd}", lambda _: None)


def asked(desk: Desk, number: str) -> set[int | None]:
    """The departments for which an answer waits."""
    with desk.make() as session:
        waiting = select(Waiting.department_id).where(
            Waiting.complaint_id == desk.find(session, number).id, Waiting.key == "answers"
        )
        return set(session.scalars(waiting))


def waits_to_move(desk: Desk, number: str) -> bool:
    with desk.make() as session:
        waiting = select(Waiting.key).where(
            Waiting.complaint_id == desk.find(session, number).id, Waiting.kind == "move"
        )
        return "done" in set(session.scalars(waiting))


@pytest.fixture
def about(desk: Desk, number: str) -> Actor:
    """A keeper whom the case turns out to be about."""
    with transaction(desk.make) as session:
        keeper = a_person(session, "keeper")
        a_person(session, "keeper", name="the other one")
    desk.write(number, "count", "clerk", starter=str(desk["clerk"].id))
    assert sees(desk, number, keeper)
    desk.write(number, "start", "clerk", about=[keeper.id])
    return keeper


def sees(desk: Desk, number: str, by: Actor) -> bool:
    with desk.make() as session:
        on_board = [
            card.number for each in board.columns(session, by, procedure("goods"), desk.at) for card in each.cards
        ]
        seen = number in session.scalars(visible_to(by, select(Complaint.number)))
    assert (number in on_board) == seen
    return seen


def test_a_complaint_is_hidden_from_whom_it_is_about_and_nobody_tells_them_of_it(
    desk: Desk, number: str, about: Actor
) -> None:
    assert not sees(desk, number, about)
    with transaction(desk.make) as session:
        complaint = desk.find(session, number)
        with pytest.raises(NotPassedOn) as refused:
            pass_to(session, desk, complaint, about)
        pass_to(session, desk, complaint, desk["staff"])
        told = notices.tell(
            session, complaint, [about.id or 0, desk["gm"].id or 0], "noted", by=desk["clerk"], at=desk.at,
            today=desk.at.date(), secret=CONTEXT.secret, domain=CONTEXT.domain,
        )  # fmt: skip
        assert told == [desk["gm"].id]
    (problem,) = refused.value.problems
    assert english(problem.sentence) == "The complaint is about somebody you chose, and hidden from them"
    assert not sees(desk, number, about)
    desk.write(number, "start", "clerk", about=[desk["sales"].id])
    assert sees(desk, number, about)
    assert sees(desk, number, desk["clerk"])
    assert not sees(desk, number, desk["sales"])


def test_whom_it_is_about_is_given_no_part_in_it(desk: Desk, number: str, about: Actor) -> None:
    with pytest.raises(Incomplete) as refused:
        desk.write(number, "count", "clerk", starter=str(about.id))
    with pytest.raises(Incomplete) as other:
        desk.write(number, "start", "clerk", about=[desk["clerk"].id])
    assert [english(each.sentence) for each in (*refused.value.problems, *other.value.problems)] == [
        "names somebody who stands in “Whom it is about”, too; whom it is about has no part in it",
        "names somebody who stands in “Starter”, too; whom it is about has no part in it",
    ]


def test_whom_it_is_about_is_offered_for_no_post_of_it(desk: Desk, number: str, about: Actor) -> None:
    with transaction(desk.make) as session:
        complaint, today = desk.find(session, number), desk.at.date()
        posts = {each.post: each for each in assigning.positions(session, complaint, by=desk["mkt_sup"], today=today)}
        assert [each.name for each in posts[Post("keeper")].holders] == ["the other one"]
        with pytest.raises(NotAssigned):
            assigning.assign(
                session, complaint, Post("keeper"), about.id, reason="", hand_over=False, by=desk["mkt_sup"],
                at=desk.at, context=CONTEXT, seen_version=complaint.version,
            )  # fmt: skip


def pass_to(session: Session, desk: Desk, complaint: Complaint, to: Actor) -> None:
    passing.pass_on(
        session, complaint, to_users=[to.id or 0], to_departments=[], reason="Look at it", by=desk["clerk"], at=desk.at,
        today=desk.at.date(), seen_version=complaint.version, secret=CONTEXT.secret, domain=CONTEXT.domain,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"count.loss", is = "< 1000"', '"count.loss", is = "< 1000 yuan"', "names '1000 yuan'"),
        ('"count.until" = ">= complaint_date"', '"count.until" = ">= complaint_day"', "names 'complaint_day'"),
        ('"count.until" = ">= complaint_date"', '"count.more" = ">= complaint_date"', "goes with a date"),
        ('is = "whole"', 'is = "all"', "names 'all'"),
        ('is = "whole"', 'is = "whole"\nat_most = "sold"', "exactly one of is, at_most"),
        ('of = ["whole"]', 'of = ["until"]', "names 'until'"),
        ('leaves_out = ["order_no", ', 'leaves_out = ["customer", ', "names 'customer'"),
        ("keeper = {", "departments = {", "notices use 'departments' themselves"),
        ('each = "form.departments"', 'each = "count.sold"', "names 'count.sold'"),
        ("many = true\neach = ", "each = ", "goes with many = true and one field of type = 'departments'"),
        ('{ finished = "hand_on" }', '{ finished = "hand_in" }', "names 'hand_in'; did you mean 'hand_on'?"),
        ('["start.about"]', '["start.on"]', "names 'start.on'"),
        ('by = ["count.starter"]\n[[sheet.field]]', 'by = ["count.on"]\n[[sheet.field]]', "names 'count.on'"),
        ('when = { "count.until" = ">= complaint_date" }\n', "", "a label stands only where something holds"),
    ],
)
def test_what_is_wrong_in_these_is_told(old: str, new: str, told: str) -> None:
    assert old in GOODS
    with pytest.raises(BadProcedure) as bad:
        read(GOODS.replace(old, new, 1), "goods.toml")
    assert told in str(bad.value)


SUGGESTED = GOODS.replace('key = "dropped"', 'key = "dropped"\nanswer = "suggestion"')


@pytest.mark.requirement("S27")
def test_an_outcome_goes_to_the_answer_list_as_what_the_procedure_says(desk: Desk) -> None:
    use([read(SUGGESTED, "goods.toml")])
    one, two = (desk.registered(procedure_key="goods", complaint_class=None) for _ in range(2))
    for number in (one, two):
        with desk.act() as session:
            found = desk.find(session, number)
            off_board.take(
                session, found, "dropped", reason="Open on Sundays", by=desk["clerk"], at=desk.at, context=CONTEXT,
                seen_version=found.version, owner=desk["sales"].id if number == two else None,
            )  # fmt: skip
    with desk.make() as session:
        waiting, _ = answers.waiting(session, desk["clerk"])
        assert [(each.card.number, each.owner) for each in waiting] == [(one, "clerk"), (two, "sales")]
    with desk.act() as session:
        off_board.answer(session, waiting[0].decision.id, text="From May on", by=desk["clerk"], at=desk.at)
    with desk.make() as session:
        found, more = answers.of_kind(session, desk["clerk"], "suggestion")
        assert [each.card.number for each in found] == [two, one]
        assert not more
        assert answers.of_kind(session, desk["clerk"], "enquiry") == ([], False)


def test_what_has_a_page_of_its_own_has_no_answer_of_the_procedure() -> None:
    text = SUGGESTED.replace('key = "dropped"', 'key = "merged"')
    with pytest.raises(BadProcedure) as bad:
        read(text, "goods.toml")
    assert "does not go with 'merged'" in str(bad.value)


def test_so_many_rows_may_be_needed(desk: Desk) -> None:
    rows = '{ rows = "counts", where = { kind = "a" }, least = 2 },\n  { finished = "hand_on" }'
    sheet = '[[sheet]]\nkey = "counts"\nname = { en = "Counts", zh = "清点" }\nmany = true\nby = ["clerk"]\n'
    field = '[[sheet.field]]\nkey = "kind"\nname = { en = "Kind", zh = "类型" }\nrequired = true\n'
    text = GOODS.replace('{ finished = "hand_on" }', rows, 1).replace("[[label]]", f"{sheet}{field}[[label]]", 1)
    use([read(text, "goods.toml")])
    number = desk.registered(procedure_key="goods", complaint_class=None)
    desk.write(number, "count", "clerk", loss="1", starter=str(desk["clerk"].id))
    for kind, has in (("a", 1), ("b", 1)):
        desk.write(number, "counts", "clerk", kind=kind)
        assert desk.missing(number, "done", "clerk") == [f"“Counts” needs 2 complete entries; it has {has}"]
    desk.write(number, "counts", "clerk", kind="a")
    assert desk.missing(number, "done", "clerk") == []
    words = Words(procedure("goods"), str, "en")
    assert "Counts: Kind: a; at least 2" in words.needs(procedure("goods").stage("done").needs)


def test_cases_that_are_no_complaints_stand_in_no_figure(desk: Desk, number: str) -> None:
    def received() -> tuple[int, int]:
        with desk.make() as session:
            week = weekly.compute(session, WEEK, at=NEXT_MONDAY, calendar=CONTEXT.calendar, quiet_days=5)
            month = figures.read(session, Period(MONDAY - timedelta(days=15), NEXT_MONDAY), NEXT_MONDAY)
        return week["received"], len(month.complaints)

    assert desk.case(number).rules.counting.complaints
    assert received() == (1, 1)
    beside = GOODS.replace("version = 1", "version = 2").replace(
        "[privacy]", "[measures]\ncomplaints = false\n[privacy]"
    )
    use([read(beside, "goods.toml")])
    assert received() == (0, 0)
