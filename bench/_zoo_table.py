"""The results of bench/zoo.py as Markdown: the figures, why models are not right, and every model."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from _zoo_records import Ours, Recipe, Record

HEAD = """# torchvision, whole

What becomes of the models of torchvision 0.14.1: by `ptmobile convert`, for an app on release 1.12.2 of
`org.pytorch:pytorch_android_lite`, and by the recipe that everybody writes down (trace or script the model with one
random input, `optimize_for_mobile`, save, load, run; no comparison). Made by

```console
$ .venv/bin/python bench/zoo.py                 # hours; called again, it goes on with what is missing
$ .venv/bin/python bench/zoo.py --write-docs    # this page
```

**Weights** are seeded, and what torchvision leaves untrained (statistics of batch normalisations, heads and layer
scales at zero) is given values under which a wrong number shows. **Images** are small (mostly 96 x 96), three random
ones per model. **Verified** means: the file agrees with the eager model within the default tolerances (1e-4 of a value
plus 1e-5 of the output's largest), on this machine and in the app's own library for x86_64, that of emulators; where
that one alone differs, the library for arm64-v8a decides. **Right** means the same for the recipe's file, which the
recipe itself never asks. **Error** is the largest difference from eager as a part of the output's largest value; **own
error** is that of eager itself from eager in float64. Where this is above 5e-6 (†), ten times as much is allowed to
both: deep networks with such weights magnify rounding, and no computation in float32 is more exact. To detectors it is
allowed output by output (`own-error-multiple: 10`), since boxes are thousands of times as large as scores; float64
gives those so judged as many boxes, with the same labels, as float32 does. Without an own error (-) the default
tolerances hold. **Seconds** are those of the whole command, without the phone's library, on a machine that had other
work: only their ratio, within a row, says something.

Detectors call `torchvision::nms` (those with regions also `roi_align`), which `pytorch_android_lite` does not have: its
library refuses a file that calls them. Ours writes them with PyTorch's own operators, since no app here ships
`org.pytorch:torchvision_ops`, so that the library can be asked. The recipe has no file of a detector at all. Detectors
are asked for few boxes, and their heads vary from place to place: of random scores for thousands of boxes many are
nearly equal, and rounding orders them.

"""
_NAMED = 8
_CRASH = re.compile(r"was ended by (SIG[A-Z]+) in stage (\w+)")


def document(records: Sequence[Record], names: Sequence[str], kind_of: Callable[[str], str]) -> str:
    """The whole page."""
    return HEAD + tables(records, names, kind_of) + "\n"


def tables(records: Sequence[Record], names: Sequence[str], kind_of: Callable[[str], str]) -> str:
    """Everything that the results say; ``names`` are all models there are."""
    known = {record.model: record for record in records}
    ran = [known[name] for name in names if name in known]
    missing = [name for name in names if name not in known]
    if not ran:
        return "No results yet."
    parts = ["## What came of it", "\n".join(_figures(ran, len(names))), "\n".join(_kinds(ran, names, kind_of))]
    parts += ["\n".join(lines) for lines in (list(_ours_otherwise(ran)), list(_recipe_failures(ran))) if lines]
    parts += ["## Every model", "\n".join(_models(ran))]
    if missing:
        parts += ["## Not run yet", f"{len(missing)} models: {', '.join(map(_escaped, missing))}."]
    return "\n\n".join(parts)


def _figures(ran: Sequence[Record], total: int) -> Iterator[str]:
    dates = sorted(record.date[:10] for record in ran)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    yield f"{len(ran)} of {total} models were run, {when}, on {ran[-1].machine}."
    yield ""
    asked = [record for record in ran if record.ours.devices]
    device = _count(_device(record.ours) == "right" for record in asked)
    yield (
        f"- `ptmobile convert`: **{_count(r.ours.verified for r in ran)} of {len(ran)}** have a verified file. "
        f"The app's library was asked about {len(asked)} and agreed on {device}."
    )
    both = _count(r.trace.captured and r.script.right for r in ran)
    yield (
        f"- The recipe, scripted: **{_count(r.script.right for r in ran)} of {len(ran)}** have a right file. "
        f"{_count(_silent(r.script) for r in ran)} have one that runs and is wrong without a word. Of a script that "
        f"also traces the model, and ends where that fails, {both} come through."
    )
    yield (
        f"- The recipe, traced: **{_count(r.trace.right for r in ran)} of {len(ran)}** have a right file. "
        f"{_count(_silent(r.trace) for r in ran)} have one that runs and is wrong without a word (mostly by the fold "
        "of a convolution and a batch normalisation in a trace that is not frozen)."
    )
    inexact = [r.model for r in ran if r.inexact]
    if inexact:
        yield f"- {len(inexact)} are judged by ten times their own error in float32 (†), for ours and the recipe alike."
    ratios = [r.ours.seconds / r.script.seconds for r in ran if r.script.ran and r.ours.verified and r.script.seconds]
    if ratios:
        middle = statistics.median(ratios)
        yield f"- Time, ours / scripted recipe: median {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})."
    errors = [r.ours.error for r in ran if r.ours.verified and r.ours.error is not None]
    if errors:
        yield f"- The verified files' error: median {statistics.median(errors):.1e}, largest {max(errors):.1e}."


def _kinds(ran: Sequence[Record], names: Sequence[str], kind_of: Callable[[str], str]) -> Iterator[str]:
    yield "| Kind | Models | Run | Ours verified | Recipe, scripted, right | Recipe, traced, right |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for kind, total in sorted(Counter(map(kind_of, names)).items()):
        mine = [record for record in ran if record.kind == kind]
        ours, script, trace = (
            (
                _count(found)
                for found in zip(*((r.ours.verified, r.script.right, r.trace.right) for r in mine), strict=True)
            )
            if mine
            else (0, 0, 0)
        )
        yield f"| {kind} | {total} | {len(mine)} | {ours} | {script} | {trace} |"


def _ours_otherwise(ran: Sequence[Record]) -> Iterator[str]:
    """Models without a verified file, each with its reason; then those that were repaired or adapted."""
    failed = [record for record in ran if not record.ours.verified]
    repaired = [record for record in ran if record.ours.verified and record.ours.remedy]
    traced = [record.model for record in ran if record.ours.verified and record.ours.method == "trace"]
    adapted = [record.model for record in ran if record.ours.verified and record.ours.adapted]
    yield "## What ours did otherwise, or could not do"
    yield ""
    for record in failed:
        ours = record.ours
        why = (
            f"{_shown(ours.why, 400)} {_shown(ours.advice)} The first stage that failed: {_shown(ours.first_problem)}."
        )
        yield f"- **{_escaped(record.model)}** has no verified file. {why}"
    for record in repaired:
        yield f"- {_escaped(record.model)}: {_shown(record.ours.remedy)}."
    yield from _crashes(ran)
    if traced:
        yield f"- Shipped as a trace, since the script did not verify: {', '.join(map(_escaped, traced))}."
    if adapted:
        yield f"- With outputs or inputs adapted to what a file can have: {', '.join(map(_escaped, adapted))}."
    if not (failed or repaired or traced or adapted):
        yield "Nothing: every file is the scripted, optimised model."


def _crashes(ran: Sequence[Record]) -> Iterator[str]:
    """Verified models with a build that native code ended: by signal and stage."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in ran:
        crash = _CRASH.search(record.ours.first_problem)
        if crash and record.ours.verified:
            groups[crash[1], crash[2]].append(record.model)
    for (signal, stage), models in sorted(groups.items()):
        named = ", ".join(map(_escaped, models))
        yield f"- One build crashed ({signal} in stage {stage}) and another one verified: {named}."


def _recipe_failures(ran: Sequence[Record]) -> Iterator[str]:
    """Why the recipe's files are not there or not right; like cases together."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in ran:
        for road, recipe in (("scripted", record.script), ("traced", record.trace)):
            if not recipe.right:
                groups[road, _reason(recipe)].append(record.model)
    if not groups:
        return
    yield "## Where the recipe fails"
    yield ""
    yield "| Road | What | Models |"
    yield "| --- | --- | --- |"
    for (road, reason), models in sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]))):
        more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
        yield f"| {road} | {_shown(reason)} | {len(models)}: {', '.join(map(_escaped, models[:_NAMED]))}{more} |"


def _reason(recipe: Recipe) -> str:
    if _silent(recipe):
        return "the file runs, and its numbers are wrong"
    return recipe.why.partition("\n")[0][:160] or "not finished"


def _models(ran: Sequence[Record]) -> Iterator[str]:
    recipe = "Recipe, scripted | Library | Error | Recipe, traced | Error"
    yield f"| Model | Own error | Ours | Library | Error | {recipe} | Seconds: ours, recipe |"
    yield "| --- | ---: | --- | --- | ---: | --- | --- | ---: | --- | ---: | ---: |"
    for record in ran:
        ours, script, trace = record.ours, record.script, record.trace
        cells = (
            _escaped(record.model),
            _number(record.floor.relative) + (" †" if record.inexact else ""),
            _way(ours),
            _device(ours) or "-",
            _number(ours.error),
            _outcome(script),
            script.device or "-",
            _number(script.error),
            _outcome(trace),
            _number(trace.error),
            f"{ours.seconds:.1f}, {script.seconds:.1f}",
        )
        yield f"| {' | '.join(cells)} |"


def _way(ours: Ours) -> str:
    if not ours.verified:
        return "❌ not verified" if ours.saved else "❌ no file"
    words = [ours.method, "" if ours.optimised else "not optimised", "repaired" if ours.remedy else ""]
    return f"✅ {', '.join(filter(None, words))}"


def _device(ours: Ours) -> str:
    """What the libraries say together: where one for phones was asked, it decides."""
    by_abi = {abi: status for abi, status, _ in ours.devices}
    return by_abi.get("arm64-v8a") or next(iter(by_abi.values()), "")


def _outcome(recipe: Recipe) -> str:
    if recipe.right:
        return "✅"
    if _silent(recipe):
        return "❌ wrong numbers"
    return "❌ does not run" if recipe.saved else "❌ no file"


def _silent(recipe: Recipe) -> bool:
    """Whether the recipe came to its end and its file is wrong."""
    return recipe.ran and not recipe.right


def _count(found: object) -> int:
    return sum(bool(one) for one in found)  # type: ignore[attr-defined]


def _number(error: float | None) -> str:
    return "-" if error is None else f"{error:.1e}"


def _shown(text: str, length: int = 300) -> str:
    return _escaped(" ".join(text.split())[:length])


def _escaped(text: str) -> str:
    for sign in ("\\", "|", "_", "*", "<", "`"):
        text = text.replace(sign, f"\\{sign}")
    return text
