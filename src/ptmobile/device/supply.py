"""From what a specification asks for to files to make, and libraries to run them in: found, fetched, prepared, checked.

Everything that stands in the way becomes the target's obstacle: said on its stage, and never the model's fault.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ptmobile.device.errors import CannotRunError, PrepareError
from ptmobile.device.kit import find_machine, native_abi
from ptmobile.device.prepare import prepare
from ptmobile.device.symbols import unmet_needs
from ptmobile.device.target import DeviceTarget
from ptmobile.editions import PRODUCED_BYTECODE, Edition
from ptmobile.runtimes.choosing import backports, choose_runtimes, find_release
from ptmobile.runtimes.detection import Detection, find_declared_runtimes
from ptmobile.runtimes.fetching import NotAvailable, RuntimeLibrary
from ptmobile.runtimes.planning import Planned, Wanted, default_wanted, plan_files, wanted_of
from ptmobile.spec.conversion import ConversionSpec

PHONE = "arm64-v8a"
# What finding a Java VM and an emulator needs of the host's environment; nothing else reaches the worker.
_PASSED_ON = ("PATH", "PTMOBILE_JRE")
_NOTHING = Detection(found=(), notices=())
_OWN = "own build"


@dataclass(frozen=True)
class Sources:
    """Where things come from: the kit for an ABI (raises CannotRunError), a release by its version, an own AAR."""

    kit: Callable[[str], Path]
    release: Callable[[str], RuntimeLibrary | NotAvailable]
    own: Callable[[Path], RuntimeLibrary | NotAvailable]


class DeviceSupplier:
    """The files to make and the libraries for all models of a run; each library is fetched and prepared once.

    ``folder`` is where prepared libraries go, readable for workers. ``notices``: what build files leave open, and what
    fetching a library had to say.
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
        self._environment = {str(name): environment[name] for name in _PASSED_ON if name in environment}
        self._provide_kit = sources.kit
        self._fetch = sources.release
        self._given = sources.own
        self._libraries: dict[str, RuntimeLibrary | NotAvailable] = {}
        self._ready: dict[tuple[str, str], DeviceTarget] = {}
        self._declared: dict[str, tuple[Wanted, ...]] = {}
        self.notices: list[str] = []

    def editions(self, spec: ConversionSpec) -> tuple[Edition, ...]:
        """The files to make of a model, the main one first, each with the libraries in which it is to be run."""
        own = self._own(spec)
        wanted = (own,) if own else self._wanted(spec.runtime)
        deciding = [one for one in wanted if one.decides]
        main, *others = plan_files(deciding, backports(spec.backport_to).targets)
        if not deciding:  # whoever named no release is told how the file does on a likely one
            main = Planned(PRODUCED_BYTECODE, (*main.wanted, *wanted))
        return tuple(self._edition(planned, spec, main=planned is main) for planned in (main, *others))

    def _edition(self, planned: Planned, spec: ConversionSpec, *, main: bool) -> Edition:
        targets = [] if spec.device_check == "off" else [t for w in planned.wanted for t in self._targets(w, spec)]
        return Edition(
            name="" if main else f"bytecode {planned.bytecode_version}",
            bytecode_version=planned.bytecode_version,
            releases=planned.rewritten_for,
            shipping=tuple(wanted.artifact for wanted in planned.wanted if wanted.operators),
            devices=tuple(target for target in targets if not target.aar),
            spares=tuple(target for target in targets if target.aar),
        )

    def _wanted(self, runtime: str) -> tuple[Wanted, ...]:
        """The releases that the option means; what nobody declares is likely, and does not decide."""
        if runtime not in self._declared:
            detection = find_declared_runtimes(self._workspace) if runtime == "auto" else _NOTHING
            choice = choose_runtimes(runtime, detection)
            wanted = tuple(wanted_of(target, runtime) for target in choice.targets)
            notices = (*detection.notices, *choice.notices)
            if not wanted and runtime == "auto":
                wanted, notices = (default_wanted(),), detection.notices
            self.notices += [notice for notice in notices if notice not in self.notices]
            self._declared[runtime] = wanted
        return self._declared[runtime]

    def _own(self, spec: ConversionSpec) -> Wanted | None:
        """The library of the user's own build; the release that it was built from is the one that ``runtime`` names."""
        if spec.runtime_library is None:
            return None
        path = spec.runtime_library
        if path not in self._libraries:
            self._libraries[path] = self._given(self._workspace / path)
            self._note(self._libraries[path])
        library = self._libraries[path]
        published = library.version if isinstance(library, RuntimeLibrary) else ""
        release = find_release(spec.runtime) or find_release(published)
        return Wanted(_OWN, path, release.label if release else "")

    def _targets(self, wanted: Wanted, spec: ConversionSpec) -> Iterator[DeviceTarget]:
        """The release's libraries for the ABIs that are asked for, and that of phones in reserve."""
        if wanted.platform != "android":
            obstacle = "An iOS library cannot be run on Linux."
            yield _target(wanted, "iOS", obstacle=obstacle)
            return
        abis = _abis(spec.device_abis)
        for abi in abis:
            yield replace(self._first_to_be_had(wanted, abi), decides=wanted.decides)
        if PHONE not in abis:
            yield from self._spare(wanted)

    def _first_to_be_had(self, wanted: Wanted, abi: str) -> DeviceTarget:
        try:
            find_machine(self._provide_kit(abi), abi, self._environment)
        except CannotRunError as error:  # nothing is fetched that cannot be run
            return _target(wanted, abi, obstacle=str(error))
        first: DeviceTarget | None = None
        for release in (wanted.release, *wanted.instead):
            library = self._library(wanted, release)
            if isinstance(library, RuntimeLibrary):
                found = wanted.found if first is None else f"{wanted.found}; {wanted.release} cannot be had"
                prepared = self._prepared(library, release, abi, key=_key(wanted, release))
                return replace(prepared, found=found, artifact=_artifact(wanted, release), operators=wanted.operators)
            first = first or _target(wanted, abi, obstacle=f"{library.reason}. {library.advice}".strip())
        return first or _target(wanted, abi, obstacle="It cannot be had.")

    def _library(self, wanted: Wanted, release: str) -> RuntimeLibrary | NotAvailable:
        key = _key(wanted, release)
        if key not in self._libraries:
            self._libraries[key] = self._fetch(release)
            self._note(self._libraries[key])
        return self._libraries[key]

    def _note(self, library: RuntimeLibrary | NotAvailable) -> None:
        """Tell what fetching has to say, such as the hash of a file that nobody has seen before."""
        if isinstance(library, RuntimeLibrary):
            self.notices += [notice for notice in library.notices if notice not in self.notices]

    def _prepared(self, library: RuntimeLibrary, release: str, abi: str, key: str) -> DeviceTarget:
        if (key, abi) not in self._ready:
            self._ready[key, abi] = self._prepare(library, release, abi)
        return self._ready[key, abi]

    def _prepare(self, library: RuntimeLibrary, release: str, abi: str) -> DeviceTarget:
        obstacle, page_bytes = "", None
        folder = self._folder / f"{len(self._ready)}-{abi}"
        kit = Path()
        try:
            kit = self._provide_kit(abi)
            machine = find_machine(kit, abi, self._environment)
            prepared = prepare(library.aar.path, [jar.path for jar in library.jars], abi, folder)
            page_bytes = prepared.page_alignment
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
            library=library.aar.name,
            sha256=library.aar.sha256,
            kit=str(kit),
            folder=str(folder),
            environment=self._environment,
            obstacle=obstacle,
            page_bytes=page_bytes,
        )

    def _spare(self, wanted: Wanted) -> Iterator[DeviceTarget]:
        """The phones' library of a release that is there anyway, if it can be run; prepared only when it is needed."""
        releases = (wanted.release, *wanted.instead)
        found = ((release, self._libraries.get(_key(wanted, release))) for release in releases)
        taken, library = next(((r, lib) for r, lib in found if isinstance(lib, RuntimeLibrary)), ("", None))
        if library is None:
            return
        try:
            kit = self._provide_kit(native_abi() or "")  # nothing is built for what may never be needed
            find_machine(kit, PHONE, self._environment)
            aar, *jars = (self._shared(file.path) for file in (library.aar, *library.jars))
        except (CannotRunError, OSError):
            return
        spare = _target(wanted, PHONE, kit=str(kit), environment=self._environment)
        yield replace(spare, release=taken, artifact=_artifact(wanted, taken), aar=str(aar), jars=tuple(map(str, jars)))

    def _shared(self, file: Path) -> Path:
        """A file of the cache where workers can read it; the cache's folders may be closed to them."""
        shared = self._folder / f"{zlib.crc32(os.fsencode(file)):08x}-{file.name}"
        if not shared.exists():
            try:
                os.link(file, shared)
            except OSError:
                shutil.copyfile(file, shared)
                shared.chmod(0o644)
        return shared


def _abis(asked: tuple[str, ...]) -> list[str]:
    """The ABIs that an option means, this machine's own first."""
    native = native_abi() or ""
    every = [native, PHONE] if native == "x86_64" else [native]
    named = [abi for word in asked for abi in (every if word == "all" else [native if word == "native" else word])]
    return list(dict.fromkeys(named))


def _key(wanted: Wanted, release: str) -> str:
    """Under what a library is remembered: its release, or the path of a build of the user's own."""
    return wanted.found if release == _OWN else release


def _artifact(wanted: Wanted, release: str) -> str:
    """The coordinates of a release that was taken, perhaps instead of the one that was wanted."""
    found = find_release(release)
    return wanted.artifact if release == wanted.release or found is None else found.label


def _target(
    wanted: Wanted, abi: str, *, obstacle: str = "", kit: str = "", environment: Mapping[str, str] | None = None
) -> DeviceTarget:
    return DeviceTarget(
        release=wanted.release,
        abi=abi,
        artifact=wanted.artifact,
        found=wanted.found,
        operators=wanted.operators,
        obstacle=obstacle,
        kit=kit,
        environment=dict(environment or {}),
        decides=wanted.decides,
    )
