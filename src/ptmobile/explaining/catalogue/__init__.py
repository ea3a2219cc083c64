"""All known errors, the specific before the general: the first that fits a message explains it."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.catalogue.app import APP, HARMLESS
from ptmobile.explaining.catalogue.backends import BACKENDS
from ptmobile.explaining.catalogue.data_types import DATA_TYPES
from ptmobile.explaining.catalogue.files import FILES
from ptmobile.explaining.catalogue.machine import MACHINE
from ptmobile.explaining.catalogue.operators import OPERATORS
from ptmobile.explaining.catalogue.optimising import OPTIMISING
from ptmobile.explaining.catalogue.running import RUNNING
from ptmobile.explaining.catalogue.saving import SAVING
from ptmobile.explaining.catalogue.scripting import SCRIPTING
from ptmobile.explaining.catalogue.scripting_types import SCRIPTING_TYPES
from ptmobile.explaining.catalogue.shapes import SHAPES
from ptmobile.explaining.catalogue.tracer_warnings import TRACER_WARNINGS
from ptmobile.explaining.catalogue.tracing import TRACING
from ptmobile.explaining.catalogue.weights import WEIGHTS
from ptmobile.explaining.model import KnownError

#: By where they come from; the names of the groups are headings of the documentation.
GROUPS: Final[dict[str, tuple[KnownError, ...]]] = {
    "Tracing": TRACING,
    "Scripting: the code": SCRIPTING,
    "Scripting: the types": SCRIPTING_TYPES,
    "Optimising": OPTIMISING,
    "Saving and bundling": SAVING,
    "Files and versions": FILES,
    "Operators that a library lacks": OPERATORS,
    "Running in the lite interpreter": RUNNING,
    "In the app": APP,
    "Devices and quantised models": BACKENDS,
    "Shapes and arguments": SHAPES,
    "Data types": DATA_TYPES,
    "Weights and checkpoints": WEIGHTS,
    "Memory, disk and crashes": MACHINE,
    "Warnings of the tracer": TRACER_WARNINGS,
    "Lines that mean nothing": HARMLESS,
}
KNOWN_ERRORS: Final[tuple[KnownError, ...]] = tuple(known for group in GROUPS.values() for known in group)
