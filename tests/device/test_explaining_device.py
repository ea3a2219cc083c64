"""The library's own answers are explained: asked of the releases 1.9.0 and 1.12.2, at this machine's own ABI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from device_support import Function, Library, Maker

from ptmobile.device.kit import native_abi
from ptmobile.explaining import advice_for, explain
from ptmobile.explaining.catalogue import KNOWN_ERRORS

KNOWN = {known.id: known for known in KNOWN_ERRORS}
X, SQUARE, IMAGE = torch.rand(2, 4), torch.eye(3), torch.rand(1, 3, 4, 4)

#: What a release refuses to load: its known error, the release, and the function whose file it is.
REFUSED: list[tuple[str, str, Callable[..., Any], tuple[torch.Tensor, ...]]] = [
    ("archive-version", "1.9.0", torch.nn.functional.gelu, (X,)),
    ("operator-missing", "1.9.0", lambda x: torch.nn.functional.pad(x, (1, 1)), (X,)),
]
#: What it loads and does not run.
FAILING: list[tuple[str, str, Callable[..., Any], tuple[torch.Tensor, ...]]] = [
    ("operator-arguments-changed", "1.9.0", lambda x: torch.einsum("ij,kj->ik", x, x), (X,)),
    ("operator-arguments-changed", "1.9.0", lambda x: x.unflatten(1, (2, 2)), (X,)),
    ("operator-arguments-changed", "1.9.0", torch.linalg.cholesky, (SQUARE,)),
    ("no-tensor-arguments", "1.9.0", lambda x: torch.searchsorted(x[0].sort().values, x), (X,)),
    ("fft-missing", "1.9.0", lambda x: torch.fft.rfft(x).abs(), (X,)),
    ("lapack-missing", "1.9.0", torch.inverse, (SQUARE,)),
    ("lapack-missing", "1.12.2", torch.linalg.inv, (SQUARE,)),
    ("java-dtype", "1.9.0", lambda x: x > 0, (X,)),
    ("java-dtype", "1.12.2", lambda x: x.half(), (X,)),
    ("result-dtype", "1.12.2", lambda x: x * torch.hann_window(4), (X,)),
    (
        "result-dtype",
        "1.12.2",
        lambda x: torch.stft(x, 16, 4, window=torch.hann_window(16), return_complex=False),
        (torch.rand(64),),
    ),
]


def native(get_library: Callable[[str, str], Library], release: str) -> Library:
    return get_library(release, native_abi() or pytest.skip("no Android ABI runs on this machine"))


def check(message: str, name: str) -> None:
    """The known error comes first, with the stage and without it, and what a report says is whole."""
    for stage in ("device", ""):
        found = explain(message, stage=stage)
        assert found is not None, message
        assert found.id == name, message
    advice = advice_for(message, stage="device")
    assert advice.startswith(KNOWN[name].cause)
    assert advice.endswith(KNOWN[name].remedy)


@pytest.mark.parametrize("case", REFUSED, ids=[f"{name}-{release}" for name, release, *_ in REFUSED])
def test_a_refusal_is_explained(get_library: Callable[[str, str], Library], make: Maker, case: tuple[Any, ...]) -> None:
    name, release, function, arguments = case
    file = make.for_release(make(Function(function), *arguments), release)
    check(native(get_library, release).refusal(file), name)


@pytest.mark.parametrize(
    "case", FAILING, ids=[f"{name}-{release}-{n}" for n, (name, release, *_) in enumerate(FAILING)]
)
def test_a_failure_is_explained(get_library: Callable[[str, str], Library], make: Maker, case: tuple[Any, ...]) -> None:
    name, release, function, arguments = case
    file = make.for_release(make(Function(function), *arguments), release)
    check(native(get_library, release).message(file, *arguments), name)


def test_files_of_another_age_are_explained(get_library: Callable[[str, str], Library], make: Maker) -> None:
    library, path = native(get_library, "1.9.0"), make(torch.nn.ReLU(), X)
    message = library.refusal(path)
    check(message, "bytecode-version")
    assert "bytecode 8, the library reads 3 to 5" in advice_for(message, stage="device")
    check(library.refusal(make.old(make(torch.nn.Conv2d(3, 4, 3), IMAGE), strip=False)), "debug-records")


def test_what_is_no_model_is_explained(get_library: Callable[[str, str], Library], make: Maker) -> None:
    library, path = native(get_library, "1.12.2"), make(torch.nn.ReLU(), X)
    torch.jit.script(torch.nn.ReLU()).save(str(path.with_suffix(".pt")))
    check(library.refusal(path.with_suffix(".pt")), "bytecode-missing")
    path.write_bytes(path.read_bytes()[:-50])
    check(library.refusal(path), "not-an-archive")
