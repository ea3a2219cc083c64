#!/bin/sh
# Make what an x86-64 machine needs to run arm64-v8a libraries: the arm64 C library and a small arm64 Java VM.
#
# Usage: arm64-root.sh KIT
#
# Result: KIT/arm64-v8a/root, for qemu-aarch64-static -L, and KIT/arm64-v8a/jre. Needs Debian's apt and a JDK (its jlink
# links the modules of Debian's arm64 JDK of the same version), and no privileges. apt gets a state of its own: this
# machine's packages and architectures stay as they are.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kit=${1:?usage: arm64-root.sh KIT}
mkdir -p "$kit/arm64-v8a"
target=$(cd "$kit/arm64-v8a" && pwd)
fail() { echo "arm64-root.sh: $*" >&2; exit 1; }
if [ -z "${JAVA_HOME:-}" ]; then
    jlink=$(command -v jlink) || fail "needs a JDK: no jlink"
    JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$jlink")")")
    export JAVA_HOME
fi
major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$JAVA_HOME/release")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/debs" "$work/tree"
: >"$work/state/status"
cat >"$work/apt.conf" <<CONFIGURATION
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/cache";
CONFIGURATION
export APT_CONFIG="$work/apt.conf"
apt-get update -qq || fail "apt-get cannot read the lists of Debian's packages for arm64"
fetch() { # packages: download and unpack them
    (cd "$work/debs" && apt-get download -qq "$@") || fail "apt-get cannot download Debian's packages for arm64: $*"
    for package in "$work"/debs/*.deb; do
        dpkg-deb -x "$package" "$work/tree"
        rm "$package"
    done
}
fetch libc6 libgcc-s1 libstdc++6 zlib1g "openjdk-$major-jdk-headless"
fetch "$(readlink "$work/tree/usr/share/doc/libgcc-s1")" # the package with the licence of GCC's libraries
unset APT_CONFIG

# The Java VM needs these; every other library of the packages is left behind.
rm -rf "$target/root"
mkdir -p "$target/root/lib"
for library in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libz.so.1; do
    found=$(find "$work/tree/lib" "$work/tree/usr/lib/aarch64-linux-gnu" -name "$library" | head -n 1)
    cp -L "$found" "$target/root/lib/$library"
done
for package in libc6 libgcc-s1 libstdc++6 zlib1g; do # licences travel with what they are for
    mkdir -p "$target/root/usr/share/doc/$package"
    cp "$work/tree/usr/share/doc/$package/copyright" "$target/root/usr/share/doc/$package/"
done
STRIP=aarch64-linux-gnu-strip sh "$here/make-jre.sh" "$target/jre" "$(echo "$work"/tree/usr/lib/jvm/*/jmods)"
