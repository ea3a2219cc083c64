"""``junit.xml``: the run as test results, for the readers of GitHub, GitLab and Jenkins.

One suite per model: a case for the verdict, for each stage, for each comparison that decides, for each library of an
app and for each budget; then a suite of the run itself, where it has something to say. A report of a failed run has
a failure or an error somewhere, that of one that passed none: what went wrong beside the road that was taken is
skipped, with the reason. Readers tell cases apart by class and name, so that these are the same in each run and unique
in a suite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

import msgspec

from ptmobile.errors import ExitCode
from ptmobile.report.devices import EVIDENCE, takes
from ptmobile.report.model import ModelReport, Reason, Report, message_of
from ptmobile.report.numbers import short
from ptmobile.result import ASIDES, Comparison, DeviceVerdict, Stage
from ptmobile.visible import shorten, visible

Outcome = Literal["passed", "failure", "error", "skipped"]
_TEXT, _NAME = 8_000, 250


@dataclass(frozen=True)
class Case:
    """One test case; ``message`` is one line, ``text`` all there is to say. Seconds as measured."""

    name: str
    outcome: Outcome = "passed"
    kind: str = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Suite:
    """The cases of a model, or of the run itself."""

    name: str
    cases: tuple[Case, ...]
    properties: tuple[tuple[str, str], ...]
    seconds: float = 0.0


def junit_xml(report: Report) -> bytes:
    """The report as JUnit XML, in UTF-8; characters that XML cannot have are replaced by what shows them."""
    root = ET.Element("testsuites", {"name": "ptmobile"})
    suites = list(suites_of(report))
    for suite in suites:
        root.append(_suite(suite, report.created))
    cases = [case for suite in suites for case in suite.cases]
    root.attrib |= _counts(cases, skipped=False) | {"time": _time(sum(suite.seconds for suite in suites))}
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def suites_of(report: Report) -> Iterator[Suite]:
    """A suite per model in the order of the report, then that of the run."""
    for model in report.models:
        cases = _unique(_model_cases(model))
        yield Suite(model.spec.name, cases, tuple(_properties(model)), model.result.seconds)
    run = _unique(_run_cases(report))
    if run:
        yield Suite("run", run, (("tool", f"{report.tool.name} {report.tool.version}"),))


def _model_cases(model: ModelReport) -> Iterator[Case]:
    failed = model.verdict.status == "failed"
    yield _verdict(model)
    for stage in model.result.stages:
        yield _stage(stage, failed)
    for comparison in model.result.comparisons:
        if comparison.decides:
            yield _comparison(comparison, failed)
    for device in model.result.devices:
        yield _device(device, failed)
    yield from _gates(model)


def _verdict(model: ModelReport) -> Case:
    verdict = model.verdict
    if verdict.status == "passed":
        return Case("verdict")
    text = "\n\n".join(map(_said, verdict.reasons))
    first = verdict.reasons[0] if verdict.reasons else None
    message = f"{verdict.title}: {first.title}" if first else verdict.title
    return Case("verdict", "failure", f"exit-code-{verdict.code}", message, text or verdict.title)


def _stage(stage: Stage, failed: bool) -> Case:
    name = f"stage {stage.key}"
    if stage.status == "passed":
        return Case(name, seconds=stage.seconds)
    problem = stage.problem
    text = _said(Reason(title=problem.title, message=problem.message, advice=problem.advice)) if problem else ""
    message = problem.title if problem else "skipped"
    if stage.status == "skipped":
        return Case(name, "skipped", "skipped", message, text, stage.seconds)
    if not failed or stage.name in ASIDES:
        message = f"beside the road that was taken: {message}"
        return Case(name, "skipped", stage.status, message, text, stage.seconds)
    outcome: Outcome = "error" if stage.status == "crashed" else "failure"
    return Case(name, outcome, stage.status, message, text, stage.seconds)


def _comparison(comparison: Comparison, failed: bool) -> Case:
    name = f"comparison {comparison.reference} to {comparison.candidate}"
    if comparison.passed:
        return Case(name)
    findings = [f"{found.output} {found.message}" for found in comparison.findings if found.fails]
    message = findings[0] if findings else f"differs by up to {short(comparison.max_abs)}"
    return Case(name, "failure" if failed else "skipped", "mismatch", message, "\n".join(findings))


def _device(verdict: DeviceVerdict, failed: bool) -> Case:
    """What a library made of the file; the time is that of its stage."""
    edition = f", {verdict.edition}" if verdict.edition else ""
    name = f"device {verdict.release} {verdict.abi}{edition}"
    if verdict.status in ("right", "ran"):
        return Case(name)
    lines = [verdict.message, *_tables(verdict)]
    message = verdict.message.partition("\n")[0] or verdict.status
    bad = verdict.status != "not-run" or takes(verdict) is False
    fails = bad and failed and verdict.decides
    if not fails:
        message = f"not run: {message}" if verdict.status == "not-run" else f"no failure of the model: {message}"
    outcome: Outcome = "failure" if fails else "skipped"
    return Case(name, outcome, verdict.status, message, "\n".join(filter(None, lines)))


def _tables(verdict: DeviceVerdict) -> Iterator[str]:
    if verdict.tables is not None:
        yield f"By tables, loads: {verdict.tables.loads} (evidence: {EVIDENCE[verdict.tables.loads_evidence]})."
        yield from verdict.tables.reasons
        yield verdict.tables.advice


def _gates(model: ModelReport) -> Iterator[Case]:
    """A case for each budget that was asked for; a model that failed before has not come to them."""
    verdict = model.verdict
    for field in msgspec.structs.fields(model.spec):
        if field.name.startswith("max_") and getattr(model.spec, field.name):
            option = field.encode_name
            broken = [reason for reason in verdict.reasons if _names_option(reason.title, option)]
            if verdict.code == ExitCode.BUDGET and broken:
                text = "\n\n".join(map(_said, broken))
                yield Case(f"gate {option}", "failure", "budget", broken[0].message, text)
            elif verdict.code in (0, ExitCode.BUDGET):
                yield Case(f"gate {option}")
            else:
                yield Case(f"gate {option}", "skipped", "budget", "not reached: the model failed before")


def _names_option(title: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", title) is not None


def _run_cases(report: Report) -> Iterator[Case]:
    for problem in report.problems:
        yield Case("run", "error", f"exit-code-{report.exit_code}", problem.title, _said(problem))
    for missing in report.unpublished:
        required = report.exit_code == ExitCode.PUBLISH
        yield Case("publish", "failure" if required else "skipped", "publish", missing.title, message_of(missing))
    if report.exit_code == ExitCode.MISMATCH and report.verdict == "passed":
        warnings = [warning.message for model in report.models for warning in model.verdict.warnings]
        message = "there are warnings, and fail-on is warning"
        yield Case("gate no warnings", "failure", "fail-on", message, "\n".join(warnings))


def _properties(model: ModelReport) -> Iterator[tuple[str, str]]:
    yield "model", model.spec.model
    for file in model.files:
        prefix = f"{file.edition}: " if file.edition else ""
        yield f"{prefix}path", file.path
        yield f"{prefix}verified", "true" if file.verified else "false"
        yield f"{prefix}sha256", file.content.sha256
        yield f"{prefix}size-bytes", str(file.content.size_bytes)
        yield f"{prefix}bytecode-version", str(file.content.bytecode_version)
    if model.result.environment is not None:
        yield "torch", model.result.environment.torch
        yield "machine", model.result.environment.machine
    for warning in model.verdict.warnings:
        yield f"warning {warning.title}", warning.message


def _said(reason: Reason) -> str:
    """Title, place, what happened, what to do."""
    head = f"{reason.title} ({reason.location})" if reason.location else reason.title
    head = "" if reason.message.startswith(reason.title) and not reason.location else head
    advice = f"What to do: {reason.advice}" if reason.advice else ""
    return "\n".join(part for part in (head, reason.message, advice) if part)


def _unique(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases; of those with one name the later ones are numbered."""
    seen: dict[str, int] = {}
    unique = []
    for case in cases:
        name = shorten(_line(case.name), _NAME)
        seen[name] = number = seen.get(name, 0) + 1
        name = f"{name} ({number})" if number > 1 else name
        unique.append(Case(name, case.outcome, case.kind, case.message, case.text, case.seconds))
    return tuple(unique)


