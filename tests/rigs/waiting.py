"""Wait for the thing itself, never for a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def eventually(question: Callable[[], Result], *, timeout: float = 10.0, every: float = 0.05) -> Result:
    """Ask until the answer is truthy and return it; an AssertionError inside `question` counts as "not yet".

    At the end of `timeout` the last AssertionError is raised again, or one that shows the last answer.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            answer = question()
            refusal = None
        except AssertionError as error:
            refusal = error
        else:
            if answer:
                return answer
        if time.monotonic() >= deadline:
            raise refusal or AssertionError(f"not within {timeout:g} s; the last answer was {answer!r}")
        time.sleep(every)
