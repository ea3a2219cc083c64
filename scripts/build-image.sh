#!/bin/sh
# Build the action's image from this tree, under the name ptmobile-action:dev unless another is given.
#
# Usage: scripts/build-image.sh [TAG]
#
# RUNTIMES="1.9.0 1.12.2" in the environment bakes these releases of the phone's library into the image, for runs without
# a network; PTMOBILE_MAVEN names other Maven repositories to fetch them from.
set -eu

tag=${1:-ptmobile-action:dev}
root=$(cd "$(dirname "$0")/.." && pwd)
base=$(sed -n 's/^ARG BASE_IMAGE=//p' "$root/Dockerfile")

docker version >/dev/null 2>&1 || {
    echo "build-image: no Docker engine answers (scripts/start-engine.sh starts one)" >&2
    exit 1
}
"$root/scripts/stand-in-base.sh" "$base"
# The classic builder, on purpose: act and the Docker SDK know no other, so the Dockerfile must work with it. Where
# the engine has BuildKit only, this variable is ignored and the build works as well.
DOCKER_BUILDKIT=0 docker build --tag "$tag" --build-arg "BASE_IMAGE=$base" \
    --build-arg "RUNTIMES=${RUNTIMES:-}" --build-arg "PTMOBILE_MAVEN=${PTMOBILE_MAVEN:-}" "$root"
docker image inspect --format "build-image: $tag is {{.Size}} bytes" "$tag"
