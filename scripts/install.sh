#!/bin/sh
# Set up ptmobile to run natively: system packages where they are missing, then .venv with the command in .venv/bin.
#
# Usage: scripts/install.sh [cli|dev]     dev adds what the tests need
#
# The pinned torch is Debian 12's own package (1.13.1, CPU, with XNNPACK and QNNPACK), seen by a virtual environment
# with system site packages; no wheel has the same build.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
extra=${1:-cli}
python=/usr/bin/python3
venv=$root/.venv
packages="python3-torch python3-torchvision libopenblas0-serial python3-venv"

say() { printf 'install: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

missing_packages() {
    for package in $packages; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
    done
}

install_packages() { # packages
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "needs root for: apt-get install $1"
        as_root=sudo
    fi
    say "installing Debian packages: $1"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $1 >/dev/null
}

command -v dpkg-query >/dev/null || fail "needs Debian 12 for its torch package; elsewhere, use the container"
missing=$(missing_packages)
[ -z "$missing" ] || install_packages "$missing"
version=$("$python" -c 'import torch; print(torch.__version__)') || fail "Debian's torch cannot be imported"
case $version in
1.13.*) ;;
*) fail "needs Debian 12's torch 1.13.1, but $python has $version; elsewhere, use the container" ;;
esac

# What was installed from which locks; nothing is done twice, and dev has all that cli has.
current() { [ -f "$1" ] && cat "$root"/requirements/*.lock "$root/pyproject.toml" | cmp -s - "$1"; }
stamp=$venv/.installed-$extra
if [ -x "$venv/bin/ptmobile" ] && { current "$stamp" || current "$venv/.installed-dev"; }; then
    say "$venv is up to date"
    exit 0
fi
say "making $venv ($extra)"
[ -x "$venv/bin/python" ] || "$python" -m venv --system-site-packages "$venv"
pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip --require-hashes -r "$root/requirements/build.lock" -r "$root/requirements/$extra.lock"
pip --no-deps --no-build-isolation --editable "$root"
cat "$root"/requirements/*.lock "$root/pyproject.toml" >"$stamp"
say "ready: $venv/bin/ptmobile"
