"""Importing the user's modules and files as Python itself would if it were started in the workspace."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import keyword
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from ptmobile.errors import LoadError
from ptmobile.spec.model_reference import FileFactory, ModuleFactory
from ptmobile.spec.problems import suggestion
from ptmobile.worker.loading.user_code import user_code

_MAX_FILES = 5000
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}
_NO_PACKAGE = "A relative import needs a package: import by name (from x import y), or move the file into a folder."
_ADVICE = (
    "Importable are torch, torchvision, numpy, what lies in the workspace, in its root or in src/, and packages that a "
    "file named in `requirements` lists."
)


def import_module(reference: ModuleFactory, workspace: Path) -> ModuleType:
    """Import a module by its dotted name from the workspace's root or its ``src``, else an installed one.

    Raises:
        LoadError: there is no such module, or importing it raises; the message names the place.
    """
    prepare_path(workspace)
    name = reference.module
    with user_code(f"Importing {name}", workspace, advice=_ADVICE):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # Else it is a module that theirs imports, and the place of that import is what matters.
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                near = suggestion(name, _module_names(workspace))
                raise LoadError(
                    f"There is no module {error.name!r} in the workspace, nor an installed one{near}", advice=_ADVICE
                ) from error
            raise


def import_file(reference: FileFactory, workspace: Path) -> ModuleType:
    """Execute a Python file as a module.

    Its name is the file's stem, so that TorchScript's qualified names do not tell where it lay. Modules in the file's
    folder, the workspace's root and ``src`` can be imported from it. A file that imports relatively is imported as a
    module of its package, if there is one.

    Raises:
        LoadError: the file is missing, is no Python, or executing it raises; the message names the place.
    """
    path = workspace / reference.path
    what = f"Importing {reference.path}"
    try:
        source = path.read_bytes()
    except OSError as error:
        raise LoadError(f"{reference.path} cannot be read: {error.strerror}") from error
    with user_code(what, workspace):
        levels = _relative_levels(ast.parse(source, filename=str(path)))
    package_root = _package_root(path, levels, workspace) if levels else None
    with user_code(what, workspace, advice=_NO_PACKAGE if levels and package_root is None else _ADVICE):
        if package_root is not None:
            prepare_path(workspace, path.parent, package_root)
            return importlib.import_module(".".join(path.relative_to(package_root).with_suffix("").parts))
        prepare_path(workspace, path.parent)
        return _execute(path)


def prepare_path(workspace: Path, *folders: Path) -> None:
    """Put the folders, the workspace and its ``src`` in front of ``sys.path``.

    What is imported already, and every module of ours and of torch's package, stays what it is.
    """
    wanted = [str(folder) for folder in (*folders, workspace, workspace / "src") if folder.is_dir()]
    sys.path[:] = list(dict.fromkeys([*wanted, *sys.path]))
    importlib.invalidate_caches()


def use_packages(folder: Path) -> None:
    """Let what was installed for the model be imported: last of all, so that it takes no module's place.

    No site folder: its ``.pth`` files and ``sitecustomize`` are files like others, and nothing runs them.
    """
    sys.path.append(str(folder))
    importlib.invalidate_caches()


def module_name(path: Path) -> str:
    """A name that TorchScript accepts and no other module has: ``my-net`` becomes ``my_net``, ``types`` ``types_``."""
    name = re.sub(r"\W", "_", path.stem)
    if not name.isidentifier():
        name = f"_{name}"
    while keyword.iskeyword(name) or name in sys.stdlib_module_names or _is_other_module(name, path):
        name += "_"
    return name


def _is_other_module(name: str, path: Path) -> bool:
    return name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(path)


def _execute(path: Path) -> ModuleType:
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it is executed, as import does: dataclasses and TorchScript look their module up by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _relative_levels(tree: ast.Module) -> int:
    """The most dots in front of a relative import; 0 if there is none."""
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def _package_root(path: Path, levels: int, workspace: Path) -> Path | None:
    """The folder that holds the package of a file, ``levels`` or more above it; None if that leaves the workspace."""
    folder, depth = path.parent, 0
    while depth < levels or (folder / "__init__.py").exists():
        if folder == workspace:
            return None
        folder, depth = folder.parent, depth + 1
    return folder


def _module_names(workspace: Path) -> Iterator[str]:
    """Dotted names of the Python files in the workspace, for suggestions."""
    for root in (workspace, workspace / "src"):
        for file in _python_files(root):
            yield ".".join(file.relative_to(root).with_suffix("").parts)


def _python_files(root: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        for file in files:
            count += 1
            if count > _MAX_FILES:
                return
            if file.endswith(".py"):
                yield Path(folder, file)
