"""Models that cannot be traced or scripted, by the known error that they meet."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from explaining_support import model, provoked_by, provokes, saved, script, trace
from torch import nn

X = torch.rand(2, 4)


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x)


class UsesFunction(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return Swish.apply(x)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x * 2 if self.calls % 2 else x + self.calls


def _traced(name: str, body: str, *arguments: Any, attributes: dict[str, str] | None = None, **options: Any) -> None:
    provokes(name)(lambda folder: trace(model(folder, body, **(attributes or {})), *arguments, **options))


def _warned(name: str, body: str) -> None:
    def provoke(folder: Path) -> str:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trace(model(folder, body), check_trace=name == "trace-random")
        return "\n".join(str(warning.message) for warning in caught)

    provokes(name)(provoke)


def _scripted(name: str, body: str, **attributes: str) -> None:
    provokes(name)(lambda folder: script(model(folder, body, **attributes)))


for _result in ("int(x.sum())", "(x, 'text')", "(x, None)"):
    _traced("trace-output-type", f"def forward(self, x):\n    return {_result}")
_traced("trace-dict-output", "def forward(self, x):\n    return {'a': x}")
_traced("trace-type-unknown", "def forward(self, x):\n    return {'a': x, 'b': 3}", strict=False)
_traced("trace-input-type", "def forward(self, x, n):\n    return x * n", X, 2)
_traced("trace-no-output", "def forward(self, x):\n    self.y = x")
_shared = "def forward(self, x):\n    return x * self.a + self.b"
_parameters = {"a": "nn.Parameter(torch.ones(4))", "b": "self.a"}
_traced("trace-parameter-sharing", _shared, attributes=_parameters)
for _part in ("[nn.Linear(4, 4)]", "[lambda x, w=torch.ones(4, requires_grad=True): x * w]"):
    _body = "def forward(self, x):\n    return self.parts[0](x)"
    _traced("trace-hidden-parameter", _body, attributes={"parts": _part})
_held = "def forward(self, x):\n    return x, self.held[0]"
_traced("trace-unobserved-output", _held, attributes={"held": "[torch.ones(3)]"})
_warned("trace-random", "def forward(self, x):\n    return x + torch.rand_like(x)")
provoked_by("trace-graphs-differ", lambda: torch.jit.trace(Counting(), (X,)))

_warned("tracer-warning-branch", "def forward(self, x):\n    return x if x.sum() > 0 else x * 2")
for _number in ("int(x.shape[0])", "float(x.sum())", "len(x)"):
    _warned("tracer-warning-number", f"def forward(self, x):\n    return x * {_number}")
_warned("tracer-warning-loop", "def forward(self, x):\n    return sum([row for row in x])")
_warned("tracer-warning-numpy", "def forward(self, x):\n    return x * x.numpy().sum()")
_warned("tracer-warning-constant", "def forward(self, x):\n    return x * torch.tensor([1.0])")


@provokes("trace-fast-path")
def _fast_path(folder: Path) -> object:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return torch.jit.trace(nn.Sequential(nn.TransformerEncoder(layer, 1)).eval(), (torch.rand(1, 3, 8),))


@provokes("save-python-function")
def _python_function(folder: Path) -> object:
    return saved(trace(UsesFunction()), folder)


provoked_by("script-autograd-function", lambda: script(UsesFunction()))
_scripted("script-varargs", "def forward(self, *x):\n    return x[0]")
_scripted("script-varargs", "def forward(self, x, *, scale=2.0):\n    return x * scale")
provoked_by("script-varargs", lambda: script(nn.DataParallel(nn.Linear(4, 2))))
_scripted("script-python-builtin", "def forward(self, x):\n    print(open('x'))\n    return x")
for _lines in (
    *("    try:\n        return x\n    except ValueError:\n        return x", "    f = lambda y: y\n    return f(x)"),
    *("    import math\n    return x", "    def g(y):\n        return y\n    return g(x)", "    yield x"),
    *("    s = {1, 2}\n    return x", "    return [y for y in [1, 2] if y > 1]", "    global Z\n    return x"),
    *("    d = {'dim': 1}\n    return torch.sum(x, **d)", "    s = f'{x.shape[0]:d}'\n    return x"),
    *("    a, *b = [1, 2, 3]\n    return x", "    del self.training\n    return x", "    class A: pass\n    return x"),
):
    _scripted("script-syntax", f"def forward(self, x):\n{_lines}")
_scripted("script-makes-module", "def forward(self, x):\n    return nn.Hardshrink()(x)")
_known = "def forward(self, x):\n    return self.act(nn.Softshrink()(x))"
_scripted("script-makes-module", _known, act="torch.jit.script(nn.Softshrink())")
_scripted("script-undefined-value", "def forward(self, x):\n    return x * SCALE")
_scripted("script-super", "def forward(self, x):\n    return super().forward(x)")
_index = "def forward(self, x, k: str):\n    return self.parts[k](x)"
_scripted("script-module-index", _index, parts="nn.ModuleDict({'a': nn.Linear(4, 4)})")
_index = "def forward(self, x):\n    for i in range(2):\n        x = self.parts[i](x)\n    return x"
_scripted("script-module-index", _index, parts="nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])")
_loop = "def forward(self, x):\n    for part in self.parts:\n        x = part(x)\n    return x"
_scripted("script-modules-in-list", _loop, parts="[nn.Linear(4, 4)]")
_scripted("script-attribute-function", "def forward(self, x):\n    return self.act(x)", act="lambda x: x * 2")
_scripted("script-attribute-type", "def forward(self, x):\n    return x * self.sizes['a']", sizes="{'a': 1, 'b': 'c'}")
_scripted("script-new-attribute", "def forward(self, x):\n    self.cache = x\n    return x")
provoked_by("script-weight-norm", lambda: script(nn.utils.weight_norm(nn.Linear(4, 4))))
provoked_by("script-weight-norm", lambda: script(nn.utils.spectral_norm(nn.Linear(4, 4))))


@provokes("script-no-source")
def _no_source(folder: Path) -> object:
    scope: dict[str, Any] = {}
    exec("from torch import nn\nclass Net(nn.Module):\n    def forward(self, x): return x", scope)
    return script(scope["Net"]())


_scripted("script-type-comment", "def forward(self, x: Tensor):  # type: ignore[override]  # why\n    return x")
_scripted("script-unknown-type", "def forward(self, x: 'Image'):\n    return x")
_scripted("script-unknown-type", "def forward(self, x):\n    y: np.ndarray = x\n    return y")
_scripted("script-default-type", "def forward(self, x, n=2):\n    return x * n")
_scripted("script-optional", "def forward(self, x, mask: Optional[Tensor] = None):\n    return x * mask")
_scripted("script-optional", "def forward(self, x, mask: Optional[Tensor] = None):\n    return mask.sum() + x")
_scripted("script-none-attribute", "def forward(self, x):\n    return self.y.sum() + x", y="None")
_scripted("script-list-type", "def forward(self, x):\n    r = []\n    r.append(1)\n    return r")
_scripted("script-list-type", "def forward(self, x):\n    a: List[int] = [x.shape]\n    return x")
_helper = "def forward(self, x):\n    return self.scaled(x, 2)\ndef scaled(self, x, n):\n    return x * n"
_scripted("script-not-annotated", _helper)
_scripted("script-branch-variable", "def forward(self, x):\n    if x.sum() > 0:\n        y = x\n    return y")
_scripted("script-branch-types", "def forward(self, x):\n    if x.sum() > 0:\n        return x\n    return 1")
_scripted("script-missing-return", "def forward(self, x) -> Tensor:\n    if x.sum() > 0:\n        return x")
_scripted("script-return-type", "def forward(self, x) -> Tensor:\n    return 1")
_scripted("script-hasattr", "def forward(self, x):\n    return x if hasattr(x, 'foo') else x * 2")
for _recurrent in (nn.LSTM(4, 3), nn.GRU(4, 3)):
    provokes("script-no-forward")(lambda folder, layer=_recurrent: script(layer)(torch.rand(5, 2, 4)))
_scripted("script-no-attribute", "def forward(self, x):\n    return x.numpy()")
_scripted("script-no-function", "def forward(self, x):\n    return torch.special_thing(x)")
_scripted("script-no-function", "def forward(self, x):\n    return torch.ops.mine.op(x)")
_scripted(
    "script-arguments",
    "def forward(self, x):\n    return self.f(x, 1)\ndef f(self, x, size: Tuple[int, int]):\n    return x",
)
for _call in ("torch.cat(x, 1)", "x.sum(dim=-1, foo=3)", "self.part(x, x)", "sum(y for y in x)"):
    _scripted("script-arguments", f"def forward(self, x):\n    return {_call}", part="nn.Sequential(nn.Linear(4, 4))")
