"""Calls of newer operators, each as text that is Python and TorchScript at once, and inputs to try them on."""

from __future__ import annotations

import math  # noqa: F401 - TorchScript looks it up where it is called
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.litefile import LiteFile, read_lite_file
from ptmobile.runtimes import load_releases
from ptmobile.runtimes.limits import check_against_tables
from ptmobile.runtimes.releases import Release
from ptmobile.worker.lowering import Target
from ptmobile.worker.lowering.library import OF_NUMBERS
from ptmobile.worker.lowering.releases import target_for
from ptmobile.worker.stages.backporting import backport
from ptmobile.worker.stages.saving import prepare_to_save, save_lite

BYTECODE = {"1.9.0": 5, "1.10.0": 7, "1.11": 7, "1.12.2": 8}
Inputs = tuple[torch.Tensor, ...]


def release_of(version: str) -> Release:
    (found,) = [one for one in load_releases() if one.platform == "android" and one.version == version]
    return found


def target_of(version: str) -> Target:
    """A release as the packaged tables know it."""
    target = target_for(version, BYTECODE[version])
    assert target is not None
    return target


def save_for(module: torch.jit.ScriptModule, folder: Path, version: str, *, bytecode: int | None = None) -> Path:
    """The module's file for a release."""
    wanted = bytecode or BYTECODE[version]
    final = folder / "model.ptl"
    final.parent.mkdir(parents=True)
    save_lite(module, final)
    if wanted == 8:
        return final
    return backport(final, folder / f"v{wanted}.ptl", wanted).file


def save_plain(module: torch.jit.ScriptModule, folder: Path, version: str, *, bytecode: int | None = None) -> Path:
    """The file of a module that is not optimised."""
    prepare_to_save(module)
    return save_for(module, folder, version, bytecode=bytecode)


def run_lite(file: Path, inputs: Inputs) -> Any:
    return _load_for_lite_interpreter(str(file))(*copies(inputs))


def assert_admitted(file: Path, version: str) -> LiteFile:
    """Nothing that the tables know speaks against the file on the release."""
    lite = read_lite_file(file)
    verdict = check_against_tables(lite, release_of(version), made_by=torch.__version__)
    raises = {"prim::RaiseException"}  # which raises with any number of arguments
    against = [one for one in verdict.findings if one.answer == "no" and set(one.operators) != raises]
    assert not against, against
    assert verdict.loads != "no"
    return lite


def tensors_of(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_of(list(value.values()))
    elif value is not None:
        for item in value:
            yield from tensors_of(item)


def assert_alike(found: Any, expected: Any, tolerance: float = 1e-6) -> None:
    """Same shapes and types, values within ``tolerance`` of the largest; NaN and infinities at the same places."""
    pairs = list(zip(tensors_of(found), tensors_of(expected), strict=True))
    assert pairs
    for mine, theirs in pairs:
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        scale = theirs.double()[theirs.isfinite()].abs().max().item() if theirs.isfinite().any() else 0.0
        torch.testing.assert_close(mine, theirs, rtol=0, atol=tolerance * scale, equal_nan=True)


def copies(inputs: Inputs) -> Inputs:
    return tuple(one.clone() for one in inputs)


@dataclass(frozen=True)
class Case:
    """An expression of some arguments; ``gone`` are operators that the file must not have; ``exact`` if bits agree."""

    expression: str
    gone: str
    inputs: tuple[Inputs, ...]
    arguments: str = "x"
    exact: bool = True

    def eager(self) -> Callable[..., Any]:
        """The expression as a Python function."""
        names: dict[str, Any] = {"torch": torch}
        exec(f"def call({self.arguments}):\n    return {self.expression}", names)
        call: Callable[..., Any] = names["call"]
        return call

    def captured(self, how: str, inputs: Inputs) -> torch.jit.ScriptModule:
        """The expression as a module, traced or scripted."""
        if how == "script":
            # torch takes modules of one class for one type, and a type has its methods once.
            module = torch.jit.script(type("Defined", (torch.nn.Module,), {})())
            module.define(f"def forward(self, {self.arguments}):\n    return {self.expression}\n")
            return module
        return torch.jit.trace(_Calling(self.eager()), copies(inputs), check_trace=False)


class _Calling(torch.nn.Module):
    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self._call = call

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self._call(*inputs)


def _random(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape) + len(shape))).to(dtype)


