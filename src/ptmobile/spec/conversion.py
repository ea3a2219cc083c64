"""The types of a run's specification: the single place where options are declared.

Field names in kebab-case are the action's inputs, the keys of ``ptmobile.yml`` and, with ``--`` in front, the options
of the command line. Types, limits and descriptions declared here become the JSON Schema, ``--help`` and ``action.yml``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from ptmobile.spec.publishing import PublishingSpec
from ptmobile.spec.quantities import PERCENTAGES, SIZES

DType = Literal["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64", "bool"]
DTYPES: tuple[str, ...] = get_args(DType)

# torch.utils.mobile_optimizer.MobileOptimizerType, the passes of optimize_for_mobile that can be left out.
OptimizerPass = Literal[
    "CONV_BN_FUSION", "INSERT_FOLD_PREPACK_OPS", "REMOVE_DROPOUT", "FUSE_ADD_RELU", "HOIST_CONV_PACKED_PARAMS"
]
OPTIMIZER_PASSES: tuple[OptimizerPass, ...] = get_args(OptimizerPass)

# Kinds of random inputs: what each is in a declared range, and without one, is in worker/inputs/drawing.py.
Distribution = Literal["normal", "uniform", "zeros", "ones", "large"]
DISTRIBUTIONS: tuple[Distribution, ...] = get_args(Distribution)

#: What a run does. The first two work on models; the others get them to more than one machine, and back.
RunMode = Literal["convert", "check", "verify", "plan", "merge", "comment"]

MethodName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Size = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Shape = tuple[Size, ...]
Tolerance = Annotated[float, Meta(ge=0)]
#: For texts that YAML may read as numbers, such as a size in bytes.
NUMBERS_TOO = "numbers-too"


class ExampleInput(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One argument of the model: random values of given shapes, or values from a data file.

    ``range`` is ``[low, high]``: the upper end is excluded for integers. Without it, floats are what the trial's
    distribution says, integers are 0 or 1, ``uint8`` covers 0 to 255.
    """

    shape: Annotated[Shape | None, Meta(description="Shape of the tensor, such as [1, 3, 224, 224].")] = None
    shapes: Annotated[
        Annotated[tuple[Shape, ...], Meta(min_length=1)] | None,
        Meta(description="Alternative shapes; each one is verified."),
    ] = None
    dtype: Annotated[DType, Meta(description="Data type of the tensor.")] = "float32"
    range: Annotated[
        tuple[float, float] | None,
        Meta(description="Lowest and highest value; the upper end is excluded for integers."),
    ] = None
    list_of: Annotated[
        Annotated[int, Meta(ge=1, le=64)] | None,
        Meta(description="The argument is a list of this many tensors, each of the shape; of a file, all it holds."),
    ] = None
    file: Annotated[str | None, Meta(description="A .npy, .npz or .pt file in the workspace.")] = None
    key: Annotated[str | None, Meta(description="Name of the array inside an .npz or .pt file.")] = None

    def alternatives(self) -> tuple[Shape, ...]:
        """The shapes to try in turn; empty for a data file."""
        return self.shapes or ((self.shape,) if self.shape is not None else ())


