"""Places where a test may make the program fail: a plain hook, off unless a test sets it.

`REDRESS_FAILPOINT="P5c.after_commit:kill"` kills the process the first time it passes that point,
`...:raise:3` raises at the third pass, `...:hang` stops there until it is killed; `*` is any point, so that a test can
go through all of them by number. The names follow the steps of the intake (see `intake/pipeline.py`) and of sending
(see `jobs/sending.py`).
"""

import os
import signal
import time
from collections import Counter


class Failpoint(Exception):
    """Raised by a failpoint that a test set to `raise`."""


_passes: Counter[str] = Counter()
_order = os.environ.get("REDRESS_FAILPOINT", "")


def failpoint(name: str) -> None:
    """Do what a test asked for at this point; nothing otherwise."""
    if not _order:
        return
    wanted, action, nth = [*_order.split(":"), "1"][:3]
    if wanted not in ("*", name):
        return
    _passes[wanted] += 1
    if _passes[wanted] != int(nth):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        while True:
            time.sleep(3600)
    raise Failpoint(name)