def _each(*shapes: tuple[int, ...]) -> tuple[Inputs, ...]:
    return tuple((_random(*shape, dtype=kind),) for shape in shapes for kind in (torch.float32, torch.float64))


def _pads() -> Iterator[tuple[str, Case]]:
    amounts = {
        "1d": ([1, 2], (2, 3, 5)),
        "2d": ([1, 2, 2, 1], (2, 3, 5, 6)),
        "3d": ([1, 2, 2, 1, 1, 0], (2, 3, 4, 5, 6)),
        "crop": ([-1, 2, 1, -2], (2, 3, 5, 6)),
    }
    for mode in ("constant", "reflect", "replicate", "circular"):
        for name, (given, shape) in amounts.items():
            text = f"torch.nn.functional.pad(x, {given}, {mode!r})"
            yield f"pad-{mode}-{name}", Case(text, "aten::pad", _each(shape))
    numbers = ((torch.arange(6).view(2, 3),), (_random(2, 2, 3),))
    yield "pad-value", Case("torch.nn.functional.pad(x, [1, 0, 2, 1], value=3.0)", "aten::pad", numbers)


def _einsums() -> Iterator[tuple[str, Case]]:
    equations = {
        "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
        "ij,jk": [(3, 4), (4, 5)],
        "ii->i": [(4, 4)],
        "ij->": [(3, 4)],
        "i,j->ij": [(3,), (4,)],
        "ij,ij->ij": [(3, 4), (3, 4)],
        "bqnd,bknd->bnqk": [(2, 4, 3, 5), (2, 6, 3, 5)],
        "ijk,jil->kl": [(3, 4, 5), (4, 3, 6)],
        "bn,anm,bm->ba": [(2, 4), (6, 4, 5), (2, 5)],
        "iij,jkk->ik": [(3, 3, 4), (4, 5, 5)],
        " a b, c d -> a c ": [(2, 3), (4, 5)],
        "bc,cj,jd->bd": [(1, 3), (3, 1), (4, 5)],  # one element is repeated as often as needed
        "bij,bjk->kbi": [(2, 0, 4), (2, 4, 5)],
    }
    for equation, shapes in equations.items():
        names = [f"x{i}" for i in range(len(shapes))]
        text = f"torch.einsum({equation!r}, [{', '.join(names)}])"
        floats = tuple(_random(*shape) for shape in shapes)
        whole = tuple((_random(*shape) * 9).long() for shape in shapes)
        yield f"einsum-{equation}", Case(text, "aten::einsum", (floats, whole), ", ".join(names), exact=False)


def _searches() -> Iterator[tuple[str, Case]]:
    row = _random(10).sort().values
    nan = torch.tensor([float("nan"), 1e9, -1e9, 0.0])
    rows = _random(2, 3, 7).sort().values
    inputs = ((row, _random(3, 4)), (row, row.clone()), (row, nan), (rows, _random(2, 3, 4)), (rows, rows.clone()))
    gone = "aten::searchsorted"
    yield "searchsorted", Case("torch.searchsorted(x, y)", gone, inputs, "x, y")
    yield "searchsorted-right", Case("torch.searchsorted(x, y, right=True)", gone, inputs, "x, y")
    side = "torch.searchsorted(x, y, out_int32=True, side='right')"
    yield "searchsorted-side", Case(side, gone, inputs, "x, y")
    sorter = "torch.searchsorted(x, y, sorter=torch.argsort(x))"
    yield "searchsorted-sorter", Case(sorter, gone, ((_random(6), _random(4)),), "x, y")
    yield "searchsorted-number", Case("torch.searchsorted(x, 0.5)", gone, ((row,),))
    yield "isin", Case("torch.isin(x, y)", "aten::isin", ((torch.arange(12).view(3, 4), torch.tensor([1, 5])),), "x, y")


