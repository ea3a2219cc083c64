"""Fetch releases of the phone's library into a folder of the image, for runs without a network.

Run inside the build stage, which has our package. Every file is held against its recorded SHA-256; a release that we
have not seen is taken as it is, and its hashes are printed.

Usage: bake_runtimes.py FOLDER [RELEASE...]     without a release nothing is made
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ptmobile.errors import PtmobileError
from ptmobile.runtimes.fetching import Folders, JgoClient, NotAvailable, fetch_runtime


def bake(folder: Path, releases: Sequence[str]) -> str:
    """Fetch the releases; returns what stood in the way, or nothing."""
    client = JgoClient.from_environment(os.environ)
    for release in releases:
        try:
            found = fetch_runtime(release, Folders(cache=folder), client)
        except PtmobileError as error:
            return str(error)
        if isinstance(found, NotAvailable):
            return found.reason
        for file in (found.aar, *found.jars):
            print(f"baked {file.name}: {file.path.stat().st_size / 1e6:.1f} MB")
        for notice in found.notices:
            print(f"note: {notice}")
    for lock in folder.glob(".*.lock"):
        lock.unlink()
    return ""


if __name__ == "__main__":
    problem = bake(Path(sys.argv[1]), sys.argv[2:])
    if problem:
        sys.exit(f"bake_runtimes: {problem}")
