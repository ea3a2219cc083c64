#!/bin/sh
# Make a small Java runtime for the runner: java.base alone, without symbols, with an archive of its loaded classes.
#
# Usage: make-jre.sh TARGET [JMODS]     JMODS: the modules of a JDK for another platform
#
# Needs a JDK of version 11 or later, found by JAVA_HOME or by the `jlink` command. A platform's modules must be of the
# same version as the jlink that links them. The archive of classes (class data sharing) halves the start of the VM; it
# can only be written by the new runtime itself: for another platform the caller does it. Classes are not zipped: a layer
# of an image is compressed as a whole, and is 3 MB smaller that way.
set -eu

target=${1:?usage: make-jre.sh TARGET [JMODS]}
jmods=${2:-}
if [ -z "${JAVA_HOME:-}" ]; then
    jlink=$(command -v jlink) || { echo "make-jre.sh: needs a JDK: no jlink" >&2; exit 1; }
    JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$jlink")")")
fi
rm -rf "$target"
"$JAVA_HOME/bin/jlink" --module-path "${jmods:-$JAVA_HOME/jmods}" --add-modules java.base --strip-java-debug-attributes --compress=1 \
    --no-header-files --no-man-pages --output "$target"
[ -n "$jmods" ] || "$target/bin/java" -XX:+UseSerialGC -Xshare:dump >/dev/null
