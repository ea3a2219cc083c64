"""From a TorchScript module to the bytes of a ``.ptl`` file: the same bytes for the same model, anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch.utils import bundled_inputs

from ptmobile.litefile.repack import strip_records
from ptmobile.worker.inputs.examples import TrialInputs


def bundle(module: torch.jit.ScriptModule, first: TrialInputs) -> torch.jit.ScriptModule:
    """Store the inputs of the first trial in the module; must happen before it is optimised."""
    arguments = tuple(bundled_inputs.bundle_large_tensor(argument.clone()) for argument in first.arguments)
    bundled_inputs.augment_model_with_bundled_inputs(module, inputs=[arguments])
    return module


def prepare_to_save(module: torch.nn.Module) -> None:
    """To be called before the first run of a module that is saved as it is, without having been optimised.

    A run without specialisation caches the graph as it stands, and saving takes that: calls of submodules in it would
    lead nowhere, since the lite interpreter knows no methods of submodules. (Before ``optimize_for_mobile`` the calls
    must stay: its fold of convolution and batch normalisation needs them, and is wrong without.)
    """
    if isinstance(module, torch.jit.ScriptModule):
        torch._C._jit_pass_inline(module.graph)  # noqa: SLF001 - torch has no public name for it


def save_lite(module: torch.jit.ScriptModule, final: Path, extra_files: Mapping[str, str] | None = None) -> None:
    """Write the module for the lite interpreter, without debug records, and with these records in ``extra/``.

    Those carry absolute source paths (and so the user's name), differ from machine to machine, and make runtimes
    1.9 to 1.11 abort on backported files (pytorch/pytorch issue 82312).
    """
    raw = final.parent / "raw" / final.name
    raw.parent.mkdir(parents=True)
    try:
        module._save_for_lite_interpreter(str(raw), _extra_files=dict(extra_files or {}))  # noqa: SLF001 - torch's only way to save it
        strip_records(raw, final)
    finally:
        raw.unlink(missing_ok=True)  # also on a full disk, where others need the room
