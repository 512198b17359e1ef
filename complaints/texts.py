"""Texts that people type, as they are kept."""

import unicodedata


def clean(typed: str, *, lines: bool) -> str:
    """Text without control characters, trimmed; on one line unless it may have more."""
    text = typed.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return text.strip() if lines else " ".join(text.split())
