"""The story of one run: read, work, judge, publish. The report is written before the step fails, always."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ptmobile.baseline.comparing import differences, gone
from ptmobile.baseline.model import Baseline, BaselineSource
from ptmobile.device.supply import DeviceSupplier
from ptmobile.editions import Edition
from ptmobile.errors import InterruptedRunError, PtmobileError, PublishError
from ptmobile.files import WorkspaceFiles
from ptmobile.github.echo import SafeEcho
from ptmobile.judging.budgets import gates
from ptmobile.judging.judge import judge_model, judge_run
from ptmobile.litefile import read_lite_file
from ptmobile.packages.installing import Installer, Provision
from ptmobile.progress import Progress
from ptmobile.provenance import this_tool, used_files
from ptmobile.report.accessors import app_code
from ptmobile.report.files import slug
from ptmobile.report.model import ModelReport, Reason, Report, ShippedFile, Source
from ptmobile.repro import Bundler
from ptmobile.result import Failure, Mode, ModelResult, Problem, WorkerFile
from ptmobile.runtimes.fetching import TamperedError
from ptmobile.runtimes.limits import AskedLibrary
from ptmobile.runtimes.releases import recommend
from ptmobile.sandbox import Outcome, Task, WorkerError, Workers
from ptmobile.spec.conversion import ConversionSpec, RunSpec

_CHANGED = "Something on this machine writes into the folder of temporary files: run it where nothing else does."


@dataclass(frozen=True)
class Run:
    """What a run needs from outside: where it happens, who is told, and what libraries have answered to the user."""

    workspace: Path
    progress: Progress
    source: Source
    now: Callable[[], str]
    supplier: Callable[[Path], DeviceSupplier] | None = None
    asked: tuple[AskedLibrary, ...] = ()
    baseline: Baseline | None = None


def run_models(spec: RunSpec, run: Run) -> Report:
    """Convert, compare, judge and write the file of every model; the report says how it went.

    An interruption ends the run early, with a report about the models done so far.
    """
    files = WorkspaceFiles(run.workspace)
    bundler = Bundler(files, spec.report_dir, run.now())
    models: list[ModelReport] = []
    problems: list[Reason] = []
    separate, landlock = False, 0
    try:
        with Workers(run.workspace) as workers:
            separate = workers.account.separate
            installer = Installer(workers, run.workspace, run.progress)
            supplier = run.supplier(workers.shared_folder("libraries")) if run.supplier else None
            for number, model in enumerate(spec.models, 1):
                run.progress.model_began(model.name, number, len(spec.models))
                editions = supplier.editions(model) if supplier else (Edition(),)
                mode: Mode = spec.mode if spec.mode in ("check", "verify") else "convert"
                task = Task(model, editions, mode, run.asked)
                used = used_files(model, spec.config, editions, run.workspace)
                models.append(replace(_one_model(task, workers, installer, bundler, run), used=used))
                landlock = workers.landlock
                run.progress.model_ended(models[-1].verdict)
            for notice in supplier.notices if supplier else ():
                run.progress.say(f"Runtimes: {notice}")
    except (WorkerError, InterruptedRunError, TamperedError) as error:
        problems.append(Reason(title=error.message.splitlines()[0], message=error.message, advice=error.advice))
        code = int(error.code)
    else:
        code = judge_run(spec, [model.verdict for model in models])
    failed = bool(problems) or any(model.verdict.status == "failed" for model in models)
    return Report(
        tool=this_tool("separate-user" if separate else "same-user", landlock),
        source=run.source,
        created=run.now(),
        config=spec.config,
        verdict="failed" if failed else "passed",
        exit_code=code,
        models=tuple(models),
        problems=tuple(problems),
        baseline=_baseline(spec, run),
    )


def _baseline(spec: RunSpec, run: Run) -> BaselineSource | None:
    """Where the baseline is from, with the models that it alone has."""
    if run.baseline is None:
        return None
    return replace(run.baseline.source, gone=gone(run.baseline, [model.name for model in spec.models]))


def _one_model(task: Task, workers: Workers, installer: Installer, bundler: Bundler, run: Run) -> ModelReport:
    spec, files = task.spec, bundler.files
    provision = installer.provide(spec)
    outcome = _provided(task, provision, workers, run.progress)
    result = outcome.result or _no_result(outcome, task.mode)
    if provision is not None:
        result = replace(result, stages=(provision.stage, *result.stages))
    shipped: list[ShippedFile] = []
    fault = None
    repro = ""
    try:
        if task.mode != "convert":
            shipped += _checked(spec, result, files.root)
        found = (*([result.file] if result.file else []), *result.editions)
        shipped.extend(_ship(spec, file, result, outcome, files) for file in found)
    except InterruptedRunError:
        raise
    except PtmobileError as error:
        fault = error
    finally:
        file = next((file for file in shipped if not file.edition), None)
        repro = _bundled(bundler, (spec, result), outcome, file, run.progress)
        workers.clean(outcome)
    changed = differences(spec.name, shipped, result, run.baseline) if run.baseline else ()
    return ModelReport(
        spec=spec,
        result=result,
        verdict=judge_model(spec, result, fault, gates(spec, shipped, changed, run.baseline, result.timing)),
        differences=changed,
        file=file,
        editions=tuple(file for file in shipped if file.edition),
        repro=repro,
        packages=provision.packages if provision else None,
        app=app_code(result.app, Path(file.path).name) if file else None,
    )


def _bundled(
    bundler: Bundler,
    found: tuple[ConversionSpec, ModelResult],
    outcome: Outcome,
    file: ShippedFile | None,
    progress: Progress,
) -> str:
    """The folder of the repro bundle; that it cannot be written fails nothing, and is said."""
    try:
        return bundler.write(*found, outcome.kept, file.path if file else "") or ""
    except (PtmobileError, OSError) as error:
        progress.say(f"The repro bundle could not be written: {error}")
        return ""


def _provided(task: Task, provision: Provision | None, workers: Workers, progress: Progress) -> Outcome:
    """Have the worker do its part with the packages of the model; without them there is nothing to do."""
    if provision is None:
        return _work(task, workers, progress)
    if provision.failure is not None:
        failed = ModelResult(mode=task.mode, failure=provision.failure)
        return Outcome(failed, "was not started", workers.own_folder(f"model-{task.spec.name}"))
    return _work(dataclasses.replace(task, packages=provision.folder), workers, progress)


def _work(task: Task, workers: Workers, progress: Progress) -> Outcome:
    """Have the worker do its part; what the model prints is re-printed so that no line can act as a command."""
    ears = _Ears(progress)
    try:
        return workers.run(task, progress.message, ears)
    finally:
        ears.close()


def _ship(
    spec: ConversionSpec, found: WorkerFile, result: ModelResult, outcome: Outcome, files: WorkspaceFiles
) -> ShippedFile:
    """Copy a file out of the scratch folder, and read it as data: it must be the very one that was run.

    A file that did not verify is kept for looking at, under a name that no pipeline takes for a good one.
    """
    path = _output(spec, found)
    written = files.take(_inside(outcome.kept, found.path), path)
    try:
        content = read_lite_file(written)
        if content.sha256 != found.sha256:
            raise PublishError(f"{path} is not the file that was run: it was changed after that.", advice=_CHANGED)
    except PtmobileError:
        written.unlink()
        raise
    torch = result.environment.torch if result.environment else ""
    return ShippedFile(
        path=path,
        verified=found.verified,
        method=found.method,
        optimised=found.optimised,
        content=content,
        runtimes=recommend(content.bytecode_version, content.archive_version, torch, found.releases),
        edition=found.edition,
        releases=found.releases,
        changes=found.changes,
        left=found.left,
        remedy=found.remedy,
        grown_bytes=found.grown_bytes,
    )


def _checked(spec: ConversionSpec, result: ModelResult, root: Path) -> list[ShippedFile]:
    """The file that was checked, read as data; none if it cannot be read, which the worker has reported."""
    try:
        content = read_lite_file(root / spec.model)
    except PtmobileError:
        return []
    runtimes = recommend(content.bytecode_version, content.archive_version, "")
    optimised = any(name.startswith("prepacked::") for name in content.operators)
    verified = result.failure is None
    return [
        ShippedFile(
            path=spec.model, verified=verified, method="", optimised=optimised, content=content, runtimes=runtimes
        )
    ]


def _output(spec: ConversionSpec, found: WorkerFile) -> str:
    """Where a file goes: the main one where ``output`` says, others beside it."""
    stem = (spec.output or f"{spec.name}.ptl").removesuffix(".ptl")
    edition = slug(found.edition)
    return "".join([stem, f".{edition}" if edition else "", "" if found.verified else ".unverified", ".ptl"])


def _inside(scratch: Path, path: str) -> Path:
    """The worker's path, which must not lead out of its scratch folder by any link."""
    target = (scratch / path).resolve()
    if not target.is_relative_to(scratch.resolve()):
        raise PublishError("The worker named a file outside its folder.")
    return scratch / path


def _no_result(outcome: Outcome, mode: Mode) -> ModelResult:
    problem = Problem(title="The worker gave no result", message=f"The worker {outcome.ended} before it had a result.")
    return ModelResult(mode=mode, failure=Failure(kind="load", stage="worker", problem=problem))


class _Ears:
    """Re-prints the worker's output, stream by stream."""

    def __init__(self, progress: Progress) -> None:
        self._out = SafeEcho(progress.output)
        self._err = SafeEcho(progress.output)

    def stdout(self, data: bytes) -> None:
        self._out.feed(data)

    def stderr(self, data: bytes) -> None:
        self._err.feed(data)

    def close(self) -> None:
        with suppress(OSError):
            self._out.close()
            self._err.close()
