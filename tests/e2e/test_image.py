"""What the image holds and does not hold, seen from outside and from inside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import docker
import pytest

from ptmobile.device.kit import native_abi
from ptmobile.local.image import Image, build, compressed_size
from ptmobile.local.step import Step, StepResult
from tests.e2e.conftest import ROOT

RunPython: TypeAlias = Callable[..., StepResult]

# Measured 479 MB and 161 MB, of which 53 and 18 run arm64 libraries on x86-64; 5 % of room. What exceeds it should be
# looked at (bench/image_size.py) before it is paid.
SIZE_BUDGET = 503_000_000
COMPRESSED_BUDGET = 169_000_000
#: What runs in the image: on an arm64 machine x86_64 is not emulated.
ABIS = ["x86_64", "arm64-v8a"] if native_abi() == "x86_64" else ["arm64-v8a"]


@pytest.fixture(scope="module")
def config(docker_client: docker.DockerClient, action_image: Image) -> dict[str, Any]:
    settings = docker_client.images.get(action_image.id).attrs["Config"]
    assert isinstance(settings, dict)
    return settings


def test_leaves_user_and_folder_to_the_runner(config: dict[str, Any]) -> None:
    assert not config.get("User")
    assert config.get("WorkingDir") in {None, "", "/"}


def test_entrypoint_is_python_itself(config: dict[str, Any]) -> None:
    # Exec form; never a shell: dash drops INPUT_A-B. Isolated: the workspace must not shadow our modules.
    interpreter, isolated, script = config["Entrypoint"]
    assert interpreter.startswith("/")
    assert "python3" in interpreter
    assert isolated == "-I"
    assert script.startswith("/")
    assert not config.get("Cmd")


def test_size_within_budget(docker_client: docker.DockerClient, action_image: Image) -> None:
    assert action_image.size_bytes <= SIZE_BUDGET
    assert compressed_size(action_image.id, docker_client) <= COMPRESSED_BUDGET


def _checked(result: StepResult) -> Any:
    """The last line that the code inside printed, as JSON."""
    assert result.exit_code == 0, result.log
    return json.loads(result.log.strip().splitlines()[-1])


VERSIONS = """
import json, sys, torch, torchvision, numpy, msgspec, yaml, jinja2, safetensors.torch, PIL.Image, packaging.version
import ptmobile
print(json.dumps([sys.version_info[:2], torch.__version__, torchvision.__version__, yaml.__version__, yaml.__file__]))
"""


def test_versions(run_python: RunPython) -> None:
    python, torch, torchvision, yaml, yaml_file = _checked(run_python(VERSIONS))
    assert python == [3, 11]
    assert torch == "1.13.0a0"  # what Debian's 1.13.1+dfsg-4 calls itself
    assert torchvision == "0.14.1a0"
    assert (yaml, yaml_file.startswith("/usr/local/")) == ("6.0.3", True)  # the locked one


BACKENDS = """
import json, torch
torch.rand(64, 64) @ torch.rand(64, 64)
libraries = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print(json.dumps({
    "settings": torch.__config__.show(),
    "engines": torch.backends.quantized.supported_engines,
    "blas": sorted(library for library in libraries if "blas" in library or "lapack" in library),
    "libraries": len(libraries),
}))
"""


def test_computes_with_xnnpack_qnnpack_and_serial_openblas(run_python: RunPython) -> None:
    found = _checked(run_python(BACKENDS))
    assert "-DUSE_XNNPACK" in found["settings"]
    assert "qnnpack" in found["engines"]
    assert found["blas"]
    assert all("/openblas-serial/" in library for library in found["blas"])
    assert found["libraries"] < 130  # plain Debian: 289


CONVERSION = """
import json, os, tempfile, torch, torchvision
from torch.jit.mobile import _load_for_lite_interpreter
from torch.utils.mobile_optimizer import optimize_for_mobile
torch.manual_seed(0)
torch.set_num_threads(1)
model = torchvision.models.mobilenet_v2(weights=None).eval()
example = torch.rand(1, 3, 224, 224)
file = os.path.join(tempfile.mkdtemp(), "model.ptl")
report = {}
with torch.no_grad():
    expected = model(example)
    for name, captured in {"trace": torch.jit.trace(model, example, check_trace=False),
                           "script": torch.jit.script(model)}.items():
        optimised = optimize_for_mobile(torch.jit.freeze(captured))
        optimised._save_for_lite_interpreter(file)
        got = _load_for_lite_interpreter(file)(example)
        report[name] = float((got - expected).abs().max() / expected.abs().max())
