"""A browser for all tests of a process; reports are those of the unit tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import browser_axe
from browser_chromium import Chromium, chromium, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """Skips where there is no Chromium."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium: Debian's package chromium has one")
    with chromium(program) as started:
        yield started


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core; skips where it cannot be installed."""
    try:
        return browser_axe.axe_source()
    except browser_axe.NotInstalledError as problem:
        pytest.skip(str(problem))
