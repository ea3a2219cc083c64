"""From a published library to the content of its data file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ptmobile.device.errors import CannotRunError, PrepareError
from ptmobile.device.kit import find_machine
from ptmobile.device.prepare import ABI_MACHINES, prepare
from ptmobile.device.prepared import Prepared
from ptmobile.device.probing.apart import Asked, ask_apart
from ptmobile.device.probing.asking import Interview
from ptmobile.device.runner import Runner
from ptmobile.device.symbols import check
from ptmobile.runtimes.fetching import Coordinates, RuntimeLibrary
from ptmobile.runtimes.limits import AskedLibrary, Tables
from ptmobile.runtimes.releases import load_releases
from ptmobile.sandbox.account import Account

HOW: Final = (
    "Loaded through the library's own LiteModuleLoader: one module for each operator of the desktop builds, one that "
    "names all operators it has, and one with each version number. Page size: the program headers of the 64-bit "
    "libraries in the AAR."
)


@dataclass(frozen=True)
class Prober:
    """Asks libraries. `kit` is the kit's folder, `environment` what finding a Java VM and an emulator needs.

    `account`: as whom the libraries run, where that is another user than ours.
    """

    tables: Tables
    kit: Path
    environment: Mapping[str, str]
    account: Account

    def probe(self, library: RuntimeLibrary, abi: str, scratch: Path) -> AskedLibrary:
        """Ask a published library of one ABI; `scratch` is an empty folder, which the account can look into.

        Raises:
            CannotRunError: it cannot be run here, or gives no answers that make sense.
        """
        machine = find_machine(self.kit, abi, self.environment)
        prepared = _prepare(library, scratch)
        if abi not in prepared:
            raise CannotRunError(f"{library.aar.name} holds no library for {abi}.")
        check(prepared[abi], machine)
        name = Coordinates.parse(library.aar.name)
        line = line_of(name.version, self.tables)
        desktop, own = self.tables.schemas[line]
        others = {name for _, schemas in self.tables.schemas.values() for name in schemas} - own.keys()
        asked = self._ask(Runner(machine, prepared[abi], scratch / abi), scratch / "work", own.keys() | others)
        return AskedLibrary(
            artifact=f"{name.group}:{name.name}",
            version=name.version,
            sha256=library.aar.sha256,
            abi=abi,
            how=HOW,
            line=line,
            desktop=desktop,
            operators_asked=len(own),
            also=tuple(other for other in self.tables.schemas if other != line),
            bytecode_min=asked.bytecode_min,
            bytecode_max=asked.bytecode_max,
            archive_max=asked.archive_max,
            page_bytes=min(one.page_alignment for one in prepared.values()),
            beyond=tuple(sorted(others - asked.lacking)),
            absent=tuple(sorted(own.keys() & asked.lacking)),
        )

    def _ask(self, runner: Runner, work: Path, operators: Set[str]) -> Asked:
        work.mkdir()
        self.account.give(work)
        return ask_apart(self.account, lambda: interview(runner, work, self.environment, operators))


def interview(runner: Runner, work: Path, environment: Mapping[str, str], operators: Set[str]) -> Asked:
    """All that is asked of one library."""
    asking = Interview(runner, work, environment)
    limits = asking.limits()
    return Asked(
        bytecode_min=limits.bytecode_min,
        bytecode_max=limits.bytecode_max,
        archive_max=limits.archive_max,
        lacking=frozenset(asking.lacking(sorted(operators), limits.bytecode_max)),
    )


def line_of(version: str, tables: Tables) -> str:
    """The line of PyTorch whose operators are the nearest to those of a release: its own, else the one before."""
    release = next((one for one in load_releases() if (one.platform, one.version) == ("android", version)), None)
    if release is not None and tables.line_of(release) in tables.schemas:
        return tables.line_of(release)
    numbers = _numbers(version)[:2]
    older = [line for line in tables.schemas if _numbers(line) <= numbers]
    return older[-1] if older else next(iter(tables.schemas))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", version)]


def _prepare(library: RuntimeLibrary, scratch: Path) -> dict[str, Prepared]:
    """All ABIs that could be run somewhere: the size of pages is asked of each."""
    jars = [jar.path for jar in library.jars]
    prepared, problems = {}, []
    for abi in ABI_MACHINES:
        try:
            prepared[abi] = prepare(library.aar.path, jars, abi, scratch / abi)
        except PrepareError as problem:
            problems.append(problem.message)
    if not prepared:
        raise CannotRunError(f"{library.aar.name} cannot be prepared: {' '.join(problems)}")
    return prepared
