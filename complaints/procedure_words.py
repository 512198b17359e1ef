"""What a procedure says, in words: conditions, needs, events, limits, for people who look at it as a whole.

Used by its picture, its page, and by what tells how a new version differs. What is said to somebody whom a need stands
in the way of is in guards.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from complaints.calendar import Within
from complaints.comparing import comparison
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import N_, Gettext, Name, Sentence
from complaints.fields import REGISTER
from complaints.people import HOUSE
from complaints.procedure import ALWAYS, ClockRule, Move, Need, Procedure, SignatureRule, Stage, When

EVENTS: Mapping[str, str] = {
    "received": N_("the complaint arrived"),
    "drafted": N_("a colleague noted it down"),
    "notified": N_("the departments concerned were notified"),
    "class": N_("the class was changed"),
    "lowered": N_("the class was lowered"),
    "round": N_("another round began"),
    "entered": N_("%(what)s entered"),
    "written": N_("“%(what)s” written"),
    "filled": N_("“%(what)s” filled in"),
    "signed": N_("“%(what)s” signed"),
    "returned": N_("“%(what)s” returned"),
    "moved": N_("gone to %(what)s"),
}
PEOPLE: Mapping[str, str] = {
    "owner": N_("whose it is"),
    "superior": N_("their superior"),
    "departments": N_("the responsible departments"),
    "notified": N_("the departments concerned"),
    "writers": N_("who wrote it"),
    "registered_by": N_("who registered it"),
}
"""Who is named by a word of the file that is no role and no field."""
SIGNS = {">=": "≥", "<=": "≤"}
COMPARES = ("≥", "≤", "<", ">")
_LISTS: Mapping[str, Mapping[str, Name]] = {"channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS}


@dataclass(frozen=True)
class Words:
    """A procedure in the language of a reader. `limit` says a limit in it."""

    rules: Procedure
    gettext: Gettext
    locale: str
    limit: Callable[[Within], str] = str

    def say(self, message: str, **values: object) -> str:
        return Sentence(message, values).in_(self.gettext, self.locale)

    def name(self, name: Name) -> str:
        return name.in_(self.locale)

    def listed(self, texts: Iterable[str], *, apart: bool = False) -> str:
        """Texts one after the other, with `apart` such as have commas themselves."""
        chinese = self.locale.startswith("zh")
        return ("；" if chinese else "; ").join(texts) if apart else ("、" if chinese else ", ").join(texts)

    def people(self, keys: Iterable[str]) -> str:
        """Roles, and fields that name people."""
        return self.listed(self._person(key) for key in keys)

    def _person(self, key: str) -> str:
        if key in HOUSE or key in self.rules.roles:
            return self.name(self.rules.role(key))
        return self.say(PEOPLE[key]) if key in PEOPLE else self.field(key)

    def signers(self, rule: SignatureRule) -> str:
        """Who gives a signature, also for the classes for which that is somebody else."""
        others = (
            self._told(self.name(self.rules.classes[each]), self.people(roles)) for each, roles in rule.by_class.items()
        )
        return self.listed((self.people(rule.by), *others), apart=True)

    def holder(self, stage: Stage) -> str:
        """Whose a complaint is in a stage: the person in a field, else a queue."""
        queue = self.people(stage.owner_roles[:1])
        if not stage.owner:
            return queue
        owner = self._person(stage.owner)
        return (
            self.say(N_("%(owner)s, else %(queue)s"), owner=owner, queue=queue) if queue not in ("", owner) else owner
        )

    def field(self, ref: str) -> str:
        """What a field is called."""
        if ref in REGISTER:
            return self.name(self.rules.entry[ref]) if ref in self.rules.entry else self.say(REGISTER[ref])
        sheet, _, key = ref.partition(".")
        found = self.rules.sheet(sheet)
        names = {field.key: field.name for field in found.fields} if found else {}
        return self.name(names[key]) if key in names else ref

    def what(self, key: str) -> str:
        """A record, a signature or a field."""
        found = self.rules.sheet(key) or self.rules.signature(key)
        return self.name(found.name) if found else self.field(key)

    def value(self, ref: str, value: str) -> str:
        """One of the values of a field."""
        if not value:
            return self.say(N_("empty"))
        if compared := comparison(value):
            sign, other = compared
            return f"{SIGNS.get(sign, sign)} {self.field(other)}"
        sheet, _, key = ref.partition(".")
        known: Mapping[str, Name] = {}
        if ref == "complaint_class":
            known = self.rules.classes
        elif not key:
            known = _LISTS.get(ref, {})
        elif found := self.rules.sheet(sheet):
            known = found.field(key).choices
        return self.name(known[value]) if value in known else value

    def values(self, wanted: Mapping[str, Iterable[str]], sheet: str = "") -> str:
        """Fields with the values they may have; of one record, its fields by their own keys."""
        return self.listed(
            (
                self._told(self.field(sheet + key), " / ".join(self.value(sheet + key, each) for each in values))
                for key, values in wanted.items()
            ),
            apart=True,
        )

    def _told(self, what: str, says: str) -> str:
        if what.endswith(("?", "？")) or says.startswith(COMPARES):
            return f"{what} {says}"
        return f"{what}：{says}" if self.locale.startswith("zh") else f"{what}: {says}"

    def when(self, when: When) -> str:
        """A condition; empty where something always holds."""
        either = [self.values(each) for each in when.any_of]
        return self.say(N_(" or ")).join(either)

    def need(self, need: Need) -> str:
        """What must hold, and for which complaints."""
        said = self._need(need)
        if condition := self.when(need.when if need.when != ALWAYS else self._own_condition(need)):
            said = self.say(N_("%(what)s (if %(condition)s)"), what=said, condition=condition)
        if need.unless:
            said = self.say(N_("%(what)s (unless: %(field)s)"), what=said, field=self.field(need.unless))
        return said

    def _own_condition(self, need: Need) -> When:
        """A signature or a record that is asked for only where it is meant."""
        if need.kind not in ("signature", "sheet"):
            return ALWAYS
        found = self.rules.signature(need.ref) if need.kind == "signature" else self.rules.sheet(need.ref)
        return found.when if found else ALWAYS

    def _need(self, need: Need) -> str:
        match need.kind:
            case "notified":
                return self.say(N_("departments concerned are notified"))
            case "any":
                return self.say(N_(" or ")).join(map(self.need, need.any_of))
            case "finished":
                opened = next(each.name for each in self.rules.opens if each.key == need.ref)
                return self.say(N_("what was opened is closed: %(what)s"), what=opened)
            case "value":
                return self.values({need.ref: need.values})
            case "signature":
                rule = self.rules.signature(need.ref)
                assert rule is not None  # the file was checked
                return self.say(N_("%(signature)s: %(who)s"), signature=rule.name, who=self.signers(rule))
            case "rows" | "none":
                return self._rows(need)
        return self.what(need.ref)

    def _rows(self, need: Need) -> str:
        sheet = f"{need.ref}."
        conditions = [self.values(need.where, sheet)] if need.where else []
        conditions += [self.say(N_("%(field)s filled in"), field=self.field(sheet + key)) for key in need.filled]
        if need.since:
            conditions.append(self.say(N_("since %(stage)s"), stage=self.rules.stage(need.since).name))
        said = self.what(need.ref)
        if need.least > 1:
            conditions.append(self.say(N_("at least %(number)s"), number=str(need.least)))
        if need.kind == "none":
            said = self.say(N_("none left in “%(sheet)s”"), sheet=said)
        return self._told(said, self.listed(conditions, apart=True)) if conditions else said

    def needs(self, needs: Iterable[Need]) -> list[str]:
        return [self.need(need) for need in needs]

    def stages(self, keys: Iterable[str]) -> str:
        return self.listed(self.name(self.rules.stage(key).name) for key in keys)

    def events(self, events: Iterable[str]) -> list[str]:
        return [self.event(event) for event in events]

    def event(self, event: str) -> str:
        """What has happened."""
        kind, _, key = event.partition(":")
        if kind == "entered":
            what = self.name(self.rules.stage(key).name)
        elif kind == "moved":
            way = self.rules.way(key)
            what = self.name(self.rules.stage(way.to).name) if way else key
        else:
            what = self.what(key) if key else ""
        return self.say(EVENTS[kind], what=what)

    def due(self, clock: ClockRule) -> str:
        """How long a clock gives."""
        limit = self.limit(clock.within) if clock.within else ""
        if not clock.until:
            return limit
        field = self.field(clock.until)
        if clock.each:
            return self.say(N_("each row until “%(field)s”"), field=field)
        if not limit:
            return self.say(N_("until “%(field)s”"), field=field)
        return self.say(N_("%(limit)s, or until “%(field)s”"), limit=limit, field=field)

    def way(self, move: Move) -> list[str]:
        """What is special about a way, and for which complaints it is there."""
        said = [self.name(ask.name) for ask in move.asks]
        if not move.by:
            returning = [self.name(rule.name) for rule in self.rules.signatures if rule.return_by == move.key]
            said.append(self.say(N_("returned: %(signatures)s"), signatures=self.listed(returning)))
        if move.new_round:
            said.append(self.say(N_("new round")))
        said += [self.need(need) for need in move.needs]
        if condition := self.when(move.when):
            said.append(self.say(N_("if %(condition)s"), condition=condition))
        return said
