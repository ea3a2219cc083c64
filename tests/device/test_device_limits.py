"""What a release reads, and where its numbers are right: formats, the defect of small convolutions, whole networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from device_support import Library, Maker, scale_error

from ptmobile.device.kit import native_abi


def test_debug_records_of_newer_torch_are_not_loaded_by_1_9(old_native: Library, make: Maker) -> None:
    x = torch.rand(1, 3, 4, 4)
    path = make(torch.nn.Conv2d(3, 4, 3), x)
    assert "isTuple()INTERNAL ASSERT FAILED" in old_native.refusal(make.old(path, strip=False))
    assert old_native.one(make.old(path), x).failure is None


def test_bytecode_that_a_release_does_not_know(native: Library, make: Maker) -> None:
    x = torch.rand(2, 2)
    path = make(torch.nn.ReLU(), x)
    lowest, highest, joined = (3, 5, "But") if native.release == "1.9.0" else (4, 9, " but")
    for version in (lowest - 1, highest + 1):
        claimed = with_bytecode_version(path, version)
        words = f"must be between {lowest} and {highest}{joined} the model version is {version}"
        assert words in native.refusal(claimed)
    for version in (4, 5):
        assert torch.equal(native.output(make.old(path, version), x), x)


def with_bytecode_version(path: Path, version: int) -> Path:
    """A copy of a file that claims another version of the bytecode: a small integer at the start of its pickle."""
    reader = torch._C.PyTorchFileReader(str(path))
    target = path.with_name(f"{path.stem}-claims-{version}.ptl")
    writer = torch._C.PyTorchFileWriter(str(target))
    for name in reader.get_all_records():
        data = reader.get_record(name)
        if name == "bytecode.pkl":
            assert data[:3] == b"\x80\x02K"
            data = data[:3] + bytes([version]) + data[4:]
        if name not in {"version", ".data/version"}:
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    return target


class SqueezeExcitation(torch.nn.Module):
    """A 1x1 convolution of one pixel, as in MobileNetV3, EfficientNet and RegNet-Y."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Conv2d(16, 32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x.mean((2, 3), keepdim=True))


@pytest.mark.parametrize("optimise", [False, True], ids=["plain", "optimised"])
def test_small_convolutions_are_wrong_on_x86_64_unless_optimised(
    x86_64: Library, make: Maker, *, optimise: bool
) -> None:
    error = squeeze_error(x86_64, make, optimise)
    assert error < 1e-6 if optimise else error > 0.1


@pytest.mark.parametrize("optimise", [False, True], ids=["plain", "optimised"])
def test_small_convolutions_are_right_on_arm64(arm64: Library, make: Maker, *, optimise: bool) -> None:
    assert squeeze_error(arm64, make, optimise) < 1e-6


def squeeze_error(library: Library, make: Maker, optimise: bool) -> float:
    model, x = SqueezeExcitation().eval(), torch.rand(1, 16, 7, 7)
    path = make.for_release(make(model, x, optimise=optimise), library.release)
    with torch.no_grad():
        return scale_error(library.output(path, x), model(x))


def test_a_quantised_model_is_bit_identical(native: Library, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.quantized, "engine", "qnnpack")
    model = torch.nn.Sequential(
        torch.quantization.QuantStub(), torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.quantization.DeQuantStub()
    ).eval()
    model.qconfig = torch.quantization.get_default_qconfig("qnnpack")  # type: ignore[assignment]
    x = torch.rand(1, 3, 8, 8)
    torch.quantization.prepare(model, inplace=True)(x)
    torch.quantization.convert(model, inplace=True)
    path = make.for_release(make(model, x), native.release)
    assert torch.equal(native.output(path, x), model(x))


@pytest.mark.parametrize("optimise", [False, True], ids=["plain", "optimised"])
def test_a_network_of_torchvision_on_x86_64(x86_64: Library, make: Maker, *, optimise: bool) -> None:
    """MobileNetV3 has squeeze-excitation blocks: plain, it is off by percents here, and on no phone."""
    error = network_error(x86_64, make, optimise)
    assert error < 5e-6 if optimise else error > 1e-3


@pytest.mark.parametrize("optimise", [False, True], ids=["plain", "optimised"])
def test_a_network_of_torchvision_on_arm64(arm64: Library, make: Maker, *, optimise: bool) -> None:
    assert network_error(arm64, make, optimise) < 5e-6


def network_error(library: Library, make: Maker, optimise: bool) -> float:
    model, x = torchvision.models.mobilenet_v3_small().eval(), torch.rand(1, 3, 224, 224)
    path = make.for_release(make(model, x, optimise=optimise), library.release)
    with torch.no_grad():
        return scale_error(library.output(path, x), model(x))


def test_the_full_library_runs_too(get_library: Callable[[str, str], Library], make: Maker) -> None:
    """Its loader and its quirks are others; a file for the lite interpreter holds what it needs as well."""
    library = get_library("1.13.1", native_abi() or pytest.skip("no Android ABI runs on this machine"))
    assert not library.prepared.lite
    model, x = torch.nn.Conv2d(3, 4, 3).eval(), torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        assert scale_error(library.output(make(model, x), x), model(x)) < 5e-6
