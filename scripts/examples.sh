#!/usr/bin/env bash
# Runs every example in JavaScript and in Swift against a server of its own, shows what they print, and fails where the
# two differ.
#
#   scripts/examples.sh FOLDER     FOLDER is where the products are, such as .build/debug
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly products=$1

folder=$(mktemp -d "${TMPDIR:-/tmp}/duplex-examples.XXXXXX")
mkfifo "$folder/announcement"
"$products/duplex" serve --port 0 --subprotocol chat.v2 --subprotocol chat.v1 >"$folder/announcement" &
readonly server=$!
trap 'kill "$server"; rm -rf "$folder"' EXIT
exec 3<"$folder/announcement"
# "Duplex serves on 127.0.0.1:9001"
read -r -t 30 place <&3
readonly url=ws://${place##* }/echo

failed=0
for script in Examples/*.js; do
    name=$(basename "$script" .js)
    printf '\n%s\n' "$name"
    "$products/duplex-js" --timeout 60 "$script" "$url" >"$folder/js"
    "$products/examples" "$name" "$url" >"$folder/swift"
    sed 's/^/    /' "$folder/js"
    diff "$folder/js" "$folder/swift" || failed=1
done
exit $failed
