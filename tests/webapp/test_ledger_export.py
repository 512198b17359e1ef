"""`flask ledger export`: every column of every complaint in a file, whole or not at all."""

import csv
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from complaints.ledger_columns import columns
from tests.builders import MONDAY
from tests.desk import Desk
from tests.webapp.conftest import on_both_databases


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@on_both_databases
def test_the_whole_ledger_is_written_in_either_form(app: Flask, desk: Desk, tmp_path: Path) -> None:
    for _ in range(3):
        desk.registered(subject="漏油\n=1+1")
    command, folder = app.test_cli_runner().invoke, tmp_path / "out"
    folder.mkdir()
    for kind in ("csv", "xlsx"):
        out = folder / f"ledger.{kind}"
        out.write_text("an older one")
        told = command(args=["ledger", "export", "--format", kind, "--out", str(out), "--locale", "zh_CN"])
        assert (told.exit_code, told.output) == (0, f"3 complaints are in {out}.\n"), told.output
        assert {each.name for each in folder.iterdir()} == {"ledger.csv", f"ledger.{kind}"}
    with (folder / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["编号 No."] for row in rows] == ["C-2026-0001", "C-2026-0002", "C-2026-0003"]
    assert len(rows[0]) == len(columns().all)
    assert rows[0]["主题 Subject"] == "漏油\n=1+1"
    assert zipfile.ZipFile(folder / "ledger.xlsx").testzip() is None


def test_days_narrow_it_and_nonsense_writes_nothing(app: Flask, desk: Desk, tmp_path: Path) -> None:
    desk.registered()
    out = tmp_path / "ledger.csv"
    begin = ["ledger", "export", "--format", "csv", "--out", str(out)]
    runner = app.test_cli_runner()
    assert "0 complaints" in runner.invoke(args=[*begin, "--from", "2026-11-17"]).output
    assert "1 complaints" in runner.invoke(args=[*begin, "--from", "2026-11-16", "--to", "2026-11-16"]).output
    out.unlink()
    for wrong in (["--from", "soon"], ["--from", "2026-11-17", "--to", "2026-11-16"], ["--locale", "xx"]):
        assert runner.invoke(args=[*begin, *wrong]).exit_code == 2
    assert not out.exists()
