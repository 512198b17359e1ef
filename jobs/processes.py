"""Keeping programs: started in order, brought back when they die, stopped in reverse order, none left behind.

A program starts when those it comes `after` are ready, and is asked to stop when those that come after it have gone.
What to run and where is in supervisor.py; guardian.py is the small process that stands beside each program.
"""

import os
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

GUARDIAN = Path(__file__).with_name("guardian.py")
MINUTE = 60.0
DEATHS = 5  # so many within a minute are too many
LONGEST_PAUSE = 8.0
WRONG_USE = 2  # the exit code of what refuses a setting or an option: trying again would not help
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


def at_once() -> bool:
    """The readiness of a program that has nothing to ask."""
    return True


@dataclass(frozen=True)
class Program:
    """A program to keep. One that runs `once` is ready when it has ended well, another when `ready` says so."""

    name: str
    command: Sequence[str]
    after: tuple[str, ...] = ()
    ready: Callable[[], bool] = at_once
    once: bool = False
    welcome: Callable[[], str] | None = None  # said when it is ready for the first time


@dataclass
class Kept:
    """A program and how it is doing."""

    program: Program
    ready: bool = False
    gone: bool = False
    code: int | None = None
    last_words: deque[bytes] = field(default_factory=lambda: deque(maxlen=15))


