"""The options of the command line, made from the same table as the action's inputs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ptmobile.spec.coerce import Given
from ptmobile.spec.options import Option

_METAVARS = {"integer": "N", "number": "X", "names": "NAMES", "yaml": "YAML", "text": "TEXT", "boolean": "true|false"}
_PATHS = ("config", "weights", "output", "report-dir")


def add_options(parser: argparse.ArgumentParser, options: Mapping[str, Option]) -> None:
    """Add one ``--flag`` per option; values stay text here, so that all problems can be shown at once."""
    for option in (option for option in options.values() if option.command_line):
        default = f" Default: {option.default_text}." if option.default_text else ""
        metavar = "|".join(option.choices) if option.kind == "choice" else _METAVARS[option.kind]
        boolean = {"nargs": "?", "const": "true"} if option.kind == "boolean" else {}
        parser.add_argument(
            f"--{option.name}",
            dest=option.name,
            metavar="PATH" if option.name in _PATHS else metavar,
            help=(option.description + default).replace("%", "%%"),
            **boolean,  # type: ignore[arg-type]
        )


def given_options(arguments: argparse.Namespace, options: Mapping[str, Option]) -> dict[str, Given]:
    """The options that were given, as text."""
    values = vars(arguments)
    return {name: Given(values[name], f"--{name}", text=True) for name in options if (values.get(name) or "").strip()}
