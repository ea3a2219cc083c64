"""The host side killed on the spot: nothing can be written any more, and nothing that it started goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.run_support import CLI
from tests.process_support import alive, until

HANGING = """
import os, subprocess, sys, time

code = "import time; time.sleep(600)"
apart = subprocess.Popen([sys.executable, "-c", code], start_new_session=True).pid
print(f"processes {os.getppid()} {os.getpid()} {apart}.", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("stopped", [False, True], ids=["at rest", "with words that nobody read"])
def test_no_process_outlives_a_host_that_was_killed(tmp_path: Path, stopped: bool) -> None:
    """Supervisor, model, and a process of the model's in a session of its own end with it."""
    (tmp_path / "hanging.py").write_text(HANGING)
    log = tmp_path / "log"
    command = [sys.executable, "-c", CLI, "convert", "--model", "hanging.py:Net", "--inputs", "[[1]]"]
    with log.open("wb") as stream:
        host = subprocess.Popen(command, cwd=tmp_path, stdout=stream, stderr=stream)
    try:
        until(lambda: re.search(r"processes [\d ]+\.", log.read_text()) or host.poll() is not None, log.read_text)
        found = re.search(r"processes ([\d ]+)\.", log.read_text())
        assert found, log.read_text()
        started = list(map(int, found[1].split()))
        assert all(map(alive, started))
        if stopped:
            host.send_signal(signal.SIGSTOP)
            os.kill(started[0], signal.SIGKILL)  # the parent tells the host of its supervisor's end
            until(lambda: not alive(started[0]), lambda: "the supervisor did not end")
    finally:
        host.kill()
        host.wait()
    until(lambda: not any(map(alive, started)), lambda: f"alive: {[p for p in started if alive(p)]}")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if "__pycache__" not in path.parts)
    assert left == ["hanging.py", "log"]
