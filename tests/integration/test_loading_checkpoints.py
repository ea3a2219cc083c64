"""Weights from files: what training loops write is read, what is damaged or something else is explained."""

from __future__ import annotations

import argparse
import collections
import contextlib
import pathlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loading_support import (
    codes,
    load,
    load_tiny,
    notice,
    rewrite,
    same_weights,
    save,
    text_opcode,
    tiny_failure,
)
from safetensors.torch import save_file

from ptmobile.errors import LoadError
from ptmobile.worker.loading.pickle_records import DamagedFileError
from ptmobile.worker.loading.tensor_files import OldCheckpoint, TensorFile, ZipCheckpoint

pytestmark = pytest.mark.usefixtures("clean_imports")
FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])


def open_file(path: Path, *, zipped: bool) -> TensorFile:
    return ZipCheckpoint(path) if zipped else OldCheckpoint(path)


@FORMS
def test_bare_state_dict(workspace: Path, trained: dict[str, torch.Tensor], *, zipped: bool) -> None:
    save(trained, workspace / "weights.pt", zipped=zipped)
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert loaded.notices == ()


@FORMS
def test_training_checkpoint_with_floats_and_objects(
    workspace: Path, trained: dict[str, torch.Tensor], *, zipped: bool
) -> None:
    module = load("nets.py:TinyNet", workspace).module.requires_grad_(True)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    module(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 3,
        "lr": 0.1,
        "best": -0.5,
        "big": 10**40,
        "done": True,
        "parent": None,
        "name": "run",
        "raw": b"\x00\xff",
        "sizes": (1, 2.5, "x"),
        "tags": {"a", "b"},
        "frozen": frozenset({1}),
        "args": argparse.Namespace(lr=0.1, width=4),
        "path": pathlib.Path("runs"),
        "numpy": np.float64(0.25),
        "array": np.zeros(3),
        "device": torch.device("cuda:0"),
        "dtype": torch.float32,
        "counts": collections.defaultdict(list, a=[1]),
        "rng": random.getstate(),
        "torch_rng": torch.get_rng_state(),
        "optimizer": optimizer.state_dict(),
        "state_dict": trained,
    }
    save(checkpoint, workspace / "weights.pt", zipped=zipped)
    with pytest.raises(Exception, match="Unsupported"):  # what torch's own restricted unpickler says to it
        torch.load(workspace / "weights.pt", weights_only=True)
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert codes(loaded) == ["weights-key", "checkpoint-extras"]
    assert "under 'state_dict' in weights.pt" in notice(loaded, "weights-key")
    assert "weights.pt also holds epoch, lr, best, big, " in notice(loaded, "checkpoint-extras")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@FORMS
def test_every_protocol(workspace: Path, trained: dict[str, torch.Tensor], protocol: int, *, zipped: bool) -> None:
    value = {"lr": 0.1, "raw": bytearray(b"x"), "set": {1}, "args": argparse.Namespace(a=[1.5]), "net": trained}
    torch.save(value, workspace / "weights.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    assert same_weights(load_tiny(workspace).module, trained)


@FORMS
def test_every_kind_of_tensor(tmp_path: Path, *, zipped: bool) -> None:
    base = torch.arange(24.0)
    tensors = {
        "view": base[3:9],
        "steps": base[::5],
        "transposed": base.view(4, 6).t(),
        "expanded": base[:3].expand(5, 3),
        "empty": torch.zeros(0, 3),
        "number": torch.tensor(2.5),
        "channels last": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "bool": torch.tensor([True, False]),
        "quantised": torch.quantize_per_tensor(torch.randn(3, 2), 0.1, 3, torch.quint8),
        "per channel": torch.quantize_per_channel(
            torch.randn(2, 3), torch.tensor([0.5, 0.25]), torch.tensor([0, 1]), 0, torch.qint8
        ),
        **{str(d): torch.ones(3, dtype=d) for d in (torch.float16, torch.bfloat16, torch.float64, torch.complex64)},
        **{str(d): torch.ones(3, dtype=d) for d in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)},
    }
    save({**tensors, "dtype": torch.qint8, "pair": (base, base[1:])}, tmp_path / "t.pt", zipped=zipped)
    with open_file(tmp_path / "t.pt", zipped=zipped) as file:
        contents = file.contents
        assert isinstance(contents, dict)
        for name, tensor in tensors.items():
            read = file.materialise(contents[name])
            assert isinstance(read, torch.Tensor)
            assert torch.equal(read, tensor), name
            assert (read.dtype, read.stride()) == (tensor.dtype, tensor.stride()), name
        assert file.materialise(contents["dtype"]) is torch.qint8
        first, second = file.materialise(contents["pair"])
        assert second.data_ptr() == first.data_ptr() + 4  # one storage, as it was saved


def test_tensors_of_a_subclass_become_plain_ones(tmp_path: Path) -> None:
    class Special(torch.Tensor):
        pass

    globals()["Special"] = Special
    Special.__qualname__ = "Special"
    save({"a": torch.ones(2).as_subclass(Special)}, tmp_path / "t.pt")
    with ZipCheckpoint(tmp_path / "t.pt") as file:
        assert isinstance(file.contents, dict)
        assert type(file.materialise(file.contents["a"])) is torch.Tensor


