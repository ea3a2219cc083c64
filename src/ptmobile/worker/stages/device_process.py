"""The process that has the file run in the phone's own library, and brings its outputs into our form.

The library runs in a process of its own below this one (see :mod:`ptmobile.device.runner`): it may crash.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ptmobile.device.answers import FileAnswer, Output, TrialAnswer, check_memory
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import Machine, find_machine
from ptmobile.device.plan import ModelFile
from ptmobile.device.plan import Trial as DeviceTrial
from ptmobile.device.prepare import prepare
from ptmobile.device.prepared import read_prepared
from ptmobile.device.runner import Limits, Runner, not_run
from ptmobile.device.symbols import check
from ptmobile.device.target import DeviceTarget
from ptmobile.device.trees import flatten, nest
from ptmobile.device.wire import TensorAt
from ptmobile.editions import Build
from ptmobile.errors import PtmobileError
from ptmobile.explaining import advice_for
from ptmobile.litefile import read_lite_file
from ptmobile.protocol import Job
from ptmobile.result import Trial
from ptmobile.value_manifest import Manifest, StoredTensor
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.model_process import INPUTS

_TIMES: Final = "times.json"


class DeviceError(PtmobileError):
    """The phone's library did not load or run the file."""


def run_device(job: Job, build: Build, target: DeviceTarget, channel: Writer, desk: Path) -> None:
    """Run a build's file on every trial in the library of one release and ABI."""
    scratch = Path(job.scratch)
    reporter = Reporter(channel, Path(job.workspace), build.method, build.target_of(target.label))
    key = build.key("device", target.label)
    run = DeviceRun(scratch / INPUTS, build.file(scratch), key, job.spec.timeout_minutes * 60)
    run_in_library(reporter, run, target, desk)


@dataclass(frozen=True)
class DeviceRun:
    """A file to run on all inputs in a folder; its outputs go to the folder ``key``; ``seconds`` is the limit."""

    inputs: Path
    file: Path
    key: str
    seconds: float


def run_in_library(reporter: Reporter, run: DeviceRun, target: DeviceTarget, desk: Path) -> None:
    """Run a file as a stage of its own, whatever comes of it; all that is written is on the desk."""
    try:
        with reporter.stage("device", f"The library of {target.label} did not run the file"):
            if target.obstacle:
                raise CannotRunError(target.obstacle)
            _need_no_other_library(run.file, target)
            _run(run, target, desk)
    except StageFailedError:
        return


def _run(run: DeviceRun, target: DeviceTarget, desk: Path) -> None:
    machine = find_machine(Path(target.kit), target.abi, target.environment)
    folder = Path(target.folder) if not target.aar else _prepared_here(desk, target, machine)
    runner = Runner(machine, read_prepared(folder), folder)
    numbers, trials = _trials(run.inputs)
    work = desk / f"run-{run.key}"
    work.mkdir()
    limits = Limits(seconds=run.seconds, memory_bytes=_memory_limit())
    report = runner.run([ModelFile(run.file, trials)], work, target.environment, limits)
    outputs = desk / run.key
    outputs.mkdir()
    answer = report.files.get(0, FileAnswer())
    _check_loaded(answer)
    for position, number in enumerate(numbers):
        _keep(_output(answer.trials.get(position), number), outputs / str(number))
    times = {number: answer.trials[position].nanoseconds for position, number in enumerate(numbers)}
    (outputs / _TIMES).write_bytes(msgspec.json.encode(times))


def run_times(folder: Path, read: Callable[[Path], bytes]) -> dict[int, int]:
    """Nanoseconds of each trial's run in a library that has left its outputs in ``folder``; none if it did not end."""
    try:
        times = msgspec.json.decode(read(folder / _TIMES), type=dict[int, int | None])
    except (OSError, PtmobileError, msgspec.DecodeError):
        return {}
    return {number: time for number, time in times.items() if time is not None}


def _need_no_other_library(file: Path, target: DeviceTarget) -> None:
    """Refuse what an app can run and we cannot: a file with operators of a library that the app ships beside PyTorch's.

    Raises:
        CannotRunError: it has some.
    """
    if not target.operators:
        return
    theirs = [name for name in read_lite_file(file).operators if name.startswith("torchvision::")]
    if theirs:
        raise CannotRunError(
            f"The file calls {', '.join(theirs)}, which the app takes from {target.operators}; only the library of "
            "PyTorch itself is run here.",
            advice=f"Name the release in `runtime`, or take {target.operators} out of the app: the file is then "
            "written without these operators, and run.",
        )


