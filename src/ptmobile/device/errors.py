"""What can be wrong with a library or with what is needed to run it: never a finding about a model."""

from __future__ import annotations

from ptmobile.errors import ExitCode, PtmobileError


class PrepareError(PtmobileError):
    """The AAR is damaged, or not what it should be."""

    code = ExitCode.CONFIGURATION


class CannotRunError(PtmobileError):
    """This library cannot be run here: this machine lacks something, or the library needs more than we provide."""

    code = ExitCode.RUNTIME_INCOMPATIBLE
