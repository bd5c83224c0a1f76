#!/bin/bash
# setup.sh VENV LOCK: the Python environment of this checkout, exactly as locked; needs Python and its venv module only.
set -euo pipefail

venv=$1 lock=$2 python=${PYTHON:-python3} uv=uv==0.13.9

fail() {
    echo "error: $1" >&2
    exit 2
}

command -v "$python" >/dev/null || fail "no $python found; on Debian: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
    fail "$("$python" --version) found, Python 3.11 to 3.13 needed; choose one with PYTHON=…"
"$python" -c 'import ensurepip' 2>/dev/null || fail "Python's venv module is missing; on Debian: apt-get install python3-venv"

"$python" -m venv "$venv"
if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$uv" 2>/dev/null; then
    # compiled now, as pip does, and not at the start of every process where that cannot or may not write bytecode
    install=("$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python")
else
    echo "$uv cannot be had here; pip does the same, slower"
    install=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
fi
"${install[@]}" --require-hashes -r "$lock"
"${install[@]}" --no-deps --no-build-isolation --editable .
echo "cgpipe is installed in $venv"
