"""Numbers as people read them; between a number and its unit no line ends."""

from __future__ import annotations

import re

NO_BREAK = "\N{NO-BREAK SPACE}"


def short(value: float | None) -> str:
    """Three digits: ``1.23e-7``, ``0.5``, ``0``; a dash for no (finite) number."""
    if value is None:
        return "-"
    return re.sub(r"e([+-])0*(\d+)$", lambda e: f"e{'-' if e[1] == '-' else ''}{e[2]}", f"{value:.3g}")


def size(count: int) -> str:
    """Bytes in decimal units, as downloads are counted: ``13.9 MB``."""
    if count < 1000:
        return f"{count}{NO_BREAK}B"
    number = float(count)
    for unit in ("kB", "MB"):
        number /= 1000
        if round(number, 1) < 1000:
            return f"{number:.1f}{NO_BREAK}{unit}"
    return f"{number / 1000:.2f}{NO_BREAK}GB"


def seconds(value: float) -> str:
    """``1.24 s``."""
    return f"{value:.2f}{NO_BREAK}s"


def count(number: int, noun: str) -> str:
    """``1 model``, ``3 models``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
