"""What the tests of loading share: specifications, checkpoints made to order, and a clean import system afterwards."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ptmobile.errors import LoadError
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.worker.loading import LoadedModel, load_model

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
REPOSITORY = MODELS.parents[2]
# A string that a checkpoint is saved with, to be replaced by any pickle opcodes: BINUNICODE, length, text.
MARKER = "REPLACE-ME"


@pytest.fixture
def clean_imports() -> Iterator[None]:
    """Loading a model changes the module path and imports its files: undo it, so that tests do not see each other."""
    torch.set_num_threads(1)
    path, modules = list(sys.path), set(sys.modules)
    loaded_from = (str(MODELS), str(REPOSITORY / "examples"), tempfile.gettempdir())
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(loaded_from):
            del sys.modules[name]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the small models in it."""
    shutil.copy(MODELS / "nets.py", tmp_path)
    return tmp_path


@pytest.fixture
def trained() -> dict[str, torch.Tensor]:
    """Weights that no fresh model has."""
    state: dict[str, torch.Tensor] = load("nets.py:TinyNet", seed=77).module.state_dict()
    state["norm.running_mean"] += 0.5
    return state


def load(model: str, workspace: Path = MODELS, **options: Any) -> LoadedModel:
    """Load by the same road as a run."""
    return load_model(ConversionSpec(model=model, **options), workspace)


def failure(model: str, workspace: Path = MODELS, **options: Any) -> LoadError:
    """The LoadError that loading must end with; its message and advice are for people, so no traceback is in them."""
    with pytest.raises(LoadError) as caught:
        load(model, workspace, **options)
    assert "Traceback" not in str(caught.value)
    assert "  File " not in str(caught.value)
    assert str(workspace) not in str(caught.value)
    return caught.value


def save(value: object, path: Path, *, zipped: bool = True) -> None:
    """torch.save in one of its two forms."""
    torch.save(value, path, _use_new_zipfile_serialization=zipped)


def load_tiny(workspace: Path, weights: str = "weights.pt", **options: Any) -> LoadedModel:
    """The smallest model with a checkpoint."""
    return load("nets.py:TinyNet", workspace, weights=weights, **options)


def tiny_failure(workspace: Path, weights: str = "weights.pt", **options: Any) -> LoadError:
    """What loading the smallest model with a checkpoint must end with."""
    return failure("nets.py:TinyNet", workspace, weights=weights, **options)


def codes(loaded: LoadedModel) -> list[str]:
    """The codes of the notices, in order."""
    return [notice.code for notice in loaded.notices]


def notice(loaded: LoadedModel, code: str) -> str:
    """The text of the one notice with this code."""
    (found,) = [notice.message for notice in loaded.notices if notice.code == code]
    return found


def same_weights(module: torch.nn.Module, state: dict[str, torch.Tensor]) -> bool:
    """Whether the module has exactly these weights."""
    own = module.state_dict()
    return own.keys() == state.keys() and all(torch.equal(own[key], value) for key, value in state.items())


def rewrite(path: Path, old: bytes, new: bytes, *, member: str = "/data.pkl") -> None:
    """Replace bytes in the pickle of a checkpoint of either form, or in another member of an archive."""
    if not zipfile.is_zipfile(path):
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new))
        return
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    assert any(old in data for name, data in members.items() if name.endswith(member))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data.replace(old, new) if name.endswith(member) else data)
    path.write_bytes(buffer.getvalue())


def text_opcode(text: str) -> bytes:
    """BINUNICODE, as torch.save writes strings."""
    return b"X" + len(text).to_bytes(4, "little") + text.encode()
