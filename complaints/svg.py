"""Shapes and words of a picture as SVG: each has a class and no colour, the style sheet gives it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from complaints.lettering import width_of, wrapped

CHARACTER, BOLD = 8, 8.6
"""The width of a Latin letter on the safe side; a Chinese one has two of it."""
LINE = 16


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
        return round(width_of(self.words) * (BOLD if bold else CHARACTER)) + 2

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

    def dot(self, x: int, y: int, css: str) -> None:
        self.lines.append(f'<circle cx="{x}" cy="{y}" r="4" class="pic__{css}"/>')

    def mark(self, x: int, y: int, kind: str) -> None:
        """What kind of need a line tells of."""
        if kind == "sign":
            self.dot(x + 4, y - 4, f"mark pic__mark--{kind}")
        else:
            self.lines.append(f'<rect x="{x}" y="{y - 8}" width="8" height="8" class="pic__mark pic__mark--{kind}"/>')

    def words(self, x: int, y: int, lines: Iterable[str], css: str = "") -> None:
        self.texts += [Text(x, y + LINE * number, line, css) for number, line in enumerate(lines)]


def lines_of(text: str, width: int, *, bold: bool = False) -> list[str]:
    """Words in lines that are no wider than so many pixels."""
    return wrapped(text, int(width / (BOLD if bold else CHARACTER)))


def width_of_all(lines: Iterable[str], css: str = "") -> int:
    """How wide the widest of these lines is."""
    return max((Text(0, 0, line, css).width for line in lines), default=0)
