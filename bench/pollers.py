"""What a second poller costs, and whether memory stays flat: `python -m bench.pollers [--mails 2000]`.

One poller reads a mailbox of generated mails into PostgreSQL; then two read one such mailbox each at the same time,
into a fresh database. Each is a process of its own, as `flask intake poll --mailbox …` is. Memory is that of the poller
after each quarter of its mails.
"""

import argparse
import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.intake import Deaf, written
from complaints.database import open_database, sessions
from complaints.logs import configure
from complaints.settings import Settings, imap_account
from intake.poller import Poller
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.postgres import Postgres
from webapp.prepare import upgrade


def read(url: str, database: str, data: str) -> int:
    """One poller on one mailbox; prints what it took as a line of JSON."""
    configure("text", least=logging.WARNING)
    settings = Settings(
        data=Path(data), database_url=database, redis_url="", secret_key="s" * 32, imap=(imap_account(url),),
        mail_from="complaints@mill.example",
    )  # fmt: skip
    poller = Poller(settings, settings.imap[0], sessions(open_database(database)), Deaf())
    memory: list[int] = []
    note = poller._note_progress

    def noted() -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        memory.append(pages * resource.getpagesize() >> 20)
        note()

    poller._note_progress = noted  # type: ignore[method-assign]
    started = time.perf_counter()
    counts = poller.once()
    seconds = time.perf_counter() - started
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    quarters = [memory[len(memory) * n // 4 - 1] for n in (1, 2, 3, 4)] if memory else []
    print(
        json.dumps(
            {
                "seconds": seconds, "cpu": sum(u.ru_utime + u.ru_stime for u in used), "mails": counts["drafted"],
                "memory": quarters, "child": used[1].ru_maxrss >> 10,
            }
        )
    )  # fmt: skip
    return 0


def at_once(accounts: list[Account], database: str, folder: str) -> list[dict]:  # type: ignore[type-arg]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.pollers", "--read", account.url, database, f"{folder}/{n}"],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."},
        )
        for n, account in enumerate(accounts)
    ]  # fmt: skip
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mails", type=int, default=2000)
    options.add_argument("--read", nargs=3, metavar=("URL", "DATABASE", "DATA"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.read:
        return read(*chosen.read)
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Dovecot() as server, Postgres() as postgres:
        results = []
        for n, pollers in enumerate((1, 2)):
            accounts = [server.account(quota="8G") for _ in range(pollers)]
            for each, account in enumerate(accounts):
                first = (n * 2 + each) * chosen.mails
                account.append_all([written(first + number, chance).raw for number in range(chosen.mails)])
            url = postgres.create(f"pollers_{pollers}")
            upgrade(url)
            results.append(at_once(accounts, url, f"{folder}/{n}"))
    one = results[0][0]
    cpu = [sum(r["cpu"] for r in some) / sum(r["mails"] for r in some) * 1000 for some in results]
    rate = [sum(r["mails"] for r in some) / max(r["seconds"] for r in some) for some in results]
    print(f"{'mails a mailbox':<28}{one['mails']:>10d}")
    print(f"{'processor, one poller':<28}{cpu[0]:>10.2f} ms a mail, its child included")
    print(f"{'processor, two pollers':<28}{cpu[1]:>10.2f} ms a mail")
    print(f"{'two : one, processor':<28}{cpu[1] / cpu[0]:>10.2f} (at most 1.15)")
    cores = os.cpu_count()
    print(f"{'two : one, mails/s':<28}{rate[1] / rate[0]:>10.2f} ({rate[0]:.0f}, {rate[1]:.0f}; {cores} cores)")
    print(f"{'memory by quarters':<28}{one['memory']!s:>10} MB (flat, at most 200); child {one['child']} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
