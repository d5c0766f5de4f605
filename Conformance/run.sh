#!/usr/bin/env bash
# Runs the Autobahn TestSuite against Duplex in both roles at once: its fuzzing client against the /echo of
# `duplex serve`, on the default engine ("server"), on epoll ("server-epoll") and on SwiftNIO ("server-nio"), and its
# fuzzing server against autobahn-client, which reads once by callbacks ("client") and once by a task ("client-task").
# Fails unless the results are those of expected.json.
#
#   Conformance/run.sh            every case; rewrites its part of docs/conformance.md
#   Conformance/run.sh --accept   the same, and makes what came out the expected results
#   Conformance/run.sh --fast     what `make test` has time for
#
# The suite's own reports are kept: .build-conformance/{server,server-epoll,server-nio,client,client-task}/index.html
# PRODUCTS names the folder of the two programs, if they are not where `make conformance` puts them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly suite=.build-tools/autobahn
readonly out=.build-conformance
readonly duplex=${PRODUCTS:-.build/release}/duplex
readonly client=${PRODUCTS:-.build/release}/autobahn-client

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

for program in "$duplex" "$client"; do
    [[ -x $program ]] || fail "there is no $program; \`make conformance\` builds it"
done

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
    local log=$out/$1.log
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    pids+=" $pid"
}

# wstest ROLE MODE SPEC: starts the suite.
wstest() {
    mkdir -p "$out/$1"
    printf '{%s, "outdir": "%s"}\n' "$3" "$out/$1" >"$out/$1.json"
    start "$1" "$suite/bin/python" -u Conformance/wstest.py --mode "$2" --webport 0 --spec "$out/$1.json"
}

runs() {
    kill -0 "$1" 2>/dev/null
}

# find_port LOG WORDS: waits until the program just started has said its port, behind WORDS; sets `port`.
find_port() {
    local log=$out/$1.log line
    for _ in {1..300}; do
        if line=$(grep -m 1 -o "^$2[0-9][0-9]*" "$log" 2>/dev/null); then
            port=${line##*[: ]}
            return
        fi
        runs "$pid" || break
        sleep 0.1
    done
    cat "$log" >&2
    fail "the program of $log did not say where it listens"
}

rm -rf "$out"
mkdir -p "$out"
servers=
testing=

# test_server ROLE OPTION...: starts a server and the suite's client.
test_server() {
    local role=$1
    shift
    start "duplex-$role" "$duplex" serve --port 0 "$@"
    servers+=" $pid"
    find_port "duplex-$role" 'Duplex serves on 127\.0\.0\.1:'
    wstest "$role" fuzzingclient \
        "\"servers\": [{\"agent\": \"Duplex\", \"url\": \"ws://127.0.0.1:$port/echo\"}], \"cases\": $cases"
    testing+=" $pid"
}
test_server server
test_server server-epoll --engine epoll
test_server server-nio --engine nio

# test_client ROLE FACE EXCLUDED: starts a fuzzing server and its client.
test_client() {
    # The port in this URL is not the one that it will listen at: see wstest.py.
    wstest "$1" fuzzingserver "\"url\": \"ws://127.0.0.1:1\", \"cases\": $cases, \"exclude-cases\": $3"
    servers+=" $pid"
    find_port "$1" 'listening '
    start "$1-echo" "$client" "$2" "ws://127.0.0.1:$port"
    testing+=" $pid"
}
test_client client callbacks '[]'
# How a message is read makes no difference to its compression.
test_client client-task task '["12.*", "13.*"]'

SECONDS=0
for pid in $testing; do
    while runs "$pid"; do
        ((SECONDS < limit)) || fail "not done after $limit seconds; see $out/*.log"
        [[ ! -t 2 ]] || printf '\rconformance: %d cases' "$(cat "$out"/*.log | grep -c '^Running test case')" >&2
        sleep 0.2
    done
    wait "$pid" || fail "the suite did not go through; see the ends of $out/*.log"
done
[[ ! -t 2 ]] || echo >&2
pids=$servers

Conformance/report.py "$@"
