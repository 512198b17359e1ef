"""What is typed in for a month and corrected, the table of months, and figures from a file."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from complaints import figures, kpi_entries, kpi_import, kpi_table
from complaints.database import transaction
from complaints.kpi_entries import Amounts, StaleEntries
from complaints.kpi_import import Line, NoTable, read, text_of
from complaints.registration import Incomplete
from tests.desk import CONTEXT, Desk

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
TODAY = date(2026, 11, 16)
DECEMBER = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)


def enter(desk: Desk, typed: Mapping[str, tuple[int, int | None]], month: date = NOVEMBER, reason: str = "") -> None:
    with transaction(desk.make) as session:
        amounts = {
            key: Amounts(Decimal(above), None if below is None else Decimal(below))
            for key, (above, below) in typed.items()
        }
        kpi_entries.enter(
            session, month, amounts, seen=kpi_entries.latest(session), by=desk["clerk"], at=desk.at, reason=reason,
            reported=figures.reported(session, month),
        )  # fmt: skip


def test_what_a_frozen_month_has_reported_is_corrected_with_a_reason(desk: Desk) -> None:
    desk.registered()
    enter(desk, {"completion": (95, None), "shipments": (400, None)})
    enter(desk, {"completion": (96, None)})  # nothing is reported yet
    figures.freeze(desk.make, DECEMBER, CONTEXT)
    for typed in ({"completion": (97, None)}, {"shipments": (410, None)}):
        with pytest.raises(Incomplete) as refused:
            enter(desk, typed, reason=" ")
        assert [each.field for each in refused.value.problems] == ["reason"]
    enter(desk, {"completion": (97, None)}, reason="Two orders were booked twice.")
    enter(desk, {"accidents": (0, None)})  # typed in late, and no correction
    with desk.make() as session:
        told = [
            (each.version, each.numerator, each.reason) for each in kpi_entries.history(session, "completion", NOVEMBER)
        ]
    assert told == [(3, "97", "Two orders were booked twice."), (2, "96", ""), (1, "95", "")]


def test_a_reason_is_no_story(desk: Desk) -> None:
    enter(desk, {"completion": (95, None)})
    with pytest.raises(Incomplete):
        enter(desk, {"completion": (96, None)}, reason="x" * 501)


@pytest.mark.requirement("S117", "S118", "S121")
def test_months_stand_side_by_side_each_against_its_target(desk: Desk) -> None:
    enter(desk, {"on_time_delivery": (48, 50), "completion": (96, None), "training_held": (0, 0)}, OCTOBER)
    enter(desk, {"on_time_delivery": (45, 50), "completion": (95, None)})
    with desk.make() as session:
        rows = {each.definition.key: each for each in kpi_table.of_months(session, [OCTOBER, NOVEMBER], {})}
    assert [each.met for each in rows["completion"].points] == [True, False]
    held = rows["training_held"].points[0].measure
    assert held is not None
    assert held.value is None  # of nothing planned there is no rate
    assert rows["on_time_delivery"].whole.value == Fraction(93, 100)
    assert rows["accidents"].whole.value is None
    assert [each.measure for each in rows["timely_reply"].points] == [None, None]


def test_what_the_ledger_reckons_stands_as_it_was_frozen(desk: Desk) -> None:
    desk.registered()
    enter(desk, {"shipments": (400, None)})
    figures.freeze(desk.make, DECEMBER, CONTEXT)
    with desk.make() as session:
        rows = {each.definition.key: each for each in kpi_table.of_months(session, [NOVEMBER], {})}
    rate = rows["complaint_rate"].points[0].measure
    assert rate is not None
    assert rate.value == Fraction(1, 400)


# A file


FILE = """KPI,month,value,total
On-time delivery,2026-10,48,50
完成率,2026年11月,96.5%,
annual_sales,Nov-26,"55,000",
Safety accidents,2026/11/1,,
"""


def lines(text: str) -> list[Line]:
    return read(text, TODAY)


def test_a_file_is_read_as_people_and_spreadsheets_write_it() -> None:
    found = [(each.definition and each.definition.key, each.month, *each.amounts) for each in lines(FILE)]
    assert found == [
        ("on_time_delivery", OCTOBER, Decimal(48), Decimal(50)),
        ("completion", NOVEMBER, Decimal("96.5"), None),
        ("annual_sales", NOVEMBER, Decimal(55_000), None),
    ]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_any_separator_and_heading_in_chinese_will_do(separator: str) -> None:
    (line,) = lines(
        f"指标{separator}月份{separator}数值{separator}总数\r\n交货准时率{separator}2026-10{separator}48{separator}50\r\n"
    )
    assert (line.month, line.amounts) == (OCTOBER, Amounts(Decimal(48), Decimal(50)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030", "utf-16"])
def test_a_file_may_have_any_code_of_a_spreadsheet(encoding: str) -> None:
    assert lines(text_of("指标,月份,数值\n完成率,2026-10,96".encode(encoding)))[0].amounts.above == Decimal(96)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Happiness,2026-10,1,", "there is no figure “%(name)s”"),
        ("timely_reply,2026-10,1,", "there is no figure “%(name)s”"),
        ("completion,October,1,", "is no month"),
        ("completion,2026-13,1,", "is no month"),
        ("completion,2026-1٣,1,", "is no month"),
        ("completion,2026-12,1,", "this month has not begun"),
        ("completion,1999-12,1,", "too long ago"),
        ("completion,2026-10,many,", "write a number such as"),
        ("completion,2026-10,96,100", "one number only"),
        ("on_time_delivery,2026-10,48,", "write this one, too"),
        ("on_time_delivery,2026-10,51,50", "a part cannot be more than the whole"),
        ("shipments,2026-10,-1,", "less than nothing"),
        ("=1+1,2026-10,1,", "there is no figure"),
        ("completion,2026-11,1,\ncompletion,2026-11,2,", "stands in line %(line)s, too"),
    ],
)
def test_each_problem_of_a_line_is_told(line: str, problem: str) -> None:
    (wrong,) = [each for each in lines(f"KPI,month,value,total\n{line}\n") if each.problems]
    assert any(problem in each.message for each in wrong.problems)


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "a,b,c\n1,2,3", "KPI,month,value\n" + "completion,2026-10,1\n" * 5001,
     'KPI,month,value\n"' + "x" * 200_000],
)  # fmt: skip
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(NoTable):
        lines(text)


@pytest.mark.parametrize("raw", [b"\x00\x01PK\x03\x04", b"PK\x03\x04\xff\xff\x00", b"x" * (kpi_import.LARGEST + 1)])
def test_what_is_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(NoTable):
        text_of(raw)


def take(desk: Desk, text: str, *, seen: int | None = None, reason: str = "") -> int:
    with transaction(desk.make) as session:
        newest = kpi_entries.latest(session) if seen is None else seen
        return kpi_import.take(session, lines(text), seen=newest, by=desk["clerk"], at=desk.at, reason=reason)


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    with desk.make() as session:
        assert len(kpi_import.changes(session, lines(FILE))) == 3
    assert (take(desk, FILE), take(desk, FILE)) == (3, 0)
    with desk.make() as session:
        assert kpi_import.changes(session, lines(FILE)) == []
        assert [each.version for each in kpi_entries.history(session, "completion", NOVEMBER)] == [1]


def test_a_file_is_taken_whole_or_not_at_all(desk: Desk) -> None:
    enter(desk, {"completion": (90, None)})
    with pytest.raises(StaleEntries):
        take(desk, FILE, seen=0)
    with desk.make() as session:
        assert kpi_entries.standing(session, OCTOBER, OCTOBER) == {}


def test_a_file_corrects_what_was_reported_with_a_reason_only(desk: Desk) -> None:
    desk.registered()
    enter(desk, {"completion": (90, None)})
    figures.freeze(desk.make, DECEMBER, CONTEXT)
    with desk.make() as session:
        said = {each.line.number: each.reported for each in kpi_import.changes(session, lines(FILE))}
    assert said == {2: False, 3: True, 4: False}
    with pytest.raises(Incomplete):
        take(desk, FILE)
    assert take(desk, FILE, reason="Counted again.") == 3
