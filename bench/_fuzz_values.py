"""Values for the options: such as are meant, such as are nearly right, and such as are meant to break something."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from ptmobile.spec.options import Option

PATHS = [
    *(
        "net.py",
        "models/net.py",
        "good.ptl",
        "bad.ptl",
        "weights.pt",
        "net.pt",
        "own.aar",
        "x.npy",
        "x.npz",
        "base.json",
    ),
    *("half.json", "shards", "empty", "empty/new.ptl", "out/new.ptl", "out.ptl", "out", "loop", "dead", "fifo.pt", "."),
    *(
        "..",
        "../outside/kept.txt",
        "/etc/passwd",
        "//",
        "a/../../b",
        "~/x",
        "a\0b",
        "x" * 300,
        "y/" * 200,
        " ",
        "-x.ptl",
    ),
    *(
        "ptmobile.yml",
        "ptmobile-report",
        "ptmobile-report/report.json",
        "we ird \u00fc|`.py",
        "C:\\x.ptl",
        "missing.pt",
    ),
]
TEXTS = [
    *("", " ", "\t", "\n", "\r\n", "a\r::error::x", "::error::x", "##[error]x", "::stop-commands::x", "::add-mask::x"),
    *(
        "EOF",
        "ghadelimiter_0",
        "<<",
        "a=b",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</details>",
    ),
    *("| a | b |\n|---|---|", "```", "# head", "[x](http://y)", "{{ 7*7 }}", "${{ github.token }}", "$(id)", "`id`"),
    *(
        "\x00",
        "\x1b[2J",
        "\u202e",
        "\u2028",
        "\ufeff",
        "\udc80",
        "\ud800",
        "\U0001f600",
        "\x85",
        "x" * 70000,
        "%s%n",
        "{0}",
    ),
    *(
        "null",
        "~",
        "true",
        "yes",
        "on",
        "off",
        "no",
        "0",
        "-1",
        "1e999",
        "nan",
        ".inf",
        "-0.0",
        "1_000",
        "0x10",
        "0o7",
        "9" * 60,
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "- ",
        "a: b: c",
        "&a [*a]",
        "*a",
        "!!python/object:os.system x",
        "!x y",
    ),
    *("<<: {a: 1}", "? a", "---\n---", "%YAML 9", "'", '"', "@", ",,,", "[" * 60, "{a: " * 60, "a: 1\na: 2"),
    "x: &x [1,1,1,1,1,1,1,1,1]\n"
    + "".join(f"x{i}: &x{i} [{','.join(['*x' + str(i - 1 if i > 1 else '')] * 9)}]\n" for i in range(1, 9)),
]
MEANT: dict[str, list[Any]] = {
    "config": ["c.yml", "ptmobile.yml", "base.json", "net.py"],
    "model": [
        *("net.py:Net", "models/net.py:Net", "models.net:Net", "torchvision:alexnet", "torchvision:nothing", "net.pt"),
        *(
            "good.ptl",
            "bad.ptl",
            "net.py",
            "net.py:",
            ":Net",
            "net.py:Net:Net",
            "os:system",
            "we ird \u00fc|`.py:Net",
            "fifo.pt",
        ),
    ],
    "name": ["net", "a.b-c_d", "x" * 100, "x" * 101, ".x", "CON", "report", "-"],
    "model-args": [{}, [], {"width": 4}, [1, "x", None], {"a b": {"c": [1.5]}}, {"__class__": 1}, {"x" * 500: []}],
    "weights": ["weights.pt", "w.safetensors", "fifo.pt"],
    "weights-key": ["model", "a.b.c", ".", "..", "model."],
    "inputs": [
        *([[1, 3]], [1, 3], [], [[]], [[0]], [[2**31 - 1]], [[2**31]], [[-1]], "x.npy", ["x.npy", [1]], [[1, 3], [2]]),
        *(
            [{"shape": [1], "dtype": "int64", "range": [0, 5]}],
            [{"shape": [1], "range": [5, 0]}],
            [{"shapes": [[1], [2]]}],
        ),
        *(
            [{"shape": [1], "file": "x.npy"}],
            [{"file": "x.npz", "key": "a"}],
            [{"key": "a"}],
            [{"shape": [1], "list-of": 3}],
        ),
        *(
            [{"shape": [1], "dtype": "torch.float16"}],
            [{"shape": [1], "range": [-1e39, 1e39]}],
            [[1.5]],
            [[True]],
            [None],
        ),
    ],
    "optimize-blocklist": [["CONV_BN_FUSION"], ["conv-bn-fusion", "REMOVE_DROPOUT"], ["X"], [1]],
    "preserve-methods": [["forward"], ["a", "b"], ["1"], ["a b"], [""]],
    "output": ["build/net.ptl", "net.ptl", "a/b/c.ptl", "good.ptl", "out/x.ptl", "loop/x.ptl", "models", "x.txt"],
    "distributions": [["normal"], ["zeros", "large"], ["Normal"], []],
    "runtime": ["auto", "none", "1.12.2", "1.9.0", "1.0", "2.0.0", "99.9", "ios", "latest", 1.9],
    "runtime-library": ["own.aar", "good.ptl"],
    "backport-to": [["1.9.0"], ["5"], ["1.9.0", "1.12.2", "7"], [5], ["0"], ["x"], ["-1"]],
    "device-abis": [["native"], ["all"], ["x86_64", "arm64-v8a"], ["mips"]],
    "max-size": ["1MB", "1.5 MiB", "0", "-1", 900, "1e3", "12 parsecs", "9" * 40 + " GB"],
    "max-size-growth": ["5%", "0%", "-5%", 2.5, "1e400%", "%"],
    "only": [["net"], ["net", "x"], []],
    "reports": ["shards", "empty", "net.py", "missing", "out", "."],
    "matrix": [
        '{"include":[{"shard":1,"of":1,"models":"digit"}]}',
        '{"include":[{"shard":1,"of":1,"models":"DigitNet"}]}',
        '{"include":[]}',
        '{"include":[{"shard":0,"models":""}]}',
        "{}",
        "[]",
    ],
    "baseline": ["base.json", "half.json", "net.py", "fifo.pt", "shards/two/report.json"],
    "report": ["base.json", "half.json", "missing.json", "fifo.pt"],
    "artifact-name": ["net", "a/b", 'a"b', "x" * 300, ".", "net.ptl"],
    "comment-id": ["one", "x" * 101, "a b"],
    "github-token": ["sesame-token", "sesame\ntoken", " sesame ", "sesame-" + "x" * 5000],
}


def value(option: Option, random: Random) -> Any:
    """A value for an option, more often one that is meant than not."""
    chance = random.random()
    if chance < 0.65:
        return _meant(option, random)
    if chance < 0.8:
        return random.choice(TEXTS)
    if chance < 0.88:
        return random.choice(PATHS)
    if chance < 0.95:
        return random.choice([None, True, False, 0, -1, 1.5, 1e300, 2**63, 2**64, [], {}, [[]], {"a": []}, [1, "x"]])
    return _spoilt(as_text(_meant(option, random)), random)


def as_text(found: Any) -> str:
    """A value as it is written under ``with:``."""
    if isinstance(found, str):
        return found
    return json.dumps(found)


def _meant(option: Option, random: Random) -> Any:
    if option.name in MEANT:
        return random.choice(MEANT[option.name])
    if option.choices:
        return random.choice(option.choices)
    if option.kind == "boolean":
        return random.choice([True, False])
    if option.kind in ("integer", "number"):
        return random.choice([0, 1, 2, 3, 0.5, 10, 400, 1000, 1e-6])
    return random.choice(PATHS)


def _spoilt(text: str, random: Random) -> str:
    """A text with something inserted, left out, or doubled."""
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(text))
        match random.randrange(3):
            case 0:
                text = text[:place] + random.choice(TEXTS)[:50] + text[place:]
            case 1:
                text = text[:place] + text[place + random.randint(1, 4) :]
            case _:
                text = text[:place] + text[max(0, place - 8) :]
    return text


def spoilt_bytes(data: bytes, random: Random) -> bytes:
    """The same for bytes, which then may be no text at all."""
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(data))
        piece = random.choice(TEXTS).encode("utf-8", "surrogatepass")[:60]
        match random.randrange(4):
            case 0:
                data = data[:place] + piece + data[place:]
            case 1:
                data = data[:place] + data[place + random.randint(1, 6) :]
            case 2:
                data = data[:place] + bytes([random.randrange(256)]) + data[place:]
            case _:
                data = data[:place]
    return data
