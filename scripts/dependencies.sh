#!/usr/bin/env bash
# Installs what a make target needs and this machine lacks: one line per thing installed, silence when
# nothing is missing.
#
#   scripts/dependencies.sh run     what the build of the server and of duplex needs
#   scripts/dependencies.sh js      also JavaScriptCore, for WebSocketScript and duplex-js
#   scripts/dependencies.sh silence also nginx
#   scripts/dependencies.sh bench   also the servers that the benchmarks measure beside Duplex; one that cannot be
#                                   had is named here and left out of the report, which says so
#   scripts/dependencies.sh test    also JavaScriptCore, and the foreign peers that the interop tests meet: two
#                                   browsers, ws for Node.js, websockets for Python, openssl, tinyproxy, microsocks, nginx
#
# On Debian and Ubuntu it uses apt-get (with sudo where needed); elsewhere it names what to install and stops.
# The one thing it never installs is Swift itself: which one, and how, is the user's choice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly swift_minimum=6.2
readonly python_minimum="3, 9"
role=${1:-}
case $role in
    run | js | silence) ;;
    test)
        readonly venv=.build-tools/python
        readonly requirements=Tests/Interop/python/requirements.txt
        readonly wanted_module=websockets.asyncio.server
        ;;
    bench)
        readonly venv=.build-bench/python
        readonly requirements=Benchmarks/peers/requirements.txt
        readonly wanted_module=picows
        ;;
    *)
        echo "usage: scripts/dependencies.sh run|js|silence|bench|test" >&2
        exit 2
        ;;
esac

