"""Calls of newer operators, each as text that is Python and TorchScript at once, and inputs to try them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.litefile import LiteFile, read_lite_file
from ptmobile.runtimes import load_releases
from ptmobile.runtimes.limits import check_against_tables, load_tables
from ptmobile.runtimes.releases import Release
from ptmobile.worker.backporting import backport
from ptmobile.worker.lowering import Target
from ptmobile.worker.saving import prepare_to_save, save_lite

BYTECODE = {"1.9.0": 5, "1.10.0": 7, "1.11": 7, "1.12.2": 8}
Inputs = tuple[torch.Tensor, ...]


def release_of(version: str) -> Release:
    (found,) = [one for one in load_releases() if one.platform == "android" and one.version == version]
    return found


def target_of(version: str) -> Target:
    """A release as the packaged tables know it."""
    tables, release = load_tables(), release_of(version)
    _, schemas = tables.schemas[tables.line_of(release)]
    operators = {
        name: arguments for name, arguments in schemas.items() if tables.presence(name, release).answer != "no"
    }
    archive_version = tables.limits_of(release).archive_max
    return Target(version, operators, BYTECODE[version], archive_version, release.line)


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


CASES = dict([*_pads(), *_einsums(), *_searches(), *_others()])
