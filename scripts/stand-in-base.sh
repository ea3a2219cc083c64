#!/bin/sh
# Make sure that the image our Dockerfile starts from is there.
#
# Normally there is nothing to do: the image is present, or `docker pull` gets it. Where no image registry can be
# reached but a Debian mirror can, this makes an equivalent base with debootstrap and imports it under the same name:
# the same distribution from the same packages, though not the bytes of the published image. It differs in one more
# thing: the certificate authorities that this machine trusts, and its apt proxy, are added, because a machine cut off
# from registries often sits behind a proxy with a certificate of its own. They belong to this stand-in, never to the
# Dockerfile.
#
# Usage: scripts/stand-in-base.sh [IMAGE]
set -eu

image=${1:-debian:bookworm-20250520-slim}
suite=bookworm
mirror=${DEBIAN_MIRROR:-} # empty: debootstrap's own choice
bundle=/etc/ssl/certs/ca-certificates.crt

say() { printf 'stand-in-base: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

install_debootstrap() {
    command -v debootstrap >/dev/null && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends debootstrap >/dev/null
}

bootstrap() { # root, log
    # ${mirror:+...}: no argument at all when no mirror is named.
    debootstrap --variant=minbase "$suite" "$1" ${mirror:+"$mirror"} >"$2" 2>&1 || { tail -n 20 "$2" >&2; return 1; }
    # Security and point-release updates, as the published image has them.
    used=$(awk '$1 == "deb" { print $2; exit }' "$1/etc/apt/sources.list")
    printf 'deb %s %s main\n' \
        "$used" "$suite" "$used" "$suite-updates" "$used-security" "$suite-security" >"$1/etc/apt/sources.list"
}

add_certificates() { # root
    [ -s "$bundle" ] || return 0
    mkdir -p "$1/etc/ssl/certs" "$1/usr/local/share/ca-certificates"
    # Three places, for three moments: at once, after `ca-certificates` is installed (which writes its bundle anew),
    # and for pip, which has its own idea of where to look.
    cp "$bundle" "$1$bundle"
    for authority in /usr/local/share/ca-certificates/*.crt; do
        [ -f "$authority" ] && cp "$authority" "$1/usr/local/share/ca-certificates/"
    done
    cp "$bundle" "$1/etc/ssl/stand-in-authorities.pem"
    printf '[global]\ncert = /etc/ssl/stand-in-authorities.pem\n' >"$1/etc/pip.conf"
}

add_apt_proxy() { # root
    apt-config dump 2>/dev/null | grep -E '^Acquire::https?::Proxy ' >"$1/etc/apt/apt.conf.d/90proxy" ||
        rm -f "$1/etc/apt/apt.conf.d/90proxy"
}

if docker image inspect "$image" >/dev/null 2>&1; then
    say "$image is present"
    exit 0
fi
if docker pull --quiet "$image" >/dev/null 2>&1; then
    say "pulled $image"
    exit 0
fi

[ "$(id -u)" = 0 ] || fail "$image can not be pulled, and making a stand-in needs root (debootstrap)"
command -v apt-get >/dev/null || fail "$image can not be pulled, and making a stand-in needs a Debian system"
say "$image can not be pulled: making an equivalent with debootstrap (a minute or two)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install_debootstrap || fail "debootstrap could not be installed"
bootstrap "$work/root" "$work/log" || fail "debootstrap failed"
add_certificates "$work/root"
add_apt_proxy "$work/root"
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
tar -C "$work/root" -c . | docker import --change 'CMD ["bash"]' - "$image" >/dev/null
say "made $image"
