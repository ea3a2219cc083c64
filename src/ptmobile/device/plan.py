"""What the runner in Java is to do: files, and the trials of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ptmobile.device.wire import HEADER, Value, encode, escape

PLAN_FILE: Final = "plan.txt"


@dataclass(frozen=True)
class Trial:
    """One run of a method: its arguments, and the data file of their tensors (None if there are none)."""

    arguments: Sequence[Value]
    data: Path | None = None
    method: str = "forward"


@dataclass(frozen=True)
class ModelFile:
    """A ``.ptl`` with everything that it is to be run on."""

    path: Path
    trials: Sequence[Trial]


#: Which trials of which files are still to be run, both by their numbers.
Todo = Mapping[int, Sequence[int]]


def write_plan(path: Path, runtime: str, files: Sequence[ModelFile], todo: Todo, threads: int) -> None:
    """Write a plan. Relative paths are relative to the folder in which the runner works; ``threads`` 0: leave as is.

    Raises:
        WireError: a value cannot be expressed.
    """
    kind = "lite" if runtime.endswith("_lite") else "full"
    lines = [HEADER, f"library {kind} {escape(runtime)}", f"threads {threads}"]
    for number, trials in todo.items():
        lines.append(f"file {number} {escape(str(files[number].path))}")
        for index in trials:
            trial = files[number].trials[index]
            data = "/dev/null" if trial.data is None else str(trial.data)
            lines.append(f"trial {index} {escape(trial.method)} {escape(data)} {len(trial.arguments)}")
            for value in trial.arguments:
                lines += encode(value)
    path.write_text("\n".join([*lines, "end", ""]), encoding="ascii")
