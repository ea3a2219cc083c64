"""Models whose inputs or outputs no file can have as they are, from start to finish."""

from __future__ import annotations

import html
import importlib.util
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from run_support import Converter, prepared_converter
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile import pipeline
from ptmobile.editions import Edition
from ptmobile.progress.base import Lines
from ptmobile.report.model import ModelReport, Report, Source, Tool
from ptmobile.report.summary import summary_blocks
from ptmobile.spec.conversion import ConversionSpec, RunSpec

LIST = {"shape": [4], "list-of": 2}


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    with prepared_converter(tmp_path_factory.mktemp("workspace")) as converter:
        yield converter


def passes(report: ModelReport, method: str) -> None:
    assert report.verdict.status == "passed", report.verdict
    assert report.file is not None
    assert report.file.verified
    assert report.file.method == method
    assert all(c.passed for c in report.result.comparisons if c.decides)
    assert all(not f.fails for c in report.result.comparisons if c.decides for f in c.findings)


def fails(report: ModelReport, code: int, *words: str) -> None:
    assert report.verdict.code == code, report.verdict
    said = "\n".join(f"{r.title}\n{r.message}\n{r.advice}" for r in report.verdict.reasons)
    for word in words:
        assert word in said


def moved(report: ModelReport) -> dict[str, str]:
    assert report.result.adapted is not None
    return {output.output: output.position for output in report.result.adapted.outputs}


def notes(report: ModelReport) -> dict[str, str]:
    assert report.result.adapted is not None
    return {output.output: output.note for output in report.result.adapted.outputs if output.note}


def from_file(convert: Converter, report: ModelReport, *inputs: torch.Tensor) -> Any:
    return _load_for_lite_interpreter(str(convert.file(report)))(*inputs)


def extra(convert: Converter, report: ModelReport) -> dict[str, Any]:
    with zipfile.ZipFile(convert.file(report)) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("extra/ptmobile/outputs.json")]
        return dict(json.loads(archive.read(name)))


# --- what a trace returns --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(
    ("model", "places"),
    [
        ("DataclassOfTensors", {"out.best": "out['best']", "out.second": "out['second']", "out.third": ""}),
        (
            "TransformersLike",
            {
                "out['logits']": "out[0]",
                "out['hidden_states'][0]": "out[1][0]",
                "out['hidden_states'][1]": "out[1][1]",
            },
        ),
        (
            "PrivateFields",
            {
                "out._fields['pred_boxes'].tensor": "out['_fields'][0]['tensor']",
                "out._fields['scores']": "out['_fields'][1]",
                "out._image_size": "",
            },
        ),
        (
            "InSlots",
            {
                "out[0].values": "out[0]['values']",
                "out[1].values": "out[1]['values']",
                "out[0].label": "",
                "out[1].label": "",
            },
        ),
        ("OddKeys", {"out[(1, 2)]": "out[0]", "out[<Color.RED: 1>]": "out[1]"}),
    ],
)
def test_objects_are_traced_into_dictionaries_and_tuples(
    convert: Converter, model: str, places: dict[str, str], optimize: bool
) -> None:
    report = convert(f"adapted.py:{model}", method="trace", optimize=optimize)
    passes(report, "trace")
    assert moved(report) == places
    told = extra(convert, report)
    assert told["format"] == 1
    assert {output["output"]: output["position"] for output in told["outputs"]} == places


@pytest.mark.parametrize(
    ("model", "kind"), [("Keyed", dict), ("CountsRows", tuple), ("MixedList", tuple), ("Mixed", tuple)]
)
def test_containers_of_all_kinds_can_be_traced(convert: Converter, model: str, kind: type) -> None:
    report = convert(f"adapted.py:{model}", {"shapes": [[2, 4], [3, 4]]}, method="trace", optimize=False)
    passes(report, "trace")
    found = from_file(convert, report, torch.rand(5, 4))
    assert type(found) is kind


def test_what_a_dataclass_holds_beside_tensors_is_told(convert: Converter) -> None:
    report = convert("adapted.py:Dataclass", method="trace")
    passes(report, "trace")
    assert notes(report) == {
        "out.aux": "left out: it is None",
        "out.size[0]": "always int 3, as on the first input",
        "out.size[1]": "always int 4, as on the first input",
        "out.color": "left out: of type adapted.Color",
    }
    logits, hidden, size = from_file(convert, report, torch.rand(2, 4))
    assert logits.shape == (2, 3)
    assert len(hidden) == 2
    assert size == (3, 4)


