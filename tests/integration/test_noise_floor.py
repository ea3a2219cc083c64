"""The model's own rounding error: measured, set beside the conversion's, and never a failure."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from run_support import Converter, prepared_converter

from ptmobile.report.meaning import meaning
from ptmobile.result import OutputNoise, Stage
from ptmobile.worker.comparing.pairs import load_from
from ptmobile.worker.comparing.scales import Loader
from ptmobile.worker.evidence.noise import memory
from ptmobile.worker.evidence.noise.floor import OwnErrors, jitters, own_errors
from ptmobile.worker.evidence.noise.widening import InFloat64, NoFloorError, refuse_unfit, widen
from ptmobile.worker.processes.channel import pipe
from ptmobile.worker.processes.crew import Crew
from ptmobile.worker.processes.members import Member
from ptmobile.worker.values.files import save_tree
from ptmobile.worker.values.trees import flatten

MODELS = """
import os, torch
from torch import Tensor, nn

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
    def forward(self, x: Tensor):
        return self.head(x), x.argmax(1)

class Cancels(nn.Module):
    \"\"\"Adding and subtracting a million leaves one digit.\"\"\"
    def forward(self, x: Tensor) -> Tensor:
        return (x * 3 + 1e6) - 1e6

class Magnifies(nn.Module):
    \"\"\"The last digits decide; the optimiser's fused normalisation rounds otherwise.\"\"\"
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16)
        self.norm.weight.data.uniform_(0.5, 2.0)
        self.norm.running_mean.uniform_(-0.1, 0.1)
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.norm(self.conv(x)) * 1e4)

class Torn(nn.Module):
    \"\"\"Two scores that are one sum in two orders.\"\"\"
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16)
        self.norm.weight.data.uniform_(0.5, 2.0)
        self.norm.running_var.uniform_(0.5, 2.0)
    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x)).flatten(1)
        a, b, c, d = y[:, 0:4].sum(1), y[:, 4:8].sum(1), y[:, 8:12].sum(1), y[:, 12:16].sum(1)
        return torch.stack([((a + b) + c) + d, a + (b + (c + d))], 1) + 10

class Detects(Torn):
    \"\"\"Boxes whose scores are the same sums in two orders: rounding decides which comes first.\"\"\"
    def forward(self, x: Tensor):
        y = self.norm(self.conv(x)).flatten(2).mean(2)[0]
        a, b, c, d = y[0:4], y[4:8], y[8:12], y[12:16]
        scores = torch.cat([((a + b) + c) + d, a + (b + (c + d))]) + 10
        order = scores.argsort(descending=True)
        n = torch.arange(8, dtype=torch.float32)
        boxes = torch.stack([n * 10, n, n * 10 + 9, n + 5], 1)
        return {"boxes": boxes[order], "scores": scores[order]}

class Wide(Plain):
    def __init__(self):
        super().__init__()
        self.double()

class Brain(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4).bfloat16())
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight

