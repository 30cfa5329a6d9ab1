#!/bin/sh
# Makes the environment of the simulators that SchedRace is measured against: peers.sh PYTHON VENV
# They have one of their own because they bring fifty libraries that SchedRace does not need. Its lock file comes from
#     printf 'accasim==1.1.3\nanrg-saga==2.0.2\npandas==3.1.1\n' | uv pip compile - --universal --python-version 3.11 \
#         --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o peers.lock
set -eu
python=$1
venv=$2
lock=$(dirname "$0")/peers.lock

echo "Installing AccaSim and SAGA into $venv (the first time about 800 MB on the disk; a minute or two) ..."
if "$python" -m venv --clear "$venv" &&
    "$venv/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r "$lock"; then
    exit 0
fi
rm -rf "$venv"
echo "AccaSim and SAGA could not be installed (see above): the benchmarks against them will be skipped." >&2
exit 1
