"""report.html: one file that needs nothing else, in which what models say shows, and does nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise

import pytest
from hostile_support import HOSTILE, harmless, with_texts
from hypothesis import given, settings
from msgspec.structs import replace
from page_support import PAGES, Element, full, parse
from report_support import CASES, comparison, model, report, result, values

from ptmobile.report.model import PublishedArtifact, Reason
from ptmobile.report.page import report_html
from ptmobile.report.page.heat import DECADES, cell_of, heat_squares, legend
from ptmobile.report.page.stages import stage_bars
from ptmobile.report.page.values import pair_groups
from ptmobile.report.page.view import MAX_SECTIONS
from ptmobile.result import NoiseFloor, OutputComparison, OutputNoise, Stage
from ptmobile.visible import visible

HEADINGS = ("h1", "h2", "h3", "h4")


def page(name: str) -> Element:
    return parse(report_html(PAGES[name]()))


def rows(table: Element) -> list[list[str]]:
    return [[cell.text for cell in row.children if isinstance(cell, Element)] for row in table.all("tr")]


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_the_page_needs_nothing_else(name: str) -> None:
    root = page(name)
    for element in root.walk():
        assert element.name not in {"link", "img", "iframe", "object", "embed", "form", "base", "audio", "video"}
        assert not {"src", "srcset", "style", "action", "data", "background"} & set(element.attributes)
        assert not [attribute for attribute in element.attributes if attribute.startswith("on")]
    for link in root.all("a"):
        assert re.match(r"#|https://github\.com/", link.attributes["href"])
    (style,) = root.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_names_what_is_in_the_page_and_nothing_else(name: str) -> None:
    text = report_html(PAGES[name]()).decode()
    root = parse(text.encode())
    (meta,) = [meta for meta in root.all("meta") if "http-equiv" in meta.attributes]
    policy = dict(part.strip().split(" ", 1) for part in meta.attributes["content"].split(";"))
    assert policy.pop("default-src") == "'none'"
    for kind in ("style", "script"):
        (inner,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert policy.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert set(policy.values()) == {"'none'"}
    assert text.index("Content-Security-Policy") < text.index("<style>")


@pytest.mark.parametrize("name", PAGES)
def test_landmarks_headings_and_names(name: str) -> None:
    root = page(name)
    assert (root.all("html")[0].attributes["lang"], len(root.all("main")), len(root.all("h1"))) == ("en", 1, 1)
    ids = [element.attributes["id"] for element in root.walk() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    referred = [e.attributes[key] for e in root.walk() for key in ("aria-labelledby",) if key in e.attributes]
    referred += [link.attributes["href"].removeprefix("#") for link in root.all("a", class_="")]
    assert {name for name in referred if not name.startswith("https:")} <= set(ids)
    levels = [HEADINGS.index(element.name) for element in root.walk() if element.name in HEADINGS]
    assert levels[0] == 0
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for table in root.all("table"):
        assert table.all("caption")
        for head in table.all("th"):
            assert head.attributes["scope"] in {"col", "row", "rowgroup"}


# --- what it shows ----------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first() -> None:
    assert page("mismatch").all("h1")[0].text == "net is not what the model computes"
    assert page("passed").all("header", class_="passed")
    assert page("refused").all("header", class_="failed")
    assert page("refused").all("title")[0].text == "✗ ptmobile: nothing was run: the specification is wrong"


def test_a_failure_says_what_happened_where_and_what_to_do() -> None:
    (problem,) = page("load-failure").all("section", class_="problem")
    assert problem.all("h3")[0].text == "The model could not be loaded"
    assert problem.all("p", class_="where")[0].text == "at net.py:12 in Net.__init__"
    assert "missing: head.bias" in problem.all("pre")[0].text
    advice = problem.all("p", class_="advice")[0].text
    assert advice == "What to do Nearest names (file ~ model): fc.bias ~ head.bias."


def test_several_models_have_a_table_with_links() -> None:
    root = page("many")
    table = root.all("table", class_="models")[0]
    assert [row[:4] for row in rows(table)[1:]] == [
        ["passed", "first", "verified (script)", "10.2 MB"],
        ["failed", "net", "not loaded", "-"],
        ["passed", "third", "verified (script), 1 warning", "10.2 MB"],
    ]
    assert [link.attributes["href"] for link in table.all("a")] == ["#model-0", "#model-1", "#model-2"]
    assert [article.attributes["id"] for article in root.all("article")] == ["model-1", "model-0", "model-2"]
    assert not page("passed").all("table", class_="models")


def test_files_can_be_identified_and_copied() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    hashes = [code.text for code in article.all("code", class_="copy")]
    assert hashes == ["335050e3d63d1da42e55feffd9b0b43cf7fde3cf1038a7f8e5f3a93736f84103"] * 2
    assert [head.text for head in article.all("h4")[:2]] == [
        "ptmobile-report/net.ptl",
        "ptmobile-report/net.bytecode-5.ptl",
    ]
    snippets = [box.all("pre", class_="copy")[0].text for box in article.all("div", class_="snippet")]
    assert snippets == [
        "implementation 'org.pytorch:pytorch_android_lite:1.13.1'",
        "pod 'LibTorch-Lite', '~> 1.13.0.1'",
    ]
    for text in ("Made for pytorch_android_lite 1.9.0", "By backporting +256 bytes", "Exact size 10,150,097 bytes"):
        assert text in " ".join(element.text for element in article.all("dl"))
    changed = [item.text for item in article.all("ul", class_="changed")[0].all("li")]
    assert "changed Rewritten: 1 call of GELU written with erf or tanh, for 1.9.0 (file for bytecode 5)" in changed


def test_every_library_has_a_card_with_its_evidence() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    (section,) = article.all("section", class_="about-devices")
    cards = section.all("div", class_="card")
    assert [card.all("span", class_="pill")[0].text for card in cards] == [
        "gives the model's numbers",
        "gives other numbers",
        "not run",
        "does not run the file",
    ]
    statuses = [card.attributes["class"].split()[1] for card in cards]
    assert statuses == ["passed", "failed", "failed", "failed"]
    assert "Evidence: run on the library." in cards[0].text
    assert "evidence: asked of the library" in cards[2].text
    assert cards[2].all("p", class_="advice")[0].all("code")[0].text == "repair: auto"
    assert "phones, emulated here" in cards[1].text


def test_an_app_is_told_what_goes_in_and_out() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    (section,) = article.all("section", class_="about-app")
    given, got = section.all("table")
    assert rows(given)[1] == ["input[0]", "tensor", "float32", "[1, 3, 8, 8] or [4, 3, 8, 8]", "-", "holds it"]
    assert rows(got)[1] == ["out", "dict of 2", "-", "-", "-", "holds it"]
    assert rows(got)[2][3:] == [
        "[1, 10] or [4, 10]; dimension 0 follows dimension 0 of input[0]",
        "channels last",
        "holds it",
    ]
    assert rows(got)[3][-1] == "not held: .float()"
    assert [pre.text for pre in section.all("pre", class_="copy")] == [
        "val module = load() val a = 1",
        "int a;",
        "// Swift",
    ]


def test_what_a_difference_means() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    (section,) = article.all("section", class_="about-meaning")
    proof, choices, latencies = section.all("table")
    caption = "The proof, output by output: lite (script) against eager, beside the errors that the model has by itself"
    assert proof.all("caption")[0].text == caption
    assert rows(proof)[1:] == [
        ["out", "7.6e-6", "3.8e-7", "0.0002 + 0.0001·|e|", "1.9e-6", "4", "0", ""],
        ["out['b']", "-", "-", "-", "-", "-", "-", "is not a tensor of floats"],
    ]
    assert rows(choices)[1] == [
        *("out['a']", "lite (script)", "1,000", "2 of 3, 1 tie", "3 of 3", "0.01", "1e-6", "1"),
    ]
    assert [row[1] for row in rows(latencies)[1:]] == ["4 ms", "1 ms", "2 ms"]
    assert [bar.attributes["width"] for bar in latencies.all("rect", class_="fill")] == ["100.0%", "25.0%", "50.0%"]
    assert [row[0] for row in rows(latencies)[2:]] == [
        "lite (script) 0.25 times eager, 9 runs",
        "device 1.12.2 x86_64 (script) 0.50 times eager, not taken in turn with it, 4 runs",
    ]


def test_builds_that_were_tried_are_listed() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    (section,) = article.all("section", class_="about-tried")
    assert section.all("h3")[0].text == "2 builds were tried"
    assert rows(section)[1:] == [
        ["script", "as asked for", "Crashed"],
        ["script, attempt 2", "optimised without the pass A", "verified"],
    ]


def test_the_second_comparison_has_a_bar_among_the_stages() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    (section,) = article.all("section", class_="about-stages")
    assert ["passed:sensitive weights", "1.20 s"] in [row[:2] for row in rows(section)]


def test_errors_that_the_model_has_by_itself_are_told_without_a_file_too() -> None:
    noise = NoiseFloor(trials=1, outputs=(OutputNoise(output="out", trial=0, max_abs=1e-6, jitter=0.5),))
    lone = report(model(found=result(proof=None, noise=noise)))
    (section,) = parse(report_html(lone)).all("section", class_="about-meaning")
    (proof,) = section.all("table")
    assert rows(proof)[0][-1] == "Jitter"
    assert rows(proof)[1:] == [["out", "-", "-", "-", "1e-6", "-", "0.5"]]
    refused = report(model(found=result(noise=NoiseFloor(reason="It is quantised."))))
    (section,) = parse(report_html(refused)).all("section", class_="about-meaning")
    assert section.text.endswith("The own error was not measured: It is quantised.")
    assert rows(section.all("table")[0])[1][4:7] == ["-", "-", "-"]


def test_the_heat_has_a_square_for_each_file() -> None:
    article = parse(report_html(full())).all("article", id="model-0")[0]
    main, edition = article.all("table", class_="heat")
    assert rows(main)[0] == ["", "traced", "optimised (script)", "lite (script)", "device 1.12.2 x86_64 (script)"]
    assert rows(edition)[0] == ["", "backported (script)", "device 1.9.0 arm64-v8a (script)"]
    assert rows(main)[1] == [
        "eager",
        "○ differs, beside the road taken 1.32 0.066 of output SNR 139 dB",
        "7.6e-6 3.8e-7 of output SNR 139 dB",
        "7.6e-6 3.8e-7 of output SNR 139 dB",
        "2e-6 1e-7 of output SNR 139 dB",
    ]


@pytest.mark.parametrize(
    ("difference", "level"), [(0.0, 0), (1e-9, 1), (1.9e-6, 1), (1.9e-5, 2), (0.02, 5), (0.021, 6), (20.0, 6)]
)
def test_the_shade_is_the_part_of_the_output(difference: float, level: int) -> None:
    assert cell_of(comparison("eager", "traced", difference)).level == level
    assert len(legend()) == len(DECADES) + 2


def test_what_no_shade_can_say() -> None:
    endless = cell_of(comparison("eager", "scripted", None, passed=False))
    assert (endless.status, endless.level, endless.value) == ("failed", None, "not finite")
    shape = cell_of(comparison("eager", "scripted", 0.0, passed=False, decides=False, outputs=()))
    assert (shape.status, shape.level, shape.value) == ("aside", None, "structure")
    assert heat_squares([], {}) == ()


def test_all_outputs_are_there_in_numbers() -> None:
    outputs = tuple(
        OutputComparison(output=f"out[{n}]", equal=n < 2, passed=True, values=None if n < 2 else values(1e-6))
        for n in range(40)
    )
    (group,) = pair_groups([comparison("eager", "lite (script)", 1e-6, outputs=outputs)])
    assert (len(group.rows), group.more) == (26, 13)
    assert (group.rows[0].name, group.rows[0].needed_atol) == ("out[2]", "1e-6")
    assert (group.rows[-1].name, group.rows[-1].result) == ("out[0], out[1]", "equal bits")


def test_bars_are_parts_of_the_longest_stage() -> None:
    stages = [Stage(name="load", status="passed", seconds=1.0), Stage(name="lite", status="failed", seconds=4.0)]
    assert [(bar.percent, bar.status) for bar in stage_bars(stages, passed=True)] == [
        (25.0, "passed"),
        (100.0, "aside"),
    ]
    assert [bar.status for bar in stage_bars(stages, passed=False)] == ["passed", "failed"]
    assert stage_bars([Stage(name="load", status="skipped")], passed=True)[0].percent == 0


def test_what_was_asked_for_can_be_asked_again() -> None:
    article = page("passed").all("article")[0]
    assert "model: net.py:Net name: net inputs: - shape: [1, 3, 224, 224]" in article.all("pre")[-1].text


def test_where_the_run_was() -> None:
    root = parse(report_html(full()))
    (link,) = [link for link in root.all("a") if link.attributes["href"].startswith("https")]
    assert link.attributes["rel"] == "noreferrer noopener"
    strange = replace(full(), source=replace(full().source, run_url="javascript:alert(1)"))
    assert not [a for a in parse(report_html(strange)).all("a") if not a.attributes["href"].startswith("#")]


def test_downloads_and_what_could_not_be_handed_over() -> None:
    artifact = PublishedArtifact(
        name="models", id=7, url="https://github.com/o/n/7", digest="00", size_bytes=2000, archive="zip", files=("a",)
    )
    missing = Reason(title="The comment was not written", message="There is no permission.", advice="Allow it.")
    strange = replace(artifact, url="javascript:alert(1)")
    root = parse(report_html(replace(full(), artifacts=(artifact, strange), unpublished=(missing,))))
    (downloads,) = root.all("ul", **{"aria-label": "Downloads"})
    assert [item.text for item in downloads.all("li")] == ["Download models 2.0 kB"] * 2
    assert [link.attributes["href"] for link in downloads.all("a")] == ["https://github.com/o/n/7"]
    assert "The comment was not written" in [heading.text for heading in root.all("h2")]


# --- what models say --------------------------------------------------------------------------------------------------


def skeleton(root: Element) -> list[tuple[str, str]]:
    """Every element, and its attributes but for what only names it; what a line may be broken at is text."""
    return [
        (element.name, " ".join(sorted(element.attributes)) + element.attributes.get("class", ""))
        for element in root.walk()
        if element.name not in {"wbr", "code"}
    ]


@pytest.mark.parametrize("name", PAGES)
@settings(max_examples=25)
@given(HOSTILE)
def test_no_text_changes_the_structure(name: str, text: str) -> None:
    plain = with_texts(PAGES[name](), harmless(text))
    hostile = parse(report_html(with_texts(PAGES[name](), text)))
    assert skeleton(hostile) == skeleton(parse(report_html(plain)))


@settings(max_examples=40)
@given(HOSTILE)
def test_every_text_is_shown_as_it_is(text: str) -> None:
    reason = Reason(title="t" + text, message="m", advice="a")
    (problem,) = parse(report_html(report(problems=[reason], exit_code=2))).all("section", class_="problem")
    assert problem.all("h2")[0].children == [visible("t" + text, keep="\n\t")]


# --- how large it gets ------------------------------------------------------------------------------------------------


def test_thousands_of_models_have_a_row_and_the_failed_ones_a_section() -> None:
    failed = CASES["load-failure"]().models[0]
    models = [model(f"net{n}") for n in range(1200)]
    models[1000] = replace(failed, spec=replace(failed.spec, name="bad"))
    data = report_html(report(*models))
    assert len(data) < 15_000_000
    root = parse(data)
    assert len(root.all("article")) == MAX_SECTIONS
    assert root.all("article")[0].attributes["id"] == "model-1000"
    assert len(root.all("table", class_="models")[0].all("tr")) == 1 + 1200
    assert len(root.all("table", class_="models")[0].all("a")) == MAX_SECTIONS


def test_a_model_that_says_much_leaves_the_page_readable() -> None:
    found = result(
        outputs=result().outputs * 1000,
        trials=result().trials * 1000,
        comparisons=tuple(comparison("eager", f"variant {n}", 1.0, passed=False) for n in range(1000)),
        choice="x" * 19_000,
    )
    assert len(report_html(report(model(found=found)))) < 600_000
