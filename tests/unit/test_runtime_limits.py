"""The tables, and the verdict that rests on them, for files made up here; real files are in the integration test."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ptmobile.litefile import LiteFile, Section
from ptmobile.runtimes import Platform, Release, load_releases
from ptmobile.runtimes.limits import AskedLibrary, Tables, TableVerdict, check_against_tables, load_tables
from ptmobile.runtimes.limits.asked import file_name, read_all, render
from ptmobile.runtimes.limits.schemas import pack, unpack


def release(version: str, platform: Platform = "android") -> Release:
    return next(one for one in load_releases() if one.version == version and one.platform == platform)


def lite(
    *operators: str,
    bytecode: int = 8,
    archive: int = 3,
    types: tuple[str, ...] = (),
    conditional: tuple[str, ...] = (),
    debug: int = 0,
    **counts: int,
) -> LiteFile:
    arguments = {f"aten::{name}": count for name, count in counts.items()}
    return LiteFile(
        file="x.ptl",
        size_bytes=1,
        sha256="0" * 64,
        bytecode_version=bytecode,
        archive_version=archive,
        methods=("forward",),
        operators=tuple(sorted({*operators, *arguments})),
        operator_arguments=arguments,
        types=types,
        conditional=conditional,
        sections=(Section(name="debug", records=debug, size_bytes=debug),),
        extra_files=(),
    )


def check(file: LiteFile, version: str, platform: Platform = "android", made_by: str = "1.13.1") -> TableVerdict:
    return check_against_tables(file, release(version, platform), made_by=made_by)


def brief(verdict: TableVerdict) -> tuple[str, str, str, str | None]:
    return verdict.loads, verdict.loads_evidence, verdict.runs, verdict.runs_evidence


# --- the data


@pytest.fixture
def tables() -> Tables:
    return load_tables()


def test_the_tables_are_loaded_once(tables: Tables) -> None:
    assert load_tables() is tables


def test_builds(tables: Tables) -> None:
    sizes = {line: (torch, len(schemas)) for line, (torch, schemas) in tables.schemas.items()}
    assert sizes == {
        "1.9": ("1.9.1", 3016),
        "1.10": ("1.10.2", 3168),
        "1.11": ("1.11.0", 3204),
        "1.12": ("1.12.1", 3636),
        "1.13": ("1.13.1", 4179),
        "2.1": ("2.1.2", 4258),
    }
    assert [tables.arguments(line, "aten::einsum") for line in ("1.9", "1.12", "1.13", "3.0")] == [2, 2, 3, None]


def test_answers_agree_with_the_list_of_releases(tables: Tables) -> None:
    asked = {one.version: one for one in tables.asked.values()}
    assert {one.version for one in load_releases() if one.evidence == "measured"} == asked.keys()
    for version, answers in asked.items():
        known = release(version)
        assert (answers.bytecode_min, answers.bytecode_max) == (known.bytecode_min, known.bytecode_max)
        assert answers.archive_max == known.archive_max
        assert (tables.schemas[answers.line][0], len(tables.schemas[answers.line][1])) == (
            answers.desktop,
            answers.operators_asked,
        )
    assert [len(answers.absent) for answers in asked.values() if answers.version == "1.12.2"] == [213]


def test_every_release_has_its_facts(tables: Tables) -> None:
    versions = {one.version for one in load_releases() if one.platform == "android"}
    facts = tables.facts
    seen = [facts.boundary_run, facts.mismatches, *(remark.versions for remark in facts.remarks)]
    assert set().union(*seen, *(names.refused for names in facts.names)) <= versions
    for kernel in facts.kernels:
        assert set(kernel.absent) | kernel.works <= versions
        assert kernel.run <= kernel.operators
        names = {name.partition("::")[2].partition(".")[0] for _, build in tables.schemas.values() for name in build}
        assert kernel.operators <= names, kernel.operators - names
    for one in load_releases():
        assert tables.line_of(one) in tables.schemas
        size = tables.page_size_of(one)
        assert (size is None) == (one.platform == "ios")
        assert size is None or size.size_bytes == 4096
        assert len(tables.boundary_of(one).dtypes) == 6
    assert tables.boundary_of(release("1.12.2")).evidence == "run"
    assert tables.boundary_of(release("2.1.0")).evidence == "inferred"
    page_sizes = {version: tables.page_size_of(release(version)) for version in ("1.9.0", "2.1.0")}
    assert [size.evidence for size in page_sizes.values() if size] == ["asked", "inferred"]


def test_packing_is_lossless_and_always_gives_the_same_bytes() -> None:
    builds = {"1": ("1.0", {"a::b": 1, "a::c": 2}), "2": ("2.0", {"a::c": 3, "a::d": 0}), "3": ("3.0", {})}
    assert unpack(pack("here", builds)) == builds
    assert pack("here", builds) == pack("here", builds)


def answers_of(version: str, *absent: str) -> AskedLibrary:
    return AskedLibrary(
        artifact="org.pytorch:pytorch_android_lite",
        version=version,
        abi="arm64-v8a",
        how="asked",
        line="1.13",
        desktop="1.13.1",
        operators_asked=4179,
        bytecode_min=4,
        bytecode_max=7,
        archive_max=10,
        absent=absent,
    )


def test_answers_of_a_folder_take_precedence(tmp_path: Path) -> None:
    answers = answers_of("1.13.1", "aten::add.Tensor")
    (tmp_path / file_name(answers)).write_bytes(render(answers))
    tables = load_tables(tmp_path)
    file = lite("aten::add.Tensor", "aten::mul.Tensor")
    verdict = check_against_tables(file, release("1.13.1"), tables=tables)
    assert verdict.reasons("load") == (
        "The file has bytecode version 8, and 1.13.1 reads 4 to 7.",
        "1.13.1 lacks aten::add.Tensor.",
    )
    assert brief(verdict) == ("no", "asked", "no", "asked")
    assert check_against_tables(file, release("1.13.1")).loads == "yes"


@pytest.mark.parametrize("content", [b"{}", b"[", render(answers_of("1.13.1", "b::b", "a::a"))])
def test_a_broken_answer_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pytorch_android_lite-1.13.1.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"^pytorch_android_lite-1\.13\.1\.json"):
        read_all(tmp_path)


# --- verdicts


def test_nothing_against_it() -> None:
    file = lite("aten::add.Tensor", "prepacked::conv2d_clamp_run", bytecode=5)
    assert brief(check(file, "1.9.0")) == ("yes", "asked", "unknown", None)
    assert brief(check(file, "1.10.0")) == ("yes", "desktop", "unknown", None)
    assert brief(check(file, "1.12")) == ("yes", "inferred", "unknown", None)
    assert brief(check(file, "1.13.0", "ios")) == ("yes", "inferred", "unknown", None)


@pytest.mark.parametrize(
    ("bytecode", "version", "loads", "evidence"),
    [
        (3, "1.9.0", "yes", "asked"),
        (3, "1.12.2", "no", "asked"),
        (6, "1.9.0", "no", "asked"),
        (8, "1.10.0", "no", "desktop"),
        (8, "1.11", "unknown", "inferred"),  # the sources say yes, reports from devices no
        (9, "1.11", "no", "desktop"),
        (8, "1.12", "unknown", "inferred"),
        (9, "2.1.0", "yes", "desktop"),
    ],
)
def test_bytecode(bytecode: int, version: str, loads: str, evidence: str) -> None:
    verdict = check(lite("aten::relu", bytecode=bytecode), version)
    assert (verdict.loads, verdict.loads_evidence) == (loads, evidence)
    assert [finding.subject for finding in verdict.findings] == ([] if loads == "yes" else ["bytecode"])


def test_the_archive_version_names_its_cause() -> None:
    verdict = check(lite("aten::gelu", "aten::linspace", "aten::div.Tensor", bytecode=5, archive=10), "1.9.0")
    [finding] = [finding for finding in verdict.findings if finding.subject == "archive"]
    assert finding.operators == ("aten::gelu", "aten::linspace")
    assert finding.text == (
        "The file has archive version 10 (raised by aten::gelu, aten::linspace), and 1.9.0 reads up to 6; "
        "no backport lowers it."
    )
    only = check(lite("aten::gelu", "aten::linspace", bytecode=7, archive=10), "1.11").findings[0]
    assert only.operators == ("aten::gelu",)
    assert "raised by no operator we know" in check(lite(archive=11), "2.1.0").findings[0].text


def test_absent_operators() -> None:
    file = lite("aten::add.Tensor", "aten::sorted.any", "prim::ConstantChunk", bytecode=5)
    for version, evidence in (("1.9.0", "asked"), ("1.10.0", "inferred"), ("1.12.2", "asked")):
        verdict = check(file, version)
        assert brief(verdict) == ("no", evidence, "no", evidence)
        assert verdict.findings[0].operators == ("aten::sorted.any", "prim::ConstantChunk")
    # Beyond the newest library that was asked, nobody knows.
    assert brief(check(file, "2.1.0")) == ("unknown", "inferred", "unknown", None)
    assert brief(check(file, "1.12.0", "ios")) == ("unknown", "inferred", "unknown", None)


def test_between_a_library_that_has_it_and_one_that_lacks_it() -> None:
    verdict = check(lite("aten::all.bool", bytecode=5), "1.10.0")
    assert (verdict.loads, verdict.findings[0].answer) == ("unknown", "unknown")


def test_what_no_release_has_and_what_only_newer_ones_have() -> None:
    assert brief(check(lite("mine::op"), "1.12.2")) == ("no", "desktop", "no", "desktop")
    assert check(lite("aten::scaled_dot_product_attention"), "1.13.1").loads == "no"
    assert brief(check(lite("aten::scaled_dot_product_attention"), "2.1.0"))[:2] == ("yes", "desktop")
    assert check(lite("prims::abs"), "2.1.0").loads == "unknown"


def test_operators_of_torchvision() -> None:
    verdict = check(lite("torchvision::nms"), "1.12.2")
    assert brief(verdict) == ("unknown", "desktop", "unknown", None)
    assert "org.pytorch:torchvision_ops" in verdict.findings[0].advice
    assert "LibTorchvision" in check(lite("torchvision::nms"), "1.13.0", "ios").findings[0].text


def test_a_surplus_of_arguments() -> None:
    assert check(lite(einsum=2), "1.12.2").runs == "unknown"
    verdict = check(lite(einsum=3), "1.12.2")
    assert brief(verdict) == ("yes", "asked", "no", "desktop")
    assert "aten::einsum (3 given, 2 taken)" in verdict.findings[0].text
    assert check(lite(einsum=3), "1.13.1").runs == "unknown"


def test_arguments_of_files_that_do_not_count_them() -> None:
    file = lite("aten::einsum", "aten::unflatten.int", "aten::relu", bytecode=5)
    assert brief(check(file, "1.9.0", made_by="1.13.0a0+gitunknown")) == ("yes", "asked", "no", "run")
    assert brief(check(file, "1.9.0", made_by="1.9.1")) == ("yes", "asked", "unknown", None)
    verdict = check(file, "1.9.0", made_by="")
    assert brief(verdict) == ("yes", "asked", "unknown", None)
    assert verdict.findings[0].operators == ("aten::einsum", "aten::unflatten.int")
    assert brief(check(lite("aten::quantile", bytecode=5), "1.9.0"))[2:] == ("no", "desktop")  # by schema, never run
    assert brief(check(file, "1.9.0", "ios"))[2:] == ("no", "desktop")


def test_debug_records() -> None:
    file = lite("aten::relu", bytecode=5, debug=1)
    assert brief(check(file, "1.9.0")) == ("no", "run", "no", "run")
    assert check(file, "1.11").loads_evidence == "desktop"
    assert check(file, "1.12.2").loads == "yes"
    assert check(file, "1.9.0", made_by="1.11.0").loads == "yes"
    assert brief(check(file, "1.9.0", made_by="")) == ("unknown", "inferred", "unknown", None)


def test_calls_that_a_branch_may_leave_out() -> None:
    names = ("aten::einsum", "aten::linalg_inv", "aten::unflatten.int")
    verdict = check(lite(*names, bytecode=5, conditional=names[:2]), "1.9.0")
    assert brief(verdict)[2:] == ("no", "run")
    assert [(one.answer, one.operators) for one in verdict.findings] == [
        ("no", ("aten::unflatten.int",)),
        ("unknown", ("aten::einsum",)),
        ("unknown", ("aten::linalg_inv",)),
    ]
    assert "fails if it comes to aten::einsum" in verdict.findings[1].text
    assert brief(check(lite(*names[:2], bytecode=5, conditional=names[:2]), "1.9.0"))[2:] == ("unknown", None)


def test_raising_takes_any_number_of_arguments() -> None:
    assert check(lite("prim::RaiseException", bytecode=5), "1.9.0").findings == ()


PAIR = "__torch__.models.Pair"
PACKED = "__torch__.torch.nn.utils.rnn.PackedSequence"
CONTEXT = "__torch__.torch.classes.xnnpack.LinearOpContext"


@pytest.mark.parametrize(
    ("name", "version", "loads", "evidence"),
    [
        (PAIR, "1.9.0", "no", "run"),
        (PAIR, "1.10.0", "unknown", "inferred"),
        (PAIR, "1.11", "yes", "desktop"),
        (PACKED, "1.9.0", "yes", "asked"),
        (PACKED, "1.12.2", "no", "run"),
        (PACKED, "1.13.1", "no", "desktop"),
        (PACKED, "2.1.0", "unknown", "inferred"),
        (CONTEXT, "1.9.0", "yes", "asked"),
        (CONTEXT, "1.12.2", "yes", "asked"),
    ],
)
def test_names_of_types(name: str, version: str, loads: str, evidence: str) -> None:
    verdict = check(lite("aten::relu", bytecode=5, types=("NamedTuple", "Tensor", name)), version)
    assert (verdict.loads, verdict.loads_evidence) == (loads, evidence)
    assert [one.subject for one in verdict.findings] == ([] if loads == "yes" else ["types"])
    assert all(name in reason for reason in verdict.reasons("load"))


def test_kernels_that_are_not_built_in() -> None:
    assert brief(check(lite("aten::linalg_inv"), "1.12.2")) == ("yes", "asked", "no", "run")
    assert brief(check(lite("aten::linalg_eigh"), "1.12.2"))[2:] == ("no", "inferred")
    assert brief(check(lite("aten::linalg_inv.out"), "1.13.1"))[2:] == ("no", "inferred")
    assert brief(check(lite("aten::fft_rfft", bytecode=5), "1.9.0"))[2:] == ("no", "run")
    assert check(lite("aten::fft_rfft"), "1.12.2").findings == ()
    for verdict in (check(lite("aten::fft_rfft"), "2.1.0"), check(lite("aten::inverse"), "1.13.0", "ios")):
        assert verdict.runs == "unknown"
        assert verdict.findings[0].subject == "kernels"
    window = check(lite("aten::hann_window"), "1.12.2")
    assert (window.runs, window.findings[0].evidence) == ("unknown", "run")
    assert "unless it is given a dtype" in window.findings[0].text
    assert check(lite("aten::stft"), "1.12.2").findings == ()


def test_remarks_are_about_an_operator_or_about_one_overload() -> None:
    assert check(lite("aten::floor_divide.Scalar", bytecode=5), "1.9.0").findings[0].operators
    assert check(lite("aten::where.self", bytecode=5), "1.9.0").findings[0].operators
    assert check(lite("aten::where", "aten::view", bytecode=5), "1.9.0").findings == ()
    assert check(lite("aten::where.self", bytecode=5), "1.9.0", "ios").findings == ()


def test_a_long_list_is_cut_in_the_text_only() -> None:
    verdict = check(lite(*(f"mine::op{number}" for number in range(30))), "1.12.2")
    assert verdict.findings[0].text.endswith("and 18 more.")
    assert len(verdict.findings[0].operators) == 30


def test_a_verdict_travels_as_json() -> None:
    verdict = check(lite("aten::gelu", archive=10), "1.9.0")
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=TableVerdict) == verdict
