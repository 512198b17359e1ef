"""The clocks of a procedure under its stages: each a line from what starts it to all that stops it."""

from collections.abc import Sequence
from dataclasses import dataclass

from complaints.errors import N_
from complaints.procedure import ClockRule
from complaints.procedure_grid import BOX, COLUMN, HEAD, MARGIN, PAD, Grid
from complaints.procedure_words import Words
from complaints.svg import LINE, Drawing, lines_of, width_of_all

LEAST = 260
"""The words of a clock have so much room at least."""
SHORTEST = 16


@dataclass(frozen=True)
class Bar:
    """A clock: where its line starts and stops, and its words, which begin at `left`."""

    start: int
    stops: tuple[int, ...]
    left: int
    promise: list[str]
    more: list[str]
    css: str

    @property
    def reach(self) -> tuple[int, int]:
        wide = max(width_of_all(self.promise, "bold"), width_of_all(self.more))
        return min(self.start, self.left) - PAD, max(*self.stops, self.left + wide) + PAD

    @property
    def height(self) -> int:
        return 20 + LINE * (len(self.promise) + len(self.more)) + 8

    def draw(self, drawing: Drawing, y: int) -> None:
        drawing.line([(self.start, y), (max(self.stops), y)], self.css)
        drawing.dot(self.start, y, f"{self.css}-start")
        for stop in sorted({*self.stops}):
            drawing.line([(stop, y - 6), (stop, y + 6)], self.css)
        drawing.words(self.left, y + 20, self.promise, "bold")
        drawing.words(self.left, y + 20 + LINE * len(self.promise), self.more, "small")


def draw(words: Words, grid: Grid, drawing: Drawing, top: int) -> int:
    """The clocks, each under the stages in which it runs; returns where they end."""
    stages, clocks = words.rules.stages, words.rules.clocks
    if not clocks:
        return top
    names = [lines_of(words.name(stage.name), BOX - PAD) for stage in stages]
    y = top + LINE * max(map(len, names)) + HEAD
    for row in _rows([_bar(words, grid, clock) for clock in clocks]):
        for bar in row:
            bar.draw(drawing, y)
        y += max(bar.height for bar in row)
    for stage, name in zip(stages, names, strict=True):
        drawing.box(grid.x(stage.position), top, BOX, y - top, "band")
        drawing.words(grid.x(stage.position) + PAD // 2, top + LINE, name, "small")
    return y


def _rows(bars: Sequence[Bar]) -> list[list[Bar]]:
    """Beside each other what has room there."""
    rows: list[list[Bar]] = []
    for bar in bars:
        left, right = bar.reach
        row = next((row for row in rows if all(b <= left or right <= a for a, b in (o.reach for o in row))), None)
        if row is None:
            rows.append(row := [])
        row.append(bar)
    return rows


def _bar(words: Words, grid: Grid, clock: ClockRule) -> Bar:
    start = grid.place(clock.starts)
    stops = tuple(max(grid.place(event), start + SHORTEST) for event in clock.stops)
    room = min(max(max(stops) - start, LEAST), 2 * COLUMN)
    promise = words.say(N_("%(name)s: %(limit)s"), name=clock.name, limit=words.due(clock))
    said = lines_of(promise, room, bold=True)
    more = [line for each in _more(words, clock) if each for line in lines_of(each, room)]
    wide = max(width_of_all(said, "bold"), width_of_all(more))
    left = max(min(start, grid.end - wide), MARGIN)
    return Bar(start, stops, left, said, more, "aim" if clock.target else "clock")


def _more(words: Words, clock: ClockRule) -> list[str]:
    """What starts and stops a clock, for which complaints, and whose promise it is."""
    return [
        words.say(N_("from: %(event)s"), event=words.event(clock.starts)),
        words.say(N_("until: %(event)s"), event=words.listed(words.events(clock.stops))),
        words.say(N_("if %(condition)s"), condition=words.when(clock.when)) if clock.when.any_of else "",
        words.people([clock.responsible]),
        words.say(N_("an aim, no promise")) if clock.target else "",
        words.say(N_("may stand still while we wait for the customer")) if clock.pauses else "",
    ]
