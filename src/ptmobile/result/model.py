"""Everything that was found about one model."""

from __future__ import annotations

from typing import Literal

from ptmobile.app_card import AppCard
from ptmobile.result.base import Name, Record, Text
from ptmobile.result.comparisons import Comparison, Proof
from ptmobile.result.devices import DeviceVerdict
from ptmobile.result.evidence import Decision, NoiseFloor, Timing
from ptmobile.result.files import Adaptation, RepairCost, TriedBuild, WorkerFile
from ptmobile.result.stages import Failure, Notice, Stage
from ptmobile.result.trials import OutputCard, Trial


class Sharper(Record, frozen=True, kw_only=True):
    """A second comparison, in which ``changed`` untrained weights and statistics had values that show errors.

    ``devices``: what the apps' libraries made of its files, which are not shipped. ``attempts``: what was built with
    them where the file's own build did not verify. Left as they are: ``kept`` weights and statistics that look trained,
    the statistics of modules ``unreached``, through which no numbers came, and ``constants`` of TorchScript code.
    ``not-run``: there was nothing to change, or it did not come to a comparison; ``failure`` says why.
    """

    status: Literal["passed", "failed", "not-run"]
    changed: int
    kept: int = 0
    unreached: tuple[Name, ...] = ()
    constants: int = 0
    comparisons: tuple[Comparison, ...] = ()
    devices: tuple[DeviceVerdict, ...] = ()
    failure: Failure | None = None
    attempts: tuple[TriedBuild, ...] = ()
    seconds: float = 0.0


class Environment(Record, frozen=True, kw_only=True):
    """The worker's libraries."""

    python: Name
    torch: Name
    torchvision: Name
    numpy: Name
    machine: Name
    xnnpack: bool


Mode = Literal["convert", "check", "verify"]


class ModelResult(Record, frozen=True, kw_only=True):
    """Everything that was found about one model.

    ``editions`` are its files for older releases, beside the main one. ``adapted`` says how their inputs and outputs
    differ in form from the model's; None where they do not. ``app`` is what an app has to give the main file and gets
    from it; None if no file was run. ``proof`` is None if no file was compared. ``attempts`` are the builds that were
    tried where the one that was asked for did not verify. ``noise``, ``timing`` and ``repair_cost`` are None where
    nothing was measured, ``repair_cost`` also where the file is the one asked for.

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
