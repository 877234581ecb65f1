#!/usr/bin/env bash
# Runs the Autobahn test suite against websocket-echo, in both roles, and fails unless every case is OK.
#
#   Tests/conformance/autobahn.sh [server] [client]      both roles if none is named
#
# CASES      the cases to run, as in "9.* 12.1.1" (all)
# PYTHON27   the Python 2.7 that the suite needs (python2.7 on the path, or pyenv's)
# ECHO       the program to test (a release build of websocket-echo)
# CACHE      where the suite and its reports are kept (.build/autobahn)
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${CACHE:-$top/.build/autobahn}
roles=("$@")
[ ${#roles[@]} -gt 0 ] || roles=(server client)

find_python() {
    local candidate
    for candidate in "${PYTHON27:-}" python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; assert sys.version_info[:2] == (2, 7)' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "autobahn: no Python 2.7, which the suite is written in: install one (pyenv install 2.7.18)," >&2
    echo "autobahn: or name one with PYTHON27=/path/to/python2.7" >&2
    exit 2
}

# The suite's own requirements are pinned; what those leave open is pinned here, to the last releases for Python 2.7.
requirements='autobahntestsuite==25.10.1
autobahn==0.10.9
Twisted==19.10.0
wsaccel==0.6.3
attrs==21.4.0
Automat==22.10.0
cffi==1.15.1
constantly==15.1.0
enum34==1.1.10
hyperlink==21.0.0
idna==2.10
ipaddress==1.0.23
linecache2==1.0.0
pyasn1==0.5.1
pyasn1-modules==0.3.0
pycparser==2.21
PyHamcrest==1.10.1
traceback2==1.4.0
typing==3.10.0.0'

install_suite() {
    if [ -x "$cache/venv/bin/wstest" ] && [ "$(cat "$cache/requirements" 2>/dev/null)" = "$requirements" ]; then
        return
    fi
    local python pip_quietly=(-q --disable-pip-version-check --no-warn-script-location --no-python-version-warning)
    python=$(find_python)
    echo "autobahn: installing the suite into $cache"
    rm -rf "$cache/venv" "$cache/bootstrap"
    mkdir -p "$cache"
    # 20.15.1 is the last virtualenv that runs on Python 2.7.
    "$python" -m pip install -q --disable-pip-version-check --target "$cache/bootstrap" virtualenv==20.15.1 2>/dev/null
    PYTHONPATH=$cache/bootstrap "$python" -m virtualenv -q --no-download "$cache/venv"
    printf '%s\n' "$requirements" > "$cache/requirements.txt"
    "$cache/venv/bin/pip" install "${pip_quietly[@]}" -r "$cache/requirements.txt"
    printf '%s' "$requirements" > "$cache/requirements"
}

# Children are ended by id, whatever ends this script.
children=()
end_children() {
    local child
    for child in "${children[@]:-}"; do
        [ -n "$child" ] && kill "$child" 2>/dev/null || true
    done
}
trap end_children EXIT

wait_for() { # FILE PATTERN PID
    local attempt
    for attempt in $(seq 300); do
        grep -q "$2" "$1" 2>/dev/null && return
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    echo "autobahn: not ready: $(cat "$1")" >&2
    exit 2
}

cases_json() {
    local pattern json=
    set -f
    for pattern in ${CASES:-*}; do json="$json${json:+, }\"$pattern\""; done
    set +f
    echo "[$json]"
}

# Our server, the suite as client.
run_server() {
    local out=$cache/reports/server port
    "$echo_program" serve 0 > "$cache/echo.log" 2>&1 &
    children+=($!)
    wait_for "$cache/echo.log" 'listening on' "$!"
    port=$(sed -n 's/^listening on 127\.0\.0\.1://p' "$cache/echo.log")
    cat > "$cache/fuzzingclient.json" <<JSON
{"outdir": "$out", "servers": [{"agent": "nosocks", "url": "ws://127.0.0.1:$port"}],
 "cases": $(cases_json), "exclude-cases": [], "exclude-agent-cases": {}}
JSON
    "$cache/venv/bin/wstest" -m fuzzingclient -s "$cache/fuzzingclient.json" > "$cache/fuzzingclient.log" 2>&1
}

# Our client, the suite as server.
run_client() {
    local out=$cache/reports/client port
    port=$("$cache/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat > "$cache/fuzzingserver.json" <<JSON
{"url": "ws://127.0.0.1:$port", "outdir": "$out",
 "cases": $(cases_json), "exclude-cases": [], "exclude-agent-cases": {}}
JSON
    PYTHONUNBUFFERED=1 "$cache/venv/bin/wstest" -m fuzzingserver -w 0 -s "$cache/fuzzingserver.json" \
        > "$cache/fuzzingserver.log" 2>&1 &
    children+=($!)
    wait_for "$cache/fuzzingserver.log" '^Cases = ' "$!"
    "$echo_program" drive "ws://127.0.0.1:$port"
}

report() { # ROLE
    "$cache/venv/bin/python" - "$1" "$cache/reports/$1/index.json" <<'PYTHON'
import collections, json, sys
role, path = sys.argv[1:]
cases = json.load(open(path))["nosocks"]
counts = collections.Counter((c["behavior"], c["behaviorClose"]) for c in cases.values())
good = {"OK", "INFORMATIONAL"}
bad = {n: c for n, c in cases.items() if c["behavior"] not in good or c["behaviorClose"] not in good}
for number in sorted(bad, key=lambda n: [int(p) for p in n.split(".")]):
    print("%s %s: %s, close %s" % (role, number, bad[number]["behavior"], bad[number]["behaviorClose"]))
informational = sum(1 for c in cases.values() if c["behavior"] == "INFORMATIONAL")
print("autobahn, %s: %d of %d cases OK (%d of them informational)"
      % (role, len(cases) - len(bad), len(cases), informational))
sys.exit(1 if bad else 0)
PYTHON
}

install_suite
if [ -n "${ECHO:-}" ]; then
    echo_program=$ECHO
else
    (cd "$top" && swift build -c release --product websocket-echo)
    echo_program=$(cd "$top" && swift build -c release --show-bin-path)/websocket-echo
fi

status=0
for role in "${roles[@]}"; do
    rm -rf "$cache/reports/$role"
    mkdir -p "$cache/reports/$role"
    "run_$role"
    report "$role" || status=1
done
exit $status
