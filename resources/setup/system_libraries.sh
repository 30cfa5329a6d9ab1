#!/bin/sh
# Sees to the libraries of the system that Qt needs: system_libraries.sh PYTHON
# With a display a lack is an error, for no window can open; without one the race in the terminal still works.
set -eu
here=$(dirname "$0")
. "$here/apt.sh"

window=
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then window=--window; fi
missing=$("$1" -m app.system_libraries $window)
[ -z "$missing" ] && exit 0
# shellcheck disable=SC2086  # one word a package
install_packages "The window needs libraries that this system lacks." $missing || [ -z "$window" ]
