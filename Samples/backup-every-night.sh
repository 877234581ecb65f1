#!/bin/sh
# Keeps one dated copy of a hub's folder for each run, without touching the hub's: unchanged files cost no space, since
# they are hard links to those of the run before. For cron or a systemd timer.
#
# usage: backup-every-night.sh URL DIR
# needs: rsync
set -eu

url=${1:?usage: backup-every-night.sh URL DIR}
folder=${2:?usage: backup-every-night.sh URL DIR}
today=$folder/$(date +%Y-%m-%d)

mkdir -p "$folder"
nosocks join --once --quiet "$url" "$folder/latest"
last=$(find "$folder" -mindepth 1 -maxdepth 1 -type d -name '20*' ! -path "$today" | sort | tail -n 1)
rsync -a --delete --exclude /.nosocks ${last:+--link-dest="$(cd "$last" && pwd)"} "$folder/latest/" "$today/"
echo "$today"
