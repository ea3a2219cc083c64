"""`ptmobile runtimes list | probe | fetch`: what their options are, and which module does the work."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ptmobile.errors import ConfigurationError

if TYPE_CHECKING:
    from ptmobile.runtimes.fetching import LibraryFile

_ABIS: Final = ("x86_64", "arm64-v8a")
_EPILOG: Final = """
examples:
  ptmobile runtimes list
  ptmobile runtimes probe 1.12.2
  ptmobile runtimes fetch 1.9.0 1.12.2 --to runtimes    # and on another machine: PTMOBILE_RUNTIMES=runtimes

variables:
  PTMOBILE_CACHE     where libraries and answers are kept (else ~/.cache/ptmobile)
  PTMOBILE_RUNTIMES  a folder that `fetch --to` filled; looked into first, never written to
  PTMOBILE_MAVEN     other Maven repositories, separated by spaces
  PTMOBILE_OFFLINE   1: download nothing

exit codes:
  0 done   2 no release, or a damaged data file   6 cannot be fetched, or cannot be run here   8 cannot write
"""


def add_runtimes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `runtimes` with its own commands."""
    runtimes = commands.add_parser(
        "runtimes",
        help="the published runtimes of apps: what is known of them, ask one, fetch some",
        description="The published runtimes of apps: what is known of them, ask one, fetch some.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added = runtimes.add_subparsers(required=True, metavar="COMMAND")
    _add_list(added)
    _add_probe(added)
    _add_fetch(added)


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser(
        "list",
        help="what each release reads and has, and how that is known",
        description=(
            "What each published release reads and has, and how that is known. The answers of your own probes take "
            "precedence over those that are packaged."
        ),
    )
    listing.add_argument(
        "--data", type=Path, metavar="DIR", help="where probes wrote (default: where probe writes by default)"
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(command=_list)


def _add_probe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    probe = commands.add_parser(
        "probe",
        help="ask a release's own library, and write its data file",
        description=(
            "Fetch a release, run its library, and ask it: which versions of files it loads, and which of all the "
            "operators in PyTorch's builds it lacks. The answers are written to a data file; in the default folder, "
            "`list` finds it by itself."
        ),
        epilog="Needs what a run in the app's own library needs: a C compiler and a JDK, or the image. Takes seconds.",
    )
    probe.add_argument("release", metavar="RELEASE", help="a release of pytorch_android_lite, such as 1.12.2")
    probe.add_argument("--abi", choices=_ABIS, help="which of its libraries (default: the one of this machine's CPU)")
    probe.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: in the cache folder)")
    probe.set_defaults(command=_probe)


def _add_fetch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    fetch = commands.add_parser(
        "fetch",
        help="get releases into a folder, for machines without a network",
        description=(
            "Get releases with the Java libraries that they need, check their SHA-256, and keep what is used of them: "
            "the classes, and the libraries for x86_64 and arm64-v8a."
        ),
        epilog="The folder can be baked into an image as /opt/ptmobile/runtimes, or named by PTMOBILE_RUNTIMES.",
    )
    fetch.add_argument(
        "releases", nargs="+", metavar="RELEASE", help="a release of pytorch_android_lite, such as 1.12.2"
    )
    fetch.add_argument("--to", type=Path, metavar="DIR", help="the folder (default: the cache)")
    fetch.set_defaults(command=_fetch)


def _list(arguments: argparse.Namespace) -> int:
    from ptmobile.runtimes.limits.probed import probed_folder, read_probed, tables_with  # noqa: PLC0415 - see cli
    from ptmobile.runtimes.listing import Own, render_json, render_runtimes  # noqa: PLC0415

    folder = arguments.data or probed_folder(os.environ)
    if arguments.data and not folder.is_dir():
        raise ConfigurationError(f"--data: there is no folder {folder}")
    own = Own(folder=folder, answers=read_probed(folder))
    tables = tables_with(folder)
    print(render_json(tables, own).decode() if arguments.json else render_runtimes(tables, own), end="")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    from ptmobile.device.probing.command import probe_release  # noqa: PLC0415

    folder: Path | None = arguments.output
    for line in probe_release(arguments.release, arguments.abi, folder, os.environ):
        print(line, flush=True)
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from ptmobile.runtimes.fetching import Folders, JgoClient, NotAvailable, fetch_runtime, folders_of  # noqa: PLC0415
    from ptmobile.runtimes.obtaining import not_obtained, wanted_version  # noqa: PLC0415

    versions = [wanted_version(text) for text in arguments.releases]
    folders = Folders(arguments.to.absolute()) if arguments.to else folders_of(os.environ)
    client = JgoClient.from_environment(os.environ)
    failures = []
    for version in dict.fromkeys(versions):
        found = fetch_runtime(version, folders, client)
        if isinstance(found, NotAvailable):
            failures.append(not_obtained(version, found))
            continue
        for file in (found.aar, *found.jars):
            print(_described(file), flush=True)
        for notice in found.notices:
            print(f"note: {notice}", file=sys.stderr)
    print(f"in {folders.cache}" if len(failures) < len(versions) else "nothing was fetched", file=sys.stderr)
    for failure in failures[:-1]:
        print(failure, file=sys.stderr)
    if failures:
        raise failures[-1]
    return 0


def _described(file: LibraryFile) -> str:
    """Name, hash and size, as published; and of what is kept, if that is less."""
    text = f"{file.name}  SHA-256 {file.sha256}  {file.size_bytes} bytes"
    if file.kept is not None:
        text += f"\n  kept: SHA-256 {file.kept.sha256}  {file.kept.size_bytes} bytes"
    return text
