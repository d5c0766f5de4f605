#!/usr/bin/env bash
# Builds a DocC archive per library into .build-docs/, with the toolchain's own tools and no plugin, so that
# the package does not depend on one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

libraries=(WebSocketProtocol WebSocketTransport WebSocketServer WebSockets)
left_out=
# Where JavaScriptCore is no part of the system, the module that needs it is documented if it can be compiled.
if [[ $(uname) == Darwin ]] || pkg-config --exists javascriptcoregtk-4.1 2>/dev/null; then
    libraries+=(WebSocketScript)
else
    left_out=WebSocketScript
fi
output=.build-docs
graphs=$PWD/$output/symbol-graphs

fail() {
    echo "docs: $*" >&2
    exit 1
}

find_docc() {
    local folder
    folder=$(dirname "$(readlink -f "$(command -v swift)")")
    if [[ -x $folder/docc ]]; then
        echo "$folder/docc"
        return
    fi
    command -v docc || xcrun --find docc 2>/dev/null
}

docc=$(find_docc) ||
    fail "docc not found beside swift nor on PATH; toolchains from https://www.swift.org/install contain it"

# The compiler writes a symbol graph only for a module that it really compiles, so graphs and build products
# live and die together.
rm -rf "$output"
mkdir -p "$graphs"

for library in "${libraries[@]}"; do
    swift build --scratch-path "$output/build" --target "$library" \
        -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs" \
        -Xswiftc -symbol-graph-minimum-access-level -Xswiftc public
done

for library in "${libraries[@]}"; do
    # The build also describes every dependency; only the library and its extensions of others
    # (Library@Other.symbols.json) belong into its archive.
    own=$output/graphs-$library
    mkdir -p "$own"
    cp "$graphs/$library.symbols.json" "$own/" || fail "the build wrote no symbol graph for $library"
    for extension in "$graphs/$library@"*.symbols.json; do
        [[ ! -e $extension ]] || cp "$extension" "$own/"
    done

    catalog=()
    [[ ! -d Sources/$library/$library.docc ]] || catalog=("Sources/$library/$library.docc")

    # The guard keeps bash 4.3 and older, where an empty array counts as unset, from failing under `set -u`.
    "$docc" convert ${catalog[@]+"${catalog[@]}"} \
        --additional-symbol-graph-dir "$own" \
        --fallback-display-name "$library" \
        --fallback-bundle-identifier "$library" \
        --output-path "$output/$library.doccarchive"
    rm -rf "$own"
done

rm -rf "$graphs" "$output/build"
echo "docs: written"
for library in "${libraries[@]}"; do
    echo "  $output/$library.doccarchive"
done
[[ -z $left_out ]] || echo "without $left_out: JavaScriptCore's headers (libjavascriptcoregtk-4.1-dev) are not installed"
echo "read one with: docc preview, or serve it with: docc process-archive transform-for-static-hosting"