def _memory_limit() -> int:
    """What a library may take: most of the machine's memory, so that it ends before the machine does; and no more
    than this process may.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 * 3
    ours = resource.getrlimit(resource.RLIMIT_DATA)[1]
    return machine if ours == resource.RLIM_INFINITY else min(machine, ours)


def _prepared_here(desk: Path, target: DeviceTarget, machine: Machine) -> Path:
    """The library prepared on the desk: it is needed so rarely that nobody did it before."""
    folder = desk / f"library-{target.label}"
    prepared = prepare(Path(target.aar), [Path(jar) for jar in target.jars], target.abi, folder)
    check(prepared, machine)
    return folder


def _trials(folder: Path) -> tuple[list[int], list[DeviceTrial]]:
    """The inputs as the runner wants them: they lie on the disk already."""
    described = msgspec.json.decode((folder / "trials.json").read_bytes(), type=list[Trial])
    trials = []
    for trial in described:
        stem = folder / str(trial.number)
        manifest = msgspec.json.decode(stem.with_suffix(".json").read_bytes(), type=Manifest)
        tensors = {path: _at(tensor) for path, tensor in manifest.tensors.items()}
        arguments = nest("input", manifest.containers, tensors)
        if not isinstance(arguments, list):
            raise DeviceError("The inputs are no list of arguments.")
        trials.append(DeviceTrial(arguments, stem.with_suffix(".bin")))
    return [trial.number for trial in described], trials


def _at(tensor: StoredTensor) -> TensorAt:
    last = "channels_last" if tensor.memory_format == "channels_last" else "contiguous"
    return TensorAt(tensor.dtype, tensor.shape, tensor.offset, tensor.size, last)


def _check_loaded(answer: FileAnswer) -> None:
    check_memory(answer)
    if answer.failure is not None:
        message = answer.failure.message
        raise DeviceError(f"It did not load the file: {_essence(message)}", advice=_advice(message))
    if answer.crash is not None:
        raise DeviceError(f"Loading the file, its process {answer.crash.how}.\n{answer.crash.words}".strip())


def _output(answer: TrialAnswer | None, number: int) -> Output:
    if answer is None or not_run(answer):
        raise DeviceError(f"Trial {number} was not reached in time.")
    check_memory(answer)
    if answer.crash is not None:
        raise DeviceError(f"In trial {number} its process {answer.crash.how}.\n{answer.crash.words}".strip())
    if answer.failure is not None:
        message = answer.failure.message
        raise DeviceError(f"In trial {number}: {_essence(message)}", advice=_advice(message))
    if answer.output is None:
        raise DeviceError(f"Trial {number} has no output.")
    return answer.output


def _essence(message: str) -> str:
    """An exception of the library without its C++ frames and debug handles."""
    return re.split(r"\s*\(\)\s*Exception raised from |\s*Exception raised from |\s*Debug info for handle", message)[0]


def _advice(message: str) -> str:
    """What is known of the library's own answers."""
    return advice_for(message, stage="device")


def _keep(output: Output, stem: Path) -> None:
    """Bring an output into the form of value files; the bytes are the same in both."""
    containers, leaves = flatten(output.value, "out")
    tensors = {
        path: StoredTensor(
            dtype=leaf.dtype,
            shape=leaf.shape,
            memory_format=_format(leaf),
            offset=leaf.offset,
            size=leaf.size,
        )
        for path, leaf in leaves.items()
        if isinstance(leaf, TensorAt)
    }
    floats = {path: leaf.hex() for path, leaf in leaves.items() if isinstance(leaf, float)}
    plain = {path: leaf for path, leaf in leaves.items() if leaf is None or isinstance(leaf, bool | int | str)}
    manifest = Manifest(order=tuple(leaves), containers=containers, tensors=tensors, plain=plain, floats=floats)
    stem.with_suffix(".json").write_bytes(msgspec.json.encode(manifest))
    shutil.copyfile(output.data, stem.with_suffix(".bin"))


def _format(tensor: TensorAt) -> str:
    """Java's word for the memory format; where both describe a tensor it says one of them."""
    images = len(tensor.shape) in (4, 5)
    if images and (tensor.shape[1] == 1 or all(size == 1 for size in tensor.shape[2:])):
        return "either"
    return tensor.memory_format
