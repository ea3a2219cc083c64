#!/bin/sh
# Start a Docker engine if none answers: install Debian's docker.io when there is no dockerd, run it in the background
# and wait until it answers. For throw-away machines and CI runners; a workstation has its own engine.
set -eu

log=${DOCKERD_LOG:-/var/log/ptmobile-dockerd.log}
patience=60 # seconds

say() { printf 'start-engine: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
engine_answers() { docker version >/dev/null 2>&1; }

install_engine() {
    command -v dockerd >/dev/null && command -v docker >/dev/null && return
    command -v apt-get >/dev/null || fail "there is no Docker engine, and without apt-get I can not install one"
    say "installing Debian's docker.io"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        docker.io iptables ca-certificates >/dev/null
}

start_engine() {
    nohup dockerd >"$log" 2>&1 </dev/null &
    engine=$!
    waited=0
    until engine_answers; do
        kill -0 "$engine" 2>/dev/null || { tail -n 20 "$log" >&2; fail "dockerd ended; its log is $log"; }
        [ "$waited" -lt "$patience" ] || fail "dockerd does not answer after $patience s; its log is $log"
        sleep 1
        waited=$((waited + 1))
    done
}

if command -v docker >/dev/null && engine_answers; then
    say "a Docker engine answers"
    exit 0
fi
[ "$(id -u)" = 0 ] || fail "no Docker engine answers, and starting one needs root"
install_engine
if engine_answers; then
    # Where systemd runs, installing the package has started it.
    say "the Docker engine is up"
    exit 0
fi
start_engine
say "the Docker engine is up (dockerd $engine, log $log)"
