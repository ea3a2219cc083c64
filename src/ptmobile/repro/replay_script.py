"""The script in a bundle. It needs torch and NumPy only, and nothing of ours."""

from __future__ import annotations

from typing import Final

SCRIPT: Final = '''\
"""Run what this folder is about again: python replay.py [FILE.ptl | MODULE:FUNCTION] [STAGE]

Runs the file (by default the one that was made), or the model that a function returns, on the inputs here, and compares
with what STAGE (by default eager) gave. Exit code 5: they differ. Needs torch and numpy.
"""
import ast, importlib, json, pathlib, sys
import numpy as np, torch

here = pathlib.Path(__file__).resolve().parent
told = json.loads((here / "manifest.json").read_text(encoding="utf-8"))
CLOSE = {"float64": (1e-7, 1e-7), "complex128": (1e-7, 1e-7), "float16": (1e-2, 1e-3), "bfloat16": (5e-2, 1e-2)}


def read(part, arrays):
    if part["kind"] == "tensor":
        array = torch.from_numpy(arrays[part["array"]])
        return array.view(getattr(torch, part["stored"]))
    if part["kind"] in ("value", "float"):
        return part["value"] if part["kind"] == "value" else float.fromhex(part["hex"])
    pairs = [(key, read(inner, arrays)) for key, inner in part["items"]]
    if part["kind"] in ("list", "tuple"):
        return [value for _, value in pairs]
    return {key if key.startswith(".") else ast.literal_eval(key): value for key, value in pairs}


def flat(value, path="out"):
    if not isinstance(value, (list, tuple, dict)):
        return {path: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {name: leaf for key, item in pairs for name, leaf in flat(item, f"{path}[{key!r}]").items()}


def difference(actual, wanted):
    if not isinstance(wanted, torch.Tensor):
        same = actual == wanted or (wanted != wanted and actual != actual)
        close = isinstance(wanted, float) and abs(actual - wanted) <= 1e-4 * abs(wanted)
        return "" if same or close else f"is {actual!r}, was {wanted!r}"
    actual = actual.dequantize().double() if actual.is_quantized else actual
    if (actual.dtype, actual.shape) != (wanted.dtype, wanted.shape):
        return f"is {actual.dtype} {list(actual.shape)}, was {wanted.dtype} {list(wanted.shape)}"
    if not (wanted.is_floating_point() or wanted.is_complex()):
        return "" if torch.equal(actual, wanted) else f"differs in {int((actual != wanted).sum())} elements"
    rtol, part = CLOSE.get(str(wanted.dtype).removeprefix("torch."), (1e-4, 1e-5))
    wide = torch.complex128 if wanted.is_complex() else torch.float64
    actual, wanted = actual.to(wide), wanted.to(wide)
    scale = float(wanted.abs().nan_to_num(0, 0, 0).max()) if wanted.numel() else 0.0
    atol = part * scale
    if told["rtol"] is not None or told["atol"] is not None:
        rtol, atol = told["rtol"] or 0.0, told["atol"] or 0.0
    if torch.allclose(actual, wanted, rtol=rtol, atol=atol, equal_nan=True):
        return ""
    most = float((actual - wanted).abs().nan_to_num(0, 0, 0).max())
    return f"differs by {most:.3g}, its largest value is {scale:.3g}"


def main(what="", stage="eager"):
    torch.set_num_threads(1)
    file = ":" not in what
    if file and not what and not told["file"]:
        sys.exit("No file was made: name a file, or MODULE:FUNCTION for the model")
    if file:
        from torch.jit.mobile import _load_for_lite_interpreter
        run = _load_for_lite_interpreter(str(pathlib.Path(what) if what else here / told["file"]))
    else:
        sys.path.insert(0, ".")
        name, _, function = what.partition(":")
        run = getattr(importlib.import_module(name), function)().eval()
    inputs, gave = told["inputs"], told["stages"][stage]
    given, wanted_arrays = np.load(here / inputs["file"]), np.load(here / gave["file"])
    trees = gave["file_trees"] if file and gave["file_trees"] else gave["trees"]
    bad = 0
    for trial, tree in trees.items():
        torch.manual_seed(int(trial))
        with torch.no_grad():
            actual = flat(run(*read(inputs["trees"][trial], given)))
        wanted = flat(read(tree, wanted_arrays))
        for path in {**wanted, **actual}:
            missing = path not in actual or path not in wanted
            problem = "is there on one side only" if missing else difference(actual[path], wanted[path])
            bad += bool(problem)
            print(f"trial {trial}, {path}: {problem or 'as ' + stage + ' gave it'}")
    return 5 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
'''