keep = torchvision.ops.nms(torch.tensor([[0., 0, 9, 9], [0, 0, 9, 8], [5, 5, 20, 20]]), torch.tensor([.9, .8, .7]), .5)
report["nms"] = keep.tolist()
print(json.dumps(report))
"""


def test_converts_a_model(run_python: RunPython) -> None:
    found = _checked(run_python(CONVERSION))
    assert found["trace"] < 1e-5
    assert found["script"] < 1e-5
    assert found["nms"] == [0, 2]


EVERY_KIND = """
import json, torch, torchvision
torch.set_num_threads(1)
torch.backends.quantized.engine = "qnnpack"
zoo = torchvision.models
image = torch.rand(1, 3, 64, 64)
with torch.no_grad():
    detection = zoo.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    torch.jit.script(detection)
    assert set(detection([image[0]])[0]) == {"boxes", "scores", "labels"}
    segmentation = zoo.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    assert segmentation(image)["out"].shape == (1, 21, 64, 64)
    quantized = zoo.quantization.mobilenet_v3_large(weights=None, quantize=True).eval()
    assert torch.jit.script(quantized)(image).shape == (1, 1000)
    assert zoo.video.mc3_18(weights=None).eval()(torch.rand(1, 3, 4, 32, 32)).shape == (1, 400)
    assert len(zoo.optical_flow.raft_small(weights=None).eval()(torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128)))
    deformed = torchvision.ops.deform_conv2d(image, torch.zeros(1, 18, 62, 62), torch.rand(4, 3, 3, 3))
    assert deformed.shape == (1, 4, 62, 62)
    assert torch.linalg.svd(torch.rand(3, 3)).S.shape == torch.fft.fft(torch.rand(3)).shape
    assert torch.__version__ >= "1.9"
print(json.dumps("done"))
"""


def test_every_kind_of_torchvision_model_runs(run_python: RunPython) -> None:
    assert _checked(run_python(EVERY_KIND)) == "done"


LIBRARIES = """
import json, pathlib, subprocess
loader = next(pathlib.Path("/lib64").glob("ld-linux*.so*"), None) or next(pathlib.Path("/lib").glob("ld-linux*.so*"))
missing = {}
for file in pathlib.Path("/usr").rglob("*"):
    if file.is_symlink() or not file.is_file() or file.suffix in {".py", ".pyc"}:
        continue
    with file.open("rb") as stream:
        if stream.read(4) != b"\\x7fELF":
            continue
    listing = subprocess.run([loader, "--list", file], capture_output=True, text=True)
    lost = [line.split()[0] for line in listing.stdout.splitlines() if "not found" in line]
    if lost:
        missing[str(file)] = lost
