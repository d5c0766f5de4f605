#!/usr/bin/env bash
# Makes the environment that the Autobahn TestSuite runs in, from PyPI, if it is not there yet.
#
#   Conformance/setup.sh [FOLDER]     default: .build-tools/autobahn
#
# The suite is Python 2, which most systems no longer have. PYTHON2 names one that is neither on PATH nor
# pyenv's.
# Status 3: there is none; 1: anything else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly environment=${1:-.build-tools/autobahn}
readonly recipe=Conformance/setup.sh

# Written last, so that an environment that was interrupted, or made by another recipe, counts as none.
readonly stamp=$environment/made-by
if cmp -s "$recipe" "$stamp" && "$environment/bin/python" -c '' 2>/dev/null; then exit 0; fi

# The one on PATH may be a version manager's shim that leads nowhere: only running it tells.
find_python2() {
    local candidate
    for candidate in "${PYTHON2:-python2.7}" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' >/dev/null 2>&1; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

python2=$(find_python2) || {
    echo "conformance: the Autobahn TestSuite needs a CPython 2.7, and there is none on PATH or under pyenv." >&2
    echo "conformance: \`pyenv install 2.7.18\` makes one; PYTHON2=/path/to/python2.7 names one elsewhere." >&2
    exit 3
}

log=$(mktemp "${TMPDIR:-/tmp}/duplex-autobahn.XXXXXX")
boot=$(mktemp -d "${TMPDIR:-/tmp}/duplex-virtualenv.XXXXXX")
trap 'rm -rf "$boot"' EXIT

run() {
    "$@" >>"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        echo "conformance: cannot make $environment (the end of the output is above, all of it in $log)." >&2
        echo "conformance: if the package index was not reached, check the network, the proxy or pip's" \
            "configuration and run this again." >&2
        exit 1
    }
}

install() {
    run "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

# Each the last version that still runs on Python 2.7, or the one that the suite itself asks for.
rm -rf "$environment"
mkdir -p "${environment%/*}"
run "$python2" -m pip install --quiet --disable-pip-version-check --target "$boot" virtualenv==20.15.1
run env PYTHONPATH="$boot" "$python2" -m virtualenv --quiet --no-download "$environment"
install pip==20.3.4 setuptools==44.0.0 wheel==0.36.2
# What Twisted's own installation imports, and the last wheels that bring their own OpenSSL.
install incremental==16.10.1 pyOpenSSL==19.1.0 cryptography==3.3.2
install --no-build-isolation Twisted==19.10.0 zope.interface==4.6.0 txaio==2.1.0 six==1.16.0 \
    service_identity==18.1.0 Jinja2==2.11.3 MarkupSafe==1.1.1 Werkzeug==1.0.1 klein==17.10.0 unittest2==1.1.0
install --no-build-isolation 'autobahn[twisted,accelerate]==0.10.9'
install --no-build-isolation --no-deps autobahntestsuite==25.10.1

cp "$recipe" "$stamp"
rm -f "$log"
echo "conformance: installed the Autobahn TestSuite in $environment"
