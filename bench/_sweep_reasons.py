"""Why a variant is not right, in one sentence, and what would help; like cases come together by their message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from _sweep_records import Record

from ptmobile.explaining import explain


@dataclass(frozen=True)
class Reason:
    """A group of like cases. ``name`` is the message that they have in common."""

    name: str
    why: str
    help: str


_X86_64_ALONE = Reason(
    "wrong numbers on x86_64, right ones on arm64-v8a",
    "The x86_64 library's convolution of 1x1 on fewer than 4 pixels (in squeeze-and-excitation, after global pooling) "
    "gives garbage unless it is prepacked; phones are not affected.",
    "Optimise: that prepacks it. Only emulators and Chromebooks are concerned.",
)
_BOTH = Reason("wrong numbers on x86_64 and on arm64-v8a", "Not explained yet.", "")
_UNDECIDED = Reason("wrong numbers on x86_64, arm64-v8a not asked", "The phones' library did not get to it.", "")
_NAMED_TUPLE = Reason(
    "Error when parsing type ...[NamedTuple, ...]",
    "The scripted model returns a NamedTuple of its own, a type that this release cannot read from a file.",
    "Trace it, since a trace returns a plain tuple; or return a tuple.",
)
_ENDLESS = Reason(
    "making the file takes too long",
    "Scripted quantised layers carry every padding mode in branches that are never taken; written out for the old "
    "release and not frozen, they make a graph on which torch's backport does not come to an end.",
    "Trace, or optimise: either drops these branches.",
)


def reason_of(record: Record) -> Reason:
    """The group of a record that is not right."""
    message = record.message
    if record.outcome == "wrong" and not message:
        if record.arm64 is None or record.arm64.outcome not in ("right", "wrong"):
            return _UNDECIDED
        return _X86_64_ALONE if record.arm64.outcome == "right" else _BOTH
    if record.outcome == "refused" and re.search(r"Error when parsing type .*NamedTuple", message):
        return _NAMED_TUPLE
    if record.outcome == "too slow" and message.startswith("make the file"):
        return _ENDLESS
    missing = operators_missing(message)
    if missing:
        named = ", ".join(missing)
        return _explained(f"operators not found: {named}", f"Following ops cannot be found: [{named}]", record)
    return _explained(_head(record), message, record)


def operators_missing(message: str) -> tuple[str, ...]:
    """The operators that a library says it lacks: 1.9.0 names all of a file at once, 1.12.2 the first."""
    if "ops cannot be found" not in message:
        return ()
    return tuple(sorted(set(re.findall(r"[a-z_]+::[\w.]+", message))))


def _explained(name: str, message: str, record: Record) -> Reason:
    stage = {"not captured": "traced", "not made": "saved"}.get(record.outcome, "device")
    found = explain(message, stage=stage)
    return Reason(name, found.cause, found.remedy) if found else Reason(name, "Not explained yet.", "")


def _head(record: Record) -> str:
    """The beginning of a message, without numbers and addresses, which differ from model to model."""
    return re.sub(r"0x[0-9a-f]+|\d+(\.\d+)?", "N", record.message or record.outcome)[:160]
