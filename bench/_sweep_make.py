"""From a model to the file of one variant, by the steps of a run: capture, lower, optimise, save, backport."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import torch
from _sweep_compare import Inputs
from _sweep_records import Capture, Variant
from _zoo import OneImage

from ptmobile.editions import PRODUCED_BYTECODE
from ptmobile.worker.lowering import lower
from ptmobile.worker.lowering.releases import target_for
from ptmobile.worker.stages.backporting import backport
from ptmobile.worker.stages.optimizing import freeze, optimise
from ptmobile.worker.stages.saving import prepare_to_save, save_lite

MESSAGE_LENGTH = 1500
#: The bytecode of the file that is made for a release; for the others, what torch writes.
BYTECODE = {"1.9.0": 5}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What making a file gave: the file, or at which step and why not."""

    file: str = ""
    changes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    problem: str = ""


def capture_model(model: torch.nn.Module, capture: Capture, trial: Inputs) -> torch.jit.ScriptModule:
    """The model in TorchScript.

    Raises:
        Exception: whatever torch raises for a model that it cannot capture.
    """
    with torch.no_grad():
        if capture == "script":
            # A detector itself takes lists of images; what stands around it is for tracing.
            scripted: torch.jit.ScriptModule = torch.jit.script(
                model.detector if isinstance(model, OneImage) else model
            )
            return scripted
        # Not strict: the models for segmentation give dictionaries.
        traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            model, trial, check_trace=False, strict=False
        )
        return traced


def make_file(captured: torch.jit.ScriptModule, variant: Variant, folder: Path) -> Made:
    """Lower, optimise, save, backport: the steps of a run, in its order."""
    file, step = folder / "model.ptl", "lowering"
    changes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    try:
        bytecode, module = bytecode_of(variant.release), captured
        target = target_for(variant.release, bytecode)
        if target is not None:
            lowered = lower(captured, target)
            module, changes, left = lowered.module, lowered.changes, lowered.left
        if variant.form == "optimised":
            step = "optimising"
            module = optimise(freeze(module, (), ()) if variant.capture == "trace" else module, (), ())
        else:
            prepare_to_save(module)
        step = "saving"
        save_lite(module, file)
        if bytecode != PRODUCED_BYTECODE:
            step = "backporting"
            file = backport(file, folder / "backported.ptl", bytecode).file
    except Exception as error:  # noqa: BLE001 - whatever torch raises is a finding
        return Made(changes=changes, left=left, problem=f"{step}: {short(error)}")
    return Made(file=str(file), changes=changes, left=left)


def bytecode_of(release: str) -> int:
    """The bytecode of a release's file."""
    return BYTECODE.get(release, PRODUCED_BYTECODE)


def essence(message: str) -> str:
    """An exception of the library without its C++ frames."""
    return " ".join(re.split("Exception raised from|Debug info for handle", message)[0].split()).strip(" ()")


def short(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {essence(str(error))}"[:MESSAGE_LENGTH]
