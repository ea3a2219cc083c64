"""One road from the eager model to files: capture and run at once; lower, optimise and save when asked to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import torch

from ptmobile.editions import Build
from ptmobile.errors import ImpossibleError
from ptmobile.protocol import BuildEnded, Job, RoadBegan
from ptmobile.result import Method, StageName, variant_key
from ptmobile.worker.adapting.records import save_adaptation
from ptmobile.worker.evidence.other_sizes import other_sizes, run_other_sizes, taken
from ptmobile.worker.inputs.examples import TrialInputs
from ptmobile.worker.lowering import lower
from ptmobile.worker.lowering.copying import copy_with_functions
from ptmobile.worker.lowering.graphs import inlined, nodes_of
from ptmobile.worker.lowering.releases import target_for
from ptmobile.worker.processes.channel import Writer
from ptmobile.worker.processes.children import die_with_parent, fork
from ptmobile.worker.processes.forked_run import run_forked
from ptmobile.worker.processes.stage import Reporter, StageFailedError
from ptmobile.worker.stages.capture import capture
from ptmobile.worker.stages.file_records import expected_records
from ptmobile.worker.stages.optimizing import freeze, optimise
from ptmobile.worker.stages.running import run_all
from ptmobile.worker.stages.saving import bundle, prepare_to_save, save_lite
from ptmobile.worker.stages.state import Snapshot
from ptmobile.worker.verdicts.tables import tables_of

CAPTURED: Final[dict[Method, StageName]] = {"trace": "traced", "script": "scripted"}
EAGER: Final = "eager"
#: Before a note of the stage ``lowered`` about what a release lacks all the same.
LEFT: Final = "left: "


@dataclass(frozen=True)
class RoadEnds:
    """What a road speaks through, and where it hears what to build."""

    channel: Writer
    orders: int

    def close(self) -> None:
        """Give both up, in a process that does not walk this road."""
        self.channel.close()
        os.close(self.orders)


def order(descriptor: int, build: Build) -> None:
    """Have a road make a build.

    Raises:
        BrokenPipeError: the road is no more.
    """
    os.write(descriptor, msgspec.json.encode(build) + b"\n")


def _orders(descriptor: int) -> Iterator[Build]:
    """The builds that are asked for, one by one, until nobody asks any more."""
    with os.fdopen(descriptor, "rb", closefd=False) as stream:
        for line in stream:
            yield msgspec.json.decode(line, type=Build)


def walk_road(job: Job, method: Method, module: torch.nn.Module, trials: list[TrialInputs], ends: RoadEnds) -> None:
    """Capture and run; then make the builds that are asked for, and end when nobody asks any more."""
    ends.channel.send(RoadBegan(process=os.getpid()))
    reporter = Reporter(ends.channel, Path(job.workspace), method)
    if method == "trace" and isinstance(module, torch.jit.ScriptModule):
        reporter.skip("traced", "Not traced", "The model is TorchScript already; method script ships it.")
        return
    road = _Road(job, method, trials, ends.channel)
    try:
        road.capture(module, reporter)
    except StageFailedError:
        return
    del module
    for build in _orders(ends.orders):
        road.make_apart(build)


class _Road:
    """The stages of one road, in order."""

    def __init__(self, job: Job, method: Method, trials: list[TrialInputs], channel: Writer) -> None:
        self._spec = job.spec
        self._method = method
        self._trials = trials
        self._channel = channel
        self._tables = tables_of(job.asked)
        self._workspace, self._scratch = Path(job.workspace), Path(job.scratch)
        self._job = job
        self._frozen = False  # by what made it fit for a file
        self._given = False  # as TorchScript, which may have been traced
        self._captured: torch.jit.ScriptModule | None = None

    def capture(self, module: torch.nn.Module, reporter: Reporter) -> None:
        """Trace or script, and run what comes of it."""
        self._given = isinstance(module, torch.jit.ScriptModule)
        stage = CAPTURED[self._method]
        before = Snapshot(module)
        with reporter.stage(stage, f"The model could not be {stage}"):
            done = capture(self._job, module, self._method, self._trials[0])
            before.restore()  # tracing is a call
            reporter.notice(*done.notices)
            captured, self._frozen = done.module, done.frozen
            save_adaptation(done.adaptation, self._method, self._scratch)
            if not self._spec.optimize:
                prepare_to_save(captured)
            key = variant_key(stage, self._method)
            self._run(captured, key, stage, reporter)
            others = taken(other_sizes(self._trials), self._scratch / EAGER)
            run_other_sizes(captured, others, self._scratch / key)
        self._captured = bundle(captured, self._trials[0]) if self._spec.bundle_inputs else captured

    def make_apart(self, build: Build) -> None:
        """Make a build in a process of its own, so that its crash leaves what was captured for another attempt."""

        def main() -> None:
            die_with_parent()
            self.make_file(build)

        _, status = os.waitpid(fork(main), 0)
        if status:
            self._channel.send(BuildEnded(method=self._method, target=build.target, status=status))

    def make_file(self, build: Build) -> None:
        """Lower, optimise (each if asked for), run, save; a stage that fails ends the build and not the road."""
        reporter = Reporter(self._channel, self._workspace, self._method, build.target)
        try:
            module = self._lowered(build, reporter)
            self._refuse_forks(build, reporter)
            if build.optimise:
                module = self._optimised(module, build, reporter)
            elif self._spec.optimize and module is self._captured:
                # It has run with its calls in it, which saving would take over (see prepare_to_save).
                module, _ = copy_with_functions(module)
                prepare_to_save(module)
            with reporter.stage("saved", "The model could not be saved for the lite interpreter"):
                save_lite(module, build.saved_file(self._scratch), self._extra_files())
        except StageFailedError:
            return

    def _optimised(self, module: torch.jit.ScriptModule, build: Build, reporter: Reporter) -> torch.jit.ScriptModule:
        """The module optimised; before that frozen, unless it was scripted just now, and both are run."""
        methods, left_out = self._spec.preserve_methods, build.blocklist
        if build.freeze or self._method == "trace" or self._given or self._frozen:
            with reporter.stage("frozen", "The model could not be frozen, which comes before optimising it"):
                module = freeze(module, methods, left_out)
                self._run(module, build.key("frozen"), "frozen", reporter)
        with reporter.stage("optimised", "The optimised model could not be made or run"):
            module = optimise(module, methods, left_out)
            self._run(module, build.key("optimised"), "optimised", reporter)
        return module

    def _extra_files(self) -> dict[str, str]:
        """The records for the file: what was moved, and golden outputs in the form that they have there."""
        return expected_records(self._scratch, self._method)

    def _refuse_forks(self, build: Build, reporter: Reporter) -> None:
        """The lite interpreter knows no ``torch.jit.fork``; here its threads are gone, and a run would hang."""
        graph = inlined(self._captured.graph) if self._captured is not None else None
        if graph is not None and any(node.kind() == "prim::fork" for node in nodes_of(graph)):
            first: StageName = "optimised" if build.optimise else "saved"
            with reporter.stage(first, "The model could not be saved for the lite interpreter"):
                raise ImpossibleError("FORK is not supported in mobile module: the model calls torch.jit.fork.")

    def _lowered(self, build: Build, reporter: Reporter) -> torch.jit.ScriptModule:
        """The captured module with what the build's releases lack rewritten; it is run if anything was."""
        module = self._captured
        if module is None:
            raise RuntimeError("nothing was captured")
        version = build.edition.bytecode_version
        ships = build.edition.shipping
        targets = [target_for(r, version, self._tables, torchvision=r in ships) for r in build.edition.releases]
        if not build.lower or not targets:
            return module
        with reporter.stage("lowered", "The model could not be rewritten for the older release") as notes:
            changes: list[str] = []
            left: list[str] = []
            for target in filter(None, targets):
                lowered = lower(module, target)
                module = lowered.module
                changes += [f"{change}, for {target.release}" for change in lowered.changes]
                left += [f"{LEFT}{what}" for what in lowered.left]
            notes.extend([*changes, *left])
            if changes:
                if not build.optimise:
                    prepare_to_save(module)
                self._run(module, build.key("lowered"), "lowered", reporter)
        return module

    def _run(self, module: torch.jit.ScriptModule, key: str, stage: StageName, reporter: Reporter) -> None:
        """Run all trials, from the state that the module has now and keeps."""
        folder = self._scratch / key
        run_forked(
            lambda: run_all(module, self._trials, folder, lambda number: reporter.trial(stage, number)),
            lambda error: reporter.explain(error, "", stage),
        )
