#!/usr/bin/env bash
# Feeds what peers can send to the protocol's core, in ever new forms, and looks for what must not happen.
# README.md says what is fed to what.
#
#   Fuzzing/run.sh [SECONDS [TARGET…]]   each target for so long, 60 seconds by default
#   Fuzzing/run.sh --fast                what `make test` has time for
#   Fuzzing/run.sh --again TARGET FILE   one input once more
#
# SCRATCH names the folder for everything built and found, .build-fuzz by default. The exit status is 1 if
# anything was found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly scratch=${SCRATCH:-.build-fuzz}
readonly crashes=$scratch/crashes

fail() {
    echo "fuzz: $*" >&2
    exit 2
}

resources=$(swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)".*|\1|p')
library=$resources/clang/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a
# Xcode's toolchain has none, nor have some distributions' own.
if [[ ! -f $library ]]; then
    [[ ${1:-} == --fast && ${DUPLEX_REQUIRE_TOOLS:-} != 1 ]] ||
        fail "this toolchain has no libFuzzer; that of swift.org for Linux has $library"
    echo "fuzz: SKIPPED, for this toolchain has no libFuzzer. No input was tried." >&2
    exit 0
fi

# Coverage of every edge and the operands of every comparison, of all Swift modules; and the address
# sanitizer, for the core has a few pointers. Optimised code has the same traps and runs many times as often.
swift build -c release --package-path Fuzzing --scratch-path "$scratch" --sanitize address \
    -Xswiftc -sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table \
    -Xswiftc -use-ld=lld -Xlinker "$library" >&2
readonly program=$scratch/release/duplex-fuzz

# Swift's own report of a crash would come before libFuzzer's, and leave no input behind.
export SWIFT_BACKTRACE=enable=no
# Freed memory is held back for the sanitizer; by default so much of it that a leak would hardly show.
export ASAN_OPTIONS="quarantine_size_mb=32 ${ASAN_OPTIONS:-}"
mkdir -p "$crashes"

if [[ ${1:-} == --again ]]; then
    (($# == 3)) || fail "usage: Fuzzing/run.sh --again TARGET FILE"
    TARGET=$2 exec "$program" "$3"
fi

seconds=60
flags=()
if [[ ${1:-} == --fast ]]; then
    seconds=30
    shift
    # The same beginning every time: this run guards what has been reached, `make fuzz` looks further.
    flags=(-seed=1)
elif (($# > 0)); then
    seconds=$1
    shift
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "\"$seconds\" is no number of seconds"
fi

targets=$("$program")
for wanted in "$@"; do
    grep -q "^$wanted " <<<"$targets" || fail "there is no target \"$wanted\", only: $(cut -d' ' -f1 <<<"$targets" | xargs)"
done

status=0
while read -r target length; do
    [[ $# == 0 || " $* " == *" $target "* ]] || continue
    export TARGET=$target
    found=$scratch/corpus/$target
    seeds=$scratch/seeds/$target
    log=$scratch/$target.log
    mkdir -p "$found" "$seeds" "Fuzzing/Corpus/$target"
    "$program" --seeds "$seeds"
    words=()
    [[ ! -s $seeds.dict ]] || words=(-dict="$seeds.dict")
    # A second is ages for inputs of this size; 20 are for a machine that is busy with other things.
    if "$program" "${flags[@]}" -max_total_time="$seconds" -max_len="$length" -timeout=20 -rss_limit_mb=2048 \
        "${words[@]}" -artifact_prefix="$crashes/$target-" -print_final_stats=1 \
        "$found" "$seeds" "Fuzzing/Corpus/$target" </dev/null >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
        # A target that runs nothing would find nothing for ever.
        ((${runs:-0} > 100)) || fail "$target was run ${runs:-0} times only; see $log"
        echo "fuzz: $target: nothing in $runs runs, which reached $edges edges"
    else
        status=1
        echo "fuzz: $target: FOUND SOMETHING; all of it is in $log" >&2
        grep -E 'Fatal error|ERROR: |^  \.|Test unit written' "$log" >&2 || tail -20 "$log" >&2
    fi
done <<<"$targets"
exit "$status"
