"""One case of the fuzz run: what the runner gives to the action, drawn from a seed and a number."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from _fuzz_place import SECRET
from _fuzz_values import TEXTS, as_text, spoilt_bytes, value

from ptmobile.local.environment import input_variable
from ptmobile.spec.options import Option, all_options

OPTIONS = all_options()
INPUTS = [option for option in OPTIONS.values() if option.action_input]
PER_MODEL = [option for option in OPTIONS.values() if option.per_model]
#: What a worker leaves: nothing, a result with a file, the same with texts that want to be more, or nonsense.
WORKERS = ("nothing", "good", "hostile", "without file", "link for a file", "file outside", "bad file")
EVENT_NAMES = ("pull_request_target", "workflow_run", "", "\n")
#: In the form of a real one (a JWT), so that an upload begins.
RUNTIME_TOKEN = ".".join(
    [
        *(
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode()
            for part in ({}, {"scp": "Actions.Results:1:2"})
        ),
        SECRET,
    ]
)
EVENTS: list[Any] = [
    *({}, [], None, "x", 1, {"pull_request": 1}, {"pull_request": {"number": "x", "head": []}}, {"workflow_run": []}),
    {"pull_request": {"number": 5, "head": {"sha": "a" * 40, "repo": {"full_name": "org/app"}}}},
    {"pull_request": {"number": 5, "head": {"sha": "a" * 40, "repo": {"full_name": "evil/app"}}}},
    {"workflow_run": {"head_sha": "a" * 40, "head_branch": "b", "head_repository": {"owner": {"login": "o"}}}},
]


@dataclass(frozen=True)
class Case:
    """What is given: variables (``{root}`` stands for the folder of the case), and files with bytes as base64."""

    seed: str
    environ: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)
    worker: str = "nothing"

    def dumps(self) -> str:
        """As JSON, to be kept and run again."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def loads(cls, text: str) -> Case:
        """What :meth:`dumps` has written."""
        return cls(**json.loads(text))


def make_case(seed: int, number: int) -> Case:
    """The case of this number; the same for the same seed."""
    name = f"{seed}/{number}"
    random = Random(name)
    files: dict[str, bytes] = {}
    environ = {**_runner(random, files), **_inputs(random, files)}
    encoded = {path: base64.b64encode(data).decode() for path, data in files.items()}
    return Case(name, {k: v.replace("\0", "") for k, v in environ.items()}, encoded, random.choice(WORKERS))


def _inputs(random: Random, files: dict[str, bytes]) -> dict[str, str]:
    given: dict[str, Any] = {}
    match random.choices(("model", "config", "default", "mode", "nothing"), (40, 25, 10, 20, 5))[0]:
        case "model":
            given = {"model": random.choice(["net.py:Net", "torchvision:alexnet"]), "inputs": "[[1, 3]]"}
        case "config":
            given = {"config": "c.yml"}
            files["c.yml"] = _config(random)
        case "default":
            files["ptmobile.yml"] = _config(random)
        case "mode":
            given = _mode(random)
            if given["mode"] == "plan":
                files["ptmobile.yml"] = _config(random)
    for option in random.sample(INPUTS, random.choice((0, 0, 0, 1, 1, 2, 6))):
        given[option.name] = value(option, random)
    environ = {input_variable(name): as_text(v) for name, v in given.items()}
    if random.random() < 0.05:
        environ[input_variable(random.choice(["modle", "x\ny", "args", "entrypoint", "a b", "\u00fc", "token"]))] = "x"
    return environ


def _mode(random: Random) -> dict[str, Any]:
    mode = random.choice(["check", "verify", "plan", "merge", "comment"])
    given: dict[str, Any] = {"mode": mode}
    if mode in ("check", "verify"):
        given["model"] = random.choice(["good.ptl", "bad.ptl"])
    elif mode == "merge":
        given["reports"] = "shards"
    elif mode == "comment":
        given["report"] = random.choice(["base.json", "half.json"])
    return given


def _config(random: Random) -> bytes:
    """A config file: mostly one that makes sense, as JSON (which is YAML), then perhaps spoilt."""
    document: Any = _some(PER_MODEL, random)
    if random.random() < 0.4:
        models = [random.choice(["torchvision:alexnet", _some(PER_MODEL, random)]) for _ in range(random.randint(0, 3))]
        document = {**_some(list(OPTIONS.values()), random, model=False), "models": models}
    elif random.random() < 0.1:
        document = random.choice(TEXTS)
    data = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return spoilt_bytes(data, random) if random.random() < 0.3 else data


def _some(options: list[Option], random: Random, *, model: bool = True) -> dict[str, Any]:
    drawn = {o.name: value(o, random) for o in random.sample(options, random.choice((0, 0, 1, 1, 2, 8)))}
    return {"model": "net.py:Net", "inputs": [[1, 3]], **drawn} if model else drawn


def _runner(random: Random, files: dict[str, bytes]) -> dict[str, str]:
    """What the runner says of the job; secrets are always there."""
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": "{root}/workspace",
        "GITHUB_OUTPUT": "{root}/runner/output",
        "GITHUB_STEP_SUMMARY": "{root}/runner/summary",
        "GITHUB_EVENT_PATH": "{root}/workspace/event.json",
        "GITHUB_REPOSITORY": "org/app",
        "GITHUB_RUN_ID": "42",
        "GITHUB_EVENT_NAME": random.choice(["push", "push", "pull_request", *EVENT_NAMES]),
        "ACTIONS_RUNTIME_TOKEN": RUNTIME_TOKEN,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": f"{SECRET}-id",
        "GITHUB_TOKEN": f"{SECRET}-github",
        "RUNNER_TEMP": "{root}/runner",
    }
    files["event.json"] = json.dumps(random.choice(EVENTS)).encode()
    for name in random.sample(sorted(environ), random.choice((0, 0, 0, 1, 2))):
        if SECRET not in environ[name] and name != "GITHUB_WORKSPACE":
            odd = ["", "/nowhere/x", "{root}/workspace/empty", "{root}/workspace/net.py", "/dev/full", *TEXTS[:30]]
            environ[name] = random.choice(odd)
    further = {
        "ACT": ["true", "x"],
        "RUNNER_DEBUG": ["1"],
        "GITHUB_RETENTION_DAYS": ["5", "x", "-1", "9" * 30],
        "ACTIONS_RESULTS_URL": ["http://127.0.0.1:9/", "x", "https://[", "file:///etc/passwd", "http://\n"],
        "GITHUB_API_URL": ["http://127.0.0.1:9", "x", "https://["],
        "GITHUB_SERVER_URL": ["x", "https://[", "javascript:alert(1)", '"><script>'],
        "GITHUB_SHA": ["a" * 40, "\n", "<script>"],
        "GITHUB_WORKFLOW": TEXTS[:20],
    }
    for name, values in further.items():
        if random.random() < 0.2:
            environ[name] = random.choice(values)
    # Nothing may be asked of a real server, whatever else is given.
    environ.setdefault("GITHUB_API_URL", "http://127.0.0.1:9")
    return environ
