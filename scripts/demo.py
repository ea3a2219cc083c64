"""The main job on two real models: in the container where an engine and its base image can be had, else natively.

Run by ``make demo``. Everything is written to ``demo-output/``; the tree itself is left alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKSPACE = ROOT / "demo-output"
EXAMPLES = {
    "a torchvision model, random weights": {
        "model": "torchvision:mobilenet_v3_small",
        "output": "mobilenet_v3_small.ptl",
    },
    "a class of your own with a training checkpoint": {
        "config": "examples/digits/ptmobile.yml",
        "output": "digits.ptl",
    },
}

Convert = Callable[[dict[str, str]], int]


def main() -> int:
    """Run the examples, then say what was made and what to do next."""
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    WORKSPACE.mkdir()
    shutil.copytree(ROOT / "examples", WORKSPACE / "examples")
    start = time.monotonic()
    convert = in_container() or natively()
    for title, inputs in EXAMPLES.items():
        print(f"\n== {title}", flush=True)
        code = convert(inputs)
        if code:
            print(f"The demo failed with exit code {code}.", file=sys.stderr)
            return code
        keep_report(Path(inputs["output"]).stem)
    print_result(time.monotonic() - start)
    return 0


def in_container() -> Convert | None:
    """The action's own image, run as the GitHub runner runs it; None, with the reason, where that cannot be."""
    import docker  # noqa: PLC0415 - an optional dependency
    from docker.errors import DockerException  # noqa: PLC0415

    from ptmobile.local import image  # noqa: PLC0415
    from ptmobile.local.step import Step  # noqa: PLC0415

    try:
        client = docker.from_env()
        client.ping()
    except DockerException:
        print("No Docker engine answers: running natively.")
        return None
    base = image.base_image(ROOT / "Dockerfile")
    if not image.available(base, client):
        print(f"The base image {base} cannot be had (scripts/stand-in-base.sh makes one): running natively.")
        return None
    print("A Docker engine answers: building the action's image (a few minutes the first time).", flush=True)
    built = image.build(ROOT, client=client)
    print(f"Running in {built.tag}, {built.size_bytes / 1e6:.0f} MB.")

    def convert(inputs: dict[str, str]) -> int:
        step = Step(image=built.tag, workspace=WORKSPACE, inputs=inputs, mount_docker_socket=False)
        return step.run(client, on_output=lambda text: print(text, end="", flush=True)).exit_code

    return convert


def natively() -> Convert:
    """The command line in this virtual environment."""

    def convert(inputs: dict[str, str]) -> int:
        command = [str(Path(sys.executable).parent / "ptmobile"), "convert"]
        for name, value in inputs.items():
            command += [f"--{name}", value]
        return subprocess.run(command, cwd=WORKSPACE, check=False).returncode

    return convert


def keep_report(name: str) -> None:
    """Both runs write to the same report folder; keep the first's."""
    (WORKSPACE / "ptmobile-report").rename(WORKSPACE / f"report-{name}")


def print_result(seconds: float) -> None:
    """What was made, where it is, and what to do next."""
    print(f"\nDone in {seconds:.0f} s. In {WORKSPACE.relative_to(ROOT)}/ you find:")
    for file in sorted(WORKSPACE.glob("*.ptl")):
        print(f"  {file.name:<26} {file.stat().st_size / 1e6:6.2f} MB, to be put into the app's assets")
    for report in sorted(WORKSPACE.glob("report-*")):
        print(f"  {f'{report.name}/summary.md':<40} the summary that a job shows")
        print(f"  {f'{report.name}/report.html':<40} everything that was found, for your browser")
    print(
        "\nNext: write a ptmobile.yml for your model (examples/digits/ptmobile.yml is one), then\n"
        "  .venv/bin/ptmobile convert --config ptmobile.yml\n"
        "  .venv/bin/ptmobile inspect demo-output/digits.ptl\n"
        "or use the action in a workflow: see README.md."
    )


if __name__ == "__main__":
    raise SystemExit(main())
