"""What only shows when a procedure is seen as a whole: a stage without a way, a clock that never stops, a signature
that nobody can give in time. Over a procedure that was read; names that are not known were told before and are passed
over.
"""

from collections.abc import Iterable, Iterator, Mapping

from complaints import comparing
from complaints.errors import N_, Sentence
from complaints.fields import REGISTER
from complaints.people import DEPARTMENT_ROLES
from complaints.procedure import ALWAYS, ClockRule, Need, Procedure, When

Told = tuple[str, Sentence]
"""Where, and what is wrong."""
STOPPING = ("notified", "entered", "written", "filled", "signed")
"""Events of which a case knows at any time whether they have happened; the others only start clocks and tell people."""


def faults(rules: Procedure) -> Iterator[Told]:
    """Everything that is wrong with a procedure as a whole."""
    if len(rules.stages) < 2:
        yield "stage", Sentence(N_("a procedure has at least two stages [[stage]]"))
        return
    yield from _register(rules)
    yield from _ways(rules)
    yield from _too_late(rules)
    yield from _names(rules)
    yield from _returns(rules)
    yield from _locked(rules)
    yield from _contact(rules)
    after = {rule.key: rule.after for rule in rules.signatures}
    yield from _circles("signature", after)
    for sheet in rules.sheets:
        yield from _circles(f"sheet.{sheet.key}.field", {field.key: field.after for field in sheet.fields})
    yield from _writers(rules)
    yield from _never_said(rules)
    yield from _by_nobody(rules)
    yield from _never_stops(rules)


def _by_nobody(rules: Procedure) -> Iterator[Told]:
    """Somebody may give each signature."""
    for rule in rules.signatures:
        for by in (rule.by, *rule.by_class.values()):
            if rule.not_department and by and {*by} <= DEPARTMENT_ROLES:
                message = N_("nobody can give it: these roles belong to the responsible department, which may not sign")
                yield f"signature.{rule.key}.not_department", Sentence(message)


def _never_stops(rules: Procedure) -> Iterator[Told]:
    """What stops a clock can happen where it runs."""
    for clock in rules.clocks:
        for event in clock.stops:
            kind, _, ref = event.partition(":")
            if kind not in STOPPING:
                message = N_("the clock can never stop: '%(event)s' starts things; it ends none")
                yield f"clock.{clock.key}.stops", Sentence(message, {"event": event})
            elif (found := _meant_for(rules, kind, ref)) is not None and _exclude(clock.when, found):
                message = N_("the clock can never stop: '%(event)s' is for other complaints than the clock")
                yield f"clock.{clock.key}.stops", Sentence(message, {"event": event})


def _meant_for(rules: Procedure, kind: str, ref: str) -> When | None:
    """The complaints for which a record or a signature is meant."""
    found = rules.signature(ref) if kind == "signed" else rules.sheet(ref.partition(".")[0])
    return found.when if found is not None and kind in ("signed", "written", "filled") else None


def _exclude(one: When, other: When) -> bool:
    """Do two conditions never hold together, because they name other values of a field?"""
    pairs = [(mine, theirs) for mine in one.any_of for theirs in other.any_of]
    return bool(pairs) and all(
        any(
            not {*mine[ref]} & {*theirs[ref]} and not any(map(comparing.comparison, (*mine[ref], *theirs[ref])))
            for ref in mine.keys() & theirs.keys()
        )
        for mine, theirs in pairs
    )


def _register(rules: Procedure) -> Iterator[Told]:
    first, registers = rules.first, [stage for stage in rules.stages if stage.register]
    if len(registers) != 1:
        message = N_("exactly one stage has register = true: the one that a complaint enters by being registered")
        yield "stage", Sentence(message)
    elif registers[0] is first:
        message = N_("the first stage is for drafts; register = true belongs to a later one")
        yield f"stage.{first.key}.register", Sentence(message)
    elif not rules.ways(first.key, registers[0].key):
        message = N_("no [[move]] leads there from '%(first)s', where a complaint begins")
        yield f"stage.{registers[0].key}", Sentence(message, {"first": first.key})
    elif all("." in who for who in registers[0].moved_in_by):
        message = N_("nobody may register: the [[move]] that leads there names no role in by")
        yield f"stage.{registers[0].key}", Sentence(message)


