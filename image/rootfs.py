"""Copy the packages that a conversion needs, and nothing else, into an empty root: the final image's file system.

Run inside the build stage, after apt has installed everything. An allow-list (the dependency closure of a few
packages) and not a list of removals, so that the result does not depend on what the base image happens to hold. The
package database is written for exactly what was copied: scanners can still tell which versions the image contains.

Usage: rootfs.py TARGET
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

#: What the image is for; their dependencies follow.
WANTED = (
    "python3-torch",
    "python3-torchvision",
    "libopenblas0-serial",
    "python3-packaging",  # torch.__version__ >= "1.9" needs it, as do many models
    "base-files",
    "libc-bin",  # ldconfig, C.UTF-8
    # A shell and ls, cat, cp: for whoever looks into the image, and for models that call os.system.
    "dash",
    "coreutils",
)

#: Dependencies of packages' installation scripts, or of programs that we leave out.
UNWANTED = (
    "adduser",
    "ca-certificates",  # its result, the bundle, is copied below
    "debconf",
    "debianutils",
    "dpkg",
    "mailcap",
    "mawk",
    "mime-support",
    "openssl",
    "passwd",
    "perl*",
    "readline-common",
    "tar",
)

#: Files that nothing loads. Licences (share/doc/*/copyright) stay: they must travel with the binaries.
DROPPED = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bash-completion/*",
    "/usr/share/gdb/*",
    "/usr/share/gcc/*",
    "/usr/share/applications/*",
    "/usr/share/pixmaps/*",
    "/usr/lib/*/gconv/*",  # iconv's tables; Python has its own
    "/usr/include/*",
    "*.a",
    "*.h",
    "*.pyi",
    "*.pyc",  # written anew, see the Dockerfile
    # torch's own tests, C++ headers and code generator, and Caffe2's Python side
    "/usr/lib/python3/dist-packages/caffe2/*",
    "/usr/lib/python3/dist-packages/torchgen/*",
    "/usr/lib/python3/dist-packages/torch/bin/*[tT]est*",
    "/usr/lib/python3/dist-packages/torch/bin/tutorial_*",
    "/usr/lib/python3/dist-packages/torch/include/*",
    "/usr/lib/python3/dist-packages/torch/lib/libcaffe2_*",
    "/usr/lib/python3/dist-packages/torch/test",
    "/usr/lib/python3/dist-packages/torch/testing/_internal/*",
    # numpy's tests, what only works with a compiler, and a second copy of its C core that Python never looks at
    "/usr/lib/python3/dist-packages/numpy/*tests/*",
    "/usr/lib/python3/dist-packages/numpy/distutils/*",
    "/usr/lib/python3/dist-packages/numpy/f2py/*",
    "/usr/lib/python3.11/dist-packages/numpy/*",
    "/usr/lib/python3.11/test/*",
    # needs FFmpeg; torchvision does without when it is absent
    "/usr/lib/python3/dist-packages/torchvision/video_reader*.so",
)
KEPT = "/usr/share/doc/*/copyright"

#: Not in any package: made by installation scripts.
GENERATED = (
    "/etc/group",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/lib/ssl/cert.pem",
)

Package = dict[str, str]


def installed() -> dict[str, Package]:
    """Read dpkg's database: the installed packages by name, each with its fields and its whole stanza."""
    packages: dict[str, Package] = {}
    for stanza in Path("/var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            packages[fields["Package"]] = {**fields, "stanza": stanza}
    return packages


def names(relation: str) -> list[list[str]]:
    """Split a Depends field: a list of clauses, each a list of alternatives, versions and architectures dropped."""
    return [
        [re.split(r"[ :(]", alternative.strip())[0] for alternative in clause.split("|")]
        for clause in relation.split(",")
        if clause.strip()
    ]


def closure(packages: dict[str, Package]) -> list[str]:
    """List the wanted packages with everything they depend on, as far as it is installed and not unwanted."""
    providers = {
        alternative: name
        for name, package in packages.items()
        for clause in names(package.get("Provides", ""))
        for alternative in clause
    }
    found: dict[str, None] = {}
    queue = list(WANTED)
    while queue:
        name = queue.pop()
        name = name if name in packages else providers.get(name, "")
        if not name or name in found or any(fnmatch.fnmatch(name, pattern) for pattern in UNWANTED):
            continue
        found[name] = None
        package = packages[name]
        for clause in names(package.get("Pre-Depends", "")) + names(package.get("Depends", "")):
            queue += [next((alternative for alternative in clause if alternative in packages), clause[0])]
    return sorted(found)


def files(packages: Iterable[str]) -> Iterator[Path]:
    """List the packages' files and folders that are to be copied."""
    command = ["/usr/bin/dpkg-query", "--listfiles", *packages]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        dropped = any(fnmatch.fnmatchcase(line, pattern) for pattern in DROPPED)
        if line.startswith("/") and (not dropped or fnmatch.fnmatchcase(line, KEPT)):
            yield Path(line)


def copy(path: Path, target: Path) -> None:
    """Copy one file, symbolic link or empty folder to the same place under the target."""
    # A path such as /lib/x.so goes through the link /lib -> usr/lib: the copy must lie where the link leads.
    place = target / path.parent.resolve().relative_to("/") / path.name
    if place.is_symlink() or place.is_file() or not (path.exists() or path.is_symlink()):
        return
    if path.is_dir() and not path.is_symlink():
        place.mkdir(parents=True, exist_ok=True)
        shutil.copystat(path, place)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, place, follow_symlinks=False)


def link_alternatives(target: Path) -> None:
    """Make the libraries in effect (BLAS and LAPACK) plain links: the alternatives system itself stays behind."""
    for link in Path("/usr/lib").glob("*/*.so*"):
        if link.is_symlink() and link.readlink().is_relative_to("/etc/alternatives"):
            place = target / link.relative_to("/")
            place.unlink(missing_ok=True)
            place.symlink_to(link.resolve().relative_to(link.parent))


def main(target: Path) -> None:
    """Fill the target."""
    for merged in ("bin", "lib", "lib64", "sbin"):
        (target / "usr" / merged).mkdir(parents=True, exist_ok=True)
        (target / merged).symlink_to(f"usr/{merged}")
    packages = installed()
    chosen = closure(packages)
    for path in (*files(chosen), *map(Path, GENERATED)):
        copy(path, target)
    link_alternatives(target)
    (target / "tmp").chmod(0o1777)
    database = target / "var/lib/dpkg/status"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_text("\n\n".join(packages[name]["stanza"].strip() for name in chosen) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
