"""What the agreement is worth: the model's own error, its choices, and how long it takes."""

from __future__ import annotations

from ptmobile.result.base import Name, Record, Text


class OutputNoise(Record, frozen=True, kw_only=True):
    """What error one output of the eager model has by itself, in the output's own unit.

    ``max_abs``: eager in float32 against eager in float64, its largest difference; ``relative`` to the output's largest
    value. ``conversion``: the largest difference of the file from eager, and ``multiple`` how many times ``max_abs``
    that is. All these are of one ``trial``, that in which the file is worst. ``jitter``: the largest difference between
    two eager runs with the same input and the same random state, over all trials that were run twice, and
    ``jitter_multiple`` how many times the model's own error in that trial. None stands for a number that is not finite,
    or does not exist; ``note`` says why, or which rows of a detector the numbers are of.
    """

    output: Name
    trial: int | None = None
    max_abs: float | None = None
    relative: float | None = None
    conversion: float | None = None
    multiple: float | None = None
    jitter: float | None = None
    jitter_multiple: float | None = None
    note: Text = ""


class NoiseFloor(Record, frozen=True, kw_only=True):
    """The errors that the eager model has before anything is converted.

    ``trials``: on how many inputs it was run in float64. ``reason``: why there are no ``outputs``. ``jitter``: the
    largest one of all outputs, over ``jitter_trials`` inputs; None if it is not known.
    """

    trials: int = 0
    outputs: tuple[OutputNoise, ...] = ()
    reason: Text = ""
    jitter: float | None = None
    jitter_trials: int = 0


class Decision(Record, frozen=True, kw_only=True):
    """Whether the file chooses the classes that the eager model chooses, for one output read as scores of classes.

    ``rows`` is how many vectors of ``classes`` scores were compared over all trials; ``ties`` how many more there are
    whose highest score eager gives to two classes, which prove nothing. ``top1`` and ``top5`` count the rows that agree
    (``top5`` is None for five classes or fewer). ``margin`` (the gap between eager's highest score and the next) and
    ``difference`` (the largest of any score) are of the row whose choice is the least safe by their ratio; None stands
    for a number that is not finite. ``unstable``: rows whose margin is at most twice their own largest difference, so
    that it can change the choice. ``dense``: there is a choice at each position of an image or a sequence.
    """

    output: Name
    candidate: Name
    classes: int
    rows: int
    ties: int
    top1: int
    top5: int | None
    margin: float | None
    difference: float | None
    unstable: int
    dense: bool = False


class Latency(Record, frozen=True, kw_only=True):
    """How long one variant takes: the median of ``runs`` runs, in seconds, on this machine only.

    ``ratio`` is that as a multiple of the eager model's. ``apart``: it was not taken in turn with the eager model, but
    in a process of its own at another time, that of its stage (a library); the machine may have been busier then.
    """

    variant: Name
    seconds: float
    runs: int
    ratio: float | None = None
    apart: bool = False


class Timing(Record, frozen=True, kw_only=True):
    """Latencies on one input by one thread, in turn in one process (but for those ``apart``). They say nothing about a
    device.

    The eager model comes first, then the main file. ``ratio``: of the main file to the eager model. ``warm``: each
    variant had run before.
    """

    latencies: tuple[Latency, ...]
    trial: int
    ratio: float | None = None
    warm: bool = True
