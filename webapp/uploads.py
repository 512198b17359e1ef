"""Files that people send with a form. However large they are, none is in memory as a whole: a request's files lie on
the disk already and are kept piece by piece."""

from werkzeug.datastructures import FileStorage

from complaints import files
from complaints.complaint import Complaint
from complaints.letters import Attachment
from intake.filetypes import sniff_file
from webapp.context import actor, blobs, now
from webapp.database import db


def keep(complaint: Complaint, sent: FileStorage, *, limit: int = files.LARGEST) -> Attachment:
    """Keep an uploaded file on a complaint. Raises `NotKept`."""
    name, declared = sent.filename or "", sent.mimetype or ""
    return files.add(
        db.session(), complaint, blobs(), sent.stream, name=name, content_type=sniff_file(sent.stream, declared, name),
        declared_type=declared, by=actor(), at=now(), limit=limit,
    )  # fmt: skip
