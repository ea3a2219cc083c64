"""What only TorchScript has: control flow, plain values, containers in and out."""

# ruff: noqa: UP006, UP035, UP045 - TorchScript of torch 1.13 reads these annotations, and no newer ones

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from small_modules.entry import Family, real

TABLE = real(3, 4)

CONTROL = Family("control flow")


def _flow(name: str, body: str, *inputs: object, arguments: str = "x") -> None:
    CONTROL.text(name, body, *(inputs or (TABLE,)), how="script", arguments=arguments)


_flow(
    "if",
    """
    if bool(x.sum() > 0):
        return x * 2
    return x - 1
""",
)
_flow(
    "if and else",
    """
    if x.size(0) == 3:
        y = x * 2
    else:
        y = x - 1
    return y
""",
)
_flow(
    "while",
    """
    while bool(x.abs().sum() < 100):
        x = x * 2
    return x
""",
)
_flow(
    "for over a range",
    """
    for i in range(5):
        x = x * 0.5 + i
    return x
""",
)
_flow(
    "for over a size",
    """
    total = torch.zeros(4)
    for i in range(x.size(0)):
        total = total + x[i] * i
    return total
""",
)
_flow(
    "nested loops",
    """
    y = torch.zeros(3, 4)
    for i in range(3):
        for j in range(i, 4):
            if (i + j) % 2 == 0:
                y[i, j] = x[i, j]
    return y
""",
)
_flow(
    "break and continue",
    """
    total = 0
    for i in range(10):
        if i == 2:
            continue
        if i > 5:
            break
        total += i
    return x * total
""",
)
_flow(
    "for over rows",
    """
    rows = []
    for row in x:
        rows.append(row.sum())
    return torch.stack(rows)
""",
)
_flow(
    "an assertion that holds",
    """
    assert x.dim() == 2, "a table is needed"
    return x + 1
""",
)
_flow(
    "an exception that is not raised",
    """
    if x.dim() != 2:
        raise ValueError("a table is needed")
    return x + 1
""",
)
_flow(
    "list: append and stack",
    """
    parts: List[Tensor] = []
    for i in range(3):
        parts.append(x * i)
    return torch.stack(parts)
""",
)
_flow(
    "list: comprehension",
    """
    parts = [x * i for i in range(4)]
    return torch.cat(parts, 1)
""",
)
_flow(
    "list: sorted numbers",
    """
    numbers = [3, 1, 2]
    numbers.sort()
    return x * numbers[0] + numbers[-1]
""",
)
_flow(
    "list: sorted copy",
    """
    numbers = sorted([3, 1, int(x.size(0))])
    return x * numbers[0] + numbers[-1]
""",
)
_flow(
    "list: sorted texts",
    """
    names = ["b", "a", "c"]
    names.sort()
    return x if names[0] == "a" else -x
""",
)
_flow(
    "list: sum of integers",
    """
    return x * sum([1, 2, x.size(0)])
""",
)
_flow(
    "list: sum of floats",
    """
    return x * sum([0.5, 0.25, float(x.size(0))])
""",
)
_flow(
    "list: any and all",
    """
    flags = [x.size(0) > 2, x.size(1) > 2]
    return x + int(any(flags)) + int(all(flags))
""",
)
_flow(
    "list: slice, insert, pop, remove",
    """
    numbers = [1, 2, 3, 4]
    numbers.insert(0, 9)
    last = numbers.pop()
    numbers.remove(2)
    rest = numbers[1:]
    return x * rest[0] + last * len(rest)
""",
)
_flow(
    "list: minimum and maximum",
    """
    numbers = [x.size(0), 7, 2]
    return x * max(numbers) + min(numbers)
""",
)
_flow(
    "list: reverse, index, count, extend",
    """
    numbers = [1, 2, 2]
    numbers.extend([5, x.size(0)])
    numbers.reverse()
    return x * numbers.index(5) + numbers.count(2)
""",
)
_flow(
    "list: membership",
    """
    return x * 2 if x.size(0) in [1, 2, 3] else x
""",
)
_flow(
    "list: of floats to a tensor",
    """
    numbers = [float(i) * 0.5 for i in range(x.size(1))]
    return x + torch.tensor(numbers)
""",
)
_flow(
    "enumerate and zip",
    """
    total = torch.zeros(4)
    for i, row in enumerate([x[0], x[1]]):
        total = total + row * i
    for a, b in zip([1, 2], [x[1], x[2]]):
        total = total + b * a
    return total
""",
)
_flow(
    "list: of amounts to pad, changed before",
    """
    amounts = [1, 2]
    amounts.append(0)
    amounts.append(1)
    return F.pad(x[None], amounts)
""",
)
_flow(
    "dict: built and read",
    """
    table: Dict[str, Tensor] = {"a": x}
    table["b"] = x + 1
    total = torch.zeros_like(x)
    for key in table.keys():
        total = total + table[key]
    if "c" in table:
        total = total * 0
    return total
""",
)
_flow(
    "dict: items, get, pop",
    """
    table = {1: x, 2: x * 2}
    taken = table.pop(1)
    other = table.get(7, x)
    total = taken + other
    for key, value in table.items():
        total = total + value * key
    return total
""",
)
_flow(
    "dict: of numbers",
    """
    sizes = {"rows": x.size(0), "columns": x.size(1)}
    return x * sizes["rows"] + len(sizes)
""",
)
_flow(
    "text: compared",
    """
    mode = "double" if x.size(0) > 2 else "half"
    return x * 2 if mode == "double" else x / 2
""",
)
_flow(
    "text: formatted",
    """
    return "{} rows of {}".format(x.size(0), x.size(1))
""",
)
_flow(
    "text: joined, split, cut",
    """
    words = "a b c".split(" ")
    return "-".join(words)[1:] + str(x.size(0))
""",
)
_flow(
    "text: upper, strip, replace, find",
    """
    text = " Some text ".strip().upper().replace("T", "t")
    return text + str(text.find("E")) + str(x.size(0))
""",
)
_flow(
    "text: to numbers",
    """
    return x * int("3") + float("0.5")
""",
)
_flow(
    "text: ord and chr",
    """
    return chr(ord("a") + x.size(0))
""",
)
_flow(
    "text: starts with, in",
    """
    text = "encoder.layer"
    if text.startswith("encoder") and "layer" in text:
        return x + 1
    return x
""",
)
_flow(
    "optional",
    """
    y: Optional[Tensor] = None
    if x.size(0) > 2:
        y = x + 1
    if y is not None:
        return y * 2
    return x
""",
)
_flow(
    "numbers: integer arithmetic",
    """
    n = x.size(0)
    return x * (n * 7 // 2 - n % 2 + n ** 2)
""",
)
_flow(
    "numbers: bits of integers",
    """
    n = x.size(0)
    return x * ((n & 1) + (n | 4) + (n ^ 2) + (n << 1) + (n >> 1))
""",
)
_flow(
    "numbers: float arithmetic",
    """
    n = float(x.size(0))
    return x * (n / 2 - n // 2 + n % 2 + n ** 0.5)
""",
)
_flow(
    "numbers: mathematics",
    """
    n = float(x.size(0))
    return x * (math.sqrt(n) + math.exp(-n) + math.log(n) + math.sin(n) + math.pi)
""",
)
_flow(
    "numbers: mathematics of integers",
    """
    n = x.size(0)
    return x * (math.sqrt(n) + math.log(n) + math.floor(n / 2) + math.ceil(n / 2))
""",
)
_flow(
    "numbers: more mathematics",
    """
    n = float(x.size(0))
    return x * (math.pow(n, 2) + math.tanh(n) + math.atan2(n, 1.0) + math.fabs(-n) + math.cosh(1.0))
""",
)
_flow(
    "numbers: rounding, absolute value",
    """
    n = float(x.size(0)) - 5.6
    return x * (round(n) + abs(n) + abs(x.size(0) - 9) + int(n))
""",
)
_flow(
    "numbers: divmod, powers, min, max",
    """
    q, r = divmod(17, x.size(0))
    return x * (q + r + min(q, r) + max(1.5, float(q)) + 2 ** r)
""",
)
_flow(
    "numbers: comparisons",
    """
    n = x.size(0)
    flag = n > 2 and not (n == 7 or n != 3) and n <= 3
    return x + float(flag)
""",
)
_flow(
    "numbers: NaN and infinity",
    """
    n = float("inf") if x.size(0) > 5 else 1.0
    return x * n if not math.isnan(n) and math.isfinite(n) else x
""",
)
_flow(
    "numbers: of a tensor",
    """
    n = int(x.argmax())
    f = float(x.max())
    return x * n + f + x.sum().item()
""",
)
_flow(
    "shape compared",
    """
    if list(x.shape) == [3, 4] and list(x.shape)[0] == 3:
        return x * 2
    return x
""",
)
_flow(
    "data type and device",
    """
    if x.dtype == torch.float32 and not x.is_cuda and x.device == torch.device("cpu"):
        return x.to(dtype=torch.float64)
    return x
""",
)
_flow(
    "floating or not",
    """
    if x.is_floating_point() and not x.is_complex() and not x.requires_grad:
        return x * 2
    return x
""",
)
_flow(
    "a warning",
    """
    import_warning = x.size(0)
    if import_warning > 99:
        print("large", import_warning)
    return x + 1
""",
)
_flow(
    "printing",
    """
    print("rows", x.size(0))
    return x + 1
""",
)
_flow(
    "tuple: unpacked, indexed, compared",
    """
    pair = (x, x + 1)
    a, b = pair
    sizes = (x.size(0), 4)
    return a + b + pair[1] if sizes == (3, 4) else a
""",
)
_flow(
    "early return in a loop",
    """
    for i in range(10):
        if bool(x.sum() > 50):
            return x
        x = x.abs() + i
    return x * 0
""",
)
_flow(
    "interpolation by a computed mode",
    """
    mode = "nearest" if x.size(0) > 5 else "bilinear"
    return F.interpolate(x[None, None], scale_factor=2.0, mode=mode)
""",
)
_flow(
    "padding by a computed mode",
    """
    mode = "constant" if x.size(0) > 5 else "replicate"
    return F.pad(x[None], [1, 1], mode=mode)
""",
)
_flow(
    "einsum in a branch that is not taken",
    """
    if x.size(0) > 99:
        x = torch.einsum("ij->ji", [x])
    return x + 1
""",
)
_flow(
    "an inverse in a branch that is not taken",
    """
    if x.size(0) > 99:
        x = torch.inverse(x)
    return x + 1
""",
)
_flow(
    "einsum in a loop",
    """
    for i in range(x.size(0)):
        x = torch.einsum("ij,ij->ij", [x, x])
    return x
""",
)


