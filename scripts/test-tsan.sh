#!/usr/bin/env bash
# Runs the tests whose names contain "Hammer" (many threads, one object) under the thread sanitizer, in a
# scratch folder of its own: sanitized objects must not mix with the ordinary build's.
# A filter that matches nothing would pass for ever, so that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

filter=${1:-Hammer}
log=$(mktemp "${TMPDIR:-/tmp}/duplex-tsan.XXXXXX")
trap 'rm -f "$log"' EXIT

# One race is enough: the reports after the first are mostly its echoes. The caller's options come last and win.
export TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"

swift test --sanitize=thread --scratch-path .build-tsan --filter "$filter" 2>&1 | tee "$log"

# Swift Testing closes with "Test run with N tests", XCTest with "Executed N tests".
if ! grep -Eq '(Test run with|Executed) [1-9][0-9]* test' "$log"; then
    echo "test-tsan: no test matches \"$filter\", so the thread sanitizer saw nothing" >&2
    exit 1
fi
