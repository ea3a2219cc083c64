"""The text of `ptmobile inspect`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ptmobile.inspecting import render_text
from ptmobile.litefile import read_lite_file
from ptmobile.runtimes import recommend

TINY = Path(__file__).parents[1] / "data" / "tiny.ptl"


def test_everything_is_told() -> None:
    lite = read_lite_file(TINY)
    text = render_text(lite, recommend(lite.bytecode_version, lite.archive_version, "1.13.1"))
    for piece in (
        "tiny.ptl",
        "4,392 bytes",
        lite.sha256,
        "Bytecode version  8",
        "Archive version   3",
        "forward, labels",
        "weights",
        "TorchScript source",
        "Operators (8)",
        "aten::conv2d          6 arguments",
        "aten::relu            1 argument\n",
        "notes/origin.txt",
        "implementation 'org.pytorch:pytorch_android_lite:1.13.1'",
        "pod 'LibTorch-Lite', '~> 1.13.0.1'",
        "oldest that admits the version numbers",
        "was not checked",
    ):
        assert piece in text
    assert "debug " not in text  # empty sections are left out
    assert text.endswith("\n")
    assert all(line == line.rstrip() for line in text.splitlines())


def test_what_is_not_there_is_left_out() -> None:
    lite = msgspec.structs.replace(
        read_lite_file(TINY), operators=(), operator_arguments={}, extra_files=(), methods=(), types=()
    )
    text = render_text(lite)
    assert "Extra files" not in text
    assert "Runtimes" not in text
    assert "Operators" not in text
    assert "Methods           none\n" in text


def test_old_bytecode_has_no_argument_counts() -> None:
    lite = msgspec.structs.replace(read_lite_file(TINY), operator_arguments={})
    assert "  aten::relu\n" in render_text(lite)


def test_no_runtime_is_said() -> None:
    text = render_text(read_lite_file(TINY), recommend(8, 99))
    assert "Android: no published runtime" in text
    assert "implementation" not in text
