"""What came from another customer's complaint stays apart: in papers and in replies."""

from pathlib import Path

from complaints import off_board, printing, replies
from complaints.blobs import Blobs
from complaints.papers import CUSTOMER
from complaints.printing import Wanted
from tests.builders import a_customer, a_file, a_letter
from tests.desk import CONTEXT, Desk

INES, RIVAL = "i.carrow@quellstrom.example", "x@rival.example"


def merged(desk: Desk, tmp_path: Path) -> str:
    """A complaint into which one of another customer was merged, which wrote last."""
    mine, other = desk.registered(), desk.registered()
    blobs = Blobs(tmp_path / "blobs")
    with desk.act() as session:
        one, two = desk.find(session, mine), desk.find(session, other)
        two.customer_id = a_customer(session, "Rival Corp").id
        a_letter(session, one, from_address=INES, message_id="1", files=[a_file(blobs, filename="own.png")])
        files = [a_file(blobs, b"theirs", filename="drawing.png")]
        a_letter(session, two, from_address=RIVAL, message_id="2", content_key="2" * 64, files=files)
        session.flush()
        off_board.take(
            session, two, "merged", reason="same", by=desk["clerk"], at=desk.at, seen_version=two.version,
            context=CONTEXT, into=one, sure=True,
        )  # fmt: skip
    return mine


def test_pictures_of_another_customer_are_not_printed_for_this_one(desk: Desk, tmp_path: Path) -> None:
    number = merged(desk, tmp_path)
    with desk.make() as session:
        complaint = desk.find(session, number)
        ours = {each.filename: each.id for each in printing.pictures(session, complaint)}
        assert set(ours) == {"own.png", "drawing.png"}
        assert [each.filename for each in printing.pictures(session, complaint, CUSTOMER)] == ["own.png"]
        wanted = Wanted("report_8d", edition=CUSTOMER, pictures=tuple(ours.values()))
        paper = printing.composed(session, complaint, wanted, zone=CONTEXT.zone)
        assert [each["name"] for each in paper["pictures"]] == ["own.png"]


def test_a_reply_goes_to_this_customer_and_says_who_belongs_to_another(desk: Desk, tmp_path: Path) -> None:
    number = merged(desk, tmp_path)
    with desk.make() as session:
        complaint = desk.find(session, number)
        written = replies.letters(session, complaint)
        begun = replies.compose(session, complaint, written=written)
        assert begun.answers is not None
        assert begun.answers.from_address == INES
        assert begun.to == (INES,)
        assert begun.strange == {RIVAL: "Rival Corp"}
        assert list(begun.apart.values()) == ["Rival Corp"]
        theirs = replies.compose(session, complaint, written=written, answers=written[-1].id)
        assert (*theirs.to, *theirs.cc) == (RIVAL,)  # asked for, and then to nobody else
