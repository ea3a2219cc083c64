"""One model of a sweep, in a process of its own: made for every variant, run in the library, compared with eager.

Usage: _sweep_one.py PLAN.json (bench/device.py starts it). What it is about to do and what it found goes to the plan's
answers file at once, so that a crash or a limit costs one variant. Everything that leaves memory behind is forked.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
from _in_library import ask, judge
from _libraries import Library
from _sweep_compare import Inputs, compare, reaction_of, tensors_of
from _sweep_make import MESSAGE_LENGTH, Made, bytecode_of, capture_model, make_file, short
from _sweep_records import CAPTURES, At, Capture, Elsewhere, Line, Log, Outcome, Plan, Record, Variant
from _zoo import build, inputs, kind_of
from torch.jit.mobile import _load_for_lite_interpreter

from ptmobile.device.answers import FileAnswer
from ptmobile.device.errors import CannotRunError
from ptmobile.worker.lowering.releases import target_for
from ptmobile.worker.processes.children import die_with_parent, fork, how_it_ended

LAST_BIT = 1e-7  # of a float32, as a part of it


class Model:
    """A model with what eager gave, and all its variants."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._log = Log(Path(plan.answers))
        self._scratch = Path(plan.scratch)
        self._trials: list[Inputs] = []
        self._expected: list[list[torch.Tensor]] = []
        self._reaction: float | None = None
        self._noise: float | None = None

    def run(self) -> None:
        """Build, run eagerly, then fork for each way of capturing."""
        plan = self._plan
        for release in plan.libraries:
            target_for(release, bytecode_of(release))  # kept for all children
        self._at("build", plan.variants)
        model = build(plan.model)
        self._at("run eagerly", plan.variants)
        self._trials = [inputs(plan.model, seed) for seed in range(plan.trials)]
        with torch.no_grad():
            self._expected = [tensors_of(model(*trial)) for trial in self._trials]
        self._reaction = reaction_of(self._expected)
        self._at("run with other weights", plan.variants)
        self._noise = self._noise_of(model)
        for capture in CAPTURES:
            variants = tuple(variant for variant in plan.variants if variant.capture == capture)
            if variants:
                _in_child(partial(self._walk, model, capture, variants))

    def _noise_of(self, model: torch.nn.Module) -> float | None:
        """How far the outputs move when every weight moves by about its last bit: what rounding does to the model."""
        result = self._scratch / "noise.json"

        def run() -> None:
            generator = torch.Generator().manual_seed(0)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.mul_(1 + LAST_BIT * torch.randn(parameter.shape, generator=generator))
                got = [tensors_of(model(*trial)) for trial in self._trials]
            result.write_bytes(msgspec.json.encode(compare(self._expected, got).error))

        _in_child(run)
        return msgspec.json.decode(result.read_bytes(), type=float | None)

    def _walk(self, model: torch.nn.Module, capture: Capture, variants: tuple[Variant, ...]) -> None:
        self._at(capture, variants)
        try:
            captured = capture_model(model, capture, self._trials[0])
        except Exception as error:  # noqa: BLE001 - whatever torch raises is a finding
            for variant in variants:
                self._record(variant, "not captured", short(error))
            return
        for variant in variants:
            start = time.monotonic()
            self._finish(captured, variant, start)

    def _finish(self, captured: torch.jit.ScriptModule, variant: Variant, start: float) -> None:
        folder = self._scratch / f"{variant.capture}-{variant.release}-{variant.form}"
        folder.mkdir()
        result = folder / "made.json"
        self._at("make the file", (variant,))
        _in_child(lambda: result.write_bytes(msgspec.json.encode(make_file(captured, variant, folder))))
        made = msgspec.json.decode(result.read_bytes(), type=Made)
        if made.problem:
            self._record(variant, "not made", made.problem, changes=made.changes, left=made.left, start=start)
        else:
            self._run_in_library(variant, made, folder, start)
        shutil.rmtree(folder)

    def _run_in_library(self, variant: Variant, made: Made, folder: Path, start: float) -> None:
        plan, file = self._plan, Path(made.file)
        self._at("run in the library", (variant,))
        found, answer = self._ask(variant.release, plan.abi, file, folder / "native")
        trials = [t.nanoseconds for t in answer.trials.values() if t.nanoseconds is not None]
        record = partial(
            self._record,
            variant,
            found.outcome,
            found.message,
            error=found.error,
            size_bytes=file.stat().st_size,
            load_ms=None if answer.nanoseconds is None else answer.nanoseconds / 1e6,
            trial_ms=trials[-1] / 1e6 if trials else None,
            changes=made.changes,
            left=made.left,
            start=start,
        )
        record()
        if found.outcome == "right":
            return
        self._at("run on the host", (variant,))
        host = self._host(file, folder)
        record(host=host)  # the last record of a variant is the one that counts
        if found.outcome == "wrong" and self._phones_are_to_be_asked(variant):
            self._at("run in the library for arm64-v8a", (variant,))
            record(host=host, arm64=self._ask(variant.release, "arm64-v8a", file, folder / "arm64")[0])

    def _phones_are_to_be_asked(self, variant: Variant) -> bool:
        """Not of the scripted file where the traced one decided: emulation takes long, and the kernels are the same."""
        if self._plan.abi == "arm64-v8a" or "arm64-v8a" not in self._plan.libraries[variant.release]:
            return False
        lines = [msgspec.json.decode(line, type=Line) for line in Path(self._plan.answers).read_bytes().splitlines()]
        asked = [line.record.variant for line in lines if line.record and line.record.arm64]
        return (variant.form, variant.release) not in [(one.form, one.release) for one in asked]

    def _ask(self, release: str, abi: str, file: Path, folder: Path) -> tuple[Elsewhere, FileAnswer]:
        library = msgspec.convert(self._plan.libraries[release][abi], Library)
        answer = ask(library, file, self._trials, folder, self._plan.step_seconds)
        return judge(answer, self._expected, self._noise), answer

    def _host(self, file: Path, folder: Path) -> Elsewhere:
        """The host's lite interpreter on the same file; in a child, since it may crash."""
        result = folder / "host.json"

        def run() -> None:
            try:
                lite = _load_for_lite_interpreter(str(file))  # type: ignore[no-untyped-call]
                got = [tensors_of(lite(*[tensor.clone() for tensor in trial])) for trial in self._trials]
                found = compare(self._expected, got, self._noise)
            except Exception as error:  # noqa: BLE001 - whatever torch raises is a finding
                found = Elsewhere(outcome="failed", message=short(error))
            result.write_bytes(msgspec.json.encode(found))

        _, status = os.waitpid(fork(run), 0)
        if not result.is_file():
            return Elsewhere(outcome="crashed", message=f"the process {how_it_ended(status)}")
        return msgspec.json.decode(result.read_bytes(), type=Elsewhere)

    def _at(self, step: str, variants: tuple[Variant, ...]) -> None:
        self._log.append(Line(at=At(step=step, variants=variants)))

    def _record(self, variant: Variant, outcome: Outcome, message: str, *, start: float = 0.0, **facts: Any) -> None:
        plan = self._plan
        record = Record(
            model=plan.model,
            kind=kind_of(plan.model),
            variant=variant,
            abi=plan.abi,
            outcome=outcome,
            message=message[:MESSAGE_LENGTH],
            reaction=self._reaction,
            noise=self._noise,
            seconds=round(time.monotonic() - start, 2) if start else 0.0,
            **facts,
        )
        self._log.append(Line(record=record))


def _in_child(act: Callable[[], object]) -> None:
    """Act in a fork, and end as it ended if that was not well: the sweep starts anew with the next variant."""

    def run() -> None:
        die_with_parent()
        try:
            act()
        except BaseException:
            traceback.print_exc()
            raise

    _, status = os.waitpid(fork(run), 0)
    if status:
        if not os.WIFEXITED(status) or os.WEXITSTATUS(status) != 1:
            print(f"the process {how_it_ended(status)}", file=sys.stderr, flush=True)
        os._exit(1)


def main(plan: Path) -> int:
    """Do what the plan says."""
    warnings.simplefilter("ignore")
    die_with_parent()
    torch.set_num_threads(1)  # with more, forked children hang
    try:
        Model(msgspec.json.decode(plan.read_bytes(), type=Plan)).run()
    except CannotRunError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
