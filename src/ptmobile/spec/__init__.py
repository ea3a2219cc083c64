"""What to do: the typed specification of a run, and the three places it is read from."""

from ptmobile.spec.conversion import (
    DTYPES,
    OPTIMIZER_PASSES,
    ConversionSpec,
    DType,
    ExampleInput,
    OptimizerPass,
    RunSpec,
)

__all__ = ["DTYPES", "OPTIMIZER_PASSES", "ConversionSpec", "DType", "ExampleInput", "OptimizerPass", "RunSpec"]