def _ways(rules: Procedure) -> Iterator[Told]:
    if not any(stage.final for stage in rules.stages):
        yield "stage", Sentence(N_("no stage has final = true: a complaint could never be closed"))
    reached = _closure({rules.first.key}, _onward(rules))
    ending = _closure({stage.key for stage in rules.stages if stage.final}, _behind(rules))
    for stage in rules.stages:
        if stage.key not in reached:
            yield f"stage.{stage.key}", Sentence(N_("no [[move]] leads there on the way from the first stage"))
        elif stage.key not in ending and any(each.final for each in rules.stages):
            yield f"stage.{stage.key}", Sentence(N_("no [[move]] leads on from there to a final stage"))


def _onward(rules: Procedure) -> Mapping[str, set[str]]:
    return {s.key: {move.to for move in rules.onward(s.key)} for s in rules.stages}


def _behind(rules: Procedure) -> Mapping[str, set[str]]:
    return {
        s.key: {here for m in rules.moves if m.to == s.key and not m.back for here in m.from_} for s in rules.stages
    }


def _closure(begin: Iterable[str], step: Mapping[str, set[str]]) -> set[str]:
    found, new = {*begin}, {*begin}
    while new := {to for here in new for to in step.get(here, ())} - found:
        found |= new
    return found


def _too_late(rules: Procedure) -> Iterator[Told]:
    """What a stage or a way asks must be possible to do in a stage that comes before it."""
    before = _behind(rules)
    for stage in rules.stages:
        here = _closure(before[stage.key], before)
        yield from _undoable(rules, stage.needs, here, f"stage.{stage.key}")
    for outcome in rules.outcomes:
        yield from _undoable(rules, outcome.needs, _closure(outcome.from_, before), f"outcome.{outcome.key}")
    for number, move in enumerate(rules.moves, 1):
        here = _closure(move.from_, before)
        yield from _undoable(rules, move.needs, here, f"move.{move.key}" if move.key else f"move[{number}]")
    for rule in rules.signatures:
        here = _closure(rule.stages, before)
        earlier = tuple(Need("signature", key) for key in rule.after)
        yield from _undoable(rules, (*earlier, *rule.needs), here, f"signature.{rule.key}")


def _undoable(rules: Procedure, needs: Iterable[Need], here: set[str], place: str) -> Iterator[Told]:
    for need in needs:
        for what, stages in _done_in(rules, need):
            if here and stages and not {*stages} & here:
                message = N_("asks for '%(what)s', which can be done only in: %(stages)s")
                yield place, Sentence(message, {"what": what, "stages": ", ".join(stages)})


