"""Why a library did not get along with a file although the tables did not say so."""

from __future__ import annotations

import re
from typing import Final

from small_modules.records import FromLibrary

#: Patterns of family and title, of the library's words (its outcome for wrong results), and the reason.
_REASONS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"convolutions/conv2d 1x1|small models/squeeze",
        "wrong",
        "known defect of NNPACK on x86_64: 1x1 convolutions, not optimised, on fewer than 4 pixels",
    ),
    (r"", "not supported on java side", "a file does not say of which types its outputs are"),
    (
        r"",
        "LAPACK library not found",
        "depends on an argument: the power is negative, or the norm is the nuclear or the spectral one",
    ),
    (
        r"",
        "result type Float can't be cast|Found dtype Float but expected Long",
        "windows (`hann_window` and its kin) without a data type: integers there; lowering gives them one",
    ),
    (
        r"",
        "'Conjugate' backend",
        "complex numbers are conjugated lazily, and this library has nothing for such tensors",
    ),
    (r"floor division", "wrong", "`floor_divide` rounded towards zero before PyTorch 1.13; lowering writes it anew"),
    (r"", "norm_first is not supported", "the fused layer of 1.12 does not know it; lowering writes it anew"),
    (
        r"mixed with floats|complex exponential",
        "wrong",
        "a trace stores numbers as tensors of double precision, which the file does not tell from real ones",
    ),
    (r"", "diff only supports n = 1", "older kernel"),
    (r"", "expected scalar type float but found double", "`where` did not promote types before 1.12; lowering does"),
    (r"in a loop", "Expected String", "the tables do not count how often a loop runs"),
    (r"viewed as integers", "is invalid for input of size", "`view` takes a size only"),
)


def explained(release: str, family: str, title: str, library: FromLibrary) -> str:
    """The reason in words.

    Raises:
        LookupError: nobody has explained it yet.
    """
    words = library.words if library.outcome not in {"wrong"} else "wrong"
    for place, said, reason in _REASONS:
        if re.search(place, f"{family}/{title}") and re.search(said, words):
            return reason
    raise LookupError(f"{release}, {family}: {title}: {library.outcome} ({library.words}) is not explained")
