"""`ptmobile explain "MESSAGE"`: its options, and how an explanation is printed."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from typing import Final, get_args

import msgspec

from ptmobile.explaining import Explanation, explain_all
from ptmobile.result import StageName

#: The exit code for a message that is not known; no other command returns it.
NOT_KNOWN: Final = 9
_WIDTH: Final = 100
#: Where an error comes from, in words.
WHERE: Final[dict[StageName, str]] = {
    "packages": "installing the packages of requirements",
    "load": "loading the model or its weights",
    "inputs": "making the example inputs",
    "eager": "running the model itself",
    "traced": "torch.jit.trace",
    "scripted": "torch.jit.script",
    "lowered": "rewriting for an older release",
    "frozen": "torch.jit.freeze before optimize_for_mobile, or running what it made",
    "optimised": "optimize_for_mobile, or running what it made",
    "saved": "saving for the lite interpreter",
    "lite": "the lite interpreter",
    "backported": "backporting, or running the backported file",
    "device": "the app's own library",
}
_SORRY: Final = (
    "This message is not known. Try the line that names the error itself (often the last one, or the one after "
    '"Caused by"); `ptmobile explain --list` shows what is known.\n'
    "If you report it, include the whole message, the versions of ptmobile and torch (report.json names them), how the "
    "model is called (the command or ptmobile.yml), and the smallest model that shows it."
)
_EPILOG: Final = f"""
examples:
  ptmobile explain "PytorchStreamReader failed locating file bytecode.pkl: file not found"
  adb logcat -d | ptmobile explain -
  ptmobile explain --list

exit codes:
  0 known   {NOT_KNOWN} not known   2 wrong use
"""


def add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain`."""
    explain = commands.add_parser(
        "explain",
        help="say what an error message of PyTorch or of an app means, and what to do",
        description=(
            "Say what an error message of PyTorch or of its mobile runtimes means, what to do about it,\n"
            "and where that is from. A whole log will do: the beginning and the end of it are searched."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = explain.add_mutually_exclusive_group(required=True)
    what.add_argument("message", nargs="?", metavar="MESSAGE", help="the message; - reads it from standard input")
    what.add_argument("--list", action="store_true", help="list all known errors")
    explain.add_argument(
        "--stage",
        choices=get_args(StageName),
        help="where it was seen, if a report says so: some messages mean two things",
    )
    explain.add_argument("--json", action="store_true", help="print JSON")
    explain.set_defaults(command=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    if arguments.list:
        _list(as_json=arguments.json)
        return 0
    message = arguments.message
    if message == "-":
        message = sys.stdin.buffer.read().decode("utf-8", "replace")
    found = explain_all(message, stage=arguments.stage or "")
    if arguments.json:
        print(_json({"known": bool(found), "explanations": found}))
    elif found:
        print("\n".join(_told(found)))
    else:
        print(_SORRY, file=sys.stderr)
    return 0 if found else NOT_KNOWN


def _told(found: tuple[Explanation, ...]) -> Iterator[str]:
    """The best explanation in full; of the others the names and causes."""
    best, *others = found
    yield best.id
    yield from _paragraph("Cause", best.cause)
    yield from _paragraph("Remedy", best.remedy)
    if best.stages:
        yield from _paragraph("Comes from", "; ".join(WHERE.get(stage, stage) for stage in best.stages))
    yield from _paragraph("Source", ", ".join(best.source))
    for other in others:
        yield from _paragraph(f"It also fits {other.id}", other.cause)


def _paragraph(name: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        f"{name}: {text}", _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _list(*, as_json: bool) -> None:
    from ptmobile.explaining.catalogue import GROUPS, KNOWN_ERRORS  # noqa: PLC0415 - see cli

    if as_json:
        print(_json(KNOWN_ERRORS))
        return
    width = max(len(known.id) for known in KNOWN_ERRORS)
    for name, group in GROUPS.items():
        print(f"{name}:")
        for known in group:
            print(f"  {known.id:<{width}}  {known.says}")


def _json(what: object) -> str:
    return json.dumps(msgspec.to_builtins(what), indent=2)
