#!/bin/sh
# Installs what a build needs and this machine lacks, and says so; silent when nothing is missing.
#
# usage: prerequisites.sh [demo|test|bench|bench-websocket]...     what for, beyond the build itself
set -eu

say() { echo "prerequisites: $*"; }

command -v swift >/dev/null 2>&1 || {
    say "there is no Swift toolchain (6.1 or later) on the PATH; https://www.swift.org/install tells how to get one" >&2
    exit 1
}

missing=
want() { missing="$missing $1"; }

debian_has() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Root needs no sudo; anybody else is asked for a password by sudo itself.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "this needs root, and there is no sudo; as root, run: $*" >&2
        exit 1
    fi
}

if command -v apt-get >/dev/null 2>&1; then
    for package in zlib1g-dev libsqlite3-dev pkg-config; do
        debian_has "$package" || { [ "$package" = pkg-config ] && debian_has pkgconf; } || want "$package"
    done
    for purpose in "$@"; do
        case $purpose in
        demo) perl -MTime::HiRes -e 1 2>/dev/null || want perl ;;
        bench) for tool in python3 rsync; do command -v "$tool" >/dev/null 2>&1 || want "$tool"; done ;;
        bench-websocket)
            command -v cc >/dev/null 2>&1 || want gcc
            python3 -c 'import ensurepip' 2>/dev/null || want python3-venv
            debian_has node-ws || want node-ws
            ;;
        test) for tool in git rsync; do command -v "$tool" >/dev/null 2>&1 || want "$tool"; done ;;
        esac
    done
    [ -n "$missing" ] || exit 0
    say "installing by apt:$missing"
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
elif command -v brew >/dev/null 2>&1; then
    for package in zlib sqlite pkgconf; do
        brew list --versions "$package" >/dev/null 2>&1 || want "$package"
    done
    [ -n "$missing" ] || exit 0
    say "installing by Homebrew:$missing"
    # shellcheck disable=SC2086 # a list of names
    brew install $missing
else
    say "no apt and no Homebrew here; the build needs the headers of zlib and of SQLite, and pkg-config" >&2
fi
