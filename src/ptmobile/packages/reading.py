"""A requirements file, read by us: what pip gets in the end is written anew, and holds nothing but names and versions.

pip's own format can do much more: name indexes, run a package's code, read any file, put variables of the environment
into addresses. Each of that is a problem here, with what to do instead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ptmobile.digests import sha256_of
from ptmobile.packages.model import RequirementsSource
from ptmobile.spec.problems import Problems, shown
from ptmobile.spec.workspace import Workspace

_MAX_BYTES: Final = 256 * 1024
_MAX_LINES: Final = 2000
_MAX_FILES: Final = 20
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_HASHES: Final = re.compile(r"\s--hash[=\s]\s*(\S+)")
_HASH: Final = re.compile(r"^(sha256|sha384|sha512):[0-9a-f]{64,128}$")
_OPTION: Final = re.compile(r"\s-{1,2}[A-Za-z]")
_ARCHIVES: Final = (".whl", ".tar.gz", ".zip")
_WHERE_FROM: Final = "where packages come from is said by the workflow, in variables such as PIP_INDEX_URL"
_INSTEAD: Final = {
    **dict.fromkeys(("-i", "--index-url", "--pypi-url", "--extra-index-url", "--no-index"), _WHERE_FROM),
    **dict.fromkeys(("-f", "--find-links", "--trusted-host"), _WHERE_FROM),
    **dict.fromkeys(("-e", "--editable"), "code in the workspace can be imported as it is; build a wheel of others"),
    **dict.fromkeys(("-c", "--constraint"), "write its versions into the requirements"),
    **dict.fromkeys(("--no-binary", "--only-binary"), "use allow-source-builds"),
}
_ALLOWED: Final = "allowed: names with versions, --hash, -r FILE, and paths of wheels in the workspace"


@dataclass(frozen=True)
class Wanted:
    """One line for pip. ``digest`` is the SHA-256 of a wheel in the workspace, which counts where hashes must be."""

    text: str
    hashes: tuple[str, ...] = ()
    digest: str = ""

    def line(self, *, hashed: bool) -> str:
        """The line, with hashes where every line must have one."""
        hashes = self.hashes or ((f"sha256:{self.digest}",) if self.digest and hashed else ())
        return " ".join([self.text, *(f"--hash={value}" for value in hashes)])


@dataclass
class Requirements:
    """What a requirements file asks for. ``hashed``: every archive must have a hash that the file names."""

    wanted: list[Wanted] = field(default_factory=list)
    sources: list[RequirementsSource] = field(default_factory=list)
    hashed: bool = False

    def key(self, *, source_builds: bool) -> str:
        """The same for what leads to the same packages."""
        lines = [*self.lines(), *(f"{source.path} {source.sha256}" for source in self.sources)]
        return hashlib.sha256("\n".join([str(source_builds), str(self.hashed), *lines]).encode()).hexdigest()

    def lines(self) -> list[str]:
        """What pip is to install."""
        return [wanted.line(hashed=self.hashed) for wanted in self.wanted]


class _Reader:
    """Reads a file and those that it names."""

    def __init__(
        self, workspace: Workspace, here: Mapping[str, Version], problems: Problems, *, source_builds: bool
    ) -> None:
        self.found = Requirements()
        self._source_builds = source_builds
        self._workspace = workspace
        self._here = here
        self._problems = problems
        self._seen: set[str] = set()

    def read(self, path: str, where: str) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        if len(self._seen) > _MAX_FILES:
            self._problems.add(where, f"names more than {_MAX_FILES} files")
            return
        try:
            with (self._workspace.root / path).open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
            text = data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._problems.add(where, f"given {shown(path)}, which cannot be read: {said}")
            return
        if len(data) > _MAX_BYTES or text.count("\n") > _MAX_LINES:
            self._problems.add(where, f"given {shown(path)}, which is too long: at most {_MAX_LINES} lines")
            return
        self.found.sources.append(RequirementsSource(path=path, sha256=hashlib.sha256(data).hexdigest()))
        for number, line in _lines(text):
            self._line(line, f"{path}:{number}")

    def _line(self, line: str, where: str) -> None:
        if "${" in line:
            self._refuse(where, line, "holds a variable of the environment; none is put in here")
        elif line.startswith("-"):
            self._option(line, where)
        else:
            self._requirement(line, where)

    def _option(self, line: str, where: str) -> None:
        name, value = _option(line)
        if name in ("-r", "--requirement") and value:
            path = self._workspace.existing_file(_beside(where, value), where, self._problems)
            if path is not None:
                self.read(path, where)
        elif name == "--require-hashes":
            self.found.hashed = True
        else:
            self._refuse(where, line, f"is an option of pip that is not taken here; {_INSTEAD.get(name, _ALLOWED)}")

    def _requirement(self, line: str, where: str) -> None:
        hashes = _HASHES.findall(line)
        text = _HASHES.sub("", line).strip()
        wrong = next((given for given in hashes if not _HASH.match(given)), None)
        if wrong is not None:
            self._refuse(where, wrong, "is no hash such as sha256:…")
        elif _OPTION.search(f" {text}"):
            self._refuse(where, line, f"has an option of pip that is not taken here; {_ALLOWED}")
        elif text.endswith(_ARCHIVES) and "://" not in text and "@" not in text:
            self._archive(text, hashes, where)
        else:
            self._named(text, hashes, where)

    def _archive(self, text: str, hashes: list[str], where: str) -> None:
        if not text.endswith(".whl") and not self._source_builds:
            self._refuse(where, text, "is no wheel: its code would have to run; allow-source-builds lets it")
        elif (path := self._workspace.existing_file(text, where, self._problems)) is not None:
            file = (self._workspace.root / path).resolve()
            try:
                digest = sha256_of(file)
            except OSError as error:
                self._refuse(where, text, f"cannot be read: {error.strerror}")
                return
            self.found.sources.append(RequirementsSource(path=path, sha256=digest))
            self._want(Wanted(file.as_uri(), tuple(hashes), digest))

    def _named(self, text: str, hashes: list[str], where: str) -> None:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            self._refuse(where, text, f"is not a requirement such as timm==0.9.16; {_ALLOWED}")
            return
        if requirement.url is not None:
            said = f"names an address: put a wheel into the workspace and give its path, or publish it; {_WHERE_FROM}"
            self._refuse(where, text, said)
            return
        version = self._here.get(canonicalize_name(requirement.name))
        if version is None:
            self._want(Wanted(str(requirement), tuple(hashes)))
        elif requirement.marker is None or requirement.marker.evaluate():
            self._held_against(requirement, version, where)

    def _held_against(self, requirement: Requirement, version: Version, where: str) -> None:
        """What is here already must be what is asked for. It is not handed to pip, unless it has extras."""
        if not requirement.specifier.contains(version, prereleases=True) and not _is_build_of(requirement, version):
            self._problems.add(
                where,
                f"given {shown(str(requirement))}, but the action's {requirement.name} is {version}, and stays; "
                f"leave its version open, or name one that {version} satisfies",
            )
        elif requirement.extras:
            self._want(Wanted(f"{requirement.name}[{','.join(sorted(requirement.extras))}]"))

    def _want(self, wanted: Wanted) -> None:
        self.found.wanted.append(wanted)
        self.found.hashed = self.found.hashed or bool(wanted.hashes)

    def _refuse(self, where: str, given: str, why: str) -> None:
        self._problems.add(where, f"given {shown(given)}, which {why}")


def read_requirements(
    path: str, workspace: Workspace, here: Mapping[str, Version], problems: Problems, *, source_builds: bool
) -> Requirements:
    """Read a requirements file of the workspace; ``here`` is what is installed, whose versions stay as they are."""
    reader = _Reader(workspace, here, problems, source_builds=source_builds)
    reader.read(path, "requirements")
    return reader.found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first line: joined where one ends in a backslash, without comments."""
    joined, first = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        first = first if joined else number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        if whole := _COMMENT.sub("", joined + line).strip():
            yield first, whole
        joined = ""


def _option(line: str) -> tuple[str, str]:
    """An option and its value: ``-r base.txt``, ``-rbase.txt``, ``--requirement=base.txt``."""
    if line.startswith("--"):
        name, _, value = line.replace("=", " ", 1).partition(" ")
        return name, value.strip()
    return line[:2], line[2:].strip()


def _beside(where: str, value: str) -> str:
    """The path of a file that another names, as pip takes it: from the folder of the one that names it."""
    return (Path(where.rpartition(":")[0]).parent / value).as_posix()


def _is_build_of(requirement: Requirement, version: Version) -> bool:
    """Whether it asks for another build of the very version: ``torch==1.13.1+cpu``."""
    return str(requirement.specifier).partition("+")[0] == f"=={version}"
