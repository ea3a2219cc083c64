"""The local runner itself: does a container see what the GitHub runner would show it?"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ptmobile.local.step import StepResult

RunPython: TypeAlias = Callable[..., StepResult]

LOOK = """
import json, os, stat, sys
files = [os.environ[n] for n in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_STATE", "GITHUB_PATH")]
print(json.dumps({
    "env": dict(os.environ), "cwd": os.getcwd(), "uid": os.getuid(), "pid": os.getpid(),
    "stdin": os.read(0, 1) == b"", "tty": os.isatty(1),
    "modes": [stat.S_IMODE(os.stat(f).st_mode) for f in files], "owners": [os.stat(f).st_uid for f in files],
    "event": json.load(open(os.environ["GITHUB_EVENT_PATH"])),
    "mounts": sorted(os.listdir("/github")), "socket": os.path.exists("/var/run/docker.sock"),
}))
"""


def test_shows_what_the_runner_shows(run_python: RunPython, tmp_path: Path) -> None:
    result = run_python(
        LOOK,
        workspace=tmp_path,
        env={"HOME": "/elsewhere", "MINE": "a\nb", "GITHUB_REPOSITORY": "forged/name"},
        context={"ACTIONS_RUNTIME_TOKEN": "secret", "GITHUB_RUN_ID": "77"},
        event={"action": "opened"},
    )
    assert result.exit_code == 0, result.log
    seen = json.loads(result.log)
    env = seen["env"]
    assert (seen["cwd"], seen["uid"], seen["pid"]) == ("/github/workspace", 0, 1)
    assert seen["stdin"]
    assert not seen["tty"]
    assert seen["modes"] == [0o644] * 5
    assert seen["owners"] == [os.getuid()] * 5
    assert seen["event"] == {"action": "opened"}
    assert seen["mounts"] == ["file_commands", "home", "runner_temp", "workflow", "workspace"]
    assert (env["HOME"], env["MINE"], env["GITHUB_REPOSITORY"]) == ("/github/home", "a\nb", "octocat/models")
    assert (env["ACTIONS_RUNTIME_TOKEN"], env["GITHUB_RUN_ID"]) == ("secret", "77")
    assert (env["GITHUB_WORKSPACE"], env["RUNNER_TEMP"]) == ("/github/workspace", "/github/runner_temp")
    assert env["GITHUB_OUTPUT"].startswith("/github/file_commands/set_output_")


def test_the_socket_can_be_left_out(run_python: RunPython) -> None:
    code = "import os; print(os.path.exists('/var/run/docker.sock'))"
    assert run_python(code, mount_docker_socket=False).log == "False\n"


WRITE = """
import os
def append(variable, text):
    with open(os.environ[variable], "a", encoding="utf-8") as file:
        file.write(text)
append("GITHUB_OUTPUT", "one=1\\ntwo<<EOF\\nl1\\nl2\\nEOF\\n")
append("GITHUB_ENV", "NAME=value\\n")
append("GITHUB_STATE", "kept=yes\\n")
append("GITHUB_PATH", "/opt/x\\n")
append("GITHUB_STEP_SUMMARY", "# é\\n")
open("made", "w").close()
"""


def test_brings_back_what_the_step_wrote(run_python: RunPython, tmp_path: Path) -> None:
    result = run_python(WRITE, workspace=tmp_path)
    assert result.succeeded
    assert result.outputs == {"one": "1", "two": "l1\nl2"}
    assert result.env == {"NAME": "value"}
    assert result.state == {"kept": "yes"}
    assert result.path == ("/opt/x",)
    assert result.summary == "# é\n"
    assert stat.S_ISREG((tmp_path / "made").stat().st_mode)


def test_a_malformed_output_file_fails_the_step(run_python: RunPython) -> None:
    result = run_python("import os; open(os.environ['GITHUB_OUTPUT'], 'a').write('good=1\\nbad\\n')")
    assert result.exit_code == 0
    assert not result.succeeded
    assert result.outputs == {"good": "1"}
    assert "GITHUB_OUTPUT" in result.file_command_errors[0]


def test_too_large_a_summary_is_dropped(run_python: RunPython) -> None:
    result = run_python("import os; open(os.environ['GITHUB_STEP_SUMMARY'], 'a').write('x' * (1024 * 1024 + 1))")
    assert result.succeeded
    assert result.summary == ""


def test_time_out_is_first_an_interrupt(run_python: RunPython) -> None:
    code = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise SystemExit('interrupted')"
    result = run_python(code, timeout_seconds=4)
    assert (result.exit_code, result.log, result.timed_out) == (1, "interrupted\n", True)
    assert not result.succeeded
    assert result.duration_seconds < 4 + 7.5


def test_time_out_is_then_a_termination(run_python: RunPython) -> None:
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\nwhile True:\n    time.sleep(0.1)"
    )
    result = run_python(code, timeout_seconds=1)
    assert (result.exit_code, result.timed_out) == (143, True)
    assert result.duration_seconds > 8


def test_memory_is_watched(run_python: RunPython) -> None:
    result = run_python("import time; held = b'x' * 150_000_000; time.sleep(1)")
    assert result.peak_memory_bytes is not None
    assert 150_000_000 < result.peak_memory_bytes < 250_000_000