class Switch(nn.Module):
    """Layers in a list and in a dictionary, and attributes of several kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.named = nn.ModuleDict({"tanh": nn.Tanh(), "relu": nn.ReLU()})
        self.factors: List[float] = [0.5, 2.0, 1.5]
        self.offsets: Dict[str, int] = {"tanh": 1, "relu": 2}

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            x = layer(x) * self.factors[i]
        for name, layer in self.named.items():
            x = layer(x) + self.offsets[name]
        return x


class Counting(nn.Module):
    """Changes its own state."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(3, 4))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.total.add_(x)
        return self.total * self.calls


class Helping(nn.Module):
    """A method, a free function and a static one."""

    def forward(self, x: Tensor) -> Tensor:
        return helper(self.twice(x), 3)

    @torch.jit.export
    def twice(self, x: Tensor) -> Tensor:
        return x * 2


def helper(x: Tensor, n: int) -> Tensor:
    """A free function with a default branch."""
    if n > 5:
        return x
    return x.pow(n)


class Forked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        future = torch.jit.fork(helper, x, 2)
        return helper(x, 3) + torch.jit.wait(future)


class WithoutGradient(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return x * 2


class Warned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return x * 2
        return x * 2


CONTROL.module("modules in lists and dicts", Switch, TABLE, how="script")
CONTROL.module("state that changes", Counting, TABLE, how="script")
CONTROL.module("methods and functions", Helping, TABLE, how="script")
CONTROL.module("fork and wait", Forked, TABLE, how="script")
CONTROL.module("with no_grad", WithoutGradient, TABLE, how="both")
CONTROL.module("is_scripting", Warned, TABLE, how="script")


# Not as a class: TorchScript does not resolve annotations that are strings.
Pair = NamedTuple("Pair", [("first", Tensor), ("second", Tensor)])  # noqa: UP014


class Named(nn.Module):
    def forward(self, x: Tensor) -> Pair:
        return Pair(x, x + 1)


class Nested(nn.Module):
    def forward(self, x: Tensor) -> Tuple[Tensor, Tuple[Tensor, List[Tensor]]]:
        return x, (x + 1, [x + 2, x + 3])


class Keyed(nn.Module):
    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"out": x, "aux": x + 1}


