"""What may go wrong without malice, and what then is left. docs/security.md shows this as a table.

No import beyond the standard library: scripts/generate.py reads this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REPORT_DIR = "/github/workspace/ptmobile-report"


@dataclass(frozen=True)
class Fault:
    """One fault, in the second of two models; the first is finished by then, and its file is there.

    ``model`` are the second one's options, ``code`` is the exit code, ``shown`` what the log must hold. ``kept``: the
    first model's file is on the disk; ``reported``: so is the report; ``verdict``: the output, where it is not that of
    ``code``; ``context`` are variables of the runner.
    """

    title: str
    result: str
    code: int
    shown: str
    model: Mapping[str, object]
    kept: bool = True
    reported: bool = True
    verdict: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    read_only_workspace: bool = False


def _faulty(place: str, how: str, **options: object) -> dict[str, object]:
    return {"name": "faulty", "model": "faulty.py:Faulty", "model-args": [place, how], **options}


LARGE: Mapping[str, object] = {"name": "faulty", "model": "faulty.py:Large"}
GOOD: Mapping[str, object] = {"name": "faulty", "model": "good.py:make"}
FAULTS: Mapping[str, Fault] = {
    **{
        f"{how} in {place}": Fault(
            f"{what} in stage `{place}`", f"a failure of that model; exit code {code}", code, shown, _faulty(place, how)
        )
        for place in ("load", "eager")
        for how, what, code, shown in (
            ("SIGKILL", "the model's process is killed", 3, "SIGKILL"),
            ("SIGSEGV", "a segmentation fault", 3, "SIGSEGV"),
        )
    },
    **{
        f"{how} in traced": Fault(
            f"{what} in stage `traced`",
            "that road ends; the scripted model is shipped; exit code 0",
            0,
            how,
            _faulty("traced", how),
        )
        for how, what in (("SIGKILL", "the process is killed"), ("SIGSEGV", "a segmentation fault"))
    },
    **{
        f"hang in {place}": Fault(
            f"a hang in stage `{place}`",
            "out of time; exit code 3",
            3,
            "time limit",
            _faulty(place, "hang", **{"timeout-minutes": 0.15}),
        )
        for place in ("load", "eager")
    },
    "disk full in scratch": Fault(
        "the disk for temporary files is full",
        "a failure of the model that needs it; exit code 3 or 4",
        4,
        "No space left on device",
        LARGE,
        options={"tmpfs": {"/tmp": "size=8m"}},
    ),
    "disk full of inputs": Fault(
        "the disk for temporary files has no room for the inputs",
        "a failure of each model; exit code 3",
        3,
        "The folder for temporary files cannot be written: No space left on device",
        GOOD,
        kept=False,
        options={"tmpfs": {"/tmp": "size=20k"}},
    ),
    "disk full while torch writes": Fault(
        "the disk for temporary files is full, and torch aborts for it",
        "a failure of the model that needs it; exit code 4",
        4,
        "SIGABRT in stage saved. The folder for temporary files cannot be written: No space left on device",
        {**LARGE, "method": "trace"},
        options={"tmpfs": {"/tmp": "size=8m"}},
    ),
    "no room for temporary files": Fault(
        "`/tmp` cannot be written at all",
        "another place is taken, as Python looks for one; exit code 0",
        0,
        "computes what the model computes",
        GOOD,
        options={"tmpfs": {"/tmp": "ro"}},
    ),
    "disk full in workspace": Fault(
        "the disk of the workspace is full",
        "what fits is there; exit code 8",
        8,
        "No space left on device",
        LARGE,
        kept=False,
        reported=False,
        options={"tmpfs": {REPORT_DIR: "size=2m"}},
    ),
    "disk full of files": Fault(
        "the disk of the workspace has room for a file of a model, and not for the report",
        "summary, outputs and annotations; exit code 8",
        8,
        "report.html cannot be written: No space left on device",
        GOOD,
        kept=False,
        reported=False,
        verdict="passed",
        options={"tmpfs": {REPORT_DIR: "size=28k"}},
    ),
    "read-only report folder": Fault(
        "the report's folder cannot be written",
        "summary, outputs and annotations; exit code 8",
        8,
        "Read-only file system",
        GOOD,
        kept=False,
        reported=False,
        options={"tmpfs": {REPORT_DIR: "ro"}},
    ),
    "read-only workspace": Fault(
        "nothing in the workspace can be written",
        "the same",
        8,
        "Read-only file system",
        GOOD,
        kept=False,
        reported=False,
        read_only_workspace=True,
    ),
    "no command files": Fault(
        "the runner gives no command files",
        "everything else; exit code 0",
        0,
        "computes what the model computes",
        GOOD,
        context={"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""},
    ),
    "missing command files": Fault(
        "the command files cannot be written",
        "everything else; exit code 0",
        0,
        "computes what the model computes",
        GOOD,
        context={"GITHUB_OUTPUT": "/nowhere/output", "GITHUB_STEP_SUMMARY": "/nowhere/summary"},
    ),
}


@dataclass(frozen=True)
class StageFault:
    """A stage in which processes go wrong in each of the ``ways``; ``options`` are of the model that does.

    ``code`` is the exit code that its verdict has.
    """

    stage: str
    code: int
    options: Mapping[str, object]
    ways: tuple[str, ...] = ("SIGKILL", "SIGSEGV", "memory", "hang")
    condition: str = ""


#: How long a model has that hangs: enough to come to its stage on a busy machine.
HANG_MINUTES = 0.2
WAYS: Mapping[str, str] = {
    "SIGKILL": "is killed",
    "SIGSEGV": "crashes (a segmentation fault)",
    "memory": "gets no memory",
    "hang": "hangs",
}
_SCRIPT, _TRACE = {"method": "script"}, {"method": "trace"}
#: A hang is the same in all stages of a process: of the model's own it is shown in `load` and `eager`.
_NO_HANG = ("SIGKILL", "SIGSEGV", "memory")
#: In a run without repairs; what is tried instead where they are allowed is shown by tests/integration/test_repairs.py.
STAGES = (
    StageFault("inputs", 3, _SCRIPT, _NO_HANG),
    StageFault("traced", 4, _TRACE),
    StageFault("scripted", 4, _SCRIPT),
    StageFault("lowered", 4, {**_SCRIPT, "runtime": "1.9.0", "repair": "auto"}, _NO_HANG),
    StageFault("frozen", 4, _TRACE, _NO_HANG),
    StageFault("optimised", 4, _SCRIPT),
    StageFault("saved", 4, _SCRIPT),
)

#: The process of the app's own library, below the one that has stage `device`.
LIBRARY = "library"
#: In the order in which a supervisor has them run: those of a file that is made for an app's old release.
FRESH_STAGES = ("lite", "backported", "device")
FRESH_MODEL: Mapping[str, object] = {"model": "slow.py:Slow", **_SCRIPT, "runtime": "1.9.0"}
_UNDER = "the library counts as not run, for too little memory; with `device-check: required` "
#: Faults from outside, in processes that have never seen the model: nothing that a model does reaches them.
FRESH = (
    StageFault("lite", 5, FRESH_MODEL, ("SIGKILL", "SIGSEGV", "hang")),
    StageFault("backported", 6, FRESH_MODEL, ("SIGKILL",)),
    StageFault("device", 6, FRESH_MODEL, ("SIGKILL",)),
    StageFault(LIBRARY, 6, FRESH_MODEL, ("SIGSEGV", "hang")),
    StageFault(LIBRARY, 6, {**FRESH_MODEL, "device-check": "required"}, ("SIGKILL",), _UNDER),
)

#: Stages in which a job is cancelled, in the image; tests/integration/test_cancelled_stages.py has the others.
CANCELLED = ("load", "scripted", "optimised", "lite", "backported", LIBRARY)
#: When the host side itself is killed, and what is left then.
KILLED: Mapping[str, tuple[str, str]] = {
    "working": ("while a model runs", "the finished files"),
    "writing": ("while it writes a file", "the finished files, at most a part of another as `.ptmobile-…`"),
    "uploading": ("while it uploads", "the finished files and the report, but no outputs and no summary of the job"),
}


@dataclass(frozen=True)
class ServiceFault:
    """GitHub's side fails while results are handed over: it ``refuses``, or does not answer before it is cancelled."""

    title: str
    result: str
    code: int
    shown: str
    inputs: Mapping[str, str]
    refuses: bool = False