print(json.dumps(missing))
"""


def test_no_library_misses_another(run_python: RunPython) -> None:
    assert _checked(run_python(LIBRARIES)) == {}


CONTENTS = """
import json, importlib.util, pathlib, pwd, shutil, ssl
tools = ("pip", "pip3", "gcc", "cc", "g++", "ld", "make", "perl", "apt-get", "dpkg", "git", "curl", "java", "javac")
parts = {"javac", "jlink", "jar", "java.base.jmod", "jni.h", "cc1", "crt1.o", "as", "strip", "libc.a"}
modules = ("pip", "setuptools", "sympy", "hypothesis", "pytest")
print(json.dumps({
    "programs": [name for name in tools if shutil.which(name)],
    "parts": [str(f) for top in ("/usr", "/opt") for f in pathlib.Path(top).rglob("*") if f.name in parts],
    "modules": [name for name in modules if importlib.util.find_spec(name)],
    "worker": list(pwd.getpwnam("ptmobile-worker")[2:]),
    "authorities": ssl.create_default_context().cert_store_stats()["x509_ca"],
    "setuid": [str(f) for f in pathlib.Path("/usr").rglob("*") if not f.is_symlink() and f.stat().st_mode & 0o6000],
    "writable": [str(f) for f in pathlib.Path("/usr").rglob("*") if not f.is_symlink() and f.stat().st_mode & 0o002],
    "licences": sum(1 for _ in pathlib.Path("/usr/share/doc").glob("*/copyright")),
    "packages": pathlib.Path("/var/lib/dpkg/status").read_text().count("Package: "),
}))
"""


def test_holds_what_is_needed_and_no_tools(run_python: RunPython) -> None:
    found = _checked(run_python(CONTENTS))
    assert found["programs"] == []
    assert found["parts"] == []
    assert found["modules"] == []
    assert found["worker"] == [10001, 10001, "loads and runs models", "/nonexistent", "/usr/sbin/nologin"]
    assert found["authorities"] > 100
    assert found["setuid"] == []
    assert found["writable"] == []
    assert found["licences"] > 80
    assert found["packages"] > 80


KITS = """
import json, pathlib
from ptmobile.device.kit import find_machine
kit = pathlib.Path("/opt/ptmobile/device")
print(json.dumps({
    "abis": {abi: find_machine(kit, abi, {}).emulator for abi in %r},
    "others": sorted(path.name for path in kit.iterdir()),
    "modules": {str(f.read_text().split("MODULES=")[1].split()[0]) for f in kit.glob("*/jre/release")}.pop(),
    "recorded": sorted(path.name for path in pathlib.Path("/var/lib/dpkg/status.d").iterdir()),
    "documents": [path.name for path in pathlib.Path("/usr/share/doc").glob("qemu*")],
    "baked": [str(path) for path in pathlib.Path("/opt/ptmobile/runtimes").rglob("*")],
}))
"""


def test_has_what_runs_the_phones_libraries(run_python: RunPython) -> None:
    found = _checked(run_python(KITS % ABIS))
    emulated = [abi for abi, emulator in found["abis"].items() if emulator]
    assert list(found["abis"]) == ABIS
    assert emulated == [abi for abi in ABIS if abi != native_abi()]
    assert found["others"] == sorted([*ABIS, "runner.jar"])
    assert found["modules"] == '"java.base"'
    qemu = ["qemu-user-static"] if emulated else []
    assert found["recorded"] == ["openjdk-17-jre-headless", *qemu]  # for scanners
    assert found["documents"] == qemu
    assert found["baked"] == []


DEVICE = """
import json, os, pathlib, torch
from ptmobile.device.kit import find_machine
from ptmobile.device.plan import ModelFile, Trial
from ptmobile.device.prepare import prepare
from ptmobile.device.runner import Runner
from ptmobile.device.wire import TensorAt
from ptmobile.runtimes.fetching import JgoClient, fetch_runtime, folders_of

abi = %r
folder = pathlib.Path("/tmp/device")
folder.mkdir()
torch.manual_seed(0)
model, example = torch.nn.Conv2d(3, 4, 3).eval(), torch.rand(1, 3, 8, 8)
torch.jit.trace(model, example)._save_for_lite_interpreter(str(folder / "model.ptl"))
(folder / "input.bin").write_bytes(example.numpy().tobytes())
library = fetch_runtime("1.12.2", folders_of(os.environ), JgoClient.from_environment(os.environ))
prepared = prepare(library.aar.path, [jar.path for jar in library.jars], abi, folder / "library")
machine = find_machine(pathlib.Path("/opt/ptmobile/device"), abi, os.environ)
(folder / "work").mkdir()
os.chown(folder / "work", 10001, 10001)
os.setgroups([]), os.setgid(10001), os.setuid(10001)
trial = Trial([TensorAt("float32", (1, 3, 8, 8), 0, 768, "contiguous")], folder / "input.bin")
report = Runner(machine, prepared, folder / "library").run(
    [ModelFile(folder / "model.ptl", [trial])], folder / "work", {}
)
output = report.files[0].trials[0].output
got = torch.frombuffer(bytearray(output.data.read_bytes()), dtype=torch.float32).reshape(output.value.shape)
with torch.no_grad():
    error = float((got - model(example)).abs().max())
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"uid": os.getuid(), "locked": status["NoNewPrivs"].strip(), "caps": status["CapEff"].strip(),
                  "emulated": machine.emulated, "shape": output.value.shape, "error": error}))
