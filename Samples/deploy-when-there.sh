#!/bin/sh
# Runs a command on another machine as soon as everything that is on this disk now is there: the sources are edited here,
# and built or deployed there. A hub or peer keeps DIR in step on both machines.
#
# usage: deploy-when-there.sh DIR HOST COMMAND...
# SSH    the ssh command, with options if need be (ssh)
set -eu

folder=${1:?usage: deploy-when-there.sh DIR HOST COMMAND...}
host=${2:?usage: deploy-when-there.sh DIR HOST COMMAND...}
shift 2

# Without --all, until the hub has it; then every peer that is connected as well.
nosocks wait --quiet --all --timeout 5m "$folder" && exec ${SSH:-ssh} "$host" "$@"
