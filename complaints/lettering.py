"""How wide words are in a picture, and where their lines are broken: a Chinese character counts twice."""

import unicodedata


def width_of(text: str) -> int:
    """How wide a text is, in Latin letters."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines no wider than this: broken between words, and between any two Chinese characters; a word that is
    too long is cut."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width_of(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        for character in piece:
            if line.strip() and width_of(line + character) > width and character != " ":
                lines.append(line.rstrip())
                line = ""
            line += character if line or character != " " else ""
    return [*lines, line.rstrip()] if line.strip() else lines or [""]


def _pieces(text: str) -> list[str]:
    """What is not broken: a word with the blank behind it, a Chinese character with the marks that end a phrase."""
    pieces: list[str] = []
    for character in " ".join(text.split()):
        wide = unicodedata.east_asian_width(character) in "WF"
        ends = unicodedata.category(character) in ("Po", "Pe", "Pf")
        last = pieces[-1] if pieces else " "
        after_wide = unicodedata.east_asian_width(last[-1]) in "WF"
        if pieces and (ends or character == " " or not (wide or after_wide or last.endswith(" "))):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces
