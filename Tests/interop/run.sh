#!/bin/sh
# Makes an environment with the Python libraries that `make interop` tests against, and runs the checks in it.
#
#   Tests/interop/run.sh BINARIES [WORD...]     the folder of nosocks and websocket-echo, and which checks (all)
#
# CACHE      where the environment is kept (.build/interop)
# PYTHON     the Python to make it with, 3.11 or later (python3)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${CACHE:-$top/.build/interop}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "interop: Python 3.11 or later is needed, and $python is $("$python" -V 2>&1)" >&2
    exit 2
}
# A venv is good for the interpreter and the place that it was made with alone.
wanted="$("$python" -c 'import sys; print(sys.executable, sys.version)') in $cache
$(cat "$here/requirements.txt")"
if [ "$(cat "$cache/installed" 2>/dev/null)" != "$wanted" ]; then
    echo "interop: installing websockets and aiohttp by pip into $cache"
    rm -rf "$cache/venv" "$cache/installed"
    mkdir -p "$cache"
    "$python" -m venv "$cache/venv"
    "$cache/venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$here/requirements.txt"
    printf '%s\n' "$wanted" > "$cache/installed"
fi
exec "$cache/venv/bin/python" -B "$here/interop.py" "$@"
