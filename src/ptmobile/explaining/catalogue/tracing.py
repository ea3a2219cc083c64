"""What torch.jit.trace refuses."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

TRACING: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="trace-output-type",
        says="Only tensors, lists, tuples of tensors, or dictionary of tensors can be output from traced functions",
        patterns=(r"Only tensors, lists, tuples of tensors, or dictionary",),
        stages=("traced",),
        cause=(
            "The model returns something that is no tensor (a number, text, None, an object); a trace keeps tensors."
        ),
        remedy=(
            "Let ptmobile do it (`outputs: adapt`), or return a tuple of tensors, numbers as torch.tensor(...); "
            "or use `method: script`, which keeps numbers, text and None."
        ),
        source=("torch/csrc/jit/frontend/tracer.cpp", "pytorch/vision: all detection models"),
        example=(
            "RuntimeError: Only tensors, lists, tuples of tensors, or dictionary of tensors can be output from "
            "traced functions"
        ),
    ),
    KnownError(
        id="trace-dict-output",
        says="Encountering a dict at the output of the tracer might cause the trace to be incorrect",
        patterns=(r"Encountering a (?:dict|list) at the output",),
        stages=("traced",),
        cause=(
            "The model returns a dict or a list. Tracing keeps only tensors and tuples, since it cannot see keys "
            "change."
        ),
        remedy=(
            "Let ptmobile do it (`outputs: adapt`), or return a tuple of tensors in forward; or use `method: "
            "script`, which keeps dicts."
        ),
        source=("torch/csrc/jit/frontend/tracer.cpp",),
        example=(
            "RuntimeError: Encountering a dict at the output of the tracer might cause the trace to be incorrect, "
            "this is only valid if the container structure does not change based on the module's inputs."
        ),
    ),
    KnownError(
        id="trace-type-unknown",
        says="Tracer cannot infer type of ...",
        patterns=(r"Tracer cannot infer type of",),
        cause=(
            "A value that goes into or comes out of TorchScript is neither a tensor nor a container of tensors of "
            "one kind: a NumPy array, or a dict that mixes tensors and numbers."
        ),
        remedy="Give tensors (torch.from_numpy(array)); make numbers in a dict tensors, or return a tuple.",
        source=("torch/csrc/jit/python/pybind_utils.h",),
        example=(
            "RuntimeError: Tracer cannot infer type of {'a': tensor([[0.6490, 0.9188]]), 'b': 3} :Dictionary "
            "inputs to traced functions must have consistent type. Found Tensor and int"
        ),
    ),
    KnownError(
        id="trace-input-type",
        says=(
            "Type 'Tuple[Tensor, int]' cannot be traced. Only Tensors and (possibly nested) Lists, Dicts, and Tuples"
        ),
        patterns=(r"cannot be traced\. Only Tensors",),
        stages=("traced",),
        cause="An argument of forward is a number or text; a trace takes only tensors and containers of tensors.",
        remedy=(
            "Set that argument in the constructor, or wrap the model in one whose forward takes only tensors; "
            "`method: script` keeps such arguments."
        ),
        source=("torch/csrc/jit/python/pybind_utils.h",),
        example=(
            "RuntimeError: Type 'Tuple[Tensor, int]' cannot be traced. Only Tensors and (possibly nested) Lists, "
            "Dicts, and Tuples of Tensors can be traced"
        ),
    ),
    KnownError(
        id="trace-no-output",
        says="The traced function didn't return any values!",
        patterns=(r"The traced function didn't return any values",),
        stages=("traced",),
        cause="forward returns nothing. What it stores in attributes is not part of a trace.",
        remedy="Return the result from forward.",
        source=("torch/csrc/jit/python/python_tracer.cpp",),
        example=(
            "RuntimeError: The traced function didn't return any values! Side-effects are not captured in traces, "
            "so it would be a no-op."
        ),
    ),
    KnownError(
        id="trace-parameter-sharing",
        says="TracedModules don't support parameter sharing between modules",
        patterns=(r"TracedModules don't support parameter sharing",),
        stages=("traced",),
        cause=("One parameter is registered under two names in the same module (tied weights), which tracing refuses."),
        remedy="Keep one name and use that parameter in both places; or use `method: script`.",
        source=("torch/jit/_trace.py",),
        example="ValueError: TracedModules don't support parameter sharing between modules",
    ),
    KnownError(
        id="trace-hidden-parameter",
        says="Cannot insert a Tensor that requires grad as a constant",
        patterns=(r"Cannot insert a Tensor that requires grad as a constant",),
        stages=("traced",),
        cause=(
            "forward uses a parameter that the model does not know as its own: it lies in a plain list or dict, "
            "or is a tensor with gradients that was never registered. It would be missing from state dicts as "
            "well."
        ),
        remedy=(
            "Use nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.Parameter or register_buffer; detach() what "
            "is a constant."
        ),
        source=("torch/csrc/jit/frontend/tracer.cpp",),
        example=(
            "RuntimeError: Cannot insert a Tensor that requires grad as a constant. Consider making it a "
            "parameter or input, or detaching the gradient"
        ),
    ),
    KnownError(
        id="trace-unobserved-output",
        says="output 1 of traced region did not have observable data dependence with trace inputs",
        patterns=(r"traced region did not have observable data dependence", r"cannot be understood by the tracer"),
        stages=("traced",),
        cause="An output does not come from operations on the inputs: it is a tensor that the model only holds.",
        remedy="Register it (register_buffer) and return a copy (.clone()), or leave it out of the outputs.",
        source=("torch/csrc/jit/frontend/tracer.cpp",),
        example=(
            "RuntimeError: output 1 ( 1 1 1 [ CPUFloatType{3} ]) of traced region did not have observable data "
            "dependence with trace inputs; this probably indicates your program cannot be understood by the "
            "tracer."
        ),
    ),
    KnownError(
        id="trace-fast-path",
        says="Graphs differed across invocations! ... torch.nn.modules.transformer.TransformerEncoder",
        patterns=(r"Graphs differed across invocations.{0,1200}transformer",),
        stages=("traced",),
        cause=(
            "nn.TransformerEncoder has a fast path that it takes only without gradients; the check of the trace "
            "runs without them, the trace itself ran with them."
        ),
        remedy=(
            "Trace under torch.no_grad() (ptmobile does). If an old runtime lacks the fast path's operator, use "
            "torch.backends.mha.set_fastpath_enabled(False) where torch has it."
        ),
        source=("torch/nn/modules/transformer.py", "torch/jit/_trace.py"),
        example=(
            "TracingCheckError: Tracing failed sanity checks! ERROR: Graphs differed across invocations! Graph "
            "diff: graph(%self.1 : __torch__.torch.nn.modules.transformer.TransformerEncoder, %src : Tensor):"
        ),
    ),
    KnownError(
        id="trace-graphs-differ",
        says="Tracing failed sanity checks! ERROR: Graphs differed across invocations!",
        patterns=(
            r"Graphs differed across invocations",
            r"Tensor-valued Constant nodes differed in value",
            r"Tracing failed sanity checks",
        ),
        stages=("traced",),
        cause="Two traces of the model are not the same: it counts calls, changes its own attributes, or branches.",
        remedy="Keep state that changes out of forward, or use `method: script`, which keeps branches.",
        source=("torch/jit/_trace.py",),
        example=(
            "TracingCheckError: Tracing failed sanity checks! ERROR: Graphs differed across invocations! Graph "
            "diff: graph(%self : __torch__.nets.Counting, %x : Tensor): %2 : Tensor = prim::Constant[value={2}]()"
        ),
    ),
)
