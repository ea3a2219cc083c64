"""Verdicts by tables about files that torch makes, above all where the libraries' own answers are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torchvision
from torch.jit.mobile import _backport_for_mobile, _load_for_lite_interpreter
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ptmobile.litefile import LiteFile, is_debug_record, read_lite_file, strip_records
from ptmobile.runtimes import Release, load_releases
from ptmobile.runtimes.limits import TableVerdict, check_against_tables, load_tables
from ptmobile.worker.verdicts.tables import table_answer

ANDROID = {one.version: one for one in load_releases() if one.platform == "android"}
SQUARE = (4, 4)


# Not as a class: TorchScript does not resolve annotations that are strings.
Pair = NamedTuple("Pair", [("first", torch.Tensor), ("second", torch.Tensor)])  # noqa: UP014


class Pairs(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Pair:
        return Pair(x, x + 1)


class Calls(torch.nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


class Maker:
    """Saves, backports and strips models as the program does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def __call__(
        self,
        model: torch.nn.Module | Callable[[torch.Tensor], torch.Tensor],
        shape: tuple[int, ...] = SQUARE,
        *,
        bytecode: int = 8,
        strip: bool = True,
        script: bool = False,
    ) -> LiteFile:
        module = (model if isinstance(model, torch.nn.Module) else Calls(model)).eval()
        with torch.no_grad():
            jit = torch.jit.script(module) if script else torch.jit.trace(module, torch.rand(shape), check_trace=False)
        self.count += 1
        path = self.folder / f"{self.count}.ptl"
        jit._save_for_lite_interpreter(str(path))
        if bytecode != 8:
            newer, path = path, self.folder / f"{self.count}-{bytecode}.ptl"
            assert _backport_for_mobile(str(newer), str(path), bytecode)
        if strip:
            strip_records(path, path, drop=is_debug_record)
        return read_lite_file(path)


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def check(file: LiteFile, version: str) -> TableVerdict:
    return check_against_tables(file, ANDROID[version], made_by=torch.__version__)


def test_a_small_network_everywhere_it_may_go(make: Maker) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
    loads = {
        bytecode: [v for v in ANDROID if check(make(model, (1, 3, 8, 8), bytecode=bytecode), v).loads == "yes"]
        for bytecode in (5, 7, 8)
    }
    assert loads == {
        5: list(ANDROID),
        7: [version for version in ANDROID if version != "1.9.0"],
        8: ["1.12.1", "1.12.2", "1.13.0", "1.13.1", "2.1.0"],
    }


def test_bytecode_8_is_refused_by_1_10_0(make: Maker) -> None:
    verdict = check(make(torch.relu), "1.10.0")
    assert (verdict.loads, verdict.findings[0].advice) == ("no", "Backport the file to bytecode 7.")


@pytest.mark.parametrize("bytecode", [5, 7])
def test_gelu_keeps_its_archive_version(make: Maker, bytecode: int) -> None:
    file = make(torch.nn.GELU(), bytecode=bytecode)
    for version in ("1.9.0", "1.10.0", "1.11"):
        verdict = check(file, version)
        assert verdict.loads == "no"
        assert "archive version 10 (raised by aten::gelu)" in " ".join(verdict.reasons("load"))
    assert check(file, "1.12.2").loads == "yes"


def test_einsum(make: Maker) -> None:
    def product(x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ij,jk->ik", x, x)

    old = check(make(product, bytecode=5), "1.9.0")
    assert (old.loads, old.loads_evidence, old.runs, old.runs_evidence) == ("yes", "asked", "no", "run")
    assert (check(make(product, bytecode=7), "1.10.0").loads, check(make(product, bytecode=7), "1.10.0").runs) == (
        "yes",
        "unknown",
    )
    assert check(make(product), "1.12.2").findings == ()


@pytest.mark.parametrize(
    ("function", "operators"),
    [
        (lambda x: x.unflatten(0, (2, 2)), {"aten::unflatten.int"}),
        (lambda x: torch.linalg.svd(x)[1], {"aten::linalg_svd"}),
        (lambda x: torch.linalg.cholesky(x @ x.T + torch.eye(4)), {"aten::linalg_cholesky"}),
        (lambda x: torch.searchsorted(x, x), {"aten::searchsorted.Tensor"}),
    ],
)
def test_what_1_9_0_loads_and_cannot_run(
    make: Maker, function: Callable[[torch.Tensor], torch.Tensor], operators: set[str]
) -> None:
    verdict = check(make(function, bytecode=5), "1.9.0")
    assert (verdict.loads, verdict.runs, verdict.runs_evidence) == ("yes", "no", "run")
    found = {name for finding in verdict.findings if finding.subject == "arguments" for name in finding.operators}
    assert found == operators


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda x: F.pad(x, (1, 1)), "aten::pad"),
        (lambda x: torch.meshgrid(x[0], x[1], indexing="ij")[0], "aten::meshgrid.indexing"),
        (torch.cov, "aten::cov"),
        (
            lambda x: F.interpolate(x[None, None], scale_factor=2.0, mode="bilinear", antialias=True),
            "aten::_upsample_bilinear2d_aa",
        ),
    ],
)
def test_operators_newer_than_1_9_0(
    make: Maker, function: Callable[[torch.Tensor], torch.Tensor], operator: str
) -> None:
    verdict = check(make(function, bytecode=5), "1.9.0")
    assert verdict.loads == "no"
    assert verdict.loads_evidence in {"asked", "desktop"}
    assert {name.removesuffix(".vec") for name in verdict.findings[0].operators} == {operator}
    assert check(make(function), "1.12.2").loads == "yes"


