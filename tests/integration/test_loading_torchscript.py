"""TorchScript files, and what else is given in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from loading_support import codes, failure, load, notice, rewrite, same_weights

pytestmark = pytest.mark.usefixtures("clean_imports")


def test_torchscript_file_is_loaded_onto_the_cpu(tmp_path: Path) -> None:
    module = load("nets.py:TinyNet", seed=4).module
    torch.jit.save(torch.jit.script(module), str(tmp_path / "net.pt"))
    loaded = load("net.pt", tmp_path)
    assert loaded.is_torchscript
    image = torch.randn(1, 3, 8, 8)
    assert torch.equal(loaded.module(image), module(image))


def test_torchscript_in_training_mode_is_brought_out_of_it(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(load("nets.py:Dropping").module.train()), str(tmp_path / "net.pt"))
    loaded = load("net.pt", tmp_path)
    assert torch.equal(loaded.module(torch.ones(100)), torch.ones(100))


def test_frozen_torchscript_has_no_training_mode(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.freeze(torch.jit.script(load("nets.py:TinyNet").module)), str(tmp_path / "net.pt"))
    assert load("net.pt", tmp_path).is_torchscript


def test_torchscript_with_operators_of_torchvision(tmp_path: Path) -> None:
    (tmp_path / "nms.py").write_text(
        "import torch, torchvision\n"
        "class Nms(torch.nn.Module):\n"
        "    def forward(self, boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:\n"
        "        return torchvision.ops.nms(boxes, scores, 0.5)\n"
    )
    torch.jit.save(torch.jit.script(load("nms.py:Nms", tmp_path).module), str(tmp_path / "nms.pt"))
    assert load("nms.pt", tmp_path).is_torchscript


def test_weights_for_torchscript(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(load("nets.py:TinyNet").module), str(tmp_path / "net.pt"))
    trained = load("nets.py:TinyNet", seed=9).module.state_dict()
    torch.save({"state_dict": trained}, tmp_path / "weights.pt")
    loaded = load("net.pt", tmp_path, weights="weights.pt")
    assert same_weights(loaded.module, trained)
    assert codes(loaded) == ["weights-key"]


def test_a_device_that_tracing_wrote_down_is_warned_of(tmp_path: Path) -> None:
    class OnGpu(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else torch.zeros(2, device="cuda:0")

    torch.jit.save(torch.jit.script(OnGpu()), str(tmp_path / "net.pt"))
    loaded = load("net.pt", tmp_path)
    line = OnGpu.forward.__code__.co_firstlineno + 1
    assert f"cuda:0 at {Path(__file__).name}:{line}. It will fail" in notice(loaded, "cuda-constant")


def _lite(path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2))._save_for_lite_interpreter(str(path))


def _pickled_module(path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_lite, "net.pt is a file for the mobile runtime (.ptl) already"),
        (_pickled_module, "it holds a whole pickled module of the class torch.nn.modules.linear.Linear"),
        (lambda p: torch.save({"a": torch.ones(1)}, p), "it holds a dict with the keys a: weights without the code"),
        (
            lambda p: torch.save([1], p, _use_new_zipfile_serialization=False),
            "net.pt is not a TorchScript file; it holds a list",
        ),
        (lambda p: p.write_bytes(b""), "net.pt is empty"),
        (lambda p: p.write_bytes(b"\x00\x01garbage" * 99), "net.pt is no file of PyTorch"),
        (
            lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
            "net.pt is a Git LFS pointer, not the file itself\nCheck the repository out with its large files: `lfs: t",
        ),
        (lambda p: p.write_text("<!DOCTYPE html><title>404"), "net.pt is a web page, not a model"),
    ],
)
def test_what_is_given_as_torchscript_and_is_not(write: object, message: str, tmp_path: Path) -> None:
    assert callable(write)
    write(tmp_path / "net.pt")
    assert message in str(failure("net.pt", tmp_path))


def test_torchscript_cut_off_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(20, 20)), str(path))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "net.pt is cut off or damaged" in failure("net.pt", tmp_path).message
    path.write_bytes(whole.replace(b"constants.pkl", b"konstants.pkl"))
    assert "weights without the code" in failure("net.pt", tmp_path).message
    path.write_bytes(whole.replace(b"\x80\x02", b"\x80\xff"))
    assert "net.pt cannot be read: " in failure("net.pt", tmp_path).message


def test_torchscript_of_a_newer_pytorch(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.jit.save(torch.jit.script(load("nets.py:TinyNet").module), str(path))
    rewrite(path, b"torch.relu", b"torch.swishy_relu", member=".py")
    error = failure("net.pt", tmp_path)
    assert "net.pt cannot be read by PyTorch 1.13" in error.message
    assert "Save it with torch 1.13" in error.advice
