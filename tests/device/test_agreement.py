"""Tables and libraries about the whole zoo: they never contradict each other, and say what is recorded.

``bench/agreement.py`` records the answers anew and writes docs/runtimes.md from them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
import torch
from device_support import REPOSITORY, library, machine_for
from small_modules import FAMILIES, ZOO
from small_modules.asking import Asking
from small_modules.entry import Entry, Text
from small_modules.page import fill, filled
from small_modules.records import (
    FILE,
    Answered,
    FromLibrary,
    FromTables,
    Record,
    Records,
    contradictions,
    disagreements,
    is_surprise,
    read,
    render,
)

from ptmobile.device.kit import native_abi

RELEASES = ("1.9.0", "1.12.2")
PHONE = "arm64-v8a"
DOCUMENT = REPOSITORY / "docs" / "runtimes.md"
AGAIN = "run .venv/bin/python bench/agreement.py --abi x86_64 arm64-v8a"
#: What people look for in such a collection.
WANTED = {
    "convolutions", "pooling", "linear algebra", "einsum", "Fourier transforms", "complex numbers", "sorting",
    "searching", "indexing", "gather and scatter", "attention", "recurrent networks", "normalisation", "resampling",
    "padding", "activations", "losses", "arithmetic", "integers and flags", "data types", "creation",
    "views and joins", "reductions", "quantised", "control flow", "outputs", "arguments", "small models",
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded() -> Records:
    return read()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The whole zoo, asked now: this machine's libraries about everything, phones' where numbers are wrong."""
    abi = native_abi() or pytest.skip("no Android ABI runs on this machine")
    scratch = tmp_path_factory.mktemp("agreement")
    torch.set_num_threads(1)
    machine_for(PHONE)
    asking = Asking(ZOO, RELEASES, scratch / "files")
    return Records(
        torch=str(torch.__version__),
        releases={
            version: asking.records(
                version,
                [library(version, abi, scratch)],
                None if abi == PHONE else lambda version=version: library(version, PHONE, scratch),
            )
            for version in RELEASES
        },
    )


def test_tables_and_libraries_do_not_contradict_each_other(fresh: Records) -> None:
    assert list(contradictions(fresh)) == []


def test_all_answers_are_the_recorded_ones(fresh: Records, recorded: Records) -> None:
    old = {(release, family, title): record for release, family, title, record in recorded.all()}
    new = {(release, family, title): record for release, family, title, record in fresh.all()}
    assert new.keys() == old.keys(), f"the zoo has changed: {AGAIN}"
    wrong = [
        f"{' / '.join(place)}: {what}: {_asked(was, now)}, recorded {was}"
        for place, record in new.items()
        for what, was, now in (
            ("plain", old[place].plain, record.plain),
            ("lowered", old[place].lowered, record.lowered),
            ("changes", old[place].changes, record.changes),
        )
        if _asked(was, now) != now
    ]
    assert wrong == [], AGAIN


def _asked(was: object, now: object) -> object:
    """What was recorded, of the libraries that are asked now."""
    if isinstance(was, Answered) and isinstance(now, Answered):
        libraries = {abi: was.libraries.get(abi) for abi in now.libraries}
        return Answered(tables=was.tables, libraries=libraries)  # type: ignore[arg-type]
    return was


def test_the_required_rewrites_are_right_on_the_oldest_library(fresh: Records) -> None:
    families = fresh.releases["1.9.0"]
    modes = ("constant", "reflect", "replicate", "circular")
    wanted = {
        "activations": ("GELU", "GELU by tanh", "GELU layer"),
        "padding": [f"{mode} {size}" for mode in modes for size in ("1d", "2d")],
        "creation": ("meshgrid ij", "meshgrid xy"),
        "einsum": ("product of a list", "implied output", "attention scores", "three operands", "diagonal", "trace"),
        "views and joins": ("unflatten", "unflatten with a size left open", "unflattening layer"),
    }
    for family, names in wanted.items():
        for title in [title for name in names for title in (name, f"{name} (scripted)")]:
            record = families[family][title]
            assert record.lowered is not None, title
            assert {one.outcome for one in record.plain.libraries.values()} <= {"refused", "fails"}, title
            assert {one.outcome for one in record.lowered.libraries.values()} == {"right"}, title


def test_lowering_makes_nothing_worse(fresh: Records) -> None:
    order = ("right", "kept", "fails", "refused", "crashes", "unmade", "wrong")  # a refusal does less harm than garbage
    worse = [
        (release, title)
        for release, _, title, record in fresh.all()
        if record.lowered is not None
        for abi, library in record.plain.libraries.items()
        if abi in record.lowered.libraries
        and order.index(record.lowered.libraries[abi].outcome) > order.index(library.outcome)
    ]
    assert worse == []


