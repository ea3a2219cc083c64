"""Our reader and repacker against torch itself: the same answers, and files that torch still loads and runs alike."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from torch.jit.mobile import (  # noqa: E402
    _backport_for_mobile,
    _get_mobile_model_contained_types,
    _get_model_bytecode_version,
    _get_model_ops_and_info,
    _load_for_lite_interpreter,
)
from torch.utils.bundled_inputs import augment_model_with_bundled_inputs  # noqa: E402
from torch.utils.mobile_optimizer import optimize_for_mobile  # noqa: E402

from ptmobile.litefile import LiteFileError, read_lite_file, strip_records  # noqa: E402
from ptmobile.litefile.container import read_container  # noqa: E402
from ptmobile.runtimes import recommend  # noqa: E402

MODELS = """
from typing import Dict, List, NamedTuple, Optional, Tuple
import torch
from torch import Tensor, nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout())
        self.head = nn.Linear(8, 4)
        self.factor = 3
    def forward(self, x):
        return self.head(self.body(x).mean([2, 3])) / self.factor

class Loops(nn.Module):
    def forward(self, x: Tensor, times: Optional[int] = None) -> Dict[str, Tensor]:
        parts: List[Tensor] = []
        if times is not None and times > 0:
            for i in range(times):
                parts.append(torch.div(x, i + 1, rounding_mode="floor"))
        else:
            parts.append(x)
        return {"sum": torch.stack(parts).sum(0), "first": parts[0]}

class Pair(NamedTuple):
    left: Tensor
    right: Optional[int]

class Methods(nn.Module):
    def __init__(self):
        super().__init__()
        self.names = ["cat", "dog"]
        self.inner = Small()
    def forward(self, x: Tensor) -> Pair:
        return Pair(torch.nn.functional.gelu(x), 3)
    @torch.jit.export
    def name(self, at: List[int]) -> List[Tuple[int, str]]:
        return [(i, self.names[i]) for i in at]
    @torch.jit.export
    def features(self, x: Tensor) -> Tensor:
        return self.inner(x)
"""


class Case(NamedTuple):
    module: object
    inputs: tuple[object, ...]
    extra_files: dict[str, str]
    debug_info: bool = False


def models_module(folder: Path) -> dict[str, object]:
    """The classes above as a user's module; TorchScript wants to read their source from a file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "litefile_models.py").write_text(MODELS)
    sys.path.insert(0, str(folder))
    try:
        sys.modules.pop("litefile_models", None)
        return vars(__import__("litefile_models"))
    finally:
        sys.path.remove(str(folder))


def make_cases(folder: Path) -> dict[str, Callable[[], Case]]:
    names = models_module(folder)
    image = (torch.rand(1, 3, 16, 16),)

    def small() -> object:
        torch.manual_seed(0)
        return names["Small"]().eval()

    def traced() -> object:
        return torch.jit.trace(small(), image, check_trace=False)

    def script(name: str) -> object:
        torch.manual_seed(0)
        return torch.jit.script(names[name]().eval())

    def bundled() -> object:
        module = torch.jit.script(small())
        augment_model_with_bundled_inputs(module, [(torch.zeros(1, 3, 4, 4),)])
        return module

    def quantised() -> object:
        torch.backends.quantized.engine = "qnnpack"
        torch.manual_seed(0)
        return torch.jit.script(torchvision.models.quantization.mobilenet_v2(quantize=True).eval())

    def segmentation() -> object:
        torch.manual_seed(0)
        model = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)
        return torch.jit.script(model.eval())

    files = {"labels.txt": "cat\ndog", "a/b/deep.json": "{}", "größe.txt": "ü"}
    wide = (torch.rand(1, 3, 64, 64),)
    return {
        "scripted": lambda: Case(torch.jit.script(small()), image, files),
        "traced": lambda: Case(traced(), image, {}),
        "optimised-scripted": lambda: Case(optimize_for_mobile(torch.jit.script(small())), image, files),
        "optimised-traced": lambda: Case(optimize_for_mobile(torch.jit.freeze(traced())), image, {}),
        "control-flow-dict": lambda: Case(script("Loops"), (torch.rand(3), 2), {}),
        "methods-namedtuple": lambda: Case(script("Methods"), image, {}),
        "bundled": lambda: Case(bundled(), image, {}),
        "debug-info": lambda: Case(torch.jit.script(small()), image, {}, debug_info=True),
        "quantised": lambda: Case(quantised(), wide, {}),
        "segmentation": lambda: Case(segmentation(), wide, {}),
    }


