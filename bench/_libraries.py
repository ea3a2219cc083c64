"""The phone's libraries as the benchmarks use them: fetched, prepared once, checked, for either ABI."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
from _common import REPOSITORY

from ptmobile.device.build import provide_kit_for
from ptmobile.device.errors import CannotRunError
from ptmobile.device.kit import find_machine
from ptmobile.device.prepare import prepare
from ptmobile.device.prepared import read_prepared
from ptmobile.device.runner import Runner
from ptmobile.device.symbols import check
from ptmobile.runtimes.fetching import JgoClient, NotAvailable, RuntimeLibrary, fetch_runtime, folders_of

PREPARED = REPOSITORY / ".cache" / "device" / "bench"
#: All that finding a Java VM and an emulator needs of the environment.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "PTMOBILE_JRE") if name in os.environ}


@dataclass(frozen=True)
class Library:
    """A release's library of one ABI: the kit that runs it and the folder where it is prepared."""

    release: str
    abi: str
    kit: str
    folder: str

    def runner(self) -> Runner:
        """What runs files in it.

        Raises:
            CannotRunError: something is missing on this machine.
        """
        folder = Path(self.folder)
        return Runner(find_machine(Path(self.kit), self.abi, ENVIRONMENT), read_prepared(folder), folder)


def kit_for(abi: str) -> Path:
    """The kit that the command line uses, made where it is missing.

    Raises:
        CannotRunError: it cannot be made here.
    """
    return provide_kit_for(abi, folders_of(os.environ).cache, os.environ)


def fetch(release: str, cache: Path | None = None) -> RuntimeLibrary:
    """A release's AAR and jars, from the user's cache of ptmobile (or another), or downloaded into it.

    Raises:
        CannotRunError: it cannot be had.
    """
    environment = os.environ if cache is None else {**os.environ, "PTMOBILE_CACHE": str(cache)}
    found = fetch_runtime(release, folders_of(environment), JgoClient.from_environment(environment))
    if isinstance(found, NotAvailable):
        raise CannotRunError(found.reason, advice=found.advice)
    return found


def get_library(release: str, abi: str) -> Library:
    """Fetch, prepare and check a library; what was prepared before is used again.

    Raises:
        CannotRunError: it cannot be had, or not be run here.
    """
    kit, folder = kit_for(abi), PREPARED / release / abi
    fetched = fetch(release)
    try:
        ready = read_prepared(folder).aar_sha256 == fetched.aar.sha256
    except (OSError, msgspec.MsgspecError):
        ready = False
    if not ready:
        prepare(fetched.aar.path, [jar.path for jar in fetched.jars], abi, folder)
    check(read_prepared(folder), find_machine(kit, abi, ENVIRONMENT))
    return Library(release, abi, str(kit), str(folder))