def _others() -> Iterator[tuple[str, Case]]:
    special = torch.tensor([0.0, -0.0, 1e30, -1e30, float("inf"), float("-inf"), float("nan")])
    activations = (*_each((3, 4), (999,), (2, 3, 8, 8)), (special,), (_random(0, 3),))
    gelu = "torch.nn.functional.gelu"
    yield "gelu", Case(f"{gelu}(x)", "aten::gelu", activations, exact=False)
    yield "gelu-tanh", Case(f"{gelu}(x, approximate='tanh')", "aten::gelu", activations, exact=False)
    xy = ((_random(3), _random(4), _random(2)), (torch.arange(2), torch.arange(3), torch.arange(1)))
    for order in ("ij", "xy"):
        grids = f"torch.meshgrid(x, y, z, indexing={order!r})"
        yield f"meshgrid-{order}", Case(grids, "aten::meshgrid.indexing", xy, "x, y, z")
    yield "unflatten", Case("torch.unflatten(x, 1, [2, -1])", "aten::unflatten", ((_random(3, 6, 2),),))
    yield "unflatten-last", Case("torch.unflatten(x, -1, [2, 3])", "aten::unflatten", _each((3, 6), (2, 2, 6)))
    for dim in (0, -1, None):
        repeats = f"torch.repeat_interleave(x, 3, {dim})"
        yield f"repeat_interleave-{dim}", Case(repeats, "aten::repeat_interleave", _each((2, 3, 4)))
    counts = ((_random(2, 3), torch.tensor([1, 0, 2])), (_random(2, 3), torch.tensor([2])))
    by = "torch.repeat_interleave(x, y, 1)"
    yield "repeat_interleave-counts", Case(by, "aten::repeat_interleave", counts, "x, y")
    signs = ((_random(9) * 9, _random(9)), (torch.arange(-5, 5), torch.full((10,), 3)))
    yield "floor_divide", Case("x // y", "aten::floor_divide", signs, "x, y")
    yield "floor_divide-number", Case("x // 3", "aten::floor_divide", tuple((x,) for x, _ in signs))
    mixed = ((_random(3), _random(3).double()), (_random(3), torch.arange(3)), (_random(3), _random(3)))
    yield "where", Case("torch.where(x > 0, x, y)", "", mixed, "x, y")
    yield "where-number", Case("torch.where(x > 0, x, 0.1)", "aten::where.Scalar", _each((3,)))
    yield "where-number-first", Case("torch.where(x > 0, 0.1, x)", "aten::where.Scalar", _each((3,)))
    yield "new_ones", Case("x.new_ones([2, 3])", "aten::new_ones", ((_random(2),), (torch.arange(2),)))
    yield "mT", Case("x.mT.contiguous()", "aten::mT", _each((2, 3, 4)))
    yield "round", Case("torch.round(x, decimals=2)", "aten::round.decimals", _each((30,)))
    yield "cov", Case("torch.cov(x)", "aten::cov", _each((3, 8)), exact=False)
    yield "aminmax", Case("torch.aminmax(x, dim=1)", "aten::aminmax", _each((3, 4)))
    added = (_random(2, 4, 3), torch.tensor([0, 2, 0]), _random(2, 3, 3))
    add = "torch.index_add(x, 1, y, z, alpha=2.5)"
    yield "index_add", Case(add, "aten::index_add", (added,), "x, y, z", exact=False)
    yield "linspace", Case("torch.linspace(-1, 1, x.size(0))", "aten::linspace", _each((1,), (2,), (7,)), exact=False)


