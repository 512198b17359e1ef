"""The child that reads mails: what it says, what it may use, and what happens when a mail brings it down."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from complaints.blobs import Blobs
from intake.mail import Unreadable
from intake.reader import Limits, Reader, Request, Understood
from tests.intake.letters import a_mail

MB = 1024 * 1024


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def reader(blobs: Blobs) -> Iterator[Reader]:
    with Reader(blobs.folder, own_addresses=["complaints@mill.example"], own_message_domain="mill.example") as reader:
        yield reader


def kept(blobs: Blobs, *raws: bytes) -> list[Request]:
    return [Request(name) for name in blobs.put_all(raws)]


def pid_of(reader: Reader) -> int:
    assert reader._child is not None
    return reader._child.pid


def understood(what: Understood | Unreadable) -> Understood:
    assert isinstance(what, Understood), what
    return what


def test_it_says_what_a_mail_says_and_what_kind_it_is(reader: Reader, blobs: Blobs) -> None:
    (request,) = kept(blobs, a_mail(subject="密封圈开裂", text="6 件不良"))
    what = understood(reader.read(request))
    assert what.mail.subject == "密封圈开裂"
    assert what.mail.text == "6 件不良"
    assert what.kind.kind == "person"


def test_answers_come_in_the_order_of_the_questions_from_one_child(reader: Reader, blobs: Blobs) -> None:
    requests = kept(blobs, *(a_mail(subject=f"No. {n}") for n in range(120)))
    reader.ask(requests)
    first = pid_of(reader)
    said = [understood(what).mail.subject for what in reader.read_all(requests)]
    assert said == [f"No. {n}" for n in range(120)]
    assert pid_of(reader) == first


def test_answers_nobody_came_for_are_not_taken_for_others(reader: Reader, blobs: Blobs) -> None:
    early, late = kept(blobs, a_mail(subject="early"), a_mail(subject="late"))
    reader.ask([early])
    assert understood(reader.read(late)).mail.subject == "late"


def test_files_are_written_by_the_child_and_settled_by_the_parent(reader: Reader, blobs: Blobs) -> None:
    (request,) = kept(blobs, a_mail(attach=("report.pdf", b"%PDF-1.7 crack")))
    what = understood(reader.read(request))
    (part,) = what.mail.attachments
    assert part.content == b""
    assert not blobs.path(part.sha256).exists()
    blobs.settle(what.written)
    assert blobs.get(part.sha256) == b"%PDF-1.7 crack"


def test_a_mail_of_thirty_megabytes_is_read_within_the_limits(reader: Reader, blobs: Blobs) -> None:
    content = os.urandom(20 * MB)
    (request,) = kept(blobs, a_mail(attach=("video.mp4", content)))
    what = understood(reader.read(request))
    assert what.mail.attachments[0].size == len(content)


def test_a_mail_that_needs_too_much_memory_is_unreadable_and_the_next_is_read(blobs: Blobs) -> None:
    big, small = kept(blobs, a_mail(attach=("video.mp4", os.urandom(30 * MB))), a_mail(subject="next"))
    with Reader(blobs.folder, limits=Limits(memory=100 * MB)) as reader:
        refused, read = list(reader.read_all([big, small]))
    assert isinstance(refused, Unreadable)
    assert refused.reason in ("memory", "reader_died")
    assert understood(read).mail.subject == "next"


def test_a_mail_that_takes_too_long_is_unreadable_and_the_next_is_read(blobs: Blobs) -> None:
    slow, quick = kept(blobs, a_mail(attach=("video.mp4", os.urandom(20 * MB))), a_mail(subject="next"))
    with Reader(blobs.folder, limits=Limits(wall_seconds=1e-9)) as reader:
        (refused,) = reader.read_all([slow])
        reader.limits = Limits()
        assert understood(reader.read(quick)).mail.subject == "next"
    assert isinstance(refused, Unreadable)
    assert refused.values == {"cause": "wall time"}


def test_a_child_that_somebody_kills_is_replaced_and_the_mail_is_read(reader: Reader, blobs: Blobs) -> None:
    requests = kept(blobs, a_mail(subject="one"), a_mail(subject="two"))
    answers = reader.read_all(requests)
    assert understood(next(answers)).mail.subject == "one"
    reader_pid = pid_of(reader)
    os.kill(reader_pid, signal.SIGKILL)
    assert understood(next(answers)).mail.subject == "two"


def test_the_child_has_no_secrets_in_its_environment(
    reader: Reader, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "swordfish")
    reader.read(*kept(blobs, a_mail()))
    assert "swordfish" not in Path(f"/proc/{pid_of(reader)}/environ").read_text(encoding="utf-8")


def test_a_missing_mail_is_the_stores_fault_and_not_the_mails(reader: Reader) -> None:
    with pytest.raises(OSError, match="No such file"):
        reader.read(Request("0" * 64))


def test_it_ends_with_its_parents_pipe(reader: Reader, blobs: Blobs) -> None:
    reader.read(*kept(blobs, a_mail()))
    child = reader._child
    assert child is not None
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(timeout=30) == 0