def test_a_size_in_a_trace_is_computed_and_not_written_down(convert: Converter) -> None:
    report = convert("adapted.py:CountsRows", {"shapes": [[2, 4], [5, 4]]}, method="trace")
    passes(report, "trace")
    assert notes(report) == {}
    assert from_file(convert, report, torch.rand(7, 4))[1] == 7


def test_a_form_that_a_file_can_have_is_left_alone(convert: Converter) -> None:
    """Adapting acts only where the plain output cannot be traced or saved."""
    for model, method in [("Nested", "trace"), ("Nested", "script"), ("Named", "script"), ("NamedTupleNet", "trace")]:
        adapted, kept = (convert(f"outputs.py:{model}", method=method, outputs=how) for how in ("adapt", "keep"))
        passes(adapted, method)
        assert adapted.result.adapted is None
        assert adapted.file is not None
        assert kept.file is not None
        assert adapted.file.content.sha256 == kept.file.content.sha256
        assert "ptmobile/outputs.json" not in adapted.file.content.extra_files


@pytest.mark.parametrize("model", ["DataclassOfTensors", "InSlots", "CountsRows", "OddKeys"])
def test_kept_as_it_is_no_road_is_open(convert: Converter, model: str) -> None:
    fails(convert(f"adapted.py:{model}", outputs="keep", method="trace"), 4, "could not be traced")


def test_a_thousand_leaves(convert: Converter) -> None:
    report = convert("adapted.py:ThousandLeaves", method="trace", optimize=False, trials=1)
    passes(report, "trace")
    assert report.result.adapted is not None
    assert len(report.result.adapted.outputs) == 1000
    found = from_file(convert, report, torch.rand(2, 4))
    assert list(found) == [f"k{n}" for n in range(500)]
    assert [type(part) for part in found["k7"]] == [torch.Tensor, dict]


# --- what is no output, or another one each time ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("Endless", ["contains itself, at out[1]"]),
        ("EndlessObject", ["contains itself, at out.box"]),
        ("RaisesWhenRead", ["out cannot be read", "ValueError: no items today"]),
        ("EndlessItems", ["more than 10000 values"]),
        ("Nothing", ["a value of type adapted.Instances at out"]),
    ],
)
def test_hostile_outputs_are_refused_in_words(convert: Converter, model: str, words: list[str]) -> None:
    fails(convert(f"adapted.py:{model}"), 3, *words)


def test_a_model_that_returns_something_else_while_it_is_traced(convert: Converter) -> None:
    report = convert("adapted.py:OtherwiseWhenTraced", method="trace")
    fails(report, 4, "put together otherwise", "same containers")


def test_keys_that_change_with_the_input_are_found(convert: Converter) -> None:
    report = convert("adapted.py:OtherKeysLater", method="trace", trials=6)
    fails(report, 5, "traced does not compute what eager computes", "is missing")


# --- what a script returns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(
    "model",
    [
        *("NamedTuples", "InternalNamedTuple", "ScriptObject", "UsesObjects", "PairsToDict", "KeepsNamedTuple"),
        *("KeepsFromTheFirstRun", "EmptyObjects"),
    ],
)
def test_scripted_objects_and_named_tuples_become_tuples(convert: Converter, model: str, optimize: bool) -> None:
    report = convert(f"adapted.py:{model}", method="script", optimize=optimize, trials=6)
    passes(report, "script")
    if not optimize:
        assert all(c.equal for c in report.result.comparisons if c.decides)


def test_what_became_of_the_classes_is_told(convert: Converter) -> None:
    report = convert("adapted.py:ScriptObject", method="script")
    assert moved(report) == {"out.values": "out['values']", "out.score": "out['score']"}
    assert report.result.adapted is not None
    assert report.result.adapted.notes == ("Objects that no file can have are tuples in it: adapted.Box.",)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("ChangesObjects", ["adapted.Changing", "set twice"]),
        ("ChangesLater", ["adapted.Changing", "changed after it was made"]),
        ("AsksForClass", ["adapted.Box", "class of a value"]),
    ],
)
def test_objects_that_no_tuple_can_be_are_named(convert: Converter, model: str, words: list[str]) -> None:
    report = convert(f"adapted.py:{model}", method="script")
    fails(report, 4, "could not be scripted", "which no file can have", *words, "method trace")
    if model == "ChangesObjects":
        passes(convert(f"adapted.py:{model}"), "trace")


