"""What the run in the phone's own library costs (``cost``), and what it says of torchvision's models (``sweep``).

Usage: .venv/bin/python bench/device.py cost [MODEL ...]
       .venv/bin/python bench/device.py sweep [MODEL ...]

Both need what the check itself needs (a C compiler and a JDK, and for arm64-v8a on x86-64 also qemu-user-static and a
cross compiler), and a Maven repository the first time.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from _common import REPOSITORY

from ptmobile.device.kit import native_abi
from ptmobile.errors import PtmobileError

RESULTS = REPOSITORY / "bench" / "results" / "device-sweep.jsonl"
DOCUMENT = REPOSITORY / "docs" / "device-sweep.md"
PHONE = "arm64-v8a"
RELEASES = ("1.12.2", "1.9.0")
SIZES = ("squeezenet1_1", "mobilenet_v3_small", "mobilenet_v2", "resnet50", "vit_b_32")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_cost(commands)
    _add_sweep(commands)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except PtmobileError as error:
        print(error, file=sys.stderr)
        return int(error.code)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _add_cost(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cost = commands.add_parser(
        "cost",
        help="measure the stage in the phone's library as a part of whole runs",
        description="Convert models of different size without and with the run in the phone's library, in turn, for "
        "each ABI that runs here, with the library in the cache and without; then the stage in its parts. Medians.",
    )
    cost.add_argument("models", nargs="*", default=SIZES, metavar="MODEL")
    cost.add_argument("--release", default=RELEASES[0])
    cost.add_argument("--abis", type=_list, metavar="LIST", help="default: this machine's own and arm64-v8a")
    cost.add_argument("--runs", type=int, default=3, help="of each kind, after one that does not count; default: 3")
    cost.add_argument(
        "--warm-only", action="store_true", help="do not fetch the library anew from the Maven repository"
    )
    cost.add_argument("--json", type=Path, help="write all single figures to a file")
    cost.set_defaults(command=_cost)


def _add_sweep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sweep = commands.add_parser(
        "sweep",
        help="run torchvision's models in the libraries of several releases",
        description="Run every model of torchvision, or those named, in the libraries of several releases: traced and "
        "scripted, plain and optimised. A second call goes on where the first one ended.",
    )
    sweep.add_argument("models", nargs="*", metavar="MODEL")
    sweep.add_argument(
        "--releases", type=_list, default=RELEASES, metavar="LIST", help=f"default: {','.join(RELEASES)}"
    )
    sweep.add_argument("--results", type=Path, default=RESULTS, help="default: bench/results/device-sweep.jsonl")
    sweep.add_argument("--limit-minutes", type=float, default=60.0, help="of the whole call; default: 60")
    sweep.add_argument("--step-seconds", type=float, default=300.0, help="of processor time for one step; default: 300")
    sweep.add_argument("--memory-gb", type=float, default=10.0, help="for all processes of a model; default: 10")
    sweep.add_argument(
        "--script-up-to",
        type=float,
        default=40.0,
        metavar="MILLIONS",
        help="of parameters: larger models are only traced, unless they are named; default: 40",
    )
    sweep.add_argument(
        "--again",
        type=_list,
        default=(),
        metavar="LIST",
        help='run anew what has such a result, as in --again "too slow"',
    )
    sweep.add_argument("--no-arm64", action="store_true", help="do not ask the phones' library where x86_64 is wrong")
    sweep.add_argument("--write-docs", action="store_true", help="write the tables to docs/device-sweep.md")
    sweep.set_defaults(command=_sweep)


def _cost(arguments: argparse.Namespace) -> int:
    from _cost import Bench, measure_all, write_json  # noqa: PLC0415

    abis = arguments.abis or list(dict.fromkeys((native_abi() or "", PHONE)))
    print(f"{os.cpu_count()} processors, {arguments.release}, {arguments.runs} runs each in turn, medians")
    bench = Bench(arguments.release, abis, cold=not arguments.warm_only)
    everything = measure_all(bench, arguments.models, arguments.runs)
    if arguments.json:
        write_json(arguments.json, bench, everything)
    return 0


def _sweep(arguments: argparse.Namespace) -> int:
    from _libraries import get_library  # noqa: PLC0415 - torch takes its time, and only here it is needed
    from _sweep import GIGABYTE, Limits, Sweep  # noqa: PLC0415
    from _sweep_records import CAPTURES, read_records  # noqa: PLC0415
    from _sweep_report import tables, write_document  # noqa: PLC0415
    from _zoo import all_models, parameters_of  # noqa: PLC0415

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by way of all that ends processes
    abi = native_abi() or ""
    abis = dict.fromkeys((abi,) if arguments.no_arm64 else (abi, PHONE))
    libraries = [get_library(release, one) for release in arguments.releases for one in abis]
    deadline = time.monotonic() + 60 * arguments.limit_minutes
    limits = Limits(arguments.step_seconds, int(arguments.memory_gb * GIGABYTE), deadline)
    small = arguments.script_up_to * 1e6
    models = {
        model: CAPTURES if arguments.models or parameters_of(model) <= small else CAPTURES[:1]
        for model in arguments.models or all_models()
    }
    finished = Sweep(libraries, abi, arguments.results, limits).run(models, arguments.again)
    text = tables(read_records(arguments.results), arguments.releases)
    print(text)
    if arguments.write_docs:
        write_document(DOCUMENT, text)
    if not finished:
        print("The time was up before everything was run: the same command goes on.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
