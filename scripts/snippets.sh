#!/usr/bin/env bash
# Has the Swift in the DocC catalogues compiled: puts each block into a function of the module's test target.
#
#   scripts/snippets.sh            writes Tests/*Tests/DocumentationSnippets.swift
#   scripts/snippets.sh --check    says what is not as it would be written, and fails
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What a block may use without making it.
# - $1: the module.
parameters() {
    case $1 in
        WebSockets) echo '_ socket: WebSocket, _ stream: WebSocketStream, _ url: String' ;;
        WebSocketScript) echo '_ host: ScriptHost' ;;
    esac
}

# - $1: the module; further: the pages of its catalogue.
snippets() {
    local module=$1
    shift
    printf '%s\n' '// swift-format-ignore-file' '// Written by scripts/snippets.sh from the DocC catalogue.' ''
    # Members of what the module hands out need the imports of where they come from.
    { grep -hE '^import [A-Za-z]+$' "$@" || true; printf 'import %s\n' WebSocketTransport "$module"; } |
        LC_ALL=C sort -u
    awk -v parameters="$(parameters "$module")" '
        FNR == 1 {
            page = FILENAME
            gsub(/^.*\/|\.md$/, "", page)
            number = 0
        }
        /^```swift$/ {
            number += 1
            printf "\n@MainActor private func %s%d(%s) async throws {\n", page, number, parameters
            isSwift = 1
            next
        }
        isSwift && /^```$/ {
            print "}"
            isSwift = 0
            next
        }
        isSwift && !/^import / { print ($0 == "" ? "" : "    " $0) }
    ' "$@"
}

status=0
for module in WebSockets WebSocketScript; do
    file=Tests/${module}Tests/DocumentationSnippets.swift
    text=$(LC_ALL=C; snippets "$module" "Sources/$module/$module.docc"/*.md)
    if [[ ${1:-} == --check ]]; then
        diff -u "$file" - <<<"$text" >&2 || {
            echo "snippets: $file is not what the catalogue says; run scripts/snippets.sh" >&2
            status=1
        }
    else
        printf '%s\n' "$text" >"$file"
    fi
done
exit $status
