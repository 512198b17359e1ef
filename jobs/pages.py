"""A page as a PDF while somebody waits: made by a child that may use so much and no more, one at a time.

The page comes in on the child's standard input and the PDF goes out on its standard output. It fetches nothing.
"""

import subprocess
import sys
import threading

from complaints.errors import N_, ComplaintError
from jobs import limits, paper

WAIT_SECONDS = 40
"""For the page before this one."""
SECONDS = 60
_one_at_a_time = threading.Lock()


class NoPdf(ComplaintError):
    message = N_("The PDF could not be made. Try again in a minute, or print the page from the browser.")


class NotHere(ComplaintError):
    message = N_("This machine cannot make PDFs. Print it from the browser, or tell the administrator.")


def pdf(page: str) -> bytes:
    """An HTML page as a PDF. Raises `NotHere` where this machine has no libraries for it, `NoPdf` when it fails."""
    if paper.missing():
        raise NotHere
    if not _one_at_a_time.acquire(timeout=WAIT_SECONDS):
        raise NoPdf
    try:
        made = subprocess.run(
            [sys.executable, "-m", "jobs.pages"], input=page.encode(), capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPdf from error
    finally:
        _one_at_a_time.release()
    return made.stdout


def main() -> int:
    limits.impose()
    sys.stdout.buffer.write(paper.pdf(sys.stdin.buffer.read().decode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
