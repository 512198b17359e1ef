"""What stands in records, for a reader: choices by name, people by name, dates in the reader's way."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask_babel import format_decimal, gettext
from markupsafe import Markup

from complaints.case import filled
from complaints.errors import Name
from complaints.letters import Attachment
from complaints.people import Department
from complaints.procedure import PEOPLE, Field
from complaints.report import Shown
from webapp.attachments import attachment_url
from webapp.language import day, in_my_language, lang_of, locale, minute

Key = TypeVar("Key")
Value = TypeVar("Value")


class Later(Mapping[Key, Value]):
    """A mapping that is made only when somebody looks into it."""

    def __init__(self, make: Callable[[], Mapping[Key, Value]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Mapping[Key, Value]:
        return self._make()

    def __getitem__(self, key: Key) -> Value:
        return self._made[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


@dataclass(frozen=True)
class Names:
    """Those whom records name by their ids."""

    people: Mapping[int, str] = field(default_factory=dict)
    departments: Mapping[int, Department] = field(default_factory=dict)
    files: Mapping[str, Attachment] = field(default_factory=dict)

    def text(self, of: Field, value: Any) -> str:
        """A value as one text; empty for nothing."""
        if not filled(value):
            return ""
        return listed(self._word(of, each) for each in (value if isinstance(value, list) else [value]))

    def _word(self, of: Field, value: Any) -> str:
        if of.choices:
            return in_my_language(of.choices.get(str(value), Name(str(value), str(value))))
        if of.kind == "date":
            return day(date.fromisoformat(value))
        if of.kind == "time":
            return minute(datetime.fromisoformat(value))
        if of.kind in PEOPLE:
            return self.people.get(value, gettext("somebody"))
        if of.kind == "departments":
            found = self.departments.get(value)
            return in_my_language(found.name) if found else str(value)
        if of.kind == "count":
            return str(format_decimal(value))
        if of.kind in ("file", "files"):
            found_file = self.files.get(value)
            return found_file.filename if found_file else gettext("a file")
        return str(value)

    def shown(self, of: Field, value: Any) -> Markup:
        """A value as the page shows it: a file is a link, words carry their language."""
        if not filled(value):
            return Markup("")
        if of.kind == "files":
            return Markup(listed("{}" for _ in value)).format(*(self._file(of, each) for each in value))
        if of.kind == "file":
            return self._file(of, value)
        text = self.text(of, value)
        return Markup("<span{}>{}</span>").format(lang_of(text), text)

    def read(self, shown: Shown) -> Markup:
        """A value that a report only shows."""
        value = shown.value
        if shown.of is not None:
            return self.shown(shown.of, value)
        if shown.choices is not None:
            text = in_my_language(shown.choices[value]) if value in shown.choices else ""
        elif isinstance(value, datetime):
            text = minute(value)
        else:
            text = day(value) if isinstance(value, date) else str(value or "")
        return Markup("<span{}>{}</span>").format(lang_of(text), text) if text else Markup("")

    def _file(self, of: Field, id_: str) -> Markup:
        text = self._word(of, id_)
        if id_ not in self.files:
            return Markup("<span{}>{}</span>").format(lang_of(text), text)
        return Markup('<a href="{}"{}>{}</a>').format(attachment_url(self.files[id_]), lang_of(text), text)


def typed(of: Field, value: Any, zone: ZoneInfo) -> list[str]:
    """A value as a form has it."""
    if not filled(value):
        return []
    if of.kind == "time":
        return [datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%dT%H:%M")]
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def listed(parts: Iterable[str]) -> str:
    """Several words in one line, as the reader's language lists them."""
    return ("、" if locale().startswith("zh") else ", ").join(parts)
