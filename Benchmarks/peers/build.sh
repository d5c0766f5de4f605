#!/usr/bin/env bash
# Builds the servers that Duplex is measured beside.
#
#   Benchmarks/peers/build.sh DIRECTORY
#
# Prints a line for each that is there: its name, its command with {port} where the port goes, and its version,
# with tabs between. For one that is not, the command is empty and the reason follows.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if (($# != 1)); then
    echo "usage: Benchmarks/peers/build.sh DIRECTORY" >&2
    exit 2
fi
mkdir -p "$OLDPWD/$1" 2>/dev/null || mkdir -p "$1"
out=$(cd "$OLDPWD" && cd "$1" && pwd)
readonly out
readonly flags=(-O3 -march=native -DNDEBUG)

offer() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }
lacks() { offer "$1" "" "$2"; }
debian_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }

# name, source, how it is compiled
compiled() {
    local name=$1 source=$2
    shift 2
    [[ $out/$name -nt $source ]] && return
    "$@" -o "$out/$name" "$source" "${libraries[@]}" 2>"$out/$name.log" || {
        lacks "$name" "it does not compile; $name.log, beside what is built, says why"
        return 1
    }
}

libraries=()
compiled raw-echo raw-echo.c cc "${flags[@]}" && offer raw-echo "$out/raw-echo {port}" "$(cc -dumpversion)"

libraries=(-lpthread -lz)
if [[ ! -e /usr/include/boost/beast.hpp ]]; then
    lacks beast "Boost's headers are not installed"
elif compiled beast beast.cpp c++ -std=c++17 "${flags[@]}"; then
    offer beast "$out/beast {port}" "Boost $(debian_version libboost-dev)"
fi

libraries=(-lwebsockets)
if [[ ! -e /usr/include/libwebsockets.h ]]; then
    lacks libwebsockets "its headers are not installed"
elif compiled libwebsockets libwebsockets.c cc "${flags[@]}"; then
    offer libwebsockets "$out/libwebsockets {port}" "$(debian_version libwebsockets-dev)"
fi

# From Debian's sources, so that nothing is downloaded.
go_build() { GO111MODULE=off GOFLAGS= GOPATH=/usr/share/gocode GOCACHE=$out/go-cache go build "$@"; }
libraries=()
if ! command -v go >/dev/null; then
    lacks gorilla "Go is not installed"
elif [[ ! -d /usr/share/gocode/src/github.com/gorilla/websocket ]]; then
    lacks gorilla "its package is not installed"
elif compiled gorilla gorilla.go go_build; then
    offer gorilla "$out/gorilla {port}" "$(debian_version golang-github-gorilla-websocket-dev), $(go env GOVERSION)"
fi

ws=$(NODE_PATH=${NODE_PATH:-}:/usr/share/nodejs:/usr/lib/nodejs node -p 'require("ws/package.json").version' 2>/dev/null)
if [[ -n $ws ]]; then
    offer ws "env NODE_PATH=/usr/share/nodejs:/usr/lib/nodejs node $PWD/ws.js {port}" "$ws, Node.js $(node --version)"
else
    lacks ws "Node.js or its package ws is not installed"
fi

python=$out/../python/bin/python
if "$python" -c 'import picows, uvloop' 2>/dev/null; then
    version=$("$python" -c 'from importlib.metadata import version as v; print(v("picows"), "on uvloop", v("uvloop"))')
    offer picows "$python $PWD/picows_echo.py {port}" "$version"
else
    lacks picows "it is not in .build-bench/python, where scripts/dependencies.sh bench puts it"
fi
