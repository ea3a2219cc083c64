"""Files that end the process, or never end: each is a finding about that file, and the others are run all the same."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from device_support import CACHE, ENVIRONMENT, Function, Library, Maker, trial_of

from ptmobile.device.answers import FileAnswer
from ptmobile.device.crash import Crash
from ptmobile.device.errors import CannotRunError
from ptmobile.device.plan import ModelFile
from ptmobile.device.runner import Limits, Runner, not_run
from ptmobile.worker.processes.children import PR_SET_NO_NEW_PRIVS, prctl

NOBODY = 65534


class Loss(torch.nn.Module):
    """CTC loss, which reads the probability of each target without a look at its number."""

    def forward(self, a: torch.Tensor, target: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor) -> Any:
        return F.ctc_loss(a, target, lengths, targets)


GOOD = (torch.full((10, 1, 5), 0.2).log(), torch.tensor([[1, 2, 3]]), torch.tensor([10]), torch.tensor([3]))
FATAL = (GOOD[0], torch.tensor([[1, 1 << 40, 3]]), GOOD[2], GOOD[3])


class Endless(torch.nn.Module):
    """Waits for a number that never changes."""

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        while bool((a < 1).all()):
            a = a * 1
        return a


def ran(answer: FileAnswer, trial: int) -> bool:
    return answer.trials[trial].output is not None


def crash_of(answer: FileAnswer, trial: int) -> Crash:
    crash = answer.trials[trial].crash
    assert crash is not None
    return crash


def test_a_crash_is_a_finding_of_its_trial_only(native: Library, make: Maker) -> None:
    fatal = make.for_release(make(Loss(), *GOOD), native.release)
    x = torch.rand(2, 2)
    harmless = make.for_release(make(torch.nn.ReLU(), x), native.release)
    report = native.run((harmless, [(x,)]), (fatal, [GOOD, FATAL, GOOD]), (harmless, [(x,), (x,)]))
    crash = crash_of(report.files[1], 1)
    assert (crash.step, crash.how, crash.timeout) == ("run", "was ended by SIGSEGV", False)
    assert "libpytorch_jni_lite.so" in crash.frame
    assert report.processes == 2
    assert [ran(report.files[1], trial) for trial in (0, 2)] == [True, True]
    assert ran(report.files[0], 0)
    assert ran(report.files[2], 1)
    # What the VM wrote about the crash has been read and removed.
    assert not list(native.scratch.rglob("vm-report*"))
    assert not list(native.scratch.rglob("*core*"))


def test_an_arithmetic_trap_is_named(x86_64: Library, make: Maker) -> None:
    lowest, minus_one = torch.tensor([-(1 << 31)], dtype=torch.int32), torch.tensor([-1], dtype=torch.int32)
    harmless = torch.tensor([4], dtype=torch.int32)
    divide = Function(lambda a, b: torch.div(a, b, rounding_mode="trunc"))
    path = make.for_release(make(divide, harmless, harmless), x86_64.release)
    crash = crash_of(x86_64.run((path, [(lowest, minus_one)])).files[0], 0)
    assert crash.how == "was ended by SIGFPE"


def test_a_hang_is_ended_and_the_rest_is_run(native: Library, make: Maker) -> None:
    path = make.for_release(make(Endless(), script=True), native.release)
    trials = [(torch.tensor([2.0]),), (torch.tensor([0.0]),), (torch.tensor([3.0]),)]
    start = time.monotonic()
    report = native.run((path, trials), limits=Limits(step_seconds=3))
    assert time.monotonic() - start < 20
    crash = crash_of(report.files[0], 1)
    assert (crash.timeout, crash.how, crash.step) == (True, "did not end in time and was killed", "run")
    assert [ran(report.files[0], trial) for trial in (0, 2)] == [True, True]


def test_time_for_everything_is_limited_too(native: Library, make: Maker) -> None:
    path = make.for_release(make(Endless(), script=True), native.release)
    report = native.run((path, [(torch.tensor([0.0]),)] * 5), limits=Limits(seconds=3))
    assert crash_of(report.files[0], 0).timeout
    assert all(not_run(report.files[0].trials.get(trial)) for trial in range(1, 5))


class Large(torch.nn.Module):
    """Takes as much memory as it is told to."""

    def forward(self, a: torch.Tensor, rows: int) -> torch.Tensor:
        return a.expand(rows, 4).contiguous().sum()


def test_too_little_memory_is_said(native: Library, make: Maker) -> None:
    path = make.for_release(make(Large(), script=True), native.release)
    x = torch.ones(4)
    answer = native.run((path, [(x, 2), (x, 1 << 27), (x, 3)]), limits=Limits(memory_bytes=1 << 30)).files[0]
    failure = answer.trials[1].failure
    assert failure is not None
    assert "DefaultCPUAllocator: not enough memory: you tried to allocate 2147483680 bytes" in failure.message
    assert [ran(answer, trial) for trial in (0, 2)] == [True, True]


def test_a_file_that_is_none(native: Library, tmp_path: Path) -> None:
    (tmp_path / "none.ptl").write_bytes(b"no zip archive")
    words = "Format error" if native.release == "1.12.2" else "PytorchStreamReader failed reading zip archive"
    assert words in native.refusal(tmp_path / "none.ptl")
    with pytest.raises(FileNotFoundError):  # the library would say the same as of a damaged one
        native.refusal(tmp_path / "missing.ptl")


def test_a_library_that_cannot_be_opened_is_no_finding(native: Library, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(native.folder, folder)
    (folder / "libfbjni.so").unlink()
    runner = Runner(native.machine, native.prepared, folder)
    (tmp_path / "x.ptl").touch()
    model = ModelFile(tmp_path / "x.ptl", [trial_of((), tmp_path / "x")])
    with pytest.raises(CannotRunError, match=r"(?s)exit status 102.*libfbjni.so: cannot open shared object file"):
        runner.run([model], tmp_path, ENVIRONMENT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_unprivileged_user_can_run_it(native: Library, make: Maker, tmp_path: Path) -> None:
    x = torch.rand(2, 2)
    path = make.for_release(make(torch.nn.ReLU(), x), native.release)
    shared = CACHE.parent / f"unprivileged-{os.getpid()}"
    shared.mkdir()
    try:
        os.chown(shared, NOBODY, NOBODY)
        (shared / "m.ptl").write_bytes(path.read_bytes())
        child = os.fork()
        if not child:
            status = 1
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                prctl(PR_SET_NO_NEW_PRIVS, 1)
                model = ModelFile(shared / "m.ptl", [trial_of((x,), shared / "x")])
                report = Runner(native.machine, native.prepared, native.folder).run([model], shared, {})
                status = 0 if ran(report.files[0], 0) else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        shutil.rmtree(shared)
