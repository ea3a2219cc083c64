"""``optimize_for_mobile``, entered so that it computes what the model computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils import mobile_optimizer

from ptmobile.errors import ImpossibleError


def optimise(
    captured: torch.jit.ScriptModule, methods: Sequence[str], left_out: Sequence[str], *, freeze: bool
) -> torch.jit.ScriptModule:
    """The optimised module, with these methods besides forward, made without the passes that are left out.

    ``freeze`` is for all but freshly scripted modules: for what was, or may have been, traced. Without it, the fold of
    Conv2d(bias=False) + BatchNorm2d inside ``optimize_for_mobile`` silently computes wrong numbers from torch 1.11 on
    (pytorch/pytorch issues 76431, 116515 and 133840 show it); frozen, the BatchNorm is folded before that pass can meet
    it.

    Raises:
        ImpossibleError: a method to preserve does not exist.
        RuntimeError: whatever the passes raise.
    """
    _check_methods(captured, methods)
    preserved = [name for name in methods if name != "forward"]
    if freeze:
        fold = "CONV_BN_FUSION" not in left_out
        captured = torch.jit.freeze(captured, preserved_attrs=[*preserved, *_bundled(captured)], optimize_numerics=fold)
    blocklist: set[Any] = {getattr(mobile_optimizer.MobileOptimizerType, name) for name in left_out}
    # The annotations of torch are narrower than its code: names of methods are what it wants.
    optimised: torch.jit.ScriptModule = mobile_optimizer.optimize_for_mobile(
        captured, optimization_blocklist=blocklist, preserved_methods=preserved or None
    )
    return optimised


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
