"""From what a specification asks for to libraries that a worker can run: found, fetched, prepared, checked.

Everything that stands in the way becomes the target's obstacle: said on its stage, and never the model's fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ptmobile.device.errors import CannotRunError, PrepareError
from ptmobile.device.kit import find_machine, native_abi
from ptmobile.device.prepare import prepare
from ptmobile.device.symbols import unmet_needs
from ptmobile.device.target import DeviceTarget
from ptmobile.runtimes.choosing import Choice, Target, choose_runtimes
from ptmobile.runtimes.detection import Detection, find_declared_runtimes
from ptmobile.runtimes.fetching import NotAvailable, RuntimeLibrary
from ptmobile.runtimes.releases import Platform, accepting, recommend
from ptmobile.spec.conversion import ConversionSpec

# What the pinned torch 1.13.1 writes.
_BYTECODE, _ARCHIVE, _TORCH = 8, 3, "1.13.1"

# What finding a Java VM and an emulator needs of the host's environment; nothing else reaches the worker.
_PASSED_ON = ("PATH", "PTMOBILE_JRE")
_NOTHING = Detection(found=(), notices=())


@dataclass(frozen=True)
class Sources:
    """Where things come from: the kit (raises CannotRunError), a release by its version, an AAR of the user's own."""

    kit: Callable[[], Path]
    release: Callable[[str], RuntimeLibrary | NotAvailable]
    own: Callable[[Path], RuntimeLibrary | NotAvailable]


@dataclass(frozen=True)
class Wanted:
    """A release, and where it was named. ``instead``: releases to take if it cannot be had."""

    release: str
    found: str
    instead: tuple[str, ...] = ()
    platform: Platform = "android"
    decides: bool = True


class DeviceSupplier:
    """The libraries for all models of a run; each is fetched and prepared once.

    ``folder`` is where prepared libraries go, readable for workers. ``notices``: what build files leave open.
    """

    def __init__(
        self,
        workspace: Path,
        folder: Path,
        environment: Mapping[str, str],
        sources: Sources,
    ) -> None:
        self._workspace = workspace
        self._folder = folder
        self._environment = dict(environment)
        self._provide_kit = sources.kit
        self._fetch = sources.release
        self._given = sources.own
        self._ready: dict[Wanted | str, DeviceTarget] = {}
        self._chosen: dict[str, tuple[Wanted, ...]] = {}
        self.notices: list[str] = []

    def targets(self, spec: ConversionSpec) -> tuple[DeviceTarget, ...]:
        """The libraries in which a model's file is to be run."""
        if spec.device_check == "off":
            return ()
        if spec.runtime_library is not None:
            return (self._own_library(spec.runtime_library),)
        return tuple(self._published(wanted) for wanted in self._wanted(spec.runtime))

    def _wanted(self, runtime: str) -> tuple[Wanted, ...]:
        if runtime not in self._chosen:
            detection = find_declared_runtimes(self._workspace) if runtime == "auto" else _NOTHING
            choice = choose_runtimes(runtime, detection)
            wanted = tuple(_wanted(target, runtime) for target in choice.targets)
            if not wanted and runtime == "auto":
                wanted, choice = (_default(),), Choice()
            self.notices += [n for n in (*detection.notices, *choice.notices) if n not in self.notices]
            self._chosen[runtime] = wanted
        return self._chosen[runtime]

    def _published(self, wanted: Wanted) -> DeviceTarget:
        if wanted not in self._ready:
            self._ready[wanted] = replace(self._first_to_be_had(wanted), decides=wanted.decides)
        return self._ready[wanted]

    def _first_to_be_had(self, wanted: Wanted) -> DeviceTarget:
        if wanted.platform != "android":
            obstacle = "An iOS library cannot be run on Linux."
            return DeviceTarget(release=wanted.release, abi="iOS", found=wanted.found, obstacle=obstacle)
        try:
            find_machine(self._provide_kit(), native_abi() or "", self._passed_on())
        except CannotRunError as error:  # nothing is fetched that cannot be run
            return DeviceTarget(release=wanted.release, abi=native_abi() or "", found=wanted.found, obstacle=str(error))
        first: DeviceTarget | None = None
        for release in (wanted.release, *wanted.instead):
            library = self._fetch(release)
            if isinstance(library, RuntimeLibrary):
                found = wanted.found if first is None else f"{wanted.found}; {wanted.release} cannot be had"
                return self._prepared(library, release, found)
            first = first or _blocked(release, wanted.found, library)
        return first or DeviceTarget(release=wanted.release, abi=native_abi() or "", obstacle="It cannot be had.")

    def _passed_on(self) -> dict[str, str]:
        return {str(name): self._environment[name] for name in _PASSED_ON if name in self._environment}

    def _own_library(self, path: str) -> DeviceTarget:
        if path not in self._ready:
            library = self._given(self._workspace / path)
            self._ready[path] = (
                _blocked("own build", path, library)
                if isinstance(library, NotAvailable)
                else self._prepared(library, "own build", path)
            )
        return self._ready[path]

    def _prepared(self, library: RuntimeLibrary, release: str, found: str) -> DeviceTarget:
        abi, obstacle = native_abi() or "", ""
        environment = self._passed_on()
        folder = self._folder / f"{len(self._ready)}-{abi}"
        kit = Path()
        try:
            kit = self._provide_kit()
            machine = find_machine(kit, abi, environment)
            prepared = prepare(library.aar.path, [jar.path for jar in library.jars], abi, folder)
            needs = unmet_needs(prepared, machine)
            if needs:
                obstacle = f"It needs more than there is here: {needs.describe()}"
        except (CannotRunError, PrepareError) as error:
            obstacle = str(error)
        except OSError as error:
            obstacle = f"It cannot be unpacked: {error.strerror or error}."
        return DeviceTarget(
            release=release,
            abi=abi,
            found=found,
            kit=str(kit),
            folder=str(folder),
            environment=environment,
            obstacle=obstacle,
        )


def _wanted(target: Target, option: str) -> Wanted:
    found = f"declared in {', '.join(target.places)}" if option == "auto" else "as asked for"
    return Wanted(target.version, found, platform=target.platform)


def _default() -> Wanted:
    """Where no app declares a release: the one that fits this torch, else the newest older one that can be had."""
    best = recommend(_BYTECODE, _ARCHIVE, _TORCH).android
    accepted = [release.version for release in accepting(_BYTECODE, _ARCHIVE, "android")]
    version = best.version if best else accepted[-1]
    older = accepted[: accepted.index(version)] if version in accepted else accepted
    return Wanted(version, "no app in the workspace declares a release", tuple(reversed(older)), decides=False)


def _blocked(release: str, found: str, why: NotAvailable) -> DeviceTarget:
    obstacle = f"{why.reason}. {why.advice}".strip()
    return DeviceTarget(release=release, abi=native_abi() or "", found=found, obstacle=obstacle)
