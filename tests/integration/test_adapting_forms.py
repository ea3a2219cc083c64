"""The parts of adapting one by one: taking outputs apart, forms, TorchScript types, and the way back."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.worker.adapting.forms import containers, form_of, natively_traced, positions
from ptmobile.worker.adapting.records import adaptation_of, load_adaptation, method_of, save_adaptation
from ptmobile.worker.adapting.script_types import (
    NONE,
    TENSOR,
    UNKNOWN,
    ScriptType,
    common_type,
    dict_of,
    list_of,
    optional,
)
from ptmobile.worker.adapting.tracing import TensorsOnly, put_together
from ptmobile.worker.comparing import Policy, compare_pair
from ptmobile.worker.comparing.pairs import PairSpec, load_from
from ptmobile.worker.stages.saving import prepare_to_save
from ptmobile.worker.values.files import load_tree, save_tree
from ptmobile.worker.values.opening import holds_tensor, parts_of
from ptmobile.worker.values.trees import Tree, UnsupportedValueError, flatten

X = torch.arange(4.0)


class Named(NamedTuple):
    first: Any
    second: Any


@dataclass
class Record:
    values: Any
    other: Any = None


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


# --- types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ([], UNKNOWN),
        ([TENSOR, TENSOR], TENSOR),
        ([TENSOR, NONE], optional(TENSOR)),
        ([NONE, TENSOR, NONE], optional(TENSOR)),
        ([NONE, NONE], NONE),
        ([optional(TENSOR), TENSOR], optional(TENSOR)),
        ([TENSOR, ScriptType("int")], None),
        ([list_of(UNKNOWN), list_of(TENSOR)], list_of(TENSOR)),
        ([list_of(NONE), list_of(TENSOR)], list_of(optional(TENSOR))),
        ([dict_of("str", TENSOR), dict_of("int", TENSOR)], None),
        (
            [ScriptType("Tuple", (TENSOR, NONE)), ScriptType("Tuple", (TENSOR, TENSOR))],
            ScriptType("Tuple", (TENSOR, optional(TENSOR))),
        ),
        ([ScriptType("Tuple", (TENSOR,)), ScriptType("Tuple", (TENSOR, TENSOR))], None),
        ([ScriptType("Tuple"), ScriptType("Tuple", (TENSOR,))], None),
    ],
)
def test_the_common_type_of_values(types: list[ScriptType], common: ScriptType | None) -> None:
    assert common_type(types) == common
    assert common_type(reversed(types)) == common


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (dict_of("str", list_of(optional(TENSOR))), "Dict[str, List[Optional[Tensor]]]"),
        (list_of(UNKNOWN), "List[Tensor]"),
        (ScriptType("Tuple"), "Tuple[()]"),
    ],
)
def test_types_are_written_as_torchscript_reads_them(kind: ScriptType, text: str) -> None:
    assert str(kind) == text


# --- taking apart ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "leaves"),
    [
        (Record(X, 3), ["out.values", "out.other"]),
        (Plain(a=X, b=3, c="text", d=[X, 1]), ["out.a", "out.d[0]", "out.d[1]"]),
        (Plain(_a=X, b=3), ["out._a"]),
        (Plain(_a=X, b=X), ["out.b"]),
        (Named(X, None), ["out[0]", "out[1]"]),
        (OrderedDict(a=Plain(t=X)), ["out['a'].t"]),
        ([Plain(t=X), {3: Record(None, X)}], ["out[0].t", "out[1][3].values", "out[1][3].other"]),
    ],
)
def test_paths_of_what_is_in_objects(value: Any, leaves: list[str]) -> None:
    assert list(flatten(value).leaves) == leaves


def test_what_is_left_out_of_objects_is_known() -> None:
    tree = flatten(Plain(t=X, name="text", nested=Plain(t=X, kind=Named)))
    assert tree.left_out == {"out.name": "str", "out.nested.kind": "type"}
    assert flatten(Record(X, Named)).left_out == {"out.other": "type"}


@pytest.mark.parametrize(
    "value", [object(), Plain(), Plain(a=3), Record(3, 4), len, torch.nn.Linear(2, 2), torch.float32]
)
def test_what_holds_no_tensor_is_no_output(value: Any) -> None:
    assert parts_of(value) is None
    with pytest.raises(UnsupportedValueError, match="a value of type"):
        flatten(value)


class Trap:
    """Every way to look at it is a trap but that to its ``__dict__``."""

    def __init__(self) -> None:
        object.__setattr__(self, "values", X)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Trap
        raise RuntimeError(f"{name} was asked for")

    @property
    def other(self) -> None:
        raise RuntimeError("a property")


def test_objects_are_looked_at_without_running_their_code() -> None:
    assert list(flatten(Trap()).leaves) == ["out.values"]


def test_the_search_for_tensors_ends() -> None:
    many = Plain()
    many.itself = many
    many.chain = [Plain(back=many) for _ in range(200)]
    assert not holds_tensor(many)
    deep: Any = []
    for _ in range(5000):
        deep = [deep, deep]
    assert not holds_tensor(deep)
    many.tensor = X
    assert holds_tensor(many)


# --- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": X, "b": X}, {"out['a']": "out['a']", "out['b']": "out['b']"}),
        ({"a": X, "b": [X]}, {"out['a']": "out[0]", "out['b'][0]": "out[1][0]"}),
        ([X, (X,)], {"out[0]": "out[0]", "out[1][0]": "out[1][0]"}),
        ({}, {}),
        ([X, None], {"out[0]": "out[0]", "out[1]": "out[1]"}),
        (Record(X), {"out.values": "out['values']"}),
        (Record((X, X), 3), {"out.values[0]": "out[0][0]", "out.values[1]": "out[0][1]", "out.other": "out[1]"}),
        ({"\x1b": X}, {"out['\\x1b']": "out[0]"}),
        ({False: X}, {"out[False]": "out[0]"}),
        ({1: X, "a": X}, {"out[1]": "out[0]", "out['a']": "out[1]"}),
    ],
)
def test_where_a_form_has_each_value(value: Any, where: dict[str, str]) -> None:
    assert {leaf.path: position for leaf, position in positions(form_of(flatten(value)))} == where


@pytest.mark.parametrize(
    ("value", "native"),
    [
        (X, True),
        ((X, (X, [X])), True),
        (Named(X, X), True),
        ([X, X], True),
        ([], False),
        ((X, ()), False),
        ([[X]], False),
        ((X, None), False),
        ((X, 3), False),
        ({"a": X}, False),
        (Record(X), False),
    ],
)
def test_what_the_tracer_takes_as_it_is(value: Any, native: bool) -> None:
    assert natively_traced(flatten(value)) == native


# --- there and back, for anything ------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.just("tensor"),
    st.just("tensor"),
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text("ab0é€字'\"\\{}#% \n\t", max_size=5).map(lambda text: ("text", text)),
)
KEYS = st.one_of(st.text("abcé'\"\\{#", min_size=1, max_size=4), st.integers(-3, 3))


def _containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = st.lists(children, max_size=3)
    return st.one_of(
        items.map(lambda found: ("list", found)),
        items.map(lambda found: ("tuple", found)),
        st.lists(children, min_size=2, max_size=2).map(lambda found: ("named", found)),
        st.dictionaries(KEYS, children, max_size=3).map(lambda found: ("dict", found)),
        st.dictionaries(st.sampled_from(["a", "b", "_c"]), children, min_size=1).map(lambda found: ("data", found)),
    )


def _built(plan: Any, x: torch.Tensor, numbers: Any) -> Any:
    """The value of a plan; each tensor is computed from the input in a way of its own."""
    if plan == "tensor":
        return x * next(numbers)
    if not isinstance(plan, tuple):
        return plan
    kind, parts = plan
    match kind:
        case "text":
            return parts
        case "dict":
            return {key: _built(part, x, numbers) for key, part in parts.items()}
        case "data":
            fields = {key: _built(part, x, numbers) for key, part in parts.items()}
            return make_dataclass("Made", list(fields))(**fields)
    items = [_built(part, x, numbers) for part in parts]
    return items if kind == "list" else tuple(items) if kind == "tuple" else Named(*items)


class Planned(torch.nn.Module):
    def __init__(self, plan: Any) -> None:
        super().__init__()
        self.plan = plan

    def forward(self, x: torch.Tensor) -> Any:
        return _built(self.plan, x, iter(range(1, 1000)))


@given(plan=st.recursive(LEAVES, _containers, max_leaves=12))
@settings(max_examples=80)
def test_anything_that_is_traced_comes_back_from_a_file_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, plan: Any
) -> None:
    """Whatever nesting: traced, saved, loaded, run on another input, and brought back into the model's own form."""
    model = Planned(plan)
    try:
        tree = flatten(model(X))
    except UnsupportedValueError:
        return
    if not tree.tensors():
        return
    tensors = TensorsOnly(model, tree)
    traced = torch.jit.trace(tensors, (X.clone(),), check_trace=False)
    module = put_together(traced, form_of(tree), tensors.paths, 1)
    prepare_to_save(module)
    buffer = io.BytesIO(module._save_to_buffer_for_lite_interpreter())
    lite = _load_for_lite_interpreter(buffer)
    folder = tmp_path_factory.mktemp("tree")
    save_tree(flatten(lite(X + 1)), folder / "0")
    stored = adaptation_of(tree, (None,), "trace", traced=tensors.paths)
    found = load_tree(folder / "0")
    back = stored.restored(found) if stored else found
    expected = flatten(model(X + 1))
    assert list(back.leaves) == list(expected.leaves)
    assert _seen(back) == _seen(expected)
    for path, leaf in expected.leaves.items():
        same = torch.equal(leaf, back.leaves[path]) if isinstance(leaf, torch.Tensor) else leaf == back.leaves[path]
        assert same, path
    if stored and stored.places:
        assert _seen(Tree(dict(containers(form_of(tree))))) == _seen(found)