_UPLOAD, _COMMENT = {"upload": "required"}, {"upload": "off", "comment": "always", "github-token": "sesame"}
SERVICES: Mapping[str, ServiceFault] = {
    "upload refused": ServiceFault(
        "the artifact service refuses, where `upload` is `required`",
        "files and report in the workspace; exit code 8",
        8,
        "The artifact was not uploaded",
        _UPLOAD,
        refuses=True,
    ),
    "upload cancelled": ServiceFault(
        "the job is cancelled while it uploads",
        "the same",
        8,
        "The artifact was not uploaded",
        _UPLOAD,
    ),
    "comment refused": ServiceFault(
        "GitHub refuses the comment",
        "everything else; exit code 0",
        0,
        "No comment in the pull request",
        _COMMENT,
        refuses=True,
    ),
    "comment cancelled": ServiceFault(
        "the job is cancelled while it comments",
        "the same",
        0,
        "No comment in the pull request",
        _COMMENT,
    ),
}


def table() -> str:
    """The faults as a table in Markdown."""
    rows = [("Fault", "What is left"), ("---", "---")]
    faults: list[Fault | ServiceFault] = [*FAULTS.values(), *SERVICES.values()]
    rows += [(fault.title, fault.result) for fault in faults]
    for stage in (*STAGES, *FRESH):
        *ways, last = (WAYS[way] for way in stage.ways)
        said = f"{', '.join(ways)} or {last}" if ways else last
        where = "of the app's library" if stage.stage == LIBRARY else f"in stage `{stage.stage}`"
        left = f"a failure of that model that names the stage (exit code {stage.code}); the other models' files"
        rows.append((f"the process {where} {said}", stage.condition + left))
    rows.append(("the job is cancelled, in any stage", "the finished files and a report about them; exit code 130"))
    left = "; no process goes on; exit code 137"
    rows += [(f"the action itself is killed {when}", what + left) for when, what in KILLED.values()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
