#!/bin/sh
# Keeps a folder the same as a hub's, and builds it whenever something of others has arrived: once for all that came
# while the last build ran. What arrived is in DIR/.nosocks/arrived, one event line for each change.
#
# usage: build-on-arrival.sh URL DIR [TARGET...]     the targets are make's
set -eu

url=${1:?usage: build-on-arrival.sh URL DIR [TARGET...]}
folder=${2:?usage: build-on-arrival.sh URL DIR [TARGET...]}
shift 2

# The command sees these; so no name in them is ever taken for shell.
export FOLDER="$folder" TARGETS="$*"
exec nosocks join "$url" "$folder" \
    --exec 'cat > "$FOLDER/.nosocks/arrived"; exec make --no-print-directory -C "$FOLDER" $TARGETS'
