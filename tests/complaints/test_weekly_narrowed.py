"""The letter about a week narrowed to a procedure, from what it keeps."""

from complaints import digest
from complaints.database import open_database, sessions
from complaints.weekly import FIGURES, LISTS, Data
from complaints.weekly_narrowed import narrowed, procedures
from tests.desk import CONTEXT, Desk
from tests.weeks import NEXT_MONDAY, WEEK, a_full_week


def reckoned(desk: Desk) -> Data:
    with desk.make() as session:
        return digest.reckon(session, WEEK, at=NEXT_MONDAY, context=CONTEXT)


def a_week_of_two(url: str) -> Data:
    """A full week of the usual procedure, and two letters about the post."""
    desk = Desk(sessions(open_database(url)))
    a_full_week(desk)
    for subject in ("Letter opened", "信件被拆"):
        desk.draft(procedure_key="postal", subject=subject, complaint_class="simple")
    return reckoned(desk)


def test_the_parts_of_a_letter_are_as_much_as_the_whole(database_url: str) -> None:
    data = a_week_of_two(database_url)
    parts = [narrowed(data, key) for key in procedures(data)]
    assert procedures(data) == ["manufacturing", "postal"]
    for figure in LISTS:
        assert sum(part[figure] for part in parts) == data["lists"][figure]["total"], figure
        assert sum(len(part["lists"][figure]["rows"]) for part in parts) == len(data["lists"][figure]["rows"])
    for by in ("by_class", "by_cause", "by_department"):
        for value, counts in data[by].items():
            told = [part[by].get(value, dict.fromkeys(FIGURES, 0)) for part in parts]
            assert {figure: sum(each[figure] for each in told) for figure in FIGURES} == counts
    assert sorted(each["id"] for part in parts for each in part["worth_reading"]) == sorted(
        each["id"] for each in data["worth_reading"]
    )


def test_a_letter_of_one_procedure_says_what_is_its_own(database_url: str) -> None:
    data = a_week_of_two(database_url)
    postal = narrowed(data, "postal")
    assert (postal["received"], postal["open"], postal["closed"], postal["overdue"]) == (2, 2, 0, 0)
    assert postal["by_class"] == {"simple": {"received": 2, "closed": 0, "open": 2, "overdue": 0}}
    assert postal["timely_reply"] is postal["weeks"] is postal["penalties"] is None
    assert postal["confidential"] == data["confidential"]


def test_what_a_cut_list_cannot_tell_is_left_out() -> None:
    none = {figure: {"total": 0, "rows": []} for figure in LISTS}
    row = [1, "major", None, "postal", 2, 0, "2026-11-16T01:00:00+00:00"]
    four = {"received": 700, "closed": 0, "open": 0, "overdue": 0}
    data = {
        "by_procedure": {"postal": four}, "departments": {}, "facts": {}, "worth_reading": [],
        "lists": none | {"received": {"total": 900, "rows": [row]}, "rounds": {"total": 3, "rows": [row]}},
    }  # fmt: skip
    part = narrowed(data, "postal")
    assert part["received"] == 700
    assert part["rounds"] is None
    assert part["by_class"] == {}
