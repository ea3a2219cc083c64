"""Untrained models hide errors: their outputs are zero, or do not move. Sensitive weights change that, and no more."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from ptmobile.errors import LoadError
from ptmobile.protocol import Job
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.evidence.sensitive_weights import make_sensitive, sensitise
from ptmobile.worker.inputs.examples import TrialInputs

NOTHING, LITTLE = 1e-6, 1e-2


class Blocks(nn.Module):
    """Convolutions with normalisations whose last scale starts at zero, as residual networks are often built."""

    def __init__(self, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1), norm(8)
        nn.init.zeros_(self.norm.weight)  # type: ignore[arg-type]
        self.head = nn.Linear(8, 5)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.norm(self.conv(x)))
        return torch.as_tensor(self.head(x.mean((2, 3))))


class Scaled(nn.Module):
    """A block behind a layer scale of 1e-8 and a gate of zero: neither lets anything through."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 6), nn.Linear(6, 6)
        self.layer_scale = nn.Parameter(torch.full((6,), 1e-8))
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inner(x) * self.layer_scale, self.outer(x) * self.gate


class Counting(nn.Module):
    """Counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.as_tensor(self.norm(x))


def _images(size: int) -> list[tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(5)
    return [(torch.randn(1, 3, size, size, generator=generator),) for _ in range(3)]


def _rows() -> list[tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(5)
    return [(torch.randn(4, 6, generator=generator),) for _ in range(3)]


def _tensors(output: Any) -> list[torch.Tensor]:
    if isinstance(output, dict):
        output = list(output.values())
    return [output] if isinstance(output, torch.Tensor) else [t for item in output for t in _tensors(item)]


def _reactions(module: nn.Module, inputs: Sequence[tuple[torch.Tensor, ...]]) -> list[float]:
    """How far each output moves when the input is replaced, as a part of its size; 0 where it is below 1e-6."""
    with torch.no_grad():
        first, second = (_tensors(module(*arguments)) for arguments in inputs[:2])
    sizes = [float(one.abs().max()) for one in first]
    moved = [float((one - other).abs().max()) for one, other in zip(first, second, strict=True)]
    return [move / size if size > NOTHING else 0.0 for move, size in zip(moved, sizes, strict=True)]


@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (lambda: torchvision.models.shufflenet_v2_x0_5(weights=None), _images(64)),
        (lambda: torchvision.models.efficientnet_b0(weights=None), _images(64)),
        (lambda: torchvision.models.googlenet(weights=None, init_weights=False), _images(64)),
        (lambda: torchvision.models.vit_b_32(weights=None, num_classes=7), _images(224)),
        (lambda: Blocks(nn.BatchNorm2d), _images(16)),
        (lambda: Blocks(torchvision.ops.FrozenBatchNorm2d), _images(16)),
        (lambda: Blocks(lambda width: nn.GroupNorm(2, width)), _images(16)),
        (Scaled, _rows()),
    ],
    ids=["shufflenet", "efficientnet", "googlenet", "vit", "batch-norm", "frozen-batch-norm", "group-norm", "scaled"],
)
def test_an_untrained_model_reacts_to_its_input_afterwards(
    build: Callable[[], nn.Module], inputs: list[tuple[torch.Tensor, ...]]
) -> None:
    torch.manual_seed(0)
    module = build().eval()
    before = _reactions(module, inputs)
    assert make_sensitive(module, inputs[2], seed=3)
    after = _reactions(module, inputs)
    assert min(before) < 1e-3, "the model was no example"
    assert min(after) > LITTLE


def _as_file(module: nn.Module, arguments: tuple[torch.Tensor, ...], form: str) -> torch.jit.ScriptModule:
    """The module as TorchScript, written and read."""
    with torch.no_grad():
        made = torch.jit.trace(module, arguments) if form == "trace" else torch.jit.script(module)
    if form == "freeze":
        made = torch.jit.freeze(made)
    buffer = io.BytesIO()
    torch.jit.save(made, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch-norm": nn.BatchNorm2d,
    "frozen-batch-norm": torchvision.ops.FrozenBatchNorm2d,
}


@pytest.mark.parametrize("form", ["script", "trace"])
@pytest.mark.parametrize("norm", NORMS)
def test_torchscript_gets_the_values_that_its_class_would_get(norm: str, form: str) -> None:
    torch.manual_seed(0)
    module = Blocks(NORMS[norm]).eval()
    given = _as_file(module, _images(16)[0], form)
    code = given.inlined_graph.str()
    ours, theirs = make_sensitive(module, _images(16)[2]), make_sensitive(given, _images(16)[2])
    assert ours.statistics == theirs.statistics == ("norm",)
    assert ours.parameters == theirs.parameters
    assert ours.kept == theirs.kept == 5  # weight and bias of both convolutions, and bias of the head
    expected = module.state_dict()
    for name, value in given.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert given.inlined_graph.str() == code
    assert min(_reactions(given, _images(16))) > LITTLE


def test_torchscript_within_a_module_is_reached_and_stays_what_it_was() -> None:
    inner = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval())
    module = nn.Sequential(nn.BatchNorm2d(3), inner).eval()
    assert set(make_sensitive(module, _images(16)[0]).statistics) == {"0", "1.1"}
    assert module[1] is inner


def test_what_is_frozen_or_never_reached_is_told_apart() -> None:
    torch.manual_seed(0)
    frozen = make_sensitive(_as_file(Blocks(nn.BatchNorm2d).eval(), _images(16)[0], "freeze"), _images(16)[0])
    assert not frozen
    assert frozen.constants >= 4
    unused = nn.Sequential(nn.Conv2d(3, 4, 3)).eval()
    unused[0].norm = nn.BatchNorm2d(4)  # nothing calls it
    changed = make_sensitive(unused, _images(16)[0])
    assert (changed.statistics, changed.unreached) == ((), ("0.norm",))


def test_sizes_stay_near_one_in_any_depth() -> None:
    """Thirty blocks without calibration give 1e-14 or 1e12; statistics taken in order keep what passes at one."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for number in range(30):
        convolution = nn.Conv2d(8, 8, 3, padding=1)
        nn.init.normal_(convolution.weight, std=1.0 if number % 2 else 1e-3)
        layers += [convolution, nn.BatchNorm2d(8), nn.ReLU()]
    module = nn.Sequential(nn.Conv2d(3, 8, 1), *layers).eval()
    assert make_sensitive(module, _images(12)[0])
    with torch.no_grad():
        assert 0.5 < float(module(*_images(12)[1]).abs().max()) < 50


