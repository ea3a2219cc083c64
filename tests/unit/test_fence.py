"""What the fence around a worker hides and leaves, as data; that the kernel holds it is tested in test_sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ptmobile.sandbox.fence import GIB, fence_for, limits_for
from ptmobile.worker.processes.children import is_descendant
from ptmobile.worker.processes.landlock import everything_but, version


def covers(granted: list[Path], path: Path) -> bool:
    return any(path.is_relative_to(grant) for grant in granted)


def test_everything_but_what_is_hidden(tmp_path: Path) -> None:
    for name in ("work/.git", "work/models/deep", "temp/secret", "other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work/net.py").touch()
    (tmp_path / "link").symlink_to(tmp_path / "temp")
    granted = list(everything_but([tmp_path / "work/.git", tmp_path / "temp"], tmp_path))
    assert granted == [tmp_path / name for name in ("other", "work/models", "work/net.py")]
    assert list(everything_but([], tmp_path)) == [tmp_path]
    assert list(everything_but([tmp_path], tmp_path)) == []
    assert list(everything_but([Path("/elsewhere")], tmp_path)) == [tmp_path]


def test_the_runners_folders_are_hidden() -> None:
    environment = {
        "GITHUB_OUTPUT": "/github/file_commands/output",
        "GITHUB_EVENT_PATH": "/github/workflow/event.json",
        "RUNNER_TEMP": "/github/runner_temp",
        "HOME": "/github/home",
    }
    fence = fence_for(environment, Path("/github/workspace"), Path("/tmp/b"), Path("/tmp/b/home"), separate=True)
    hidden = {"/github/file_commands", "/github/workflow", "/github/runner_temp", "/github/home"}
    assert hidden | {"/github/workspace/.git"} <= set(fence.hidden)
    assert (fence.writable, fence.readable) == (("/tmp/b/home",), ("/tmp/b",))


def test_a_workspace_inside_of_such_a_folder_stays_readable() -> None:
    environment = {
        "GITHUB_OUTPUT": "/job/output",
        "RUNNER_TEMP": "/job",
        "HOME": "/home/me",
        "PTMOBILE_CACHE": "/job/c",
    }
    fence = fence_for(environment, Path("/job/work"), Path("/b"), Path("/b/home"), separate=False)
    assert not covers([Path(path) for path in fence.hidden], Path("/job/work/net.py"))
    assert {"/job/output", "/home/me/.ssh", "/home/me/.config/gh"} <= set(fence.hidden)
    assert "/home/me" not in fence.hidden
    assert "/job/c" in fence.readable


def test_limits() -> None:
    assert limits_for(1.5, separate=True).memory_bytes == 3 * GIB // 2
    default = limits_for(None, separate=False)
    assert default.processes is None  # the user's other processes would count
    assert 0 < (default.memory_bytes or 0) < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert limits_for(None, separate=True).processes


def test_no_descendants() -> None:
    for process in (os.getpid(), os.getppid(), 1, 0, -1, 2**22 + 1):
        assert not is_descendant(process)


MOVES = """
import ctypes, os, sys
from pathlib import Path
from ptmobile.protocol import Fence, WorkerLimits
from ptmobile.worker.processes.confinement import confine_model, confine_worker
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
scratch, outside = Path(sys.argv[1], "scratch"), Path(sys.argv[1], "outside")
confine_worker(Fence(writable=(), hidden=(), readable=()), WorkerLimits(), scratch)
confine_model(scratch)
os.rename(scratch / "deep/file", scratch / "file")
try:
    os.rename(scratch / "file", outside / "file")
except OSError as error:
    print("kept inside by", error.errno)
"""


def test_files_can_be_moved_between_folders_of_the_scratch_folder_only(tmp_path: Path) -> None:
    (tmp_path / "scratch/deep").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "scratch/deep/file").touch()
    command = [sys.executable, "-c", MOVES, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (tmp_path / "outside/file").exists() == (version() == 0), done.stdout
    assert (tmp_path / "scratch/file").exists() == (version() > 0)
