#!/usr/bin/env bash
# Runs the Autobahn TestSuite against Duplex in both roles at once: its fuzzing client against the /echo of
# `duplex serve`, and its fuzzing server against autobahn-client. Fails unless the results are those of
# expected.json.
#
#   Conformance/run.sh            every case; rewrites docs/conformance.md
#   Conformance/run.sh --accept   the same, and makes what came out the expected results
#   Conformance/run.sh --fast     what `make test` has time for
#
# The suite's own reports are kept: .build-conformance/{server,client}/index.html
# DUPLEX and AUTOBAHN_CLIENT name the two programs, if they are not where `make conformance` puts them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly suite=.build-tools/autobahn
readonly out=.build-conformance
readonly duplex=${DUPLEX:-.build/release/duplex}
readonly client=${AUTOBAHN_CLIENT:-Conformance/.build/release/autobahn-client}

# Sections 9, 12 and 13 are long: limits and speed, and compression of many sizes with many parameters. Of
# compression the fast part has the smallest size with each of them.
cases='["*"]'
limit=7200
case ${1:-} in
    --fast)
        cases='["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*",
            "9.1.1", "9.2.3", "9.3.4", "9.4.4", "9.5.4", "9.6.4", "9.7.1", "9.8.4",
            "12.1.1", "12.2.1", "12.3.1", "12.4.1", "12.5.1",
            "13.1.1", "13.2.1", "13.3.1", "13.4.1", "13.5.1", "13.6.1", "13.7.1"]'
        limit=180
        ;;
    "" | --accept) ;;
    *)
        echo "usage: Conformance/run.sh [--fast | --accept]" >&2
        exit 2
        ;;
esac

fail() {
    echo "conformance: $*" >&2
    exit 1
}

status=0
Conformance/setup.sh || status=$?
if ((status == 3)) && [[ ${1:-} == --fast && ${DUPLEX_REQUIRE_TOOLS:-} != 1 ]]; then
    echo "conformance: SKIPPED. Nothing was checked against the Autobahn TestSuite." >&2
    exit 0
fi
((status == 0)) || exit "$status"

# Whatever still runs of what was started here ends here.
pids=
end() {
    # shellcheck disable=SC2086
    [[ -z $pids ]] || kill $pids 2>/dev/null || true
    wait 2>/dev/null || true
}
trap end EXIT
trap 'exit 130' INT TERM

# start LOG COMMAND...: in the background, as process `pid`.
start() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    pids+=" $pid"
}

runs() {
    kill -0 "$1" 2>/dev/null
}

# port LOG PATTERN: waits until the program just started has said its port; PATTERN is what stands before it.
port() {
    local line
    for _ in {1..300}; do
        if line=$(grep -m 1 -o "^$2[0-9]\+" "$1"); then
            echo "${line##*[: ]}"
            return
        fi
        runs "$pid" || break
        sleep 0.1
    done
    cat "$1" >&2
    fail "no port in $1"
}

rm -rf "$out"
mkdir -p "$out/server" "$out/client"

start "$out/duplex.log" "$duplex" serve --port 0
serving=$pid
server_port=$(port "$out/duplex.log" 'Duplex serves on 127\.0\.0\.1:')
# The URL's port is not the one that it will listen at: see wstest.py.
cat >"$out/client/spec.json" <<JSON
{"url": "ws://127.0.0.1:1", "outdir": "$out/client", "cases": $cases}
JSON
start "$out/client.log" "$suite/bin/python" Conformance/wstest.py \
    --mode fuzzingserver --webport 0 --spec "$out/client/spec.json"
suite_port=$(port "$out/client.log" 'listening ')
serving+=" $pid"
cat >"$out/server/spec.json" <<JSON
{"servers": [{"agent": "Duplex", "url": "ws://127.0.0.1:$server_port/echo"}],
 "outdir": "$out/server", "cases": $cases}
JSON

start "$out/server.log" "$suite/bin/python" -u Conformance/wstest.py \
    --mode fuzzingclient --spec "$out/server/spec.json"
server_run=$pid
start "$out/autobahn-client.log" "$client" "ws://127.0.0.1:$suite_port"
client_run=$pid

SECONDS=0
while runs "$server_run" || runs "$client_run"; do
    ((SECONDS < limit)) || fail "not done after $limit seconds; see $out/*.log"
    if [[ -t 2 ]]; then
        printf '\rconformance: %d cases as server, %d as client' \
            "$(grep -c 'Running test case' "$out/server.log")" \
            "$(grep -c '^case' "$out/autobahn-client.log")" >&2
    fi
    sleep 0.2
done
[[ ! -t 2 ]] || echo >&2
pids=$serving
wait "$server_run" || fail "the fuzzing client failed: see $out/server.log"
wait "$client_run" || fail "autobahn-client failed: see $out/autobahn-client.log"

Conformance/report.py "$@"
