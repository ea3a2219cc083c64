#!/bin/sh
# Put into a root what the phone's libraries are run with and what does not depend on our own sources: a small Java VM
# for this machine, and on x86-64 also qemu, an arm64 C library and an arm64 Java VM.
#
# Run inside the build stage, where compilers, a JDK and qemu are installed. The licences of what is copied, and the
# packages' entries for scanners (in status.d, as in other images without dpkg), are copied too.
#
# Usage: device-runtimes.sh ROOT NATIVE     NATIVE: the folder with make-jre.sh and arm64-root.sh
set -eu

root=$1
native=$2
kit=$root/opt/ptmobile/device

record() { # package
    mkdir -p "$root/usr/share/doc/$1" "$root/var/lib/dpkg/status.d"
    cp -L "/usr/share/doc/$1/copyright" "$root/usr/share/doc/$1/"
    dpkg-query --status "$1" >"$root/var/lib/dpkg/status.d/$1"
}

mkdir -p "$kit"
case $(uname -m) in
x86_64)
    sh "$native/make-jre.sh" "$kit/x86_64/jre"
    sh "$native/arm64-root.sh" "$kit"
    cp /usr/bin/qemu-aarch64-static "$kit/arm64-v8a/"
    record qemu-user-static
    ;;
*) sh "$native/make-jre.sh" "$kit/arm64-v8a/jre" ;;
esac
record openjdk-17-jre-headless
