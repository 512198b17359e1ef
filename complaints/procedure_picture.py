"""The picture of a procedure, drawn from its file alone: an SVG in the language of a reader.

The stages stand from left to right, each with what it asks for; beside them the outcomes, below them the ways there.
What is drawn has classes and no colours: the page's style sheet or that of the file gives them. The same procedure in
the same language gives the same bytes. Next door: where things stand in procedure_grid.py, the ways above the stages in
procedure_picture_ways.py, the clocks below them in procedure_picture_clocks.py, shapes in svg.py.
"""

from collections.abc import Callable
from html import escape

from complaints import procedure_picture_clocks
from complaints.errors import N_
from complaints.procedure import Stage
from complaints.procedure_grid import BETWEEN, BOX, HEAD, MARGIN, PAD, Grid
from complaints.procedure_picture_ways import Ways
from complaints.procedure_words import Words
from complaints.svg import LINE, Drawing, Text, lines_of

LEAVE = 12
"""From one way off the board to the next."""
MARKS = {"field": "record", "sheet": "record", "rows": "record", "signature": "sign"}
"""How a need is marked that is no `other` one."""


def picture(words: Words, style: str = "") -> str:
    """The picture as SVG; a file has its `style` in itself."""
    return _Picture(words).svg(style)


def texts(words: Words) -> list[Text]:
    """Every line of words in the picture."""
    return _Picture(words).drawing.texts


class _Picture:
    def __init__(self, words: Words) -> None:
        self.words, self.rules = words, words.rules
        self.drawing, self.grid = Drawing(), Grid(words.rules)
        self.ways = Ways(words, self.grid, self.drawing)
        top = self.ways.draw(MARGIN)
        y = self._outcomes(top, self._stages(top))
        y = procedure_picture_clocks.draw(words, self.grid, self.drawing, y + HEAD)
        self.height = self._legend(y + HEAD) + MARGIN

    def svg(self, style: str) -> str:
        say, rules, drawing = self.words.say, self.rules, self.drawing
        title = say(N_("%(name)s, version %(version)s"), name=rules.name, version=rules.version)
        told = say(
            N_("%(stages)s from left to right, with what each asks for, the ways between them, and the clocks below."),
            stages=self.words.listed(self.words.name(stage.name) for stage in rules.stages),
        )
        width, height = self.grid.width, self.height
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

    def _stages(self, top: int) -> int:
        """The boxes of the stages with what they ask for; returns where they end."""
        boxes = [self._told(stage) for stage in self.rules.stages]
        height = max(height for _, height in boxes)
        for stage, (write, _) in zip(self.rules.stages, boxes, strict=True):
            self.drawing.box(self.grid.x(stage.position), top, BOX, height, "stage")
            write(self.grid.x(stage.position), top)
        for move in self.ways.plain:
            x, y = self.grid.x(self.grid.column[move.to]), top + 20
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

    def _outcomes(self, top: int, foot: int) -> int:
        """The outcomes beside the stages, and below them the ways there; returns where all of it ends."""
        outcomes, end = self.rules.outcomes, foot
        x, y = self.grid.x(len(self.grid.column)), top
        for number, outcome in enumerate(outcomes, 1):
            write, height = self._told(outcome, number=False)
            self.drawing.box(x, y, BOX, height, "outcome")
            write(x, y)
            share = number / (len(outcomes) + 1)
            ports = [self.grid.x(self.grid.column[here]) + round(share * BOX) for here in outcome.from_]
            level, turn, into = foot + number * LEAVE, x - BETWEEN + round(share * BETWEEN), y + 20
            for port in ports:
                self.drawing.line([(port, foot), (port, level)], "leave")
            self.drawing.line([(min(ports), level), (turn, level), (turn, into), (x - 1, into)], "leave")
            self.drawing.head(x - 1, into, "leave")
            y += height + LINE
            end = max(end, level, y)
        return end

    def _legend(self, top: int) -> int:
        say, drawing = self.words.say, self.drawing
        x, y = MARGIN, top + 12
        lines = {
            "way": N_("a way onward"),
            "back": N_("a way back"),
            "round": N_("back, in a new round"),
            "leave": N_("leaves the board"),
        }
        drawn = {"way", *(way.css for way in self.ways.ways)}
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
