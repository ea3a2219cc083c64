from pathlib import Path

from attacking import Innocent, attempt, read, write


def make():
    folder = Path("/github/file_commands")
    found = list(folder.iterdir())
    print(len(found), "command files")
    for path in found:
        attempt(f"write {path.name}", lambda path=path: write(path))
        attempt(f"read {path.name}", lambda path=path: read(path))
        attempt(f"remove {path.name}", path.unlink)
    attempt("a file of its own", lambda: write(folder / "mine"))
    for kind in ("event.json", "mine"):
        attempt(kind, lambda kind=kind: write(Path("/github/workflow") / kind))
    return Innocent()
