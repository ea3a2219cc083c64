"""report.html in a real browser: wide and on a phone, light and dark, with and without JavaScript, and hostile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_axe import violations
from browser_chromium import BrowserError, Chromium
from hostile_support import with_texts
from page_support import PAGES, full
from report_support import CASES, model, report

from ptmobile.report.model import Report
from ptmobile.report.page import report_html

HOSTILE = (
    "\"><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    "<style>*{display:none}</style>' onclick='x' javascript:alert(1) https://example.invalid/ \u202e\x1b[2J"
)
LONG = "x" * 280
WIDTHS = (1280, 375)

SHOWN: dict[str, Callable[[], Report]] = {
    **{name: PAGES[name] for name in ("passed", "mismatch", "load-failure", "many", "refused", "full")},
    "hostile": lambda: with_texts(full(), HOSTILE),
    "long-names": lambda: with_texts(full(), LONG),
    "thirty-models": lambda: report(*(model(f"net{n}") for n in range(30)), *CASES["load-failure"]().models),
}
OPEN_ALL = "document.querySelectorAll('details').forEach(details => details.open = true)"
BEYOND = """[...document.body.querySelectorAll('*')]
    .filter(e => !e.closest('.scroll, .unseen, pre') && e.getBoundingClientRect().right > innerWidth + 0.5)
    .map(e => e.outerHTML.slice(0, 200))"""


@pytest.fixture
def show(browser: Chromium, tmp_path: Path) -> Callable[..., Chromium]:
    """Opens the page of a report."""

    def opened(of: Report, width: int = 1280, **options: Any) -> Chromium:
        page = tmp_path / "report.html"
        page.write_bytes(report_html(of))
        browser.open(page, width, **options)
        return browser

    return opened


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHOWN)
def test_the_page_is_quiet_and_fits(show: Callable[..., Chromium], name: str, width: int) -> None:
    browser = show(SHOWN[name](), width)
    for opened in (False, True):
        if opened:
            browser.evaluate(OPEN_ALL)
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        assert browser.evaluate("innerWidth") == width
        assert browser.evaluate(BEYOND) == []
    addresses = [event["request"]["url"] for event in browser.of_kind("Network.requestWillBeSent")]
    assert [address.rpartition("/")[2] for address in addresses] == ["report.html"]
    assert browser.of_kind("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    assert browser.evaluate("document.title").startswith(("✓ ptmobile: ", "✗ ptmobile: "))
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).display") == "flex"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_everybody_can_read_it(show: Callable[..., Chromium], axe: str, name: str, dark: bool) -> None:
    browser = show(SHOWN[name](), dark=dark)
    browser.evaluate(OPEN_ALL)
    assert violations(browser, axe) == []


def test_the_checker_finds_what_is_wrong(show: Callable[..., Chromium], axe: str) -> None:
    browser = show(full())
    browser.evaluate("document.querySelector('h1').remove(); document.documentElement.removeAttribute('lang')")
    assert {problem.partition(":")[0] for problem in violations(browser, axe)} >= {"html-has-lang"}


def test_light_and_dark(show: Callable[..., Chromium]) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert show(full()).evaluate(colour) == "rgb(255, 255, 255)"
    assert show(full(), dark=True).evaluate(colour) != "rgb(255, 255, 255)"


def test_the_policy_is_in_force(show: Callable[..., Chromium]) -> None:
    browser = show(full())
    browser.evaluate(
        """(() => {
            window.violated = [];
            addEventListener("securitypolicyviolation", event => violated.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "document.title = 'run'";
            document.body.append(script);
            const style = document.createElement("style");
            style.textContent = "* { display: none }";
            document.body.append(style);
            document.body.append(Object.assign(new Image(), { src: "https://example.invalid/x.png" }));
            document.querySelector("h1").setAttribute("onclick", "document.title = 'run'");
            document.querySelector("h1").click();
        })()"""
    )
    browser.evaluate("new Promise(resolve => setTimeout(resolve, 200))")
    assert set(browser.evaluate("violated")) == {"script-src-elem", "style-src-elem", "img-src", "script-src-attr"}
    assert browser.evaluate("document.title") != "run"
    assert [event["blockedReason"] for event in browser.of_kind("Network.loadingFailed")] == ["csp"]


def test_without_javascript_it_shows_the_same(show: Callable[..., Chromium]) -> None:
    of = SHOWN["thirty-models"]()
    text = "document.querySelector('main').innerText"
    browser = show(of)
    browser.evaluate("document.querySelectorAll('.copy-button, .filter').forEach(element => element.remove())")
    with_buttons = browser.evaluate(text)
    plain = show(of, script=False)
    assert plain.evaluate("document.querySelectorAll('button, input').length") == 0
    assert plain.evaluate(text) == with_buttons


def test_the_table_sorts_and_filters(show: Callable[..., Chromium]) -> None:
    browser = show(SHOWN["thirty-models"]())
    names = "[...document.querySelectorAll('.models tbody tr')].filter(r => !r.hidden).map(r => r.cells[1].innerText)"
    first = browser.evaluate(names)
    assert first == [*(f"net{n}" for n in range(30)), "net"]
    head = "document.querySelectorAll('.models thead th')[1]"
    browser.evaluate(f"{head}.querySelector('button').click()")
    assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == "ascending"
    assert browser.evaluate(names) == sorted(first)
    browser.evaluate(f"{head}.querySelector('button').click()")
    assert browser.evaluate(names) == sorted(first, reverse=True)
    browser.evaluate("document.querySelector('.filter input[type=checkbox]').click()")
    assert browser.evaluate(names) == ["net"]
    browser.evaluate("document.querySelector('.filter input[type=checkbox]').click()")
    browser.evaluate(
        "(i => { i.value = 'NET1'; i.dispatchEvent(new Event('input')) })(document.querySelector('input[type=search]'))"
    )
    assert sorted(browser.evaluate(names)) == sorted(["net1", *(f"net{n}" for n in range(10, 20))])
    assert browser.evaluate("document.querySelector('[role=status]').innerText") == "11 of 31"


def test_a_link_unfolds_its_model(show: Callable[..., Chromium]) -> None:
    browser = show(SHOWN["thirty-models"]())
    folded = "document.querySelector('#model-7 details.all').open"
    assert browser.evaluate(folded) is False
    browser.evaluate("document.querySelector('a[href=\"#model-7\"]').click()")
    browser.evaluate("new Promise(resolve => setTimeout(resolve, 100))")
    assert browser.evaluate(folded) is True
    assert browser.evaluate("document.querySelector('#model-30 details.all').open") is True


def test_printing_unfolds_and_folds_again(show: Callable[..., Chromium]) -> None:
    browser = show(full())
    folded = "document.querySelectorAll('details:not([open])').length"
    before = browser.evaluate(folded)
    assert before > 0
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate(folded) == 0
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate(folded) == before


@pytest.mark.parametrize("name", ["full", "hostile", "long-names"])
def test_nothing_is_cut_off_on_paper(show: Callable[..., Chromium], name: str) -> None:
    """A page of A4 is 794 CSS pixels wide, less its margins."""
    browser = show(SHOWN[name](), 720)
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate("document.documentElement.scrollWidth") == 720


def test_what_is_to_be_copied_can_be(show: Callable[..., Chromium]) -> None:
    browser = show(full())
    browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    assert browser.evaluate("document.querySelectorAll('.copy-button').length") == 7
    browser.evaluate("document.querySelector('.copy-button').click()")
    browser.evaluate("new Promise(resolve => setTimeout(resolve, 100))")
    said = browser.evaluate("document.querySelector('.copy-button').innerText")
    assert said in {"Copied", "Selected"}
    if said == "Selected":
        assert browser.evaluate("String(getSelection())") == full().models[0].files[0].content.sha256


def test_the_keyboard_reaches_the_content_first(show: Callable[..., Chromium]) -> None:
    browser = show(full())
    press(browser, "Tab", 9)
    assert browser.evaluate("document.activeElement.innerText") == "Skip to the content"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    press(browser, "Enter", 13, "\r")
    assert browser.evaluate("document.activeElement.id") == "content"


def press(browser: Chromium, key: str, code: int, text: str = "") -> None:
    common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    browser.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **common)


def test_a_fault_of_the_test_itself_is_told(show: Callable[..., Chromium]) -> None:
    with pytest.raises(BrowserError, match="nowhere"):
        show(full()).evaluate("nowhere()")
