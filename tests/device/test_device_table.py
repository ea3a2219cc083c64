"""What the phone's library says to files that every desktop check passes: each row is the library's own answer.

All files of a library run in one process, each in its own bytecode on 1.12.2, backported and stripped on 1.9.0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from device_support import Function, Library, Maker, scale_error, with_tensors

from ptmobile.device.answers import FileAnswer

NEW, OLD = "1.12.2", "1.9.0"
LAPACK = "LAPACK"


@dataclass(frozen=True)
class Right:
    """It runs, and is right to a part of the scale."""

    tolerance: float = 5e-6


@dataclass(frozen=True)
class Refused:
    """It is not loaded, with these words."""

    words: str


@dataclass(frozen=True)
class Fails:
    """It is loaded, and fails when run, with these words."""

    words: str


Answer = Right | Refused | Fails


def missing(operator: str) -> Refused:
    return Refused(f"Following ops cannot be found. Check fburl.com/missing_ops for the fix.{{{operator}, }}")


@dataclass(frozen=True)
class Case:
    """A module, what it is run on, and what the two releases say."""

    module: Callable[[], torch.nn.Module]
    arguments: Callable[[], tuple[Any, ...]]
    new: Answer
    old: Answer


def function(body: Callable[..., Any], new: Answer, old: Answer, *shape: int) -> Case:
    return Case(lambda: Function(body), lambda: (torch.rand(*(shape or (4, 4))),), new, old)


def positive(a: torch.Tensor) -> torch.Tensor:
    """A matrix that has every decomposition."""
    return a @ a.transpose(0, 1) + 4 * torch.eye(4)


RIGHT = Right()
GRID = torch.linspace(-1, 1, 8).reshape(1, 2, 2, 2)
CASES = {
    "conv": Case(lambda: torch.nn.Conv2d(3, 8, 3), lambda: (torch.rand(1, 3, 16, 16),), RIGHT, RIGHT),
    "einsum": function(lambda a: torch.einsum("ij,jk->ik", a, a), RIGHT, Fails("Expected String but got GenericList")),
    "unflatten": Case(
        lambda: torch.nn.Unflatten(1, (2, 2)),
        lambda: (torch.rand(4, 4),),
        RIGHT,
        Fails("Expected Tensor but got InvalidTag"),
    ),
    "svd": function(
        lambda a: torch.linalg.svd(positive(a)).S,
        Fails("svd: LAPACK library not found in compilation"),
        Fails("Expected Tensor but got Bool"),
    ),
    "cholesky": function(
        lambda a: torch.linalg.cholesky(positive(a)), Fails(LAPACK), Fails("Expected Tensor but got Bool")
    ),
    "inv": function(
        lambda a: torch.linalg.inv(positive(a)),
        Fails("inverse: LAPACK library not found in compilation"),
        Fails("inverse: LAPACK library not found in compilation"),
    ),
    "det": function(lambda a: torch.linalg.det(positive(a)), Fails(LAPACK), Fails(LAPACK)),
    "qr": function(lambda a: torch.linalg.qr(positive(a)).R, Fails(LAPACK), Fails(LAPACK)),
    "gelu": Case(
        torch.nn.GELU,
        lambda: (torch.rand(4, 4),),
        RIGHT,
        Refused("a PyTorch file with version 10, but the maximum supported version for reading is 6"),
    ),
    "linspace": function(
        lambda a: a + torch.linspace(0, 1, 4),
        RIGHT,
        Refused("a PyTorch file with version 8, but the maximum supported version for reading is 6"),
    ),
    "pad": function(lambda a: F.pad(a, (1, 1)), RIGHT, missing("aten::pad")),
    "padding layer": Case(
        lambda: torch.nn.ReflectionPad2d(1), lambda: (torch.rand(1, 3, 8, 8),), RIGHT, missing("aten::pad")
    ),
    "local response": Case(
        lambda: torch.nn.LocalResponseNorm(2), lambda: (torch.rand(1, 3, 8, 8),), RIGHT, missing("aten::pad")
    ),
    "meshgrid": function(
        lambda a: torch.stack(torch.meshgrid(a, a, indexing="xy")), RIGHT, missing("aten::meshgrid.indexing"), 4
    ),
    "antialias": function(
        lambda a: F.interpolate(a, size=(4, 4), mode="bilinear", antialias=True),
        RIGHT,
        missing("aten::_upsample_bilinear2d_aa"),
        *(1, 3, 8, 8),
    ),
    "cov": function(torch.cov, RIGHT, missing("aten::cov")),
    "searchsorted": function(
        lambda a: torch.searchsorted(a.sort()[0], a), RIGHT, Fails("There were no tensor arguments to this function")
    ),
    "stft with a window": function(
        lambda a: torch.stft(a, 16, 4, window=torch.hann_window(16), return_complex=False),
        Fails("result type Float can't be cast to the desired output type Long"),
        missing("aten::pad"),
        *(1, 64),
    ),
    "fft": function(lambda a: torch.fft.rfft(a).abs(), RIGHT, Fails("fft: ATen not compiled with MKL support"), 16),
    "bool output": function(
        lambda a: a > 0.5,
        Fails("at::Tensor scalar type Bool is not supported on java side"),
        Fails("at::Tensor scalar type is not supported on java side"),
    ),
    "half output": function(
        lambda a: a.half(),
        Fails("at::Tensor scalar type Half is not supported on java side"),
        Fails("at::Tensor scalar type is not supported on java side"),
    ),
    "complex inside": function(lambda a: torch.view_as_complex(a.reshape(8, 2)).abs(), RIGHT, RIGHT),
    "grid_sample": function(
        lambda a: F.grid_sample(a, GRID, align_corners=False),
        RIGHT,
        RIGHT,
        *(1, 3, 8, 8),
    ),
    "lstm": Case(lambda: torch.nn.LSTM(4, 5, 2), lambda: (torch.rand(3, 1, 4),), RIGHT, RIGHT),
    "attention": Case(lambda: torch.nn.MultiheadAttention(4, 2), lambda: (torch.rand(3, 1, 4),) * 3, RIGHT, RIGHT),
    "sort": function(lambda a: a.sort(dim=1), RIGHT, RIGHT),
    "topk": function(lambda a: a.topk(2), RIGHT, RIGHT),
    "exp, log, tanh, erf": function(lambda a: torch.stack((a.exp(), a.log(), a.tanh(), a.erf())), RIGHT, RIGHT),
}

_RESULTS: dict[tuple[str, str], dict[str, tuple[Any, FileAnswer]]] = {}


def results(library: Library, folder: Path) -> dict[str, tuple[Any, FileAnswer]]:
    """What eager gives and what the library says to all cases, run once per library, in one process."""
    key = (library.release, library.machine.abi)
    if key not in _RESULTS:
        make = Maker(folder)
        expected, files = [], []
        for case in CASES.values():
            torch.manual_seed(0)
            module, arguments = case.module().eval(), case.arguments()
            with torch.no_grad():
                expected.append(module(*arguments))
            files.append((make.for_release(make(module, *arguments), library.release), [arguments]))
        report = library.run(*files)
        assert report.processes == 1
        answers = (report.files[number] for number in range(len(files)))
        _RESULTS[key] = dict(zip(CASES, zip(expected, answers, strict=True), strict=True))
    return _RESULTS[key]


def check_case(library: Library, folder: Path, name: str) -> None:
    expected, answer = results(library, folder)[name]
    wanted = CASES[name].new if library.release == NEW else CASES[name].old
    if isinstance(wanted, Refused):
        assert answer.failure is not None, "it was loaded"
        assert wanted.words in answer.failure.message
        return
    assert answer.failure is None, answer.failure.message
    trial = answer.trials[0]
    if isinstance(wanted, Fails):
        assert trial.failure is not None, "it ran"
        assert wanted.words in trial.failure.message
        return
    assert trial.failure is None, trial.failure.message
    assert trial.output is not None
    for got, tensor in zip(parts(with_tensors(trial.output)), parts(expected), strict=True):
        assert (got.dtype, got.shape) == (tensor.dtype, tensor.shape)
        assert scale_error(got, tensor) <= wanted.tolerance


def parts(value: Any) -> list[torch.Tensor]:
    """The tensors of a tuple of tuples."""
    return [value] if isinstance(value, torch.Tensor) else [part for item in value for part in parts(item)]


@pytest.mark.parametrize("name", CASES)
def test_on_x86_64(x86_64: Library, tmp_path: Path, name: str) -> None:
    check_case(x86_64, tmp_path, name)


@pytest.mark.parametrize("name", CASES)
def test_on_arm64(arm64: Library, tmp_path: Path, name: str) -> None:
    check_case(arm64, tmp_path, name)
