"""The generated parts of docs/runtimes.md, from the recorded answers and the packaged tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from ptmobile.runtimes import load_releases
from ptmobile.runtimes.limits import load_tables
from ptmobile.worker.lowering.catalogue import REWRITES
from small_modules.records import Answered, FromLibrary, Outcome, Record, Records, disagreements, is_surprise
from small_modules.surprises import explained

#: How an outcome is called in the tables.
_OUTCOMES: Final[dict[Outcome, str]] = {
    "right": "right",
    "wrong": "**wrong**",
    "kept": "ran, no form in Java",
    "fails": "fails",
    "crashes": "crashes",
    "refused": "refused",
    "unmade": "torch writes no file",
}


def parts(records: Records) -> dict[str, str]:
    """Markdown by the name in the markers."""
    return {
        "releases": _releases(),
        "totals": _totals(records),
        "modules": _modules(records),
        "surprises": _surprises(records),
        "rewrites": _rewrites(),
    }


def fill(text: str, name: str, content: str) -> str:
    """Put content between the two comments that mark its place.

    Raises:
        ValueError: the text has no such place, or more than one.
    """
    begin, end = f"<!-- {name}: made by bench/agreement.py -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"docs/runtimes.md needs one place for {name}: {begin} and {end}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{content}\n{end}{after}"


def filled(text: str, records: Records) -> str:
    """The whole document with its generated parts as they should be."""
    for name, content in parts(records).items():
        text = fill(text, name, content)
    return text


def _releases() -> str:
    tables = load_tables()
    head = (
        "Release",
        "Published",
        "Bytecode",
        "Archive version",
        "Known by",
        "Operators absent",
        "Not built in",
        "Pages",
    )
    rows = []
    for release in load_releases():
        limits, answers = tables.limits_of(release), tables.answers_of(release)
        page = tables.page_size_of(release)
        kernels = [kernel.name for kernel in tables.facts.kernels if release.version in kernel.absent]
        rows.append(
            (
                f"{'Android' if release.platform == 'android' else 'iOS'} {release.version}",
                release.date or "",
                f"{limits.bytecode_min} to {limits.bytecode_max}",
                f"up to {limits.archive_max}",
                limits.evidence,
                f"{len(answers.absent)} of {answers.operators_asked:,}" if answers else "not asked",
                ", ".join(kernels) if release.platform == "android" else "",
                f"{page.size_bytes // 1024} KB ({page.evidence})" if page else "",
            )
        )
    return _table(head, rows)


def _totals(records: Records) -> str:
    versions = list(records.releases)
    everything = {version: [record for r, _, _, record in records.all() if r == version] for version in versions}

    def row(what: str, of: Iterable[object]) -> tuple[str, ...]:
        return (what, *(f"{number}" for number in of))

    rows = [row("modules", (len(found) for found in everything.values()))]
    rows += [
        row(f"tables: loads: {answer}", (_count(found, loads=answer) for found in everything.values()))
        for answer in ("yes", "no", "unknown")
    ]
    rows.append(row("tables: surely fails when run", (_count(e, loads="yes", runs="no") for e in everything.values())))
    for abi, lowered in product(sorted(_abis(records), reverse=True), (False, True)):
        counts = [_outcomes(found, abi, lowered=lowered) for found in everything.values()]
        when = "after lowering: " if lowered else ""
        rows += [
            row(f"{abi}: {when}{word}", (counter[outcome] for counter in counts))
            for outcome, word in _OUTCOMES.items()
            if any(counter[outcome] for counter in counts)
        ]
    rows += [
        row(f"**disagreements about {what}**", (_disagreements(found, about) for found in everything.values()))
        for about, what in (("loads", "loading"), ("runs", "running"))
    ]
    return _table(("", *versions), rows)


def _abis(records: Records) -> set[str]:
    """Those that were asked about all modules."""
    return set.intersection(*(set(record.plain.libraries) for _, _, _, record in records.all()))


def _disagreements(found: Sequence[Record], about: str) -> int:
    return sum(one.about == about for record in found for answered in _both(record) for one in disagreements(answered))


def _count(found: Sequence[Record], *, loads: str, runs: str = "") -> int:
    made = [record.plain for record in found if not _unmade(record.plain)]
    return sum(a.tables.loads == loads and runs in ("", a.tables.runs) for a in made)


def _unmade(answered: Answered) -> bool:
    return any(library.outcome == "unmade" for library in answered.libraries.values())


def _both(record: Record) -> list[Answered]:
    return [record.plain, *([record.lowered] if record.lowered else [])]


def _outcomes(found: Sequence[Record], abi: str, *, lowered: bool) -> Counter[Outcome]:
    answers = [(record.shipped if lowered else record.plain).libraries.get(abi) for record in found]
    return Counter(answer.outcome for answer in answers if answer is not None)


def _modules(records: Records) -> str:
    """One row for all modules of a family of which the same is to be said."""
    versions = list(records.releases)
    columns = [f"{version}: {what}" for version in versions for what in ("tables", "library", "lowered")]
    lines = []
    for family, titles in records.releases[versions[0]].items():
        rows: dict[tuple[str, ...], list[str]] = {}
        for title in titles:
            cells = [c for version in versions for c in _cells(records.releases[version][family][title])]
            rows.setdefault(tuple(cells), []).append(title)
        ordered = sorted(rows.items(), key=lambda row: (row[0].count("right") < len(versions), -len(row[1])))
        lines += [(f"**{family}** ({len(titles)})", *[""] * len(columns))]
        lines += [("; ".join(_merged(names)), *cells) for cells, names in ordered]
    return _table(("Modules", *columns), lines)


def _merged(titles: Sequence[str]) -> Iterator[str]:
    """Titles, in which a module that was traced and scripted is there once."""
    scripted = " (scripted)"
    for title in titles:
        if title.removesuffix(scripted) == title or title.removesuffix(scripted) not in titles:
            yield f"{title} (both)" if f"{title}{scripted}" in titles else title


def _cells(record: Record) -> tuple[str, str, str]:
    lowered = _library(record.lowered) if record.lowered else ""
    return _verdict(record.plain), _library(record.plain), lowered


def _verdict(answered: Answered) -> str:
    tables = answered.tables
    if _unmade(answered):
        return ""
    if tables.loads != "yes":
        return "refused" * (tables.loads == "no") + "unknown" * (tables.loads == "unknown") + f" ({tables.loads_by})"
    return f"loads ({tables.loads_by})" + (f", fails ({tables.runs_by})" if tables.runs == "no" else "")


def _library(answered: Answered) -> str:
    by_word: dict[str, list[str]] = {}
    for abi, library in answered.libraries.items():
        by_word.setdefault(_OUTCOMES[library.outcome], []).append(abi)
    if len(by_word) == 1:
        return next(iter(by_word))
    return ", ".join(f"{word} on {' and '.join(abis)}" for word, abis in by_word.items())


def _surprises(records: Records) -> str:
    """What the tables did not foresee: why, where, an example of the library's words, and of which modules."""
    where: dict[str, dict[str, None]] = {}
    said: dict[str, str] = {}
    modules: dict[str, dict[str, None]] = {}
    for release, family, title, record in records.all():
        for kind, answered in (("", record.plain), (", lowered", record.lowered)):
            for abis, library in _unforeseen(answered):
                why = explained(release, family, title, library)
                where.setdefault(why, {})[f"{release}{abis}"] = None
                said.setdefault(why, _said(library))
                modules.setdefault(why, {})[f"{title}{kind}"] = None
    rows = [(why, ", ".join(where[why]), said[why], "; ".join(_merged(list(modules[why])))) for why in where]
    return _table(("Why", "Releases", "The library says", "Modules"), rows)


def _unforeseen(answered: Answered | None) -> Iterator[tuple[str, FromLibrary]]:
    """The libraries that did something which the tables did not foresee, each answer once."""
    if answered is None:
        return
    abis: dict[FromLibrary, list[str]] = {}
    for abi, library in answered.libraries.items():
        if is_surprise(answered, library):
            abis.setdefault(library, []).append(abi)
    for library, where in abis.items():
        yield "" if len(where) == len(answered.libraries) else f" {', '.join(where)} only", library


def _said(library: FromLibrary) -> str:
    return f"nothing, but gives another {library.words}" if library.outcome == "wrong" else library.words[:80]


def _rewrites() -> str:
    """Operators with the same explanation share a row."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for operator, rewrite in REWRITES.items():
        grouped.setdefault((rewrite.what, rewrite.by), []).append(operator)
    rows = [(what, by, ", ".join(f"`{name}`" for name in names)) for (what, by), names in grouped.items()]
    return _table(("What", "is written with", "Operators"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"[|]", "&#124;", text).replace("<", "&lt;")
