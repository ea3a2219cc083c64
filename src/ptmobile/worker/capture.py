"""From an eager model to TorchScript, on either road."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import torch

from ptmobile.errors import ConvertError
from ptmobile.result import Method, Notice
from ptmobile.worker.example_inputs import TrialInputs

MAX_WARNINGS = 10


def capture(
    module: torch.nn.Module, method: Method, first: TrialInputs, workspace: Path
) -> tuple[torch.jit.ScriptModule, list[Notice]]:
    """The module in TorchScript, and what the tracer warned of.

    Tracing does not check itself by tracing again (``check_trace``): every trial compares the trace with eager.

    Raises:
        Exception: whatever torch raises for a model that it cannot capture.
    """
    if isinstance(module, torch.jit.ScriptModule):
        return module, []  # TorchScript already; it walks the road of scripts only
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        captured = _trace(module, first) if method == "trace" else torch.jit.script(module)
    return captured, _notices(caught, workspace)


def _trace(module: torch.nn.Module, first: TrialInputs) -> torch.jit.ScriptModule:
    torch.manual_seed(first.number)
    arguments = tuple(argument.clone() for argument in first.arguments)
    traced = torch.jit.trace(module, arguments, check_trace=False)
    if not isinstance(traced, torch.jit.ScriptModule):
        raise ConvertError("Tracing gave no TorchScript module.")
    return traced


def _notices(caught: list[warnings.WarningMessage], workspace: Path) -> list[Notice]:
    """Tracer warnings: each says that a value of the example input was baked into the trace."""
    notices: dict[str, Notice] = {}
    for warning in caught:
        if not issubclass(warning.category, torch.jit.TracerWarning):
            continue
        text = " ".join(str(warning.message).split())
        text = re.split(r" We can't record the data flow| This may cause errors", text)[0]
        path = Path(warning.filename)
        shown = path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else path.name
        message = f"{shown}:{warning.lineno}: {text}"
        notices.setdefault(message, Notice(level="notice", code="tracer-warning", message=message[:2000]))
    return list(notices.values())[:MAX_WARNINGS]