fail() {
    printf 'dependencies: %s\n' "$@" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

is_debian() {
    have apt-get && [[ -e /etc/debian_version ]]
}

is_ubuntu() {
    grep -qsi '^ID=ubuntu' /etc/os-release
}

# Swift comes first: without it nothing below is worth installing.
check_swift() {
    local line version major minor
    if ! have swift; then
        fail "Swift is not installed (or not on PATH)." \
            "Duplex needs Swift $swift_minimum or newer; https://www.swift.org/install says how to get it."
    fi
    line=$(swift --version 2>/dev/null) ||
        fail "\`swift --version\` fails, so the toolchain at $(command -v swift) is broken." \
            "https://www.swift.org/install says how to install it anew."
    # "Swift version 6.3.1 (swift-6.3.1-RELEASE)", with Apple's or a vendor's words around it.
    [[ $line =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || fail "cannot read a version in \"$line\"."
    major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
    version=$major.$minor
    if ((major < ${swift_minimum%.*} || (major == ${swift_minimum%.*} && minor < ${swift_minimum#*.}))); then
        fail "Swift $version is too old: Duplex needs $swift_minimum or newer." \
            "https://www.swift.org/install says how to get it; $(command -v swift) is the one found."
    fi
}

# Missing things, by the name a person knows and by the name of Debian's package. Both lists grow together.
missing=()
packages=()
need() {
    missing+=("$1")
    packages+=("$2")
}

# The C and C++ headers that the compiler needs to build SwiftNIO and BoringSSL, and zlib's. Where they lie is known of
# Debian only; elsewhere the compiler itself will say what it misses.
find_headers() {
    is_debian || return 0
    local -a cxx=(/usr/include/c++/*/string)
    [[ -e /usr/include/stdlib.h ]] || need "C headers" libc6-dev
    # g++ is the package whose name stays the same while libstdc++-N-dev counts up.
    [[ -e ${cxx[0]} ]] || need "C++ headers" g++
    [[ -e /usr/include/zlib.h ]] || need "zlib's headers" zlib1g-dev
}

# For duplex-js: JavaScriptCore as WebKitGTK's library has it, found by way of pkg-config.
find_javascript() {
    is_debian || return 0
    [[ -e /usr/include/webkitgtk-4.1/JavaScriptCore/JavaScript.h ]] ||
        need "JavaScriptCore's headers" libjavascriptcoregtk-4.1-dev
    have pkg-config || need pkg-config pkg-config
}

# On Ubuntu the packages `chromium-browser` and `firefox` are scripts that only ask for the snap: no browsers.
is_snap_shim() {
    [[ $(head -c 2 "$1") == '#!' ]] && grep -q 'snap install' "$1"
}

# As with Chromium, so with Firefox: Ubuntu's package is a script that asks for the snap.
find_firefox() {
    local name path
    if [[ -n ${FIREFOX:-} ]]; then
        have "$FIREFOX" || fail "FIREFOX is set to \"$FIREFOX\", which cannot be run."
        return 0
    fi
    for name in firefox-esr firefox /Applications/Firefox.app/Contents/MacOS/firefox; do
        path=$(command -v "$name" 2>/dev/null) || continue
        is_snap_shim "$path" || return 0
    done
    return 1
}

find_browser() {
    local name path
    if [[ -n ${CHROMIUM:-} ]]; then
        have "$CHROMIUM" || fail "CHROMIUM is set to \"$CHROMIUM\", which cannot be run."
        return 0
    fi
    for name in chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        path=$(command -v "$name" 2>/dev/null) || continue
        is_snap_shim "$path" || return 0
    done
    return 1
}

# Debian's package puts ws where its own Node.js looks; NODE_PATH serves every other installation.
find_ws() {
    local folder
    local -a folders
    IFS=: read -ra folders <<<"${NODE_PATH:-}:/usr/share/nodejs"
    for folder in "${folders[@]}"; do
        [[ -z $folder || ! -e $folder/ws/package.json ]] || return 0
    done
    return 1
}

# Debian keeps it where only root's PATH leads.
find_nginx() {
    have nginx || [[ -x /usr/sbin/nginx || -x /usr/local/sbin/nginx ]]
}

# Debian's package starts a web server for all the world, and at every boot. Nobody has asked for one.
stop_nginx() {
    [[ -d /run/systemd/system ]] || return 0
    "${privileged[@]}" systemctl disable --quiet --now nginx.service ||
        echo "dependencies: nginx came with a service that could not be stopped: systemctl disable --now nginx" >&2
}

# A Python that can make a virtual environment. The one first on PATH may come from a version manager, or be
# Debian's without ensurepip; the system's is tried after it.
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < ($python_minimum))" \
            >/dev/null 2>&1; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# The version is read from the environment's own Python, so a copied, moved or half-deleted one counts as none.
# `pip check` would be more thorough and takes a second; this takes a tenth.
venv_is_ready() {
    [[ -x $venv/bin/python ]] && "$venv/bin/python" - "$requirements" "$wanted_module" >/dev/null 2>&1 <<'PYTHON'
import sys
from importlib import import_module
from importlib.metadata import version

import_module(sys.argv[2])
for line in open(sys.argv[1]):
    name, pinned, wanted = line.split("#")[0].strip().partition("==")
    if pinned and version(name) != wanted:
        sys.exit(1)
PYTHON
}

install_packages() {
    local log name index
    local -a privileged=(env DEBIAN_FRONTEND=noninteractive)
    ((${#packages[@]} > 0)) || return 0

    if ! is_debian; then
        fail "this machine lacks, for \`make $role\`:" "${missing[@]/#/  }" \
            "Install them with your system's package manager and run it again." \
            "(\`swift test\` by itself skips the tests whose tools are missing.)"
    fi
    if ((EUID != 0)); then
        have sudo || fail "not root, and there is no sudo. As root, run:" \
            "  apt-get update && apt-get install ${packages[*]}"
        privileged=(sudo "${privileged[@]}")
    fi

    # apt-get's pages of output matter only if it fails. Another apt-get may be running: wait for its lock.
    log=$(mktemp "${TMPDIR:-/tmp}/duplex-apt.XXXXXX")
    # A list that cannot be refreshed is not yet a failure: the old one may do.
    [[ -n ${refreshed:-} ]] ||
        "${privileged[@]}" apt-get -q -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 || true
    if ! "${privileged[@]}" apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
        "${packages[@]}" >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "apt-get could not install: ${packages[*]} (the end of its output is above, all of it in $log)." \
            "If it could not reach a mirror, check the network or the proxy and run this again." \
            "If it knows no such package, install what it stands for by other means."
    fi
    rm -f "$log"
    [[ " ${packages[*]} " != *" nginx-light "* ]] || stop_nginx
    for index in "${!packages[@]}"; do
        name=${missing[index]}
        echo "dependencies: installed $name (package ${packages[index]})"
    done
}

make_venv() {
    local python log
    python=$(find_python) ||
        fail "no Python of at least ${python_minimum/, /.} with venv and ensurepip, even after installing." \
            "Put one first on PATH (https://www.python.org/downloads) and run this again."
    rm -rf "$venv"
    mkdir -p "${venv%/*}"
    log=$(mktemp "${TMPDIR:-/tmp}/duplex-pip.XXXXXX")
    if ! "$python" -m venv "$venv" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "$python could not make a virtual environment at $venv (its output is above)."
    fi
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --requirement "$requirements" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -rf "$venv"
        fail "pip could not install what $requirements names (the end of its output is above, all of it in $log)." \
            "If it could not reach the package index, check the network, the proxy or pip's configuration" \
            "(\`$python -m pip config list\`) and run this again."
    fi
    rm -f "$log"
    echo "dependencies: installed $(grep -v '^#' "$requirements" | tr '\n' ' ')in $venv"
}

# One at a time, and each in a shell of its own: one peer that this system does not offer is no reason to measure
# none.
install_peers() {
    local index refreshed=""
    local -a names=("${missing[@]}") wanted=("${packages[@]}")
    for index in "${!names[@]}"; do
        missing=("${names[index]}")
        packages=("${wanted[index]}")
        (install_packages) || echo "dependencies: the benchmarks go without ${names[index]}" >&2
        refreshed=yes
    done
    venv_is_ready || (make_venv) || echo "dependencies: the benchmarks go without picows" >&2
}

find_peers() {
    have cc && have c++ || need "C and C++ compilers" g++
    [[ -e /usr/include/boost/beast.hpp ]] || need Boost.Beast libboost-dev
    [[ -e /usr/include/libwebsockets.h ]] || need libwebsockets libwebsockets-dev
    have go || need Go golang-go
    [[ -e /usr/share/gocode/src/github.com/gorilla/websocket ]] ||
        need gorilla/websocket golang-github-gorilla-websocket-dev
    have node || need Node.js nodejs
    find_ws || need "ws for Node.js (where NODE_PATH leads)" node-ws
    find_python >/dev/null || need "Python ${python_minimum/, /.} or newer, with venv" python3-venv
}

check_swift
find_headers
have git || need git git
[[ $role != test && $role != js ]] || find_javascript

if [[ $role == test ]]; then
    if ! find_browser; then
        if is_ubuntu; then
            fail "no Chromium. Ubuntu's package of that name only fetches a snap, which containers cannot run." \
                "Install Google Chrome (https://www.google.com/chrome), or any Chromium, and, if it is not on" \
                "PATH as chromium, chromium-browser or google-chrome, set CHROMIUM to its path."
        fi
        need "Chromium or Google Chrome" chromium
    fi
    if ! find_firefox; then
        if is_ubuntu; then
            fail "no Firefox. Ubuntu's package of that name only fetches a snap, which containers cannot run." \
                "Install Mozilla's own (https://support.mozilla.org/kb/install-firefox-linux), and, if it is not on" \
                "PATH as firefox, set FIREFOX to its path."
        fi
        need Firefox firefox-esr
    fi
    have node || need "Node.js" nodejs
    find_ws || need "ws for Node.js (where NODE_PATH leads)" node-ws
    have openssl || need openssl openssl
    # Without the service that the package `tinyproxy` would start.
    have tinyproxy || need tinyproxy tinyproxy-bin
    have microsocks || need microsocks microsocks
    find_nginx || need nginx nginx-light
    venv_is_ready || find_python >/dev/null ||
        need "Python ${python_minimum/, /.} or newer, with venv" python3-venv
fi

[[ $role != silence ]] || find_nginx || need nginx nginx-light

install_packages

if [[ $role == test ]]; then
    venv_is_ready || make_venv
elif [[ $role == bench && $(uname) == Linux ]]; then
    missing=()
    packages=()
    find_peers
    install_peers
fi
