#!/usr/bin/env bash
# Line coverage of Sources/WebSocketProtocol by its own tests alone: per file, with the lines never reached,
# and in all. Coverage lent by the transport's or the server's tests would hide what the core does not test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=.build-coverage
subject=Sources/WebSocketProtocol
filter=WebSocketProtocolTests

fail() {
    echo "coverage: $*" >&2
    exit 1
}

# The profile's format belongs to the compiler that wrote it, so its own llvm-cov is preferred to any other.
find_llvm_cov() {
    local folder
    folder=$(dirname "$(readlink -f "$(command -v swift)")")
    if [[ -x $folder/llvm-cov ]]; then
        echo "$folder/llvm-cov"
        return
    fi
    # A version manager's `swift` is a shim that lives elsewhere; the compiler knows its own folder.
    folder=$(swift -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')
    if [[ -n $folder && -x $folder/llvm-cov ]]; then
        echo "$folder/llvm-cov"
        return
    fi
    command -v llvm-cov || xcrun --find llvm-cov 2>/dev/null
}

llvm_cov=$(find_llvm_cov) || fail "llvm-cov not found beside swift nor on PATH"

swift test --enable-code-coverage --scratch-path "$scratch" --filter "$filter"

products=$(swift build --show-bin-path --scratch-path "$scratch")
profile=$products/codecov/default.profdata
[[ -f $profile ]] || fail "no profile at $profile"

bundle=("$products"/*PackageTests.xctest)
binary=${bundle[0]}
# A file on Linux, a bundle on macOS.
[[ ! -d $binary ]] || binary=$binary/Contents/MacOS/$(basename "$binary" .xctest)
[[ -f $binary ]] || fail "no test binary in $products"

echo
echo "Line coverage of $subject by $filter"
"$llvm_cov" export -format=lcov -instr-profile "$profile" "$binary" "$PWD/$subject" |
    awk -v root="$PWD/$subject/" '
        # Consecutive lines without code between them still read best as one range.
        function note(line) {
            if (line == last + 1) { last = line; return }
            flush()
            first = last = line
        }
        function flush() {
            if (first) missed = missed (missed == "" ? "" : ", ") (first == last ? first : first "-" last)
            first = last = 0
        }
        /^SF:/ {
            file = substr($0, 4)
            sub("^" root, "", file)
            hit = lines = 0; missed = ""; first = last = 0
        }
        /^DA:/ {
            split(substr($0, 4), field, ",")
            lines++
            if (field[2] + 0 > 0) hit++; else note(field[1] + 0)
        }
        /^end_of_record/ {
            flush()
            all += lines; all_hit += hit; files++
            if (lines) printf "%6.2f%%  %5d/%-5d  %s%s\n", 100 * hit / lines, hit, lines, file, \
                (missed == "" ? "" : "  not reached: " missed) | "sort -b -k3"
        }
        END {
            close("sort -b -k3")
            if (!files) { print "coverage: no file was measured" > "/dev/stderr"; exit 1 }
            printf "%6.2f%%  %5d/%-5d  in all, %d files\n", 100 * all_hit / all, all_hit, all, files
        }'
