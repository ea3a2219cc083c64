"""The files that were made: their form, what was changed for it, and the builds that were tried."""

from __future__ import annotations

from ptmobile.result.base import Method, Name, Record, Text


class AdaptedOutput(Record, frozen=True, kw_only=True):
    """Where a value of the eager model's output is in what the file returns, such as ``out.boxes`` in ``out['boxes']``.

    ``position`` is empty for a value that the file does not return; ``note`` says why, or what is to be known of it.
    """

    output: Name
    position: Name = ""
    note: Text = ""


class AdaptedInput(Record, frozen=True, kw_only=True):
    """An argument of the eager model that is a list: the file takes its tensors as arguments of their own.

    ``positions`` are these arguments of the file, ``argument`` is that of the model; both count from 0.
    """

    argument: int
    positions: tuple[int, ...]


class Adaptation(Record, frozen=True, kw_only=True):
    """How the file's ``forward`` differs from the model's in form. ``returns`` is what the file returns, in words."""

    method: Method
    returns: Name = ""
    inputs: tuple[AdaptedInput, ...] = ()
    outputs: tuple[AdaptedOutput, ...] = ()
    notes: tuple[Text, ...] = ()


class WorkerFile(Record, frozen=True, kw_only=True):
    """A file that the worker left in its scratch folder.

    ``edition`` is empty for the main file. ``releases`` are those that it was made for. ``changes`` say what was
    rewritten for them, ``left`` what they lack all the same; ``remedy`` what was done otherwise than asked for.
    ``grown_bytes`` is what backporting added (or, negative, saved); None for a file that was not backported.
    ``sha256`` is that of the bytes that were run, in hexadecimal digits.
    """

    path: Name
    sha256: Name = ""
    method: Method
    optimised: bool
    verified: bool
    edition: Name = ""
    releases: tuple[Name, ...] = ()
    changes: tuple[Text, ...] = ()
    left: tuple[Text, ...] = ()
    remedy: Text = ""
    grown_bytes: int | None = None


class RepairCost(Record, frozen=True, kw_only=True):
    """What it costs that the main file is not the one asked for: its latency and size as multiples of that one's.

    ``latency_ratio`` is None where the file as asked for did not run, or was not timed; ``size_ratio`` where there is
    none.
    """

    latency_ratio: float | None = None
    size_ratio: float | None = None


class TriedBuild(Record, frozen=True, kw_only=True):
    """One of several ways in which a file was built, where the one that was asked for did not verify.

    ``target`` is that of its stages, empty for the first of the main file; ``what`` says how it was built. ``reason``:
    why its file is not shipped; empty for one that verified, also where another one that changes less was taken.
    """

    method: Method
    target: Name = ""
    what: Text
    verified: bool
    reason: Text = ""
