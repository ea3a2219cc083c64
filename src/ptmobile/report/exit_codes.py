"""The exit codes in words, for the documentation."""

from __future__ import annotations

from typing import Final

from ptmobile.errors import ExitCode

#: What each code means, in the order of the README's table.
EXIT_CODES: Final[dict[ExitCode, str]] = {
    ExitCode.PASSED: "Every model is verified (or `fail-on` is `never`).",
    ExitCode.INTERNAL: "ptmobile itself failed, or its worker could not be started.",
    ExitCode.CONFIGURATION: "The inputs, the config file or the command line ask for something impossible.",
    ExitCode.LOAD: "A model, its weights or its example inputs cannot be loaded, or the model does not run.",
    ExitCode.CONVERT: "Neither tracing nor scripting leads to a file (or the one that was asked for does not).",
    ExitCode.MISMATCH: (
        "The file does not run, or does not compute what the model computes; or the model itself is not deterministic. "
        "Also: there are warnings and `fail-on` is `warning`."
    ),
    ExitCode.RUNTIME_INCOMPATIBLE: (
        "The app's own library does not load or run the file, or gives other numbers than the model."
    ),
    ExitCode.BUDGET: (
        "A file is larger than `max-size`, has grown more than `max-size-growth`, or is slower than "
        "`max-latency-ratio`; or one of these cannot be said."
    ),
    ExitCode.PUBLISH: (
        "The file or the report cannot be written, or not uploaded although `upload` is `required`; in mode `comment`: "
        "there is no comment; in mode `merge`: a report is missing, damaged, foreign or there twice."
    ),
    ExitCode.INTERRUPTED: "The run was cancelled.",
}
