"""Is every part there and sane? One list of checks, asked by `/readyz` and by `flask doctor`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from complaints import schedule
from complaints.blobs import Blobs
from complaints.letters import Mailbox, Sighting
from complaints.outbox import Outgoing

STALE = timedelta(minutes=10)
STUCK = timedelta(minutes=15)


@dataclass(frozen=True)
class Finding:
    """One part: its name, whether it is well, and one line that says what is wrong or what was seen."""

    part: str
    well: bool
    text: str


def check(part: str, look: Callable[[], str]) -> Finding:
    """Look at a part; whatever the look raises is what is wrong."""
    try:
        return Finding(part, True, look())
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        return Finding(part, False, f"{type(error).__name__}: {first}"[:300])


class Unwell(Exception):
    """A part answers, but something about it is not as it should be."""


def database(session: Session, head: str) -> str:
    at = session.execute(text("select version_num from alembic_version")).scalar()
    if at != head:
        raise Unwell(
            f"the database is at migration {at}, the program at {head}; run bin/run or python -m webapp.prepare"
        )
    return f"migration {at}"


def blobs(store: Blobs) -> str:
    store.check()
    return f"writable at {store.folder}"


def clock(session: Session, now: datetime) -> str:
    """The database's clock against ours."""
    if session.get_bind().dialect.name != "postgresql":
        return "one clock"
    theirs = session.execute(text("select clock_timestamp()")).scalar_one()
    apart = abs((theirs - now).total_seconds())
    if apart > 60:
        raise Unwell(f"the database's clock is {apart:.0f} s away from ours")
    return f"{apart:.1f} s apart"


def mailboxes(session: Session, configured: Iterable[str], now: datetime) -> list[Finding]:
    """Each configured mailbox: looked into lately, or since when not and why."""
    rows = {m.name: m for m in session.scalars(select(Mailbox).where(Mailbox.active))}
    findings = []
    for name in configured:
        row = rows.get(name)
        if row is None or (row.looked_at is None and row.fault is None):
            findings.append(Finding(f"mailbox {name}", False, "not looked into yet; is the poller running?"))
        elif row.fault is not None:
            since = f"{row.fault_since:%Y-%m-%d %H:%M} UTC" if row.fault_since else "now"
            findings.append(Finding(f"mailbox {name}", False, f"since {since}: {row.fault}"))
        elif row.looked_at is not None and now - row.looked_at > STALE:
            findings.append(Finding(f"mailbox {name}", False, f"last looked into {row.looked_at:%Y-%m-%d %H:%M} UTC"))
        else:
            findings.append(Finding(f"mailbox {name}", True, "looked into lately"))
    return findings


def scheduler(session: Session, now: datetime) -> str:
    last = schedule.last_started(session, "sweep_outbox")
    if last is None or now - last > STALE:
        raise Unwell("no tick for ten minutes; is the scheduler running?")
    return "ticking"


def outbox(session: Session, now: datetime) -> str:
    oldest = session.scalar(
        select(Outgoing.created_at).where(Outgoing.state.in_(("pending", "sending"))).order_by(Outgoing.due_at).limit(1)
    )
    if oldest is not None and now - oldest > STUCK:
        raise Unwell(f"a mail waits to be sent since {oldest:%Y-%m-%d %H:%M} UTC")
    return "nothing waits long"


def waiting(session: Session, now: datetime) -> str:
    oldest = session.scalar(
        select(Sighting.seen_at).where(Sighting.outcome == "waiting").order_by(Sighting.id).limit(1)
    )
    if oldest is not None and now - oldest > STUCK:
        raise Unwell(f"a message waits to be understood since {oldest:%Y-%m-%d %H:%M} UTC")
    return "nothing waits long"
