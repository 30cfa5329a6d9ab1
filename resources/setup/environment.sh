#!/bin/sh
# Makes the environment of SchedRace from the lock file: environment.sh VENV [PYTHON]
set -eu
here=$(dirname "$0")
. "$here/apt.sh"
venv=$1

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=
for candidate in ${2:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "SchedRace needs Python 3.11 or newer, and there is none here ($(python3 --version 2>&1 || true))." >&2
    echo "Install one (Debian 12 and Ubuntu 24.04 have it: sudo apt-get install -y python3), or name it:" >&2
    echo "    make run PYTHON=/path/to/python3.12" >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install_packages "Python lacks the part that makes environments." "python$version-venv" || exit 1
fi
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    echo "Making the environment $venv ..."
    "$python" -m venv --clear "$venv"
fi
echo "Installing the libraries of the lock file (the first time about 1 GB on the disk; a minute or two) ..."
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
pip install --require-hashes -r requirements.lock
pip install --no-deps --no-build-isolation -e .
