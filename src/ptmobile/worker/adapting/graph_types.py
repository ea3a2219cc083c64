"""Types in TorchScript graphs: what they are made of, what they are called, and which no file can have."""

from __future__ import annotations

import re
from typing import Any, Final

from ptmobile.errors import ConvertError

_ADVICE: Final = (
    "Let forward keep its values in tuples, lists or dicts instead; or ship the trace (method trace), in which no "
    "object is left."
)


def refusal(kind: Any, why: str) -> ConvertError:
    """What to say of a class that no file can have."""
    return refusal_of(class_name(kind), why)


def refusal_of(name: str, why: str) -> ConvertError:
    """The same by the name of the class."""
    return ConvertError(f"Scripted, the model uses objects of {name}, which no file can have: {why}.", advice=_ADVICE)


def class_name(kind: Any) -> str:
    """The name of a TorchScript class as its author knows it."""
    return readable(kind.annotation_str)


def readable(name: str) -> str:
    """A name without what TorchScript puts into it."""
    return re.sub(r"__torch__\.|___torch_mangle_\d+\.", "", name)


def parts_of_type(kind: Any) -> list[Any]:
    """The types that a type of containers is made of: items, keys and values, what is optional."""
    what = kind.kind()
    if what == "TupleType":
        return list(kind.elements())
    if what == "DictType":
        return [kind.getKeyType(), kind.getValueType()]
    return [kind.getElementType()] if what in ("ListType", "OptionalType") else []


def is_named_tuple(kind: Any) -> bool:
    """Whether a type is that of a named tuple."""
    return kind.kind() == "TupleType" and not kind.annotation_str.startswith("Tuple[")


def has_named_tuple(kind: Any) -> bool:
    """Whether a type has to do with named tuples."""
    return is_named_tuple(kind) or any(map(has_named_tuple, parts_of_type(kind)))
