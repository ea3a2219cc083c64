"""Errors of optimising, saving, loading and running files, and of reading checkpoints."""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from explaining_support import (
    changed,
    load,
    model,
    operators_changed,
    provoked_by,
    provokes,
    saved,
    script,
    trace,
)
from torch import Tensor, nn
from torch.jit.mobile import _backport_for_mobile
from torch.utils import bundled_inputs
from torch.utils.mobile_optimizer import optimize_for_mobile
from torchvision import transforms

X, IMAGE = torch.rand(2, 4), torch.rand(1, 3, 8, 8)
RELU = "def forward(self, x):\n    return torch.relu(x)"


def linear() -> Any:
    return script(nn.Linear(4, 4))


class Box:
    def __init__(self, x: Tensor) -> None:
        self.x = x


class UsesBox(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Box(x).x


class ListOfBoxes(nn.Module):
    def forward(self, x: Tensor):
        return [Box(x)]


class ReturnsItself(nn.Module):
    def forward(self, x: Tensor):
        return self


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


# --- optimising and freezing -----------------------------------------------------------------------------------------

provoked_by("optimise-not-scripted", lambda: optimize_for_mobile(nn.Linear(4, 2)))
provoked_by("optimise-not-scripted", lambda: bundled_inputs.augment_model_with_bundled_inputs(nn.Linear(4, 4), [(X,)]))
provoked_by(
    "optimise-string-padding", lambda: optimize_for_mobile(script(nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"))))
)
for _backend in ("vulkan", "metal", "gpu"):
    provoked_by(
        "optimise-gpu-backend",
        lambda backend=_backend: optimize_for_mobile(script(nn.Conv2d(3, 4, 3)), backend=backend),
    )
provoked_by("preserve-missing", lambda: optimize_for_mobile(linear(), preserved_methods=["features"]))
provoked_by("preserve-missing", lambda: torch.jit.freeze(linear(), preserved_attrs=["features"]))
provoked_by("freeze-training", lambda: torch.jit.freeze(torch.jit.script(nn.Linear(2, 3))))
provoked_by("freeze-twice", lambda: torch.jit.freeze(optimize_for_mobile(linear())))
provoked_by("freeze-not-scripted", lambda: torch.jit.freeze(nn.Linear(2, 3).eval()))
provoked_by("freeze-returns-module", lambda: torch.jit.freeze(script(ReturnsItself())))
provoked_by("optimiser-type-renamed", lambda: torch._C._MobileOptimizerType)
provoked_by("xnnpack-flag-missing", lambda: torch.backends.xnnpack)

# --- saving and bundling ---------------------------------------------------------------------------------------------

_WITH = "def forward(self, x):\n    with torch.no_grad():\n        return x * 2"
_FORK = "def forward(self, x):\n    return torch.jit.wait(torch.jit.fork(torch.relu, x))"
provokes("save-class")(lambda folder: saved(script(UsesBox()), folder))
provokes("save-class-in-list")(lambda folder: saved(script(ListOfBoxes()), folder))
provokes("save-with-statement")(lambda folder: saved(script(model(folder, _WITH)), folder))
provokes("save-instruction")(lambda folder: saved(script(model(folder, _FORK)), folder))
provokes("save-not-scripted")(lambda folder: saved(nn.Linear(3, 4), folder))
provokes("save-folder-missing")(lambda folder: saved(linear(), folder / "nowhere"))
provokes("save-folder-missing")(lambda folder: linear()._save_for_lite_interpreter(str(folder)))
provoked_by("bundle-large", lambda: bundled_inputs.augment_model_with_bundled_inputs(linear(), [(IMAGE,)]))
provoked_by("bundle-not-a-tuple", lambda: bundled_inputs.augment_model_with_bundled_inputs(linear(), [X]))


@provokes("bundle-twice")
def _bundle_twice(folder: Path) -> object:
    once = linear()
    bundled_inputs.augment_model_with_bundled_inputs(once, [(torch.zeros(1, 4),)])
    return bundled_inputs.augment_model_with_bundled_inputs(once, [(torch.zeros(1, 4),)])


# --- files of other versions and kinds -------------------------------------------------------------------------------


def _relu(folder: Path) -> Path:
    return saved(trace(model(folder, RELU)), folder)


def _bytecode(version: int, folder: Path) -> Any:
    def newer(name: str, data: bytes) -> bytes:
        return data.replace(b"K\x08", b"K" + bytes([version]), 1) if name.endswith("bytecode.pkl") else data

    return load(changed(saved(linear(), folder), newer))


provokes("bytecode-version")(lambda folder: _bytecode(12, folder))
provokes("bytecode-version")(lambda folder: _bytecode(3, folder))


@provokes("archive-version")
def _archive(folder: Path) -> object:
    return load(changed(saved(linear(), folder), lambda name, data: b"12\n" if name.endswith("/version") else data))


@provokes("xnnpack-missing-at-load")
def _class_missing(folder: Path) -> object:
    """The class of packed weights has another name, as if the library had none of that name."""
    optimised = saved(optimize_for_mobile(linear()), folder)
    return load(changed(optimised, lambda _, data: data.replace(b"xnnpack", b"xnnpacq")))


@provokes("bytecode-missing")
def _torchscript(folder: Path) -> object:
    linear().save(str(folder / "net.pt"))
    return load(folder / "net.pt")


@provokes("bytecode-missing")
def _failed_backport(folder: Path) -> object:
    assert not _backport_for_mobile(str(saved(linear(), folder)), str(folder / "stub.ptl"), 9)
    return load(folder / "stub.ptl")


@provokes("constants-missing")
def _checkpoint(folder: Path) -> object:
    torch.save(nn.Linear(4, 4).state_dict(), folder / "net.pt")
    return torch.jit.load(str(folder / "net.pt"))


@provokes("code-missing")
def _without_code(folder: Path) -> object:
    stripped = changed(saved(linear(), folder), lambda name, data: None if "/code/" in name else data)
    return torch.jit.load(str(stripped))


@provokes("not-an-archive")
def _cut_off(folder: Path) -> object:
    file = saved(linear(), folder)
    file.write_bytes(file.read_bytes()[:-100])
    return load(file)


@provokes("not-an-archive")
def _empty(folder: Path) -> object:
    (folder / "net.ptl").touch()
    return load(folder / "net.ptl")


provokes("file-missing")(lambda folder: load(folder / "nothing.ptl"))


def _renamed(folder: Path, name: str) -> Any:
    """A file that calls an operator by a name that this library does not have."""
    return load(operators_changed(_relu(folder), lambda operator: (name, *operator[1:])))


provokes("torchvision-operators")(lambda folder: _renamed(folder, "torchvision::no_such_operator"))
provokes("attention-operator")(lambda folder: _renamed(folder, "aten::scaled_dot_product_attention"))
provokes("operator-missing")(lambda folder: _renamed(folder, "aten::no_such_operator"))


@provokes("torchscript-operator-missing")
def _newer_torchscript(folder: Path) -> object:
    trace(model(folder, RELU)).save(str(folder / "net.pt"))
    newer = changed(folder / "net.pt", lambda _, data: data.replace(b"torch.relu", b"torch.rely"))
    return torch.jit.load(str(newer))


def _fewer_arguments(folder: Path, body: str, operator: str, number: int) -> Any:
    """A file that gives an operator another number of arguments than this library takes."""
    file = saved(trace(model(folder, body)), folder)
    other = operators_changed(file, lambda o: (*o[:2], number) if o[0] == operator else o)
    return load(other)(X)


_STD, _SUM = "def forward(self, x):\n    return x.std(1)", "def forward(self, x):\n    return x.sum(1, True)"
provokes("operator-default-missing")(lambda folder: _fewer_arguments(folder, _STD, "aten::std", 1))
provokes("operator-arguments-changed")(lambda folder: _fewer_arguments(folder, _SUM, "aten::sum", 2))


@provokes("no-tensor-arguments")
def _other_arguments(folder: Path) -> object:
    file = saved(trace(model(folder, "def forward(self, x):\n    return torch.flatten(x, 0, 1)")), folder)
    return load(operators_changed(file, lambda _: ("aten::relu", "", 3)))(X)


# --- the lite interpreter --------------------------------------------------------------------------------------------


def _optimised(net: nn.Module, folder: Path, x: Tensor) -> Any:
    return load(saved(optimize_for_mobile(script(net)), folder))(x)


provokes("lite-enum")(lambda folder: load(saved(script(nn.Sequential(transforms.Resize([8, 8]))), folder)))
provokes("lite-packed-sequence")(lambda folder: load(saved(script(nn.LSTM(4, 4)), folder)))
provokes("lite-keyword-argument")(lambda folder: load(saved(linear(), folder))(input=X))
provokes("lite-load-arguments")(lambda folder: torch._C._load_for_lite_interpreter(folder / "net.ptl", None))
provoked_by("torchscript-argument-type", lambda: linear()("text"), lambda: linear()([X]))
provokes("method-missing")(lambda folder: load(saved(linear(), folder)).run_method("features", X))
provokes("argument-missing")(lambda folder: load(saved(linear(), folder)).forward())
provokes("trace-type-unknown")(lambda folder: load(saved(linear(), folder))(X.numpy()))
provokes("xnnpack-parameters")(lambda folder: _optimised(nn.Conv2d(3, 4, 3).double(), folder, IMAGE.double()))
provokes("xnnpack-parameters")(lambda folder: _optimised(nn.Linear(4, 4).bfloat16(), folder, X.bfloat16()))
provokes("xnnpack-input")(lambda folder: _optimised(nn.Conv2d(3, 4, 3), folder, IMAGE.double()))
provokes("xnnpack-input")(lambda folder: _optimised(nn.Linear(4, 4), folder, X.double()))
provokes("xnnpack-rank")(lambda folder: _optimised(nn.Conv2d(3, 4, 3), folder, IMAGE[0]))


@provokes("desktop-weights")
def _packed_for_desktops(folder: Path) -> object:
    traced = torch.jit.trace(nn.Sequential(nn.Conv2d(3, 1, 1), nn.Linear(8, 2)).eval(), (IMAGE,))
    return optimize_for_mobile(torch.jit.optimize_for_inference(traced))(IMAGE)


# --- checkpoints -----------------------------------------------------------------------------------------------------


def _fit(**tensors: Tensor) -> None:
    nn.Linear(4, 2).load_state_dict({name.replace("__", "."): tensor for name, tensor in tensors.items()})


def _read(folder: Path, data: bytes | Any, **options: Any) -> Any:
    file = folder / "net.pt"
    if isinstance(data, bytes):
        file.write_bytes(data)
    else:
        torch.save(data, file)
    return torch.load(file, **options)


WEIGHT, BIAS = torch.ones(2, 4), torch.ones(2)
provoked_by("weights-prefix", lambda: _fit(module__weight=WEIGHT, module__bias=BIAS))
provoked_by("weights-shape", lambda: _fit(weight=torch.ones(3, 4), bias=torch.ones(3)))
provoked_by("weights-keys", lambda: _fit(weight=WEIGHT), lambda: _fit(weight=WEIGHT, bias=BIAS, other=BIAS))
provoked_by("weights-keys", lambda: nn.Linear(4, 2).load_state_dict(None))
provoked_by("weights-as-model", lambda: nn.Linear(4, 2).state_dict().eval(), lambda: nn.Linear(4, 2).state_dict()(X))
provokes("weights-only")(lambda folder: _read(folder, {"w": X, "best": 0.5}, weights_only=True))
provokes("weights-only")(lambda folder: _read(folder, nn.Linear(4, 2), weights_only=True))
provokes("weights-lfs-pointer")(
    lambda folder: _read(folder, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
)
provokes("weights-not-a-checkpoint")(lambda folder: _read(folder, b"<!DOCTYPE html>"))
provokes("weights-not-a-checkpoint")(lambda folder: _read(folder, pickle.dumps({"a": 1})))
provokes("weights-cut-off")(lambda folder: _read(folder, b""))


@provokes("weights-cut-off")
def _half_a_checkpoint(folder: Path) -> object:
    whole = io.BytesIO()
    torch.save(nn.Linear(400, 40).state_dict(), whole, _use_new_zipfile_serialization=False)
    return _read(folder, whole.getvalue()[:9000])


@provokes("pickled-class-missing")
def _class_gone(folder: Path) -> object:
    data = pickle.dumps(Pair(BIAS, BIAS)).replace(b"Pair", b"Gone")
    return pickle.loads(data)


@provokes("python-module-missing")
def _module_gone(folder: Path) -> object:
    assert "no_module_of_that_name" not in sys.modules
    return pickle.loads(b"cno_module_of_that_name\nNet\n.")


@provokes("cuda-checkpoint")
def _from_a_gpu(folder: Path) -> object:
    """A checkpoint whose tensors say that they are on a GPU."""
    torch.save({"w": X}, folder / "net.pt")
    moved = changed(
        folder / "net.pt", lambda _, data: data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    )
    assert zipfile.is_zipfile(moved)
    return torch.load(moved)
