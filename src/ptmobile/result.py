"""What a worker found about one model: plain data that travels as JSON and can be judged without torch.

Every text in here may come from the model's own code: it is escaped wherever it is shown.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ptmobile.app_card import AppCard

Text = Annotated[str, Meta(max_length=20_000)]
Name = Annotated[str, Meta(max_length=300)]
Method = Literal["trace", "script"]
METHODS: tuple[Method, ...] = ("trace", "script")
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
]
#: Stages beside the roads, each in a process of its own; no file depends on them.
Aside = Literal["float64", "timed"]
ASIDES: tuple[Aside, ...] = ("float64", "timed")
StageStatus = Literal["passed", "failed", "crashed", "skipped"]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Base of everything in a result: immutable, keyword-only, strict when parsed."""


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


class Located(Record, frozen=True, kw_only=True):
    """The element with the largest violation: its index in the tensor and both values."""

    index: tuple[int, ...]
    expected: Name
    actual: Name


class Values(Record, frozen=True, kw_only=True):
    """How far the values of one output differ. Absolute numbers are in the output's own unit.

    ``mismatched``, ``total``, ``cosine`` and ``snr_db`` are over all trials; the rest is from the ``trial`` that says
    most against the candidate: one with a value beyond the tolerance, then the one with the largest part of its scale.
    ``required_atol`` is the smallest absolute tolerance that would pass at the applied ``rtol``; ``required_rtol`` the
    smallest relative one at the applied ``atol``. None stands for a number that is not finite, or that does not exist.
    """

    mismatched: int
    total: int
    max_abs: float | None
    max_rel: float | None
    rtol: float
    atol: float
    required_atol: float | None
    required_rtol: float | None
    scale: float | None
    cosine: float | None = None
    snr_db: float | None = None
    at: Located | None = None
    trial: int | None = None


#: ``rows``: what became of the rows of outputs that differ, such as the boxes of a detector; a cause, never a failure.
FindingKind = Literal["container", "shape", "dtype", "memory-format", "nan", "value", "rows", "error"]


class Finding(Record, frozen=True, kw_only=True):
    """One difference between two variants, at one output."""

    kind: FindingKind
    output: Name
    trial: int | None = None
    message: Text
    fails: bool = True


class OutputComparison(Record, frozen=True, kw_only=True):
    """One output (a leaf of the output tree, such as ``out['aux'][0]``) over all trials."""

    output: Name
    equal: bool
    passed: bool
    values: Values | None = None


