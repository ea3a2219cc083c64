"""All of torchvision through ``ptmobile convert`` and through the plain recipe: what is saved, and what of it is right.

Usage: .venv/bin/python bench/zoo.py [MODEL ...] [--results FILE] [--minutes N] [--limit-minutes N] [--up-to MILLIONS]
       .venv/bin/python bench/zoo.py --table | --write-docs

Seeded weights; what torchvision leaves untrained (statistics of batch normalisation, heads and layer scales at zero) is
given values under which a wrong number shows (``ptmobile.worker.evidence.sensitive_weights``). Ours runs as a user
would call it, for an app on release 1.12.2. The recipe is what everybody writes down, once with a trace and once with a
script (``_zoo_recipe.py``); its files are judged by the same tolerances. Every model has processes of its own with a
time limit, small models come first, results are kept line by line: called again, it goes on with what is missing, and
models that are named are run again. ``--write-docs`` writes docs/zoo.md from what is there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from _common import BIN, REPOSITORY
from _sweep import machine
from _zoo import CALIBRATION_SEEDS, all_models, inputs, kind_of, parameters_of
from _zoo_floor import Floor
from _zoo_recipe import RECIPE_STEPS, RELEASE, Step
from _zoo_records import ROOM, Ours, Recipe, Record, is_inexact, read_records
from _zoo_table import document, tables
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ptmobile.device.crash import how_ended
from ptmobile.worker.processes.children import adopt_orphans, end_descendants

RESULTS = REPOSITORY / "bench" / "results" / "zoo.jsonl"
DOCUMENT = REPOSITORY / "docs" / "zoo.md"
HERE = Path(__file__).resolve().parent
#: Beside the model's own limit, for starting and ending.
GRACE_SECONDS = 60


def run_floor(name: str, minutes: float) -> Floor:
    """How exact the model is by itself.

    Raises:
        SystemExit: that could not be measured, so it could not be built or run.
    """
    with tempfile.TemporaryDirectory(prefix="ptmobile-zoo-") as folder:
        code, output = _run([sys.executable, str(HERE / "_zoo_floor.py"), name, folder], Path(folder), minutes * 60)
        if code is None:
            return Floor()
        if code:
            raise SystemExit(f"{name}: {output[-1000:]}")
        return msgspec.json.decode(Path(folder, "floor.json").read_bytes(), type=Floor)


def run_ours(name: str, floor: Floor, minutes: float) -> Ours:
    """Convert a model in a folder of its own; what became of it.

    Raises:
        SystemExit: the program itself failed, which says nothing about the model.
    """
    with tempfile.TemporaryDirectory(prefix="ptmobile-zoo-") as folder:
        workspace = Path(folder)
        for module in ("_zoo.py", "_files_model.py"):
            shutil.copy(HERE / module, workspace)
        (workspace / "ptmobile.yml").write_text(json.dumps(_options(name, floor, minutes, workspace)), encoding="utf-8")
        start = time.monotonic()
        code, output = _run([str(BIN / "ptmobile"), "convert"], workspace, minutes * 60 + GRACE_SECONDS)
        seconds = round(time.monotonic() - start, 1)
        path = workspace / "ptmobile-report" / "report.json"
        report = json.loads(path.read_bytes()) if path.exists() else {"models": [], "problems": []}
        if report["models"]:
            return _ours(report["models"][0], seconds)
        if code is None:
            return Ours(why="It did not end in time.", seconds=seconds)
        raise SystemExit(f"{name}: {report['problems']} {output[-1000:]}")


def _options(name: str, floor: Floor, minutes: float, workspace: Path) -> dict[str, Any]:
    """What is asked for; the inputs, three images at once, are left in the workspace."""
    images = list(zip(*(inputs(name, seed) for seed in CALIBRATION_SEEDS), strict=True))
    given: list[Any] = []
    for number, argument in enumerate(images):
        file = f"images-{number}.pt"
        if kind_of(name) == "detection":
            torch.save([image[0] for image in argument], workspace / file)
            given.append({"file": file, "list-of": len(argument)})
        else:
            torch.save(torch.cat(argument), workspace / file)
            given.append(file)
    asked = {"model": "_files_model.py:build", "model-args": {"name": name}, "name": name, "inputs": given}
    return {**asked, **_wider(name, floor), "trials": 1, "runtime": RELEASE, "timeout-minutes": minutes}


def _wider(name: str, floor: Floor) -> dict[str, float]:
    """The room for the model's own error. A detector's outputs are of sizes too different for one absolute tolerance:
    each has its own, of the errors that ptmobile itself measures.
    """
    if not is_inexact(floor):
        return {}
    return (
        {"own-error-multiple": ROOM}
        if kind_of(name) == "detection"
        else {"rtol": 1e-4, "atol": ROOM * (floor.absolute or 0.0)}
    )


def _ours(model: dict[str, Any], seconds: float) -> Ours:
    file, result = model["file"], model["result"]
    devices = [(device["abi"], device["status"], device["message"]) for device in result["devices"]]
    on_device = sum(stage["seconds"] for stage in result["stages"] if stage["name"] == "device")
    failed = next((s for s in result["stages"] if s["status"] in ("failed", "crashed") and s["problem"]), None)
    return Ours(
        saved=file is not None,
        verified=bool(file and file["verified"]),
        method=file["method"] if file else "",
        optimised=bool(file and file["optimised"]),
        remedy=file["remedy"] if file else "",
        adapted=result["adapted"] is not None,
        devices=tuple(devices),
        error=_error(result["comparisons"], file["method"]) if file else None,
        why=" ".join(f"{reason['title']}: {reason['message']}" for reason in model["verdict"]["reasons"])[:1500],
        advice=" ".join(reason["advice"] for reason in model["verdict"]["reasons"])[:1500],
        first_problem=" ".join([failed["name"], *_told(failed["problem"])])[:600] if failed else "",
        warnings=tuple(warning["title"] for warning in model["verdict"]["warnings"]),
        seconds=round(seconds - on_device, 1),
        device_seconds=round(on_device, 1),
        peak_bytes=result["peak_memory_bytes"] or 0,
    )


def _told(problem: dict[str, Any]) -> tuple[str, str, str]:
    return problem["title"], problem["message"], problem["advice"]


def _error(comparisons: Sequence[dict[str, Any]], method: str) -> float | None:
    """The largest difference of the kept build's file from eager, as a part of the largest value of its output."""
    files = [c for c in comparisons if c["reference"] == "eager" and c["candidate"].startswith("lite")]
    kept = [c for c in files if c["decides"] and c["candidate"].endswith(f"({method})")]
    outputs = [output for comparison in kept for output in comparison["outputs"]]
    values = [output["values"] for output in outputs if output["values"]]
    known = [v["max_abs"] / (v["scale"] or 1.0) for v in values if v["max_abs"] is not None and v["scale"] is not None]
    return max(known, default=None)