@pytest.mark.parametrize("method", ["script", "trace"])
def test_a_model_that_returns_more_when_it_is_scripted(convert: Converter, method: str) -> None:
    report = convert("adapted.py:MoreWhenScripted", LIST, method=method)
    passes(report, method)
    assert report.result.adapted is not None
    (argument,) = report.result.adapted.inputs
    assert (argument.argument, argument.positions) == (0, (0, 1))
    assert any("its item [1]" in note for note in report.result.adapted.notes) == (method == "script")
    found = from_file(convert, report, torch.rand(4), torch.rand(4))
    assert [list(one) for one in found] == [["logits", "doubled"]] * 2


@pytest.mark.parametrize("optimize", [True, False])
def test_exported_methods_stay_in_an_adapted_file(convert: Converter, optimize: bool) -> None:
    options = {"preserve_methods": ["labels", "scaled"], "method": "script", "optimize": optimize}
    report = convert("adapted.py:NamedTupleAndMethods", **options)
    passes(report, "script")
    lite = _load_for_lite_interpreter(str(convert.file(report)))
    assert lite.run_method("labels") == ["cat", "dog"]
    assert torch.equal(lite.run_method("scaled", torch.ones(2, 4), 3.0), torch.full((2, 4), 3.0))


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("model", ["NamedTuples", "DataclassOfTensors"])
def test_bundled_inputs_in_an_adapted_file(convert: Converter, model: str, optimize: bool) -> None:
    report = convert(f"adapted.py:{model}", bundle_inputs=True, optimize=optimize)
    assert report.file is not None
    assert report.file.verified
    ((x,),) = _load_for_lite_interpreter(str(convert.file(report))).run_method("get_all_bundled_inputs")
    assert x.shape == (2, 4)


def test_a_torchscript_file_with_named_tuples_and_lists(convert: Converter) -> None:
    for name, inputs in (("NamedTuples", [[2, 4]]), ("Flows", [[2, 4], {"shape": [3], "list-of": 2}])):
        report = convert(f"adapted.py:{name}", *inputs, method="script", outputs="keep", optimize=False)
        with torch.no_grad():
            torch.jit.script(_model(convert.workspace, name)).save(str(convert.workspace / f"{name}.pt"))
        report = convert(f"{name}.pt", *inputs, method="script")
        passes(report, "script")


def _model(workspace: Path, name: str) -> torch.nn.Module:
    loader = importlib.util.spec_from_file_location("adapted", workspace / "adapted.py")
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    sys.modules["adapted"] = module
    loader.loader.exec_module(module)
    return getattr(module, name)().eval()  # type: ignore[no-any-return]


# --- the file --------------------------------------------------------------------------------------------------------


class TwoEditions:
    """Instead of one that knows releases: torch's own bytecode, and an old one."""

    notices = ()

    def editions(self, spec: ConversionSpec) -> tuple[Edition, ...]:
        return Edition(), Edition(name="bytecode-5", bytecode_version=5)


@pytest.mark.parametrize(
    ("model", "method"), [("TransformersLike", "trace"), ("ScriptObject", "script"), ("UsesObjects", "script")]
)
@pytest.mark.parametrize("optimize", [True, False])
def test_an_adapted_file_has_the_same_bytes_each_time_and_can_be_backported(
    convert: Converter, model: str, method: str, optimize: bool
) -> None:
    name = f"{model}-{method}-{optimize}"
    spec = convert.spec(f"adapted.py:{model}", method=method, optimize=optimize, name=name)
    run = pipeline.Run(convert.workspace, Lines(print), Source(), lambda: "now", lambda _: TwoEditions())  # type: ignore[arg-type, return-value]
    first, second = (pipeline.run_models(RunSpec(models=(spec,)), run).models[0] for _ in range(2))
    passes(first, method)
    assert first.file is not None
    assert second.file is not None
    assert first.file.content.sha256 == second.file.content.sha256
    (old,), (again,) = first.editions, second.editions
    assert old.verified
    assert old.content.bytecode_version == 5
    assert old.content.sha256 == again.content.sha256
    assert old.content.extra_files == first.file.content.extra_files
    assert "ptmobile/outputs.json" in old.content.extra_files


