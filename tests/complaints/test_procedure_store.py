"""Versions of procedures: every one is kept; running complaints keep theirs, new ones take the newest."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure, procedure_store, workflow
from complaints.complaint import Complaint, involve, open_draft, visible_to
from complaints.database import open_database, sessions, transaction
from complaints.people import SYSTEM
from complaints.procedure import UnknownProcedure, newest, of
from complaints.procedure_file import BadProcedure, load, read
from complaints.procedure_store import Version, add, digest, every, load_known, open_complaints, refresh, settle
from tests.builders import MONDAY, a_person, at_once
from tests.desk import CONTEXT
from tests.procedures import SMALL, changed

Make = sessionmaker[Session]
SECOND = changed(("version = 1", "version = 2"), ('en = "Handling"', 'en = "Work"'))
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that knows nothing yet."""
    monkeypatch.setattr(procedure, "_known", {})
    monkeypatch.setattr(procedure_store, "_looked", {})


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., list[Path]]:
    """Procedure files by their names."""

    def files(**texts: str) -> list[Path]:
        for name, text in texts.items():
            (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        return sorted(tmp_path.glob("*.toml"))

    return files


def entered(make: Make) -> list[tuple[str, int]]:
    with make() as session:
        return [(row.key, row.version) for row in every(session)]


def a_draft(make: Make, key: str = "small") -> str:
    with transaction(make) as session:
        return open_draft(
            session, by=SYSTEM, at=MONDAY, received_at=MONDAY, channel="phone", calendar=CONTEXT.calendar,
            procedure_key=key,
        ).number  # fmt: skip


def the(session: Session, number: str) -> Complaint:
    return session.scalars(select(Complaint).where(Complaint.number == number)).one()


# A start


def test_a_start_enters_every_file_once(make: Make, folder: Callable[..., list[Path]]) -> None:
    for _ in range(2):
        with transaction(make) as session:
            settle(session, shipped=sorted(procedure.FOLDER.glob("*.toml")), own=folder(small=SMALL), at=MONDAY)
    shipped = [load(path) for path in procedure.FOLDER.glob("*.toml")]
    assert entered(make) == sorted([*((each.key, each.version) for each in shipped), ("small", 1)])
    with make() as session:
        row = procedure_store.find(session, "small", 1)
        assert (row.text, row.added_by_id) == (SMALL, None)


def test_the_same_version_with_another_text_stops_the_start(make: Make, folder: Callable[..., list[Path]]) -> None:
    with transaction(make) as session:
        settle(session, shipped=(), own=folder(small=SMALL), at=MONDAY)
    with pytest.raises(BadProcedure) as bad, transaction(make) as session:
        settle(session, shipped=(), own=folder(small=changed(('en = "Small"', 'en = "Tiny"'))), at=MONDAY)
    assert str(bad.value) == "small.toml: version: version 1 of 'small' is in use with another text; raise version to 2"
    assert entered(make) == [("small", 1)]


def test_two_files_of_one_version_stop_the_start(make: Make, folder: Callable[..., list[Path]]) -> None:
    with (
        pytest.raises(BadProcedure, match=r"second\.toml: version: version 1 of 'small'"),
        transaction(make) as session,
    ):
        settle(session, shipped=(), own=folder(first=SMALL, second=SMALL + "# another\n"), at=MONDAY)
    assert entered(make) == []


def test_broken_files_stop_the_start_with_all_that_is_wrong(make: Make, folder: Callable[..., list[Path]]) -> None:
    files = folder(a="key = ", b=changed(("final = true", "finale = true")), small=SMALL)
    with pytest.raises(BadProcedure) as bad, transaction(make) as session:
        settle(session, shipped=(), own=files, at=MONDAY)
    told = str(bad.value)
    assert "a.toml: is not TOML" in told
    assert "b.toml: stage.closed.finale: is not known here; did you mean 'final'?" in told
    assert "b.toml: stage: no stage has final = true" in told
    assert entered(make) == []


def test_a_version_that_the_company_brought_in_is_not_replaced_by_one_of_the_house(
    make: Make, folder: Callable[..., list[Path]]
) -> None:
    with transaction(make) as session:
        settle(session, shipped=folder(small=SMALL), own=(), at=MONDAY)
        add(session, SECOND, "upload", reason="as agreed", by=a_person(session, "admin"), at=MONDAY)
    for text in (SECOND + "# of the house\n", changed(("version = 1", "version = 3"))):
        with transaction(make) as session:
            assert settle(session, shipped=folder(small=text), own=(), at=MONDAY) == []
    assert entered(make) == [("small", 2), ("small", 1)]


def test_a_start_of_the_house_enters_what_is_there_and_is_stopped_by_what_is_broken(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Through the door that every start goes through."""
    own = tmp_path / "procedures"
    own.mkdir()
    (own / "small.toml").write_text(SMALL, encoding="utf-8")
    env = os.environ | {
        "REDRESS_DATA": str(tmp_path), "DATABASE_URL": sqlite_url, "SECRET_KEY": "s" * 40, "REDIS_URL": "redis://x:1/0",
        "MAIL_FROM": "complaints@mill.example",
    }  # fmt: skip

    def start() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "webapp.prepare"]
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    first = start()
    assert (first.returncode, first.stderr) == (0, "")
    make = sessions(open_database(sqlite_url))
    assert ("small", 1) in entered(make)
    (own / "small.toml").write_text(SECOND.replace("final = true", "finale = true"), encoding="utf-8")
    (own / "other.toml").write_text("nothing = 1", encoding="utf-8")
    second = start()
    assert second.returncode == 2
    assert "small.toml: stage.closed.finale: is not known here; did you mean 'final'?\n" in second.stderr
    assert "other.toml: nothing: is not known here" in second.stderr
    assert "Traceback" not in second.stderr
    assert ("small", 2) not in entered(make)
    (own / "other.toml").unlink()
    (own / "small.toml").write_text(SECOND, encoding="utf-8")
    assert start().returncode == 0
    assert ("small", 2) in entered(make)


# Which one a complaint follows


@pytest.fixture
def two(make: Make) -> tuple[str, str]:
    """A complaint that began with version 1, and one that began with version 2."""
    with transaction(make) as session:
        admin = a_person(session, "admin")
        add(session, SMALL, "upload", reason="as agreed", by=admin, at=MONDAY)
        load_known(session)
    old = a_draft(make)
    with transaction(make) as session:
        add(session, SECOND, "upload", reason="as agreed", by=admin, at=MONDAY)
        load_known(session)
    return old, a_draft(make)


def test_running_complaints_keep_their_version_and_new_ones_follow_the_newest(make: Make, two: tuple[str, str]) -> None:
    with make() as session:
        rules = [of(the(session, number)) for number in two]
        assert [each.version for each in rules] == [1, 2]
        assert [each.stage("handling").name.en for each in rules] == ["Handling", "Work"]
        assert {each.key: each.version for each in newest()}["small"] == 2
        assert open_complaints(session) == {("small", 1): 1, ("small", 2): 1}


def test_a_process_that_never_heard_of_a_version_looks_it_up(
    make: Make, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "_known", {})
    with make() as session:
        assert of(the(session, two[1])).version == 2
        assert of(the(session, two[0])).version == 1


def test_a_complaint_whose_version_nobody_knows_is_told_by_name_and_costs_the_others_nothing(
    make: Make, two: tuple[str, str]
) -> None:
    with transaction(make) as session:
        session.execute(update(Complaint).where(Complaint.number == two[0]).values(procedure_version=9))
    with make() as session:
        with pytest.raises(UnknownProcedure, match="small 9"):
            of(the(session, two[0]))
        assert workflow.allowed(session, the(session, two[1]), SYSTEM)
        assert open_complaints(session)["small", 2] == 1


@pytest.mark.parametrize(
    "text", ["key = ", SECOND.replace('type = "choice"', 'type = "chance"')], ids=["torn", "older"]
)
def test_what_follows_a_version_that_cannot_be_read_any_more_stands_still_and_costs_the_others_nothing(
    text: str, make: Make, two: tuple[str, str]
) -> None:
    with transaction(make) as session:
        session.execute(update(Version).where(Version.version == 2).values(text=text, sha256=digest(text)))
    procedure._known = {}
    with make() as session:
        load_known(session)
        old, new = (the(session, number) for number in two)
        assert (of(old).version, of(old).still) == (1, False)
        assert (of(new).still, of(new).confidential) == (True, True)
        assert not any(choice.open for choice in workflow.allowed(session, new, SYSTEM))
        assert of(new).stage(new.stage).name.en in (new.stage, "Draft")
        assert {each.key: each.version for each in newest()}["small"] == 1


def test_what_is_known_is_looked_up_once_in_a_while_with_one_small_query(make: Make, two: tuple[str, str]) -> None:
    seen: list[str] = []
    with make() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *said: seen.append(said[2]))
        for _ in range(50):
            refresh(session)
    asked = [statement for statement in seen if statement.startswith("SELECT")]
    assert len(asked) == 1
    assert "procedure_version.text" not in asked[0]


# Bringing a version in


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            SMALL + "# changed\n",
            "upload: version: version 1 of 'small' is in use with another text; raise version to 3",
        ),
        (
            SECOND.replace("version = 2", "version = 3").replace("final = true\n", ""),
            "upload: stage: no stage has final",
        ),
    ],
)
def test_what_cannot_be_brought_in_is_refused_with_what_is_wrong(
    text: str, sentence: str, make: Make, two: tuple[str, str]
) -> None:
    with pytest.raises(BadProcedure) as bad, transaction(make) as session:
        add(session, text, "upload", reason="as agreed", by=replace(SYSTEM, id=1), at=MONDAY)
    assert str(bad.value).startswith(sentence)
    assert entered(make) == [("small", 2), ("small", 1)]


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (2, "version 5 is there already; a new one is 6"),
        (7, "version 5 is the newest one, and the next is 6, not 7"),
        (9999, "version 5 is the newest one, and the next is 6, not 9999"),
    ],
)
def test_a_version_that_does_not_follow_the_newest_is_refused(
    version: int, sentence: str, make: Make, folder: Callable[..., list[Path]]
) -> None:
    with transaction(make) as session:  # a file may leave versions out
        settle(session, shipped=(), own=folder(small=changed(("version = 1", "version = 5"))), at=MONDAY)
    with pytest.raises(BadProcedure) as bad, transaction(make) as session:
        add(
            session,
            changed(("version = 1", f"version = {version}")),
            "upload",
            reason="as agreed",
            by=replace(SYSTEM, id=1),
            at=MONDAY,
        )
    assert str(bad.value) == f"upload: version: {sentence}"
    with transaction(make) as session:
        admin = a_person(session, "admin")
        assert (
            add(
                session, changed(("version = 1", "version = 6")), "upload", reason="as agreed", by=admin, at=MONDAY
            ).version
            == 6
        )


def test_a_procedure_that_is_new_here_begins_with_version_1(make: Make) -> None:
    with (
        pytest.raises(BadProcedure, match="there is no version of 'small' yet; the first one is 1, not 2"),
        transaction(make) as session,
    ):
        add(session, SECOND, "upload", reason="as agreed", by=replace(SYSTEM, id=1), at=MONDAY)


OPEN = changed(("confidential = true", "confidential = false"))


@pytest.mark.parametrize(("first", "second"), [(OPEN, SMALL), (SMALL, OPEN)])
def test_a_complaint_stays_as_confidential_as_the_version_it_began_with(first: str, second: str, make: Make) -> None:
    with transaction(make) as session:
        stranger, named = a_person(session, "qe"), a_person(session, "qe")
    numbers: dict[str, str] = {}
    for version, text in enumerate((first, second), 1):
        with transaction(make) as session:
            add(
                session,
                text.replace("version = 1", f"version = {version}"),
                "upload",
                reason="as agreed",
                by=named,
                at=MONDAY,
            )
        with make() as session:
            load_known(session)
        numbers[text] = a_draft(make)
        with transaction(make) as session:
            involve(session, the(session, numbers[text]), at=MONDAY, reason="told", users=[named.id or 0])

        with make() as session:
            seen = {by: set(session.scalars(visible_to(by, select(Complaint.number)))) for by in (stranger, named)}
        assert seen == {
            stranger: {number for text, number in numbers.items() if text == OPEN},
            named: {*numbers.values()},
        }


def test_the_same_text_again_changes_nothing(make: Make, two: tuple[str, str]) -> None:
    with transaction(make) as session:
        assert add(session, SECOND, "upload", reason="as agreed", by=replace(SYSTEM, id=1), at=MONDAY) == read(
            SECOND, "upload"
        )
    assert entered(make) == [("small", 2), ("small", 1)]


def test_of_two_texts_of_one_version_brought_in_at_once_one_is_refused(make: Make) -> None:
    with transaction(make) as session:
        admin = a_person(session, "admin")

    def bring(text: str) -> int:
        with transaction(make) as session:
            return add(session, text, "upload", reason="as agreed", by=admin, at=MONDAY).version

    for turn in range(5):
        text = SMALL.replace('key = "small"', f'key = "small{turn}"', 1)
        results = at_once(*(lambda text=text: bring(text) for text in (text, text + "# another\n")))
        assert sorted(type(each).__name__ for each in results) == ["BadProcedure", "int"]
        (refused,) = [str(each) for each in results if not isinstance(each, int)]
        assert refused == f"upload: version: version 1 of 'small{turn}' is in use with another text; raise version to 2"
