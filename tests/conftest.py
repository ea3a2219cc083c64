"""For all tests: a skipped test is a failure where nothing may be skipped, and no property is about time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more of what else the machine is doing than of us.
settings.register_profile("ptmobile", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ptmobile")

NO_SKIPS = os.environ.get("PTMOBILE_NO_SKIPS") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure where everything is there."""
    report = yield
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


@pytest.fixture(autouse=True)
def _no_github_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests decide themselves whether they run in a job; the machine's own variables do not reach them."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "INPUT_", "ACTIONS_", "RUNNER_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_kit(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whether the phone's libraries can be run here must not change other tests; those about it name their own kit."""
    monkeypatch.setenv("PTMOBILE_DEVICE_KIT", str(tmp_path_factory.getbasetemp() / "no-kit"))
