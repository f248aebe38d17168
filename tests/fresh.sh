#!/usr/bin/env bash
# Follows the README on a fresh machine, as an ordinary user would: in a bare Debian made by debootstrap, with an empty clone of the
# committed HEAD. `make serve` must answer for a picture, and `make test` must pass. This is done twice: with no fonts at all, and with
# some twenty of Debian's font packages and a few word lists, because no test may depend on what a machine has.
#
# Needs root (for chroot and mounts, all of which end with the script), debootstrap, and 10 GB. What lets this machine reach its package
# servers is taken over: apt's sources, pip's configuration with the folders that it names, proxies and certificates.
#
#   PASSES="bare furnished"   what to do
#   PHOTO=picture.jpg         the picture to post; its words are printed. By default the street of docs/images, whose words are known
#   PORT=8000                 where `make serve` listens
#   SUITE, MIRROR             the Debian to make, by default this machine's own
#   WORK=/var/tmp             where to make it;  KEEP=1 leaves it there
set -euo pipefail

PASSES=${PASSES-bare furnished}
PORT=${PORT:-8000}
PACKAGES=python3,python3-venv,git,gcc,g++,make,curl,ca-certificates
FONTS=(
    fonts-dejavu fonts-liberation fonts-freefont-ttf fonts-noto-core fonts-noto-mono fonts-roboto fonts-open-sans fonts-lato
    fonts-cantarell fonts-crosextra-carlito fonts-crosextra-caladea fonts-linuxlibertine fonts-ebgaramond fonts-inconsolata
    fonts-hack fonts-firacode fonts-gfs-didot fonts-junicode fonts-texgyre fonts-urw-base35 fonts-dancingscript fonts-wqy-microhei
)
WORD_LISTS=(wamerican wfrench wngerman)
STREET_WORDS=(HOTEL BAKERY Garden LUNCH Coffee)  # drawn by docs/images/street.py
TIME_LIMIT=5400  # seconds for each command

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'fresh: %s\n' "$*" >&2; exit 1; }

# Outside: what needs no mounts. Runs the rest of this script among mounts and processes of its own, and removes what it made.
prepare() {
    [ "$(id -u)" = 0 ] || fail "needs root, for debootstrap and chroot"
    command -v debootstrap > /dev/null || fail "needs debootstrap: apt-get install debootstrap"
    if (exec 3<> "/dev/tcp/127.0.0.1/$PORT") 2> /dev/null; then fail "something listens on port $PORT: choose another with PORT="; fi
    cd "$(dirname "$0")/.."
    [ -z "$(git status --porcelain)" ] || echo "fresh: what is not committed is left out" >&2
    work=$(mktemp -d "${WORK:-/var/tmp}/spotter-fresh.XXXXXX")
    [ "${KEEP:-0}" = 1 ] || trap 'rm -rf --one-file-system "$work"' EXIT
    git bundle create --quiet "$work/spotter.bundle" HEAD $(git symbolic-ref -q HEAD || true)
    [ -z "${PHOTO:-}" ] || cp "$PHOTO" "$work/photo"
    unshare --mount --pid --fork --kill-child --propagation private "$BASH" "$0" --inside "$work"
}

# The variables by which programs find proxies, package indexes and certificates.
network_variables() {
    compgen -e | grep -E '^(PIP_[A-Z_]+|(http|https|ftp|all|no)_proxy|(HTTP|HTTPS|FTP|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO)$' \
        | while read -r name; do printf '%s=%s\n' "$name" "${!name}"; done
}

# This machine's pip configuration, of all levels, as one file.
pip_configuration() {
    python3 -m pip config list 2> /dev/null | python3 -c '
import ast, configparser, sys
parser = configparser.RawConfigParser()
for line in sys.stdin:
    key, _, value = line.strip().partition("=")
    section, _, option = key.partition(".")
    if section != ":env:":
        parser.setdefault(section, {}) if section in parser else parser.add_section(section)
        parser.set(section, option, ast.literal_eval(value))
parser.write(sys.stdout)'
}

