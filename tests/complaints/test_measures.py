"""The figures of a month as formulas, by the examples of the requirements."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints import measures
from complaints.calendar import mainland_china
from complaints.kpis import PERCENT, definitions
from complaints.measures import (
    NOT_COUNTED,
    Events,
    Measure,
    Period,
    Registered,
    Reply,
    complaint_rate,
    counted_by,
    difference,
    effective_reply,
    measured,
    period_of,
    timely_reply,
    written_answers,
)
from complaints.procedure import procedure
from complaints.procedure_file import read
from complaints.procedure_table import BadProcedure

ZONE = mainland_china().tz
OCTOBER = period_of(date(2026, 10, 1), ZONE)
NOVEMBER_1 = OCTOBER.ends
DUE = datetime(2026, 10, 15, 9, 30, tzinfo=UTC)
OF = {each.key: each for each in definitions()}


def reply(complaint_id: int, *, late: int = 0, due: datetime = DUE) -> Reply:
    """A reply that was made, so many minutes after it was due."""
    return Reply(complaint_id, due, due + timedelta(minutes=late), "late" if late > 0 else "met")


@pytest.mark.requirement("S112")
@pytest.mark.parametrize(("in_time", "percent", "met"), [(19, 95, True), (18, 90, False), (20, 100, True)])
def test_of_twenty_replies_nineteen_in_time_reach_the_target_of_95_percent(
    in_time: int, percent: int, met: bool
) -> None:
    replies = [reply(n, late=0 if n <= in_time else 1) for n in range(1, 21)]
    found = timely_reply(replies, OCTOBER, NOVEMBER_1)
    assert (len(found.numerator), len(found.denominator)) == (in_time, 20)  # type: ignore[arg-type]
    assert found.value == Fraction(percent, 100)
    assert OF["timely_reply"].met(found.value) is met


@pytest.mark.requirement("S113")
def test_two_complaints_on_400_shipments_are_half_a_percent() -> None:
    assert complaint_rate([7, 8], Decimal(400)).value == Fraction(1, 200)


@pytest.mark.requirement("S113")
@pytest.mark.parametrize("shipments", [None, Decimal(0)])
def test_without_shipments_there_is_no_data_and_not_zero(shipments: Decimal | None) -> None:
    assert complaint_rate([7, 8], shipments).value is None
    assert OF["timely_reply"].met(None) is None


@pytest.mark.requirement("S114")
def test_nine_effective_of_ten_are_90_percent() -> None:
    complaints = [Registered(n, effective=n < 10) for n in range(1, 11)]
    assert effective_reply(complaints).value == Fraction(9, 10)


def test_what_no_procedure_can_tell_is_not_counted() -> None:
    assert effective_reply([Registered(1, effective=None)]).value is None


@pytest.mark.requirement("S115")
def test_a_score_of_880_of_1000_is_88_percent() -> None:
    found = measured(Events(), {"satisfaction": (Decimal(880), Decimal(1000))}, OCTOBER, NOVEMBER_1)
    assert found["satisfaction"].value == Fraction(88, 100)


@pytest.mark.requirement("S66")
def test_the_written_share_is_of_those_who_were_answered() -> None:
    complaints = [Registered(1, answer="written"), Registered(2, answer="spoken"), Registered(3)]
    found = written_answers(complaints)
    assert (found.numerator, found.denominator) == ((1,), (1, 2))


def test_a_reply_at_its_due_time_is_in_time_and_a_second_later_is_not() -> None:
    replies = [Reply(1, DUE, DUE, "met"), Reply(2, DUE, DUE + timedelta(seconds=1), "late")]
    assert timely_reply(replies, OCTOBER, NOVEMBER_1).numerator == (1,)


@pytest.mark.parametrize("outcome", sorted(NOT_COUNTED))
def test_promises_that_lost_their_object_are_not_counted(outcome: str) -> None:
    assert timely_reply([Reply(1, DUE, DUE, outcome)], OCTOBER, NOVEMBER_1).denominator == ()


def test_who_was_not_answered_counts_as_late_once_it_is_due() -> None:
    waits = [Reply(1, DUE)]
    assert timely_reply(waits, OCTOBER, DUE).denominator == ()
    found = timely_reply(waits, OCTOBER, DUE + timedelta(seconds=1))
    assert (found.numerator, found.denominator) == ((), (1,))


@pytest.mark.parametrize(
    ("due", "counted"),
    [
        (datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 9, 30, 16, 0, tzinfo=UTC), True),  # midnight in Shanghai
        (datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 31, 16, 0, tzinfo=UTC), False),
    ],
)
def test_a_month_is_one_of_the_organisation_s_clock(due: datetime, counted: bool) -> None:
    assert bool(timely_reply([reply(1, due=due)], OCTOBER, NOVEMBER_1).denominator) is counted


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_months_follow_each_other_without_a_gap(day: date) -> None:
    month = measures.month_of(day)
    after = measures.next_month(month)
    assert measures.month_before(after) == month
    assert period_of(month, ZONE).ends == period_of(after, ZONE).begins
    assert datetime(day.year, day.month, day.day, tzinfo=ZONE) in period_of(month, ZONE)


MOMENTS = st.datetimes(datetime(2026, 9, 1), datetime(2026, 12, 1), timezones=st.just(UTC))
REPLIES = st.builds(
    Reply, st.integers(1, 50), MOMENTS, st.none() | MOMENTS, st.sampled_from([None, "met", "late", *NOT_COUNTED])
)


@given(st.lists(REPLIES), MOMENTS)
def test_the_months_together_count_every_reply_once(replies: list[Reply], at: datetime) -> None:
    months = [period_of(date(2026, month, 1), ZONE) for month in (8, 9, 10, 11, 12)]
    whole = Period(months[0].begins, months[-1].ends)
    counted: list[int] = []
    for month in months:
        found = timely_reply(replies, month, at)
        assert isinstance(found.denominator, tuple)
        assert not difference(found.numerator, found.denominator).gone  # type: ignore[arg-type]
        counted += found.denominator
    together = timely_reply(replies, whole, at)
    assert sorted(counted) == sorted(together.denominator)  # type: ignore[arg-type]
    assert together.value is None or 0 <= together.value <= 1


@given(st.lists(st.builds(Registered, st.integers(1, 99), st.sampled_from([None, "general", "major"])), max_size=30))
def test_each_complaint_has_one_class_or_none(complaints: list[Registered]) -> None:
    found = counted_by(complaints, "complaint_class")
    assert sorted(sum(found.values(), ())) == sorted(each.id for each in complaints)
    assert [len(ids) for ids in found.values()] == sorted((len(ids) for ids in found.values()), reverse=True)


def test_a_complaint_of_two_departments_counts_for_each() -> None:
    assert counted_by([Registered(1, departments=(3, 4)), Registered(2)], "department") == {
        "": (2,), "3": (1,), "4": (1,),
    }  # fmt: skip


def test_a_difference_says_what_went_and_what_came() -> None:
    assert difference((1, 2, 2), (2, 3)) == ((1, 2), (3,))


def test_a_percentage_that_is_typed_in_is_one() -> None:
    assert Measure("completion", Decimal("96.5"), kind=PERCENT).value == Fraction(965, 1000)
    assert OF["completion"].met(Fraction(96, 100)) is True


def test_no_damage_is_the_target_of_damage() -> None:
    assert OF["property_damage"].met(Fraction(0)) is True
    assert OF["property_damage"].met(Fraction(1)) is False


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ('replies = ["qa_replies"]', "measures.replies: names 'qa_replies'; did you mean 'qa_reply'?"),
        ('accepted = { "contacts.kind" = "other" }', "measures.accepted: names 'contacts.kind'"),
        ('accepted = { "answer.decision" = "yes" }', "measures.accepted.answer.decision: names 'yes'"),
        ('answered = { "answer.decision" = "accepted" }', "measures.answered: names 'answer.decision'"),
        ('action = "finding"', "measures.action: names 'finding'"),
        ("accepted = true", "measures.accepted: should be a table such as"),
        ("rate = 1", "measures.rate: is not known here"),
    ],
)
def test_a_procedure_that_counts_what_there_is_not_is_refused(said: str, fault: str) -> None:
    source = procedure().source
    begins, ends = source.index("[measures]"), source.index("[privacy]")
    with pytest.raises(BadProcedure) as bad:
        read(f"{source[:begins]}[measures]\n{said}\n\n{source[ends:]}", "our.toml")
    assert str(bad.value).startswith(f"our.toml: {fault}")