def _transforms() -> Iterator[tuple[str, Case]]:
    lines = _each((2, 16), (3, 12), (1, 7), (2, 80))
    texts = {
        "fft": "torch.view_as_real(torch.fft.fft(x))",
        "fft-of-complex": "torch.view_as_real(torch.fft.fft(torch.complex(x, x + 1), dim=0, norm='ortho'))",
        "fft-resized": "torch.view_as_real(torch.fft.fft(x, n=9))",
        "ifft": "torch.view_as_real(torch.fft.ifft(x, norm='forward').resolve_conj())",
        "rfft": "torch.view_as_real(torch.fft.rfft(x, n=20, norm='forward'))",
        "irfft": "torch.fft.irfft(torch.complex(x, x * 2))",
        "irfft-odd": "torch.fft.irfft(torch.complex(x, x * 2), n=11, norm='ortho')",
        "irfft-of-real": "torch.fft.irfft(x, dim=1)",
        "fft2": "torch.view_as_real(torch.fft.fft2(x))",
        "ifft2": "torch.view_as_real(torch.fft.ifft2(x, s=[4, 6]))",
        "rfft2": "torch.view_as_real(torch.fft.rfft2(x))",
        "irfft2": "torch.fft.irfft2(torch.complex(x, x * 2), s=[5, 8])",
        "fftn": "torch.view_as_real(torch.fft.fftn(x))",
        "ifftn": "torch.view_as_real(torch.fft.ifftn(x, s=[6]))",
        "rfftn": "torch.view_as_real(torch.fft.rfftn(x, dim=[0, 1]))",
        "irfftn": "torch.fft.irfftn(torch.complex(x, x * 2), s=[4], dim=[1])",
    }
    for name, text in texts.items():
        yield name, Case(text, "aten::fft_", lines, exact=False)
    yield "fft-of-integers", Case("torch.fft.rfft(x).abs()", "aten::fft_", ((torch.arange(6),),), exact=False)
    sounds = _each((2, 50), (1, 33))
    for name, options in {
        "plain": "16, 4, center=False, return_complex=False",
        "window": "16, 5, window=torch.hann_window(16, dtype=x.dtype), return_complex=False",
        "short-window": "16, 4, 10, torch.hann_window(10, dtype=x.dtype), normalized=True, return_complex=False",
        "two-sided": "12, onesided=False, return_complex=False",
    }.items():
        yield f"stft-{name}", Case(f"torch.stft(x, {options})", "aten::stft", sounds, exact=False)
    one = (_random(40),)
    yield "stft-of-one", Case("torch.view_as_real(torch.stft(x, 8, return_complex=True))", "stft", (one,), exact=False)
    spectrum = "torch.stft(x, 16, 4, window=torch.hamming_window(16, dtype=x.dtype), return_complex=True)"
    for name, options in {
        "": "16, 4, window=torch.hamming_window(16, dtype=x.dtype)",
        "-longer": "16, 4, window=torch.hamming_window(16, dtype=x.dtype), length=60",
        "-shorter": "16, 4, window=torch.hamming_window(16, dtype=x.dtype), length=41",
    }.items():
        yield f"istft{name}", Case(f"torch.istft({spectrum}, {options})", "stft", sounds, exact=False)


def _windows() -> Iterator[tuple[str, Case]]:
    for name in ("hann", "hamming", "bartlett", "blackman", "kaiser"):
        # Of a size that is known, and of one that is not.
        yield f"{name}-window", Case(f"x * torch.{name}_window(6)", f"{name}_window", _each((6,)))
        yield f"{name}-window-of-a-size", Case(f"x * torch.{name}_window(x.size(0), periodic=False)", "", _each((6,)))
    alpha = "x * torch.hamming_window(x.size(0), True, 0.5)"
    yield "hamming-window-alpha", Case(alpha, "", _each((6,)))
    yield "hamming-window-beta", Case(alpha.replace("0.5", "0.5, 0.4"), "", _each((6,)))
    yield "kaiser-window-beta", Case("x * torch.kaiser_window(x.size(0), True, 8.0)", "", _each((6,)))


def _ellipses() -> Iterator[tuple[str, Case]]:
    equations = {
        "...ij,...jk->...ik": [
            [(2, 3, 4), (2, 4, 5)],
            [(3, 4), (4, 5)],
            [(2, 1, 3, 4), (5, 4, 5)],
            [(0, 3, 4), (4, 5)],
        ],
        "..., f -> ... f": [[(3,), (4,)], [(2, 3), (4,)]],
        "...ij->...ji": [[(2, 2, 3, 4)]],
        "...ij,...jk": [[(2, 3, 4), (2, 4, 5)]],
        "i...,i...->i...": [[(2, 3, 4), (2, 3, 4)], [(2, 4), (2, 3, 4)]],
        "...d,...d->...": [[(2, 3, 4), (2, 3, 4)]],
        "b...n,b...n->b": [[(2, 3, 4), (2, 3, 4)]],
        "ij...,jk->k...i": [[(2, 3, 5, 6), (3, 4)]],
    }
    for equation, operands in equations.items():
        names = [f"x{i}" for i in range(len(operands[0]))]
        text = f"torch.einsum({equation!r}, [{', '.join(names)}])"
        inputs = tuple(tuple(_random(*shape) for shape in shapes) for shapes in operands)
        yield f"einsum-{equation}", Case(text, "aten::einsum", inputs, ", ".join(names), exact=False)


