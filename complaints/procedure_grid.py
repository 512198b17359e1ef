"""Where the stages of a procedure stand in its picture, and where in it something happens."""

from collections.abc import Iterable

from complaints.procedure import Need, Procedure

BOX, BETWEEN = 224, 48
"""A stage, and the way to the next one."""
COLUMN = BOX + BETWEEN
PAD, MARGIN, HEAD = 12, 24, 24


class Grid:
    """A column for each stage, and one for the outcomes."""

    def __init__(self, rules: Procedure) -> None:
        self.rules = rules
        self.column = {stage.key: number for number, stage in enumerate(rules.stages)}
        self.end = self.x(len(self.column)) - BETWEEN
        self.width = self.end + (BETWEEN + BOX if rules.outcomes else 0) + MARGIN

    def x(self, column: int) -> int:
        return MARGIN + column * COLUMN

    def place(self, event: str) -> int:
        """Where an event happens: at the edge of a stage that is entered, else within the stage in which it can be
        done, the last one before it is asked for."""
        kind, _, key = event.partition(":")
        register = self.column[self.rules.register_stage.key]
        if kind == "entered":
            return self.x(self.column.get(key, len(self.column) - 1))
        if kind == "moved":
            way = self.rules.way(key)
            return self.x(self.column[way.to] if way else register)
        if kind in ("received", "drafted"):
            return self.x(0)
        if kind == "round":
            return self.x(self.column[(self.rules.round_stages or (self.rules.register_stage,))[0].key])
        share = {"class": 2, "lowered": 2, "written": 3, "filled": 3, "notified": 3}.get(kind, 4)
        return self.x(self._done_in(kind, key, register)) + share * BOX // 5

    def _done_in(self, kind: str, key: str, register: int) -> int:
        sheet = self.rules.sheet(key.partition(".")[0])
        rule = self.rules.signature(key)
        stages = rule.stages if rule else sheet.stages if sheet else ()
        if kind == "filled" and sheet:
            stages = sheet.field(key.partition(".")[2]).stages or stages
        allowed = [self.column[each] for each in stages] or list(range(register, len(self.column)))
        asked = next((n for n, stage in enumerate(self.rules.stages) if _asks(stage.needs, kind, key)), None)
        before = [each for each in allowed if asked is None or each < asked]
        return max(before, default=allowed[0]) if asked is not None else allowed[0]


def _asks(needs: Iterable[Need], kind: str, key: str) -> bool:
    """Is what an event tells of among what is needed?"""
    return any(_is(need, kind, key) or _asks(need.any_of, kind, key) for need in needs)


def _is(need: Need, kind: str, key: str) -> bool:
    if kind in ("notified", "signed", "returned"):
        return (need.kind, need.ref) == (("notified", "") if kind == "notified" else ("signature", key))
    if kind == "filled":
        sheet, _, name = key.partition(".")
        return key == need.ref or (need.ref == sheet and (need.kind == "sheet" or name in need.filled))
    return need.kind in ("sheet", "rows", "field", "value") and need.ref.partition(".")[0] == key
