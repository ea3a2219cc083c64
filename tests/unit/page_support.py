"""A report with something of everything, and a page taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from msgspec.structs import replace
from report_support import (
    CASES,
    NOTICE,
    WARNING,
    comparison,
    model,
    report,
    result,
    road,
    shipped,
    stages,
    values,
)

from ptmobile.app_card import AppCard, AppValue
from ptmobile.proving import prove
from ptmobile.report.model import AppCode, Report, Source
from ptmobile.result import (
    Adaptation,
    AdaptedInput,
    AdaptedOutput,
    Decision,
    DeviceVerdict,
    Latency,
    Located,
    NoiseFloor,
    OutputCard,
    OutputComparison,
    OutputNoise,
    Stage,
    TableAnswer,
    Timing,
    TriedBuild,
)

VOID = {"meta", "wbr", "rect", "br", "link", "img", "input", "hr"}
EDITION = "bytecode 5"


def full() -> Report:
    """Two files, libraries of every kind of verdict, several outputs, changes, and where the run was."""
    tables = TableAnswer(
        loads="no",
        loads_evidence="asked",
        runs="unknown",
        reasons=("aten::gelu takes other arguments there.",),
        advice="Name a newer release, or set `repair: auto`.",
    )
    devices = (
        DeviceVerdict(
            release="1.12.2",
            abi="x86_64",
            found="declared in app/build.gradle:2",
            status="right",
            max_abs=5.96e-7,
            seconds=0.47,
            page_bytes=4096,
        ),
        DeviceVerdict(
            release="1.9.0",
            abi="arm64-v8a",
            edition=EDITION,
            emulated=True,
            decides=False,
            status="wrong",
            message="out differs by up to 3.24",
            max_abs=3.24,
        ),
        DeviceVerdict(release="1.8.0", abi="iOS", status="not-run", message="there is no library", tables=tables),
        DeviceVerdict(release="1.7.0", abi="x86_64", status="failed", decides=False, message="could not load\nmore"),
    )
    outputs = (
        OutputComparison(output="out['scores']", equal=True, passed=True),
        OutputComparison(
            output="out['features']",
            equal=False,
            passed=True,
            values=values(2e-6, at=Located(index=(0, 3), expected="26.3", actual="1.5"), cosine=0.999),
        ),
    )
    backported = f"backported {EDITION} (script)"
    steps = stages("load", "inputs", "eager", "traced", "scripted", "optimised (script)", "lite (script)")
    pairs = road("script")
    found = result(
        proof=prove(pairs, "lite (script)", lambda output, trial: 1.9e-6),
        stages=(
            *steps,
            Stage(name="device", method="script", target="1.12.2 x86_64", status="passed", seconds=0.47),
            Stage(
                name="backported",
                method="script",
                target=EDITION,
                status="passed",
                seconds=1.5,
                notes=("bytecode 5: the file grew by 256 bytes",),
            ),
            Stage(name="device", method="script", target=f"1.9.0 arm64-v8a, {EDITION}", status="passed", seconds=3.3),
            Stage(name="sensitive", target="weights", status="passed", seconds=1.2),
        ),
        comparisons=(
            comparison("eager", "traced", 1.32, passed=False, decides=False),
            *pairs,
            comparison("eager", "device 1.12.2 x86_64 (script)", 5.96e-7, decides=False, outputs=outputs),
            comparison("eager", backported, 0.9),
            comparison(backported, f"device 1.9.0 arm64-v8a, {EDITION} (script)", 3.24, passed=False, decides=False),
        ),
        outputs=(
            OutputCard(output="out", kind="dict"),
            OutputCard(output="out['scores']", kind="tensor", dtype="float32", shape=(1, 10)),
        ),
        devices=devices,
        adapted=Adaptation(
            method="script",
            returns="a dictionary",
            inputs=(AdaptedInput(argument=0, positions=(0, 1)),),
            outputs=(AdaptedOutput(output="out.boxes", position="out['boxes']", note="a number"),),
        ),
        notices=(WARNING, NOTICE),
        noise=NoiseFloor(
            trials=3,
            outputs=(
                OutputNoise(
                    output="out", trial=1, max_abs=1.9e-6, relative=1e-7, conversion=7.6e-6, multiple=4.0, jitter=0.0
                ),
                OutputNoise(output="out['b']", note="is not a tensor of floats"),
            ),
        ),
        decisions=(
            Decision(
                output="out['a']",
                candidate="lite (script)",
                classes=1000,
                rows=3,
                ties=1,
                top1=2,
                top5=3,
                margin=0.01,
                difference=1e-6,
                unstable=1,
            ),
        ),
        timing=Timing(
            latencies=(
                Latency(variant="eager", seconds=0.004, runs=9),
                Latency(variant="lite (script)", seconds=0.001, runs=9, ratio=0.25),
                Latency(variant="device 1.12.2 x86_64 (script)", seconds=0.002, runs=4, ratio=0.5, apart=True),
            ),
            trial=0,
            ratio=0.25,
        ),
        attempts=(
            TriedBuild(method="script", what="as asked for", verified=False, reason="Crashed"),
            TriedBuild(method="script", target="attempt 2", what="optimised without the pass A", verified=True),
        ),
        app=AppCard(
            variant="lite (script)",
            cases=(0, 1),
            inputs=(AppValue(path="input[0]", kind="tensor", dtype="float32", shapes=((1, 3, 8, 8), (4, 3, 8, 8))),),
            outputs=(
                AppValue(path="out", kind="dict", keys=("'a'", "'b'")),
                AppValue(
                    path="out['a']",
                    kind="tensor",
                    dtype="float32",
                    shapes=((1, 10), (4, 10)),
                    memory_format="channels_last",
                    moves=("dimension 0 follows dimension 0 of input[0]",),
                ),
                AppValue(path="out['b']", kind="tensor", dtype="float16", shapes=((1,),), java=False, cast=".float()"),
            ),
        ),
    )
    edition = shipped(
        path="ptmobile-report/net.bytecode-5.ptl",
        edition=EDITION,
        releases=("org.pytorch:pytorch_android_lite:1.9.0",),
        changes=("1 call of GELU written with erf or tanh, for 1.9.0",),
        left=("einsum",),
        remedy="frozen first",
        grown_bytes=256,
    )
    code = AppCode(java=("int a;",), kotlin=("val module = load()", "val a = 1"), ios=("// Swift",))
    one = replace(model(found=found), editions=(edition,), app=code)
    source = Source(
        repository="owner/name", sha="0123abc", ref="refs/heads/main", run_url="https://github.com/owner/name/actions/1"
    )
    return replace(report(one, *CASES["load-failure"]().models), source=source, config="ptmobile.yml")


PAGES: dict[str, Any] = {**CASES, "full": full}


@dataclass
class Element:
    """An element of a page, with what stands in it."""

    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def walk(self) -> list[Element]:
        """This element and all below it, in order."""
        below = [each for child in self.children if isinstance(child, Element) for each in child.walk()]
        return [self, *below]

    def all(self, name: str, **attributes: str) -> list[Element]:
        """The elements of a name with these attributes; a class is one of several (`class_`)."""
        kind = attributes.pop("class_", "")
        return [
            element
            for element in self.walk()
            if element.name == name
            and (not kind or kind in element.attributes.get("class", "").split())
            and all(element.attributes.get(key) == value for key, value in attributes.items())
        ]

    @property
    def text(self) -> str:
        """All text, white space as it is shown."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join("".join(parts).split())


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} is there twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        element = self.open.pop()
        assert element.name == tag, f"{element.name} is ended by {tag}"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def parse(page: bytes) -> Element:
    """The page as a tree; every element has to be ended where it should be."""
    builder = _Builder()
    builder.feed(page.decode())
    builder.close()
    assert builder.open == [builder.root]
    return builder.root
