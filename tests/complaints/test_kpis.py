"""Key figures as data: the file of the house, the company's own, and when a target is reached."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from complaints import kpis
from complaints.kpis import AT_MOST, EXACTLY, OF_THE_HOUSE, BadKpis, definitions, known, read

OWN = """
[energy]
name = { en = "Energy", zh = "能耗" }
made = "number"
unit = { en = "MWh", zh = "兆瓦时" }
target = "<= 12.5"

[on_time_delivery]
name = { en = "On-time delivery", zh = "交货准时率" }
made = "rate"
above = { en = "batches on time", zh = "准时批次" }
below = { en = "all batches", zh = "全部批次" }
target = "≥ 98.5%"
"""


@pytest.fixture(autouse=True)
def no_longer_than_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpis, "_known", OF_THE_HOUSE)


@pytest.mark.requirement("S118", "S119", "S122")
@pytest.mark.parametrize(
    ("key", "sense", "target"),
    [
        ("completion", "≥", Fraction(96, 100)), ("collection", "≥", Fraction(96, 100)),
        ("annual_sales", "≥", Fraction(60_000)), ("contract_review", "=", Fraction(1)),
        ("property_damage", "=", Fraction(0)), ("stock_turnover", "≥", Fraction(2)),
        ("order_completion", "≥", Fraction(1)), ("factory_pass", "=", Fraction(1)),
    ],
)  # fmt: skip
def test_the_targets_are_those_of_the_companies(key: str, sense: str, target: Fraction) -> None:
    assert (known()[key].sense, known()[key].target) == (sense, target)


@pytest.mark.requirement("S116", "S121", "S123")
def test_every_figure_that_no_complaint_tells_is_typed_in() -> None:
    typed = {each.key for each in kpis.typed()}
    assert typed == OF_THE_HOUSE.keys() - kpis.LEDGER
    assert {"on_time_delivery", "training_held", "training_passed", "staff_satisfaction", "accidents"} <= typed
    assert {"stock_accuracy", "excess_freight", "shipments"} <= typed


def test_a_company_changes_a_target_and_adds_a_figure_of_its_own(tmp_path: Path) -> None:
    (tmp_path / kpis.FILE).write_text(OWN, "utf-8")
    kpis.bring_in(tmp_path)
    energy, delivery = known()["energy"], known()["on_time_delivery"]
    assert (energy.sense, energy.target, energy.typed) == (AT_MOST, Fraction(25, 2), True)
    assert delivery.target == Fraction(985, 1000)
    assert definitions()[-1] == energy
    assert [each.key for each in definitions()].index("on_time_delivery") == [*OF_THE_HOUSE].index(
        "on_time_delivery"
    ) - 1


def test_without_a_file_there_are_the_figures_of_the_house(tmp_path: Path) -> None:
    kpis.bring_in(tmp_path)
    assert known() == OF_THE_HOUSE


def test_before_the_year_is_over_it_is_judged_by_what_cannot_change() -> None:
    sales = known()["annual_sales"]
    said = [
        sales.met_in(date(2026, month, 1), Fraction(value))
        for month, value in ((6, 30_000), (11, 60_000), (12, 59_999))
    ]
    assert said == [None, True, False]


def test_a_target_that_is_exact_is_missed_on_either_side() -> None:
    damage = known()["property_damage"]
    assert (damage.sense, damage.met(Fraction(0)), damage.met(Fraction(1)), damage.met(None)) == (
        EXACTLY,
        True,
        False,
        None,
    )


NAMED = '[own]\nname = { en = "a", zh = "甲" }\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("own = 1", "should be a table"),
        ("[own", "is not TOML"),
        ("[Own]\n", "small letters"),
        ("[complaints]\n", "is not “complaints”"),
        (NAMED + 'made = "guess"', "made should be one of: rate, percent, number, count, ledger"),
        (NAMED + 'made = "ledger"', "the ledger reckons these"),
        ('[timely_reply]\nname = { en = "a", zh = "甲" }\nmade = "percent"', "the ledger reckons these"),
        (NAMED + 'made = "rate"', "above should be a name in both languages"),
        (NAMED + 'made = "count"', "unit should be a name in both languages"),
        (NAMED + 'made = "percent"\nunit = { en = "a", zh = "甲" }', "unit says nothing here"),
        (NAMED + 'made = "percent"\ntarget = ">= 96"', "target should be such as “>= 95 %”"),
        (NAMED + 'made = "percent"\ntarget = 96', "target should be such as"),
        ('[own]\nname = "a"\nmade = "percent"', "name should be a name in both languages"),
        (NAMED + 'made = "percent"\nperiod = "week"', "period should be month or year"),
        (NAMED + 'made = "percent"\ndecimals = true', "decimals should be a number"),
        (NAMED + 'made = "percent"\nsummarised = true', "only a rate is summarised"),
        (NAMED + 'made = "percent"\ncolour = "red"', "'colour' is not known here"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text: str, fault: str) -> None:
    with pytest.raises(BadKpis) as refused:
        read(text, known=OF_THE_HOUSE)
    assert fault in str(refused.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadKpis) as refused:
        read('[one]\nmade = "count"\n[two]\nmade = "rate"', known={})
    assert str(refused.value).count("\n") == 4


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / kpis.FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadKpis, match="cannot be read"):
        kpis.bring_in(tmp_path)
    (tmp_path / kpis.FILE).write_bytes(b"#" * (kpis.LARGEST_FILE + 1))
    with pytest.raises(BadKpis, match="larger than 64 KB"):
        kpis.bring_in(tmp_path)
