"""The attacks: what a hostile model tries, what stops it, and what then is to be seen. docs/security.md shows them.

No import beyond the standard library: scripts/generate.py reads this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NOTHING = "converted as if nothing had been"


@dataclass(frozen=True)
class Attack:
    """One attack. ``file`` is the module in tests/hostile/models, ``shown`` what the report must hold.

    ``code`` is the exit code of the run; 0 where the model is converted although it tried. ``said`` is what the attack
    must have printed, so that a test in which it did not happen fails. ``options`` are those of the container.
    """

    title: str
    defence: str
    result: str
    file: str
    code: int = 0
    shown: str = ""
    said: str = ""
    inputs: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    without: str = ""
    """Where something stops the attack that not every kernel has, what then becomes of it."""


REPLACED: Mapping[str, object] = {"repair": "off", "method": "script", "timeout-minutes": 2}
ONLY_PLAIN = "only plain files with one name are taken"
ATTACKS: Mapping[str, Attack] = {
    "environment": Attack(
        "read tokens and inputs in the environment",
        "the worker's environment is built from nothing",
        NOTHING,
        "environment",
        said="refused: the environment",
    ),
    "other processes": Attack(
        "read `/proc/*/environ`, the memory and the files of the host side and of the supervisor",
        "another user; Landlock between model and supervisor, whose memory is closed besides",
        NOTHING,
        "other_processes",
        said="refused: mem of 1",
    ),
    "tracing": Attack(
        "`ptrace` the host side or the supervisor, read or write their memory",
        "another user; Landlock between model and supervisor, whose memory is closed besides",
        NOTHING,
        "tracing",
        said="refused: ptrace",
    ),
    "docker socket": Attack(
        "reach the Docker engine through the mounted socket",
        "no supplementary group; the socket's folder is shut to all but root",
        NOTHING,
        "docker_socket",
        said="refused: /var/run/docker.sock",
    ),
    "command files": Attack(
        "write, read or remove the files of `GITHUB_OUTPUT`, `GITHUB_ENV`, `GITHUB_PATH`, … and the event",
        "another user; Landlock hides them",
        NOTHING,
        "command_files",
        said="refused: write",
        without="they can be read, not written",
    ),
    "credentials": Attack(
        "read the token that `actions/checkout` leaves in `RUNNER_TEMP` or `.git`, and the runner's home folder",
        "Landlock hides these folders",
        NOTHING,
        "credentials",
        said="refused: /github/runner_temp/git-credentials.config",
        without="they can be read: use `persist-credentials: false`",
    ),
    "commands": Attack(
        "forge workflow commands on stdout and stderr, in both syntaxes, with lone `\\r` and in pieces",
        "output is printed again line by line, each with a mark before it",
        "shown as text",
        "commands",
        said="set-output name=verdict",
    ),
    "markup": Attack(
        "inject Markdown, HTML, links and mentions through names of classes and messages of errors",
        "all text of a model is escaped where it is shown",
        "shown as text; exit code 3",
        "markup",
        code=3,
        shown="could not be run",
    ),
    "results": Attack(
        "write a forged result to every pipe in reach",
        "results are parsed strictly, count once, and only as the last word of a worker that ended well",
        "a failure of that model; exit code 3",
        "results",
        code=3,
        shown="wrote what is no report",
        said="refused",
    ),
    **{
        f"{kind} at once": Attack(
            f"put {what} in the place of the `.ptl` when it was written",
            defence,
            f"a failure of that model; exit code {code}",
            "replaced_file",
            code=code,
            inputs={**REPLACED, "model-args": [kind, "at once"]},
        )
        for kind, (what, defence, code) in {
            "symlink": ("a symbolic link to a file of root", ONLY_PLAIN, 4),
            "hardlink": ("a second name of another file", ONLY_PLAIN, 4),
            "fifo": ("a FIFO that nobody writes to", ONLY_PLAIN, 4),
            "sparse": (
                "an empty file of 7 GiB",
                "a fresh process must load what was taken and agree with the model",
                5,
            ),
        }.items()
    },
    **{
        f"{kind} later": Attack(
            f"put {what} in the place of the `.ptl` when it was verified",
            "the supervisor has its own copy, which was run and is shipped; Landlock: a model writes to its desk only",
            NOTHING,
            "replaced_file",
            said="replaced: the original",
            inputs={**REPLACED, "model-args": [kind, "later"]},
            without="the copy can be replaced: its SHA-256 is another then, and the model has failed",
        )
        for kind, what in (("symlink", "a symbolic link to a file of root"), ("sparse", "an empty file of 7 GiB"))
    },
    "outputs of others": Attack(
        "write over the outputs and files of other stages, before and after they are compared",
        "outputs are taken when a stage ends; Landlock: a process writes to its own desk only",
        NOTHING,
        "others_outputs",
        said="refused: overwrite kept: PermissionError",
        without="what was changed after it was taken is noticed: a failure of that model; what was before, is not",
    ),
    "siblings": Attack(
        "`ptrace` the process that runs the file; read, write and take its memory and descriptors",
        "Landlock parts each process that runs a model or a file from all others; their memory is closed besides",
        NOTHING,
        "siblings",
        said="refused: trace a sibling: PermissionError",
        inputs={"trials": 40},
        without="the same, but that they can be ended, and that the process of an app's library can be traced",
    ),
    "forged golden outputs": Attack(
        "write other golden outputs into the file than the model gave",
        "the record is held against what was taken after the eager run",
        "a failure of that model; exit code 5",
        "forged",
        code=5,
        shown="its golden outputs are not what the eager model gave",
        said="forged: golden",
        inputs={"model-args": ["golden"], "repair": "off"},
    ),
    "forged form": Attack(
        "say of the file's outputs that they have changed places",
        "where outputs may move follows from those of the eager model",
        "a failure of that model; exit code 5",
        "forged",
        code=5,
        shown="does not follow from those of the eager model",
        said="forged: form",
        inputs={"model-args": ["form"], "method": "trace"},
    ),
    "forged inputs": Attack(
        "run the eager model on easier inputs than those that were drawn",
        "the file runs on inputs that a process without the model has drawn",
        "a failure of that model; exit code 5",
        "forged",
        code=5,
        shown="computes",
        said="forged: inputs",
        inputs={"model-args": ["inputs"], "repair": "off"},
    ),
    "workspace": Attack(
        "overwrite, add, rename and remove files of the workspace and of shared folders",
        "another user; Landlock leaves only the scratch folder to write to",
        NOTHING,
        "workspace",
        said="refused: write /github/workspace/good.py",
        without="folders that anybody may write to, such as `/tmp`, can be written to",
    ),
    "fork bomb": Attack(
        "fork without end",
        "a limit on the processes of the worker's user; all of them are ended",
        "out of time; exit code 3",
        "fork_bomb",
        code=3,
        shown=" time",
        inputs={"timeout-minutes": 0.2},
    ),
    "endless output": Attack(
        "print without end on stdout and stderr",
        "limits on bytes, lines, their length and their rate",
        "out of time; the log stays short; exit code 3",
        "endless_output",
        code=3,
        shown="time limit",
        said="not shown",
        inputs={"timeout-minutes": 0.2},
    ),
    "huge file": Attack(
        "write a file of a terabyte",
        "a limit on the size of a file (8 GiB)",
        NOTHING,
        "huge_file",
        said="refused: a file of 1 TiB",
    ),
    "memory bomb": Attack(
        "allocate memory without end",
        "a limit on the memory of each process",
        "the model's own error, with the limit's name; exit code 3",
        "memory_bomb",
        code=3,
        shown="allocate",
        options={"mem_limit": "3g", "memswap_limit": "3g"},
    ),
    "memory bombs": Attack(
        "allocate memory without end in many processes",
        "where memory runs out, the kernel ends the processes of a model first",
        "a failure of that model; exit code 3",
        "memory_bombs",
        code=3,
        shown="memory",
        inputs={"timeout-minutes": 1},
        options={"mem_limit": "3g", "memswap_limit": "3g"},
    ),
    "hang": Attack(
        "never return, and ignore signals",
        "the time limit, kept by the supervisor and once more by the host side",
        "out of time; exit code 3",
        "hang",
        code=3,
        shown="time limit",
        inputs={"timeout-minutes": 0.1},
    ),
    "kill all": Attack(
        "`kill -9 -1`, and kill the supervisor and the host side",
        "Landlock: a model's processes can end only each other",
        NOTHING,
        "kill_all",
        said="refused: [Errno 1] Operation not permitted",
        without="the supervisor dies too: a failure of that model, and the next one gets new processes",
    ),
    "left behind": Attack(
        "leave processes behind, in sessions of their own, that hold the output open",
        "every descendant is adopted and ended",
        "converted; nothing is left",
        "left_behind",
        said="still here",
    ),
    "become root": Attack(
        "become root, by set-user-ID programs, namespaces, mounts",
        "`no_new_privs`, no capabilities, no such programs in the image",
        NOTHING,
        "become_root",
        said="refused: setuid",
    ),
    "own folder": Attack(
        "remove the scratch folder and the home folder",
        "they are only the worker's own",
        NOTHING,
        "own_folder",
    ),
    "closed channels": Attack(
        "close every file descriptor",
        "who says nothing more has failed",
        "a failure of that model; exit code 3",
        "closed_channels",
        code=3,
    ),
}


def table() -> str:
    """The attacks as a table in Markdown."""
    rows = [("Attack", "What stops it", "What is seen", "Without Landlock")]
    rows += [("---",) * 4]
    rows += [(attack.title, attack.defence, attack.result, attack.without or "the same") for attack in ATTACKS.values()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
