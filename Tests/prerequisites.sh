#!/bin/sh
# Installs what a build needs and this machine lacks, and says so; silent when nothing is missing.
#
# usage: prerequisites.sh [demo|test|isal|bench|bench-tools|bench-websocket|interop]...     what for, beyond the build itself
set -eu

say() { echo "prerequisites: $*"; }

command -v swift >/dev/null 2>&1 || {
    say "there is no Swift toolchain (6.1 or later) on the PATH; https://www.swift.org/install tells how to get one" >&2
    exit 1
}

# Where servers are, which not everybody's PATH names.
PATH=$PATH:/usr/sbin

missing=
want() { missing="$missing $1"; }

debian_has() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

want_unless() { # PACKAGE COMMAND...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || want "$package"
}

install_packages() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# Programs whose packages start them, now and whenever the machine does; the tests start their own.
servers='haproxy lsyncd nginx'

# Installs packages, and leaves the servers among them off.
install_without_starting() {
    # shellcheck disable=SC2016 # for that shell, which is root's
    as_root sh -c '
        rule=/usr/sbin/policy-rc.d
        if [ ! -e $rule ]; then
            trap "rm -f $rule" EXIT
            printf "#!/bin/sh\nexit 101\n" > $rule
            chmod 755 $rule
        fi
        servers=$1
        shift
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" || exit
        [ -d /run/systemd/system ] || exit 0
        for package in "$@"; do
            case " $servers " in *" $package "*) systemctl --quiet disable "$package" ;; esac
        done' sh "$servers" "$@"
}

# What nosocks is tested with that others wrote. Looked for by what it can do, since not all of it need come from apt.
want_interop() {
    for tool in haproxy nginx openssl python3 rsync; do want_unless "$tool" command -v "$tool"; done
    want_unless tinyproxy-bin command -v tinyproxy
    want_unless libnginx-mod-stream test -e /usr/lib/nginx/modules/ngx_stream_module.so
    want_unless node-ws env NODE_PATH=/usr/share/nodejs node -e 'require("ws")'
    want_unless python3-venv python3 -c 'import ensurepip, venv'
    want_unless ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
    command -v chromium-headless-shell >/dev/null 2>&1 || want_unless chromium-headless-shell command -v chromium
}

# What nosocks is measured beside, and what makes the link between the two ends.
want_bench_tools() {
    for tool in python3 rsync lsyncd unison syncthing; do want_unless "$tool" command -v "$tool"; done
    want_unless iproute2 command -v ip
}

# The other engine for deflating, of builds with the package's trait ISAL.
want_isal() { debian_has libisal-dev || want libisal-dev; }

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
        bench-tools) want_bench_tools ;;
        isal) want_isal ;;
        bench-websocket)
            want_isal
            command -v cc >/dev/null 2>&1 || want gcc
            python3 -c 'import ensurepip' 2>/dev/null || want python3-venv
            debian_has node-ws || want node-ws
            ;;
        interop) want_interop ;;
        test) for tool in git rsync strace; do command -v "$tool" >/dev/null 2>&1 || want "$tool"; done ;;
        esac
    done
    [ -n "$missing" ] || exit 0
    say "installing by apt:$missing"
    as_root apt-get update -qq
    how=install_packages
    for server in $servers; do
        case "$missing " in *" $server "*) how=install_without_starting ;; esac
    done
    # shellcheck disable=SC2086 # a list of names
    $how $missing
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
