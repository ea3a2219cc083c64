"""Values through the Java API and back: types, containers, memory formats, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest
import torch
from device_support import (
    CHANNELS_LAST,
    ENVIRONMENT,
    Function,
    Library,
    Maker,
    scale_error,
    trial_of,
    with_tensors,
)

from ptmobile.device.plan import ModelFile
from ptmobile.device.runner import Runner

DTYPES = [torch.uint8, torch.int8, torch.int32, torch.int64, torch.float32, torch.float64]


def test_a_convolution_is_loaded_and_right(native: Library, make: Maker) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
    x = torch.rand(1, 3, 16, 16)
    path = make.for_release(make(model, x), native.release)
    assert scale_error(native.output(path, x), model(x)) < 1e-5


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_six_types_go_in_and_come_out(native: Library, make: Maker, dtype: torch.dtype) -> None:
    x = torch.tensor([[0, 1, 2], [100, 101, 127]], dtype=dtype)
    path = make.for_release(make(Function(lambda a: a + a.flip(1)), x), native.release)
    out = native.output(path, x)
    assert out.dtype == dtype
    assert torch.equal(out, x + x.flip(1))


@pytest.mark.parametrize("dtype", [torch.bool, torch.float16], ids=str)
def test_other_types_do_not_come_out(native: Library, make: Maker, dtype: torch.dtype) -> None:
    x = torch.rand(2, 2)
    path = make.for_release(make(Function(lambda a: a.to(dtype)), x), native.release)
    name = {torch.bool: "Bool ", torch.float16: "Half "}[dtype] if native.release == "1.12.2" else ""
    assert native.message(path, x) == f"at::Tensor scalar type {name}is not supported on java side"


@pytest.mark.parametrize("dtype", [torch.bool, torch.float16], ids=str)
def test_other_types_do_not_go_in(native: Library, make: Maker, dtype: torch.dtype) -> None:
    x = torch.ones(2, 2).to(dtype)
    path = make.for_release(make(Function(lambda a: a.float()), x), native.release)
    answer = native.one(path, x)
    assert answer.failure is not None
    assert (answer.failure.step, answer.failure.kind) == ("inputs", "java.lang.IllegalArgumentException")


class Containers(torch.nn.Module):
    """All kinds of containers and leaves at once, in and out."""

    def forward(  # noqa: PLR0917
        self,
        images: list[torch.Tensor],
        named: dict[str, torch.Tensor],
        pair: tuple[torch.Tensor, int],
        flag: bool,
        factor: float,
        word: str,
        maybe: Optional[torch.Tensor],  # noqa: UP045 - TorchScript reads the source
    ):
        numbers: dict[int, torch.Tensor] = {7: images[0] * factor, -3: images[1]}
        names: dict[str, list[torch.Tensor]] = {"b": [named["z"]], "a": [named["y"], pair[0] + pair[1]]}
        nothing: Optional[torch.Tensor] = None  # noqa: UP045
        if maybe is not None:
            nothing = maybe + 1
        longs: list[int] = [1, pair[1]]
        return numbers, names, (not flag, factor * 2, word + "é\n", nothing), longs, [0.5, factor], [flag, True], images


def test_containers_and_plain_values(native: Library, make: Maker) -> None:
    a, b = torch.rand(2, 3), torch.rand(2, 3)
    path = make.for_release(make(Containers(), script=True), native.release)
    arguments = ([a, b], {"z": a, "y": b}, (a, 5), False, 1.5, "a b=%", None)
    numbers, names, plain, longs, doubles, bools, images = native.output(path, *arguments)
    assert set(numbers) == {7, -3}
    assert torch.equal(numbers[7], a * 1.5)
    assert torch.equal(numbers[-3], b)
    assert set(names) == {"a", "b"}
    assert torch.equal(names["a"][1], a + 5)
    assert plain == (True, 3.0, "a b=%é\n", None)
    assert type(plain[1]) is float
    assert (longs, doubles, bools) == ([1, 5], [0.5, 1.5], [False, True])
    assert [torch.equal(image, x) for image, x in zip(images, (a, b), strict=True)] == [True, True]


def test_scalars_empty_tensors_and_views(native: Library, make: Maker) -> None:
    x = torch.rand(4, 3, 2)
    function = Function(lambda a: (a.sum(), a[:0], a.permute(2, 0, 1), a[1:, ::2], a[:1].expand(5, 3, 2)))
    path = make.for_release(make(function, x), native.release)
    outputs = native.output(path, x)
    for got, expected in zip(outputs, function(x), strict=True):
        assert got.shape == expected.shape
        assert torch.allclose(got, expected)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4, 5, 2)], ids=["2-D", "3-D"])
def test_channels_last_in_and_out(native: Library, make: Maker, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    last = x.contiguous(memory_format=CHANNELS_LAST[len(shape)])
    path = make.for_release(make(Function(lambda a: (a * 2, a.contiguous() + 1)), last), native.release)
    answer = native.one(path, last)
    assert answer.output is not None
    assert isinstance(answer.output.value, tuple)
    assert [part.memory_format for part in answer.output.value] == ["channels_last", "contiguous"]
    doubled, plus_one = with_tensors(answer.output)
    assert torch.equal(doubled, x * 2)
    assert torch.equal(plus_one, x + 1)


def test_another_method_than_forward(native: Library, make: Maker) -> None:
    x = torch.rand(2, 2)
    path = make.for_release(make(Two(), script=True), native.release)
    trial = trial_of((x,), path.with_suffix(".inputs"))
    trials = [replace(trial, method=method) for method in ("forward", "twice", "thrice")]
    runner = Runner(native.machine, native.prepared, native.folder)
    answers = runner.run([ModelFile(path, trials)], native.scratch, ENVIRONMENT).files[0].trials
    outputs = [answers[number].output for number in (0, 1)]
    assert [torch.equal(with_tensors(output), x * n) for n, output in enumerate(outputs, 1) if output] == [True, True]
    assert answers[2].failure is not None
    assert "thrice" in answers[2].failure.message


class Two(torch.nn.Module):
    """Two methods."""

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        return a

    @torch.jit.export
    def twice(self, a: torch.Tensor) -> torch.Tensor:
        return a * 2


def test_a_wrong_number_of_arguments(native: Library, make: Maker) -> None:
    x = torch.rand(2, 2)
    path = make.for_release(make(Function(lambda a, b: a + b), x, x), native.release)
    assert native.message(path, x)
