"""The wall between host and worker: nothing of the host reaches a worker, and only an honest result comes back."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ptmobile import pipeline
from ptmobile.pipeline import run_models
from ptmobile.progress.base import Lines
from ptmobile.protocol import MAX_LINE_BYTES, Finished, Message, Noticed, StageBegan, WorkerSays, encode
from ptmobile.report.model import Source
from ptmobile.result import Failure, ModelResult, Notice, Problem, WorkerFile
from ptmobile.sandbox import Outcome, Task, WorkerError, Workers, account, listening, parent, workers
from ptmobile.sandbox.account import Account, worker_account, worker_environment
from ptmobile.sandbox.listening import Listener
from ptmobile.spec.conversion import ConversionSpec, ExampleInput, RunSpec
from tests.process_support import alive

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
SECRETS = {
    "GITHUB_TOKEN": "token-of-github",
    "ACTIONS_RUNTIME_TOKEN": "token-of-the-runtime",
    "INPUT_GITHUB-TOKEN": "token-as-input",
    "INPUT_MODEL": "value-of-an-input",
    "GITHUB_OUTPUT": "/file/of/outputs",
    "RUNNER_TEMP": "/folder/of/the/runner",
    "AWS_SECRET_ACCESS_KEY": "key-of-a-cloud",
    "PYTHONPATH": "/path/of/the/host",
    "LD_PRELOAD": "",
}
WORKING = "def make():\n    import torch\n    return torch.jit.script(torch.nn.ReLU())\n"


class Ears:
    """Keeps what a worker prints."""

    def __init__(self) -> None:
        self.out, self.err = bytearray(), bytearray()

    def stdout(self, data: bytes) -> None:
        self.out += data

    def stderr(self, data: bytes) -> None:
        self.err += data


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(MODELS, tmp_path_factory.mktemp("workspace"), dirs_exist_ok=True))


@pytest.fixture(scope="module")
def prepared(workspace: Path) -> Iterator[Workers]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        with Workers(workspace) as prepared:
            yield prepared


Run = Callable[..., tuple[Outcome, list[Message], Ears]]


@pytest.fixture
def run(prepared: Workers, workspace: Path) -> Run:
    """Convert a model whose source is given."""

    def run(source: str, **options: object) -> tuple[Outcome, list[Message], Ears]:
        (workspace / "given.py").write_text(source)
        heard: list[Message] = []
        ears = Ears()
        spec = ConversionSpec(model="given.py:make", name="given", inputs=(ExampleInput(shape=(2,)),), **options)  # type: ignore[arg-type]
        outcome = prepared.run(Task(spec), heard.append, ears)
        prepared.clean(outcome)
        return outcome, heard, ears

    return run


@pytest.fixture
def _no_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a kernel that has none: what is tested then is the rest of the wall."""
    monkeypatch.setattr(workers, "fence_for", lambda *_, **__: None)


# --- what a worker finds ---------------------------------------------------------------------------------------------

LOOK = """
import json, os
from pathlib import Path

def make():
    descriptors = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            descriptors[entry] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:
            pass
    print(json.dumps({
        "environ": dict(os.environ),
        "started with": Path("/proc/self/environ").read_text(),
        "parent started with": Path(f"/proc/{os.getppid()}/environ").read_text(),
        "cwd": os.getcwd(),
        "descriptors": descriptors,
        "session": os.getsid(0) != os.getsid(os.getppid()) or os.getsid(0) == os.getppid(),
        "stdin": os.readlink("/proc/self/fd/0"),
        "privileges": [line for line in Path("/proc/self/status").read_text().splitlines() if "NoNewPrivs" in line],
        "threads": __import__("torch").get_num_threads(),
    }))
    import torch
    return torch.jit.script(torch.nn.ReLU())
"""


def test_a_worker_finds_nothing_of_the_host_in_its_environment(run: Run, workspace: Path) -> None:
    outcome, _, ears = run(LOOK)
    assert outcome.result is not None, outcome.ended
    seen = json.loads(ears.out)
    text = json.dumps(seen)
    for name, value in SECRETS.items():
        assert name not in seen["environ"]
        assert not value or value not in text
    assert set(seen["environ"]) <= set(worker_environment(Path("/x"))) | {"LC_CTYPE"}
    desk = Path(seen["cwd"])
    assert desk.parent == outcome.scratch
    assert Path(seen["environ"]["HOME"]) == Path(seen["environ"]["TMPDIR"]) == desk / "home"
    assert seen["stdin"] == "/dev/null"
    assert seen["session"]
    assert seen["privileges"] == ["NoNewPrivs:\t1"]
    assert seen["threads"] == 1