def run_recipe(name: str, road: str, floor: Floor, minutes: float) -> Recipe:
    """The recipe by one road; what became of its file."""
    with tempfile.TemporaryDirectory(prefix="ptmobile-zoo-") as folder:
        start = time.monotonic()
        noise = str(floor.relative) if is_inexact(floor) else "0"
        command = [sys.executable, str(HERE / "_zoo_recipe.py"), name, road, folder, str(start), noise]
        code, output = _run(command, Path(folder), minutes * 60)
        begun = round(time.monotonic() - start, 1)
        log = Path(folder) / "steps.jsonl"
        lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
        steps = [msgspec.json.decode(line, type=Step) for line in lines]
        if not steps:
            raise SystemExit(f"{name}: {output[-1000:]}")
        return _recipe(steps, "did not end in time" if code is None else how_ended(code), begun)


def _recipe(steps: Sequence[Step], ended: str, seconds: float) -> Recipe:
    done = {step.name for step in steps if step.done}
    raised = next((f"{step.name}: {step.message}" for step in steps if step.message and not step.done), "")
    last = steps[-1]
    if not raised and not last.done and last.name not in ("judged", "device judged"):
        raised = f"{last.name}: the process {ended}"
    took = next((step.seconds for step in steps if step.done and step.name == RECIPE_STEPS[-1]), seconds)
    judged = {step.name: step for step in steps if step.name in ("judged", "device judged")}
    host, device = judged.get("judged"), judged.get("device judged")
    return Recipe(
        captured="capture" in done,
        saved="save" in done,
        ran="run" in done,
        right=bool(host and host.done),
        error=host.error if host else None,
        device="" if device is None else "right" if device.done else "wrong" if not device.message else "failed",
        why=raised or (host.message if host else ""),
        seconds=took,
    )


def _run(command: Sequence[str], folder: Path, seconds: float) -> tuple[int | None, str]:
    """Run a command and all that it starts, with a time limit (then the code is None); its code and its last words."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        code: int | None = None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if code is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            end_descendants()
        log.seek(0)
        return code, log.read().decode(errors="replace")


def main() -> int:
    """Run what is missing, then show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=15.0, help="for one model, each way; default: 15")
    parser.add_argument("--limit-minutes", type=float, help="of the whole call: no further model is begun then")
    parser.add_argument("--up-to", type=float, metavar="MILLIONS", help="of parameters: no larger models")
    parser.add_argument("--table", action="store_true", help="only show what is there")
    parser.add_argument("--write-docs", action="store_true", help="only write docs/zoo.md from what is there")
    arguments = parser.parse_args()
    if not (arguments.table or arguments.write_docs):
        adopt_orphans()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by way of all that ends processes
        _run_missing(arguments)
    records = read_records(arguments.results)
    print(tables(records, all_models(), kind_of))
    if arguments.write_docs:
        DOCUMENT.write_text(document(records, all_models(), kind_of), encoding="utf-8")
    return 0


def _run_missing(arguments: argparse.Namespace) -> None:
    known = {record.model for record in read_records(arguments.results)}
    most = (arguments.up_to or float("inf")) * 1e6
    names = arguments.models or [n for n in all_models() if n not in known and parameters_of(n) <= most]
    deadline = time.monotonic() + 60 * (arguments.limit_minutes or float("inf"))
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress, arguments.results.open("ab", buffering=0) as results:
        task = progress.add_task("", total=len(names))
        for name in names:
            if time.monotonic() > deadline:
                break
            progress.update(task, description=name)
            floor = run_floor(name, arguments.minutes)
            record = Record(
                model=name,
                kind=kind_of(name),
                floor=floor,
                ours=run_ours(name, floor, arguments.minutes),
                trace=run_recipe(name, "trace", floor, arguments.minutes),
                script=run_recipe(name, "script", floor, arguments.minutes),
                date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                machine=machine(),
            )
            results.write(msgspec.json.encode(record) + b"\n")
            progress.advance(task)


if __name__ == "__main__":
    raise SystemExit(main())
