"""The packages of all models of a run: installed once for each set of requirements, by the workers' user."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ptmobile.errors import ConfigurationError, InternalError, PtmobileError
from ptmobile.files import no_scratch
from ptmobile.github.echo import SafeEcho
from ptmobile.packages.failures import PackagesError, explain
from ptmobile.packages.model import InstalledPackage, Packages
from ptmobile.packages.pip import Order, arguments_of, find_pip, masking_of, passed_variables
from ptmobile.packages.provided import Stub, provided, write_stubs
from ptmobile.packages.reading import Requirements, read_requirements
from ptmobile.packages.running import Start, run_pip
from ptmobile.packages.sealing import installed, remove_leftovers, seal
from ptmobile.progress import Progress
from ptmobile.protocol import PackageOrder, StageBegan, StageEnded
from ptmobile.result import Failure, Problem, Stage
from ptmobile.sandbox import Workers
from ptmobile.sandbox.account import worker_environment
from ptmobile.spec.conversion import ConversionSpec
from ptmobile.spec.problems import Problems
from ptmobile.spec.workspace import Workspace

_TITLE = "The packages could not be installed"


@dataclass(frozen=True)
class Provision:
    """What became of a model's requirements: the folder and what is in it, or why there is none; the stage of it."""

    stage: Stage
    folder: str = ""
    packages: Packages | None = None
    failure: Failure | None = None


class Installer:
    """Installs packages. Each set of requirements has a folder of its own, which only models that ask for it see."""

    def __init__(
        self, workers: Workers, workspace: Path, progress: Progress, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._workers = workers
        self._workspace = Workspace(workspace)
        self._progress = progress
        self._environment = environment
        self._here = provided()
        self._stubs: tuple[Path, tuple[Stub, ...]] | None = None
        self._done: dict[str, Provision] = {}

    def provide(self, spec: ConversionSpec) -> Provision | None:
        """Install what a model asks for, unless another has asked for the same; None if it asks for nothing."""
        if spec.requirements is None:
            return None
        start = time.monotonic()
        self._progress.message(StageBegan(name="packages"))
        try:
            wanted = self._read(spec)
            key = wanted.key(source_builds=spec.allow_source_builds)
            if key not in self._done:
                self._done[key] = self._installed(spec, wanted, start)
            provision = self._done[key]
        except (PackagesError, ConfigurationError, InternalError) as error:
            provision = _failed(error, start)
        self._progress.message(StageEnded(stage=provision.stage))
        return provision

    def _read(self, spec: ConversionSpec) -> Requirements:
        problems = Problems()
        wanted = read_requirements(
            spec.requirements or "", self._workspace, self._here, problems, source_builds=spec.allow_source_builds
        )
        problems.raise_if_any()
        return wanted

    def _installed(self, spec: ConversionSpec, wanted: Requirements, start: float) -> Provision:
        """Install, and keep a failure too: what cannot be had for one model cannot for the next."""
        try:
            folder, packages = self._install(spec, wanted)
        except OSError as error:
            return _failed(PackagesError(no_scratch(error), advice="TMPDIR names another place."), start)
        except PackagesError as error:
            return _failed(error, start)
        notes = (f"{len(packages.installed)} installed" if packages.installed else "everything is here already",)
        stage = Stage(name="packages", status="passed", seconds=_since(start), notes=notes)
        return Provision(stage, str(folder), packages)

    def _install(self, spec: ConversionSpec, wanted: Requirements) -> tuple[Path, Packages]:
        builds = spec.allow_source_builds
        base = self._workers.shared_folder("packages")
        site, work = base / "site", base / "work"
        for folder in (site, work):
            folder.mkdir()
            self._workers.account.give(folder)
        names: tuple[InstalledPackage, ...] = ()
        if wanted.wanted:
            stubs, stands = self._stand_ins()
            order = Order(
                lines=_write(base / "requirements.txt", [*wanted.lines(), *_own_lines(stands, wanted)]),
                constraints=_write(base / "constraints.txt", [stub.pin for stub in stands]),
                stubs=stubs,
                target=site,
                report=work / "report.json",
                hashed=wanted.hashed,
                source_builds=builds,
            )
            self._run(spec, order, work)
            names = installed(order.report, {stub.name for stub in stands})
            remove_leftovers(site, [stub.metadata_folder for stub in stands])
        seal(site, self._workers.account)
        shutil.rmtree(work, ignore_errors=True)
        return site, Packages(sources=tuple(wanted.sources), installed=names, source_builds=builds)

    def _run(self, spec: ConversionSpec, order: Order, work: Path) -> None:
        """Have pip do it, behind the fence of a model, with nothing to write to but the two folders."""
        told = PackageOrder(
            arguments=tuple(arguments_of(order)),
            pip=str(find_pip()),
            folder=str(work),
            source_builds=order.source_builds,
            fence=self._workers.fence(order.target),
            limits=self._workers.limits(spec),
        )
        passed = passed_variables(self._environment)
        masked = masking_of(passed)
        file = work.parent / "order.json"
        file.write_bytes(msgspec.json.encode(told))
        echo = SafeEcho(lambda line: self._progress.output(masked(line)))
        start = Start(file, {**worker_environment(work), **passed}, work.parent, self._workers.account)
        try:
            well, printed = run_pip(start, spec.timeout_minutes * 60, echo.feed)
        finally:
            echo.close()
            if order.source_builds and self._workers.account.separate:
                self._workers.end_all()  # code of packages has run, and may have left something behind
        if not well:
            raise explain(masked(printed), self._here)

    def _stand_ins(self) -> tuple[Path, tuple[Stub, ...]]:
        if self._stubs is None:
            folder = self._workers.shared_folder("provided")
            self._stubs = folder, write_stubs(self._here, folder)
        return self._stubs


def _own_lines(stubs: tuple[Stub, ...], wanted: Requirements) -> list[str]:
    """What is here already, with hashes, where everything must have one."""
    return [f"{stub.pin} --hash=sha256:{stub.sha256}" for stub in stubs] if wanted.hashed else []


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _failed(error: PtmobileError, start: float) -> Provision:
    problem = Problem(title=_TITLE, message=error.message, advice=error.advice)
    stage = Stage(name="packages", status="failed", seconds=_since(start), problem=problem)
    return Provision(stage, failure=Failure(kind="load", stage="packages", problem=problem))


def _since(start: float) -> float:
    return round(time.monotonic() - start, 3)