@pytest.mark.parametrize(("arrays", "listed"), [(2, 2), (3, 2)])
def test_a_list_from_a_data_file(convert: Converter, arrays: int, listed: int) -> None:
    tensors = [torch.rand(4) for _ in range(arrays)]
    torch.save(tensors, convert.workspace / "list.pt")
    report = convert("adapted.py:MoreWhenScripted", {"file": "list.pt", "list-of": listed}, trials=1)
    if arrays == listed:
        passes(report, "script")
        assert len(from_file(convert, report, *tensors)) == listed
    else:
        fails(report, 3, "gives 3 tensors, where list-of says 2")


def test_the_summary_says_what_is_where(convert: Converter) -> None:
    report = convert("adapted.py:TransformersLike")
    tool = Tool(version="1", isolation="same-user")
    whole = Report(tool=tool, source=Source(), created="", config=None, verdict="passed", exit_code=0, models=(report,))
    text = html.unescape("\n".join(summary_blocks(whole)))
    (line,) = [line for line in text.splitlines() if "🔀" in line]
    assert "The file returns a tuple of 2: out['logits'] is its item 0, out['hidden_states'][0] is its [1][0]" in line


# --- torchvision -----------------------------------------------------------------------------------------------------


# Few boxes, so that torchvision's two ways to suppress overlapping ones, of which a trace takes the first, are one.
SMALL_RCNN = {
    "min_size": 64,
    "max_size": 64,
    "rpn_pre_nms_top_n_test": 50,
    "num_classes": 5,
    "box_score_thresh": 0.0,
    "box_detections_per_img": 3,
}
IMAGES = {"shapes": [[3, 64, 64], [3, 64, 96]], "range": [0, 1], "list-of": 1}


@pytest.mark.parametrize(
    ("name", "inputs", "method"),
    [
        ("googlenet", [[1, 3, 32, 32]], "script"),
        ("googlenet", [[1, 3, 32, 32]], "trace"),
        ("inception_v3", [[1, 3, 80, 80]], "script"),
        ("deeplabv3_mobilenet_v3_large", [[1, 3, 32, 32]], "trace"),
        ("raft_small", [[1, 3, 128, 128]] * 2, "trace"),
    ],
)
def test_torchvision_models_with_more_than_one_output(
    convert: Converter, name: str, inputs: list[Any], method: str
) -> None:
    passes(convert(f"torchvision:{name}", *inputs, method=method, trials=1), method)


@pytest.mark.parametrize(
    ("name", "arguments", "fields"),
    [
        ("fasterrcnn_mobilenet_v3_large_320_fpn", SMALL_RCNN, ["boxes", "labels", "scores"]),
        ("ssdlite320_mobilenet_v3_large", {"score_thresh": 0.0, "detections_per_img": 3, "topk_candidates": 5}, None),
        ("keypointrcnn_resnet50_fpn", SMALL_RCNN, ["boxes", "labels", "scores", "keypoints", "keypoints_scores"]),
    ],
)
def test_detectors_can_be_scripted_for_images_of_any_size(
    convert: Converter, name: str, arguments: dict[str, Any], fields: list[str] | None
) -> None:
    report = convert(
        f"torchvision:{name}", IMAGES, model_args=arguments, method="script", optimize=False, trials=1, name=name
    )
    passes(report, "script")
    assert report.result.adapted is not None
    assert any("image_list.ImageList" in note for note in report.result.adapted.notes)
    assert torchvision.ops.nms  # importing it has registered its operators
    (found,) = from_file(convert, report, torch.rand(3, 70, 110))
    assert fields is None or list(found) == fields
    assert found["boxes"].shape[1] == 4
    assert len(found["boxes"]) == 3


def test_a_detector_can_be_traced_for_images_of_one_size(convert: Converter) -> None:
    name, images = "fasterrcnn_mobilenet_v3_large_320_fpn", {**IMAGES, "shapes": [[3, 64, 64]]}
    options = {"model_args": SMALL_RCNN, "method": "trace", "optimize": False}
    passes(convert(f"torchvision:{name}", images, **options), "trace")
    batch = convert(f"torchvision:{name}", [1, 3, 64, 64], **options)
    passes(batch, "trace")  # a batch is as good as a list to Python, and what apps make of a photo
    fails(convert(f"torchvision:{name}", [3, 64, 64], **options), 3, "list of 3d tensors", "list-of")
