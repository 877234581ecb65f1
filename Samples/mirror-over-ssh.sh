#!/bin/sh
# Keeps a folder here the same as the one that a hub serves on another machine, through ssh: the hub listens on its own
# loopback address only, and whoever may log in there may join.
#
#   there:  nosocks hub ~/notes
#   here:   mirror-over-ssh.sh user@there ~/notes
#
# usage: mirror-over-ssh.sh HOST [DIR [PORT]]     DIR is . and PORT is 7625 if left out
# SSH    the ssh command, with options if need be (ssh)
set -eu

host=${1:?usage: mirror-over-ssh.sh HOST [DIR [PORT]]}
folder=${2:-.}
port=${3:-7625}

# The near end of the tunnel is a Unix socket in a directory that is ours alone: no port to choose, nobody else's way in.
private=$(mktemp -d)

# A tunnel that breaks is opened again; nosocks connects again by itself.
(
    trap 'kill $! 2>/dev/null; exit' TERM
    while :; do
        ${SSH:-ssh} -N -o BatchMode=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 \
            -o StreamLocalBindUnlink=yes -L "$private/hub:127.0.0.1:$port" "$host" &
        wait $! || true
        sleep 2 &
        wait $! || true
    done
) &
tunnel=$!

nosocks join "unix:$private/hub" "$folder" &
nosocks=$!
trap 'kill "$nosocks" 2>/dev/null' INT TERM

# An interrupted wait says so with a status above 128; then nosocks is still ending.
status=0
wait "$nosocks" || status=$?
[ "$status" -le 128 ] || { status=0; wait "$nosocks" || status=$?; }
kill "$tunnel" 2>/dev/null || true
rm -rf "$private"
exit "$status"
