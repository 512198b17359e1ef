"""What a procedure costs beside the default one: `python -m bench.board --procedure cement` (or `all`).

Ledgers of one size that differ by their procedure alone, looked at in turns, in one process and one run: the time of
the board, of the question where a complaint may go, of everything that follows from an act with its clocks. Then how
long all files take to be read and checked.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.board import Board, cards_in, ledger, times
from complaints import consequences, workflow
from complaints.calendar import mainland_china
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import open_database, sessions
from complaints.people import SYSTEM
from complaints.procedure import DEFAULT, FOLDER, procedure
from complaints.procedure_file import load
from webapp.prepare import upgrade

CONTEXT = Context(mainland_china(), "x" * 32, "bench.example", "complaints@bench.example")
MOST = 1.1
"""So many times the default's at most."""


def compare(keys: list[str], size: int, rounds: int) -> None:
    keys = [DEFAULT, *(key for key in keys if key != DEFAULT)]
    with tempfile.TemporaryDirectory() as folder:
        urls = {key: f"sqlite:///{folder}/{key}.db" for key in keys}
        for key, url in urls.items():
            upgrade(url)
            ledger(url, size, least_open=300, rules=procedure(key))
        boards = {key: Board.on(url) for key, url in urls.items()}
        shown = {key: cards_in(board.get(f"/board?procedure={key}")[0]) for key, board in boards.items()}
        looks = {key: _looking(board, key) for key, board in boards.items()}
        asks = {key: _asking(url) for key, url in urls.items()}
        acts = {key: _acting(url) for key, url in urls.items()}
        taken = [_medians(times(each, rounds)) for each in (looks, asks, acts)]
    print(f"{'procedure':>20} {'cards':>6} {'board':>8} {'may go':>8} {'an act':>8}   (at most {MOST})")
    for key in keys:
        board, ask, act = (each[key] / each[DEFAULT] for each in taken)
        print(f"{key:>20} {shown[key]:>6} {board:>8.2f} {ask:>8.2f} {act:>8.2f}")
    begun = time.perf_counter()
    files = [load(path) for path in sorted(FOLDER.glob("*.toml"))]
    print(f"{len(files)} files read and checked in {time.perf_counter() - begun:.2f} s   (at most 0.3)")


def _medians(taken: dict[str, list[float]]) -> dict[str, float]:
    return {key: statistics.median(each) for key, each in taken.items()}


def _looking(board: Board, key: str) -> Callable[[], object]:
    return lambda: board.get(f"/board?procedure={key}")


def _asking(url: str) -> Callable[[], object]:
    """Where may a complaint go?"""
    make = sessions(open_database(url))

    def ask() -> None:
        with make() as session:
            workflow.allowed(session, _one(session), SYSTEM)

    return ask


def _acting(url: str) -> Callable[[], object]:
    """What follows from an act: clocks, whose it is, whose turn, who is told."""
    make = sessions(open_database(url))

    def act() -> None:
        with make() as session:
            consequences.follow(session, _one(session), [], by=SYSTEM, at=datetime.now(UTC), context=CONTEXT)
            session.rollback()

    return act


def _one(session: Session) -> Complaint:
    """A complaint that was registered a moment ago."""
    open_ = select(Complaint).where(Complaint.closed_at.is_(None), Complaint.owner_id.is_not(None))
    rules = procedure(session.scalars(select(Complaint.procedure).limit(1)).one())
    return session.scalars(open_.where(Complaint.stage == rules.register_stage.key).limit(1)).one()
