#!/usr/bin/env python3
"""The texts for people, in every language.

    bin/_translations.py update     reads the sources, brings the catalogues up to date, names what is to be translated
    bin/_translations.py compile    writes messages.mo beside each messages.po
    bin/_translations.py check      exits 1 and names every text that is missing, fuzzy, obsolete or has wrong
                                    placeholders, and every messages.mo that is not its catalogue's

Catalogues are sorted and hold no places in the source, so that two people's changes seldom meet.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "translations"
LOCALES = ("zh",)  # English is what the sources are written in; Babel calls zh_CN zh_Hans_CN, which falls back to zh
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "_l": None,
    "N_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "npgettext": ((1, "c"), 2, 3),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("do", choices=["update", "compile", "check"])
    return {"update": update, "compile": compile_all, "check": check}[options.parse_args().do]()


def update() -> int:
    sources = extracted()
    for locale in LOCALES:
        catalogue = read(locale) or new(locale)
        catalogue.update(sources, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
        save(po(locale), as_po(catalogue))
        waiting = [id_of(message) for message in catalogue if message.id and not translated(message)]
        print(f"{po(locale).relative_to(ROOT)}: {len(catalogue)} texts, {len(waiting)} to be translated")
        print(*(f"  {text}" for text in waiting), sep="\n", end="\n" if waiting else "")
    return 0


def compile_all() -> int:
    for locale in LOCALES:
        catalogue = read(locale)
        if catalogue is None:
            print(f"{po(locale).relative_to(ROOT)} is missing: bin/_translations.py update", file=sys.stderr)
            return 1
        save(mo(locale), as_mo(catalogue))
    return 0


def check() -> int:
    sources = extracted()
    faults = [f"{po(locale).relative_to(ROOT)}: {fault}" for locale in LOCALES for fault in faults_of(locale, sources)]
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


def faults_of(locale: str, sources: Catalog) -> Iterator[str]:
    catalogue = read(locale)
    if catalogue is None:
        yield "missing: bin/_translations.py update"
        return
    for wanted in sources:
        if not wanted.id:
            continue
        message = catalogue.get(wanted.id, wanted.context)
        if message is None or not translated(message):
            yield f"missing: {id_of(wanted)}"
        elif message.fuzzy:
            yield f"fuzzy: {id_of(message)}"
        else:
            yield from (f"wrong: {id_of(message)}: {error}" for error in message.check(catalogue))
    kept = [*catalogue.obsolete.values(), *(m for m in catalogue if m.id and not sources.get(m.id, m.context))]
    yield from (f"obsolete: {id_of(message)}" for message in kept)
    if not mo(locale).exists() or mo(locale).read_bytes() != as_mo(catalogue):
        yield "messages.mo is another: bin/_translations.py compile"


def extracted() -> Catalog:
    """What the sources say, by babel.cfg."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, choices = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]
    catalogue = Catalog(fuzzy=False)
    found = extract_from_dir(ROOT, methods, choices, KEYWORDS, comment_tags=("NOTE:",), strip_comment_tags=True)
    for _, _, text, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalogue.add(text, auto_comments=comments, context=context)
    return catalogue


def po(locale: str) -> Path:
    return TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"


def mo(locale: str) -> Path:
    return po(locale).with_suffix(".mo")


def read(locale: str) -> Catalog | None:
    if not po(locale).exists():
        return None
    with po(locale).open("rb") as file:
        return read_po(file, locale=locale)


def new(locale: str) -> Catalog:
    head = f"# The texts of Redress in {locale}. Keep it by bin/_translations.py."
    team = f"{locale} <complaints@example.org>"
    return Catalog(
        locale,
        project="Redress",
        version="0",
        header_comment=head,
        language_team=team,
        last_translator=team,
        fuzzy=False,
    )


def save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def as_po(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return buffer.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def translated(message: Message) -> bool:
    """Also when only one of the plural forms is there, it is not."""
    return all(message.string) if isinstance(message.string, list | tuple) else bool(message.string)


def id_of(message: Message) -> str:
    return repr(message.id if isinstance(message.id, str) else message.id[0])


if __name__ == "__main__":
    sys.exit(main())
