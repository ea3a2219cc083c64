"""The plain recipe on one model of the zoo, in a process of its own, and what its file really computes.

Usage: _zoo_recipe.py MODEL ROAD FOLDER START NOISE (bench/zoo.py starts it): ROAD is trace or script, START what
the clock showed when it was started, NOISE what rounding does to the model (see ``compare``). One random input, one
conversion, optimise, save, load, run: as everybody writes it down. Then what the recipe does not do: the file is judged
on three inputs, by the tolerances of a conversion, on this machine and in the phone's library. What it is about to do
and what it found goes to ``steps.jsonl`` in the folder at once, so that a crash is pinned to its step.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch
from _zoo import CALIBRATION_SEEDS, OneImage, build_sensitive, inputs, kind_of
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile

#: What the recipe does, in its order; after that it is judged.
RECIPE_STEPS = ("build", "run eagerly", "capture", "optimise", "save", "load", "run")
RELEASE = "1.12.2"
DEVICE_SECONDS = 600.0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step that began (``done`` is false), ended, or raised (``message``). ``seconds`` since the process began."""

    name: str
    done: bool = False
    message: str = ""
    error: float | None = None
    seconds: float = 0.0


class _Walk:
    def __init__(self, folder: Path, start: float) -> None:
        self._start = start
        self._log = folder / "steps.jsonl"

    def step(self, name: str, act: Callable[[], Any]) -> Any:
        """Do something; the process ends where that raises."""
        self.write(Step(name=name))
        try:
            result = act()
        except Exception as error:  # noqa: BLE001 - whatever torch raises is what the recipe meets
            self.write(Step(name=name, message=f"{type(error).__name__}: {error}"[:1500]))
            sys.exit(1)
        self.write(Step(name=name, done=True))
        return result

    def write(self, step: Step) -> None:
        """One line, at once."""
        now = round(time.monotonic() - self._start, 2)
        with self._log.open("ab", buffering=0) as stream:
            stream.write(msgspec.json.encode(msgspec.structs.replace(step, seconds=now)) + b"\n")


def main(name: str, road: str, folder: Path, start: float, noise: float) -> None:
    """The recipe, then the judgement."""
    warnings.simplefilter("ignore")
    walk, file = _Walk(folder, start), folder / "recipe.ptl"
    built = walk.step("build", lambda: build_sensitive(name))
    model = built.detector if isinstance(built, OneImage) else built
    trials = [_arguments(name, seed) for seed in CALIBRATION_SEEDS]
    example = trials[0]
    walk.step("run eagerly", lambda: model(*example))
    captured = walk.step("capture", lambda: _captured(model, example, road))
    optimised = walk.step("optimise", lambda: optimize_for_mobile(captured))
    walk.step("save", lambda: optimised._save_for_lite_interpreter(str(file)))
    lite = walk.step("load", lambda: _load_for_lite_interpreter(str(file)))  # type: ignore[no-untyped-call]
    walk.step("run", lambda: lite(*example))
    _judge(walk, name, (model, lite), trials, (file, noise))


def _captured(model: Any, example: tuple[Any, ...], road: str) -> Any:
    return torch.jit.trace(model, example) if road == "trace" else torch.jit.script(model)  # type: ignore[no-untyped-call]


def _arguments(name: str, seed: int) -> tuple[Any, ...]:
    given = inputs(name, seed)
    return ([given[0][0]],) if kind_of(name) == "detection" else given


def _judge(
    walk: _Walk, name: str, both: tuple[Any, Any], trials: list[tuple[Any, ...]], about: tuple[Path, float]
) -> None:
    """Judge the file's module, the second of ``both``, by the first, the eager model; then the file in the library."""
    file, noise = about
    # The benchmarks' own parts take their time to import, which is none of the recipe's.
    from _in_library import ask, judge  # noqa: PLC0415
    from _libraries import get_library  # noqa: PLC0415
    from _sweep_compare import compare, tensors_of  # noqa: PLC0415

    from ptmobile.device.kit import native_abi  # noqa: PLC0415

    model, lite = both
    with torch.no_grad():
        expected = [tensors_of(model(*trial)) for trial in trials]
        found = walk.step("compare", lambda: compare(expected, [tensors_of(lite(*trial)) for trial in trials], noise))
    walk.write(Step(name="judged", done=found.outcome == "right", message=found.message, error=found.error))
    if kind_of(name) == "detection":
        return  # the library's Java API is asked with tensors; and no detector has come so far
    library = get_library(RELEASE, native_abi() or "")
    answer = walk.step("device", lambda: ask(library, file, trials, file.parent / "device", DEVICE_SECONDS))
    device = judge(answer, expected, noise)
    walk.write(Step(name="device judged", done=device.outcome == "right", message=device.message, error=device.error))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))
