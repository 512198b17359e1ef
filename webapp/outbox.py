"""What a person's act owes a customer: the row in their transaction, and the bell after it."""

from complaints import acknowledgement
from complaints.complaint import Complaint
from jobs.queue import Bell, connect
from webapp.context import now, settings
from webapp.database import db


def acknowledge(complaint: Complaint) -> bool:
    """A letter whose acknowledgement was held back is acknowledged by its registration. Says whether a mail is owed."""
    return acknowledgement.make_up_for(
        db.session(), complaint, at=now(), secret=settings().secret_key, domain=settings().message_domain
    )


def ring() -> None:
    """Tell the workers; where nobody hears it, the sweep finds the row."""
    Bell(connect(settings().redis_url)).ring()
