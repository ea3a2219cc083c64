"""The declared runtimes of whole projects (tests/data/apps), of single notations, and of files that are broken."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptmobile.runtimes.choosing import choose_runtimes
from ptmobile.runtimes.detection import DeclaredRuntime, Detection, find_declared_runtimes
from ptmobile.runtimes.detection.versions import admits, gradle_certainty, pod_certainty

APPS = Path(__file__).parents[1] / "data" / "apps"

LITE = "org.pytorch:pytorch_android_lite"


def detect(name: str) -> Detection:
    return find_declared_runtimes(APPS / name)


def brief(one: DeclaredRuntime) -> tuple[str, str, str | None, str, str]:
    return one.app, one.artifact.removeprefix("org.pytorch:"), one.version, one.certainty, one.place


def write(root: Path, files: dict[str, str]) -> Detection:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return find_declared_runtimes(root)


# --- whole projects


def test_gradle_in_groovy() -> None:
    found = detect("groovy")
    assert [brief(one) for one in found.found] == [
        (".", "pytorch_android_lite", "1.9.0", "exact", "app/build.gradle:11"),
        (".", "pytorch_android_torchvision_lite", "1.9.0", "exact", "inference/build.gradle:5"),
    ]
    assert [one.version_from for one in found.found] == ["build.gradle:6", "gradle.properties:3"]
    assert [one.role for one in found.found] == ["lite", "torchvision"]
    assert found.notices == ()


def test_gradle_in_kotlin() -> None:
    found = detect("kotlin")
    assert [brief(one) for one in found.found] == [
        (".", "pytorch_android_lite", "1.12.2", "exact", "buildSrc/src/main/kotlin/Dependencies.kt:6"),
        (".", "pytorch_android_torchvision_lite", "1.12.2", "exact", "app/build.gradle.kts:11"),
        (".", "torchvision_ops", "0.13.1", "exact", "app/build.gradle.kts:14"),
    ]
    assert found.notices == ()


def test_a_version_catalog() -> None:
    found = detect("catalog")
    assert [brief(one) for one in found.found] == [
        (".", "pytorch_android_lite", "1.13.1", "exact", "app/build.gradle.kts:6"),
        (".", "pytorch_android_torchvision_lite", "1.13.1", "exact", "app/build.gradle.kts:7"),
        (".", "torchvision_ops", "0.14.0", "range", "app/build.gradle.kts:7"),
    ]
    # The full library is in the catalog, but nothing refers to it.
    assert [one.version_from for one in found.found] == [f"gradle/libs.versions.toml:{line}" for line in (3, 9, 4)]
    assert found.notices == ()


def test_a_lockfile_beats_a_range_and_says_where_they_disagree() -> None:
    found = detect("locked")
    assert [brief(one) for one in found.found] == [
        (".", "pytorch_android_lite", "1.12.2", "resolved", "app/gradle.lockfile:5"),
        (".", "pytorch_android_torchvision_lite", "1.12.2", "resolved", "app/gradle.lockfile:6"),
    ]
    assert found.found[0].also == ("app/build.gradle:3",)
    [notice] = found.notices
    assert notice.startswith("app/build.gradle:4: conflict: org.pytorch:pytorch_android_torchvision_lite is [1.9,1.12)")
    assert "app/gradle.lockfile:6 has resolved 1.12.2" in notice


def test_pods() -> None:
    found = detect("pods")
    assert [brief(one) for one in found.found] == [
        (".", "LibTorch-Lite", "1.13.0.1", "resolved", "Podfile.lock:3"),
        (".", "LibTorchvision", "0.14.0", "resolved", "Podfile.lock:8"),
    ]
    assert [one.also for one in found.found] == [("Podfile:10",), ("Podfile:11",)]
    assert {one.platform for one in found.found} == {"ios"}
    assert found.notices == ()


def test_all_apps_of_a_monorepo() -> None:
    found = detect("monorepo")
    assert [brief(one) for one in found.found] == [
        ("apps/camera", "pytorch_android_lite", "1.9.0", "exact", "apps/camera/app/build.gradle:3"),
        (
            "apps/reader/android",
            "pytorch_android_lite",
            "1.12.2",
            "exact",
            "apps/reader/android/app/build.gradle.kts:3",
        ),
        ("apps/reader/ios", "LibTorch-Lite", None, "range", "apps/reader/ios/Podfile:2"),
    ]
    assert found.notices == ()  # different versions in different apps are no conflict


def test_everything_at_once() -> None:
    apps = {one.app for one in find_declared_runtimes(APPS).found}
    assert {"groovy", "kotlin", "catalog", "locked", "pods", "monorepo/apps/camera"} <= apps


# --- malformed files


#: Each of the malformed projects, and how what is said about it begins.
MALFORMED = [
    (
        "catalog_syntax",
        ["gradle/libs.versions.toml:2: no valid TOML: Unclosed inline table (at line 2, column 75)"],
    ),
    (
        "catalog_reference",
        [
            "gradle/libs.versions.toml:2: the version 'torch' is neither a string nor a table of require,",
            "gradle/libs.versions.toml:5: the library 'pytorch' refers to the version 'torhc', which is missing",
            "gradle/libs.versions.toml:6: the library 'nothing' has neither a module nor a group and a name",
            f"gradle/libs.versions.toml:5: no build script refers to {LITE}; it is taken as declared",
            f"gradle/libs.versions.toml:5: {LITE} has no version here, and none was found elsewhere in the app",
        ],
    ),
    ("lockfile", ["gradle.lockfile:1: 'org.pytorch:pytorch_android_lite=releaseRuntimeClasspath' is no line of a"]),
    (
        "merge",
        [
            "build.gradle:2: the mark of an unfinished merge",
            f".: conflicting versions of {LITE} in this app: 1.9.0 (build.gradle:3), 1.12.2 (build.gradle:5)",
        ],
    ),
    ("open_comment", ["build.gradle:2: a comment begins here and never ends"]),
    (
        "open_string",
        [
            "build.gradle.kts:2: a string begins here and never ends",
            "build.gradle.kts:2: '1.9.0)' is no version of",
        ],
    ),
    ("pod_without_version", ["Podfile.lock:2: '- LibTorch-Lite' is no pod with a version"]),
    (
        "podfile",
        [
            "Podfile:1: '~> one' is no requirement of a version of LibTorch-Lite",
            "Podfile:2: LibTorch comes from git, so its version is not known",
        ],
    ),
    ("podfile_lock", ["Podfile.lock: it has no section PODS, so it is no lockfile of CocoaPods"]),
    ("unknown_variable", [f"build.gradle:2: the version of {LITE} is not known: torchVersion is set nowhere in"]),
    ("version_text", [f"build.gradle:2: 'newest' is no version of {LITE}"]),
]


@pytest.mark.parametrize(("name", "notices"), MALFORMED)
def test_a_malformed_file_is_named_with_its_line(name: str, notices: list[str]) -> None:
    found = detect(f"malformed/{name}").notices
    assert len(found) == len(notices), found
    for notice, beginning in zip(found, notices, strict=True):
        assert notice.startswith(beginning)


def test_every_malformed_project_is_tested() -> None:
    assert sorted(name for name, _ in MALFORMED) == sorted(folder.name for folder in (APPS / "malformed").iterdir())


@pytest.mark.parametrize("name", [name for name, _ in MALFORMED])
def test_of_a_malformed_file_no_release_is_guessed(name: str) -> None:
    """What follows for a run: only what stands there in full is checked against, and something is said in any case."""
    choice = choose_runtimes("auto", detect(f"malformed/{name}"))
    assert choice.problem == ""
    assert [target.version for target in choice.targets] == (["1.9.0", "1.12.2"] if name == "merge" else [])
    assert (choice.notices != ()) == (name != "merge")


def test_what_is_declared_but_unreadable_is_still_shown() -> None:
    [one] = detect("malformed/unknown_variable").found
    assert (one.version, one.certainty, one.declared) == (None, "unknown", "$torchVersion")


# --- single notations


@pytest.mark.parametrize(
    ("script", "version", "certainty"),
    [
        (f"api '{LITE}:1.9.0'", "1.9.0", "exact"),
        (f"api('{LITE}:1.9.0@aar') {{ transitive = true }}", "1.9.0", "exact"),
        (f"api '{LITE}:1.9.0:sources'", "1.9.0", "exact"),
        (f"api '{LITE}:1.9.0!!'", "1.9.0", "exact"),
        (f"api '{LITE}:1.+'", None, "dynamic"),
        (f"api '{LITE}:latest.release'", None, "dynamic"),
        (f"api '{LITE}:1.13.0-SNAPSHOT'", None, "dynamic"),
        (f"api '{LITE}:[1.9, 1.13)'", None, "range"),
        (f"force '{LITE}:1.9.0'", "1.9.0", "resolved"),
        (f"def v = '1.9.0'\napi '{LITE}:' + v", "1.9.0", "exact"),
        (f"def v = '1.9.0'\nv = '1.12.2'\napi \"{LITE}:$v\"\nv = '2.1.0'", "1.12.2", "exact"),
        (f"ext['torch.version'] = '1.9.0'\napi \"{LITE}:${{project.property('torch.version')}}\"", "1.9.0", "exact"),
        (f"ext {{ set('torch', '1.9.0') }}\napi \"{LITE}:$torch\"", "1.9.0", "exact"),
        (f"api \"{LITE}:${{safeExtGet('torch', '1.9.0')}}\"", "1.9.0", "exact"),
        (f'def v = 1.11\napi "{LITE}:$v"', "1.11", "exact"),
        (f"api('{LITE}') {{ version {{ strictly '1.9.0' }} }}", "1.9.0", "exact"),
        (f"api('{LITE}') {{\n version {{\n strictly '[1.9,1.13)'\n prefer '1.10.0'\n }}\n}}", "1.10.0", "range"),
        ("api group: 'org.pytorch', name: 'pytorch_android_lite', version: '1.9.0'", "1.9.0", "exact"),
        ("api([name: 'pytorch_android_lite', version: '1.9.0', group: 'org.pytorch'])", "1.9.0", "exact"),
        ("library('t', 'org.pytorch', 'pytorch_android_lite').version('1.9.0')", "1.9.0", "exact"),
        (
            "version('t', '1.9.0')\nlibrary('l', 'org.pytorch', 'pytorch_android_lite').versionRef('t')",
            "1.9.0",
            "exact",
        ),
        (f"api '{LITE}'\nconstraints {{ api '{LITE}:1.9.0' }}", "1.9.0", "exact"),
    ],
)
def test_groovy_notations(tmp_path: Path, script: str, version: str | None, certainty: str) -> None:
    [one] = write(tmp_path, {"build.gradle": script}).found
    assert (one.artifact, one.version, one.certainty) == (LITE, version, certainty)


@pytest.mark.parametrize(
    "script",
    [
        f'val v: String by project\napi("{LITE}:$v")',
        f'val t by extra("1.9.0")\napi("{LITE}:${{project.extra["t"]}}")',
        f'val v = mapOf("torch" to "1.9.0")\napi("{LITE}:${{v["torch"]}}")',
        f'object V {{ const val torch = "1.9.0" }}\nobject W {{ const val torch = "2.0" }}\napi("{LITE}:${{V.torch}}")',
        'val v: String = "1.9.0"\napi(group = "org.pytorch", name = "pytorch_android_lite", version = v)',
        'val v = "1.9"\nval p = "0"\napi("org.pytorch", "pytorch_android_lite", "$v.$p")',
        f'api("{LITE}") {{ version {{ require("1.9.0") }} }}',
    ],
)
def test_kotlin_notations(tmp_path: Path, script: str) -> None:
    [one] = write(tmp_path, {"build.gradle.kts": script, "gradle.properties": "v=1.9.0\n"}).found
    assert (one.artifact, one.version, one.certainty) == (LITE, "1.9.0", "exact")


@pytest.mark.parametrize(
    "script",
    [
        f"// api '{LITE}:1.9.0'",
        f"/* api '{LITE}:1.9.0' */",
        f"println 'see {LITE}:1.9.0'",
        "configurations.all { exclude group: 'org.pytorch', module: 'pytorch_android_lite' }",
        "api 'org.pytorch:pytorch_java_only:1.9.0'",
        "api 'org.example:pytorch_android_lite:1.9.0'",
    ],
)
def test_what_declares_nothing(tmp_path: Path, script: str) -> None:
    assert write(tmp_path, {"build.gradle": f"// org.pytorch\n{script}\n"}) == Detection(found=(), notices=())


@pytest.mark.parametrize(
    ("line", "version", "certainty"),
    [
        ("pod 'LibTorch-Lite', '1.10.0'", "1.10.0", "exact"),
        ('pod "LibTorch-Lite/Core", "= 1.10.0"', "1.10.0", "exact"),
        ("pod('LibTorch-Lite', '~>1.9.0')", None, "range"),
        ("pod 'LibTorch-Lite', ['>= 1.9', '< 1.13']", None, "range"),
        ("pod 'LibTorch-Lite'", None, "dynamic"),
        ("VERSION = '1.10.0'\npod 'LibTorch-Lite', VERSION, :configurations => ['Debug']", "1.10.0", "exact"),
        ("pod 'LibTorch-Lite', :podspec => 'x.podspec'", None, "unknown"),
    ],
)
def test_podfile_notations(tmp_path: Path, line: str, version: str | None, certainty: str) -> None:
    [one] = write(tmp_path, {"Podfile": f"# pod 'LibTorch'\n{line}\n"}).found
    assert (one.artifact, one.version, one.certainty) == ("LibTorch-Lite", version, certainty)


def test_an_old_lock_with_a_file_for_each_configuration(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "app/build.gradle": f"api '{LITE}:+'",
            "app/gradle/dependency-locks/releaseRuntimeClasspath.lockfile": f"{LITE}:1.10.0\n",
        },
    )
    assert [brief(one)[1:4] for one in found.found] == [("pytorch_android_lite", "1.10.0", "resolved")]


def test_a_library_of_a_convention_plugin(tmp_path: Path) -> None:
    catalog = f'[libraries]\ntorch-lite = "{LITE}:1.9.0"\nother = "{LITE}:2.1.0"\n'
    found = write(
        tmp_path,
        {
            "settings.gradle.kts": 'includeBuild("build-logic")',
            "gradle/libs.versions.toml": catalog,
            "build-logic/src/main/kotlin/Torch.kt": 'add("api", catalog.findLibrary("torch-lite").get())',
        },
    )
    assert [one.version for one in found.found] == ["1.9.0"]


def test_conflicts_within_an_app(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "settings.gradle": "include ':app', ':ml'",
            "app/build.gradle": f"apply plugin: 'com.android.application'\napi '{LITE}:1.12.2'",
            "ml/build.gradle": (
                f"api '{LITE}:1.9.0'\napi 'org.pytorch:pytorch_android_torchvision_lite:1.10.0'\n"
                "api 'org.pytorch:pytorch_android:1.12.2'"
            ),
        },
    )
    assert {one.app for one in found.found} == {"."}
    assert [one.version for one in found.found if one.artifact == LITE] == ["1.12.2", "1.9.0"]
    conflict, companion, both = found.notices
    assert conflict == (
        f".: conflicting versions of {LITE} in this app: 1.12.2 (app/build.gradle:2), 1.9.0 (ml/build.gradle:1)"
    )
    assert companion.startswith("ml/build.gradle:2: conflicting versions in this app")
    assert "declares both" in both


def test_two_apps_in_one_gradle_project(tmp_path: Path) -> None:
    app = "plugins { id 'com.android.application' }\napi '" + LITE
    found = write(
        tmp_path, {"settings.gradle": "", "one/build.gradle": f"{app}:1.9.0'", "two/build.gradle": f"{app}:1.12.2'"}
    )
    assert [(one.app, one.version) for one in found.found] == [("one", "1.9.0"), ("two", "1.12.2")]
    assert found.notices == ()


def test_an_ambiguous_variable_is_not_guessed(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "build.gradle": f'api "{LITE}:$torch"',
            "one/build.gradle": "ext.torch = '1.9.0'",
            "two/build.gradle": "ext.torch = '1.10.0'",
        },
    )
    assert [one.certainty for one in found.found] == ["unknown"]
    assert "torch is ambiguous: 1.9.0 (one/build.gradle:1), 1.10.0 (two/build.gradle:1)" in found.notices[0]


# --- what is not looked at, and bounds


def test_folders_of_builds_and_of_others_are_skipped(tmp_path: Path) -> None:
    script = f"api '{LITE}:1.9.0'"
    folders = ("build", "a/build/tmp", "node_modules/x", ".git", ".hidden", "ios/Pods/x", "a/.gradle")
    found = write(tmp_path, {f"{folder}/build.gradle": script for folder in folders})
    assert found == Detection(found=(), notices=())


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(outside, {"build.gradle": f"api '{LITE}:1.9.0'"})
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "build.gradle").symlink_to(outside / "build.gradle")
    (root / "loop").symlink_to(root)
    (root / "Podfile").symlink_to(root / "Podfile")
    found = find_declared_runtimes(root)
    assert found.found == ()
    assert found.notices[1] == "build.gradle: a link that leads out of the workspace; it was not followed"
    assert found.notices[0].startswith("Podfile: cannot be read")


def test_a_link_inside_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"shared/torch.gradle": f"api '{LITE}:1.9.0'"})
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "build.gradle").symlink_to("../shared/torch.gradle")
    assert {one.file for one in find_declared_runtimes(tmp_path).found} == {"app/build.gradle", "shared/torch.gradle"}


def test_odd_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Podfile")
    (tmp_path / "gradle.lockfile").write_bytes(b" " * (3 * 2**20))
    (tmp_path / "build.gradle").write_bytes(f"api '{LITE}:1.9.0'".encode("utf-16"))
    (tmp_path / "old.gradle").write_bytes(f"// Gr\xf6\xdfe\r\napi '{LITE}:1.9.0'\r\n".encode("latin-1"))
    (tmp_path / "folder.gradle").mkdir()
    found = find_declared_runtimes(tmp_path)
    assert [one.place for one in found.found] == ["old.gradle:2"]
    assert [notice.partition(";")[0] for notice in found.notices] == [
        "Podfile: no regular file",
        "build.gradle: not text in UTF-8 (it holds zero bytes)",
        "gradle.lockfile: larger than 1048576 bytes",
    ]


def test_a_missing_workspace(tmp_path: Path) -> None:
    found = find_declared_runtimes(tmp_path / "nowhere")
    assert found.found == ()
    assert found.notices == (".: this folder cannot be listed: No such file or directory",)


def test_notices_show_what_they_show(tmp_path: Path) -> None:
    found = write(tmp_path, {"build.gradle": f"api '{LITE}:\x1b[31m\u202e1'"})
    assert all(notice.isprintable() for notice in found.notices)
    assert found.notices


@pytest.mark.parametrize(
    "text",
    [
        f'api "{LITE}:$a"\na = "$a"',
        f'a = "$b$b$b$b$b$b"\nb = "$c$c$c$c$c$c"\nc = "$d$d$d$d$d$d"\nd = "$a$a$a$a$a$a"\napi "{LITE}:$a"',
        f'api "{LITE}:' + "${" * 200_000,
        f'api "{LITE}:' + '${"' * 150,
        "/*" * 500_000 + LITE,
        f"api '{LITE}'" + "{" * 500_000,
        f"api '{LITE}" + ":1" * 500_000 + "'",
        f"name: 'pytorch_android_lite', group: 'org.pytorch'{',' * 500_000}",
    ],
)
def test_hostile_scripts_take_little_time(tmp_path: Path, text: str) -> None:
    start = time.process_time()
    write(tmp_path, {"build.gradle": text, "Podfile": text, "libs.versions.toml": text})
    assert time.process_time() - start < 15


SNIPPETS = st.sampled_from(
    [
        *("org.pytorch", LITE, "pytorch_android_lite", ":", "1.9.0", "'", '"', '"""', "$v", "${", "}", "{", "(", ")"),
        *("[", "]", "=", ",", "\n", "//", "/*", "*/", "#", "ext", "version", "strictly", "by", "extra", "to", "libs."),
        *("v", "+", "[libraries]\n", "[versions]\n", "module", "ref", "pod", "LibTorch-Lite", "PODS:\n", "  - ", " "),
        *("=begin", "<<<<<<< ", "\\", "\0", "é"),
    ]
)