def test_a_worker_holds_no_descriptor_of_the_host(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        outcome, _, ears = run(LOOK)
    assert outcome.result is not None
    targets = list(json.loads(ears.out)["descriptors"].values())
    assert not [target for target in targets if target.startswith("socket:")]
    assert not [target for target in targets if "secret" in target]


def test_the_environment_is_the_same_whatever_the_hosts_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = worker_environment(Path("/home"))
    monkeypatch.setenv("PYTHONHASHSEED", "5")
    monkeypatch.setenv("LANG", "tlh_KX")
    assert worker_environment(Path("/home")) == before
    assert before["PYTHONHASHSEED"] == "0"


def test_the_kernels_are_those_that_all_processors_have(tmp_path: Path) -> None:
    """A file holds outputs of the model, and must not differ between runners with and without AVX-512."""
    described = tmp_path / "cpuinfo"
    assert account._processor_flags(described) == set()
    described.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert account._processor_flags(described) == set(), "of an ARM processor"
    described.write_text(
        "processor\t: 0\nflags\t\t: fpu avx2 fma avx512f\nbugs\t: none\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    )
    assert account._processor_flags(described) == {"fpu", "avx2", "fma", "avx512f"}
    environment = worker_environment(tmp_path)
    if not {"avx2", "fma"} <= account._processor_flags():
        assert "ATEN_CPU_CAPABILITY" not in environment, "there it would be an illegal instruction"
        return
    said = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__config__.show())"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "CPU capability usage: AVX2" in said.stdout


def test_scratch_folders_are_closed_to_others_and_removed(prepared: Workers, run: Run) -> None:
    assert stat.S_IMODE(prepared._base.stat().st_mode) == 0o711
    assert stat.S_IMODE(prepared._home.stat().st_mode) == 0o700
    outcome, _, _ = run(WORKING)
    assert outcome.result is not None
    assert not outcome.scratch.exists()
    assert [entry.name for entry in prepared._base.iterdir()] == [prepared._home.name]


def test_everything_is_removed_and_ended_with_the_workers(workspace: Path) -> None:
    with Workers(workspace) as own:
        spec = ConversionSpec(model="nets.py:Stateless", name="n", inputs=(ExampleInput(shape=(2,)),))
        outcome = own.run(Task(spec), lambda message: None, Ears())
        parent, base = own._parent.pid, own._base
        assert outcome.result is not None
        assert outcome.scratch.exists()  # until its file has been taken over
        assert alive(parent)
    assert not alive(parent)
    assert not base.exists()


def test_workers_that_were_never_ready_are_ended_too(workspace: Path) -> None:
    with Workers(workspace) as own:
        parent = own._parent.pid
    assert not alive(parent)


def test_a_worker_that_cannot_be_started_is_explained(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "worker_environment", lambda home: {"PYTHONHASHSEED": "no number"})
    with Workers(workspace) as own, pytest.raises(WorkerError, match="could not be started") as caught:
        own.run(Task(ConversionSpec(model="nets.py:Stateless")), lambda message: None, Ears())
    assert "torch" in caught.value.advice
    assert "Traceback" not in str(caught.value)


def test_no_room_for_temporary_files_ends_the_run_with_a_report(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    spec = RunSpec(models=(ConversionSpec(model="nets.py:Stateless", name="n"),))
    report = run_models(spec, pipeline.Run(workspace, Lines(lambda line: None), Source(), lambda: "now"))
    assert (report.exit_code, report.verdict) == (8, "failed")
    (problem,) = report.problems
    assert problem.message == "The folder for temporary files cannot be written: No space left on device"
    assert "TMPDIR" in problem.advice


def test_without_the_worker_user_the_account_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptmobile.sandbox.account.WORKER_USER", "nobody-has-this-name")
    assert worker_account() == Account()
    assert not Account().separate


def test_with_the_worker_user_its_account_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptmobile.sandbox.account.WORKER_USER", "nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    account = worker_account()
    assert account.separate
    assert account.uid not in (0, None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not worker_account().separate


# --- what a worker leaves running ------------------------------------------------------------------------------------


def test_processes_that_a_model_leaves_behind_are_ended(prepared: Workers, workspace: Path) -> None:
    """Also those in sessions of their own, and one that holds the model's output open."""
    spec = ConversionSpec(model="behaviour.py:StartsOthers", name="n", inputs=(ExampleInput(shape=(2,)),), trials=1)
    ears = Ears()
    outcome = prepared.run(Task(spec), lambda message: None, ears)
    prepared.clean(outcome)
    started = [int(word) for word in ears.out.decode().split() if word.isdigit()]
    assert len(started) >= 3
    assert not [process for process in started if alive(process)]
    assert outcome.result is not None


@pytest.mark.usefixtures("_no_landlock")
def test_processes_of_a_worker_that_was_killed_are_ended(run: Run) -> None:
    """The supervisor is killed by the model, so that it can end nobody; their parent then is the prepared one."""
    outcome, _, ears = run("""
import os, signal, subprocess

def make():
    started = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    print(started.pid, flush=True)
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()
""")
    assert outcome.result is None
    assert outcome.ended == "was ended by SIGKILL"
    patience = time.monotonic() + 10
    while alive(int(ears.out)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not alive(int(ears.out))


@pytest.mark.usefixtures("_no_landlock")
def test_workers_go_on_after_one_that_was_killed(run: Run) -> None:
    killed, _, _ = run(
        "import os, signal\ndef make():\n    os.kill(os.getppid(), signal.SIGKILL)\n    signal.pause()\n"
    )
    working, _, _ = run(WORKING)
    assert killed.result is None
    assert working.result is not None
    assert working.result.failure is None


# --- what a worker says ----------------------------------------------------------------------------------------------

# A model may find its supervisor's pipe where it runs as the same user; what it writes there must not help it.
INTRUDE = """
import os, signal
from pathlib import Path

def write(data):
    for entry in Path(f"/proc/{{os.getppid()}}/fd").iterdir():
        try:
            if os.readlink(entry).startswith("pipe:"):
                descriptor = os.open(entry, os.O_WRONLY | os.O_NONBLOCK)
                os.write(descriptor, data)
        except OSError:
            pass

def make():
    write({data!r})
    {then}
    import torch
    return torch.jit.script(torch.nn.ReLU())
"""
FORGED = encode(
    Finished(result=ModelResult(file=WorkerFile(path="job.json", method="trace", optimised=True, verified=True)))
)


@pytest.mark.usefixtures("_no_landlock")
@pytest.mark.parametrize(
    ("data", "then"),
    [
        pytest.param(b"no message\n", "pass", id="nonsense"),
        pytest.param(b'{"type":"Finished","result":{"verified":true}}\n', "pass", id="not of the form of a result"),
        pytest.param(FORGED, "pass", id="forged"),
        pytest.param(FORGED, "os.kill(os.getppid(), signal.SIGKILL)", id="forged, and the supervisor killed"),
        pytest.param(b"[" * 1000 + b"\n", "pass", id="deeply nested"),
    ],
)
def test_what_is_written_to_the_results_of_the_supervisor_is_a_failure(run: Run, data: bytes, then: str) -> None:
    outcome, _, _ = run(INTRUDE.format(data=data, then=then))
    assert outcome.result is None
    assert outcome.ended.startswith(("wrote what is no result", "went on after its result", "was ended by SIGKILL"))
    working, _, _ = run(WORKING)
    assert working.result is not None
    assert working.result.failure is None


Listen = Callable[..., tuple[Listener, str, list[Message]]]


class Line:
    """The pipes and the socket between a listener and a worker, with bytes written as if a worker wrote them."""

    def __init__(self) -> None:
        self.control, self.parent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.readers, self.writers = (list(ends) for ends in zip(*(os.pipe() for _ in range(3)), strict=True))

    def listen(self, data: bytes, status: int | None = 0, *, close: bool = True) -> tuple[Listener, str, list[Message]]:
        """Write data to the results, close everything, and report the status as the workers' parent does."""
        heard: list[Message] = []
        pipes = (self.readers[0], self.readers[1], self.readers[2])
        listener = Listener(pipes, control=self.control, hear=heard.append, ears=Ears())
        writing = threading.Thread(target=self._write, args=(data, status, close))
        writing.start()
        ended = listener.listen(7, 0.5 if status is None else 30)
        self._close(self.readers)
        writing.join()
        return listener, ended, heard

    def _write(self, data: bytes, status: int | None, close: bool) -> None:
        view = memoryview(data)
        with contextlib.suppress(BrokenPipeError):
            while view:
                view = view[os.write(self.writers[0], view) :]
        if close:
            self._close(self.writers)
        if status is not None:
            self.parent.send(msgspec.json.encode(WorkerSays(event="ended", process=7, status=status)))

    @staticmethod
    def _close(descriptors: list[int]) -> None:
        while descriptors:
            os.close(descriptors.pop())

    def close(self) -> None:
        self._close(self.readers)
        self._close(self.writers)
        self.control.close()
        self.parent.close()


@pytest.fixture
def listen() -> Iterator[Listen]:
    with contextlib.closing(Line()) as line:
        yield line.listen


GOOD = ModelResult(failure=Failure(kind="load", stage="load", problem=Problem(title="t", message="m")))
NOTICED = encode(Noticed(notice=Notice(level="notice", code="c", message="m")))


def test_an_honest_worker_is_heard_to_the_end(listen: Listen) -> None:
    messages = NOTICED + encode(StageBegan(name="load")) + encode(Finished(result=GOOD))
    listener, ended, heard = listen(messages)
    assert listener.result == GOOD
    assert ended == "ended with exit status 0"
    assert [type(message) for message in heard] == [Noticed, StageBegan, Finished]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b"\n", "wrote what is no result", id="an empty line"),
        pytest.param(b"\xff\xfe\n", "wrote what is no result", id="no UTF-8"),
        pytest.param(b'{"type":"Launched"}\n', "wrote what is no result", id="an unknown message"),
        pytest.param(b'{"type":"StageBegan","name":"hacked"}\n', "wrote what is no result", id="an unknown stage"),
        pytest.param(
            b'{"type":"StageBegan","name":"load","more":1}\n', "wrote what is no result", id="an unknown field"
        ),
        pytest.param(
            encode(Noticed(notice=Notice(level="notice", code="c" * 301, message="m"))),
            "wrote what is no result",
            id="a text that is too long",
        ),
        pytest.param(NOTICED + encode(Finished(result=GOOD)) + NOTICED, "went on after its result", id="a word more"),
        pytest.param(encode(Finished(result=GOOD)) * 2, "went on after its result", id="two results"),
        pytest.param(encode(Finished(result=GOOD)) + b"x\n", "wrote what is no result", id="nonsense at the end"),
        pytest.param(b"x" * (MAX_LINE_BYTES + 2), "wrote a result that is too long", id="an endless line"),
    ],
)
def test_anything_else_is_a_fault_and_its_result_does_not_count(listen: Listen, data: bytes, fault: str) -> None:
    listener, ended, _ = listen(data)
    assert ended.startswith(fault)
    assert listener.result is None


def test_a_flood_of_results_is_a_fault(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MAX_RESULT_BYTES", 10_000)
    listener, ended, heard = listen(NOTICED * 10_000)
    assert ended == "wrote more than 10000 bytes of results"
    assert listener.result is None
    assert len(heard) < 10_000


@pytest.mark.parametrize(
    ("status", "words"), [(9, "SIGKILL"), (11, "SIGSEGV"), (1 << 8, "exit status 1"), (50, "signal 50")]
)
def test_the_result_of_a_worker_that_ended_badly_does_not_count(listen: Listen, status: int, words: str) -> None:
    listener, ended, _ = listen(encode(Finished(result=GOOD)), status)
    assert words in ended
    assert listener.result is None


def test_a_worker_that_ends_without_a_result_is_told(listen: Listen) -> None:
    listener, ended, _ = listen(NOTICED)
    assert (listener.result, ended) == (None, "ended with exit status 0")


def test_a_result_without_its_newline_does_not_count(listen: Listen) -> None:
    listener, _, _ = listen(encode(Finished(result=GOOD)).rstrip(b"\n"))
    assert listener.result is None


def test_a_worker_that_does_not_end_is_not_waited_for(listen: Listen) -> None:
    listener, ended, _ = listen(encode(Finished(result=GOOD)), None, close=False)
    assert (listener.result, ended) == (None, "did not end in time")


def test_a_background_process_that_holds_the_pipes_is_not_waited_for(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_DRAIN_SECONDS", 0.1)
    listener, ended, _ = listen(encode(Finished(result=GOOD)), close=False)
    assert (listener.result, ended) == (GOOD, "ended with exit status 0")