class Whole(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 3 + 1

def quantised():
    stubs = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
    model = nn.Sequential(stubs[0], nn.Linear(4, 3), stubs[1]).eval()
    model.qconfig = torch.ao.quantization.get_default_qconfig("qnnpack")
    torch.ao.quantization.prepare(model, inplace=True)
    model(torch.rand(8, 4))
    return torch.ao.quantization.convert(model)

class Casts(Plain):
    \"\"\"What asks for float32 by name gets float64.\"\"\"
    def __init__(self):
        super().__init__()
        self.plain = torch.rand(4)  # no buffer
    def forward(self, x: Tensor) -> Tensor:
        y = self.head(x.float() * self.plain + torch.ones(4, dtype=torch.float32)).to(torch.float32)
        return torch.softmax(y, -1, dtype=torch.float32)

class Refuses(Plain):
    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:
            raise TypeError("float32 only, please")
        return self.head(x)

class Dies(Plain):
    def forward(self, x: Tensor) -> Tensor:
        if not torch.jit.is_scripting():
            if x.dtype == torch.float64:
                os.abort()
        return self.head(x)

HOME, ELSEWHERE = os.getpid(), []

class Shakes(Plain):
    \"\"\"Gives something else from the second run on in a process that did not build it.\"\"\"
    def forward(self, x: Tensor) -> Tensor:
        if not torch.jit.is_scripting():
            if os.getpid() != HOME:
                ELSEWHERE.append(0)
            return self.head(x) + (1e-3 if len(ELSEWHERE) > 1 else 0.0)
        return self.head(x)

class Draws(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(x) + torch.rand(3)
"""


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converter]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "noisy.py").write_text(MODELS)
    with prepared_converter(folder) as converter:
        yield converter


def test_the_error_of_each_float32_output_is_measured(convert: Converter) -> None:
    report = convert("noisy.py:Plain", [2, 4])
    floor = report.result.noise
    assert floor is not None
    assert (floor.trials, floor.jitter, floor.reason) == (len(report.result.trials), 0.0, "")
    (noise,) = floor.outputs  # the other one is of integers
    assert noise.output == "out[0]"
    assert noise.max_abs is not None
    assert noise.conversion is not None
    assert 0 < noise.max_abs < 1e-6
    assert noise.multiple == pytest.approx(noise.conversion / noise.max_abs)
    assert "float32 against float64" in dict(meaning(report.result))["The model's own rounding error"]


def test_a_cancellation_is_the_models_own(convert: Converter) -> None:
    report = convert("noisy.py:Cancels", [2, 4])
    floor = report.result.noise
    assert floor is not None
    assert (floor.outputs[0].relative or 0) > 1e-3
    assert floor.outputs[0].multiple == 0.0
    assert dict(meaning(report.result))["The model's own rounding error"].endswith("; the conversion adds none")


def test_a_difference_near_the_models_own_error_says_so_and_fails_all_the_same(convert: Converter) -> None:
    report = convert("noisy.py:Magnifies", [2, 3, 8, 8], repair="off", method="script")
    assert report.verdict.code == 5
    floor = report.result.noise
    assert floor is not None
    assert (floor.outputs[0].relative or 0) > 1e-5
    findings = [f for c in report.result.comparisons for f in c.findings if f.kind == "value" and f.fails]
    assert findings
    assert all("the model's own rounding error in float32 is" in finding.message for finding in findings)
    (reason,) = report.verdict.reasons
    assert "The model's own rounding error in float32 is" in reason.message
    assert "The tolerance may be too tight for this model" in reason.advice
    assert "own-error-multiple" not in reason.advice  # with large inputs not even ten times as much would do


def test_a_detector_that_float64_makes_jump_is_said_to_do_so_by_itself(convert: Converter) -> None:
    report = convert("noisy.py:Detects", [1, 3, 8, 8], method="script", repair="off", own_error_multiple=10.0)
    assert report.verdict.code == 5  # no room is left for boxes that change places
    assert "has the same 8 rows in another order" in report.verdict.reasons[0].message
    assert "The model itself does that before it is converted: in trial " in report.verdict.reasons[0].message
    assert report.result.noise is not None
    (boxes,) = [noise for noise in report.result.noise.outputs if noise.output == "out['boxes']"]
    assert boxes.max_abs == 0.0
    assert "float64 has 8 of the 8 rows" in boxes.note


def test_room_for_the_models_own_error_is_given_where_it_is_asked_for(convert: Converter) -> None:
    asked = {"repair": "off", "method": "script", "distributions": ("normal", "uniform")}
    without = convert("noisy.py:Magnifies", [2, 3, 8, 8], **asked)
    assert without.verdict.code == 5
    assert "Set own-error-multiple: 10" in without.verdict.reasons[0].advice
    report = convert("noisy.py:Magnifies", [2, 3, 8, 8], **asked, own_error_multiple=10.0)
    assert report.verdict.code == 0
    assert report.result.proof is not None
    (output,) = report.result.proof.outputs
    assert output.atol is not None
    assert output.max_abs is not None
    assert 1e-5 * (output.scale or 0) < output.max_abs <= 10 * (output.own_error or 0) * 1.01
    assert output.atol == pytest.approx(min(10 * (output.own_error or 0), 1e-2 * (output.scale or 0)))
    (told,) = [notice.message for notice in report.result.notices if notice.code == "noise-floor"]
    assert "more than the tolerance by itself allows" in told
    exact = next(c for c in report.result.comparisons if c.candidate == "lite (script)" and c.owed == "exact")
    assert exact.outputs[0].values is not None
    assert exact.outputs[0].values.atol == 0.0


def test_room_that_is_not_needed_is_not_spoken_of(convert: Converter) -> None:
    report = convert("noisy.py:Plain", [2, 4], own_error_multiple=10.0)
    assert report.verdict.code == 0
    assert not [notice for notice in report.result.notices if notice.code == "noise-floor"]


def test_no_room_is_given_where_the_models_own_error_is_not_known(convert: Converter) -> None:
    report = convert("noisy.py:Refuses", [2, 4], own_error_multiple=10.0)
    assert report.verdict.code == 0
    told = [notice.message for notice in report.result.notices if notice.code == "noise-floor"]
    assert any("own-error-multiple allows nothing here" in message for message in told)
    assert len(told) == 2  # the other one says that it was not measured, once


def test_a_choice_between_two_scores_that_are_one_is_called_unstable(convert: Converter) -> None:
    report = convert("noisy.py:Torn", [256, 3, 3, 3], method="script")
    assert report.verdict.code == 0
    (lite,) = [d for d in report.result.decisions if d.candidate == "lite (script)"]
    assert (lite.classes, lite.top5, lite.rows + lite.ties) == (2, None, 256 * len(report.result.trials))
    assert 0 < lite.top1 < lite.rows
    assert lite.ties > 0
    assert lite.margin is not None
    assert lite.difference is not None
    assert lite.margin < lite.difference
    assert [w.title for w in report.verdict.warnings] == ["decision"]
    assert "Numerically equal, decision unstable" in report.verdict.warnings[0].message


REASONS = {
    "noisy.py:Wide": ({"shape": [2, 4], "dtype": "float64"}, "computes in float64 itself"),
    "noisy.py:Brain": ({"shape": [2, 4], "dtype": "bfloat16"}, "computes with bfloat16"),
    "noisy.py:Whole": ({"shape": [2, 4], "dtype": "int64"}, "computes with integers"),
    "noisy.py:quantised": ([2, 4], "is quantised"),
    "noisy.py:Refuses": ([2, 4], "float32 only, please"),
    "noisy.py:Draws": ([2, 4], "Two eager runs on the same input differ"),
    "noisy.py:Dies": ([2, 4], "SIGABRT"),
}


@pytest.mark.parametrize("model", REASONS)
def test_where_there_is_none_the_reason_is_said(convert: Converter, model: str) -> None:
    entry, reason = REASONS[model]
    report = convert(model, entry)
    floor = report.result.noise
    assert floor is not None
    assert floor.outputs == ()
    assert reason in floor.reason
    assert "not measured: " in dict(meaning(report.result))["The model's own rounding error"]
    failed = model.endswith(("Refuses", "Dies"))
    assert [n.level for n in report.result.notices if n.code == "noise-floor"] == ["notice"] * failed
    if not model.endswith("Draws"):
        assert report.verdict.code == 0
        assert not [stage for stage in report.result.stages if stage.status == "failed" and not stage.method]


def test_explicit_casts_to_float32_are_made_to_float64(convert: Converter) -> None:
    floor = convert("noisy.py:Casts", [2, 4]).result.noise
    assert floor is not None
    assert floor.reason == ""
    assert 0 < (floor.outputs[0].max_abs or 0) < 1e-6


def test_a_float64_run_computes_in_float64_throughout() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.rand(3))
            self.plain = torch.rand(3)
            self.register_buffer("wave", torch.ones(3, dtype=torch.complex64))

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            cast = x.to(torch.float32)
            made = torch.zeros(3, dtype=torch.float32) + torch.tensor([0.5], dtype=torch.float32)
            return [x * self.weight, cast, made, self.plain, x.type(torch.float32), x * self.wave, x.sum().float()]

    wide = widen(Model())
    with torch.no_grad(), InFloat64():
        kinds = [value.dtype for value in wide(torch.rand(3, dtype=torch.float64))]
    assert kinds == [torch.float64] * 5 + [torch.complex128, torch.float64]


def test_a_cast_to_half_hides_what_float32_rounds() -> None:
    with pytest.raises(NoFloorError, match="casts to float16"), InFloat64():
        torch.rand(3, dtype=torch.float64).half()


def test_only_what_computes_in_float32_has_something_to_widen() -> None:
    empty = torch.nn.Identity()
    refuse_unfit(empty, [torch.rand(2), torch.zeros(2, dtype=torch.int64)])
    with pytest.raises(NoFloorError, match="integers"):
        refuse_unfit(empty, [])
    with pytest.raises(NoFloorError, match="quantised"):
        refuse_unfit(empty, [torch.quantize_per_tensor(torch.rand(2), 0.1, 0, torch.quint8)])


def test_a_model_too_large_for_the_free_memory_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []
    monkeypatch.setattr(memory, "_limit", limits.append)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1_000_000)
    memory.refuse_large(torch.nn.Linear(100, 100), 100_000)
    assert limits == [1_000_000]
    with pytest.raises(NoFloorError, match="more than half"):
        memory.refuse_large(torch.nn.Linear(100, 100), 300_000)


def test_memory_is_read_from_the_machine_and_from_the_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert 0 < memory.current_bytes() <= memory.peak_bytes()
    assert memory.free_bytes() > 0
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    for name, text in {
        "memory.max": "1000\n",
        "memory.current": "900\n",
        "memory.stat": "anon 600\nfile 250\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert memory.free_bytes() == 350
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_bytes() > 350


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return load_from(tmp_path)


def stored(folder: Path, variant: str, value: object) -> None:
    (folder / variant).mkdir()
    save_tree(flatten(value), folder / variant / "0")


def test_the_floor_in_numbers(load: Loader, tmp_path: Path) -> None:
    narrow = {
        "sum": torch.tensor([1.0, -4.0]), "count": torch.tensor([3]), "shape": torch.rand(2), "kind": torch.rand(2),
        "gone": torch.rand(2), "nan": torch.tensor([1.0, math.nan]), "number": 0.5, "empty": torch.zeros(0),
    }  # fmt: skip
    wide = {
        "sum": torch.tensor([1.0, -4.5]).double(), "count": torch.tensor([3]), "shape": torch.rand(3).double(),
        "kind": narrow["kind"], "nan": torch.tensor([1.0, 2.0]).double(), "number": 0.75,
        "empty": torch.zeros(0).double(),
    }  # fmt: skip
    stored(tmp_path, "eager", narrow)
    stored(tmp_path, "float64", wide)
    found = {noise.output: noise for noise in own_errors(load, [0], "eager", "float64").beside(None)}
    assert found["out['sum']"] == OutputNoise(output="out['sum']", trial=0, max_abs=0.5, relative=0.125)
    assert (found["out['number']"].max_abs, found["out['empty']"].max_abs) == (0.25, 0.0)
    assert "out['count']" not in found
    for name, note in (("shape", "its shape is [3]"), ("kind", "float32 in float64 too"), ("gone", "not there"), ("nan", "not finite")):  # fmt: skip # noqa: E501
        assert found[f"out['{name}']"].max_abs is None
        assert note in found[f"out['{name}']"].note
    assert own_errors(load, [], "eager", "float64").beside(None) == ()


def test_rows_that_float64_orders_otherwise_are_compared_as_what_they_are(load: Loader, tmp_path: Path) -> None:
    narrow = {
        "boxes": torch.tensor([[10.0, 0, 20, 90], [50.0, 0, 90, 60], [20.0, 0, 30, 30], [70.0, 0, 90, 80]]),
        "labels": torch.tensor([3, 1, 2, 1]),
        "scores": torch.tensor([0.9, 0.5, 0.5, 0.1]),
    }
    order = [0, 2, 1]
    wide = {
        name: tensor[order].double() if tensor.is_floating_point() else tensor[order] for name, tensor in narrow.items()
    }
    wide["boxes"][1, 0] += 0.25
    stored(tmp_path, "eager", [narrow])
    stored(tmp_path, "float64", [wide])
    own = own_errors(load, [0], "eager", "float64")
    assert (own.of("out[0]['boxes']", 0), own.of("out[0]['scores']", 0)) == (0.25, 0.0)
    (boxes, _) = own.beside(None)
    assert boxes.max_abs == 0.25
    assert "float64 has 3 of the 4 rows, 2 of them at another place, and 0 new ones" in boxes.note


def test_other_rows_altogether_say_nothing_about_rounding(load: Loader, tmp_path: Path) -> None:
    narrow = {"boxes": torch.tensor([[10.0, 0, 20, 90], [50.0, 0, 90, 60]]), "scores": torch.tensor([0.9, 0.5])}
    stored(tmp_path, "eager", narrow)
    stored(tmp_path, "float64", {"boxes": 2 * narrow["boxes"].double(), "scores": narrow["scores"].double()})
    own = own_errors(load, [0], "eager", "float64")
    assert own.of("out['boxes']", 0) is None
    assert all("float64 gives none of its rows" in noise.note for noise in own.beside(None))


def test_rows_at_their_places_have_nothing_said_of_them(load: Loader, tmp_path: Path) -> None:
    narrow = {"boxes": torch.tensor([[10.0, 0, 20, 90], [50.0, 0, 90, 60]]), "scores": torch.tensor([0.9, 0.5])}
    stored(tmp_path, "eager", narrow)
    stored(tmp_path, "float64", {name: tensor.double() + 1e-3 for name, tensor in narrow.items()})
    own = own_errors(load, [0], "eager", "float64")
    assert own.of("out['boxes']", 0) == pytest.approx(1e-3)
    assert [noise.note for noise in own.beside(None)] == ["", ""]


def test_jitter(load: Loader, tmp_path: Path) -> None:
    stored(tmp_path, "eager", torch.tensor([1.0, 2.0]))
    stored(tmp_path, "same", torch.tensor([1.0, 2.5]))
    stored(tmp_path, "other", torch.tensor([1.0]))
    assert jitters(load, [0], "eager", "eager") == {"out": {0: 0.0}}
    assert jitters(load, [0], "eager", "same") == {"out": {0: 0.5}}
    assert jitters(load, [0], "eager", "other") == {}


def test_jitter_is_of_the_worst_trial_and_a_multiple_of_the_error_there() -> None:
    errors, sizes = {"out": {0: 0.5, 1: 0.25}}, {"out": {0: 1.0, 1: 1.0}}
    own = OwnErrors(errors, sizes, jitter={"out": {0: 0.125, 1: 1.0, 2: math.inf}})
    (noise,) = own.beside(None)
    assert (noise.trial, noise.jitter, noise.jitter_multiple) == (0, 1.0, 4.0)
    exact = OwnErrors({"out": {0: 0.0}}, {"out": {0: 1.0}}, jitter={"out": {0: 0.125}})
    assert [(one.jitter, one.jitter_multiple) for one in exact.beside(None)] == [(0.125, None)]


def test_every_input_is_run_twice_by_a_quick_model(convert: Converter) -> None:
    report = convert("noisy.py:Shakes", [2, 4], trials=4)
    floor = report.result.noise
    assert floor is not None
    assert floor.jitter_trials == len(report.result.trials) == 4
    (noise,) = floor.outputs
    assert noise.jitter == pytest.approx(1e-3, rel=1e-2)  # the first input gives the same in both
    assert noise.jitter_multiple is not None
    told = dict(meaning(report.result))["The model's own rounding error"]
    assert "two runs of the same input with the same random state differ by 0.001, at most" in told


def test_a_process_that_hangs_is_ended_and_the_others_go_on(tmp_path: Path) -> None:
    reader, writer = pipe()
    process = os.fork()
    if not process:
        time.sleep(600)
        os._exit(0)
    writer.close()  # of this process; the child still has its own
    heard: list[object] = []
    crew = Crew(time.monotonic() + 600, heard.append, tmp_path)
    crew.add(Member("float64", reader, tmp_path, process, first="float64"))
    crew.wait_for("float64", 0.2)
    assert crew.over("float64")
    assert not crew.out_of_time
    stage = crew.record.stages["float64"]
    assert isinstance(stage, Stage)
    assert (stage.status, stage.problem is not None) == ("crashed", True)
    with pytest.raises(ChildProcessError):
        os.waitpid(process, 0)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader.descriptor)  # it is at its end, and would wake whoever waits for the others for ever
