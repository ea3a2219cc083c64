"""The procedure that users follow by hand, written plainly as they write it. Usage: plain_recipe.py MODEL FOLDER.

One random input; trace and script; optimise; save; load; run all five; compare five pairs. It checks less than ours:
one trial and no second process.
"""

import sys

import torch
import torchvision
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile

name, folder = sys.argv[1:]
model = getattr(torchvision.models, name)(weights=None)
model.eval()

example = torch.rand(1, 3, 224, 224)
traced = torch.jit.trace(model, example)
scripted = torch.jit.script(model)
optimized = optimize_for_mobile(scripted)
optimized._save_for_lite_interpreter(f"{folder}/{name}.ptl")
lite = _load_for_lite_interpreter(f"{folder}/{name}.ptl")

outputs = {
    "eager": model(example),
    "traced": traced(example),
    "scripted": scripted(example),
    "optimized": optimized(example),
    "lite": lite(example),
}
for first, second in (
    ("traced", "eager"),
    ("traced", "scripted"),
    ("traced", "optimized"),
    ("optimized", "lite"),
    ("scripted", "lite"),
):
    same = torch.allclose(outputs[first], outputs[second], rtol=1e-3, atol=1e-5)
    print(f"{first} = {second}: {same}")
