"""Where libraries are kept between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Where the image keeps the releases that were baked into it by a build argument.
BAKED: Final = Path("/opt/ptmobile/runtimes")


@dataclass(frozen=True, slots=True)
class Folders:
    """`baked` is looked at first and never written to; `cache` may not exist yet."""

    cache: Path
    baked: Path | None = None


def folders_of(environment: Mapping[str, str]) -> Folders:
    """The folders by the environment's variables.

    The cache: `PTMOBILE_CACHE`; in a job the runner's temporary folder, which the host and a container share, so that
    a step with `actions/cache` can keep `${{ runner.temp }}/ptmobile-cache`; else the user's cache folder. What is
    baked in: `PTMOBILE_RUNTIMES`, or the image's own folder.
    """
    baked = Path(environment.get("PTMOBILE_RUNTIMES") or BAKED)
    return Folders(_cache(environment), baked if baked.is_dir() else None)


def _cache(environment: Mapping[str, str]) -> Path:
    if given := environment.get("PTMOBILE_CACHE"):
        return Path(given).absolute()
    temporary = environment.get("RUNNER_TEMP")
    if temporary and environment.get("GITHUB_ACTIONS") == "true":
        return Path(temporary) / "ptmobile-cache"
    base = environment.get("XDG_CACHE_HOME", "")
    # The specification of these folders says that a relative path is to be ignored.
    if not Path(base).is_absolute():
        base = str(Path(environment.get("HOME") or "~").expanduser() / ".cache")
    return Path(base) / "ptmobile"
