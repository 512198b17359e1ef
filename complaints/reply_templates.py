"""Reply templates: what is often written to customers, with named places that are filled from the complaint.

Those that come with the house are in `SHIPPED`; a company changes them, switches them off, and writes its own. What it
never changed follows the house. A place that the complaint has nothing for stays in the text as it is (`{order_no}`),
and a reply that still holds one is not sent.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import row_clocks, rows
from complaints.case import load
from complaints.complaint import NO_LIMIT, Complaint
from complaints.customers import Customer
from complaints.database import Base
from complaints.errors import N_, ComplaintError, Name, NotFound, Sentence
from complaints.people import Actor
from complaints.promises import promised
from complaints.registration import Incomplete, Problem
from complaints.settings import LOCALES
from complaints.texts import clean

SHOWN = 50
LIMITS = {"name_en": 80, "name_zh": 80, "subject": 200, "text": 8_000}
PLACES: Mapping[str, Name] = {
    "number": Name("Number of the complaint", "投诉编号"),
    "register_no": Name("Register number", "登记序号"),
    "subject": Name("Subject of the complaint", "投诉主题"),
    "customer": Name("Customer", "客户名称"),
    "contact": Name("Contact person", "联系人"),
    "product": Name("Product", "产品名称"),
    "model": Name("Model", "型号规格"),
    "batch": Name("Batch or serial no.", "批号/序列号"),
    "order_no": Name("Order no.", "订单编号"),
    "material_no": Name("Material no.", "料号"),
    "quantity": Name("Quantity", "数量"),
    "received": Name("Day on which it was received", "收到日期"),
    "due": Name("Day on which the next step is due", "下一步的预计日期"),
    "points": Name("What was announced, and for when", "已告知的事项及时间"),
    "today": Name("Today", "今天的日期"),
    "author": Name("Who writes", "写信人"),
    "organisation": Name("Our company", "本公司名称"),
    "progress": Name("What was done so far; you write it", "目前已完成的工作，由您填写"),
    "cause": Name("The cause; you write it", "原因，由您填写"),
    "measures": Name("What is done, and by when; you write it", "措施内容及完成日期，由您填写"),
    "improvement": Name("What is changed; you write it", "改进内容，由您填写"),
    "result": Name("The result; you write it", "处理结果，由您填写"),
}
"""What may stand between braces. What the writer alone knows is filled in by hand."""
FACTS = ("product", "model", "batch", "order_no", "material_no", "quantity")
_ANY = re.compile(r"\{([^{}\n]{0,40})\}")
_PLACE = re.compile(r"\{(" + "|".join(PLACES) + r")\}")

ARGUING = re.compile(
    r"\b(?:your (?:own )?(?:fault|mistake|misuse)|you (?:should have|must have|failed to|are wrong)"
    r"|not our (?:fault|problem)|we (?:refuse|reject|deny)|as (?:we|i) (?:already )?told you|calm down|impossible"
    r"|obviously)\b"
    r"|你错了|您错了|是(?:你|您|贵司|贵方)的(?:错|问题|责任)|不是我(?:们|司|方)的(?:错|问题|责任)|不可能|不关我|拒绝|我早就说过|你自己|无理",
    re.IGNORECASE,
)
"""Words of a quarrel: a customer is listened to, never argued with."""


class ReplyTemplate(Base):
    """A template as the company has it; one that the house ships goes on under its key."""

    __tablename__ = "reply_template"
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    name_en: Mapped[str] = mapped_column(String(80))
    name_zh: Mapped[str] = mapped_column(String(80))
    locale: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(String(40))
    active: Mapped[bool]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    withdrawn: Mapped[bool] = mapped_column(default=False)
    """One of the house is as it was shipped again, the company's own is gone; what it was stays."""


