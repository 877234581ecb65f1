#!/bin/sh
# Fetches what is new from a hub, sends what is new here, and builds: for a build machine, or a cron job.
#
# usage: sync-then-build.sh URL DIR [TARGET...]     the targets are make's
set -eu

url=${1:?usage: sync-then-build.sh URL DIR [TARGET...]}
folder=${2:?usage: sync-then-build.sh URL DIR [TARGET...]}
shift 2

status=0
nosocks join --once --quiet "$url" "$folder" || status=$?
case $status in
0) ;;
3) echo "sync-then-build: not every path is in step (see above); building all the same" >&2 ;;
7) echo "sync-then-build: no hub at $url; building what is here" >&2 ;;
*) exit "$status" ;;
esac

exec make -C "$folder" "$@"