def test_only_the_weights_are_read(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({"state_dict": trained, "optimizer": {"state": {0: torch.ones(1000)}}}, workspace / "weights.pt")
    with ZipCheckpoint(workspace / "weights.pt") as file:
        assert isinstance(file.contents, dict)
        for value in file.contents["state_dict"].values():
            file.materialise(value)
        assert sum(storage.numel() for storage in file._storages.values()) < 2000


@FORMS
def test_checkpoint_of_a_gpu_is_mapped_to_the_cpu(
    workspace: Path, trained: dict[str, torch.Tensor], *, zipped: bool
) -> None:
    save({"model": trained, "lr": 0.1}, workspace / "weights.pt", zipped=zipped)
    rewrite(workspace / "weights.pt", text_opcode("cpu"), text_opcode("cuda:0"))
    if zipped:
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(workspace / "weights.pt")
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert {parameter.device.type for parameter in loaded.module.parameters()} == {"cpu"}


def test_safetensors(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save_file(trained, workspace / "weights.safetensors", metadata={"format": "pt"})
    assert same_weights(load_tiny(workspace, "weights.safetensors").module, trained)
    (workspace / "weights.safetensors").rename(workspace / "weights.bin")  # known by its contents, not by its name
    assert same_weights(load_tiny(workspace, "weights.bin").module, trained)


def test_torchscript_as_weights(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    module = load("nets.py:TinyNet", workspace).module
    module.load_state_dict(trained)
    torch.jit.save(torch.jit.script(module), str(workspace / "weights.pt"))
    assert same_weights(load_tiny(workspace).module, trained)


def test_missing_batch_counters_are_no_difference(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    without = {key: value for key, value in trained.items() if not key.endswith("num_batches_tracked")}
    save_file(without, workspace / "weights.safetensors")
    assert load_tiny(workspace, "weights.safetensors").notices == ()


def test_a_module_may_rename_its_old_keys(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({key.replace("head.", "fc."): value for key, value in trained.items()}, workspace / "weights.pt")
    assert same_weights(load("nets.py:RenamesOldKeys", workspace, weights="weights.pt").module, trained)


def test_a_conversion_of_types_is_told(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({key: v.half() if v.is_floating_point() else v for key, v in trained.items()}, workspace / "weights.pt")
    assert "7 tensors were converted from float16 to float32" in notice(load_tiny(workspace), "weights-dtype")


def test_weights_of_a_diverged_training_are_warned_of(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    trained["head.bias"][0] = float("nan")
    save(trained, workspace / "weights.pt")
    (warning,) = load_tiny(workspace).notices
    assert (warning.level, warning.code) == ("warning", "weights-not-finite")
    assert "head.bias" in warning.message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.nn.Linear(2, 2), "holds a whole pickled module of the class torch.nn.modules.linear.Linear, not a stat"),
        ({"model": torch.nn.Linear(2, 2), "epoch": 1}, "holds a whole pickled module of the class torch.nn.modules"),
        (torch.ones(2), "holds a single tensor, not a state dict"),
        ({}, "holds an empty dict, not a state dict"),
        ({"epoch": 3, "lr": 0.1}, "holds a dict with the keys epoch, lr, not a state dict"),
        ([1, 2], "holds a list, not a state dict"),
        (3, "holds an int, not a state dict"),
        (argparse.Namespace(a=1), "holds an object of argparse.Namespace, not a state dict"),
    ],
)
@FORMS
def test_what_is_no_state_dict(workspace: Path, value: object, message: str, *, zipped: bool) -> None:
    save(value, workspace / "weights.pt", zipped=zipped)
    assert message in tiny_failure(workspace).message


def test_a_whole_pickled_module_is_advised_about(workspace: Path) -> None:
    save(torch.nn.Linear(2, 2), workspace / "weights.pt")
    error = tiny_failure(workspace)
    assert "torch.save(model.state_dict(), PATH)" in error.advice
    assert "`allow-pickle: true` takes the weights out of it" in error.advice


@pytest.mark.parametrize("wrap", [lambda module: module, lambda module: {"model": module, "epoch": 3}])
def test_allow_pickle_takes_the_weights_out_of_a_pickled_module(workspace: Path, wrap: Callable[[Any], Any]) -> None:
    module = load("nets.py:TinyNet", workspace, seed=8).module
    save(wrap(module), workspace / "weights.pt")
    loaded = load_tiny(workspace, allow_pickle=True)
    assert same_weights(loaded.module, module.state_dict())
    assert "full pickle" in notice(loaded, "allow-pickle")


def test_allow_pickle_runs_no_pickle_that_need_not_run(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({"state_dict": trained, "args": argparse.Namespace(a=1)}, workspace / "weights.pt")
    assert "allow-pickle" not in codes(load_tiny(workspace, allow_pickle=True))


def test_allow_pickle_finds_classes_of_the_workspace_for_any_model(workspace: Path) -> None:
    module = load("nets.py:TinyNet", workspace, seed=8).module
    torch.jit.save(torch.jit.script(module), str(workspace / "net.pt"))
    save(module, workspace / "weights.pt")
    loaded = load("net.pt", workspace, weights="weights.pt", allow_pickle=True)
    assert same_weights(loaded.module, module.state_dict())


def test_allow_pickle_with_a_class_that_is_not_there(workspace: Path) -> None:
    save(torch.nn.Linear(2, 2), workspace / "weights.pt")
    rewrite(workspace / "weights.pt", b"ctorch.nn.modules.linear\nLinear\n", b"cmissing_package.nets\nLinear\n")
    error = tiny_failure(workspace, allow_pickle=True)
    assert "Reading weights.pt with the full pickle failed: ModuleNotFoundError: No module named 'mi" in error.message
    assert "must be importable from the workspace" in error.advice


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "weights.pt is empty"),
        (b"not a checkpoint at all, but a text", "weights.pt is no file of PyTorch"),
        (b"\x80\x02garbage", "weights.pt cannot be read: it "),
        (b"\x80\x02]q\x00.", "weights.pt cannot be read: it was not written by torch.save"),
        (b"version https://git-lfs.github.com/spec/v1\n", "weights.pt is a Git LFS pointer"),
        (b"<html>404</html>", "weights.pt is a web page"),
        (b"PK\x03\x04 cut off", "weights.pt is cut off or damaged"),
        (b"\x1f\x8b compressed", "weights.pt is compressed"),
        (b'\x10\x00\x00\x00\x00\x00\x00\x00{"a": 3}        ', "weights.pt cannot be read: "),
    ],
)
def test_files_that_are_no_checkpoint(workspace: Path, data: bytes, message: str) -> None:
    (workspace / "weights.pt").write_bytes(data)
    assert message in tiny_failure(workspace).message


def test_a_missing_file_and_a_folder(workspace: Path) -> None:
    assert "weights.pt cannot be read: No such file" in tiny_failure(workspace).message
    (workspace / "weights.pt").mkdir()
    assert "weights.pt cannot be read: Is a directory" in tiny_failure(workspace).message


def test_lite_file_as_weights(workspace: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2))._save_for_lite_interpreter(str(workspace / "weights.pt"))
    assert "weights.pt is a file for the mobile runtime (.ptl) already" in tiny_failure(workspace).message


@FORMS
def test_cut_off_at_any_place(workspace: Path, trained: dict[str, torch.Tensor], *, zipped: bool) -> None:
    path = workspace / "weights.pt"
    save({"state_dict": trained, "lr": 0.1}, path, zipped=zipped)
    whole = path.read_bytes()
    for length in range(1, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        tiny_failure(workspace)


@FORMS
def test_random_damage_is_an_error_or_does_no_harm(
    workspace: Path, trained: dict[str, torch.Tensor], *, zipped: bool
) -> None:
    path = workspace / "weights.pt"
    save({"state_dict": trained, "lr": 0.1, "args": argparse.Namespace(a=[1])}, path, zipped=zipped)
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 5)):
            damaged[rng.randrange(len(whole))] = rng.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(LoadError):
            load_tiny(workspace)


