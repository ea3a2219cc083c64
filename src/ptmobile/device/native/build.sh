#!/bin/sh
# Build the kit with which the phone's own library is run: stand-ins and launcher for an ABI, and the runner in Java.
#
# Usage: build.sh KIT [ABI...]     ABI: x86_64, arm64-v8a; without one, that of this machine
#
# Needs a C compiler for each ABI (CC_x86_64 and CC_arm64_v8a name others than the usual) and a JDK of version 11 or
# later, found by JAVA_HOME or by the `javac` command. Result:
#   KIT/runner.jar
#   KIT/ABI/launcher, libc.so, libm.so, libdl.so, liblog.so, libandroid.so, full/libpytorch_jni_lite.so
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kit=${1:?usage: build.sh KIT [ABI...]}
shift
mkdir -p "$kit"
kit=$(cd "$kit" && pwd)
machine=$(uname -m)

fail() { echo "build.sh: $*" >&2; exit 1; }

if [ $# -eq 0 ]; then
    case $machine in
    x86_64) set -- x86_64 ;;
    aarch64) set -- arm64-v8a ;;
    *) fail "no Android ABI runs on $machine" ;;
    esac
fi

if [ -z "${JAVA_HOME:-}" ]; then
    javac=$(command -v javac) || fail "needs a JDK: no javac"
    JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$javac")")")
fi

compiler_for() { # ABI: the command that compiles for it
    case $1 in
    x86_64) default=x86_64-linux-gnu-gcc same=x86_64 chosen=${CC_x86_64:-} ;;
    arm64-v8a) default=aarch64-linux-gnu-gcc same=aarch64 chosen=${CC_arm64_v8a:-} ;;
    *) fail "the ABI $1 is not known" ;;
    esac
    if [ -n "$chosen" ]; then
        echo "$chosen"
    elif [ "$machine" = "$same" ]; then
        echo "${CC:-cc}"
    else
        echo "$default"
    fi
}

build_abi() { # ABI
    compiler=$(compiler_for "$1")
    command -v "$compiler" >/dev/null || fail "needs a C compiler for $1: no $compiler"
    target=$kit/$1
    mkdir -p "$target"
    # Not fortified: the stand-ins define the very functions whose checked forms would be put in.
    flags="-std=gnu11 -O2 -Wall -Wextra -Werror -U_FORTIFY_SOURCE -fno-builtin -fPIC"
    for name in libc libm libdl liblog libandroid; do
        # --no-as-needed: libm.so and libdl.so exist to bring glibc's libraries in, whatever of them they use themselves.
        # shellcheck disable=SC2086 # a list of words
        "$compiler" $flags -shared -Wl,-soname,$name.so -Wl,--no-as-needed -Wl,-z,now -s \
            -o "$target/$name.so" "$here/bionic/$name.c" -lm -ldl
    done
    # In 1.13's full AAR, PyTorchAndroid asks for the lite library when it is initialised. Android's JNI does not do that
    # when native methods are registered, a Java VM does: here it finds an empty one.
    mkdir -p "$target/full"
    cp "$target/libdl.so" "$target/full/libpytorch_jni_lite.so"
    # shellcheck disable=SC2086
    "$compiler" $flags -pie -pthread -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -s \
        -o "$target/launcher" "$here/launcher.c" -ldl
}

for abi in "$@"; do
    build_abi "$abi"
done

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir "$work/stubs" "$work/classes"
find "$here/stubs" -name '*.java' -exec "$JAVA_HOME/bin/javac" --release 11 -d "$work/stubs" {} +
# Strings are put together inline: the usual way generates code when the runner starts, which emulated takes a second.
find "$here/java" -name '*.java' -exec "$JAVA_HOME/bin/javac" --release 11 -Xlint:all -Werror -XDstringConcat=inline \
    -cp "$work/stubs" -d "$work/classes" {} +
# A fixed date: the same sources give the same archive.
find "$work/classes" -exec touch -d '2000-01-01 00:00:00' {} +
# shellcheck disable=SC2046 # names of our own classes
(cd "$work/classes" && "$JAVA_HOME/bin/jar" --create --no-manifest --no-compress --file "$kit/runner.jar" $(find . -name '*.class' | LC_ALL=C sort))
