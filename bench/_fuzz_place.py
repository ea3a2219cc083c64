"""The place in which a case of the fuzz run happens: a workspace full of odd things, and what lies outside of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from _common import REPOSITORY

EXAMPLE_REPORT = REPOSITORY / "examples" / "digits" / "baseline.json"
LITE_FILE = REPOSITORY / "tests" / "data" / "tiny.ptl"
#: Nothing that a run writes may hold this word, whichever secret it is a part of.
SECRET = "sesame"
NET = """\
import torch

class Net(torch.nn.Module):
    def forward(self, x):
        return x * 2
"""


class Place:
    """Folders of one case: ``workspace``, ``runner`` for the command files, ``outside`` that nobody may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace, self.runner, self.outside = root / "workspace", root / "runner", root / "outside"
        for folder in (self.workspace, self.runner, self.outside):
            folder.mkdir(parents=True)
        (self.outside / "kept.txt").write_text("kept")
        _fill(self.workspace)
        for name in ("output", "summary"):
            (self.runner / name).touch()

    def outside_is_unchanged(self) -> bool:
        """Whether everything outside is as it was."""
        return {path.name: path.read_text() for path in self.outside.iterdir()} == {"kept.txt": "kept"}


def _fill(workspace: Path) -> None:
    for path in ("models/net.py", "net.py", "we ird \u00fc|`.py"):
        (workspace / path).parent.mkdir(exist_ok=True)
        (workspace / path).write_text(NET)
    shutil.copy(LITE_FILE, workspace / "good.ptl")
    for path in ("bad.ptl", "weights.pt", "net.pt", "own.aar", "x.npy", "x.npz", "w.safetensors"):
        (workspace / path).write_bytes(path.encode() * 5)
    report = EXAMPLE_REPORT.read_bytes()
    for path in ("base.json", "shards/one/report.json"):
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_bytes(report)
    (workspace / "shards/two").mkdir()
    (workspace / "shards/two/report.json").write_bytes(report[: len(report) // 2])
    (workspace / "half.json").write_text(json.dumps({"schema_version": 1, "models": [{}]}))
    (workspace / "build.gradle").write_text("dependencies { implementation 'org.pytorch:pytorch_android_lite:1.12.2' }")
    (workspace / "empty").mkdir()
    for link, target in (("loop", "loop"), ("out", "../outside"), ("out.ptl", "../outside/kept.txt"), ("dead", "none")):
        (workspace / link).symlink_to(target)
    os.mkfifo(workspace / "fifo.pt")