def _resampling() -> Iterator[tuple[str, Case]]:
    lines, images, volumes = (_each(shape) for shape in ((2, 3, 9), (2, 3, 7, 10), (1, 2, 4, 5, 6)))
    exact = "torch.nn.functional.interpolate(x, {}, mode='nearest-exact')"
    for name, size, inputs in (
        ("1d", "size=[5]", lines),
        ("2d", "size=[10, 4]", images),
        ("2d-factor", "scale_factor=1.7", images),
        ("3d", "size=[6, 4, 5]", volumes),
        ("3d-factor", "scale_factor=[0.5, 2.0, 1.5]", volumes),
    ):
        yield f"nearest-exact-{name}", Case(exact.format(size), "nearest_exact", inputs)
    for mode in ("bilinear", "bicubic"):
        smooth = f"torch.nn.functional.interpolate(x, {{}}, mode={mode!r}, antialias=True{{}})"
        for name, size, more in (
            ("down", "size=[3, 4]", ""),
            ("up", "size=[9, 13]", ""),
            ("both", "size=[3, 13]", ""),
            ("factor", "scale_factor=0.6", ""),
            ("aligned", "size=[3, 4]", ", align_corners=True"),
        ):
            yield f"{mode}-antialias-{name}", Case(smooth.format(size, more), "_aa", images, exact=False)


def _quantiles() -> Iterator[tuple[str, Case]]:
    gone = "aten::quantile"
    holed = _random(3, 5)
    holed[1, 2] = float("nan")
    inputs = (*_each((3, 5), (4, 7)), (holed,))
    for name, options in {
        "all": "",
        "rows": ", dim=1",
        "rows-kept": ", dim=0, keepdim=True",
        "last": ", dim=-1",
    }.items():
        yield f"quantile-{name}", Case(f"torch.quantile(x, 0.3{options})", gone, inputs, exact=False)
        several = f"torch.quantile(x, torch.tensor([0.1, 0.6, 1.0], dtype=x.dtype){options})"
        yield f"quantiles-{name}", Case(several, gone, inputs, exact=False)
    yield "quantiles-all-kept", Case("torch.quantile(x, 0.3, keepdim=True)", gone, inputs, exact=False)
    for way in ("lower", "higher", "midpoint", "nearest"):
        text = f"torch.quantile(x, 0.3, dim=1, interpolation={way!r})"
        yield f"quantile-{way}", Case(text, gone, inputs, exact=False)


def _scattered() -> Iterator[tuple[str, Case]]:
    inputs = tuple(
        (_random(3, 4).to(kind), torch.tensor([[0, 2, 2, 0], [2, 2, 1, 0]])) for kind in (torch.float32, torch.float64)
    )
    for reduce in ("sum", "mean"):
        for own in (True, False):
            text = f"torch.scatter_reduce(x, 0, y, x[:2] * 3, reduce={reduce!r}, include_self={own})"
            yield f"scatter_reduce-{reduce}-{own}", Case(text, "scatter_reduce", inputs, "x, y", exact=False)
    yield "linalg-cross", Case("torch.linalg.cross(x, x + 1)", "linalg_cross", _each((2, 3)))
    nan = torch.tensor([[1.0, float("nan"), 3.0], [float("nan")] * 3, [1.0, 2.0, 4.0]])
    yield "nanmean", Case("torch.nanmean(x)", "nanmean", ((nan,),))
    yield "nanmean-rows", Case("torch.nanmean(x, 1, keepdim=True)", "nanmean", ((nan,),))


def _detection() -> Iterator[tuple[str, Case]]:
    several = []
    for count, kind in ((60, torch.float32), (60, torch.float64), (1, torch.float32), (0, torch.float32)):
        corner, size = _random(count, 2, dtype=kind) * 20, _random(count + 1, 2, dtype=kind)[:count].abs() * 30
        boxes = torch.cat([corner, corner + size], 1)
        if count > 1:
            boxes[:10] = boxes[10:20].clone()  # the same place, another score
            boxes[20, 2:] = boxes[20, :2]  # of no size
        several.append((boxes, (_random(count, dtype=kind) * 8).round()))  # with ties
    for threshold in (0.0, 0.5, 1.0):
        text = f"torch.ops.torchvision.nms(x, y, {threshold})"
        yield f"nms-{threshold}", Case(text, "torchvision", tuple(several), "x, y")
    regions = []
    for count, kind in ((12, torch.float32), (12, torch.float64), (0, torch.float32)):
        corner, size = _random(count, 2, dtype=kind) * 20, _random(count + 1, 2, dtype=kind)[:count].abs() * 25
        image = torch.arange(count, dtype=kind).remainder(2).unsqueeze(1)
        regions.append((_random(2, 3, 9, 7, dtype=kind), torch.cat([image, corner, corner + size], 1)))
    for ratio in (2, -1):
        for aligned in (True, False):
            text = f"torch.ops.torchvision.roi_align(x, y, 0.25, 5, 4, {ratio}, {aligned})"
            yield f"roi_align-{ratio}-{aligned}", Case(text, "torchvision", tuple(regions), "x, y")