class Inside(nn.Module):
    """A named tuple that no signature shows."""

    def forward(self, x: Tensor) -> Tensor:
        pair = Pair(x, x + 1)
        return pair.first * pair.second


class Mixed(nn.Module):
    def forward(self, x: Tensor) -> Tuple[Tensor, Optional[Tensor], str]:
        return x, None, "a label"


class Detections(nn.Module):
    """What detectors return: a list of dictionaries."""

    def forward(self, x: Tensor) -> List[Dict[str, Tensor]]:
        return [{"boxes": row, "scores": row.sum(0, keepdim=True)} for row in x.unbind(0)]


OUTPUTS = Family("outputs")
OUTPUTS.module("named tuple", Named, TABLE, how="both")
OUTPUTS.module("named tuple inside", Inside, TABLE, how="script")
OUTPUTS.module("nested tuples and lists", Nested, TABLE, how="both")
OUTPUTS.module("dict", Keyed, TABLE, how="script")
OUTPUTS.module("tensor, None and text", Mixed, TABLE, how="script")
OUTPUTS.module("list of dicts", Detections, TABLE, how="script")
for _name, _text in {
    "tuple": "(x, x + 1)",
    "tuple of one": "(x,)",
    "list of tensors": "[x, x + 1]",
    "the same tensor twice": "(x, x)",
    "an input itself": "x",
    "empty": "x[:0]",
    "without dimensions": "x.sum()",
    "permuted": "x.t()",
    "expanded": "x[:1].expand(5, 4)",
    "every second column": "x[:, ::2]",
    "channels last": "x[None, None].contiguous(memory_format=torch.channels_last)",
    "channels last, three channels": "x.view(1, 3, 2, 2).contiguous(memory_format=torch.channels_last)",
    "of one axis in several": "x.view(1, 1, 12, 1)",
}.items():
    OUTPUTS.text(_name, _text, TABLE)
