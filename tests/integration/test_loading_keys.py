"""Weights from files: state dicts are found and fitted to the model, what does not fit is listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loading_support import (
    codes,
    failure,
    load,
    load_tiny,
    notice,
    same_weights,
    save,
    tiny_failure,
)

pytestmark = pytest.mark.usefixtures("clean_imports")
FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])


@pytest.mark.parametrize(
    "key", ["state_dict", "model_state_dict", "model", "net", "module", "params", "ema", "model.state_dict"]
)
def test_usual_nestings_are_found_and_said(workspace: Path, trained: dict[str, torch.Tensor], key: str) -> None:
    value: Any = trained
    for part in reversed(key.split(".")):
        value = {part: value, "epoch": 1}
    save(value, workspace / "weights.pt")
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert f"under {key!r} in weights.pt" in notice(loaded, "weights-key")


def test_of_several_the_most_usual_is_taken_and_the_others_named(
    workspace: Path, trained: dict[str, torch.Tensor]
) -> None:
    save({"ema": {k: v + 1 for k, v in trained.items()}, "state_dict": trained}, workspace / "weights.pt")
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert "There are also ema: choose with `weights-key`" in notice(loaded, "weights-key")
    chosen = load_tiny(workspace, weights_key="ema")
    assert same_weights(chosen.module, {k: v + 1 for k, v in trained.items()})
    assert codes(chosen) == ["checkpoint-extras"]


@pytest.mark.parametrize(
    ("key", "wrap"),
    [
        ("generator.weights", lambda s: {"generator": {"weights": s}}),
        ("model.ema", lambda s: {"model.ema": s}),
        ("nets.0", lambda s: {"nets": [s, 1]}),
        ("1", lambda s: [3, s]),
        ("7", lambda s: {7: s}),
    ],
)
def test_weights_key_with_dots(
    workspace: Path, trained: dict[str, torch.Tensor], key: str, wrap: Callable[[object], object]
) -> None:
    save(wrap(trained), workspace / "weights.pt")
    assert same_weights(load_tiny(workspace, weights_key=key).module, trained)


def test_weights_key_that_leads_nowhere(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({"generator": {"net": trained}, "epoch": 3, "optimizer": {}}, workspace / "weights.pt")
    error = tiny_failure(workspace, weights_key="generater.net")
    assert "has nothing under the weights-key 'generater.net'; did you mean 'generator.net'?" in error.message
    assert "has an int under 'epoch', not a state dict" in tiny_failure(workspace, weights_key="epoch").message
    error = tiny_failure(workspace, weights_key="generator")
    assert "has a dict with the keys net under 'generator', not a state dict" in error.message
    assert "`weights-key: generator.net`" in error.advice


def test_weights_under_unusual_keys_are_listed(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({"generator": trained, "critic": {"net_d": trained}, "step": 1}, workspace / "weights.pt")
    error = tiny_failure(workspace)
    assert "weights under no usual key; found under: generator (8 tensors), critic.net_d (8 tensors)" in error.message
    assert "`weights-key: generator`" in error.advice


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("module.", "'module.', which DataParallel puts before names, was taken out of 8"),
        ("_orig_mod.", "'_orig_mod.', which torch.compile puts before names"),
        ("module._orig_mod.", "'module.'"),
        ("model.", "'model.', which a LightningModule puts before names"),
        ("module.model.", "a LightningModule"),
    ],
)
def test_prefixes_of_wrappers_are_taken_off(
    workspace: Path, trained: dict[str, torch.Tensor], prefix: str, said: str
) -> None:
    save({f"{prefix}{key}": value for key, value in trained.items()}, workspace / "weights.pt")
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert any(said in found.message for found in loaded.notices if found.code == "weights-prefix")


def test_data_parallel_around_a_part(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    # The ImageNet example of PyTorch wraps only the features of AlexNet and VGG.
    save({key.replace("conv.", "conv.module."): value for key, value in trained.items()}, workspace / "weights.pt")
    loaded = load_tiny(workspace)
    assert same_weights(loaded.module, trained)
    assert "out of 1 of" in notice(loaded, "weights-prefix")


def test_data_parallel_checkpoint_keeps_the_versions_of_its_modules(workspace: Path) -> None:
    # Without the version in _metadata, BatchNorm would forgive a missing counter.
    state = torch.nn.DataParallel(load("nets.py:TinyNet", workspace).module).state_dict()
    del state["module.norm.num_batches_tracked"]
    save(state, workspace / "weights.pt")
    assert 'Missing key(s) in state_dict: "norm.num_batches_tracked"' in tiny_failure(workspace).message


def test_a_module_that_is_called_module_keeps_its_name(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({f"module.{key}": value for key, value in trained.items()}, workspace / "weights.pt")
    loaded = load("nets.py:Wrapped", workspace, weights="weights.pt")
    assert loaded.notices == ()
    assert torch.equal(loaded.module.state_dict()["module.head.bias"], trained["head.bias"])


def test_missing_and_unexpected_keys_and_shapes_in_one_error(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    trained["fc.weight"] = trained.pop("head.weight")
    trained["conv.weight"] = torch.zeros(9, 3, 3, 3)
    trained["step"] = torch.tensor(1)
    save(trained, workspace / "weights.pt")
    error = tiny_failure(workspace)
    lines = error.message.splitlines()
    assert lines == [
        "weights.pt does not fit the model: 1 missing, 2 unexpected, 1 of another shape",
        "missing (in the model, not in the file): head.weight",
        "unexpected (in the file, not in the model): fc.weight, step",
        "of another shape: conv.weight is [9, 3, 3, 3] in the file, [4, 3, 3, 3] in the model",
    ]


def test_nearest_names_are_given(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    trained["haed.weight"] = trained.pop("head.weight")
    save(trained, workspace / "weights.pt")
    assert "Nearest names (file ~ model): haed.weight ~ head.weight." in tiny_failure(workspace).advice


def test_long_lists_are_cut_and_counted(workspace: Path) -> None:
    save({f"layer{i}.weight": torch.ones(1) for i in range(5000)}, workspace / "weights.pt")
    error = tiny_failure(workspace)
    assert "5000 unexpected" in error.message
    assert "layer9.weight and 4990 more" in error.message
    assert "No key fits: is this the checkpoint of this model?" in error.advice


def test_another_number_of_classes_is_explained(workspace: Path) -> None:
    save(load("nets.py:TinyNet", workspace, model_args={"classes": 8}).module.state_dict(), workspace / "weights.pt")
    error = tiny_failure(workspace)
    assert "2 of another shape" in error.message
    assert "give the sizes of the training in `model-args`, for example the number of classes" in error.advice
    assert load_tiny(workspace, model_args={"classes": 8}).notices == ()


def test_another_prefix_is_hinted_at(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({f"backbone.{key}": value for key, value in trained.items()}, workspace / "weights.pt")
    assert (
        "8 of 8 keys would fit without the 'backbone.' that begins all of the file's keys"
        in tiny_failure(workspace).advice
    )
    save(trained, workspace / "weights.pt")
    error = failure("nets.py:Wrapped", workspace, weights="weights.pt")
    assert "without the 'module.' that begins all of the model's keys" in error.advice


def test_lightning_prefix_is_not_taken_off_if_something_is_left(
    workspace: Path, trained: dict[str, torch.Tensor]
) -> None:
    state = {f"model.{key}": value for key, value in trained.items()}
    save({**state, "model.loss.weight": torch.ones(1)}, workspace / "weights.pt")
    assert "8 of 9 keys would fit without the 'model.'" in tiny_failure(workspace).advice


def test_weights_for_a_model_without_any(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save(trained, workspace / "weights.pt")
    error = failure("nets.py:Stateless", workspace, weights="weights.pt")
    assert "8 unexpected" in error.message
    assert "The model has no weights to load" in error.advice


def test_what_is_no_tensor_where_one_is_needed(workspace: Path, trained: dict[str, torch.Tensor]) -> None:
    save({**trained, "head.bias": np.zeros(3)}, workspace / "weights.pt")
    error = tiny_failure(workspace)
    assert "no tensors: head.bias is an object of numpy.core.multiarray._reconstruct" in error.message
