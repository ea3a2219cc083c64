"""Which file a variant belongs to: the main one, or that of an edition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ptmobile.result import Comparison, Stage


def editions_by_variant(stages: Sequence[Stage]) -> dict[str, str]:
    """The edition of each stage by the stage's key; empty for what is common to all, or the main file's."""
    return {stage.key: _edition(stage) for stage in stages}


def by_edition(comparisons: Sequence[Comparison], editions: Mapping[str, str]) -> dict[str, tuple[Comparison, ...]]:
    """The comparisons of each edition, the main file's (and what comes before it) first."""
    groups: dict[str, list[Comparison]] = {"": []}
    for comparison in comparisons:
        groups.setdefault(editions.get(comparison.candidate, ""), []).append(comparison)
    return {edition: tuple(group) for edition, group in groups.items() if group}


def _edition(stage: Stage) -> str:
    """A device's target is ``1.9.0 x86_64, bytecode 5``, that of all others the edition itself."""
    return stage.target.partition(", ")[2] if stage.name == "device" else stage.target
