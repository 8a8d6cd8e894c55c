# Makes or reuses .venv beside this repository and installs crmd into it. Sourced by deploy/demo and tests/run:
#   prepare_environment [EXTRA]     afterwards $PYTHON is the interpreter to use
# shellcheck shell=bash

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ENVIRONMENT=${CRMD_VENV:-$REPOSITORY/.venv}
PYTHON=$ENVIRONMENT/bin/python

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# The newest Python that will do.
find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "crmd needs Python 3.11 or newer, and there is none in PATH." \
        "Debian and Ubuntu: apt install python3 python3-venv   Fedora: dnf install python3"
}

# Nothing is removed but an environment that these scripts have made, whose Python is gone (an upgrade, say).
remove_broken_environment() {
    [ -e "$ENVIRONMENT" ] || return 0
    rmdir "$ENVIRONMENT" 2>/dev/null && return
    [ -f "$ENVIRONMENT/pyvenv.cfg" ] && [ -f "$ENVIRONMENT/crmd-environment" ] && rm -rf "$ENVIRONMENT" && return
    fail "$ENVIRONMENT is there, and is no Python environment that works; nothing in it was touched." \
        "Remove it if nobody needs it, or have CRMD_VENV name another folder."
}

# Distributions ship Python without the parts that make environments; take what there is.
make_environment() {
    local base=$1
    echo "Making a Python environment in $ENVIRONMENT (only once) …"
    remove_broken_environment
    if "$base" -m venv "$ENVIRONMENT" >/dev/null 2>&1; then return; fi
    rm -rf "$ENVIRONMENT" # half made, by the line before
    if "$base" -m virtualenv --quiet "$ENVIRONMENT" 2>/dev/null; then return; fi
    if "$base" -m pip --version >/dev/null 2>&1 && "$base" -m venv --without-pip "$ENVIRONMENT" 2>/dev/null; then
        "$base" -m pip --quiet --python "$PYTHON" install pip 2>/dev/null && return
    fi
    rm -rf "$ENVIRONMENT"
    fail "$base can make no environment: neither venv, nor virtualenv, nor pip works." \
        "Debian and Ubuntu: apt install python3-venv   else: $base -m ensurepip"
}

# What the installation depends on; when it changes, install again.
fingerprint() {
    "$PYTHON" - "$REPOSITORY" "$1" <<'END'
import hashlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
files = b"".join((root / name).read_bytes() for name in ("pyproject.toml", "requirements.lock"))
print(hashlib.sha256(files + str(root).encode() + sys.argv[2].encode()).hexdigest())
END
}

# pip, saying what it fetches; $LOG has all that it says. A NAME for the log, then pip's arguments.
pip_install() {
    LOG=$ENVIRONMENT/crmd-$1.log
    shift
    "$PYTHON" -m pip install --disable-pip-version-check "$@" 2>&1 | tee "$LOG" |
        sed -un 's/^Collecting \([^ ]*\).*/  \1/p'
    [ "${PIPESTATUS[0]}" = 0 ] || { tail -n 5 "$LOG" >&2 && return 1; }
}

# The very files that crmd was tried with. Whatever the index, nothing else is taken in their place; but where some
# cannot be had at all (a mirror, a newer Python), trying crmd goes on within the ranges of pyproject.toml. Machines that
# matter are installed as deploy/README.md says, where that ends the installation.
install_pinned() {
    pip_install pinned --require-hashes --requirement "$REPOSITORY/requirements.lock" && return
    ! grep -q "DO NOT MATCH THE HASHES" "$LOG" ||
        fail "The package index hands out other files than the ones that requirements.lock names; see $LOG." \
            "Somebody may have replaced them. Nothing was installed; use another index (pip config list shows yours)."
    echo "Not all pinned releases can be had here (see $LOG): others within the ranges of pyproject.toml are taken."
}

prepare_environment() {
    local extra=${1:-} base wanted target=$REPOSITORY
    [ -x "$PYTHON" ] && "$PYTHON" -c '' 2>/dev/null || {
        base=$(find_python) || exit 1
        make_environment "$base"
        touch "$ENVIRONMENT/crmd-environment"
    }
    wanted=$(fingerprint "$extra")
    [ -n "$extra" ] && target="$REPOSITORY[$extra]"
    # An environment for the tests has all that the demo needs.
    if grep -qsxF "$wanted" "$ENVIRONMENT/crmd-installed" ||
        { [ -z "$extra" ] && grep -qsxF "$(fingerprint test)" "$ENVIRONMENT/crmd-installed"; }; then
        return
    fi
    echo "Installing crmd and what it needs …"
    install_pinned
    # With the build tools that are pinned, too, if those were had.
    local isolation=--no-build-isolation
    "$PYTHON" -c 'import hatchling, editables' 2>/dev/null || isolation=--use-pep517
    pip_install install $isolation --editable "$target" ||
        fail "The installation failed; all of it stands in $LOG." "Is there a connection to a Python package index?"
    echo "$wanted" >>"$ENVIRONMENT/crmd-installed"
}