CASES = (
    "scripted",
    "traced",
    "optimised-scripted",
    "optimised-traced",
    "control-flow-dict",
    "methods-namedtuple",
    "bundled",
    "debug-info",
    "quantised",
    "segmentation",
)


class Saved(NamedTuple):
    name: str
    path: Path
    case: Case


@pytest.fixture(scope="module", params=CASES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("litefile")
    case = make_cases(folder / "sources")[request.param]()
    path = folder / "model.ptl"
    case.module._save_for_lite_interpreter(
        str(path), _extra_files=case.extra_files, _save_mobile_debug_info=case.debug_info
    )
    return Saved(request.param, path, case)


def run(path: Path, case: Case) -> object:
    with torch.no_grad():
        return _load_for_lite_interpreter(str(path))(*case.inputs)


def equal(left: object, right: object) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, (tuple, list)):
        return len(left) == len(right) and all(map(equal, left, right))
    return left == right


def atomic(types: tuple[str, ...]) -> set[str]:
    return {name for name in types if not name.startswith("__torch__")}


def assert_as_torch_says(path: Path) -> None:
    lite = read_lite_file(path)
    operators = {name: info.num_schema_args for name, info in _get_model_ops_and_info(str(path)).items()}
    assert set(lite.operators) == set(operators)
    assert lite.bytecode_version == _get_model_bytecode_version(str(path))
    if lite.bytecode_version >= 6:
        # torch keeps the count of the function it happens to see first, we the largest.
        assert lite.operator_arguments.keys() == operators.keys()
        assert all(lite.operator_arguments[name] >= count for name, count in operators.items())
        if len(lite.methods) == 1:
            assert lite.operator_arguments == operators
    else:
        assert lite.operator_arguments == {}
    # torch overwrites the types of each function by those of the next; with one function it tells all.
    assert atomic(lite.types) >= _get_mobile_model_contained_types(str(path))
    if lite.methods == ("forward",) and "quantized" not in str(lite.operators):
        assert atomic(lite.types) == _get_mobile_model_contained_types(str(path))


def assert_aligned(path: Path) -> None:
    with path.open("rb") as stream:
        assert all(record.data_offset % 64 == 0 for record in read_container(stream).records)


def test_the_reader_says_what_torch_says(saved: Saved) -> None:
    assert_as_torch_says(saved.path)
    assert_aligned(saved.path)
    lite = read_lite_file(saved.path)
    assert lite.extra_files == tuple(sorted(saved.case.extra_files))
    assert "forward" in lite.methods
    module = _load_for_lite_interpreter(str(saved.path))
    assert all(module.find_method(name) for name in lite.methods)


def test_the_archive_version_is_that_of_torchs_own_reader(saved: Saved) -> None:
    reader = torch._C.PyTorchFileReader(str(saved.path))
    record = next(name for name in (".data/version", "version") if reader.has_record(name))
    assert read_lite_file(saved.path).archive_version == int(reader.get_record(record))


def test_a_stripped_file_still_loads_and_runs_alike(saved: Saved, tmp_path: Path) -> None:
    stripped = tmp_path / "model.ptl"
    before = read_lite_file(saved.path)
    report = strip_records(saved.path, stripped)
    assert report.bytes_saved > 0
    assert any(name.endswith(".debug_pkl") for name in report.dropped)
    assert_aligned(stripped)
    assert_as_torch_says(stripped)
    after = read_lite_file(stripped)
    assert (after.operators, after.archive_version, after.extra_files) == (
        before.operators,
        before.archive_version,
        before.extra_files,
    )
    if saved.name != "methods-namedtuple":  # torch 1.13's lite runtime cannot return a scripted NamedTuple
        assert equal(run(stripped, saved.case), run(saved.path, saved.case))
    with torch.no_grad():
        assert equal(torch.jit.load(str(stripped))(*saved.case.inputs), saved.case.module(*saved.case.inputs))


def test_a_stripped_file_can_be_backported(saved: Saved, tmp_path: Path) -> None:
    stripped = tmp_path / "model.ptl"
    strip_records(saved.path, stripped)
    for version in (7, 6, 5, 4):
        backported, final = tmp_path / f"v{version}.ptl", tmp_path / f"v{version}-stripped.ptl"
        assert _backport_for_mobile(str(stripped), str(backported), version)
        strip_records(backported, final)
        assert read_lite_file(final).bytecode_version == version
        assert_as_torch_says(final)
        assert_aligned(final)
        if saved.name != "methods-namedtuple":
            assert equal(run(final, saved.case), run(saved.path, saved.case))