def _suite(suite: Suite, created: str) -> ET.Element:
    time = _time(suite.seconds)
    attributes = {"name": _line(suite.name), **_counts(suite.cases), "time": time, "timestamp": _line(created[:19])}
    element = ET.Element("testsuite", attributes)
    properties = ET.SubElement(element, "properties")
    for name, value in suite.properties:
        ET.SubElement(properties, "property", {"name": _line(name), "value": _line(value)})
    for case in suite.cases:
        # Readers take what stands before the last dot for a package.
        classname = f"ptmobile.{_line(suite.name).replace('.', '-')}"
        element.append(_case(case, classname))
    return element


def _case(case: Case, classname: str) -> ET.Element:
    element = ET.Element("testcase", {"name": case.name, "classname": classname, "time": _time(case.seconds)})
    if case.outcome != "passed":
        attributes = {"type": _line(case.kind), "message": shorten(_line(case.message), _NAME)}
        inner = ET.SubElement(element, case.outcome, attributes)
        inner.text = shorten(visible(case.text.replace("\r\n", "\n"), keep="\n\t"), _TEXT)
    return element


def _counts(cases: Sequence[Case], *, skipped: bool = True) -> dict[str, str]:
    """How many there are of each; the schema knows no ``skipped`` over all suites."""
    outcomes = [case.outcome for case in cases]
    counts = {"tests": len(cases), "failures": outcomes.count("failure"), "errors": outcomes.count("error")}
    return {name: str(n) for name, n in (counts | ({"skipped": outcomes.count("skipped")} if skipped else {})).items()}


def _line(text: str) -> str:
    return " ".join(visible(text, keep="\n\r\t").split())


def _time(seconds: float) -> str:
    return f"{max(seconds, 0.0):.3f}"
