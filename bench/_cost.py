"""The cost of the stage in the phone's library: whole runs of the command line in turn, and the stage in its parts."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from _common import BIN, Measured, measure, median_ratio
from _libraries import ENVIRONMENT, fetch, kit_for
from _sweep_compare import of_tensors

from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import find_machine
from ptmobile.device.plan import ModelFile, Trial
from ptmobile.device.prepare import prepare
from ptmobile.device.runner import Runner
from ptmobile.device.symbols import check
from ptmobile.worker.inputs.of_torchvision import default_inputs

OFF, COLD = "without the check", "cold"
TRIALS = 3  # as many as a run has by default
FETCH = ("fetch, cold", "fetch, warm")
PARTS = ("prepare", "start", "load", "first trial", "further trial")
REPORT, FILE = "ptmobile-report/report.json", "ptmobile-report/{}.ptl"


@dataclass
class Found:
    """All figures of one model. ``runs`` and ``stages`` by way of running, ``parts`` by ABI and part: one per round.

    ``stages``: the seconds of the stage as the run's own report has them.
    """

    size_bytes: int = 0
    runs: dict[str, list[Measured]] = field(default_factory=dict)
    stages: dict[str, list[float]] = field(default_factory=dict)
    parts: dict[str, dict[str, list[float]]] = field(default_factory=dict)


class Bench:
    """Measures models on a release; cold runs take the library from the Maven repository, all others from the cache.

    ``cold``: whether there are such.
    """

    def __init__(self, release: str, abis: Sequence[str], *, cold: bool) -> None:
        self.fetching: dict[str, list[float]] = {name: [] for name in FETCH} if cold else {}
        self._cold = cold
        self._release = release
        self._abis = abis
        self._kit = kit_for(abis[-1])
        self._library = fetch(release)

    def ways(self) -> list[tuple[str, str, bool]]:
        """The ways to run that are compared: name, ABI, and whether the cache is cold."""
        native = self._abis[0]
        cold = [(f"{native}, {COLD}", native, True)] if self._cold else []
        return [(OFF, "", False), *((abi, abi, False) for abi in self._abis), *cold]

    def round(self, model: str, found: Found, *, keep: bool) -> None:
        """One run in each way, one after the other, and the parts of the stage."""
        with tempfile.TemporaryDirectory(prefix="ptmobile-cost-") as name:
            folder = Path(name)
            for way, abi, cold in self.ways():
                (folder / way).mkdir()
                measured = self._whole(model, abi, folder / way, cold=cold)
                if keep:
                    found.runs.setdefault(way, []).append(measured)
                    found.stages.setdefault(way, []).append(self._stage(folder / way, abi) if abi else 0.0)
            file = folder / OFF / FILE.format(model)
            found.size_bytes = file.stat().st_size
            for abi in self._abis:
                parts = self._parts(model, file, abi, folder / f"parts of {abi}")
                for part, seconds in parts.items() if keep else ():
                    found.parts.setdefault(abi, {}).setdefault(part, []).append(seconds)

    def fetch_in_turn(self, *, keep: bool) -> None:
        """Fetch the library into an empty cache, and again from it."""
        with tempfile.TemporaryDirectory(prefix="ptmobile-cost-") as folder:
            for name in self.fetching:
                seconds = _seconds(lambda: fetch(self._release, Path(folder)))
                if keep:
                    self.fetching[name].append(seconds)

    def _whole(self, model: str, abi: str, folder: Path, *, cold: bool) -> Measured:
        command = [str(BIN / "ptmobile"), "convert", "--model", f"torchvision:{model}", "--runtime", self._release]
        command += ["--device-check", "required", "--device-abis", abi] if abi else ["--device-check", "off"]
        environment: Mapping[str, str] = os.environ
        if cold:
            environment = {
                **os.environ,
                "PTMOBILE_CACHE": str(folder / "cache"),
                "PTMOBILE_DEVICE_KIT": str(self._kit),
            }
        return measure(command, folder, environment)

    def _stage(self, folder: Path, abi: str) -> float:
        """The stage's seconds; the run passed, so the library was asked and gave eager's numbers."""
        stages = json.loads((folder / REPORT).read_text())["models"][0]["result"]["stages"]
        label = f"{self._release} {abi}"
        return float(next(stage["seconds"] for stage in stages if str(stage.get("target", "")).startswith(label)))

    def _parts(self, model: str, file: Path, abi: str, folder: Path) -> dict[str, float]:
        folder.mkdir()
        machine = find_machine(self._kit, abi, ENVIRONMENT)
        start = time.monotonic()
        prepared = prepare(self._library.aar.path, [jar.path for jar in self._library.jars], abi, folder / "library")
        check(prepared, machine)
        preparing = time.monotonic() - start
        shape = default_inputs(f"torchvision:{model}")[0].shape
        data = [(torch.randn(shape or ()),) for _ in range(TRIALS)]
        trials = [Trial(*of_tensors(tensors, folder / f"{number}.bin")) for number, tensors in enumerate(data)]
        report = Runner(machine, prepared, folder / "library").run([ModelFile(file, trials)], folder, ENVIRONMENT)
        loading = (report.files[0].nanoseconds or 0) / 1e9
        running = [(trial.nanoseconds or 0) / 1e9 for trial in report.files[0].trials.values()]
        if len(running) != TRIALS or not loading or not all(running):
            raise CannotRunError(f"{file.name} did not run in the library of {self._release} for {abi}.")
        first, *further = running
        rest = report.seconds - loading - sum(running)
        return dict(zip(PARTS, (preparing, rest, loading, first, statistics.median(further)), strict=True))


def measure_all(bench: Bench, models: Sequence[str], runs: int) -> dict[str, Found]:
    """Warm up once, then all ways in turn, model by model; prints what it finds."""
    everything: dict[str, Found] = {}
    for number in range(runs + 1):
        bench.fetch_in_turn(keep=number > 0)
    _print_fetching(bench)
    print(f"{'model':<20}{'way':<26}{'wall s':>9}{'stage s':>9}{'MB':>7}{'wall: ratio to without (min - max)':>38}")
    for model in models:
        found = everything[model] = Found()
        for number in range(runs + 1):
            bench.round(model, found, keep=number > 0)
        _print_runs(model, found)
    print(f"\n{'model':<20}{'ABI':<12}{'file MB':>8}" + "".join(f"{part + ' s':>17}" for part in PARTS))
    for model, found in everything.items():
        for abi, parts in found.parts.items():
            figures = "".join(f"{statistics.median(parts[part]):>17.3f}" for part in PARTS)
            print(f"{model:<20}{abi:<12}{found.size_bytes / 1e6:>8.1f}{figures}")
    return everything


def write_json(path: Path, bench: Bench, everything: Mapping[str, Found]) -> None:
    """All single figures."""
    models = {model: asdict(found) for model, found in everything.items()}
    path.write_text(json.dumps({"fetching": bench.fetching, "models": models}, indent=2))


def _print_fetching(bench: Bench) -> None:
    if not bench.fetching:
        return
    cold, warm = (statistics.median(bench.fetching[name]) for name in FETCH)
    print(f"fetching the library: {cold:.2f} s into an empty cache, {warm:.2f} s from it (hashes checked)\n")


def _print_runs(model: str, found: Found) -> None:
    without = [run.wall for run in found.runs[OFF]]
    for way, runs in found.runs.items():
        wall = [run.wall for run in runs]
        memory = statistics.median(run.family for run in runs) / 1e6
        stage = statistics.median(found.stages[way])
        ratio = "" if way == OFF else median_ratio(without, wall)
        print(f"{model:<20}{way:<26}{statistics.median(wall):>9.2f}{stage:>9.2f}{memory:>7.0f}{ratio:>38}", flush=True)


def _seconds(act: Callable[[], object]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start