def _seen(tree: Tree) -> dict[str, tuple[str, frozenset[str]]]:
    names = {"NamedTuple": "tuple", "OrderedDict": "dict"}
    return {path: (names.get(kind, kind), frozenset(keys)) for path, (kind, keys) in tree.containers.items()}


# --- the way back ----------------------------------------------------------------------------------------------------


def _compared(folder: Path, eager: Any, file: Any) -> list[tuple[str, str]]:
    """The findings between what an eager model and the file of its trace returned."""
    tree = flatten(eager)
    save_adaptation(adaptation_of(tree, (None,), "trace", traced=tuple(tree.tensors())), "trace", folder)
    for variant, value in (("eager", eager), ("lite (trace)", file)):
        (folder / variant).mkdir()
        save_tree(flatten(value), folder / variant / "0")
    pair = PairSpec("eager", "lite (trace)", "exact", decides=True)
    found = compare_pair(pair, load_from(folder), [0], Policy())
    assert found.passed == (not any(finding.fails for finding in found.findings))
    return [(finding.kind, finding.output) for finding in found.findings if finding.fails]


MIXED = Record((X, X * 2), 3)


@pytest.mark.parametrize(
    ("eager", "file"),
    [
        (MIXED, ((X, X * 2), 3)),
        (Record(X), {"values": X}),
        ({"a": X, "b": [X]}, (X, [X])),
        ([X, (X,)], (X, (X,))),
        ({"b": X, "a": X}, {"a": X, "b": X}),
    ],
)
def test_what_adapting_has_moved_is_no_finding(tmp_path: Path, eager: Any, file: Any) -> None:
    assert _compared(tmp_path, eager, file) == []


