"""A results service and a store for each test; what they saw must have kept to the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import artifact_official
import pytest
from artifact_blobs import OwnStore
from artifact_service import ResultsService
from artifact_upload import Uploader


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def official() -> None:
    """The official clients and Azurite are installed; skips where they cannot be."""
    try:
        artifact_official.installed()
    except artifact_official.NotInstalledError as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def azurite(official: None) -> Iterator[str]:
    """The address of an Azurite of our own."""
    with artifact_official.azurite() as address:
        yield address


@pytest.fixture
def store() -> Iterator[OwnStore]:
    with OwnStore() as server:
        yield server
    assert not server.violations


@pytest.fixture
def service(store: OwnStore) -> Iterator[ResultsService]:
    with ResultsService(store) as server:
        yield server
    assert not server.violations


@pytest.fixture
def on_act(store: OwnStore) -> Iterator[ResultsService]:
    """A service that behaves as act's."""
    with ResultsService(store, "act") as server:
        yield server
    assert not server.violations


@pytest.fixture
def uploader(tmp_path: Path) -> Uploader:
    return Uploader(tmp_path / "workspace")
