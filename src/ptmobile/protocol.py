"""What host and worker say to each other: a job in, events and one result out, as lines of JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from ptmobile.editions import Build, Edition
from ptmobile.result import Method, Mode, ModelResult, Name, Notice, Stage, StageName
from ptmobile.runtimes.limits import AskedLibrary
from ptmobile.spec.conversion import ConversionSpec

JOB_FILE = "job.json"
#: In the scratch folder of a worker: what its supervisor has taken from the processes that run a model.
KEPT_FOLDER = "kept"
# A result holds at most a few thousand comparisons; a line beyond this is no honest result.
MAX_LINE_BYTES = 32 * 1024 * 1024


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker may write besides its scratch folder, and what it may not read; paths are absolute.

    ``readable`` is readable although it lies in what is ``hidden``. It takes a kernel with Landlock to hold this.
    """

    writable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()


class WorkerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What each process of a worker may take; None for no limit.

    ``memory_bytes`` is memory of its own (RLIMIT_DATA), ``file_bytes`` the size of one file, ``processes`` how many
    processes and threads its user may have in all.
    """

    memory_bytes: int | None = None
    file_bytes: int | None = None
    processes: int | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One model for a worker: what to do, where the workspace is (read only), where to leave files.

    ``editions`` are the files to make of it, the main one first. In mode ``check`` the model is a ``.ptl`` file itself,
    and only the libraries of the editions matter. ``asked`` are answers that the user's own probes brought.
    ``sensitive``: the model's untrained weights are given values first. ``builds`` are what to begin with, at most one
    for each edition, in the place of what was asked for: another run has found them. ``packages``: the folder of what
    was installed for the model; empty for none.
    """

    spec: ConversionSpec
    workspace: str
    scratch: str
    editions: tuple[Edition, ...] = (Edition(),)
    mode: Mode = "convert"
    asked: tuple[AskedLibrary, ...] = ()
    sensitive: bool = False
    builds: tuple[Build, ...] = ()
    fence: Fence | None = None
    limits: WorkerLimits = WorkerLimits()
    packages: str = ""


class PackageOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to install for a model: what pip is told, where pip lies, and the folder that it may write to.

    ``source_builds``: code of packages may run.
    """

    arguments: tuple[str, ...]
    pip: str
    folder: str
    source_builds: bool
    fence: Fence | None = None
    limits: WorkerLimits = WorkerLimits()


class RoadBegan(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """A road's first word to its supervisor: the id of its process."""

    process: int


class StageBegan(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """A stage has started; ``detail`` names a trial where one is running."""

    name: StageName
    method: Method | None = None
    target: Name = ""
    detail: Name = ""


class StageEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """A stage is over, well or badly."""

    stage: Stage


class BuildEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """The process that made one build of a road has ended badly; ``status`` is a wait status, as of ``os.waitpid``."""

    method: Method
    target: Name = ""
    status: int


class Noticed(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Something worth telling, as soon as it is known."""

    notice: Notice


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """The last message about a model."""

    result: ModelResult


Message = RoadBegan | StageBegan | StageEnded | BuildEnded | Noticed | Finished

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def encode(message: Message) -> bytes:
    """One message as one line."""
    return _ENCODER.encode(message) + b"\n"


def decode(line: bytes) -> Message:
    """One line as a message.

    Raises:
        msgspec.DecodeError: it is not JSON, or not of the form of a message (then a ValidationError).
    """
    return _DECODER.decode(line)


class WorkerSays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the prepared parent of the workers tells the host over the control socket.

    ``status`` is a wait status, as of ``os.waitpid``; ``landlock`` the version of Landlock here, 0 for none.
    """

    event: Literal["ready", "started", "ended"]
    scratch: Name = ""
    process: int = 0
    status: int = 0
    landlock: int = 0
