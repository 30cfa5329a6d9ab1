# Sourced by the other scripts: installs packages where that is allowed, else prints the one exact command.

install_packages() { # WHY PACKAGE...
    why=$1
    shift
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "$why On Debian and Ubuntu that is: $*. Install what your system calls them, then try again." >&2
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "$why Please run this one command, then try again:" >&2
        echo "    sudo apt-get install -y $*" >&2
        return 1
    fi
    echo "$why Installing: $*"
    log=$(mktemp)
    # a fresh machine or container has no package lists yet: fetch them when the first try fails
    if apt_install "$@" >"$log" 2>&1 || { $as_root apt-get update -q && apt_install "$@"; } >>"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    echo "$why They could not be installed (see above). Please run: sudo apt-get install -y $*" >&2
    return 1
}

apt_install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}
