"""Sizes and percentages as people write them: ``12MB``, ``1.5 MiB``, ``5%``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

#: What the texts may look like, in words for messages and documentation.
SIZES: Final = "a size such as 12MB, 1.5 MiB or 900000 (bytes)"
PERCENTAGES: Final = "a percentage such as 5% or 0.5"

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]{0,3})", re.ASCII | re.IGNORECASE)
_PERCENTAGE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%?", re.ASCII)


def parse_size(text: str) -> int:
    """A size in bytes; parts of a byte are dropped.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(SIZES)
    return int(Decimal(match[1]) * factor)


def parse_percentage(text: str) -> Decimal:
    """A percentage: 5 stands for five in a hundred.

    Raises:
        ValueError: it is no percentage, or a negative one.
    """
    match = _PERCENTAGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(PERCENTAGES)
    return Decimal(match[1])