class House:
    """Keeps its programs until it is told to stop, or until one of them cannot be kept.

    `held` are open files (a lock) that stay open until the last program has gone, even if we are killed.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        env: Mapping[str, str] | None = None,
        *,
        held: tuple[int, ...] = (),
        first_pause: float = 0.5,
        grace: float = 12.0,
        patience: float = MINUTE,
    ):
        self.kept = {program.name: Kept(program) for program in programs}
        self.env = dict(os.environ if env is None else env)
        self.held, self.first_pause, self.grace, self.patience = held, first_pause, grace, patience
        self.changed = threading.Condition()  # guards every `Kept` and the two flags
        self.stopping = self.hurried = False
        self.failure = ""
        self.events, self.wake = os.pipe()  # signals, and 0 when a program is gone for good
        self.voice = threading.Lock()
        self.width = max(map(len, self.kept), default=0)
        self.coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def run(self) -> int:
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(self.wake)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
                signal.signal(number, lambda *_: None)
        for kept in self.kept.values():
            threading.Thread(target=self._keep, args=(kept,), daemon=True).start()
        while not all(kept.gone for kept in self.kept.values()):
            for heard in os.read(self.events, 64):
                if heard:
                    self.stop(hurried=self.stopping)
        if self.failure:
            print(self.failure, file=sys.stderr, flush=True)
        return 1 if self.failure else 0

    def stop(self, *, hurried: bool = False) -> None:
        with self.changed:
            self.stopping, self.hurried = True, self.hurried or hurried
            self.changed.notify_all()

    def _keep(self, kept: Kept) -> None:
        """All lives of one program."""
        program, deaths, pause = kept.program, list[float](), self.first_pause
        try:
            self._wait(lambda: all(self.kept[name].ready for name in program.after))
            while not self.stopping:
                born = monotonic()
                code = self._live(kept)
                died = monotonic()
                if self.stopping or (program.once and code == 0):
                    break
                deaths = [moment for moment in deaths if died - moment < MINUTE] + [died]
                if (program.once and code == WRONG_USE) or len(deaths) == DEATHS:
                    self._give_up(kept, code, len(deaths))
                    break
                pause = self.first_pause if died - born > MINUTE else pause
                self.say(program.name, f"died with {described(code)}; starting again in {pause:g} s".encode())
                self._wait(lambda: False, pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            with self.changed:
                kept.gone = True
                self.changed.notify_all()
            os.write(self.wake, b"\0")

    def _live(self, kept: Kept) -> int:
        """One life, from its start to its end; the exit code."""
        try:
            guardian = self._start(kept)
        except OSError as error:
            self.say(kept.program.name, f"cannot be started: {error.strerror}".encode())
            return 126
        if not kept.program.once and not self._becomes_ready(kept):
            self.say(kept.program.name, f"was not ready within {self.patience:g} s and is ended".encode())
            cut_lifeline(guardian)
        if not self._wait(lambda: kept.code is not None):
            self._end(kept, guardian)
        cut_lifeline(guardian)
        assert kept.code is not None
        if kept.program.once and kept.code == 0:
            self._is_ready(kept)
        return kept.code

    def _start(self, kept: Kept) -> "subprocess.Popen[bytes]":
        kept.code = None
        guardian = subprocess.Popen(
            [sys.executable, "-ISB", str(GUARDIAN), *kept.program.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.env,
            start_new_session=True,
            pass_fds=self.held,
        )
        threading.Thread(target=self._listen, args=(kept, guardian), daemon=True).start()
        return guardian

    def _becomes_ready(self, kept: Kept) -> bool:
        """Ask until it is ready; false if it never is (one that dies or is stopped meanwhile has no need to)."""
        until = monotonic() + self.patience
        while kept.code is None and not self.stopping:
            if kept.program.ready():
                self._is_ready(kept)
                return True
            if monotonic() > until:
                return False
            self._wait(lambda: kept.code is not None, 0.03)
        return True

    def _is_ready(self, kept: Kept) -> None:
        first = not kept.ready
        with self.changed:
            kept.ready = True
            self.changed.notify_all()
        if first and kept.program.welcome:
            self._write(kept.program.welcome().encode())

    def _end(self, kept: Kept, guardian: "subprocess.Popen[bytes]") -> None:
        """Ask a program to stop when nobody leans on it any more, and kill all of it if it does not."""
        name = kept.program.name
        leaning = [other for other in self.kept.values() if name in other.program.after]
        with self.changed:
            self.changed.wait_for(lambda: kept.code is not None or all(other.gone for other in leaning))
            guardian.send_signal(signal.SIGTERM)
            asked = self.changed.wait_for(lambda: kept.code is not None or self.hurried, self.grace)
        if not asked:
            self.say(name, f"has not stopped within {self.grace:g} s and is killed".encode())
        cut_lifeline(guardian)
        with self.changed:
            self.changed.wait_for(lambda: kept.code is not None)

    def _listen(self, kept: Kept, guardian: "subprocess.Popen[bytes]") -> None:
        assert guardian.stdout
        with guardian.stdout as lines:
            for line in lines:
                kept.last_words.append(line)
                self.say(kept.program.name, line)
        code = guardian.wait()
        with self.changed:
            kept.code = code
            self.changed.notify_all()

    def _give_up(self, kept: Kept, code: int, times: int) -> None:
        name = kept.program.name
        often = f"died {times} times within a minute, the last time" if times > 1 else "ended"
        words = "".join(f"    {line.decode(errors='replace').rstrip()}\n" for line in kept.last_words)
        self.failure = (
            f"Everything is stopped because {name} {often} with {described(code)}. "
            + (f"The last it said:\n{words}" if words else "It said nothing.")
        ).rstrip()
        self.say(name, b"cannot be kept running: stopping everything")
        self.stop()

    def _wait(self, reason: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait for a reason, for so long, or until we are stopping; true if the reason came about."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopping or reason(), seconds)
            return reason()

    def say(self, name: str, line: bytes) -> None:
        """One line of a program, with its name before it."""
        label = f"{name:<{self.width}} |"
        if self.coloured:
            label = f"\033[{COLOURS[list(self.kept).index(name) % len(COLOURS)]}m{label}\033[0m"
        self._write(label.encode() + b" " + line.removesuffix(b"\n") + b"\n")

    def _write(self, text: bytes) -> None:
        try:
            with self.voice:
                while text:
                    select.select([], [1], [])  # some terminals and pipes do not wait by themselves
                    text = text[os.write(1, text) :]
        except OSError:  # nobody reads us any more
            self.stop()


def cut_lifeline(guardian: "subprocess.Popen[bytes]") -> None:
    """Its guardian kills all that is left of a program."""
    assert guardian.stdin
    guardian.stdin.close()


def described(code: int) -> str:
    """An exit code in words."""
    number = code - 128 if code > 128 else -code
    try:
        return f"exit code {code} (killed by {signal.Signals(number).name})"
    except ValueError:
        return f"exit code {code}"
