"""Errors of running a model on inputs that do not fit, on devices that are not there, and of quantised models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from explaining_support import load, provoked_by, provokes, saved, script
from torch import nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

X, IMAGE, INTEGERS = torch.rand(2, 4), torch.rand(1, 3, 8, 8), torch.ones(2, 4, dtype=torch.int64)
QUANTISED = torch.quantize_per_tensor(IMAGE, 0.1, 0, torch.quint8)


def _nested() -> None:
    _nested()


for _name, _functions in {
    "view-size": [lambda: X.view(3, 2), lambda: X.view(-1, 3)],
    "view-strides": [lambda: X.t().view(8)],
    "input-channels": [
        lambda: nn.Conv2d(3, 4, 3)(torch.rand(1, 1, 8, 8)),
        lambda: nn.Conv1d(3, 4, 3)(torch.rand(2, 4, 10)),
    ],
    "matrix-sizes": [lambda: nn.Linear(5, 2)(X), lambda: torch.bmm(torch.rand(2, 3, 4), torch.rand(3, 4, 6))],
    "feature-size": [
        lambda: nn.LSTM(4, 3)(torch.rand(5, 2, 6)),
        lambda: nn.LSTM(4, 3)(torch.rand(5, 2, 4), (torch.rand(1, 1, 3), torch.rand(1, 1, 3))),
        lambda: nn.LayerNorm(5)(X),
        lambda: nn.GroupNorm(2, 4)(torch.rand(2, 6, 3, 3)),
        lambda: nn.BatchNorm2d(3).eval()(torch.rand(2, 4, 3, 3)),
        lambda: nn.MultiheadAttention(4, 2)(*[torch.rand(5, 2, 6)] * 3),
    ],
    "sizes-differ": [
        lambda: X + torch.rand(2, 3),
        lambda: torch.cat([X, torch.rand(3, 4)], 1),
        lambda: torch.cat([X, torch.rand(3)], 1),
        lambda: torch.stack([X, torch.rand(3, 3)]),
    ],
    "input-too-small": [
        lambda: nn.Conv2d(3, 4, 9)(IMAGE),
        lambda: nn.AvgPool2d(9)(IMAGE),
        lambda: F.pad(torch.rand(1, 3, 2, 2), (3, 3, 3, 3), mode="reflect"),
    ],
    "number-of-dimensions": [
        lambda: nn.Conv2d(3, 4, 3)(torch.rand(3, 8)),
        lambda: nn.BatchNorm2d(3)(X),
        lambda: nn.LSTM(4, 3)(torch.rand(4)),
    ],
    "batch-norm-training": [
        lambda: nn.BatchNorm1d(3)(torch.rand(1, 3)),
        lambda: nn.InstanceNorm2d(3)(torch.rand(1, 3, 1, 1)),
    ],
    "index-range": [lambda: nn.Embedding(3, 4)(torch.tensor([3])), lambda: X[5], lambda: X.gather(1, INTEGERS * 9)],
    "dimension-range": [lambda: X.sum(5)],
    "list-of-images": [lambda: GeneralizedRCNNTransform(8, 8, [0.0], [1.0])(IMAGE[0])],
    "number-of-arguments": [lambda: nn.Bilinear(2, 2, 2)(X), lambda: nn.Linear(4, 2)(X, X)],
    "forward-missing": [lambda: nn.Module()(X)],
    "value-of-many": [lambda: bool(X > 0), lambda: int(X), X.item],
    "empty-list": [lambda: torch.cat([]), lambda: torch.stack([])],
    "half-on-cpu": [
        lambda: nn.Conv2d(3, 4, 3).half()(IMAGE.half()),
        lambda: nn.Linear(4, 4).half()(X.half()),
    ],
    "index-dtype": [lambda: nn.Embedding(3, 4)(X)],
    "dtypes-differ": [
        lambda: nn.Linear(4, 2)(X.double()),
        lambda: nn.Conv2d(3, 4, 3)(IMAGE.double()),
        lambda: torch.rand(2, 2) @ INTEGERS[:, :2],
        lambda: nn.LayerNorm(4)(X.double()),
        lambda: nn.BatchNorm2d(3).eval()(IMAGE.double()),
    ],
    "result-dtype": [lambda: INTEGERS.clone().add_(0.5)],
    "dtype-unsupported": [
        lambda: torch.softmax(INTEGERS, 0),
        INTEGERS.mean,
        lambda: torch.relu(X > 0),
        lambda: (X > 0) - (X > 1),
    ],
    "numpy-needs-detach": [lambda: torch.ones(3, requires_grad=True).numpy()],
    "out-of-memory": [lambda: torch.empty(10**15), lambda: np.ones(10**14)],
    "recursion": [_nested],
    "devices-mixed": [lambda: torch.ones(3) + torch.ones(3, device="meta")],
    "cuda-baked-in": [lambda: nn.Linear(2, 2).cuda(), lambda: torch.ones(3, device="cuda")],
    "vulkan-missing": [lambda: torch.ones(3).to("vulkan")],
    "backend-missing": [lambda: torch.ones(3, device="mps")],
    "quantised-boundary": [QUANTISED.numpy, lambda: nn.Conv2d(3, 4, 3)(QUANTISED)],
    "quantised-operator-missing": [lambda: QUANTISED + QUANTISED],
    "internal-assert": [lambda: torch._C.Graph().eraseInput(3)],
}.items():
    provoked_by(_name, *_functions)


@provokes("cuda-baked-in")
def _fixed_device(folder: Path) -> object:
    """TorchScript passes the device on without asking whether there is one."""
    scripted = torch.jit.CompilationUnit("def f(x):\n    return x + torch.zeros([4], device='cuda')\n")
    return scripted.f(X)


# --- quantised models ------------------------------------------------------------------------------------------------


@contextmanager
def _engine(name: str) -> Iterator[None]:
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def _with_engine(name: str, run: Callable[[], object]) -> object:
    with _engine(name):
        return run()


def _quantised(dtype: torch.dtype = torch.qint8) -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 2)), dtype=dtype)


provoked_by("quantised-engine", lambda: _with_engine("none", _quantised), lambda: _with_engine("fbgemm", _quantised))
provoked_by("quantised-unsupported", lambda: _with_engine("qnnpack", lambda: _quantised(torch.float16)))
provoked_by("quantised-input", lambda: _with_engine("qnnpack", lambda: torch.ao.nn.quantized.Conv2d(3, 4, 3)(IMAGE)))


@provokes("quantised-engine")
def _without_engine(folder: Path) -> object:
    with _engine("qnnpack"):
        file = saved(script(_quantised()), folder)
    return _with_engine("none", lambda: load(file)(X))
