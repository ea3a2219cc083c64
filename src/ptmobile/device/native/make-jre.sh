#!/bin/sh
# Make a small Java VM for the runner: the module java.base and the libraries that it loads, without symbols.
#
# Usage: make-jre.sh TARGET [JMODS]     JMODS: the modules of a JDK for another platform
#
# Needs a JDK of version 11 or later, found by JAVA_HOME or by the `jlink` command. A platform's modules must be of the
# same version as the jlink that links them, and STRIP names the `strip` for that platform. Classes are not zipped: a
# layer of an image is compressed as a whole, and is 3 MB smaller that way. There is no archive of loaded classes (class
# data sharing): it saves a start 0.03 s, emulated 0.2 s, and costs every download 2.8 MB.
set -eu

target=${1:?usage: make-jre.sh TARGET [JMODS]}
jmods=${2:-}
strip=${STRIP:-strip}
if [ -z "${JAVA_HOME:-}" ]; then
    jlink=$(command -v jlink) || { echo "make-jre.sh: needs a JDK: no jlink" >&2; exit 1; }
    JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$jlink")")")
fi
rm -rf "$target"
"$JAVA_HOME/bin/jlink" --module-path "${jmods:-$JAVA_HOME/jmods}" --add-modules java.base --strip-java-debug-attributes --compress=1 \
    --no-header-files --no-man-pages --output "$target"
# Our launcher loads the VM itself; the rest is for other programs, for TLS, and for making archives of classes.
rm -rf "${target:?}/bin" "$target/lib/security/cacerts" "$target/lib/security/public_suffix_list.dat" "$target/lib/classlist" \
    "$target/lib/jexec" "$target/lib/jspawnhelper" "$target/lib/libjli.so" "$target/lib/jrt-fs.jar"
find "$target" -name libjsig.so -delete
if command -v "$strip" >/dev/null; then
    find "$target/lib" -name '*.so' -exec chmod u+w {} + -exec "$strip" --strip-unneeded {} +
fi
