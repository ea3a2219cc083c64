"""Numbers as people read them."""

from __future__ import annotations


def short(value: float | None) -> str:
    """Three digits: ``1.23e-07``, ``0.5``, ``0``; a dash for no (finite) number."""
    return "-" if value is None else f"{value:.3g}"


def size(count: int) -> str:
    """Bytes in decimal units, as downloads are counted: ``13.9 MB``."""
    if count < 1000:
        return f"{count} B"
    number = float(count)
    for unit in ("kB", "MB"):
        number /= 1000
        if number < 1000:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.2f} GB"


def seconds(value: float) -> str:
    """``1.24 s``."""
    return f"{value:.2f} s"
