"""The ``inputs`` option: its short forms, brought into one, and the checks that need no torch."""

from __future__ import annotations

from typing import Any

import msgspec

from ptmobile.spec.conversion import DTYPES, ExampleInput
from ptmobile.spec.problems import Problems, shown, suggestion

DATA_SUFFIXES = (".npy", ".npz", ".pt", ".pth")
# Lowest value, and the first one above the highest.
INTEGER_LIMITS = {
    "uint8": (0, 2**8),
    "int8": (-(2**7), 2**7),
    "int16": (-(2**15), 2**15),
    "int32": (-(2**31), 2**31),
    "int64": (-(2**63), 2**63),
}
# The largest finite values; a range twice as wide as these would overflow when values are drawn from it.
_FLOAT_LIMITS = {"float16": 65504.0, "bfloat16": 1.6e38, "float32": 1.7e38, "float64": 8.9e307}
_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(ExampleInput))


def normalise_inputs(value: Any, where: str, problems: Problems) -> tuple[ExampleInput, ...]:
    """Every entry as an :class:`ExampleInput`; problems are recorded with the number of the entry."""
    if isinstance(value, str | dict) or (isinstance(value, list) and value and all(_is_size(v) for v in value)):
        value = [value]  # one argument, written without the outer list
    if not isinstance(value, list):
        problems.add(where, f"given {shown(value)}; allowed: a list with one entry per argument of the model")
        return ()
    before = len(problems.found)
    entries = [_entry(item, f"{where}[{index}]", problems) for index, item in enumerate(value)]
    if len(problems.found) > before:
        return ()
    inputs = tuple(entry for entry in entries if entry is not None)
    _check_alternatives(inputs, where, problems)
    return inputs


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _entry(item: Any, where: str, problems: Problems) -> ExampleInput | None:
    if isinstance(item, list):
        item = {"shape": item}
    elif isinstance(item, str):
        item = {"file": item}
    if not isinstance(item, dict):
        problems.add(where, f"given {shown(item)}; allowed: a shape, a mapping, or the path of a data file")
        return None
    unknown = [key for key in item if key not in _KEYS]
    for key in unknown:
        near = suggestion(str(key), _KEYS)
        problems.add(where, f"has an unknown key {shown(key)}; allowed: {', '.join(_KEYS)}{near}")
    if unknown:
        return None
    return _convert(item, where, problems)


def _convert(item: dict[str, Any], where: str, problems: Problems) -> ExampleInput | None:
    dtype = item.get("dtype", "float32")
    if isinstance(dtype, str) and dtype.startswith("torch."):
        dtype = item["dtype"] = dtype.removeprefix("torch.")
    if dtype not in DTYPES:
        near = suggestion(str(dtype), DTYPES)
        problems.add(where, f"has dtype {shown(dtype)}; allowed: {', '.join(DTYPES)}{near}")
        return None
    try:
        entry = msgspec.convert(item, ExampleInput)
    except msgspec.ValidationError as error:
        problems.add(where, f"given {shown(item)}; {_reason(error)}")
        return None
    _check_entry(entry, where, problems)
    return entry


def _reason(error: msgspec.ValidationError) -> str:
    """``range[0]: expected float, got str`` out of msgspec's message."""
    text, _, place = str(error).replace("`", "").partition(" - at $")
    place = place.removeprefix(".")
    return f"{place}: {text[0].lower()}{text[1:]}" if place else text


def _check_entry(entry: ExampleInput, where: str, problems: Problems) -> None:
    sources = [name for name in ("shape", "shapes", "file") if getattr(entry, name) is not None]
    if len(sources) != 1:
        given = " and ".join(sources) or "none of them"
        problems.add(where, f"needs exactly one of shape, shapes and file; given: {given}")
    if entry.file is not None:
        if not entry.file.lower().endswith(DATA_SUFFIXES):
            problems.add(where, f"names {shown(entry.file)}; allowed: a file that ends in {', '.join(DATA_SUFFIXES)}")
        if entry.range is not None:
            problems.add(where, "has a range beside a data file; the values are those of the file")
    elif entry.key is not None:
        problems.add(where, "has a key but no file")
    if entry.range is not None:
        _check_range(entry, where, problems)


def _check_range(entry: ExampleInput, where: str, problems: Problems) -> None:
    low, high = entry.range or (0.0, 0.0)
    if entry.dtype == "bool":
        problems.add(where, "has a range for dtype bool, which needs none")
        return
    if not low < high:
        problems.add(where, f"has the range [{low:g}, {high:g}]; the first value must be below the second")
    limits = INTEGER_LIMITS.get(entry.dtype)
    if limits is None:
        largest = _FLOAT_LIMITS[entry.dtype]
        if max(abs(low), abs(high)) > largest:
            problems.add(where, f"has the range [{low:g}, {high:g}]; for {entry.dtype} at most ±{largest:g} is allowed")
    elif not (low.is_integer() and high.is_integer()):
        problems.add(where, f"has the range [{low:g}, {high:g}]; dtype {entry.dtype} needs whole numbers")
    elif low < limits[0] or high > limits[1]:
        problems.add(where, f"has the range [{low:g}, {high:g}]; {entry.dtype} holds {limits[0]} to {limits[1] - 1}")


def _check_alternatives(inputs: tuple[ExampleInput, ...], where: str, problems: Problems) -> None:
    """Alternatives of several arguments are taken together: the first of each, the second of each, ..."""
    counts = {len(entry.alternatives()) for entry in inputs if len(entry.alternatives()) > 1}
    if len(counts) > 1:
        listed = ", ".join(str(count) for count in sorted(counts))
        problems.add(where, f"has arguments with {listed} alternative shapes; all must have as many (or just one)")
