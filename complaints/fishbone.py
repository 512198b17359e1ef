"""The cause-and-effect picture (Ishikawa) as geometry: the spine, its bones, the twigs, and every line of words.

Pure: words in, places out. The words are wrapped by their width, in which a Chinese character counts twice; a template
draws what is found here, on a page or on paper.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from complaints.lettering import wrapped

LINE = 16
"""From one line of words to the next."""
CHARACTER = 7.2
"""The width of a Latin letter; a Chinese one has two of it."""
WORDS, HEAD = 22, 20
"""How many letters fit beside a bone and into the head."""
SLANT = 56
GAP = 8
EXCLUDED = "2"
"""The third and last degree to which a cause is known: looked at, and not it."""


@dataclass(frozen=True)
class Factor:
    """A possible cause, and how far it is known."""

    text: str
    state: str = ""


@dataclass(frozen=True)
class Words:
    """A text in lines: the first begins at (x, y), the others below."""

    lines: tuple[str, ...]
    x: float
    y: float

    @property
    def placed(self) -> list[tuple[str, float]]:
        return [(line, self.y + LINE * number) for number, line in enumerate(self.lines)]


@dataclass(frozen=True)
class Stroke:
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Twig:
    stroke: Stroke
    words: Words
    state: str


@dataclass(frozen=True)
class Bone:
    stroke: Stroke
    name: Words
    twigs: tuple[Twig, ...]


@dataclass(frozen=True)
class Picture:
    width: float
    height: float
    spine: Stroke
    head: tuple[float, float, float, float]
    """The box of the effect: x, y, width, height."""
    effect: Words
    bones: tuple[Bone, ...]


def factor(text: str, degree: str) -> Factor:
    """A cause as it is drawn: one that was excluded carries a sign, because paper and ears know no line through it."""
    return Factor(f"× {text}" if degree == EXCLUDED else text, degree)


def drawn(effect: str, branches: Iterable[tuple[str, Sequence[Factor]]]) -> Picture:
    """The picture of an effect and its causes by branch: the bones stand above and below the spine in turn."""
    bones = [(name, [(factor, wrapped(factor.text, WORDS)) for factor in factors]) for name, factors in branches]
    lengths = [sum(len(lines) * LINE + GAP for _, lines in factors) + GAP for _, factors in bones]
    words = wrapped(effect, HEAD)
    box = len(words) * LINE + 2 * GAP
    spine = max([*(each + LINE for each in lengths[0::2]), box / 2]) + GAP
    height = spine + max([*(each + LINE for each in lengths[1::2]), box / 2]) + GAP
    column = WORDS * CHARACTER + SLANT + 2 * GAP
    end = (len(bones) + 1) // 2 * column + SLANT
    width = HEAD * CHARACTER + 2 * GAP
    return Picture(
        end + width + GAP, height, Stroke(0, spine, end, spine), (end, spine - box / 2, width, box),
        Words(tuple(words), end + GAP, spine - box / 2 + GAP + LINE * 0.75),
        tuple(
            _bone(name, factors, (number // 2 + 1) * column, spine, length, up=number % 2 == 0)
            for number, ((name, factors), length) in enumerate(zip(bones, lengths, strict=True))
        ),
    )  # fmt: skip


def _bone(
    name: str, factors: Sequence[tuple[Factor, list[str]]], foot: float, spine: float, length: float, *, up: bool
) -> Bone:
    """A bone leans towards the head and ends on the spine at `foot`. Its twigs come from the left, the words above
    them."""
    tip = spine - length if up else spine + length
    twigs, y = [], min(tip, spine)
    for factor, lines in factors:
        y += len(lines) * LINE + GAP
        top = y - len(lines) * LINE
        x, beside = (foot - SLANT * abs(each - spine) / length for each in (y, top if up else y))
        left = max(beside - WORDS * CHARACTER, 0)
        words = Words(tuple(lines), left, y - 4 - (len(lines) - 1) * LINE)
        twigs.append(Twig(Stroke(left, y, x, y), words, factor.state))
    label = Words((name,), foot - SLANT, tip - GAP / 2 if up else tip + LINE)
    return Bone(Stroke(foot - SLANT, tip, foot, spine), label, tuple(twigs))
