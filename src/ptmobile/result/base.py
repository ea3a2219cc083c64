"""What all records of a result are made of."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=20_000)]
Name = Annotated[str, Meta(max_length=300)]
Method = Literal["trace", "script"]
METHODS: tuple[Method, ...] = ("trace", "script")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Base of everything in a result: immutable, keyword-only, strict when parsed."""


def variant_key(name: str, method: str | None, target: str = "") -> str:
    """Name of a variant within a model: ``optimised (trace)``, ``device 1.12.2 x86_64 (trace)``.

    Variants of only one kind go by their own name.
    """
    full = f"{name} {target}" if target else name
    return f"{full} ({method})" if method and name not in ("traced", "scripted") else full
