"""One class per kind of failure: its exit code, what happened, and what to do about it."""

from __future__ import annotations

import traceback
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the process returns; documented in the README."""

    PASSED = 0
    INTERNAL = 1
    CONFIGURATION = 2
    LOAD = 3
    CONVERT = 4
    MISMATCH = 5
    RUNTIME_INCOMPATIBLE = 6
    BUDGET = 7
    PUBLISH = 8
    INTERRUPTED = 130


class PtmobileError(Exception):
    """A failure we understand: shown as a message with advice, never as a traceback."""

    code = ExitCode.INTERNAL

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message


class ConfigurationError(PtmobileError):
    """The inputs, the config file or the command line ask for something impossible."""

    code = ExitCode.CONFIGURATION


class LoadError(PtmobileError):
    """The model, its weights or its example inputs cannot be loaded or run."""

    code = ExitCode.LOAD


class ConvertError(PtmobileError):
    """No road from the loaded model to a file for the lite interpreter."""

    code = ExitCode.CONVERT


class ImpossibleError(ConvertError):
    """What was asked for cannot be, however the file is built."""


class PublishError(PtmobileError):
    """A result exists but could not be written or handed over."""

    code = ExitCode.PUBLISH


class InternalError(PtmobileError):
    """A fault of this program."""


class InterruptedRunError(PtmobileError):
    """The run was cancelled, or its time was up."""

    code = ExitCode.INTERRUPTED


def internal_error(error: BaseException) -> InternalError:
    """A fault of ours: in one line, with the place in our code that a bug report needs."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return InternalError(
        f"ptmobile failed by a fault of its own: {type(error).__name__}: {error}{place}.", advice="Please report it."
    )
