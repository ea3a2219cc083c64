"""``optimize_for_mobile``, entered so that it computes what the model computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils import mobile_optimizer

from ptmobile.errors import ImpossibleError


def freeze(module: torch.jit.ScriptModule, methods: Sequence[str], left_out: Sequence[str]) -> torch.jit.ScriptModule:
    """The module with its parameters as constants, all calls written out, and normalisations folded into convolutions.

    Needed before optimising for all but freshly scripted modules: for what was, or may have been, traced. Without it,
    the fold of Conv2d(bias=False) + BatchNorm2d inside ``optimize_for_mobile`` silently computes wrong numbers from
    torch 1.11 on (pytorch/pytorch issues 76431, 116515 and 133840 show it); frozen, the BatchNorm is folded before that
    pass can meet it.

    Raises:
        ImpossibleError: a method to preserve does not exist.
        RuntimeError: whatever the passes raise.
    """
    _check_methods(module, methods)
    kept = [*_preserved(methods), *_bundled(module)]
    return torch.jit.freeze(module, preserved_attrs=kept, optimize_numerics="CONV_BN_FUSION" not in left_out)


def optimise(module: torch.jit.ScriptModule, methods: Sequence[str], left_out: Sequence[str]) -> torch.jit.ScriptModule:
    """The optimised module, with these methods besides forward, made without the passes that are left out.

    Raises:
        ImpossibleError: a method to preserve does not exist.
        RuntimeError: whatever the passes raise.
    """
    _check_methods(module, methods)
    blocklist: set[Any] = {getattr(mobile_optimizer.MobileOptimizerType, name) for name in left_out}
    # The annotations of torch are narrower than its code: names of methods are what it wants.
    optimised: torch.jit.ScriptModule = mobile_optimizer.optimize_for_mobile(
        module, optimization_blocklist=blocklist, preserved_methods=_preserved(methods) or None
    )
    return optimised


def _preserved(methods: Sequence[str]) -> list[Any]:
    return [name for name in methods if name != "forward"]


def _check_methods(module: torch.jit.ScriptModule, names: Sequence[str]) -> None:
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise ImpossibleError(
            f"The model has no method {', '.join(missing)} to preserve.",
            advice="Mark it with @torch.jit.export; traced models keep forward only, so use method script.",
        )


def _bundled(module: torch.jit.ScriptModule) -> list[str]:
    """What bundling inputs has added to a module, and freezing must not remove."""
    names = (
        "get_all_bundled_inputs",
        "get_num_bundled_inputs",
        "get_all_bundled_inputs_for_forward",
        "get_bundled_inputs_functions_and_info",
        "_bundled_inputs_deflated_forward",
    )
    return [name for name in names if hasattr(module, name)]
