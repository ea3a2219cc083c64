"""Lowering: what an old runtime lacks is written with what it has, and computes the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lowering_support import (
    BYTECODE,
    CASES,
    PLAIN,
    Case,
    assert_admitted,
    assert_alike,
    copies,
    defined,
    run_lite,
    save_for,
    save_plain,
    target_of,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.utils import bundled_inputs
from torch.utils.mobile_optimizer import optimize_for_mobile
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.segmentation import lraspp_mobilenet_v3_large
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

from ptmobile.litefile import read_lite_file
from ptmobile.worker.lowering import Lowered, Target, lower

HOW = ("trace", "script")


@pytest.fixture(autouse=True)
def _inference() -> Any:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with torch.no_grad():
        yield


def capture(model: nn.Module, how: str, *inputs: Tensor) -> torch.jit.ScriptModule:
    if how == "script":
        return torch.jit.script(model)
    return torch.jit.trace(model, copies(inputs), check_trace=False, strict=False)


def fully(lowered: Lowered) -> torch.jit.ScriptModule:
    assert lowered.changes
    assert not lowered.left
    return lowered.module


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_calls_are_rewritten_for_the_oldest_runtime(case: Case, how: str, tmp_path: Path) -> None:
    for number, inputs in enumerate(case.inputs):
        expected = case.eager()(*copies(inputs))
        module = fully(lower(case.captured(how, inputs), target_of("1.9.0")))
        tolerance = 0.0 if case.exact else 1e-6
        assert_alike(module(*copies(inputs)), expected, tolerance)
        file = save_plain(module, tmp_path / str(number), "1.9.0")
        assert not [name for name in assert_admitted(file, "1.9.0").operators if case.gone and case.gone in name]
        assert_alike(run_lite(file, inputs), expected, tolerance)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_are_computed_by_what_the_oldest_runtime_has(name: str, tmp_path: Path) -> None:
    for x in (torch.tensor([3.5, -1.0, 2.0]), torch.tensor([-4.0, 9.0, 0.0, 1.0, 5.0])):
        captured = defined(PLAIN[name])
        expected = captured(x.clone())
        module = fully(lower(captured, target_of("1.9.0")))
        file = save_plain(module, tmp_path / str(len(x)), "1.9.0")
        assert_admitted(file, "1.9.0")
        for found in (module(x.clone()), run_lite(file, (x,))):
            if isinstance(expected, str):
                assert found == expected
            else:
                assert_alike(found, expected)


@pytest.mark.parametrize("release", ["1.10.0", "1.11", "1.12.2"])
def test_newer_runtimes_get_what_they_need(release: str, tmp_path: Path) -> None:
    unchanged = set()
    for number, (name, case) in enumerate(CASES.items()):
        for how in HOW:
            inputs = case.inputs[0]
            captured = case.captured(how, inputs)
            lowered = lower(captured, target_of(release))
            assert not lowered.left, name
            assert (lowered.module is captured) == (not lowered.changes)
            unchanged |= set() if lowered.changes else {name}
            file = save_plain(lowered.module, tmp_path / f"{number}{how}", release)
            assert_admitted(file, release)
            assert_alike(run_lite(file, inputs), case.eager()(*copies(inputs)))
    some = {"1.10.0": "mT", "1.11": "mT", "1.12.2": "gelu"}
    assert ("einsum-ij,jk" in unchanged) == (release != "1.9.0")  # whose files say how many arguments are given
    assert (some[release] in unchanged) == (release != "1.10.0")
    assert "floor_divide" not in unchanged


class Scripted(nn.Module):
    """Modes, equations and shapes that are constants only where functions and methods are called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.resize = Resize()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x)).relu()
        return contract("bchw,bdhw->bcd", self.resize(y, "bilinear"), self.resize(y, "nearest"))


class Resize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1, bias=False)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor, mode: str) -> Tensor:
        return functional.interpolate(self.norm(self.conv(x)), size=(7, 9), mode=mode)


def contract(equation: str, x: Tensor, y: Tensor) -> Tensor:
    return torch.einsum(equation, [x, y])


class Attending(nn.Module):
    """Self-attention with a mask, and attention to something else."""

    def __init__(self, *, average: bool = True) -> None:
        super().__init__()
        self.own = nn.MultiheadAttention(8, 2, batch_first=True)
        self.other = nn.MultiheadAttention(8, 2, batch_first=True)
        self.average = average

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        y, weights = self.own(x, x, x, key_padding_mask=mask, average_attn_weights=self.average)
        return y, weights, self.other(y, x, x, need_weights=False)[0]


class Encoding(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x)


