"""Checkpoints that want to run code. Each payload is first shown to work on Python's own unpickler: it leaves a file.

Then it is put into a checkpoint, beside the weights and in place of one of them, in both forms of torch.save, and
loaded as a run loads it: no file may appear, no module may be imported, nothing may be called.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from loading_support import MARKER, MODELS, failure, load, rewrite, same_weights, text_opcode

from ptmobile.worker.loading.pickle_records import DamagedFileError, Named, StoredTensor, Unread
from ptmobile.worker.loading.safe_unpickler import load as read_pickle

pytestmark = pytest.mark.usefixtures("clean_imports")
CANARY = "canary-of-a-pickle"
TOUCH = f"touch {CANARY}"
EXTENSION = 0x71


def sing() -> None:
    """What a payload does if it gets to run."""
    Path(CANARY).touch()


class Bird:
    """A class of which every method that an unpickler may call sings."""

    def __new__(cls, *_args: object, **_keywords: object) -> Bird:
        if _args or _keywords:
            sing()
        return object.__new__(cls)

    def __init__(self, *_args: object) -> None:
        sing()

    def __setstate__(self, _state: object) -> None:
        sing()

    def __setitem__(self, _key: object, _value: object) -> None:
        sing()

    def append(self, _item: object) -> None:
        sing()

    def extend(self, _items: object) -> None:
        sing()

    def add(self, _item: object) -> None:
        sing()

    def __hash__(self) -> int:
        sing()
        return 0


class Feather(torch.Tensor):
    """A subclass of tensors whose state sings."""

    def __setstate__(self, _state: object) -> None:
        sing()


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def _inner() -> bytes:
    """A whole checkpoint, which torch.storage would load from the bytes of another one."""
    data = io.BytesIO()
    torch.save(MARKER, data, _use_new_zipfile_serialization=False)
    return data.getvalue().replace(text_opcode(MARKER), name("os", "system") + COMMAND + b"\x85R")


HERE = Path(__file__).stem
BIRD = name(HERE, "Bird")
EMPTY_BIRD = BIRD + b")\x81"  # NEWOBJ without arguments: silent
COMMAND = text_opcode(TOUCH)
INNER = _inner()
PAYLOADS: dict[str, bytes] = {
    "reduce": name("os", "system") + COMMAND + b"\x85R",
    "reduce of a builtin": name("builtins", "eval") + text_opcode(f"open({CANARY!r}, 'w').close()") + b"\x85R",
    "reduce under a name of Python 2": name("__builtin__", "eval") + text_opcode(f"open({CANARY!r}, 'w')") + b"\x85R",
    "stack global": text_opcode("os") + text_opcode("system") + b"\x93" + COMMAND + b"\x85R",
    "dotted name": text_opcode(HERE) + text_opcode("Bird.__init__") + b"\x93" + EMPTY_BIRD + b"\x85R",
    "inst": b"(" + COMMAND + b"ios\nsystem\n",
    "inst of a class": b"(" + COMMAND + f"i{HERE}\nBird\n".encode(),
    "obj": b"(" + name("os", "system") + COMMAND + b"o",
    "obj of a class": b"(" + BIRD + COMMAND + b"o",
    "newobj": BIRD + COMMAND + b"\x85\x81",
    "newobj_ex": BIRD + b")}" + text_opcode("song") + b"K\x01s\x92",
    "class called": BIRD + b")R",
    "build": EMPTY_BIRD + b"}b",
    "setitem": EMPTY_BIRD + b"K\x01K\x02s",
    "setitems": EMPTY_BIRD + b"(K\x01K\x02u",
    "append": EMPTY_BIRD + b"K\x01a",
    "appends": EMPTY_BIRD + b"(K\x01e",
    "additems": EMPTY_BIRD + b"(K\x01\x90",
    "as a key": b"}" + EMPTY_BIRD + b"K\x01s",
    "in a set": b"\x8f(" + EMPTY_BIRD + b"\x90",
    "extension registry": b"\x82" + bytes([EXTENSION]) + COMMAND + b"\x85R",
    "partial": name("functools", "partial") + name("os", "system") + COMMAND + b"\x86R)R",
    "attribute by attribute": name("operator", "methodcaller")
    + text_opcode("system")
    + COMMAND
    + b"\x86R"
    + name("importlib", "import_module")
    + text_opcode("os")
    + b"\x85R\x85R",
    "map": name("builtins", "list") + name("builtins", "map") + name("os", "system") + b"]" + COMMAND + b"a\x86R\x85R",
    "rebuild from a type": name("torch._tensor", "_rebuild_from_type_v2")
    + b"("
    + name("os", "system")
    + name("torch", "Tensor")
    + COMMAND
    + b"\x85}tR",
    "state of a tensor": name("torch._tensor", "_rebuild_from_type_v2")
    + b"("
    + name("torch", "zeros")
    + name(HERE, "Feather")
    + b"K\x01\x85}tR",
    "pickle in bytes": name("torch.storage", "_load_from_bytes")
    + b"B"
    + len(INNER).to_bytes(4, "little")
    + INNER
    + b"\x85R",
    "dict of defaults": name("collections", "defaultdict") + name(HERE, "Bird") + b"\x85R" + b"K\x01K\x02s",
}
# Silent also with Python's unpickler, because what they plant would sing only later.
PLANTED: dict[str, bytes] = {
    "hooks of a parameter": name("torch._utils", "_rebuild_parameter")
    + b"(N\x89"
    + name("collections", "OrderedDict")
    + b")RK\x01"
    + name("os", "system")
    + b"stR",
    "attributes of a class of torch": name("torch.nn.parameter", "Parameter")
    + b"N}"
    + text_opcode("__deepcopy__")
    + name("os", "system")
    + b"s\x86b",
    "versions of a state dict": name("collections", "OrderedDict")
    + b")R}"
    + text_opcode("_metadata")
    + EMPTY_BIRD
    + b"sb",
}
# Not a payload for Python's unpickler: `dict of defaults` calls nothing before a key is missing.
NO_CONTROL = {"dict of defaults"}


@pytest.fixture(autouse=True)
def nest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which a song would be heard; the extension code that one payload needs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text((MODELS / "nets.py").read_text())
    copyreg.add_extension("os", "system", EXTENSION)
    yield tmp_path
    copyreg.remove_extension("os", "system", EXTENSION)


def sung() -> bool:
    return Path(CANARY).exists()


@pytest.mark.parametrize("payload", [key for key in PAYLOADS if key not in NO_CONTROL])
def test_control_the_payload_works_on_pythons_own_unpickler(payload: str) -> None:
    protocol = b"\x80\x02" if "Python 2" in payload else b"\x80\x04"
    pickle.loads(protocol + PAYLOADS[payload] + b".")  # the point of this test
    assert sung()


@pytest.mark.parametrize("payload", [*PAYLOADS, *PLANTED])
def test_reading_calls_nothing(payload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []
    monkeypatch.setattr("builtins.__import__", lambda module, *_args, **_keywords: imported.append(module))
    value = read_pickle(io.BytesIO(b"\x80\x02" + {**PAYLOADS, **PLANTED}[payload] + b"."))
    monkeypatch.undo()
    assert value is None or type(value) in (Unread, Named, dict, set, OrderedDict)
    assert imported == []


@pytest.mark.parametrize("payload", [*PAYLOADS, *PLANTED])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
def test_beside_the_weights_it_is_left_alone(nest: Path, payload: str, *, zipped: bool) -> None:
    trained = load("nets.py:TinyNet", nest, seed=5).module.state_dict()
    checkpoint = {
        "epoch": 1,
        "lr": 0.1,
        "optimizer": {"state": {0: {"exp_avg": MARKER}}, "param_groups": [{"lr": 0.1}]},
        "state_dict": trained,
        "after": MARKER,
    }
    torch.save(checkpoint, nest / "weights.pt", _use_new_zipfile_serialization=zipped)
    rewrite(nest / "weights.pt", text_opcode(MARKER), {**PAYLOADS, **PLANTED}[payload])
    loaded = load("nets.py:TinyNet", nest, weights="weights.pt")
    assert same_weights(loaded.module, trained)
    assert not sung()


@pytest.mark.parametrize("payload", [*PAYLOADS, *PLANTED])
def test_in_place_of_a_weight_it_is_an_error(nest: Path, payload: str) -> None:
    state: dict[str, Any] = {**load("nets.py:TinyNet", nest).module.state_dict(), "head.bias": MARKER}
    torch.save(state, nest / "weights.pt")
    rewrite(nest / "weights.pt", text_opcode(MARKER), {**PAYLOADS, **PLANTED}[payload])
    assert "no tensors: head.bias is " in failure("nets.py:TinyNet", nest, weights="weights.pt").message
    assert not sung()


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("model", ["net.pt", "nets.py:TinyNet"])
def test_as_the_whole_file_it_is_an_error(nest: Path, payload: str, model: str) -> None:
    torch.save(MARKER, nest / "net.pt")
    rewrite(nest / "net.pt", text_opcode(MARKER), PAYLOADS[payload])
    failure(model, nest, weights=None if model == "net.pt" else "net.pt")
    assert not sung()


def test_with_allow_pickle_it_runs_so_these_tests_would_notice(nest: Path) -> None:
    torch.save({"epoch": MARKER}, nest / "weights.pt")
    rewrite(nest / "weights.pt", text_opcode(MARKER), PAYLOADS["reduce"])
    failure("nets.py:TinyNet", nest, weights="weights.pt", allow_pickle=True)
    assert sung()


def test_pythons_own_pickles_of_hostile_objects_are_inert() -> None:
    class Reducing:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (TOUCH,)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        value = read_pickle(io.BytesIO(pickle.dumps([Reducing(), {1: Reducing()}], protocol)))
        assert isinstance(value, list)
        assert isinstance(value[0], Unread)
        assert value[0].name in ("posix.system", "os.system")
    assert not sung()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"\x80\x02",
        b"\x80\x02N",
        b"\x80\x02R.",
        b"\x80\x02(.",
        b"\x80\x02e.",
        b"\x80\x02t.",
        b"\x80\x02h\x00.",
        b"\x80\x02NK\x01s.",
        b"\x80\x02NK\x01a.",
        b"\x80\x02}]K\x01s.",  # a list as a key
        b"\x80\x02}(K\x01u.",  # a key without a value
        b"\x80\x02K\x01Q.",  # a persistent id that is no tuple
        b"\x80\x02Pid\n.",
        b"\x80\x05\x97.",  # a buffer from outside
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # a text longer than the file
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.",
        b"\x80\x02ctorch\nSize\nK\x01\x85R.",
    ],
)
def test_damaged_pickles_are_told_as_such(data: bytes) -> None:
    with pytest.raises(DamagedFileError):
        read_pickle(io.BytesIO(data))


def test_a_great_memo_index_takes_no_memory() -> None:
    assert read_pickle(io.BytesIO(b"\x80\x02K\x01r\xff\xff\xff\x7f.")) == 1


def test_structures_that_contain_themselves_are_no_trap(nest: Path) -> None:
    circle: dict[str, Any] = {"epoch": 1}
    circle["model"] = circle
    circle["state_dict"] = [circle]
    torch.save(circle, nest / "weights.pt")
    assert "holds a dict with the keys epoch, model" in failure("nets.py:TinyNet", nest, weights="weights.pt").message


def test_a_tensor_of_a_subclass_is_read_without_its_class() -> None:
    data = io.BytesIO()
    torch.save(torch.ones(2).as_subclass(Feather), data)
    with zipfile.ZipFile(data) as archive:
        value = read_pickle(io.BytesIO(archive.read("archive/data.pkl")))
    assert isinstance(value, StoredTensor)
    assert not sung()
