"""A mailbox, its people, a bad line and a mortal poller, at random; a dictionary knows what must come out.

REDRESS_SOAK=1 tries many more stories, new ones each time.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from complaints import failpoints
from complaints.database import open_database, sessions
from complaints.letters import Letter
from tests.intake.faults import World, mail, settings_for
from tests.rigs.imap import MODERN, PLAIN, ImapServer

SOAK = bool(os.environ.get("REDRESS_SOAK"))
KINDS = {"MOVE": MODERN, "COPY": tuple(each for each in MODERN if each != "MOVE"), "neither": PLAIN}
COMMANDS = ["CONNECT", "LOGIN", "SELECT", "SEARCH", "FETCH", "LIST", "MOVE", "COPY", "STORE", "EXPUNGE", "LOGOUT"]
POINTS = ["P3.after", "P4.before_sync", "P4.after", "P5a.before_commit", "P5a.after_commit", "P6.before_move",
          "P6.after_copy", "P6.after", "P5b.before", "P5c.before_commit", "P5c.after_commit", "P7.before"]  # fmt: skip
any_of = st.integers(0, 10**6)


@contextmanager
def failing(point: str, nth: int) -> Iterator[None]:
    failpoints._order = f"{point}:raise:{nth}"
    failpoints._passes.clear()
    try:
        yield
    finally:
        failpoints._order = ""


class Story(RuleBasedStateMachine):
    """`owed` holds each mail that was delivered, and whether it must be in the ledger in the end: one that a person
    took away from the inbox may be or not."""

    template: Path
    folder: Path
    numbers = count(1)

    @initialize(removing_by=st.sampled_from(list(KINDS)))
    def begin(self, removing_by: str) -> None:
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        database = f"sqlite:///{shutil.copyfile(self.template, folder / 'redress.sqlite3')}"
        self.engine = open_database(database)
        self.server = ImapServer(capabilities=KINDS[removing_by]).start()
        self.world = World(self.server, settings_for(self.server, database, folder), sessions(self.engine))
        self.owed: dict[bytes, bool] = {}

    @rule(many=st.integers(1, 4))
    def deliver(self, many: int) -> None:
        for _ in range(many):
            raw = mail(len(self.owed) + 1)
            self.owed[raw] = True
            self.server.deliver(raw)

    @precondition(lambda self: self.owed)
    @rule(which=any_of)
    def deliver_again(self, which: int) -> None:
        raw = list(self.owed)[which % len(self.owed)]
        self.owed[raw] = True
        self.server.deliver(raw)

    @precondition(lambda self: self.server.uids())
    @rule(which=any_of)
    def somebody_deletes(self, which: int) -> None:
        gone = self.server.expunge(self.server.uids()[which % len(self.server.uids())])
        self.owed[gone.raw] = gone.raw in [message.raw for message in self.server.folder("INBOX").messages]

    @precondition(lambda self: self.server.uids("Processed"))
    @rule(which=any_of)
    def somebody_moves_back(self, which: int) -> None:
        self.server.move(
            self.server.uids("Processed")[which % len(self.server.uids("Processed"))], "Processed", "INBOX"
        )

    @precondition(lambda self: self.server.uids())
    @rule(which=any_of, flag=st.sampled_from(["\\Seen", "\\Flagged", "\\Deleted"]))
    def somebody_marks(self, which: int, flag: str) -> None:
        self.server.mark(self.server.uids()[which % len(self.server.uids())], flag)

    @rule()
    def the_mailbox_is_rebuilt(self) -> None:
        self.server.rebuild()

    @rule()
    def poll(self) -> None:
        self.world.poll()

    @rule(command=st.sampled_from(COMMANDS), after=st.sampled_from([None, 0, 5, 40]), refused=st.booleans())
    def poll_over_a_bad_line(self, command: str, after: int | None, refused: bool) -> None:
        if refused and command != "CONNECT":
            self.server.refuse(command, "NO [UNAVAILABLE] not now", times=1)
        else:
            self.server.drop(command, after=after)
        self.world.poll()
        self.server.heal()

    @rule(point=st.sampled_from(POINTS), nth=st.integers(1, 3))
    def die(self, point: str, nth: int) -> None:
        with failing(point, nth):
            self.world.poll()
        self.world.start()

    @invariant()
    def nothing_was_touched_too_early(self) -> None:
        assert self.server.failures == []

    def teardown(self) -> None:
        try:
            self.world.start()
            self.world.poll(3)
            with self.world.make() as session:
                there = set(session.scalars(select(Letter.raw)))
            self.world.injected = [raw for raw, must in self.owed.items() if must or sha256(raw).hexdigest() in there]
            self.world.check_invariants()
            assert self.server.capabilities == PLAIN or self.server.uids() == []
        finally:
            self.world.close()
            self.server.close()
            self.engine.dispose()


@pytest.mark.timeout(0 if SOAK else 120)
def test_whatever_happens_each_mail_is_accounted_for_once(sqlite_template: Path, tmp_path: Path) -> None:
    Story.template, Story.folder = sqlite_template, tmp_path
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=1000 if SOAK else 20,
            stateful_step_count=40 if SOAK else 20,
            derandomize=not SOAK,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
