#!/usr/bin/env bash
# Makes the environment that the servers of web-platform-tests run in, from PyPI, if it is not there yet.
#
#   Conformance/wpt/setup.sh [FOLDER]     default: .build-tools/wpt
#
# PYTHON names a Python other than the python3 on PATH; 3.11 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly environment=${1:-.build-tools/wpt}
readonly recipe=Conformance/wpt/requirements.txt
readonly python=${PYTHON:-python3}

# Written last, so that an environment that was interrupted, or made from another list, counts as none.
readonly stamp=$environment/made-from
if cmp -s "$recipe" "$stamp" && "$environment/bin/python" -c '' 2>/dev/null; then exit 0; fi

fail() {
    echo "wpt: $*" >&2
    exit 1
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "web-platform-tests need a Python 3.11 or newer, and $python is none; PYTHON names another."

rm -rf "$environment"
mkdir -p "${environment%/*}"
"$python" -m venv "$environment" || fail "cannot make $environment; Debian has venv in the package python3-venv."
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$recipe" ||
    fail "cannot install $recipe; if the package index was not reached, check the network and pip's configuration."
cp "$recipe" "$stamp"
