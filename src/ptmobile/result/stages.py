"""The stages of a conversion: how each went, what else was noticed, and why there is no file."""

from __future__ import annotations

from typing import Literal

from ptmobile.result.base import Method, Name, Record, Text, variant_key

StageName = Literal[
    "packages",
    "load",
    "inputs",
    "eager",
    "traced",
    "scripted",
    "lowered",
    "frozen",
    "optimised",
    "saved",
    "lite",
    "backported",
    "device",
    "float64",
    "timed",
    "sensitive",
]
#: Stages beside the roads, each in a process of its own; no file depends on them.
Aside = Literal["float64", "timed"]
ASIDES: tuple[Aside, ...] = ("float64", "timed")
StageStatus = Literal["passed", "failed", "crashed", "skipped"]


class Problem(Record, frozen=True, kw_only=True):
    """Why a stage failed: what happened, where in the user's code, and what to do.

    ``final``: what was asked for is impossible, so that no other way of building the file helps.
    """

    title: Name
    message: Text
    location: Name = ""
    advice: Text = ""
    final: bool = False


class Notice(Record, frozen=True, kw_only=True):
    """Something the user should know; a warning weakens the proof, a notice does not."""

    level: Literal["notice", "warning"]
    code: Name
    message: Text


class Stage(Record, frozen=True, kw_only=True):
    """One step of the conversion and how it went.

    ``method`` is the road it belongs to, if it belongs to one; ``target`` the library that it ran in (release and ABI)
    and the edition of the file, if it is not the main one. ``notes`` say what it did, where that is worth telling.
    """

    name: StageName
    method: Method | None = None
    target: Name = ""
    status: StageStatus
    seconds: float = 0.0
    problem: Problem | None = None
    notes: tuple[Text, ...] = ()

    @property
    def key(self) -> str:
        """Unique name within a model, such as ``optimised (trace)``."""
        return variant_key(self.name, self.method, self.target)


FailureKind = Literal["load", "convert", "mismatch", "nondeterministic", "runtime"]


class Failure(Record, frozen=True, kw_only=True):
    """Why there is no file to ship."""

    kind: FailureKind
    stage: Name
    problem: Problem
