"""The command line: ``ptmobile convert | check | verify | plan | merge | inspect | runtimes | schema`` and more."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ptmobile import __version__
from ptmobile.errors import ExitCode, PtmobileError, internal_error
from ptmobile.explaining.commands import add_explain
from ptmobile.runtimes.commands import add_runtimes
from ptmobile.shards.commands import add_merge, add_plan
from ptmobile.spec.coerce import Given
from ptmobile.spec.command_line import add_options, given_options
from ptmobile.spec.options import Option, all_options
from ptmobile.spec.scope import CONVERSION_ONLY, INPUTS_ONLY, MODE_OPTIONS

_EPILOG = """
examples:
  ptmobile convert --model torchvision:mobilenet_v2
  ptmobile convert --model my_package.nets:Net --weights net.pt --inputs '[[1, 3, 224, 224]]'
  ptmobile convert --config ptmobile.yml --report-dir out
  ptmobile check out/Net.ptl --runtime 1.12.2 --inputs '[[1, 3, 224, 224]]'
  ptmobile verify out/Net.ptl --runtime 1.12.2
  ptmobile inspect out/Net.ptl
  ptmobile explain "failed locating file bytecode.pkl"

exit codes:
  0 passed   2 configuration   3 load   4 convert   5 mismatch   6 runtime   7 budget   8 cannot write
  1 a fault of ptmobile   130 cancelled
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except PtmobileError as error:
        print(error, file=sys.stderr)
        return int(error.code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read us has read enough
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback for users
        print(internal_error(error), file=sys.stderr)
        return int(ExitCode.INTERNAL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptmobile",
        description="Turn a PyTorch model into a PyTorch Mobile file (.ptl), and prove that it computes the same.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ptmobile {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_convert(commands)
    _add_check(commands)
    _add_verify(commands)
    _add_inspect(commands)
    _add_schema(commands)
    add_plan(commands)
    add_merge(commands)
    add_runtimes(commands)
    add_explain(commands)
    return parser


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    convert = commands.add_parser(
        "convert",
        help="convert models, compare all variants, write .ptl, report.html, report.json and junit.xml",
        description=(
            "Convert one model (--model) or those of a config file (--config); run the eager, traced, scripted, "
            "optimised and lite variants on the same inputs, compare them, and write the file that verifies."
        ),
        epilog="Paths are relative to the current folder, which is the workspace: nothing outside is read or written.",
    )
    add_options(convert, _convert_options())
    convert.set_defaults(command=_convert)


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check",
        help="run a .ptl file that is there already in the app's own library, without its model",
        description=(
            "Load a .ptl file with the lite interpreter of this machine and with the library of each release that the "
            "app declares or --runtime names, run it on the same inputs in all of them, and compare."
        ),
        epilog=(
            "Inputs: --inputs, else those that are bundled in the file, else none: then it is loaded only. Paths are "
            "relative to the current folder. Exit codes as of convert; 6: the app's library does not take the file."
        ),
    )
    check.add_argument("model", metavar="FILE.ptl", help="the file, in the workspace")
    add_options(check, _check_options())
    check.set_defaults(command=_check)


def _convert_options() -> dict[str, Option]:
    """All options but those of other commands."""
    return {name: option for name, option in all_options().items() if name not in ("mode", *MODE_OPTIONS)}


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = commands.add_parser(
        "verify",
        help="replay the golden outputs in a .ptl file, here and in the app's own library",
        description=(
            "Draw the golden inputs of a .ptl file again, run it on them with the lite interpreter of this machine and "
            "with the app's library, and compare with what the model gave when the file was made."
        ),
        epilog=(
            "Works without the model and without a network (then on this machine alone, which the report says). "
            "5: other outputs on this machine; 6: in the app's library; 3: the file has no golden outputs."
        ),
    )
    verify.add_argument("model", metavar="FILE.ptl", help="the file, in the workspace")
    add_options(verify, {name: option for name, option in _check_options().items() if name not in INPUTS_ONLY})
    verify.set_defaults(command=_verify)


def _check_options() -> dict[str, Option]:
    """The options that say something about a file that is there already."""
    left_out = {"config", "mode", "model", "only", *MODE_OPTIONS, *CONVERSION_ONLY}
    return {name: option for name, option in all_options().items() if name not in left_out}


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="show what is in a .ptl file, without running it",
        description="Show the versions, sizes, operators and extra files of a .ptl file, and which releases read it.",
    )
    inspect.add_argument("file", type=Path, metavar="FILE", help="the .ptl file, anywhere on this machine")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.set_defaults(command=_inspect)


def _add_schema(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of ptmobile.yml or of report.json",
        description="Print a JSON Schema, which editors complete and check by.",
    )
    schema.add_argument(
        "which",
        nargs="?",
        choices=("config", "report"),
        default="config",
        help="config: of ptmobile.yml, the default; report: of report.json",
    )
    schema.set_defaults(command=_schema)


def _check(arguments: argparse.Namespace) -> int:
    file, mode = Given(arguments.model, "FILE.ptl", text=True), Given("check", "check", text=True)
    return _run({"model": file, "mode": mode, **given_options(arguments, _check_options())})


def _verify(arguments: argparse.Namespace) -> int:
    file, mode = Given(arguments.model, "FILE.ptl", text=True), Given("verify", "verify", text=True)
    return _run({"model": file, "mode": mode, **given_options(arguments, _check_options())})


def _convert(arguments: argparse.Namespace) -> int:
    return _run(given_options(arguments, _convert_options()))


def _run(given: Mapping[str, Given]) -> int:
    """Run a session. Nothing leaves this machine unless an option says so; what a config file says is for jobs."""
    from ptmobile.github.context import GitHubContext, scrub  # noqa: PLC0415 - each command loads only its own
    from ptmobile.session import Session  # noqa: PLC0415
    from ptmobile.spec.workspace import Workspace  # noqa: PLC0415

    context = GitHubContext.from_environ(os.environ)
    scrub(os.environ)
    session = Session(context, Workspace(Path.cwd()), sys.stdout)
    off = {name: Given("off", f"--{name}", text=True) for name in ("upload", "comment")}
    return session.convert(lambda _problems: {**off, **given})


def _inspect(arguments: argparse.Namespace) -> int:
    from ptmobile.inspecting import render_text  # noqa: PLC0415
    from ptmobile.litefile import read_lite_file  # noqa: PLC0415
    from ptmobile.runtimes.releases import recommend  # noqa: PLC0415

    lite = read_lite_file(arguments.file)
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(lite), indent=2).decode())
    else:
        print(render_text(lite, recommend(lite.bytecode_version, lite.archive_version)))
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    if arguments.which == "report":
        from ptmobile.report.model import report_schema as schema  # noqa: PLC0415
    else:
        from ptmobile.spec.config_file import config_schema as schema  # noqa: PLC0415
    print(json.dumps(schema(), indent=2))
    return 0