@pytest.mark.parametrize(
    ("function", "runs"),
    [
        (torch.linalg.inv, {"1.9.0": "no", "1.12.2": "no"}),
        (torch.linalg.det, {"1.9.0": "no", "1.12.2": "no"}),
        (lambda x: torch.linalg.qr(x)[0], {"1.9.0": "no", "1.12.2": "no"}),
        (lambda x: torch.fft.rfft(x).abs(), {"1.9.0": "no", "1.12.2": "unknown"}),
        (torch.relu, {"1.9.0": "unknown", "1.12.2": "unknown"}),
    ],
)
def test_kernels(make: Maker, function: Callable[[torch.Tensor], torch.Tensor], runs: dict[str, str]) -> None:
    file = make(function, bytecode=5)
    verdicts = {version: check(file, version) for version in runs}
    assert {verdict.loads for verdict in verdicts.values()} == {"yes"}
    assert {version: verdict.runs for version, verdict in verdicts.items()} == runs
    assert {verdict.runs_evidence for verdict in verdicts.values() if verdict.runs == "no"} <= {"run"}


def test_debug_records_of_a_backport(make: Maker) -> None:
    assert check(make(torch.relu, bytecode=5, strip=False), "1.9.0").loads == "no"
    assert check(make(torch.relu, bytecode=5), "1.9.0").loads == "yes"


def test_a_named_tuple_of_a_scripted_model(make: Maker) -> None:
    assert check(make(Pairs(), bytecode=5, script=True), "1.9.0").loads == "no"
    assert check(make(Pairs(), script=True), "1.12.2").loads == "yes"
    assert check(make(Pairs(), bytecode=5), "1.9.0").loads == "yes"


class Packing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(x, torch.tensor([4, 3, 2, 1]), batch_first=True)
        return pad_packed_sequence(packed, batch_first=True)[0]


def test_torchs_own_named_tuple(make: Maker) -> None:
    assert check(make(Packing(), (4, 4, 3), script=True), "1.12.2").loads == "no"
    assert check(make(Packing(), (4, 4, 3), script=True, bytecode=5), "1.9.0").loads == "yes"
    with pytest.raises(RuntimeError, match="Expect classes, but get nn"):
        _load_for_lite_interpreter(str(make.folder / "1.ptl"))


class Choosing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(0) > 99:
            x = torch.einsum("ij,jk->ik", [x, x])
        for _ in range(x.size(0)):
            x = torch.linalg.inv(x)
        return x.flatten().unflatten(0, [2, -1])


def test_what_a_branch_or_a_loop_may_leave_out(make: Maker) -> None:
    file = make(Choosing(), bytecode=5, script=True)
    findings = {name: one.answer for one in check(file, "1.9.0").findings for name in one.operators}
    assert findings == {"aten::einsum": "unknown", "aten::linalg_inv": "unknown", "aten::unflatten.int": "no"}
    assert "aten::flatten.using_ints" not in file.conditional
    assert make(torch.relu).conditional == ()


def test_the_operators_of_our_own_torch_are_those_of_the_tables() -> None:
    # Debian's build of 1.13.1 has no CUDA and no distributed operators; what both have takes as many arguments.
    ours = {
        f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name: len(schema.arguments)
        for schema in torch._C._jit_get_all_schemas()
    }
    table = load_tables().schemas["1.13"][1]
    shared = ours.keys() & table.keys()
    assert len(shared) > 3900
    assert {name: (ours[name], table[name]) for name in shared if ours[name] != table[name]} == {}


def test_the_archive_versions_are_torchs_own() -> None:
    torchs = {name: max(one.bumped_at_version for one in ups) for name, ups in OPERATOR_VERSIONS().items()}
    assert load_tables().facts.archive_versions == torchs


OPERATOR_VERSIONS = torch._C._get_operator_version_map


def test_torchvisions_classifiers(make: Maker) -> None:
    verdicts = {}
    for name in ("mobilenet_v2", "resnet18", "squeezenet1_1"):
        file = make(getattr(torchvision.models, name)(), (1, 3, 64, 64), bytecode=5)
        verdicts[name] = check(file, "1.9.0")
    assert {(one.loads, one.runs) for one in verdicts.values()} == {("yes", "unknown")}


def test_all_releases_answer(make: Maker) -> None:
    file = make(torch.relu)
    releases: tuple[Release, ...] = load_releases()
    assert {check_against_tables(file, one).release for one in releases} == {one.label for one in releases}


def test_a_file_that_takes_the_place_of_another_is_read_anew(make: Maker, tmp_path: Path) -> None:
    make(torch.relu)
    make(torch.relu, bytecode=5)
    file, release, tables = tmp_path / "model.ptl", ANDROID["1.9.0"].label, load_tables()
    loads = []
    for made in ("1.ptl", "2-5.ptl"):
        file.write_bytes((tmp_path / made).read_bytes())
        answer = table_answer(file, release, tables)
        assert answer is not None
        loads.append(answer.loads)
    assert loads == ["no", "yes"]
