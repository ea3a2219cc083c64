"""`ptmobile runtimes probe`: fetch, ask, write, say what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ptmobile.device.build import provide_arm64, provide_kit
from ptmobile.device.errors import CannotRunError, PrepareError
from ptmobile.device.kit import find_machine, native_abi
from ptmobile.device.probing.probe import Prober
from ptmobile.runtimes.fetching import JgoClient, MavenClient, NotAvailable, RuntimeLibrary, fetch_runtime, folders_of
from ptmobile.runtimes.limits import AskedLibrary, load_tables
from ptmobile.runtimes.limits.probed import probed_folder, write_probed
from ptmobile.runtimes.listing import describe
from ptmobile.runtimes.obtaining import not_obtained, wanted_version
from ptmobile.sandbox.account import worker_account

# Nothing else of the environment reaches the library's process.
_PASSED_ON = ("PATH", "PTMOBILE_JRE")


def probe_release(
    text: str,
    abi: str | None,
    output: Path | None,
    environment: Mapping[str, str],
    client: MavenClient | None = None,
) -> Iterator[str]:
    """Ask a release's library and write its data file; yields what to tell the user.

    Raises:
        ConfigurationError: `text` is no release.
        NotObtainedError, TamperedError: it cannot be had.
        CannotRunError: it cannot be run here, or gives no answers that make sense.
        PublishError: the data file cannot be written.
    """
    version = wanted_version(text)
    passed_on = {name: environment[name] for name in _PASSED_ON if name in environment}
    chosen = abi or native_abi() or ""
    folders = folders_of(environment)
    kit = provide_kit(folders.cache, environment)
    if chosen == "arm64-v8a":
        provide_arm64(kit, environment)
    find_machine(kit, chosen, passed_on)  # nothing is fetched that cannot be run
    library = fetch_runtime(version, folders, client or JgoClient.from_environment(environment))
    if isinstance(library, NotAvailable):
        raise not_obtained(version, library)
    yield f"Asking {library.aar.name} ({chosen}), SHA-256 {library.aar.sha256}"
    yield from (f"  note: {notice}" for notice in library.notices)
    answers = _ask(library, chosen, Prober(load_tables(), kit, passed_on, worker_account()))
    yield from (f"  {line}" for line in describe(answers))
    yield _beside_the_packaged(answers)
    yield f"Written: {write_probed(answers, output or probed_folder(environment))}"


def _ask(library: RuntimeLibrary, abi: str, prober: Prober) -> AskedLibrary:
    try:
        with tempfile.TemporaryDirectory(prefix="ptmobile-probe-") as folder:
            scratch = Path(folder)
            scratch.chmod(0o755)  # another user is to look into it
            return prober.probe(library, abi, scratch)
    except PrepareError as problem:
        raise CannotRunError(problem.message, advice=problem.advice) from problem
    except OSError as problem:
        raise CannotRunError(
            f"The library cannot be unpacked and run: {problem.strerror or problem}.",
            advice="It needs 400 MB in the folder for temporary files (TMPDIR).",
        ) from problem


def _beside_the_packaged(answers: AskedLibrary) -> str:
    """Whether we have the same answers already."""
    packaged = load_tables().asked.get(f"{answers.artifact}:{answers.version}")
    if packaged is None:
        return "  nobody had asked it before, as far as we know"
    same = all(
        getattr(answers, name) == getattr(packaged, name)
        for name in ("bytecode_min", "bytecode_max", "archive_max", "page_bytes", "absent", "beyond")
    )
    return "  the packaged answers are the same" if same else "  the packaged answers are others: please report it"
