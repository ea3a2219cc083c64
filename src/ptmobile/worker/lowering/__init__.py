"""Lowering: a TorchScript module rewritten so that an old runtime has every operator that it calls.

Newer PyTorch writes operators that older runtimes lack, know with other arguments, or understand differently, although
they have all that is needed to compute the same. What is rewritten is listed in `catalogue.py`; the expressions
themselves are in `expressions/*.torchscript`. The algebra is exact; results differ by rounding at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ptmobile.worker.lowering.catalogue import REWRITES
from ptmobile.worker.lowering.copying import copy_with_functions
from ptmobile.worker.lowering.rewriting import Rewriting, lacking
from ptmobile.worker.lowering.target import Target

__all__ = ["Lowered", "Target", "lower"]


@dataclass(frozen=True)
class Lowered:
    """The outcome: the module, what was changed and what is left that the target cannot run, one sentence each.

    ``module`` is the very one given if nothing could or had to be changed.
    """

    module: torch.jit.ScriptModule
    changes: tuple[str, ...]
    left: tuple[str, ...]


def lower(module: torch.jit.ScriptModule, for_release: Target) -> Lowered:
    """Rewrite what ``for_release`` lacks, in a copy that shares the parameters and buffers of ``module``.

    To be called on a captured module, traced or scripted, before it is frozen, optimised or saved; calls of submodules
    stay calls, as the passes that follow need them. ``left`` speaks of the code as it stands: freezing may remove
    branches that are never taken, so what matters in the end is what the file contains.
    """
    before = lacking(module, for_release)
    if not before:
        return Lowered(module, (), ())
    copy, unit = copy_with_functions(module)
    rewriting = Rewriting(unit, for_release)
    rewriting.run()
    after = lacking(copy, for_release)
    gone = {name: count - after.get(name, (0, ""))[0] for name, (count, _) in before.items()}
    changes = tuple(
        _change(name, count, rewritten=name in rewriting.rewritten) for name, count in sorted(gone.items()) if count > 0
    )
    left = tuple(_left(name, *what, rewriting.refused.get(name)) for name, what in sorted(after.items()))
    return Lowered(copy if changes else module, changes, left)


def _change(operator: str, count: int, *, rewritten: bool) -> str:
    if rewritten:
        rewrite = REWRITES[operator]
        return f"{_calls(count)} of {rewrite.what} written with {rewrite.by}"
    return f"{_calls(count)} of {operator} left out: constant, or in a branch that is never taken"


def _left(operator: str, count: int, why: str, refused: str | None) -> str:
    return f"{_calls(count)} of {operator}: {why}" + (f"; {refused}" if refused else "")


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"