@given(st.lists(st.one_of(SNIPPETS, st.text(max_size=3)), max_size=40).map("".join))
def test_nothing_is_ever_raised(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("any")
    for name in ("build.gradle", "a.gradle.kts", "libs.versions.toml", "gradle.lockfile", "Podfile", "Podfile.lock"):
        (root / name).write_text(text, errors="replace")
    (root / "gradle.properties").write_text(text, errors="replace")
    found = find_declared_runtimes(root)
    assert all(notice.isprintable() for notice in found.notices)


# --- versions


def test_versions_of_gradle() -> None:
    assert gradle_certainty("1.11") == ("exact", "1.11")
    assert gradle_certainty("[1.9.0]") == ("exact", "1.9.0")
    assert gradle_certainty("[1.9,1.13[!!1.10.0") == ("range", "1.10.0")
    assert gradle_certainty("") == ("unknown", None)
    assert gradle_certainty("[1.9,x)") == ("unknown", None)
    assert admits("android", "[1.9,1.12)", "1.11")
    assert not admits("android", "[1.9,1.12)", "1.12")
    assert not admits("android", "]1.9.0,)", "1.9.0")
    assert admits("android", "]1.9.0,)", "2.1.0")
    assert admits("android", "1.1+", "1.12.2")
    assert admits("android", "1.+", "1.12.2")
    assert not admits("android", "1.+", "2.1.0")
    assert admits("android", "latest.release", "2.1.0")
    assert not admits("android", "1.9.0", "1.10.0")


def test_versions_of_pods() -> None:
    assert pod_certainty([]) == ("dynamic", None)
    assert pod_certainty(["1.9.0"]) == ("exact", "1.9.0")
    assert admits("ios", "~> 1.13.0", "1.13.0.1")
    assert not admits("ios", "~> 1.13.0", "1.14.0")
    assert admits("ios", "~> 1.9", "1.13.0")
    assert not admits("ios", "~> 1.9", "2.1.0")
    assert admits("ios", ">= 1.9, < 1.13, != 1.11.0", "1.12.0")
    assert not admits("ios", ">= 1.9, < 1.13, != 1.12.0", "1.12.0")
    assert admits("ios", "= 1.9", "1.9.0")
    assert admits("ios", "", "2.1.0")
    assert not admits("ios", "one", "2.1.0")
