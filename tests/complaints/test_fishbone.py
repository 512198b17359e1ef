"""The cause-and-effect picture: words wrapped by their width, nothing drawn over anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.fishbone import CHARACTER, LINE, WORDS, Factor, drawn
from complaints.lettering import width_of, wrapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("Worn insert", ["Worn insert"]),
        ("The counter was not reset", ["The counter", "was not", "reset"]),
        ("换刀后刀具寿命计数器未复位。", ["换刀后刀具", "寿命计数器", "未复位。"]),
        ("刀具WI-217第四版", ["刀具WI-217", "第四版"]),
        ("supercalifragilistic", ["supercalifr", "agilistic"]),
    ],
)
def test_words_are_wrapped_by_their_width_and_chinese_counts_twice(text: str, lines: list[str]) -> None:
    assert wrapped(text, 11) == lines


@given(st.text(alphabet="ab 刀具，。W-1", max_size=80), st.integers(4, 30))
def test_no_line_is_wider_than_it_may_be_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(width_of(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


texts = st.text(alphabet="ab 刀具", min_size=1, max_size=60)


@given(texts, st.lists(st.tuples(texts, st.lists(texts.map(Factor), max_size=5)), max_size=7))
def test_everything_lies_in_the_picture_and_no_words_over_others(
    effect: str, branches: list[tuple[str, list[Factor]]]
) -> None:
    picture = drawn(effect, branches)
    assert [len(bone.twigs) for bone in picture.bones] == [len(factors) for _, factors in branches]
    taken = []
    for bone in picture.bones:
        for twig in bone.twigs:
            top, bottom = twig.words.y - LINE * 0.75, twig.stroke.y1
            left, right = twig.words.x, twig.words.x + WORDS * CHARACTER
            assert 0 <= left < right <= picture.head[0]
            assert 0 <= top < bottom <= picture.height
            taken.append((left, top, right, bottom))
        assert 0 < bone.name.y <= picture.height
    for number, (left, top, right, bottom) in enumerate(taken):
        for other in taken[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    x, y, width, height = picture.head
    assert x + width <= picture.width
    assert y >= 0
    assert y + height <= picture.height
