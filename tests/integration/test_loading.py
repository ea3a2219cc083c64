"""Models of torchvision, the refusal of downloads, and the examples."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from loading_support import REPOSITORY, codes, failure, load, notice, same_weights

from ptmobile.errors import LoadError
from ptmobile.spec.coerce import Given
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.problems import Problems
from ptmobile.spec.resolve import resolve
from ptmobile.spec.workspace import Workspace
from ptmobile.worker.loading import load_model
from ptmobile.worker.loading.downloads import refuse_downloads

pytestmark = pytest.mark.usefixtures("clean_imports")


def test_torchvision_builder_gives_random_weights_and_says_so() -> None:
    loaded = load("torchvision:squeezenet1_1")
    assert type(loaded.module).__name__ == "SqueezeNet"
    assert not loaded.is_torchscript
    assert not loaded.module.training
    (untrained,) = loaded.notices
    assert (untrained.code, untrained.level) == ("untrained", "warning")


def test_torchvision_model_args_reach_the_builder() -> None:
    loaded = load("torchvision:resnet18", model_args={"num_classes": 10, "weights": None, "pretrained": False})
    assert loaded.module.get_submodule("fc").out_features == 10


def test_the_same_seed_draws_the_same_weights() -> None:
    first, again, other = (load("torchvision:squeezenet1_1", seed=seed).module.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert not all(torch.equal(value, other[key]) for key, value in first.items())


def test_torchvision_names_are_found_without_regard_to_case() -> None:
    assert type(load("torchvision:ResNet18").module).__name__ == "ResNet"


def test_torchvision_unknown_name_suggests_the_nearest() -> None:
    error = failure("torchvision:mobilnet_v2")
    assert "torchvision 0.14.1 has no model 'mobilnet_v2'; did you mean 'mobilenet_v2'?" in error.message
    assert "alexnet" in error.advice


@pytest.mark.parametrize(
    "arguments",
    [
        {"weights": "DEFAULT"},
        {"weights": "ResNet18_Weights.IMAGENET1K_V1"},
        {"pretrained": True},
        {"weights_backbone": "IMAGENET1K_V1"},
    ],
)
def test_torchvision_pretrained_weights_are_refused(arguments: dict[str, object]) -> None:
    error = failure("torchvision:resnet18", model_args=arguments)
    assert f"asks torchvision:resnet18 for pretrained weights: {next(iter(arguments))}=" in error.message
    assert "name it in `weights`: nothing is downloaded" in error.advice


@pytest.mark.parametrize("name", ["fcn_resnet50", "fasterrcnn_mobilenet_v3_large_320_fpn", "lraspp_mobilenet_v3_large"])
def test_torchvision_models_with_a_backbone_do_not_download_it(name: str) -> None:
    assert codes(load(f"torchvision:{name}")) == ["untrained"]


def test_torchvision_wrong_arguments_are_named() -> None:
    error = failure("torchvision:resnet18", model_args={"classes": 10})
    assert "torchvision:resnet18 cannot be built with the model-args {'classes': 10}" in error.message
    assert "unexpected keyword argument 'classes'" in error.message


def test_torchvision_takes_no_list_of_arguments() -> None:
    assert "take their arguments by name" in failure("torchvision:resnet18", model_args=[10]).message


def test_torchvision_with_weights_is_not_untrained(tmp_path: Path) -> None:
    trained = load("torchvision:squeezenet1_1", seed=5).module.state_dict()
    torch.save(trained, tmp_path / "weights.pth")
    loaded = load("torchvision:squeezenet1_1", tmp_path, weights="weights.pth")
    assert codes(loaded) == []
    assert same_weights(loaded.module, trained)


@pytest.mark.parametrize(
    ("factory", "source"),
    [
        ("by_hub", "https://download.example/weights.pth"),
        ("by_hub_file", "https://download.example/weights.pth"),
        ("by_torchvision", "https://download.pytorch.org/models/resnet18-f37072fd.pth"),
        ("by_repository", "https://github.com/pytorch/vision/tree/main/"),
        ("by_backbone", "https://download.pytorch.org/models/resnet50-0676ba61.pth"),
    ],
)
def test_no_factory_can_download(factory: str, source: str) -> None:
    error = failure(f"downloads.py:{factory}")
    assert f"The model tries to download {source}, and no model is downloaded" in error.message
    assert "name it in `weights`" in error.advice


def test_downloads_are_refused_also_in_modules_imported_before() -> None:
    refuse_downloads()
    with pytest.raises(LoadError, match="The model tries to download"):
        torchvision.models.alexnet(weights="DEFAULT")


DIGITS = REPOSITORY / "examples" / "digits"


def example(config: str) -> tuple[ConversionSpec, ...]:
    """The models of an example's config file, read as a run reads it."""
    given = {"config": Given(f"examples/{config}/ptmobile.yml", "config", text=True)}
    return resolve(given, Workspace(REPOSITORY), Problems()).models


def test_the_digits_example_has_learned() -> None:
    (spec,) = example("digits")
    loaded = load_model(spec, REPOSITORY)
    assert codes(loaded) == ["weights-key", "checkpoint-extras"]
    assert "'model_state_dict'" in notice(loaded, "weights-key")
    assert "epoch, lr, accuracy, optimizer" in notice(loaded, "checkpoint-extras")
    training = importlib.import_module("train")  # its folder is importable since the model beside it is loaded
    assert training.accuracy(loaded.module, *training.dataset(400, seed=123)) > 0.9


def test_the_digits_example_trains(tmp_path: Path) -> None:
    command = [sys.executable, "-B", DIGITS / "train.py", "--epochs=1", "--samples=192", "--output=digits.pt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "accuracy on 1000 new digits" in done.stdout
    shutil.copy(DIGITS / "model.py", tmp_path)
    loaded = load("model.py:DigitNet", tmp_path, weights="digits.pt")
    assert loaded.module(torch.zeros(4, 1, 28, 28)).shape == (4, 10)


def test_the_torchvision_example_names_models_that_there_are() -> None:
    specs = example("torchvision")
    assert len(specs) == 4
    assert codes(load_model(specs[0], REPOSITORY)) == ["untrained"]
    for spec in specs:
        assert spec.model.removeprefix("torchvision:") in torchvision.models.list_models()