class TemplateChange(Base):
    """Somebody changed a template: what stood there before and after, by the names of columns."""

    __tablename__ = "template_change"
    __table_args__ = (UniqueConstraint("key", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    act: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    changed: Mapped[dict[str, Any]]


@dataclass(frozen=True)
class Template:
    """A template, whoever wrote it. `contact`: what a reply made of it is recorded as; `shipped`: the house has one of
    this key; `changed`: these are the company's words; `version`: 0 as long as nobody has touched it."""

    key: str
    name: Name
    locale: str
    text: str
    subject: str = ""
    contact: str = ""
    active: bool = True
    version: int = 0
    changed: bool = False

    @property
    def shipped(self) -> bool:
        return self.key in SHIPPED


class StaleTemplate(ComplaintError):
    message = N_("Somebody else changed this template meanwhile. Look at theirs; saving again puts yours in its place.")


class WithdrawnTemplate(ComplaintError):
    message = N_("This template was deleted meanwhile. Your text is kept here; saving makes a new template of it.")


class NotSaved(Incomplete):
    message = N_("The template was not saved.")


# Which there are


def every(session: Session) -> list[Template]:
    """All templates: those of the house in their order, then the company's own by name."""
    own = {
        row.key: _of(row) for row in session.scalars(select(ReplyTemplate)) if row.key in SHIPPED or not row.withdrawn
    }
    shipped = [own.pop(key, template) for key, template in SHIPPED.items()]
    return shipped + sorted(own.values(), key=lambda each: (each.name.en.casefold(), each.key))


def offered(session: Session, locale: str) -> list[Template]:
    """Those that one may write with, the ones in the customer's language first."""
    return sorted((each for each in every(session) if each.active), key=lambda each: each.locale != locale)


def find(session: Session, key: str) -> Template:
    """The template of this key; raises `NotFound`."""
    row = session.get(ReplyTemplate, key[:40])
    if key not in SHIPPED and (row is None or row.withdrawn):
        raise NotFound
    return _of(row) if row is not None else SHIPPED[key]


def _of(row: ReplyTemplate) -> Template:
    if row.withdrawn and row.key in SHIPPED:
        return replace(SHIPPED[row.key], version=row.version)
    return Template(
        row.key, Name(row.name_en, row.name_zh), row.locale, row.text, row.subject, row.contact, row.active,
        row.version, changed=True,
    )  # fmt: skip


def changes(session: Session, key: str) -> Sequence[TemplateChange]:
    """What became of a template, the newest first."""
    mine = select(TemplateChange).where(TemplateChange.key == key).order_by(TemplateChange.version.desc())
    return session.scalars(mine.limit(SHOWN)).all()


# Filling them


@dataclass(frozen=True)
class Filled:
    """A template with the complaint's values. `missing`: the places that it has nothing for."""

    text: str
    subject: str
    missing: Sequence[str]


def values(
    session: Session,
    complaint: Complaint,
    *,
    locale: str,
    by: Actor,
    at: datetime,
    zone: ZoneInfo,
    organisation: str,
) -> dict[str, str]:
    """What a complaint has for every place, in the language of a template."""
    customer = session.get(Customer, complaint.customer_id) if complaint.customer_id else None
    due = complaint.sort_due_at if at <= complaint.sort_due_at < NO_LIMIT else None
    days = {"received": complaint.received_at, "due": due, "today": at}
    return {
        "number": complaint.number, "register_no": complaint.register_no or "", "subject": complaint.subject,
        "customer": customer.name if customer else "", "contact": complaint.contact_person,
        **{each: getattr(complaint, each) for each in FACTS},
        **{each: _day(when.astimezone(zone).date(), locale) if when else "" for each, when in days.items()},
        "points": "\n".join(_point(*each, locale, zone) for each in row_clocks.announced(load(session, complaint))),
        "author": by.name, "organisation": organisation,
    }  # fmt: skip


def _point(said: str, until: str, locale: str, zone: ZoneInfo) -> str:
    """Something that was announced for a day or a time."""
    zh = locale.startswith("zh")
    if len(until) == len("2026-11-16"):
        when = _day(date.fromisoformat(until), locale)
    else:
        local = datetime.fromisoformat(until).astimezone(zone)
        when = f"{_day(local.date(), locale)}{' ' if zh else ', '}{local:%H:%M}"
    return f"{said}{'：' if zh else ': '}{when}"


def _day(day: date, locale: str) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if locale.startswith("zh") else f"{day.day} {day:%B %Y}"


def sample(locale: str, *, by: Actor, organisation: str) -> dict[str, str]:
    """Believable values for a look at a template."""
    return {
        "number": "C-2026-0412", "register_no": "2026-0398", "subject": "Oil weeping at HX-210 face seal",
        "customer": "Quellstrom Mobility", "contact": "Ines Carrow", "product": "HX-210", "model": "DN 25",
        "batch": "L2608-114", "order_no": "4500-77123", "material_no": "100-2214", "quantity": "200",
        "received": _day(date(2026, 9, 17), locale), "due": _day(date(2026, 9, 23), locale),
        "points": _point("Second sample", "2026-09-24", locale, ZoneInfo("UTC")),
        "today": _day(date(2026, 9, 18), locale), "author": by.name, "organisation": organisation,
    }  # fmt: skip


def fill(template: Template, known: Mapping[str, str]) -> Filled:
    """A template filled with what is known."""
    text, subject = (_PLACE.sub(lambda m: known.get(m[1]) or m[0], each) for each in (template.text, template.subject))
    return Filled(text, subject, unfilled(f"{subject}\n{text}"))


def unfilled(text: str) -> list[str]:
    """The places that nobody has filled in a text, each once."""
    return list(dict.fromkeys(_PLACE.findall(text)))


# Changing them


def own_key(form: str, by: Actor) -> str:
    """The key of a new template by the form it was written in: sent twice, it is one template."""
    return f"own-{sha256(f'{by.id}:{form}'.encode()).hexdigest()[:32]}"


def save(
    session: Session, typed: Template, *, by: Actor, at: datetime, kinds: Mapping[str, Name], new: bool = False
) -> Template:
    """Keep a template as it was typed, in the caller's transaction; what stands there already is not written again.

    Raises `NotSaved` with what is wrong field by field, `StaleTemplate`, and `WithdrawnTemplate`."""
    typed = replace(
        typed, name=Name(clean(typed.name.en, lines=False), clean(typed.name.zh, lines=False)),
        subject=clean(typed.subject, lines=False), text=clean(typed.text, lines=True),
    )  # fmt: skip
    if problems := _problems(typed, kinds):
        raise NotSaved(problems)
    row = _locked(session, typed.key)
    if row is None and not new and typed.key not in SHIPPED:
        raise NotFound
    if row is not None and row.withdrawn and typed.key not in SHIPPED:
        raise WithdrawnTemplate
    known = _of(row) if row else SHIPPED.get(typed.key)
    if known is not None and known.changed and _columns(known) == _columns(typed):
        return known
    if (row.version if row else 0) != typed.version:
        raise StaleTemplate
    act = "changed" if known else "begun"
    return _write(session, row, typed, act, _columns(known) if known else {}, by=by, at=at)


def take_back(session: Session, key: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Withdraw what the company made of a template: one of the house is as it was shipped, another is gone. In the
    caller's transaction; what is withdrawn already stays so. Raises `StaleTemplate`."""
    row = _locked(session, key)
    if row is None or row.withdrawn:
        return
    if row.version != seen:
        raise StaleTemplate
    shipped = SHIPPED.get(key)
    _write(session, row, shipped or _of(row), "withdrawn", _columns(_of(row)), by=by, at=at, withdrawn=True)


def _locked(session: Session, key: str) -> ReplyTemplate | None:
    return session.get(ReplyTemplate, key[:40], with_for_update=True, populate_existing=True)


def _columns(template: Template) -> dict[str, Any]:
    return {
        "name_en": template.name.en, "name_zh": template.name.zh, "locale": template.locale,
        "subject": template.subject, "text": template.text, "contact": template.contact, "active": template.active,
    }  # fmt: skip


def _write(
    session: Session, row: ReplyTemplate | None, template: Template, act: str, before: Mapping[str, Any], *,
    by: Actor, at: datetime, withdrawn: bool = False,
) -> Template:  # fmt: skip
    """The next version of a template and the line that says so. Raises `StaleTemplate` where another transaction wrote
    the first one at this instant."""
    after, version = _columns(template), (row.version if row else 0) + 1
    columns = after | {
        "version": version, "changed_at": at, "changed_by_id": by.id, "withdrawn": withdrawn
    }  # fmt: skip
    if row is None:
        added = rows.upsert(ReplyTemplate, rows.dialect(session)).values(key=template.key, **columns)
        if session.scalar(added.on_conflict_do_nothing().returning(ReplyTemplate.key)) is None:
            raise StaleTemplate
    else:
        for name, value in columns.items():
            setattr(row, name, value)
    changed = {name: [before.get(name, ""), value] for name, value in after.items() if before.get(name, "") != value}
    told = {"key": template.key, "version": version, "act": act, "at": at, "by_id": by.id, "changed": changed}
    session.add(TemplateChange(**told))
    session.flush()
    return replace(template, version=version, changed=not withdrawn)


def _problems(typed: Template, kinds: Mapping[str, Name]) -> list[Problem]:
    said = {"name_en": typed.name.en, "name_zh": typed.name.zh, "subject": typed.subject, "text": typed.text}
    problems = []
    for field, text in said.items():
        if not text and field != "subject":
            problems.append(Problem(field, Sentence(N_("Please write something"))))
        elif len(text) > LIMITS[field]:
            message = N_("This may have %(limit)s characters; it has %(length)s")
            problems.append(Problem(field, Sentence(message, {"limit": LIMITS[field], "length": len(text)})))
        elif field in ("subject", "text") and (wrong := _unknown(text)):
            problems.append(Problem(field, wrong))
    if typed.locale not in LOCALES:
        problems.append(Problem("locale", Sentence(N_("Choose a language"))))
    if typed.contact and typed.contact not in kinds:
        problems.append(Problem("contact", Sentence(N_("No procedure records this"))))
    return problems


def _unknown(text: str) -> Sentence | None:
    """The first place that there is not, where it stands, and what may be meant."""
    for found in _ANY.finditer(text):
        if found[1] in PLACES:
            continue
        line = text.count("\n", 0, found.start()) + 1
        near = get_close_matches(found[1].strip().lower().replace(" ", "_"), PLACES, n=1, cutoff=0.5)
        told = {"place": found[0], "line": line}
        if near:
            message = N_("Line %(line)s: there is no %(place)s. Did you mean %(near)s?")
            return Sentence(message, told | {"near": "{" + near[0] + "}"})
        return Sentence(N_("Line %(line)s: there is no %(place)s. The list below has all there are."), told)
    return None


def doubtful(text: str) -> list[str]:
    """Words of a text that promise or quarrel: to be thought over, never refused."""
    text = " ".join(text.split())
    return list(dict.fromkeys([*promised(text), *(each[0] for each in ARGUING.finditer(text))]))


def _shipped() -> dict[str, Template]:
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        read = tomllib.load(file)
    return {
        key: Template(
            key, Name(**each["name"]), each["locale"], clean(each["text"], lines=True), contact=each["contact"]
        )
        for key, each in read.items()
    }


SHIPPED: Mapping[str, Template] = _shipped()
"""The templates of the house, by key."""
