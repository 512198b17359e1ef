"""The ways of a procedure that do not plainly lead on to the next stage, as lines above its stages."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from complaints.errors import N_
from complaints.procedure import Move
from complaints.procedure_grid import BOX, COLUMN, MARGIN, PAD, Grid
from complaints.procedure_words import Words
from complaints.svg import LINE, Drawing, lines_of, width_of_all

FROM_SELF = -1
"""The port of a way that leaves the box to which it leads."""


@dataclass
class Way:
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
        return width_of_all(self.lines)


class Ways:
    """The ways above the stages, and those that are plain arrows between two of them."""

    def __init__(self, words: Words, grid: Grid, drawing: Drawing) -> None:
        self.words, self.grid, self.drawing = words, grid, drawing
        found = [(move, self._above(move)) for move in words.rules.moves]
        self.ways = [way for _, way in found if way]
        self.plain = [move for move, way in found if way is None]

    def draw(self, top: int) -> int:
        """The ways above the stages; returns where the stages begin."""
        ways = self.ways
        self._ports(ways)
        heights = self._levels(ways)
        foot = top + sum(heights) + (LINE if heights else 0)
        for way in ways:
            way.y = foot - sum(heights[: way.level]) - LINE
        for way in sorted(ways, key=lambda way: -way.level):
            self._way(way, foot, ways)
        return foot

    def _above(self, move: Move) -> Way | None:
        """A way with its words; none where it plainly leads to the next stage."""
        to, columns = self.grid.column[move.to], sorted(self.grid.column[here] for here in move.from_)
        said = self.words.way(move)
        if not (move.back or said) and columns == [to - 1]:
            return None
        text = self.words.listed(said, apart=True) or (self.words.say(N_("back")) if move.back else "")
        room = max(abs(to - here) for here in columns) * COLUMN
        return Way(move, lines_of(text, max(room - 2 * PAD, BOX - PAD)) if text else [], columns, to)

    def _ports(self, ways: Sequence[Way]) -> None:
        """Where each way leaves or reaches the top of a box: those that go left on the left, the longest inside, so
        that few cross."""
        for column in range(len(self.grid.column)):
            found: list[tuple[tuple[int, int], Way, int]] = []
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
                way.ports[port] = self.grid.x(column) + place * step

    def _levels(self, ways: Sequence[Way]) -> list[int]:
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

    def _reach(self, way: Way) -> tuple[int, int]:
        left, right = min(way.ports.values()), max(way.ports.values())
        right = max(right, left + way.width + 2 * PAD)
        return (left, right) if right <= self.grid.width - MARGIN else (right - way.width - 2 * PAD, right)

    def _way(self, way: Way, foot: int, ways: Sequence[Way]) -> None:
        target = way.ports[way.to]
        self.drawing.line([(min(way.ports.values()), way.y), (max(way.ports.values()), way.y)], way.css)
        for x in way.ports.values():
            self.drawing.line([(x, way.y), (x, foot - 1 if x == target else foot)], way.css)
        self.drawing.head(target, foot - 1, way.css, down=True)
        if way.lines:
            top = way.y - 6 - (len(way.lines) - 1) * LINE
            self.drawing.words(self._free(way, ways), top, way.lines, "way-words")

    def _free(self, way: Way, ways: Sequence[Way]) -> int:
        """Where the words of a way begin, crossed by as few of the higher ways as can be."""
        left, right = self._reach(way)
        left, last = left + PAD // 2, max(min(right, self.grid.width - MARGIN) - way.width - PAD // 2, left + PAD // 2)
        crossing = [x for other in ways if other.level > way.level for x in other.ports.values()]

        def crossed(x: int) -> int:
            return sum(x - 4 < line < x + way.width + 4 for line in crossing)

        return min(range(left, last + 1, 4), key=lambda x: (crossed(x), x), default=left)
