import os
from pathlib import Path

import shadows
from attacking import Innocent, attempt, write


def make():
    folder = Path(shadows.__file__).parent
    attempt(f"write {folder}/shadows.py", lambda: write(folder / "shadows.py"))
    attempt(f"add {folder}/more.py", lambda: write(folder / "more.py"))
    attempt("chmod", lambda: os.chmod(folder, 0o777))
    attempt("rename", lambda: folder.rename(folder.with_name("other")))
    attempt("remove", (folder / "shadows.py").unlink)
    attempt("the list of what was asked for", lambda: write(folder.parent / "requirements.txt"))
    return Innocent()
