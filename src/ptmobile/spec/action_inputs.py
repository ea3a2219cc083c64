"""The action's inputs as the runner passes them: variables named ``INPUT_`` + the input's name in upper case."""

from __future__ import annotations

from collections.abc import Mapping

from ptmobile.spec.coerce import Given
from ptmobile.spec.options import Option
from ptmobile.spec.problems import Problems, suggestion

PREFIX = "INPUT_"
# The runner always accepts these two keys under `with:` and exports them like inputs.
RUNNER_KEYS = ("args", "entrypoint")


def read_action_inputs(
    environ: Mapping[str, str], options: Mapping[str, Option], problems: Problems
) -> dict[str, Given]:
    """Every input that was given; an empty value is the same as none (the runner passes both alike)."""
    allowed = [name for name, option in options.items() if option.action_input]
    given: dict[str, Given] = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or not value.strip():
            continue
        name = variable.removeprefix(PREFIX).lower().replace(" ", "-")
        if name in allowed:
            given[name] = Given(value, f"input {name}", text=True)
        elif name not in RUNNER_KEYS:
            problems.add(f"input {name}", f"is unknown{suggestion(name, allowed)}")
    return given
