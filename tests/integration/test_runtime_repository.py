"""The real repository still serves what `known_hashes.json` records, and says the same about dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptmobile.runtimes.fetching import Folders, JgoClient, NotAvailable, fetch_runtime
from ptmobile.runtimes.fetching.hashes import known_copies


@pytest.mark.parametrize(
    ("version", "jars"),
    [
        ("1.9.0", ["fbjni-java-only:0.0.3@jar", "nativeloader:0.8.0@jar"]),
        ("1.12.2", ["fbjni-java-only:0.2.2@jar", "nativeloader:0.10.1@jar"]),
    ],
)
def test_a_published_release(tmp_path: Path, version: str, jars: list[str]) -> None:
    folders = Folders(tmp_path)
    found = fetch_runtime(version, folders, JgoClient())
    if isinstance(found, NotAvailable):
        pytest.skip(found.reason)
    assert all(file.known for file in (found.aar, *found.jars))
    assert [jar.name.partition(":")[2] for jar in found.jars] == jars
    assert found.notices == ()
    assert found.aar.kept is not None
    assert found.aar.kept.sha256 == known_copies()[found.aar.name]
    assert found.aar.kept.size_bytes < found.aar.size_bytes / 2
    again = fetch_runtime(version, folders, JgoClient(offline=True))
    assert not isinstance(again, NotAvailable)
    assert again.aar.origin == "cache"
    assert again.aar.kept == found.aar.kept
