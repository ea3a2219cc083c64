"""Whether a library's needs are met here, asked before it is run: what is missing is never a model's fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ptmobile.device.elf import read_library
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import TRIPLETS, Machine
from ptmobile.device.prepared import STAND_INS, Prepared

#: Names that glibc has too, for something with another layout or meaning (bionic's and glibc's public headers).
DIFFERENT: Final = {
    "structures of another layout": (
        "getaddrinfo", "glob", "mallinfo", "regcomp", "regexec", "tcgetattr", "tcsetattr", "fts_open",
        "pthread_attr_init", "pthread_attr_destroy", "pthread_attr_setstacksize", "pthread_getattr_np",
    ),
    "another size of a set of signals, or of saved registers": (
        "sigaction", "sigaddset", "sigdelset", "sigemptyset", "sigfillset", "sigismember", "sigprocmask",
        "pthread_sigmask", "sigsuspend", "sigwait", "setjmp", "_setjmp", "sigsetjmp", "longjmp", "siglongjmp",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Needs:
    """What a library needs and does not get here; all empty where it can be run."""

    libraries: tuple[str, ...]
    symbols: tuple[str, ...]
    different: tuple[str, ...]
    obstacles: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.libraries, self.symbols, self.different, self.obstacles))

    def describe(self) -> str:
        """What is missing, with names."""
        parts = [
            ("libraries", self.libraries),
            ("functions", self.symbols),
            ("functions that are others here", self.different),
            ("features of the loader", self.obstacles),
        ]
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)


def unmet_needs(prepared: Prepared, machine: Machine) -> Needs:
    """Compare what the libraries want with what the stand-ins and the machine's C library define.

    Raises:
        CannotRunError: this machine's own libraries cannot be found.
        PrepareError: they cannot be read.
    """
    provided = frozenset[str]().union(*(read_library(path).defined for path in _closure(machine)))
    ours = frozenset[str]().union(*(read_library(path).defined for path in machine.stand_ins))
    wanted = frozenset(prepared.wanted)
    different = frozenset(name for names in DIFFERENT.values() for name in names)
    return Needs(
        libraries=prepared.missing_libraries,
        symbols=tuple(sorted(wanted - provided)),
        different=tuple(sorted(wanted & different - ours)),
        obstacles=prepared.obstacles,
    )


def check(prepared: Prepared, machine: Machine) -> None:
    """Raise if the libraries need more than there is.

    Raises:
        CannotRunError: they do, with the names.
    """
    needs = unmet_needs(prepared, machine)
    if needs:
        raise CannotRunError(
            f"This release's {prepared.abi} library cannot be run here: it needs more than our stand-ins for Android's "
            f"system libraries provide. Missing: {needs.describe()}."
        )


def _closure(machine: Machine) -> Iterator[Path]:
    """The stand-ins and everything that they and the launcher bring into the process."""
    queue = [*machine.stand_ins, machine.launcher]
    seen: set[str] = set(STAND_INS)
    while queue:
        path = queue.pop()
        yield path
        for name in read_library(path).needed:
            if name not in seen:
                seen.add(name)
                queue.append(_find(name, machine))


def _find(name: str, machine: Machine) -> Path:
    for folder in _folders(machine):
        if (folder / name).is_file():
            return folder / name
    raise CannotRunError(f"The system library {name} is not where it was looked for, under {machine.root}.")


def _folders(machine: Machine) -> Iterable[Path]:
    triplet = TRIPLETS[machine.abi]
    for prefix in ("lib", "usr/lib"):
        yield machine.root / prefix / triplet
    for folder in ("lib64", "usr/lib64", "lib", "usr/lib"):
        yield machine.root / folder
