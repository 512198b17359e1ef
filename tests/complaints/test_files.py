"""Files that people put on a complaint: kept piece by piece, or not at all."""

import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import files
from complaints.blobs import Blobs
from complaints.complaint import find
from complaints.database import transaction
from complaints.files import EmptyFile, FileTooLarge
from complaints.letters import Attachment
from intake.filetypes import sniff, sniff_file
from tests.builders import MONDAY, a_complaint, a_person

MB = 1024 * 1024


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def add(make: sessionmaker[Session], blobs: Blobs) -> Any:
    """Puts a file on a complaint."""
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        number = a_complaint(session).number

    def added(content: BinaryIO, name: str = "joint.mp4", **how: Any) -> Attachment:
        with transaction(make) as session:
            return files.add(
                session, find(session, number, clerk), blobs, content, name=name, content_type="video/mp4",
                declared_type="", by=clerk, at=MONDAY, **how,
            )  # fmt: skip

    return added


def kept(blobs: Blobs) -> list[Path]:
    return [path for path in blobs.folder.rglob("*") if path.is_file()]


def test_a_large_file_is_kept_without_being_in_memory(add: Any, blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "joint.mp4"
    with path.open("wb") as file:
        for piece in range(25):
            file.write(bytes([piece]) * MB)
    with path.open("rb") as file:
        tracemalloc.start()
        content_type = sniff_file(file, "video/mp4")
        added = add(file)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 6 * MB
    assert content_type == "video/mp4"
    assert added.size == 25 * MB
    assert blobs.path(added.blob).stat().st_size == 25 * MB
    assert blobs.get(added.blob) == path.read_bytes()


def test_a_file_that_was_read_already_is_kept_whole(add: Any, blobs: Blobs) -> None:
    content = BytesIO(b"measured")
    content.read()
    assert blobs.get(add(content).blob) == b"measured"


def test_nothing_is_left_of_a_file_that_is_refused(add: Any, blobs: Blobs) -> None:
    with pytest.raises(EmptyFile):
        add(BytesIO(b""))
    with pytest.raises(FileTooLarge, match=r"“joint\.mp4” has 1\.1 MB; it may have 1 MB"):
        add(BytesIO(bytes(MB + 1)), limit=MB)
    assert kept(blobs) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("C:\\photos\\泄漏.png", "泄漏.png"),
        ("../../etc/passwd", "passwd"),
        ("\u202egnp.exe\n", "gnp.exe"),
        ("/", "file"),
        ("a" * 300, "a" * 200),
    ],
)
def test_of_a_name_the_end_is_kept_without_what_cannot_be_seen(add: Any, name: str, shown: str) -> None:
    assert add(BytesIO(b"x"), name=name).filename == shown


@pytest.mark.parametrize("between", [0, 100, 70_000, 500_000])
def test_a_file_is_known_by_its_ends_alone(between: int) -> None:
    content = b"PK\x03\x04" + bytes(between) + b"[Content_Types].xml xl/workbook.xml"
    assert sniff_file(BytesIO(content), "", "x.bin") == sniff(content, "", "x.bin")
    assert sniff_file(BytesIO(content), "", "x.bin").endswith("spreadsheetml.sheet")