class Translating(nn.Module):
    """A root whose masks are decided: given as arguments, they keep the branch for nested tensors alive."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.transformer(x, x)


def filled(model: nn.Module) -> nn.Module:
    """Weights and statistics that nothing can be lost in: no zeros, no ones."""
    for parameter in model.parameters():
        parameter.normal_(0, 0.3 if parameter.dim() < 2 else 0.05)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return model.eval()


IMAGE = torch.linspace(-1, 1, 2 * 3 * 36 * 44).view(2, 3, 36, 44).sin()
WORDS = torch.linspace(-1, 1, 2 * 3 * 8).view(2, 3, 8).sin()
MASK = torch.tensor([[False, False, True], [False, True, True]])
MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[Tensor, ...]]] = {
    "vit": (lambda: VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=10), (IMAGE[..., :32, :32],)),
    "swin": (lambda: SwinTransformer([4, 4], 32, [2, 2], [2, 2], [4, 4], num_classes=10), (IMAGE,)),
    "convnext": (lambda: ConvNeXt([CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)], num_classes=10), (IMAGE,)),
    "segmentation": (lambda: lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3), (IMAGE,)),
    "constants of callers": (Scripted, (IMAGE,)),
    "encoder": (Encoding, (WORDS,)),
    "encoder, norm first": (lambda: Encoding(norm_first=True, activation="gelu"), (WORDS,)),
    "transformer": (Translating, (WORDS,)),
    "attention": (lambda: nn.MultiheadAttention(8, 2, batch_first=True), (WORDS, WORDS, WORDS)),
}
# What needs no rewriting when traced: modes are decided then, and files of bytecode 7 leave out default arguments.
# Attention to three copies is not fused.
TRACED_OLD = {"1.9.0": {"segmentation", "attention"}, "1.10.0": {"segmentation", "attention", "constants of callers"}}


def optimised(module: torch.jit.ScriptModule, how: str) -> torch.jit.ScriptModule:
    return optimize_for_mobile(torch.jit.freeze(module) if how == "trace" else module)


def count(module: torch.jit.ScriptModule, kind: str) -> int:
    return len(module.graph.findAllNodes(kind, recurse=True))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", MODELS)
def test_models_run_on_the_oldest_runtimes(name: str, how: str, tmp_path: Path) -> None:
    make, inputs = MODELS[name]
    model = filled(make())
    expected = model(*copies(inputs))
    captured = capture(model, how, *inputs)
    for release in ("1.9.0", "1.10.0"):
        lowered = lower(captured, target_of(release))
        assert not lowered.left
        assert bool(lowered.changes) == (how == "script" or name not in TRACED_OLD[release])
        fast = optimised(lowered.module, how)
        usual = optimised(captured, how)
        assert count(fast, "prepacked::conv2d_clamp_run") == count(usual, "prepacked::conv2d_clamp_run")
        assert count(fast, "prepacked::linear_clamp_run") >= count(usual, "prepacked::linear_clamp_run")
        for kind, save, module in (("fast", save_for, fast), ("plain", save_plain, lowered.module)):
            file = save(module, tmp_path / release / kind, release)
            lite = assert_admitted(file, release)
            assert (lite.bytecode_version, lite.archive_version <= 6) == (BYTECODE[release], True)
            assert_alike(run_lite(file, inputs), expected, 1e-5)


@pytest.mark.parametrize("release", ["1.9.0", "1.12.2"])
@pytest.mark.parametrize("average", [True, False])
def test_masked_and_cross_attention(release: str, average: bool, tmp_path: Path) -> None:
    model = filled(Attending(average=average))
    module = fully(lower(capture(model, "trace", WORDS, MASK), target_of("1.9.0")))
    file = save_plain(module, tmp_path / "file", release)
    assert_alike(run_lite(file, (WORDS, MASK)), model(WORDS, MASK))


def test_nothing_to_do_gives_the_module_itself() -> None:
    everything = {schema.name: 99 for schema in torch._C._jit_get_all_schemas()}
    everything |= {f"{one.name}.{one.overload_name}": 99 for one in torch._C._jit_get_all_schemas()}
    newest = Target("2.1.0", everything, 8, 10, (2, 1))
    captured = capture(filled(VisionTransformer(32, 8, 2, 2, 32, 64)), "trace", IMAGE[..., :32, :32])
    assert lower(captured, newest) == Lowered(captured, (), ())
    convolution = capture(nn.Conv2d(3, 4, 3), "script")
    assert lower(convolution, target_of("1.9.0")).module is convolution


class Views(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Parameter(torch.randn(6, 4))
        self.register_buffer("part", self.whole.detach()[2:4])
        self.again = self.whole

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(x @ self.again) + self.part.sum() + self.whole.sum()


@pytest.mark.parametrize("how", ["script"])
def test_the_given_module_is_left_as_it_is_and_shares_its_tensors(how: str) -> None:
    model = Views()
    captured = capture(model, how)
    before = str(captured.inlined_graph)
    pointers = [one.data_ptr() for one in (captured.whole, captured.again, captured.part)]
    x = torch.randn(3, 6)
    expected = captured(x)
    module = fully(lower(captured, target_of("1.9.0")))
    for one in (captured, module):
        assert [part.data_ptr() for part in (one.whole, one.again, one.part)] == pointers
        torch.testing.assert_close(one(x), expected)
    assert str(captured.inlined_graph) == before
    assert "aten::gelu" in before
    assert "aten::gelu" not in str(module.inlined_graph)


def test_a_failure_gives_the_tensors_back(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = capture(Views(), "script")

    def fail(*_: Any) -> Any:
        raise RuntimeError("no room")

    monkeypatch.setattr(torch._C, "import_ir_module_from_buffer", fail)
    with pytest.raises(RuntimeError, match="no room"):
        lower(captured, target_of("1.9.0"))
    assert captured.whole.shape == (6, 4)
    assert captured.part.shape == (2, 4)


def test_changes_are_told_in_words_with_counts() -> None:
    block = nn.Sequential(nn.Linear(4, 4), nn.GELU())
    model = nn.Sequential(*(block for _ in range(5)), nn.Sequential(nn.Linear(4, 4), nn.GELU()))
    lowered = lower(capture(model, "script"), target_of("1.9.0"))
    assert lowered.changes == ("6 calls of GELU written with erf or tanh",)


class Hopeless(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.scatter_reduce(x, 0, torch.zeros_like(x).long(), x, reduce="amax")
        return torch.linalg.svdvals(functional.gelu(y))


@pytest.mark.parametrize("how", HOW)
def test_what_cannot_be_expressed_is_said(how: str) -> None:
    lowered = lower(capture(Hopeless(), how, torch.randn(2, 3, 4)), target_of("1.9.0"))
    assert "1 call of GELU written with erf or tanh" in lowered.changes
    svd, scatter = lowered.left
    assert scatter == (
        "1 call of aten::scatter_reduce.two: 1.9.0 does not have it; only sums and means can be expressed"
    )
    assert svd == "1 call of aten::linalg_svdvals: 1.9.0 is built without LAPACK"


def test_nested_tensors_stay_where_the_app_may_give_a_mask() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1).eval()
    left = lower(capture(encoder, "script"), target_of("1.9.0")).left
    assert [name for name in left if "nested" in name or "padded" in name] == list(left)
    assert left


def test_an_equation_that_is_no_constant_is_left() -> None:
    class Given(nn.Module):
        def forward(self, x: Tensor, equation: str) -> Tensor:
            return torch.einsum(equation, [x])

    captured = capture(Given(), "script")
    lowered = lower(captured, target_of("1.9.0"))
    assert lowered.module is captured
    assert not lowered.changes
    assert [text.endswith("its equation is not a constant") for text in lowered.left] == [True]


class Methods(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(x)

    @torch.jit.export
    def padded(self, x: Tensor) -> Tensor:
        return functional.pad(x, [1, 1], "reflect")


def test_all_methods_and_bundled_inputs(tmp_path: Path) -> None:
    captured = capture(Methods(), "script")
    bundled_inputs.augment_model_with_bundled_inputs(captured, inputs=[(torch.ones(2, 3),)])
    module = fully(lower(captured, target_of("1.9.0")))
    file = save_plain(module, tmp_path / "file", "1.9.0", bytecode=8)
    lite = torch.jit.mobile._load_for_lite_interpreter(str(file))
    assert {"aten::pad", "aten::gelu"} & set(read_lite_file(file).operators) == set()
    (inputs,) = lite.run_method("get_all_bundled_inputs")
    assert torch.equal(inputs[0], torch.ones(2, 3))
    x = torch.randn(2, 3)
    assert torch.equal(lite.run_method("padded", x), functional.pad(x, [1, 1], "reflect"))


MAKER = """
import hashlib, sys, torch
from pathlib import Path
sys.path[:0] = [{tests!r}]
import test_lowering as t
torch.manual_seed(0)
torch.set_grad_enabled(False)
make, inputs = t.MODELS[sys.argv[2]]
captured = t.capture(t.filled(make()), sys.argv[3], *inputs)
filler = [torch.randn(n) for n in range(int(sys.argv[4]))]  # other addresses
module = t.lower(captured, t.target_of("1.9.0")).module
print(hashlib.sha256(t.save_for(t.optimised(module, sys.argv[3]), Path(sys.argv[1]), "1.9.0").read_bytes()).hexdigest())
"""


@pytest.mark.parametrize("how", HOW)
def test_the_same_bytes_from_two_processes(how: str, tmp_path: Path) -> None:
    program = textwrap.dedent(MAKER).format(tests=str(Path(__file__).parent))
    digests = set()
    for number in (1, 777):
        command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / str(number)), "vit", how, str(number)]
        # Scripting writes attributes in the order of a set of strings.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        digests.add(done.stdout)
    assert len(digests) == 1