# The files and folders of this machine that its pip configuration and variables name. An index that is a folder refers to files beside
# it, so the folder around it comes, too.
named_paths() {
    { pip_configuration; network_variables; } | grep -oE '(file://)?/[^][:space:],"'\'']+' | while read -r path; do
        case $path in
            file://*) path=$(dirname "${path#file://}") ;;
        esac
        [ ! -e "$path" ] || [ "$path" = / ] || printf '%s\n' "$path"
    done | sort -u
}

make_root() {
    local suite mirror path
    suite=${SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
    mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" 'Created-By: Packages' | head -n 1)}
    say "a bare $suite from ${mirror:-the usual mirror}"
    debootstrap --variant=minbase --include="$PACKAGES" "$suite" "$root" ${mirror:+"$mirror"} > "$work/debootstrap.log" 2>&1 \
        || { tail -n 20 "$work/debootstrap.log" >&2; fail "debootstrap"; }
    # Packages' scripts must start no services.
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    for path in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/apt/keyrings \
        /etc/apt/trusted.gpg.d /usr/share/keyrings; do
        [ ! -e "$path" ] || cp -a --parents "$path" "$root"
    done
    apt-config dump Acquire | grep -v '::IndexTargets' > "$root/etc/apt/apt.conf.d/99acquire" || true
    pip_configuration > "$root/etc/pip.conf"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    named_paths | while read -r path; do
        [ ! -f "$path" ] || { mkdir -p "$root$(dirname "$path")"; [ -e "$root$path" ] || touch "$root$path"; }
        [ ! -d "$path" ] || mkdir -p "$root$path"
        mount --bind "$path" "$root$path"
        mount -o remount,bind,ro "$root$path"
    done
    chroot "$root" useradd --create-home --shell /bin/bash stranger
    install -o "$(chroot "$root" id -u stranger)" -t "$root/home/stranger" "$work/spotter.bundle"
    [ ! -e "$work/photo" ] || install -m 644 "$work/photo" "$root/home/stranger/photo"
}

# Runs a line of shell in the root, as root or as an ordinary user who has just logged in.
as() {
    local user=$1 home=/root variables=()
    [ "$user" = root ] || home=/home/$user
    mapfile -t variables < <(network_variables)
    timeout "$TIME_LIMIT" chroot --userspec="$user:$user" "$root" env -i "${variables[@]}" HOME="$home" USER="$user" \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin PORT="$PORT" bash -euo pipefail -c "cd; $2"
}

furnish() {
    say "${#FONTS[@]} packages of fonts, ${#WORD_LISTS[@]} word lists"
    as root "export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update
        apt-get -qq install --yes --no-install-recommends ${FONTS[*]} ${WORD_LISTS[*]} > /tmp/apt.log 2>&1 || { tail /tmp/apt.log; exit 1; }
        find /usr/share/fonts -name '*.[to]t[fc]' | wc -l | sed 's/$/ font files/'"
}

# The README's two commands in a new clone.
visit() {
    local words=("${STREET_WORDS[@]}") picture=/tmp/street.jpg
    [ ! -e "$work/photo" ] || { words=(); picture=/home/stranger/photo; }
    as stranger "git clone --quiet spotter.bundle $1; cd $1; git log -1 --oneline"
    say "$1: make serve"
    as stranger "cd $1; set -m
        make serve > /tmp/serve.log 2>&1 &
        until curl -sf localhost:$PORT/health/ready > /dev/null; do
            kill -0 %1 2> /dev/null || { tail -n 30 /tmp/serve.log; exit 1; }
            sleep 1
        done
        .venv/bin/python docs/images/street.py /tmp/street.jpg
        curl -sS --fail-with-body --data-binary @$picture -H 'Content-Type: image/jpeg' localhost:$PORT/spot > /tmp/answer.json \
            || { cat /tmp/answer.json; exit 1; }
        kill -INT %1
        wait %1 || true
        if curl -s localhost:$PORT/health/live; then echo 'still serving' >&2; exit 1; fi
        python3 tests/fresh_answer.py /tmp/answer.json ${words[*]}"
    say "$1: make test"
    as stranger "cd $1; time make test"
    say "$1: passed"
    as stranger "rm -rf $1"
}

if [ "${1:-}" = --inside ]; then
    work=$2 root=$2/root
    make_root
    for pass in $PASSES; do
        [ "$pass" = bare ] || furnish
        visit "$pass"
    done
else
    prepare
fi