CASES = dict(
    [
        *(*_pads(), *_einsums(), *_searches(), *_others(), *_transforms(), *_windows(), *_ellipses()),
        *(*_resampling(), *_quantiles(), *_scattered(), *_detection()),
    ]
)


def _plain() -> Iterator[tuple[str, str]]:
    """Bodies of functions of a tensor x that TorchScript alone understands, with operators on plain values in them."""
    yield "sorted", "return x * sorted([int(x[0]), 3, -2, 7])[1] + sorted([float(x[1]), 0.5, -1.0])[0]"
    for kind, items in (("int", "[int(x[0]), 3, -2, 7]"), ("float", "[float(x[0]), 0.5, -1.0]")):
        for reverse in (False, True):
            yield f"sort-{kind}-{reverse}", f"items = {items}\nitems.sort({reverse})\nreturn x * items[0] + items[1]"
    yield (
        "sort-texts",
        "items = ['b', 'c', 'a' + str(x.size(0))]\nitems.sort()\nreturn ' '.join(items) + str(len(items))",
    )
    # Lists of constants that are changed, before or by the call.
    yield "sort-constants", "items = [3, 1, 2]\nitems.sort()\nreturn x * items[0] + items[2]"
    yield "count-changed", "items = [1, 2]\nitems.append(1)\nreturn x * items.count(1) + items.index(2)"
    yield (
        "remove-constant",
        "items = [1, 2, 3]\nif x.size(0) > 3:\n    items.remove(2)\nreturn x * items[1] + len(items.copy())",
    )
    yield (
        "pad-changed",
        "amounts = [1, 2]\namounts.append(0)\namounts.append(1)\nreturn torch.nn.functional.pad(x[None], amounts)",
    )
    yield (
        "pad-in-a-branch",
        (
            "amounts = [1, 2]\nmore = amounts if x.size(0) > 3 else [0, 0]\nmore.append(1)\nmore.append(1)\n"
            "return torch.nn.functional.pad(x[None], more) + len(amounts)"
        ),
    )
    yield "count", "items = [x.size(0), 3, 3]\nreturn x * items.count(3) + items.index(3)"
    yield "remove", "items = [5, x.size(0), 3, 5]\nitems.remove(3)\nitems.remove(5)\nreturn x * items[0] + items[1]"
    yield "divmod", "q, r = divmod(17, x.size(0))\nq2, r2 = divmod(-17, x.size(0))\nreturn x * q + r + q2 * 9 + r2"
    yield (
        "bits",
        (
            "n = x.size(0) - 7\nm = x.size(0)\n"
            "return x * (n & 6) + (n | 3) + (n ^ 5) * 2 + (n >> 1) * 3 + (n << 2) * 5 + (m >> 1) * 7 + (m << 3)"
        ),
    )
    for name in OF_NUMBERS:
        start = "2.5" if name == "acosh" else "0.3"
        call = "math.lgamma" if name == "lgamma" else f"math.{name}"
        whole = "2" if name == "acosh" else "0" if name in ("asin", "acos", "atanh") else "1"
        yield name, f"return x * {call}(float(x.size(0)) * 0.0 + {start}) + {call}(x.size(0) * 0 + {whole})"
    yield (
        "classes",
        (
            "n = float(x.size(0))\nbig = n * float('inf')\nodd = big - big\n"
            "flags = [math.isinf(big), math.isinf(n), math.isinf(odd), math.isinf(n * 0), math.isinf(-big)]\n"
            "more = [math.isfinite(big), math.isfinite(n), math.isfinite(odd), math.isfinite(n * 1e307)]\n"
            "total = 0\n"
            "for flag in flags + more:\n    total = total * 2 + int(flag)\n"
            "return x * total + math.fabs(-n) + math.atan2(n, -1.0)"
        ),
    )


PLAIN = dict(_plain())


def defined(body: str) -> torch.jit.ScriptModule:
    """A scripted module whose forward has this body."""
    module = torch.jit.script(type("Defined", (torch.nn.Module,), {})())
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    module.define(f"def forward(self, x):\n{lines}\n")
    return module
