"""Printing: makes the files of papers that were asked for, and keeps them.

A paper takes up to 300 MB while it is laid out, and not all of it comes back. So each is made in a process that ends
and may use so much and no more (limits.py): RQ forks one for each job, which makes one paper and rings for the next;
where Redis is away the scheduler starts `python -m jobs.printing`.
"""

import sys
from collections.abc import Mapping

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from complaints import printing, procedure_store
from complaints.database import transaction
from complaints.drawing import Order
from complaints.failpoints import failpoint
from complaints.logs import configure
from complaints.papers import DOCX
from complaints.people import User
from complaints.previews import LARGE, Busy, Previews
from complaints.printing import Claim, Print
from jobs import limits, paper, word
from jobs.paper import Imprint, Pictures
from jobs.queue import PrintBell, connect
from jobs.workplace import Workplace

log = structlog.get_logger(__name__)


class ClaimLost(Exception):
    """Somebody else makes it now."""


class NoLibraries(Exception):
    """A PDF cannot be made on this machine."""


class Printer(Workplace):
    """Makes everything that is due."""

    def make_next(self) -> bool:
        """Make one of those that wait; False when there is none."""
        with transaction(self.make) as session:
            procedure_store.refresh(session)
            held = printing.claim(session, at=self.clock())
        if held is None:
            return False
        failpoint("print.claimed")
        try:
            self._keep(held, self._made(held))
        except ClaimLost:
            log.warning("claim lost while printing", print=held.id)
        except SQLAlchemyError:
            raise  # the lease ends, and somebody tries again
        except Exception as error:  # whatever is wrong with one paper, people are told of it and the others are made
            log.exception("not printed", print=held.id)
            with transaction(self.make) as session:
                printing.failed(session, held, error=f"{type(error).__name__}: {error}")
        return True

    def more(self) -> bool:
        with transaction(self.make) as session:
            return printing.something_due(session, at=self.clock())

    def _made(self, held: Claim) -> bytes:
        with self.make() as session:
            row = session.scalars(select(Print).where(Print.id == held.id)).one()
            who = session.get_one(User, row.asked_by_id).name
        content = row.content
        assert content is not None  # blanked only when the file is made
        imprint = Imprint(
            self.settings.organisation, row.language, who, row.asked_at.astimezone(self.settings.zone), row.revision
        )
        pictures = Pictures()
        for each in content["pictures"]:
            try:
                pictures.add(each["blob"], self._picture(each))
            except (FileNotFoundError, ValueError, Busy) as error:
                log.warning("picture not printed", print=held.id, error=str(error))
        with self.app.app_context():
            if row.format == DOCX:
                self._reached(held, 1)
                made = word.docx(content, imprint, pictures)
            else:
                if lacking := paper.missing():
                    raise NoLibraries(f"{', '.join(lacking)}; {paper.INSTALL}")
                page = paper.html(content, imprint, picture=pictures.address, too_large=pictures.too_large)
                self._reached(held, 1)
                made = paper.pdf(page, pictures.made)
        self._reached(held, 2)
        failpoint("print.made")
        return made

    def _picture(self, named: Mapping[str, str]) -> bytes:
        """The bytes of a picture, or of what was drawn of it; nothing where it cannot be drawn."""
        content = self.blobs.get(named["blob"])
        if not (kind := named.get("kind")):
            return content
        order = Order(kind, 1, LARGE)
        drawn = Previews(self.settings.previews).picture(named["blob"], lambda: self.blobs.path(named["blob"]), order)
        return drawn.content if drawn else b""

    def _reached(self, held: Claim, step: int) -> None:
        with transaction(self.make) as session:
            if not printing.reached(session, held, step, at=self.clock()):
                raise ClaimLost

    def _keep(self, held: Claim, made: bytes) -> None:
        with transaction(self.make) as session:
            if not printing.made(session, held, self.blobs, made, at=self.clock(), zone=self.settings.zone):
                raise ClaimLost
        log.info("printed", print=held.id, size=len(made))


def make_prints() -> None:
    """The job: hear the bell, make one paper, and ring again if another waits."""
    limits.impose()
    printer = Printer.of_this_process()
    bell = PrintBell(connect(printer.settings.redis_url))
    try:
        bell.heard()
    except RedisError as error:
        log.warning("bell not cleared", error=str(error))
    if printer.make_next() and printer.more():
        bell.ring()


def main() -> int:
    limits.impose()
    printer = Printer.of_this_process()
    configure(printer.settings.log_format)
    printer.make_next()
    return 0


if __name__ == "__main__":
    sys.exit(main())