def traces_in(path: Path, traces: set[str]) -> set[str]:
    """Which of the strings occur in a file's bytes or in its inflated records."""
    with zipfile.ZipFile(path) as archive:
        parts = [path.read_bytes(), *(archive.read(name) for name in archive.namelist())]
    return {trace for trace in traces if any(trace.encode() in part for part in parts)}


def test_nothing_of_the_machine_is_left_in_a_stripped_file(saved: Saved, tmp_path: Path) -> None:
    stripped = tmp_path / "model.ptl"
    strip_records(saved.path, stripped)
    traces = {str(Path.cwd()), str(Path.home()), str(saved.path.parent), "/usr/lib/python3", "dist-packages"}
    if len(getpass.getuser()) > 4:  # "root" or "me" occurs by chance
        traces.add(getpass.getuser())
    assert traces_in(saved.path, traces), "the file as torch wrote it has some, or this test sees nothing"
    assert traces_in(stripped, traces) == set()


def test_the_failure_stub_of_backport_is_named(tmp_path: Path) -> None:
    case = make_cases(tmp_path / "sources")["traced"]()
    case.module._save_for_lite_interpreter(str(tmp_path / "m.ptl"))
    assert not _backport_for_mobile(str(tmp_path / "m.ptl"), str(tmp_path / "stub.ptl"), 3)
    with pytest.raises(LiteFileError, match="no model"):
        read_lite_file(tmp_path / "stub.ptl")


def test_torchs_other_files_are_named(tmp_path: Path) -> None:
    case = make_cases(tmp_path / "sources")["scripted"]()
    file = tmp_path / "given"
    case.module._save_for_lite_interpreter(str(file), _use_flatbuffer=True)
    for save, words in (
        (lambda: None, "flatbuffer"),
        (lambda: torch.jit.save(case.module, str(file)), "torch.jit.save"),
        (lambda: torch.save(case.module.state_dict(), file), "torch.save"),
        (lambda: torch.save({}, file, _use_new_zipfile_serialization=False), "old format"),
    ):
        save()
        with pytest.raises(LiteFileError, match=words):
            read_lite_file(file)


def test_the_recommendation_for_this_torch(saved: Saved) -> None:
    lite = read_lite_file(saved.path)
    android = recommend(lite.bytecode_version, lite.archive_version, torch.__version__).android
    assert android is not None
    assert android.version == "1.13.1"


SAVING = """
import sys, torch
sys.path.insert(0, sys.argv[1])
import litefile_models as models
from torch.utils.mobile_optimizer import optimize_for_mobile
torch.set_num_threads(1)
torch.manual_seed(0)
small = models.Small().eval()
scripted = torch.jit.script(small)
traced = torch.jit.trace(small, torch.zeros(1, 3, 16, 16), check_trace=False)
files = {name: name for name in sys.argv[3:]}
for name, module in {
    "scripted": scripted,
    "traced": traced,
    "optimised-scripted": optimize_for_mobile(scripted),
    "optimised-traced": optimize_for_mobile(torch.jit.freeze(traced)),
    "methods": torch.jit.script(models.Methods().eval()),
}.items():
    module._save_for_lite_interpreter(f"{sys.argv[2]}/{name}.ptl", _extra_files=files)
"""


def test_two_processes_and_two_places_give_the_same_bytes(tmp_path: Path) -> None:
    """Other working directory, other source folder, extra files in another order; hash seed 0 in both."""
    extra_files = ["b.txt", "a.txt", "deep/c.txt", "labels.txt"]
    files: list[dict[str, bytes]] = []
    for number, names in enumerate((extra_files, extra_files[::-1])):
        place = tmp_path / f"place{number}" / ("below/" * number)
        (place / "out").mkdir(parents=True)
        (place / "litefile_models.py").write_text(MODELS)
        command = [sys.executable, "-c", textwrap.dedent(SAVING), str(place), str(place / "out"), *names]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, timeout=300)
        raw = sorted((place / "out").glob("*.ptl"))
        assert len(raw) == 5
        for path in raw:
            strip_records(path, path.with_suffix(".stripped"))
        files.append({path.stem: path.with_suffix(".stripped").read_bytes() for path in raw})
    assert files[0].keys() == files[1].keys()
    assert [name for name in files[0] if files[0][name] != files[1][name]] == []
