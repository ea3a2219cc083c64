"""Small modules over the families of operators, to be asked of tables and libraries."""

from __future__ import annotations

from typing import Final

from small_modules import (
    algebra,
    convolutions,
    images,
    models,
    ordering,
    pointwise,
    quantised,
    scripted,
    sequences,
    tensors,
)
from small_modules.entry import Entry, Family

FAMILIES: Final[tuple[Family, ...]] = (
    convolutions.CONVOLUTIONS,
    convolutions.POOLING,
    algebra.LINEAR,
    algebra.EINSUM,
    algebra.DISTANCES,
    algebra.FFT,
    algebra.COMPLEX,
    ordering.SORTING,
    ordering.SEARCHING,
    ordering.INDEXING,
    ordering.SCATTERING,
    sequences.ATTENTION,
    sequences.RECURRENT,
    sequences.NORMALISATION,
    images.RESAMPLING,
    images.PADDING,
    pointwise.ACTIVATIONS,
    pointwise.LOSSES,
    pointwise.ARITHMETIC,
    pointwise.INTEGERS,
    pointwise.DTYPES,
    tensors.CREATION,
    tensors.VIEWS,
    tensors.REDUCTIONS,
    quantised.QUANTISED,
    scripted.CONTROL,
    scripted.OUTPUTS,
    scripted.ARGUMENTS,
    models.MODELS,
)
ZOO: Final[tuple[Entry, ...]] = tuple(entry for family in FAMILIES for entry in family.entries)
