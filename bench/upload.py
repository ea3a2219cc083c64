"""Our artifact upload against the official client (@actions/artifact), in turn, with Azurite as the store.

Usage: .venv/bin/python bench/upload.py [--runs N] [--size MB] [--json FILE]

Both upload the same file of made-up weights, bare and as a zip archive, each in a process of its own, to the same local
servers. Times are of the upload alone, and of the whole process; memory is the peak of the process, and how much of it
the upload added. Ratios below 1 mean that ours needs less. Goals: 1.0 of the time, at most 64 MiB added.
Needs Node and npm; the packages are those of tests/artifact/official.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "artifact"))
import artifact_official
from artifact_blobs import AzuriteStore
from artifact_service import ResultsService

MB, MIB = 1_000_000, 1 << 20
VERSION = "6.2.1"
_TILE = 1_000_000  # floats; a window of deflate does not reach from one tile to the next
OURS = """
import json, os, pathlib, sys, time
from ptmobile.github.artifact import Artifact, ServiceAccess, upload

def memory(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) * 1024

request = json.loads(sys.stdin.readline())
path = pathlib.Path(request["files"][0])
rss, start = memory("VmRSS:"), time.perf_counter()
archive = "raw" if request["options"].get("skipArchive") else "zip"
wanted = Artifact([(path.name, path)], request["name"], archive=archive)
done = upload(wanted, ServiceAccess.from_environment(os.environ), lambda _: None)
seconds = time.perf_counter() - start
value = {"size": done.size_bytes}
print("RESULT", json.dumps({"value": value, "seconds": seconds, "rss": rss, "peak": memory("VmHWM:")}))
"""


@dataclass(frozen=True)
class Measured:
    """One upload: seconds, and bytes."""

    upload: float
    process: float
    peak: int
    added: int
    sent: int


def run(command: list[str], service: ResultsService, request: dict[str, Any]) -> Measured:
    """Let a client upload something.

    Raises:
        RuntimeError: it failed; the message says why.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "ACTIONS_RUNTIME_TOKEN": service.token,
        "ACTIONS_RESULTS_URL": service.address,
        "GITHUB_WORKSPACE": request["root"],
    }
    start = time.perf_counter()
    done = subprocess.run(
        command,
        input=json.dumps(request) + "\n",
        cwd=artifact_official.CACHE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    process = time.perf_counter() - start
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    result: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT ")) if lines else {"error": done.stderr[-1000:]}
    if "value" not in result:
        raise RuntimeError(f"{command[0]} failed: {result['error']}")
    added = result["peak"] - result["rss"]
    return Measured(result["seconds"], process, result["peak"], added, result["value"]["size"])


def make_weights(path: Path, size: int) -> None:
    """Write numbers such as layers have: small, around zero, of which deflate saves some percent."""
    source = random.Random(0)
    tile = struct.pack(f"<{_TILE}f", *(source.gauss(0, 0.05) for _ in range(_TILE)))
    with path.open("wb") as stream:
        for start in range(0, size, len(tile)):
            stream.write(tile[: size - start])


def compare(folder: Path, runs: int, options: dict[str, Any]) -> dict[str, list[Measured]]:
    """Upload in turn, first once without measuring."""
    ours, official = [sys.executable, "-I", "-c", OURS], ["node", "client.mjs", VERSION]
    measured: dict[str, list[Measured]] = {"ours": [], "official": []}
    with artifact_official.azurite() as address, ResultsService(AzuriteStore(address)) as service:
        for number in range(runs + 1):
            for name, command in (("ours", ours), ("official", official)):
                path = folder / f"{name}-{number}.ptl"
                path.hardlink_to(folder / "weights.ptl")
                request = {"action": "upload", "name": path.name, "files": [str(path)], "root": str(folder)}
                measured[name].append(run(command, service, {**request, "options": options}))
        if service.violations:
            raise RuntimeError(f"the protocol was violated: {service.violations}")
    return {name: one[1:] for name, one in measured.items()}


def report(title: str, measured: dict[str, list[Measured]]) -> None:
    """Print medians side by side, and the ratio."""
    print(f"\n{title:28}{'ours':>12}{'official':>12}{'ratio':>9}")
    rows = {"upload, seconds": ("upload", 1), "whole process, seconds": ("process", 1)}
    rows |= {"peak memory, MiB": ("peak", MIB), "added by the upload, MiB": ("added", MIB), "sent, MB": ("sent", MB)}
    for label, (attribute, unit) in rows.items():
        values = {name: statistics.median(getattr(one, attribute) for one in all_) for name, all_ in measured.items()}
        ours, official = values["ours"] / unit, values["official"] / unit
        print(f"{label:28}{ours:12.2f}{official:12.2f}{ours / official:9.2f}")


def main() -> int:
    """Measure both kinds of upload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=200, help="in MB")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    try:
        artifact_official.installed()
    except artifact_official.NotInstalledError as problem:
        print(problem, file=sys.stderr)
        return 1
    results = {}
    with tempfile.TemporaryDirectory() as name:
        make_weights(Path(name) / "weights.ptl", arguments.size * MB)
        print(f"{arguments.size} MB, median of {arguments.runs} runs each, {os.cpu_count()} processors")
        for title, options in (("bare file", {"skipArchive": True}), ("zip archive", {})):
            measured = compare(Path(name), arguments.runs, options)
            for path in Path(name).glob("*-*.ptl"):
                path.unlink()
            report(title, measured)
            results[title] = {who: [asdict(one) for one in all_] for who, all_ in measured.items()}
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
