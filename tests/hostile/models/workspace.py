from pathlib import Path

from attacking import Innocent, attempt, write


def make():
    root = Path("/github/workspace")
    for path in (root / "good.py", root / "new.py", root / "ptmobile-report" / "report.json", root / ".git" / "config"):
        attempt(f"write {path}", lambda path=path: write(path))
    attempt("remove good.py", (root / "good.py").unlink)
    attempt("rename good.py", lambda: (root / "good.py").rename(root / "other.py"))
    attempt("make a folder", (root / "folder").mkdir)
    attempt("make a link", lambda: (root / "link").symlink_to("/"))
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/github", "/opt/ptmobile", "/usr/local/lib", "/github/home"):
        attempt(f"write into {folder}", lambda folder=folder: write(f"{folder}/left"))
    return Innocent()
