"""Which letter a reply answers: what it quotes, and where mail programs put it.

A complaint may hold the letters of several people, most of all where another one was merged into it. Nobody is answered
with what somebody else wrote, as long as they have a letter of their own.
"""

from collections.abc import Iterable, Sequence

from complaints.letters import Letter
from complaints.people import fold_email


def letter_of(written: Sequence[Letter], chosen: int | None, recipients: Iterable[str]) -> int | None:
    """The letter (id) that a reply to these addresses answers, of those that were `written`: the `chosen` one if its
    writer gets the reply, else the newest by the first of them who wrote one. A forged letter is nobody's."""
    of: dict[str, list[int]] = {}
    for letter in written:
        for address in _writers(letter):
            of.setdefault(address, []).append(letter.id)
    theirs = [of[address] for address in map(fold_email, recipients) if address in of]
    return chosen if not theirs or any(chosen in ids for ids in theirs) else theirs[0][-1]


def _writers(letter: Letter) -> set[str]:
    """Who gets the answer to a letter: whoever wrote it, where they read mail."""
    return {fold_email(each) for each in (letter.from_address, letter.reply_to) if each and letter.verdict != "failed"}


def several(written: Iterable[Letter]) -> bool:
    """Have several people written, so that it depends on the recipients which letter is answered?"""
    return len({fold_email(letter.from_address) for letter in written if letter.verdict != "failed"}) > 1