def _done_in(rules: Procedure, need: Need) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What must be signed or written for a need, and in which stages it can be; none: in all."""
    if need.kind == "signature" and (rule := rules.signature(need.ref)):
        yield rule.key, rule.stages
    key, _, wanted = need.ref.partition(".")
    sheet = rules.sheet(key) if need.kind in ("field", "value", "sheet", "rows") else None
    for field in sheet.fields if sheet else ():
        if field.key in (wanted, *need.filled) or (not wanted and field.required):
            yield f"{key}.{field.key}", field.stages or (sheet.stages if sheet else ())


def _returns(rules: Procedure) -> Iterator[Told]:
    """What a signer returns goes its way from wherever it may be signed, and what falls with it can be given there."""
    for rule in rules.signatures:
        for key in rule.voids:
            fallen = rules.signature(key)
            if fallen is not None and (elsewhere := [stage for stage in rule.stages if stage not in fallen.stages]):
                message = N_("a return takes '%(signature)s' back, which cannot be given again in: %(stages)s")
                values = {"signature": key, "stages": ", ".join(elsewhere)}
                yield f"signature.{rule.key}.return_voids", Sentence(message, values)
        way = rules.way(rule.return_by) if rule.return_by else None
        if way is not None and (elsewhere := [stage for stage in rule.stages if stage not in way.from_]):
            message = N_("the way does not lead from: %(stages)s, where it may be signed and returned, too")
            yield f"signature.{rule.key}.return_by", Sentence(message, {"stages": ", ".join(elsewhere)})


def _writers(rules: Procedure) -> Iterator[Told]:
    """Writers are told of a signature over what they wrote."""
    for number, notice in enumerate(rules.notices, 1):
        for event in notice.on if "writers" in notice.to else ():
            kind, _, key = event.partition(":")
            rule = rules.signature(key) if kind in ("signed", "returned") else None
            if rule is None or not rules.covered(rule):
                message = N_("'writers' are those of what a signature covers; '%(event)s' is about none")
                yield f"notice[{number}].to", Sentence(message, {"event": event})


def _locked(rules: Procedure) -> Iterator[Told]:
    """A way writes in no record that stays locked: the signature falls with it."""
    for number, move in enumerate(rules.moves, 1):
        for ref in (*move.writes, *(ask.to for ask in move.asks if ask.to)):
            sheet = rules.sheet(ref.partition(".")[0])
            lock = rules.signature(sheet.locked_by) if sheet is not None else None
            if sheet is None or lock is None or {"*", lock.key} & {*move.voids} or {ref, sheet.key} & {*lock.covers}:
                continue
            message = N_("writes '%(ref)s', which stays locked by '%(signature)s'; name that in voids")
            yield (
                f"move.{move.key}" if move.key else f"move[{number}]",
                Sentence(message, {"ref": ref, "signature": lock.key}),
            )


def _contact(rules: Procedure) -> Iterator[Told]:
    """A reply fills in all that its row always needs."""
    contact = rules.contact
    sheet = rules.sheet(contact.sheet) if contact else None
    for field in sheet.fields if sheet else ():
        if contact and field.required and field.when == ALWAYS and field.key not in contact.filled:
            message = N_("'%(field)s' is required there, and a reply does not fill it in")
            yield "contact.sheet", Sentence(message, {"field": field.key})


def _names(rules: Procedure) -> Iterator[Told]:
    """What may be referred to in the same place has different keys."""
    for sheet in rules.sheets:
        for known, what in ((REGISTER, N_("a field of the register entry")), (rules._signatures, N_("a signature"))):
            if sheet.key in known:
                message = N_("%(what)s has the same key; give the record another one")
                yield f"sheet.{sheet.key}.key", Sentence(message, {"what": Sentence(what)})


def _circles(place: str, after: Mapping[str, tuple[str, ...]]) -> Iterator[Told]:
    step = {key: {*others} for key, others in after.items()}
    for key in after:
        if key and key in _closure(after[key], step):
            yield f"{place}.{key}.after", Sentence(N_("goes round in a circle and back to itself"))


def _never_said(rules: Procedure) -> Iterator[Told]:
    """A clock that is due only when somebody says so asks for that: wherever it runs a stage needs its field, or each
    row does."""
    for clock in rules.clocks:
        if clock.within is None and clock.starts == f"filled:{clock.until}" and not _is_asked_for(rules, clock):
            message = N_("nobody has to fill in '%(field)s', and without it there is no clock: %(how)s")
            how = N_("give it required = true") if clock.each else N_("let a stage need it where the clock runs")
            yield f"clock.{clock.key}.until", Sentence(message, {"field": clock.until, "how": Sentence(how)})


def _is_asked_for(rules: Procedure, clock: ClockRule) -> bool:
    key, _, _ = clock.until.partition(".")
    fields = {f"{key}.{field.key}": field for sheet in rules.sheets if sheet.key == key for field in sheet.fields}
    field = fields.get(clock.until)
    required = field is not None and field.required and _covers(field.when, clock.when)
    if clock.each:
        return required
    wanted = {("field", clock.until), *([("sheet", key)] if required else [])}
    in_stages = (need for stage in rules.stages for need in stage.needs)
    on_the_way = (need for move in rules.moves for need in move.needs)
    to_sign = (need for rule in rules.signatures for need in rule.needs)
    needs = (*in_stages, *on_the_way, *to_sign)
    return any((need.kind, need.ref) in wanted and not need.unless and _covers(need.when, clock.when) for need in needs)


def _covers(wide: When, narrow: When) -> bool:
    """Does a condition hold wherever another does?"""
    return wide == ALWAYS or (
        narrow != ALWAYS and all(any(_implies(one, other) for other in wide.any_of) for one in narrow.any_of)
    )


def _implies(one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> bool:
    return all(ref in one and {*one[ref]} <= {*values} for ref, values in other.items())
