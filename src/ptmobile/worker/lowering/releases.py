"""From the name of a release to what lowering needs to know of it, by the packaged tables."""

from __future__ import annotations

from collections.abc import Iterable

from ptmobile.runtimes.choosing import find_release
from ptmobile.runtimes.limits import Tables, load_tables
from ptmobile.runtimes.releases import Release
from ptmobile.worker.lowering.target import TORCHVISION, Target


def target_for(
    release: str, bytecode_version: int, tables: Tables | None = None, *, torchvision: bool = False
) -> Target | None:
    """The release (``artifact:version``, or a version) as a target for a file of this bytecode.

    ``torchvision``: the apps on it ship the library with torchvision's operators. None where nothing is known that a
    file could be rewritten for. An operator of which nobody knows whether the release has it counts as there: what
    matters is then found by running the file.
    """
    found = find_release(release)
    tables = tables or load_tables()
    if found is None or tables.line_of(found) not in tables.schemas:
        return None
    _, schemas = tables.schemas[tables.line_of(found)]
    operators = {name: count for name, count in schemas.items() if tables.presence(name, found).answer != "no"}
    archive_max = tables.limits_of(found).archive_max
    return Target(
        found.version,
        operators,
        bytecode_version,
        archive_max,
        found.line,
        _unable(found, operators, tables),
        frozenset({TORCHVISION} if torchvision else ()),
    )


def _unable(release: Release, operators: Iterable[str], tables: Tables) -> dict[str, str]:
    """Operators whose kernels are not built in, and what those are called."""
    if release.platform != "android":
        return {}
    return {
        name: kernel.name
        for kernel in tables.facts.kernels
        if release.version in kernel.absent
        for name in operators
        if name.startswith("aten::") and name.removeprefix("aten::").partition(".")[0] in kernel.operators
    }