class ConversionSpec(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One model and everything that is to be done with it."""

    model: Annotated[
        str,
        Meta(
            description=(
                "The model: torchvision:NAME, package.module:factory, path/file.py:factory (a class or a function), "
                "or a TorchScript file; in mode check a .ptl file. Needed unless there is a config file."
            )
        ),
    ]
    name: Annotated[
        str,
        Meta(
            description="Name of the model in the report and of its file. Default: taken from the model.",
            pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$",
            extra={"allowed": "up to 100 letters, digits, '.', '_' and '-', a letter or digit first"},
        ),
    ] = ""
    model_args: Annotated[
        dict[str, Any] | list[Any],
        Meta(
            description="Arguments for the class, function or builder: a YAML mapping (by name) or list (by position)."
        ),
    ] = {}
    weights: Annotated[
        str | None,
        Meta(description="Checkpoint in the workspace: a state dict (.pt, .pth, .bin, ...) or a .safetensors file."),
    ] = None
    weights_key: Annotated[
        str | None,
        Meta(description="Key of the state dict inside the checkpoint, dots for nesting. Default: the usual ones."),
    ] = None
    inputs: Annotated[
        tuple[ExampleInput, ...],
        Meta(
            description=(
                "YAML list, one entry per argument of the model: a shape such as [1, 3, 224, 224]; "
                "{shape: [2, 9], dtype: int64, range: [0, 50]}; {shapes: [[1, 3, 224, 224], [4, 3, 224, 224]]} for "
                "alternatives; or the path of a .npy, .npz or .pt file. "
                "Default for torchvision models: the image size of their weights."
            )
        ),
    ] = ()
    allow_pickle: Annotated[
        bool,
        Meta(description="Read checkpoints with the full pickle, which runs code from the file."),
    ] = False
    requirements: Annotated[
        str | None,
        Meta(
            description=(
                "A requirements file in the workspace: packages that the model imports. They are installed for it "
                "alone, beside torch, torchvision and numpy, which stay as they are."
            )
        ),
    ] = None
    allow_source_builds: Annotated[
        bool,
        Meta(description="Let packages without a wheel be built, which runs their own code as the model's user."),
    ] = False
    method: Annotated[
        Literal["auto", "script", "trace"],
        Meta(description="Which conversion is shipped (both are tried). auto: the first that verifies, script first."),
    ] = "auto"
    optimize: Annotated[bool, Meta(description="Run optimize_for_mobile (XNNPACK kernels, fused layers).")] = True
    optimize_blocklist: Annotated[
        tuple[OptimizerPass, ...],
        Meta(description=f"Passes of optimize_for_mobile to leave out: {', '.join(OPTIMIZER_PASSES)}."),
    ] = ()
    preserve_methods: Annotated[
        tuple[MethodName, ...], Meta(description="Exported methods besides forward that the optimised file keeps.")
    ] = ()
    bundle_inputs: Annotated[
        bool, Meta(description="Store the first example input inside the file (get_all_bundled_inputs).")
    ] = False
    golden: Annotated[
        Literal["auto", "off"],
        Meta(
            description=(
                "auto: the file holds what the model gave on inputs drawn from a formula, in at most 64 KiB, for mode "
                "verify (not where inputs are data files); off."
            )
        ),
    ] = "auto"
    output: Annotated[
        str | None, Meta(description="Path of the .ptl file in the workspace. Default: REPORT_DIR/NAME.ptl.")
    ] = None
    outputs: Annotated[
        Literal["adapt", "keep"],
        Meta(
            description=(
                "adapt: what the model returns is given another form where no file can have it as it is (objects, "
                "named tuples, dictionaries under tracing), as the report says; keep: it is left as it is."
            )
        ),
    ] = "adapt"
    trials: Annotated[
        int, Meta(ge=1, le=1000, description="Random inputs per shape on which all variants are compared.")
    ] = 5
    distributions: Annotated[
        tuple[Distribution, ...],
        Meta(
            min_length=1,
            description=(
                "What the random inputs are in turn: normal, uniform (from -1 to 1), zeros, ones, large (normal, times "
                "1000). Of a declared range zeros is the low end, ones the high end, large both ends mixed. Leave out "
                "what makes no sense to the model."
            ),
        ),
    ] = DISTRIBUTIONS
    sensitive_weights: Annotated[
        Literal["auto", "always", "off"],
        Meta(
            description=(
                "A second comparison in which untrained weights have values that show errors; the shipped file keeps "
                "its own. auto: where the first proves little, as outputs are zero or stand still; always; off."
            )
        ),
    ] = "auto"
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="Seed of the random inputs.")] = 0
    rtol: Annotated[
        Tolerance | None,
        Meta(description="Relative tolerance. Default: by dtype, 1e-4 for float32. Setting it waives exactness."),
    ] = None
    atol: Annotated[
        Tolerance | None,
        Meta(
            description="Absolute tolerance. Default: 1e-5 of the output's largest value (float32). Waives exactness.",
        ),
    ] = None
    own_error_multiple: Annotated[
        Annotated[float, Meta(ge=1, le=100)] | None,
        Meta(
            description=(
                "For a model that magnifies rounding: allow so many times its own error too (eager in float32 against "
                "float64), in each output and trial, up to 1e-2 of the output's largest value; such as 10."
            )
        ),
    ] = None
    compare: Annotated[
        Literal["close", "exact"],
        Meta(description="close: equal where exactness is owed, else within the tolerance. exact: equal everywhere."),
    ] = "close"
    runtime: Annotated[
        str,
        Meta(
            description=(
                "The app's PyTorch Mobile release, such as 1.12.2, in whose own library the file is run; auto: what "
                "the build files in the workspace declare (Gradle, version catalogs, Podfile); none."
            )
        ),
    ] = "auto"
    runtime_library: Annotated[
        str | None,
        Meta(description="An .aar of your own build of PyTorch Mobile in the workspace, instead of a release."),
    ] = None
    backport_to: Annotated[
        tuple[str, ...],
        Meta(
            description=(
                "Releases, or bytecode versions, to make a further file for, such as 1.9.0 or 5, beside that for the "
                "app's own release."
            )
        ),
    ] = ()
    repair: Annotated[
        Literal["auto", "off"],
        Meta(
            description=(
                "auto: what a release lacks is rewritten by what it has, and a file that a known defect would spoil is "
                "built otherwise, as the report says; off."
            )
        ),
    ] = "auto"
    device_check: Annotated[
        Literal["auto", "required", "off"],
        Meta(
            description=(
                "Whether the file is run in the app's own library. auto: if it can be had and run; required: else the "
                "run fails; off."
            )
        ),
    ] = "auto"
    device_abis: Annotated[
        tuple[Literal["native", "all", "x86_64", "arm64-v8a"], ...],
        Meta(
            description=(
                "ABIs of the app's library to run the file in: native (this machine's own; x86_64 is that of emulators "
                "and Chromebooks), all (arm64-v8a too, that of phones, emulated where need be), or a list."
            )
        ),
    ] = ("native",)
    max_size: Annotated[
        str,
        Meta(
            description="Budget: the largest size of a file of the model, such as 12MB or 1.5 MiB; else exit code 7.",
            extra={"allowed": SIZES, NUMBERS_TOO: True},
        ),
    ] = ""
    max_size_growth: Annotated[
        str,
        Meta(
            description="Budget: how much larger than in the baseline a file may be, such as 5%; else exit code 7.",
            extra={"allowed": PERCENTAGES, NUMBERS_TOO: True},
        ),
    ] = ""
    timing: Annotated[
        bool,
        Meta(description="Measure the latency of the model and of its file on this machine (about 2 seconds)."),
    ] = True
    max_latency_ratio: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description=(
                "Budget: the latency of the file as a multiple of the model's, measured side by side on this machine "
                "in the model's process, so that hostile code can forge it; else exit code 7."
            )
        ),
    ] = None
    repro: Annotated[
        Literal["on-failure", "always", "off"],
        Meta(
            description=(
                "When the folder NAME.repro is written: inputs and outputs of each stage (.npz, at most 64 MiB), and "
                "a script that runs the file on them again."
            )
        ),
    ] = "on-failure"
    timeout_minutes: Annotated[float, Meta(gt=0, le=360, description="Time limit for one model, in minutes.")] = 30.0
    memory_limit: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description=(
                "Memory that each process of a model may take, in GiB. Default: three quarters of what the machine, "
                "or the container, has."
            ),
        ),
    ] = None


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A whole run: its models and what is done with the results."""

    config: Annotated[
        str | None,
        Meta(description="Path of a config file with one or many models. Default: ptmobile.yml, if no model is given."),
    ] = None
    models: tuple[ConversionSpec, ...]
    mode: Annotated[
        RunMode,
        Meta(
            description=(
                "convert: make files of models; check: run .ptl files that are there already (model names one) in the "
                "app's library, on inputs that are given or bundled; verify: the same on golden inputs in it, "
                "against the outputs in it; plan: spread the models of a config file over jobs; merge: make one report "
                "of those that the jobs have left; comment: show a report in its pull request."
            )
        ),
    ] = "convert"
    only: Annotated[
        tuple[str, ...],
        Meta(description="Names of models of the config file; all others are left out. A job of a plan is given them."),
    ] = ()
    shards: Annotated[
        int, Meta(ge=1, le=256, description="In mode plan, over how many jobs the models are spread at most.")
    ] = 4
    reports: Annotated[
        str, Meta(description="In mode merge, the folder that the artifacts of the jobs were downloaded into.")
    ] = ""
    matrix: Annotated[
        str,
        Meta(
            description="In mode merge, the output matrix of the plan: it says which models there must be reports of."
        ),
    ] = ""
    baseline: Annotated[
        str,
        Meta(
            description=(
                "An earlier report to compare with (size, error, operators): a report.json in the workspace, or "
                "artifact:NAME@BRANCH, the artifact of that branch's newest successful run, which needs github-token."
            )
        ),
    ] = ""
    fail_on: Annotated[
        Literal["failure", "warning", "never"],
        Meta(description="When the step fails: failure; warning (on warnings too); never (read the outputs)."),
    ] = "failure"
    summary: Annotated[bool, Meta(description="Write the Markdown summary to the job summary.")] = True
    allow_foreign_code: Annotated[
        bool,
        Meta(
            description=(
                "Run on pull_request_target and workflow_run although the code is of another repository. Only the "
                "workflow can say so, not the config file."
            )
        ),
    ] = False
    report_dir: Annotated[str, Meta(description="Folder in the workspace for everything that a run writes.")] = (
        "ptmobile-report"
    )
    publishing: PublishingSpec = PublishingSpec()


RUN_OPTIONS = (
    *("config", "mode", "only", "shards", "reports", "matrix"),
    *("baseline", "fail_on", "summary", "allow_foreign_code", "report_dir"),
)
