"""Too little memory on this machine is said as what it is, and is no finding about a file."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from device_support import Library, Maker

from ptmobile.device.answers import Failure, FileAnswer, TrialAnswer, check_memory
from ptmobile.device.crash import Crash, crash_of
from ptmobile.device.errors import CannotRunError
from ptmobile.device.runner import Limits
from ptmobile.worker.stages import device_process

#: Java gets a quarter of it for what it makes itself, and a quarter for inputs.
SMALL = Limits(memory_bytes=320 << 20)
TOO_MUCH = 24 << 20  # values of four bytes


class Repeat(torch.nn.Module):
    """As many values as asked for."""

    def forward(self, a: torch.Tensor, count: int) -> torch.Tensor:
        return a.expand(count).contiguous()


class Numbers(torch.nn.Module):
    """Makes a list of as many numbers as asked for."""

    def forward(self, a: torch.Tensor, count: int) -> torch.Tensor:
        return a + len([0.5] * count)


def test_an_input_that_java_cannot_hold(native: Library, make: Maker) -> None:
    x = torch.ones(4)
    path = make.for_release(make(torch.nn.ReLU(), x), native.release)
    answer = native.run((path, [(torch.ones(TOO_MUCH),), (x,)]), limits=SMALL).files[0]
    with pytest.raises(CannotRunError, match=r"more memory than there is here: java.lang.OutOfMemoryError.*\n.*runner"):
        check_memory(answer.trials[0])
    check_memory(answer)
    assert answer.trials[1].output is not None


def test_an_output_that_java_cannot_hold(native: Library, make: Maker) -> None:
    path, x = make.for_release(make(Repeat(), script=True), native.release), torch.ones(1)
    answer = native.run((path, [(x, TOO_MUCH), (x, 3)]), limits=SMALL).files[0]
    failure = answer.trials[0].failure
    assert failure == Failure("outputs", "java.lang.OutOfMemoryError", "Java heap space")
    with pytest.raises(CannotRunError, match="Java heap space"):
        check_memory(answer.trials[0])
    check_memory(answer.trials[1])
    assert answer.trials[1].output is not None


def test_what_the_library_asks_for_in_vain_is_a_finding(native: Library, make: Maker) -> None:
    """No machine has that much: the file asks for it by mistake, or the library does."""
    path, x = make.for_release(make(Numbers(), script=True), native.release), torch.ones(1)
    answer = native.run((path, [(x, 1 << 40)])).files[0].trials[0]
    assert answer.failure is not None
    assert answer.failure.message.startswith("std::bad_alloc")
    check_memory(answer)


def test_a_process_that_the_system_ended_for_memory(tmp_path: Path) -> None:
    report, output = tmp_path / "report", tmp_path / "output"
    killed = crash_of("run", -signal.SIGKILL, tmp_path, report, output)
    with pytest.raises(
        CannotRunError, match=r"the process was ended by SIGKILL \(the usual sign of too little memory\)"
    ):
        check_memory(TrialAnswer(crash=killed))
    with pytest.raises(CannotRunError):
        check_memory(FileAnswer(crash=killed))
    report.write_text("#\n# There is insufficient memory for the Java Runtime Environment to continue.\n")
    assert crash_of("run", 1, tmp_path, report, output).memory
    check_memory(TrialAnswer(crash=crash_of("run", -signal.SIGSEGV, tmp_path, report, output)))
    check_memory(TrialAnswer(crash=Crash("run", "did not end in time and was killed", timeout=True)))


def test_the_stage_is_skipped_then() -> None:
    """CannotRunError is what makes it that (see `ptmobile.worker.processes.stage`)."""
    failure = Failure("load", "java.lang.OutOfMemoryError", "Java heap space")
    with pytest.raises(CannotRunError):
        device_process._check_loaded(FileAnswer(failure=failure))
    with pytest.raises(CannotRunError):
        device_process._output(TrialAnswer(failure=failure), 0)