@pytest.mark.parametrize(
    ("eager", "file", "finding"),
    [
        (MIXED, ((X, X * 2, X), 3), ("container", "out")),
        (MIXED, ((X,), 3), ("container", "out")),
        (MIXED, ([X, X * 2], 3), ("container", "out")),
        (MIXED, ((X, X * 2), 4), ("value", "out.other")),
        (MIXED, ((X * 2, X), 3), ("value", "out.values[0]")),
        (MIXED, ((X, None), 3), ("value", "out.values[1]")),
        (MIXED, (X, X * 2, 3), ("container", "out")),
        (Record(X), {"values": X, "other": X}, ("container", "out")),
        (Record(X), {"other": X}, ("container", "out")),
        (Record(X), X, ("container", "out")),
        (Record(X), {"values": X[:2]}, ("shape", "out.values")),
        (Record(X), {"values": X.double()}, ("dtype", "out.values")),
        ({"a": X, "b": [X]}, (X, (X,)), ("container", "out")),
    ],
)
def test_any_other_difference_in_form_is_a_finding(
    tmp_path: Path, eager: Any, file: Any, finding: tuple[str, str]
) -> None:
    assert finding in _compared(tmp_path, eager, file)


def test_a_value_that_was_none_and_is_no_more_is_found(tmp_path: Path) -> None:
    """What the first input left None is not in the file, so that a later value is missing there."""
    first, later = Record(X), Record(X, X)
    save_adaptation(adaptation_of(flatten(first), (None,), "trace", traced=("out.values",)), "trace", tmp_path)
    for variant, value in (("eager", later), ("lite (trace)", {"values": X})):
        (tmp_path / variant).mkdir()
        save_tree(flatten(value), tmp_path / variant / "0")
    pair = PairSpec("eager", "lite (trace)", "exact", decides=True)
    found = compare_pair(pair, load_from(tmp_path), [0], Policy())
    assert [(f.kind, f.output, f.fails) for f in found.findings] == [("value", "out.other", True)]