def test_damaged_bytes_of_a_tensor_are_noticed(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    path = workspace / "weights.pt"
    save(trained, path)
    bias = trained["head.bias"].numpy().tobytes()
    path.write_bytes(path.read_bytes().replace(bias, bytes(len(bias))))
    assert "weights.pt cannot be read: Bad CRC-32" in tiny_failure(workspace).message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x04K\x03K\x03K\x03t", b"K\x7fK\x03K\x03K\x03t"),  # more channels than the storage has
        (b"K\x1bK\x09K\x03K\x01t", b"J\xff\xff\xff\x7fK\x09K\x03K\x01t"),  # a stride that leaves it
        (b"K\x1bK\x09K\x03K\x01t", b"J\xff\xff\xff\xffK\x09K\x03K\x01t"),  # a negative one
    ],
)
@FORMS
def test_a_tensor_cannot_reach_beyond_its_bytes(
    workspace: Path, trained: dict[str, torch.Tensor], old: bytes, new: bytes, *, zipped: bool
) -> None:
    save(trained, workspace / "weights.pt", zipped=zipped)
    rewrite(workspace / "weights.pt", old, new)
    assert "weights.pt cannot be read: a tensor" in tiny_failure(workspace).message


def test_unknown_dtypes_and_byte_orders_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.pt"
    save({"a": torch.ones(3)}, path)
    rewrite(path, b"FloatStorage", b"Float8_e5m2Storage")
    with ZipCheckpoint(path) as file, pytest.raises(DamagedFileError, match="Float8_e5m2Storage, which this PyTorch"):
        file.materialise(file.contents["a"])
    save({"a": torch.ones(3)}, path, zipped=False)
    little = text_opcode("little_endian") + b"q\x02"
    rewrite(path, little + b"\x88", little + b"\x89")
    with pytest.raises(DamagedFileError, match="byte order"):
        OldCheckpoint(path)
