"""Why pip did not install what it was to install: from what it printed to a sentence with advice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ptmobile.errors import LoadError
from ptmobile.packages.provided import LABEL
from ptmobile.visible import shorten, visible

#: What the process says that refuses to run a package's code; pip repeats it.
NO_CODE: Final = "ptmobile runs no code of packages"

_SHOWN: Final = 300
_CAUSE: Final = re.compile(r"^ +(?P<who>The user requested|[^ ]+ [^ ]+ depends on) (?P<what>.+)$")
_MISSING: Final = re.compile(r"No matching distribution found for (?P<what>.+)")
_FOUND: Final = re.compile(r"satisfies the requirement (?P<what>.+?) \(from versions: (?P<versions>.*)\)")
_OTHER_PYTHON: Final = re.compile(r"requires a different Python: (?P<here>\S+) not in (?P<wanted>.+)")
_NETWORK: Final = re.compile(
    r"NewConnectionError|Failed to establish a new connection|Name or service not known|ProxyError"
    r"|Temporary failure in name resolution|ConnectTimeout|ReadTimeout|Read timed out|Connection refused"
    r"|Network is unreachable|SSLError|CERTIFICATE_VERIFY_FAILED"
)
_STATUS: Final = re.compile(r"(?P<code>40[137]) (Client Error|Forbidden|Unauthorized)|HTTP error (?P<other>40[137])")
_BUILD: Final = re.compile(r"subprocess-exited-with-error|metadata-generation-failed|Failed (to build|building wheel)")
_HASH: Final = re.compile(r"DO NOT MATCH THE HASHES")
_UNHASHED: Final = re.compile(r"In --require-hashes mode, all requirements must have")
_UNHASHED_WHAT: Final = re.compile(r"^ +(?P<what>\S+)(==\S+)? .*(from|--hash)")
_FULL: Final = re.compile(r"No space left on device|Disk quota exceeded")
_LAST: Final = re.compile(r"^ERROR: (?P<what>.+)$")


class PackagesError(LoadError):
    """A model's packages cannot be installed."""


def explain(printed: str, here: Mapping[str, Version]) -> PackagesError:
    """The error behind what pip printed; ``here`` is what is installed and stays."""
    lines = [visible(line) for line in printed.splitlines()]
    for find in _FINDERS:
        if (error := find(lines, here)) is not None:
            return error
    last = next((found["what"] for line in reversed(lines) if (found := _LAST.match(line))), "it said nothing more")
    return PackagesError(
        f"pip could not install the packages: {shorten(last, _SHOWN)}", advice="The log has all that pip printed."
    )


def _code(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    if not _any(NO_CODE, lines):
        return None
    return PackagesError(
        "A package has to be built from its source, and building runs the package's own code.",
        advice="Name a version that has a wheel, or let it be built with allow-source-builds: true.",
    )


def _build(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    if not _any(_BUILD, lines):
        return None
    return PackagesError(
        "A package could not be built from its source.",
        advice="The log has what it printed. The action has no compiler: name a version that has a wheel.",
    )


def _network(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    if not _any(_NETWORK, lines):
        return None
    certificate = _any(re.compile("SSLError|CERTIFICATE_VERIFY_FAILED"), lines)
    said = "its certificate is not trusted here (PIP_CERT names a bundle)" if certificate else "it cannot be reached"
    return PackagesError(
        f"The index of packages does not answer: {said}.",
        advice="Is there a network, and is a proxy needed (HTTPS_PROXY)? PIP_INDEX_URL names another index; a wheel in "
        "the workspace needs none: write its path into the requirements.",
    )


def _refused(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    found = next((found for line in lines if (found := _STATUS.search(line))), None)
    if found is None:
        return None
    return PackagesError(
        f"The index of packages refuses the request ({found['code'] or found['other']}).",
        advice="Check the name and password in PIP_INDEX_URL, which the workflow gives as env of the step.",
    )


def _conflict(lines: list[str], here: Mapping[str, Version]) -> PackagesError | None:
    """Who needs what, where that is not what is here. pip names the constraint as if the user had asked for it."""
    causes = [found for line in lines if (found := _CAUSE.match(line)) and "(constraint)" not in found["what"]]
    if not causes:
        return None
    named = [(_who(found["who"]), _requirement(found["what"])) for found in causes]
    for who, requirement in named:
        version = here.get(canonicalize_name(requirement.name)) if requirement else None
        if requirement and version and not requirement.specifier.contains(version, prereleases=True):
            needs = f"{requirement.name}{requirement.specifier}"
            return PackagesError(
                shorten(f"{who} {needs}, but the action's {requirement.name} is {version}, and stays.", _SHOWN),
                advice=f"Name a version that goes with {requirement.name} {version}: an older one, as a rule.",
            )
    said = "; ".join(dict.fromkeys(f"{who} {found['what']}" for (who, _), found in zip(named, causes, strict=True)))
    return PackagesError(
        f"The requirements contradict each other: {shorten(said, _SHOWN)}.",
        advice="Leave some of the versions open, so that pip can choose them.",
    )


def _hashes(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    if _any(_HASH, lines):
        return PackagesError(
            "An archive has another hash than the requirements say.",
            advice="The log names it. Was the file of requirements made for another index, or is the archive not what "
            "it was?",
        )
    if not _any(_UNHASHED, lines):
        return None
    what = next((found["what"] for line in lines if (found := _UNHASHED_WHAT.match(line))), "one")
    return PackagesError(
        f"One requirement has a hash, so that all need one, and {shorten(what, 100)} has none or no exact version.",
        advice="Write the requirements with all that they need and all hashes, as pip-compile --generate-hashes does.",
    )


def _python(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    found = next((found for line in lines if (found := _OTHER_PYTHON.search(line))), None)
    if found is None:
        return None
    return PackagesError(
        f"A package needs Python {shorten(found['wanted'], 60)}, and here is {shorten(found['here'], 20)}.",
        advice="Name an older version of it; the log says which it is.",
    )


def _absent(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    found = next((found for line in lines if (found := _MISSING.search(line))), None)
    if found is None:
        return None
    what = shorten(found["what"], 100)
    others = next((found["versions"] for line in lines if (found := _FOUND.search(line))), "none")
    if others == "none":
        return PackagesError(
            f"There is no wheel of {what} for this Python and machine, or no such package.",
            advice="Check the name. Where there is only source, allow-source-builds: true has it built.",
        )
    return PackagesError(
        f"There is no version {what}; there are wheels of {shorten(others, _SHOWN)}.", advice="Name one of these."
    )


def _full(lines: list[str], _: Mapping[str, Version]) -> PackagesError | None:
    if not _any(_FULL, lines):
        return None
    return PackagesError("The disk has no room for the packages.", advice="TMPDIR names another place.")


_FINDERS: Final[tuple[Callable[[list[str], Mapping[str, Version]], PackagesError | None], ...]] = (
    *(_code, _full, _conflict, _hashes, _refused, _network, _python, _build, _absent),
)


def _who(text: str) -> str:
    return "The requirements need" if text.startswith("The user") else text.removesuffix(" depends on") + " needs"


def _requirement(text: str) -> Requirement | None:
    """A requirement in pip's words, such as ``torch>=2.0`` or ``torch>=2.0; extra == "x"``; None for anything else."""
    try:
        return Requirement(text.replace(f"+{LABEL}", ""))
    except InvalidRequirement:
        return None


def _any(pattern: str | re.Pattern[str], lines: Iterable[str]) -> bool:
    return any(re.search(pattern, line) for line in lines)
