"""What the tracer warns of, after all errors: they may stand in one log."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

TRACER_WARNINGS: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="trace-random",
        says="Trace had nondeterministic nodes. Did you forget call .eval() on your model?",
        patterns=(r"Trace had nondeterministic nodes",),
        stages=("traced",),
        cause="The model draws random numbers while it runs, usually because dropout is active in training mode.",
        remedy="Call model.eval() before tracing (ptmobile does); take noise out of forward for inference.",
        source=("torch/jit/_trace.py", "pytorch/pytorch#73353", "pytorch/pytorch#71929"),
        example=(
            "Trace had nondeterministic nodes. Did you forget call .eval() on your model? Nodes: %9 : Float(2, 4) "
            "= aten::rand_like(%x, %4, %5, %6, %7, %8)"
        ),
    ),
    KnownError(
        id="tracer-warning-branch",
        says="Converting a tensor to a Python boolean might cause the trace to be incorrect",
        patterns=(r"Converting a tensor to a Python boolean might cause",),
        stages=("traced",),
        cause="A branch depends on a value: the trace keeps the way that the example input took, for every input.",
        remedy=(
            "Use `method: script`, or torch.where instead of `if`. A check of arguments only is harmless; other "
            "values in `inputs` show which it is."
        ),
        source=("torch/csrc/jit/frontend/tracer.cpp", "pytorch/pytorch#38472", "pytorch/pytorch#59530"),
        example=(
            "TracerWarning: Converting a tensor to a Python boolean might cause the trace to be incorrect. We "
            "can't record the data flow of Python values, so this value will be treated as a constant in the "
            "future."
        ),
    ),
    KnownError(
        id="tracer-warning-number",
        says="Converting a tensor to a Python integer might cause the trace to be incorrect",
        patterns=(
            r"Converting a tensor to a Python (?:integer|float|number|index) might cause",
            r"Using len to get tensor shape might cause",
        ),
        stages=("traced",),
        cause="A number that was computed from a tensor, often a size, is a constant in the trace.",
        remedy=(
            "Write x.shape[0] without int() or len(); or use `method: script`. Give `shapes` with alternatives in "
            "`inputs`: they show whether it matters."
        ),
        source=("torch/csrc/jit/frontend/tracer.cpp", "pytorch/pytorch#38472", "pytorch/pytorch#59530"),
        example=(
            "TracerWarning: Converting a tensor to a Python integer might cause the trace to be incorrect. We "
            "can't record the data flow of Python values, so this value will be treated as a constant in the "
            "future."
        ),
    ),
    KnownError(
        id="tracer-warning-loop",
        says="Iterating over a tensor might cause the trace to be incorrect",
        patterns=(r"Iterating over a tensor might cause the trace to be incorrect",),
        stages=("traced",),
        cause="A loop runs over a tensor: the trace has as many rounds as the example input had rows.",
        remedy="Use `method: script`, or an operation on the whole tensor.",
        source=("torch/_tensor.py", "pytorch/pytorch#38472"),
        example=(
            "TracerWarning: Iterating over a tensor might cause the trace to be incorrect. Passing a tensor of "
            "different shape won't change the number of iterations executed (and might lead to errors or silently "
            "give incorrect results)."
        ),
    ),
    KnownError(
        id="tracer-warning-numpy",
        says="Converting a tensor to a NumPy array might cause the trace to be incorrect",
        patterns=(r"Converting a tensor to a NumPy array might cause",),
        stages=("traced",),
        cause=(
            "forward computes with NumPy, which a trace does not see: the result is a constant of the example input."
        ),
        remedy="Use the operations of torch in forward.",
        source=("torch/csrc/jit/frontend/tracer.cpp",),
        example=(
            "TracerWarning: Converting a tensor to a NumPy array might cause the trace to be incorrect. We can't "
            "record the data flow of Python values, so this value will be treated as a constant in the future."
        ),
    ),
    KnownError(
        id="tracer-warning-constant",
        says="torch.tensor results are registered as constants in the trace",
        patterns=(r"results are registered as constants in the trace",),
        stages=("traced",),
        cause="A tensor is made from a Python or NumPy value in forward: in the trace it is a constant.",
        remedy=(
            "That is right for constants. For a value that depends on the input use x.clone(), x.to(...) or torch.full."
        ),
        source=("torch/csrc/jit/frontend/tracer.cpp",),
        example=(
            "TracerWarning: torch.tensor results are registered as constants in the trace. You can safely ignore "
            "this warning if you use this function to create tensors out of constant variables that would be the "
            "same every time you call this function."
        ),
    ),
)
