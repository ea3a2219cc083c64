"""What a worker found about one model: plain data that travels as JSON and can be judged without torch.

Every text in here may come from the model's own code: it is escaped wherever it is shown.
"""

from ptmobile.result.base import METHODS, Method, Name, Record, Text, variant_key
from ptmobile.result.comparisons import (
    Comparison,
    Finding,
    FindingKind,
    Located,
    OutputComparison,
    OutputProof,
    Proof,
    Values,
)
from ptmobile.result.devices import DeviceStatus, DeviceVerdict, Evidence, TableAnswer
from ptmobile.result.evidence import Decision, Latency, NoiseFloor, OutputNoise, Timing
from ptmobile.result.files import Adaptation, AdaptedInput, AdaptedOutput, RepairCost, TriedBuild, WorkerFile
from ptmobile.result.model import Environment, Mode, ModelResult, Sharper
from ptmobile.result.stages import ASIDES, Aside, Failure, FailureKind, Notice, Problem, Stage, StageName, StageStatus
from ptmobile.result.trials import OutputCard, Trial

__all__ = [
    "ASIDES",
    "METHODS",
    "Adaptation",
    "AdaptedInput",
    "AdaptedOutput",
    "Aside",
    "Comparison",
    "Decision",
    "DeviceStatus",
    "DeviceVerdict",
    "Environment",
    "Evidence",
    "Failure",
    "FailureKind",
    "Finding",
    "FindingKind",
    "Latency",
    "Located",
    "Method",
    "Mode",
    "ModelResult",
    "Name",
    "NoiseFloor",
    "Notice",
    "OutputCard",
    "OutputComparison",
    "OutputNoise",
    "OutputProof",
    "Problem",
    "Proof",
    "Record",
    "RepairCost",
    "Sharper",
    "Stage",
    "StageName",
    "StageStatus",
    "TableAnswer",
    "Text",
    "Timing",
    "Trial",
    "TriedBuild",
    "Values",
    "WorkerFile",
    "variant_key",
]