@pytest.mark.parametrize(
    ("variant", "method"),
    [
        ("eager", None),
        ("eager-again", None),
        ("traced", "trace"),
        ("scripted", "script"),
        ("optimised (trace)", "trace"),
        ("device 1.12.2 x86_64, bytecode-5, attempt 2 (script)", "script"),
        ("file", None),
    ],
)
def test_which_road_a_variant_is_on(variant: str, method: str | None) -> None:
    assert method_of(variant) == method


def test_the_record_in_the_file(tmp_path: Path) -> None:
    stored = adaptation_of(flatten(Record(X)), (None, 2), "trace", ("a note",), ("out.values",))
    assert stored is not None
    assert json.loads(stored.extra_file()) == {
        "format": 1,
        "method": "trace",
        "returns": "a dictionary of 1",
        "inputs": [{"argument": 1, "positions": [1, 2]}],
        "outputs": [
            {"output": "out.values", "position": "out['values']", "note": ""},
            {"output": "out.other", "position": "", "note": "left out: it is None"},
        ],
        "notes": ["a note"],
    }
    save_adaptation(stored, "trace", tmp_path)
    assert load_adaptation("trace", tmp_path) == stored
    assert load_adaptation("script", tmp_path) is None


def test_nothing_is_recorded_of_what_stays_as_it_is() -> None:
    for value in (X, (X, None), {"a": X}, [{"a": X}], Named(X, X)):
        assert adaptation_of(flatten(value), (None,), "trace", traced=tuple(flatten(value).tensors())) is None
    assert adaptation_of(None, (None, None), "script") is None


@pytest.mark.parametrize(
    ("value", "kind"), [([X, None], "tuple"), ([[X, None]], "list"), ([None], "list"), ((), "list")]
)
def test_which_lists_stay_lists(value: Any, kind: str) -> None:
    """Java refuses those in which only some items are None, and no runtime reads the type of an empty tuple."""
    assert dict(containers(form_of(flatten(value))))["out"][0] == kind