class Comparison(Record, frozen=True, kw_only=True):
    """A candidate variant judged against a reference variant over all trials.

    ``decides``: the pair lies on the road of the shipped file, so that its failure is the model's failure.
    """

    reference: Name
    candidate: Name
    owed: Literal["exact", "close"]
    decides: bool
    passed: bool
    equal: bool
    trials: int
    outputs: tuple[OutputComparison, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def max_abs(self) -> float | None:
        """Largest absolute difference over all outputs; None where values were not compared."""
        known = [o.values.max_abs for o in self.outputs if o.values is not None]
        return max((value for value in known if value is not None), default=None)


class OutputProof(Record, frozen=True, kw_only=True):
    """How far one output of the file is from the reference, in the output's own unit, and what that is measured by.

    The numbers are those of :class:`Values`, of the ``trial`` that says most against the file; without ``rtol`` and
    ``atol`` no values were compared. ``own_error`` is the model's own rounding error there (see :class:`NoiseFloor`),
    and ``multiple`` how many times that ``max_abs`` is. None stands for what is not known or not finite.
    """

    output: Name
    equal: bool
    passed: bool
    trial: int | None = None
    max_abs: float | None = None
    max_rel: float | None = None
    rtol: float | None = None
    atol: float | None = None
    scale: float | None = None
    own_error: float | None = None
    multiple: float | None = None


class Proof(Record, frozen=True, kw_only=True):
    """Which of the comparisons is the proof of the main file, and what it says of each output."""

    reference: Name
    candidate: Name
    passed: bool
    outputs: tuple[OutputProof, ...] = ()


class Trial(Record, frozen=True, kw_only=True):
    """One set of inputs: its number, the seed it was drawn with, and each argument in words.

    ``distribution`` is how they were drawn, empty where nothing was. ``repeats`` is the number of the trial that has
    the same inputs: so every variant runs three times at least on each shape.
    """

    number: int
    seed: int | None
    arguments: tuple[Name, ...]
    distribution: Name = ""
    repeats: int | None = None


class OutputCard(Record, frozen=True, kw_only=True):
    """One output as the eager model gives it: what an app has to expect."""

    output: Name
    kind: Name
    dtype: Name = ""
    shape: tuple[int, ...] = ()
    memory_format: Name = ""


class OutputNoise(Record, frozen=True, kw_only=True):
    """What error one output of the eager model has by itself, in the output's own unit.

    ``max_abs``: eager in float32 against eager in float64, its largest difference; ``relative`` to the output's largest
    value. ``conversion``: the largest difference of the file from eager, and ``multiple`` how many times ``max_abs``
    that is. All these are of one ``trial``, that in which the file is worst. ``jitter``: the largest difference between
    two eager runs with the same input and the same random state. None stands for a number that is not finite, or does
    not exist; ``note`` says why.
    """

    output: Name
    trial: int | None = None
    max_abs: float | None = None
    relative: float | None = None
    conversion: float | None = None
    multiple: float | None = None
    jitter: float | None = None
    note: Text = ""


class NoiseFloor(Record, frozen=True, kw_only=True):
    """The errors that the eager model has before anything is converted.

    ``trials``: on how many inputs it was run in float64. ``reason``: why there are no ``outputs``. ``jitter``: the
    largest one of all outputs; None if it is not known.
    """

    trials: int = 0
    outputs: tuple[OutputNoise, ...] = ()
    reason: Text = ""
    jitter: float | None = None


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

    ``ratio`` is that as a multiple of the eager model's, taken in turn with it; those of an app's library are of its
    stage.
    """

    variant: Name
    seconds: float
    runs: int
    ratio: float | None = None


class Timing(Record, frozen=True, kw_only=True):
    """Latencies taken in turn in one process by one thread, on one input. They say nothing about a device.

    The eager model comes first, then the main file. ``ratio``: of the main file to the eager model. ``warm``: each
    variant had run before.
    """

    latencies: tuple[Latency, ...]
    trial: int
    ratio: float | None = None
    warm: bool = True


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


class Environment(Record, frozen=True, kw_only=True):
    """The worker's libraries."""

    python: Name
    torch: Name
    torchvision: Name
    numpy: Name
    machine: Name
    xnnpack: bool


FailureKind = Literal["load", "convert", "mismatch", "nondeterministic", "runtime"]


class Failure(Record, frozen=True, kw_only=True):
    """Why there is no file to ship."""

    kind: FailureKind
    stage: Name
    problem: Problem


DeviceStatus = Literal["right", "ran", "wrong", "failed", "not-run"]
#: How something about a runtime is known; the same words as in :mod:`ptmobile.runtimes.limits`.
Evidence = Literal["run", "asked", "desktop", "inferred"]


class TableAnswer(Record, frozen=True, kw_only=True):
    """What is known of a release without running it, and what that says about a file; ``runs`` is never yes."""

    loads: Literal["yes", "no", "unknown"]
    loads_evidence: Evidence
    runs: Literal["no", "unknown"]
    runs_evidence: Evidence | None = None
    reasons: tuple[Text, ...] = ()
    advice: Text = ""

    @property
    def refusal(self) -> Evidence | None:
        """How it is known that the file does not work there; None if nothing says so."""
        return self.loads_evidence if self.loads == "no" else self.runs_evidence if self.runs == "no" else None


class DeviceVerdict(Record, frozen=True, kw_only=True):
    """What the phone's own library made of a file: one release, one ABI, one edition of the file.

    ``right``: it loaded the file, ran it on every trial and gave the model's numbers. ``ran``: it did, but there was
    nothing to compare with. ``wrong``: it gave others. ``failed``: it did not load or run it. ``not-run``: the library
    could not be run here, which says nothing about the file; then ``tables`` say what is known otherwise. ``emulated``:
    the CPU was. ``decides``: an app declares the release, or it was asked for. ``page_bytes``: the largest page size of
    a device that can load the library.
    """

    release: Name
    abi: Name
    edition: Name = ""
    found: Name = ""
    decides: bool = True
    emulated: bool = False
    status: DeviceStatus
    message: Text = ""
    max_abs: float | None = None
    seconds: float = 0.0
    tables: TableAnswer | None = None
    page_bytes: int | None = None


class Sharper(Record, frozen=True, kw_only=True):
    """A second comparison, in which ``changed`` untrained weights and statistics had values that show errors.

    ``devices``: what the apps' libraries made of its files, which are not shipped. ``attempts``: what was built with
    them where the file's own build did not verify. ``not-run``: there was nothing to
    change, or it did not come to a comparison; ``failure`` says why.
    """

    status: Literal["passed", "failed", "not-run"]
    changed: int
    comparisons: tuple[Comparison, ...] = ()
    devices: tuple[DeviceVerdict, ...] = ()
    failure: Failure | None = None
    attempts: tuple[TriedBuild, ...] = ()
    seconds: float = 0.0


Mode = Literal["convert", "check", "verify"]


class ModelResult(Record, frozen=True, kw_only=True):
    """Everything that was found about one model. ``editions`` are its files for older releases, beside the main one.
    ``adapted`` says how their inputs and outputs differ in form from the model's; None where they do not. ``app`` is
    what an app has to give the main file and gets from it; None if no file was run. ``proof`` is None if no file was
    compared.
    ``attempts`` are the builds that were tried where the one that was asked for did not verify.
    ``noise``, ``timing`` and ``repair_cost`` are None where nothing was measured, ``repair_cost`` also where the file
    is the one asked for.

    In mode ``check`` the model is a file that was there before, and nothing is made of it.
    """

    mode: Mode = "convert"
    stages: tuple[Stage, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    proof: Proof | None = None
    notices: tuple[Notice, ...] = ()
    trials: tuple[Trial, ...] = ()
    outputs: tuple[OutputCard, ...] = ()
    devices: tuple[DeviceVerdict, ...] = ()
    deterministic: bool | None = None
    file: WorkerFile | None = None
    editions: tuple[WorkerFile, ...] = ()
    adapted: Adaptation | None = None
    app: AppCard | None = None
    noise: NoiseFloor | None = None
    decisions: tuple[Decision, ...] = ()
    timing: Timing | None = None
    repair_cost: RepairCost | None = None
    attempts: tuple[TriedBuild, ...] = ()
    choice: Text = ""
    failure: Failure | None = None
    sharper: Sharper | None = None
    environment: Environment | None = None
    seconds: float = 0.0
    peak_memory_bytes: int | None = None


def variant_key(name: str, method: str | None, target: str = "") -> str:
    """Name of a variant within a model: ``optimised (trace)``, ``device 1.12.2 x86_64 (trace)``.

    Variants of only one kind go by their own name.
    """
    full = f"{name} {target}" if target else name
    return f"{full} ({method})" if method and name not in ("traced", "scripted") else full