for _name, _text in {
    "text": "'found ' + str(x.size(0))",
    "integer": "x.size(0)",
    "float": "float(x.sum())",
    "flag": "bool(x.sum() > 100)",
    "None": "None",
    "list of integers": "[x.size(0), 7]",
    "list of floats": "[float(x.size(0)), 0.5]",
    "list of flags": "[x.size(0) > 1, False]",
    "list of texts": "['a', 'b' + str(x.size(0))]",
    "size": "list(x.shape)",
    "tuple of plain values": "(x.size(0), 0.5, True, 'text', None)",
    "dict with integer keys": "{1: x, 2: x + 1}",
    "dict of integers": "{'rows': x.size(0)}",
    "dict of lists": "{'parts': [x, x + 1]}",
    "empty list": "torch.jit.annotate(List[Tensor], [])",
    "list of lists": "[[x], [x, x + 1]]",
}.items():
    OUTPUTS.text(_name, _text, TABLE, how="script")

ARGUMENTS = Family("arguments")


def _takes(name: str, arguments: str, body: str, *inputs: object) -> None:
    ARGUMENTS.text(name, body, *inputs, how="script", arguments=arguments)


_takes("an integer", "x, n: int", "x * n", TABLE, 3)
_takes("a float", "x, n: float", "x * n", TABLE, 0.5)
_takes("a flag", "x, n: bool", "x if n else -x", TABLE, False)
_takes("a text", "x, mode: str", "x if mode == 'plain' else -x", TABLE, "inverse")
_takes("a list of tensors", "x: List[Tensor]", "torch.cat(x)", [TABLE, TABLE + 1])
_takes("a list of integers", "x, n: List[int]", "x.view(n)", TABLE, [2, 6])
_takes("a list of floats", "x, n: List[float]", "x + torch.tensor(n)", TABLE, [0.5, 1.0, 1.5, 2.0])
_takes("a dict", "x: Dict[str, Tensor]", "x['a'] + x['b']", {"a": TABLE, "b": TABLE + 1})
_takes("a dict with integer keys", "x: Dict[int, Tensor]", "x[1] + x[2]", {1: TABLE, 2: TABLE + 1})
_takes("a tuple", "x: Tuple[Tensor, int]", "x[0] * x[1]", (TABLE, 3))
_takes("None", "x, y: Optional[Tensor]", "x if y is None else y", TABLE, None)
_takes("a tensor where None may be", "x, y: Optional[Tensor]", "x if y is None else y", TABLE, TABLE + 1)
_takes("an omitted default", "x, n: int = 3", "x * n", TABLE)
_takes("nothing but itself", "", "torch.ones(2, 3)")
_takes("a list of texts", "x, names: List[str]", "x * len(names)", TABLE, ["a", "b"])
_takes("many types of tensors", "x, y, z", "x * y + z", TABLE, torch.tensor([1, 2, 3, 4]), TABLE.double())
