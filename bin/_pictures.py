#!/usr/bin/env python3
"""Draws the pictures in docs/procedures/ anew, of every procedure that comes along. Look at them, then keep them.

bin/_pictures.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from complaints.procedure import FOLDER  # noqa: E402
from complaints.procedure_file import load  # noqa: E402
from complaints.procedure_picture import picture  # noqa: E402
from complaints.procedure_words import Words  # noqa: E402
from webapp.pictures import style  # noqa: E402


def main() -> None:
    for path in sorted(FOLDER.glob("*.toml")):
        drawn = ROOT / "docs" / "procedures" / f"{path.stem}.svg"
        drawn.write_text(picture(Words(load(path), str, "en"), style()), encoding="utf-8")
        print(drawn.relative_to(ROOT))


if __name__ == "__main__":
    main()
