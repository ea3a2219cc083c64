"""How many models of torchvision become a verified file, and why the others do not.

Usage: .venv/bin/python bench/torchvision_files.py [--results FILE] [--minutes N] [--initial] [MODEL ...]
       .venv/bin/python bench/torchvision_files.py --table [--results FILE]

Each model goes through ``ptmobile convert`` as a user would call it, in a process of its own, without the phones'
libraries. Its weights are such that a wrong number shows, and it runs on three images at once (``_zoo.py``);
``--initial`` takes weights and inputs as torchvision gives them. Results are kept line by line: called again, it goes
on with what is missing; models that are named are run again. ``--table`` shows what is there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from _common import BIN, REPOSITORY
from _zoo import CALIBRATION_SEEDS, all_models, inputs, kind_of
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

RESULTS = REPOSITORY / "bench" / "results" / "torchvision-files.jsonl"
HERE = Path(__file__).resolve().parent
#: Beside the model's own limit, for starting and ending.
GRACE_SECONDS = 60


def options_of(name: str, workspace: Path, *, initial: bool) -> dict[str, Any]:
    """What is asked for of a model; its inputs are left in the workspace."""
    if initial:
        return {"model": f"torchvision:{name}"}
    images = list(zip(*(inputs(name, seed) for seed in CALIBRATION_SEEDS), strict=True))
    if kind_of(name) == "detection":
        torch.save([image[0] for image in images[0]], workspace / "images.pt")
        given: Any = {"file": "images.pt", "list-of": len(images[0])}
    else:
        torch.save([torch.cat(argument) for argument in images], workspace / "images.pt")
        given = "images.pt"
    return {"model": "_files_model.py:build", "model-args": {"name": name}, "inputs": [given], "trials": 1}


def run(name: str, minutes: float, *, initial: bool) -> dict[str, Any]:
    """Convert a model in a folder of its own; what became of it."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        for module in ("_zoo.py", "_files_model.py"):
            shutil.copy(HERE / module, workspace)
        asked = options_of(name, workspace, initial=initial)
        options = {"name": name, "device-check": "off", "timeout-minutes": minutes, **asked}
        (workspace / "ptmobile.yml").write_text(json.dumps(options), encoding="utf-8")
        try:
            done = subprocess.run(
                [BIN / "ptmobile", "convert"],
                cwd=workspace,
                capture_output=True,
                timeout=minutes * 60 + GRACE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            why = "it did not end in time"
            return {"model": name, "kind": kind_of(name), "verified": False, "why": why, "seconds": _since(start)}
        path = workspace / "ptmobile-report" / "report.json"
        report = json.loads(path.read_bytes()) if path.exists() else {"models": [], "problems": []}
        if not report["models"]:
            # No finding about the model: the program itself failed, and its own words say why.
            why = " ".join([*map(str, report["problems"]), done.stderr.decode()[-500:], done.stdout.decode()[-500:]])
            raise SystemExit(f"{name}: {why}")
        return {**_record(report["models"][0]), "seconds": _since(start)}


def _record(model: dict[str, Any]) -> dict[str, Any]:
    file, result = model["file"], model["result"]
    return {
        "model": model["spec"]["name"],
        "kind": kind_of(model["spec"]["name"]),
        "verified": bool(file and file["verified"]),
        "method": file["method"] if file else None,
        "optimised": file["optimised"] if file else None,
        "remedy": file["remedy"] if file else "",
        "why": " ".join(f"{reason['title']}: {reason['message']}" for reason in model["verdict"]["reasons"])[:1000],
        "stages": {
            stage["name"] + (f" {stage['method']}" if stage["method"] else ""): stage["status"]
            for stage in result["stages"]
        },
        "others": {stage["name"]: stage["problem"]["title"] for stage in result["stages"] if stage["problem"]},
        "warnings": [warning["title"] for warning in model["verdict"]["warnings"]],
        "adapted": result["adapted"],
        "peak_memory_bytes": result["peak_memory_bytes"],
    }


def _since(start: float) -> float:
    return round(time.monotonic() - start, 1)


def read(results: Path) -> dict[str, dict[str, Any]]:
    """What is known already; the last word on each model counts."""
    if not results.exists():
        return {}
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {line["model"]: line for line in lines}


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures, and a line for each model that has no verified file or not the one that was asked for."""
    names = all_models()
    kinds = Counter(kind_of(name) for name in names)
    verified = Counter(line["kind"] for line in found.values() if line["verified"])
    rows = [f"| {kind} | {total} | {verified[kind]} |" for kind, total in sorted(kinds.items())]
    figures = f"{sum(verified.values())} of {len(names)} models have a verified file ({len(found)} were run)."
    ways = Counter(
        f"{line['method']}, {'' if line['optimised'] else 'not '}optimised"
        for line in found.values()
        if line["verified"]
    )
    lines = [figures, "", "| Kind | Models | Verified |", "| --- | ---: | ---: |", *rows, ""]
    lines += [f"- {way}: {count}" for way, count in ways.most_common()]
    lines += ["", *(f"- {line['model']}: {line['why']}" for line in found.values() if not line["verified"])]
    lines += ["", *(f"- {line['model']}: {line['remedy']}" for line in found.values() if line.get("remedy"))]
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--initial", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    known = read(arguments.results)
    names = arguments.models or [name for name in all_models() if name not in known]
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    if not arguments.table:
        with Progress(*columns) as progress, arguments.results.open("a", encoding="utf-8") as results:
            task = progress.add_task("", total=len(names))
            for name in names:
                progress.update(task, description=name)
                line = run(name, arguments.minutes, initial=arguments.initial)
                results.write(json.dumps(line) + "\n")
                results.flush()
                progress.advance(task)
    print(table(read(arguments.results)))


if __name__ == "__main__":
    main()