def test_numbers_that_are_wrong_on_x86_64_alone_are_those_of_the_known_defect(fresh: Records) -> None:
    alone = {
        (release, title)
        for release, _, title, record in fresh.all()
        if {abi: one.outcome for abi, one in record.plain.libraries.items()} == {"x86_64": "wrong", PHONE: "right"}
    }
    if native_abi() == "x86_64":
        names = ("three pixels", "one pixel", "one pixel, without bias")
        modules = [*(f"conv2d 1x1 on {name}" for name in names), "squeeze and excitation"]
        assert alone == {(release, module) for release in RELEASES for module in modules}


# --- the zoo itself


def test_the_zoo_is_large_and_has_all_families() -> None:
    assert len(ZOO) >= 200
    assert {family.name for family in FAMILIES} >= WANTED
    assert all(len(family.entries) >= 6 for family in FAMILIES)
    assert [name for name, count in Counter((one.family, one.title) for one in ZOO).items() if count > 1] == []


def test_a_module_is_the_same_whenever_it_is_made() -> None:
    for entry in ZOO[:: len(ZOO) // 40]:
        torch.manual_seed(torch.seed() % 1000)
        first = entry.expected()
        torch.rand(3)
        torch.testing.assert_close(entry.expected(), first, rtol=0, atol=0, equal_nan=True)


# --- the record and the document


def test_the_document_is_made_from_the_record(recorded: Records) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == filled(text, recorded), "run .venv/bin/python bench/agreement.py --docs"


def test_the_record_is_complete_and_free_of_contradictions(recorded: Records) -> None:
    assert list(contradictions(recorded)) == []
    assert FILE.read_text(encoding="utf-8") == render(recorded)
    abis = {frozenset(record.plain.libraries) for _, _, _, record in recorded.all()}
    assert abis == {frozenset({"x86_64", PHONE})}, AGAIN


TABLES = FromTables(loads="yes", loads_by="asked", runs="unknown")


@pytest.mark.parametrize(
    ("loads", "runs", "outcome", "about", "surprise"),
    [
        ("yes", "unknown", "right", [], False),
        ("yes", "unknown", "fails", [], True),
        ("yes", "unknown", "wrong", [], True),
        ("yes", "unknown", "refused", ["loads"], True),
        ("yes", "no", "fails", [], False),
        ("yes", "no", "right", ["runs"], False),
        ("yes", "no", "kept", ["runs"], False),
        ("no", "no", "refused", [], False),
        ("no", "no", "right", ["loads"], False),
        ("no", "no", "crashes", ["loads"], False),
        ("unknown", "unknown", "refused", [], True),
        ("unknown", "unknown", "right", [], False),
        ("unknown", "unknown", "unmade", [], False),
    ],
)
def test_what_counts_as_a_disagreement(loads: str, runs: str, outcome: str, about: list[str], surprise: bool) -> None:
    library = FromLibrary(outcome=outcome)  # type: ignore[arg-type]
    tables = FromTables(loads=loads, loads_by="asked", runs=runs)  # type: ignore[arg-type]
    answered = Answered(tables=tables, libraries={"x86_64": library})
    assert [one.about for one in disagreements(answered)] == about
    assert is_surprise(answered, library) == surprise


def test_a_contradiction_would_be_found() -> None:
    right = Answered(tables=TABLES, libraries={"x86_64": FromLibrary(outcome="right")})
    refused = Answered(tables=TABLES, libraries={"x86_64": FromLibrary(outcome="refused", words="no")})
    records = Records(torch="1", releases={"1.9.0": {"f": {"m": Record(plain=right, changes=("c",), lowered=refused)}}})
    assert list(contradictions(records)) == [
        "1.9.0, f: m, lowered: loads: the tables say yes, the library for x86_64 says refused"
    ]


def test_a_wrong_number_would_be_found(tmp_path: Path) -> None:
    abi = native_abi() or pytest.skip("no Android ABI runs on this machine")
    entry = Entry("shift", "test", lambda: Text("x + 1", "x"), (torch.ones(3),))
    liar = dataclasses.replace(entry, name="liar")
    object.__setattr__(liar, "expected", lambda: torch.full((3,), 2.001))
    asking = Asking([entry, liar], ["1.12.2"], tmp_path / "files")
    records = asking.records("1.12.2", [library("1.12.2", abi, tmp_path)])["test"]
    assert [records[name].plain.libraries[abi] for name in ("shift", "liar")] == [
        FromLibrary(outcome="right"),
        FromLibrary(outcome="wrong", words="value"),
    ]


def test_places_in_the_document() -> None:
    begin, end = "<!-- x: made by bench/agreement.py -->", "<!-- end of x -->"
    assert fill(f"a\n{begin}\nold\n{end}\nb", "x", "new\n") == f"a\n{begin}\n\nnew\n\n{end}\nb"
    for text in ("", begin, f"{begin}{begin}{end}"):
        with pytest.raises(ValueError, match="one place for x"):
            fill(text, "x", "new")
