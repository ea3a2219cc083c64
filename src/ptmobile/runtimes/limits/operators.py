"""What the operators of a file say: absent ones, calls with a wrong number of arguments, kernels that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from ptmobile.litefile import LiteFile
from ptmobile.runtimes.limits.model import EVIDENCE, Evidence, Finding, weakest
from ptmobile.runtimes.limits.tables import Kernel, Tables
from ptmobile.runtimes.releases import Release

#: From this bytecode version on, a file says with how many arguments it calls each operator.
COUNTED_FROM: Final = 6
_TORCHVISION: Final = "torchvision::"
#: It raises with any number of arguments, if with the wrong text.
_RAISES: Final = "prim::RaiseException"
_SHOWN: Final = 12


def operator_findings(lite: LiteFile, release: Release, tables: Tables) -> Iterator[Finding]:
    """Operators that are absent, or perhaps absent."""
    ours = [name for name in lite.operators if not name.startswith(_TORCHVISION)]
    presences = {name: tables.presence(name, release) for name in ours}
    absent = {name: found.evidence for name, found in presences.items() if found.answer == "no"}
    doubtful = tuple(name for name, found in presences.items() if found.answer == "unknown")
    if absent:
        yield Finding(
            subject="operators",
            stage="load",
            answer="no",
            evidence=min(absent.values(), key=EVIDENCE.index),
            text=f"{release.version} lacks {_listed(absent)}.",
            operators=tuple(absent),
            advice="Use other operators, a newer runtime, or a library of your own build that has them.",
        )
    if doubtful:
        yield Finding(
            subject="operators",
            stage="load",
            answer="unknown",
            evidence="inferred",
            text=f"Whether {release.version} has {_listed(doubtful)} is not known: only desktop builds surely do.",
            operators=doubtful,
        )
    yield from _of_torchvision(lite, release)


def _of_torchvision(lite: LiteFile, release: Release) -> Iterator[Finding]:
    theirs = tuple(name for name in lite.operators if name.startswith(_TORCHVISION))
    if theirs:
        supplier = "org.pytorch:torchvision_ops" if release.platform == "android" else "the pod LibTorchvision"
        yield Finding(
            subject="operators",
            stage="load",
            answer="unknown",
            evidence="desktop",
            text=f"Another library than the runtime supplies {_listed(theirs)}: {supplier}.",
            operators=theirs,
            advice=f"Add {supplier} to the app, and load it before the model.",
        )


def argument_findings(
    lite: LiteFile, release: Release, tables: Tables, made_by: tuple[int, int] | None
) -> Iterator[Finding]:
    """Operators that are called with a number of arguments which the release's schema does not take.

    Nobody notices when such a file is loaded: an interpreter fills in defaults for missing arguments if the file says
    how many it gives, but never compares a surplus (torch/csrc/jit/mobile/function.cpp); the operator then finds the
    wrong values on the stack.
    """
    line = tables.line_of(release)
    if lite.bytecode_version >= COUNTED_FROM:
        wrong = {
            name: (given, taken)
            for name, given in lite.operator_arguments.items()
            if (taken := tables.arguments(line, name)) is not None and given > taken
        }
    elif made_by is not None:
        producer = f"{made_by[0]}.{made_by[1]}"
        wrong = {
            name: (given, taken)
            for name in lite.operators
            if (given := tables.arguments(producer, name)) is not None
            and (taken := tables.arguments(line, name)) is not None
            and given != taken
        }
    else:
        yield from _uncounted(lite, tables, line)
        return
    wrong.pop(_RAISES, None)
    for answer, names in _by_certainty(lite, wrong):
        yield _mismatch({name: wrong[name] for name in names}, release, tables, answer)


def _by_certainty(lite: LiteFile, operators: Iterable[str]) -> Iterator[tuple[Literal["no", "unknown"], list[str]]]:
    """Operators that surely run, and those that a branch, a loop or a method may leave out."""
    certain = [name for name in operators if name not in lite.conditional]
    perhaps = [name for name in operators if name in lite.conditional]
    if certain:
        yield "no", certain
    if perhaps:
        yield "unknown", perhaps


def _mismatch(
    wrong: dict[str, tuple[int, int]], release: Release, tables: Tables, answer: Literal["no", "unknown"]
) -> Finding:
    seen = tables.facts.mismatches.get(release.version, frozenset()) & wrong.keys()
    evidence: Evidence = "run" if seen and release.platform == "android" else "desktop"
    counts = [f"{name} ({given} given, {taken} taken)" for name, (given, taken) in wrong.items()]
    when = "when" if answer == "no" else "if"
    return Finding(
        subject="arguments",
        stage="run",
        answer=answer,
        evidence=evidence,
        text=f"{release.version} fails {when} it comes to {_listed(counts)}: the numbers of arguments differ.",
        operators=tuple(wrong),
        advice="Use other operators, or a runtime that reads bytecode 7, whose files leave out what has a default.",
    )


def _uncounted(lite: LiteFile, tables: Tables, line: str) -> Iterator[Finding]:
    """A file without counts from an unknown torch: name the operators whose schema has changed."""
    changed = tuple(
        name
        for name in lite.operators
        if len({count for other in tables.schemas if (count := tables.arguments(other, name)) is not None}) > 1
        and tables.arguments(line, name) is not None
    )
    if changed:
        yield Finding(
            subject="arguments",
            stage="run",
            answer="unknown",
            evidence="desktop",
            text=f"Other releases take other numbers of arguments for {_listed(changed)}, and bytecode "
            f"{lite.bytecode_version} does not say how many are given.",
            operators=changed,
        )


def kernel_findings(lite: LiteFile, release: Release, tables: Tables) -> Iterator[Finding]:
    """Operators that the release knows, but cannot compute: their library is not built in."""
    for kernel in tables.facts.kernels:
        used = tuple(name for name in lite.operators if _plain(name) in kernel.operators)
        evidence = kernel.absent.get(release.version) if release.platform == "android" else None
        if evidence is not None:
            for answer, names in _by_certainty(lite, used):
                yield Finding(
                    subject="kernels",
                    stage="run",
                    answer=answer,
                    evidence=_of_kernel(kernel, names, evidence),
                    text=f"{release.version} has no {kernel.name}, which {_listed(names)} needs ({kernel.message!r}).",
                    operators=tuple(names),
                    advice="Compute it outside of the model, or express it with other operators.",
                )
        elif used and release.version not in kernel.works:
            yield Finding(
                subject="kernels",
                stage="run",
                answer="unknown",
                evidence="inferred",
                text=f"Whether {release.version} is built with {kernel.name} for {_listed(used)} is not known.",
                operators=used,
            )


def remarks(lite: LiteFile, release: Release, tables: Tables) -> Iterator[Finding]:
    """What was seen of operators on this release, and depends on more than their names."""
    if release.platform != "android":
        return
    for remark in tables.facts.remarks:
        used = tuple(name for name in lite.operators if {_plain(name), name} & remark.operators)
        if used and release.version in remark.versions:
            yield Finding(
                subject="kernels",
                stage="run",
                answer="unknown",
                evidence="run",
                text=f"On {release.version}, {_listed(used)} {remark.text}.",
                operators=used,
                advice=remark.advice,
            )


def _of_kernel(kernel: Kernel, used: Iterable[str], evidence: Evidence) -> Evidence:
    """Of some operators it was seen, of the others it follows from the library that is missing."""
    return evidence if any(_plain(name) in kernel.run for name in used) else weakest(evidence, "inferred")


def _plain(operator: str) -> str:
    """`linalg_inv` for `aten::linalg_inv.out`."""
    namespace, _, name = operator.partition("::")
    return name.partition(".")[0] if namespace == "aten" else ""


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