"""


@pytest.mark.parametrize("abi", ABIS)
def test_runs_the_phones_library_as_the_worker(abi: str, run_python: RunPython) -> None:
    found = _checked(run_python(DEVICE % abi, options={"security_opt": ["no-new-privileges"]}))
    assert (found["uid"], found["locked"], int(found["caps"], 16)) == (10001, "1", 0)
    assert found["emulated"] == (abi != native_abi())
    assert found["shape"] == [1, 4, 6, 6]
    assert found["error"] < 1e-6


NET = "import torch\n\ndef make():\n    torch.manual_seed(0)\n    return torch.nn.Conv2d(3, 4, 3)\n"


@pytest.fixture(scope="module")
def baked_image(docker_client: docker.DockerClient, action_image: Image, clean_tree: Path) -> Iterator[Image]:
    """The image with a release of the phone's library inside; all else is cached."""
    image = build(clean_tree, f"{action_image.tag}-baked", arguments={"RUNTIMES": "1.12.2"}, client=docker_client)
    yield image
    docker_client.images.remove(image.tag)


def test_a_baked_release_needs_no_network(
    docker_client: docker.DockerClient, action_image: Image, baked_image: Image, tmp_path: Path
) -> None:
    results = {}
    for image in (baked_image, action_image):
        workspace = tmp_path / image.tag.replace(":", "-")
        workspace.mkdir()
        (workspace / "net.py").write_text(NET)
        step = Step(
            image=image.tag,
            workspace=workspace,
            action_file=ROOT / "action.yml",
            inputs={
                "model": "net.py:make",
                "inputs": "[[1, 3, 8, 8]]",
                "runtime": "1.12.2",
                "device-check": "required",
                "trials": "1",
            },
            options={"network_mode": "none"},
        )
        results[image.tag] = step.run(docker_client)
    baked, plain = results[baked_image.tag], results[action_image.tag]
    assert baked.exit_code == 0, baked.log
    assert baked.outputs["device-verified"] == "true"
    # Without it there is no library: the network was cut off indeed.
    assert plain.exit_code == 6, plain.log
    assert plain.outputs["device-verified"] == "false"


def test_a_change_of_our_package_changes_the_last_layer_alone(
    docker_client: docker.DockerClient, action_image: Image, clean_tree: Path, tmp_path: Path
) -> None:
    tree = shutil.copytree(clean_tree, tmp_path / "tree", symlinks=True)
    with (tree / "src/ptmobile/errors.py").open("a") as file:
        file.write("\n# changed\n")
    changed = build(tree, f"{action_image.tag}-changed", client=docker_client)
    try:
        before, after = (
            docker_client.images.get(image.id).attrs["RootFS"]["Layers"] for image in (action_image, changed)
        )
    finally:
        docker_client.images.remove(changed.tag)
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


BYTE_CODE = """
import json, sys
import torch, torchvision, torch.utils.mobile_optimizer, jinja2, yaml, msgspec, ptmobile.spec
compiled = [getattr(module, "__cached__", None) for module in list(sys.modules.values())]
import pathlib
print(json.dumps([path for path in compiled if path and not pathlib.Path(path).exists()]))
"""


def test_everything_imported_is_compiled_already(run_python: RunPython) -> None:
    assert _checked(run_python(BYTE_CODE)) == []


def test_works_on_a_read_only_root_as_the_worker(run_python: RunPython) -> None:
    hard = {"read_only": True, "user": "ptmobile-worker", "cap_drop": ["ALL"], "tmpfs": {"/tmp": "size=64m"}}
    found = _checked(run_python(CONVERSION, options=hard))
    assert found["nms"] == [0, 2]


def test_works_on_a_read_only_root_as_started_by_default(run_python: RunPython) -> None:
    code = "import json, os, torch, torchvision; print(json.dumps([os.getuid(), os.getcwd()]))"
    assert _checked(run_python(code, options={"read_only": True})) == [0, "/github/workspace"]


def test_the_workspace_shadows_nothing(run_python: RunPython, tmp_path: Path) -> None:
    for name in ("torch.py", "ptmobile.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('imported from the workspace')")
    code = "import json, torch, ptmobile; print(json.dumps(ptmobile.__file__))"
    found = _checked(run_python(code, workspace=tmp_path, env={"PYTHONPATH": "/github/workspace"}))
    assert found == "/usr/local/lib/python3.11/dist-packages/ptmobile/__init__.py"
