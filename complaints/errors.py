"""Refusals and failures by name.

An error carries a sentence to be translated (gettext's msgid) and the values for it, never a finished sentence: each
door renders it in the reader's language (`complaints.errors.Sentence.in_`). What a door does about each name is one
table there: `webapp/errors.py` gives the status.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Gettext = Callable[[str], str]


def N_(message: str) -> str:
    """Mark a sentence for the catalogues; it is translated later, at the door."""
    return message


@dataclass(frozen=True)
class Sentence:
    """Something to tell a person: a message to translate and its values. A value may itself be a `Sentence`, or a
    name in two languages."""

    message: str
    values: dict[str, Any] = field(default_factory=dict)

    def in_(self, gettext: Gettext, locale: str) -> str:
        """The sentence in the reader's language."""
        return gettext(self.message) % {k: _render(v, gettext, locale) for k, v in self.values.items()}


def _render(value: Any, gettext: Gettext, locale: str) -> Any:
    if isinstance(value, Sentence):
        return value.in_(gettext, locale)
    return value.in_(locale) if hasattr(value, "in_") else value  # a name in two languages, or a list of them


@dataclass(frozen=True)
class Name:
    """A name that is data in two languages: a stage, a department, a class."""

    en: str
    zh: str

    def in_(self, locale: str) -> str:
        return self.zh if locale.startswith("zh") else self.en

    def other(self, locale: str) -> str:
        """The same name in the other language."""
        return self.en if locale.startswith("zh") else self.zh


class ComplaintError(Exception):
    """Base of all refusals. `message` is the sentence to translate."""

    message = N_("This cannot be done.")

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(self.message % values)

    @property
    def sentence(self) -> Sentence:
        return Sentence(self.message, self.values)


class NotFound(ComplaintError):
    """Nothing there, or nothing this person may see: the answer is the same."""

    message = N_("There is nothing here, or it is not yours to see.")


class NotAllowed(ComplaintError):
    message = N_("Your role does not allow this. Ask %(who)s.")


class StaleComplaint(ComplaintError):
    """Somebody changed the complaint since it was shown."""

    message = N_("%(number)s was changed meanwhile. Here is the newest state; please look and try again.")


class UnknownStage(ComplaintError):
    message = N_("There is no stage “%(stage)s” in this procedure. Choose one of: %(known)s.")


class BadInput(ComplaintError):
    """A form or a request that cannot be understood."""

    message = N_("“%(field)s” is not valid: %(problem)s")


@dataclass(frozen=True)
class Missing:
    """One thing that stands in the way: what, the field to go to (an element id on the complaint's page), if there is
    one, and the `step` that would mend it: register, write:<record>, sign:<signature>, class:<class>."""

    sentence: Sentence
    field: str | None = None
    step: str = ""


class Refused(ComplaintError):
    """The guards of the procedure said no. `missing` lists every reason at once."""

    def __init__(self, *, missing: Iterable[Missing], **values: Any) -> None:
        self.missing = tuple(missing)
        super().__init__(**values)


class MoveRefused(Refused):
    message = N_("%(number)s was not moved to %(stage)s.")


class SignatureRefused(Refused):
    message = N_("%(signature)s was not signed.")


class RecordRefused(Refused):
    message = N_("“%(sheet)s” was not saved.")


class TooLate(ComplaintError):
    message = N_("%(number)s cannot be moved back any more; move it by hand.")
