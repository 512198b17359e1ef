"""What a complaint's page costs: `python -m bench.pages [--entries 10 100 1000]`.

In one demo ledger, complaints that wait for verification are given conversations of several lengths. Their pages are
asked for in turns, in one process and one run: the time, the queries, the bytes. `--statements` prints the queries;
`--helpdesk PYTHON` measures django-helpdesk's page with as many entries in the same run, by an interpreter that has it.
"""

import argparse
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bench.board import EMAIL, Board, p50, p99, times
from bench.moves import THERE, ledger
from complaints import history, people
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.database import open_database, sessions, transaction
from complaints.letters import Attachment, Letter
from complaints.notes import Note
from complaints.people import User
from webapp.prepare import upgrade

LEDGER = 400
WORDS = (
    "Dear all,\n\n14 of 200 joints from lot L2608-114 failed the pressure test at 40 bar; line 3 stands still since "
    "this morning.\n\n请在二十四小时内回复临时措施。\n\nInes Carrow\nQuellstrom Mobility\n\n> We received "
    "your message.\n> Redress"
)


def converse(session: Session, complaint: Complaint, entries: int) -> None:
    """Go on with a conversation until it has so many entries: letters, some with a file, notes, and what happened."""
    by = session.scalars(select(User).where(User.email == EMAIL)).one()
    actor = people.actor_for(session, by, datetime.now(UTC).date())
    have = session.scalar(select(func.count()).select_from(Entry).where(Entry.complaint_id == complaint.id)) or 0
    begin = datetime.now(UTC) - timedelta(days=2)
    for n in range(entries - have):
        at = begin + timedelta(minutes=n)
        entry = {"complaint_id": complaint.id, "at": at}
        if n % 3 == 0:
            letter = _letter(session, complaint, n, at)
            session.execute(insert(Entry).values(**entry, kind="letter", letter_id=letter.id))
        elif n % 3 == 1:
            note = Note(complaint_id=complaint.id, author_id=by.id, at=at, text=WORDS, mentioned=[])
            session.add(note)
            session.flush()
            session.execute(insert(Entry).values(**entry, kind="note", note_id=note.id, author_id=by.id))
        else:
            history.note(session, complaint.id, "file_added", by=actor, at=at, name=f"drawing {n}.pdf")


def _letter(session: Session, complaint: Complaint, n: int, at: datetime) -> Letter:
    letter = Letter(
        complaint_id=complaint.id, from_address="i.carrow@quellstrom.example", from_name="Ines Carrow", subject="Leak",
        text=WORDS, html="", message_id=f"{complaint.id}.{n}@bench.example", references=[], dated=at, received_at=at,
        language="en", verdict="unverified", raw="0" * 64,
        content_key=hashlib.sha256(f"{complaint.id} {n}".encode()).hexdigest(),
    )  # fmt: skip
    session.add(letter)
    session.flush()
    if n % 6 == 0:
        file = Attachment(
            letter_id=letter.id, complaint_id=complaint.id, position=0, filename="leak.png", content_type="image/png",
            declared_type="image/png", content_id="", inline=False, size=40_000, blob="0" * 64,
        )  # fmt: skip
        session.add(file)
    return letter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--helpdesk", metavar="PYTHON")
    parser.add_argument("--statements", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/pages.db"
        upgrade(url)
        ledger(url, LEDGER, Path(folder))
        make = sessions(open_database(url))
        pages: dict[str, str] = {}
        with transaction(make) as session:
            for entries in wanted.entries:
                talked = select(Entry.complaint_id).group_by(Entry.complaint_id).having(func.count() < 10)
                found = select(Complaint).where(Complaint.stage == THERE, Complaint.id.in_(talked))
                complaint = session.scalars(found.order_by(Complaint.id).offset(len(pages))).first()
                assert complaint
                converse(session, complaint, entries)
                pages[f"{entries:,} entries"] = f"/complaints/{complaint.number}"
        board = Board.on(url)
        requests: dict[str, Callable[[], object]] = {name: _looking(board, path) for name, path in pages.items()}
        taken = times(requests, wanted.rounds)
        print(f"{'page':>16} {'KB':>7} {'queries':>8} {'p50 ms':>8} {'p99 ms':>8}")
        for name, path in pages.items():
            size, statements = len(board.get(path)[0]) / 1000, board.queries(path)
            print(f"{name:>16} {size:>7.1f} {len(statements):>8} {p50(taken[name]):>8.2f} {p99(taken[name]):>8.2f}")
        names = list(pages)
        ratio = p50(taken[names[-1]]) / p50(taken[names[0]])
        print(f"{f'{names[-1]} : {names[0]}':<44} {ratio:>6.2f}   (at most 1.5)")
        if wanted.helpdesk:
            for entries, theirs in helpdesk(wanted.helpdesk, wanted.entries).items():
                ours = p50(taken[f"{entries:,} entries"])
                print(f"{f'django-helpdesk, {entries:,}':>24} {theirs:>8.2f} ms: ours is {theirs / ours:.1f} x faster")
        if wanted.statements:
            for number, statement in enumerate(statements, 1):
                print(f"{number:>3} {' '.join(statement.split())[:240]}")


def helpdesk(python: str, entries: list[int], rounds: int = 20) -> dict[int, float]:
    """Milliseconds that django-helpdesk takes for a ticket's page, by its entries."""
    command = [python, str(Path(__file__).with_name("django_helpdesk.py")), str(rounds), *map(str, entries)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {int(count): taken for count, taken in json.loads(said.splitlines()[-1]).items()}


def _looking(board: Board, path: str) -> Callable[[], object]:
    return lambda: board.get(path)


if __name__ == "__main__":
    main()
