"""One road from the eager model to a file: capture and run at once; optimise and save when asked to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from ptmobile.protocol import Job
from ptmobile.result import Method, StageName, variant_key
from ptmobile.worker.capture import capture
from ptmobile.worker.channel import Writer
from ptmobile.worker.example_inputs import TrialInputs
from ptmobile.worker.optimizing import optimise
from ptmobile.worker.running import run_all
from ptmobile.worker.saving import bundle, file_of, prepare_to_save, save_lite
from ptmobile.worker.stage import Reporter, StageFailedError

CAPTURED: Final[dict[Method, StageName]] = {"trace": "traced", "script": "scripted"}
GO_ON = b"go on\n"


@dataclass(frozen=True)
class RoadEnds:
    """What a road speaks through, and where it hears whether to go on."""

    channel: Writer
    orders: int

    def close(self) -> None:
        """Give both up, in a process that does not walk this road."""
        self.channel.close()
        os.close(self.orders)


def walk_road(job: Job, method: Method, module: torch.nn.Module, trials: list[TrialInputs], ends: RoadEnds) -> None:
    """Capture and run; then wait for the order to make the file, and end without it."""
    (Path(job.scratch) / f"road-{method}.pid").write_text(str(os.getpid()), encoding="ascii")
    reporter = Reporter(ends.channel, Path(job.workspace), method)
    if method == "trace" and isinstance(module, torch.jit.ScriptModule):
        reporter.skip("traced", "Not traced", "The model is TorchScript already; method script ships it.")
        return
    road = _Road(job, method, trials, reporter)
    try:
        captured = road.capture(module)
        if os.read(ends.orders, len(GO_ON)) == GO_ON:
            road.make_file(captured)
    except StageFailedError:
        return


class _Road:
    """The stages of one road, in order."""

    def __init__(self, job: Job, method: Method, trials: list[TrialInputs], reporter: Reporter) -> None:
        self._spec = job.spec
        self._method = method
        self._trials = trials
        self._reporter = reporter
        self._given = False  # as TorchScript, which may have been traced
        self._workspace, self._scratch = Path(job.workspace), Path(job.scratch)

    def capture(self, module: torch.nn.Module) -> torch.jit.ScriptModule:
        """Trace or script, and run what comes of it."""
        self._given = isinstance(module, torch.jit.ScriptModule)
        stage = CAPTURED[self._method]
        with self._reporter.stage(stage, f"The model could not be {stage}"):
            captured, notices = capture(module, self._method, self._trials[0], self._workspace)
            if not self._spec.optimize:
                prepare_to_save(captured)
            self._run(captured, stage)
        self._reporter.notice(*notices)
        return captured

    def make_file(self, captured: torch.jit.ScriptModule) -> None:
        """Optimise (if asked for), run, save; the captured module is let go as soon as it is not needed."""
        final = bundle(captured, self._trials[0]) if self._spec.bundle_inputs else captured
        if self._spec.optimize:
            with self._reporter.stage("optimised", "The optimised model could not be made or run"):
                final = optimise(final, self._spec, freeze=self._method == "trace" or self._given)
                del captured
                self._run(final, "optimised")
        with self._reporter.stage("saved", "The model could not be saved for the lite interpreter"):
            save_lite(final, file_of(self._scratch, self._method))

    def _run(self, module: torch.jit.ScriptModule, stage: StageName) -> None:
        folder = self._scratch / variant_key(stage, self._method)
        run_all(module, self._trials, folder, lambda number: self._reporter.trial(stage, number))