def test_what_was_trained_is_left_alone() -> None:
    torch.manual_seed(0)
    module = Blocks(nn.BatchNorm2d)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    module.norm.running_mean += torch.randn(8)  # type: ignore[operator]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert not make_sensitive(module.eval(), _images(16)[0])
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    def weights(seed: int) -> torch.Tensor:
        module = Scaled()
        make_sensitive(module, (), seed=seed)
        return module.layer_scale.detach()

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_neither_state_nor_randomness_of_others_is_touched() -> None:
    module, state = Counting().eval(), torch.get_rng_state()
    given = torch.randn(9, 4)
    state = torch.get_rng_state()
    changed = make_sensitive(module, (given,))
    assert changed.statistics == ("norm",)
    assert set(changed.parameters) == {"norm.weight", "norm.bias"}
    assert int(module.calls) == 0
    assert torch.equal(torch.get_rng_state(), state)


def test_a_batch_of_one_pixel_has_statistics_too() -> None:
    """A normalisation behind global pooling sees one value per channel, of which there is no variance."""
    module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3)).eval()
    make_sensitive(module, _images(16)[0])
    assert min(_reactions(module, _images(16))) > LITTLE


@pytest.mark.parametrize(("quantised", "words"), [(True, "The model is quantised"), (False, "plainly untrained")])
def test_a_model_without_untrained_weights_says_why(tmp_path: Path, quantised: bool, words: str) -> None:
    model: nn.Module = nn.Sequential(nn.Linear(4, 3), nn.ReLU()).eval()
    if quantised:
        model = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    job = Job(spec=ConversionSpec(model="net:Net"), workspace=str(tmp_path), scratch=str(tmp_path))
    with pytest.raises(LoadError, match=words):
        sensitise(job, model, TrialInputs(0, None, (torch.ones(1, 4),)))
