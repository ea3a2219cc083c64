"""`check_against_tables`: will a release load a file, and does anything speak against its running there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ptmobile.litefile import LiteFile
from ptmobile.runtimes.limits.model import EVIDENCE, Answer, Evidence, Finding, TableVerdict, weakest
from ptmobile.runtimes.limits.operators import argument_findings, kernel_findings, operator_findings, remarks
from ptmobile.runtimes.limits.tables import Tables, load_tables
from ptmobile.runtimes.releases import Release

#: Lines of PyTorch from which on debug records have a form that older runtimes abort on.
_NEW_DEBUG_RECORDS: Final = (1, 12)


@dataclass(frozen=True)
class Case:
    """One file on one release; `made_by` is the line of the torch that saved it, None if unknown."""

    lite: LiteFile
    release: Release
    tables: Tables
    made_by: tuple[int, int] | None


def check_against_tables(
    lite: LiteFile, release: Release, *, made_by: str = "", tables: Tables | None = None
) -> TableVerdict:
    """Judge a file by tables: what a release reads, which operators it has and with how many arguments.

    `made_by` is the version of the torch that saved the file (before backporting): files of bytecode 5 and older do
    not say with how many arguments they call an operator, but their torch's schemas do.
    """
    case = Case(lite, release, tables or load_tables(), line_of_torch(made_by))
    findings = [finding for rule in _RULES for finding in rule(case)]
    loads, loads_evidence = _loads(case, findings)
    runs, runs_evidence = _runs(loads, loads_evidence, findings)
    return TableVerdict(
        release=release.label,
        loads=loads,
        loads_evidence=loads_evidence,
        runs=runs,
        runs_evidence=runs_evidence,
        findings=tuple(findings),
    )


def line_of_torch(version: str) -> tuple[int, int] | None:
    """Major and minor number of a torch; None if it is not known."""
    match = re.match(r"(\d{1,4})\.(\d{1,4})", version)
    return (int(match[1]), int(match[2])) if match else None


def _loads(case: Case, findings: list[Finding]) -> tuple[Answer, Evidence]:
    """A single certain reason is enough for no; yes is as well known as the worst of the facts behind it."""
    about = [finding for finding in findings if finding.stage == "load"]
    refusals = [finding.evidence for finding in about if finding.answer == "no"]
    if refusals:
        return "no", min(refusals, key=EVIDENCE.index)
    if about:
        return "unknown", weakest(*(finding.evidence for finding in about))
    known = [case.tables.presence(name, case.release).evidence for name in case.lite.operators]
    return "yes", weakest(case.tables.limits_of(case.release).evidence, *known)


def _runs(
    loads: Answer, evidence: Evidence, findings: list[Finding]
) -> tuple[Literal["no", "unknown"], Evidence | None]:
    if loads == "no":
        return "no", evidence
    failures = [finding.evidence for finding in findings if finding.stage == "run" and finding.answer == "no"]
    return ("no", min(failures, key=EVIDENCE.index)) if failures else ("unknown", None)


def _bytecode(case: Case) -> Iterator[Finding]:
    limits = case.tables.limits_of(case.release)
    version = case.lite.bytecode_version
    if limits.bytecode_min <= version <= limits.bytecode_max:
        return
    # Of 1.11 the sources and reports from devices differ about bytecode 8, and of 1.12 little is known at all.
    disputed = (case.release.line == (1, 11) and version == 8) or limits.evidence == "inferred"
    advice = f"Backport the file to bytecode {limits.bytecode_max}." if version > limits.bytecode_max else ""
    yield Finding(
        subject="bytecode",
        stage="load",
        answer="unknown" if disputed else "no",
        evidence="inferred" if disputed else limits.evidence,
        text=(
            f"The file has bytecode version {version}, and {case.release.version} reads {limits.bytecode_min} to "
            f"{limits.bytecode_max}."
        ),
        advice=advice,
    )


def _archive(case: Case) -> Iterator[Finding]:
    limits = case.tables.limits_of(case.release)
    version = case.lite.archive_version
    if version <= limits.archive_max:
        return
    raised = case.tables.facts.archive_versions
    guilty = tuple(name for name in case.lite.operators if raised.get(name, 0) > limits.archive_max)
    cause = f"raised by {', '.join(guilty)}" if guilty else "raised by no operator we know"
    yield Finding(
        subject="archive",
        stage="load",
        answer="unknown" if limits.evidence == "inferred" else "no",
        evidence=limits.evidence,
        text=(
            f"The file has archive version {version} ({cause}), and {case.release.version} reads up to "
            f"{limits.archive_max}; no backport lowers it."
        ),
        operators=guilty,
        advice="Express it with other operators before saving, or choose a newer runtime." if guilty else "",
    )


def _debug_records(case: Case) -> Iterator[Finding]:
    line = case.tables.line_of(case.release)
    evidence = case.tables.facts.debug_records.get(line)
    has_any = any(section.name == "debug" and section.records for section in case.lite.sections)
    old = case.made_by is not None and case.made_by < _NEW_DEBUG_RECORDS
    if evidence is None or not has_any or old:
        return
    known = case.made_by is not None
    yield Finding(
        subject="debug-records",
        stage="load",
        answer="no" if known else "unknown",
        evidence=evidence if known else "inferred",
        text=(
            f"{case.release.version} aborts when it reads the *.debug_pkl records of files saved by torch 1.12 or newer"
            f"{'' if known else ', and which torch saved this file is not known'}."
        ),
        advice="Strip the debug records; backporting with ptmobile does.",
    )


def _types(case: Case) -> Iterator[Finding]:
    if case.release.platform != "android":
        return
    for names in case.tables.facts.names:
        evidence = names.refused.get(case.release.version)
        found = [name for name in case.lite.types if re.fullmatch(names.pattern, name)]
        if found and evidence is not None:
            yield Finding(
                subject="types",
                stage="load",
                answer="unknown" if evidence == "inferred" else "no",
                evidence=evidence,
                text=f"The file describes the type {found[0]}, and {case.release.version} {names.text}.",
                advice=names.advice,
            )


def _operators(case: Case) -> Iterator[Finding]:
    return operator_findings(case.lite, case.release, case.tables)


def _arguments(case: Case) -> Iterator[Finding]:
    return argument_findings(case.lite, case.release, case.tables, case.made_by)


def _kernels(case: Case) -> Iterator[Finding]:
    yield from kernel_findings(case.lite, case.release, case.tables)
    yield from remarks(case.lite, case.release, case.tables)


_RULES: Final[tuple[Callable[[Case], Iterator[Finding]], ...]] = (
    _bytecode,
    _archive,
    _debug_records,
    _types,
    _operators,
    _arguments,
    _kernels,
)
