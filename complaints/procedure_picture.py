"""The picture of a procedure, drawn from its file alone: an SVG in the language of a reader.

The stages stand from left to right, each with what it asks for. The ways that do not simply lead on to the next stage
run above them, those that leave the board below, to the outcomes at the right; the clocks lie under the stages in which
they run. What is drawn has classes and no colours: the page's style sheet or that of the file gives them. The same
procedure in the same language gives the same bytes. Next door: how words are measured, in lettering.py.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from complaints.errors import N_
from complaints.lettering import width_of, wrapped
from complaints.procedure import ClockRule, Move, Need, Stage
from complaints.procedure_words import Words

CHARACTER, BOLD = 8, 8.6
"""The width of a Latin letter on the safe side; a Chinese one has two of it."""
LINE = 16
BOX, BETWEEN = 224, 48
"""A stage, and the way to the next one."""
COLUMN = BOX + BETWEEN
PAD, MARGIN = 12, 24
CLOCK = 260
"""The words of a clock, at least."""
HEAD, LEAVE = 24, 12
MARKS = {"field": "record", "sheet": "record", "rows": "record", "signature": "sign"}
"""How a need is marked that is no `other` one."""


@dataclass(frozen=True)
class Text:
    """A line of words, on its base line."""

    x: int
    y: int
    words: str
    css: str = ""

    @property
    def width(self) -> int:
        bold = "bold" in self.css
        return round(width_of(self.words) * (BOLD if bold else CHARACTER))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return self.x, self.y - 12, self.x + self.width, self.y + 3

    def svg(self) -> str:
        css = f' class="pic__{self.css}"' if self.css else ""
        return f'<text x="{self.x}" y="{self.y}"{css}>{escape(self.words)}</text>'


@dataclass
class Drawing:
    """What is drawn so far, from back to front."""

    back: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def box(self, x: int, y: int, width: int, height: int, css: str) -> None:
        corner = "" if css == "band" else ' rx="6"'
        self.back.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}"{corner} class="pic__{css}"/>')

    def line(self, points: Sequence[tuple[int, int]], css: str) -> None:
        path = "M" + " L".join(f"{x} {y}" for x, y in points)
        self.lines.append(f'<path d="{path}" class="pic__{css}"/>')

    def head(self, x: int, y: int, css: str, *, down: bool = False) -> None:
        """The head of an arrow, with its point at (x, y)."""
        path = f"M{x} {y} l-4 -8 h8 z" if down else f"M{x} {y} l-8 -4 v8 z"
        self.lines.append(f'<path d="{path}" class="pic__{css} pic__head"/>')

    def mark(self, x: int, y: int, kind: str) -> None:
        """What kind of need a line tells of."""
        if kind == "sign":
            self.lines.append(f'<circle cx="{x + 4}" cy="{y - 4}" r="4" class="pic__mark pic__mark--{kind}"/>')
        else:
            self.lines.append(f'<rect x="{x}" y="{y - 8}" width="8" height="8" class="pic__mark pic__mark--{kind}"/>')

    def words(self, x: int, y: int, lines: Iterable[str], css: str = "") -> None:
        self.texts += [Text(x, y + LINE * number, line, css) for number, line in enumerate(lines)]


def lines_of(text: str, width: int, *, bold: bool = False) -> list[str]:
    """Words in lines that are no wider than so many pixels."""
    return wrapped(text, int(width / (BOLD if bold else CHARACTER)))


def picture(words: Words, style: str = "") -> str:
    """The picture as SVG; a file has its `style` in itself."""
    return _Picture(words).svg(style)


def texts(words: Words) -> list[Text]:
    """Every line of words in the picture."""
    return _Picture(words).drawing.texts


@dataclass
class _Way:
    """A way that runs above the stages: a line at a level, with a port at each box it touches."""

    move: Move
    lines: list[str]
    columns: list[int]
    to: int
    ports: dict[int, int] = field(default_factory=dict)
    level: int = 0
    y: int = 0

    @property
    def span(self) -> tuple[int, int]:
        ends = sorted((self.to, *self.columns))
        return ends[0], ends[-1]

    @property
    def css(self) -> str:
        return "round" if self.move.new_round else "back" if self.move.back else "way"

    @property
    def width(self) -> int:
        return max((Text(0, 0, line).width for line in self.lines), default=0)


FROM_SELF = -1
"""The port of a way that leaves the box to which it leads."""


class _Picture:
    def __init__(self, words: Words) -> None:
        self.words, self.rules = words, words.rules
        self.drawing = Drawing()
        self.column = {stage.key: number for number, stage in enumerate(self.rules.stages)}
        self.width = 2 * MARGIN + len(self.column) * COLUMN + (BOX if self.rules.outcomes else -BETWEEN)
        top = self._ways(MARGIN)
        y = self._clocks(self._outcomes(top, self._stages(top)) + HEAD)
        self.height = self._legend(y + HEAD) + MARGIN

    def svg(self, style: str) -> str:
        say, rules, drawing = self.words.say, self.rules, self.drawing
        title = say(N_("%(name)s, version %(version)s"), name=rules.name, version=rules.version)
        told = say(
            N_("%(stages)s from left to right, with what each asks for, the ways between them, and the clocks below."),
            stages=self.words.listed(self.words.name(stage.name) for stage in rules.stages),
        )
        width, height = self.width, self.height
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'viewBox="0 0 {width} {height}" class="pic" role="img" aria-labelledby="pic-title pic-desc">',
                f'<title id="pic-title">{escape(title)}</title>',
                f'<desc id="pic-desc">{escape(told)}</desc>',
                *([f"<style>{style}</style>"] if style else []),
                f'<rect width="{width}" height="{height}" class="pic__paper"/>',
                *drawing.back,
                *drawing.lines,
                *(text.svg() for text in drawing.texts),
                "</svg>\n",
            ]
        )

    def _x(self, column: int) -> int:
        return MARGIN + column * COLUMN

    # Ways

    def _ways(self, top: int) -> int:
        """The ways above the stages; returns where the stages begin."""
        ways = [way for move in self.rules.moves if (way := self._above(move))]
        self._ports(ways)
        heights = self._levels(ways)
        foot = top + sum(heights) + (LINE if heights else 0)
        for way in ways:
            way.y = foot - sum(heights[: way.level]) - LINE
        for way in sorted(ways, key=lambda way: -way.level):
            self._way(way, foot, ways)
        return foot

    def _above(self, move: Move) -> _Way | None:
        """A way with its words; none where it plainly leads to the next stage."""
        to, columns = self.column[move.to], sorted(self.column[here] for here in move.from_)
        said = self.words.way(move)
        if not (move.back or said) and columns == [to - 1]:
            return None
        text = self.words.listed(said, apart=True) or (self.words.say(N_("back")) if move.back else "")
        room = max(abs(to - here) for here in columns) * COLUMN
        return _Way(move, lines_of(text, max(room - 2 * PAD, BOX - PAD)) if text else [], columns, to)

    def _ports(self, ways: Sequence[_Way]) -> None:
        """Where each way leaves or reaches the top of a box: those that go left on the left, the longest inside, so
        that few cross."""
        for column in range(len(self.column)):
            found: list[tuple[tuple[int, int], _Way, int]] = []
            for number, way in enumerate(ways):
                first, last = way.span
                length = last - first
                if column == way.to:
                    left = first < column
                    found.append(((length if left else 100 - length, number), way, column))
                    if column in way.columns:
                        found.append(((99, number), way, FROM_SELF))
                elif column in way.columns:
                    left = way.to < column
                    found.append(((length if left else 100 - length, number), way, column))
            found.sort(key=lambda each: each[0])
            step = BOX // (len(found) + 1)
            for place, (_, way, port) in enumerate(found, 1):
                way.ports[port] = self._x(column) + place * step

    def _levels(self, ways: Sequence[_Way]) -> list[int]:
        """Put the ways one above the other, the short ones lowest; returns the height of each level."""
        taken: list[list[tuple[int, int]]] = []
        heights: list[int] = []
        for way in sorted(ways, key=lambda way: way.span[1] - way.span[0]):
            left, right = self._reach(way)
            level = 0
            while level < len(taken) and any(a < right and left < b for a, b in taken[level]):
                level += 1
            if level == len(taken):
                taken.append([])
                heights.append(0)
            taken[level].append((left, right))
            way.level = level
            heights[level] = max(heights[level], len(way.lines) * LINE + 12)
        return heights

    def _reach(self, way: _Way) -> tuple[int, int]:
        left, right = min(way.ports.values()), max(way.ports.values())
        right = max(right, left + way.width + 2 * PAD)
        return (left, right) if right <= self.width - MARGIN else (right - way.width - 2 * PAD, right)

    def _way(self, way: _Way, foot: int, ways: Sequence[_Way]) -> None:
        target = way.ports[way.to]
        self.drawing.line([(min(way.ports.values()), way.y), (max(way.ports.values()), way.y)], way.css)
        for x in way.ports.values():
            self.drawing.line([(x, way.y), (x, foot - 1 if x == target else foot)], way.css)
        self.drawing.head(target, foot - 1, way.css, down=True)
        if way.lines:
            top = way.y - 6 - (len(way.lines) - 1) * LINE
            self.drawing.words(self._free(way, ways), top, way.lines, "way-words")

    def _free(self, way: _Way, ways: Sequence[_Way]) -> int:
        """Where the words of a way begin, crossed by as few of the higher ways as can be."""
        left, right = self._reach(way)
        left, last = left + PAD // 2, max(min(right, self.width - MARGIN) - way.width - PAD // 2, left + PAD // 2)
        crossing = [x for other in ways if other.level > way.level for x in other.ports.values()]

        def crossed(x: int) -> int:
            return sum(x - 4 < line < x + way.width + 4 for line in crossing)

        return min(range(left, last + 1, 4), key=lambda x: (crossed(x), x), default=left)

    # Stages

    def _stages(self, top: int) -> int:
        """The boxes of the stages with what they ask for; returns where they end."""
        boxes = [self._told(stage) for stage in self.rules.stages]
        height = max(height for _, height in boxes)
        for stage, (write, _) in zip(self.rules.stages, boxes, strict=True):
            self.drawing.box(self._x(stage.position), top, BOX, height, "stage")
            write(self._x(stage.position), top)
        for move in self.rules.moves:
            to = self.column[move.to]
            if self._above(move) is None:
                x, y = self._x(to), top + 20
                self.drawing.line([(x - BETWEEN, y), (x - 1, y)], "way")
                self.drawing.head(x - 1, y, "way")
        return top + height

    def _told(self, stage: Stage, number: bool = True) -> tuple[Callable[[int, int], None], int]:
        """How a stage is written into its box, and how high that is."""
        say, room = self.words.say, BOX - 2 * PAD
        name = self.words.name(stage.name)
        heading = lines_of(f"{stage.position + 1}  {name}" if number else name, room, bold=True)
        small = [self.words.holder(stage)] if not stage.off_board else []
        small += [self.words.people(stage.moved_in_by)] if stage.off_board else []
        small += [say(N_("the customer's turn"))] if stage.customers_turn else []
        small += [say(N_("the end"))] if stage.final else []
        under = [line for text in small if text for line in lines_of(text, room)]
        needs = [(MARKS.get(need.kind, "other"), lines_of(self.words.need(need), room - 14)) for need in stage.needs]
        asked = sum(len(lines) * LINE + 4 for _, lines in needs)
        height = PAD + (len(heading) + len(under)) * LINE + (10 + asked if needs else 0) + PAD

        def write(x: int, y: int) -> None:
            drawing = self.drawing
            drawing.words(x + PAD, y + PAD + 12, heading, "bold")
            y += PAD + len(heading) * LINE
            drawing.words(x + PAD, y + 12, under, "small")
            y += len(under) * LINE + 6
            if needs:
                drawing.line([(x + PAD, y), (x + BOX - PAD, y)], "rule")
            y += 4
            for mark, lines in needs:
                drawing.mark(x + PAD, y + 12, mark)
                drawing.words(x + PAD + 14, y + 12, lines)
                y += len(lines) * LINE + 4

        return write, height

    # Outcomes

    def _outcomes(self, top: int, foot: int) -> int:
        """The outcomes beside the stages, and below them the ways there; returns where all of it ends."""
        outcomes, end = self.rules.outcomes, foot
        x, y = self._x(len(self.column)), top
        for number, outcome in enumerate(outcomes, 1):
            write, height = self._told(outcome, number=False)
            self.drawing.box(x, y, BOX, height, "outcome")
            write(x, y)
            share = number / (len(outcomes) + 1)
            ports = [self._x(self.column[here]) + round(share * BOX) for here in outcome.from_]
            level, turn, into = foot + number * LEAVE, x - BETWEEN + round(share * BETWEEN), y + 20
            for port in ports:
                self.drawing.line([(port, foot), (port, level)], "leave")
            self.drawing.line([(min(ports), level), (turn, level), (turn, into), (x - 1, into)], "leave")
            self.drawing.head(x - 1, into, "leave")
            y += height + LINE
            end = max(end, level, y)
        return end

    # Clocks

    def _clocks(self, top: int) -> int:
        """The clocks, each under the stages in which it runs; returns where they end."""
        if not self.rules.clocks:
            return top
        end = self._x(len(self.column)) - BETWEEN
        heading = top + LINE
        y = heading + HEAD
        taken: list[list[tuple[int, int]]] = []
        rows: list[list[tuple[ClockRule, int, list[int], list[str], list[str], int]]] = []
        for clock in self.rules.clocks:
            start = self._place(clock.starts)
            stops = [max(self._place(event), start + 16) for event in clock.stops]
            room = min(max(max(stops) - start, CLOCK), 2 * COLUMN)
            bold, small = self._promise(clock, room)
            wide = max(text.width for text in (*(Text(0, 0, each, "bold") for each in bold), *map(_small, small)))
            left = max(min(start, end - wide), MARGIN)
            reach = (left - PAD, max(*stops, left + wide) + PAD)
            row = next((n for n, t in enumerate(taken) if all(b <= reach[0] or reach[1] <= a for a, b in t)), None)
            if row is None:
                row = len(taken)
                taken.append([])
                rows.append([])
            taken[row].append(reach)
            rows[row].append((clock, start, stops, bold, small, left))
        for each in rows:
            for clock, start, stops, bold, small, left in each:
                self._bar(clock, start, stops, y)
                self.drawing.words(left, y + 20, bold, "bold")
                self.drawing.words(left, y + 20 + LINE * len(bold), small, "small")
            y += 20 + LINE * max(len(bold) + len(small) for *_, bold, small, _ in each) + 8
        for stage in self.rules.stages:
            x = self._x(stage.position)
            self.drawing.box(x, top, BOX, y - top, "band")
            self.drawing.words(x + PAD // 2, heading, lines_of(self.words.name(stage.name), BOX - PAD)[:1], "small")
        return y

    def _promise(self, clock: ClockRule, room: int) -> tuple[list[str], list[str]]:
        """What a clock promises, to whom it falls, and what starts and stops it."""
        words = self.words
        stops = words.listed(map(words.event, clock.stops))
        small = [
            words.say(N_("from: %(event)s"), event=words.event(clock.starts)),
            words.say(N_("until: %(event)s"), event=stops),
            words.say(N_("if %(condition)s"), condition=words.when(clock.when)) if clock.when.any_of else "",
            words.people([clock.responsible]),
            words.say(N_("an aim, no promise")) if clock.target else "",
            words.say(N_("may stand still while we wait for the customer")) if clock.pauses else "",
        ]
        promise = words.say(N_("%(name)s: %(limit)s"), name=clock.name, limit=words.due(clock))
        return lines_of(promise, room, bold=True), [line for each in small if each for line in lines_of(each, room)]

    def _bar(self, clock: ClockRule, start: int, stops: Sequence[int], y: int) -> None:
        css = "aim" if clock.target else "clock"
        self.drawing.line([(start, y), (max(stops), y)], css)
        self.drawing.lines.append(f'<circle cx="{start}" cy="{y}" r="4" class="pic__{css}-start"/>')
        for stop in sorted(set(stops)):
            self.drawing.line([(stop, y - 6), (stop, y + 6)], css)

    def _place(self, event: str) -> int:
        """Where an event happens: at the edge of a stage that is entered, else within the stage in which it can be
        done, the last one before it is asked for."""
        kind, _, key = event.partition(":")
        register = self.column[self.rules.register_stage.key]
        if kind == "entered":
            return self._x(self.column.get(key, len(self.column) - 1))
        if kind == "moved":
            way = self.rules.way(key)
            return self._x(self.column[way.to] if way else register)
        if kind in ("received", "drafted"):
            return self._x(0)
        if kind == "round":
            return self._x(self.column[(self.rules.round_stages or (self.rules.register_stage,))[0].key])
        share = {"class": 2, "lowered": 2, "written": 3, "filled": 3, "notified": 3}.get(kind, 4)
        return self._x(self._done_in(kind, key, register)) + share * BOX // 5

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

    # Legend

    def _legend(self, top: int) -> int:
        say, drawing = self.words.say, self.drawing
        x, y = MARGIN, top + 12
        lines = {
            "way": N_("a way onward"),
            "back": N_("a way back"),
            "round": N_("back, in a new round"),
            "leave": N_("leaves the board"),
        }
        drawn = {way.css for move in self.rules.moves if (way := self._above(move))} | {"way"}
        drawn |= {"leave"} if self.rules.outcomes else set()
        for css, text in lines.items():
            if css in drawn:
                drawing.line([(x, y - 4), (x + 28, y - 4)], css)
                x = self._legend_words(x + 36, y, say(text))
        for kind, text in {
            "record": N_("a record or field is filled in"),
            "sign": N_("a signature is given"),
            "other": N_("something else must hold"),
        }.items():
            drawing.mark(x, y, kind)
            x = self._legend_words(x + 16, y, say(text))
        return y + 4

    def _legend_words(self, x: int, y: int, words: str) -> int:
        text = Text(x, y, words, "small")
        self.drawing.texts.append(text)
        return x + text.width + HEAD


def _small(words: str) -> Text:
    return Text(0, 0, words, "small")


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
