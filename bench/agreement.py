"""Compare what the tables say of small modules with what the phones' own libraries do with them.

Usage: .venv/bin/python bench/agreement.py                         all modules, this machine's own libraries of both
                                                                 releases; the other ABI where numbers differ
       .venv/bin/python bench/agreement.py --abi x86_64 arm64-v8a  all modules on both ABIs
       .venv/bin/python bench/agreement.py --release 1.10.0 --family padding   a part, shown and not kept
       .venv/bin/python bench/agreement.py --docs                  only write docs/runtimes.md from what was recorded

Each module of tests/device/small_modules is captured and saved as it is, and lowered where the release lacks something;
for releases that read older bytecode the files are backported. The tables are asked about each file, the libraries run
all of them in one process, and the outputs are compared with those of the eager module by the tolerances of a
conversion. A complete run writes tests/device/small_modules/answers.json and the generated parts of docs/runtimes.md;
the exit code is 1 if tables and libraries contradict each other.

Needs what the check itself needs: a C compiler and a JDK, for arm64-v8a on x86-64 also qemu-user-static and a cross
compiler, and a Maven repository the first time. Both releases on both ABIs take about two minutes of processor time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from _common import REPOSITORY
from _libraries import ENVIRONMENT, get_library

sys.path.insert(0, str(REPOSITORY / "tests" / "device"))
from device_support import Library
from small_modules import FAMILIES, ZOO
from small_modules.asking import Asking
from small_modules.page import filled
from small_modules.records import FILE, Records, contradictions, read, render

from ptmobile.device.kit import find_machine, native_abi
from ptmobile.device.prepared import read_prepared
from ptmobile.errors import PtmobileError

DOCUMENT = REPOSITORY / "docs" / "runtimes.md"
RELEASES = ("1.9.0", "1.12.2")
PHONE = "arm64-v8a"


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, show, and keep what is complete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", nargs="+", default=RELEASES, metavar="VERSION")
    parser.add_argument("--abi", nargs="+", metavar="ABI", help="default: this machine's own")
    parser.add_argument("--family", nargs="+", choices=[family.name for family in FAMILIES], metavar="FAMILY")
    parser.add_argument("--docs", action="store_true", help="write docs/runtimes.md from the recorded answers")
    arguments = parser.parse_args(argv)
    try:
        records = read() if arguments.docs else _ask(arguments)
    except PtmobileError as error:
        print(error, file=sys.stderr)
        return int(error.code)
    if arguments.docs:
        _write(records)
        return 0
    found = list(contradictions(records))
    print(*_summary(records), *found, sep="\n")
    if arguments.family is None and tuple(arguments.release) == RELEASES:
        FILE.write_text(render(records), encoding="utf-8")
        _write(records)
    return 1 if found else 0


def _ask(arguments: argparse.Namespace) -> Records:
    torch.set_num_threads(1)
    abis = arguments.abi or [native_abi() or "x86_64"]
    entries = [entry for entry in ZOO if arguments.family is None or entry.family in arguments.family]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        asking = Asking(entries, arguments.release, scratch / "files")
        answers = {}
        for version in arguments.release:
            print(f"asking the libraries of {version} about {len(entries)} modules", flush=True)
            libraries = [_library(version, abi, scratch) for abi in abis]
            second = None if PHONE in abis else lambda version=version: _library(version, PHONE, scratch)
            answers[version] = asking.records(version, libraries, second)
        return Records(torch=str(torch.__version__), releases=answers)


def _library(version: str, abi: str, scratch: Path) -> Library:
    found = get_library(version, abi)
    machine = find_machine(Path(found.kit), abi, ENVIRONMENT)
    folder = Path(found.folder)
    return Library(version, machine, read_prepared(folder), folder, scratch)


def _summary(records: Records) -> list[str]:
    lines = []
    for version, families in records.releases.items():
        outcomes: dict[str, int] = {}
        for titles in families.values():
            for record in titles.values():
                for abi, library in record.shipped.libraries.items():
                    key = f"{abi} {library.outcome}"
                    outcomes[key] = outcomes.get(key, 0) + 1
        counted = ", ".join(f"{number} {what}" for what, number in sorted(outcomes.items()))
        lines.append(f"{version}: {counted} (after lowering)")
    return lines


def _write(records: Records) -> None:
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), records), encoding="utf-8")
    print(f"{DOCUMENT.relative_to(REPOSITORY)} written")


if __name__ == "__main__":
    sys.exit(main())
